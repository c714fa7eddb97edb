"""Replace what the AWS client imports at every start, and the command line never uses, by as little as it asks for.

boto3 imports a resource layer with its documentation, and S3's transfers with all of `multiprocessing`; botocore gives
each method of a client a docstring that only `help()` reads; urllib3 looks for the version of an HTTP/2 that is not
there. jmespath and dateutil are wanted by paginators and some credentials only, and are imported for them.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CLEARED = {  # folder: what is kept of it
    "boto3/resources": (),
    "botocore/docs": ("utils.py",),  # botocore's handlers are made of it
    "s3transfer": (),
    "urllib3/http2": ("probe.py",),  # every connection asks it
}
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
    "jmespath/__init__.py": '''\
"""Stands in for what botocore calls of jmespath: the parser is imported when it is wanted."""


def compile(expression):
    from jmespath import parser

    return parser.Parser().parse(expression)


def search(expression, data, options=None):
    return compile(expression).search(data, options=options)
''',
    "dateutil/parser/__init__.py": '''\
"""Stands in for what botocore calls of dateutil's parser, which is imported when it is wanted."""


def parse(*arguments, **more):
    from dateutil.parser import _parser

    return _parser.parse(*arguments, **more)
''',
    "dateutil/tz/__init__.py": '''\
"""Stands in for dateutil's time zones, which are imported when one is wanted."""

import importlib


def tzlocal():
    return __getattr__("tzlocal")()


def tzutc():
    return __getattr__("tzutc")()


def __getattr__(name):
    return getattr(importlib.import_module("dateutil.tz.tz"), name)
''',
}


def put(site_packages: Path) -> None:
    """Replace those modules in a folder of installed packages."""
    for name, kept in CLEARED.items():
        for path in (site_packages / name).iterdir():
            if path.name not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, text in STAND_INS.items():
        (site_packages / name).write_text(text, encoding="utf-8")
