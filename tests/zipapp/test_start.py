"""A zipapp by itself: its first start, and those after, whatever the folders and the environment are like."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import tables
from support.processes import DEADLINE, MARKER
from support.zipapps import OWN, VERSION, find_python

if TYPE_CHECKING:
    from collections.abc import Mapping

CACHE = Path(".cache", "agentcore-sandbox")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def environment(base_environment: dict[str, str], home: Path) -> dict[str, str]:
    """Nothing but a home: the cache is looked for there."""
    kept = {name: base_environment[name] for name in ("PATH", "LANG", MARKER)}
    (home / "tmp").mkdir()
    return {**kept, "HOME": str(home), "TMPDIR": str(home / "tmp")}


def command(zipapp: Path, *words: str, isolated: bool = True) -> list[str]:
    return [sys.executable, *(["-I"] if isolated else []), str(zipapp), *words]


def start(zipapp: Path, environment: dict[str, str], *, isolated: bool = True) -> subprocess.CompletedProcess[bytes]:
    words = command(zipapp, "--version", isolated=isolated)
    return subprocess.run(words, env=environment, capture_output=True, timeout=DEADLINE, check=False)


def works(zipapp: Path, environment: dict[str, str], *, isolated: bool = True) -> None:
    done = start(zipapp, environment, isolated=isolated)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(VERSION)


def copies(folder: Path) -> list[Path]:
    """The unpacked copies in a folder."""
    return sorted(path.parent for path in folder.glob("*/site-packages") if path.parent.suffix != ".unpacking")


def test_first_start_and_next(zipapp: Path, environment: dict[str, str], home: Path) -> None:
    works(zipapp, environment)
    [copy] = copies(home / CACHE)
    assert (home / CACHE).stat().st_mode & 0o777 == 0o700
    before = copy.stat().st_mtime_ns
    works(zipapp, environment)
    assert copies(home / CACHE) == [copy]
    assert copy.stat().st_mtime_ns == before
    assert list((home / "tmp").iterdir()) == []


def test_the_warm_path_loads_little(zipapp: Path, environment: dict[str, str]) -> None:
    works(zipapp, environment)
    words = [sys.executable, "-I", "-X", "importtime", str(zipapp), "--version"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "_startup.start" in loaded
    assert (
        loaded & {"_bootstrap", "_startup.unpack", "zipfile", "shutil", "tempfile", "subprocess", "botocore"} == set()
    )


def test_bytecode_is_kept_for_the_next_start_even_if_the_caller_wants_none(
    zipapp: Path, environment: dict[str, str], home: Path
) -> None:
    works(zipapp, {**environment, "PYTHONDONTWRITEBYTECODE": "1"}, isolated=False)
    [copy] = copies(home / CACHE)
    assert list(copy.glob("site-packages/agentcore_sandbox/__pycache__/__main__.*.pyc"))


@pytest.mark.usefixtures("bwrap")
def test_the_bundled_bwrap_serves_where_the_system_has_none(
    zipapps: Mapping[str, Path], environment: dict[str, str], home: Path
) -> None:
    bare = {**environment, "PATH": str(home / "nothing"), "AGENTCORE_SANDBOX_RUNTIME_DIR": str(home / "runtime")}
    words = command(zipapps[OWN], "run", "--interpreter-id", "local", "print(6 * 7)")
    done = subprocess.run(words, env=bare, capture_output=True, timeout=DEADLINE, check=False)
    stop = command(zipapps[OWN], "local", "stop")
    subprocess.run(stop, env=bare, capture_output=True, timeout=DEADLINE, check=True)
    assert (done.stderr, done.stdout, done.returncode) == (b"", b"42", 0)


HOMES = {
    "no home": {"HOME": None},
    "home is not a folder": {"HOME": "/dev/null"},
    "cache is not a folder": {"XDG_CACHE_HOME": "/dev/null"},
    "relative cache": {"XDG_CACHE_HOME": "relative"},
}


@pytest.mark.parametrize("changes", tables.first(2, HOMES.values()), ids=HOMES)
def test_without_a_usable_cache_a_private_temporary_folder_serves(
    zipapp: Path, environment: dict[str, str], home: Path, changes: dict[str, str | None]
) -> None:
    # Without HOME Python asks the user database, where the real home would come in.
    away = {"XDG_CACHE_HOME": "/dev/null", **changes}
    environment = {name: text for name, text in {**environment, **away}.items() if text is not None}
    works(zipapp, environment)
    folder = home / "tmp" / f"agentcore-sandbox-{os.geteuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    [copy] = copies(folder)
    works(zipapp, environment)
    assert copies(folder) == [copy]


def test_no_writable_folder_at_all_is_one_line(zipapp: Path, environment: dict[str, str], bwrap: Path) -> None:
    words = [str(bwrap), "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *command(zipapp, "--version")]
    done = subprocess.run(words, env=environment, cwd="/", capture_output=True, timeout=DEADLINE, check=False)
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[NoCache]: nowhere to unpack agentcore-sandbox (")
    assert done.stderr.count(b"\n") == 1


def test_a_foreign_or_open_folder_is_not_trusted(zipapp: Path, environment: dict[str, str], home: Path) -> None:
    planted = home / CACHE
    works(zipapp, environment)
    [copy] = copies(planted)
    evil = copy / "site-packages" / "agentcore_sandbox" / "__main__.py"
    evil.write_text("print('taken over')\ndef main(): pass\n")
    planted.chmod(0o777)
    works(zipapp, environment)
    planted.chmod(0o700)
    planted.rename(home / "elsewhere")
    planted.symlink_to(home / "elsewhere")
    works(zipapp, environment)


def test_a_copy_among_the_temporary_files_is_not_run_where_the_cache_can_hold_one(
    zipapp: Path, environment: dict[str, str], home: Path
) -> None:
    works(zipapp, {**environment, "XDG_CACHE_HOME": "/dev/null"})
    [copy] = copies(home / "tmp" / f"agentcore-sandbox-{os.geteuid()}")
    (copy / "site-packages/agentcore_sandbox/__main__.py").write_text("print('taken over')\ndef main(): pass\n")
    works(zipapp, environment)
    assert len(copies(home / CACHE)) == 1


@pytest.mark.skipif(os.cpu_count() == 1, reason="a second process would only take time from the first")
@pytest.mark.parametrize(("words", "compiled"), [(["--version"], []), (["help"], ["stub", "utils"])])
def test_a_first_start_compiles_the_client_meanwhile(
    zipapp: Path, environment: dict[str, str], home: Path, words: list[str], compiled: list[str]
) -> None:
    done = subprocess.run(command(zipapp, *words), env=environment, capture_output=True, timeout=DEADLINE, check=True)
    assert done.stderr == b""
    found = {path.name.partition(".")[0] for path in (home / CACHE).rglob("botocore/__pycache__/*.pyc")}
    assert sorted(found & {"stub", "utils"}) == compiled


@pytest.mark.parametrize("count", [5, pytest.param(20, marks=pytest.mark.nightly)])
def test_first_starts_at_once(zipapp: Path, environment: dict[str, str], home: Path, count: int) -> None:
    words = command(zipapp, "--version")
    started = [subprocess.Popen(words, env=environment, stdout=subprocess.PIPE) for _ in range(count)]
    outputs = {process.communicate(timeout=DEADLINE)[0] for process in started}
    assert [process.returncode for process in started] == [0] * count
    assert len(outputs) == 1
    assert len(copies(home / CACHE)) == 1
    assert not list((home / CACHE).glob("*.unpacking"))


SIGNAL = """
import os, runpy, signal, sys, zipfile
number, left, extract = int(sys.argv.pop(1)), int(sys.argv.pop(1)), zipfile.ZipFile.extract
def extract_with_signal(self, *arguments):
    global left
    left -= 1
    if left == -1:
        os.kill(os.getpid(), number)
    return extract(self, *arguments)
