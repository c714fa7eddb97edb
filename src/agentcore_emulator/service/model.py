"""The request shapes of both planes.

Source: botocore 1.44's service models `bedrock-agentcore` 2024-02-28 and `bedrock-agentcore-control` 2023-06-05; a test
compares all bounds with those installed.
"""

from __future__ import annotations

from agentcore_emulator.service.shapes import Blob, Boolean, Integer, List, Map, Shape, Structure, Text

MAX_TEXT = 100_000_000
"""Characters of a text argument, bytes of a blob."""

_LONG = Text(maximum=MAX_TEXT)
_TRACE = {"traceId": Text(maximum=1024), "traceParent": Text(maximum=1024)}
_INTERPRETER = {"codeInterpreterIdentifier": Text()}
_SESSION = {"sessionId": Text(pattern="[0-9a-zA-Z]{1,40}")}
_TOKEN = {"clientToken": Text(33, 256, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,256}")}
_PAGE: dict[str, Shape] = {"maxResults": Integer(1, 100), "nextToken": Text(1, 2048, r"\S*")}
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
_CERTIFICATES = {"certificates": List(_CERTIFICATE, 1, 200)}
_FILE_SYSTEMS = {"filesystemConfigurations": List(_FILE_SYSTEM, 0, 10)}
NOT_EMULATED = (*_CERTIFICATES, *_FILE_SYSTEMS)

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
        **_CERTIFICATES,
        **_FILE_SYSTEMS,
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
LIST_SESSIONS = Structure({**_INTERPRETER, **_STATUS, **_PAGE}, required=["codeInterpreterIdentifier"])

_NETWORK = Structure(
    {
        "networkMode": Text(enum=("PUBLIC", "SANDBOX", "VPC")),
        "vpcConfig": Structure(
            {
                "securityGroups": List(Text(pattern="sg-[0-9a-zA-Z]{8,17}"), 1, 16),
                "subnets": List(Text(pattern="subnet-[0-9a-zA-Z]{8,17}"), 1, 16),
                "requireServiceS3Endpoint": Boolean(),
            },
            required=["securityGroups", "subnets"],
        ),
    },
    required=["networkMode"],
)
_TAG_CHARACTERS = r"[a-zA-Z0-9\s._:/=+@-]*"
_ID = {
    "codeInterpreterId": Text(pattern=r"(aws\.codeinterpreter\.v1|[a-zA-Z][a-zA-Z0-9_]{0,47}-[a-zA-Z0-9]{10})"),
}
CREATE = Structure(
    {
        "name": Text(pattern="[a-zA-Z][a-zA-Z0-9_]{0,47}"),
        "description": Text(1, 4096),
        "executionRoleArn": Text(1, 2048, "arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+"),
        "networkConfiguration": _NETWORK,
        **_CERTIFICATES,
        **_FILE_SYSTEMS,
        **_TOKEN,
        "tags": Map(Text(1, 128, _TAG_CHARACTERS), Text(0, 256, _TAG_CHARACTERS), 0, 50),
    },
    required=["name", "networkConfiguration"],
)
GET = Structure(_ID, required=["codeInterpreterId"])
LIST = Structure({**_PAGE, "type": Text(enum=("SYSTEM", "CUSTOM"))})
DELETE = Structure({**_ID, **_TOKEN}, required=["codeInterpreterId"])
