"""What a call may touch on this machine when it is locked, or made through the MCP server."""
