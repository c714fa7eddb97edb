"""What runs inside a sandbox: the agent, the commands, the files, the language contexts.

These modules travel into the sandbox as one archive and run there under the interpreter of
`AGENTCORE_SANDBOX_LOCAL_PYTHON`: standard library only, Python 3.8 and newer, nothing of the rest of this project.
The host imports `protocol` and a few constants, so that both ends share them.
"""
