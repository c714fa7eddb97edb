"""The guest's modules as one zip file, in memory: nothing of the host has to be mounted for them."""

from __future__ import annotations

import functools
import importlib.util
import io
import marshal
import zipfile
from importlib import resources

PACKAGE = "agentcore_sandbox_guest"
BOOT = "import sys; sys.path.insert(0, {archive!r}); from {package}.{module} import main; sys.path.pop(0); main"


def boot(module: str, archive: str) -> str:
    """Return Python code that imports a guest module's `main` from the archive; append the call."""
    return BOOT.format(archive=archive, package=PACKAGE, module=module)


@functools.cache
def content() -> bytes:
    """Return the archive.

    Compiled modules are there beside the sources: an interpreter of the same version starts faster with them, any
    other passes them over.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in resources.files(f"{__package__}.guest").iterdir():
            if file.name.endswith(".py"):
                path = f"{PACKAGE}/{file.name}"
                source = file.read_bytes()
                archive.writestr(path, source)
                archive.writestr(path + "c", _compiled(source, path))
    return buffer.getvalue()


def _compiled(source: bytes, path: str) -> bytes:
    """Return the content of a .pyc file that is not checked against its source (PEP 552)."""
    code = compile(source, path, "exec", dont_inherit=True)
    unchecked = b"\x01\x00\x00\x00" + bytes(8)
    return importlib.util.MAGIC_NUMBER + unchecked + marshal.dumps(code)
