"""Executes a request in a session: copies, program, artifacts, copies back. `--follow` runs the program as a job."""

from __future__ import annotations

import itertools
import threading
import time
from signal import SIGINT
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.activity import history
from agentcore_sandbox.aws.event_stream import Result, combine
from agentcore_sandbox.cli.output import encoded
from agentcore_sandbox.cli.signals import Interrupted, gate
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionGoneError, SessionOverError, TimeLimitError
from agentcore_sandbox.execution import artifacts
from agentcore_sandbox.execution.preparation import Preparation
from agentcore_sandbox.execution.program import COMMAND
from agentcore_sandbox.threads import wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from agentcore_sandbox.activity.history import Execution, Measured
    from agentcore_sandbox.aws.attachments import Attachments
    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.execution.artifacts import Artifact
    from agentcore_sandbox.execution.program import Invocation
    from agentcore_sandbox.execution.request import ExecutionRequest
    from agentcore_sandbox.jobs.process import JobProcess, Script
    from agentcore_sandbox.packages.installer import InstalledPackages, PackageInstaller
    from agentcore_sandbox.sessions.reference import SessionReference
    from agentcore_sandbox.sessions.workspace import Workspace

LATER = "output comes at the end; --follow shows it live"
SIGNALLED = 128  # statuses above it are of a process that a signal has ended


def execute_in_new_session(
    request: ExecutionRequest, interpreter: SessionClient, lifetime: int, attached: Attachments
) -> int:
    """Execute in a session that nobody else knows, of some seconds, and stop it; returns the program's exit status."""
    request.program.invocation(interpreter.region)  # a program that is too long is refused before a session is started
    installer = request.program.installer(interpreter, request.output, is_kept=False)
    with interpreter.started(
        request.output, lambda: interpreter.start(lifetime=lifetime, attached=attached)
    ) as session_id:
        return Executor(request, interpreter, session_id, installer=installer).run()


def execute_in_session(request: ExecutionRequest, session: SessionReference) -> int:
    """Execute in a session that stays; one that is gone is replaced where it has a name."""
    request.program.invocation(session.interpreter.region)
    installer = request.program.installer(session.interpreter, request.output)
    renew = session.renew if session.is_named else None
    session_id = session.session_id()
    return Executor(
        request, session.interpreter, session_id, keeps_session=True, renew=renew, installer=installer
    ).run()


