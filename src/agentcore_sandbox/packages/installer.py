"""Packages in a session: sent once, remembered, and found by every program of Python that follows."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from agentcore_sandbox import api
from agentcore_sandbox.cli.units import counted, size
from agentcore_sandbox.errors import AgentcoreSandboxError, UnexpectedAnswerError, UsageError
from agentcore_sandbox.packages import platforms
from agentcore_sandbox.packages.platforms import Platform
from agentcore_sandbox.sessions.workspace import FOLDER, Workspace
from agentcore_sandbox.state.records import StateFolder
from agentcore_sandbox.state.root import root

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.packages.bundles import Bundle
    from agentcore_sandbox.packages.requirements import Requirements

HELPER = "packages"
VARIABLE = "PYTHONPATH"
_SEPARATOR = ":"  # in the session, which is Linux
_ASKING_SECONDS = 120  # that a session lives which is started only to be asked what it is


class InstalledPackages(NamedTuple):
    """What a session has: its folders for `sys.path` as one text, the newest first; as it is remembered, too."""

    folders: str = ""

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """A program's variables, with which Python finds the packages behind what the program's own PYTHONPATH says."""
        found = [folders for folders in (variables.get(VARIABLE), self.folders) if folders]
        return {**variables, **({VARIABLE: _SEPARATOR.join(found)} if found else {})}

    def with_first(self, folder: str) -> InstalledPackages:
        """The same with one folder before the others."""
        others = [other for other in self.folders.split(_SEPARATOR) if other not in ("", folder)]
        return InstalledPackages(_SEPARATOR.join((folder, *others)))


class PackageInstaller:
    """Sees to it that sessions have the packages of one program. Several threads may use it for several sessions.

    Args:
        requirements: What is needed; nothing, for a session that may have packages from before.
        interpreter: Of the sessions.
        output: Is told what takes time.
        is_kept: The sessions stay, so that what they have is remembered.
        quiet: Show no progress bar, as for many sessions at once.
    """

    def __init__(
        self,
        requirements: Requirements,
        interpreter: SessionClient,
        output: Output,
        *,
        is_kept: bool = True,
        quiet: bool = False,
    ) -> None:
        self._requirements = requirements
        self._interpreter = interpreter
        self._output = output
        self._is_kept = is_kept
        self._quiet = quiet or output.as_json
        self._making = threading.Lock()
        self._is_ready = False
        self._bundle: Bundle | None = None
        self._was_sent = False

    def prepare(self, *, ask: bool = False) -> None:
        """Get everything ready on this machine before sessions are started and paid for, where their platform is known.

        Args:
            ask: Where it is not, start a session for a moment that tells it.

        Raises:
            AgentcoreSandboxError: As `BundleCache.get`; with `ask`, as `install`.
        """
        if not self._requirements:
            return
        try:
            if platform := self._remembered():
                self._make(platform)
        except AgentcoreSandboxError as error:
            if error.code not in ("NoWheel", "Usage"):  # what does not fit may do by now: the session is asked
                raise
        if ask and not self._is_ready:
            start = self._interpreter.started(self._output, lambda: self._interpreter.start(lifetime=_ASKING_SECONDS))
            with start as session_id:
                platform = self._ask(Workspace(self._interpreter, session_id))
            self._make(platform)

    def install(self, workspace: Workspace) -> InstalledPackages:
        """Install in a session what it does not have yet; returns all that it has.

        Raises:
            UsageError: The program needs another Python.
            AgentcoreSandboxError: As `BundleCache.get`; `SessionFile`, or what the service says.
        """
        installed = self._known(workspace.session_id)
        if not self._requirements:
            return installed
        with self._making:
            if not self._is_ready:
                self._make(self._ask(workspace))
        if self._bundle is None:  # only a version of Python is asked for
            return installed
        folder = f"{api.WORK_FOLDER}/{self._bundle.folder}"
        if folder not in installed.folders.split(_SEPARATOR):
            folder = f"{api.WORK_FOLDER}/{self._send(self._bundle, workspace).folder}"
        if self._is_kept and installed.with_first(folder) != installed:
            self._remember("sessions", workspace.session_id, installed.with_first(folder))
        return installed.with_first(folder)

    def as_json(self) -> dict[str, Any]:
        """What `--json` shows under `packages`: the lock, its platform, what it took; empty where none is needed."""
        bundle = self._bundle
        if bundle is None:
            return {}
        how = {"cached": bundle.cached, "sent": self._was_sent, "size": bundle.size}
        return {"packages": {"lock": list(bundle.lock), "platform": bundle.platform.as_json(), **how}}

    def _make(self, platform: Platform) -> None:
        needed = self._requirements
        if needed.python and not platforms.fits(platform.python, needed.python):
            message = (
                f"the program needs Python {needed.python}, and sessions of this interpreter have {platform.python}"
            )
            raise UsageError(message, "change requires-python in its metadata, or use another interpreter")
        if needed.packages:
            from agentcore_sandbox.packages.bundles import BundleCache

            with self._output.waiting("getting packages"):
                self._bundle = BundleCache(os.environ, self._say).get(needed.packages, platform)
        self._is_ready = True

    def _send(self, bundle: Bundle, workspace: Workspace) -> Bundle:
        """Send a bundle, or where the session is not what was remembered the right one; returns what was sent."""
        if not self._was_sent:  # of many sessions it is said once
            self._was_sent = True
            self._say(f"sending {counted(len(bundle.lock), 'package')}, {size(bundle.size)}")
        found = self._unpacked(bundle, workspace)
        if found != bundle.platform:
            self._remember("platforms", json.dumps(self._interpreter.scope), found)
            self._make(found)
            if self._bundle is None or self._unpacked(self._bundle, workspace) != found:
                raise UnexpectedAnswerError("the session's Python changes", "start another session")
            bundle = self._bundle
        return bundle

    def _unpacked(self, bundle: Bundle, workspace: Workspace) -> Platform:
        from agentcore_sandbox.transfer.upload import Upload

        archive = f"{FOLDER}/transfer-{uuid.uuid4().hex}"  # swept up as one, if this process is killed
        Upload([str(bundle.path)], archive, quiet=self._quiet).run(workspace)
        request = {"archive": archive, "folder": bundle.folder, "platform": bundle.platform._asdict()}
        return platforms.read(workspace.ask(HELPER, "install", once=True, **request))

    def _ask(self, workspace: Workspace) -> Platform:
        platform = platforms.read(workspace.ask(HELPER, "describe"))
        self._remember("platforms", json.dumps(self._interpreter.scope), platform)
        return platform

    def _remembered(self) -> Platform | None:
        with suppress(AgentcoreSandboxError):
            return _folder("platforms").read(_key(json.dumps(self._interpreter.scope)), Platform)
        return None

    def _known(self, session_id: str) -> InstalledPackages:
        if self._is_kept:
            with suppress(AgentcoreSandboxError):
                return _folder("sessions").read(_key(session_id), InstalledPackages) or InstalledPackages()
        return InstalledPackages()

    def _remember(self, kind: str, what: str, record: Platform | InstalledPackages) -> None:
        """Remember; where that fails, it is asked or sent once more."""
        with suppress(AgentcoreSandboxError):
            folder = _folder(kind)
            folder.write(_key(what), record)
            if kind == "sessions":
                folder.remove_older(api.MAX_LIFETIME)

    def _say(self, message: str) -> None:
        self._output.say(f"agentcore-sandbox: {message}")


def _folder(kind: str) -> StateFolder:
    return StateFolder(root(os.environ) / "packages" / kind)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
