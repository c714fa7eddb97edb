"""Spare a start what the AWS client does when it is imported, and the command line never or hardly ever uses.

boto3 imports a resource layer with its documentation, and S3's transfers with all of `multiprocessing`; botocore gives
each method of a client a docstring that only `help()` reads. dateutil and jmespath serve paginators and some
credentials, HTTP/2 nobody. Stubs stand in for them. The patterns of an IPv6 address, which take longest to compile, are
compiled for one, and what XML and proxies need is imported for those. Two small classes are written out, which were
all that `dataclasses` and `inspect` were needed for. urllib3 reads all trusted certificates for each connection. None
of them offers a way to do without.
CONTRIBUTING has what each patch gains: below 5 ms of a start it is not worth its upkeep.

The build ends where a patch no longer fits: when what it replaces has changed, and when any module that ships uses
what does not.
"""

from __future__ import annotations

import ast
import hashlib
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugin_build.source_tree import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Stub:
    """A module that takes the place of another.

    Args:
        text: Its source.
        original: The SHA-256 of the module that it was written for; none where nothing is asked of it.
    """

    text: str = ""
    original: str = ""


REMOVED = {  # folder: what is kept of it
    "boto3/resources": (),
    "botocore/docs": ("utils.py",),  # botocore's handlers are made of it
    "s3transfer": (),
    "urllib3/http2": ("probe.py",),  # every connection asks it
}
STUBS = {
    "boto3/resources/__init__.py": Stub(),
    "boto3/resources/factory.py": Stub(
        '''\
"""Stands in for boto3's resources, of which a session makes the factory: there are only clients."""


class ResourceFactory:
    def __init__(self, _emitter):
        pass
''',
        "4fbead783a644497dbb0d7a3902a5150ade4d4dd7a2df964479041c9fda87e7b",
    ),
    "botocore/docs/__init__.py": Stub(),
    "botocore/docs/docstring.py": Stub(
        '''\
"""Stands in for botocore's writer of docstrings: there are none."""


class ClientMethodDocstring(str):
    def __new__(cls, *_arguments, **_more):
        return super().__new__(cls)


PaginatorDocstring = WaiterDocstring = ClientMethodDocstring
''',
        "268f650386453eaef970d0947e9cfbcd689794307e0a7ddb3fad9c66f067b5f0",
    ),
    "s3transfer/__init__.py": Stub(),
    "s3transfer/manager.py": Stub(
        '''\
"""Stands in for S3's transfers, whose configuration boto3 looks at: there are none."""


class TransferConfig:
    UNSET_DEFAULT = None
''',
        "0ec6d633f7cac0490d1f1e9ec063055d1b4544ca92ebb473369c07509f532449",
    ),
    "urllib3/http2/__init__.py": Stub(),
    "jmespath/__init__.py": Stub(
        '''\
"""Imports jmespath's parser when it is called."""


def compile(expression):
    from jmespath import parser

    return parser.Parser().parse(expression)


def search(expression, data, options=None):
    return compile(expression).search(data, options=options)
''',
        "1bdefe3427441afe5dd173812b95de18db16731294a4c114e392e1ef949cd8a3",
    ),
    "dateutil/parser/__init__.py": Stub(
        '''\
"""Imports dateutil's parser when it is called."""


def parse(*arguments, **more):
    from dateutil.parser import _parser

    return _parser.parse(*arguments, **more)
''',
        "c1693a185bb14e98e8820086b6091c789a2d8b8a558e5e3f7c7417a4d39a4988",
    ),
    "dateutil/tz/__init__.py": Stub(
        '''\
"""Imports dateutil's time zones when one is wanted."""

import importlib


def tzlocal():
    return __getattr__("tzlocal")()


def tzutc():
    return __getattr__("tzutc")()


def __getattr__(name):
    return getattr(importlib.import_module("dateutil.tz.tz"), name)
''',
        "17e333d77bfa8d8b1e92541ff537bd27a9f370b0e6ab8ee03916bad4adf9fc50",
    ),
}

