"""A background service or a runtime folder that cannot be used as it is: replaced, or refused with a reason."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from support.local import Local, ended


@pytest.mark.parametrize("idle", ["", "0", "-1", "nan", "inf", "soon"])
def test_a_wrong_idle_time_is_refused(local: Local, idle: str) -> None:
    done = local.run("local", "env", env={"AGENTCORE_SANDBOX_LOCAL_IDLE": idle})
    assert done.returncode == 2
    assert b"AGENTCORE_SANDBOX_LOCAL_IDLE must be a number of seconds above 0" in done.stderr
    assert not local.runs


def change_state(local: Local, **members: Any) -> None:
    (local.runtime / "service.json").write_text(json.dumps({**local.state, **members}))


@pytest.mark.parametrize(
    "members",
    [{"version": "0.0.1", "member_of_another_version": 1}, {"program": "/elsewhere"}],
    ids=["version", "program"],
)
def test_another_version_is_replaced_only_without_sessions(local: Local, members: dict[str, Any]) -> None:
    session = local.start_session()
    original = local.state
    change_state(local, **members)
    said = local.failure("local", "env")
    assert "error[LocalServiceMismatch]" in said
    assert str(members.get("version", members.get("program"))) in said
    assert "local stop" in said
    assert session in local.text("sessions", "--interpreter-id", "local")
    assert local.text("stop", "--all", "--yes", "--interpreter-id", "local") == "session stopped\n"
    assert local.state["pid"] == original["pid"], "whoever only looks replaces nothing"
    local.text("local", "env")
    assert ended(original["pid"])
    assert (local.state["version"], local.state["program"]) == (original["version"], original["program"])


def test_a_service_with_other_settings_is_not_used(local: Local) -> None:
    python = {"AGENTCORE_SANDBOX_LOCAL_PYTHON": str(Path("/usr/bin/python3").resolve())}
    session = local.start_session()
    said = local.failure("local", "env", env=python)
    path = python["AGENTCORE_SANDBOX_LOCAL_PYTHON"]
    assert (
        f"emulator without AGENTCORE_SANDBOX_LOCAL_PYTHON (here it is {path}) is running, and it has sessions" in said
    )
    assert "LocalServiceMismatch" in local.failure("exec", session, "--interpreter-id", "local", "1", env=python)
    local.text("stop", session, "--interpreter-id", "local", env=python)
    local.text("local", "env", env=python)
    local.text("local", "env")  # no setting, no objection
    assert local.state["settings"] == python


def test_a_failed_start_tells_the_reason_and_leaves_nothing(local: Local) -> None:
    said = local.failure("local", "env", env={"AGENTCORE_SANDBOX_LOCAL_PYTHON": "/dev/null/python"})
    assert "/dev/null/python" in said
    assert "hint: " in said
    assert not local.runs
    local.text("local", "env")


@pytest.mark.parametrize("left", [b"", b"{", b"[]", b"null", b'{"url": 1}', b"\xff"])
def test_a_broken_state_file_of_a_dead_service_does_not_matter(local: Local, left: bytes) -> None:
    local.runtime.mkdir(mode=0o700)
    (local.runtime / "service.json").write_bytes(left)
    assert not local.status()["running"]


def test_a_folder_open_to_others_is_refused(local: Local) -> None:
    local.runtime.mkdir()
    local.runtime.chmod(0o755)
    said = local.failure("local", "env")
    assert "error[UnsafeFolder]" in said
    assert str(local.runtime) in said
    local.runtime.chmod(0o700)


def test_a_hanging_service_is_told_and_can_be_stopped(local: Local) -> None:
    local.text("local", "env")
    pid = local.state["pid"]
    os.kill(pid, signal.SIGSTOP)
    said = local.failure("local", "status")
    assert f"process {pid}) does not answer" in said
    assert "local stop" in said
    assert local.text("local", "stop") == "stopped\n"
    assert ended(pid)


def test_a_runtime_folder_with_a_path_too_long_for_a_sandbox_is_told(local: Local, tmp_path: Path) -> None:
    far_away = str(tmp_path.joinpath("x" * 200, "x" * 200))
    far = Local(local.command, local.home, {**local.base, "AGENTCORE_SANDBOX_RUNTIME_DIR": far_away})
    said = far.failure("run", "--interpreter-id", "local", "1")
    assert "File name too long; set AGENTCORE_SANDBOX_RUNTIME_DIR to a shorter path" in said
    assert far.text("local", "stop") == "stopped\n"
