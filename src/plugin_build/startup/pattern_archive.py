"""Regular expressions as `re` has compiled them, in one file of the unpacked copy: those of a `run` take it 10 ms.

Ships in the copy as `_pattern_archive`. A pattern that the file lacks is compiled as ever. A process that has compiled
many such patterns writes the file anew. `re` checks compiled code before it uses it.
"""

from __future__ import annotations

import _sre  # type: ignore[import-not-found] # typeshed lacks it
import marshal
from _frozen_importlib_external import PathFinder, SourceFileLoader

from _code_archive import hash_of, replace  # type: ignore[import-not-found] # the module beside, as the copy calls it

TYPE_CHECKING = False  # as `typing` has it, which takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from typing import Any

    Key = tuple[str | bytes, int]  # a pattern and its flags
    Compiled = tuple[int, list[int], int, dict[str, int], tuple[str | None, ...]]  # what `_sre.compile` takes

SUFFIX = ".patterns"
WORTH_WRITING = 20  # patterns
_HASH = 8  # bytes
_DEBUG = 128
_OF_A_GLOB = "(?s:"  # how patterns begin that `fnmatch` makes: they are the user's, and not to be kept


class PatternArchive(SourceFileLoader):
    """Loads the module that compiles patterns, and takes the place of its function.

    Args:
        name: The module's.
        source: Its file.
        path: The archive's.
    """

    def __init__(self, name: str, source: str, path: str) -> None:
        super().__init__(name, source)
        self._path = path
        self._known = _read(path)
        self._new: dict[Key, Any] = {}

    def exec_module(self, module: Any) -> None:
        """Load the module."""
        super().exec_module(module)
        self._compiler, self._compile = module, module.compile
        module.compile = self.compile

    def compile(self, pattern: Any, flags: int = 0) -> Any:
        """What `re._compiler.compile` does."""
        if type(pattern) not in (str, bytes) or flags & _DEBUG:
            return self._compile(pattern, flags)
        key = pattern, int(flags)
        if key in self._known:
            return _sre.compile(pattern, *self._known[key])
        compiled = self._compile(pattern, flags)
        if not str(pattern).startswith(_OF_A_GLOB):
            self._new[key] = compiled
        return compiled

    def save(self) -> None:
        """Write the archive anew with the patterns that this process has compiled, if they are many."""
        if len(self._new) < WORTH_WRITING:
            return
        try:
            new = {key: self._arguments(*key, compiled) for key, compiled in self._new.items()}
            content = marshal.dumps((_sre.MAGIC, {**self._known, **new}))
            replace(self._path, hash_of(content) + content)
        except (AttributeError, OSError):  # another `re` than is known; a full disk, or a copy of somebody else's
            return

    def _arguments(self, pattern: str | bytes, flags: int, compiled: Any) -> Compiled:
        code = self._compiler._code(self._compiler._parser.parse(pattern, flags), flags)  # noqa: SLF001 - nothing public
        names = {number: name for name, number in compiled.groupindex.items()}
        groups = tuple(names.get(number) for number in range(compiled.groups + 1))
        return compiled.flags, [int(word) for word in code], compiled.groups, dict(compiled.groupindex), groups


def find(name: str, folder: Sequence[str] | None, path: str) -> ModuleSpec | None:
    """The module with the archive that is in `path`; None where the module is no file."""
    spec: ModuleSpec | None = PathFinder.find_spec(name, folder)
    if spec is None or type(spec.loader) is not SourceFileLoader:
        return None
    spec.loader = PatternArchive(name, spec.loader.path, path)
    return spec


def _read(path: str) -> dict[Key, Compiled]:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return {}
    if content[:_HASH] != hash_of(content[_HASH:]):
        return {}
    magic, known = marshal.loads(content[_HASH:])  # noqa: S302 - as private as the modules themselves
    return known if magic == _sre.MAGIC else {}
