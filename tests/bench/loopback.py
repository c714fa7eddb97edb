"""The process of `peers.loopback`: prints its URL, serves until standard input ends.

Its one argument is a JSON object: `start`, `invoke` and `stop`, the latency of each in seconds; `results` and
`result_bytes`, how many results an invoke gives with how many bytes of standard output each; `sessions`, how many there
are to list; `certificate`, the file of its certificate and key, for TLS.
"""

from __future__ import annotations

import itertools
import json
import ssl
import sys
import time
from typing import Any

from support import event_stream, fault_server
from support.fault_server import CREATED, Answer, FaultServer, Handler

LINE = "0123456789" * 7 + "012345678\n"
PAGE = 100


def main(behaviour: dict[str, Any]) -> None:
    """Serve."""
    with fault_server.serve(_tls(behaviour.get("certificate"))) as server:
        answers = {name: fault_server.DEFAULTS[name] for name in ("start", "stop")}
        answers["invoke"] = _results(behaviour.get("results", 1), behaviour.get("result_bytes", 0))
        server.answers = {name: _late(behaviour.get(name, 0), answer) for name, answer in answers.items()}
        server.answers |= {"list": _sessions(behaviour.get("sessions", 0)), "counts": _counts(server)}
        server.preparation = _late(behaviour.get("invoke", 0), fault_server.ok)
        print(server.url, flush=True)  # noqa: T201 - the parent reads it
        sys.stdin.read()


def _tls(certificate: str | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _late(seconds: float, answer: Answer) -> Answer:
    def answer_late(handler: Handler) -> None:
        time.sleep(seconds)
        answer(handler)

    return answer_late


def _results(count: int, size: int) -> Answer:
    if not size:
        return fault_server.ok
    structured = {"stdout": (LINE * (size // len(LINE) + 1))[:size], "stderr": "", "exitCode": 0, "executionTime": 1.0}
    # AWS repeats the output in `content`; 20 MB twice is more than botocore takes in one message.
    frame = event_stream.event("result", {"content": [], "structuredContent": structured, "isError": False})
    return fault_server.stream(*itertools.repeat(frame, count))


def _sessions(total: int) -> Answer:
    def answer(handler: Handler) -> None:
        first = int(handler.current.body.get("nextToken") or 0)
        last = min(first + PAGE, total)
        items = [
            {
                "codeInterpreterIdentifier": "x",
                "sessionId": f"{number:026}",
                "status": "TERMINATED",
                "createdAt": CREATED,
            }
            for number in range(first, last)
        ]
        handler.send_json(200, {"items": items, **({"nextToken": str(last)} if last < total else {})})

    return answer


def _counts(server: FaultServer) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_json(200, {"requests": len(server.requests) - 1, "connections": server.connections - 1})
        server.requests.clear()
        server.connections = 0

    return answer


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
