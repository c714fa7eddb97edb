"""A loopback server with the control plane of code interpreters, which fails in chosen ways."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from support import loopback
from support.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = "123456789012"  # moto's
ARNS = "arn:aws:bedrock-agentcore:us-east-1"
CREATED = "2026-11-23T10:00:00Z"
SYSTEM = "aws.codeinterpreter.v1"
SYSTEM_ONE = {
    "codeInterpreterId": SYSTEM,
    "codeInterpreterArn": f"{ARNS}:aws:code-interpreter/{SYSTEM}",
    "status": "READY",
    "createdAt": CREATED,
}


@dataclass
class ControlServer:
    """The interpreters, and what to do wrong.

    Attributes:
        interpreters: By id, as GetCodeInterpreter answers.
        tags: Of each interpreter that was created, by its ARN.
        refusals: Operation -> errors (HTTP status, code, message) that the next calls get.
        looks: How often an interpreter is seen as CREATING.
        outcome: The status after CREATING.
        page: How many interpreters a list shows at once.
        lost: How many answers to a create are lost.
        stop: Where one operation waits.
    """

    interpreters: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    refusals: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    looks: int = 1
    outcome: str = "READY"
    delete_outcome: str = "DELETED"
    page: int = 2
    lost: int = 0
    stop: Stop = field(default_factory=Stop)
    url: str = ""

    def operations(self) -> list[str]:
        return [operation for operation, _ in self.requests]

    def create(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if any(found["name"] == body["name"] for found in self.interpreters.values()):
            # the real service answers a known token as before; this one is the worse of the two
            return 409, {"code": "ConflictException", "message": f"{body['name']} already exists"}
        interpreter_id = f"{body['name']}-{len(self.requests):010}"
        made = {
            "codeInterpreterId": interpreter_id,
            "codeInterpreterArn": f"{ARNS}:{ACCOUNT}:code-interpreter-custom/{interpreter_id}",
            "name": body["name"],
            "status": "CREATING",
            "networkConfiguration": body["networkConfiguration"],
            "createdAt": CREATED,
            "lastUpdatedAt": CREATED,
        }
        kept = ("executionRoleArn", "filesystemConfigurations", "certificates")
        self.interpreters[interpreter_id] = made | {name: body[name] for name in kept if name in body}
        self.tags[made["codeInterpreterArn"]] = dict(body.get("tags", {}))
        return 202, made

    def list_tags(self, arn: str) -> tuple[int, dict[str, Any]]:
        return 200, {"tags": self.tags[arn]}

    def tag(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.tags[body["arn"]] |= body["tags"]
        return 200, {}

    def untag(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        for key in body["keys"]:
            self.tags[body["arn"]].pop(key, None)
        return 200, {}

    def get(self, interpreter_id: str) -> tuple[int, dict[str, Any]]:
        found = {**SYSTEM_ONE, "networkConfiguration": {"networkMode": "SANDBOX"}}
        if interpreter_id != SYSTEM:
            found = self.interpreters.get(interpreter_id, {})
        if not found:
            return 404, {"code": "ResourceNotFoundException", "message": f"{interpreter_id} is not there"}
        answer = dict(found)
        self._go_on(interpreter_id, found)
        return 200, answer

    def _go_on(self, interpreter_id: str, found: dict[str, Any]) -> None:
        """What is under way has ended when it is looked at the next time."""
        if found["status"] == "CREATING" and self.looks > 1:
            self.looks -= 1
        elif found["status"] == "CREATING":
            found["status"] = self.outcome
            if self.outcome != "READY":
                found["failureReason"] = "no capacity"
        elif found["status"] == "DELETING":
            found["status"] = self.delete_outcome
            if self.delete_outcome == "DELETED":
                del self.interpreters[interpreter_id]

    def list(self, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        start = int(query.get("nextToken", ["0"])[0])
        custom = query.get("type") == ["CUSTOM"]
        found = [*([] if custom else [SYSTEM_ONE]), *self.interpreters.values()]
        summaries = [{k: v for k, v in item.items() if k != "networkConfiguration"} for item in found]
        more = {"nextToken": str(start + self.page)} if start + self.page < len(found) else {}
        return 200, {"codeInterpreterSummaries": summaries[start : start + self.page], **more}

    def delete(self, interpreter_id: str) -> tuple[int, dict[str, Any]]:
        if interpreter_id not in self.interpreters:
            return self.get(interpreter_id)
        if self.interpreters[interpreter_id]["status"] == "CREATING":  # assumed of the service
            return 409, {"code": "ConflictException", "message": f"{interpreter_id} is being created"}
        self.interpreters[interpreter_id]["status"] = "DELETING"
        return 202, dict(self.interpreters[interpreter_id])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: ControlServer

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        self._answer("create", body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self._is_for_tags:
            self._answer("tag", {"arn": self._last, **json.loads(body)})
        else:
            self._answer("list", self._query)

    def do_GET(self) -> None:
        self._answer("list_tags" if self._is_for_tags else "get", self._last)

    def do_DELETE(self) -> None:
        if self._is_for_tags:
            self._answer("untag", {"arn": self._last, "keys": self._query["tagKeys"]})
        else:
            self._answer("delete", self._last)

    @property
    def _is_for_tags(self) -> bool:
        return self.path.startswith("/tags/")

    @property
    def _last(self) -> str:
        """The last part of the path."""
        return unquote(urlsplit(self.path).path.rpartition("/")[2])

    @property
    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)

    def _answer(self, operation: str, argument: Any) -> None:
        self.state.requests.append((operation, argument if isinstance(argument, dict) else {"id": argument}))
        self.state.stop.here(operation)
        refusals = self.state.refusals.get(operation)
        if refusals:
            status, code, message = refusals.pop(0)
            self._send(status, {"code": code, "message": message})
            return
        answer = getattr(self.state, operation)(argument)
        if operation == "create" and self.state.lost:
            self.state.lost -= 1
            self.close_connection = True
        else:
            self._send(*answer)

    def _send(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if "code" in value:
            self.send_header("x-amzn-ErrorType", value["code"])
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serve() -> Iterator[ControlServer]:
    """Serve on a loopback port until the block ends."""
    state = ControlServer()
    with loopback.serving(_Handler, state=state) as state.url:
        yield state
