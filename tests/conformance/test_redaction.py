"""What a recording must not hold, and that it holds the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from support.recordings import Recorder, redacted

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("key AKIAIOSFODNN7EXAMPLE", "key ACCESS-KEY"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "SECRET-KEY"),
        ("arn:aws:iam::123456789012:role/x", "arn:aws:iam::ACCOUNT:role/x"),
        ("session 01ARZ3NDEKTSV4RRFFQ69G5FAV", "session SESSION"),
        ("at 10.0.12.7:80", "at ADDRESS:80"),
        ("task 0f8fad5b-d9cb-469f-a165-70867728950e", "task UUID"),
        ('{"executionTime": 0.0123}', '{"executionTime": 0.0}'),
        ('{"taskId": "6606f719"}', '{"taskId": "TASK"}'),
        ("Cell In[1], line 2; 1234567890 bytes", "Cell In[1], line 2; 1234567890 bytes"),
    ],
)
def test_what_belongs_to_an_account_or_a_run_is_taken_out(text: str, seen: str) -> None:
    assert redacted(text) == seen


def test_a_recording_holds_the_invoke_and_none_of_the_keys_in_use(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "made", ("my+secret",))
    for _ in range(2):
        recorder.write("readFiles", {"paths": ["x"]}, {"content": [{"blob": b"\xff", "text": "my+secret"}]})
    files = sorted((tmp_path / "made").iterdir())
    assert [file.name[-8:] for file in files] == ["-01.json", "-02.json"]
    expected = {
        "tool": "readFiles",
        "arguments": {"paths": ["x"]},
        "payload": {"content": [{"blob": "/w==", "text": "SECRET"}]},
    }
    assert json.loads(files[0].read_text()) == expected
