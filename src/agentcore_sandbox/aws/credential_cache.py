"""Temporary credentials on disk, where the AWS CLI keeps them: the next call of either of the two needs no new ones.

Those of assumed roles, of web identities and of IAM Identity Center. Files and keys are botocore's own, as in the AWS
CLI (its `customizations/assumerole.py` names the folder); botocore looks at their expiry.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from botocore.credentials import create_credential_resolver
from botocore.utils import JSONFileCache

if TYPE_CHECKING:
    from botocore.credentials import CredentialResolver
    from botocore.session import Session

FOLDER = "~/.aws/cli/cache"


def use(session: Session) -> None:
    """Let a session find temporary credentials in the cache, and put new ones there."""

    def resolver() -> CredentialResolver:
        cache: Any = _Cache(os.path.expanduser(FOLDER))  # noqa: PTH111 - pathlib raises without a home
        return create_credential_resolver(session, cache=cache, region_name=session.get_config_variable("region"))

    session.lazy_register_component("credential_provider", resolver)


class _Cache(JSONFileCache):
    """A cache that nothing depends on: where it cannot be written, credentials are asked for anew."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self._folder = folder

    def __setitem__(self, cache_key: str, value: Any) -> None:
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, 0o700, exist_ok=True)  # noqa: PTH103 - as above
            super().__setitem__(cache_key, value)
