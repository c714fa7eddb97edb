"""Which profiles need awscrt, and how it is unpacked."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from agentcore_sandbox import atomic_files
from agentcore_sandbox.aws import crt
from agentcore_sandbox.errors import AgentcoreSandboxError

CONFIG = """\
[default]
region = us-west-2
[profile login]
login_session = arn:aws:iam::123456789012:user/a
[profile "with a space"]
login_session = arn:aws:iam::123456789012:user/b
[profile role]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = login
[profile circle]
source_profile = circle
[profile lost]
source_profile = nobody
[profile plain]
aws_access_key_id = AKIDEXAMPLE
[sso-session login_session]
sso_region = us-west-2
"""


@pytest.mark.parametrize(
    ("profile", "environ", "needed"),
    [
        (None, {}, False),
        ("login", {}, True),
        ("with a space", {}, True),
        ("role", {}, True),
        ("circle", {}, False),
        ("lost", {}, False),
        ("plain", {}, False),
        ("nobody", {}, False),
        (None, {"AWS_PROFILE": "login"}, True),
        (None, {"AWS_DEFAULT_PROFILE": "login", "AWS_PROFILE": "plain"}, True),
        ("plain", {"AWS_PROFILE": "login"}, False),
    ],
)
def test_profiles(tmp_path: Path, profile: str | None, environ: dict[str, str], needed: bool) -> None:  # noqa: FBT001
    config = tmp_path / "config"
    config.write_text(CONFIG)
    assert crt.is_needed(profile, {"AWS_CONFIG_FILE": str(config), **environ}) is needed


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"login_session",
        b"[profile x\nlogin_session = 1",
        b'[profile "x]\nlogin_session = 1',
        b"\xff login_session",
    ],
)
def test_a_broken_configuration_is_left_to_botocore(tmp_path: Path, content: bytes) -> None:
    config = tmp_path / "config"
    config.write_bytes(content)
    assert crt.is_needed("x", {"AWS_CONFIG_FILE": str(config)}) is False
    assert crt.is_needed("x", {"AWS_CONFIG_FILE": str(tmp_path / "missing")}) is False


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zipapp's folder of the native part, and a configuration whose default profile needs it."""
    (tmp_path / "config").write_text("[default]\nlogin_session = x\n")
    (tmp_path / "awscrt").mkdir()
    for name in ("__init__.py", "auth.py"):
        (tmp_path / "awscrt" / name).write_text("")
    with tarfile.open(tmp_path / crt.ARCHIVE, "w:xz") as tar:
        tar.add(tmp_path / "awscrt", "awscrt")
    (tmp_path / "awscrt").rename(tmp_path / "packed")
    for name in ("awscrt", "awscrt.auth"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(crt, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def test_unpacked_once_and_put_last_on_the_path(folder: Path) -> None:
    environ = {"AWS_CONFIG_FILE": str(folder / "config")}
    assert crt.enable_for(None, environ)
    assert sys.path[-1] == str(folder / "unpacked")
    (folder / crt.ARCHIVE).write_bytes(b"not read again")
    assert crt.enable_for(None, environ)
    assert [path.name for path in (folder / "unpacked").iterdir()] == ["awscrt"]


@pytest.mark.parametrize("damage", [None, b"damaged ("], ids=["missing", "damaged"])
def test_damaged_files_are_unpacked_again(folder: Path, damage: bytes | None) -> None:
    environ = {"AWS_CONFIG_FILE": str(folder / "config")}
    module = folder / "unpacked/awscrt/auth.py"
    assert crt.enable_for(None, environ)
    for name in ("awscrt", "awscrt.auth"):
        sys.modules.pop(name, None)
    module.unlink()
    if damage:
        module.write_bytes(damage)
    assert crt.enable_for(None, environ)
    assert module.read_bytes() == b""


def test_files_that_are_whole_and_of_no_use_to_this_python_stay(folder: Path) -> None:
    (folder / "packed/auth.py").write_text("raise ImportError")
    with tarfile.open(folder / crt.ARCHIVE, "w:xz") as tar:
        tar.add(folder / "packed", "awscrt")
    environ = {"AWS_CONFIG_FILE": str(folder / "config")}
    assert crt.enable_for(None, environ)
    unpacked = (folder / "unpacked").stat().st_ino
    assert crt.enable_for(None, environ)
    assert (folder / "unpacked").stat().st_ino == unpacked


def test_a_pipe_as_the_configuration_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config")
    assert crt.is_needed(None, {"AWS_CONFIG_FILE": str(tmp_path / "config")}) is False


def test_a_profile_that_does_not_need_it_leaves_it_packed(folder: Path) -> None:
    assert not crt.enable_for("other", {"AWS_CONFIG_FILE": str(folder / "config")})
    assert not (folder / "unpacked").exists()
    assert str(folder / "unpacked") not in sys.path


def test_no_space_to_unpack_is_an_error_with_a_way_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_parent: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_files, "_made", refuse)
    with pytest.raises(AgentcoreSandboxError, match="No space left on device") as caught:
        crt.enable_for(None, {"AWS_CONFIG_FILE": str(folder / "config")})
    assert caught.value.code == "NativePartUnusable"
    assert "free some space" in caught.value.hint
    monkeypatch.setenv("SANDBOX_RUNTIME", "1")
    with pytest.raises(AgentcoreSandboxError) as caught:
        crt.enable_for(None, {"AWS_CONFIG_FILE": str(folder / "config")})
    assert "once outside of Claude Code's sandbox" in caught.value.hint


def test_many_unpack_at_once(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agentcore_sandbox.aws import crt; "
        "crt.FOLDER = Path(sys.argv[1]); "
        "crt.enable_for(None, {'AWS_CONFIG_FILE': sys.argv[1] + '/config'}); import awscrt"
    )
    environment = {"PYTHONPATH": str(Path(crt.__file__).parents[2])}
    started = [subprocess.Popen([sys.executable, "-c", code, folder], env=environment) for _ in range(8)]
    assert [process.wait(300) for process in started] == [0] * 8
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["packed", "unpacked"]
