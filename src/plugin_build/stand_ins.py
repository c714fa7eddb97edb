"""Replace what the AWS client imports at every start, and the command line never uses, by as little as it asks for.

boto3 imports a resource layer with its documentation, and S3's transfers with all of `multiprocessing`; botocore gives
each method of a client a docstring that only `help()` reads; urllib3 looks for the version of an HTTP/2 that is not
there.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KEPT = (
    "botocore/docs/utils.py",  # botocore's handlers are made of it
    "urllib3/http2/probe.py",  # every connection asks it
)
STAND_INS = {
    "botocore/docs/__init__.py": "",
    "botocore/docs/docstring.py": '''\
"""Stands in for botocore's writer of docstrings: there are none."""


class ClientMethodDocstring(str):
    def __new__(cls, *_arguments, **_more):
        return super().__new__(cls)


PaginatorDocstring = WaiterDocstring = ClientMethodDocstring
''',
    "boto3/resources/__init__.py": "",
    "boto3/resources/factory.py": '''\
"""Stands in for boto3's resources, of which a session makes the factory: there are only clients."""


class ResourceFactory:
    def __init__(self, _emitter):
        pass
''',
    "s3transfer/__init__.py": "",
    "s3transfer/manager.py": '''\
"""Stands in for S3's transfers, whose configuration boto3 looks at: there are none."""


class TransferConfig:
    UNSET_DEFAULT = None
''',
    "urllib3/http2/__init__.py": "",
}


def put(site_packages: Path) -> None:
    """Replace those packages in a folder of installed packages."""
    kept = {name: (site_packages / name).read_text(encoding="utf-8") for name in KEPT}
    files = {**STAND_INS, **kept}
    for folder in {(site_packages / name).parent for name in files}:
        shutil.rmtree(folder)
        folder.mkdir()
    for name, text in files.items():
        (site_packages / name).write_text(text, encoding="utf-8")
