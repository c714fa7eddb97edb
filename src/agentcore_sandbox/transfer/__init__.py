"""Files between this machine and a session, in parts that respect the service's limits.

Uploads: all files one after another are cut into parts; the guest puts them together, checks each file's SHA-256 and
only then gives them their names. Downloads: the guest cuts extents of files into parts of a few megabytes; they are
written to temporary files, checked and renamed. Whatever the sandbox says about names is checked in `local_tree`.
"""
