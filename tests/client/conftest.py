from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.claude_client import Client, make_client

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def client(tmp_path: Path, local_environment: dict[str, str]) -> Client:
    """A client that has never run before, with an embedded service of this module's own and nothing configured."""
    base = {name: value for name, value in local_environment.items() if not name.startswith("CUSTOM_")}
    return make_client(tmp_path / "client", base)
