"""Claude Code's sandbox (`/sandbox`): the runtime of npm's `@anthropic-ai/sandbox-runtime`, as one command finds it.

Files are read-only but for the project and `TMPDIR`; network and processes are the command's own, and end with it; a
proxy reaches the hosts that the user has allowed. The command line asks this too: standard library only.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIABLE = "SANDBOX_RUNTIME"
"""What it sets for the commands that run in it."""
OUTSIDE = "give Claude the MCP server (agentcore-sandbox mcp), which runs outside of its sandbox"
NESTED = (
    'in Claude Code\'s settings set {"sandbox": {"allowNestedUserNamespaces": true}} (2.1.305 or newer), '
    f"which lets every command in its sandbox make them; or {OUTSIDE}; or use an interpreter on AWS"
)
WRITING = "let Claude Code's sandbox write to it: sandbox.filesystem.allowWrite in its settings"


def is_around(environ: Mapping[str, str]) -> bool:
    """Whether this process runs in it."""
    return environ.get(VARIABLE) == "1"


def allow_hosts(hosts: Sequence[str]) -> str:
    """The setting that lets commands in it reach these hosts, for a hint."""
    setting = {"sandbox": {"network": {"allowedDomains": list(hosts)}}}
    return f"add to Claude Code's settings {json.dumps(setting)}"


def private_path(environ: Mapping[str, str], purpose: str) -> Path:
    """Where a folder of this user may be made for a purpose; the maker checks that it is nobody else's."""
    user = os.environ.get("USERNAME", "") if os.name == "nt" else os.geteuid()
    return Path(environ.get("TMPDIR") or "/tmp").absolute() / f"agentcore-sandbox-{user}-{purpose}"  # noqa: S108 - as said
