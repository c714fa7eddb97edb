"""Kill, disk full, clock jump: nothing stays behind, others go on, and the next call works or says what was lost."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.service import server as server_module
from agentcore_emulator.service import sessions as sessions_module
from support import http_calls, service
from support.local import Local, ended, serving
from support.processes import children, eventually
from support.service import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.processes import CommandLine

EXEC = ("--interpreter-id", "local")


def output(local: Local, session: str, code: str) -> str:
    return local.text("exec", session, *EXEC, code)


def test_a_killed_sandbox_takes_nobody_along(local: Local) -> None:
    with serving(local) as (process, _):
        sessions = [local.start_session() for _ in range(4)]
        for number, session in enumerate(sessions):
            output(local, session, f"x = {number}")
        os.kill(children(process.pid)[0], signal.SIGKILL)
        done = [local.run("exec", session, *EXEC, "print(x)") for session in sessions]
        lost = [answer for answer in done if answer.returncode]
        assert [answer.stdout.split()[0] for answer in done if not answer.returncode] in _but_one(
            [b"0", b"1", b"2", b"3"]
        )
        assert [(answer.returncode, b"error[SessionGone]" in answer.stderr) for answer in lost] == [(125, True)]
        assert local.status()["sessions"] == 3
        assert output(local, local.start_session(), "print(5)") == "5"


def _but_one(texts: list[bytes]) -> list[list[bytes]]:
    return [texts[:index] + texts[index + 1 :] for index in range(len(texts))]


def test_a_killed_server_with_running_work_leaves_nothing(local: Local) -> None:
    with serving(local) as (process, _):
        sessions = [local.start_session() for _ in range(8)]
        running = [local.start("exec", session, *EXEC, "import time; time.sleep(1000)") for session in sessions]
        assert eventually(lambda: len(children(process.pid)) >= len(sessions))  # spares too
        sandboxes = children(process.pid)
        process.kill()
        for caller in running:
            _, said = caller.communicate()
            assert (caller.returncode, b"error[" in said) == (125, True)
        assert all(ended(pid) for pid in sandboxes)
    done = local.run("exec", sessions[0], *EXEC, "1")
    assert (done.returncode, b"error[SessionGone]" in done.stderr) == (125, True)
    assert eventually(lambda: list((local.runtime / "sessions").iterdir()) == [])
    assert output(local, local.start_session(), "print(1)") == "1"


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[None]:
    path.mkdir(mode=0o700)
    mount = ["/bin/mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(path)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk to fill needs root")
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(path)], check=True)


FILL = """
try:
    with open("big", "wb") as file:
        while True:
            file.write(bytes(1 << 16)); file.flush()
except OSError as error:
    print("full", error.errno)
"""


def test_a_full_disk_is_told_and_ends_with_the_session_that_filled_it(cli: CommandLine, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 24):
        runtime = tmp_path / "small" / "runtime"
        local = Local(cli.command, cli.home, {**cli.base, "AGENTCORE_SANDBOX_RUNTIME_DIR": str(runtime)})
        with serving(local, stop=True):
            other, filler = local.start_session(), local.start_session()
            assert output(local, filler, FILL) == "full 28"
            assert output(local, other, "print(2)") == "2"
            done = local.run("start", *EXEC)
            if done.returncode:  # no room for its folder: the reason is told
                assert b"No space left on device" in done.stderr
            assert local.run("stop", filler, *EXEC).returncode == 0
            assert output(local, local.start_session(), "print(3)") == "3"


@pytest.mark.parametrize("days", [1, -1])
def test_a_jump_of_the_clock_neither_ends_nor_prolongs_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    class Jumped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # a plain one
            return datetime.now(tz) + timedelta(days=days)

    def call(method: str, target: str, *, skew: int = 0) -> http_calls.Answer:
        path = f"/code-interpreters/local/sessions/{target}"
        body = b'{"sessionTimeoutSeconds": 3}' if target == "start" else b""
        return http_calls.call(running.url, KEYS, method, path, body, skew=timedelta(days=skew))

    with service.serve(tmp_path) as running:
        session = call("PUT", "start").body["sessionId"]
        monkeypatch.setattr(server_module, "datetime", Jumped)
        monkeypatch.setattr(sessions_module, "datetime", Jumped)
        assert call("GET", f"get?sessionId={session}").status == 403  # the client's clock has not jumped
        assert call("GET", f"get?sessionId={session}", skew=days).body["status"] == "READY"
        assert eventually(lambda: call("GET", f"get?sessionId={session}", skew=days).body["status"] == "TERMINATED")
        assert call("PUT", "start", skew=days).status == 200
