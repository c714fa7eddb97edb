"""The files of this machine that a call may name: below `--root`, else the client's roots, else the working directory.

What is a project, and which files of it may go where, says `policy.host_files`; every call is held to it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentcore_sandbox.errors import NotAllowedError
from agentcore_sandbox.mcp.revisions import FOLDER_OF_CODEX
from agentcore_sandbox.policy.host_files import HostFiles
from agentcore_sandbox.policy.lock import plugin_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentcore_sandbox.mcp.server import Call

_MOST_ASKED = 20
"""Names of files that the user is asked about; of more, none is sent."""


def roots(call: Call, root: str | None) -> list[str]:
    """The folders that bound the files of a call.

    Args:
        call: Whose client may have roots.
        root: The only folder; None for the client's.

    Raises:
        NotAllowedError: The client has no folder.
        InputRequiredError: It has to be asked first.
    """
    if root is not None:
        return [root]
    state = call.meta.get(FOLDER_OF_CODEX)
    if isinstance(state, dict):
        listed: Any = [{"uri": state.get("sandboxCwd")}]
    elif call.client.can("roots"):
        listed = (call.ask("roots", "roots", {"method": "roots/list"}) or {}).get("roots")
    else:
        return [os.getcwd()]
    found = [path for entry in listed if (path := _path(entry))] if isinstance(listed, list) else []
    if not found:
        raise NotAllowedError("the client names no folder as a root", "start the server with --root FOLDER")
    return found


def _path(entry: Any) -> str | None:
    """The folder of one of the client's roots, None where it is none of this machine."""
    from urllib.request import url2pathname

    uri = entry.get("uri") if isinstance(entry, dict) else None
    try:
        parts = urlsplit(uri if isinstance(uri, str) else "")
        path = url2pathname(parts.path)
    except ValueError:
        return None
    return path if parts.scheme == "file" and parts.netloc in ("", "localhost") and os.path.isabs(path) else None


class CallFiles:
    """What one call may read and write.

    Args:
        call: The call.
        folders: As from `roots`. Relative paths are below the first.
        environ: Of this process.

    Raises:
        NotAllowedError: A folder is no project.
    """

    def __init__(self, call: Call, folders: Sequence[str], environ: Mapping[str, str]) -> None:
        self._call = call
        self._roots = [HostFiles(folder, environ, plugin_folder()) for folder in folders]

    def readable(self, paths: Sequence[str]) -> list[str]:
        """Absolute paths of files that may be sent; the user is asked about those of no plain kind.

        Raises:
            NotAllowedError: One may not.
            InputRequiredError: The user has to be asked.
        """
        found = []
        for path in paths:
            host = self._host(path)
            host.check_readable(path)
            found.append(os.path.join(host.root, path))
        self._confirm([name for host in self._roots for name in host.unusual])
        return found

    def arrival(self, sources: Sequence[str], target: str) -> str:
        """The absolute path of a place where files of a session may arrive.

        Raises:
            NotAllowedError: They may not.
        """
        host = self._host(target)
        for source in sources:
            host.check_arrival(source, target)
        return os.path.join(host.root, target)

    def _host(self, path: str) -> HostFiles:
        """The root that an absolute path is below; the first for all others, which refuses what leads out of it."""
        inside = (host for host in self._roots if os.path.isabs(path) and path.startswith(os.path.join(host.root, "")))
        return next(inside, self._roots[0])

    def _confirm(self, names: Sequence[str]) -> None:
        if not names:
            return
        shown = ", ".join(map(repr, names[:_MOST_ASKED]))
        message = f"Copy files of an unusual kind into the sandbox? {shown}"
        schema = {"type": "object", "properties": {}}
        question = {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}
        answer = self._call.ask("consent", "elicitation", question) if len(names) <= _MOST_ASKED else None
        if not answer or answer.get("action") != "accept":
            hint = "leave them out, or let the user copy them: agentcore-sandbox cp FILE SESSION:"
            raise NotAllowedError(f"the user has not agreed to copy what is neither plain data nor code: {shown}", hint)
