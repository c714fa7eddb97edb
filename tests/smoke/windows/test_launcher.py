"""The launcher for cmd.exe: what reaches the program, and which Python it finds."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from support.processes import DEADLINE

if TYPE_CHECKING:
    from smoke.windows.conftest import Batch

pytestmark = pytest.mark.nightly

# As a batch file says it: there a percent sign is doubled.
WORDS = {
    "spaces": ('run "a b" c', ["run", "a b", "c"]),
    "ampersand": ('"a & b" "& b"', ["a & b", "& b"]),
    "pipes and redirections": ('"a|b>c<d"', ["a|b>c<d"]),
    "carets": ('"^ ^^ ^&"', ["^ ^^ ^&"]),
    "exclamation marks": ('"!PATH! !"', ["!PATH! !"]),
    "brackets": ('(x) "(y)"', ["(x)", "(y)"]),
    "quotes": (r'"say \"hi\"" "it\'s"', ['say "hi"', r"it\'s"]),
    "backslashes": (r'"a\\" C:\x\y', ["a\\", r"C:\x\y"]),
    "empty": ('"" x', ["", "x"]),
    "separators": ("a=b,c;d", ["a=b,c;d"]),
    "stars": ("* ?.py", ["*", "?.py"]),
    "at sign": ("@x @echo", ["@x", "@echo"]),
    "a variable": ('"%VALUE%"', ["ž & ^ コード"]),
}


@pytest.mark.parametrize(("arguments", "expected"), WORDS.values(), ids=WORDS)
def test_arguments_arrive_unchanged(batch: Batch, arguments: str, expected: list[str]) -> None:
    assert batch.told(arguments, VALUE="ž & ^ コード")["arguments"] == expected


def test_per_cent_signs_arrive_unchanged(batch: Batch) -> None:
    batch.machine.differs("expands again what a variable or %* holds")
    told = batch.told('"100%%" "%%PATH%%" "%%~dp0" "%VALUE%"', VALUE="%PATH% 5%")
    assert told["arguments"] == ["100%", "%PATH%", "%~dp0", "%PATH% 5%"]


def test_standard_input_arrives_unchanged(batch: Batch) -> None:
    code = 'print("ž & %PATH% ^ !x!")\r\n\n| > <\n\t'
    assert batch.told("run -", stdin=code.encode())["input"] == code


@pytest.mark.parametrize("status", [0, 1, 2, 124, 125, 255])
def test_the_exit_status_arrives(batch: Batch, status: int) -> None:
    assert batch.run('"%LAUNCHER%" run', STATUS=str(status)).returncode == status


def test_a_script_goes_on_and_sees_the_status(batch: Batch) -> None:
    batch.machine.differs("gives a batch file that has called another the status 1 for every failure")
    done = batch.run('call "%LAUNCHER%" run >nul', "echo %errorlevel% %cd%", "exit /b 7", STATUS="42")
    assert (done.returncode, done.stdout.split()[0]) == (7, b"42")


def test_it_remembers_its_python_and_isolates_it(batch: Batch) -> None:
    told = batch.told("run")
    assert told["flags"] == [1, 1]
    assert batch.memory.read_text().strip() == told["python"]
    assert batch.told("run", PYTHONHOME="C:\\nowhere", PYTHONPATH="C:\\nowhere")["python"] == told["python"]


@pytest.mark.parametrize("text", ["", "C:\\gone\\python.exe\r\n", "x & y\r\n", '"\r\n', "%PATH%\r\n"])
def test_a_remembered_python_that_is_gone_is_looked_for_anew(batch: Batch, text: str) -> None:
    batch.memory.parent.mkdir(parents=True)
    batch.memory.write_bytes(text.encode())
    assert batch.told("run")["python"] == batch.memory.read_text().strip()


def test_first_starts_at_once(batch: Batch) -> None:
    line = batch.command('"%LAUNCHER%" run')
    started = [line.start() for _ in range(4)]
    told = [json.loads(process.communicate(timeout=DEADLINE)[0]) for process in started]
    assert [process.returncode for process in started] == [0] * 4
    assert {one["python"] for one in told} == {batch.memory.read_text().strip()}


def test_the_variable_wins(batch: Batch) -> None:
    python = batch.told("run")["python"]
    batch.memory.unlink()
    assert batch.told("run", AGENTCORE_SANDBOX_PYTHON=python)["python"] == python
    assert not batch.memory.exists()


def test_without_a_zipapp_or_a_python_it_says_what_to_do(batch: Batch) -> None:
    done = batch.run('set "PATH=%SYSTEMROOT%\\system32"', '"%LAUNCHER%" run')
    assert (done.returncode, done.stdout) == (125, b"")
    assert done.stderr.startswith(b"error[NoPython]: Python 3.10 or newer is needed and none was found; install")
    assert done.stderr.count(b"\n") == 1
    shutil.rmtree(batch.zipapps)
    done = batch.run('"%LAUNCHER%" run')
    assert (done.returncode, done.stdout) == (125, b"")
    assert done.stderr.startswith(b"error[NoZipapp]: no zipapp in ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("own", "other", "expected"),  # of the process, and of the machine where that is another: set for 32 bits
    [
        ("AMD64", "", "windows-amd64"),
        ("x86", "AMD64", "windows-amd64"),
        ("ARM64", "", "any"),
        ("x86", "ARM64", "any"),
        ("x86", "", "any"),
    ],
)
def test_the_architecture_decides(batch: Batch, own: str, other: str, expected: str) -> None:
    for name in ("any", "windows-amd64"):
        (batch.zipapps / f"agentcore-sandbox-{name}.pyz").write_text(f"print('{name}')")
    variables = (f"set PROCESSOR_ARCHITECTURE={own}", f"set PROCESSOR_ARCHITEW6432={other}")
    done = batch.run(*variables, '"%LAUNCHER%"')
    assert done.stdout.decode().strip() == expected
