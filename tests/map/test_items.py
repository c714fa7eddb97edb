"""Items in each format, what is refused, and the variables that programs see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.map import items
from agentcore_sandbox.map.items import ItemFile, Source

if TYPE_CHECKING:
    from pathlib import Path

READ = {
    "lines": ("a.txt", b"one\r\n\ntwo words \n \nlast", ["one", "two words ", "last"]),
    "byte order mark": ("a.txt", b"\xef\xbb\xbfone\n", ["one"]),
    "jsonl": ("a.jsonl", b'{"a": 1, "b": null}\n{"b": [2], "a": "x"}\n', [{"a": 1, "b": None}, {"b": [2], "a": "x"}]),
    "json texts": ("a.ndjson", b'"x"\n5\n', ["x", "5"]),
    "csv": (
        "a.csv",
        b'name,n\n"a, b",1\n"two\nlines",2\n',
        [{"name": "a, b", "n": "1"}, {"name": "two\nlines", "n": "2"}],
    ),
    "nul": ("a:nul", b"one\ntwo\0three\0\0", ["one\ntwo", "three", ""]),
}
REFUSED = {
    "nothing": ("a.txt", b"\n \n", "no items"),
    "no rows": ("a.csv", b"name\n", "no items"),
    "not UTF-8": ("a.txt", b"one\n\xff\n", "line 2"),
    "NUL": ("a.txt", b"one\n\0\n", "line 2"),
    "not JSON": ("a.jsonl", b'{"a": 1}\n{"a": \n', "line 2"),
    "nested": ("a.jsonl", b"[" * 100_000, "line 1"),
    "a field less": ("a.jsonl", b'{"a": 1, "b": 2}\n{"a": 1}\n', "line 2 of .* has no field 'b'"),
    "a field more": ("a.jsonl", b'{"a": 1}\n{"a": 1, "b": 2}\n', "line 2 of .* has a field 'b'"),
    "equal columns": ("a.csv", b"a,b,a\n1,2,3\n", "both be ITEM_A"),
    "equal variables": ("a.csv", b"a-b,a.b\n1,2\n", "both be ITEM_A_B"),
    "the number": ("a.csv", b"index\n1\n", "both be ITEM_INDEX"),
    "a column less": ("a.csv", b"a,b\n1\n", "line 2 of .* has 1 fields"),
    "not CSV": ("a.csv", b'a\n"x\n', "is not CSV"),
    "too many": ("a.txt", b"x\n" * (items.MOST_ITEMS + 1), "more than 100000 items"),
}


def source(folder: Path, name: str, data: bytes) -> Source:
    file, _, chosen = name.partition(":")
    (folder / file).write_bytes(data)
    return Source.of(str(folder / file), chosen or None)


@pytest.mark.parametrize(("name", "data", "wanted"), READ.values(), ids=READ)
def test_each_format(tmp_path: Path, name: str, data: bytes, wanted: list[object]) -> None:
    assert list(source(tmp_path, name, data).read()) == wanted


@pytest.mark.parametrize(("name", "data", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        list(source(tmp_path, name, data).read())


def test_files_are_found_by_a_glob_or_in_a_folder(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.dat"):
        (tmp_path / name).touch()
    (tmp_path / "link.txt").symlink_to("/etc/passwd")
    (tmp_path / "folder.txt").mkdir()
    globbed = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    assert list(Source.of(str(tmp_path / "*.txt"), None).read()) == globbed
    assert list(Source.of(str(tmp_path), None).read()) == [*globbed, str(tmp_path / "c.dat")]
    with pytest.raises(UsageError, match="no items"):
        list(Source.of(str(tmp_path / "*.none"), None).read())


def test_variables() -> None:
    assert items.variables("x y", 3) == {"ITEM": "x y", "ITEM_INDEX": "3"}
    record = {"Account Id": "1", "n": 2, "none": None, "list": ["ä"]}
    assert items.variables(record, 0) == {
        "ITEM": json.dumps(record, ensure_ascii=False),
        "ITEM_ACCOUNT_ID": "1",
        "ITEM_N": "2",
        "ITEM_NONE": "",
        "ITEM_LIST": '["ä"]',
        "ITEM_INDEX": "0",
    }
    assert not items.is_too_large({"ITEM": "x" * 131_000})
    assert items.is_too_large({"ITEM": "ä" * 66_000})


@given(st.lists(st.text() | st.dictionaries(st.text(), st.none() | st.text() | st.integers()), min_size=1))
def test_items_on_disk_are_the_same(tmp_path_factory: pytest.TempPathFactory, values: list[items.Item]) -> None:
    path = tmp_path_factory.mktemp("items") / "items"
    path.write_bytes(b"".join(items.lines(values)))
    file = ItemFile(path)
    assert [file[index] for index in reversed(range(len(file)))] == values[::-1]
    assert file.digest == items.digest(values)
    file.close()
