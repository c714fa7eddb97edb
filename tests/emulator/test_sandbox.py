"""A sandbox's life: start, limits, death, and what its host side survives."""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator import sandbox
from agentcore_emulator.agent_client import Call
from agentcore_emulator.attached import Attached, Roots
from agentcore_emulator.errors import EmulatorError
from agentcore_emulator.isolation import launcher
from agentcore_emulator.isolation.bubblewrap import Bubblewrap
from agentcore_emulator.limits import Limits
from agentcore_emulator.sandbox import Sandbox, SandboxConfig, SandboxGoneError
from support import certificates, sandboxes
from support.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable


def gone(processes: list[int]) -> bool:
    return not any(Path(f"/proc/{process}").exists() for process in processes)


def test_close_ends_every_process(tmp_path: Path) -> None:
    with sandboxes.start(tmp_path / "sandbox") as session:
        session.out("import subprocess\nfor _ in range(5):\n    child = subprocess.Popen(['setsid', 'sleep', '1000'])")
        session.invoke("startCommandExecution", command="trap '' TERM HUP; sleep 1000")
        processes = session.processes()
        assert len(processes) > 8
        session.sandbox.close()
        assert not session.sandbox.alive
        eventually(lambda: gone(processes))
        session.sandbox.close()


def test_nothing_is_called_in_a_closed_sandbox(tmp_path: Path) -> None:
    with sandboxes.start(tmp_path / "sandbox") as session:
        session.sandbox.close()
        with pytest.raises(SandboxGoneError):
            session.command("true")


def test_close_ends_a_waiting_call(tmp_path: Path) -> None:
    with sandboxes.start(tmp_path / "sandbox") as session, concurrent.futures.ThreadPoolExecutor() as pool:
        call = pool.submit(session.command, "touch waiting; sleep 1000")
        eventually((tmp_path / "sandbox" / "work" / "waiting").exists)
        session.sandbox.close()
        with pytest.raises(SandboxGoneError):
            call.result()


def test_an_answer_that_comes_while_it_is_closed_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are removed then, and were once told to be missing in a session that had only ended."""
    with sandboxes.start(tmp_path / "sandbox") as session:
        answer = Call.answer

        def answer_and_close(call: Call, cancelled: threading.Event) -> Any:
            found = answer(call, cancelled)
            session.sandbox.close()
            return found

        monkeypatch.setattr(Call, "answer", answer_and_close)
        with pytest.raises(SandboxGoneError):
            session.invoke("readFiles", paths=["missing"])


def test_a_context_keeps_its_connection_until_it_is_interrupted(tmp_path: Path) -> None:
    cancelled = threading.Event()
    with sandboxes.start(tmp_path / "sandbox") as session:
        session.out("x = 1")
        [first] = session.sandbox._kept.values()
        assert session.out("x") == "1"
        assert [*session.sandbox._kept.values()] == [first]
        timer = threading.Timer(0.1, cancelled.set)
        timer.start()
        session.code("import time\ntime.sleep(1000)", cancelled=cancelled)
        timer.join()
        assert not session.sandbox._kept
        assert session.out("x") == "1"
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            assert [*pool.map(session.out, ["x"] * 20)] == ["1"] * 20
        assert len(session.sandbox._kept) == 1


@pytest.mark.parametrize("command", ["kill -9 2", "kill -9 -1"])
def test_a_session_can_only_kill_itself(tmp_path: Path, command: str) -> None:
    with sandboxes.start(tmp_path / "sandbox") as session:
        with pytest.raises(SandboxGoneError, match="ended in the middle of a call"):
            session.command(f"{command}; sleep 1000")
        eventually(lambda: not session.sandbox.alive)


def test_a_stopped_agent_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentcore_emulator.agent_client.GRACE_SECONDS", 0.5)
    with sandboxes.start(tmp_path / "sandbox") as session:
        cancelled = threading.Event()
        session.out("import os, signal\nos.kill(2, signal.SIGSTOP)")
        cancelled.set()
        with pytest.raises(SandboxGoneError, match="does not react to an interrupt"):
            session.invoke("listFiles", cancelled=cancelled)
        assert not session.sandbox.alive


def test_a_killed_service_leaves_no_sandbox(tmp_path: Path) -> None:
    sandboxes.require_bubblewrap()
    script = (
        "import pathlib, sys, threading\n"
        "from agentcore_emulator import sandbox\n"
        "made = sandbox.Sandbox(sandbox.SandboxConfig(pathlib.Path(sys.argv[1])))\n"
        "starter = threading.Thread(target=made.start)\n"
        "starter.start(); starter.join()\n"
        "print(made._process.pid, flush=True)\n"
        "threading.Event().wait()\n"
    )
    (tmp_path / "sandbox").mkdir(mode=0o700)
    path = str(Path(sandbox.__file__).parents[2])
    arguments = [sys.executable, "-c", script, str(tmp_path / "sandbox")]
    environment = {"PATH": os.defpath, "PYTHONPATH": path}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment) as service:
        assert service.stdout is not None
        pid = int(service.stdout.readline())
        processes = [pid, *sandboxes.descendants(pid)]
        assert len(processes) == 3  # bwrap, its init, the agent: alive although the thread that asked has ended
        service.send_signal(signal.SIGKILL)
        eventually(lambda: gone(processes))


def test_many_start_at_once(tmp_path: Path) -> None:
    """Descriptors of one start must not reach another's."""
    sandboxes.require_bubblewrap()

    def work(number: int) -> str:
        with sandboxes.start(tmp_path / str(number)) as session:
            session.out(f"x = {number}")
            assert session.command("ls -l /proc/self/fd | grep -c socket")["stderr"] == "0\r\n"
            return session.out("x")

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        assert list(pool.map(work, range(36))) == [str(number) for number in range(36)]


