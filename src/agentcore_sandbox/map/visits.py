"""A visit: all that a session is asked for at one time, in a thread that may wait for it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_sandbox import api
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.execution.request import Transfers
from agentcore_sandbox.map.exchange import MOST_PACKED, Answer, Exchange, pack
from agentcore_sandbox.map.ledger import index_of
from agentcore_sandbox.session_helpers.batches import ITEMS
from agentcore_sandbox.transfer.download import Download

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentcore_sandbox.jobs.process import Script
    from agentcore_sandbox.map.exchange import Given, Outcome
    from agentcore_sandbox.map.options import Options
    from agentcore_sandbox.packages.installer import PackageInstaller
    from agentcore_sandbox.sessions.workspace import Workspace

MOST_FILE = 64 << 20
"""Bytes of a file that is an item; base64 makes 85 MB of it, and a request has at most 100 MB."""


@dataclass(frozen=True)
class Recipe:
    """What is the same for all items.

    Attributes:
        script: The program.
        options: How it runs.
        uploads: Pairs of a path here and one in the session, which each session gets once.
        downloads: Pairs of a path or glob in an item's folder and a folder here, which gets a folder for each item.
        files: Items are files.
        installer: Of the program's packages, which each session gets once; None where there are none.
    """

    script: Script
    options: Options
    uploads: Sequence[tuple[str, str]] = ()
    downloads: Sequence[tuple[str, str]] = ()
    files: bool = False
    installer: PackageInstaller | None = None

    def prepared(self, workspace: Workspace) -> Script:
        """The program for a session that has got what it needs."""
        if self.uploads:
            Transfers(self.uploads, force=True, quiet=True).send(workspace)
        if not self.installer:
            return self.script
        installed = self.installer.install(workspace)
        return self.script._replace(environment=installed.environment(self.script.environment))


@dataclass
class Visit:
    """One visit.

    Attributes:
        recipe: What each item gets.
        exchange: With the session's supervisor.
        is_first: The supervisor must be started.
        open_keys: Of items that the session had before.
        given: Those that it gets.
        files: Their files: key -> path here.
        recall: How many it shall give back.
        wait: Seconds to wait for `enough` of the items to end, None for all.
        replaces: Downloads of keys that may be there.
        sent: Items were given, or may have been.
        downloaded: Key -> paths of what was fetched.
        failures: Key -> why that failed.
    """

    recipe: Recipe
    exchange: Exchange
    is_first: bool
    open_keys: Sequence[str]
    given: Sequence[Given]
    files: dict[str, str] = field(default_factory=dict)
    recall: int = 0
    wait: float = 0.0
    enough: int | None = None
    replaces: bool = False
    sent: bool = False
    downloaded: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, AgentcoreSandboxError] = field(default_factory=dict)

    def run(self) -> Answer:
        """Pay it. Whatever was given may have been started from the moment on that `sent` says so."""
        script = self.recipe.prepared(self.exchange.workspace) if self.is_first else None
        for key, path in self.files.items():
            self._send_file(key, path)
        answer = self._ask(script)
        for outcome in answer.outcomes:
            if not outcome.returned and not outcome.error:
                self._download(outcome)
        return answer

    def _send_file(self, key: str, path: str) -> None:
        try:
            with Path(path).open("rb") as file:
                data = file.read(MOST_FILE + 1)
        except OSError as error:
            message = f"cannot read {path}: {error.strerror or error}"
            self.failures[key] = AgentcoreSandboxError("LocalFile", message, "the other items go on")
            return
        if len(data) > MOST_FILE:
            message = f"{path} has more than {MOST_FILE >> 20} MiB"
            self.failures[key] = AgentcoreSandboxError("PayloadTooLarge", message, "cut it into parts")
            return
        self.exchange.workspace.write(relative_path(key, path), data)

    def _ask(self, script: Script | None) -> Answer:
        options = self.recipe.options
        given = [(key, variables) for key, variables in self.given if key not in self.failures]
        keys = [*self.open_keys, *(key for key, _ in given)]
        self.sent = True
        if script:
            fits = len(pack(given)) <= MOST_PACKED
            first = given if fits else []
            self.exchange.start(script, first, parallel=options.at_once, seconds=options.time_limit)
            if fits:
                return Answer(alive=True, waiting=len(given))
        return self.exchange.ask(keys, given, recall=self.recall, wait=self.wait, enough=self.enough)

    def _download(self, outcome: Outcome) -> None:
        index = index_of(outcome.key)
        force = self.recipe.options.force or self.replaces or not outcome.key.endswith("-1")
        for pattern, target in self.recipe.downloads:
            source = posixpath.join(ITEMS, str(index), pattern)
            task = Download([source], f"{target}/{index}/", force=force, hidden=self.recipe.options.hidden, quiet=True)
            try:
                report = task.run(self.exchange.workspace)
            except AgentcoreSandboxError as error:
                self.failures[outcome.key] = error
                return
            self.downloaded.setdefault(outcome.key, []).extend(copied.target for copied in report.copied)


def relative_path(key: str, path: str) -> str:
    """Where a file that is an item lies in the session, below the work folder."""
    return posixpath.join(ITEMS, str(index_of(key)), Path(path).name)


def absolute_path(key: str, path: str) -> str:
    """The same, as its program sees it."""
    return posixpath.join(api.WORK_FOLDER, relative_path(key, path))
