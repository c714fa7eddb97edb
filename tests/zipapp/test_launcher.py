"""The launcher, under every shell of this machine that can be /bin/sh."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.processes import DEADLINE, MARKER, SYSTEM_PATH
from support.zipapps import LAUNCHER, OWN, VERSION, find_python, install

if TYPE_CHECKING:
    from collections.abc import Mapping

SHELLS = [words for words in (["dash"], ["busybox", "sh"], ["bash", "--posix"]) if shutil.which(words[0])]
TOOLS = ("cat", "dirname", "id", "mkdir", "mv", "readlink", "rm", "sh", "sleep", "touch", "uname")
PYTHON = Path(sys.executable).resolve()


@pytest.fixture(scope="session")
def launcher(zipapps: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed launcher, in a folder with a space and letters that are not ASCII."""
    return install(zipapps, tmp_path_factory.mktemp("plugin") / "a plügin コード", "any", OWN)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder for PATH: the system's tools and no Python."""
    folder = tmp_path / "path"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(str(shutil.which(tool, path=SYSTEM_PATH)))
    return folder


@pytest.fixture
def environment(base_environment: dict[str, str], path: Path, tmp_path: Path) -> dict[str, str]:
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    start = {"PATH": str(path), "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}
    return {**start, "LANG": "C.UTF-8", MARKER: base_environment[MARKER]}


def program(path: Path, text: str) -> Path:
    """Write a shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def python(folder: Path, name: str, log: Path | None = None) -> Path:
    """Put this Python on a PATH, which notes its starts."""
    note = f"echo started >>'{log}'\n" if log else ""
    return program(folder / name, f"{note}exec '{PYTHON}' \"$@\"")


def start(
    words: list[str | Path], environment: dict[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    command = [*words, "--version"]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, timeout=DEADLINE, check=False)


def works(words: list[str | Path], environment: dict[str, str], cwd: Path | None = None) -> None:
    done = start(words, environment, cwd)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(VERSION)


def refuses(words: list[str | Path], environment: dict[str, str], beginning: str) -> bytes:
    """It fails with one line that begins so."""
    done = start(words, environment)
    assert (done.returncode, done.stdout) == (125, b"")
    assert done.stderr.startswith(beginning.encode()), done.stderr
    assert done.stderr.count(b"\n") == 1
    return done.stderr


def memory(environment: dict[str, str]) -> Path:
    return Path(environment["HOME"], ".cache", "agentcore-sandbox", "python")


def test_it_is_a_posix_script_with_run_bit_and_plain_line_ends() -> None:
    assert LAUNCHER.read_bytes().startswith(b"#!/bin/sh\n")
    assert b"\r" not in LAUNCHER.read_bytes()
    assert stat.S_IMODE(LAUNCHER.stat().st_mode) == 0o755


@pytest.mark.parametrize("shell", SHELLS, ids=lambda words: words[0])
def test_every_shell(launcher: Path, environment: dict[str, str], path: Path, shell: list[str]) -> None:
    python(path, "python3")
    for _ in range(2):
        works([str(shutil.which(shell[0])), *shell[1:], launcher], environment)


def test_from_its_own_folder_and_by_path(launcher: Path, environment: dict[str, str], path: Path) -> None:
    python(path, "python3")
    works(["./agentcore-sandbox"], environment, cwd=launcher.parent)
    works(["sh", "agentcore-sandbox"], environment, cwd=launcher.parent)
    works(["sh", "-c", 'exec agentcore-sandbox "$@"', "-"], {**environment, "PATH": f"{launcher.parent}:{path}"})


def test_through_links(launcher: Path, environment: dict[str, str], path: Path, tmp_path: Path) -> None:
    python(path, "python3")
    (tmp_path / "absolute").symlink_to(launcher)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "relative").symlink_to(Path("..", "absolute"))
    works([tmp_path / "links" / "relative"], environment)
    works(["./relative"], environment, cwd=tmp_path / "links")


def test_from_a_read_only_folder(launcher: Path, environment: dict[str, str], path: Path, bwrap: Path) -> None:
    python(path, "python3")
    plugin = launcher.parents[1]
    words: list[str | Path] = [bwrap, "--bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    words += ["--ro-bind", plugin, plugin, launcher]
    for _ in range(2):
        works(words, environment)


def test_arguments_and_exit_status_arrive_unchanged(launcher: Path, environment: dict[str, str], path: Path) -> None:
    seen = path / "seen"
    program(
        path / "python3",
        f'case $* in *-c*) exec "{PYTHON}" "$@";; esac; shift 3; for word; do echo "<$word>"; done >"{seen}"; exit 42',
    )
    environment = {**environment, "AGENTCORE_SANDBOX_PYTHON": str(path / "python3")}
    words = ["run", "print('a b')", "", "*", "$HOME", "a\nb", "-", "ü"]
    done = subprocess.run([launcher, *words], env=environment, capture_output=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stderr) == (42, b"")
    assert seen.read_text() == "".join(f"<{word}>\n" for word in words)


def test_the_warm_path_starts_one_python_and_isolates_it(
    launcher: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    chosen = python(tmp_path, "chosen", log)
    memory(environment).parent.mkdir(parents=True)
    memory(environment).write_text(f"{environment['PATH']}\n{chosen}\n")
    works([launcher], environment)
    assert log.read_text() == "started\n"
    (tmp_path / "agentcore_sandbox").mkdir()
    hostile = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/dev/null", "PYTHONSTARTUP": "/x", "PYTHONINSPECT": "1"}
    works([launcher], {**environment, **hostile, "SHIV_ROOT": "/dev/null", "SHIV_INTERPRETER": "1"})


def copy_of_plugin(launcher: Path, folder: Path) -> tuple[Path, Path]:
    """A launcher that a test may spoil, and its zipapp."""
    shutil.copytree(launcher.parents[1], folder)
    return folder / "bin" / launcher.name, folder / "zipapps" / f"agentcore-sandbox-{OWN}.pyz"


def test_the_warm_path_does_not_look_into_the_zipapp(
    launcher: Path, environment: dict[str, str], path: Path, tmp_path: Path
) -> None:
    python(path, "python3")
    launcher, zipapp = copy_of_plugin(launcher, tmp_path / "plugin")
    works([launcher], environment)
    content = zipapp.read_bytes()
    zipapp.write_bytes(content[:200])
    works([launcher], environment)
    shutil.rmtree(memory(environment).parent)
    assert start([launcher], environment).returncode != 0


@pytest.mark.parametrize("line", [b"", b"#", b"# unpacked as ", b"# unpacked as other", b"# unpacked as \0/../\xff"])
def test_without_the_name_of_its_copy_a_zipapp_runs_by_itself(
    launcher: Path, environment: dict[str, str], path: Path, tmp_path: Path, line: bytes
) -> None:
    python(path, "python3")
    launcher, zipapp = copy_of_plugin(launcher, tmp_path / "plugin")
    # Of the same length as before: a zip has offsets.
    shebang, old, rest = zipapp.read_bytes().split(b"\n", 2)
    zipapp.write_bytes(b"\n".join([shebang, line.ljust(len(old), b"\n"), rest]))
    for _ in range(2):
        works([launcher], environment)


def test_a_copy_that_others_could_write_to_is_not_run(
    launcher: Path, environment: dict[str, str], path: Path, tmp_path: Path
) -> None:
    python(path, "python3")
    works([launcher], environment)
    cache = memory(environment).parent
    [main] = cache.glob("*/site-packages/agentcore_sandbox/__main__.py")
    main.write_text("print('taken over')\ndef main(): pass\n")
    cache.chmod(0o777)
    works([launcher], environment)
    assert list((tmp_path / "tmp").glob("agentcore-sandbox-*/*/site-packages"))


@pytest.mark.parametrize(
    "mode", [0o775, *(pytest.param(mode, marks=pytest.mark.nightly) for mode in (0o777, 0o757, 0o722))]
)
def test_a_remembered_python_in_a_folder_that_others_can_write_to_is_not_started(
    launcher: Path, environment: dict[str, str], path: Path, tmp_path: Path, mode: int
) -> None:
    python(path, "python3")
    works([launcher], environment)
    planted = program(tmp_path / "planted", f"touch '{tmp_path}/started'; exec '{PYTHON}' \"$@\"")
    remembered = memory(environment).read_text().splitlines()[0]
    for folder in (memory(environment).parent, tmp_path / "tmp" / f"agentcore-sandbox-{os.geteuid()}"):
        folder.mkdir(exist_ok=True)
        (folder / "python").write_text(f"{remembered}\n{planted}\n")
        folder.chmod(mode)
    works([launcher], environment)
    assert not (tmp_path / "started").exists()


def test_a_python_remembered_among_the_temporary_files_is_not_started_where_the_cache_can_remember(
    launcher: Path, environment: dict[str, str], path: Path, tmp_path: Path
) -> None:
    python(path, "python3")
    works([launcher], {**environment, "XDG_CACHE_HOME": "/dev/null"})
    [remembered] = (tmp_path / "tmp").glob("agentcore-sandbox-*/python")
    planted = program(tmp_path / "planted", f"touch '{tmp_path}/started'; exec '{PYTHON}' \"$@\"")
    remembered.write_text(remembered.read_text().replace(str(PYTHON), str(planted)))
    works([launcher], environment)
    assert not (tmp_path / "started").exists()
    assert memory(environment).is_file()


def test_a_candidate_is_asked_once_then_remembered_by_its_real_path(
    launcher: Path, environment: dict[str, str], path: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    python(path, "python3", log)
    for _ in range(3):
        works([launcher], environment)
    assert log.read_text() == "started\n"
    assert memory(environment).read_text().splitlines() == [environment["PATH"], str(PYTHON)]
    assert stat.S_IMODE(memory(environment).stat().st_mode) == 0o600
    assert stat.S_IMODE(memory(environment).parent.stat().st_mode) == 0o700


def test_without_home_it_remembers_in_a_private_temporary_folder(
    launcher: Path, environment: dict[str, str], path: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    python(path, "python3", log)
    environment = {**environment, "XDG_CACHE_HOME": "/dev/null"}
    del environment["HOME"]
    for _ in range(3):
        works([launcher], environment)
    assert log.read_text() == "started\n"
    assert stat.S_IMODE((tmp_path / "tmp" / f"agentcore-sandbox-{os.geteuid()}").stat().st_mode) == 0o700


def test_memory_that_no_longer_holds(launcher: Path, environment: dict[str, str], path: Path, tmp_path: Path) -> None:
    python(path, "python3")
    memory(environment).parent.mkdir(parents=True, mode=0o700)
    for text in ("", "x", f"{path}\n", f"{path}\n/dev/null/python\n", f"/elsewhere\n{tmp_path}\n", "\0\xff\n\n"):
        memory(environment).write_text(text)
        works([launcher], environment)
        assert memory(environment).read_text().splitlines()[1] == str(PYTHON)


@pytest.mark.parametrize("count", [5, pytest.param(20, marks=pytest.mark.nightly)])
def test_first_starts_at_once(launcher: Path, environment: dict[str, str], path: Path, count: int) -> None:
    python(path, "python3")
    started = [subprocess.Popen([launcher, "--version"], env=environment, stdout=subprocess.PIPE) for _ in range(count)]
    outputs = {process.communicate(timeout=DEADLINE)[0] for process in started}
    assert [process.returncode for process in started] == [0] * count
    assert len(outputs) == 1
    assert sorted(file.name for file in memory(environment).parent.glob("python*")) == ["python"]


@pytest.mark.parametrize("name", ["python3", "python3.14", "python3.10", "python"])
def test_names_it_looks_for(launcher: Path, environment: dict[str, str], path: Path, name: str) -> None:
    python(path, name)
    works([launcher], environment)


def test_broken_candidates_are_passed_over(launcher: Path, environment: dict[str, str], path: Path) -> None:
    program(path / "python3", "echo 'pyenv: python3: command not found' >&2; exit 127")
    program(path / "python3.14", "exit 0")
    (path / "python3.13").symlink_to("/dev/null")
    python(path, "python3.12")
    works([launcher], environment)


def test_the_store_stub_is_never_started(
    launcher: Path, environment: dict[str, str], path: Path, tmp_path: Path
) -> None:
    stubs = tmp_path / "WindowsApps"
    stubs.mkdir()
    program(stubs / "python3", f"touch '{tmp_path}/started'; sleep 600")
    python(path, "python")
    works([launcher], {**environment, "PATH": f"{stubs}:{path}"})
    assert not (tmp_path / "started").exists()


def test_the_py_launcher(launcher: Path, environment: dict[str, str], path: Path) -> None:
    program(path / "py", f'[ "$1" = -3 ] || exit 9; shift; exec \'{PYTHON}\' "$@"')
    works([launcher], environment)


def test_uv_is_the_last_resort(launcher: Path, environment: dict[str, str], path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "of uv"
    folder.mkdir()
    python(folder, "python3")
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    assert uv, "uv is among the requirements of the tests"
    program(path / "uv", f"PATH='{folder}:{path}' exec '{uv}' \"$@\"")
    works([launcher], {**environment, "UV_PYTHON_DOWNLOADS": "never", "UV_CACHE_DIR": str(tmp_path / "uv-cache")})


def test_the_variable_wins(launcher: Path, environment: dict[str, str], path: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    program(path / "python3", "exit 1")
    chosen = python(tmp_path, "my python", log)
    works([launcher], {**environment, "AGENTCORE_SANDBOX_PYTHON": str(chosen)})
    assert log.read_text() == "started\n"
    python(path, "mypy3", log)
    works([launcher], {**environment, "AGENTCORE_SANDBOX_PYTHON": "mypy3"})
    wrong = {**environment, "AGENTCORE_SANDBOX_PYTHON": "/dev/null/python"}
    refuses([launcher], wrong, "error[NoPython]: AGENTCORE_SANDBOX_PYTHON is set to /dev/null/python, which is not")


def test_no_python(launcher: Path, environment: dict[str, str]) -> None:
    said = refuses(
        [launcher], environment, "error[NoPython]: Python 3.10 or newer is needed and no Python was found; install"
    )
    assert b"https://www.python.org/downloads/" in said
    assert b"AGENTCORE_SANDBOX_PYTHON" in said


def test_nothing_on_path(launcher: Path, environment: dict[str, str]) -> None:
    refuses([launcher], {**environment, "PATH": "/dev/null"}, "error[NoPython]: ")


@pytest.mark.parametrize("version", ["2.7", "3.8", "3.9"])
def test_too_old_a_python(launcher: Path, environment: dict[str, str], path: Path, version: str) -> None:
    old = find_python(version)
    if old is None:
        pytest.skip(f"no Python {version} on this machine")
    (path / "python3").symlink_to(old)
    beginning = "error[NoPython]: Python 3.10 or newer is needed and "
    found = f"only Python {version} ({path}/python3)" if version != "2.7" else "no Python"
    refuses([launcher], environment, f"{beginning}{found} was found; install one from https://")
    variable = {**environment, "AGENTCORE_SANDBOX_PYTHON": str(old)}
    assert start([launcher], variable).returncode != 0
    python(path, "python3.11")
    works([launcher], environment)


def pretend(launcher: Path, path: Path, system: str) -> None:
    """Let a launcher believe that it is on another system, one that says so by `uname -sm` alone."""
    library = launcher.parents[1] / "lib" / "python.sh"
    library.write_text(library.read_text().replace("/proc/sys/kernel/", "/nonexistent/"))
    (path / "uname").unlink()
    program(path / "uname", f"echo '{system}'")


def test_linux_is_known_by_its_files_as_by_uname(
    zipapps: Mapping[str, Path], environment: dict[str, str], path: Path, tmp_path: Path
) -> None:
    launcher = install(zipapps, tmp_path / "plugin", OWN)
    python(path, "python3")
    works([launcher], environment)
    pretend(launcher, path, f"Linux {platform.machine()}")
    works([launcher], environment)


def test_the_platform_decides_and_any_is_the_fall_back(
    zipapps: Mapping[str, Path], environment: dict[str, str], path: Path, tmp_path: Path
) -> None:
    launcher = install(zipapps, tmp_path / "plugin")
    python(path, "python3")
    folder = tmp_path / "plugin" / "zipapps"
    refuses([launcher], environment, f"error[NoZipapp]: no zipapp in {launcher.parent}/../zipapps; install the plugin")
    for name in ("any", "linux-amd64", "linux-arm64", "darwin-universal", "windows-amd64"):
        (folder / f"agentcore-sandbox-{name}.pyz").write_text(f"print('{name}')")
    systems = {
        "Linux x86_64": "linux-amd64",
        "Linux aarch64": "linux-arm64",
        "Linux riscv64": "any",
        "Darwin arm64": "darwin-universal",
        "Darwin x86_64": "darwin-universal",
        "FreeBSD amd64": "any",
    }
    for system, name in systems.items():
        pretend(launcher, path, system)
        assert start([launcher], environment).stdout == f"{name}\n".encode()
    (folder / "agentcore-sandbox-any.pyz").rename(folder / "agentcore-sandbox-other.pyz")
    refuses([launcher], environment, "error[NoZipapp]: ")


@pytest.mark.parametrize(
    ("system", "platform_name"),
    [
        ("MINGW64_NT-10.0-22631 x86_64", "windows-amd64"),
        ("MSYS_NT-10.0-19045 x86_64", "windows-amd64"),
        ("MINGW64_NT-10.0-26100-ARM64 x86_64", "any"),
    ],
)
def test_in_git_bash_paths_are_converted_and_arguments_are_not(
    environment: dict[str, str], path: Path, tmp_path: Path, system: str, platform_name: str
) -> None:
    launcher = install({}, tmp_path / "plugin")
    for name in ("windows-amd64", "any"):
        (tmp_path / "plugin" / "zipapps" / f"agentcore-sandbox-{name}.pyz").touch()
    pretend(launcher, path, system)
    program(path / "cygpath", '[ "$1" = -w ] && printf \'C:\\converted\\%s\' "${2##*/}"')
    program(path / "python3", "exit 1")
    fake = program(path / "fake", 'printf "%s\\n" "$MSYS2_ARG_CONV_EXCL $*"')
    program(path / "py", f"[ \"$1\" = -3 ] && printf %s '{fake}'")
    said = start([launcher], environment).stdout.decode()
    assert said == f"* -I -S C:\\converted\\agentcore-sandbox-{platform_name}.pyz --version\n"


def test_the_windows_launcher_has_windows_line_ends_and_looks_for_the_same(tmp_path: Path) -> None:
    shutil.copytree(LAUNCHER.parents[1], tmp_path / "plugin")
    text = (tmp_path / "plugin" / "bin" / "agentcore-sandbox.cmd").read_bytes()
    assert text.count(b"\n") == text.count(b"\r\n")
    assert text.isascii()
    posix = LAUNCHER.read_text() + (LAUNCHER.parents[1] / "lib" / "python.sh").read_text()
    for name in (
        "AGENTCORE_SANDBOX_PYTHON",
        "windows-amd64",
        "WindowsApps",
        "(3, 10)",
        "error[NoZipapp]: no zipapp in",
    ):
        assert name.split("]", maxsplit=1)[0].removeprefix("error[") in posix
        assert name in text.decode()
    for minor in range(10, 15):
        assert f"python3.{minor} " in posix
        assert f"python3.{minor} " in text.decode()
