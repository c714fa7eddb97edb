"""What names packages: words of the command line, requirements files, and a program's own metadata."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import hypothesis
import pytest
from hypothesis import strategies as st

from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.packages import requirements
from agentcore_sandbox.packages.requirements import Requirement
from support import wheels

if TYPE_CHECKING:
    from pathlib import Path

HASH = f"sha256:{'0a' * 32}"
NAMES = (
    "requests",
    "numpy==2.3.5",
    "numpy>=2,<3",
    "numpy >= 2 , != 2.1.*",
    "numpy (>=2,<3)",
    "uvicorn[standard,http]~=0.30",
    "zope.interface===6.0",
    "a",
    'pywin32>=306; sys_platform == "win32"',
    "torch==2.5.0+cpu",
    "x==1!2.0.post1",
)
NO_NAMES = (
    "",
    " ",
    "-r other.txt",
    "--index-url=http://127.0.0.1/",
    "-e .",
    ".",
    "./folder",
    "/etc/passwd",
    "C:\\x.whl",
    "git+https://example.com/x",
    "x @ git+https://example.com/x",
    "x @ https://example.com/x.tar.gz",
    "x @ file:///home",
    "https://example.com/x.whl",
    "x-1.0-py3-none-any.whl",
    "X.WHL",
    "x.tar.gz==1",
    "x.zip",
    "x y",
    "x==1 --hash=sha256:0",
    "x==1 --config-settings=a=b",
    "x --global-option=y",
    "x\n-r other.txt",
    "x; python_version<'3'\n--index-url=http://127.0.0.1/",
    "x\r--pre",
    "x\0",
    "\uff58",
    "x==1" + "0" * 1000,
    "${HOME}",
    "x==1 # comment",
)
URLS = ("x @ https://example.com/x-1.0-py3-none-any.whl", "x@file:///tmp/x-1.0-py3-none-any.whl")


@pytest.mark.parametrize("text", NAMES)
def test_names_and_versions_are_packages_wherever_they_stand(text: str, tmp_path: Path) -> None:
    assert requirements.is_package(text)
    assert requirements.read([text], []) == (text,)
    assert requirements.of([], metadata(f"dependencies = [{text!r}]")).packages == (Requirement(text),)
    (tmp_path / "list.txt").write_text(f"# first\n\n  {text}   # why\n")
    assert requirements.read([], [str(tmp_path / "list.txt")]) == (text,)


@pytest.mark.parametrize("text", [*NO_NAMES, *URLS])
def test_everything_else_is_refused_in_files_and_metadata(text: str, tmp_path: Path) -> None:
    assert not requirements.is_package(text)
    quoted = '"' + "".join(f"\\u{ord(one):04x}" for one in text) + '"'
    with pytest.raises(UsageError, match="names something else than a package"):
        requirements.of([], metadata(f"dependencies = [{quoted}]"))
    if text.strip() and "\n" not in text and "\r" not in text and "#" not in text:
        (tmp_path / "list.txt").write_text(f"numpy\n{text}\n")
        with pytest.raises(UsageError, match="names something else than a package"):
            requirements.read([], [str(tmp_path / "list.txt")])


@pytest.mark.parametrize("text", NO_NAMES)
def test_a_word_is_a_package_or_a_wheel_and_no_option(text: str) -> None:
    with pytest.raises(UsageError, match=r"not a package|no such file"):
        requirements.read([text], [])


def test_a_wheel_is_given_by_its_path_or_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = wheels.wheel(tmp_path / "a b@c", "mine")
    (line,) = requirements.read([str(path.relative_to(tmp_path))], [])
    assert line == f"mine @ {path.as_uri()}"
    assert requirements.read(URLS, []) == URLS
    assert requirements.of([*URLS, line]).packages[2].name == "mine"


@pytest.mark.parametrize("text", ["x @ https://user:secret@example.com/x-1-py3-none-any.whl"])
def test_credentials_are_no_part_of_a_package_and_not_printed(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        requirements.read([text], [])
    assert "secret" not in caught.value.message + caught.value.hint


def test_hashes_and_continued_lines_are_read(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(
        b"\xef\xbb\xbf" + f"x==1 \\\r\n    --hash={HASH} \\\r\n    --hash={HASH}\r\ny\n".encode()
    )
    lines = requirements.read([], [str(tmp_path / "list.txt")])
    assert requirements.of(lines).packages == (Requirement("x==1", (HASH, HASH)), Requirement("y"))


@pytest.mark.parametrize("content", [b"\xff", b"x\n" * (1 << 20), b"-r a", b"x==1 --hash=md5:0"])
def test_a_bad_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(UsageError):
        requirements.read([], [str(tmp_path / "list.txt")])
    with pytest.raises(UsageError, match="cannot read"):
        requirements.read([], [str(tmp_path)])


@pytest.mark.parametrize(
    ("one", "other"), [("Zope.Interface==1", "zope-interface"), ("a__b[x]>1", "A-b"), ("x ; os_name == 'y'", "X")]
)
def test_names_are_compared_in_their_normal_form(one: str, other: str) -> None:
    assert Requirement(one).name == Requirement(other).name


def metadata(*lines: str) -> str:
    return "".join(f"{line}\n" for line in ("import x", "# /// script", *(f"# {line}" for line in lines), "# ///", "y"))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_program_says_what_it_needs(end: str) -> None:
    code = metadata('requires-python = ">=3.11, <4"', "dependencies = [", '  "numpy>=2",  # fast', "  'rich',", "]", "")
    found = requirements.of(["six"], code.replace("\n", end))
    assert [package.text for package in found.packages] == ["six", "numpy>=2", "rich"]
    assert found.python == ">=3.11, <4"


@pytest.mark.parametrize(
    "code",
    [
        "",
        "x = 1",
        "# /// script",
        "# /// script\n# dependencies = ['x']\n",
        "# /// other\n# dependencies = ['x']\n# ///\n",
        " # /// script\n # dependencies = ['x']\n # ///\n",
        metadata("[tool.uv]", "index-url = 'http://127.0.0.1/'"),
    ],
)
def test_other_programs_say_nothing(code: str) -> None:
    assert not requirements.of([], code)


@pytest.mark.parametrize(
    "code",
    [
        metadata("dependencies = ["),
        metadata("dependencies = 'x'"),
        metadata("dependencies = [1]"),
        metadata("requires-python = 3"),
        metadata("requires-python = '>=3; x'"),
        metadata("a = " + "[" * 3000),
        metadata("a = 1") + metadata("a = 1"),
    ],
)
def test_metadata_that_cannot_be_read_is_an_error(code: str) -> None:
    with pytest.raises(UsageError, match="metadata"):
        requirements.of([], code)


@hypothesis.given(
    st.one_of(st.text(max_size=60), st.from_regex(r"[a-z]{1,4}[ \t\n=<>;@:/\\\-#'\"(){}$.]{0,8}[a-z0-9.]{0,4}"))
)
def test_whatever_is_a_package_is_one_word_for_a_resolver(text: str) -> None:
    """Nothing that uv or pip would take for an option, a path, a URL, a variable or a second line."""
    if requirements.is_package(text):
        assert re.match(r"\s*[A-Za-z0-9]", text)
        assert not re.search(r"[@:/\\#$\0]", text)
        assert len(text.strip().splitlines()) == 1
        assert " -" not in text.partition(";")[0]
