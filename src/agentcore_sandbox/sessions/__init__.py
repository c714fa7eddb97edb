"""Sessions as users name them, and their files."""
