"""The block of docs/performance.md that holds the table."""

from __future__ import annotations

import os
import platform
import re
import textwrap
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_sandbox import __version__
from bench.figures import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.figures import Figure

BLOCK = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end -->)", re.DOTALL)
YARDSTICKS = ("boto3", "awscli", "bedrock-agentcore")


def rewrite(page: Path, figures: Sequence[Figure], versions: Sequence[str]) -> None:
    """Replace the block by what was measured just now.

    Raises:
        ValueError: There is no such block.
    """
    text, count = BLOCK.subn(lambda _: block(figures, versions), page.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{page} has no block between <!-- figures --> and <!-- end -->")
    page.write_text(text, encoding="utf-8")


def block(figures: Sequence[Figure], versions: Sequence[str]) -> str:
    """The machine, the versions and the table."""
    what = f"{machine()}; {', '.join(versions)}; {datetime.now(timezone.utc):%Y-%m-%d}."
    lines = [*textwrap.wrap(what, 120, break_on_hyphens=False), "", *table(figures), ""]
    return "\n".join(lines)


def machine() -> str:
    """Processor, memory and system, without a name."""
    model = re.search(r"model name\s*: (.*)", _read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    gigabytes = f", {int(memory[1]) / 1e6:.0f} GB" if memory else ""
    return f"{os.cpu_count()} processors ({model[1] if model else platform.machine()}){gigabytes}, {platform.system()}"


def versions(yardsticks: Path) -> list[str]:
    """What was measured, and against what."""
    [packages] = yardsticks.glob("lib/python*/site-packages")
    found = {found.name.lower(): found.version for found in metadata.distributions(path=[str(packages)])}
    ours = [f"agentcore-sandbox {__version__}", f"Python {platform.python_version()}"]
    return [*ours, *(f"{name} {found[name]}" for name in YARDSTICKS)]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
