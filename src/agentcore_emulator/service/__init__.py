"""The API itself: HTTP server, signatures, validation, operations, sessions. Knows a sandbox by its interface only."""
