"""The command `build`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plugin_build import zipapps
from plugin_build.platforms import PLATFORMS

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line of `build`."""
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=f"{', '.join(PLATFORMS)}; all by default")
    parser.add_argument("--dist", type=Path, default=zipapps.DIST, metavar="FOLDER", help="default: dist/")


def run(options: argparse.Namespace) -> int:
    """Build and print each zipapp with its size."""
    for path in zipapps.build(options.platforms or tuple(PLATFORMS), options.dist):
        print(f"{path.stat().st_size:>10,}  {path}")  # noqa: T201 - the command's result
    return 0
