"""Sessions of one interpreter over the data plane, each request with a deadline and a number of attempts of its own.

InvokeCodeInterpreter is sent once. By default botocore sends it up to five times, also after a time-out
(https://github.com/boto/botocore/issues/1768), and would run the user's code five times: see docs/service.md, Client
faults. Only what cannot have run is retried.
"""

from __future__ import annotations

import os
import re
import uuid
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError
from botocore.parsers import EventStreamJSONParser, RestJSONParser

from agentcore_sandbox.activity.sessions import Place, StartedSessions
from agentcore_sandbox.api import PTY_TOOLS, READY
from agentcore_sandbox.aws import credentials, event_stream, wire
from agentcore_sandbox.aws.attachments import NOTHING, Attachments
from agentcore_sandbox.aws.connect import all_pages
from agentcore_sandbox.aws.errors import LONGER_HINT, MAY_HAVE_RUN, RequestContext, code_of, explain, translated
from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.cli.status_line import STARTING
from agentcore_sandbox.errors import (
    AgentcoreSandboxError,
    LostAnswerError,
    SessionGoneError,
    SessionOverError,
    TimeLimitError,
)
from agentcore_sandbox.retry import retry
from agentcore_sandbox.settings import trace_parent, without_password
from agentcore_sandbox.threads import DeadlineError, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient
    from types_boto3_bedrock_agentcore.type_defs import GetCodeInterpreterSessionResponseTypeDef

    from agentcore_sandbox.aws.connect import Connection
    from agentcore_sandbox.aws.event_stream import Result
    from agentcore_sandbox.cli.output import Output

INVOKE_SECONDS = 910.0  # the service ends one synchronous invoke after 900: docs/service.md, Limits
REQUEST_SECONDS = 60.0  # start, get, list
STOP_SECONDS = 20.0
INVOKE_ATTEMPTS = 5
INVOKE = "bedrock-agentcore.InvokeCodeInterpreter"
"""How botocore's events name it."""
DEFAULT_NAME = "agentcore-sandbox"
"""Of a session that a command starts for itself."""
_NO_CONNECTION = (EndpointConnectionError, ConnectTimeoutError)

A = TypeVar("A")
T = TypeVar("T")


class SessionSummary(NamedTuple):
    """A session as ListCodeInterpreterSessions describes it."""

    session_id: str
    name: str
    status: str
    created_at: datetime


