"""A service with AWS's latencies and limits in which the items of maps take the seconds that they name.

The process of `peers.paced`: prints its URL, serves until standard input ends. Its one argument is a JSON object:
`start`, `invoke` and `stop`, the latency of each in seconds; `rate`, requests a second of each operation; `sessions`,
the most; `expired`, between which two requests the credentials have expired.
Sessions are simulated: a supervisor of the same words as `session_helpers/batches.py`, whose items only take time.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
import zlib
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from agentcore_sandbox.session_helpers.batches import LONGEST_LINE, unpack
from support import event_stream

RESULT_TYPE = "application/vnd.amazon.eventstream"
CREATED = "2026-11-01T00:00:00Z"
PROGRAM_SECONDS = 0.03  # of the helper's own start in a session


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """An answer that is an error: HTTP status, code, message."""


class Bucket:
    """Refuses what comes faster than the rate, after a second's worth at once."""

    def __init__(self, rate: float) -> None:
        self._rate = self._tokens = rate
        self._at = time.monotonic()

    def take(self) -> None:
        now = time.monotonic()
        self._tokens = min(self._rate, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            raise Refused(429, "ThrottlingException", "Rate exceeded")
        self._tokens -= 1


@dataclass
class Session:
    """Items that take their time, `parallel` at a time."""

    parallel: int = 0
    started: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    seen: set[str] = field(default_factory=set)
    waiting: deque[tuple[str, dict[str, str]]] = field(default_factory=deque)
    running: int = 0
    ended: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def supervise(self, request: dict[str, Any]) -> None:
        if not self.parallel:
            self.parallel = request["parallel"]
            self.give(unpack(request["batch"]))
            asyncio.get_running_loop().call_later(PROGRAM_SECONDS, self.started.set)

    def give(self, items: list[Any]) -> None:
        self.waiting.extend((key, variables) for key, variables in items if key not in self.seen)
        self.seen.update(key for key, _ in items)
        while self.running < self.parallel and self.waiting:
            self.running += 1
            asyncio.ensure_future(self.run())  # noqa: RUF006 - it ends with its items

    async def run(self) -> None:
        while self.waiting:
            key, variables = self.waiting.popleft()
            seconds = float(variables["ITEM"])
            await asyncio.sleep(seconds)
            self.ended[key] = {
                "key": key,
                "exit": 0,
                "seconds": seconds,
                "stdout": f"{variables['ITEM']}\n",
                "stderr": "",
                "stdoutCut": 0,
                "stderrCut": 0,
            }
        self.running -= 1
        async with self.changed:
            self.changed.notify_all()

    async def exchange(self, request: dict[str, Any]) -> str | None:
        asked = unpack(request["batch"])
        await self.started.wait()
        await asyncio.sleep(PROGRAM_SECONDS)
        self.ended = {key: record for key, record in self.ended.items() if key in set(asked["open"])}
        self.give(asked["give"])
        for _ in range(min(asked["recall"], len(self.waiting))):
            key, _ = self.waiting.pop()
            self.ended[key] = {"key": key, "returned": True}
        with suppress(asyncio.TimeoutError):
            async with self.changed:
                is_enough = lambda: not self.running or len(self.ended) >= asked["enough"]  # noqa: E731 - short
                await asyncio.wait_for(self.changed.wait_for(is_enough), asked["wait"])
        records = [self.ended[key] for key in asked["open"] if key in self.ended]
        missing = [key for key in asked["open"] if key not in self.seen]
        answer = {"alive": True, "records": records, "missing": missing, "lost": [], "more": False}
        packed = zlib.compress(json.dumps({**answer, "waiting": len(self.waiting)}).encode())
        line = base64.b64encode(packed).decode()
        if len(line) <= LONGEST_LINE:
            return line
        self.files[request["file"]] = b"\xff" + packed
        return None

    async def invoke(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if tool == "readFiles":
            blob = base64.b64encode(self.files.pop(arguments["paths"][0])).decode()
            return {"content": [{"type": "resource", "resource": {"blob": blob}}], "isError": False}
        # The last argument is JSON without a single quote, and the shell's quotes are around it.
        request = json.loads(arguments["command"].rpartition(" '")[2][:-1])
        if tool == "startCommandExecution":
            self.supervise(request)
            return {"content": [], "structuredContent": {"taskId": "1", "taskStatus": "submitted"}, "isError": False}
        stdout = json.dumps({"answer": await self.exchange(request)})
        structured = {"stdout": stdout, "stderr": "", "exitCode": 0, "executionTime": 0.1}
        return {"content": [], "structuredContent": structured, "isError": False}


class Service:
    """All sessions, and what is counted."""

    def __init__(self, behaviour: dict[str, Any]) -> None:
        self._latency = {name: float(behaviour.get(name, 0)) for name in ("start", "invoke", "stop")}
        self._buckets = {name: Bucket(float(behaviour["rate"])) for name in self._latency}
        self._most = int(behaviour["sessions"])
        self._expired = range(*behaviour.get("expired", (0,)))
        self._sessions: dict[str, Session] = {}
        self.counts = {"requests": 0, "throttled": 0, "started": 0, "most": 0}

    async def answer(self, path: str, session_id: str, body: bytes) -> tuple[str, bytes]:
        """The type and the body of an answer."""
        if path == "/counts":
            return "application/json", json.dumps({**self.counts, "sessions": len(self._sessions)}).encode()
        name = path.partition("?")[0].rpartition("/")[2]
        self.counts["requests"] += 1
        if self.counts["requests"] in self._expired:
            raise Refused(403, "ExpiredTokenException", "The security token included in the request is expired")
        self._buckets[name].take()
        if name == "start":
            self.counts["started"] += 1
            if len(self._sessions) >= self._most:
                raise Refused(402, "ServiceQuotaExceededException", "too many sessions")
            session_id = f"{self.counts['started']:026}"
            self._sessions[session_id] = Session()
            self.counts["most"] = max(self.counts["most"], len(self._sessions))
        await asyncio.sleep(self._latency[name])
        if name == "stop":
            session_id = path.partition("sessionId=")[2]
            self._sessions.pop(session_id, None)
        elif name == "invoke":
            asked = json.loads(body)
            result = await self._sessions[session_id].invoke(asked["name"], asked["arguments"])
            return RESULT_TYPE, event_stream.event("result", result)
        times = {"createdAt": CREATED, "lastUpdatedAt": CREATED}
        return "application/json", json.dumps(
            {"codeInterpreterIdentifier": "x", "sessionId": session_id, **times}
        ).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                session_id = headers.get("x-amzn-code-interpreter-session-id", "")
                try:
                    kind, content = await self.answer(head[0].split(" ")[1], session_id, body)
                    status, more = "200 OK", f"x-amzn-code-interpreter-session-id: {session_id}\r\n"
                except Refused as refused:
                    number, code, message = refused.args
                    self.counts["throttled"] += number == 429
                    kind, content = "application/json", json.dumps({"message": message}).encode()
                    status, more = f"{number} Refused", f"x-amzn-ErrorType: {code}\r\n"
                start = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n{more}\r\n"
                writer.write(start.encode() + content)
        writer.close()


async def main(behaviour: dict[str, Any]) -> None:
    """Serve."""
    server = await asyncio.start_server(Service(behaviour).serve, "127.0.0.1", 0, limit=1 << 22, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)  # noqa: T201 - the parent reads it
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
