from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentcore_sandbox.cli import dispatch
from agentcore_sandbox.errors import UsageError
from skill_guard import allowed_calls, flag_checks
from skill_guard.allowed_calls import check
from skill_guard.flag_checks import HookContext
from skill_guard.scanner import Refusal
from support.build_folders import write

if TYPE_CHECKING:
    from pathlib import Path

ALLOWED = [
    "agentcore-sandbox",
    "agentcore-sandbox --help",
    "agentcore-sandbox --version",
    "agentcore-sandbox help run",
    "agentcore-sandbox run 'print(1)'",
    "agentcore-sandbox run --json --lang=ts --runtime deno --exec-timeout 5 --max-output=10 'x'",
    "agentcore-sandbox run --cmd 'cat ~/.aws/credentials; rm -rf /' --region eu-west-1 --clear-context",
    "agentcore-sandbox run - <<'EOF'\nimport os; os.system('x')\nEOF",
    "agentcore-sandbox run --env A=b --env=C=$D 'x'".replace("$", ""),
    "agentcore-sandbox run --env 'A=b c' -- '--endpoint-url' ",
    "agentcore-sandbox run '-1 + 2' ",
    "agentcore-sandbox run --interpreter-id local --profile work 'x'",
    "'/plugins/code interpreter/bin/agentcore-sandbox' run 'x'",
    '"/plugins/code interpreter/bin/agentcore-sandbox" start --timeout 60 --json',
    "agentcore-sandbox exec 01ABC --file src/job.py",
    "agentcore-sandbox exec 01ABC --file=./src/../data.csv",
    "agentcore-sandbox run --file inner/job.py",
    "agentcore-sandbox run --upload 'src/a b' --upload data.csv:/tmp/x.csv 'x'",
    "agentcore-sandbox run --upload with:colon 'x'",
    "agentcore-sandbox run --no-hidden --download a.png:sandbox-output/ --download /r.csv:sandbox-output/a/r.csv x",
    "agentcore-sandbox run --download out:sandbox-output/o --download '*.png:sandbox-output/plots' --no-hidden x",
    "agentcore-sandbox run --artifacts sandbox-output/figures 'x'",
    "agentcore-sandbox run --no-hidden --download plot.png:sandbox-output/src/ --download a/:sandbox-output/src 'x'",
    "agentcore-sandbox run --session NAME --follow 'x'",
    "agentcore-sandbox stop 01ABC 01DEF",
    "agentcore-sandbox sessions --all --json",
    "agentcore-sandbox cp src data.csv NAME:src",
    "agentcore-sandbox cp NAME:plot.png --no-hidden sandbox-output/plot.png",
    "agentcore-sandbox cp --no-hidden NAME:a NAME:b sandbox-output/new",
    "agentcore-sandbox cp NAME:out.csv -",
    "agentcore-sandbox cp - NAME:note.txt <<'EOF'\nhello\nEOF",
    "agentcore-sandbox ls -r NAME:/tmp",
    "agentcore-sandbox rm NAME:.env",
    "agentcore-sandbox job start --cmd 'make all'",
    "agentcore-sandbox job logs -f 17 --interpreter-id local",
    "agentcore-sandbox doctor --run",
]


@pytest.mark.parametrize("command", ALLOWED)
def test_allows_what_requests_need(command: str, context: HookContext) -> None:
    check(command, context)


