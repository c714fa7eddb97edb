"""An execution in a session that is there: copies, program, artifacts, copies back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.aws import event_stream
from agentcore_sandbox.aws.event_stream import Result
from agentcore_sandbox.cli.signals import Interrupted
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionGoneError, TimeLimitError
from agentcore_sandbox.execution import artifacts, transfers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.execution.artifacts import Artifact
    from agentcore_sandbox.execution.program import Invocation, Program
    from agentcore_sandbox.sessions.workspace import Workspace

SIGNALLED = 128  # statuses above it are of a process that a signal has ended


@dataclass(frozen=True)
class Execution:
    """A checked request to execute a program.

    Attributes:
        program: What to execute.
        environment: Variables the user wants set.
        limit: Seconds it may take, None for the service's limit.
        output: Where its results go.
        transfers: What is copied before and after it.
        artifacts: The folder for images and files in results, None to only mention them.
        follow: Run it as a process of its own, with its output while it runs.
    """

    program: Program
    environment: Mapping[str, str]
    limit: float | None
    output: Output
    transfers: transfers.Transfers = field(default_factory=transfers.Transfers)
    artifacts: Path | None = None
    follow: bool = False

    def run(
        self,
        interpreter: SessionClient,
        session_id: str,
        *,
        keeps_session: bool,
        renew: Callable[[str], str] | None = None,
    ) -> int:
        """Execute in a session and print the results.

        Args:
            interpreter: The session's interpreter.
            session_id: The session.
            keeps_session: The session, and a program that ran into its limit, will live on.
            renew: Gives another session for one that is gone before the program was started.

        Returns:
            The program's exit status.
        """
        attempt = Attempt(self, interpreter, session_id)
        try:
            attempt.run(renew)
        except Interrupted as interrupted:
            hint = attempt.advice() if keeps_session and attempt.may_live_on else ""
            if hint:
                self.output.say(f"agentcore-sandbox: interrupted; {hint}")
            outcome = {**attempt.outcome(), "exitCode": interrupted.status, "isError": True}
            raise Interrupted(interrupted.signum, outcome, hint) from None
        except AgentcoreSandboxError as error:
            if keeps_session and attempt.may_live_on and isinstance(error, TimeLimitError):
                error = TimeLimitError(error.code, error.message, attempt.advice())
            if not self.output.as_json:
                raise error from None
            failed = {"exitCode": error.status, "isError": True}
            self.output.failure(error, **{**attempt.outcome(), **failed})
            return error.status
        if self.output.as_json:
            self.output.data(attempt.outcome())
        return event_stream.combine(attempt.seen).status

    def invocation(self, region: str) -> Invocation:
        """The invoke that runs the program, with the region for AWS's SDKs (docs/service.md, "Inside the sandbox")."""
        return self.program.invocation(self.environment_in(region))

    def environment_in(self, region: str) -> dict[str, str]:
        """All variables that are set for the program."""
        return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, **self.environment}


