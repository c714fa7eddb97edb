"""Jobs over many items: each is a map in a process of its own, which outlives the connection."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.cli.terminal_text import keep_head_and_tail, plain
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.mcp import results
from agentcore_sandbox.threads import POLL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from agentcore_sandbox.execution.program import Program
    from agentcore_sandbox.map.items import Source
    from agentcore_sandbox.mcp.operations import Context
    from agentcore_sandbox.mcp.session import OwnSession

MOST_RECORDS = 30_000
"""Characters of the records of one answer; one record alone may have more."""
_LONGEST_ITEM = 200
_SUMMARY = ("items", "done", "failed", "unknown", "skipped", "left", "error")


def start(program: Program, source: Source, given: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Start one; it is ended again if nobody waits for its id any more."""
    from agentcore_sandbox.map import detached
    from agentcore_sandbox.map.options import NOW, Options
    from agentcore_sandbox.map.request import begin

    options = Options(
        sessions=given.get("sessions", Options.sessions),
        time_limit=given.get("timeout"),
        limit=results.MOST_OUTPUT,
        hidden=False,
    )
    request = begin(None, program, source, context.own.settings, options)
    detached.start(request)
    if context.call.cancelled.is_set():
        detached.stop(request.folder, NOW)
        context.call.check()
    context.own.maps.append(request.folder)
    map_id = request.folder.name
    note = f"it goes on when this connection ends, until `stop` or `agentcore-sandbox maps stop {map_id}` ends it"
    return results.success({"job": map_id}, [*context.output.notes, note])


def find(job_id: str, own: OwnSession) -> Path | None:
    """The journal of a map in the state folder; None where the id is none of a map in the connection's interpreter."""
    from agentcore_sandbox.map import detached

    found = (folder for folder in detached.all_folders(os.environ) if folder.name == job_id)
    return next((folder for folder in found if _is_here(folder, own)), None)


def _is_here(folder: Path, own: OwnSession) -> bool:
    """Whether a map's sessions are of the connection's interpreter."""
    from agentcore_sandbox.map import journal

    with suppress(AgentcoreSandboxError):
        header, place = journal.read_header(folder), own.settings
        here = (place.interpreter_id, place.region, place.profile)
        return (header.interpreter_id, header.region, header.profile) == here
    return False


def listed(own: OwnSession, most: int) -> list[dict[str, Any]]:
    """The newest maps of the connection's interpreter, as jobs are listed."""
    from agentcore_sandbox.map import detached

    found = [folder for folder in detached.all_folders(os.environ) if _is_here(folder, own)][-most:]
    return [{"jobId": folder.name, **_summary(detached.status(folder))} for folder in found]


def _summary(status: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: status[name] for name in _SUMMARY if status.get(name) is not None}
    return {"state": status["state"], **found}


def read(folder: Path, given: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """How far a map is, when it has ended or after some seconds, and records of items from a number on."""
    from agentcore_sandbox.map import detached

    _wait(folder, time.monotonic() + given.get("wait", 0), context)
    status = detached.status(folder)
    lines, following = detached.results(folder, given.get("from", 0), given.get("count"))
    records, cut_at = _bounded(lines)
    if cut_at is not None:
        context.output.say(f"more results are there: go on with from {cut_at}")
    if status["state"] == detached.KILLED:
        context.output.say("its process was killed; what its sessions do ends with their lifetimes at the latest")
        context.output.say(f"what is left is done by: agentcore-sandbox map --resume {folder.name}")
    more = following if cut_at is None else cut_at
    value = {**_summary(status), "results": records, **({} if more is None else {"next": more})}
    return results.success(value, context.output.notes)


def _wait(folder: Path, deadline: float, context: Context) -> None:
    from agentcore_sandbox.map import journal

    while journal.is_busy(folder) and time.monotonic() < deadline:
        progress = journal.read_progress(folder)
        if progress:
            context.call.doing = f"{progress['left']} of {progress['items']} items left"
        context.call.check()
        time.sleep(POLL_SECONDS)


def _bounded(lines: Sequence[bytes]) -> tuple[list[dict[str, Any]], int | None]:
    """Records that fit into one answer, and the number of the first that does not."""
    records: list[dict[str, Any]] = []
    size = 0
    for line in lines:
        record = _record(json.loads(line))
        size += len(json.dumps(record))
        if records and size > MOST_RECORDS:
            return records, record["index"]
        records.append(record)
    return records, None


def _record(record: dict[str, Any]) -> dict[str, Any]:
    """What there is to say of an item."""
    item, error = record["item"], record["error"]
    text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
    streams = {name: _cut(record[name]) for name in ("stdout", "stderr")}
    said = error and f"error[{plain(error['code'])}]: {results.shown(error['message'])}"
    value = {"exitCode": record["exitCode"], **streams, "error": said}
    head = {"index": record["index"], "item": plain(text[:_LONGEST_ITEM]), "status": record["status"]}
    return head | {name: found for name, found in value.items() if found not in (None, "")}


def _cut(text: str) -> str:
    return keep_head_and_tail(results.shown(text), results.MOST_OUTPUT)[0]


def end(folder: Path, context: Context) -> None:
    """End a map with all of its sessions, and what runs in them."""
    from agentcore_sandbox.map import detached, journal
    from agentcore_sandbox.map.options import NOW

    if journal.is_busy(folder):
        detached.stop(folder, NOW)
        _wait(folder, float("inf"), context)


def going_on(folders: Sequence[Path]) -> list[str]:
    """Of maps that this connection has started, a line for each that still runs."""
    from agentcore_sandbox.map import journal

    busy = [folder.name for folder in folders if journal.is_busy(folder)]
    return [f"map {name} goes on; agentcore-sandbox maps stop {name} ends it" for name in busy]
