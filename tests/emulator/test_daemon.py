"""The background service of a user: exactly one, private, gone when nobody needs it. Real processes throughout."""

from __future__ import annotations

import os
import signal
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from support.local import Local, ended, exports
from support.processes import DEADLINE, eventually

CALLERS = 20


def test_nothing_runs_until_it_is_needed(local: Local) -> None:
    assert not local.status()["running"]
    assert local.text("local", "status").startswith("not running\n")
    assert local.text("local", "stop") == "not running\n"


def test_it_starts_when_needed_serves_and_stops(local: Local) -> None:
    assert local.text("run", "--interpreter-id", "local", "print(6 * 7)") == "42"
    found = local.status()
    assert (found["running"], found["sessions"]) == (True, 0)
    assert f"running at {found['url']}, process {found['pid']}, " in local.text("local", "status")
    assert local.text("local", "stop") == "stopped\n"
    assert ended(found["pid"])
    assert not local.status()["running"]


def test_it_is_free_of_its_caller(local: Local) -> None:
    local.text("local", "env", env={"AWS_SECRET_ACCESS_KEY": "the-callers", "SOME_TOKEN": "secret"})
    pid = local.state["pid"]
    stat_fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    assert int(stat_fields[1]) != os.getpid(), "it would die as our zombie"
    assert os.getsid(pid) not in {os.getsid(0), pid}, "a terminal could signal it, or it could get one"
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"the-callers" not in environment
    assert b"SOME_TOKEN" not in environment
    open_files = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    assert not [name for name in open_files if name.startswith("pipe:")]


def test_a_session_of_a_series_is_like_the_first(local: Local) -> None:
    """It may have a sandbox that was started before it."""
    seen = "env; pwd; ls -A . ~ /tmp /dev/shm; cat /proc/*/cmdline | tr '\\0' ' ' | grep -c python"
    sessions = [local.start_session() for _ in range(4)]
    shown = [local.text("exec", "--interpreter-id", "local", "--cmd", session, seen) for session in sessions]
    assert shown == [shown[0]] * 4
    assert shown[0].count("\n") > 10
    assert local.status()["sessions"] == 4
    for session in sessions:
        local.stop_session(session)
    local.text("local", "stop")
    assert not (local.runtime / "sessions").exists()


def test_what_it_keeps_is_private_and_its_log_has_no_keys(local: Local) -> None:
    session = local.start_session()
    keys = exports(local.text("local", "env"))
    for path in [local.runtime, *local.runtime.iterdir(), *(local.runtime / "sessions").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    log = (local.runtime / "service.log").read_text()
    assert session in log
    assert keys["AWS_ACCESS_KEY_ID"] not in log
    assert keys["AWS_SECRET_ACCESS_KEY"] not in log
    arguments = Path(f"/proc/{local.state['pid']}/cmdline").read_text()
    assert keys["AWS_SECRET_ACCESS_KEY"] not in arguments


def test_many_callers_at_once_start_one_service(local: Local) -> None:
    with ThreadPoolExecutor(CALLERS) as pool:
        outcomes = {done.stdout for done in pool.map(lambda _: local.run_process("local", "env"), range(CALLERS))}
    [shown] = outcomes
    assert b"AWS_ENDPOINT_URL" in shown
    assert (local.runtime / "service.log").read_text().count("serving at") == 1


def test_it_works_without_a_home(local: Local) -> None:
    environment = {name: value for name, value in local.environment().items() if name != "HOME"}
    homeless = Local(local.command, local.home, environment)
    assert "export AWS_ACCESS_KEY_ID=LOCAL" in homeless.text("local", "env")


def test_a_killed_service_leaves_nothing_and_the_next_call_works(local: Local) -> None:
    session = local.start_session()
    pid = local.state["pid"]
    marker = f"survivor-{os.getpid()}-{id(local)}"
    code = f"import subprocess; p = subprocess.Popen(['sleep', '1000'], env={{'M': '{marker}'}})"
    local.text("exec", session, "--interpreter-id", "local", code)
    assert environments_with(marker)
    os.kill(pid, signal.SIGKILL)
    assert ended(pid)
    assert not local.status()["running"]
    assert "no session" in local.run("sessions", "--interpreter-id", "local").stderr.decode()
    assert local.state["pid"] != pid
    assert eventually(lambda: not (local.runtime / "sessions" / session).exists())
    assert eventually(lambda: not environments_with(marker))


def test_a_service_that_is_killed_meanwhile_is_told(local: Local) -> None:
    code = "import time; print('on', flush=True); time.sleep(1000)"
    child = local.start("run", "--follow", "--interpreter-id", "local", code)
    assert child.stdout
    assert child.stdout.readline() == b"on\n"
    os.kill(local.state["pid"], signal.SIGKILL)
    _, said = child.communicate(timeout=DEADLINE)
    assert (child.returncode, said.count(b"\n")) == (125, 2), said
    assert b"error[LocalServiceGone]: the emulator has ended: nobody answers at http://127.0.0.1:" in said
    assert b"hint: its sessions ended with it; the next call starts it anew\n" in said


def environments_with(text: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += [str(path)] if text.encode() in path.read_bytes() else []
        except OSError:
            continue
    return found


def test_it_ends_when_idle_but_not_before_its_sessions(local: Local) -> None:
    lifetime = 2
    pid, session = start_session_in_time(local, idle=0.5, lifetime=lifetime)
    assert ended(pid)
    log = (local.runtime / "service.log").read_text()
    assert f"session {session} terminated" in log
    assert logged_at(log, "idle for") - logged_at(log, "serving at") >= timedelta(seconds=lifetime)
    left = sorted(path.name for path in local.runtime.iterdir())
    assert left == ["service.log", "serving.lock", "starting.lock"]


def logged_at(log: str, event: str) -> datetime:
    """When this was logged last: a service may have been idle before the session started, and another one begun."""
    *_, line = (line for line in log.splitlines() if event in line)
    return datetime.strptime(line.partition(",")[0], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - a difference is wanted


def start_session_in_time(local: Local, idle: float, lifetime: int) -> tuple[int, str]:
    """Start the service and a session, again and again if the machine is so slow that the service is idle before."""
    while True:
        local.text("local", "env", env={"AGENTCORE_SANDBOX_LOCAL_IDLE": str(idle)})
        with suppress(OSError):
            return local.state["pid"], local.start_session(lifetime)
