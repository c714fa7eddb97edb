"""The event stream encoder, with botocore's decoder as the oracle."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.service import errors, event_stream

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


def decode(data: bytes) -> tuple[Any, Any]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    (message,) = list(buffer)
    return message.headers, json.loads(message.payload)


@given(st.dictionaries(st.text(), JSON))
def test_botocore_decodes_every_result(payload: dict[str, Any]) -> None:
    headers, decoded = decode(event_stream.result(payload))
    assert headers == {":message-type": "event", ":event-type": "result", ":content-type": "application/json"}
    assert decoded == json.loads(json.dumps(payload))


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert decode(event_stream.result({"text": "a\ud800b"}))[1] == {"text": "a?b"}


def test_botocore_decodes_an_exception() -> None:
    headers, decoded = decode(event_stream.exception(errors.validation("no", fieldList=[])))
    assert headers[":message-type"] == "exception"
    assert headers[":exception-type"] == "validationException"
    assert decoded == {"message": "no", "reason": "FieldValidationFailed", "fieldList": []}


def test_the_largest_payload_is_decoded_and_one_byte_more_is_refused() -> None:
    frame = len(json.dumps({"text": ""}, separators=(",", ":")))
    _, decoded = decode(event_stream.result({"text": "x" * (event_stream.MAX_PAYLOAD - frame)}))
    assert len(decoded["text"]) == event_stream.MAX_PAYLOAD - frame
    with pytest.raises(event_stream.PayloadTooLargeError) as raised:
        event_stream.result({"text": "x" * (event_stream.MAX_PAYLOAD - frame + 1)})
    assert raised.value.size == event_stream.MAX_PAYLOAD + 1
