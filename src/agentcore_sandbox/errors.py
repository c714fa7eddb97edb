"""The error family. Each error says what happened and what to do next, and knows its exit status."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

EXIT_USAGE = 2
EXIT_TIME_LIMIT = 124
EXIT_FAILURE = 125
MAX_MESSAGE = 10_000
"""Characters of a message: what it quotes may have any length."""
_MASK = "***"
_NO_WORD = r"(?<![\w+/.-])(?-i:(?=\S{0,99}[a-z])(?=\S{0,99}[A-Z])(?=\S{0,99}[0-9]))"
_VALUE = r"""(?:\\?"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|[^\s"',;&<]+)"""
# What has the form of a credential: each pattern, and what is shown instead.
_CREDENTIALS = (
    (r"\b([a-z][a-z0-9+.-]{0,20}://)[^\s'\"<>]{0,500}@", rf"\1{_MASK}@"),  # the user and password of a URL
    (r"(authorization[\"']?\s*[=:])[^\n]*", rf"\1 {_MASK}"),
    (r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", rf"\1 {_MASK}"),
    (r"\b(cookie[\"']?\s*[=:])[^\n]*", rf"\1 {_MASK}"),
    (
        (
            r"((?:secret_?(?:access_?)?key|(?:session|security|auth|access|refresh|id)[_-]?token|client_?secret|"
            r"(?:api|private)[_-]?key|passwo?r?d|passphrase|signature)\\?[\"']?\s*(?:[=:>]|%3D)\s*)"
            rf"{_VALUE}"
        ),
        rf"\1{_MASK}",
    ),
    (rf"\b((?:pass|pwd|secret|sig|token)=){_VALUE}", rf"\1{_MASK}"),
    (r"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)[\s\S]*?(?=-----END|\Z)", rf"\1{_MASK}"),
    # Tokens of GitHub, GitLab, npm, PyPI, Slack, Google, and of models' services.
    (r"(?-i:\b(?:gh[opsur]_|github_pat_|glpat-|npm_(?=\w{36}\b)|pypi-|xox[abprs]-|AIza|sk-))[\w-]{16,}", _MASK),
    (r"(?-i:\b(A[KS]IA)[A-Z0-9]{12,})", rf"\1{_MASK}"),  # the id of an access key
    (r"\beyJ[\w-]{1,500}\.[\w-]{1,500}\.[\w-]*", _MASK),  # a JSON web token
    # A session token or a secret key: base64 that is neither a path, nor hexadecimal, nor a word.
    (rf"{_NO_WORD}(?=[a-z0-9+/=]{{100}})[a-z0-9+/=]*[a-z0-9+=]{{40}}[a-z0-9+/=]*", _MASK),
    (rf"{_NO_WORD}(?!/)[a-z0-9+/]{{40}}(?![\w+/=-]|\.\S)", _MASK),
)


def masked(text: str) -> str:
    """The text without whatever has the form of a credential, and without the end of one that is too long to read."""
    text = text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]} [...]"
    for pattern, shown in _CREDENTIALS:
        text = re.sub(pattern, shown, text, flags=re.IGNORECASE)
    return text


class AgentcoreSandboxError(Exception):
    """The tool or the service failed; the sandboxed program is not to blame. Never changed once raised.

    Args:
        code: A stable CamelCase name for scripts, such as `SessionGone`.
        message: What happened, in one sentence. Credentials in it and in the hint are masked.
        hint: What to do next.

    Attributes:
        retryable: The same request may succeed a moment later.
        may_have_run: Nobody knows whether the request was carried out.
    """

    status = EXIT_FAILURE
    retryable = False
    may_have_run = False

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        self.code = code
        self.message = masked(message)
        self.hint = masked(hint)
        super().__init__(self.message)


class UsageError(AgentcoreSandboxError):
    """The command line is wrong; nothing was started."""

    status = EXIT_USAGE

    def __init__(self, message: str, hint: str = "", *, code: str = "Usage") -> None:
        super().__init__(code, message, hint)


class NotAllowedError(UsageError):
    """A call that is locked, or made through the MCP server, would reach further than it may; nothing was started."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint, code="NotAllowed")


class TimeLimitError(AgentcoreSandboxError):
    """`--exec-timeout` was reached before the program ended."""

    status = EXIT_TIME_LIMIT


class TransientError(AgentcoreSandboxError):
    """The request was not carried out, for a reason that passes: it was throttled or could not be delivered."""

    retryable = True


class LostAnswerError(TransientError):
    """The request was sent, and no complete answer came back."""

    may_have_run = True


class UnexpectedAnswerError(AgentcoreSandboxError):
    """The answer is not one that the service, or a helper of ours in the session, gives."""

    may_have_run = True

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__("UnexpectedAnswer", message, hint)


class SessionOverError(AgentcoreSandboxError):
    """A session has ended, by itself or with the emulator that it was in."""


class SessionGoneError(SessionOverError):
    """The service says that a session has ended.

    Args:
        session_id: The session.
        reason: What the service said.
        may_have_run: The request was accepted before the session ended.
    """

    def __init__(self, session_id: str, reason: str, *, may_have_run: bool = True) -> None:
        hint = "it was stopped, or its lifetime (--timeout, 900 seconds if not given) is over: start another one"
        super().__init__("SessionGone", f"session {session_id} is gone: {reason}", hint)
        self.session_id = session_id
        self.reason = reason
        self.may_have_run = may_have_run


class UnreadableRecordError(AgentcoreSandboxError):
    """A record in the state folder is damaged, or of another version.

    Args:
        path: The record.
        reason: What is wrong with it.
        is_newer: A newer version of this program has written it.
        hint: What to do next.
    """

    def __init__(self, path: Path, reason: str, *, is_newer: bool = False, hint: str = "it was left as it is") -> None:
        super().__init__("UnreadableRecord", f"{path} cannot be read: {reason}", hint)
        self.path = path
        self.reason = reason
        self.is_newer = is_newer


class ReaderGoneError(Exception):
    """Whoever read standard output has closed it; there is nobody to tell."""

    status = 141
