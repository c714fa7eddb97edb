"""Entry point of `agentcore-sandbox`, `python -m agentcore_sandbox` and the zipapp."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from agentcore_sandbox.cli import signals
from agentcore_sandbox.cli.signals import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable


def main(repair: Callable[[], list[str]] | None = None) -> int:
    """Run the command line of this process.

    Args:
        repair: Mends the program where its files are damaged, and says which were; a zipapp can do that.

    Returns:
        The exit status.
    """
    gc.set_threshold(100_000)  # what is imported stays: looking for garbage in it would take longer than it is worth
    try:
        signals.gate.install()
        from agentcore_sandbox.cli import dispatch

        return dispatch.main(sys.argv[1:], repair)
    except Interrupted as interrupted:
        return interrupted.status
    finally:
        gc.freeze()  # nor is there anything to find at the end, where Python would look through all of it once more


if __name__ == "__main__":
    sys.exit(main())
