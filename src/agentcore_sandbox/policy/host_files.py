"""Which files of the host a call may name: ordinary ones of the project go in, and what comes out has a folder.

No list of names can be complete. So what is written is bound to one folder, `sandbox-output`, and what is read needs
the user's consent unless its kind is plainly data or code; the lists of names below only refuse the obvious at once.
"""

from __future__ import annotations

import os

from agentcore_sandbox.cli.argv import is_obeyed
from agentcore_sandbox.errors import NotAllowedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OUTPUT = "sandbox-output"
"""The folder of the working directory below which files of the sandbox arrive."""
MOST_ENTRIES = 20_000  # of all folders that a call names
MOST_LEVELS = 40
MOST_PATHS = 1000  # that a call names
LONGEST_PATH = 1024

NO_PROJECT = ("proc", "sys", "dev", "etc", "boot", "run")  # folders of the system, right below the root
PRIVATE_FOLDERS = frozenset((".git", ".ssh", ".aws", ".gnupg", ".docker", ".kube", ".config", ".claude"))
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


def is_within(path: str, folder: str) -> bool:
    """Whether an absolute path is a folder or lies below it."""
    return path == folder or path.startswith(os.path.join(folder, ""))


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


class HostFiles:
    """The working directory, and what may be read and written below it.

    Args:
        folder: The working directory, absolute.
        environment: The variables of the call.

    Attributes:
        unusual: What goes in and is of no plain kind, so that the user has to be asked.

    Raises:
        NotAllowedError: The folder is no project.
    """

    def __init__(self, folder: str, environment: Mapping[str, str]) -> None:
        self.unusual: list[str] = []
        self.root = os.path.realpath(folder)
        self._environment = environment
        self._entries = 0
        self._paths = 0
        if not is_project(self.root, environment.get("HOME") or "/"):
            raise NotAllowedError("the working directory is no project folder: no files are copied from or to it")

    def check_readable(self, path: str) -> None:
        """Refuse a file or folder that must not get into the sandbox.

        Raises:
            NotAllowedError: It lies outside, is hidden, looks like a key, or is a folder that holds such a thing.
        """
        if any(character in path for character in "*?["):
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
        resolved = self._resolve_output(path)
        if os.path.isdir(resolved):
            raise NotAllowedError(
                f"{path!r} is a folder that exists: choose a new name, so that nothing is mixed into it"
            )

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
        is_pattern = not set("*?[").isdisjoint(source)  # then the sandbox chooses the names: they need a new folder
        if not is_pattern and (target.endswith("/") or os.path.isdir(os.path.join(self.root, target))):
            target = os.path.join(target, os.path.basename(source.rstrip("/")))
        self.check_writable(target)

    def _resolve_output(self, path: str) -> str:
        resolved = self._resolve(path)
        output = os.path.join(self.root, OUTPUT)
        if resolved == output or not is_within(resolved, output):
            raise NotAllowedError(
                f"{path!r}: what comes out of the sandbox goes below {OUTPUT}/, such as {OUTPUT}/report.txt"
            )
        if any(map(is_obeyed, parts(resolved[len(self.root) :]))):
            raise NotAllowedError(f"{path!r} has a name that other programs act upon: choose another name")
        for folder in self._program_folders():
            if is_within(folder, resolved) or is_within(resolved, folder):
                raise NotAllowedError(f"{path!r} is where programs are looked for (PATH): choose another place")
        return resolved

    def _program_folders(self) -> Iterable[str]:
        folders = self._environment.get("PATH", "").split(os.pathsep)
        return (os.path.realpath(os.path.join(self.root, folder)) for folder in folders if folder not in ("", "."))

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
        self._check_protected(path, resolved)
        return resolved

    def _check_names(self, path: str, names: list[str]) -> None:
        for name in names:
            if is_hidden(name):
                raise NotAllowedError(f"{path!r} is hidden; hidden files and folders are not copied")
            if not name.isprintable():
                raise NotAllowedError(f"{path!a} holds characters that nobody sees: use plain names")
            if is_key(name):
                raise NotAllowedError(f"{path!r} looks like a key or a credential, which is not copied")

    def _check_protected(self, path: str, resolved: str) -> None:
        for name in ("CLAUDE_PLUGIN_ROOT", "CLAUDE_PLUGIN_DATA", "CLAUDE_CONFIG_DIR"):
            folder = os.path.realpath(self._environment.get(name) or os.devnull)
            if is_within(folder, resolved) or is_within(resolved, folder):
                raise NotAllowedError(f"{path!r} belongs to Claude Code or holds what does")

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
            self.unusual.append(path)
