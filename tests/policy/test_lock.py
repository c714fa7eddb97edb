"""What a locked call may say: its commands, flags, values and paths, as the real parser reads them."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentcore_sandbox.cli import dispatch
from agentcore_sandbox.commands import sessions
from agentcore_sandbox.errors import AgentcoreSandboxError, NotAllowedError, UsageError
from agentcore_sandbox.execution.program import Program
from agentcore_sandbox.jobs.store import JobRecord, JobStore
from agentcore_sandbox.map.items import Source
from agentcore_sandbox.map.journal import default_folder
from agentcore_sandbox.map.options import Options
from agentcore_sandbox.map.request import begin
from agentcore_sandbox.policy import lock
from agentcore_sandbox.settings import Settings
from support.build_folders import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from policy.conftest import LockedCalls

ALLOWED = [
    "run 'print(1)'",
    "run --json --lang=ts --runtime deno --exec-timeout 5 --max-output=10 'x'",
    "run --cmd 'cat ~/.aws/credentials; rm -rf /' --region eu-west-1 --clear-context",
    "run -",
    "run --env A=b --env=C=D 'x'",
    "run --env 'A=b c' -- '--endpoint-url' ",
    "run '-1 + 2' ",
    "run --interpreter-id local --profile work 'x'",
    "exec 01ABC --file src/job.py",
    "exec 01ABC --file=./src/../data.csv",
    "run --file inner/job.py",
    "run --upload 'src/a b' --upload data.csv:/tmp/x.csv 'x'",
    "run --upload with:colon 'x' --allow-file with:colon",
    "run --download a.png:sandbox-output/ --download /r.csv:sandbox-output/a/r.csv x",
    "run --download out:sandbox-output/o --download '*.png:sandbox-output/plots' x",
    "run --artifacts sandbox-output/figures 'x'",
    "run --download plot.png:sandbox-output/src/ --download a/:sandbox-output/src 'x'",
    "run --session NAME --follow 'x'",
    "stop 01ABC 01DEF",
    "sessions --all --json",
    "cp src data.csv NAME:src",
    "cp NAME:plot.png sandbox-output/plot.png",
    "save NAME sandbox-output/work.tar.gz --exclude '*.tmp' --max-bytes 1000",
    "run --from data.csv x",
    "exec NAME --from data.csv --carry x",
    "start --name NAME --from data.csv",
    "cp NAME:a NAME:b sandbox-output/new",
    "cp NAME:out.csv -",
    "cp - NAME:note.txt",
    "ls -r NAME:/tmp",
    "rm NAME:.env",
    "job start --cmd 'make all'",
    "map --items data.csv --sessions 200 --per-session 4 --halt soon,fail=3 --detach --file src/job.py",
    "map --items src --items-format files --cmd 'wc \"$ITEM\"' --download out:sandbox-output/texts",
    "map --items - --journal sandbox-output/j --out sandbox-output/results.jsonl --upload data.csv x",
    "map --items data.csv --dry-run --max-cost 2",
    "maps list",
    "doctor --run",
    "run --stdin data.csv x",
    "job start --stdin - x",
]


@pytest.mark.parametrize("command", ALLOWED)
def test_allows_what_requests_need(command: str, calls: LockedCalls) -> None:
    calls.judge(command)


REFUSED = {
    "a command of the host": ("local stop", "`local stop` is not allowed when locked"),
    "set-up": ("setup --yes demo", "`setup` is not allowed when locked"),
    "jobs everywhere": ("job list", "`job list` is not allowed when locked"),
    "an endpoint": ("run --endpoint-url http://evil x", "not what the user has configured"),
    "an endpoint behind =": ("run --endpoint-url=http://evil x", "not what the user has configured"),
    "an endpoint at the end": ("run x --endpoint-url=http://evil", "not what the user has configured"),
    "an endpoint before the command": ("--endpoint-url http://evil run x", "not what the user has configured"),
    "another profile": ("run --profile admin x", "not what the user has configured"),
    "another interpreter": ("exec S --interpreter-id i-2 x", "not what the user has configured"),
    "the right one, then another": ("run --interpreter-id local --interpreter-id other x", "not what the user has"),
    "an empty interpreter": ("run --interpreter-id '' x", "not what the user has configured"),
    "an empty profile": ("run --profile= x", "not what the user has configured"),
    "an abbreviation": ("run --endpoint http://evil x", "unrecognized arguments: --endpoint"),
    "a caller's variable": ("run --env AWS_SECRET_ACCESS_KEY x", "would copy the user's variable"),
    "the same behind =": ("run --env=HOME x", "would copy the user's variable"),
    "the second variable": ("run --env A=b --env HOME x", "would copy the user's variable"),
    "a variable without a name": ("run --env '' x", "would copy the user's variable"),
    "a job's variable": ("job start --env HOME x", "would copy the user's variable"),
    "variables of a file": ("run --env-file .env x", "unrecognized arguments: --env-file"),
    "a flag as a value": ("run --env --profile=evil", "argument --env: expected one argument"),
    "the end of flags as a value": ("run --file -- /etc/passwd", "argument --file: expected one argument"),
    "a mount": ("run --mount /mnt/x=y x", "--mount is not allowed when locked"),
    "a certificate": ("start --certificate x", "--certificate is not allowed when locked"),
    "another's archive": ("run --from ../outside.txt x", "not below the working directory"),
    "an archive behind a link": ("start --from linked", "not below the working directory"),
    "a hidden archive": ("exec NAME --from .env x", "is hidden"),
    "an archive into the project": ("save NAME src/work.tar.gz", "goes below sandbox-output/"),
    "an archive over a file": ("save NAME sandbox-output/a.txt", "exists, and nothing is replaced"),
    "an archive elsewhere": ("save NAME ../work.tar.gz", "not below the working directory"),
    "another's file as input": ("run --stdin ../outside.txt x", "not below the working directory"),
    "a key as a job's input": ("job start --stdin keys x", "looks like a key"),
    "stop mine": ("stop --mine", "--mine is not allowed when locked"),
    "history": ("history", "`history` is not allowed when locked"),
    "raw": ("run --raw x", "--raw is not allowed when locked"),
    "stop all": ("stop --all", "--all is not allowed when locked"),
    "items of the home folder": ("map --items ../outside.txt x", "not below the working directory"),
    "items that are keys": ("map --items keys --items-format files x", "looks like a key"),
    "items behind a link": ("map --items linked --items-format files x", "not below the working directory"),
    "items by a pattern": ("map --items 'src/*' x", "instead of the pattern"),
    "all of the folder as items": ("map --items= x", "not below the working directory"),
    "a journal elsewhere": ("map --items - --journal ../j x", "not below the working directory"),
    "a journal in the project": ("map --items - --journal src/j x", "goes below sandbox-output/"),
    "records over a file": ("map --items - --out sandbox-output/a.txt x", "exists, and nothing is replaced"),
    "records elsewhere": ("map --items - --out data.jsonl x", "goes below sandbox-output/"),
    "what items make, into the folder of all": ("map --items - --download x:sandbox-output x", "goes below"),
    "what items make, here": ("map --items - --download x x", "goes below sandbox-output/"),
    "what items make, into a folder that exists": ("map --items - --download x:sandbox-output/d x", "that exists"),
    "a map's file that is there": ("map --items - --force x", "--force is not allowed when locked"),
    "a journal to go on with elsewhere": ("map --resume ../journal", "not below the working directory"),
    "a map elsewhere": ("maps rm src", "goes below sandbox-output/"),
    "overwriting": ("cp --force N:a sandbox-output/b", "--force is not allowed when locked"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str, calls: LockedCalls) -> None:
    write(calls.project / "sandbox-output/d/x", "")
    write(calls.project / "sandbox-output/a.txt", "")
    call, reason = REFUSED[name]
    with pytest.raises(UsageError, match=reason):
        calls.judge(call)


@pytest.mark.parametrize(
    "call", ["run --raw x", "stop --all", "cp --force N:a sandbox-output/b", "run --env HOME x", "run --profile y x"]
)
def test_says_what_to_do_instead(call: str, calls: LockedCalls) -> None:
    with pytest.raises(NotAllowedError) as refusal:
        calls.judge(call)
    assert len(refusal.value.hint) > 20


@pytest.mark.parametrize("flag", ["--interpreter-id", "--profile", "--endpoint-url"])
def test_only_what_the_command_line_would_choose_by_itself_can_be_chosen(calls: LockedCalls, flag: str) -> None:
    calls.using(AWS_ENDPOINT_URL_BEDROCK_AGENTCORE="http://127.0.0.1:9", AWS_ENDPOINT_URL="http://127.0.0.1:8")
    chosen = {"--interpreter-id": "local", "--profile": "work", "--endpoint-url": "http://127.0.0.1:9"}[flag]
    calls.judge(f"run {flag} {chosen} x")
    for name in (
        "CUSTOM_AGENTCORE_INTERPRETER_ID",
        "CUSTOM_AGENTCORE_AWS_PROFILE",
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",
    ):
        calls.using(**{name: ""})
    for value in (chosen, "''", "http://127.0.0.1:8"):
        with pytest.raises(NotAllowedError):
            calls.judge(f"run {flag} {value} x")


@pytest.mark.parametrize("words", ["", "--root .", "--root src/..", "--root src", "--root inner"])
def test_server_is_bound_to_the_working_directory(calls: LockedCalls, words: str) -> None:
    """Without a root of its own, it would ask its client."""
    assert calls.judge(f"mcp {words}")["root"] == str((calls.project / (words.partition(" ")[2])).resolve())


@pytest.mark.parametrize("folder", ["..", "/", "outer", "src/../.."])
def test_server_of_another_folder_is_refused(calls: LockedCalls, folder: str) -> None:
    with pytest.raises(NotAllowedError, match="not below the working directory"):
        calls.judge(f"mcp --root {folder}")


def test_jobs_are_those_of_the_configured_interpreter(calls: LockedCalls) -> None:
    """A record also names a profile and an endpoint, which must not be followed."""
    store = JobStore(os.environ)
    for number, interpreter in enumerate(("local", "local-public")):
        record = JobRecord(f"{number}" * 12, "01" * 13, False, interpreter, "us-east-1", "admin", "http://evil", "x")  # noqa: FBT003
        store.save(record)
    for command in ("status", "logs", "wait", "stop", "rm"):
        values = calls.judge(f"job {command} 000000000000")
        assert (values["interpreter_id"], values["profile"], values["endpoint_url"]) == ("local", None, None)
        with pytest.raises(NotAllowedError, match="another interpreter"):
            calls.judge(f"job {command} 111111111111")
    calls.using(CUSTOM_AGENTCORE_INTERPRETER_ID="")
    with pytest.raises(NotAllowedError, match="another interpreter"):
        calls.judge("job logs 000000000000")


def test_maps_are_those_of_the_configured_interpreter(calls: LockedCalls) -> None:
    """A journal that came out of the sandbox could name any, and any file as an item."""
    journals = {
        name: journal(calls.project / f"sandbox-output/{name}", kind, interpreter)
        for name, kind, interpreter in (
            ("own", "lines", "local"),
            ("other", "lines", "local-public"),
            ("files", "files", "local"),
        )
    }
    state = journal(default_folder("0" * 12, os.environ), "lines", "local")
    for command in ("maps status", "maps results", "maps wait", "maps stop --now", "maps rm", "map --resume"):
        for word in ("0" * 12, str(state), "sandbox-output/own", str(journals["own"])):
            calls.judge(f"{command} {word}")
        with pytest.raises(NotAllowedError, match="another interpreter"):
            calls.judge(f"{command} sandbox-output/other")
        with pytest.raises(AgentcoreSandboxError, match="there is no map"):
            calls.judge(f"{command} {'1' * 12}")
    with pytest.raises(NotAllowedError, match="items of that map are files"):
        calls.judge("map --resume sandbox-output/files")
    calls.using(CUSTOM_AGENTCORE_INTERPRETER_ID="")
    with pytest.raises(NotAllowedError, match="another interpreter"):
        calls.judge(f"map --resume {'0' * 12}")


def journal(folder: Path, kind: str, interpreter: str) -> Path:
    """The journal of a map over a file of the project."""
    where = Settings(interpreter, None, None, None)
    return begin(folder, Program("x"), Source("data.csv", kind), where, Options()).folder


# What stays the user's own business, each for a reason.
COMMANDS_OF_THE_USER = {
    "completion": "is for the user's own shell",
    "interpreter": "changes the account",
    "history": "shows what the user has executed anywhere",
    "job list": "asks every interpreter that a job of the user's runs on",
    "local": "prints the keys of other clients, and stops other people's work",
    "policy": "belongs to setting up",
    "setup": "changes the account",
    "template": "belongs to setting up",
}
FLAGS_OF_THE_USER = {
    "--raw": "means nothing where there is no terminal",
    "--force": "overwrites files of the user's",
    "--mount": "reaches data that outlives the session",
    "--certificate": "lets the session trust whom it did not",
    "stop --all": "ends sessions of others who use the interpreter",
    "stop --mine": "ends sessions that the user may need",
    "stop --older-than": "goes with the two above",
    "stop --yes": "does not ask the user",
}


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each command and subcommand with its parser."""
    waiting: list[tuple[str, argparse.ArgumentParser]] = [("", dispatch.whole_parser())]
    while waiting:
        name, parser = waiting.pop()
        below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        for action in below:
            waiting += [(f"{name} {child}".strip(), parser) for child, parser in action.choices.items()]
        if not below:
            yield name, parser