_COMPILED = '{name} = re.compile("^" + {pattern} + "$")'
# What it matches has a colon.
_COMPILED_LATE = """\
{name} = type(  # changed by agentcore-sandbox, see plugin_build.patches in its source
    "Pattern", (), {{"match": lambda _, text: re.match("^" + {pattern} + "$", text) if ":" in text else None}}
)()"""
IPV6_PATTERNS = {  # module: name of the compiled pattern, and what it is compiled from
    "botocore/compat.py": {"IPV6_ADDRZ_RE": "IPV6_ADDRZ_PAT"},
    "urllib3/util/url.py": {
        "_IPV6_RE": "_IPV6_PAT",
        "_IPV6_ADDRZ_RE": "_IPV6_ADDRZ_PAT",
        "_BRACELESS_IPV6_ADDRZ_RE": "_IPV6_ADDRZ_PAT[2:-2]",
    },
}
LINES = {  # module: a line, and what stands in for it
    "botocore/compat.py": {
        "import xml.etree.ElementTree as ETree\n": """\
class _ElementTree:  # changed by agentcore-sandbox, see plugin_build.patches in its source
    def __getattr__(self, name):
        from xml.etree import ElementTree

        return getattr(ElementTree, name)


ETree = _ElementTree()
""",
        "XMLParseError = ETree.ParseError\n": "XMLParseError = SyntaxError  # the base class\n",
        "import inspect\n": "",
        "    return inspect.getfullargspec(func)[2]\n": """\
    # changed by agentcore-sandbox, see plugin_build.patches in its source
    code = getattr(func, "__code__", None) or getattr(type(func).__call__, "__code__", None)
    if code:
        return bool(code.co_flags & 8)  # CO_VARKEYWORDS
    import inspect

    return inspect.getfullargspec(func)[2]
""",
    },
    "botocore/context.py": {
        "from dataclasses import dataclass, field\n": "",
        "@dataclass\n": "",
        "    features: set[str] = field(default_factory=set)\n": """\
    def __init__(self):  # changed by agentcore-sandbox, see plugin_build.patches in its source
        self.features = set()
""",
    },
    "botocore/plugin.py": {
        "from dataclasses import dataclass\n": "",
        "@dataclass\n": "",
        "    plugins: str | None = None\n": """\
    def __init__(self, plugins=None):  # changed by agentcore-sandbox, see plugin_build.patches in its source
        self.plugins = plugins
""",
    },
    "botocore/serialize.py": {
        "from xml.etree import ElementTree\n": "from botocore.compat import ETree as ElementTree\n",
    },
    "botocore/utils.py": {
        "import tempfile\n": "",
        "        temp_fd, temp_path = tempfile.mkstemp(\n": """\
        import tempfile  # changed by agentcore-sandbox, see plugin_build.patches in its source

        temp_fd, temp_path = tempfile.mkstemp(
""",
        "from urllib.request import getproxies, proxy_bypass\n": """\
import sys


def _has_proxies():  # changed by agentcore-sandbox, see plugin_build.patches in its source
    return sys.platform in ("darwin", "win32") or any(name.lower().endswith("_proxy") for name in os.environ)


def getproxies():
    if not _has_proxies():
        return {}
    from urllib.request import getproxies

    return getproxies()


def proxy_bypass(host):
    if not _has_proxies():
        return False
    from urllib.request import proxy_bypass

    return proxy_bypass(host)


""",
    },
    "urllib3/util/ssl_.py": {
        "            context.load_verify_locations(ca_certs, ca_cert_dir, ca_cert_data)\n": """\
            trusted = ca_certs, ca_cert_dir, ca_cert_data
            if getattr(context, "trusted", None) != trusted:  # changed by agentcore-sandbox, see plugin_build.patches
                context.load_verify_locations(*trusted)
                context.trusted = trusted
""",
    },
}


def apply(site_packages: Path) -> None:
    """Put the stubs into a folder of installed packages, and change patterns, imports and other lines.

    Raises:
        BuildError: What they replace is not what they were written for.
    """
    for name, stub in STUBS.items():
        if stub.original and hashlib.sha256((site_packages / name).read_bytes()).hexdigest() != stub.original:
            raise BuildError(
                f"{name} has changed: see whether its stub still fits, then put its new hash into {__name__}"
            )
    for name, kept in REMOVED.items():
        for path in (site_packages / name).iterdir():
            if path.name not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, stub in STUBS.items():
        (site_packages / name).write_text(stub.text, encoding="utf-8")
    for name, patterns in IPV6_PATTERNS.items():
        _compile_late(site_packages / name, name, patterns)
    for name, lines in LINES.items():
        _replace_lines(site_packages / name, name, lines)


