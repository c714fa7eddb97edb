"""`kill -9`, and then `--resume`. The night kills at twenty moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.maps import MIXED, check_killed

if TYPE_CHECKING:
    from pathlib import Path

    from support.processes import CommandLine


def test_each_item_has_its_effect_once_or_is_unknown(cli: CommandLine, tmp_path: Path) -> None:
    check_killed(cli, tmp_path, kills=2, faults=MIXED)
