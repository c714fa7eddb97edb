"""What is put off in a zipapp's AWS client does what the client as published does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from plugin_build import lazy_imports
from plugin_build.botocore_data import KEPT_OPERATIONS
from plugin_build.errors import BuildError
from support.processes import DEADLINE

if TYPE_CHECKING:
    from pathlib import Path

URLS = [
    "http://127.0.0.1:80/a?b#c",
    "HTTPS://Example.COM",
    "http://[::1]:8080/x",
    "http://[2001:DB8::1%25eth0]/",
    "http://[::1",
    "http://::1/",
    "http://a:b",
    "http://user:pass@h/",
    "http://ex ample/",
    "http://exa%6Dple/%zz",
    "http:///",
    "//h",
    "",
    "http://[v1.x]/",
    "http://[1.2.3.4]/",
    "http://1.2.3.4.5/",
    "http://h:99999",
]
TIMES = ["2026-11-27T15:43:16Z", "2026-11-27T15:43:16.123+01:00", "Fri, 27 Nov 2026 15:43:16 GMT", "1764258196", 1.5]
COMPARED = f"""
import json, sys
import dateutil.tz, jmespath, urllib3.util
from botocore import compat, handlers, utils
URLS, TIMES = {URLS!r}, {TIMES!r}

def tried(call, *values):
    try:
        return str(call(*values))
    except Exception as error:
        return type(error).__name__

print(json.dumps({{
    "urls": [tried(urllib3.util.parse_url, url) for url in URLS],
    "endpoints": [tried(utils.is_valid_ipv6_endpoint_url, url) for url in URLS],
    "labels": [tried(utils.is_valid_endpoint_url, url) for url in URLS],
    "times": [tried(lambda time: utils.parse_timestamp(time).timestamp(), time) for time in TIMES],
    "zones": [tried(lambda: dateutil.tz.tzutc().utcoffset(None)), dateutil.tz.tzoffset("x", 60).tzname(None)],
    "searched": jmespath.search("a[?b > `1`].b", {{"a": [{{"b": 1}}, {{"b": 2}}]}}),
    "compiled": jmespath.compile("a.b").search({{"a": {{"b": 1}}}}),
    "xml": compat.ETree.fromstring("<a b='c'/>").attrib,
    "caught": issubclass(compat.ETree.ParseError, compat.XMLParseError),
    "handlers": [handler[0] for handler in handlers.BUILTIN_HANDLERS],
}}))
"""


def answers(*options: str, before: str = "") -> Any:
    words = [sys.executable, "-I", *options, "-c", before + COMPARED]
    return json.loads(subprocess.run(words, capture_output=True, timeout=DEADLINE, check=True, env={}).stdout)


@pytest.fixture(scope="module")
def published() -> Any:
    return answers()


@pytest.fixture(scope="module")
def ours(tree: Path) -> Any:
    return answers("-S", before=f"import sys; sys.path.insert(0, {str(tree)!r})")


@pytest.mark.parametrize(
    "what", ["urls", "endpoints", "labels", "times", "zones", "searched", "compiled", "xml", "caught"]
)
def test_it_answers_as_the_published_client(published: Any, ours: Any, what: str) -> None:
    assert ours[what] == published[what]


def test_only_handlers_of_services_that_do_not_ship_are_gone(published: Any, ours: Any) -> None:
    kept = ours["handlers"]
    assert [event for event in published["handlers"] if event in kept] == kept
    gone = {event for event in published["handlers"] if event not in kept}
    assert gone
    services = {event.split(".")[1] for event in gone if not event.startswith("docs.")}
    assert not services & set(KEPT_OPERATIONS)
    assert {"choose-service-name", "before-call", "after-call.iam"} <= set(kept)


def test_a_late_pattern_is_a_pattern() -> None:
    names: dict[str, Any] = {}
    exec(lazy_imports.LATE, names)  # noqa: S102 - the module as it ships
    pattern = names["Pattern"]("(?P<word>[a-z]+)", flags=re.IGNORECASE)
    assert pattern.match("Ab1").group("word") == "Ab"
    assert (pattern.pattern, pattern.groups) == ("(?P<word>[a-z]+)", 1)
    assert pattern.sub("x", "a1b") == "x1x"
    with pytest.raises(re.error):
        names["Pattern"]("(").match("")


@pytest.mark.parametrize("name", sorted({*lazy_imports.PATTERNS, *lazy_imports.LINES, lazy_imports.HANDLERS}))
def test_a_module_that_is_not_what_it_was_ends_the_build(tmp_path: Path, name: str) -> None:
    text = "import re\nA = re.compile('a')\nBUILTIN_HANDLERS = [\n]\n"
    for each in {*lazy_imports.PATTERNS, *lazy_imports.LINES, lazy_imports.HANDLERS}:
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{line}\n" for line in lazy_imports.LINES.get(each, {}))
        (tmp_path / each).write_text("" if each == name else text + lines)
    with pytest.raises(BuildError, match=r"mend plugin_build\.late"):
        lazy_imports.put_off(tmp_path)