def _compile_late(path: Path, module: str, patterns: Mapping[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for name, pattern in patterns.items():
        line = _COMPILED.format(name=name, pattern=pattern)
        if len(re.findall(rf"\b{name}\b(?!\.match\()", text)) != 1 or f"\n{line}\n" not in text:
            raise BuildError(f"{module} defines or uses {name} in another way than it did: mend {__name__}")
        text = text.replace(line, _COMPILED_LATE.format(name=name, pattern=pattern))
    path.write_text(text, encoding="utf-8")


def _replace_lines(path: Path, module: str, lines: Mapping[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for line, other in lines.items():
        if text.count(f"\n{line}") != 1:
            raise BuildError(f"{module} has no longer the line {line.strip()!r}: mend {__name__}")
        text = text.replace(f"\n{line}", f"\n{other}")
    path.write_text(text, encoding="utf-8")


def modules(site_packages: Path) -> set[str]:
    """The dotted names of all modules in a folder of installed packages."""
    return {_dotted(path.relative_to(site_packages).as_posix()) for path in site_packages.rglob("*.py")}


def _dotted(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def check_imports(site_packages: Path, before: set[str]) -> None:
    """Make sure that nothing that was left out or replaced is missed, inside of functions either.

    Args:
        site_packages: The folder as it ships.
        before: The `modules` that the wheels brought.

    Raises:
        BuildError: A module uses one that is gone, or a name that a stub lacks.
    """
    present = modules(site_packages)
    members = dict(pair for name, stub in STUBS.items() for pair in _defined(_dotted(name), stub.text))
    members |= {f"{_dotted(module)}.{name}": {"match"} for module in IPV6_PATTERNS for name in IPV6_PATTERNS[module]}
    for path in sorted(site_packages.rglob("*.py")):
        user = path.relative_to(site_packages)
        for name in sorted(_used(ast.parse(path.read_bytes()), user)):
            module, _, member = name.rpartition(".")
            lacking = name not in present and module in members and members[module].isdisjoint({member, "__getattr__"})
            if lacking or {name, module} & (before - present):
                raise BuildError(f"{user} uses {name}, which does not ship: mend {__name__}")


def _defined(module: str, stub: str) -> Iterator[tuple[str, set[str]]]:
    """What a stub has: its own members, and those of each class of it that inherits nothing."""
    tree = ast.parse(stub)
    yield module, _members(tree)
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef) and not node.bases)
    yield from ((f"{module}.{node.name}", _members(node)) for node in classes)


def _members(node: ast.Module | ast.ClassDef) -> set[str]:
    targets = [target for child in node.body if isinstance(child, ast.Assign) for target in child.targets]
    named = {child.name for child in node.body if isinstance(child, (ast.ClassDef, ast.FunctionDef))}
    return named | {target.id for target in targets if isinstance(target, ast.Name)}


def _used(tree: ast.AST, path: Path) -> set[str]:
    """The full name of each import, `from x import y` as x.y, and of what is asked of it, as in `x.y.z`."""
    used: set[str] = set()
    bound: dict[str, str | None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            used |= {alias.name for alias in node.names}
            bound |= {alias.asname or _root(alias.name): alias.asname and alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.parts[: -node.level]) if node.level else ""
            module = ".".join(filter(None, (package, node.module)))
            bound |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names}
    used |= set(filter(None, bound.values()))
    chains = (_chain(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    roots = ((chain, _root(chain)) for chain in chains)
    return used | {chain.replace(root, bound[root] or root, 1) for chain, root in roots if root in bound}


def _chain(node: ast.expr) -> str:
    """`x.y.z` as it is written; empty for the attribute of anything else."""
    if isinstance(node, ast.Attribute):
        value = _chain(node.value)
        return value and f"{value}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _root(name: str) -> str:
    return name.split(".", 1)[0]
