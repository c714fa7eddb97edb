"""Packages in sessions of the emulator, which have no network: from wheels that are made here, by the command line."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_sandbox.session_helpers import packages as helper
from support import wheels
from support.processes import eventually
from support.schema import check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.processes import CommandLine

SHOW = "import pure, native; print(pure.VERSION, native.VERSION)"
SCRIPT = f"# /// script\n# dependencies = ['pure']\n# requires-python = '>=3.8'\n# ///\n{SHOW}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Wheels: `pure` needs `native`, which is made for one Python and this machine."""
    folder = tmp_path / "wheels"
    wheels.wheel(folder, "pure", needs=["native"])
    wheels.wheel(folder, "native", tag=f"{wheels.NATIVE}-{wheels.NATIVE}-{linux_tag()}")
    wheels.wheel(folder, "elsewhere", tag="cp38-cp38-win_amd64")
    return folder


def linux_tag() -> str:
    found = helper.describe({})
    name = "manylinux_2_17" if found["libc"] == "glibc" else "musllinux_1_1"
    return f"{name}_{platform.machine()}"


@pytest.fixture
def user(local: CommandLine, folder: Path, tmp_path: Path) -> Iterator[CommandLine]:
    """A user of the emulator whose uv knows these wheels and no index, and who has nothing in the cache."""
    environment = wheels.only_from(folder, tmp_path)
    uv = f"{wheels.uv_on_path(tmp_path / 'bin')}:{local.environment()['PATH']}"
    yield local.using(**environment, PATH=uv, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert local.run("stop", "--all").returncode == 0


def outcome(user: CommandLine, *words: str, status: int = 0) -> dict[str, Any]:
    done = user.run(*words, "--json")
    assert done.returncode == status, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def test_packages_are_there_in_every_kind_of_program_and_sent_once(user: CommandLine) -> None:
    first = outcome(user, "exec", "work", "--with", "pure", SHOW)
    assert (first["stdout"], first["stderr"]) == ("1.0 1.0", "")
    packages = first["packages"]
    assert [line.split(" ")[0] for line in packages["lock"]] == ["native==1.0", "pure==1.0"]
    assert (packages["cached"], packages["sent"]) == (False, True)
    again = outcome(user, "exec", "work", "--with", "pure", SHOW)["packages"]
    assert (again["cached"], again["sent"], again["lock"]) == (True, False, packages["lock"])
    other = user.run("exec", "work", SHOW)  # says nothing of packages
    assert (other.stdout, other.stderr) == (b"1.0 1.0", b"")
    assert user.run("exec", "work", "--cmd", f"python3 -c '{SHOW}'").stdout == b"1.0 1.0\n"
    assert user.run("exec", "work", "--follow", SHOW).stdout == b"1.0 1.0\n"
    job = outcome(user, "job", "start", "--session", "work", SHOW)["jobId"]
    assert user.run("job", "wait", job).returncode == 0
    assert user.run("exec", "work", "--lang", "js", "1", env={"PATH": "/usr/bin"}).returncode in (0, 1, 125)


def test_a_later_run_takes_them_from_the_cache(user: CommandLine) -> None:
    (user.home / "job.py").write_text(SCRIPT)
    first = user.run("run", "--file", "job.py")
    assert (first.stdout, first.returncode) == (b"1.0 1.0", 0)
    assert [line.split()[1] for line in first.stderr.splitlines()] == [b"resolving", b"fetching", b"sending"]
    second = user.run("run", "--file", "job.py")
    assert [line.split()[1] for line in second.stderr.splitlines()] == [b"sending"]
    found = outcome(user, "run", "--file", "job.py")
    assert (found["packages"]["cached"], found["packages"]["sent"]) == (True, True)
    (user.home / "list.txt").write_text("".join(f"{line}\n" for line in found["packages"]["lock"]))
    assert outcome(user, "run", "--requirements", "list.txt", SHOW)["packages"]["lock"] == found["packages"]["lock"]


@pytest.mark.parametrize("needs", ["", pytest.param("# requires-python = '>=3.8'\n", marks=pytest.mark.nightly)])
def test_a_session_that_is_not_what_was_remembered_is_asked_again(user: CommandLine, needs: str) -> None:
    """Here it was one for which there is no wheel, and for which the program is not made."""
    script = f"# /// script\n{needs}# dependencies = ['pure']\n# ///\n{SHOW}"
    assert user.run("run", script).stdout == b"1.0 1.0"
    (record,) = (user.home / ".local/state/agentcore-sandbox/packages/platforms").iterdir()
    record.write_text(re.sub(r'"3\.\d+\.\d+"', '"3.1.0"', record.read_text()))
    assert user.run("run", script).stdout == b"1.0 1.0"
    wheels.wheel(Path(user.environment()["UV_FIND_LINKS"]), "other")
    record.write_text(re.sub(r'"3\.\d+\.\d+"', '"3.99.0"', record.read_text()))
    assert outcome(user, "run", "--with", "other", "import other")["exitCode"] == 0  # it fits both, and is sent twice
    assert "3.99" not in record.read_text()


def test_start_map_and_jobs_install_too(user: CommandLine) -> None:
    check("start", user, "start", "--name", "work", "--with", "native")
    assert user.run("exec", "work", "import native; print(native.VERSION)").stdout == b"1.0"
    job = check("job start", user, "job", "start", "--with", "pure", SHOW)["jobId"]
    assert user.run("job", "wait", job).returncode == 0
    assert user.run("job", "logs", job).stdout == b"1.0 1.0\n"
    assert user.run("job", "rm", job).returncode == 0
    words = ("map", "--items", "-", "--with", "pure", "--sessions", "2", "--per-session", "1", SHOW)
    done = user.run(*words, stdin=b"a\nb\n")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["stdout"] for record in records] == ["1.0 1.0\n", "1.0 1.0\n"]


