"""Long tables, of which the default suite takes some rows and the nightly one all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable


def first(kept: int, rows: Iterable[Any]) -> list[Any]:
    """The rows of `parametrize`, those after the first few marked `nightly`."""
    return [row if number < kept else _nightly(row) for number, row in enumerate(rows)]


def _nightly(row: Any) -> Any:
    return pytest.param(*(row if isinstance(row, tuple) else (row,)), marks=pytest.mark.nightly)
