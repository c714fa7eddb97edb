"""What `local env` prints for callers with surroundings of their own."""

from __future__ import annotations

import pytest

from agentcore_emulator.endpoint import LocalEndpoint

SERVICE = LocalEndpoint("http://127.0.0.1:4000", "LOCALKEY", "dummy")
PROXY = {"https_proxy": "http://proxy:1", "HTTP_PROXY": "http://proxy:1"}


@pytest.mark.parametrize(
    ("environ", "value"),
    [
        ({}, None),
        ({"HTTP_PROXY": "", "no_proxy": "a"}, None),
        (PROXY, "127.0.0.1"),
        ({**PROXY, "NO_PROXY": "a.example"}, "a.example,127.0.0.1"),
        ({"all_proxy": "socks5://proxy:1", "NO_PROXY": "b", "no_proxy": "a,c"}, "a,c,127.0.0.1"),
    ],
)
def test_a_proxy_is_not_asked_for_this_machine(environ: dict[str, str], value: str | None) -> None:
    found = SERVICE.client_variables(environ)
    assert (found.get("no_proxy"), found.get("NO_PROXY")) == (value, value)
