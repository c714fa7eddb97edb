"""Jobs: programs that run in the background of a session, for up to 8 hours, also when this command has ended."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.api import MAX_LIFETIME
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.output import Output, check_kept
from agentcore_sandbox.cli.parser import Command, add_connection, add_json, add_lifetime, add_raw
from agentcore_sandbox.cli.signals import Interrupted
from agentcore_sandbox.errors import AgentcoreSandboxError, NotAllowedError, SessionOverError, UnreadableRecordError
from agentcore_sandbox.execution import program as programs
from agentcore_sandbox.policy.lock import INTERPRETER, allow
from agentcore_sandbox.sessions.named import check_id_or_name
from agentcore_sandbox.sessions.reference import SessionReference

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from agentcore_sandbox.cli.output import LiveProgram
    from agentcore_sandbox.jobs.job import Job
    from agentcore_sandbox.jobs.store import JobRecord
    from agentcore_sandbox.policy.lock import Lock

HEADER = ("JOB", "NAME", "STATE", "EXIT", "STARTED", "SESSION", "PROGRAM")
_PIECE = 1 << 20


def _add_start(parser: argparse.ArgumentParser) -> None:
    programs.add_arguments(parser)
    programs.add_stdin(parser)
    about = "id or name; without it, a session of the job's own"
    allow(parser.add_argument("--session", metavar="SESSION", help=about))
    allow(parser.add_argument("--name", help="a name for it, which the other commands take as well as the id"))
    add_lifetime(parser, default=MAX_LIFETIME)
    add_connection(parser)


def _start(
    *, flags: settings.Flags, session: str | None, name: str | None, lifetime: int, as_json: bool, **given: Any
) -> int:
    """Start a job and print its id; as JSON with `name`, `sessionId`, `ownSession`. `given`: see `read_with_input`."""
    resolved = settings.resolve(flags, os.environ)
    if session is not None:
        check_id_or_name(session)
    program = programs.read_with_input(**given)
    output = Output(as_json=as_json)
    from agentcore_sandbox.jobs.launcher import Launcher
    from agentcore_sandbox.jobs.store import JobStore

    name = JobStore(os.environ).check_free(name) if name is not None else ""
    title = os.path.basename(given["file"]) if given["file"] else None  # noqa: PTH119 - as text it stays text
    interpreter = connect(resolved)
    installer, script = program.installer(interpreter, output), program.script(interpreter.region)
    launcher = Launcher(script, resolved, interpreter, installer, name=name, title=title)
    if session is None:
        job = launcher.in_own_session(lifetime, output)
    else:
        job = launcher.in_session(SessionReference(interpreter, session, lifetime, output))
    if as_json:
        packages = installer.as_json() if installer else {}
        known = {"jobId": job.job_id, "sessionId": job.session_id, "ownSession": job.owns_session, "name": job.name}
        output.data({**known, **packages})
        return 0
    logs = f"agentcore-sandbox job logs -f {job.name or job.job_id}"
    output.say(f"agentcore-sandbox: running in session {job.session_id}; see: {logs}")
    output.line(job.job_id)
    if program.language != programs.COMMAND:
        output.say_mistaken_file(program.text)
    return 0


def _list(*, as_json: bool) -> int:
    """Print a table, or an object with the key `jobs`."""
    output = Output(as_json=as_json)
    from agentcore_sandbox.jobs.store import JobStore

    records, unreadable = JobStore(os.environ).all()
    for error in unreadable:
        output.say(f"agentcore-sandbox: left out: {error.message}; job rm {error.path.stem} removes it")
    jobs = [_refreshed(record, output) for record in records]
    if as_json:
        output.data({"jobs": [job.as_json() for job in jobs]})
    elif jobs:
        output.table(HEADER, [job.cells() for job in jobs])
    else:
        output.say("no jobs")
    return 0


def _refreshed(job: JobRecord, output: Output) -> JobRecord:
    """The job as it is now, or as it was last seen where its session cannot be asked."""
    if not job.is_running:
        return job
    try:
        return _find(job.job_id, settings.Flags()).refresh()
    except AgentcoreSandboxError as error:
        output.say(f"agentcore-sandbox: job {job.job_id} is shown as it was last seen: {error.message}")
        return job


def _find(word: str, flags: settings.Flags) -> Job:
    from agentcore_sandbox.jobs import job, store

    return job.find(store.JobStore(os.environ).id_of(word), flags, connect)


def _add_job(parser: argparse.ArgumentParser) -> None:
    allow(parser.add_argument("job", help="the job's id, its beginning, or the job's name"), _of_the_interpreter)
    add_connection(parser)  # in place of what was noted when the job was started


def _of_the_interpreter(_: Lock, word: str) -> str:
    """Refuse a job of another interpreter than the configured one when the call is locked."""
    from agentcore_sandbox.jobs.store import JobStore

    store = JobStore(os.environ)
    job_id = store.id_of(word)
    if store.find(job_id).interpreter_id != os.environ.get(INTERPRETER):
        raise NotAllowedError(f"job {job_id} runs in another interpreter than the configured one")
    return job_id


def _status(*, flags: settings.Flags, job: str, as_json: bool) -> int:
    """Print the job's state."""
    output = Output(as_json=as_json)
    found = _find(job, flags)
    seen = found.refresh()
    if as_json:
        output.data(seen.as_json())
        return 0
    output.table(HEADER, [seen.cells()])
    if seen.is_lost:
        output.say(f"agentcore-sandbox: {found.loss_message()}; job logs prints what had been saved")
    return 0


