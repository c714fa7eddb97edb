"""Watching a job over connections that die without a word."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agentcore_sandbox.jobs import process
from support import event_stream, fault_server

if TYPE_CHECKING:
    import pytest

    from support.fault_server import FaultServer, Handler
    from support.processes import CommandLine

ENDED = {"exit": 5, "alive": True, "sizes": [0, 0], "lengths": [0, 0]}


def test_a_look_that_gets_no_answer_is_repeated(
    aws: CommandLine, faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "ANSWER_SECONDS", 2.0)
    silent = [fault_server.silence]

    def answer(handler: Handler) -> None:
        if handler.current.body["name"] == "startCommandExecution":
            payload = {"content": [], "structuredContent": {"taskId": "t", "taskStatus": "submitted"}}
            fault_server.stream(event_stream.event("result", payload))(handler)
        elif '"operation": "poll"' in handler.current.body["arguments"].get("command", "") and silent:
            silent.pop()(handler)
        else:
            fault_server.stream(event_stream.result(json.dumps({"answer": ENDED})))(handler)

    faults.answers["invoke"] = answer
    done = aws.run("run", "--follow", "x")
    assert (done.returncode, done.stdout, done.stderr, silent) == (5, b"", b"", [])
