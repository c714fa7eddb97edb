"""Ready IAM policies, as JSON documents on standard output."""

SUBCOMMANDS = {
    "trust": "lets AgentCore assume the execution role, for this account and region only",
    "execution": "what code in the sandbox may do",
    "caller": "what those need who run code in one interpreter",
}
