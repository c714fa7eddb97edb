from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.processes import CommandLine


@pytest.fixture
def variables(local: CommandLine, local_environment: dict[str, str]) -> dict[str, str]:
    """The variables that lead to an emulator of this module's own, which runs."""
    assert local.run("run", "1").returncode == 0
    return local_environment
