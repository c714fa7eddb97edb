"""Where the build finds its sources and leaves its results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


@dataclass(frozen=True)
class Source:
    """The folders of a source tree.

    Attributes:
        root: The repository's top folder.
    """

    root: Path

    @property
    def template(self) -> Path:
        """What the plugin is made from."""
        return self.root / "plugin-template"

    @property
    def hooks(self) -> Path:
        """The plugin's hooks, which name the skills that the guard is for."""
        return self.template / "hooks/hooks.json"

    @property
    def skill_template(self) -> Path:
        """What a new skill is made from."""
        return self.root / "src/plugin_build/skill_template"

    @property
    def guard(self) -> Path:
        """The package that the plugin's hooks run."""
        return self.root / "src/skill_guard"

    @property
    def marketplace(self) -> Path:
        """What the marketplace repository is made from."""
        return self.root / "marketplace"

    @property
    def dist(self) -> Path:
        """Where everything that is built goes; never committed."""
        return self.root / "dist"


def add_root(parser: argparse.ArgumentParser) -> None:
    """Add the option for another source tree than this one."""
    here = Path(__file__).resolve().parents[2]
    parser.add_argument("--root", type=lambda path: Source(Path(path)), default=Source(here), dest="source")


def say(text: str) -> None:
    """Tell the person at the terminal how a step ended."""
    print(text)  # noqa: T201 - the build's results go to standard output
