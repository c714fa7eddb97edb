"""The tools that run code: executeCode, executeCommand and the three for tasks."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from agentcore_emulator import languages
from agentcore_emulator.agent.protocol import REQUEST
from agentcore_emulator.agent.supervisor import IMAGE_BYTES, IMAGES
from agentcore_emulator.agent_client import HungUpError, SandboxGoneError
from agentcore_emulator.tasks import CANCELED, COMPLETED, MAX_TASKS, WORKING
from agentcore_emulator.tools import agent_answers, result_payloads
from agentcore_emulator.tools.result_payloads import Payload, ToolError

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from agentcore_emulator.sandbox import Sandbox
    from agentcore_emulator.tasks import Task

UNLIMITED_SECONDS = 1 << 30
"""A synchronous call is ended by its caller."""
HIGHEST_EXIT_CODE = 255
MOST_OUTPUT = 1 << 60
"""Bytes that a program may say it has written."""
KILLED_TEXT = "The process that ran it was killed"
LOST = "The process of this context has ended (exit code {}). Its variables are lost; {}."
"""With what starts anew: this execution, where the process ended before it, or the next."""
INTERRUPTED = "\r\nThe command was interrupted.\r\n"
TIME_IS_UP = "\r\nThe command was ended after {} seconds.\r\n"


def execute_code(
    sandbox: Sandbox,
    cancelled: threading.Event,
    *,
    code: str,
    language: str = languages.PYTHON,
    runtime: str | None = None,
    clear_context: bool = False,
) -> Payload:
    """Run code in the context of its language."""
    try:
        context = sandbox.context(language, runtime)
    except languages.UnsupportedError as error:
        raise ToolError(str(error)) from error
    request = {"code": code, "clear": clear_context, "outputLimit": sandbox.config.limits.output_bytes}
    answer, data = sandbox.ask(context, request, cancelled)
    stdout, stderr, *images = agent_answers.parts(answer, data, 2, 2 + IMAGES)
    if sum(map(len, images)) > IMAGE_BYTES:
        raise SandboxGoneError("its agent sent larger images than it keeps")
    exit_code = agent_answers.integer(answer, "exitCode", HIGHEST_EXIT_CODE)
    output, errors = (stream.decode(errors="replace").removesuffix("\n") for stream in (stdout, stderr))
    before, after = _losses(answer, exit_code)
    errors = "\n".join(filter(None, [before, errors, after]))
    seconds, left_out = agent_answers.seconds(answer), agent_answers.integer(answer, "leftOut", MOST_OUTPUT)
    return result_payloads.execution(output, errors, exit_code, seconds, images=images, left_out=left_out)


def _losses(answer: Mapping[str, Any], exit_code: int) -> tuple[str, str]:
    """Tell that the context's process ended before this execution, and that it ended in it."""
    before = after = ""
    if answer.get("lost") is not None:
        before = LOST.format(agent_answers.integer(answer, "lost", HIGHEST_EXIT_CODE), "this execution started anew")
    if answer.get("outcome") == "died":
        after = LOST.format(exit_code, "the next execution starts anew")
    return before, after


def execute_command(sandbox: Sandbox, cancelled: threading.Event, command: str) -> Payload:
    """Run a shell command and wait for its end."""
    answer, data = sandbox.ask(REQUEST, _command(sandbox, command, UNLIMITED_SECONDS), cancelled)
    return _command_payload(answer, data)


def start_command_execution(sandbox: Sandbox, _cancelled: threading.Event, command: str) -> Payload:
    """Start a shell command and do not wait."""
    request = _command(sandbox, command, sandbox.config.limits.task_seconds)
    began, call = sandbox.monitor.mark(), sandbox.call(REQUEST)
    with contextlib.ExitStack() as failing:
        failing.callback(call.close)
        call.send(request)
        task_id = sandbox.tasks.add(call, began)
        if task_id is None:
            raise ToolError(f"Too many tasks: {MAX_TASKS} are running")
        failing.pop_all()
    text = "Successfully started a command execution task"
    return result_payloads.task(text, taskId=task_id, taskStatus="submitted", stdout="", stderr="")


def get_task(sandbox: Sandbox, cancelled: threading.Event, task_id: str) -> Payload:
    """Tell how a task stands. Of a running one nothing is shown before its end (assumed)."""
    with sandbox.tasks.lock:
        task = _task(sandbox, task_id)
        _refresh(sandbox, task, cancelled)
        if task.payload is not None:
            return task.payload
        return result_payloads.task(f"Task is {task.status}", taskStatus=task.status)


def stop_task(sandbox: Sandbox, cancelled: threading.Event, task_id: str) -> Payload:
    """End a task that still runs. The text is assumed, that for a finished one recorded."""
    with sandbox.tasks.lock:
        task = _task(sandbox, task_id)
        _refresh(sandbox, task, cancelled)
        if task.status != WORKING:
            status = f"TaskStatus.{task.status.upper()}"
            return result_payloads.failure(f"Task cannot be canceled (current status: {status})")
        task.call.close()
        task.status = CANCELED
    return result_payloads.task("Successfully canceled the task", taskId=task_id, taskStatus=CANCELED)


def _task(sandbox: Sandbox, task_id: str) -> Task:
    task = sandbox.tasks.get(task_id)
    if task is None:
        raise ToolError(f"Task {task_id} not found")
    return task


def _refresh(sandbox: Sandbox, task: Task, cancelled: threading.Event) -> None:
    """Take a task's result once it is there."""
    if task.status != WORKING or not task.call.ready():
        return
    data = b""
    try:
        answer, data = task.call.answer(cancelled)
        payload = _command_payload(answer, data, status=COMPLETED)
    except HungUpError:
        sandbox.require_agent()
        payload = result_payloads.failure(KILLED_TEXT)
    sandbox.tasks.complete(task, result_payloads.with_notes(payload, sandbox.monitor.since(task.began)), len(data))


def _command(sandbox: Sandbox, command: str, seconds: int) -> dict[str, Any]:
    """Return the request to run a command."""
    size, limit = len(command.encode()), sandbox.config.limits.command_bytes
    if size > limit:  # assumed: AWS does not answer at all
        raise ToolError(
            f"The command has {size} bytes, and the limit is {limit}: write it to a file with writeFiles, and run that"
        )
    return {"do": "command", "command": command, "seconds": seconds, "outputLimit": sandbox.config.limits.output_bytes}


def _command_payload(answer: Mapping[str, Any], data: bytes, status: str = "") -> Payload:
    """Return the payload: a terminal merges the streams; all that a failed command wrote is in stderr (recorded)."""
    exit_code, seconds = agent_answers.integer(answer, "exitCode", HIGHEST_EXIT_CODE), agent_answers.seconds(answer)
    notes = {"cancelled": INTERRUPTED, "time": TIME_IS_UP.format(round(seconds))}
    output = data.decode(errors="replace") + notes.get(agent_answers.text(answer, "outcome"), "")
    left_out = agent_answers.integer(answer, "leftOut", MOST_OUTPUT)
    if exit_code:
        return result_payloads.execution("", output, exit_code, seconds, status=status)
    return result_payloads.execution(output, "", exit_code, seconds, status=status, left_out=left_out)
