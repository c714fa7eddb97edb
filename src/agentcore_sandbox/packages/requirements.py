"""What packages a program needs: as `--with` and requirements files say, and the program's own metadata (PEP 723).

Text that may be somebody else's, a file or a program, names packages and versions only. Where they come from is the
user's to say: in the configuration of uv or pip, or with `--with` by the path or URL of a wheel.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from agentcore_sandbox.errors import NotAllowedError, UsageError
from agentcore_sandbox.policy.lock import allow

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from agentcore_sandbox.policy.lock import Lock

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_VERSION = r"(?:===|==|~=|!=|<=|>=|<|>)[ \t]*[A-Za-z0-9.*+!_-]+"
_VERSIONS = rf"{_VERSION}(?:[ \t]*,[ \t]*{_VERSION})*"
_PACKAGE = (
    rf"{_NAME}[ \t]*(?:\[[A-Za-z0-9._, \t-]*\])?[ \t]*(?:{_VERSIONS}|\({_VERSIONS}\))?"
    r"(?:[ \t]*;[A-Za-z0-9_.,+*'\"<>=!~() \t-]+)?"
)
# uv and pip take such a name for a file's.
_ARCHIVE = r"(?i)[a-z0-9._-]*\.(?:whl|egg|zip|tar|tgz|tbz|txz|tlz|gz|bz2|xz|lz|lzma)(?![a-z0-9._-])"
_WHEEL_URL = rf"{_NAME}[ \t]*@[ \t]*(?:https?|file)://[^@\s]+\.whl"
_HASH = r"[ \t]+--hash=(sha256:[0-9a-f]{64})"
_BLOCK = r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$"  # PEP 723's own
_MOST_BYTES = 1 << 20
_LONGEST = 1000
_NAMES_ONLY = "a package is given by its name and versions, such as requests or 'numpy>=2,<3'"


class Requirement(NamedTuple):
    """A package by its name and versions, or by where its wheel is; `hashes` are those that its file may have."""

    text: str
    hashes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The package's name in its normal form."""
        return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", self.text, maxsplit=1)[0]).lower()

    @property
    def line(self) -> str:
        """As a requirements file has it."""
        return " ".join((self.text, *(f"--hash={one}" for one in self.hashes)))


class Requirements(NamedTuple):
    """All that a program needs.

    Attributes:
        packages: What is to be installed.
        python: The versions of Python that it runs on, such as `>=3.11`; empty for any.
    """

    packages: tuple[Requirement, ...] = ()
    python: str = ""

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.packages or self.python)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name packages."""
    about = "install a Python package from this machine, such as 'numpy>=2', or a wheel; repeatable"
    named = parser.add_argument("--with", action="append", default=[], dest="packages", metavar="PACKAGE", help=about)
    allow(named, _names_only)
    about = "install what a requirements file names; repeatable"
    files = parser.add_argument(
        "--requirements", action="append", default=[], dest="requirement_files", metavar="FILE", help=about
    )
    allow(files, _readable)


def _names_only(_: Lock, words: Sequence[str]) -> Sequence[str]:
    for word in words:
        if not is_package(word):
            raise NotAllowedError(f"--with {word[:_LONGEST]!r} is not allowed when locked", _NAMES_ONLY)
    return words


def _readable(lock: Lock, paths: Sequence[str]) -> Sequence[str]:
    for path in paths:
        lock.files.check_readable(path)
    return paths


def read(packages: Sequence[str], requirement_files: Sequence[str]) -> tuple[str, ...]:
    """Read what `add_arguments` has declared: lines of a requirements file.

    Raises:
        UsageError: One is no package, or a file cannot be read.
    """
    lines = [_given(word).line for word in packages]
    return (*lines, *(one.line for path in requirement_files for one in _read_file(Path(path))))


def of(lines: Sequence[str], code: str = "") -> Requirements:
    """All that is needed: by the lines that `read` returned, and by the metadata of Python code.

    Raises:
        UsageError: The metadata is wrong.
    """
    given = tuple(_parsed(line, "it") for line in lines)
    metadata = _metadata(code)
    dependencies, python = metadata.get("dependencies", []), metadata.get("requires-python", "")
    if not isinstance(python, str) or not re.fullmatch(rf"(?:{_VERSIONS})?", python.strip()):
        raise _wrong_metadata("requires-python is no version specifier")
    if not isinstance(dependencies, list) or not all(isinstance(text, str) for text in dependencies):
        raise _wrong_metadata("dependencies is no list of strings")
    return Requirements((*given, *(_named(text, "the program's metadata") for text in dependencies)), python.strip())


def is_package(text: str) -> bool:
    """Whether a text names a package and perhaps versions of it, and nothing else."""
    is_short, text = len(text) <= _LONGEST, text.strip()
    return is_short and bool(re.fullmatch(_PACKAGE, text)) and not re.match(_ARCHIVE, text)


def parse(text: str, where: str) -> Iterator[Requirement]:
    """Read the lines of a requirements file.

    Args:
        text: Its contents; or a lock, which also has the URLs of wheels.
        where: What messages call it.

    Raises:
        UsageError: One is something else than a package.
    """
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        if stated := re.sub(r"(^|\s)#.*", "", line).strip():
            yield _parsed(stated, where)


def _parsed(line: str, where: str) -> Requirement:
    hashes = re.findall(_HASH, line)
    text = re.sub(_HASH, "", line).strip()
    if re.fullmatch(_WHEEL_URL, text):
        return Requirement(text, tuple(hashes))
    return Requirement(_named(text, where).text, tuple(hashes))


def _named(text: str, where: str) -> Requirement:
    if not is_package(text):
        hint = f"{_NAMES_ONLY}; indexes are set in the configuration of uv or pip, and a wheel is given with --with"
        raise UsageError(f"{where} names something else than a package: {text[:_LONGEST]!r}", hint)
    return Requirement(text.strip())


def _given(word: str) -> Requirement:
    """What `--with` names. A wheel of this machine gets its URL, which says the same in every folder."""
    if word.endswith(".whl") and "://" not in word and not word.startswith("-"):
        path = Path(word).absolute()
        if not path.is_file():
            raise UsageError(f"no such file: {word}", "nothing was started")
        word = f"{path.name.partition('-')[0]} @ {path.as_uri()}"
    if re.fullmatch(_WHEEL_URL, word) or is_package(word):
        return Requirement(word.strip())
    raise UsageError(f"not a package: {word[:_LONGEST]!r}", f"{_NAMES_ONLY}, or a wheel by its path or NAME @ URL")


def _read_file(path: Path) -> Iterator[Requirement]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None
    if len(text) > _MOST_BYTES:
        raise UsageError(f"{path} is too large for a requirements file")
    for requirement in parse(text, str(path)):
        if "@" in requirement.text:
            _named(requirement.text, str(path))
        yield requirement


def _metadata(code: str) -> dict[str, Any]:
    """What the block `# /// script` says; empty where there is none."""
    if "# /// script" not in code:
        return {}
    blocks = list(re.finditer(_BLOCK, code.replace("\r\n", "\n")))
    if not blocks:
        return {}
    if len(blocks) > 1:
        raise _wrong_metadata("there is more than one block `# /// script`")
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    lines = blocks[0]["content"].splitlines()
    try:
        return tomllib.loads("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong_metadata(str(error)) from None


def _wrong_metadata(reason: str) -> UsageError:
    hint = "the block `# /// script` is described in the Python Packaging User Guide, Inline script metadata"
    return UsageError(f"the program's metadata cannot be read: {reason}", hint)