def test_a_worker_has_three_streams_and_one_socket(tmp_path: Path) -> None:
    with sandboxes.start(tmp_path / "sandbox") as session:
        assert session.out("import os\nlen([fd for fd in os.listdir('/proc/self/fd') if int(fd) > 2])") == "2"
        assert session.out(
            "import subprocess\nsubprocess.run(['ls', '/proc/self/fd'], close_fds=False);"
        ).split() == list("0123")


def test_a_fork_bomb_is_no_trouble_to_the_session(tmp_path: Path) -> None:
    with sandboxes.start(tmp_path / "sandbox", Limits(processes=50)) as session:
        cancelled = threading.Event()
        timer = threading.Timer(1, cancelled.set)
        timer.start()
        assert session.command("bomb() { bomb | bomb & }; bomb; sleep 1000", cancelled=cancelled)["exitCode"] == 137
        timer.join()
        assert session.out("6 * 7") == "42"
        assert len(session.processes()) < 8


def test_a_folder_that_is_in_use_is_refused(tmp_path: Path) -> None:
    with sandboxes.start(tmp_path / "sandbox"), pytest.raises(FileExistsError):
        Sandbox(SandboxConfig(tmp_path / "sandbox")).start()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'bwrap: no luck' >&2; exit 1", "bwrap: no luck"),
        ("exit 0", "it ended before its agent was ready"),
        ("sleep 1000", "timed out"),
    ],
)
def test_a_sandbox_that_is_not_ready_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setattr(sandbox, "READY_SECONDS", 0.5)
    program = tmp_path / "bin" / "bwrap"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    (tmp_path / "sandbox").mkdir(mode=0o700)
    made = Sandbox(SandboxConfig(tmp_path / "sandbox"))
    with pytest.raises(EmulatorError, match=reason) as caught:
        made._start(Bubblewrap(program, program.parent))
    assert caught.value.code == "LocalSandboxStart"
    assert not made.alive


