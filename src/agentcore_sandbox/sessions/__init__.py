"""Sessions as users name them, and what is kept of them on this machine."""
