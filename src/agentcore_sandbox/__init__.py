"""Run code in an Amazon Bedrock AgentCore Code Interpreter session, or in a local emulator of it."""

__version__ = "0.1.0"
