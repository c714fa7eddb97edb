"""Items of a map in a session: a supervisor runs each as a process of its own, and is asked through a socket.

An item is known by its key, `<index>-<attempt>`, and never runs twice however often it is given. It runs in a folder of
its own, `map-items/<index>`, with links to what is in the work folder. Its record stays until the client has it.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import zlib
from typing import Any, Iterator

from agentcore_sandbox.session_helpers.main import OWN
from agentcore_sandbox.session_helpers.processes import MISSING, exit_status, spawn

ITEMS = "map-items"
TIME_LIMIT = 124
GRACE_SECONDS = 5.0
LOOK_SECONDS = 0.02
LONGEST_LINE = 12_000
"""Characters of a packed answer that are printed; a longer one goes into a file."""
MOST_BYTES = 4 << 20  # of output in one answer


def supervise(request: Any) -> Any:
    """Run the items of `batch`, and what is given later, `parallel` at a time, until the session ends."""
    folder = request["folder"]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w") as lock:
        if not _lock(lock) or any(os.path.exists(os.path.join(folder, name)) for name in ("used", "fence")):
            return False  # the request was repeated, or has come too late
        open(os.path.join(folder, "used"), "x").close()
        if request["text"] is not None:
            with open(request["program"], "w", encoding="utf-8") as program:
                program.write(request["text"])
        os.umask(request["umask"])
        supervisor = Supervisor(request)
        supervisor.give(unpack(request["batch"]))
        supervisor.serve(os.path.join(folder, "socket"))
    return True


def exchange(request: Any) -> Any:
    """Give items, and tell of all that are `open` how they are: what has a record, what never came, what was lost."""
    asked = unpack(request["batch"])
    answer = _ask(request["folder"], asked, request["patience"])
    if answer is None:
        answer = _look(request["folder"], asked["open"])
    told: list[Any] = []
    room = MOST_BYTES
    for record in answer["records"]:
        if room <= 0:
            break
        if "exit" in record:
            for name in ("stdout", "stderr"):
                path = os.path.join(request["folder"], record["key"], name)
                record[name], record[name + "Cut"] = _shortened(path, request["limit"])
                room -= len(json.dumps(record[name]))
        told.append(record)
    packed = zlib.compress(json.dumps({**answer, "records": told, "more": len(told) < len(answer["records"])}).encode())
    line = base64.b64encode(packed).decode()
    if len(line) <= LONGEST_LINE:
        return line
    for name in os.listdir(request["folder"]):
        if name.startswith("answer-"):  # of an exchange before this one
            os.remove(os.path.join(request["folder"], name))
    with open(request["file"], "wb") as file:
        file.write(b"\xff" + packed)
    return None


def unpack(text: str) -> Any:
    """What the client has packed."""
    return json.loads(zlib.decompress(base64.b64decode(text)))


class Supervisor:
    """Runs items in threads, each of which waits for one process.

    Args:
        request: `folder`, `argv` that the path of `program` completes, `environment`, how many items run in `parallel`,
            and the `seconds` that one may take or null.
    """

    def __init__(self, request: Any) -> None:
        self._request = request
        self._argv = [*request["argv"], os.path.abspath(request["program"])]
        self._changed = threading.Condition()
        self._latest = [0, 0]
        self._seen: set[str] = set()
        self._waiting: collections.deque[tuple[str, dict[str, str]]] = collections.deque()
        self._running: set[str] = set()
        self._ended: dict[str, Any] = {}

    def serve(self, path: str) -> None:
        """Answer requests until the session ends."""
        for _ in range(self._request["parallel"]):
            threading.Thread(target=self._run_items, daemon=True).start()
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path + ".new")
            server.listen(16)
            os.rename(path + ".new", path)  # who finds it is answered
            while True:
                link, _ = server.accept()
                threading.Thread(target=self._answer, args=(link,), daemon=True).start()

    def give(self, items: list[Any]) -> None:
        """Take items, but those that were given before."""
        with self._changed:
            for key, variables in items:
                if key not in self._seen:
                    self._seen.add(key)
                    self._waiting.append((key, variables))
            self._changed.notify_all()

    def exchange(self, asked: Any) -> Any:
        """Do as `asked`, unless a later request has come before this one; wait `wait` seconds for `enough` to end."""
        with self._changed:
            if asked["number"] < self._latest:
                return {"outdated": True, "records": []}
            self._latest = asked["number"]
        self._settle(set(asked["open"]))
        self.give(asked["give"])
        with self._changed:
            for _ in range(min(asked["recall"], len(self._waiting))):
                key, _ = self._waiting.pop()
                self._ended[key] = {"key": key, "returned": True}
            self._changed.wait_for(lambda: self._is_enough(asked["enough"]), asked["wait"])
            if asked["number"] < self._latest:
                return {"outdated": True, "records": []}
            return {
                "alive": True,
                "records": [self._ended[key] for key in asked["open"] if key in self._ended],
                "missing": [key for key in asked["open"] if key not in self._seen],
                "lost": [],
                "waiting": len(self._waiting),
            }

    def _is_enough(self, count: int) -> bool:
        return len(self._ended) >= count or not (self._waiting or self._running)

    def _settle(self, open_keys: set[str]) -> None:
        """Forget the records that the client has."""
        with self._changed:
            settled = [key for key in self._ended if key not in open_keys]
            for key in settled:
                del self._ended[key]
        for key in settled:
            shutil.rmtree(os.path.join(self._request["folder"], key), ignore_errors=True)
            shutil.rmtree(_work_folder(key), ignore_errors=True)

    def _answer(self, link: socket.socket) -> None:
        with contextlib.suppress(OSError), link, link.makefile("rb") as asked:
            link.sendall(json.dumps(self.exchange(json.loads(asked.read()))).encode())

    def _run_items(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                key, variables = self._waiting.popleft()
                self._running.add(key)
            record = self._run(key, variables)
            with self._changed:
                self._running.discard(key)
                self._ended[key] = record
                self._changed.notify_all()

    def _run(self, key: str, variables: dict[str, str]) -> Any:
        folder = os.path.join(self._request["folder"], key)
        started = time.monotonic()
        try:
            os.mkdir(folder)  # from here on it may have run
            record = {"key": key, **self._execute(folder, _prepared(key), variables)}
        except (OSError, ValueError) as error:  # such as a variable that the system does not take
            record = {"key": key, "error": str(getattr(error, "strerror", None) or error)[:200]}
        record["seconds"] = round(time.monotonic() - started, 4)
        with contextlib.suppress(OSError):  # it is only read where this process has ended before it told
            _write_record(os.path.join(folder, "record"), record)
        return record

    def _execute(self, folder: str, work: str, variables: dict[str, str]) -> dict[str, Any]:
        environment = {**self._request["environment"], **variables}
        with open(os.path.join(folder, "stdout"), "wb") as out, open(os.path.join(folder, "stderr"), "wb") as err:
            try:
                process = spawn(self._argv, environment, out, err, cwd=work)
            except FileNotFoundError as error:
                err.write(f"{self._argv[0]}: {error.strerror}\n".encode())
                return {"exit": MISSING}
        try:
            return {"exit": exit_status(process.wait(self._request["seconds"]))}
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
            return {"exit": TIME_LIMIT, "timedOut": True}
        finally:
            _signal(process, signal.SIGKILL)  # and what it has left running
            process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _work_folder(key: str) -> str:
    return os.path.join(ITEMS, key.partition("-")[0])


def _prepared(key: str) -> str:
    """Make the item's own folder with links to what is in the work folder, unless they are there."""
    work = os.path.abspath(_work_folder(key))
    os.makedirs(work, exist_ok=True)
    for name in os.listdir("."):
        if name not in (OWN, ITEMS):
            with contextlib.suppress(FileExistsError):
                os.symlink(os.path.abspath(name), os.path.join(work, name))
    return work


