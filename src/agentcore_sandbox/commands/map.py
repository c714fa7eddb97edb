"""Execute one program over many items, in many sessions at once. Prints one JSON line an item, in their order."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.activity.costs import Prices, add_prices
from agentcore_sandbox.cli import unread
from agentcore_sandbox.cli.output import Output, question_of_file
from agentcore_sandbox.cli.parser import add_connection, add_lifetime, byte_count, positive_number, positive_seconds
from agentcore_sandbox.cli.signals import Interrupted
from agentcore_sandbox.errors import AgentcoreSandboxError, NotAllowedError, UsageError
from agentcore_sandbox.execution import program as programs
from agentcore_sandbox.execution import request as requests
from agentcore_sandbox.map.options import (
    FORMATS,
    MOST_OUTPUT,
    MOST_PARALLEL,
    MOST_SESSIONS,
    RATE,
    Halt,
    Options,
)
from agentcore_sandbox.near import near
from agentcore_sandbox.packages import requirements
from agentcore_sandbox.policy import lock
from agentcore_sandbox.policy.lock import allow

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentcore_sandbox.execution.program import Program
    from agentcore_sandbox.map.request import MapRequest
    from agentcore_sandbox.policy.lock import Lock

EXAMPLES = (
    "agentcore-sandbox map --items names.txt 'import os; print(os.environ[\"ITEM\"])'",
    "agentcore-sandbox map --items a.csv --file report.py --out results.jsonl",
    "agentcore-sandbox map --items a.csv --file r.py --exec-timeout 60 --dry-run",
    "agentcore-sandbox map --items '*.md' --cmd 'wc \"$ITEM\" > n' --download n:sizes",
)
FAILED = 1
_GIVE_ITEMS = "name them: --items FILE, --items 'GLOB', or --items - for standard input"
_DEFAULTS = Options()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `map`."""
    programs.add_arguments(parser)
    about = "the items; '-' reads standard input"
    allow(parser.add_argument("--items", metavar="FILE|-|GLOB", help=about), lock.input_file)
    about = "how they are separated (default by suffix, else lines); files: each is uploaded"
    allow(parser.add_argument("--items-format", choices=FORMATS, help=about))
    _add_how(parser.add_argument_group("how items run"))
    _add_ends(parser.add_argument_group("when to end"))
    _add_results(parser.add_argument_group("results"))
    _add_journal(parser.add_argument_group("journal"))
    requests.add_transfers(parser, lock.item_downloads)
    add_lifetime(parser, default=_DEFAULTS.lifetime)
    add_connection(parser)


def _add_how(group: argparse._ArgumentGroup) -> None:
    whole = partial(group.add_argument, metavar="N")
    about = "the most sessions at a time (20)"
    allow(whole("--sessions", type=_count(MOST_SESSIONS), default=_DEFAULTS.sessions, help=about))
    about = "items at a time in one (2, as many as it has processors)"
    parallel = whole(
        "--per-session", type=_count(MOST_PARALLEL), default=_DEFAULTS.parallel, dest="parallel", help=about
    )
    allow(parallel)
    allow(group.add_argument("--fresh", action="store_true", help="a session of its own for each item"))
    about = "limit on each item, exit status 124"
    allow(group.add_argument("--exec-timeout", metavar="SECONDS", type=positive_seconds, help=about))
    allow(whole("--retries", type=_count(100, least=0), default=0, help="try an item that failed again (0)"))
    about = "try an item again that may have run in a session that was lost"
    allow(group.add_argument("--retry-unknown", action="store_true", help=about))
    allow(whole("--rate", type=positive_number, default=RATE, help="requests a second of each operation (30, AWS's)"))


def _add_ends(group: argparse._ArgumentGroup) -> None:
    about = "end when so many have failed or are unknown; now stops what runs"
    allow(group.add_argument("--halt", metavar="soon|now,fail=N|N%", help=about))
    about = "say what it would take and cost, and start nothing"
    allow(group.add_argument("--dry-run", action="store_true", help=about))
    dollars = partial(group.add_argument, metavar="DOLLARS", type=positive_number)
    allow(dollars("--max-cost", help="end before sessions may cost more"))
    add_prices(group)


