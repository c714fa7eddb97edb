"""Items: read from files in five formats, kept on disk one a line, and given to programs as variables."""

from __future__ import annotations

import csv
import glob
import hashlib
import io
import json
import os
import re
import sys
from array import array
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
STANDARD_INPUT = "-"
MOST_ITEMS = 100_000
MOST_VARIABLE = 128 * 1024 - 1
"""Bytes of a variable with its name, of which Linux takes no more (MAX_ARG_STRLEN)."""
_MOST_LINE = 16 << 20
_BLOCK = 1 << 20

Item = str | dict[str, Any]
"""Text, or a record of fields."""


@dataclass(frozen=True)
class Source:
    """Where items come from.

    Attributes:
        word: A file, a glob or folder of files, or `-` for standard input.
        format: One of `options.FORMATS`.
        data: What stands in for the file; the word only names it then.
    """

    word: str
    format: str
    data: bytes | None = None

    @classmethod
    def given(cls, values: Iterable[Any]) -> Source:
        """Items that are there: texts, records, or other values that JSON knows."""
        return cls("the items", "jsonl", b"".join(json.dumps(value).encode() + b"\n" for value in values))

    @classmethod
    def of(cls, word: str, chosen: str | None) -> Source:
        """The source that a word names, with a format or with the one that follows from the word."""
        if chosen or word == STANDARD_INPUT:
            return cls(word, chosen or "lines")
        if Path(word).is_dir() or (glob.has_magic(word) and not Path(word).exists()):
            return cls(word, "files")
        return cls(word, SUFFIXES.get(Path(word).suffix.lower(), "lines"))

    def read(self) -> Iterator[Item]:
        """Read all items; of files, their absolute paths.

        Raises:
            UsageError: There is none, one cannot be read, or there are too many.
        """
        count = 0
        for count, item in enumerate(self._items(), 1):
            if count > MOST_ITEMS:
                raise UsageError(f"{self._shown} has more than {MOST_ITEMS} items", "map them in several parts")
            yield item
        if not count:
            raise UsageError(f"there are no items in {self._shown}", "give at least one")

    @property
    def _shown(self) -> str:
        return "standard input" if self.word == STANDARD_INPUT else self.word

    def _items(self) -> Iterator[Item]:
        if self.format == "files":
            yield from _files(self.word)
            return
        readers = {"lines": _lines, "jsonl": _json_lines, "csv": _rows, "nul": _nul}
        held = None if self.data is None else io.BytesIO(self.data)
        with nullcontext(held) if held else _opened(self.word, self._shown) as file:
            for number, item in readers[self.format](file, self._shown):
                _check(item, f"line {number} of {self._shown}")
                yield item


@contextmanager
def _opened(word: str, shown: str) -> Iterator[BinaryIO]:
    try:
        if word != STANDARD_INPUT:
            with Path(word).open("rb") as file:
                yield file
        elif sys.stdin is None or sys.stdin.isatty():
            raise UsageError("no items on standard input", "send them into a pipe, or name a file")
        else:
            yield sys.stdin.buffer
    except OSError as error:
        raise UsageError(f"cannot read {shown}: {error.strerror}") from None


