"""What each command prints with --json is what docs/json-output.schema.json says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema
import pytest

from agentcore_sandbox.cli import dispatch as command_line
from agentcore_sandbox.commands import interpreter, job, maps, policy, template
from agentcore_sandbox.commands import local as local_command
from support.schema import SCHEMA, check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.processes import CommandLine

GROUPS = {
    "interpreter": interpreter.SUBCOMMANDS,
    "job": job.SUBCOMMANDS,
    "local": local_command.SUBCOMMANDS,
    "maps": maps.SUBCOMMANDS,
    "policy": policy.SUBCOMMANDS,
    "template": template.SUBCOMMANDS,
}


@pytest.fixture
def local(quick: CommandLine, tmp_path: Path) -> Iterator[CommandLine]:
    more = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "local", "AGENTCORE_SANDBOX_RUNTIME_DIR": str(tmp_path / "runtime")}
    line = quick.using(**more)
    yield line
    assert line.run("local", "stop").returncode == 0


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_command_has_a_schema() -> None:
    names = {f"{name} {sub}" for name, subs in GROUPS.items() for sub in subs}
    names |= set(command_line.COMMANDS) - set(GROUPS) - {"help", "mcp"}
    missing = names - set(SCHEMA["$defs"])
    assert missing == set()


def test_sessions_and_files(local: CommandLine) -> None:
    (local.home / "in.txt").write_text("x")
    check("run", local, "run", "--upload", "in.txt", "--download", "in.txt:out.txt", "print(1)")
    check("start", local, "start")
    check("start", local, "start", "--name", "work")
    check("exec", local, "exec", "work", "1/0", status=1)
    check("cp", local, "cp", "in.txt", "work:a/")
    check("ls", local, "ls", "-r", "work")
    check("cp", local, "cp", "work:a", "back")
    check("rm", local, "rm", "-r", "work:a")
    check("save", local, "save", "work", "w.tar.gz")
    check("run", local, "run", "--from", "w.tar.gz", "1")
    check("sessions", local, "sessions", "--all")
    check("stop", local, "stop", "work")
    check("history", local, "history")
    check("failure", local, "ls", "work", status=125)
    check("failure", local, "stop", "work", status=125)
    check("failure", local, "cp", "nothing", status=2)


def test_jobs(local: CommandLine) -> None:
    job_id = check("job start", local, "job", "start", "print(1)")["jobId"]
    check("job status", local, "job", "status", job_id)
    check("job wait", local, "job", "wait", job_id)
    check("job logs", local, "job", "logs", job_id)
    check("job stop", local, "job", "stop", job_id)
    check("job list", local, "job", "list")
    check("history", local, "history")
    check("job rm", local, "job", "rm", job_id)


def test_the_rest(local: CommandLine) -> None:
    check("local status", local, "local", "status")
    check("local env", local, "local", "env")
    check("local status", local, "local", "status")
    check("local stop", local, "local", "stop")
    for shell in ("bash", "zsh", "fish"):
        check("completion", local, "completion", shell)