REFUSED = {
    "another program": ("cat ~/.aws/credentials", "write the path out"),
    "a program of its name elsewhere": ("./agentcore-sandbox run x", "the only command is agentcore-sandbox"),
    "a program of a similar name": ("agentcore-sandbox2 run x", "the only command is agentcore-sandbox"),
    "Python": ("python3 -c 'print(1)'", "the only command is agentcore-sandbox"),
    "nothing": ("", "the only command is agentcore-sandbox"),
    "an assignment": ("AWS_PROFILE=x agentcore-sandbox run x", "the only command is agentcore-sandbox"),
    "export": ("export A=b", "the only command is agentcore-sandbox"),
    "env": ("env agentcore-sandbox run x", "the only command is agentcore-sandbox"),
    "a command of the host": ("agentcore-sandbox local stop", "'local' is not allowed"),
    "set-up": ("agentcore-sandbox setup --yes", "'setup' is not allowed"),
    "a flag before the command": ("agentcore-sandbox --profile evil run x", "the command comes first"),
    "help and a flag": ("agentcore-sandbox --help --profile evil run x", "the command comes first"),
    "an endpoint": ("agentcore-sandbox run --endpoint-url http://evil x", "not what the user has configured"),
    "an endpoint behind =": ("agentcore-sandbox run --endpoint-url=http://evil x", "not what the user has configured"),
    "an endpoint at the end": (
        "agentcore-sandbox run x --endpoint-url=http://evil",
        "not what the user has configured",
    ),
    "another profile": ("agentcore-sandbox run --profile admin x", "not what the user has configured"),
    "another interpreter": ("agentcore-sandbox exec S --interpreter-id i-2 x", "not what the user has configured"),
    "an empty interpreter": ("agentcore-sandbox run --interpreter-id '' x", "not what the user has configured"),
    "an abbreviation": ("agentcore-sandbox run --endpoint http://evil x", "with --endpoint is not allowed"),
    "a caller's variable": ("agentcore-sandbox run --env AWS_SECRET_ACCESS_KEY x", "would copy the user's variable"),
    "the same behind =": ("agentcore-sandbox run --env=HOME x", "would copy the user's variable"),
    "a flag without a value": ("agentcore-sandbox run --env", "--env needs a value"),
    "a flag as a value": ("agentcore-sandbox run --env --profile=evil", "--env needs a value"),
    "the end of flags as a value": ("agentcore-sandbox run --file -- /etc/passwd", "--file needs a value"),
    "raw": ("agentcore-sandbox run --raw x", "leave it out"),
    "stop all": ("agentcore-sandbox stop --all", "name the sessions"),
    "overwriting": ("agentcore-sandbox cp --force N:a data.csv", "nothing of the user's is overwritten"),
    "code like a flag": ("agentcore-sandbox run -x", "goes into a heredoc"),
    "an unknown job": ("agentcore-sandbox job edit 1", "'job edit' is not allowed"),
    "no job": ("agentcore-sandbox job", "'job' is not allowed"),
    "a flag before the job's command": (
        "agentcore-sandbox job --env HOME start x",
        "is not allowed while a skill runs",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_with_advice(name: str, context: HookContext) -> None:
    command, advice = REFUSED[name]
    with pytest.raises(Refusal) as refusal:
        check(command, context)
    assert advice in str(refusal.value)


READS = {
    "/etc/passwd": "not below the working directory",
    "../outside.txt": "not below the working directory",
    "outer/credentials": "not below the working directory",
    "~/.aws/credentials": "write the path",
    "/proc/self/environ": "not below the working directory",
    ".env": "hidden",
    "innocent": "hidden",
    "src/../.env": "hidden",
    ".git/config": "hidden",
    ".claude/settings.json": "hidden",
    "id_rsa": "looks like a key",
    "keys/server.pem": "looks like a key",
    "SECRETS.yaml": "looks like a key",
    "aws_credentials.json": "looks like a key",
    "alice_accessKeys.csv": "looks like a key",
    "terraform.tfstate.backup": "looks like a key",
    "*.py": "instead of the pattern",
}


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    "form", ["run --file '{}'", "run --file='{}'", "exec S --upload '{}'", "run --upload '{}:x' y", "cp '{}' NAME:x"]
)
def test_no_such_file_gets_into_the_sandbox(form: str, path: str, context: HookContext) -> None:
    with pytest.raises(Refusal) as refusal:
        check(f"agentcore-sandbox {form.format(path)}", context)
    assert READS[path] in str(refusal.value)


@pytest.mark.parametrize("folder", [".", "mixed", "keys", "linked", "./mixed/../mixed/"])
def test_no_folder_with_such_a_file_gets_into_the_sandbox(folder: str, context: HookContext) -> None:
    with pytest.raises(Refusal):
        check(f"agentcore-sandbox cp '{folder}' NAME:x", context)


def test_folder_too_large_to_look_through_is_refused(context: HookContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentcore_sandbox.policy.host_files.MOST_ENTRIES", 1)
    with pytest.raises(Refusal, match="too large to look through"):
        check("agentcore-sandbox cp src NAME:x", context)


def test_folders_too_large_together_are_refused(context: HookContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentcore_sandbox.policy.host_files.MOST_ENTRIES", 5)
    check("agentcore-sandbox run --upload src x", HookContext(context.folder, context.environment))
    with pytest.raises(Refusal, match="too large to look through"):
        check("agentcore-sandbox run --upload src --upload src x", context)


@pytest.mark.parametrize("name", ["a" * 2000, "/".join("a" * 60)])
def test_names_and_nesting_are_bounded(context: HookContext, project: Path, name: str) -> None:
    if len(name) < 1000:
        project.joinpath("deep", name).mkdir(parents=True)
    with pytest.raises(Refusal, match="too l"):
        check(f"agentcore-sandbox cp {'deep' if len(name) < 1000 else name} NAME:x", context)


WRITES = {
    "x:/etc/cron.d/x": "not below the working directory",
    "x:../planted": "not below the working directory",
    "x:outer/config": "not below the working directory",
    "x:.git/hooks/pre-commit": "hidden",
    "x:sandbox-output/.git/hooks/pre-commit": "hidden",
    "x:sandbox-output/../.bashrc": "hidden",
    "x:.claude/settings.json": "hidden",
    "x:innocent": "hidden",
    "/srv/.env": "hidden",
    "x/.git": "hidden",
    "plot.png": "goes below sandbox-output/",
    "x:src/new": "goes below sandbox-output/",
    "x:sandbox-output/../src/new": "goes below sandbox-output/",
    "x:sandbox-outputs/new": "goes below sandbox-output/",
    "x:GNUmakefile": "goes below sandbox-output/",
    "x:venv/bin/agentcore-sandbox": "goes below sandbox-output/",
    "x:sandbox-output/CLAUDE.md": "act upon",
    "agents.md:sandbox-output/": "act upon",
    "x:sandbox-output/GEMINI.md": "act upon",
    "x:sandbox-output/HEAD": "act upon",
    "x:sandbox-output/conftest.py": "act upon",
    "x:sandbox-output/a.pth": "act upon",
    "x:sandbox-output/CLAUDE.md.": "act upon",
    "x:sandbox-output/CLAUDE.md::$DATA": "act upon",
    "x/old:sandbox-output": "a folder that exists",
    "*:sandbox-output/old": "a folder that exists",
    "x:sandbox-output/bin/agentcore-sandbox": "where programs are looked for",
    "x:sandbox-output/programs": "where programs are looked for",
    "x:sandbox-output/programs/bin/deep/tool": "where programs are looked for",
    "..": "not below the working directory",
    "*": "goes below sandbox-output/",
    "a:.env:b": "hidden",
}


@pytest.fixture
def with_output(context: HookContext, project: Path) -> HookContext:
    """The project with an output folder that is used, and programs in it that PATH leads to."""
    project.joinpath("sandbox-output/old").mkdir(parents=True)
    project.joinpath("sandbox-output/bin").mkdir()
    path = f"/usr/bin:{project}/sandbox-output/bin:sandbox-output/programs/bin"
    return HookContext(context.folder, {**context.environment, "PATH": path})


@pytest.mark.parametrize("value", WRITES)
def test_nothing_of_the_kind_is_planted(value: str, with_output: HookContext) -> None:
    with pytest.raises(Refusal) as refusal:
        check(f"agentcore-sandbox run --no-hidden --download '{value}' x", with_output)
    assert WRITES[value] in str(refusal.value)


@pytest.mark.parametrize(
    "words",
    [
        "NAME:x .git/hooks/x",
        "NAME:x outer/x",
        "NAME:a NAME:.env sandbox-output/",
        "NAME:'*' src",
        "NAME:x ~/x",
        "NAME:x x",
    ],
)
def test_cp_plants_nothing(words: str, context: HookContext) -> None:
    with pytest.raises(Refusal):
        check(f"agentcore-sandbox cp --no-hidden {words}", context)


@pytest.mark.parametrize(
    "words",
    [
        "run --download a:sandbox-output/b x",
        "exec S --download=a:sandbox-output/ x",
        "cp N:a sandbox-output/b",
        "cp N:a N:b sandbox-output/c",
        "cp N:a -- sandbox-output/b",
    ],
)
def test_whatever_arrives_comes_without_hidden_files(words: str, context: HookContext) -> None:
    with pytest.raises(Refusal, match="add --no-hidden"):
        check(f"agentcore-sandbox {words}", context)


@pytest.mark.parametrize(
    "command",
    ["run --file src/job.py", "run --upload . x", "run --no-hidden --download a:src/b x", "cp --no-hidden N:a src/b"],
)
def test_folders_of_the_plugin_and_of_claude_code_are_left_alone(command: str, project: Path) -> None:
    for name in ("CLAUDE_PLUGIN_ROOT", "CLAUDE_PLUGIN_DATA", "CLAUDE_CONFIG_DIR"):
        with pytest.raises(Refusal, match="belongs to Claude Code or holds what does"):
            check(f"agentcore-sandbox {command}", HookContext(str(project), {name: str(project / "src")}))


@pytest.fixture
def installed(project: Path) -> HookContext:
    """The project, and a plugin on disk with a script, a document and links."""
    root = project.parent / "plugin root"
    for name in (
        "skills/s/scripts/report.py",
        "skills/s/scripts/deep/x.py",
        "skills/s/SKILL.md",
        "hooks/guard",
        "x.py",
    ):
        write(root / name, name)
    root.joinpath("skills/s/scripts/away.py").symlink_to(project.parent / ".aws/credentials")
    root.joinpath("skills/far").symlink_to(project.parent / ".aws")
    root.with_name("plugin root-2").symlink_to(root)
    project.joinpath("near.py").symlink_to(root / "skills/s/SKILL.md")
    return HookContext(str(project), {"CLAUDE_PLUGIN_ROOT": str(root), "HOME": str(project.parent)})


SCRIPT = "{root}/skills/s/scripts/report.py"


@pytest.mark.parametrize("form", ["run --file '{}' --env A=b", "exec S --follow --file='{}'", 'job start --file "{}"'])
def test_script_of_a_skill_is_a_program(installed: HookContext, form: str) -> None:
    root = installed.environment["CLAUDE_PLUGIN_ROOT"]
    for shown in (root, f"{root}/", f"{root}-2"):
        check(f"agentcore-sandbox {form.format(SCRIPT.format(root=shown))}", installed)


@pytest.mark.parametrize(
    "words",
    [
        "run --upload '{root}/skills/s/scripts/report.py' x",
        "cp '{root}/skills/s/scripts/report.py' NAME:x",
        "cp --no-hidden NAME:x '{root}/skills/s/scripts/new.py'",
        "run --no-hidden --download x:'{root}/skills/s/scripts/new.py' x",
        "run --artifacts '{root}/skills/s/scripts' x",
        "run --file '{root}/skills/s/scripts/away.py'",
        "run --file '{root}/skills/far/scripts/credentials'",
        "run --file '{root}/skills/s/scripts/../SKILL.md'",
        "run --file '{root}/skills/s/scripts/deep/x.py'",
        "run --file '{root}/skills/s/scripts'",
        "run --file '{root}/skills/s/scripts/missing.py'",
        "run --file '{root}/hooks/guard'",
        "run --file '{root}/x.py'",
        "run --file near.py",
        "run --file '../plugin root/skills/s/scripts/report.py'",
        "run --file '/plugins/s/scripts/report.py'",
    ],
)
def test_nothing_else_of_the_plugin_is_read_or_written(installed: HookContext, words: str) -> None:
    with pytest.raises(Refusal):
        check(f"agentcore-sandbox {words.format(root=installed.environment['CLAUDE_PLUGIN_ROOT'])}", installed)


def test_without_a_plugin_root_no_script_is_the_plugins(installed: HookContext) -> None:
    path = SCRIPT.format(root=installed.environment["CLAUDE_PLUGIN_ROOT"])
    for root in ({}, {"CLAUDE_PLUGIN_ROOT": ""}):
        with pytest.raises(Refusal, match="not below the working directory"):
            check(f"agentcore-sandbox run --file '{path}'", HookContext(installed.folder, root))


@pytest.mark.parametrize("folder", [".", ".claude", "outer", ".."])
def test_artifacts_go_into_a_folder_of_their_own(folder: str, context: HookContext) -> None:
    with pytest.raises(Refusal):
        check(f"agentcore-sandbox run --artifacts {folder} x", context)


@pytest.mark.parametrize(
    ("folder", "verdict"),
    [
        (".git", "private"),
        (".ssh/x", "private"),
        (".claude", "private"),
        (".claude/worktrees", "private"),
        (".claude/worktrees/a", "fine"),
        ("plain", "fine"),
    ],
)
def test_no_file_is_copied_where_the_working_directory_is_private(tmp_path: Path, folder: str, verdict: str) -> None:
    tmp_path.joinpath(folder).mkdir(parents=True)
    context = HookContext(str(tmp_path / folder), {})
    outcome = pytest.raises(Refusal, match="no project folder") if verdict == "private" else contextlib.nullcontext()
    with outcome:
        check("agentcore-sandbox run --file data.csv", context)


def test_without_a_plugin_root_only_the_bare_name_counts(project: Path) -> None:
    check("agentcore-sandbox help", HookContext(str(project), {}))
    for program in ("bin/agentcore-sandbox", "/bin/agentcore-sandbox"):
        with pytest.raises(Refusal):
            check(f"{program} help", HookContext(str(project), {}))


def test_without_configuration_nothing_can_be_chosen(project: Path) -> None:
    for flag in flag_checks.CONFIGURED:
        for value in ("local", "''"):
            with pytest.raises(Refusal):
                check(f"agentcore-sandbox run {flag} {value} x", HookContext(str(project), {"AWS_PROFILE": ""}))


# What stays the user's own business, each for a reason.
COMMANDS_OF_THE_USER = {
    "completion": "is for the user's own shell",
    "interpreter": "changes the account",
    "job list": "asks every interpreter that a job of the user's runs on",
    "local": "prints the keys of other clients, and stops other people's work",
    "map": "starts many sessions, which cost",
    "maps": "is about maps",
    "policy": "belongs to setting up",
    "setup": "changes the account",
    "template": "belongs to setting up",
}
FLAGS_OF_THE_USER = {
    ("run", "--raw"): "means nothing where there is no terminal",
    ("exec", "--raw"): "means nothing where there is no terminal",
    ("job logs", "--raw"): "means nothing where there is no terminal",
    ("run", "--force"): "overwrites files of the user's",
    ("exec", "--force"): "overwrites files of the user's",
    ("cp", "--force"): "overwrites files of the user's",
    ("stop", "--all"): "ends sessions of others who use the interpreter",
}


def flags_of_the_command_line() -> dict[str, dict[str, bool]]:
    """Each command and subcommand with its flags, and whether a flag takes a value."""
    found: dict[str, dict[str, bool]] = {}

    def look(parser: argparse.ArgumentParser, name: str) -> None:
        below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        for action in below:
            for child_name, child in action.choices.items():
                look(child, f"{name} {child_name}".strip())
        if not below:
            flags = [(option, action.nargs != 0) for action in parser._actions for option in action.option_strings]
            found[name] = dict(flags)

    look(dispatch.whole_parser(), "")
    return found


def test_every_command_and_flag_of_the_command_line_is_judged() -> None:
    real = flags_of_the_command_line()
    assert {name.split()[0] for name in real} - COMMANDS_OF_THE_USER.keys() == {
        name.split()[0] for name in allowed_calls.COMMANDS if name != "help"
    }
    for name, flags in real.items():
        if not {name, name.split()[0]} & COMMANDS_OF_THE_USER.keys():
            ours = {flag: check_value is not None for flag, check_value in allowed_calls.COMMANDS[name].items()}
            assert ours == {flag: takes for flag, takes in flags.items() if (name, flag) not in FLAGS_OF_THE_USER}, name


PIECES = [
    *("--interpreter-id", "--interpreter-id=local", "--interpreter-id=local-public", "local", "local-public", "''"),
    *(
        "--profile",
        "--profile=work",
        "--profile=admin",
        "admin",
        "--endpoint-url",
        "--endpoint-url=http://x",
        "http://x",
    ),
    *("--region", "--region=eu-west-1", "--region=x/y", "--env", "--env=HOME", "--env=A=b", "A=b", "HOME", "--raw"),
    *(
        "--file",
        "--file=src/job.py",
        "--file=.env",
        "src/job.py",
        ".env",
        "/etc/passwd",
        "--upload",
        "--upload=data.csv",
    ),
    *(
        "--download",
        "--download=a:b",
        "--download=a:sandbox-output/b",
        "--no-hidden",
        "--force",
        "--artifacts",
        "--all",
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
]


# The fixture is a folder that no example changes.
@settings(
    max_examples=10 * settings().max_examples,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.sampled_from([name for name in allowed_calls.COMMANDS if name != "help"]),
    st.lists(st.sampled_from(PIECES), max_size=7),
)
def test_what_the_guard_accepts_reaches_no_further_in_the_real_parser(
    context: HookContext, name: str, words: list[str]
) -> None:
    quoted = " ".join("''" if word == "''" else f"'{word}'" for word in words)
    try:
        check(f"agentcore-sandbox {name} {quoted}", context)
    except Refusal:
        return
    command, rest = dispatch._split([*name.split(), *("" if word == "''" else word for word in words)])
    try:
        parser, _, left = dispatch._load(str(command), rest)
        values = parser.parse([word for word in left if word not in ("--help", "-h")])
    except UsageError:
        return
    assert values.get("interpreter_id") in (None, "local")
    assert name not in allowed_calls.OF_A_JOB or values["interpreter_id"] == "local"
    assert values.get("profile") in (None, "work")
    assert values.get("endpoint_url") is None
    assert values.get("region") in (None, "eu-west-1")
    assert values.get("file") in (None, "src/job.py")
    assert all("=" in variable for variable in values.get("env", []))
    assert not {".env", "/etc/passwd"} & set(values.get("uploads", []))
    assert all(":sandbox-output/" in word for word in values.get("downloads", []))
    assert not values.get("downloads") or values["hidden"] is False
    assert not any(values.get(flag) for flag in ("force", "raw"))
    assert name != "stop" or not values["every"]
