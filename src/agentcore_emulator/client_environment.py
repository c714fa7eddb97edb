"""The variables that lead AWS's clients, unchanged, to the embedded service."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_emulator.runtime import LocalEndpoint

HOST = "127.0.0.1"
REGION = "us-east-1"
"""Where the caller names none: the embedded service takes every region."""


def variables(endpoint: LocalEndpoint, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a caller with this environment."""
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or REGION
    return {
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": endpoint.url,
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL": endpoint.url,
        "BEDROCK_AGENTCORE_DP_ENDPOINT": endpoint.url,
        "BEDROCK_AGENTCORE_CP_ENDPOINT": endpoint.url,
        "AWS_ACCESS_KEY_ID": endpoint.access_key,
        "AWS_SECRET_ACCESS_KEY": endpoint.secret_key,
        "AWS_SESSION_TOKEN": "",  # one that the caller has would belong to other keys
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,  # the one that boto3 and the AWS CLI read
        "CUSTOM_AGENTCORE_INTERPRETER_ID": "local",
        **_past_proxies(environ),
    }


def _past_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """What keeps a caller's requests from a proxy, which has no way to this machine's loopback."""
    if not any(environ.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")):
        return {}
    known = environ.get("no_proxy") or environ.get("NO_PROXY")
    value = f"{known},{HOST}" if known else HOST
    return {"no_proxy": value, "NO_PROXY": value}
