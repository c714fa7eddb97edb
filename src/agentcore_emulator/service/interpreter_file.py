"""Created interpreters outlive the service, which ends when it is idle: they are kept in one small file."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from agentcore_emulator import private_files
from agentcore_emulator.service.interpreters import Interpreter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_log = logging.getLogger(__name__)


def load(path: Path) -> list[Interpreter]:
    """Read the interpreters; none where the file is missing or broken. What was under way has ended meanwhile."""
    try:
        found = [_interpreter(item) for item in json.loads(path.read_bytes())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        _log.warning("%s cannot be read and is begun anew: %s", path, error)
        return []
    return [item for item in found if item.status == "READY"]


def save(path: Path, interpreters: Sequence[Interpreter]) -> None:
    """Write them, mode 0600, all or nothing. A full disk is logged: the running service knows them all the same."""
    try:
        private_files.replace(path, json.dumps([_plain(item) for item in interpreters]))
    except OSError as error:
        _log.warning("the created interpreters are not kept: %s", error)


def _plain(item: Interpreter) -> dict[str, Any]:
    return {**asdict(item), "created": item.created.timestamp(), "updated": item.updated.timestamp()}


def _interpreter(plain: dict[str, Any]) -> Interpreter:
    times = {name: datetime.fromtimestamp(plain[name], timezone.utc) for name in ("created", "updated")}
    status = "READY" if plain["status"] == "CREATING" else plain["status"]
    return Interpreter(**{**plain, **times, "status": status})
