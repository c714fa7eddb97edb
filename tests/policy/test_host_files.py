"""What names tell, against the same rules written as regular expressions, which the guard cannot afford to import."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_sandbox.policy import host_files

KEYS = re.compile(
    r".*\.(pem|key|ppk|p12|pfx|jks|keystore|kdbx|gpg|tfstate)(\..*)?|id_(rsa|dsa|ecdsa|ed25519)([._-].*)?"
    r"|.*(credential|secret|password|passwd|passphrase|access_?key|rootkey|api_?key|private_key|service[-_]account"
    r"|kubeconfig|authinfo).*|[^.]*tokens?(\..*)?",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)
PRIVATE = re.compile(
    r"/\.(git|ssh|aws|gnupg|docker|kube|config|claude(?!/worktrees/[^/]))(/|$)", re.IGNORECASE | re.ASCII
)
KEY_PIECES = (
    "token",
    "kubeconfig",
    "password",
    "rootkey",
    "pem",
    "KEY",
    "id_rsa",
    "id_ed25519",
    "Credential",
    "s",
    "secret",
    "accessKeys",
    "csv",
    "json",
    "x",
)
SEPARATORS = ("service-account", "service_account", ".", "-", "_", "my_", "\n")
FOLDERS = (".git", ".claude", ".Claude", "worktrees", ".config", "project", ".other")


@given(st.lists(st.sampled_from((*KEY_PIECES, *SEPARATORS))).map("".join))
def test_keys(name: str) -> None:
    assert host_files.is_key(name) == bool(KEYS.fullmatch(name))


@given(st.lists(st.sampled_from(FOLDERS)).map("/".join))
def test_private_folders(path: str) -> None:
    assert host_files.is_private(f"/{path}") == bool(PRIVATE.search(f"/{path}"))


@pytest.mark.parametrize(
    "name",
    ["passwords.txt", "kubeconfig", "rootkey.csv", "client_secret_1.json", "api-token.txt", "Credentials", "x.pem.bak"],
)
def test_names_of_secrets(name: str) -> None:
    assert host_files.is_key(name)


@pytest.mark.parametrize("name", ["tokenizer.py", "keyboard.csv", "monkey.png", "report.txt", "id_rsa2.txt", "HEADER"])
def test_names_of_ordinary_files(name: str) -> None:
    assert not host_files.is_key(name)
    assert not host_files.is_obeyed(name)


@pytest.mark.parametrize(
    "name", ["HEAD", "GNUmakefile", "conftest.py", "a.pth", "GEMINI.md", "claude.md. .", "CLAUDE.md:"]
)
def test_names_that_programs_act_upon(name: str) -> None:
    assert host_files.is_obeyed(name)


@pytest.mark.parametrize(
    ("folder", "verdict"),
    [
        ("/", False),
        ("/home", False),
        ("/home/me", False),
        ("/home/me/project", True),
        ("/home/you/project", True),
        ("/proc/self", False),
        ("/sys", False),
        ("/dev/null", False),
        ("/etc", False),
        ("/home/me/.ssh", False),
        ("/home/me/.claude/worktrees/a", True),
        ("/srv/project", True),
    ],
)
def test_folders_that_are_no_project(folder: str, verdict: object) -> None:
    assert host_files.is_project(folder, "/home/me") is verdict
