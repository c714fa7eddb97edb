"""docs/behaviour.md is what the tests' marks make of it, and a wrong mark is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plugin_build import behaviour
from plugin_build.source_tree import BuildError
from support.build_folders import ROOT, write

if TYPE_CHECKING:
    from pathlib import Path


def test_the_page_is_up_to_date() -> None:
    assert behaviour.page(ROOT) == ROOT.joinpath(behaviour.PAGE).read_text("utf-8"), "nox -s behaviour makes it anew"


def test_each_source_and_topic_has_rows() -> None:
    found = behaviour.behaviours(ROOT)
    assert {one.source for one in found} == set(behaviour.SOURCES)
    assert {one.topic for one in found} == set(behaviour.TOPICS)


def test_no_behaviour_is_told_twice() -> None:
    texts = [(one.topic, one.text) for one in behaviour.behaviours(ROOT)]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ('"assumed", "Files", "A | text"', ["| A \\| text | assumed | [`T::test_x`](../tests/test_a.py) |"]),
        ('"guessed", "Files", "Text"', None),
        ('"assumed", "Colours", "Text"', None),
        ('"assumed", "Files"', None),
        ('"assumed", "Files", TEXT', None),
        ('"assumed", "Files", 1', None),
    ],
)
def test_a_mark_is_a_row_or_an_error(tmp_path: Path, arguments: str, rows: list[str] | None) -> None:
    marked = f"class T:\n    @pytest.mark.aws({arguments})\n    @other\n    def test_x(self): ...\n"
    write(tmp_path / "tests/test_a.py", marked)
    if rows is None:
        with pytest.raises(BuildError, match=r"tests/test_a\.py::T::test_x: aws takes"):
            behaviour.behaviours(tmp_path)
    else:
        assert [one.row for one in behaviour.behaviours(tmp_path)] == rows
