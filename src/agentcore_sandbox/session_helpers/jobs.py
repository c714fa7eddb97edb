"""A program that runs by itself inside the session: started, watched and stopped."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from typing import Any

from agentcore_sandbox.session_helpers.processes import MISSING, exit_status, spawn

STREAMS = ("stdout", "stderr")
GRACE_SECONDS = 5.0
LOOK_SECONDS = 0.05


def supervise(request: Any) -> Any:
    """Run `argv` with its output in files of `folder`, and write its exit status when it has ended."""
    folder = request["folder"]
    _write(os.path.join(folder, "supervisor"), str(os.getpid()))
    variables = os.path.join(folder, "environment")
    with open(variables, encoding="utf-8") as file:
        environment = json.load(file)
    os.remove(variables)  # it may hold secrets, and nobody needs it any more
    with open(request["stdin"] or os.devnull, "rb") as stdin:
        if request["stdin"]:
            os.remove(request["stdin"])
        status = _run(folder, request["argv"], environment, stdin, request["umask"])
    _write(os.path.join(folder, "exit"), str(status))
    return status


def _run(folder: str, argv: list[str], environment: dict[str, str], stdin: Any, umask: int) -> int:
    stdout, stderr = (os.path.join(folder, name) for name in STREAMS)
    with open(stdout, "wb") as out, open(stderr, "wb") as err:
        try:
            # There is one thread; umask= came with Python 3.9.
            process = spawn(argv, environment, out, err, stdin, preexec_fn=lambda: os.umask(umask))
        except OSError as error:
            err.write(f"{argv[0]}: {error.strerror}\n".encode())
            return MISSING
    _write(os.path.join(folder, "pid"), str(process.pid))
    return exit_status(process.wait())


def _write(path: str, text: str) -> None:
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.replace(path + ".new", path)


def _number(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def poll(request: Any) -> Any:
    """Tell how the program is, and put what is new of its output, up to `limit` bytes each, into the file `delta`.

    The exit status is looked at first: when it is there, the output is complete.
    """
    folder = request["folder"]
    os.stat(folder)
    status = _number(os.path.join(folder, "exit"))
    supervisor = _number(os.path.join(folder, "supervisor"))
    pieces, sizes = [], []
    for name, offset in zip(STREAMS, request["offsets"]):
        data, size = _read(os.path.join(folder, name), offset, request["limit"])
        pieces.append(data)
        sizes.append(size)
    if any(pieces):
        os.makedirs(os.path.dirname(request["delta"]), exist_ok=True)
        with open(request["delta"], "wb") as file:
            file.write(b"\xff" + b"".join(pieces))
    alive = None if supervisor is None else _is_alive(supervisor)
    return {"exit": status, "alive": alive, "sizes": sizes, "lengths": [len(piece) for piece in pieces]}


def _read(path: str, offset: int, limit: int) -> tuple[bytes, int]:
    try:
        # What runs in the session may have put a pipe there: O_NONBLOCK does not wait for its writer.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            file.seek(offset)
            data = file.read(limit)
            return data, os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return b"", 0


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def stop(request: Any) -> Any:
    """End the program and all of its process group: first by asking, then by force. Tell its exit status."""
    folder = request["folder"]
    for number in (signal.SIGTERM, signal.SIGKILL):
        process = _wait(folder, "pid")
        if process is not None and _number(os.path.join(folder, "exit")) is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, number)
            _wait(folder, "exit")
    return _number(os.path.join(folder, "exit"))


def _wait(folder: str, name: str) -> int | None:
    """Wait a while for a number in a file."""
    deadline = time.monotonic() + GRACE_SECONDS
    while _number(os.path.join(folder, name)) is None and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return _number(os.path.join(folder, name))


def discard(request: Any) -> Any:
    """Remove a file or folder of ours, also one that is not there."""
    if os.path.isdir(request["path"]):
        shutil.rmtree(request["path"], ignore_errors=True)
    elif os.path.lexists(request["path"]):
        os.remove(request["path"])
    return True


OPERATIONS = {"supervise": supervise, "poll": poll, "stop": stop, "discard": discard}
