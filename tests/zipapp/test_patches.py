"""A zipapp's AWS client does, with its stubs, what the published one does; a stub that does not fit ends the build."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from plugin_build import botocore_data, patches, staging
from plugin_build.botocore_data import KEPT_OPERATIONS
from plugin_build.source_tree import BuildError
from support import tables
from support.processes import DEADLINE

URLS = [
    "http://127.0.0.1:80/a?b#c",
    "HTTPS://Example.COM",
    "http://[::1]:8080/x",
    "http://[2001:DB8::1%25eth0]/",
    "http://[::1",
    "http://::1/",
    "http://a:b",
    "http://[v1.x]/",
    "http://[1.2.3.4]/",
    "http://h:99999",
    "",
]
HOSTS = ["::1", "[::1]", "fe80::1%eth0", "[fe80::1%25eth0]", "1.2.3.4", "example.com", "a:b", "12345::", ""]
TIMES = ["2026-11-27T15:43:16Z", "2026-11-27T15:43:16.123+01:00", "Fri, 27 Nov 2026 15:43:16 GMT", "1764258196", 1.5]
COMPARED = f"""
import functools, json, sys
import dateutil.tz, jmespath, urllib3.util, urllib3.util.ssl_
from botocore import compat, context, handlers, httpsession, plugin, utils
URLS, HOSTS, TIMES = {URLS!r}, {HOSTS!r}, {TIMES!r}

def tried(call, *values):
    try:
        return str(call(*values))
    except Exception as error:
        return type(error).__name__

class Handler:
    def __call__(self, a, **more): pass
    def method(self, **more): pass
    def other(self, a): pass

HANDLERS = [Handler(), Handler().method, Handler().other, Handler.method, Handler, str, len, lambda **more: 1,
            lambda a, *b: 1, functools.partial(Handler().method, 1), functools.partial(Handler().other, 1),
            functools.wraps(Handler.other)(lambda **more: 1), Handler().method.__call__, "no function"]

