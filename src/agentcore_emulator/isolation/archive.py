"""What of the agent every sandbox finds inside, kept in memory: nothing of the host has to be mounted for it."""

from __future__ import annotations

import functools
import importlib.util
import io
import marshal
import zipfile
from importlib import resources

from agentcore_emulator.isolation.profile import ARCHIVE, CONTEXT

PACKAGE = "agentcore_agent"
UNCHECKED = (1).to_bytes(4, "little") + bytes(8)
"""The header after the magic number of a .pyc file that is never checked against its source (PEP 552)."""


def boot(module: str) -> str:
    """Return Python code that calls a agent module's `main` with its arguments, each as JSON."""
    load = f"import json, sys; sys.path.insert(0, {ARCHIVE!r}); from {PACKAGE}.{module} import main; sys.path.pop(0)"
    return f"{load}; main(*map(json.loads, sys.argv[1:]))"


@functools.cache
def files() -> dict[str, bytes]:
    """Return the content of each file by its path inside."""
    script = resources.files("agentcore_emulator.agent") / "context.mjs"
    return {ARCHIVE: _modules(), CONTEXT: script.read_bytes()}


def _modules() -> bytes:
    """Return the modules as a zip file, each compiled too: an interpreter of the same version starts faster with it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in resources.files("agentcore_emulator.agent").iterdir():
            if file.name.endswith(".py"):
                path = f"{PACKAGE}/{file.name}"
                source = file.read_bytes()
                archive.writestr(path, source)
                archive.writestr(f"{path}c", _compiled(source, path))
    return buffer.getvalue()


def _compiled(source: bytes, path: str) -> bytes:
    code = compile(source, path, "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + UNCHECKED + marshal.dumps(code)
