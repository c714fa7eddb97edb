"""What stands between a session and the host: bubblewrap and its profile, the system call filter, the interpreter."""
