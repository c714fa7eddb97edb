"""Messages arrive in the pieces that the network makes of them, and leave it whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from agentcore_sandbox.aws.event_stream import BLOCK, PRELUDE, join
from support.event_stream import result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MESSAGES = [result("a"), result("b" * 300), result()]


def cut(data: bytes, places: Iterable[int]) -> Iterator[bytes]:
    begin = 0
    for end in (*sorted(place % len(data) for place in places), len(data)):
        yield data[begin:end]
        begin = end


def payloads(pieces: Iterable[bytes]) -> list[bytes]:
    buffer = EventStreamBuffer()
    found = []
    for piece in pieces:
        buffer.add_data(piece)
        found += [message.payload for message in buffer]
    return found


@given(st.lists(st.sampled_from(MESSAGES), min_size=1), st.lists(st.integers(0)))
def test_however_it_is_cut(messages: Sequence[bytes], places: list[int]) -> None:
    data = b"".join(messages)
    pieces = list(join(cut(data, places)))
    assert pieces == [*(part for one in messages for part in (one[:PRELUDE], one[PRELUDE:])), b""]
    assert payloads(pieces) == payloads([data])


def test_a_long_message_comes_in_few_pieces() -> None:
    message = result("x" * 3 * BLOCK)
    pieces = list(join(cut(message, range(0, len(message), 1 << 16))))
    assert [len(piece) for piece in pieces] == [PRELUDE, BLOCK, BLOCK, BLOCK, *[BLOCK] * 3, *map(len, pieces[7:])]
    assert payloads(pieces) == payloads([message])


@given(st.integers(1, len(MESSAGES[1]) - 1))
def test_a_cut_message_arrives_as_it_is(length: int) -> None:
    data = MESSAGES[0] + MESSAGES[1][:length]
    assert b"".join(join([data])) == data


@given(st.binary())
def test_what_is_no_message_arrives_as_it_is(data: bytes) -> None:
    assert b"".join(join([data[:7], data[7:]])) == data


def test_a_wrong_prelude_is_refused_before_the_rest_comes() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"\x00\x10\x00\x00" + MESSAGES[0][4:PRELUDE]
        pytest.fail("more was asked for")

    with pytest.raises(ChecksumMismatch):
        payloads(join(pieces()))
