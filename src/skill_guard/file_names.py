"""What a name of a file or a folder tells. Without `re`, whose import costs as much as the guard's own work."""

from __future__ import annotations

import os

KEY_SUFFIXES = frozenset(("pem", "key", "ppk", "p12", "pfx", "jks", "keystore", "kdbx", "gpg", "tfstate"))
SECRET_ENDINGS = ("credential", "credentials", "secret", "secrets")
SSH_KEYS = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
SERVICE_ACCOUNTS = ("service-account", "service_account")
INSTRUCTIONS = frozenset(("claude.md", "claude.local.md", "agents.md"))
PRIVATE_FOLDERS = frozenset((".git", ".ssh", ".aws", ".gnupg", ".docker", ".kube", ".config", ".claude"))


def parts(path: str) -> list[str]:
    """The names in a path."""
    return path.replace(os.sep, "/").split("/")


def is_hidden(name: str) -> bool:
    """Whether it begins with a dot."""
    return name.startswith(".") and name not in (".", "..")


def is_pattern(path: str) -> bool:
    """Whether the command line would look for files that match it."""
    return any(character in path for character in "*?[")


def is_key(name: str) -> bool:
    """Whether a file of this name holds secrets, though it may not begin with a dot."""
    folded = name.casefold()
    stem, *suffixes = folded.split(".")
    return (
        not KEY_SUFFIXES.isdisjoint(suffixes)
        or any(part.endswith(SECRET_ENDINGS) for part in (stem, *suffixes))
        or any(folded == key or folded.startswith((f"{key}.", f"{key}_", f"{key}-")) for key in SSH_KEYS)
        or folded.endswith("accesskeys.csv")
        or (folded.endswith(".json") and any(words in folded for words in SERVICE_ACCOUNTS))
    )


def is_instructions(name: str) -> bool:
    """Whether Claude would take a file of this name for its user's instructions."""
    return name.casefold() in INSTRUCTIONS


def is_private(folder: str) -> bool:
    """Whether a folder is inside one that is no project; `.claude/worktrees/` is where Claude Code puts projects."""
    names = [name.casefold() for name in parts(folder)]
    for place, name in enumerate(names):
        worktree = name == ".claude" and names[place + 1 : place + 2] == ["worktrees"] and any(names[place + 2 :])
        if name in PRIVATE_FOLDERS and not worktree:
            return True
    return False
