"""What is recorded of requests, and the log of them: never keys, headers or bodies."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from agentcore_emulator.errors import SettingError

if TYPE_CHECKING:
    from pathlib import Path

Record = Callable[[Mapping[str, Any]], None]
"""Is told of each request when it is performed and when it is answered."""


class RequestLog:
    """Appends to a file, mode 0600 if it creates it. SettingError: it cannot be opened."""

    def __init__(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise SettingError(f"cannot log to {path}: {error.strerror}", "choose another file with --log") from error
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, request: Mapping[str, Any]) -> None:
        """Append a line; once the log is closed, nothing."""
        line = json.dumps({"time": datetime.now(timezone.utc).isoformat(), **request})
        with self._lock:
            if not self._file.closed:
                self._file.write(f"{line}\n")
                self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
