"""The sandbox as tools for other programs: a Model Context Protocol (MCP) server over standard input and output.

By the standard library alone. The official SDK (PyPI `mcp`, 2.3) brings pydantic-core, cryptography, cffi and rpds,
which are native modules, and 30 packages of tens of megabytes: a zipapp that runs on any Python cannot carry them, and
the server could not be ready in 0.4 s. `tests/conformance` holds this one to what the SDKs understand.

`stdio` has the lines, `jsonrpc` the messages, `revisions` what differs between revisions of the specification, `server`
the calls in progress; `tools` is the table of tools, `operations` and `maps` do what they do, `session` has the
connection's client and session, `host` its files.
"""