def _add_results(group: argparse._ArgumentGroup) -> None:
    allow(group.add_argument("--out", metavar="FILE", type=Path, help="write the records there"), lock.new_output)
    about = "on standard output (jsonl)"
    allow(group.add_argument("--format", choices=("jsonl", "text"), dest="style", help=about))
    allow(group.add_argument("--as-completed", action="store_true", help="in the order in which items end"))
    about = f"keep head and tail of each output stream of an item, this many bytes together ({MOST_OUTPUT})"
    allow(group.add_argument("--max-output", metavar="BYTES", type=byte_count, default=MOST_OUTPUT, help=about))


def _add_journal(group: argparse._ArgumentGroup) -> None:
    about = "where it is kept (in the state folder)"
    allow(group.add_argument("--journal", metavar="DIR", type=Path, help=about), lock.new_output)
    about = "do what that map, an id or a journal's folder, has not done; code may be left out"
    allow(group.add_argument("--resume", metavar="MAP", help=about), _check_resumable)
    allow(group.add_argument("--detach", action="store_true", help="run it in the background; see: maps"))
    about = "with --resume: also what has failed"
    allow(group.add_argument("--retry-failed", action="store_true", help=about))


def _check_resumable(lock: Lock, word: str | None) -> str | None:
    """Refuse a journal that a locked call may not reach, and items that are files: it could name any."""
    if word is not None:
        from agentcore_sandbox.map import detached

        if detached.reached(word, lock).files:
            raise NotAllowedError("the items of that map are files, which its journal names", "start a new map")
    return word


def _count(most: int, least: int = 1) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def run(*, resume: str | None, dry_run: bool, as_json: bool, **given: Any) -> int:
    """Run a map, or go on with one; `given` goes to `_new` or to `_resumed`."""
    output = Output(as_json=as_json)
    if dry_run:
        return _estimate(given, output)
    style, detach, as_completed = (given.pop(name) for name in ("style", "detach", "as_completed"))
    out, replaces = given.pop("out"), resume is not None or given["force"]
    if out and out.exists() and not replaces:
        raise UsageError(f"{out} exists", "add --force to replace it")
    if detach and style:
        raise UsageError("--detach prints no records", "leave --format out; see: agentcore-sandbox maps results")
    request = replace(
        _new(given) if resume is None else _resumed(resume, given),
        out=out and out.absolute(),
        replaces=replaces,
        as_completed=as_completed,
    )
    if detach:
        return _detach(request, output)
    output.say(f"agentcore-sandbox: journal: {request.folder}")
    return _perform(request, output, style)


def _estimate(given: dict[str, Any], output: Output) -> int:
    """Print what the map would take, and start nothing."""
    if given["items"] is None:
        raise _no_items(given)
    from agentcore_sandbox.map import estimate
    from agentcore_sandbox.map.items import Source

    count = sum(1 for _ in Source.of(given["items"], given["items_format"]).read())
    copied = {name: len(given[name]) for name in ("uploads", "downloads")}
    estimated = estimate.estimate(count, _options(given), **copied)
    if output.as_json:
        output.data(estimated)
    else:
        for sentence in estimate.sentences(estimated):
            output.line(sentence)
    return 0


def _no_items(given: dict[str, Any]) -> UsageError:
    return UsageError("no items", f"{advise(given['code'] or '')}{_GIVE_ITEMS}")


def advise(word: str) -> str:
    """What a hint begins with where the code is the name of a file here, or of a command of `maps`."""
    if question := question_of_file(word):
        return f"{question} "
    from agentcore_sandbox.commands.maps import SUBCOMMANDS

    name = near(word, SUBCOMMANDS)
    return f"did you mean maps {name}? " if name else ""


def _new(given: dict[str, Any]) -> MapRequest:
    """Make the journal of a new map."""
    resolved = settings.resolve(given["flags"], os.environ)
    if given["retry_failed"]:
        raise UsageError("--retry-failed goes with --resume")
    if given["items"] is None:
        raise _no_items(given)
    options = _options(given)
    program = _program(given)
    uploads, downloads = _transfers(given, options)
    from agentcore_sandbox.map import request
    from agentcore_sandbox.map.items import Source

    source = Source.of(given["items"], given["items_format"])
    return request.begin(given["journal"], program, source, resolved, options, uploads=uploads, downloads=downloads)