def _write_record(path: str, record: Any) -> None:
    with open(path + ".new", "w", encoding="ascii") as file:
        json.dump(record, file)
    os.replace(path + ".new", path)


def _lock(file: Any) -> bool:
    import fcntl  # see main.py

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _ask(folder: str, asked: Any, patience: float) -> Any:
    """Ask the supervisor; None where there is none within `patience` seconds, or it ends meanwhile."""
    deadline = time.monotonic() + patience
    while True:
        with socket.socket(socket.AF_UNIX) as link:
            try:
                link.connect(os.path.join(folder, "socket"))
            except FileNotFoundError:  # it is about to start
                if time.monotonic() > deadline:
                    return None
            except ConnectionRefusedError:
                return None
            else:
                link.sendall(json.dumps(asked).encode())
                link.shutdown(socket.SHUT_WR)
                return _answer_of(link)
        time.sleep(LOOK_SECONDS)


def _answer_of(link: socket.socket) -> Any:
    with link.makefile("rb") as answer:
        try:
            return json.loads(answer.read())
        except (OSError, ValueError):
            return None


def _look(folder: str, keys: list[str]) -> Any:
    """What has become of items whose supervisor has ended, or has never come, and will not come any more."""
    os.makedirs(folder, exist_ok=True)
    open(os.path.join(folder, "fence"), "w").close()
    with open(os.path.join(folder, "lock"), "w") as lock:
        if not _lock(lock):
            raise OSError(errno.EBUSY, "the supervisor of the items does not answer", folder)
        records = list(_records(folder, keys))
        ended = {record["key"] for record in records}
        begun = [key for key in keys if key not in ended and os.path.isdir(os.path.join(folder, key))]
        missing = [key for key in keys if key not in ended and key not in begun]
    return {"alive": False, "records": records, "missing": missing, "lost": begun, "waiting": 0}


def _records(folder: str, keys: list[str]) -> Iterator[Any]:
    for key in keys:
        with contextlib.suppress(OSError, ValueError), open(os.path.join(folder, key, "record")) as file:
            yield json.load(file)


def _shortened(path: str, limit: int) -> tuple[str, int]:
    """Head and tail of a file, `limit` bytes together, and how many bytes are left out."""
    try:
        # What runs in the session may have put a pipe there: O_NONBLOCK does not wait for its writer.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= limit:
                return file.read(limit).decode("utf-8", "replace"), 0
            head = file.read(limit - limit // 2)
            file.seek(size - limit // 2)
            parts = (head, b"\n[... %d bytes left out ...]\n" % (size - limit), file.read(limit // 2))
            return b"".join(parts).decode("utf-8", "replace"), size - limit
    except OSError as error:
        return f"{error.strerror}\n", 0


OPERATIONS = {"supervise": supervise, "exchange": exchange}
