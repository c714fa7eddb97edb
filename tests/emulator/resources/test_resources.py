"""The limits of a session, each run into: what it does is told, the session lives on, and so do its neighbours."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.limits import Limits
from agentcore_emulator.resources import usage
from agentcore_emulator.resources.cgroups import Groups
from agentcore_emulator.resources.watchdog import Monitor, Watchdog
from support import sandboxes
from support.processes import eventually
from support.sandboxes import Session, failure

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator


SMALL = Limits(cpus=1, memory_bytes=256 << 20, disk_bytes=32 << 20, processes=40)
HOLD = "python -c 'import time; held = bytearray(100 << 20); time.sleep(1000)'"
SHARED = """
import mmap, time
shared = mmap.mmap(-1, 400 << 20)
for _ in range(400):
    shared.write(bytes(1 << 20))
time.sleep(1000)
"""
MEMORY = "The session used more than its 256 MiB of memory: the largest of its processes was killed."
DISK = "The session's files take more than its 32 MiB of disk: what ran was killed. Remove some."


@pytest.fixture(scope="module", params=["watchdog", "cgroup"])
def watchdog(request: pytest.FixtureRequest) -> Iterator[Watchdog]:
    groups = Groups.find() if request.param == "cgroup" else None
    if request.param == "cgroup" and groups is None:
        pytest.skip("this user can make no control groups (cgroup v2) here")
    with contextlib.closing(Watchdog(groups)) as watchdog:
        yield watchdog


@pytest.fixture(scope="module")
def session(watchdog: Watchdog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with sandboxes.start(tmp_path_factory.mktemp("session") / "sandbox", SMALL, watchdog) as session:
        yield session


@pytest.fixture(autouse=True)
def lives_on(session: Session) -> Iterator[None]:
    yield
    assert session.command("rm -rf *; echo ok")["stdout"].startswith("ok")
    assert streams(session.code("6 * 7")) == ("42", "", 0)


def streams(result: dict[str, Any]) -> tuple[str, str, int]:
    return result["stdout"], result["stderr"], result["exitCode"]


@pytest.mark.aws("assumed", "Limits", "What goes beyond its session's memory is killed, and told")
def test_memory_of_several_processes(session: Session) -> None:
    """None of them has more than it may have by itself."""
    result = session.command(f"for n in 1 2 3; do {HOLD} & done; wait -n; echo $?")
    assert result["stdout"] == "137\r\n"
    assert set(result["stderr"].splitlines()) == {MEMORY}


def test_memory_of_one_process_that_its_own_limit_does_not_count(session: Session) -> None:
    session.out("lost = 1")
    result = session.code(SHARED)
    assert result["exitCode"] == 137
    assert "Its variables are lost" in result["stderr"]
    assert result["stderr"].splitlines()[-1] == MEMORY
    assert "NameError" in session.code("lost")["stderr"]


def test_memory_of_a_task(session: Session) -> None:
    command = f"for n in 1 2 3; do {HOLD} & done; wait -n"
    task = session.invoke("startCommandExecution", command=command)["structuredContent"]["taskId"]
    answer: dict[str, Any] = {}

    def completed() -> bool:
        answer.update(session.invoke("getTask", taskId=task)["structuredContent"])
        return bool(answer["taskStatus"] == "completed")

    eventually(completed)
    assert answer["stderr"].splitlines()[-1] == MEMORY


def test_one_process_is_refused_more_than_all_may_have(session: Session) -> None:
    assert session.code("bytearray(300 << 20)")["stderr"].endswith("MemoryError: ")


@pytest.mark.aws("assumed", "Limits", "What goes beyond its session's disk is killed, and told")
def test_disk(session: Session) -> None:
    code = "import itertools\nfor n in itertools.count():\n    open(f'file{n}', 'wb').write(bytes(1 << 20))"
    result = session.code(code)
    assert result["exitCode"] == 137
    assert DISK in result["stderr"]
    content = [{"path": "more", "text": "x"}]
    said = failure(session.invoke("writeFiles", content=content))
    assert "No space left: the session's files may take 32 MiB in all; remove some of them" in said
    assert session.command("ls | wc -l; rm file*")["exitCode"] == 0
    assert not session.invoke("writeFiles", content=content)["isError"]


def test_disk_of_one_file(session: Session) -> None:
    """Who writes it hears it from the kernel, and the watchdog finds nothing to kill for."""
    session.out("kept = 42")
    assert "File too large" in session.command("head --bytes 33M /dev/zero > large")["stderr"]
    session.sandbox.monitor.look_at_disk()
    assert session.out("kept") == "42"


def test_processors(session: Session) -> None:
    assert session.command("nproc")["stdout"] == "1\r\n"
    assert session.out("import os\nlen(os.sched_getaffinity(0))") == "1"
    assert "PermissionError" in session.code("os.sched_setaffinity(0, range(os.cpu_count()))")["stderr"]


def test_two_busy_processes_take_one_processor(session: Session) -> None:
    code = """
