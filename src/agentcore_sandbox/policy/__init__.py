"""What a call that Claude makes may touch on this machine: for the MCP server, the locked command line, the guard."""
