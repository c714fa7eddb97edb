"""Recordings of what a code interpreter API answered, without anything that belongs to an account or to one run."""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

REDACTIONS = (  # pattern -> what stands for it
    (r"(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}", "ACCESS-KEY"),
    (r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "SESSION"),
    (r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", "UUID"),
    (r"\b\d{12}\b", "ACCOUNT"),
    (r"\b(?:\d{1,3}\.){3}\d{1,3}\b", "ADDRESS"),
    (r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])", "SECRET-KEY"),
)


@dataclass
class Recorder:
    """Writes a file for each invoke of a test; without a folder nothing.

    Attributes:
        folder: Where to, or None.
        secrets: Texts that must not be in any file: the keys in use.
    """

    folder: Path | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def write(self, tool: str, arguments: dict[str, Any], payload: dict[str, Any]) -> None:
        """Record one invoke of the running test."""
        if self.folder is None:
            return
        test = re.sub(r"[^\w]+", "_", os.environ["PYTEST_CURRENT_TEST"].partition("::")[2].rpartition(" (")[0])
        self.folder.mkdir(parents=True, exist_ok=True)
        number = len(list(self.folder.glob(f"{test}-*.json"))) + 1
        text = json.dumps({"tool": tool, "arguments": arguments, "payload": payload}, default=_base64, indent=1)
        path = self.folder / f"{test}-{number:02}.json"
        path.write_text(redacted(text, self.secrets) + "\n", encoding="utf-8")


def redacted(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Take out keys, accounts, addresses, ids and times."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "SECRET")
    for pattern, name in REDACTIONS:
        text = re.sub(pattern, name, text)
    text = re.sub(r'("taskId": ")[^"]+', r"\g<1>TASK", text)
    return re.sub(r'("executionTime": )[-+.0-9e]+', r"\g<1>0.0", text)


def _base64(value: Any) -> str:
    return base64.b64encode(value).decode()