zipfile.ZipFile.extract = extract_with_signal
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def signalled(zipapp: Path, number: signal.Signals, files: int) -> list[str]:
    """A first start that gets a signal when it has unpacked so many files."""
    return [sys.executable, "-I", "-c", SIGNAL, str(int(number)), str(files), str(zipapp), "--version"]


def test_a_suspended_first_start_blocks_nobody(zipapp: Path, environment: dict[str, str], home: Path) -> None:
    words = signalled(zipapp, signal.SIGSTOP, 20)
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE) as suspended:
        os.waitid(os.P_PID, suspended.pid, os.WSTOPPED | os.WNOWAIT)
        for _ in range(2):
            works(zipapp, environment)
        assert len(list((home / CACHE).glob("*.unpacking"))) == 1  # not removed while its process lives
        suspended.send_signal(signal.SIGCONT)
        assert suspended.communicate(timeout=DEADLINE)[0].startswith(VERSION)
    assert len(copies(home / CACHE)) == 1
    assert not list((home / CACHE).glob("*.unpacking"))


@pytest.mark.parametrize("files", tables.first(1, [200, 0, 1]))
def test_killed_while_unpacking(zipapp: Path, environment: dict[str, str], home: Path, files: int) -> None:
    words = signalled(zipapp, signal.SIGKILL, files)
    for _ in range(2):
        killed = subprocess.run(words, env=environment, capture_output=True, timeout=DEADLINE, check=False)
        assert (killed.returncode, killed.stdout, killed.stderr) == (-signal.SIGKILL, b"", b"")
        assert copies(home / CACHE) == []
    works(zipapp, environment)
    assert len(copies(home / CACHE)) == 1
    assert not list((home / CACHE).glob("*.unpacking"))


