"""Publish a built plugin into a marketplace repository: commit and tag, made in a clone and landed last."""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_sandbox.atomic_files import staging_folder
from plugin_build.git import Repository, redact
from plugin_build.marketplace import CATALOGUE, CATALOGUE_OF_CODEX, CATALOGUES, find_entry, read_catalogue
from plugin_build.plugin import MANIFEST, read_manifest
from plugin_build.source_tree import (
    BuildError,
    Project,
    add_root,
    copy_file,
    copy_tree,
    files_below,
    read_object,
    swap_in,
    write_object,
)

if TYPE_CHECKING:
    import argparse

_URL = re.compile(r"[a-z][a-z0-9+.-]*://|[^/\s:]+:")  # with a scheme, or as ssh takes it: host:path

_ANYWAY = "--allow-dirty publishes it anyway"


@dataclass(frozen=True)
class Edition:
    """One version of the plugin as `dist/marketplace` holds it."""

    marketplace: Path
    name: str
    version: str

    @property
    def tag(self) -> str:
        """The tag that `claude plugin tag` would make."""
        return f"{self.name}--v{self.version}"

    @property
    def folders(self) -> list[str]:
        """What is replaced in a marketplace repository: the plugin, and then the package for other agents."""
        return [f"{folder}/{self.name}" for folder in CATALOGUES.values()]


def read_edition(marketplace: Path, name: str) -> Edition:
    """What a built marketplace offers under a plugin's name.

    Raises:
        BuildError: It was not built, or its parts do not agree.
    """
    if not marketplace.is_dir():
        raise BuildError(f"{marketplace} is missing; `nox -s build` makes it")
    for path in CATALOGUES:
        find_entry(marketplace, path, name)
    plugin = marketplace / CATALOGUES[CATALOGUE] / name
    version = read_manifest(plugin).get("version")
    if not isinstance(version, str):
        raise BuildError(f"{plugin / MANIFEST} has no version; `nox -s build` fills it in")
    return Edition(marketplace, name, version)


def check_source(project: Project) -> None:
    """Refuse to publish what nobody can build again: the source is as its version's tag has it.

    Raises:
        BuildError: It is not.
    """
    repository, tag = Repository(project.root), f"v{project.version}"
    if repository.files_changed():
        raise BuildError(f"the source has changes that are not committed; {_ANYWAY}")
    if repository.resolve(f"refs/tags/{tag}^{{commit}}") != repository.resolve("HEAD"):
        raise BuildError(
            f"the source is not at the tag {tag}, which `nox -s release -- {project.version}` makes; {_ANYWAY}"
        )


def publish(edition: Edition, place: str, kept: Path, *, pushing: bool, dry_run: bool) -> str:
    """Publish a built plugin into a marketplace repository.

    All work is done in a clone; the repository's references move last and together, or not at all.

    Args:
        edition: What to publish.
        place: A repository with a working tree (commit and tag go there), or a bare one or a git URL (a clone
            gets them).
        kept: The folder for clones, such as `dist/publish`.
        pushing: Push too: a working repository to the remote it follows, a clone to `place`.
        dry_run: Change nothing, only tell the difference.

    Returns:
        What was done and what to do next; with `dry_run` the difference, as `git diff` shows it.

    Raises:
        BuildError: Nothing was published; the repository is as it was.
    """
    checkout = _open_checkout(place)
    kept.mkdir(parents=True, exist_ok=True)
    with staging_folder(kept) as scratch:
        made = _clone(place, scratch.path / "repository")
        if Path(place).exists():
            made.commit_like(Repository(Path(place).resolve()))
        _stage_edition(edition, made)
        if dry_run:
            return made.git("diff", "--cached", "--no-color", "--no-ext-diff", "--stat", "--patch")
        if not _commit(edition, made) and not (checkout and pushing):
            return f"{edition.tag} is already published in {redact(place)}; nothing to do"
        if checkout:
            return _deliver_to_checkout(made, checkout, edition.tag, pushing=pushing)
        return _deliver_to_remote(made, place, edition.tag, kept, pushing=pushing)


def _open_checkout(place: str) -> Repository | None:
    """The repository with a working tree at a path, or None for a bare one and for a URL."""
    path = Path(place)
    if not path.exists():
        if not _URL.match(place):
            raise BuildError(f"{place} is neither a folder nor a git URL")
        return None
    repository = Repository(path.resolve())
    if repository.git("rev-parse", "--is-bare-repository") == "true":
        return None
    top = Path(repository.git("rev-parse", "--show-toplevel"))
    if top.resolve() != repository.path:
        raise BuildError(f"{place} is a folder inside the repository {top}, not a repository; `git init` makes it one")
    if repository.files_changed():
        raise BuildError(f"{place} has changes that are not committed; commit or remove them first")
    return repository


def _clone(place: str, folder: Path) -> Repository:
    """A clone with a working tree; paths are resolved before, since git runs elsewhere."""
    source = str(Path(place).resolve()) if Path(place).exists() else place
    Repository(folder.parent).git("clone", "--quiet", "--", source, str(folder))
    return Repository(folder)


def _stage_edition(edition: Edition, repository: Repository) -> None:
    """Put the edition into a clone's files and index, or refuse."""
    manifest = repository.path / edition.folders[0] / MANIFEST
    current = read_object(manifest).get("version") if manifest.exists() else None
    _place_files(edition, repository.path)
    for path in CATALOGUES:
        _merge_entry(edition, repository.path, path)
    repository.git("add", "--all", "--force", ".")
    _refuse_republication(edition, repository, current)


