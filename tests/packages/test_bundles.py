"""Packages resolved and made to one archive by uv and by pip, from wheels that each test makes; and their cache."""

from __future__ import annotations

import base64
import functools
import http.server
import os
import re
import shutil
import stat
import sys
import tarfile
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.packages import requirements, resolver
from agentcore_sandbox.packages.bundles import LOCK_SECONDS, Bundle, BundleCache
from agentcore_sandbox.packages.platforms import Platform
from support import wheels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AARCH64 = Platform("3.12.7", "aarch64", "glibc", 34)
AMD64 = Platform("3.12.1", "x86_64", "glibc", 36)
ALPINE = Platform("3.12.1", "x86_64", "musl", 2)


class Bundles:
    """The cache of one user whose only index is a folder.

    Attributes:
        folder: The folder of wheels.
        said: What was told.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "wheels"
        self.said: list[str] = []

    def get(self, *words: str, platform: Platform = AARCH64) -> Bundle:
        """What is asked for, as `--with` or as lines of a file."""
        self.said.clear()
        return BundleCache(os.environ, self.said.append).get(requirements.of(words).packages, platform)

    def failure(self, *words: str, platform: Platform = AARCH64) -> AgentcoreSandboxError:
        with pytest.raises(AgentcoreSandboxError) as caught:
            self.get(*words, platform=platform)
        return caught.value

    def wheel(self, name: str, version: str = "1.0", **more: object) -> Path:
        return wheels.wheel(self.folder, name, version, **more)  # type: ignore[arg-type] # passed on

    @property
    def cache(self) -> Path:
        return self.root / "cache/agentcore-sandbox/packages"

    def archives(self) -> list[Path]:
        return sorted(self.cache.glob("*.tar.gz"))

    def forget_downloads(self) -> None:
        """Have uv and pip look again."""
        for name in ("uv", "pip"):
            shutil.rmtree(self.root / name, ignore_errors=True)


@pytest.fixture(scope="module")
def cache_of_uv(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where uv keeps what it knows of this Python, which it takes long to ask."""
    return str(tmp_path_factory.mktemp("uv"))


