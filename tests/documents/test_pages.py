"""README is short, every link leads somewhere, and what the source calls a section of docs/service.md is one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.build_folders import ROOT
from support.documents import PAGES, nox_sessions, page

if TYPE_CHECKING:
    from pathlib import Path

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
LONGEST_README = 150
OTHERS = [
    ROOT / "SECURITY.md",
    ROOT / "CODE_OF_CONDUCT.md",
    ROOT / "plugin-template/README.md",
    ROOT / "marketplace/README.md",
]
LEFT_OUT = re.compile(r"^(plugins|portable)/")  # of the marketplace: there once it is built


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_is_short() -> None:
    assert len(page("README.md").splitlines()) <= LONGEST_README


@pytest.mark.parametrize("path", [*PAGES, *OTHERS], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for name, anchor in LINK.findall(path.read_text("utf-8")):
        if not LEFT_OUT.match(name):
            target = path.parent / name if name else path
            assert target.exists(), name
            assert not anchor or anchor in anchors(target), (name, anchor)


def test_every_page_is_reached_from_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        here = waiting.pop()
        reached.add(here)
        links = [(here.parent / name).resolve() for name, _ in LINK.findall(here.read_text("utf-8")) if name]
        waiting += [link for link in links if link.suffix == ".md" and link not in reached]
    assert set(PAGES) <= reached


def test_environment_variables_are_documented() -> None:
    folders = ("src/agentcore_sandbox", "src/agentcore_emulator", "src/skill_guard", "plugin-template")
    files = [path for folder in folders for path in ROOT.joinpath(folder).rglob("*") if path.is_file()]
    texts = [path.read_text("utf-8") for path in files if path.suffix not in (".pyc", ".png")]
    used = {name for text in texts for name in re.findall(r"\b(?:CUSTOM_)?AGENTCORE_[A-Z_]*[A-Z]\b(?!_)", text)}
    documented = set(re.findall(r"`([A-Z_]+)", "".join(path.read_text("utf-8") for path in PAGES)))
    assert used <= documented


def test_architecture_names_each_folder_of_the_source() -> None:
    picture = page("CONTRIBUTING.md", "## Architecture").split("```")[3]
    folders = [(indent, name) for indent, name in re.findall(r"^( *)([\w/-]+)/ ", picture, re.MULTILINE)]
    above, named = "", set()
    for indent, name in folders:
        above = above if indent else name
        named.add(f"{above}/{name}" if indent else name)
    there = {path.parent for path in ROOT.glob("src/*/*/__init__.py")} | set(ROOT.glob("src/*/"))
    assert {str(path.relative_to(ROOT)) for path in there if list(path.glob("*.py"))} <= named
    assert not [name for name in named if not ROOT.joinpath(name).is_dir()]


def test_contributing_names_each_nox_session() -> None:
    known = re.findall(r"`\.venv/bin/nox -s ([a-z-]+)", page("CONTRIBUTING.md", "## Daily commands"))
    assert set(known) == nox_sessions()


def test_sections_that_the_source_names_are_there() -> None:
    texts = [path.read_text("utf-8") for path in ROOT.joinpath("src").rglob("*.py")]
    named = [
        name for text in texts for name in re.findall(r'docs/service\.md, "?([A-Z].{,30})', " ".join(text.split()))
    ]
    headings = tuple(re.findall(r"^## (.*)$", page("docs/service.md"), re.MULTILINE))
    assert len(named) > len(["one", "two", "three"])
    assert not [name for name in named if not name.startswith(headings)]
