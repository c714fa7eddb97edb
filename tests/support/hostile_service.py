"""What a service may answer, sensible or not, as strategies of Hypothesis; and that none of it is called a bug."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from support import fault_server
from support.event_stream import event, exception, frame
from support.fault_server import SESSION

if TYPE_CHECKING:
    from support.fault_server import Answer, FaultServer
    from support.processes import CommandLine

TIMES = st.sampled_from(
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2026-11-23T10:00:00", "2026-13-40", "-1", "1e300", "x", ""]
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), TIMES)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner))
SUMMARY = st.fixed_dictionaries(
    {},
    optional={
        "sessionId": LEAVES | st.just(SESSION),
        "name": LEAVES,
        "status": LEAVES | st.just("READY"),
        "createdAt": TIMES | LEAVES,
        "lastUpdatedAt": TIMES | LEAVES,
        "sessionTimeoutSeconds": LEAVES,
    },
)
ANSWERS = st.one_of(JSON, SUMMARY, st.fixed_dictionaries({"items": st.lists(SUMMARY, max_size=2) | JSON}))
STRUCTURED = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["stdout", "stderr", "exitCode", "executionTime", "taskId"], JSON)
)
BLOCK = st.fixed_dictionaries({}, optional=dict.fromkeys(["type", "text", "data", "mimeType", "uri", "resource"], JSON))
RESULTS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {}, optional={"content": st.lists(BLOCK | JSON, max_size=2), "structuredContent": STRUCTURED, "isError": JSON}
    ),
)
WORDS = st.text(max_size=12).filter(lambda word: len(word.encode("utf-8", "surrogatepass")) < 200)
FRAMES = st.one_of(
    RESULTS.map(lambda value: event("result", value)),
    st.tuples(st.text("ab:\n\r\x9b", max_size=20), WORDS).map(lambda pair: exception(*pair)),
    st.binary(max_size=20).map(lambda data: frame({":message-type": "event", ":event-type": "result"}, data)),
    st.binary(max_size=40),
)
OPERATIONS = st.sampled_from(["start", "list", "get", "stop", "invoke"])
CASES = st.tuples(OPERATIONS, st.lists(FRAMES, max_size=3), ANSWERS)


def check_no_bug(aws: CommandLine, faults: FaultServer, words: list[str], case: tuple[str, list[bytes], Any]) -> None:
    """Run a command against a service that answers one operation in this way."""
    operation, frames, answer = case
    faults.answers = {operation: fault_server.stream(*frames) if operation == "invoke" else _page(answer)}
    done = aws.run(*words)
    assert b"error[Internal]" not in done.stderr
    assert b'"Internal"' not in done.stdout
    assert done.returncode >= 0


def _page(value: Any) -> Answer:
    return fault_server.page(200, "application/json", json.dumps(value).encode("utf-8", "surrogatepass"))