def test_packages_come_before_those_of_the_session_and_behind_the_users_own_modules(user: CommandLine) -> None:
    wheels.wheel(user.home / "mine", "native", "9.0")
    (user.home / "pure.py").write_text("VERSION = 'own'")
    words = (
        "exec",
        "work",
        "--upload",
        "pure.py",
        "--with",
        "pure",
        "--with",
        "mine/native-9.0-py3-none-any.whl",
        SHOW,
    )
    assert user.run(*words).stdout == b"own 9.0"


@pytest.mark.nightly
def test_two_at_once_install_in_one_session(user: CommandLine) -> None:
    session = user.run("start").stdout.decode().strip()
    statuses: list[int] = []

    def execute() -> None:
        statuses.append(user.run_process("exec", session, "--with", "pure", SHOW).returncode)

    threads = [threading.Thread(target=execute) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [0, 0]
    left = user.run("exec", session, "--cmd", "ls -A .agentcore-sandbox .agentcore-sandbox/packages").stdout
    assert b"transfer" not in left
    assert b".new" not in left


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (("--with", "elsewhere"), "NoWheel", 125),
        (("--with", f"pure==1.0 --hash=sha256:{'0' * 64}"), "Usage", 2),
        (("--requirements", "wrong.txt"), "HashMismatch", 125),
        (("--requirements", "index.txt"), "Usage", 2),
        (("--requirements", "absent.txt"), "Usage", 2),
        (("--with", "pure", "--lang", "js"), "Usage", 2),
        (("--file", "newer.py"), "Usage", 2),
    ],
)
def test_what_cannot_be_installed_starts_no_program(
    user: CommandLine, words: tuple[str, ...], code: str, status: int
) -> None:
    (user.home / "wrong.txt").write_text(f"pure==1.0 --hash=sha256:{'0' * 64}\n")
    (user.home / "index.txt").write_text("--index-url http://127.0.0.1:9/\npure\n")
    (user.home / "newer.py").write_text("# /// script\n# requires-python = '>=3.99'\n# ///\n")
    program = () if "--file" in words else ("print('ran')",)
    found = outcome(user, "run", *words, *program, status=status)
    assert found["error"]["code"] == code
    assert "ran" not in json.dumps(found.get("stdout", ""))
    assert user.run("sessions", "--json").stdout == b'{"sessions": []}\n'


