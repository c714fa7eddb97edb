"""A map in a process of its own: started, looked at, ended. Nothing of it is shared but the journal."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import activity
from agentcore_sandbox.errors import AgentcoreSandboxError, NotAllowedError
from agentcore_sandbox.map import journal as journals
from agentcore_sandbox.map.request import MapRequest
from agentcore_sandbox.near import suggestion
from agentcore_sandbox.policy.lock import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_sandbox.map.journal import Header
    from agentcore_sandbox.policy.lock import Lock

RUNNING, ENDED, KILLED = "running", "ended", "killed"
LOG = "log"
_ID = re.compile(r"[0-9a-f]{12}")
_START_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_LONGEST_LOG = 2000
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from agentcore_sandbox.map.detached import main; sys.exit(main())"
)


def start(request: MapRequest) -> None:
    """Run a map in a process that outlives this one.

    Raises:
        AgentcoreSandboxError: `NotStarted`.
    """
    source = str(Path(__file__).parents[2])
    paths = [source, *(path for path in sys.path if Path(path).is_absolute() and path != source)]
    descriptor = os.open(request.folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _BOOT, json.dumps(paths)],
            stdin=subprocess.PIPE,  # not an argument: it may have secrets in it
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the caller's terminal is not for it
        )
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie
    assert process.stdin  # noqa: S101 - it is a pipe
    with suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(request.as_json().encode())
    deadline = time.monotonic() + _START_SECONDS
    while not journals.is_busy(request.folder) and time.monotonic() < deadline:
        if process.poll() is not None:
            if (request.folder / journals.PROGRESS).exists():
                return  # it was quick
            raise AgentcoreSandboxError("NotStarted", f"the map was not started: {_log(request.folder)}", "try again")
        time.sleep(_LOOK_SECONDS)


def main() -> int:
    """Run the map that standard input describes: the process that `start` starts."""
    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.cli.signals import Interrupted, gate
    from agentcore_sandbox.map import running

    activity.command = "map"
    gate.install()
    output = Output()
    try:
        running.run(MapRequest.from_json(sys.stdin.read()), output)
    except AgentcoreSandboxError as error:
        output.failure(error)
        return error.status
    except Interrupted as interrupted:
        return interrupted.status
    return 0


def folder_of(word: str, environ: Mapping[str, str]) -> Path:
    """The journal's folder, of a map's id or of the folder itself.

    Raises:
        AgentcoreSandboxError: `UnknownMap`.
    """
    folder = _place(word, environ)
    if not os.path.lexists(folder):
        ids = [path.name for path in all_folders(environ)]
        hint = f"{suggestion(word, ids)}list them: agentcore-sandbox maps list"
        raise AgentcoreSandboxError("UnknownMap", f"there is no map {word}", hint)
    return folder


def _place(word: str, environ: Mapping[str, str]) -> Path:
    return journals.default_folder(word, environ) if _ID.fullmatch(word) else Path(word).absolute()


def reached(word: str, lock: Lock) -> Header:
    """What is mapped by a map that a locked call may reach.

    Raises:
        NotAllowedError: Its journal is neither in the state folder nor where a locked call can have put it, or its
            sessions are of another interpreter than the configured one.
    """
    folder = _place(word, os.environ)
    if not _ID.fullmatch(folder.name) or folder != journals.default_folder(folder.name, os.environ):
        lock.files.check_output_folder(word)
    header = journals.read_header(folder_of(word, os.environ))
    if header.interpreter_id != os.environ.get(INTERPRETER):
        raise NotAllowedError(f"map {word} runs in another interpreter than the configured one")
    return header


def all_folders(environ: Mapping[str, str]) -> list[Path]:
    """The journals in the state folder, the oldest first."""
    parent = journals.default_folder("", environ)
    with suppress(OSError):
        found = [path for path in parent.iterdir() if _ID.fullmatch(path.name)]
        return sorted(found, key=lambda path: path.stat().st_mtime)
    return []


def status(folder: Path) -> dict[str, Any]:
    """How a map is: its last progress, and whether a process is at it.

    Raises:
        AgentcoreSandboxError: As `journal.read_header`.
    """
    header = journals.read_header(folder)
    is_busy = journals.is_busy(folder)
    seen = journals.read_progress(folder)
    nothing = {"mapId": header.map_id, "journal": str(folder), "items": header.count, "left": header.count}
    state = RUNNING if is_busy else ENDED if seen.get("ended") else KILLED
    return {**nothing, **{name: value for name, value in seen.items() if name != "ended"}, "state": state}


def results(folder: Path, begin: int = 0, limit: int | None = None) -> tuple[list[bytes], int | None]:
    """Records of items from a number on, those that are there, as lines of JSON.

    Args:
        folder: The journal's.
        begin: The first item's number.
        limit: The most records.

    Returns:
        The records, and the number from which on there may be more; None after the last item.
    """
    header = journals.read_header(folder)
    offsets = journals.result_offsets(folder)
    wanted = [index for index in range(begin, header.count) if index in offsets][:limit]
    lines = []
    with (folder / journals.RESULTS if wanted else Path(os.devnull)).open("rb") as file:
        for index in wanted:
            file.seek(offsets[index])
            lines.append(file.readline())
    following = wanted[-1] + 1 if limit is not None and len(wanted) == limit else header.count
    return lines, following if following < header.count else None


def stop(folder: Path, how: str) -> None:
    """Ask the process that is at a map to end: `soon` or `now`."""
    (folder / (journals.STOP + ".new")).write_text(how)
    (folder / (journals.STOP + ".new")).replace(folder / journals.STOP)


def wait(folder: Path) -> dict[str, Any]:
    """Wait until no process is at a map; returns its status."""
    while journals.is_busy(folder):
        time.sleep(_LOOK_SECONDS * 4)
    return status(folder)


def remove(folder: Path) -> list[str]:
    """Forget a map that no process is at; returns the sessions that it may have left.

    Raises:
        AgentcoreSandboxError: `MapBusy`.
    """
    with journals.opened(folder) as journal:
        left = list(journal.past().sessions)
    shutil.rmtree(folder)
    return left


def _log(folder: Path) -> str:
    with suppress(OSError):
        return (folder / LOG).read_text(errors="replace")[-_LONGEST_LOG:].strip()
    return "it said nothing"
