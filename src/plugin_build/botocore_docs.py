"""Trim botocore's docs package, which writes docstrings for those who read a client with `help()`.

Every client imports it, with an HTML parser and ten modules more, and gives each of its methods such a docstring.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KEPT = "utils.py"  # botocore's handlers are made of it
DOCSTRING = '''\
"""Stands in for botocore's writer of docstrings: there are none."""


class ClientMethodDocstring(str):
    def __new__(cls, *_arguments, **_more):
        return super().__new__(cls)


PaginatorDocstring = WaiterDocstring = ClientMethodDocstring
'''


def trim(docs: Path) -> None:
    """Replace a `botocore/docs` folder by what botocore itself imports of it."""
    kept = (docs / KEPT).read_text(encoding="utf-8")
    shutil.rmtree(docs)
    docs.mkdir()
    for name, text in (("__init__.py", ""), ("docstring.py", DOCSTRING), (KEPT, kept)):
        (docs / name).write_text(text, encoding="utf-8")
