"""Run code in an Amazon Bedrock AgentCore Code Interpreter session, or in an embedded local one."""

__version__ = "0.1.0"
