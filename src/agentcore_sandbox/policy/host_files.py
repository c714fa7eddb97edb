"""Which files of this machine a call may name: ordinary ones of the project go in, and what comes out has a folder.

No list of names can be complete. So what is written is bound to one folder, `sandbox-output`, and what is read needs
the user's consent unless its kind is plainly data or code; the lists of names below only refuse the obvious at once.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentcore_sandbox.errors import NotAllowedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OUTPUT = "sandbox-output"
"""The folder of the working directory below which files of the sandbox arrive."""
MOST_ENTRIES = 20_000  # of all folders that a call names
MOST_LEVELS = 40
MOST_PATHS = 1000  # that a call names
LONGEST_PATH = 1024

PATTERN = frozenset("*?[")
NO_PROJECT = ("proc", "sys", "dev", "etc", "boot", "run")  # folders of the system, right below the root
PRIVATE_FOLDERS = frozenset((".git", ".ssh", ".aws", ".gnupg", ".docker", ".kube", ".config", ".claude"))
OWN_PATHS = (
    *("CLAUDE_PLUGIN_ROOT", "CLAUDE_PLUGIN_DATA", "CLAUDE_CONFIG_DIR", "AWS_CONFIG_FILE", "AWS_DATA_PATH"),
    *("AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CA_BUNDLE"),
)
"""Variables with paths of Claude Code, and of AWS's configuration, which can name programs to start."""
KEY_SUFFIXES = frozenset(("pem", "key", "ppk", "p12", "pfx", "jks", "keystore", "kdbx", "gpg", "tfstate"))
SECRET_WORDS = (
    *("credential", "secret", "password", "passwd", "passphrase", "accesskey", "access_key", "rootkey", "apikey"),
    *("api_key", "private_key", "service-account", "service_account", "kubeconfig", "authinfo"),
)
SSH_KEYS = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
PLAIN_KINDS = frozenset(
    (
        *("csv", "tsv", "json", "jsonl", "ndjson", "txt", "md", "rst", "log", "xml", "html", "parquet", "avro", "xlsx"),
        *("py", "ipynb", "js", "mjs", "cjs", "ts", "mts", "cts", "sh", "sql", "r", "go", "rs", "java", "c", "h", "cpp"),
        *("png", "jpg", "jpeg", "gif", "svg", "webp", "pdf", "wav", "mp3", "mp4", "gz", "zip", "bz2", "xz", "zst"),
    )
)
OBEYED = frozenset(
    (
        *("claude.md", "claude.local.md", "agents.md", "gemini.md", "skill.md"),
        *("head", "makefile", "gnumakefile", "conftest.py", "sitecustomize.py", "usercustomize.py", "pyvenv.cfg"),
    )
)
"""Names that agents, git, make, pytest and Python act upon in any folder they look into, in lower case."""


def parts(path: str) -> list[str]:
    """The names in a path."""
    return path.replace(os.sep, "/").split("/")


def is_hidden(name: str) -> bool:
    """Whether it begins with a dot."""
    return name.startswith(".") and name not in (".", "..")


def is_key(name: str) -> bool:
    """Whether a file of this name holds secrets, though it may not begin with a dot."""
    folded = name.casefold()
    stem = folded.partition(".")[0]
    return (
        not KEY_SUFFIXES.isdisjoint(folded.split(".")[1:])
        or any(word in folded for word in SECRET_WORDS)
        or stem.endswith(("token", "tokens"))
        or any(folded == key or folded.startswith((f"{key}.", f"{key}_", f"{key}-")) for key in SSH_KEYS)
    )


def is_plain(name: str) -> bool:
    """Whether a file's suffix says that it is data, code or a document."""
    _, dot, suffix = name.casefold().rpartition(".")
    return bool(dot) and suffix in PLAIN_KINDS


def is_obeyed(name: str) -> bool:
    """Whether programs act upon a file of this name by themselves; Windows drops dots and blanks at a name's end."""
    folded = name.casefold().partition(":")[0].rstrip(". ")
    return folded in OBEYED or folded.endswith(".pth")


def is_within(path: str, folder: str) -> bool:
    """Whether an absolute path is a folder or lies below it."""
    return path == folder or path.startswith(os.path.join(folder, ""))


def meets(path: str, others: Iterable[str]) -> bool:
    """Whether an absolute path is one of others, or lies below or above one."""
    return any(is_within(other, path) or is_within(path, other) for other in others)


def is_private(folder: str) -> bool:
    """Whether a folder is inside one that is no project; `.claude/worktrees/` is where Claude Code puts projects."""
    names = [name.casefold() for name in parts(folder)]
    for place, name in enumerate(names):
        worktree = name == ".claude" and names[place + 1 : place + 2] == ["worktrees"] and any(names[place + 2 :])
        if name in PRIVATE_FOLDERS and not worktree:
            return True
    return False


def is_project(folder: str, home: str) -> bool:
    """Whether files of a folder may be copied at all: it is not the system's, and not the home folder or above it."""
    above = os.path.dirname(folder) == folder or is_within(os.path.realpath(home), folder)
    return not above and parts(folder)[1:2] not in [[name] for name in NO_PROJECT] and not is_private(folder)


def is_skill_script(path: str, plugin: str) -> bool:
    """Whether a file is one of `skills/NAME/scripts/` in a plugin's folder, links resolved."""
    folder, real = os.path.join(os.path.realpath(plugin), "skills", ""), os.path.realpath(path)
    names = parts(real[len(folder) :])
    is_script = len(names) == 3 and names[1] == "scripts"  # noqa: PLR2004 - NAME, scripts, FILE
    return os.path.isabs(path) and real.startswith(folder) and is_script and os.path.isfile(real)


