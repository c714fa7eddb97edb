"""Entry point of `agentcore-sandbox`, `python -m agentcore_sandbox` and the zipapp."""

from __future__ import annotations

import gc
import os
import sys

from agentcore_sandbox import __version__

TYPE_CHECKING = False  # as `typing` has it, which takes longer to import than `--version` otherwise takes
if TYPE_CHECKING:
    from collections.abc import Callable

_CPYTHON = sys.implementation.name == "cpython"  # PyPy's collector is another, without these functions


def main(repair: Callable[[], list[str]] | None = None) -> int:
    """Run the command line of this process.

    Args:
        repair: Mends the program where its files are damaged, and says which were; a zipapp can do that.

    Returns:
        The exit status.
    """
    if _CPYTHON:
        gc.set_threshold(100_000)  # what is imported stays: it takes longer to look for garbage in it than it is worth
    try:
        return 0 if sys.argv[1:] == ["--version"] and _says_version() else _run(repair)
    finally:
        if _CPYTHON:
            gc.freeze()  # nor is there anything to find at the end, where Python would look through all of it once more


def _says_version() -> bool:
    """Whether that could be printed; where it could not, the command line says why."""
    try:
        # By no buffer, which Python would try to write once more at the end.
        os.write(sys.stdout.fileno(), f"agentcore-sandbox {__version__}\n".encode())
    except (AttributeError, OSError):
        return False
    return True


def _run(repair: Callable[[], list[str]] | None) -> int:
    from agentcore_sandbox.cli import signals

    try:
        signals.gate.install()
        from agentcore_sandbox.cli import dispatch

        return dispatch.main(sys.argv[1:], repair)
    except signals.Interrupted as interrupted:
        return interrupted.status


if __name__ == "__main__":
    sys.exit(main())
