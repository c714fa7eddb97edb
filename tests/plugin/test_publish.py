from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plugin_build.git import redact
from support import tables
from support.build_folders import NAME, VERSION_FILE, build, git, write
from support.processes import eventually

PLUGIN = f"plugins/{NAME}"
TAG = f"{NAME}--v0.1.0"
Environment = dict[str, str]
Spoiler = Callable[[Path, Environment], Path]


def restage(source: Path, environment: Environment, *, version: str = "0.1.0", readme: str = "changed\n") -> None:
    """Build the plugin again with another version or other contents."""
    write(source / VERSION_FILE, f'__version__ = "{version}"\n')
    write(source / "plugin-template/README.md", readme)
    build(source, "plugin", environment=environment)


def publish(
    source: Path, *words: str, environment: Environment, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Publish from a source tree that is no repository."""
    return build(source, "publish", "--allow-dirty", *words, environment=environment, check=check)


def references(repository: Path, environment: Environment) -> str:
    """Every branch and tag with the object it points to."""
    return git(repository, "for-each-ref", "--format=%(refname) %(objectname)", environment=environment)


def state(repository: Path, environment: Environment) -> tuple[str, str, list[str]]:
    """All of a working repository that a user sees: references, changes, files."""
    files = sorted(str(path) for path in repository.rglob("*") if ".git" not in path.parts)
    return (
        references(repository, environment),
        git(repository, "status", "--short", environment=environment),
        files,
    )


def files_at(repository: Path, revision: str, environment: Environment) -> list[str]:
    return git(repository, "ls-tree", "-r", "--name-only", revision, environment=environment).splitlines()


@pytest.fixture
def bare(tmp_path: Path, environment: Environment) -> Path:
    path = tmp_path / "bare.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(path), environment=environment)
    return path


@pytest.fixture
def checkout(tmp_path: Path, bare: Path, environment: Environment) -> Path:
    """A team's marketplace with a plugin and a README of its own, cloned from the bare repository."""
    path = tmp_path / "checkout"
    git(tmp_path, "clone", "--quiet", str(bare), str(path), environment=environment)
    other = {"name": "other", "source": "./plugins/other", "description": "Another"}
    write(path / ".claude-plugin/marketplace.json", json.dumps({"name": "team", "plugins": [other]}))
    write(path / "plugins/other/.claude-plugin/plugin.json", '{"name": "other"}')
    write(path / "README.md", "Our team's plugins\n")
    git(path, "add", ".", environment=environment)
    git(path, "commit", "--quiet", "--message", "Start", environment=environment)
    git(path, "push", "--quiet", "origin", "main", environment=environment)
    return path


def test_first_publication_fills_an_empty_bare_repository(built: Path, bare: Path, environment: Environment) -> None:
    done = publish(built, str(bare), "--push", environment=environment)
    assert done.stdout == f"{TAG} is pushed to {bare}\n"
    assert [line.split()[0] for line in references(bare, environment).splitlines()] == [
        "refs/heads/main",
        f"refs/tags/{TAG}",
    ]
    staged = built / "dist/marketplace"
    expected = sorted(str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file())
    assert sorted(files_at(bare, TAG, environment)) == expected
    assert git(bare, "log", "--format=%s", "main", environment=environment) == f"Publish {NAME} 0.1.0"
    assert list(built.joinpath("dist/publish").iterdir()) == []


def test_run_bits_survive(built: Path, bare: Path, environment: Environment) -> None:
    publish(built, str(bare), "--push", environment=environment)
    line = git(bare, "ls-tree", "main", f"{PLUGIN}/bin/agentcore-sandbox", environment=environment)
    assert line.startswith("100755 ")


def test_publishing_the_same_again_does_nothing(built: Path, bare: Path, environment: Environment) -> None:
    publish(built, str(bare), "--push", environment=environment)
    before = references(bare, environment)
    done = publish(built, str(bare), "--push", environment=environment)
    assert done.stdout == f"{TAG} is already published in {bare}; nothing to do\n"
    assert references(bare, environment) == before


def test_changed_contents_under_a_published_version_are_refused(
    built: Path, bare: Path, environment: Environment
) -> None:
    publish(built, str(bare), "--push", environment=environment)
    before = references(bare, environment)
    restage(built, environment)
    done = publish(built, str(bare), "--push", environment=environment, check=False)
    assert done.returncode == 1
    assert done.stderr == f"plugin_build publish: {TAG} is already published with other contents; raise the version\n"
    assert references(bare, environment) == before


@pytest.mark.nightly
def test_changed_contents_are_refused_without_a_tag_too(built: Path, bare: Path, environment: Environment) -> None:
    publish(built, str(bare), "--push", environment=environment)
    git(bare, "tag", "--delete", TAG, environment=environment)
    restage(built, environment)
    done = publish(built, str(bare), "--push", environment=environment, check=False)
    assert "raise the version" in done.stderr


def test_a_lost_tag_is_made_again(built: Path, bare: Path, environment: Environment) -> None:
    publish(built, str(bare), "--push", environment=environment)
    commit = git(bare, "rev-parse", "main", environment=environment)
    git(bare, "tag", "--delete", TAG, environment=environment)
    publish(built, str(bare), "--push", environment=environment)
    assert git(bare, "rev-parse", f"{TAG}^{{commit}}", "main", environment=environment) == f"{commit}\n{commit}"


def test_next_version_replaces_the_plugin(built: Path, bare: Path, environment: Environment) -> None:
    publish(built, str(bare), "--push", environment=environment)
    built.joinpath("plugin-template/bin/agentcore-sandbox").rename(built / "plugin-template/bin/renamed")
    restage(built, environment, version="0.2.0")
    publish(built, str(bare), "--push", environment=environment)
    files = files_at(bare, "main", environment)
    assert f"{PLUGIN}/bin/renamed" in files
    assert f"{PLUGIN}/bin/agentcore-sandbox" not in files
    assert git(bare, "tag", environment=environment).splitlines() == [TAG, f"{NAME}--v0.2.0"]


def test_older_version_is_refused(built: Path, bare: Path, environment: Environment) -> None:
    restage(built, environment, version="0.10.0")
    publish(built, str(bare), "--push", environment=environment)
    restage(built, environment, version="0.9.0")
    done = publish(built, str(bare), "--push", environment=environment, check=False)
    assert done.stderr == f"plugin_build publish: {NAME} 0.10.0 is already published, which is newer than 0.9.0\n"


def test_without_push_a_bare_repository_stays_and_the_clone_is_kept(
    built: Path, bare: Path, environment: Environment
) -> None:
    done = publish(built, str(bare), environment=environment)
    assert references(bare, environment) == ""
    command = done.stdout.partition("to push it: ")[2]
    subprocess.run(command, shell=True, env=environment, check=True, timeout=300)  # noqa: S602 - as the user would
    assert f"refs/tags/{TAG}" in references(bare, environment)


def test_git_url_is_cloned(built: Path, bare: Path, environment: Environment) -> None:
    killed = built / "dist/publish/.agentcore-sandbox-0123456789ab.part"  # what a killed one has left
    (killed / "repository").mkdir(parents=True)
    done = publish(built, f"file://{bare}", "--push", environment=environment)
    assert done.stdout == f"{TAG} is pushed to file://{bare}\n"
    assert not killed.exists()
    assert f"refs/tags/{TAG}" in references(bare, environment)


def test_checkout_gets_commit_and_tag_and_keeps_what_it_had(
    built: Path, bare: Path, checkout: Path, environment: Environment
) -> None:
    before = references(bare, environment)
    done = publish(built, str(checkout), environment=environment)
    assert done.stdout == (
        f"{TAG} is committed in {checkout}; to push it: git -C {checkout} push --atomic origin main {TAG}\n"
    )
    assert references(bare, environment) == before
    assert git(checkout, "status", "--short", environment=environment) == ""
    assert git(checkout, "log", "--format=%s", environment=environment) == f"Publish {NAME} 0.1.0\nStart"
    catalogue = json.loads(checkout.joinpath(".claude-plugin/marketplace.json").read_text())
    assert catalogue["name"] == "team"
    assert [entry["name"] for entry in catalogue["plugins"]] == ["other", NAME]
    for_codex = json.loads(checkout.joinpath(".agents/plugins/marketplace.json").read_text())
    assert for_codex["name"] == "team"
    assert [entry["source"] for entry in for_codex["plugins"]] == [f"./portable/{NAME}"]
    assert checkout.joinpath("README.md").read_text() == "Our team's plugins\n"
    assert checkout.joinpath(PLUGIN, "bin/agentcore-sandbox").stat().st_mode & 0o111


SIGNER = """#!/bin/sh
cat > /dev/null
echo '[GNUPG:] SIG_CREATED ' >&2
echo '-----BEGIN PGP SIGNATURE-----'
echo "for $*"
echo '-----END PGP SIGNATURE-----'
"""


@pytest.mark.parametrize("kind", tables.first(1, ["checkout", "bare"]))
def test_the_repositorys_own_identity_signs_the_commit_and_the_tag(
    built: Path, bare: Path, checkout: Path, environment: Environment, tmp_path: Path, kind: str
) -> None:
    place = checkout if kind == "checkout" else bare
    signer = write(tmp_path / "signer", SIGNER, 0o755)
    with (place / ("config" if kind == "bare" else ".git/config")).open("a") as config:
        config.write("[user]\n name = Team\n email = team@example.invalid\n signingKey = KEY\n useConfigOnly\n")
        config.write(f"[commit]\n gpgSign\n[tag]\n gpgSign = yes\n[gpg]\n program = {signer}\n")
    identity = ("GIT_AUTHOR", "GIT_COMMITTER")
    bare_of_it = {name: value for name, value in environment.items() if not name.startswith(identity)}
    publish(built, str(place), "--push", environment=bare_of_it)
    for thing, line in (("main", "committer"), (f"refs/tags/{TAG}", "tagger")):
        shown = git(place, "cat-file", "-p", thing, environment=environment)
        assert f"\n{line} Team <team@example.invalid> " in shown
        assert "-----BEGIN PGP SIGNATURE-----" in shown
        assert "KEY" in shown


@pytest.mark.parametrize("folder", tables.first(1, [".git/hooks", "hooks of the team"]))
def test_hooks_of_the_checkout_have_their_say(
    built: Path, checkout: Path, environment: Environment, folder: str
) -> None:
    if folder != ".git/hooks":
        git(checkout, "config", "core.hooksPath", folder, environment=environment)
        checkout.joinpath(".git/info").mkdir(exist_ok=True)
        write(checkout / ".git/info/exclude", f"/{folder}/\n")
    hook = write(checkout / folder / "commit-msg", '#!/bin/sh\necho "Checked-by: hook" >> "$1"\n', 0o755)
    publish(built, str(checkout), environment=environment)
    message = git(checkout, "log", "-1", "--format=%B", environment=environment)
    assert message == f"Publish {NAME} 0.1.0\nChecked-by: hook"
    before = state(checkout, environment)
    write(hook, "#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n", 0o755)
    restage(built, environment, version="0.2.0")
    refused = publish(built, str(checkout), environment=environment, check=False)
    assert (refused.returncode, refused.stderr) == (1, "plugin_build publish: git commit failed: not on a Friday\n")
    assert state(checkout, environment) == before


@pytest.mark.nightly
def test_checkout_is_pushed_to_its_remote_also_afterwards(
    built: Path, bare: Path, checkout: Path, environment: Environment
) -> None:
    publish(built, str(checkout), environment=environment)
    done = publish(built, str(checkout), "--push", environment=environment)
    assert done.stdout == f"{TAG} is committed in {checkout} and pushed to origin\n"
    listed = [line for line in references(checkout, environment).splitlines() if "remotes" not in line]
    assert listed == references(bare, environment).splitlines()


def test_refused_push_leaves_the_checkout_as_it_was(
    built: Path, bare: Path, checkout: Path, environment: Environment, tmp_path: Path
) -> None:
    rival = tmp_path / "rival"
    git(tmp_path, "clone", "--quiet", str(bare), str(rival), environment=environment)
    git(rival, "commit", "--quiet", "--allow-empty", "--message", "Rival", environment=environment)
    git(rival, "push", "--quiet", environment=environment)
    before, published = state(checkout, environment), references(bare, environment)
    done = publish(built, str(checkout), "--push", environment=environment, check=False)
    assert done.returncode == 1
    assert "git push failed" in done.stderr
    assert state(checkout, environment) == before
    assert references(bare, environment) == published


def test_dry_run_prints_the_difference_and_changes_nothing(
    built: Path, checkout: Path, environment: Environment
) -> None:
    before = state(checkout, environment)
    done = publish(built, str(checkout), "--dry-run", environment=environment)
    assert f"+++ b/{PLUGIN}/README.md" in done.stdout
    assert "+The plugin" in done.stdout
    assert state(checkout, environment) == before
    assert list(built.joinpath("dist/publish").iterdir()) == []


@pytest.fixture
def released(built: Path, environment: Environment) -> Path:
    """A built source tree, committed and tagged as its version."""
    git(built, "init", "--quiet", environment=environment)
    git(built, "add", ".", environment=environment)
    git(built, "commit", "--quiet", "--message", "Release 0.1.0", environment=environment)
    git(built, "tag", "--annotate", "--message", "0.1.0", "v0.1.0", environment=environment)
    return built


def test_a_released_source_is_published_without_further_ado(
    released: Path, bare: Path, environment: Environment
) -> None:
    build(released, "publish", str(bare), "--push", environment=environment)
    assert TAG in references(bare, environment)


def changed_source(source: Path, environment: Environment) -> None:
    del environment
    write(source / "plugin-template/README.md", "not committed\n")


def untracked_file(source: Path, environment: Environment) -> None:
    del environment
    write(source / "draft", "mine")


def later_commit(source: Path, environment: Environment) -> None:
    git(source, "commit", "--quiet", "--allow-empty", "--message", "Later", environment=environment)


def no_tag(source: Path, environment: Environment) -> None:
    git(source, "tag", "--delete", "v0.1.0", environment=environment)


def never_built(source: Path, environment: Environment) -> None:
    del environment
    shutil.rmtree(source / "dist/marketplace")


def built_from_another_version(source: Path, environment: Environment) -> None:
    del environment
    write(source / VERSION_FILE, '__version__ = "0.2.0"\n')


@pytest.mark.parametrize(
    ("spoil", "message", "status_when_told_to"),
    tables.first(
        2,
        [
            (changed_source, "the source has changes that are not committed; --allow-dirty publishes it anyway", 0),
            (never_built, "dist/marketplace is missing; `nox -s build` makes it", 1),
            (untracked_file, "the source has changes that are not committed", 0),
            (later_commit, "the source is not at the tag v0.1.0, which `nox -s release -- 0.1.0` makes", 0),
            (no_tag, "the source is not at the tag v0.1.0", 0),
            (built_from_another_version, "version 0.1.0 is built, the source is 0.2.0; run `nox -s build`", 1),
        ],
    ),
)
def test_what_is_no_release_is_published_only_when_told_to(
    released: Path,
    bare: Path,
    environment: Environment,
    spoil: Callable[[Path, Environment], None],
    message: str,
    status_when_told_to: int,
) -> None:
    spoil(released, environment)
    done = build(released, "publish", str(bare), "--push", environment=environment, check=False)
    assert (done.returncode, message in done.stderr) == (1, True), done.stderr
    assert references(bare, environment) == ""
    done = publish(released, str(bare), "--push", environment=environment, check=False)
    assert done.returncode == status_when_told_to, done.stderr


def dirty(checkout: Path, environment: Environment) -> Path:
    del environment
    write(checkout / "draft", "mine")
    return checkout


def detached(checkout: Path, environment: Environment) -> Path:
    git(checkout, "checkout", "--quiet", "--detach", environment=environment)
    return checkout


def folder_inside(checkout: Path, environment: Environment) -> Path:
    del environment
    return checkout / "plugins"


def no_catalogue(checkout: Path, environment: Environment) -> Path:
    write(checkout / ".claude-plugin/marketplace.json", "[]")
    git(checkout, "commit", "--quiet", "--all", "--message", "Break", environment=environment)
    return checkout


def not_there(checkout: Path, environment: Environment) -> Path:
    del environment
    return checkout / "absent"


def no_repository(checkout: Path, environment: Environment) -> Path:
    del environment
    return checkout.parent / "home"


@pytest.mark.parametrize(
    ("prepare", "message"),
    tables.first(
        2,
        [
            (dirty, "has changes that are not committed"),
            (detached, "HEAD is not a symbolic ref"),
            (folder_inside, "is a folder inside the repository"),
            (no_catalogue, "marketplace.json is not a JSON object"),
            (not_there, "is neither a folder nor a git URL"),
            (no_repository, "not a git repository"),
        ],
    ),
)
def test_unfit_repository_is_refused_untouched(
    built: Path,
    checkout: Path,
    environment: Environment,
    prepare: Callable[[Path, Environment], Path],
    message: str,
) -> None:
    place = prepare(checkout, environment)
    before = state(checkout, environment)
    done = publish(built, str(place), environment=environment, check=False)
    assert done.returncode == 1
    assert message in done.stderr
    assert state(checkout, environment) == before


def test_no_secret_of_a_url_is_printed(built: Path, environment: Environment) -> None:
    url = "https://user:t0ken@127.0.0.1:1/marketplace.git"
    done = publish(built, url, environment=environment, check=False)
    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr
    assert "t0ken" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:t0ken@example.invalid/a.git is gone", "https://***@example.invalid/a.git is gone"),
        ("ssh://git@example.invalid/a, https://t0ken@b", "ssh://***@example.invalid/a, https://***@b"),
        ("git@example.invalid:a.git and file:///a@b", "git@example.invalid:a.git and file:///a@b"),
    ],
)
def test_user_information_in_urls_is_redacted(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_another_repository_in_the_environment_is_not_touched(
    built: Path, bare: Path, checkout: Path, environment: Environment
) -> None:
    before = state(checkout, environment)
    inside_a_hook = {
        **environment,
        "GIT_DIR": str(checkout / ".git"),
        "GIT_INDEX_FILE": str(checkout / ".git/index"),
    }
    publish(built, str(bare), "--push", environment=inside_a_hook)
    assert state(checkout, environment) == before
    assert f"refs/tags/{TAG}" in references(bare, environment)


GIT = Path("/usr/bin/git")
needs_git = pytest.mark.skipif(not GIT.exists(), reason="a git that does more first calls /usr/bin/git")


def git_that_first(folder: Path, script: str) -> None:
    """A `git` that runs a script before each call, which has its number in $count and its words in $*."""
    write(
        folder / "git",
        f"""#!/bin/sh
count=$(($(cat '{folder}/count' 2>/dev/null) + 1))
echo $count > '{folder}/count'
{script}
exec {GIT} "$@"
""",
        0o755,
    )


def interrupting_git(folder: Path, call: int, number: signal.Signals) -> None:
    """A `git` that sends the publisher a signal before the call of that number, then does its work."""
    git_that_first(folder, f'[ $count -ne {call} ] || kill -{int(number)} "$(cat "{folder}/publisher")"')


@needs_git
@pytest.mark.parametrize("moment", tables.first(1, ["update-ref", "fetch", "read-tree"]))
def test_a_quicker_publisher_loses_nothing(
    built: Path, checkout: Path, environment: Environment, tmp_path: Path, moment: str
) -> None:
    """A commit lands when the slower one has checked all, or has begun to land."""
    rival = f"{GIT} -C '{checkout}'"
    commit = f"{rival} update-ref refs/heads/main $({rival} commit-tree -m Rival -p HEAD 'HEAD^{{tree}}')"
    git_that_first(tmp_path / "bin", f'case "$1 $3" in *{moment}*) mkdir "{tmp_path}/once" && {commit};; esac')
    before = files_at(checkout, "HEAD", environment)
    path = f"{tmp_path / 'bin'}{os.pathsep}{environment['PATH']}"
    done = publish(built, str(checkout), environment={**environment, "PATH": path}, check=False)
    assert "changed meanwhile" in done.stderr
    assert git(checkout, "log", "--format=%s", environment=environment) == "Rival\nStart"
    assert files_at(checkout, "HEAD", environment) == before
    assert git(checkout, "status", "--short", environment=environment) == ""


def publish_interrupted(source: Path, checkout: Path, folder: Path, environment: Environment) -> int:
    """Publish with the `git` of that folder first on PATH; a negative status is the signal that ended it."""
    note_process = 'echo $$ > "$0/publisher"; exec "$@"'
    command = [sys.executable, "-m", "plugin_build", "publish", "--allow-dirty", "--root", str(source), str(checkout)]
    return subprocess.run(
        ["/bin/sh", "-c", note_process, str(folder), *command],
        env={**environment, "PATH": f"{folder}{os.pathsep}{environment['PATH']}"},
        capture_output=True,
        timeout=300,
        check=False,
    ).returncode


@needs_git
@pytest.mark.nightly
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_interruption_at_any_git_call_publishes_all_or_nothing(
    built: Path, checkout: Path, environment: Environment, number: signal.Signals, tmp_path: Path
) -> None:
    # Looking on must not lock the index that a landing is about to write.
    environment = {**environment, "GIT_OPTIONAL_LOCKS": "0"}
    before, call, status = state(checkout, environment), 0, -1
    while status != 0 and TAG not in references(checkout, environment):
        call += 1
        folder = tmp_path / str(call)
        interrupting_git(folder, call, number)
        status = publish_interrupted(built, checkout, folder, environment)
        # After a SIGKILL the landing's own process may still be at work: then it ends the publication.
        assert eventually(lambda: state(checkout, environment) == before or is_published(checkout, environment))
    assert call > 10  # clone, add, commit, tag, fetch ...: all before the references move
    assert is_published(checkout, environment)
    git(checkout, "fsck", "--strict", environment=environment)


def is_published(checkout: Path, environment: Environment) -> bool:
    """Whether branch, tag, index and files are all at the new version."""
    head, tag = (
        git(checkout, "rev-parse", "HEAD", environment=environment),
        references(checkout, environment),
    )
    done = TAG in tag and git(checkout, "rev-parse", f"{TAG}^{{commit}}", environment=environment) == head
    return done and git(checkout, "status", "--short", environment=environment) == ""
