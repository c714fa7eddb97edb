"""Images and files that a result carries: saved or mentioned, and their names not trusted."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.execution import artifacts
from agentcore_sandbox.execution.artifacts import Artifact
from support import event_stream, fault_server
from support.local import local_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine

PNG = b"\x89PNG\r\n\x1a\n"
TWO_FIGURES = "import matplotlib.pyplot as plt\nfor _ in range(2):\n    plt.figure(); plt.plot([1, 2])"


@pytest.fixture
def plotting(quick: CommandLine, tmp_path: Path) -> Iterator[CommandLine]:
    """An emulator whose Python has matplotlib: that of the tests."""
    line = local_line(quick, tmp_path, AGENTCORE_SANDBOX_LOCAL_PYTHON=sys.executable)
    yield line
    assert line.run("local", "stop").returncode == 0


def test_figures_are_saved_or_mentioned(plotting: CommandLine) -> None:
    done = plotting.run("run", "--session", "work", "--json", "--artifacts", "out/figures", TWO_FIGURES)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["artifacts"]
    assert [(item["name"], item["mimeType"]) for item in found] == [
        ("image-1.png", "image/png"),
        ("image-2.png", "image/png"),
    ]
    for item in found:
        data = (plotting.home / item["path"]).read_bytes()
        assert (data[: len(PNG)], len(data)) == (PNG, item["size"])
    mentioned = plotting.run("exec", "work", f"{TWO_FIGURES}\nprint('done')")
    assert mentioned.stdout == b"done"
    assert b"the result carries image-1.png, image-2.png; --artifacts DIR saves them" in mentioned.stderr
    assert sorted(path.name for path in plotting.home.rglob("*.png")) == ["image-1.png", "image-2.png"]


HOSTILE = {  # uri that the sandbox chose -> name that the file gets
    "file:///../../outside.txt": "outside.txt",
    "file:///etc/..": "file-1.txt",
    "..": "file-1.txt",
    "": "file-1.txt",
    "file:///a/.bashrc": "bashrc",
    "file:///a\\..\\b.txt": "a_.._b.txt",
    "C:\\autoexec.bat": "C_autoexec.bat",
    "file:///a\nb\x1b[31m.txt": "a_b_31m.txt",
    "file:///\u202egnp.exe": "gnp.exe",
    f"file:///{'x' * 300}.txt": f"{'x' * 76}.txt",
    "file:///-rf": "-rf",
    "file:///nul\0.txt": "nul_.txt",
}


@pytest.mark.parametrize(("uri", "name"), HOSTILE.items(), ids=range(len(HOSTILE)))
def test_hostile_names(tmp_path: Path, uri: str, name: str) -> None:
    block = {"type": "resource", "resource": {"type": "text", "uri": uri, "mimeType": "text/plain", "text": "data"}}
    saved = artifacts.save(artifacts.find([block, block]), tmp_path)
    assert saved[0].name == name
    assert {str(artifact.path) for artifact in saved} == {str(path) for path in tmp_path.iterdir()}
    assert [path.read_text() for path in tmp_path.iterdir()] == ["data", "data"]


def test_nothing_is_replaced_and_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "2-a.txt").symlink_to(tmp_path / "outside")
    saved = artifacts.save([Artifact("a.txt", "text/plain", b"new")], tmp_path)
    assert [artifact.path for artifact in saved] == [str(tmp_path / "3-a.txt")]
    assert ((tmp_path / "a.txt").read_text(), (tmp_path / "outside").exists()) == ("old", False)


def test_a_folder_that_cannot_be_made_is_told(aws: CommandLine, faults: FaultServer) -> None:
    (aws.home / "out").write_text("a file")
    block = {"type": "image", "mimeType": "image/png", "data": event_stream.base64_text(PNG)}
    faults.answers["invoke"] = fault_server.stream(event_stream.event("result", {"content": [block]}))
    done = aws.run("exec", fault_server.SESSION, "--artifacts", "out", "x")
    assert (done.returncode, b"error[LocalFile]" in done.stderr) == (125, True)
