"""The interpreter inside: `AGENTCORE_SANDBOX_LOCAL_PYTHON`, virtual environments, homes, links, refusals."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from agentcore_emulator.errors import EmulatorError
from agentcore_emulator.isolation import python
from support import sandboxes


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    python._examine.cache_clear()
    return monkeypatch


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def inside(folder: Path, code: str) -> str:
    with sandboxes.start(folder) as session:
        return session.out(code)


def test_by_default_the_base_interpreter_of_this_program(tmp_path: Path, choose: pytest.MonkeyPatch) -> None:
    choose.delenv(python.VARIABLE, raising=False)
    code = "import os, sys\nprint(sys.prefix, os.path.realpath(sys.executable))"
    assert inside(tmp_path / "sandbox", code) == f"{sys.base_prefix} {os.path.realpath(sys.executable)}"


def test_a_virtual_environment_with_its_packages(tmp_path: Path, choose: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "environment", symlinks=True)
    site = next((tmp_path / "environment" / "lib").glob("python*")) / "site-packages"
    (site / "only_here.py").write_text("answer = 42")
    choose.setenv(python.VARIABLE, str(tmp_path / "environment" / "bin" / "python"))
    with sandboxes.start(tmp_path / "sandbox") as session:
        assert (
            session.out("import only_here, sys\nprint(only_here.answer, sys.prefix)")
            == f"42 {tmp_path / 'environment'}"
        )
        assert session.command("python -c 'import only_here; print(only_here.answer)'")["stdout"] == "42\r\n"
        assert session.code(f"open({str(site / 'new')!r}, 'w')")["stderr"].endswith(
            f"Read-only file system: '{site / 'new'}'"
        )
        listed = session.out(f"import os\nprint(os.listdir({str(tmp_path)!r}))")
    assert listed == "['environment']"


def test_real_packages(tmp_path: Path, choose: pytest.MonkeyPatch) -> None:
    """This test run's environment has numpy, which has native parts with libraries of their own."""
    choose.setenv(python.VARIABLE, sys.executable)
    assert inside(tmp_path / "sandbox", "import numpy\nprint(int(numpy.arange(10).sum()))") == "45"


def test_a_link_to_an_environment_elsewhere(tmp_path: Path, choose: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "far" / "environment", symlinks=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far" / "environment")
    choose.setenv(python.VARIABLE, str(tmp_path / "near" / "bin" / "python"))
    assert inside(tmp_path / "sandbox", "import sys\nprint(sys.prefix != sys.base_prefix)") == "True"


def test_a_shim_is_looked_through(tmp_path: Path, choose: pytest.MonkeyPatch) -> None:
    shim = script(tmp_path / "shims" / "python3", f'exec "{sys.executable}" "$@"')
    choose.setenv(python.VARIABLE, str(shim))
    assert python.find().executable == python._examine(sys.executable).executable


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
def test_every_supported_version(tmp_path: Path, choose: pytest.MonkeyPatch, version: str) -> None:
    program = find_python(version)
    if program is None:
        pytest.skip(f"no Python {version} on this machine")
    choose.setenv(python.VARIABLE, program)
    with sandboxes.start(tmp_path / "sandbox") as session:
        assert session.out("import sys\nprint('%d.%d' % sys.version_info[:2])") == version
        assert session.out("x = await __import__('asyncio').sleep(0, 5)\nx") == "5"
        assert "----> 1 1/0" in session.code("1/0")["stderr"]
        assert session.command("echo hi")["stdout"] == "hi\r\n"
        assert not session.invoke("writeFiles", content=[{"path": "a/b", "text": "x"}])["isError"]


def find_python(version: str) -> str | None:
    """A Python of this version, also one that pyenv has and does not offer."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    behind = [found for folder in folders for found in folder.parent.glob("versions/*/bin")]
    for folder in (*folders, *behind):
        program = folder / f"python{version}"
        if program.exists() and subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(program)
    return None


def report(prefix: str, version: str = "[3, 12]") -> str:
    return f"""echo '[{version}, "/usr/bin/python3", ["{prefix}", "{prefix}", "{prefix}"]]'"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("exit 3", "it does not start: "),
        ("echo 'no module named ctypes' >&2; exit 1", "it does not start: no module named ctypes"),
        ("echo nonsense", "it does not start"),
        (report("/usr", "[3, 7]"), "it is Python 3.7"),
        (report("/"), "its folder / holds more than Python"),
        (report("/home"), "its folder /home holds more than Python"),
        (report("$HOME").replace("$HOME", os.path.expanduser("~")), "holds more than Python"),  # noqa: PTH111
    ],
)
def test_what_cannot_be_used(tmp_path: Path, choose: pytest.MonkeyPatch, text: str, reason: str) -> None:
    choose.setenv(python.VARIABLE, str(script(tmp_path / "python", text)))
    with pytest.raises(EmulatorError) as caught:
        python.find()
    assert caught.value.code == "LocalPython"
    assert reason in caught.value.message
    assert python.VARIABLE in caught.value.hint


@pytest.mark.parametrize("name", ["/dev/null/python", "no-such-python", "~nobody-at-all/python"])
def test_a_missing_one(choose: pytest.MonkeyPatch, name: str) -> None:
    choose.setenv(python.VARIABLE, name)
    with pytest.raises(EmulatorError, match="there is no such program"):
        python.find()
