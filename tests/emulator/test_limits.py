"""What may be used: figures, variables and flags. resources/test_resources.py runs into each limit of a session."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator import limits
from agentcore_emulator.errors import SettingError
from agentcore_emulator.limits import Limits, Quotas
from agentcore_sandbox.commands import local as local_command
from support.local import serving

if TYPE_CHECKING:
    from support.local import Local


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1), ("1048576", 1 << 20), ("512K", 512 << 10), ("256M", 256 << 20), ("10G", 10 << 30), ("12T", None)]
    + [(wrong, None) for wrong in ("", "0", "-1", "1.5", "M", "1m", " 1", "1e3", "\u0661", "9" * 13)],
)
def test_variables(text: str, expected: int | None) -> None:
    environment = {"AGENTCORE_SANDBOX_LOCAL_MAX_MEMORY_BYTES": text}
    if expected:
        assert limits.read(Limits, environment) == Limits(memory_bytes=expected)
    else:
        with pytest.raises(SettingError, match="_LOCAL_MAX_MEMORY_BYTES must be a whole number above 0"):
            limits.read(Limits, environment)


def test_a_number_that_counts_no_bytes_has_no_suffix() -> None:
    assert limits.read(Limits, {"AGENTCORE_SANDBOX_LOCAL_MAX_CPUS": "4"}) == Limits(cpus=4)
    with pytest.raises(SettingError, match="such as 10"):
        limits.read(Limits, {"AGENTCORE_SANDBOX_LOCAL_MAX_CPUS": "4K"})


def test_every_limit_has_a_flag() -> None:
    names = {field.name for kind in (Limits, Quotas) for field in fields(kind)}
    assert {f"max-{name.replace('_', '-')}" for name in names} == set(local_command.LIMITS)


@pytest.mark.aws("documented", "Limits", "A session has 2 vCPUs, 8 GB of memory and 10 GB of disk")
@pytest.mark.aws("documented", "Limits", "An account has 1000 sessions at a time, a payload 100 MB")
@pytest.mark.aws("documented", "Limits", "An invoke takes at most 15 minutes, a task 8 hours")
def test_the_defaults_are_those_of_aws() -> None:
    most = Limits()
    assert (most.cpus, most.memory_bytes, most.disk_bytes, most.task_seconds) == (2, 8 << 30, 10 << 30, 8 * 3600)
    assert (Quotas().sessions, Quotas().invoke_seconds, Quotas().payload_bytes) == (1000, 15 * 60, 100_000_000)


def test_flags_and_variables_reach_the_sandboxes_and_are_told(local: Local) -> None:
    words = ("--max-cpus", "1", "--max-memory-bytes", "512M", "--max-output-bytes", "1K", "--max-command-bytes", "1K")
    with serving(local, *words, stop=True):
        session = local.start_session()
        run = ("exec", session, "--interpreter-id", "local")
        assert local.text(*run, "--cmd", "nproc", env={"AGENTCORE_SANDBOX_LOCAL_MAX_CPUS": "1"}) == "1\n"
        cut = local.run(*run, "print('x' * 2000)")
        assert b"\n... 977 bytes of output left out ...\n" in cut.stdout
        assert cut.stderr == b"Standard output was too long: 977 bytes in its middle were left out."
        assert b"and the limit is 1024" in local.run(*run, "--cmd", "echo" + 1024 * " x").stderr
        told = local.text("local", "status")
        assert "limits of a session: 1 cpus (affinity), 512 MiB memory (" in told
        assert "10 GiB disk (watchdog), 1024 processes (rlimit)" in told
        assert local.status()["limits"]["cpus"] == {"most": 1, "heldBy": "affinity"}
    wrong = local.run("local", "serve", env={"AGENTCORE_SANDBOX_LOCAL_MAX_DISK_BYTES": "much"})
    assert wrong.returncode == 2
    assert b"AGENTCORE_SANDBOX_LOCAL_MAX_DISK_BYTES must be a whole number above 0, such as 512M" in wrong.stderr
