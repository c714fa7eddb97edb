"""The journal of a map: a folder from which it can be resumed, whenever the process that ran it was killed.

`map.json` says what is mapped, `items.jsonl` over which items. `events.jsonl` gets a line before each request that
matters, `results.jsonl` one for each record. Lines are given to the system at once: they outlive the process, though
not necessarily the machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from agentcore_emulator import file_lock, folder_privacy
from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError
from agentcore_sandbox.map import items as map_items
from agentcore_sandbox.state.root import root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from agentcore_sandbox.execution.program import Program

VERSION = 1
MAP, ITEMS, EVENTS, RESULTS, PROGRESS, STOP, LOCK = (
    *("map.json", "items.jsonl", "events.jsonl", "results.jsonl", "progress.json"),
    *("stop", "lock"),
)
_LOOK_SECONDS = 2.0  # somebody may just look whether there is a process
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True)
class Header:
    """What is mapped, as `map.json` has it.

    Attributes:
        map_id: 12 hexadecimal digits.
        text: The program; `language` and `runtime` say what runs it.
        items: SHA-256 of the items.
        count: How many there are.
        interpreter_id: Of the sessions; `region` and `profile` likewise.
        variables: Names of the variables that the program was given.
        uploads: What goes to each session; `downloads` what comes back from it.
        files: The items are files.
        packages: What is installed for the program, beside what its own metadata says.
        created: Seconds since the epoch.
    """

    map_id: str
    text: str
    language: str
    runtime: str | None
    items: str
    count: int
    interpreter_id: str
    region: str | None
    profile: str | None
    variables: list[str]
    uploads: list[list[str]]
    downloads: list[list[str]]
    files: bool
    packages: list[str]
    created: float = field(default_factory=time.time)
    version: int = VERSION

    @property
    def code(self) -> str:
        """SHA-256 of the program and of what runs it."""
        return code_digest(self.text, self.language, self.runtime)


def code_digest(text: str, language: str, runtime: str | None) -> str:
    """SHA-256 of a program and of what runs it."""
    return hashlib.sha256(json.dumps([text, language, runtime]).encode()).hexdigest()


@dataclass
class Past:
    """What the events of earlier processes say.

    Attributes:
        epoch: How often the map was begun or resumed.
        starts: Tokens of starts whose session is not known -> lifetime in seconds, and when.
        sessions: Sessions that may live -> lifetime, when it was started, and the keys that were sent there.
        attempts: Index -> the number of the last attempt, how often it may have run, and why each was not the last.
    """

    epoch: int = 0
    starts: dict[str, tuple[int, float]] = field(default_factory=dict)
    sessions: dict[str, tuple[int, float, list[str]]] = field(default_factory=dict)
    attempts: dict[int, tuple[int, int, list[str]]] = field(default_factory=dict)


class Journal:
    """An open journal, which one process at a time has.

    Args:
        folder: Where it is.

    Attributes:
        header: What is mapped.
        items: Over which items.
    """

    def __init__(self, folder: Path, header: Header) -> None:
        self.folder = folder
        self.header = header
        self.items = map_items.ItemFile(folder / ITEMS)
        if self.items.digest != header.items:
            raise _unreadable(folder, "its items were changed")
        self._events = _Appended(folder / EVENTS)
        self.results = _Appended(folder / RESULTS)

    def note(self, **event: Any) -> None:
        """Write an event down before what it tells of is done."""
        self._events.append(json.dumps(event, separators=(",", ":")).encode() + b"\n")

    def past(self) -> Past:
        """Read what earlier processes have written down."""
        past = Past()
        for line in self._events.lines():
            try:
                _replay(past, json.loads(line))
            except (AttributeError, KeyError, TypeError, ValueError):
                raise _unreadable(self.folder, f"{EVENTS} is damaged") from None
        return past

    def report(self, progress: dict[str, Any]) -> None:
        """Replace what other processes see of the progress."""
        path = self.folder / (PROGRESS + ".new")
        with _private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as file:
            file.write(json.dumps(progress).encode())
        path.replace(self.folder / PROGRESS)

    def asked_to_stop(self) -> str:
        """What `maps stop` has asked for: `soon`, `now`, or nothing."""
        try:
            return (self.folder / STOP).read_text()
        except OSError:
            return ""

    def close(self) -> None:
        """Close all files."""
        self.items.close()
        self._events.close()
        self.results.close()


def _replay(past: Past, event: dict[str, Any]) -> None:
    if "begin" in event:
        past.epoch = int(event["begin"])
    elif "start" in event:
        past.starts[str(event["start"])] = (int(event["lifetime"]), float(event["at"]))
    elif "session" in event:
        lifetime, at = past.starts.pop(str(event["token"]))
        past.sessions[str(event["session"])] = (lifetime, at, [])
    elif "send" in event:
        open_keys = past.sessions[str(event["to"])][2]
        for key in map(str, event["send"]):
            index, attempt = map(int, key.split("-"))
            _, count, why = past.attempts.get(index, (0, 0, []))
            past.attempts[index] = (attempt, count + 1, why)
            open_keys.append(key)
    elif "again" in event:
        _replay_again(past, [str(key) for key in event["again"]], event["why"])
    elif "over" in event:
        past.sessions.pop(str(event["over"]), None)


def _replay_again(past: Past, keys: list[str], why: str | None) -> None:
    for key in keys:
        index = int(key.partition("-")[0])
        attempt, count, reasons = past.attempts[index]
        past.attempts[index] = (attempt, count if why else count - 1, [*reasons, why] if why else reasons)
    for _, _, open_keys in past.sessions.values():
        open_keys[:] = [key for key in open_keys if key not in keys]


class _Appended:
    """A file of lines that only grows. A last line without an end, which a killed process has left, is dropped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _private(path, os.O_RDWR | os.O_CREAT)
        self._size = _whole_lines(self._file)
        self._file.truncate(self._size)
        self._file.seek(self._size)

    def append(self, data: bytes) -> int:
        """Append lines; returns where they begin."""
        begin = self._size
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._size += len(data)
        return begin

    def line(self, offset: int) -> bytes:
        """The line that begins at an offset."""
        self._file.seek(offset)
        with suppress(OSError):
            parts = []
            while part := self._file.read(1 << 16):
                end = part.find(b"\n")
                parts.append(part if end < 0 else part[: end + 1])
                if end >= 0:
                    break
            self._file.seek(self._size)
            return b"".join(parts)
        return b""

    def lines(self) -> Iterator[bytes]:
        """All lines."""
        with self._path.open("rb") as file:
            yield from file

    def close(self) -> None:
        self._file.close()


