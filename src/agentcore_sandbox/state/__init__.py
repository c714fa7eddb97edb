"""The state folder: what is kept on this machine from one call to the next."""
