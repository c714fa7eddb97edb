"""The main job on the emulator: the same contract, with nothing but this machine."""

from __future__ import annotations

import json
import re
import signal
import uuid
from typing import TYPE_CHECKING

import pytest

from support import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.processes import CommandLine


@pytest.fixture
def session(local: CommandLine) -> Iterator[str]:
    session_id = local.run("start").stdout.decode().strip()
    yield session_id
    local.run("stop", session_id)


def ready(local: CommandLine) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(local.run("sessions", "--json").stdout)["sessions"]
    return found


def test_run(local: CommandLine) -> None:
    done = local.run("run", "print(6 * 7)")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"42", b"")
    assert ready(local) == []


def test_run_works_whatever_is_wrong_with_the_aws_configuration(local: CommandLine) -> None:
    (local.home / ".aws").mkdir()
    (local.home / ".aws" / "config").write_text("this is no configuration")
    done = local.run("run", "print(6 * 7)", env={"AWS_PROFILE": "nobody", "HTTP_PROXY": "http://127.0.0.1:1"})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"42", b"")


def test_failing_program(local: CommandLine) -> None:
    done = local.run("run", "print('hi')\n\n1/0")
    assert (done.returncode, done.stdout) == (1, b"hi")
    assert b"line 3" in done.stderr
    assert b"ZeroDivisionError: division by zero" in done.stderr
    assert b"environ" not in done.stderr


@pytest.mark.parametrize(
    ("command", "status", "stdout", "stderr"),
    [
        ("echo out; echo err >&2", 0, "out\nerr\n", ""),
        ("echo out; exit 3", 3, "", "out\n"),
        ("printf 'dos\\r\\nunix\\n'", 0, "dos\r\nunix\n", ""),
        ('echo "it\'s $A"', 0, "it's v'\"$x\n", ""),
        ("echo $AWS_REGION $AWS_DEFAULT_REGION", 0, "eu-west-1 eu-west-1\n", ""),
        ("true", 0, "", ""),
    ],
)
def test_command(local: CommandLine, command: str, status: int, stdout: str, stderr: str) -> None:
    done = local.run("run", "--cmd", "--env", "A=v'\"$x", "--region", "eu-west-1", command)
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (status, stdout, stderr)


def test_wrong_shell_syntax_does_not_show_the_environment(local: CommandLine) -> None:
    done = local.run("run", "--cmd", "--env", "A=value-secret", "if; then")
    assert done.returncode == 2
    assert b"yntax error" in done.stderr
    assert b"value-secret" not in done.stderr


def test_missing_program(local: CommandLine) -> None:
    assert local.run("run", "--cmd", "no-such-program").returncode == 127


def test_environment_and_region_in_python(local: CommandLine) -> None:
    code = "import os; print(os.environ['A'], os.environ['AWS_REGION'], os.environ['AWS_DEFAULT_REGION'])"
    done = local.run("run", "--env", "A=kůň\n'", "--clear-context", code)
    assert done.stdout.decode() == "kůň\n' us-east-1 us-east-1"


def test_nothing_of_the_callers_environment_gets_in(local: CommandLine) -> None:
    done = local.run("run", "--cmd", "env", env={"CALLER_SECRET": "1", "AWS_SECRET_ACCESS_KEY": "dummy"})
    assert done.returncode == 0
    assert b"SECRET" not in done.stdout


def test_variables_and_files_persist_until_cleared(local: CommandLine, session: str) -> None:
    assert local.run("exec", session, "os = 'mine'").returncode == 0
    assert local.run("exec", session, "print(os)").stdout == b"mine"
    for _ in range(5):  # a context must survive each client that leaves
        assert local.run("exec", session, "x = 5; open('f', 'w').write('data')").returncode == 0
        assert local.run("exec", session, "print(x)").stdout == b"5"
    assert local.run("exec", session, "--cmd", "cat f").stdout == b"data"
    cleared = local.run("exec", session, "--clear-context", "print(x)")
    assert cleared.returncode == 1
    assert b"NameError" in cleared.stderr
    assert [found["sessionId"] for found in ready(local)] == [session]


def test_a_context_that_was_killed_is_told_once_and_the_program_runs_in_a_new_one(
    local: CommandLine, session: str
) -> None:
    """As the limit on memory does it, when the program that has used too much has just ended."""
    process = local.run("exec", session, "import os; x = 1; os.getpid()").stdout.decode().strip()
    local.run("exec", session, "--cmd", f"kill -9 {process}")
    done = local.run("exec", session, "--env", "A=1", "import os; print(os.environ['A'], 'x' in globals())")
    assert (done.returncode, done.stdout) == (0, b"1 False")
    assert done.stderr.startswith(b"The process of this context has ended (exit code 137). Its variables are lost; ")
    assert local.run("exec", session, "print(1)").stderr == b""


def test_sessions_do_not_see_each_other(local: CommandLine, session: str) -> None:
    other = local.run("start").stdout.decode().strip()
    assert local.run("exec", session, "open('f', 'w').write('1'); x = 1").returncode == 0
    assert local.run("exec", other, "--cmd", "ls f").returncode != 0
    assert local.run("exec", other, "x").returncode == 1
    assert local.run("stop", other).returncode == 0


def test_stop_and_gone(local: CommandLine, session: str) -> None:
    assert local.run("stop", session).stdout == b"session stopped\n"
    for words in (["exec", session, "1"], ["stop", session]):
        done = local.run(*words)
        assert done.returncode == 125
        assert done.stderr.startswith(b"error[SessionGone]")
    listed = local.run("sessions", "--all").stdout.decode()
    assert re.search(rf"{session}  agentcore-sandbox  TERMINATED", listed)


def test_stop_all(local: CommandLine, session: str) -> None:
    other = local.run("start").stdout.decode().strip()
    done = local.run("stop", "--all", "--yes")
    assert set(done.stdout.decode().split()) == {"session", "stopped:", session, other}
    assert ready(local) == []


def test_time_limit_stops_a_runs_session_and_keeps_that_of_exec(local: CommandLine, session: str) -> None:
    assert local.run("run", "--exec-timeout", "0.5", "while True: pass").returncode == 124
    # As a process: the program stops when its connection ends.
    assert local.run_process("exec", session, "--exec-timeout", "0.5", "while True: pass").returncode == 124
    assert [found["sessionId"] for found in ready(local)] == [session]
    assert local.run("exec", session, "print('alive')").stdout == b"alive"


def test_lifetime_is_absolute(local: CommandLine) -> None:
    done = local.run("run", "--timeout", "1", "while True: pass")
    assert done.returncode == 125
    assert b"error[" in done.stderr


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=lambda signum: signum.name)
def test_signal_stops_program_and_session(local: CommandLine, signum: signal.Signals) -> None:
    marker = f"sleep 1000.{uuid.uuid4().int}"
    child = local.start("run", "--cmd", f"exec {marker}")
    assert processes.eventually(lambda: processes.running(marker))
    child.send_signal(signum)
    child.communicate(timeout=processes.DEADLINE)
    assert child.returncode == 128 + signum
    assert ready(local) == []
    assert not processes.running(marker)
