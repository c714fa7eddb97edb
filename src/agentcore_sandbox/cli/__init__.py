"""The command line as such: what every command needs, whatever it does."""
