"""What one session may use: each limit is lowered and met. The sandbox survives and says what happened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.local import limits
from agentcore_sandbox.local.isolation import usage
from agentcore_sandbox.local.limits import GIB, MIB, VARIABLES, Limits
from support import runtimes, sandboxes
from support.processes import eventually
from support.sandboxes import Session, failure

if TYPE_CHECKING:
    from pathlib import Path

    from support.local import Local

MEMORY_TEXT = "The session used more than 300 MiB of memory: its largest process was ended."
DISK_TEXT = "The files of the session take more than 20 MiB: what ran was ended."
FILL = "import time\nheld = b'x' * (200 << 20)\n"


class TestMemory:
    limits = Limits(memory_bytes=300 * MIB)

    def test_one_process_gets_a_memory_error(self, tmp_path: Path) -> None:
        with sandboxes.start(tmp_path / "sandbox", self.limits) as session:
            assert session.code("bytearray(400 << 20)")["stderr"].endswith("MemoryError: ")
            assert session.out("6 * 7") == "42"

    def test_several_processes_of_one_context(self, tmp_path: Path) -> None:
        """None is above the limit of a process, all together are."""
        code = (
            "import os, time\nkept = 1\nfor _ in range(3):\n    if os.fork() == 0:\n"
            "        held = b'x' * (180 << 20)\n        time.sleep(1000)\nprint(os.wait()[1])"
        )
        with sandboxes.start(tmp_path / "sandbox", self.limits) as session:
            result = session.code(code)
            assert (result["stdout"], result["stderr"]) == ("9", MEMORY_TEXT)
            assert session.out("kept") == "1"

    def test_a_command_and_a_context_together(self, tmp_path: Path) -> None:
        with sandboxes.start(tmp_path / "sandbox", self.limits) as session:
            session.out("held = b'x' * (120 << 20);")
            result = session.command("python -c \"held = b'x' * (240 << 20); import time; time.sleep(1000)\"; echo $?")
            assert result["stdout"].endswith(f"137\r\n\r\n{MEMORY_TEXT}\r\n")
            assert session.out("len(held)") == str(120 << 20)

    def test_shared_memory_without_a_process_of_its_own(self, tmp_path: Path) -> None:
        with sandboxes.start(tmp_path / "sandbox", self.limits) as session:
            result = session.code("import mmap, time\nheld = mmap.mmap(-1, 400 << 20)\nheld.write(b'x' * (100 << 20))\n"
                                  "for _ in range(3): held.write(b'x' * (100 << 20))\ntime.sleep(1000)")  # fmt: skip
            assert MEMORY_TEXT in result["stderr"]
            assert "Its variables are lost" in result["stderr"]
            assert session.out("1") == "1"

    @pytest.mark.parametrize("call", ["memfd_create", "shmget"])
    def test_memory_that_no_process_has_is_refused(self, tmp_path: Path, call: str) -> None:
        number = (
            {"memfd_create": 319, "shmget": 29}
            if os.uname().machine == "x86_64"
            else {"memfd_create": 279, "shmget": 194}
        )
        with sandboxes.start(tmp_path / "sandbox") as session:
            code = f"import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.syscall({number[call]}, b'x', 4096, 0o1600)\nos.strerror(ctypes.get_errno())"  # noqa: E501
            assert session.out(code) == "'Function not implemented'"

    def test_a_script_by_deno_works_within_a_low_limit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in runtimes.variables().items():
            monkeypatch.setenv(name, value)
        with sandboxes.start(tmp_path / "sandbox", Limits(memory_bytes=GIB)) as session:
            assert session.code("enum E { A = 42 }\nE.A", language="typescript")["stdout"] == "42"
            result = session.code(
                "const held = []; for (;;) held.push(new Array(1e5).fill(1.5))", language="typescript"
            )
            assert "Its variables are lost" in result["stderr"]
            assert session.code("1", language="typescript")["stdout"] == "1"


class TestDisk:
    limits = Limits(disk_bytes=20 * MIB)

    def test_one_file(self, tmp_path: Path) -> None:
        with sandboxes.start(tmp_path / "sandbox", self.limits) as session:
            result = session.code("open('large', 'wb').write(b'x' * (30 << 20))")
            assert "File too large" in result["stderr"]

    @pytest.mark.parametrize("folder", [".", "/tmp", "/dev/shm", "/home/sandbox"])  # noqa: S108 - inside the sandbox
    def test_many_files_in_every_folder(self, tmp_path: Path, folder: str) -> None:
        with sandboxes.start(tmp_path / "sandbox", self.limits) as session:
            result = session.command(f"for n in 1 2 3; do head -c 8M /dev/zero > {folder}/$n; done; sleep 1000")
            assert DISK_TEXT in result["stderr"]
            assert session.command(f"sleep 0.1; rm {folder}/[123]; echo removed")["stdout"] == "removed\r\n"
            assert session.out("open('new', 'w').write('x')") == "1"

    def test_what_adds_nothing_may_go_on(self, tmp_path: Path) -> None:
        with sandboxes.start(tmp_path / "sandbox", self.limits) as session:
            full = session.command("for n in 1 2 3; do head -c 8M /dev/zero > $n; done; sleep 1000")
            assert DISK_TEXT in full["stderr"]
            guard = session.sandbox._guard
            assert guard is not None
            guard.look_at_disk()
            assert guard.take_notes() == []
            assert session.out("1") == "1"

    def test_links_lead_nowhere_and_locked_folders_are_survived(self, tmp_path: Path) -> None:
        with sandboxes.start(tmp_path / "sandbox", self.limits) as session:
            session.command("ln -s /usr usr; ln -s / root; mkdir -p locked/inner; chmod 0 locked")
            assert usage.on_disk(tmp_path / "sandbox") < MIB


class TestProcessors:
    def test_as_many_as_allowed(self, tmp_path: Path) -> None:
        with sandboxes.start(tmp_path / "sandbox", Limits(cpus=1)) as session:
            assert session.out("import os\nlen(os.sched_getaffinity(0))") == "1"
            assert session.command("nproc")["stdout"] == "1\r\n"

    def test_no_process_takes_more(self, tmp_path: Path) -> None:
        with sandboxes.start(tmp_path / "sandbox", Limits(cpus=1)) as session:
            result = session.code(f"import os\nos.sched_setaffinity(0, {os.sched_getaffinity(0)})")
            assert "PermissionError" in result["stderr"]

    def test_the_service_keeps_its_own(self, tmp_path: Path) -> None:
        before = os.sched_getaffinity(0)
        with sandboxes.start(tmp_path / "one", Limits(cpus=1)):
            assert os.sched_getaffinity(0) == before
        with sandboxes.start(tmp_path / "all", Limits(cpus=1000)) as session:
            assert session.out("import os\nlen(os.sched_getaffinity(0))") == str(len(before))


def test_processes(tmp_path: Path) -> None:
    with sandboxes.start(tmp_path / "sandbox", Limits(processes=20)) as session:
        result = session.code("import subprocess\nheld = [subprocess.Popen(['sleep', '1000']) for _ in range(30)]")
        assert "Resource temporarily unavailable" in result["stderr"]
        session.code(
            "for child in held: child.kill()" if "held" in session.code("dir()")["stdout"] else "", clearContext=True
        )
        assert session.command("echo alive")["stdout"] == "alive\r\n"


class TestConfiguration:
    def test_defaults_are_the_services(self) -> None:
        assert limits.read({}) == Limits(cpus=2, memory_bytes=8 * GIB, disk_bytes=10 * GIB, task_seconds=28800)

    def test_every_variable(self) -> None:
        read = limits.read({variable: str(number) for number, variable in enumerate(VARIABLES.values(), 1)})
        assert read == Limits(cpus=1, processes=2, memory_bytes=3 * MIB, disk_bytes=4 * MIB, task_seconds=5)

    @pytest.mark.parametrize("value", ["0", "-1", "1.5", "8G", " 1", "1_000"])
    def test_a_wrong_value_is_told(self, value: str) -> None:
        with pytest.raises(UsageError, match="AGENTCORE_SANDBOX_LOCAL_MAX_MEMORY_MIB must be a whole number above 0"):
            limits.read({"AGENTCORE_SANDBOX_LOCAL_MAX_MEMORY_MIB": value})

    def test_the_service_obeys_and_survives(self, local: Local) -> None:
        variables = {"AGENTCORE_SANDBOX_LOCAL_MAX_CPUS": "1", "AGENTCORE_SANDBOX_LOCAL_MAX_MEMORY_MIB": "200"}
        session = local.start_session(env=variables)
        base = {**variables, "CUSTOM_AGENTCORE_INTERPRETER_ID": "local"}
        assert local.text("exec", session, "import os; len(os.sched_getaffinity(0))", env=base) == "1\n"
        bomb = local.run("exec", session, "bytearray(300 << 20)", env=base)
        assert (bomb.returncode, b"MemoryError" in bomb.stderr) == (1, True)
        assert local.text("exec", session, "6 * 7", env=base) == "42\n"


def test_the_watchdog_ends_nothing_that_is_not_the_sandboxes(tmp_path: Path) -> None:
    with sandboxes.start(tmp_path / "sandbox") as session:
        other = os.getpid()
        usage.kill(other, session.processes()[0])
        own = session.processes()[0]
        session.invoke("startCommandExecution", command="sleep 1234")
        eventually(lambda: len(usage.descendants(own)) > 4)
        for process in usage.descendants(own)[2:]:
            usage.kill(process, own)
        assert session.out("1") == "1"


def test_text_of_a_call_whose_process_was_ended(tmp_path: Path) -> None:
    with sandboxes.start(tmp_path / "sandbox", Limits(disk_bytes=20 * MIB)) as session:
        payload = session.invoke(
            "executeCode",
            code="import time\nfor n in range(3):\n    open(str(n), 'wb').write(b'x' * (8 << 20))\ntime.sleep(1000)",
        )
        assert DISK_TEXT in (
            failure(payload) if "structuredContent" not in payload else payload["structuredContent"]["stderr"]
        )
        assert isinstance(session, Session)
