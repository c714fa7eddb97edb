"""boto3 sessions: where credentials come from and where temporary ones are kept.

Temporary credentials (assumed roles, web identities, IAM Identity Center) are kept where the AWS CLI keeps them, in
botocore's own format, so that either program reuses the other's. botocore checks when they expire.
"""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore import session as core
from botocore.credentials import create_credential_resolver
from botocore.utils import JSONFileCache, parse_timestamp

if TYPE_CHECKING:
    from botocore.credentials import CredentialResolver

    from agentcore_sandbox.settings import Settings

CACHE = "~/.aws/cli/cache"  # as in the AWS CLI's customizations/assumerole.py


def session(settings: Settings) -> boto3.Session:
    """A session with the credentials of the chosen profile, or of the AWS variables.

    Raises:
        BotoCoreError: The profile or the configuration cannot be used.
    """
    botocore_session = _session(profile=settings.profile)
    made = boto3.Session(botocore_session=botocore_session, region_name=settings.region)

    def resolver() -> CredentialResolver:
        cache: Any = _Cache(os.path.expanduser(CACHE))  # noqa: PTH111 - pathlib raises without a home
        region = botocore_session.get_config_variable("region")
        return create_credential_resolver(botocore_session, cache=cache, region_name=region)

    botocore_session.lazy_register_component("credential_provider", resolver)
    return made


def fixed_session(access_key: str, secret_key: str, region: str | None) -> boto3.Session:
    """A session with these keys that reads no profile and no configuration file, whatever is wrong with them."""
    no_file = (None, None, os.devnull, None)
    variables = {"profile": (None, None, None, None), "config_file": no_file, "credentials_file": no_file}
    return boto3.Session(
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        botocore_session=_session(session_vars=variables),
    )


def _session(**options: Any) -> core.Session:
    made = core.Session(**options)
    made.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    return made


def _timestamp(value: Any) -> datetime:
    """Parse AgentCore's format without dateutil, whose import takes as long as two requests; any other with it."""
    if isinstance(value, str) and value[4:5] == "-":
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return parse_timestamp(value)


class _Cache(JSONFileCache):
    """A cache that may fail: where it cannot be written, credentials are requested again."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self._folder = folder

    def __setitem__(self, cache_key: str, value: Any) -> None:
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, 0o700, exist_ok=True)  # noqa: PTH103 - see above
            super().__setitem__(cache_key, value)
