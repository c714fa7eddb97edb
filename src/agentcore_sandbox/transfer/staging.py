"""Where the parts of one transfer lie in the session."""

from __future__ import annotations

import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.sessions.workspace import FOLDER, guest_command
from agentcore_sandbox.transfer.listing import GUEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentcore_sandbox.sessions.workspace import Workspace

REMOVAL_SECONDS = 10.0
LEFT = "parts of the files may stay in the session until the next copy, an hour later at the soonest"


@contextmanager
def folder(workspace: Workspace) -> Iterator[str]:
    """Name a folder for a transfer, whose last request removes it; after a failure or a signal this does.

    Once and without a word: the session may be gone, and what stays is swept up by the guest, which is also what
    happens to a transfer whose client was killed.

    Args:
        workspace: Of the session.
    """
    name = f"{FOLDER}/transfer-{uuid.uuid4().hex}"
    try:
        yield name
    except BaseException:
        with gate.closed(left=LEFT), suppress(AgentcoreSandboxError):
            command = guest_command(GUEST, {"operation": "abandon", "staging": name})
            workspace.answering_within(REMOVAL_SECONDS).invoke("executeCommand", {"command": command})
        raise
