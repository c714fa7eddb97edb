"""The request shapes of the data plane.

Source: botocore 1.44's service model `bedrock-agentcore` 2024-02-28; a test compares all bounds with the installed one.
"""

from __future__ import annotations

from agentcore_sandbox.local.service.shapes import Blob, Boolean, Integer, List, Structure, Text

MAX_TEXT = 100_000_000
"""Characters of a text argument, bytes of a blob."""

_LONG = Text(maximum=MAX_TEXT)
_TRACE = {"traceId": Text(maximum=1024), "traceParent": Text(maximum=1024)}
_INTERPRETER = {"codeInterpreterIdentifier": Text()}
_SESSION = {"sessionId": Text(pattern="[0-9a-zA-Z]{1,40}")}
_TOKEN = {"clientToken": Text(33, 256, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,256}")}
_STATUS = {"status": Text(enum=("READY", "TERMINATED"))}

_SECRET_ARN = Text(pattern="arn:aws(-[a-z-]+)?:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[a-zA-Z0-9/_+=.@-]+")
_SECRET = Structure({"secretArn": _SECRET_ARN}, required=["secretArn"])
_CERTIFICATE = Structure({"location": Structure({"secretsManager": _SECRET}, union=True)}, required=["location"])

_MOUNT_PATH = Text(6, 200, "/mnt/[a-zA-Z0-9._-]+/?")
_S3 = Structure(
    {
        "accessPointArn": Text(
            0,
            256,
            "arn:aws[-a-z]*:s3files:[0-9a-z-:]+:file-system/fs-[0-9a-f]{17,40}/access-point/fsap-[0-9a-f]{17,40}",
        ),
        "mountPath": _MOUNT_PATH,
        "fileSystemArn": Text(0, 256, "arn:aws[-a-z]*:s3files:[a-z0-9-]+:[0-9]{12}:file-system/fs-[0-9a-f]{17,40}"),
    },
    required=["accessPointArn", "mountPath", "fileSystemArn"],
)
_EFS = Structure(
    {
        "accessPointArn": Text(0, 128, "arn:aws[-a-z]*:elasticfilesystem:[0-9a-z-:]+:access-point/fsap-[0-9a-f]{8,40}"),
        "mountPath": _MOUNT_PATH,
        "fileSystemArn": Text(
            0, 256, "arn:aws[-a-z]*:elasticfilesystem:[a-z0-9-]+:[0-9]{12}:file-system/fs-[0-9a-f]{8,40}"
        ),
    },
    required=["accessPointArn", "mountPath", "fileSystemArn"],
)
_FILE_SYSTEM = Structure({"s3FilesConfiguration": _S3, "efsConfiguration": _EFS}, union=True)

_INPUT_FILE = Structure({"path": _LONG, "text": _LONG, "blob": Blob(MAX_TEXT)}, required=["path"])
ARGUMENTS = Structure(
    {
        "code": _LONG,
        "language": Text(enum=("python", "javascript", "typescript")),
        "clearContext": Boolean(),
        "command": _LONG,
        "path": _LONG,
        "paths": List(_LONG),
        "content": List(_INPUT_FILE),
        "directoryPath": _LONG,
        "taskId": _LONG,
        "runtime": Text(enum=("nodejs", "deno", "python")),
    }
)
TOOLS = (
    "executeCode",
    "executeCommand",
    "readFiles",
    "listFiles",
    "removeFiles",
    "writeFiles",
    "startCommandExecution",
    "getTask",
    "stopTask",
)

START_SESSION = Structure(
    {
        **_TRACE,
        **_INTERPRETER,
        **_TOKEN,
        "name": Text(1, 100),
        "sessionTimeoutSeconds": Integer(1, 28800),
        "certificates": List(_CERTIFICATE, 1, 200),
        "filesystemConfigurations": List(_FILE_SYSTEM, 0, 10),
    },
    required=["codeInterpreterIdentifier"],
)
INVOKE = Structure(
    {**_TRACE, **_INTERPRETER, **_SESSION, "name": Text(enum=TOOLS), "arguments": ARGUMENTS},
    # The model does not require sessionId; without one there is nothing to run in. Assumed to be refused.
    required=["codeInterpreterIdentifier", "sessionId", "name"],
)
STOP_SESSION = Structure(
    {**_TRACE, **_INTERPRETER, **_SESSION, **_TOKEN}, required=["codeInterpreterIdentifier", "sessionId"]
)
GET_SESSION = Structure({**_INTERPRETER, **_SESSION}, required=["codeInterpreterIdentifier", "sessionId"])
LIST_SESSIONS = Structure(
    {
        **_INTERPRETER,
        **_STATUS,
        "maxResults": Integer(1, 100),
        "nextToken": Text(1, 2048, r"\S*"),
    },
    required=["codeInterpreterIdentifier"],
)