def _add_logs(parser: argparse.ArgumentParser) -> None:
    allow(parser.add_argument("--follow", "-f", action="store_true", help="continue while it runs"))
    add_raw(parser)
    _add_job(parser)


def _logs(*, flags: settings.Flags, job: str, follow: bool, raw: bool, as_json: bool) -> int:
    """Print the output. What was read before, by whichever process, comes from this machine."""
    output = Output(as_json=as_json, raw=raw)
    found = _find(job, flags)
    with _leaving_it_running(found, output), output.live() as live:
        offsets = _print_saved(found, live, (0, 0))
        for _ in found.save_output(follow=follow):
            offsets = _print_saved(found, live, offsets)
    if as_json:
        check_kept(sum(found.store.offsets(found.record)))
        stdout, stderr = (data.decode("utf-8", "replace") for data in found.store.saved(found.record))
        output.data({**found.record.as_json(), "stdout": stdout, "stderr": stderr})
    elif found.lacks_output:
        output.say(f"agentcore-sandbox: {found.loss_message()}; this is what had been saved")
    return 0


@contextmanager
def _leaving_it_running(found: Job, output: Output) -> Iterator[None]:
    """Tell whoever interrupts the block that the job does not end with it."""
    try:
        yield
    except Interrupted as interrupted:
        job_id = found.record.job_id
        hint = f"job {job_id} continues; agentcore-sandbox job stop {job_id} ends it"
        output.say(f"agentcore-sandbox: {hint}")
        raise Interrupted(interrupted.signum, found.record.as_json(), hint) from None


def _print_saved(found: Job, live: LiveProgram, offsets: tuple[int, int]) -> tuple[int, int]:
    while True:
        stdout, stderr = found.store.saved(found.record, offsets, _PIECE)
        if not stdout and not stderr:
            return offsets
        live.write(stdout, stderr, keep=False)
        offsets = (offsets[0] + len(stdout), offsets[1] + len(stderr))


def _wait(*, flags: settings.Flags, job: str, as_json: bool) -> int:
    """Wait, and leave with the job's exit status."""
    output = Output(as_json=as_json)
    found = _find(job, flags)
    with _leaving_it_running(found, output), output.waiting(f"job {found.record.job_id} runs"):
        for _ in found.save_output(follow=True):
            pass
    status = found.exit_status()
    if as_json:
        output.data(found.record.as_json())
    return status


def _stop(*, flags: settings.Flags, job: str, as_json: bool) -> int:
    """End it; its output stays."""
    output = Output(as_json=as_json)
    found = _find(job, flags)
    was_running = found.refresh().is_running
    seen = found.stop()
    if as_json:
        output.data(seen.as_json())
    elif seen.has_exited:
        output.line("job stopped" if was_running else f"job had already exited, with status {seen.exit_code}")
    else:
        output.line(f"job {seen.state}")
    return 0


def _rm(*, flags: settings.Flags, job: str, as_json: bool) -> int:
    """Forget it; with `--json`, print an object with the key `removed`."""
    from agentcore_sandbox.jobs.store import JobStore

    output, store = Output(as_json=as_json), JobStore(os.environ)
    job = store.id_of(job)
    try:
        found = _find(job, flags)
    except UnreadableRecordError as error:
        output.say(f"agentcore-sandbox: {error.message}; its session may still be running: agentcore-sandbox sessions")
    else:
        _end(found, output)
    store.remove(job)
    if as_json:
        output.data({"removed": [job]})
    else:
        output.say(f"agentcore-sandbox: removed job {job}")
    return 0


def _end(found: Job, output: Output) -> None:
    if found.record.is_over:
        return
    if found.record.owns_session:
        found.interpreter.discard(found.record.session_id, output)
        return
    try:
        found.stop()
        if not found.record.is_lost:
            found.discard()
    except SessionOverError:
        return  # and so are its files


SUBCOMMANDS = {
    "start": Command(
        "Start a program as a job, which continues when this command and its terminal have ended; print the job's id.",
        _add_start,
        _start,
        (
            "agentcore-sandbox job start --file train.py --name training",
            "agentcore-sandbox job start --session work --cmd 'make all'",
        ),
    ),
    "list": Command(
        "List this user's jobs; those that were running when last seen are looked at.",
        add_json,
        _list,
        ("agentcore-sandbox job list",),
    ),
    "status": Command("Print a job's state.", _add_job, _status, ("agentcore-sandbox job status 0123456789ab",)),
    "logs": Command(
        "Print a job's output so far, or with --follow all of it until the job ends.",
        _add_logs,
        _logs,
        ("agentcore-sandbox job logs 0123456789ab", "agentcore-sandbox job logs -f 0123456789ab"),
    ),
    "wait": Command(
        "Wait for a job to end, save its output here, and exit with its status.",
        _add_job,
        _wait,
        ("agentcore-sandbox job wait 0123456789ab && echo done",),
    ),
    "stop": Command(
        "End a job's program: SIGTERM, and after five seconds SIGKILL.",
        _add_job,
        _stop,
        ("agentcore-sandbox job stop 0123456789ab",),
    ),
    "rm": Command(
        "Forget a job: end its program, remove its files and saved output, stop its own session if it has one.",
        _add_job,
        _rm,
        ("agentcore-sandbox job rm 0123456789ab",),
    ),
}
