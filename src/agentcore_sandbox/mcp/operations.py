"""What the tools do: each takes its arguments, checked against its schema, and answers a result."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.api import MAX_LIFETIME
from agentcore_sandbox.errors import AgentcoreSandboxError, TimeLimitError, UsageError
from agentcore_sandbox.mcp import host, maps, results
from agentcore_sandbox.mcp.results import CallOutput
from agentcore_sandbox.mcp.session import CallSession
from agentcore_sandbox.policy.host_files import OUTPUT, is_skill_script
from agentcore_sandbox.policy.lock import plugin_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_sandbox.execution.program import Program
    from agentcore_sandbox.jobs.job import Job
    from agentcore_sandbox.jobs.store import JobRecord
    from agentcore_sandbox.mcp.server import Call
    from agentcore_sandbox.mcp.session import OwnSession
    from agentcore_sandbox.transfer.report import Report

    Arguments = Mapping[str, Any]
    ToolResult = dict[str, Any]

MOST_JOBS = 50
"""Of a list: the newest."""


@dataclass(frozen=True)
class Context:
    """What a tool works with.

    Attributes:
        call: The call.
        own: The connection's session and client.
        root: As in `host.roots`.
        output: Takes what is said beside the result.
    """

    call: Call
    own: OwnSession
    root: str | None
    output: CallOutput = field(default_factory=CallOutput)

    def files(self) -> host.CallFiles:
        """The host's files."""
        return host.CallFiles(self.call, host.roots(self.call, self.root), os.environ)

    def session(self, given: Arguments) -> CallSession:
        """The session that the arguments name, or the connection's own."""
        return CallSession(self.own, given.get("session"), self.call, self.output)


def run_code(given: Arguments, context: Context) -> ToolResult:
    """Execute a program; its result, images included."""
    from agentcore_sandbox.execution.executor import Executor
    from agentcore_sandbox.execution.request import ExecutionRequest, Transfers

    program, output = _program(given, context), context.output
    request = ExecutionRequest(program, given.get("timeout"), output, Transfers())
    session = context.session(given)
    interpreter = context.own.interpreter()
    program.invocation(interpreter.region)  # one that is too long is refused before a session is started
    installer = program.installer(interpreter, output)
    session_id = session.open()
    with context.call.ended_by(session.end):
        Executor(request, interpreter, session_id, keeps_session=True, renew=session.renew, installer=installer).run()
    if output.error:
        raise _ended(output.error, session)
    where = {"interpreter": context.own.settings.interpreter_id}  # what a model was told before may have changed
    return results.success({**execution(output), **where}, output.notes, results.found_in(output.results))


def _ended(error: AgentcoreSandboxError, session: CallSession) -> AgentcoreSandboxError:
    """The error of a program; one that ran into its limit is ended with its session, as nothing else ends it."""
    if not isinstance(error, TimeLimitError):
        return error
    session.end()
    hint = "its session was stopped, and the program with it: raise timeout, or use job_start"
    return TimeLimitError(error.code, error.message, hint)


def execution(output: CallOutput) -> dict[str, Any]:
    """What there is of a program's outcome."""
    names = ("stdout", "stderr", "exitCode", "executionTime", "sessionId")
    return {name: output.outcome[name] for name in names if output.outcome.get(name) is not None}


def _program(given: Arguments, context: Context) -> Program:
    return _read_program(given, _named_files(given, context).get("file"))


def _read_program(given: Arguments, file: str | None) -> Program:
    from agentcore_sandbox.execution import program

    language = given.get("language")
    if (file is None) == ("code" not in given):
        raise UsageError("give either code or file")
    return program.read(
        code=given.get("code"),
        file=file,
        language=None if language == "shell" else language,
        command=language == "shell",
        runtime=None,
        env=[f"{name}={value}" for name, value in given.get("env", {}).items()],
    )


def _named_files(given: Arguments, context: Context) -> dict[str, str]:
    """The files that arguments name, scripts of the plugin's skills or of the project's; the user is asked once."""
    named, plugin = {name: given[name] for name in ("file", "items_file") if name in given}, plugin_folder()
    own = {name: path for name, path in named.items() if not (plugin and is_skill_script(path, plugin))}
    return named | dict(zip(own, context.files().readable(list(own.values())) if own else (), strict=True))


def put_files(given: Arguments, context: Context) -> ToolResult:
    """Copy into a session, where files of the same name are replaced."""
    from agentcore_sandbox.transfer.upload import Upload

    sources = context.files().readable(given["paths"])
    upload = Upload(sources, given.get("to", ""), force=True, quiet=True)
    upload.roots()  # a missing file is reported before a session is started
    return _copied(context.session(given).use(upload.run), context)


def get_files(given: Arguments, context: Context) -> ToolResult:
    """Copy out of a session, to names that are not taken."""
    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer.download import Download

    target = context.files().arrival(given["paths"], given.get("to", f"{OUTPUT}/"))
    download = Download(given["paths"], target, hidden=False, quiet=True)
    workspace = Workspace(context.own.interpreter(), context.session(given).known_id())
    return _copied(download.run(workspace), context)


def _copied(report: Report, context: Context) -> ToolResult:
    context.output.say_skipped(report.skipped)
    size = sum(copied.size for copied in report.copied)
    return results.success(
        {"files": results.names([copied.target for copied in report.copied]), "bytes": size}, context.output.notes
    )