print(json.dumps({{
    "accepting handlers": [tried(lambda: bool(compat.accepts_kwargs(handler))) for handler in HANDLERS],
    "contexts": [
        [len(context.ClientContext().features), context.ClientContext().features.add("x")] for _ in range(2)
    ] + [plugin.PluginContext().plugins, plugin.PluginContext(plugins="x").plugins],
    "urls": [tried(urllib3.util.parse_url, url) for url in URLS],
    "endpoints": [tried(utils.is_valid_ipv6_endpoint_url, url) for url in URLS],
    "addresses": [tried(urllib3.util.ssl_.is_ipaddress, host) for host in HOSTS],
    "hosts": [tried(httpsession._is_ipaddress, host) for host in HOSTS],
    "times": [tried(lambda time: utils.parse_timestamp(time).timestamp(), time) for time in TIMES],
    "zones": [tried(lambda: dateutil.tz.tzutc().utcoffset(None)), dateutil.tz.tzoffset("x", 60).tzname(None)],
    "searched": jmespath.search("a[?b > `1`].b", {{"a": [{{"b": 1}}, {{"b": 2}}]}}),
    "compiled": jmespath.compile("a.b").search({{"a": {{"b": 1}}}}),
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
    "what",
    [
        *("urls", "endpoints", "addresses", "hosts", "times", "zones"),
        *("searched", "compiled", "accepting handlers", "contexts"),
    ],
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


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Something like installed wheels: what ships, and before it is left out what stubs stand in for."""
    folder = tmp_path / "site-packages"
    for name in ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "urllib3"):
        package = Path(str(files(name)))
        shutil.copytree(package, folder / name, ignore=shutil.ignore_patterns("__pycache__", "data"))
    return folder


def build(folder: Path) -> None:
    before = patches.modules(folder)
    patches.apply(folder)
    staging.drop(folder)
    patches.check_imports(folder, before)


def test_the_stubs_fit_what_is_locked(wheels: Path) -> None:
    build(wheels)


@pytest.mark.parametrize("name", [name for name, stub in patches.STUBS.items() if stub.original])
def test_a_module_that_is_not_what_it_was_ends_the_build(wheels: Path, name: str) -> None:
    with (wheels / name).open("a") as file:
        file.write("\n# changed\n")
    with pytest.raises(BuildError, match=f"^{re.escape(name)} has changed: see whether its stub still fits"):
        build(wheels)


@pytest.mark.parametrize("name", patches.IPV6_PATTERNS)
@pytest.mark.parametrize("change", [("re.compile", "compiled"), ("ADDRZ_RE.match(", "ADDRZ_RE.search("), ("_RE", "_R")])
def test_a_pattern_that_is_defined_or_used_otherwise_ends_the_build(
    wheels: Path, name: str, change: tuple[str, str]
) -> None:
    text = (wheels / name).read_text()
    (wheels / name).write_text(text.replace(*change) + ("\nIPV6_ADDRZ_RE.search('x')\n" if "botocore" in name else ""))
    with pytest.raises(BuildError, match=f"^{re.escape(name)} defines or uses .* in another way than it did: mend"):
        build(wheels)


@pytest.mark.parametrize("name", patches.LINES)
def test_a_line_that_is_written_otherwise_ends_the_build(wheels: Path, name: str) -> None:
    line = next(iter(patches.LINES[name]))
    (wheels / name).write_text((wheels / name).read_text().replace(line, f"{line.strip()}  # changed\n"))
    with pytest.raises(BuildError, match=f"^{re.escape(name)} has no longer the line "):
        build(wheels)


def test_xml_and_proxies_work_when_they_are_wanted(wheels: Path) -> None:
    build(wheels)
    done = subprocess.run(
        [sys.executable, "-c", WANTED, str(wheels)],
        env={"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "example.com"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["{'https': 'http://proxy.example:3128', 'no': 'example.com'} {}", "ParserError"]


WANTED = """
import sys
sys.path.insert(0, sys.argv[1])
from botocore import parsers, utils
print(utils.get_environ_proxies("https://a.example"), utils.get_environ_proxies("https://example.com"))
try:
    parsers.QueryParser()._parse_xml_string_to_dom("<a><b>")
except parsers.ResponseParserError:
    print("ParserError")
assert parsers.QueryParser()._parse_xml_string_to_dom("<a><b/></a>")[0].tag == "b"
"""


def test_certificates_are_read_once_and_others_in_their_turn(wheels: Path) -> None:
    build(wheels)
    subprocess.run([sys.executable, "-c", TWO_CONNECTIONS, str(wheels)], env={}, check=True)


TWO_CONNECTIONS = """
import socket, ssl, sys
sys.path.insert(0, sys.argv[1])
from botocore.httpsession import DEFAULT_CA_BUNDLE
from urllib3.util import ssl_
read = []
class Context(ssl.SSLContext):
    def load_verify_locations(self, *paths):
        read.append(paths[0])
        super().load_verify_locations(*paths)
    def wrap_socket(self, sock, **_more):
        return sock
context = Context(ssl.PROTOCOL_TLS_CLIENT)
with socket.socket() as sock, open("/dev/null") as other:
    for _ in range(2):
        ssl_.ssl_wrap_socket(sock, ssl_context=context, ca_certs=DEFAULT_CA_BUNDLE)
    assert len(context.get_ca_certs()) > 100
    try:
        ssl_.ssl_wrap_socket(sock, ssl_context=context, ca_certs=other.name)
    except ssl_.SSLError:
        read.append("refused")
assert read == [DEFAULT_CA_BUNDLE, "/dev/null", "refused"], read
"""

MISSED = {
    "from botocore.docs.docstring import ResourceDocstring": "botocore.docs.docstring.ResourceDocstring",
    "def later():\n    from botocore.docs import docstring as d\n    return d.Other()": "botocore.docs.docstring.Other",
    "import botocore.docs.service": "botocore.docs.service",
    "from .docs.service import ServiceDocumenter": "botocore.docs.service.ServiceDocumenter",
    "from .docs import service": "botocore.docs.service",
    "from boto3.s3 import transfer": "boto3.s3.transfer",
    "from s3transfer.manager import TransferConfig as C\nX = C.DEFAULT": "s3transfer.manager.TransferConfig.DEFAULT",
    "from s3transfer.manager import TransferManager": "s3transfer.manager.TransferManager",
    "import jmespath\njmespath.Options()": "jmespath.Options",
    "import jmespath as j\nj.compile('a'); j.Options()": "jmespath.Options",
    "import dateutil.parser\ndateutil.parser.isoparse('x')": "dateutil.parser.isoparse",
    "from dateutil.parser import *": "dateutil.parser.*",
    "from urllib3.util.url import _IPV6_RE as r\nr.search('x')": "urllib3.util.url._IPV6_RE.search",
    "from urllib3.http2 import inject_into_urllib3": "urllib3.http2.inject_into_urllib3",
}


@pytest.mark.parametrize(("code", "name"), tables.first(4, MISSED.items()), ids=MISSED.values())
def test_whatever_uses_what_does_not_ship_ends_the_build(wheels: Path, code: str, name: str) -> None:
    with (wheels / "botocore" / "client.py").open("a") as file:
        file.write(f"\n{code}\n")
    with pytest.raises(BuildError, match=f"^botocore/client.py uses {re.escape(name)}, which does not ship: mend"):
        build(wheels)


def test_a_botocore_without_the_list_of_handlers_ends_the_build(wheels: Path) -> None:
    path = wheels / "botocore" / "handlers.py"
    path.write_text(path.read_text().replace("BUILTIN_HANDLERS = [", "HANDLERS = ["))
    with pytest.raises(BuildError, match=r"has no list BUILTIN_HANDLERS any more"):
        botocore_data.trim_handlers(path)
