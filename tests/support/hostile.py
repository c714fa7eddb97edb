"""Strategies for what a session answers and what the state folder holds: mostly of the right form."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from support import event_stream, fault_server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.fault_server import Handler

NUMBERS = st.one_of(
    st.integers(-2, 500),
    st.sampled_from([1 << 31, 1 << 49, 1 << 63, 10**400, -(1 << 63)]),
    st.floats(),  # with NaN and the infinities, which Python's JSON has
)
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["", ".", "..", "/", "a/../b", "a/b", "/etc/passwd", "d", "f", "x" * 5000, "a/" * 3000, "\ud800"]),
    st.sampled_from(["\0", "\x1b[2J", "a\nerror[Forged]: x", "-rf", "~", "\u202e"]),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def _or_else(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Usually of a strategy, now and then anything."""
    return st.one_of(strategy, strategy, strategy, VALUES)


KINDS = st.sampled_from(["file", "folder", "link", "other"])
ENTRIES = st.tuples(*map(_or_else, (st.just(0), TEXTS, KINDS, NUMBERS, NUMBERS, NUMBERS))).map(list)
SCANS = st.tuples(st.just(["d"]), st.lists(_or_else(ENTRIES), max_size=4)).map(lambda both: [both[0], *both[1]])
PAIRS = st.lists(NUMBERS, min_size=1, max_size=3)
POLLS = st.fixed_dictionaries(
    {
        "exit": _or_else(st.none() | st.integers(0, 255)),
        "alive": _or_else(st.none() | st.booleans()),
        "sizes": _or_else(PAIRS),
        "lengths": _or_else(PAIRS),
    }
)
LISTS = st.lists(_or_else(st.none() | st.sampled_from(["file", "folder"]) | TEXTS), max_size=3)
ANSWERS = {"scan": SCANS, "look": LISTS, "digest": LISTS, "remove": LISTS, "poll": POLLS}


def replies(operation: str) -> st.SearchStrategy[Any]:
    """What a helper may say that was asked for an operation."""
    return st.one_of(
        st.fixed_dictionaries({"answer": _or_else(ANSWERS.get(operation, st.just(value=True)))}),
        st.fixed_dictionaries({"answer": ANSWERS.get(operation, st.just(value=True))}),
        st.fixed_dictionaries({"error": VALUES | st.fixed_dictionaries({"path": VALUES, "text": VALUES})}),
        st.fixed_dictionaries({"pieces": st.integers(-1, 3) | VALUES}),
        VALUES,
    )


FILES = st.one_of(
    st.binary(max_size=5).map(lambda data: b"\xff" + data),
    st.binary(max_size=5),
    st.lists(ENTRIES, max_size=3).map(lambda rows: json.dumps(rows).encode()),
    VALUES.map(lambda value: json.dumps(value).encode()),
)


@dataclass
class HostileSession:
    """A session that gives its answers in turn.

    Attributes:
        answers: What helpers print, by the operation that was asked for.
        files: What is in files; None for an answer without a file.
        task: What is said about a command that was started.
    """

    answers: dict[str, list[str]]
    files: list[bytes | None]
    task: dict[str, Any]
    _count: int = 0

    def __call__(self, handler: Handler) -> None:
        tool, arguments = handler.current.body["name"], handler.current.body["arguments"]
        self._count += 1
        if tool == "executeCommand":
            answers = self.answers[_operation(arguments.get("command", ""))]
            frame = event_stream.result(answers[self._count % len(answers)])
        elif tool == "readFiles":
            frame = event_stream.event("result", {"content": _content(self.files[self._count % len(self.files)])})
        else:
            frame = event_stream.event("result", {"content": [], "structuredContent": self.task})
        fault_server.stream(frame)(handler)


def _content(data: bytes | None) -> list[Any]:
    if data is None:
        return []
    return [
        {"type": "resource", "resource": {"type": "blob", "uri": "file:///x", "blob": event_stream.base64_text(data)}}
    ]


def sessions() -> st.SearchStrategy[HostileSession]:
    """Sessions whose answers are all drawn."""
    return st.builds(
        HostileSession,
        st.fixed_dictionaries({name: st.lists(_printed(name), min_size=1, max_size=3) for name in ("", *ANSWERS)}),
        st.lists(FILES | st.none(), min_size=1, max_size=3),
        st.just({"taskId": "t"}) | st.dictionaries(TEXTS, VALUES, max_size=2),
    )


def _printed(operation: str) -> st.SearchStrategy[str]:
    text = replies(operation).map(json.dumps)
    return st.one_of(text, text, text, text.map(lambda whole: whole[:-1]))


def _operation(command: str) -> str:
    known = [name for name in ANSWERS if f'"operation": "{name}"' in command]
    return known[0] if known else ""


def records(good: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """A record with something else in place of some fields, or no record."""
    changed = st.dictionaries(st.sampled_from([*good, "version", "other"]), VALUES, max_size=3)
    less = st.sets(st.sampled_from(sorted(good)), max_size=1)
    mutated = st.tuples(changed, less).map(
        lambda both: {name: value for name, value in {**good, **both[0]}.items() if name not in both[1]}
    )
    return st.one_of(mutated.map(lambda value: json.dumps(value).encode()), st.binary(max_size=20))


def place(path: Path, data: st.DataObject, contents: st.SearchStrategy[bytes]) -> None:
    """Put something under a name: usually a file."""
    kind = data.draw(st.sampled_from(["file"] * 6 + ["folder", "link", "pipe", "none"]), label="kind")
    if kind == "file":
        path.write_bytes(data.draw(contents, label="contents"))
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(data.draw(st.sampled_from(["/dev/zero", "/nowhere", "."]), label="link"))
    elif kind == "pipe":
        os.mkfifo(path)


def files(folder: Path) -> Sequence[Path]:
    """All files below a folder."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