def _resumed(word: str, given: dict[str, Any]) -> MapRequest:
    """Compare what is given with a journal, which stands for what is left out, but for what could be misused."""
    if given["journal"] is not None:
        raise UsageError("--journal and --resume do not go together", "a map stays in its journal")
    from agentcore_sandbox.map import detached, resuming
    from agentcore_sandbox.map import journal as journals
    from agentcore_sandbox.map.items import Source
    from agentcore_sandbox.map.records import FAILED as FAILED_RECORD
    from agentcore_sandbox.map.records import UNKNOWN
    from agentcore_sandbox.map.request import MapRequest

    folder = detached.folder_of(word, os.environ)
    header = journals.read_header(folder)
    options = _options(given)
    has_code = given["code"] is not None or given["file"] is not None
    program = _program(given) if has_code else None
    environment = resuming.check_program(header, program, _environment(given))
    packages = resuming.check_packages(header, requirements.read(given["packages"], given["requirement_files"]))
    if given["items"] is not None:
        resuming.check_items(header, Source.of(given["items"], given["items_format"]))
    copied = resuming.check_transfers(header, *_transfers(given, options))
    again = [FAILED_RECORD] * given["retry_failed"] + [UNKNOWN] * options.retry_unknown
    where = resuming.where(header, given["flags"], os.environ)
    return MapRequest(folder, where, options, environment, packages, *copied, again)


def _options(given: dict[str, Any]) -> Options:
    halt = given["halt"]
    return Options(
        sessions=given["sessions"],
        parallel=given["parallel"],
        rate=given["rate"],
        lifetime=given["lifetime"],
        fresh=given["fresh"],
        time_limit=given["exec_timeout"],
        limit=given["max_output"],
        retries=given["retries"],
        retry_unknown=given["retry_unknown"],
        halt=Halt.read(halt) if halt else None,
        max_cost=given["max_cost"],
        prices=Prices(given["vcpu_hour_price"], given["gb_hour_price"]),
        force=given["force"],
        hidden=given["hidden"],
    )


def _program(given: dict[str, Any]) -> Program:
    if given["items"] == "-" and given["file"] is None and given["code"] in (None, "-"):
        raise UsageError("standard input cannot be both the code and the items", "give the code with --file PATH")
    if given["items"] != "-" and (given["file"] is not None or given["code"] not in (None, "-")):
        Output.afterwards["standard input"] = partial(unread.sentences, "--items -")
    names = ("code", "file", "language", "command", "runtime", "env", "packages", "requirement_files")
    return programs.read(**{name: given[name] for name in names})


def _environment(given: dict[str, Any]) -> dict[str, str]:
    return dict(programs.read_assignment(assignment, os.environ) for assignment in given["env"])


def _transfers(given: dict[str, Any], options: Options) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Absolute, so that another process in another folder means the same."""
    read = requests.read_transfers(
        given["uploads"], given["downloads"], force=options.force, hidden=options.hidden, quiet=True
    )
    sent = [(str(Path(source).absolute()), target) for source, target in read.uploads]
    return sent, [(source, str(Path(target).absolute())) for source, target in read.downloads]


def _perform(request: MapRequest, output: Output, style: str | None) -> int:
    """Run it, and tell how it went."""
    from agentcore_sandbox.map import running
    from agentcore_sandbox.map.progress import sentence
    from agentcore_sandbox.map.results import print_text

    summary: dict[str, Any] = {}
    texts, lines = partial(print_text, output), output.json_lines if request.out is None else None
    try:
        running.run(request, output, texts if style == "text" else lines, summary)
    except Interrupted as interrupted:
        hint = f"go on with: agentcore-sandbox map --resume {request.folder}"
        output.say(f"agentcore-sandbox: {sentence(summary)}; {hint}" if summary else f"agentcore-sandbox: {hint}")
        raise Interrupted(interrupted.signum, summary, hint) from None
    except AgentcoreSandboxError as error:
        if not output.as_json:
            raise
        output.failure(error, **summary)
        return error.status
    if output.as_json:
        output.data(summary)
    output.say(f"agentcore-sandbox: {sentence(summary)}")
    return 0 if summary["done"] == summary["items"] else FAILED


def _detach(request: MapRequest, output: Output) -> int:
    """Let a process of its own run it, and print its id, or its journal's folder where that is no folder of ours."""
    from agentcore_sandbox.map import detached

    detached.start(request)
    map_id = request.folder.name
    if output.as_json:
        output.data({"mapId": map_id, "journal": str(request.folder)})
        return 0
    word = map_id if request.folder in detached.all_folders(os.environ) else str(request.folder)
    output.say(f"agentcore-sandbox: running; see: agentcore-sandbox maps status {word}")
    output.line(word)
    return 0
