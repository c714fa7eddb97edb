"""How to reach a running emulator, and the variables that lead AWS's clients there unchanged."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_emulator.service.sigv4 import Keys

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = str(Path(__file__).resolve().parent)
"""The folder of the package that runs here."""
IDLE = "AGENTCORE_SANDBOX_LOCAL_IDLE"
"""The variable that says after how many idle seconds a background process ends."""
HOST = "127.0.0.1"
REGION = "us-east-1"
"""Where the caller names none: the emulator takes every region."""


@dataclass(frozen=True)
class LocalEndpoint:
    """A running emulator, as its state file describes it.

    Requests are signed with the two keys; `version` is that of the program which started it, with the
    AGENTCORE_SANDBOX_LOCAL_ variables in `settings`; `started` is in seconds since the epoch.
    """

    url: str
    access_key: str
    secret_key: str = field(repr=False)
    pid: int = field(default_factory=os.getpid)
    version: str = ""
    program: str = field(default_factory=lambda: PROGRAM)
    started: float = field(default_factory=time.time)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> Keys:
        """The pair of keys."""
        return Keys(self.access_key, self.secret_key)

    def client_variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that lead a client with the environment `environ` here."""
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or REGION
        return {
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": self.url,
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL": self.url,
            "BEDROCK_AGENTCORE_DP_ENDPOINT": self.url,
            "BEDROCK_AGENTCORE_CP_ENDPOINT": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": "",  # one that the caller has would belong to other keys
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,  # the one that boto3 and the AWS CLI read
            "CUSTOM_AGENTCORE_INTERPRETER_ID": "local",
            **_past_proxies(environ),
        }


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that shape the emulator's sandboxes."""
    named = {name: value for name, value in environ.items() if name.startswith("AGENTCORE_SANDBOX_LOCAL_")}
    named.pop(IDLE, None)
    return named


def _past_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """What keeps a caller's requests from a proxy, which has no way to this machine's loopback."""
    if not any(environ.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")):
        return {}
    known = environ.get("no_proxy") or environ.get("NO_PROXY")
    value = f"{known},{HOST}" if known else HOST
    return {"no_proxy": value, "NO_PROXY": value}