class Executor:
    """Executes one request and prints the results.

    Args:
        request: What is executed.
        interpreter: Of the session.
        session_id: The session.
        keeps_session: The session, and a program that ran into its limit, will live on.
        renew: Gives another session for one that is gone before the program was started.
        installer: Of the packages, None where the program has no use for any.
    """

    def __init__(
        self,
        request: ExecutionRequest,
        interpreter: SessionClient,
        session_id: str,
        *,
        keeps_session: bool = False,
        renew: Callable[[str], str] | None = None,
        installer: PackageInstaller | None = None,
    ) -> None:
        self._request = request
        self._program = request.program
        self._interpreter = interpreter
        self._session_id = session_id
        self._keeps_session = keeps_session
        self._renew = renew
        self._installer = installer
        self._installed: InstalledPackages | None = None
        self._artifacts: list[Artifact] = []
        self._was_sent = False
        self._results: list[Result] = []
        self._followed_bytes = 0

    def run(self) -> int:
        """Execute; returns the program's exit status."""
        output = self._request.output
        try:
            self._attempt_in_live_session()
        except Interrupted as interrupted:
            hint = self._advice()
            later = LATER if interrupted.signum == SIGINT and self._is_out_of_sight and not output.as_json else ""
            if told := "; ".join(filter(None, (later, hint))):
                output.say(f"agentcore-sandbox: interrupted; {told}")
            outcome = {**self._outcome(), "exitCode": interrupted.status, "isError": True}
            raise Interrupted(interrupted.signum, outcome, hint) from None
        except AgentcoreSandboxError as error:
            if isinstance(error, TimeLimitError):
                error = TimeLimitError(error.code, error.message, self._advice() or error.hint)
            if not output.as_json:
                raise error from None
            output.failure(error, **{**self._outcome(), "exitCode": error.status, "isError": True})
            return error.status
        if output.as_json:
            output.data(self._outcome())
        status = combine(self._results).status
        if status:
            output.say_mistaken_file(self._request.program.text)
        return status

    def _attempt_in_live_session(self) -> None:
        try:
            self._attempt()
        except SessionGoneError as gone:
            if self._renew is None or (self._was_sent and gone.may_have_run):
                raise
            self._session_id = self._renew(self._session_id)
            self._attempt()

    def _attempt(self) -> None:
        """Copy, execute, copy back."""
        request = self._request
        if request.transfers.uploads or request.transfers.archive:
            request.output.say_skipped(request.transfers.send(self._workspace()))
        self._was_sent = False
        if self._installer:
            self._installed = self._installer.install(self._workspace())
            environment = self._installed.environment(request.program.environment)
            self._program = request.program._replace(environment=environment)
        program = request.program
        execution = history.execution(program.text, program.language, self._interpreter.place(), self._session_id)
        measured = history.Measured()
        try:
            with measured:
                self._send()
                measured.status = combine(self._results).status
        except TimeLimitError as error:
            if self._was_sent:
                self._finish(error)
            raise
        finally:
            self._note(execution, measured)
        self._finish(None)

    def _send(self) -> None:
        if self._request.follow:
            self._follow()
        else:
            with self._request.output.waiting("running", LATER):
                self._execute()

    def _note(self, execution: Execution, measured: Measured) -> None:
        """Write down a program that was sent."""
        if self._was_sent:
            total = combine(self._results)
            size = self._followed_bytes or len(encoded(total.stdout)) + len(encoded(total.stderr))
            history.note(execution._replace(status=measured.status, seconds=measured.seconds, output_bytes=size))

    def _advice(self) -> str:
        """How to end a program that may still be running in the session; empty if none can be."""
        may_live_on = self._keeps_session and self._is_out_of_sight
        stop = f"agentcore-sandbox stop {self._session_id}"
        return f"the program may still be running; to end it: {stop}" if may_live_on else ""

    @property
    def _is_out_of_sight(self) -> bool:
        """Whether the program was sent, and is shown only when it has ended."""
        return self._was_sent and not self._request.follow

    def _outcome(self) -> dict[str, Any]:
        """The JSON object."""
        request, total = self._request, combine(self._results)
        return {
            "stdout": request.output.cut(total.stdout),
            "stderr": request.output.cut(total.stderr),
            "exitCode": total.status if total.exit_code is None else total.exit_code,
            "executionTime": total.execution_time,
            "isError": total.is_error,
            "sessionId": self._session_id,
            "artifacts": [artifact.as_json() for artifact in self._artifacts],
            "uploaded": [copied.as_json() for copied in request.transfers.uploaded],
            "downloaded": [copied.as_json() for copied in request.transfers.downloaded],
            **(self._installer.as_json() if self._installer else {}),
        }

    def _execute(self) -> None:
        """Run the program; code in a context that has its variables, which are set first where it does not."""
        program, region = self._program, self._interpreter.region
        stdin = program.stdin.send(self._workspace()) if program.stdin else ""
        if program.language != COMMAND:
            preparation = Preparation(program, region, self._session_id, stdin, is_kept=self._keeps_session)
            if self._has_run_marked(preparation):
                return
        self._print(self._answers(program.invocation(region, stdin)))

    def _has_run_marked(self, preparation: Preparation) -> bool:
        """Run the program with a mark; where it gets none, or its context refuses it, that is prepared by now."""
        call = preparation.marked_program()
        if call and not preparation.is_remembered:
            return self._has_run_meanwhile(preparation, call)
        if call and self._accepts(preparation, self._answers(call)):
            return True
        self._prepare(preparation, self._begin(preparation))
        return False

    def _has_run_meanwhile(self, preparation: Preparation, call: Invocation) -> bool:
        """Send the program behind its preparation, without waiting for an answer to that."""
        from agentcore_sandbox.aws import wire

        sent = threading.Event()
        with wire.noting_when_sent(sent):
            preparing = self._begin(preparation)
        wait(sent, self._request.time_limit)
        answers = self._answers(call)
        try:
            self._prepare(preparation, preparing)
        except AgentcoreSandboxError:
            if self._accepts(preparation, answers):
                return True
            raise
        if self._accepts(preparation, answers):
            return True
        preparation.remember()  # the program has overtaken it
        return False

    def _accepts(self, preparation: Preparation, answers: Iterator[Result]) -> bool:
        """Print what the program does, unless its context refuses its mark."""
        first = next(answers)
        refusal = preparation.refusal(first)
        if refusal is None:
            self._print(itertools.chain([first], answers))
            return True
        self._keep_errors(combine([refusal, *answers]))
        self._was_sent = False
        return False

    def _prepare(self, preparation: Preparation, answers: Iterator[Result]) -> None:
        outcome = combine(answers)
        if outcome.status > SIGNALLED:  # as when a limit was reached just now: the next execution starts anew
            self._keep_errors(outcome)
            outcome = combine(self._begin(preparation))
        if outcome.status:
            raise preparation.failure(outcome)
        self._keep_errors(outcome)
        preparation.remember()

    def _begin(self, preparation: Preparation) -> Iterator[Result]:
        """Send a preparation."""
        call, limit = preparation.invocation(), self._request.time_limit
        advice = "the program was not started; try again"
        return self._interpreter.invoke(self._session_id, call.tool, call.arguments, seconds=limit, if_lost=advice)

    def _keep_errors(self, preparation: Result) -> None:
        """Put the preparation's errors, such as that variables were lost, in front of the program's."""
        if preparation.stderr:
            self._results.append(Result(stderr=preparation.stderr.removesuffix("\n") + "\n"))

    def _answers(self, call: Invocation) -> Iterator[Result]:
        """Send the program."""
        self._was_sent = True
        limit = self._request.time_limit
        return self._interpreter.invoke(self._session_id, call.tool, call.arguments, seconds=limit)

    def _print(self, answers: Iterable[Result]) -> None:
        self._request.output.program(answers, self._results)

    def _follow(self) -> None:
        self._was_sent = True
        request = self._request
        script = request.program.script(self._interpreter.region)
        if self._installed:
            script = script._replace(environment=self._installed.environment(script.environment))
        result, self._followed_bytes = _follow(self._workspace(), script, request.output, request.time_limit)
        self._results.append(result)

    def _finish(self, failure: AgentcoreSandboxError | None) -> None:
        """Save artifacts and downloads; after a failure, a further one is printed and not raised."""
        request = self._request
        try:
            self._save_artifacts()
            if request.transfers.downloads:
                request.output.say_skipped(request.transfers.fetch(self._workspace()))
        except AgentcoreSandboxError as error:
            if failure is None and not combine(self._results).status:
                raise
            request.output.say_failure(error)

    def _save_artifacts(self) -> None:
        request = self._request
        self._artifacts = artifacts.find(combine(self._results).content)
        if request.artifacts is not None:
            self._artifacts = artifacts.save(self._artifacts, request.artifacts)
        elif self._artifacts:
            request.output.say_artifacts([artifact.name for artifact in self._artifacts])

    def _workspace(self) -> Workspace:
        from agentcore_sandbox.sessions.workspace import Workspace

        return Workspace(self._interpreter, self._session_id)


