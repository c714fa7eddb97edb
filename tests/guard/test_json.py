from __future__ import annotations

import builtins
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skill_guard.hook import read_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
WRONG = ["", " ", "{", '{"a": 1,}', "[1 2]", "{} {}", "nul", '"a', '"\\x"', '"\n"', "\ufeff{}", "01", "'a'"]


@given(values)
@example({"a": "\u2028\ud83d\ude00"})
def test_reads_what_json_reads(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        data = text.encode("utf-8", "replace")
        assert read_json(b" \n" + data + b"\r\n") == json.loads(data)


@given(st.binary(max_size=20) | st.text('[]{}:,"\\\\tfnu0123456789.eE+- ', max_size=12).map(str.encode))
def test_refuses_what_json_refuses(data: bytes) -> None:
    try:
        expected = json.loads(data.decode())
    except (ValueError, RecursionError):
        with pytest.raises((ValueError, RecursionError)):
            read_json(data)
    else:
        assert repr(read_json(data)) == repr(expected)


@pytest.mark.parametrize("text", WRONG)
def test_no_json_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is json's business
        read_json(text.encode())


def test_json_itself_does_the_work_where_its_core_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_core(name: str, *rest: Any) -> Any:
        if name == "_json":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_core)
    assert read_json(b'{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
