"""What each call costs before it does anything: start-up, one short `run`, the guard."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.peers import loopback
from bench.processes import BrokenMeasurementError, Command, measure, milliseconds, rounds
from bench.task import CODE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage

HELLO = b"hello"  # what the loopback peer answers
SESSION = "01FAULTSERVERSESSION000000"


def figures(stage: Stage, runs: int) -> Iterator[Figure]:
    """Start-up, `run` against a peer without latency, start and stop, the guard."""
    bare = Command((str(stage.python), "-I", "-c", "pass"), stage.environment())
    guard = _guard(stage)
    commands = {"bare": bare, "version": stage.ours("--version", env={}), "guard": guard}
    taken = {name: milliseconds(samples) for name, samples in rounds(commands, 3 * runs).items()}
    yield Figure(
        "--version, launcher and zipapp, against a bare interpreter", "ms", taken["version"], taken["bare"], 4.5
    )
    yield Figure("guard of one Bash call, against a bare interpreter", "ms", taken["guard"], taken["bare"], 2.0)
    with loopback() as peer:
        yield from _first_starts(stage, peer.environment, runs)
        yield from _runs(stage, peer.environment, runs)


def _first_starts(stage: Stage, env: dict[str, str], runs: int) -> Iterator[Figure]:
    """With nothing unpacked and no bytecode; the interpreter is found anew as well."""
    for words, limit in (("--version",), 0.4), (("run", CODE), 0.45):
        seconds = [_first_start(stage, env, *words) for _ in range(runs)]
        yield Figure(f"{words[0]}, the first start ever", "s", seconds, limit=limit)


def _first_start(stage: Stage, env: dict[str, str], *words: str) -> float:
    folders = [stage.folder / name for name in ("home", "temporary")]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    seconds = measure(stage.ours(*words, env={**env, "TMPDIR": str(folders[1])})).seconds
    if not list(folders[0].glob(".cache/agentcore-sandbox/*/site-packages")):
        raise BrokenMeasurementError("the first start has found a copy elsewhere")
    return seconds


def _guard(stage: Stage) -> Command:
    """The hook that looks at a Bash call while a skill is current."""
    data = stage.folder / "plugin-data"
    folders = {"CLAUDE_PLUGIN_ROOT": str(stage.folder / "plugin"), "CLAUDE_PLUGIN_DATA": str(data)}
    env = stage.environment(**folders, CLAUDE_CODE_SESSION_ID="s")
    files = [stage.folder / "plugin/hooks" / name for name in ("hooks.json", "expansion.json")]
    hooks = {event: entries for file in files for event, entries in json.loads(file.read_text())["hooks"].items()}
    event = {
        "command_name": "code-interpreter-execute-cli",
        "session_id": "s",
        "prompt_id": "p",
        "cwd": str(stage.folder / "home"),
        "tool_name": "Bash",
    }
    asked = stage.folder / "event.json"
    asked.write_text(json.dumps({**event, "tool_input": {"command": f'agentcore-sandbox --locked run "{CODE}"'}}))
    arm, ask = (
        Command(("/bin/sh", "-c", hooks[name][0]["hooks"][0]["command"]), env, stdin=asked, output=output)
        for name, output in (("UserPromptExpansion", None), ("PreToolUse", None))
    )
    measure(arm)
    return ask


def _runs(stage: Stage, env: dict[str, str], runs: int) -> Iterator[Figure]:
    name = ("--name", "bench")
    commands = {
        "ours": stage.ours("run", CODE, env=env, output=HELLO),
        "boto3": stage.script("run.py", CODE, env=env, output=b"hello"),
        "untrimmed": stage.shiv("run", CODE, env=env, output=HELLO),
        "SDK": stage.script("sdk_run.py", CODE, env=env, output=b"hello"),
        "start": stage.ours("start", env=env),
        "AWS start": stage.aws_cli("start-code-interpreter-session", *name, env=env),
        "stop": stage.ours("stop", SESSION, env=env),
        "AWS stop": stage.aws_cli("stop-code-interpreter-session", "--session-id", SESSION, env=env),
    }
    taken = {name: milliseconds(samples) for name, samples in rounds(commands, runs).items()}
    yield Figure("run, against a boto3 script", "ms", taken["ours"], taken["boto3"], 1.0)
    yield Figure("run, against an untrimmed shiv zipapp", "ms", taken["ours"], taken["untrimmed"], 0.5)
    yield Figure("run, against a script of AWS's SDK", "ms", taken["ours"], taken["SDK"])
    yield Figure("start, against the AWS CLI", "ms", taken["start"], taken["AWS start"])
    yield Figure("stop, against the AWS CLI", "ms", taken["stop"], taken["AWS stop"])
