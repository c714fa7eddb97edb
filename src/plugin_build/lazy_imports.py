"""Let modules of the AWS client do later, or not at all, what they do when they are imported.

Of a hundred patterns that they compile a call uses a few, botocore registers handlers for services whose model does not
ship, and XML is what IAM, STS and EC2 speak: together a tenth of a call's time. Line numbers stay as they are, so that
tracebacks fit the sources.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plugin_build.botocore_data import KEPT_OPERATIONS
from plugin_build.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Where nothing but methods of the patterns is used: `re.sub(PATTERN, ...)` would not take a late one.
PATTERNS = ("botocore/compat.py", "botocore/utils.py", "urllib3/util/url.py")
HANDLERS = "botocore/handlers.py"
CHANGED = "# Changed by agentcore-sandbox: see plugin_build.lazy_imports in its sources.\n"
LATE = '''\
"""Patterns that are compiled, and modules that are imported, when they are first used."""

import importlib
import re


class Pattern:
    def __init__(self, *arguments, **more):
        self._compile = lambda: re.compile(*arguments, **more)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        pattern = self._compile()
        self.__dict__.update({each: getattr(pattern, each) for each in dir(pattern) if not each.startswith("_")})
        return getattr(pattern, name)


class Module:
    def __init__(self, name):
        self._name = name

    def __getattr__(self, name):
        return getattr(importlib.import_module(self._name), name)
'''
LINES = {
    "botocore/compat.py": {
        "import xml.etree.ElementTree as ETree": 'ETree = late.Module("xml.etree.ElementTree")',
        # Its base, which nothing else raises where botocore catches it.
        "XMLParseError = ETree.ParseError": "XMLParseError = SyntaxError",
    },
    "botocore/serialize.py": {
        "from xml.etree import ElementTree": 'import late; ElementTree = late.Module("xml.etree.ElementTree")',
    },
    # An IPv6 address has a colon, and in a URL it stands in brackets: for others these long patterns are not compiled.
    "botocore/utils.py": {
        "    return IPV6_ADDRZ_RE.match(hostname) is not None": (
            "    return ':' in hostname and IPV6_ADDRZ_RE.match(hostname) is not None"
        ),
    },
    "urllib3/util/url.py": {
        "            is_ipv6 = _IPV6_ADDRZ_RE.match(host)": (
            "            is_ipv6 = host[:1] == '[' and _IPV6_ADDRZ_RE.match(host)"
        ),
    },
}


def put_off(site_packages: Path) -> None:
    """Change those modules in a folder of installed packages.

    Raises:
        BuildError: One of them is not what it was: this module has to be mended.
    """
    (site_packages / "late.py").write_text(LATE, encoding="utf-8")
    for name in sorted({*PATTERNS, *LINES, HANDLERS}):
        path = site_packages / name
        text = path.read_text(encoding="utf-8")
        try:
            path.write_text(_changed(name, text) + CHANGED, encoding="utf-8")
        except ValueError as error:
            raise BuildError(f"{path} {error}: mend {__name__}") from None


def _changed(name: str, text: str) -> str:
    """The text of a module with all that is put off in it; a ValueError says what is not as it was."""
    if name in PATTERNS:
        text = _with_late_patterns(text)
    text = _with_lines(text, LINES.get(name, {}))
    return _with_fewer_handlers(text) if name == HANDLERS else text


def _with_late_patterns(text: str) -> str:
    text, imports = re.subn(r"^import re$", "import re; import late", text, flags=re.MULTILINE)
    text, patterns = re.subn(r"^( *[A-Z_0-9]+ = )re\.compile\(", r"\1late.Pattern(", text, flags=re.MULTILINE)
    if imports != 1 or not patterns or re.search(r"\bre\.(?!compile\()\w+\([A-Z_]+\b", text):
        raise ValueError("does not compile its patterns as it did")
    return text


def _with_lines(text: str, lines: Mapping[str, str]) -> str:
    for old, new in lines.items():
        if text.count(f"\n{old}\n") != 1:
            raise ValueError(f"does not have this line once: {old.strip()}")
        text = text.replace(f"\n{old}\n", f"\n{new}\n")
    return text


def _with_fewer_handlers(text: str) -> str:
    """An event's second part is its service, if it has one; those that begin with `docs` write documentation."""
    if "\nBUILTIN_HANDLERS = [\n" not in text:
        raise ValueError("has no list of handlers any more")
    return f"""\
{text}_KEPT = {{"", {", ".join(f'"{service}"' for service in KEPT_OPERATIONS)}}}
BUILTIN_HANDLERS = [
    handler
    for handler in BUILTIN_HANDLERS
    if not handler[0].startswith("docs.") and f"{{handler[0]}}.".split(".")[1] in _KEPT
]
"""
