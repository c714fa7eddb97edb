"""Python packages for the programs of a session: resolved and fetched on this machine, installed there offline."""
