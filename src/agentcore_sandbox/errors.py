"""The error family. Each error says what happened and what to do next, and knows its exit status."""

from __future__ import annotations

EXIT_USAGE = 2
EXIT_TIME_LIMIT = 124
EXIT_FAILURE = 125
SESSION_OVER = ("SessionGone", "LocalServiceGone")
"""Codes that say that a session has ended."""


class AgentcoreSandboxError(Exception):
    """The tool or the service failed; the sandboxed program is not to blame.

    Args:
        code: A stable CamelCase name for scripts, such as `SessionGone`.
        message: What happened, one sentence without a secret in it.
        hint: What to do next.
    """

    status = EXIT_FAILURE

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class UsageError(AgentcoreSandboxError):
    """The command line is wrong; nothing was started."""

    status = EXIT_USAGE

    def __init__(self, message: str, hint: str = "", *, code: str = "Usage") -> None:
        super().__init__(code, message, hint)


class TimeLimitError(AgentcoreSandboxError):
    """`--exec-timeout` was reached before the program ended."""

    status = EXIT_TIME_LIMIT


class SessionGoneError(AgentcoreSandboxError):
    """A session is no more.

    Args:
        session_id: The session.
        message: What the service said.
        before_start: The request was refused, so that nothing of it can have run.
    """

    def __init__(self, session_id: str, message: str, *, before_start: bool = False) -> None:
        hint = "it was stopped, or its lifetime (--timeout, 900 seconds if not given) is over: start another one"
        super().__init__("SessionGone", f"session {session_id} is gone: {message}", hint)
        self.before_start = before_start


class ReaderGoneError(Exception):
    """Whoever read standard output has closed it; there is nobody to tell."""

    status = 141