def test_two_versions_side_by_side(
    zipapps: Mapping[str, Path], environment: dict[str, str], home: Path, tmp_path: Path
) -> None:
    other = tmp_path / zipapps["any"].name
    with zipfile.ZipFile(zipapps["any"]) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "__main__.py":
                content = content.replace(b'start.main("', b'start.main("9.9.9-')
            if name == "site-packages/agentcore_sandbox/__init__.py":
                content += b'__version__ = "9.9.9"\n'
            target.writestr(name, content)
    for _ in range(2):
        assert start(other, environment).stdout == b"agentcore-sandbox 9.9.9\n"
        assert start(zipapps["any"], environment).stdout != b"agentcore-sandbox 9.9.9\n"
    assert len(copies(home / CACHE)) == 2


TAKE_OVERS = {
    "SHIV_ENTRY_POINT": "os:abort",
    "SHIV_INTERPRETER": "1",
    "SHIV_CONSOLE_SCRIPT": "bwrap",
    "SHIV_MODULE": "antigravity",
    "SHIV_ROOT": "/dev/null",
    "SHIV_FORCE_EXTRACT": "1",
    "SHIV_COMPILE_PYC": "1",
    "SHIV_PREPEND_PYTHONPATH": "/dev/null",
}


def test_shiv_variables_change_nothing(zipapp: Path, environment: dict[str, str]) -> None:
    for _ in range(2):
        works(zipapp, {**environment, **TAKE_OVERS})


def test_pythonpath_does_not_replace_what_ships(zipapp: Path, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "agentcore_sandbox").mkdir()
    (tmp_path / "agentcore_sandbox" / "__init__.py").write_text("raise SystemExit('taken over')")
    works(zipapp, {**environment, "PYTHONPATH": str(tmp_path)}, isolated=False)


def test_a_damaged_zipapp_is_one_line_and_leaves_nothing(
    zipapps: Mapping[str, Path], environment: dict[str, str], home: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.pyz"
    content = bytearray(zipapps[OWN].read_bytes())
    with zipfile.ZipFile(zipapps[OWN]) as zipapp:
        entry = zipapp.getinfo("site-packages/_native/awscrt.tar.xz")
    content[entry.header_offset + 1000 : entry.header_offset + 2000] = bytes(1000)
    damaged.write_bytes(content)
    done = start(damaged, environment)
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[BrokenZipapp]: ")
    assert done.stderr.count(b"\n") == 1
    assert [path.name for path in (home / CACHE).iterdir()] == [".locks"]
    assert list((home / "tmp").iterdir()) == []


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.8", "3.9"])
def test_too_old_a_python_is_one_line(zipapp: Path, environment: dict[str, str], version: str) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    done = subprocess.run([python, zipapp, "--version"], env=environment, capture_output=True, check=False)
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[PythonTooOld]: agentcore-sandbox needs Python 3.10 or newer")
    assert done.stderr.count(b"\n") == 1


ENDING = """
import atexit, os, sys, threading
from plugin_build.startup import start
class Left:
    def __del__(self):
        os.write(2, b"freed")
left = Left()
atexit.register(os.write, 2, b"registered ")
{program}
start.end(3)
"""


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("print('x')", (3, b"x\n", b"registered ")),
        ("os.dup2(os.open('/dev/full', os.O_WRONLY), 1); print('x')", (120, b"", b"registered ")),
        ("sys.stdout = sys.stderr = None", (3, b"", b"registered ")),
        ("threading.Thread(target=threading.Event().wait, daemon=True).start()", (3, b"", b"registered ")),
        ("threading.Timer(0.2, print, 'x').start()", (3, b"x\n", b"registered freed")),
    ],
)
def test_the_end_leaves_memory_to_the_system_and_waits_for_what_python_waits_for(
    environment: dict[str, str], program: str, told: tuple[int, bytes, bytes]
) -> None:
    words = [sys.executable, "-c", ENDING.format(program=program)]
    ended = subprocess.run(words, env=environment, capture_output=True, timeout=DEADLINE, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == told
