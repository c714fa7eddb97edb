"""README and docs/: their pages, chapters and the lines of shell that they show."""

from __future__ import annotations

import re

from support.build_folders import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.joinpath("docs").glob("*.md"))]
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name: str, chapter: str = "") -> str:
    """A page's text, or that of one of its chapters.

    Args:
        name: The path, such as docs/use.md.
        chapter: A heading as it stands there, such as `## Sessions`.
    """
    text = ROOT.joinpath(name).read_text("utf-8")
    if not chapter:
        return text
    level = chapter.partition(" ")[0]
    _, found, rest = text.partition(f"\n{chapter}\n")
    assert found, f"{name} has no {chapter}"
    return re.split(rf"\n#{{1,{len(level)}}} ", rest)[0]


def shell_blocks(text: str) -> list[list[str]]:
    """The lines of each block of `sh`, continued ones joined, without comments."""
    blocks = [block.replace("\\\n", "").splitlines() for block in _SHELL.findall(text)]
    bare = [[re.sub(r"(^|\s+)# .*", "", line).rstrip() for line in block] for block in blocks]
    return [[line for line in block if line] for block in bare]


def shell_lines(text: str) -> list[str]:
    """The lines of all blocks of `sh`."""
    return [line for block in shell_blocks(text) for line in block]


def nox_sessions() -> set[str]:
    """The names of the sessions in noxfile.py."""
    text = ROOT.joinpath("noxfile.py").read_text("utf-8")
    found = re.findall(r'@nox\.session(?:\((?:name="([\w-]+)")?[^\n]*\))?\ndef (\w+)', text)
    return {name or function for name, function in found}