class HostFiles:
    """The working directory, and what may be read and written below it.

    Args:
        folder: The working directory, absolute.
        environment: The variables of the call.
        plugin: The folder of the plugin that this program is a part of; empty for none.

    Attributes:
        unusual: What goes in and is of no plain kind, so that the user has to be asked.

    Raises:
        NotAllowedError: The folder is no project.
    """

    def __init__(self, folder: str, environment: Mapping[str, str], plugin: str = "") -> None:
        self.unusual: list[str] = []
        self.root = os.path.realpath(folder)
        self._programs = self._folders(environment.get("PATH", ""))
        self._own = self._folders(os.pathsep.join((plugin, *(environment.get(name, "") for name in OWN_PATHS))))
        self._entries = 0
        self._paths = 0
        if not is_project(self.root, environment.get("HOME") or "/"):
            raise NotAllowedError("the working directory is no project folder: no files are copied from or to it")

    def check_readable(self, path: str) -> None:
        """Refuse a file or folder that must not get into the sandbox.

        Raises:
            NotAllowedError: It lies outside, is hidden, looks like a key, or is a folder that holds such a thing.
        """
        if not PATTERN.isdisjoint(path):
            raise NotAllowedError(f"name the file or the folder instead of the pattern {path!r}")
        resolved = self._resolve(path)
        if os.path.isdir(resolved):
            self._check_contents(resolved)
        elif os.path.isfile(resolved):
            self._note_kind(path)
        elif os.path.exists(resolved):
            raise NotAllowedError(f"{path!r} is neither a file nor a folder")

    def check_writable(self, path: str) -> None:
        """Refuse a place where a file from the sandbox could be taken for something else.

        Raises:
            NotAllowedError: It is not a new name below the folder for output, or one that other programs act upon.
        """
        if os.path.isdir(self._resolve_output(path)):
            raise NotAllowedError(f"{path!r} is a folder that exists: choose a new name, to mix nothing into it")

    def check_output_folder(self, path: str) -> None:
        """Refuse a folder for artifacts that is not below the folder for output.

        Raises:
            NotAllowedError: It is not.
        """
        self._resolve_output(path)

    def check_arrival(self, source: str, target: str) -> None:
        """Refuse a place where a file or folder of a session would arrive.

        Args:
            source: Its path or pattern in the session, which names it where the target is a folder.
            target: Where it goes, as in `cp`.

        Raises:
            NotAllowedError: As by `check_writable`.
        """
        is_pattern = not PATTERN.isdisjoint(source)  # then the sandbox chooses the names: they need a new folder
        if not is_pattern and (target.endswith("/") or os.path.isdir(os.path.join(self.root, target))):
            target = os.path.join(target, os.path.basename(source.rstrip("/")))
        self.check_writable(target)

    def _resolve_output(self, path: str) -> str:
        resolved = self._resolve(path)
        output = os.path.join(self.root, OUTPUT)
        if resolved == output or not is_within(resolved, output):
            example = f"{OUTPUT}/report.txt"
            raise NotAllowedError(f"{path!r}: what comes out of the sandbox goes below {OUTPUT}/, such as {example}")
        if any(map(is_obeyed, parts(resolved[len(self.root) :]))):
            raise NotAllowedError(f"{path!r} has a name that other programs act upon: choose another name")
        if meets(resolved, self._programs):
            raise NotAllowedError(f"{path!r} is where programs are looked for (PATH): choose another place")
        return resolved

    def _folders(self, path: str) -> list[str]:
        """The folders and files of a list as PATH is one."""
        names = [name for name in path.split(os.pathsep) if name not in ("", ".")]
        return [os.path.realpath(os.path.join(self.root, name)) for name in names]

    def _resolve(self, path: str) -> str:
        if path.startswith("~"):
            raise NotAllowedError(f"write the path {path!r} out, relative to the working directory")
        self._paths += 1
        if len(path) > LONGEST_PATH or self._paths > MOST_PATHS:
            raise NotAllowedError("a path is too long, or too many are named: name the folder that holds them")
        resolved = os.path.realpath(os.path.join(self.root, path))
        if not is_within(resolved, self.root):
            raise NotAllowedError(f"{path!r} is not below the working directory; only files below it are copied")
        self._check_names(path, [*parts(path), *parts(resolved[len(self.root) :])])
        if meets(resolved, self._own):
            raise NotAllowedError(f"{path!r} belongs to Claude Code or to AWS's configuration, or holds what does")
        return resolved

    def _check_names(self, path: str, names: list[str]) -> None:
        for name in names:
            if is_hidden(name):
                raise NotAllowedError(f"{path!r} is hidden; hidden files and folders are not copied")
            if not name.isprintable():
                raise NotAllowedError(f"{path!a} holds characters that nobody sees: use plain names")
            if is_key(name):
                raise NotAllowedError(f"{path!r} looks like a key or a credential, which is not copied")

    def _check_contents(self, folder: str) -> None:
        for parent, folders, files in os.walk(folder):
            self._entries += len(folders) + len(files)
            levels = len(parts(parent)) - len(parts(folder))
            if self._entries > MOST_ENTRIES or levels > MOST_LEVELS or len(parent) > LONGEST_PATH:
                raise NotAllowedError("the folder is too large to look through: name the files that are needed")
            shown = os.path.relpath(parent, self.root)
            for name in (*folders, *files):
                self._check_entry(os.path.join(shown, name), name)
            for name in files:
                self._note_kind(os.path.join(shown, name))

    def _check_entry(self, shown: str, name: str) -> None:
        self._check_names(shown, [name])
        if os.path.islink(os.path.join(self.root, shown)):
            self._resolve(shown)

    def _note_kind(self, path: str) -> None:
        if not is_plain(os.path.basename(path)):
            self.unusual.append(os.path.normpath(path))
