"""What a session uses, measured and held to its limits: processors, memory, disk, processes."""
