"""The wheel and the sdist that `nox -s build` made: what an index shows of them, and what is in them."""

from __future__ import annotations

import re
import tarfile
import zipfile
from email.parser import BytesParser
from typing import TYPE_CHECKING

import pytest

from plugin_build.source_tree import Project
from support.build_folders import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

PROJECT = Project()
NAME = f"agentcore_sandbox-{PROJECT.version}"
PACKAGES = PROJECT.dist / "packages"


@pytest.fixture(scope="module")
def wheel() -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(PACKAGES / f"{NAME}-py3-none-any.whl") as opened:
        yield opened


def metadata(wheel: zipfile.ZipFile) -> Message:
    return BytesParser().parsebytes(wheel.read(f"{NAME}.dist-info/METADATA"))


def classifiers(wheel: zipfile.ZipFile) -> list[str]:
    return metadata(wheel).get_all("Classifier", [])


def test_the_wheel_has_types_licence_and_entry_point(wheel: zipfile.ZipFile) -> None:
    licence = f"{NAME}.dist-info/licenses/LICENSE"
    assert {"agentcore_sandbox/py.typed", "agentcore_emulator/py.typed", licence} <= set(wheel.namelist())
    entry_points = wheel.read(f"{NAME}.dist-info/entry_points.txt").decode()
    assert entry_points == "[console_scripts]\nagentcore-sandbox = agentcore_sandbox.__main__:main\n"


def test_the_index_is_told_what_it_is(wheel: zipfile.ZipFile) -> None:
    told = metadata(wheel)
    assert (told["License-Expression"], told["Requires-Python"]) == ("Apache-2.0", ">=3.10")
    assert "Typing :: Typed" in classifiers(wheel)
    assert told.get_payload() == ROOT.joinpath("README.md").read_text("utf-8")


def test_each_supported_python_has_its_classifier(wheel: zipfile.ZipFile) -> None:
    told = re.findall(r"^Programming Language :: Python :: (3\.\d+)$", "\n".join(classifiers(wheel)), re.MULTILINE)
    (supported,) = re.findall(r"^SUPPORTED_PYTHONS = \((.*)\)$", ROOT.joinpath("noxfile.py").read_text(), re.MULTILINE)
    assert told == re.findall(r"[\d.]+", supported)


def test_the_sdist_has_what_the_wheel_is_made_from(wheel: zipfile.ZipFile) -> None:
    with tarfile.open(PACKAGES / f"{NAME}.tar.gz") as sdist:
        names = set(sdist.getnames())
    sources = {name for name in wheel.namelist() if not name.startswith(NAME)}
    assert {f"{NAME}/src/{name}" for name in sources} <= names
    assert {f"{NAME}/{name}" for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")} <= names
    assert not [name for name in names if "tests" in name.split("/")]
