from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from plugin_build.release import dated, numbers
from plugin_build.source_tree import BuildError
from support import tables
from support.build_folders import VERSION_FILE, build, git, write

Environment = dict[str, str]
Spoiler = Callable[[Path, Environment], None]


@pytest.fixture
def repository(source: Path, environment: Environment) -> Path:
    git(source, "init", "--quiet", "--initial-branch=main", environment=environment)
    git(source, "add", ".", environment=environment)
    git(source, "commit", "--quiet", "--message", "Start", environment=environment)
    return source


def stand_in_nox(folder: Path, script: str = "") -> str:
    """A program in place of the Python that runs nox: notes its arguments and the version, then does more."""
    note = f'echo "$* $(grep -o "[0-9.]*[0-9]" {VERSION_FILE})" >> "{folder}/steps"'
    return str(write(folder / "stand-in", f"#!/bin/sh\n{note}\n{script}\n", 0o755))


def state(repository: Path, environment: Environment) -> list[str]:
    """References, changes and the two files that a release edits."""
    texts = [repository.joinpath(path).read_text("utf-8") for path in (VERSION_FILE, "CHANGELOG.md")]
    references = git(repository, "for-each-ref", environment=environment)
    return [references, git(repository, "status", "--short", environment=environment), *texts]


def release(
    repository: Path, version: str, nox: str, environment: Environment, *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    return build(repository, "release", version, "--nox", nox, environment=environment, check=check)


def test_release_sets_version_and_changelog_checks_builds_commits_and_tags(
    repository: Path, environment: Environment, tmp_path: Path
) -> None:
    done = release(repository, "0.2.0", stand_in_nox(tmp_path), environment)
    assert done.stdout == ("v0.2.0 is built, committed and tagged; next: git push --atomic origin main v0.2.0\n")
    assert tmp_path.joinpath("steps").read_text().splitlines() == [
        "-m nox --session lint types tests 0.2.0",
        "-m nox --session build plugin 0.2.0",
    ]
    assert '__version__ = "0.2.0"' in repository.joinpath(VERSION_FILE).read_text()
    day = datetime.now(timezone.utc).date()
    assert repository.joinpath("CHANGELOG.md").read_text() == (
        f"# Changelog\n\n## Unreleased\n\n## 0.2.0 - {day}\n\n### Added\n\n- Something new.\n"
    )
    assert git(repository, "status", "--short", environment=environment) == ""
    assert git(repository, "log", "--format=%s", environment=environment) == "Release 0.2.0\nStart"
    assert git(repository, "describe", "--exact-match", environment=environment) == "v0.2.0"
    notes = git(repository, "tag", "--list", "--format=%(contents)", "v0.2.0", environment=environment)
    assert notes == "0.2.0\n\n### Added\n\n- Something new."


def test_dry_run_tells_what_would_happen_and_does_nothing(
    repository: Path, environment: Environment, tmp_path: Path
) -> None:
    before = state(repository, environment)
    nox = stand_in_nox(tmp_path)
    done = build(repository, "release", "0.2.0", "--dry-run", "--nox", nox, environment=environment)
    assert done.stdout == (
        f"0.1.0 becomes 0.2.0, after these steps:\n  {nox} -m nox --session lint types tests\n"
        f"  {nox} -m nox --session build plugin\n"
        "commit and tag v0.2.0 would say:\n\n### Added\n\n- Something new.\n"
    )
    assert state(repository, environment) == before
    assert not tmp_path.joinpath("steps").exists()


def test_present_version_is_released_where_it_was_not_yet(
    repository: Path, environment: Environment, tmp_path: Path
) -> None:
    release(repository, "0.1.0", stand_in_nox(tmp_path), environment)
    assert git(repository, "tag", environment=environment) == "v0.1.0"


def test_a_written_changelog_entry_stays_as_it_is(repository: Path, environment: Environment, tmp_path: Path) -> None:
    text = "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-01-02\n\n- Written by hand.\n"
    write(repository / "CHANGELOG.md", text)
    git(repository, "commit", "--quiet", "--all", "--message", "Prepare", environment=environment)
    release(repository, "0.2.0", stand_in_nox(tmp_path), environment)
    assert repository.joinpath("CHANGELOG.md").read_text() == text


def dirty(repository: Path, environment: Environment) -> None:
    del environment
    write(repository / "draft", "mine")


def detached(repository: Path, environment: Environment) -> None:
    git(repository, "checkout", "--quiet", "--detach", environment=environment)


def already_tagged(repository: Path, environment: Environment) -> None:
    git(repository, "tag", "v0.2.0", environment=environment)


def newer_version(repository: Path, environment: Environment) -> None:
    write(repository / VERSION_FILE, '__version__ = "0.10.0"\n')
    git(repository, "commit", "--quiet", "--all", "--message", "Newer", environment=environment)


def silent_changelog(repository: Path, environment: Environment) -> None:
    write(repository / "CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n## 0.1.0 - 2026-01-02\n\n- First.\n")
    git(repository, "commit", "--quiet", "--all", "--message", "Silent", environment=environment)


@pytest.mark.parametrize(
    ("prepare", "message"),
    tables.first(
        2,
        [
            (dirty, "the working tree has changes; commit or stash them first"),
            (detached, "HEAD is not a symbolic ref"),
            (already_tagged, "v0.2.0 is already released"),
            (newer_version, "0.2.0 is older than the present version 0.10.0"),
            (silent_changelog, "CHANGELOG.md says nothing under 'Unreleased'"),
        ],
    ),
)
def test_unfit_source_is_refused_before_anything_runs(
    repository: Path, environment: Environment, tmp_path: Path, prepare: Spoiler, message: str
) -> None:
    prepare(repository, environment)
    before = state(repository, environment)
    done = release(repository, "0.2.0", stand_in_nox(tmp_path), environment, check=False)
    assert done.returncode == 1
    assert message in done.stderr
    assert state(repository, environment) == before
    assert not tmp_path.joinpath("steps").exists()


@pytest.mark.parametrize(
    ("script", "message"),
    tables.first(
        2,
        [
            ("exit 1", "-m nox --session lint types tests failed; nothing was released"),
            ('case "$*" in *build*) exit 1;; esac', "-m nox --session build plugin failed; nothing was released"),
            ("echo >> LICENSE", "the checks changed files of the source"),
            ("ln -s /bin/false .git/hooks/pre-commit 2>/dev/null; true", "git commit failed"),
            ("git tag v0.2.0 2>/dev/null; true", "git tag failed"),
        ],
    ),
)
def test_failing_step_leaves_version_and_changelog_as_they_were(
    repository: Path, environment: Environment, tmp_path: Path, script: str, message: str
) -> None:
    before = state(repository, environment)[2:]
    head = git(repository, "rev-parse", "HEAD", environment=environment)
    done = release(repository, "0.2.0", stand_in_nox(tmp_path, script), environment, check=False)
    assert done.returncode == 1
    assert message in done.stderr
    assert state(repository, environment)[2:] == before
    assert git(repository, "rev-parse", "HEAD", environment=environment) == head
    assert git(repository, "diff", "--cached", environment=environment) == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_interrupted_release_leaves_the_source_as_it_was(
    repository: Path, environment: Environment, tmp_path: Path, number: signal.Signals
) -> None:
    before = state(repository, environment)
    nox = stand_in_nox(tmp_path, f"kill -{int(number)} $PPID")
    done = release(repository, "0.2.0", nox, environment, check=False)
    assert done.returncode == 128 + number
    assert "Traceback" not in done.stderr
    assert state(repository, environment) == before


@pytest.mark.parametrize("version", ["", "1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.2.3-rc1", "1.2.x", "--push"])
def test_only_three_numbers_are_a_version(version: str) -> None:
    with pytest.raises(BuildError, match=r"is not a version of the form X\.Y\.Z"):
        numbers(version)


def test_only_the_text_of_the_section_unreleased_counts() -> None:
    with pytest.raises(BuildError, match="says nothing under 'Unreleased'"):
        dated("## Unreleased\n\n### Added\n\n## 0.1.0\n\n- Old.\n", "0.2.0", datetime.now(timezone.utc).date())


def test_the_real_command_line_needs_a_version() -> None:
    command = [sys.executable, "-m", "plugin_build", "release"]
    environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2
    assert "the following arguments are required: version, --nox" in done.stderr