def _numbered(file: BinaryIO, shown: str) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers and without their ends."""
    for number, line in enumerate(iter(lambda: file.readline(_MOST_LINE), b""), 1):
        if len(line) == _MOST_LINE:
            raise UsageError(f"line {number} of {shown} is longer than {_MOST_LINE >> 20} MiB")
        text = _text(line, f"line {number} of {shown}").rstrip("\r\n")
        if text.strip():
            yield number, text.removeprefix("\ufeff") if number == 1 else text


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        message = f"{where} is not UTF-8 text: byte {error.start} of it is wrong"
        raise UsageError(message, "convert it to UTF-8") from None


def _lines(file: BinaryIO, shown: str) -> Iterator[tuple[int, Item]]:
    yield from _numbered(file, shown)


def _json_lines(file: BinaryIO, shown: str) -> Iterator[tuple[int, Item]]:
    fields: set[str] | None = None
    for number, line in _numbered(file, shown):
        where = f"line {number} of {shown}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{where} is not JSON: {error}", "one JSON value a line") from None
        if isinstance(value, dict):
            fields = _same_fields(fields, value, where)
            yield number, value
        else:
            yield number, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _same_fields(fields: set[str] | None, record: dict[str, Any], where: str) -> set[str]:
    if fields is None:
        _check_names(list(record), where)
        return set(record)
    if missing := sorted(fields - record.keys()):
        raise UsageError(f"{where} has no field {missing[0]!r}, which records before it have", "add it, or null")
    if more := sorted(record.keys() - fields):
        raise UsageError(f"{where} has a field {more[0]!r}, which the first record lacks", "add it there, or null")
    return fields


def _rows(file: BinaryIO, shown: str) -> Iterator[tuple[int, Item]]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    try:
        header = next(reader, [])
        if header:
            _check_names(header, f"the header of {shown}")
        for row in reader:
            where = f"line {reader.line_num} of {shown}"
            if row and len(row) != len(header):
                message = f"{where} has {len(row)} fields, and the header names {len(header)}"
                raise UsageError(message, "quote commas in a field")
            if row:
                yield reader.line_num, dict(zip(header, row, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"line {reader.line_num + 1} of {shown} is not CSV: {error}") from None
    finally:
        text.detach()


def _nul(file: BinaryIO, shown: str) -> Iterator[tuple[int, Item]]:
    number, rest = 1, b""
    while block := file.read(_BLOCK):
        *texts, rest = (rest + block).split(b"\0")
        for number, text in enumerate(texts, number):  # noqa: B020 - the count goes on
            yield number, _text(text, f"item {number} of {shown}")
        number += bool(texts)
        if len(rest) > _MOST_LINE:
            raise UsageError(f"item {number} of {shown} is longer than {_MOST_LINE >> 20} MiB")
    if rest:
        yield number, _text(rest, f"item {number} of {shown}")


def _files(word: str) -> Iterator[str]:
    path = Path(word)
    found = sorted(path.iterdir()) if path.is_dir() else [Path(name) for name in _expanded(word)]
    for file in found:
        if file.is_file() and not (file.is_symlink() and str(file) != word):  # it may lead anywhere
            yield str(file.absolute())


def _expanded(word: str) -> list[str]:
    return [word] if os.path.lexists(word) else sorted(glob.glob(word, recursive=True))  # noqa: PTH207 - also absolute


def variable_name(field: str) -> str:
    """The variable that a field of a record becomes."""
    return "ITEM_" + re.sub(r"[^A-Z0-9]", "_", field.upper())


def _check_names(fields: list[str], where: str) -> None:
    names: dict[str, str] = {"ITEM_INDEX": "the number of an item"}
    for field in fields:
        name = variable_name(field)
        if name in names:
            message = f"{where}: the field {field!r} and {names[name]} would both be {name}"
            raise UsageError(message, "rename one of them")
        names[name] = f"the field {field!r}"


def _check(item: Item, where: str) -> None:
    values = [item] if isinstance(item, str) else [_value(value) for value in item.values()]
    if any("\0" in value for value in values):
        raise UsageError(f"{where} has a NUL character, which no variable can hold", "remove it")


def _value(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def variables(item: Item, index: int) -> dict[str, str]:
    """The variables by which a program sees its item."""
    number = {"ITEM_INDEX": str(index)}
    if isinstance(item, str):
        return {"ITEM": item, **number}
    fields = {variable_name(field): _value(value) for field, value in item.items()}
    return {"ITEM": json.dumps(item, ensure_ascii=False), **fields, **number}


def is_too_large(values: dict[str, str]) -> bool:
    """Whether a variable is longer than the system in the session takes."""
    return any(len(value.encode(errors="replace")) + len(name) >= MOST_VARIABLE for name, value in values.items())


class ItemFile:
    """Items on disk, one JSON value a line; in memory is where each one begins.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._offsets = array("q", [0])
        sha = hashlib.sha256()
        for line in self._file:
            sha.update(line)
            self._offsets.append(self._offsets[-1] + len(line))
        self.digest = sha.hexdigest()

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> Item:
        self._file.seek(self._offsets[index])
        item: Item = json.loads(self._file.readline())
        return item

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def lines(items: Iterable[Item]) -> Iterator[bytes]:
    """Items as `ItemFile` reads them."""
    for item in items:
        yield json.dumps(item).encode() + b"\n"


def digest(items: Iterable[Item]) -> str:
    """The digest that an `ItemFile` of these items has."""
    sha = hashlib.sha256()
    for line in lines(items):
        sha.update(line)
    return sha.hexdigest()