import os, subprocess, sys, time
busy = "import time; end = time.monotonic() + 0.5\\nwhile time.monotonic() < end: pass"
began = time.monotonic()
for process in [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(3)]:
    process.wait()
used = os.times().children_user + os.times().children_system
print(used < 1.05 * (time.monotonic() - began))
"""
    assert session.out(code) == "True"


@pytest.mark.aws("assumed", "Limits", "A session has at most 1024 processes and threads")
def test_processes(session: Session) -> None:
    """The program hears it from the kernel, its caller from the service."""
    code = "import os\ntry:\n    while os.fork(): pass\nexcept BlockingIOError: print('no more', flush=True)\n"
    cancelled = threading.Event()
    results = []
    caller = threading.Thread(
        target=lambda: results.append(session.code(code + "import time; time.sleep(1000)", cancelled=cancelled))
    )
    caller.start()
    eventually(lambda: session.sandbox.monitor._is_crowded)
    cancelled.set()
    caller.join()
    told = "The session has as many processes and threads as it may have, 40: no more can be started."
    assert told in results[0]["stderr"].splitlines()
    assert results[0]["stdout"].splitlines()[0] == "no more"
    session.code("", clearContext=True)


@pytest.mark.parametrize("victim", ["2", "os.getppid()"], ids=["agent", "supervisor"])
def test_what_a_program_stops_and_others_need_goes_on(session: Session, victim: str) -> None:
    code = f"import os, signal\nos.kill({victim}, signal.SIGSTOP)\n"
    assert session.out(code + "print('after')") == "after"


def test_what_goes_on_stopping_them_is_ended(session: Session) -> None:
    session.invoke("startCommandExecution", command="while :; do kill -STOP 2; done")
    eventually(lambda: any("kept stopping" in event for event in session.sandbox.monitor._events))
    results: list[dict[str, Any]] = []

    def works_again() -> bool:
        """It is told before the last of what ran is ended, which may be the first of these."""
        results.append(session.code("6 * 7"))
        return not results[-1]["stderr"]

    eventually(works_again)
    assert results[-1]["stdout"] == "42"
    told = "A program of the session kept stopping the processes that answer requests"
    assert any(told in result["stderr"] for result in results)


def test_nobody_is_told_of_a_kill_that_is_still_to_come(tmp_path: Path) -> None:
    """On a busy machine it came once to what ran after the answer that told of it."""
    monitor, told = Monitor(tmp_path, SMALL), list[str]()

    class Program:
        def send(self, _signum: signal.Signals) -> None:
            caller.start()
            caller.join(0.2)
            assert told == []

    caller = threading.Thread(target=lambda: told.extend(monitor.since(0)))
    victims: list[Any] = [Program()]
    monitor._end(victims, "killed")
    caller.join()
    assert told == ["killed"]


def name(process: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text().strip()
    return ""


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("executeCommand", {"command": "setsid sleep 1000 & kill -9 $PPID; sleep 1000"}),
        ("executeCode", {"code": "import os\nos.system('setsid sleep 1000 &')\nos.kill(os.getppid(), 9)"}),
    ],
)
def test_what_a_program_cuts_off_is_ended(session: Session, tool: str, given: dict[str, Any]) -> None:
    """By killing the process of ours that would end it."""
    assert session.invoke(tool, **given)["isError"]
    eventually(lambda: "sleep" not in [name(process) for process in session.processes()])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees what is mapped and not open")
def test_memory_that_is_hardly_mapped(session: Session) -> None:
    result = session.code(
        "import mmap, time\nparts = []\nfor _ in range(100):\n"
        "    parts.append(mmap.mmap(-1, 4 << 20))\n    parts[-1].write(bytes(4 << 20))\n"
        "    parts[-1].madvise(mmap.MADV_DONTNEED)\ntime.sleep(1000)"
    )
    assert result["stderr"].splitlines()[-1] == MEMORY


def test_tables_that_are_large_beside_what_is_resident_are_not_gone_through() -> None:
    """While the kernel does, a program makes them grow: it was never done, and the machine's memory ran out."""
    program = usage.Process.read(os.getpid())
    assert program
    assert program.memory_bytes(program.page_table_bytes()) != (program.resident_bytes, 0)
    assert program.memory_bytes(program.resident_bytes) == (program.resident_bytes, 0)
