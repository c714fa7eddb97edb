"""Runs a map in this process: journal, interpreter, loop, and what is told of it."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from agentcore_sandbox.activity import history
from agentcore_sandbox.aws.connect import Transport, connect
from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError
from agentcore_sandbox.map import journal as journals
from agentcore_sandbox.map.ledger import Ledger
from agentcore_sandbox.map.mapper import Mapper
from agentcore_sandbox.map.options import NOW, SOON
from agentcore_sandbox.map.pace import PacedInterpreter
from agentcore_sandbox.map.pool import INVOKES_AT_ONCE
from agentcore_sandbox.map.progress import Progress
from agentcore_sandbox.map.results import Results
from agentcore_sandbox.map.visits import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.execution.program import Program
    from agentcore_sandbox.map.journal import Journal
    from agentcore_sandbox.map.request import MapRequest
    from agentcore_sandbox.packages.installer import PackageInstaller

_LEFT = "sessions may run until their lifetimes end; the journal is whole"


def run(
    request: MapRequest,
    output: Output,
    write: Callable[[bytes], object] | None = None,
    summary: dict[str, Any] | None = None,
) -> None:
    """Run a map to its end, of which no session is left.

    Args:
        request: What runs.
        output: Is told of progress.
        write: Takes the records, as lines of JSON.
        summary: Is filled, however this ends, with what `Progress.summary` has.

    Raises:
        AgentcoreSandboxError: Nothing works any more; or the journal cannot be used.
        Interrupted: The user has ended it, and that is done.
    """
    with gate.closed(left=_LEFT), journals.opened(request.folder) as journal, _opened(request) as file:
        writes = [take for take in (file and file.write, write) if take]
        transport = Transport(connections=min(request.options.sessions, INVOKES_AT_ONCE) + 8, repeats=False)
        client = connect(request.settings, transport=transport)
        with gate.opened():
            installer = _installer(request.program(journal.header), client, output)
        interpreter = PacedInterpreter(client, request.options.rate)
        ledger = Ledger(journal, again=request.again)
        results = Results(ledger, len(journal.items), writes, as_completed=request.as_completed)
        progress = Progress(ledger, journal, interpreter, output)

        def advance() -> None:
            results.advance()
            progress.advance(mapper)

        mapper = Mapper(
            _recipe(request, journal, interpreter.region, installer),
            journal,
            ledger,
            interpreter,
            advance=advance,
            asked_to_stop=lambda: _asked_to_stop(journal),
            say=lambda message: output.say(f"agentcore-sandbox: {message}"),
        )
        failure: AgentcoreSandboxError | None = None
        header = journal.header
        execution = history.execution(header.text, header.language, interpreter.place(), "")
        measured = history.Measured()
        try:
            with measured:
                mapper.run()
                measured.status = 1 if ledger.failures else 0
        except AgentcoreSandboxError as error:
            failure = error
            raise
        finally:
            mapper.pool.close()
            results.finish()
            history.note(execution._replace(status=measured.status, seconds=measured.seconds, items=progress.recorded))
            packages = installer.as_json() if installer else {}
            (summary if summary is not None else {}).update({**progress.end(mapper, failure), **packages})


@contextmanager
def _opened(request: MapRequest) -> Iterator[BinaryIO | None]:
    """The file for the records, if one is asked for.

    Raises:
        UsageError: It cannot be made.
    """
    if request.out is None:
        yield None
        return
    try:
        request.out.parent.mkdir(parents=True, exist_ok=True)  # as for what --download fetches
        file = request.out.open("wb" if request.replaces else "xb")
    except OSError as error:
        hint = "add --force to replace it" if isinstance(error, FileExistsError) else "choose another file"
        raise UsageError(f"cannot write {request.out}: {error.strerror}", hint) from None
    with file:
        yield file


def _installer(program: Program, client: SessionClient, output: Output) -> PackageInstaller | None:
    """What installs the program's packages, all ready: no session of the map waits for a resolver."""
    if not program.requirements:
        return None
    from agentcore_sandbox.packages.installer import PackageInstaller

    installer = PackageInstaller(program.requirements, client, output, is_kept=False, quiet=True)
    installer.prepare(ask=True)
    return installer


def _recipe(request: MapRequest, journal: Journal, region: str, installer: PackageInstaller | None) -> Recipe:
    script, files = request.program(journal.header).script(region), journal.header.files
    return Recipe(script, request.options, request.uploads, request.downloads, files, installer)


def _asked_to_stop(journal: Journal) -> str:
    """One Ctrl-C lets what runs end; a second one, or whatever else ends a process, stops the sessions at once."""
    received = gate.received
    if len(received) > 1 or any(signum != signal.SIGINT for signum in received):
        return NOW
    return SOON if received else journal.asked_to_stop()