def _follow(workspace: Workspace, script: Script, output: Output, limit: float | None) -> tuple[Result, int]:
    """Run a program and print its output as it comes; it is stopped however this ends, at `limit` seconds too.

    Returns:
        Its result, and how many bytes it has written.
    """
    from agentcore_sandbox.jobs.process import JobProcess, new_id

    process = JobProcess(workspace, new_id())
    process.start(script)
    try:
        followed = _print_live(process, output, limit)
    except SessionGoneError as gone:
        raise SessionGoneError(gone.session_id, gone.reason) from gone  # this request has not run; the program has
    except BaseException:
        _stop_program(process, output)
        raise
    process.close()
    process.discard()
    return followed


def _print_live(process: JobProcess, output: Output, limit: float | None) -> tuple[Result, int]:
    started, status = time.monotonic(), 0
    with output.live() as live:
        for snapshot in process.follow():
            live.write(snapshot.stdout, snapshot.stderr, keep=output.as_json)
            status = snapshot.exit_code or 0
            if limit is not None and snapshot.exit_code is None and time.monotonic() - started > limit:
                message = f"not finished within {limit:g} seconds (--exec-timeout)"
                raise TimeLimitError("TimeLimit", message, "the program was stopped; raise --exec-timeout")
    stdout, stderr = (b"".join(kept).decode("utf-8", "replace") for kept in live.kept)
    result = Result(stdout, stderr, status, round(time.monotonic() - started, 3), is_error=status != 0)
    return result, live.size


def _stop_program(process: JobProcess, output: Output) -> None:
    """End the program; a failure of that is reported, not raised."""
    with gate.closed():
        try:
            process.stop()
            process.close()
        except SessionOverError:
            return
        except AgentcoreSandboxError as error:
            output.say(f"agentcore-sandbox: the program was not stopped: {error.message}")