class Attempt:
    """One execution under way.

    Args:
        task: What is executed.
        interpreter: Where.
        session_id: In which session.
    """

    def __init__(self, task: Execution, interpreter: SessionClient, session_id: str) -> None:
        self._task = task
        self._interpreter = interpreter
        self._artifacts: list[Artifact] = []
        self._was_sent = False
        self.session_id = session_id
        self.may_live_on = False
        self.seen: list[Result] = []

    def run(self, renew: Callable[[str], str] | None) -> None:
        """Copy, execute, copy back. What `renew` gives takes the place of a session that is gone beforehand."""
        try:
            self._prepare()
            self._execute()
        except SessionGoneError as gone:
            if renew is None or (self._was_sent and gone.may_have_run):
                raise
            self.session_id = renew(self.session_id)
            self._prepare()
            self._execute()

    def advice(self) -> str:
        """What to do about a program that may live on in the session."""
        return f"the program may still be running; to end it: agentcore-sandbox stop {self.session_id}"

    def outcome(self) -> dict[str, Any]:
        """The JSON object."""
        task, total = self._task, event_stream.combine(self.seen)
        return {
            "stdout": task.output.cut(total.stdout),
            "stderr": task.output.cut(total.stderr),
            "exitCode": total.status if total.exit_code is None else total.exit_code,
            "executionTime": total.execution_time,
            "isError": total.is_error,
            "sessionId": self.session_id,
            "artifacts": [artifact.as_json() for artifact in self._artifacts],
            "uploaded": [copied.as_json() for copied in task.transfers.uploaded],
            "downloaded": [copied.as_json() for copied in task.transfers.downloaded],
        }

    def _prepare(self) -> None:
        """All that comes before the program. Whatever of it fails, the program has not been started."""
        if self._task.transfers.uploads:
            self._task.output.say_skipped(self._task.transfers.send(self._workspace()))
        if not self._task.follow:
            self._set_environment()

    def _set_environment(self) -> None:
        task = self._task
        call = task.program.preparation(task.environment_in(self._interpreter.region))
        if call is None:
            return
        outcome = self._invoke_preparation(call)
        if outcome.status > SIGNALLED:  # as when a limit was reached just now: the next execution starts anew
            self._pass_on(outcome)
            outcome = self._invoke_preparation(call)
        if outcome.status:
            message = f"the sandbox is not ready for this language: {outcome.stderr or outcome.stdout}"
            raise AgentcoreSandboxError("NotPrepared", message, "the program was not started")
        self._pass_on(outcome)

    def _invoke_preparation(self, call: Invocation) -> Result:
        advice = "the program was not started; try again"
        answers = self._interpreter.invoke(
            self.session_id, call.tool, call.arguments, seconds=self._task.limit, if_lost=advice
        )
        return event_stream.combine(answers)

    def _pass_on(self, preparation: Result) -> None:
        """Let the program's errors begin with those of the preparation: that the session's variables were lost."""
        if preparation.stderr:
            self.seen.append(Result(stderr=preparation.stderr.removesuffix("\n") + "\n"))

    def _execute(self) -> None:
        task = self._task
        self._was_sent = True
        try:
            self._follow() if task.follow else self._invoke()
        except TimeLimitError as late:
            self._finish(late)
            raise
        self._finish(None)

    def _invoke(self) -> None:
        task = self._task
        self.may_live_on = True
        call = task.invocation(self._interpreter.region)
        results = self._interpreter.invoke(self.session_id, call.tool, call.arguments, seconds=task.limit)
        task.output.program(results, self.seen)

    def _follow(self) -> None:
        from agentcore_sandbox.execution import follow

        task = self._task
        environment = task.environment_in(self._interpreter.region)
        self.seen.append(follow.run(self._workspace(), task.program, environment, task.output, task.limit))

    def _finish(self, failure: AgentcoreSandboxError | None) -> None:
        """Save what came out; after a failure, what goes wrong with that is told and not raised."""
        try:
            self._save_artifacts()
            if self._task.transfers.downloads:
                self._task.output.say_skipped(self._task.transfers.fetch(self._workspace()))
        except AgentcoreSandboxError as error:
            if failure is None and not event_stream.combine(self.seen).status:
                raise
            self._task.output.say_failure(error)

    def _save_artifacts(self) -> None:
        task = self._task
        self._artifacts = artifacts.find(event_stream.combine(self.seen).content)
        if task.artifacts is not None:
            self._artifacts = artifacts.save(self._artifacts, task.artifacts)
        elif self._artifacts:
            names = ", ".join(artifact.name for artifact in self._artifacts)
            task.output.say(f"agentcore-sandbox: the result carries {names}; --artifacts DIR saves that")

    def _workspace(self) -> Workspace:
        from agentcore_sandbox.sessions.workspace import Workspace

        return Workspace(self._interpreter, self.session_id)
