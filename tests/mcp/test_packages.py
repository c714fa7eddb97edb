"""Packages that code names in its own metadata, for the tools of the MCP server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import wheels
from support.mcp_client import serving

if TYPE_CHECKING:
    from pathlib import Path

    from support.processes import CommandLine

CODE = "# /// script\n# dependencies = ['pure']\n# ///\nimport pure; print(pure.VERSION)"


@pytest.mark.nightly
def test_code_gets_what_its_metadata_names(cli: CommandLine, local_environment: dict[str, str], tmp_path: Path) -> None:
    wheels.wheel(tmp_path / "wheels", "pure")
    path = f"{wheels.uv_on_path(tmp_path / 'bin')}:{local_environment['PATH']}"
    own = {"PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache"), **wheels.only_from(tmp_path / "wheels", tmp_path)}
    (cli.home / "project").mkdir()
    with serving(cli.using(**{**local_environment, **own}), "--root", "project") as client:
        client.initialize()
        assert client.value("run_code", code=CODE)["stdout"] == "1.0"
        assert "notes" not in client.value("run_code", code=CODE)
        job = client.value("job_start", code=CODE)["job"]
        assert client.value("job_read", job=job, wait=60)["stdout"] == "1.0\n"
        client.value("stop", job=job)
        items = client.value("job_start", code=CODE, items=["a"])["job"]
        assert client.value("job_read", job=items, wait=60)["results"][0]["stdout"] == "1.0\n"
        assert client.close() == 0
