"""AgentCore Code Interpreter's own names and numbers: ids, limits, states, tools. Sources: docs/service.md."""

from __future__ import annotations

MANAGED_INTERPRETER = "aws.codeinterpreter.v1"
"""The id of AWS's own interpreter, which every account has."""
# Patterns of botocore's model of bedrock-agentcore-control.
INTERPRETER_NAME = r"[a-zA-Z][a-zA-Z0-9_]{0,47}"
INTERPRETER_ID = rf"(?:aws\.codeinterpreter\.v1|{INTERPRETER_NAME}-[a-zA-Z0-9]{{10}})"
INTERPRETER_ARN = (
    r"arn:[a-z-]+:bedrock-agentcore:(?P<region>[a-z0-9-]+):(?:[0-9]{12}|aws)"
    rf":code-interpreter(?:-custom)?/{INTERPRETER_ID}"
)

# Of interpreters and sessions.
READY = "READY"
TERMINATED = "TERMINATED"

MAX_LIFETIME = 28_800
"""Seconds that a session may live."""
DEFAULT_LIFETIME = 900
MAX_INVOKE = 900
"""Seconds that one synchronous invoke may take."""
MAX_STRING = 100_000_000
"""Bytes of a string in a request, such as code."""
MAX_COMMAND = 128 * 1024 - 1
"""Bytes of a shell command: a longer one hangs the service."""

DISK_BYTES = 10 << 30
"""What a session has for its files."""

EXECUTE_CODE = "executeCode"
EXECUTE_COMMAND = "executeCommand"
START_COMMAND = "startCommandExecution"
GET_TASK = "getTask"
READ_FILES = "readFiles"
WRITE_FILES = "writeFiles"
REMOVE_FILES = "removeFiles"
PTY_TOOLS = (EXECUTE_COMMAND, START_COMMAND, GET_TASK)
"""Tools whose output goes through a pseudo-terminal, which writes every newline as CR LF."""

WORK_FOLDER = "/opt/amazon/genesis1p-tools/var"
"""Where programs in a session start."""
MOUNT_FORM = "PATH=ACCESS_POINT[,FILE_SYSTEM]"
"""How the command line writes a file system of the account that a session gets."""