@pytest.mark.nightly
def test_an_upload_that_was_cut_leaves_nothing_that_counts(user: CommandLine, folder: Path) -> None:
    session = user.run("start").stdout.decode().strip()
    wheels.wheel(folder, "large", files={"large.py": "", "noise.txt": os.urandom(24 << 20).hex()})
    process = user.start("exec", session, "--with", "large", "import large")
    assert process.stderr
    while b"sending" not in (line := process.stderr.readline()):
        assert line
    process.kill()
    process.communicate()
    found = outcome(user, "exec", session, "--with", "large", "import large; print(large.__file__)")["packages"]
    assert (found["cached"], found["sent"]) == (True, True)


@pytest.mark.nightly
def test_a_folder_that_cannot_be_made_in_the_session_is_told(user: CommandLine) -> None:
    session = user.run("start").stdout.decode().strip()
    user.run("exec", session, "--cmd", "mkdir -p .agentcore-sandbox && touch .agentcore-sandbox/packages")
    done = user.run("exec", session, "--with", "pure", SHOW)
    assert (done.returncode, b"error[SessionFile]" in done.stderr) == (125, True)
    user.run("exec", session, "--cmd", "rm .agentcore-sandbox/packages")
    assert user.run("exec", session, "--with", "pure", SHOW).stdout == b"1.0 1.0"


@pytest.mark.nightly
def test_an_interrupted_resolver_is_ended(user: CommandLine, tmp_path: Path) -> None:
    user.run("run", "--with", "pure", "1")  # so that the platform is known, and no session is needed
    slow = tmp_path / "bin" / "uv"
    slow.unlink()
    slow.write_text("#!/bin/sh\necho $$ > $PIDFILE\nexec sleep 1000\n")
    slow.chmod(0o755)
    process = user.start("run", "--with", "native", "1", env={"PIDFILE": str(tmp_path / "pid")})
    assert eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert eventually(lambda: not Path("/proc", (tmp_path / "pid").read_text().strip()).exists())
    assert list((tmp_path / "cache/agentcore-sandbox/packages").glob(".agentcore-sandbox-*")) == []


@pytest.mark.nightly
def test_a_session_that_takes_the_place_of_another_gets_its_packages(user: CommandLine) -> None:
    first = outcome(user, "exec", "work", "--with", "pure", SHOW)["sessionId"]
    user.run("stop", first)
    assert user.run("start", "--name", "other").returncode == 0
    second = outcome(user, "exec", "work", "--with", "pure", SHOW)
    assert (second["stdout"], second["packages"]["sent"], second["sessionId"] != first) == ("1.0 1.0", True, True)


@pytest.mark.nightly
def test_a_map_goes_on_with_the_same_packages(user: CommandLine) -> None:
    journal = str(user.home / "journal")
    done = user.run("map", "--items", "-", "--with", "pure", "--journal", journal, "import absent", stdin=b"a\n")
    assert done.returncode == 1
    other = user.run("map", "--resume", journal, "--retry-failed")
    assert (other.returncode, b"error[OtherMap]" in other.stderr) == (125, True)
    again = user.run("map", "--resume", journal, "--retry-failed", "--with", "pure", "--json")
    assert json.loads(again.stdout.splitlines()[-1])["packages"]["cached"]


def test_locked_calls_install_by_name(user: CommandLine) -> None:
    own = wheels.wheel(user.home, "mine")
    assert user.run("run", "--locked", "--with", "pure", SCRIPT).stdout == b"1.0 1.0"
    done = user.run("run", "--locked", "--with", own.name, "1")
    assert (done.returncode, b"error[NotAllowed]" in done.stderr) == (2, True)
