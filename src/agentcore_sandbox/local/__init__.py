"""The embedded service: the API of Amazon Bedrock AgentCore Code Interpreter on loopback, one sandbox a session."""
