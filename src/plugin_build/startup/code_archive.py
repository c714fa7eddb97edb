"""Bytecode of the modules that calls import, in one file of the unpacked copy: nothing to search for, stat and open.

Ships in the copy as `_code_archive`. A module that the archive lacks is imported as ever. A process that has imported
many such modules writes the archive anew; of several processes the last one wins.
"""

from __future__ import annotations

import _imp
import marshal
import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER, SourceFileLoader

TYPE_CHECKING = False  # as `typing` has it, which takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

    Entry = tuple[str, bool, int, int]  # source, whether it is a package, offset and size of its code

SUFFIX = ".code"
WORTH_WRITING = 20  # modules
_COMPILER = "re._compiler"  # of patterns
_PYC_HEADER = 16  # bytes
_HEADER = 24  # bytes: size of the index, hash of the index, hash of the codes
_UNREADABLE = (OSError, EOFError, TypeError, ValueError)


class CodeArchive:
    """Finds modules in the archive, before Python's own finder of files.

    Args:
        site_packages: The folder of the modules.
    """

    def __init__(self, site_packages: str) -> None:
        self._folder = os.path.join(site_packages, "")
        self._stem = os.path.join(os.path.dirname(site_packages), sys.implementation.cache_tag)
        self._path = self._stem + SUFFIX
        self._index: dict[str, Entry] = {}
        self._start = 0
        self._patterns: Any = None
        try:
            self._file = os.open(self._path, os.O_RDONLY)
            self._read_index()
        except _UNREADABLE:
            return

    def _read_index(self) -> None:
        header = os.pread(self._file, _HEADER, 0)
        index = os.pread(self._file, int.from_bytes(header[:8], "big"), _HEADER)
        if header[8:16] == hash_of(index):
            self._index = marshal.loads(index)  # noqa: S302 - as private as the modules themselves
            self._start = _HEADER + len(index)

    def find_spec(self, name: str, path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        """The module, if the archive has it."""
        if name == _COMPILER and sys.implementation.name == "cpython":
            import _pattern_archive  # type: ignore[import-not-found] # the module beside, as the copy calls it

            spec: ModuleSpec | None = _pattern_archive.find(name, path, self._stem + _pattern_archive.SUFFIX)
            self._patterns = spec.loader if spec else None
            return spec
        if name not in self._index:
            return None
        source, is_package, *_ = self._index[name]
        origin = self._folder + source
        spec = ModuleSpec(name, _Loader(name, origin, self), origin=origin, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(origin)]
        return spec

    def code(self, name: str) -> bytes:
        """A module's marshalled code."""
        _, _, offset, size = self._index[name]
        return os.pread(self._file, size, self._start + offset)

    def save(self) -> None:
        """Write the archive anew with the modules that this process has found elsewhere, if they are many."""
        if self._patterns:
            self._patterns.save()
        specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
        found = [spec for spec in specs if spec and type(spec.loader) is SourceFileLoader and self._holds(spec)]
        if len(found) >= WORTH_WRITING:
            try:
                self._write(found)
            except OSError:  # a full disk, or a copy of somebody else's: the next call will import as this one has
                return

    def _holds(self, spec: ModuleSpec) -> bool:
        return str(spec.origin).startswith(self._folder) and spec.name not in self._index

    def _write(self, found: Sequence[ModuleSpec]) -> None:
        places = {name: entry[:2] for name, entry in self._index.items()}
        codes = {name: self.code(name) for name in self._index}
        for spec in found:
            places[spec.name] = str(spec.origin).removeprefix(self._folder), spec.submodule_search_locations is not None
            codes[spec.name] = _cached_code(str(spec.cached))
        index: dict[str, Entry] = {}
        offset = 0
        for name, code in codes.items():
            if code:
                index[name] = (*places[name], offset, len(code))
                offset += len(code)
        head, body = marshal.dumps(index), b"".join(codes.values())
        replace(self._path, len(head).to_bytes(8, "big") + hash_of(head) + hash_of(body) + head + body)


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, archive: CodeArchive) -> None:
        super().__init__(name, path)
        self._archive = archive

    def exec_module(self, module: ModuleType) -> None:
        try:
            code = marshal.loads(self._archive.code(module.__name__))  # noqa: S302 - see above
        except _UNREADABLE:
            super().exec_module(module)
        else:
            exec(code, module.__dict__)  # noqa: S102 - as any loader


def _cached_code(path: str) -> bytes:
    """The marshalled code of a .pyc; empty where Python could not write one."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return b""
    return content[_PYC_HEADER:] if content.startswith(MAGIC_NUMBER) else b""


def hash_of(data: bytes) -> bytes:
    """Eight bytes that tell damage."""
    return bytes(_imp.source_hash(0, data))


def replace(path: str, content: bytes) -> None:
    """Replace a file as a whole; raises OSError."""
    scratch = f"{path}.{os.getpid()}"
    with open(scratch, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    os.replace(scratch, path)


def is_whole(path: str) -> bool:
    """Whether an archive is as it was written."""
    with open(path, "rb") as file:
        header, rest = file.read(_HEADER), file.read()
    size = int.from_bytes(header[:8], "big")
    return header[8:] == hash_of(rest[:size]) + hash_of(rest[size:])


def install(site_packages: str) -> CodeArchive | None:
    """Look into the archive first from now on; None where the system cannot read at an offset, as Windows cannot."""
    if not hasattr(os, "pread"):
        return None
    archive = CodeArchive(site_packages)
    sys.meta_path.insert(-1, archive)
    return archive
