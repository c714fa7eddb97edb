"""Which files of the host a call may name: ordinary ones below the working directory, links resolved."""

from __future__ import annotations

import os
import time

from skill_guard.file_names import is_hidden, is_instructions, is_key, is_pattern, is_private, parts
from skill_guard.refusal import Refusal

MOST_ENTRIES = 20_000  # of all folders that a call names
MOST_SECONDS = 20  # to look through them; hooks.json allows 60, and a hook that is too late counts as silent


class HostPaths:
    """The working directory, and what may be read and written below it.

    Args:
        folder: The working directory, absolute.
        protected: Folders of the plugin and of Claude Code, wherever they are.
    """

    def __init__(self, folder: str, protected: list[str]) -> None:
        self._seen = 0
        self._deadline = time.monotonic() + MOST_SECONDS
        self.root = os.path.realpath(folder)
        self.protected = [os.path.realpath(path) for path in protected]

    def check_readable(self, path: str) -> None:
        """Refuse a file or folder that must not get into the sandbox.

        Raises:
            Refusal: It lies outside, is hidden, looks like a key, or is a folder that holds such a thing.
        """
        if is_pattern(path):
            raise Refusal(f"name the file or the folder instead of the pattern {path!r}")
        resolved = self._resolve(path)
        if os.path.isdir(resolved):
            self._check_contents(resolved)
        elif os.path.exists(resolved) and not os.path.isfile(resolved):
            raise Refusal(f"{path!r} is neither a file nor a folder")

    def check_writable(self, path: str) -> None:
        """Refuse a place where a file from the sandbox could be taken for something else.

        Raises:
            Refusal: It lies outside, is hidden, looks like a key or like instructions, or is a folder that is there.
        """
        resolved = self._resolve(path)
        if is_instructions(os.path.basename(resolved)):
            raise Refusal(f"{path!r} would be read as instructions: choose another name")
        if os.path.isdir(resolved):
            raise Refusal(f"{path!r} is a folder that exists: choose a new name, so that nothing is mixed into it")

    def check_subfolder(self, path: str) -> None:
        """Refuse a folder for artifacts that is not one of its own.

        Raises:
            Refusal: It lies outside, is hidden, or is the working directory itself.
        """
        if self._resolve(path) == self.root:
            raise Refusal("artifacts go into a folder of their own, such as results")

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder of that name."""
        return os.path.isdir(os.path.join(self.root, path))

    def _resolve(self, path: str) -> str:
        if path.startswith("~"):
            raise Refusal(f"write the path {path!r} out, relative to the working directory")
        if is_private(self.root):
            raise Refusal("the working directory is a private folder: no files are copied from or to it")
        resolved = os.path.realpath(os.path.join(self.root, path))
        if resolved != self.root and not resolved.startswith(os.path.join(self.root, "")):
            raise Refusal(f"{path!r} is not below the working directory; only files below it are copied")
        self._check_names(path, [*parts(path), *parts(resolved[len(self.root) :])])
        self._check_protected(path, resolved)
        return resolved

    def _check_names(self, path: str, names: list[str]) -> None:
        for name in names:
            if is_hidden(name):
                raise Refusal(f"{path!r} is hidden; hidden files and folders are not copied")
            if not name.isprintable():
                raise Refusal(f"{path!a} holds characters that nobody sees: use plain names")
            if is_key(name):
                raise Refusal(f"{path!r} looks like a key or a credential, which is not copied")

    def _check_protected(self, path: str, resolved: str) -> None:
        for folder in self.protected:
            if os.path.commonpath([folder, resolved]) in (folder, resolved):
                raise Refusal(f"{path!r} belongs to Claude Code or holds what does")

    def _check_contents(self, folder: str) -> None:
        for parent, folders, files in os.walk(folder):
            self._seen += len(folders) + len(files)
            if self._seen > MOST_ENTRIES or time.monotonic() > self._deadline:
                raise Refusal("the folder is too large to look through: name the files that are needed")
            for name in (*folders, *files):
                self._check_entry(os.path.join(parent, name))

    def _check_entry(self, path: str) -> None:
        shown = os.path.relpath(path, self.root)
        self._check_names(shown, [os.path.basename(path)])
        if os.path.islink(path):
            self._resolve(shown)
