"""What names tell, against the same rules written as regular expressions, which the guard cannot afford to import."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from skill_guard import file_names

KEYS = re.compile(
    r".*\.(pem|key|ppk|p12|pfx|jks|keystore|kdbx|gpg|tfstate)(\..*)?|id_(rsa|dsa|ecdsa|ed25519)([._-].*)?"
    r"|.*credentials?(\..*)?|.*_?accesskeys\.csv|.*secrets?(\..*)?|.*service[-_]account.*\.json",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)
PRIVATE = re.compile(
    r"/\.(git|ssh|aws|gnupg|docker|kube|config|claude(?!/worktrees/[^/]))(/|$)", re.IGNORECASE | re.ASCII
)
KEY_PIECES = ("pem", "KEY", "id_rsa", "id_ed25519", "Credential", "s", "secret", "accessKeys", "csv", "json", "x")
SEPARATORS = ("service-account", "service_account", ".", "-", "_", "my_", "\n")
FOLDERS = (".git", ".claude", ".Claude", "worktrees", ".config", "project", ".other")


@given(st.lists(st.sampled_from((*KEY_PIECES, *SEPARATORS))).map("".join))
def test_keys(name: str) -> None:
    assert file_names.is_key(name) == bool(KEYS.fullmatch(name))


@given(st.lists(st.sampled_from(FOLDERS)).map("/".join))
def test_private_folders(path: str) -> None:
    assert file_names.is_private(f"/{path}") == bool(PRIVATE.search(f"/{path}"))
