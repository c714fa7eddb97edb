"""Maps that run in the background or have ended: what has become of them. `map` starts them."""

from __future__ import annotations

import argparse
import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import Command, add_json
from agentcore_sandbox.cli.signals import Interrupted
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.policy.lock import allow

if TYPE_CHECKING:
    from pathlib import Path

    from agentcore_sandbox.policy.lock import Lock

HEADER = ("MAP", "STATE", "ITEMS", "DONE", "FAILED", "UNKNOWN", "LEFT")
FAILED = 1


def _add_map(parser: argparse.ArgumentParser) -> None:
    allow(parser.add_argument("map", help="the map's id, or its journal's folder"), _check_reach)
    add_json(parser)


def _check_reach(lock: Lock, word: str) -> str:
    """Refuse a journal that a locked call may not reach."""
    from agentcore_sandbox.map import detached

    detached.reached(word, lock)
    return word


def _folder(word: str) -> Path:
    from agentcore_sandbox.map import detached

    return detached.folder_of(word, os.environ)


def _cells(status: dict[str, Any]) -> tuple[str, ...]:
    names = ("mapId", "state", "items", "done", "failed", "unknown", "left")
    return tuple(str(status.get(name, 0)) for name in names)


def _list(*, as_json: bool) -> int:
    """Print a table, or an object with the key `maps`."""
    from agentcore_sandbox.map import detached

    output, found = Output(as_json=as_json), []
    for folder in detached.all_folders(os.environ):
        try:
            found.append(detached.status(folder))
        except AgentcoreSandboxError as error:
            output.say(f"agentcore-sandbox: left out: {error.message}")
    if as_json:
        output.data({"maps": found})
    elif found:
        output.table(HEADER, [_cells(status) for status in found])
    else:
        output.say("no maps")
    return 0


def _status(*, map: str, as_json: bool) -> int:  # noqa: A002 - the operand's name
    """Print how it is."""
    from agentcore_sandbox.map import detached

    _tell(detached.status(_folder(map)), Output(as_json=as_json))
    return 0


def _tell(status: dict[str, Any], output: Output) -> None:
    if output.as_json:
        output.data(status)
        return
    output.table(HEADER, [_cells(status)])
    if error := status.get("error"):
        output.say_failure(AgentcoreSandboxError(error["code"], error["message"], error["hint"]))
    if status["state"] == "killed":
        output.say(f"agentcore-sandbox: go on with: agentcore-sandbox map --resume {status['journal']}")


def _add_results(parser: argparse.ArgumentParser) -> None:
    number = partial(parser.add_argument, metavar="N", type=_number)
    allow(number("--from", default=0, dest="begin", help="the first item (0)"))
    allow(number("--limit", help="the most records; in JSON, next is where to go on"))
    style = parser.add_argument("--format", choices=("jsonl", "text"), default="jsonl", dest="style", help="(jsonl)")
    allow(style)
    _add_map(parser)


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:  # noqa: PLR2004 - a number that cannot be one of an item
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _results(*, map: str, begin: int, limit: int | None, style: str, as_json: bool) -> int:  # noqa: A002 - as above
    """Print the records that are there; with `--json`, an object with the keys `records` and `next`."""
    from agentcore_sandbox.map import detached
    from agentcore_sandbox.map.results import print_text

    output = Output(as_json=as_json)
    lines, following = detached.results(_folder(map), begin, limit)
    if as_json:
        output.data({"records": [json.loads(line) for line in lines], "next": following})
        return 0
    for line in lines:
        print_text(output, line) if style == "text" else output.json_lines(line)
    return 0


def _wait(*, map: str, as_json: bool) -> int:  # noqa: A002 - as above
    """Wait for its end; the exit status is that of `map`."""
    from agentcore_sandbox.map import detached

    output, folder = Output(as_json=as_json), _folder(map)
    detached.status(folder)
    try:
        with output.waiting("the map runs"):
            status = detached.wait(folder)
    except Interrupted as interrupted:
        hint = f"the map continues; agentcore-sandbox maps stop {map} ends it"
        output.say(f"agentcore-sandbox: {hint}")
        raise Interrupted(interrupted.signum, detached.status(folder), hint) from None
    _tell(status, output)
    if status.get("error"):
        return AgentcoreSandboxError.status
    return 0 if status.get("done") == status["items"] else FAILED


def _add_stop(parser: argparse.ArgumentParser) -> None:
    about = "stop all sessions at once, and what runs in them"
    allow(parser.add_argument("--now", action="store_true", help=about))
    _add_map(parser)


def _stop(*, map: str, now: bool, as_json: bool) -> int:  # noqa: A002 - as above
    """End it, and wait for that."""
    from agentcore_sandbox.map import detached
    from agentcore_sandbox.map.options import NOW, SOON

    output, folder = Output(as_json=as_json), _folder(map)
    if detached.status(folder)["state"] == detached.RUNNING:
        detached.stop(folder, NOW if now else SOON)
    _tell(detached.wait(folder), output)
    return 0


def _rm(*, map: str, as_json: bool) -> int:  # noqa: A002 - as above
    """Forget it; with `--json`, print an object with the keys `removed` and `sessions`."""
    from agentcore_sandbox.map import detached

    output = Output(as_json=as_json)
    sessions = detached.remove(_folder(map))
    if as_json:
        output.data({"removed": [map], "sessions": sessions})
        return 0
    if sessions:
        output.say(f"agentcore-sandbox: it may have left sessions: agentcore-sandbox stop {' '.join(sessions)}")
    output.say(f"agentcore-sandbox: removed map {map}")
    return 0


SUBCOMMANDS = {
    "list": Command("List the maps of this user's state folder.", add_json, _list, ("agentcore-sandbox maps list",)),
    "status": Command("Print how a map is.", _add_map, _status, ("agentcore-sandbox maps status 0123456789ab",)),
    "results": Command(
        "Print the records of a map that are there, also while it runs.",
        _add_results,
        _results,
        (
            "agentcore-sandbox maps results 0123456789ab",
            "agentcore-sandbox maps results 0123456789ab --from 100 --limit 50 --json",
        ),
    ),
    "wait": Command(
        "Wait for the end of a map that runs in the background, and exit with its status.",
        _add_map,
        _wait,
        ("agentcore-sandbox maps wait 0123456789ab && echo done",),
    ),
    "stop": Command(
        "End a map that runs in the background: nothing new is started, and what runs ends.",
        _add_stop,
        _stop,
        ("agentcore-sandbox maps stop 0123456789ab", "agentcore-sandbox maps stop --now 0123456789ab"),
    ),
    "rm": Command(
        "Forget a map that has ended, with its journal and results.",
        _add_map,
        _rm,
        ("agentcore-sandbox maps rm 0123456789ab",),
    ),
}
