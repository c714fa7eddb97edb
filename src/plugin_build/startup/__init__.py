"""What a zipapp does before the command line: find or make its unpacked copy. Ships in every zipapp, as `_startup`."""
