"""What a session is, as far as wheels care: its Python, its processor and its C library."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from agentcore_sandbox.errors import UnexpectedAnswerError

MACHINES = ("aarch64", "x86_64")
GLIBC, MUSL = "glibc", "musl"
_OLDEST_GLIBC = 17
"""Of manylinux2014, the oldest platform that there are wheels of CPython 3.8 and newer for."""
_NEWEST_MUSL = 2
# uv knows these platforms by name, from https://docs.astral.sh/uv/reference/cli/#uv-pip-install--python-platform.
_GLIBCS_OF_UV = (17, 28, *range(31, 41))


class Platform(NamedTuple):
    """The platform of a session's Python, which is CPython for Linux.

    Attributes:
        python: Its version, such as 3.12.7.
        machine: One of `MACHINES`.
        libc: `GLIBC` or `MUSL`.
        libc_minor: 34 for version 2.34 of glibc.
    """

    python: str
    machine: str
    libc: str
    libc_minor: int

    def checked(self) -> Platform:
        """The same; raises ValueError where it can be none."""
        is_known = self.machine in MACHINES and self.libc in (GLIBC, MUSL) and re.fullmatch(_PYTHON, self.python)
        if not is_known or type(self.libc_minor) is not int or not 0 <= self.libc_minor < 1000:  # noqa: PLR2004 - a bound
            raise ValueError(self)
        return self

    @property
    def python_minor(self) -> str:
        """The version of Python that wheels are made for, such as 3.12."""
        return ".".join(self.python.split(".")[:2])

    @property
    def key(self) -> list[str | int]:
        """What wheels are chosen by."""
        return [self.python_minor, self.machine, self.libc, self.libc_minor]

    @property
    def for_uv(self) -> str:
        """What uv calls it."""
        if self.libc == MUSL:
            return f"{self.machine}-unknown-linux-musl"
        older = [minor for minor in _GLIBCS_OF_UV if minor <= self.libc_minor]
        return f"{self.machine}-manylinux_2_{max(older, default=_OLDEST_GLIBC)}"

    @property
    def for_pip(self) -> list[str]:
        """The tags of wheels that it takes, the best first."""
        if self.libc == MUSL:
            return [f"musllinux_1_{minor}_{self.machine}" for minor in range(_NEWEST_MUSL, 0, -1)]
        newer = [f"manylinux_2_{minor}_{self.machine}" for minor in range(self.libc_minor, _OLDEST_GLIBC - 1, -1)]
        return [*newer, f"manylinux2014_{self.machine}", f"linux_{self.machine}"]

    def __str__(self) -> str:
        return f"linux {self.machine}, Python {self.python_minor}"

    def as_json(self) -> dict[str, str]:
        """The object that `--json` shows."""
        version = f"{1 if self.libc == MUSL else 2}.{self.libc_minor}"
        return {"python": self.python, "machine": self.machine, "libc": f"{self.libc} {version}"}


_PYTHON = r"3\.\d{1,2}\.\d{1,3}"


def read(answer: Any) -> Platform:
    """Check what a session says it is. Untrusted: it becomes part of a command line.

    Raises:
        UnexpectedAnswerError: There is no such platform, or none that there are wheels for.
    """
    try:
        return Platform(**answer).checked()
    except (TypeError, ValueError):
        message = f"the session's Python is none that wheels can be chosen for: {str(answer)[:200]}"
        raise UnexpectedAnswerError(message, "packages need CPython for Linux on aarch64 or x86-64 there") from None


def fits(version: str, specifier: str) -> bool:
    """Whether a version of Python is one that a `requires-python` allows, such as `>=3.10,<4`."""
    return all(_fits(version, clause.strip()) for clause in specifier.split(",") if clause.strip())


def _fits(version: str, clause: str) -> bool:
    operator, wanted = re.match(r"([=~!<>]+)\s*(.*)", clause).groups()  # type: ignore[union-attr] # it was checked
    numbers = [int(number) for number in re.findall(r"\d+", wanted)]
    ours = [int(number) for number in version.split(".")]
    theirs = [*numbers, 0, 0][:3]
    begins = ours[: len(numbers)] == numbers if wanted.endswith(".*") else ours == theirs
    return {
        "==": begins,
        "===": begins,
        "!=": not begins,
        ">=": ours >= theirs,
        "<=": ours <= theirs,
        ">": ours > theirs,
        "<": ours < theirs,
        "~=": ours >= theirs and ours[: len(numbers) - 1] == numbers[:-1],
    }[operator]
