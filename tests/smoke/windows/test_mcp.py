"""The MCP server by the launcher for cmd.exe, as a client on Windows starts it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.mcp_client import serving

if TYPE_CHECKING:
    from pathlib import Path

    from smoke.windows.conftest import Batch
    from support.processes import CommandLine

pytestmark = pytest.mark.nightly


def test_a_client_starts_the_server_by_the_launcher_and_ends_it(
    batch: Batch, emulator: CommandLine, zipapp: Path
) -> None:
    shutil.copy(zipapp, batch.zipapps / "agentcore-sandbox-windows-amd64.pyz")
    server = batch.command('"%LAUNCHER%" %*', **emulator.base)
    with serving(server, stderr=subprocess.PIPE) as client:
        client.initialize()
        assert client.value("run_code", code="x = 'ž & %PATH% ^ !'; print(x)")["stdout"] == "ž & %PATH% ^ !"
        assert client.value("run_code", code="print(len(x))")["stdout"] == "14"
        assert client.close() == 0
    assert b"TERMINATED" in emulator.run("sessions", "--all").stdout