def list_sessions(_given: Arguments, context: Context) -> ToolResult:
    """The interpreter's sessions that run, and this user's jobs in it."""
    from agentcore_sandbox.jobs.store import JobStore
    from agentcore_sandbox.sessions.listing import listed

    own, keys = context.own, ("sessionId", "name", "timeLeftSeconds")
    rows = [{key: row[key] for key in keys} for row in listed(own.interpreter(), context.output)]
    records = [record for record in JobStore(os.environ).all()[0] if _is_here(record, own)][-MOST_JOBS:]
    jobs = [_job(record.job_id, own).refresh() if record.is_running else record for record in records]
    shown = [{**row, "name": results.shown(row["name"])} for row in rows]
    rows_of_jobs = [*(job.as_json() for job in jobs), *maps.listed(own, MOST_JOBS)]
    return results.success({"sessions": shown, "jobs": rows_of_jobs}, context.output.notes)


def stop(given: Arguments, context: Context) -> ToolResult:
    """End a job or a session, by default the connection's own."""
    from agentcore_sandbox.sessions import named

    if {"job", "session"} <= given.keys():
        raise UsageError("give either session or job")
    if "job" in given:
        if folder := maps.find(given["job"], context.own):
            maps.end(folder, context)
        else:
            _end_job(_job(given["job"], context.own), context)
        return results.success({"stopped": [given["job"]]}, context.output.notes)
    session = given.get("session")
    if session is not None:
        named.check_id_or_name(session)
    stopped = context.own.stop(session)
    if session is not None and stopped is None:
        stopped = named.stop(context.own.interpreter(), session, os.environ)
    return results.success({"stopped": [stopped] if stopped else []}, context.output.notes)


def _end_job(job: Job, context: Context) -> None:
    """End its program; what it has printed is kept, its own session is stopped."""
    job.stop()
    for _ in job.save_output(follow=False):
        pass
    if job.record.owns_session:
        context.own.interpreter().discard(job.record.session_id, context.output)


def start_job(given: Arguments, context: Context) -> ToolResult:
    """Start a program that runs on by itself, in a session of its own or one that is named; or one for each item."""
    from agentcore_sandbox.jobs.launcher import Launcher

    if {"items", "items_file"} & given.keys():
        return _start_map(given, context)
    if alone := {"sessions", "timeout"} & given.keys():
        raise UsageError(f"{min(alone)} goes with items or items_file")
    program, interpreter = _program(given, context), context.own.interpreter()
    installer = program.installer(interpreter, context.output)
    launcher = Launcher(program.script(interpreter.region), context.own.settings, interpreter, installer)
    if "session" in given:
        job = launcher.in_session(context.session(given).named())
    else:
        job = launcher.in_own_session(MAX_LIFETIME, context.output)
    return results.success({"job": job.job_id, "sessionId": job.session_id}, context.output.notes)


def _start_map(given: Arguments, context: Context) -> ToolResult:
    from agentcore_sandbox.map.items import Source

    if "session" in given or {"items", "items_file"} <= given.keys():
        raise UsageError("give either items or items_file, and no session: items run in sessions of their own")
    files = _named_files(given, context)
    source = Source.of(files["items_file"], None) if "items_file" in files else Source.given(given["items"])
    return maps.start(_read_program(given, files.get("file")), source, given, context)


def read_job(given: Arguments, context: Context) -> ToolResult:
    """A job's state and the end of its output, or its items' results, when it has ended or after some seconds."""
    if folder := maps.find(given["job"], context.own):
        return maps.read(folder, given, context)
    if alone := {"from", "count"} & given.keys():
        raise UsageError(f"{min(alone)} is for a job over items")
    job = _job(given["job"], context.own)
    wait = given.get("wait", 0)
    deadline = time.monotonic() + wait
    for _ in job.save_output(follow=wait > 0):
        context.call.check()
        if time.monotonic() >= deadline:
            break
    exit_code = {} if job.record.exit_code is None else {"exitCode": job.record.exit_code}
    return results.success({"state": job.record.state, **exit_code, **_saved(job, context)}, context.output.notes)


def _saved(job: Job, context: Context) -> dict[str, str]:
    """The end of each stream, as far as it was read."""
    sizes = job.store.offsets(job.record)
    starts = (max(0, sizes[0] - results.MOST_OUTPUT), max(0, sizes[1] - results.MOST_OUTPUT))
    streams = job.store.saved(job.record, starts, results.MOST_OUTPUT)
    for name, start in zip(("stdout", "stderr"), starts, strict=True):
        if start:
            context.output.say(f"the first {start} bytes of {name} are left out")
    stdout, stderr = (context.output.cut(data.decode("utf-8", "replace")) for data in streams)
    return {"stdout": stdout, "stderr": stderr}


def _is_here(record: JobRecord, own: OwnSession) -> bool:
    """Whether a job is one of the connection's interpreter. Its record must not lead a call to another one."""
    resolved, region = own.settings, own.interpreter().region
    place = (resolved.interpreter_id, region, resolved.profile, resolved.endpoint_url)
    return (record.interpreter_id, record.region, record.profile, record.endpoint_url) == place


def _job(job_id: str, own: OwnSession) -> Job:
    from agentcore_sandbox.jobs import job
    from agentcore_sandbox.settings import Flags

    found = job.find(job_id, Flags(), lambda _settings: own.interpreter())
    if not _is_here(found.record, own):
        raise AgentcoreSandboxError("UnknownJob", f"job {job_id} was started with other settings")
    return found
