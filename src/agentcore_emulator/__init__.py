"""The emulator: the API of Amazon Bedrock AgentCore Code Interpreter on loopback, one sandbox a session.

What it assumes of the real service is listed in docs/behaviour.md, and in docs/service.md, "Emulator assumptions"; each
item is marked "assumed" where it is coded.
"""