def _whole_lines(file: Any) -> int:
    position = int(file.seek(0, os.SEEK_END))
    while position:
        begin = max(0, position - (1 << 16))
        file.seek(begin)
        end = bytes(file.read(position - begin)).rfind(b"\n")
        if end >= 0:
            return begin + end + 1
        position = begin
    return 0


def new_id() -> str:
    """An id for a map: 12 hexadecimal digits."""
    return secrets.token_hex(6)


def default_folder(map_id: str, environ: Mapping[str, str]) -> Path:
    """Where a map's journal is if nothing else is asked for: in the state folder.

    Raises:
        AgentcoreSandboxError: `NoStateFolder`.
    """
    return root(environ) / "maps" / map_id


def create(folder: Path, program: Program, source: map_items.Source, **more: Any) -> None:
    """Make a journal.

    Args:
        folder: A new folder, or one that is empty.
        program: What is mapped.
        source: Over what.
        more: The other fields of `Header`.

    Raises:
        UsageError: The folder is in use, or the items cannot be read.
        AgentcoreSandboxError: `JournalFailed`.
    """
    with _failures(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            hint = f"to go on with the map that is there: --resume {folder}"
            raise UsageError(f"the journal's folder is not empty: {folder}", hint)
        folder.chmod(0o700)
    try:
        with _failures(folder), _private(folder / ITEMS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, buffering=-1) as file:
            file.writelines(map_items.lines(source.read()))
        items = map_items.ItemFile(folder / ITEMS)
        header = Header(
            text=program.text,
            language=program.language,
            runtime=program.runtime,
            variables=sorted(program.environment),
            packages=list(program.packages),
            items=items.digest,
            count=len(items),
            files=source.format == "files",
            **more,
        )
        items.close()
        with _failures(folder), _private(folder / MAP, os.O_WRONLY | os.O_CREAT | os.O_EXCL, buffering=-1) as file:
            file.write(json.dumps(asdict(header)).encode())
    except BaseException:
        with suppress(OSError):
            for path in (*(folder / name for name in (ITEMS, MAP)),):
                path.unlink(missing_ok=True)
            folder.rmdir()
        raise


def read_header(folder: Path) -> Header:
    """What a journal says is mapped.

    Raises:
        AgentcoreSandboxError: `UnknownMap`, `UnreadableRecord`, `UnsafeFolder`.
    """
    try:
        problem = folder_privacy.problem(folder)
        if problem:
            hint = "others may have put files there: look at them, then chmod 700 it"
            raise AgentcoreSandboxError("UnsafeFolder", f"{folder} {problem}", hint)
        with _private(folder / MAP, os.O_RDONLY) as file:
            value = json.loads(file.read())
        if value["version"] != VERSION:
            raise _unreadable(folder, "another version of agentcore-sandbox has written it")
        return Header(**{name: value[name] for name in Header.__dataclass_fields__})
    except FileNotFoundError:
        message, hint = f"there is no map in {folder}", "list them: agentcore-sandbox maps list"
        raise AgentcoreSandboxError("UnknownMap", message, hint) from None
    except OSError as error:
        raise _unreadable(folder, str(error.strerror or error)) from None
    except (KeyError, TypeError, ValueError):
        raise _unreadable(folder, "it is damaged") from None


@contextmanager
def opened(folder: Path) -> Iterator[Journal]:
    """Open a journal for the block, for this process alone.

    Raises:
        AgentcoreSandboxError: As `read_header`; `MapBusy`.
    """
    header = read_header(folder)
    with _private(folder / LOCK, os.O_RDWR | os.O_CREAT) as lock:
        if not file_lock.acquire(lock.fileno(), _LOOK_SECONDS):
            hint = f"agentcore-sandbox maps wait {folder} waits for it, maps stop ends it"
            raise AgentcoreSandboxError("MapBusy", f"another process is at this map: {folder}", hint)
        (folder / STOP).unlink(missing_ok=True)
        journal = Journal(folder, header)
        try:
            yield journal
        finally:
            journal.close()


def read_progress(folder: Path) -> dict[str, Any]:
    """The last progress that was reported; empty where there is none."""
    with suppress(OSError, ValueError), _private(folder / PROGRESS, os.O_RDONLY) as file:
        found = json.loads(file.read())
        return found if isinstance(found, dict) else {}
    return {}


def result_offsets(folder: Path) -> dict[int, int]:
    """Where the latest record of each item begins in `results.jsonl`."""
    offsets, offset = {}, 0
    with suppress(FileNotFoundError), (folder / RESULTS).open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):  # else it is being written
                offsets[int(json.loads(line)["index"])] = offset
            offset += len(line)
    return offsets


