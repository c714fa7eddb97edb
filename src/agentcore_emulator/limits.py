"""What one session may use and what all together may, and the variables that say otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from agentcore_emulator.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

MIB = 1 << 20
GIB = 1 << 30
PREFIX = "AGENTCORE_SANDBOX_LOCAL_MAX_"
"""With the name of a limit in capitals: the variable that sets it."""
SUFFIXES = {"": 1, "K": 1 << 10, "M": MIB, "G": GIB}

NOT_LIMITED = (
    "pages of pipes and watches of epoll, which the kernel counts for this user, "
    "pseudo-terminals and memory of TCP, which it counts for this machine"
)
"""What a session shares with other programs of the host and can use up."""

Allowances = TypeVar("Allowances")


@dataclass(frozen=True)
class Limits:
    """The resources of one session; the defaults are the service's where AWS documents them.

    Args:
        cpus: Processors that it runs on (AWS: 2).
        memory_bytes: Memory of all its processes, and the data segment of each (AWS: 8 GB).
        disk_bytes: What its files take in all (AWS: 10 GB).
        processes: Processes and threads alive at once (assumed).
        output_bytes: What is kept of each output stream of one execution (assumed; as large as fits into one message).
        payload_bytes: One request or reply without its encoding (AWS: 100 MB).
        command_bytes: Length of one shell command (the kernel's limit; AWS hangs silently beyond it).
        task_seconds: Run time of one task (AWS: 8 hours).
    """

    cpus: int = 2
    memory_bytes: int = 8 * GIB
    disk_bytes: int = 10 * GIB
    processes: int = 1024
    output_bytes: int = 20 * MIB
    payload_bytes: int = 100_000_000
    command_bytes: int = 131_071
    task_seconds: int = 8 * 3600

    @property
    def file_bytes(self) -> int:
        """The size of each file: below that of all, so that the kernel refuses a large one before all is too much."""
        return self.disk_bytes - self.disk_bytes // 32


@dataclass(frozen=True)
class Quotas:
    """What all sessions and requests together may use; the defaults are AWS's documented ones.

    Args:
        sessions: READY at once.
        invoke_seconds: One synchronous invoke.
        payload_bytes: The body of one request.
    """

    sessions: int = 1000
    invoke_seconds: int = 900
    payload_bytes: int = 100_000_000


def read(kind: type[Allowances], environ: Mapping[str, str]) -> Allowances:
    """Return limits of some kind as the environment sets them, such as `memory_bytes` by `PREFIX + "MEMORY_BYTES"`.

    Raises:
        SettingError: A value is not a whole number above 0.
    """
    dataclass_type: Any = kind
    names = {field.name: PREFIX + field.name.upper() for field in fields(dataclass_type)}
    return kind(
        **{name: _number(variable, environ[variable]) for name, variable in names.items() if variable in environ}
    )


def amount(text: str, *, is_bytes: bool) -> int:
    """Read a whole number above 0; one of bytes may end in K, M or G.

    Raises:
        ValueError: It is none; the text goes after the name of what it was given for.
    """
    suffixes, example = ("[KMG]?", "512M") if is_bytes else ("", "10")
    match = re.fullmatch(f"([1-9][0-9]{{0,11}})({suffixes})", text)
    if not match:
        raise ValueError(f"must be a whole number above 0, such as {example}, not {text!r}")
    return int(match[1]) * SUFFIXES[match[2]]


def _number(variable: str, text: str) -> int:
    try:
        return amount(text, is_bytes=variable.endswith("_BYTES"))
    except ValueError as error:
        raise SettingError(f"{variable} {error}", f"unset {variable} for the usual figure") from None


def human_bytes(size: int) -> str:
    """Return a number of bytes as people say it: `512 MiB`."""
    for unit, factor in (("GiB", GIB), ("MiB", MIB), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} bytes"
