"""Which files of this machine a locked call reads and writes: a table of hostile names, and a search for others."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agentcore_sandbox.commands import cp
from agentcore_sandbox.errors import AgentcoreSandboxError, NotAllowedError, UsageError
from agentcore_sandbox.policy.host_files import OWN_PATHS
from agentcore_sandbox.transfer import local_tree
from support.build_folders import write

if TYPE_CHECKING:
    from policy.conftest import LockedCalls

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
    "form",
    [
        "run --file '{}'",
        "run --file='{}'",
        "exec S --upload '{}'",
        "job start --file '{}'",
        "run --upload '{}:x' y",
        "cp '{}' NAME:x",
    ],
)
def test_no_such_file_gets_into_the_sandbox(form: str, path: str, calls: LockedCalls) -> None:
    with pytest.raises(NotAllowedError) as refusal:
        calls.judge(form.format(path))
    assert READS[path] in str(refusal.value)


@pytest.mark.parametrize("folder", [".", "mixed", "keys", "linked", "./mixed/../mixed/"])
def test_no_folder_with_such_a_file_gets_into_the_sandbox(folder: str, calls: LockedCalls) -> None:
    with pytest.raises(NotAllowedError):
        calls.judge(f"cp '{folder}' NAME:x")


def test_folder_too_large_to_look_through_is_refused(calls: LockedCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentcore_sandbox.policy.host_files.MOST_ENTRIES", 1)
    with pytest.raises(NotAllowedError, match="too large to look through"):
        calls.judge("cp src NAME:x")


def test_folders_too_large_together_are_refused(calls: LockedCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentcore_sandbox.policy.host_files.MOST_ENTRIES", 5)
    calls.judge("run --upload src x")
    with pytest.raises(NotAllowedError, match="too large to look through"):
        calls.judge("run --upload src --upload src x")


@pytest.mark.parametrize("name", ["a" * 2000, "/".join("a" * 60)])
def test_names_and_nesting_are_bounded(calls: LockedCalls, project: Path, name: str) -> None:
    if len(name) < 1000:
        project.joinpath("deep", name).mkdir(parents=True)
    with pytest.raises(NotAllowedError, match="too l"):
        calls.judge(f"cp {'deep' if len(name) < 1000 else name} NAME:x")


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
def with_output(calls: LockedCalls) -> LockedCalls:
    """The project with an output folder that is used, and programs in it that PATH leads to."""
    calls.project.joinpath("sandbox-output/old").mkdir(parents=True)
    calls.project.joinpath("sandbox-output/bin").mkdir()
    calls.using(PATH=f"/usr/bin:{calls.project}/sandbox-output/bin:sandbox-output/programs/bin")
    return calls


@pytest.mark.parametrize("value", WRITES)
def test_nothing_of_the_kind_is_planted(value: str, with_output: LockedCalls) -> None:
    with pytest.raises(NotAllowedError) as refusal:
        with_output.judge(f"run --download '{value}' x")
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
def test_cp_plants_nothing(words: str, calls: LockedCalls) -> None:
    with pytest.raises(NotAllowedError):
        calls.judge(f"cp {words}")


@pytest.mark.parametrize(
    "words",
    ["run --download a:sandbox-output/b x", "exec S --download=a:sandbox-output/ x", "cp N:a -- sandbox-output/b"],
)
def test_whatever_arrives_comes_without_hidden_files(words: str, calls: LockedCalls) -> None:
    assert calls.judge(words)["hidden"] is False


@pytest.mark.parametrize(
    "call", ["run --file src/job.py", "run --upload . x", "cp src NAME:", "cp N:a sandbox-output/b"]
)
@pytest.mark.parametrize("name", OWN_PATHS)
def test_what_claude_code_and_aws_are_configured_by_is_left_alone(call: str, name: str, calls: LockedCalls) -> None:
    """A planted AWS configuration would name a program to start: `credential_process`."""
    calls.using(**{name: "sandbox-output/b" if "N:a" in call else str(calls.project / "src/job.py")})
    with pytest.raises(NotAllowedError, match="belongs to Claude Code or to AWS's configuration, or holds what does"):
        calls.judge(call)


SCRIPT = "{root}/skills/s/scripts/report.py"


@pytest.mark.parametrize("form", ["run --file '{}' --env A=b", "exec S --follow --file='{}'", 'job start --file "{}"'])
def test_script_of_a_skill_is_a_program(calls: LockedCalls, plugin: Path, form: str) -> None:
    for shown in (plugin, f"{plugin}/", f"{plugin}-2"):
        calls.judge(form.format(SCRIPT.format(root=shown)))


@pytest.mark.parametrize(
    "words",
    [
        "run --upload '{root}/skills/s/scripts/report.py' x",
        "cp '{root}/skills/s/scripts/report.py' NAME:x",
        "cp NAME:x '{root}/skills/s/scripts/new.py'",
        "run --download x:'{root}/skills/s/scripts/new.py' x",
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
def test_nothing_else_of_the_plugin_is_read_or_written(calls: LockedCalls, plugin: Path, words: str) -> None:
    with pytest.raises(NotAllowedError):
        calls.judge(words.format(root=plugin))


def test_without_a_manifest_no_script_is_a_plugins(calls: LockedCalls, plugin: Path) -> None:
    plugin.joinpath(".claude-plugin/plugin.json").unlink()
    calls.using(CLAUDE_PLUGIN_ROOT=str(plugin))
    with pytest.raises(NotAllowedError, match="not below the working directory"):
        calls.judge(f"run --file '{plugin}/skills/s/scripts/report.py'")


@pytest.mark.parametrize("folder", [".", ".claude", "outer", ".."])
def test_artifacts_go_into_a_folder_of_their_own(folder: str, calls: LockedCalls) -> None:
    with pytest.raises(NotAllowedError):
        calls.judge(f"run --artifacts {folder} x")


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
def test_no_file_is_copied_where_the_working_directory_is_private(
    calls: LockedCalls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str, verdict: str
) -> None:
    write(tmp_path / folder / "data.csv", "x")
    monkeypatch.chdir(tmp_path / folder)
    outcome = pytest.raises(NotAllowedError, match="no project folder")
    with outcome if verdict == "private" else contextlib.nullcontext():
        calls.judge("run --file data.csv")


def test_files_of_an_unusual_kind_need_to_be_named_one_by_one(calls: LockedCalls) -> None:
    for name in ("kept/config", "kept/Dockerfile", "kept/data.json"):
        write(calls.project / name, "x")
    assert "allowed_files" not in calls.judge("cp kept/data.json NAME:")
    for words in ("", "--allow-file kept", "--allow-file kept/config", "--allow-file config --allow-file Dockerfile"):
        with pytest.raises(NotAllowedError, match="unusual kind") as refusal:
            calls.judge(f"cp kept NAME: {words}")
        assert "Dockerfile" in refusal.value.message
        assert "--allow-file" in refusal.value.hint
    calls.judge("cp kept NAME: --allow-file ./kept/config --allow-file kept/Dockerfile")
    for call in ("cp ./kept/config NAME:", "run --upload kept/config x", "run --file kept/config --cmd"):
        calls.judge(f"{call} --allow-file kept/config")
        with pytest.raises(NotAllowedError, match="unusual kind"):
            calls.judge(call)
    with pytest.raises(NotAllowedError, match="is hidden"):
        calls.judge("cp .env NAME: --allow-file .env")


@pytest.mark.parametrize("path", ["src\\.env", ".git\\config", "src\\..\\.env", "keys\\server.pem"])
def test_paths_of_windows_are_judged_name_by_name(
    calls: LockedCalls, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(os, "sep", "\\")
    with pytest.raises(NotAllowedError, match=r"is hidden|looks like a key"):
        calls.judge_words(["run", "--file", path])


@pytest.mark.parametrize("path", ["C:\\Users\\me\\.aws\\credentials", "c:/secret.pem"])
def test_drive_of_windows_is_no_session(calls: LockedCalls, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(os, "name", "nt")
    for words in ([path, "NAME:x"], ["NAME:x", path]):
        with pytest.raises(NotAllowedError):
            calls.judge_words(["cp", *words])


def test_link_that_is_swapped_in_later_is_judged_anew(calls: LockedCalls) -> None:
    calls.judge("run --file data.csv --cmd")
    calls.project.joinpath("data.csv").unlink()
    calls.project.joinpath("data.csv").symlink_to("/etc/passwd")
    with pytest.raises(NotAllowedError, match="not below the working directory"):
        calls.judge("run --file data.csv --cmd")


NAMES = (
    *("", ".", "..", "data.csv", "src", "inner", "outer", "innocent", "linked", "away", "keys", "mixed", ".env"),
    *("sandbox-output", "SANDBOX-OUTPUT", "out", "loop", "up", "new.txt", "Makefile", "id_rsa", "a\u200c.txt", "~"),
    *("con", "\u2024\u2024", "\uff0e\uff0e", "e\u0301.txt", "*", "etc", "passwd", "a\nb", "bin", "a ", ". ", "x.."),
    *("x:y", "\\..\\x", ".git"),
)
PATHS = st.tuples(st.sampled_from(("", "/", "./", "../", "//")), st.lists(st.sampled_from(NAMES), max_size=5)).map(
    lambda made: made[0] + "/".join(made[1])
)


@pytest.fixture
def with_links(calls: LockedCalls) -> LockedCalls:
    """The project with an output folder that holds links and a folder of PATH."""
    output = calls.project / "sandbox-output"
    output.joinpath("bin").mkdir(parents=True)
    output.joinpath("loop").symlink_to("loop")
    output.joinpath("up").symlink_to("..")
    output.joinpath("out").symlink_to("/tmp")  # noqa: S108 - where the link leads is not written to
    calls.using(PATH=f"/usr/bin:{output}/bin")
    return calls


def names_in(*paths: str | Path) -> set[str]:
    return {name for path in paths for name in str(path).split("/")} - {"", ".", ".."}


def assert_ordinary(path: Path, root: Path, *written: str) -> None:
    """That a path leads below a folder, and that no name on the way to it, or in it as written, is one to refuse."""
    names = names_in(path.resolve().relative_to(root.resolve()), *written)
    assert all(name.isprintable() and not name.startswith(".") for name in names)
    assert not names & {"id_rsa", "server.pem"}


@settings(max_examples=3 * settings().max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PATHS)
@example("src")
@example("inner/../data.csv")
@example("sandbox-output/up/.env")
def test_no_path_reads_outside(with_links: LockedCalls, path: str) -> None:
    """Of all that the upload would find there."""
    for words in (["run", "--file", path], ["cp", "--", path, "N:x"], ["run", "--upload", path, "x"]):
        with contextlib.suppress(UsageError):
            with_links.judge_words(words)
            found = local_tree.walk(Path(path), {}) if Path(path).exists() else ()
            for entry in found:
                assert_ordinary(entry.path or Path("/"), with_links.project, path)


@settings(max_examples=3 * settings().max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PATHS, PATHS)
@example("x", "sandbox-output/up/sandbox-output/new.txt")
@example("../..", "sandbox-output/")
@example("new.txt", "sandbox-output/new.txt")
@example("new.txt", "sandbox-output//")
def test_no_path_writes_outside_of_the_output_folder(with_links: LockedCalls, source: str, target: str) -> None:
    """Of all that the download would write to, for one file and for a folder's contents."""
    output = with_links.project / "sandbox-output"
    for words in (["cp", f"N:{source}", target], ["run", f"--download={source}:{target}", "x"]):
        with contextlib.suppress(UsageError, AgentcoreSandboxError):
            values = with_links.judge_words(words)
            copied = [(cp.read(values["paths"]).sources[0], target)] if "paths" in values else values["downloads"]
            for pattern, place in copied:
                [destination] = local_tree.targets(place, [local_tree.base_name(pattern)])
                assert_ordinary(destination.path, output, place)
                assert not destination.path.is_dir()
                assert destination.path.resolve() != output.resolve()
                assert not names_in(destination.path) & {"bin", "Makefile"}


@given(PATHS)
@settings(max_examples=3 * settings().max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("sandbox-output/figures")
def test_no_artifact_is_saved_outside_of_the_output_folder(with_links: LockedCalls, folder: str) -> None:
    with contextlib.suppress(UsageError):
        with_links.judge_words(["run", f"--artifacts={folder}", "x"])
        assert_ordinary(Path(folder), with_links.project / "sandbox-output", folder)
        assert not names_in(folder) & {"bin", "Makefile"}
