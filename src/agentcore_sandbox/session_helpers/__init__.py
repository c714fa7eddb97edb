"""Helpers that run inside a session. Their source goes along with each request (`workspace.source`).

They need nothing but a `python3` of at least 3.8 on the session's PATH (assumed of AWS, which documents Python 3.12):
which of tar, find and split are there is not known. So `os` and no newer syntax, as in the emulator's guest.
"""
