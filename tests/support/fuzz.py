"""What a service that is broken, hostile or none at all may answer: for properties, with hypothesis."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from support import event_stream

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "READY",
            "TERMINATED",
            "again",
            "2026-11-23T10:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59Z",
            "\x1b[2J\n",
        ]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
# The members that the API's answers have.
WORDS = """\
sessionId status createdAt name items nextToken sessionTimeoutSeconds codeInterpreterId codeInterpreterArn code message
codeInterpreterSummaries networkConfiguration networkMode vpcConfig subnets executionRoleArn failureReason __type
content structuredContent isError stdout stderr exitCode executionTime taskId type text
"""
MEMBERS = st.sampled_from(WORDS.split())
OBJECTS = st.recursive(
    st.dictionaries(MEMBERS, VALUES, max_size=5),
    lambda inner: st.dictionaries(MEMBERS, inner | st.lists(inner, max_size=3) | VALUES, max_size=5),
    max_leaves=6,
)
BODIES = st.binary(max_size=60) | (VALUES | OBJECTS).map(lambda value: json.dumps(value).encode())
STATUSES = st.sampled_from([200, 200, 200, 202, 204, 301, 400, 402, 403, 404, 409, 500, 503])
TYPES = st.sampled_from(
    ["application/json", "text/html", "application/vnd.amazon.eventstream", "x", "application/x-amz-json-1.1"]
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [":message-type", ":event-type", ":exception-type", ":error-code", ":error-message", ":content-type"]
    ),
    st.sampled_from(["event", "exception", "error", "result", "validationException", "application/json"])
    | st.text(max_size=20).filter(lambda text: len(text.encode("utf-8", "replace")) == len(text)),
    max_size=5,
)
FRAMES = st.builds(event_stream.frame, HEADERS, BODIES)
STREAMS = st.lists(
    FRAMES | st.binary(max_size=40) | st.builds(event_stream.event, st.just("result"), OBJECTS), max_size=3
).map(b"".join)