@pytest.fixture
def bundles(tmp_path: Path, cache_of_uv: str, monkeypatch: pytest.MonkeyPatch) -> Bundles:
    """With uv."""
    for name, value in wheels.only_from(tmp_path / "wheels", tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("UV_CACHE_DIR", cache_of_uv)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", wheels.uv_on_path(tmp_path / "bin"))
    return Bundles(tmp_path)


@pytest.fixture(params=["uv", pytest.param("pip", marks=pytest.mark.nightly)])
def either(request: pytest.FixtureRequest, bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> Bundles:
    """With uv, and at night with pip."""
    if request.param == "pip":
        python = wheels.python_with_pip()
        if python is None:
            pytest.skip("no Python here has pip")
        monkeypatch.setattr(sys, "executable", python)
        monkeypatch.setenv("PATH", str(bundles.root))
    return bundles


def contents(bundle: Bundle) -> dict[str, str]:
    """The modules in an archive, and its programs."""
    with tarfile.open(bundle.path) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if ".dist-info" not in member.name}
        return {name: file.read().decode() for name, file in files.items() if file}


def test_wheels_are_those_of_the_sessions_platform(either: Bundles) -> None:
    either.wheel("pure", needs=["native>=1"])
    for tag in ("cp312-manylinux_2_28_aarch64", "abi3-manylinux2014_x86_64", "cp312-musllinux_1_2_x86_64"):
        either.wheel("native", tag=f"cp312-{tag}")
    either.wheel("native", "2.0", tag="cp313-cp313-manylinux_2_28_aarch64")
    either.wheel("native", "3.0", tag="cp312-cp312-win_amd64")
    for platform, word in ((AARCH64, "aarch64"), (AMD64, "manylinux2014_x86_64"), (ALPINE, "musllinux")):
        bundle = either.get("pure", platform=platform)
        assert [line.split()[0] for line in bundle.lock] == ["native==1.0", "pure==1.0"]
        assert all(re.fullmatch(r"\S+( --hash=sha256:[0-9a-f]{64})+", line) for line in bundle.lock)
        assert word in contents(bundle)["native.py"]
        assert set(contents(bundle)) == {"native.py", "pure.py"}
    assert len(either.archives()) == 3


def test_the_second_time_nothing_is_asked_or_fetched(bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles.wheel("pure")
    first = bundles.get("pure")
    assert (first.cached, len(bundles.said)) == (False, 2)
    monkeypatch.setattr(resolver, "find", lambda: pytest.fail("uv was asked"))
    second = bundles.get("pure")
    assert (second.cached, second.lock, second.path, bundles.said) == (True, first.lock, first.path, [])
    modes = {stat.S_IMODE(path.stat().st_mode) for path in bundles.cache.iterdir()}
    assert (stat.S_IMODE(bundles.cache.stat().st_mode), modes) == (0o700, {0o600})


def test_a_day_later_there_may_be_a_new_version(bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles.wheel("pure")
    bundles.get("pure")
    bundles.wheel("pure", "2.0")
    assert bundles.get("pure").lock[0].startswith("pure==1.0 ")
    assert bundles.get("pure>1").lock[0].startswith("pure==2.0 ")
    later = time.time() + LOCK_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)
    assert bundles.get("pure").lock[0].startswith("pure==2.0 ")
    assert bundles.said == ["resolving 1 package for linux aarch64, Python 3.12"]  # the archive was there


def test_other_settings_of_uv_ask_anew(bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles.wheel("pure")
    bundles.get("pure")
    wheels.wheel(bundles.root / "others", "pure", "2.0")
    monkeypatch.setenv("UV_FIND_LINKS", str(bundles.root / "others"))
    assert bundles.get("pure").lock[0].startswith("pure==2.0 ")


@pytest.mark.parametrize(
    "damage", ["flipped", *(pytest.param(how, marks=pytest.mark.nightly) for how in ("cut", "gone", "record"))]
)
def test_a_damaged_cache_is_mended(bundles: Bundles, damage: str) -> None:
    bundles.wheel("pure")
    first = bundles.get("pure")
    data = first.path.read_bytes()
    if damage == "cut":
        first.path.write_bytes(data[:-1])
    elif damage == "flipped":
        first.path.write_bytes(data[:50] + bytes([data[50] ^ 1]) + data[51:])
    elif damage == "gone":
        first.path.unlink()
    else:
        for record in bundles.cache.glob("*.json"):
            record.write_text("{")
    again = bundles.get("pure")
    assert (again.path.read_bytes(), again.cached) == (data, False)
    assert bundles.get("pure").cached


def test_a_wheel_that_has_changed_since_it_was_locked_is_refused(
    either: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(either.root / "uv"))
    either.wheel("pure")
    first = either.get("pure")
    first.path.unlink()
    either.wheel("pure", files={"pure.py": "import os"})
    either.forget_downloads()
    error = either.failure("pure")
    assert (error.code, either.archives()) == ("HashMismatch", [])
    assert "pure" in error.message


def test_hashes_that_are_asked_for_hold(either: Bundles) -> None:
    path = either.wheel("pure")
    right, wrong = wheels.sha256(path), f"sha256:{'0' * 64}"
    bundle = either.get(f"Pure==1.0 --hash={right} --hash={wrong}")
    assert bundle.lock == (f"pure==1.0 --hash={right}",)
    assert either.failure(f"pure==1.0 --hash={wrong}").code == "HashMismatch"


def test_a_lock_can_be_given_back(either: Bundles) -> None:
    either.wheel("one", needs=["two"])
    either.wheel("two")
    lock = either.get("one").lock
    either.wheel("two", "2.0")
    assert either.get(*lock).lock == lock
    assert either.get(*lock).cached


def test_a_wheel_of_this_machine_is_looked_at_each_time(either: Bundles) -> None:
    path = wheels.wheel(either.root / "mine here", "mine", needs=["pure"])
    either.wheel("pure")
    (word,) = requirements.read([str(path)], [])
    first = either.get(word)
    assert set(contents(first)) == {"mine.py", "pure.py"}
    wheels.wheel(path.parent, "mine", files={"mine.py": "CHANGED = 1"}, needs=["pure"])
    assert contents(either.get(word))["mine.py"] == "CHANGED = 1"
    with tarfile.open(first.path) as tar:
        assert not any("direct_url" in name for name in tar.getnames())


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("absent", "NoWheel"),
        ("native", "NoWheel"),
        ("source", "NoWheel"),
        ("pure>1", "NoWheel"),
    ],
)
def test_what_has_no_wheel_is_named(either: Bundles, word: str, code: str) -> None:
    either.wheel("pure")
    either.wheel("native", tag="cp312-cp312-win_amd64")
    source(either.folder, "source", either.root / "ran")
    error = either.failure(word)
    assert (error.code, word.partition(">")[0] in error.message) == (code, True)
    assert "linux aarch64, Python 3.12" in error.message
    assert not (either.root / "ran").exists()


def source(folder: Path, name: str, marker: Path) -> Path:
    """A source distribution whose setup.py leaves a mark when it runs."""
    inside = folder.parent / f"{name}-1.0"
    inside.mkdir(parents=True)
    (inside / "setup.py").write_text(
        f"open({str(marker)!r}, 'w')\nfrom setuptools import setup\nsetup(name={name!r})\n"
    )
    (inside / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'setup'\nbackend-path = ['.']\n"
    )
    (inside / "PKG-INFO").write_text(f"Metadata-Version: 1.0\nName: {name}\nVersion: 1.0\n")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(inside, f"{name}-1.0")
    return path


def test_nothing_of_a_package_runs_on_this_machine(either: Bundles) -> None:
    """pip would make a wheel of what a package names by URL, whatever it is told: only wheels."""
    marker = either.root / "ran"
    path = source(either.root / "elsewhere", "evil", marker)
    either.wheel("pure", needs=[f"evil @ {path.as_uri()}"])
    either.failure("pure")
    either.wheel("tree", needs=[f"evil @ {path.parent.parent.joinpath('evil-1.0').as_uri()}"])
    either.failure("tree")
    assert not marker.exists()


def test_two_at_once_get_the_same(bundles: Bundles) -> None:
    bundles.wheel("pure")
    found: list[Bundle] = []
    threads = [threading.Thread(target=lambda: found.append(bundles.get("pure"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(bundle.lock, bundle.path, bundle.size) for bundle in found}) == 1
    assert len(bundles.archives()) == 1
    assert bundles.get("pure").cached
    assert list(bundles.cache.glob(".agentcore-sandbox-*")) == []


def test_nothing_of_an_archive_names_this_machine(either: Bundles) -> None:
    script, program = "tool-1.0.dist-info/entry_points.txt", "tool-1.0.data/scripts/native"
    files = {"tool.py": "", script: "[console_scripts]\nx=tool:main\n", program: "\x7fELF"}
    either.wheel("tool", files=files)
    assert set(contents(either.get("tool"))) == {"tool.py", "bin/native"}


@contextmanager
def index(folder: Path, password: str) -> Iterator[str]:
    """A package index on loopback for a user with a password; yields its host and port."""
    wanted = f"Basic {base64.b64encode(f'user:{password}'.encode()).decode()}"

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") == wanted:
                super().do_GET()
            else:
                self.send_error(401)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_an_index_with_a_password_works_and_the_password_is_not_printed(
    either: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels.wheel(either.root / "index/pure", "pure")
    for name in ("UV_FIND_LINKS", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name)
    with index(either.root / "index", "sesame-1234") as host:
        for password, code in (("sesame-1234", ""), ("wrong-1234", "IndexFailed")):
            for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
                monkeypatch.setenv(name, f"http://user:{password}@{host}/")
            if code:
                error = either.failure("pure")
                assert (error.code, password in error.message + error.hint + "".join(either.said)) == (code, False)
            else:
                lock = either.get("pure").lock
                assert (len(lock), password in "".join((*lock, *either.said))) == (1, False)


def test_without_uv_and_pip_it_is_said(bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(bundles.root))
    monkeypatch.setattr(sys, "executable", None)
    error = bundles.failure("pure")
    assert (error.code, "install uv" in error.hint) == ("NoResolver", True)


def test_a_full_disk_is_said(bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles.wheel("pure")
    monkeypatch.setattr("agentcore_sandbox.packages.bundles._pack", no_room)
    assert bundles.failure("pure").code == "LocalFile"
    assert bundles.archives() == []
    assert list(bundles.cache.glob(".agentcore-sandbox-*")) == []


def no_room(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("error: Failed to download `x`\n  cause: Hash mismatch for `x==1`", "HashMismatch"),
        ("error: Failed to write: No space left on device (os error 28)", "LocalFile"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "LocalFile"),
        ("error: Request failed\n  cause: Failed to fetch: http://u:p@h/x", "IndexFailed"),
        (
            "WARNING: connection broken by 'x'\nERROR: No matching distribution found for x",
            "IndexFailed",
        ),
        ("error: HTTP status client error (401 Unauthorized) for url (http://u:p@h/x)", "IndexFailed"),
        ("ERROR: No matching distribution found for x", "NoWheel"),
        ("error: ... cause: you require x<1 and x>2, which are incompatible", "ResolverFailed"),
        ("", "ResolverFailed"),
    ],
)
def test_what_uv_and_pip_say_has_a_code_and_no_password(said: str, code: str) -> None:
    error = resolver._failure(said, AARCH64)
    assert (error.code, bool(error.hint), "u:p@" in error.message) == (code, True, False)
