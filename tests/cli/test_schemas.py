"""What each command prints with --json is what docs/json-output.schema.json says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from agentcore_sandbox import cli as command_line
from agentcore_sandbox.commands import job
from agentcore_sandbox.commands import local as local_command
from support.processes import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "json-output.schema.json").read_text())
ELSEWHERE = {"setup", "interpreter", "policy", "template"}  # what they print is AWS's own, not yet described here


@pytest.fixture
def local(cli: CommandLine, tmp_path: Path) -> Iterator[CommandLine]:
    more = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "local", "AGENTCORE_SANDBOX_RUNTIME_DIR": str(tmp_path / "runtime")}
    line = CommandLine(cli.command, cli.home, {**cli.base, **more})
    yield line
    assert line.run("local", "stop").returncode == 0


def check(schema: str, line: CommandLine, *words: str, status: int = 0) -> Any:
    done = line.run(*words, "--json")
    assert (done.returncode, done.stdout.count(b"\n")) == (status, 1), done.stderr
    answer = json.loads(done.stdout)
    jsonschema.validate(answer, {"$ref": f"#/$defs/{schema}", "$defs": SCHEMA["$defs"]})
    return answer


def test_every_command_has_a_schema() -> None:
    groups = {"job": job.SUBCOMMANDS, "local": local_command.ACTIONS}
    names = {f"{name} {sub}" for name, subs in groups.items() for sub in subs}
    names |= set(command_line.COMMANDS) - set(groups) - {"help"} - ELSEWHERE
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
    check("sessions", local, "sessions", "--all")
    check("stop", local, "stop", "work")
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
    check("job rm", local, "job", "rm", job_id)


def test_the_rest(local: CommandLine) -> None:
    check("local status", local, "local", "status")
    check("local env", local, "local", "env")
    check("local status", local, "local", "status")
    check("local stop", local, "local", "stop")
    for shell in ("bash", "zsh", "fish"):
        check("completion", local, "completion", shell)
