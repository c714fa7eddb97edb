"""The programs of the host that run JavaScript and TypeScript: deno and Node. Neither comes with this program."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

ELF = b"\x7fELF"


class MissingRuntimeError(Exception):
    """This host has no such program, or not one that a sandbox can run."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True)
class JavaScriptRuntime:
    """A program that runs JavaScript and TypeScript; `variable` names it where its `command` is not on PATH.

    `oldest` is the first version that runs both languages.
    """

    command: str
    variable: str
    oldest: tuple[int, int]
    install: str

    def find(self) -> str:
        """Return the real path of the program, which the sandbox will see at the same place.

        Raises:
            MissingRuntimeError: There is none, or it is a script: what that needs would not be in the sandbox.
        """
        chosen = os.environ.get(self.variable)
        found = shutil.which(os.path.expanduser(chosen or self.command))  # noqa: PTH111 - see isolation/python.py
        if found is None:
            reason = (
                f"{self.variable} names {chosen!r}, which is no program" if chosen else f"there is no {self.command}"
            )
            raise MissingRuntimeError(reason, self.install)
        path = Path(found).resolve()
        if not _is_program(path):
            raise MissingRuntimeError(f"{found} is a script", f"set {self.variable} to the program that it starts")
        return str(path)


RUNTIMES = {
    "deno": JavaScriptRuntime(
        "deno",
        "AGENTCORE_SANDBOX_LOCAL_DENO",
        (2, 9),
        "install deno 2.9 or newer (`pip install deno`, or see https://docs.deno.com) and have it on PATH, or set "
        "AGENTCORE_SANDBOX_LOCAL_DENO to its path",
    ),
    "nodejs": JavaScriptRuntime(
        "node",
        "AGENTCORE_SANDBOX_LOCAL_NODE",
        (22, 13),
        "install Node 22.13 or newer (your distribution's package nodejs, or see https://nodejs.org) and have it on "
        "PATH, or set AGENTCORE_SANDBOX_LOCAL_NODE to its path",
    ),
}


def _is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(ELF)) == ELF


def found() -> dict[str, str]:
    """Return the path of every program of this host, by the name of its runtime."""
    programs = {}
    for name, runtime in RUNTIMES.items():
        try:
            programs[name] = runtime.find()
        except (MissingRuntimeError, OSError):
            continue  # told when it is asked for
    return programs
