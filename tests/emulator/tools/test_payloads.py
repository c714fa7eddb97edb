"""Large output in the one message of a result: as much as a client can decode, and what is left out is told."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.service import event_stream
from agentcore_emulator.tools import result_payloads

MB = 1_000_000
LINES = ("x" * 79 + "\n") * (20 * MB // 80)


def fits(payload: dict[str, Any]) -> bool:
    return len(event_stream.result(payload)) <= event_stream.MAX_PAYLOAD + 200  # what stands around the payload


@pytest.mark.aws(
    "assumed", "Limits", "Blocks of content that would not fit beside the streams are shortened, and say so"
)
def test_twenty_megabytes_arrive_whole() -> None:
    payload = result_payloads.execution(LINES, "a note", 0, 1.0)
    assert payload["structuredContent"]["stdout"] == LINES
    assert payload["structuredContent"]["stderr"] == "a note"
    repeated = payload["content"][0]["text"]
    assert "characters left out here: structuredContent has them" in repeated
    assert (repeated[:80], repeated[-80:]) == (LINES[:80], LINES[-80:])
    assert payload["content"][1]["text"] == "a note"
    assert fits(payload)


def test_ten_megabytes_are_repeated_whole() -> None:
    payload = result_payloads.execution(LINES[: 10 * MB], "", 0, 1.0)
    assert payload["content"] == [{"type": "text", "text": LINES[: 10 * MB]}]


@pytest.mark.aws("assumed", "Limits", "Of both streams together what fits into one message of 24 MiB is kept")
def test_two_floods_beside_an_image_leave_the_errors_a_quarter() -> None:
    payload = result_payloads.execution(LINES, LINES, 1, 1.0, images=[bytes(3 * MB)])
    streams = payload["structuredContent"]
    assert all("characters of output left out" in streams[name] for name in ("stdout", "stderr"))
    assert len(streams["stderr"]) > 4 * MB
    assert len(streams["stdout"]) > 11 * MB
    assert fits(payload)


def test_what_was_left_out_before_is_still_told() -> None:
    flood = "\1" * 3 * MB
    text = result_payloads.execution(f"{flood}\n... 7 bytes of output left out ...\n{flood}", "", 0, 1.0, left_out=7)
    stdout = text["structuredContent"]["stdout"]
    assert "\n... 7 bytes of output left out ...\n\n... " in stdout
    assert stdout.count("left out") == 2
    assert text["structuredContent"]["stderr"] == result_payloads.NOT_WHOLE


def test_what_only_looks_left_out_is_not_told() -> None:
    payload = result_payloads.execution("a\n... 7 bytes of output left out ...\nb", "", 0, 1.0)
    assert payload["structuredContent"]["stderr"] == ""


@given(st.text(), st.text(), st.integers(1, 60), st.integers(1, 60))
def test_whatever_is_written_fits(out: str, err: str, out_times: int, err_times: int) -> None:
    """In a small message, so that it is quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result_payloads, "RESULT_BYTES", 20_000)
        patch.setattr(result_payloads, "CONTENT_BYTES", 4_000)
        payload = result_payloads.execution(out * out_times * 20, err * err_times * 20, 0, 1.0)
    assert len(event_stream.result(payload)) < 20_000 + 400  # what stands around the texts


@given(st.text(st.characters(exclude_categories=())))
def test_the_size_of_a_text_is_known_without_encoding_it(text: str) -> None:
    encoded = json.dumps(text, ensure_ascii=False).encode(errors="replace")
    assert event_stream.text_size(text) == len(encoded)


def test_a_text_that_grows_in_json_is_refused_before_it_is_encoded() -> None:
    payload = result_payloads.blocks([result_payloads.resource("x", bytes(20 * MB))])
    tracemalloc.start()
    try:
        with pytest.raises(event_stream.PayloadTooLargeError):
            event_stream.result(payload)
        assert tracemalloc.get_traced_memory()[1] < 50 * MB
    finally:
        tracemalloc.stop()