class SessionClient:
    """Starts, stops, lists and uses the sessions of one interpreter.

    Args:
        connection: Whose settings name the interpreter.

    Attributes:
        own: Those that this user's command line has started.

    Raises:
        AgentcoreSandboxError: No client can be made.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._settings = connection.settings
        self._attempts = INVOKE_ATTEMPTS if connection.transport.repeats else 1
        trace = trace_parent(os.environ)
        self._trace: dict[str, Any] = {"traceParent": trace} if trace else {}
        with translated(self._settings):
            self._client = _create(connection)
            _, _, self._keys = credentials.resolve(connection.session)
        self.own = StartedSessions(self.place)

    @property
    def region(self) -> str:
        """The region that requests go to."""
        return self._client.meta.region_name

    @property
    def scope(self) -> tuple[str, ...]:
        """What a session's name is unique in: account or key, region, interpreter, endpoint. Never print it."""
        where = (self.region, self._settings.interpreter_id, self._settings.endpoint_url or "")
        if self._settings.is_local and not self._settings.endpoint_url:
            return ("local", *where)  # its keys change with each start
        # The account if the credentials name it, because temporary keys change.
        return (self._keys.account_id or self._keys.access_key or "", *where)

    def place(self) -> Place:
        """Where its sessions are."""
        endpoint = without_password(self._client.meta.endpoint_url)
        return Place(self._settings.plain_id, self.region, endpoint, self._keys.account_id or "")

    def start(
        self,
        *,
        lifetime: int,
        name: str = DEFAULT_NAME,
        token: str = "",
        stays: bool = False,
        attached: Attachments = NOTHING,
    ) -> str:
        """Start a session and return its id.

        Args:
            lifetime: Seconds until the service ends it, even while it is in use, 1 to 28,800.
            name: 1 to 100 characters, not unique.
            token: At least 33 characters; a second start with the same one gives the same session.
            stays: It is meant to outlive this process.
            attached: What it has in addition to what its interpreter gives it.
        """
        # One token for all attempts: an answer that is lost does not lead to a second session.
        token = token or str(uuid.uuid4())
        session_id = self._request(
            lambda: self._client.start_code_interpreter_session(
                codeInterpreterIdentifier=self._settings.interpreter_id,
                name=name,
                sessionTimeoutSeconds=lifetime,
                clientToken=token,
                **self._trace,
                **attached.members(),
            ),
            lambda answer: _session_id(answer["sessionId"]),
        )
        self.own.note_start(session_id, lifetime, stays=stays)
        return session_id

    def stop(self, session_id: str) -> None:
        """Stop a session.

        Raises:
            AgentcoreSandboxError: `SessionGone` if it does not exist or has ended.
        """
        try:
            self._request(
                lambda: self._client.stop_code_interpreter_session(
                    codeInterpreterIdentifier=self._settings.interpreter_id, sessionId=session_id, **self._trace
                ),
                lambda _answer: None,
                session_id=session_id,
                seconds=STOP_SECONDS,
            )
        except SessionOverError:
            self.own.note_end(session_id)
            raise
        self.own.note_end(session_id)

    @contextmanager
    def started(
        self,
        output: Output,
        start: Callable[[], str],
        *,
        kept: bool = False,
        forget: Callable[[str], None] = lambda _: None,
    ) -> Iterator[str]:
        """Start a session for a block. A signal may interrupt the block, but neither the session's start nor its stop.

        Args:
            output: Reports that the session could not be stopped.
            start: Starts it and returns its id.
            kept: The session continues if the block succeeds.
            forget: Frees what stands for the session, if the block fails.
        """
        with gate.closed():
            with output.waiting(STARTING):
                session_id = start()
            try:
                with gate.opened():
                    yield session_id
            except BaseException:
                self.discard(session_id, output)
                with suppress(AgentcoreSandboxError):
                    forget(session_id)
                raise
            if not kept:
                self.discard(session_id, output)

    def discard(self, session_id: str, output: Output) -> None:
        """Stop a session that nobody else knows; a failure is reported, not raised."""
        left = f"session {session_id} may run until its lifetime ends; agentcore-sandbox stop {session_id} ends it"
        try:
            with gate.closed(left=left):
                self.stop(session_id)
        except SessionOverError:
            return
        except AgentcoreSandboxError as error:
            message = f"session {session_id} was not stopped and runs until its lifetime ends: {error.message}"
            output.say(f"agentcore-sandbox: {message}")

    def lifetime(self, session_id: str) -> int | None:
        """A session's absolute lifetime in seconds, None if the service does not tell."""
        return self._get(session_id, lambda answer: int(answer.get("sessionTimeoutSeconds") or 0) or None)

    def is_ready(self, session_id: str) -> bool:
        """Whether a session is still running."""
        try:
            return self._get(session_id, lambda answer: answer["status"] == READY)
        except SessionGoneError:
            return False

    def sessions(self, *, status: str | None = None) -> Iterator[SessionSummary]:
        """List the interpreter's sessions, of all pages; `status` is READY, TERMINATED or None for both."""
        parameters: dict[str, Any] = {
            "codeInterpreterIdentifier": self._settings.interpreter_id,
            "maxResults": 100,
        }
        if status:
            parameters["status"] = status
        return all_pages(
            lambda token: self._request(
                lambda: self._client.list_code_interpreter_sessions(**parameters, **token), _page
            )
        )

    def invoke(
        self,
        session_id: str,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        seconds: float | None = None,
        if_lost: str = MAY_HAVE_RUN,
    ) -> Iterator[Result]:
        """Run one tool in a session, once, from now on.

        Args:
            session_id: The session.
            tool: One of the nine tools, such as executeCode.
            arguments: The tool's arguments, as in the service model's `ToolArguments`.
            seconds: The limit on this execution; None for the service's own.
            if_lost: The hint of an error after which nobody knows whether the tool ran.

        Returns:
            Each result as it arrives; the service sends one: docs/service.md, Wire API. Taking one may raise
            `TimeLimitError`, when `seconds` have passed and the program may still run in the session, or another
            `AgentcoreSandboxError`, when the service refused or its answer is incomplete.
        """
        request = RequestContext(self._settings, session_id, if_lost)
        events = within(seconds or INVOKE_SECONDS, lambda: self._events(session_id, tool, arguments))
        return _results(events, tool, seconds, request)

    def _events(self, session_id: str, tool: str, arguments: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        try:
            response = self._send(session_id, tool, arguments)
        finally:
            wire.tell_sent()
        with closing(response["stream"]) as events:
            _check_type(response, "eventstream")
            for event in events:
                if "result" in event:
                    yield event["result"]

    def _send(self, session_id: str, tool: str, arguments: Mapping[str, Any]) -> Any:
        return retry(
            lambda: self._client.invoke_code_interpreter(
                codeInterpreterIdentifier=self._settings.interpreter_id,
                sessionId=session_id,
                name=tool,  # type: ignore[arg-type] # the stubs want the literal names
                arguments=arguments,  # type: ignore[arg-type] # a mapping of the same keys
                **self._trace,
            ),
            attempts=self._attempts,
            is_transient=self._never_ran,
        )

    def _never_ran(self, error: Exception) -> bool:
        """Whether the program cannot have started: the connection was refused, or the request throttled."""
        if isinstance(error, _NO_CONNECTION):
            return not self._settings.is_local  # nobody restarts the emulator while this waits
        return code_of(error) in ("ThrottlingException", "429")

    def _get(self, session_id: str, read: Callable[[GetCodeInterpreterSessionResponseTypeDef], T]) -> T:
        return self._request(
            lambda: self._client.get_code_interpreter_session(
                codeInterpreterIdentifier=self._settings.interpreter_id, sessionId=session_id
            ),
            read,
            session_id=session_id,
        )

    def _request(
        self,
        call: Callable[[], A],
        read: Callable[[A], T],
        *,
        session_id: str | None = None,
        seconds: float = REQUEST_SECONDS,
    ) -> T:
        """Send a request that botocore may retry, and read its answer."""
        request = RequestContext(self._settings, session_id)
        try:
            answer = next(within(seconds, lambda: iter((call(),))))  # the thread ends by itself
            _check_type(answer, "json")
            return read(answer)
        except DeadlineError:
            hint = "check the network and the endpoint, then try again"
            raise LostAnswerError("NoAnswer", f"no answer within {seconds:.0f} seconds", hint) from None
        except Exception as error:
            raise self._connection.told(explain(error, request)) from error


def _results(
    events: Iterator[Mapping[str, Any]], tool: str, seconds: float | None, request: RequestContext
) -> Iterator[Result]:
    complete = False
    try:
        for payload in events:
            complete = True
            yield event_stream.read_result(payload, pty=tool in PTY_TOOLS)
    except DeadlineError:
        raise _time_limit(seconds) from None
    except Exception as error:
        raise explain(error, request) from error
    if not complete:
        raise LostAnswerError("NoResult", "the answer ended without a result", request.if_lost)


def _time_limit(seconds: float | None) -> AgentcoreSandboxError:
    if seconds is None:
        return LostAnswerError("ConnectionLost", f"no answer within {INVOKE_SECONDS:.0f} seconds", LONGER_HINT)
    hint = f"raise --exec-timeout; {LONGER_HINT}"
    return TimeLimitError("TimeLimit", f"not finished within {seconds:g} seconds (--exec-timeout)", hint)


def _check_type(answer: Any, wanted: str) -> None:
    """Refuse a page of a proxy or another server, which botocore takes for an empty or a damaged answer."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    content_type = headers.get("content-type", wanted)
    if wanted not in content_type:
        raise ValueError(f"an answer of type {content_type}")


def _page(answer: Any) -> tuple[list[SessionSummary], str | None]:
    return [_summary(item) for item in answer["items"]], answer.get("nextToken")


def _summary(item: Any) -> SessionSummary:
    name = item.get("name") or ""
    return SessionSummary(_text(item["sessionId"]), str(name), _text(item["status"]), item["createdAt"])


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"a text is of type {type(value).__name__}")
    return value


def _session_id(value: Any) -> str:
    if not re.fullmatch(r"[\w-]{1,100}", _text(value), re.ASCII):  # it goes into headers and URLs
        raise ValueError("a session's id has other characters than letters and digits")
    return str(value)


class _EventParser(EventStreamJSONParser):
    """Keeps the name and the text of an exception that the service's model lacks. The stubs know none of this."""

    def _do_error_parse(self, response: Any, shape: Any) -> Any:
        parent: Any = super()
        parsed = parent._do_error_parse(response, shape)  # noqa: SLF001
        error, headers = parsed["Error"], response["headers"]
        if not error["Code"]:
            body = parent._initial_body_parse(response["body"]) or {}  # noqa: SLF001
            text = body.get("message") or body.get("Message") or error["Message"]
            error.update(Code=headers.get(":exception-type") or "", Message=text)
        return parsed


RestJSONParser.EVENT_STREAM_PARSER_CLS = _EventParser


def _create(connection: Connection) -> BedrockAgentCoreClient:
    client: BedrockAgentCoreClient = connection.client("bedrock-agentcore", read_seconds=INVOKE_SECONDS)
    events: Any = client.meta.events  # the stubs know no handler that answers
    events.register_first(f"needs-retry.{INVOKE}", _never)
    events.register(f"before-send.{INVOKE}", wire.count_request)
    events.register(f"before-parse.{INVOKE}", wire.count_answer)
    events.register_last(f"before-parse.{INVOKE}", event_stream.join_messages)
    return client


def _never(**_event: Any) -> bool:
    """Tell botocore not to send an invoke again."""
    return False