def is_busy(folder: Path) -> bool:
    """Whether a process is at a map."""
    with suppress(OSError), _private(folder / LOCK, os.O_RDWR) as lock:
        return not file_lock.try_acquire(lock.fileno())
    return False


def _private(path: Path, flags: int, *, buffering: int = 0) -> Any:
    """Open a file of ours that nobody else can read; no link, and nothing that is no file, is followed."""
    descriptor = os.open(path, flags | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0), 0o600)
    status = os.fstat(descriptor)
    is_mine = sys.platform == "win32" or status.st_uid == os.geteuid()
    if not stat.S_ISREG(status.st_mode) or not is_mine:
        os.close(descriptor)
        raise OSError(f"{path} is not a file of yours")
    writes = flags & (os.O_RDWR | os.O_WRONLY)
    return os.fdopen(descriptor, "r+b" if flags & os.O_RDWR else "wb" if writes else "rb", buffering=buffering)


@contextmanager
def _failures(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"cannot keep the map's journal in {folder}: {error.strerror or error}"
        raise AgentcoreSandboxError("JournalFailed", message, "choose another folder: --journal DIR") from None


def _unreadable(folder: Path, reason: str) -> AgentcoreSandboxError:
    hint = "it was left as it is; start a new map for what is missing"
    return AgentcoreSandboxError("UnreadableRecord", f"the map in {folder} cannot be resumed: {reason}", hint)