def _place_files(edition: Edition, folder: Path) -> None:
    """Replace plugin and package; the marketplace's other files are only added where the repository has none."""
    for own in edition.folders:
        shutil.rmtree(folder / own, ignore_errors=True)
        copy_tree(edition.marketplace / own, folder / own)
    for path in files_below(edition.marketplace):
        if path != CATALOGUE_OF_CODEX and not folder.joinpath(path).exists():
            copy_file(edition.marketplace / path, folder / path)


def _merge_entry(edition: Edition, folder: Path, path: Path) -> None:
    """Write the edition's entry into a catalogue of the repository; other entries stay as they are.

    One that the repository lacks begins like Claude Code's, which it has, so that the marketplace has one name.
    """
    has_one = folder.joinpath(path).exists()
    catalogue = read_catalogue(folder, path) if has_one else {**read_catalogue(folder), "plugins": []}
    entry = find_entry(edition.marketplace, path, edition.name)
    names = [other.get("name") for other in catalogue["plugins"]]
    if edition.name in names:
        catalogue["plugins"][names.index(edition.name)] = entry
    else:
        catalogue["plugins"].append(entry)
    if not has_one or catalogue != read_object(folder / path):
        write_object(folder / path, catalogue)


def _refuse_republication(edition: Edition, repository: Repository, current: object) -> None:
    """Stop where users would not get the new contents.

    The version is an installed plugin's cache key: changed contents under a published version never arrive.

    Args:
        edition: What is to be published; its files are staged in the repository's index.
        repository: The clone.
        current: The version that the repository's last commit offers, if any.
    """
    revisions = [f"refs/tags/{edition.tag}", *(["HEAD"] if current == edition.version else [])]
    for folder in edition.folders:
        published = {repository.resolve(f"{revision}:{folder}") for revision in revisions} - {None}
        if published - {repository.git("write-tree", f"--prefix={folder}/")}:
            raise BuildError(f"{edition.tag} is already published with other contents; raise the version")
    if _numbers(current) > _numbers(edition.version):
        raise BuildError(f"{edition.name} {current} is already published, which is newer than {edition.version}")


def _numbers(version: object) -> tuple[int, ...]:
    """A version's numbers, for comparing; empty for what is no version."""
    return tuple(int(part) for part in str(version).split(".")) if re.fullmatch(r"\d+(\.\d+)*", str(version)) else ()


def _commit(edition: Edition, repository: Repository) -> bool:
    """Commit and tag what is staged, each where it is not done yet; say whether there was anything to do."""
    message = f"Publish {edition.name} {edition.version}"
    changed = repository.files_changed()
    if changed:
        repository.git("commit", "--quiet", "--message", message)
    tagged = repository.resolve(f"refs/tags/{edition.tag}") is not None
    if not tagged:
        repository.git("tag", "--annotate", "--message", message, edition.tag)
    return changed or not tagged


def _push(source: Repository, made: Repository, remote: str, tag: str) -> None:
    """Push branch and tag, both or neither, by object ids: the source's own references may not have moved."""
    commit_id, tag_id = made.git("rev-parse", "HEAD", f"refs/tags/{tag}").split()
    references = [f"{commit_id}:refs/heads/{made.branch()}", f"{tag_id}:refs/tags/{tag}"]
    source.git("push", "--quiet", "--atomic", remote, *references)


def _deliver_to_checkout(made: Repository, checkout: Repository, tag: str, *, pushing: bool) -> str:
    """Bring the clone's commit and tag into a working repository; push first, since that may be refused."""
    remote = checkout.remote()
    checkout.bring_objects(made, tag)
    if pushing:
        _push(checkout, made, remote, tag)
    checkout.land(made, tag)
    if pushing:
        return f"{tag} is committed in {checkout.path} and pushed to {remote}"
    return f"{tag} is committed in {checkout.path}; {_to_push(checkout.path, remote, checkout.branch(), tag)}"


def _deliver_to_remote(made: Repository, place: str, tag: str, kept: Path, *, pushing: bool) -> str:
    """Push the clone, or keep it so that the user can look at it and push it."""
    if pushing:
        _push(made, made, "origin", tag)
        return f"{tag} is pushed to {redact(place)}"
    branch = made.branch()
    swap_in(made.path, kept / tag)
    return f"{tag} is committed in a clone, {kept / tag}; {_to_push(kept / tag, 'origin', branch, tag)}"


def _to_push(path: Path, remote: str, branch: str, tag: str) -> str:
    return f"to push it: git -C {shlex.quote(str(path))} push --atomic {remote} {branch} {tag}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `publish`."""
    add_root(parser)
    parser.add_argument("repository", help="the marketplace repository: a path or a git URL")
    parser.add_argument("--push", action="store_true", help="push the commit and the tag too")
    parser.add_argument("--dry-run", action="store_true", help="print the difference, change nothing")
    parser.add_argument(
        "--allow-dirty",
        action="store_true",
        help="publish from a source with changes, or not at its version's tag",
    )


def run(options: argparse.Namespace) -> str:
    """Publish the built marketplace's plugin."""
    project, dist = options.project, options.project.dist
    edition = read_edition(dist / "marketplace", read_manifest(project.template)["name"])
    if edition.version != project.version:
        raise BuildError(f"version {edition.version} is built, the source is {project.version}; run `nox -s build`")
    if not (options.allow_dirty or options.dry_run):
        check_source(project)
    return publish(edition, options.repository, dist / "publish", pushing=options.push, dry_run=options.dry_run)