def test_every_command_and_flag_has_a_policy() -> None:
    """Which must be said for a new one, in its declaration or above."""
    known = dict(parsers())
    users = {name for name in known if {name, name.split()[0]} & COMMANDS_OF_THE_USER.keys()}
    assert known.keys() - users - {"help"} == set(lock.COMMANDS)
    for name in lock.COMMANDS:
        silent = [action for action in known[name]._actions if not hasattr(action, "when_locked")]
        flags = {action.option_strings[0] if action.option_strings else action.dest for action in silent}
        assert flags - {"-h", "--help", "--locked", "--allow-file"} == {
            flag for flag in flags if flag in FLAGS_OF_THE_USER or f"{name} {flag}" in FLAGS_OF_THE_USER
        }


@pytest.mark.parametrize("words", [["--new"], ["--new", "x"], ["--new-list", "x"], ["operand"]])
def test_an_argument_that_says_nothing_is_refused(
    calls: LockedCalls, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Fail closed: whoever forgets to say what a new argument may touch has it refused."""

    def declare(parser: argparse.ArgumentParser) -> None:
        real(parser)
        parser.add_argument("more", nargs="?")
        takes: dict[str, Any] = {} if len(words) > 1 else {"action": "store_true"}
        parser.add_argument("--new", **takes)
        parser.add_argument("--new-list", action="append")

    real = sessions.add_arguments
    monkeypatch.setattr(sessions, "add_arguments", declare)
    calls.judge("sessions")
    with pytest.raises(NotAllowedError, match="is not allowed when locked"):
        calls.judge_words(["sessions", *words])


PIECES = [
    *("--interpreter-id", "--interpreter-id=local", "--interpreter-id=local-public", "local", "local-public", ""),
    *(
        "--profile",
        "--profile=work",
        "--profile=admin",
        "admin",
        "--endpoint-url",
        "--endpoint-url=http://x",
        "http://x",
    ),
    *("--region", "--region=eu-west-1", "--env", "--env=HOME", "--env=A=b", "A=b", "HOME", "--raw", "--locked"),
    *("--file", "--file=src/job.py", "--file=.env", "src/job.py", ".env", "/etc/passwd", "--upload=data.csv"),
    *("--upload", "--upload=.env:x", "--download", "--download=a:b", "--download=a:sandbox-output/b", "--no-hidden"),
    *(
        "--force",
        "--artifacts",
        "--artifacts=x",
        "--artifacts=sandbox-output/f",
        "--all",
        "--mine",
        "--yes",
        "--allow-file",
        "--allow-file=.env",
    ),
    *(
        "N:a",
        "N:.env",
        "a",
        "-",
        "--",
        "--json",
        "--follow",
        "-r",
        "x",
        "--cmd",
        "--lang",
        "--lang=js",
        "--timeout",
        "5",
    ),
    *("000000000000", "111111111111", "--items=data.csv", "--items=.env", "--items", "--detach"),
    *("--from=data.csv", "--from=.env", "--from", "sandbox-output/s", "--mount=x", "--certificate", "--carry"),
    *("--stdin=data.csv", "--stdin=.env", "--stdin", "--since=7d"),
    *("--out=x", "--out=sandbox-output/r", "--journal", "--journal=sandbox-output/j", "--resume", "--resume=src"),
]


# The fixture is a folder that no example changes.
@settings(
    max_examples=5 * settings().max_examples,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.sampled_from(lock.COMMANDS), st.lists(st.sampled_from(PIECES), max_size=7))
def test_what_is_allowed_reaches_no_further(calls: LockedCalls, name: str, words: list[str]) -> None:
    try:
        values = calls.judge_words([*name.split(), *words])
    except (UsageError, AgentcoreSandboxError):
        return
    assert values.get("interpreter_id") in (None, "local")
    assert name.split(maxsplit=1)[0] != "job" or values["interpreter_id"] == "local"
    assert values.get("profile") in (None, "work")
    assert values.get("endpoint_url") is None
    assert values.get("file") in (None, "src/job.py")
    assert all("=" in variable for variable in values.get("env", []))
    assert not {".env", "/etc/passwd"} & {source for source, _ in values.get("uploads", [])}
    assert all(target.startswith("sandbox-output/") for _, target in values.get("downloads", []))
    assert str(values.get("artifacts") or "sandbox-output/f") == "sandbox-output/f"
    assert values.get("items") in (None, "-", "data.csv", "src/job.py")
    assert {str(values.get(name) or "sandbox-output/")[:15] for name in ("out", "journal")} == {"sandbox-output/"}
    assert str(values.get("archive") or "data.csv") in ("data.csv", "sandbox-output/s")
    assert not values.get("mounts")
    assert not values.get("certificates")
    assert values.get("resume") is None
    assert values.get("hidden") in (None, False)
    assert not any(values.get(flag) for flag in ("force", "raw"))
    assert name != "stop" or not values["every"]


def test_what_locks_cannot_be_undone(calls: LockedCalls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine, user = tmp_path / "etc/locked", tmp_path / "config/locked"
    monkeypatch.setattr(lock, "lock_files", lambda: [str(machine), str(user)])
    assert (lock.locked_by(flag=False), lock.locked_by(flag=True)) == ("", "--locked")
    for value in ("1", "0", "no"):
        calls.using(AGENTCORE_SANDBOX_LOCKED=value)
        assert lock.locked_by(flag=False) == "AGENTCORE_SANDBOX_LOCKED"
    calls.using(
        AGENTCORE_SANDBOX_LOCKED="", HOME=str(tmp_path / "elsewhere"), XDG_CONFIG_HOME=str(tmp_path / "elsewhere")
    )
    assert lock.locked_by(flag=False) == ""
    write(user, "")
    assert lock.locked_by(flag=False) == str(user)
    write(machine, "no")
    assert lock.locked_by(flag=False) == str(machine)


@pytest.mark.parametrize("kind", ["folder", "broken link", "link to itself", "folder without permission"])
def test_whatever_is_in_the_locks_place_locks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "etc/locked"
    path.parent.mkdir()
    if kind == "folder":
        path.mkdir()
    elif kind == "folder without permission":
        monkeypatch.setattr(os, "lstat", denied)
    else:
        path.symlink_to("nowhere" if kind == "broken link" else "locked")
    monkeypatch.setattr(lock, "lock_files", lambda: [str(path)])
    assert lock.locked_by(flag=False) == str(path)


def denied(path: str) -> None:
    raise PermissionError(path)


def test_no_variable_says_where_the_locks_are(monkeypatch: pytest.MonkeyPatch) -> None:
    before = lock.lock_files()
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "USER", "LOGNAME", "PROGRAMDATA"):
        monkeypatch.setenv(name, "/elsewhere")
    assert lock.lock_files() == before
    assert before[0] == "/etc/agentcore-sandbox/locked"