@pytest.mark.parametrize(("network", "found"), [(False, "refused"), (True, "reached")])
def test_the_hosts_network_is_there_only_when_asked_for(tmp_path: Path, network: bool, found: str) -> None:  # noqa: FBT001
    sandboxes.require_bubblewrap()
    (tmp_path / "sandbox").mkdir(mode=0o700)
    made = Sandbox(SandboxConfig(tmp_path / "sandbox", network=network))
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.closing(made):
        made.start()
        address = server.getsockname()
        code = (
            f"import socket\ntry:\n    socket.create_connection({address}).close()\n    print('reached')\n"
            "except ConnectionRefusedError:\n    print('refused')"
        )
        assert sandboxes.Session(made).out(code) == found


@pytest.mark.aws(
    "assumed",
    "Interpreters",
    "`SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`, `NODE_EXTRA_CA_CERTS` and `DENO_CERT` name the certificates",
)
def test_folders_are_mounted_and_certificates_trusted(tmp_path: Path) -> None:
    signed, _ = certificates.self_signed("an inspector", authority=True)
    roots = Roots(tmp_path)
    attached = Attached({"/mnt/data": roots.folder("x/fsap-01234567")}, signed.decode())
    code = (
        "import ssl\nfrom pathlib import Path\nfound = str(ssl.create_default_context().get_ca_certs())\n"
        "Path('/mnt/data/left').write_text('by the first')\n'an inspector' in found"
    )
    with sandboxes.start(tmp_path / "first", attached=attached) as session:
        assert session.out(code) == "True"
        assert session.command("touch /mnt/other; touch /mnt/data/../x; ls /mnt")["stdout"].split()[-1] == "data"
    with sandboxes.start(tmp_path / "second", attached=attached) as session:
        assert session.command("cat /mnt/data/left")["stdout"] == "by the first"
    assert tmp_path.joinpath("fsap-01234567", "left").read_text() == "by the first"


def test_a_sandbox_closed_while_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandboxes.require_bubblewrap()
    (tmp_path / "sandbox").mkdir(mode=0o700)
    made = Sandbox(SandboxConfig(tmp_path / "sandbox"))
    launched = []

    def launch_slowly(*arguments: Any, **options: Any) -> Any:
        made.close()
        launched.append(launcher.launch(*arguments, **options))
        return launched[0]

    monkeypatch.setattr(sandbox, "launcher", SimpleNamespace(**{**vars(launcher), "launch": launch_slowly}))
    with pytest.raises(EmulatorError):
        made.start()
    assert launched[0].poll() is not None
    assert not made.alive


def start_and_end(folder: Path, seconds: float, end: Callable[[subprocess.Popen[bytes]], object]) -> None:
    """Start a sandbox, and end it so early that it is not ready."""
    folder.mkdir(mode=0o700)
    launcher.make_folders(folder)
    contents = launcher.Contents(folder, [], network=False, cpus=2)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, (folder / "complaints").open("wb") as complaints:
        process = launcher.launch(sandbox._working_program(), contents, theirs.fileno(), {}, complaints)
        threading.Event().wait(seconds)
        end(process)
        process.wait()
    launcher.clear_up(folder)


def left(before: set[int]) -> set[int]:
    return {process.pid for process in launcher.find_orphans()} - before


@pytest.fixture
def before() -> set[int]:
    """What others, who test at the same time, have left."""
    sandboxes.require_bubblewrap()
    return left(set())


def test_a_bwrap_ended_at_once_leaves_no_child(tmp_path: Path, before: set[int]) -> None:
    for number in range(40):
        start_and_end(tmp_path / str(number), number / 8000, sandbox._end)
    eventually(lambda: left(before) == set())


def test_what_a_killed_one_leaves_is_found_and_ended(tmp_path: Path, before: set[int]) -> None:
    """Its child waits for it for ever if the moment was the wrong one: tried until it was."""
    for number in itertools.count():
        start_and_end(tmp_path / str(number), number % 40 / 8000, subprocess.Popen.kill)
        if found := left(before):
            break
    launcher.end_orphans()
    eventually(lambda: gone(list(found)))
