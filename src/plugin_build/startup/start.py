"""The warm path of a zipapp. Python compiles it at every start, so it is short and imports next to nothing.

shiv's own bootstrap is left out here: it imports some forty modules, follows SHIV_* variables, and gives up where the
home folder is missing or cannot be written to. The plugin's launcher starts this file by itself, from the plugin's
`lib`: Python then need not look into the zipapp, which takes a fifth of `--version`.
"""

from __future__ import annotations

import os
import sys

from agentcore_emulator.folder_privacy import WRITING, problem

TYPE_CHECKING = False  # as `typing` has it, which takes longer than all of this
if TYPE_CHECKING:
    from typing import NoReturn

NAME = "agentcore-sandbox"
LINE = b"# unpacked as "  # what the zipapp's second line says before the copy's name


def main(build: str) -> None:
    """Run the command line from its unpacked copy, made first where there is none; does not return.

    Args:
        build: The copy's name: version and hash of its contents.
    """
    zipapp, folder = sys.path[0], unpacked(build)
    is_first = folder is None
    if folder is None:
        from . import unpack

        folder = unpack.unpack(build)
        if sys.argv[1:] != ["--version"]:  # which imports nothing of it
            unpack.compile_ahead(folder)
    sys.path[0] = folder  # in place of the zip: before whatever PYTHONPATH names
    run(zipapp, folder, is_first=is_first)


def beside() -> None:
    """The same from outside of the zipapp, which is the first argument; where there is no copy, it runs by itself."""
    del sys.argv[0]
    folder = unpacked(build_of(sys.argv[0]))
    if folder:
        sys.path.insert(0, folder)
        run(sys.argv[0], folder)
    import runpy

    runpy.run_path(sys.argv[0], run_name="__main__")


def run(zipapp: str, folder: str, *, is_first: bool = False) -> NoReturn:
    """Run the command line that `sys.path` leads to; does not return. A damaged copy is unpacked anew.

    Args:
        zipapp: The file.
        folder: The copy's site-packages.
        is_first: This process has unpacked the copy: that took long enough, and others write the archive of bytecode.
    """
    sys.dont_write_bytecode = False  # the copy is ours, and without bytecode a start takes several times as long

    def repair() -> list[str]:
        import importlib

        sys.path.append(zipapp)
        names: list[str] = importlib.import_module("_startup.unpack").repair(zipapp, folder)
        return names

    try:
        import _code_archive  # type: ignore[import-not-found] # startup/code_archive.py, as it is called in the copy

        archive = _code_archive.install(folder)
        from agentcore_sandbox.__main__ import main as command_line

        status = command_line(repair)
        if archive and not is_first:
            archive.save()
    except Exception:
        repair()
        raise
    end(status)


def end(status: int) -> NoReturn:
    """End this process as `sys.exit` does, but leave its memory to the system: Python takes 7 ms to free it."""
    threading = sys.modules.get("threading")
    if threading and any(not thread.daemon for thread in threading.enumerate() if thread != threading.main_thread()):
        sys.exit(status)  # waits for them
    import atexit

    atexit._run_exitfuncs()  # noqa: SLF001 - nothing public does
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            status = 120  # as of Python's own
    os._exit(status)


def build_of(zipapp: str) -> str:
    """The name of a zipapp's copy, which stands in its second line; a name that no copy has where it does not."""
    with open(zipapp, "rb") as file:
        _, _, second = file.read(200).partition(b"\n")
    name = second.partition(b"\n")[0].partition(LINE)[2]
    return name.decode("ascii", "replace").replace("\0", "") or "none"


def unpacked(build: str) -> str | None:
    """The folder of the unpacked copy; None where there is none, or where a better place can hold one.

    Where the cache can, one among the temporary files is none of ours: a command in a sandbox may have put it there.
    """
    for root in roots():
        folder = os.path.join(root, build, "site-packages")
        if os.path.isdir(folder) and is_private(root):
            return folder
        if can_hold(root):
            return None
    return None


def roots() -> list[str]:
    """The folders that may hold copies, best first: in the cache, then the user's own among the temporary files."""
    temporary = os.environ.get("TEMP" if sys.platform == "win32" else "TMPDIR") or "/tmp"  # noqa: S108 - see is_private
    folders = (os.path.join(cache(), NAME), os.path.join(temporary, f"{NAME}-{user()}"))
    return [folder for folder in folders if os.path.isabs(folder)]


def cache() -> str:
    """The user's cache folder; empty or not absolute where there is none. The launcher looks there too."""
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA", "")
    return os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")


def user() -> str:
    """Tells users apart who share a temporary folder."""
    return os.environ.get("USERNAME", "") if sys.platform == "win32" else str(os.geteuid())


def is_private(root: str) -> bool:
    """Whether nobody but the user can put code there."""
    return problem(root, WRITING) is None


def can_hold(root: str) -> bool:
    """Whether a copy can be made there; makes the folder."""
    try:
        os.makedirs(root, 0o700, exist_ok=True)
        return is_private(root) and os.access(root, os.W_OK)
    except OSError:
        return False


if __name__ == "__main__":
    beside()
