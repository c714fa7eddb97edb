from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.in_process import InProcess

if TYPE_CHECKING:
    from support.processes import CommandLine


@pytest.fixture
def inside(aws: CommandLine, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> InProcess:
    """The command line in this process, with dummy credentials, set to use the fault server."""
    return InProcess(aws, monkeypatch, capfdbinary)
