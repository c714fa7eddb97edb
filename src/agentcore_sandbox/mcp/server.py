"""Serves one connection: each call of a tool in a thread of its own, with its progress, cancellation and end."""

from __future__ import annotations

import os
import queue
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.mcp import jsonrpc, revisions
from agentcore_sandbox.mcp.jsonrpc import RpcError
from agentcore_sandbox.threads import POLL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from agentcore_sandbox.mcp.jsonrpc import Request
    from agentcore_sandbox.mcp.revisions import Client

    Question = Mapping[str, Any]  # method and params
    Answer = Mapping[str, Any] | None  # the result

MOST_CALLS = 256
"""At once; each is a thread."""
PROGRESS_SECONDS = 1.0
ANSWER_SECONDS = 120.0
"""How long a client, and perhaps its user, may take to answer a question."""
_MOST_WAITING = 64  # lines that have arrived and are not looked at yet; then the client has to wait


class CancelledCallError(Exception):
    """The client has taken its call back, or is gone: nobody waits for an answer."""


class InputRequiredError(Exception):
    """The call can only be answered once the client has answered these requests, and calls again.

    Args:
        requests: Name -> request.
    """

    def __init__(self, requests: Mapping[str, Any]) -> None:
        super().__init__(list(requests))
        self.requests = requests


class Lines(Protocol):
    """The connection: `stdio.Lines`, or what a test has in its place."""

    def read(self) -> Iterator[bytes]:
        """Yield lines until the client closes the connection."""

    def write(self, line: bytes) -> None:
        """Send a line; any thread may. Raises OSError where nobody reads any more."""


class Tools(Protocol):
    """What is served."""

    def listing(self) -> list[dict[str, Any]]:
        """All tools as the protocol describes them."""

    def call(self, name: str, arguments: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Do what a tool does; returns the specification's `CallToolResult`.

        Raises:
            RpcError: There is no such tool.
            CancelledCallError, InputRequiredError: There is no result, or not yet.
        """


class Call:
    """A call in progress.

    Args:
        request: What the client sent.
        client: Who asks.
        send: Sends a request to the client and waits for the result; for revisions that know such requests.

    Attributes:
        doing: What is reported of its progress beside the time.
    """

    def __init__(self, request: Request, client: Client, send: Callable[[Call, Question], Answer]) -> None:
        self.request = request
        self.client = client
        self.started = time.monotonic()
        self.cancelled = threading.Event()
        self.finished = threading.Event()
        self.sending = threading.Lock()
        self.doing = ""
        self._send = send
        self._asked: dict[str, Any] = {}
        self._end: Callable[[], None] | None = None
        self._lock = threading.Lock()

    @property
    def meta(self) -> Mapping[str, Any]:
        """What the client says about the call beside its arguments."""
        found = self.request.params.get("_meta")
        return found if isinstance(found, dict) else {}

    @property
    def progress_token(self) -> Any:
        """What progress is reported under, None for none."""
        token = self.meta.get("progressToken")
        return token if jsonrpc.is_id(token) else None

    def check(self) -> None:
        """Go no further if nobody waits for the answer.

        Raises:
            CancelledCallError: Nobody does.
        """
        if self.cancelled.is_set():
            raise CancelledCallError

    @contextmanager
    def ended_by(self, end: Callable[[], None]) -> Iterator[None]:
        """Work inside the block that `end`, called from another thread, ends when the call is cancelled."""
        with self._lock:
            self.check()
            self._end = end
        try:
            yield
        finally:
            with self._lock:
                self._end = None

    def cancel(self) -> None:
        """Take the call back, and end its work."""
        with self._lock:
            self.cancelled.set()
            end = self._end
        if end:
            end()

    def ask(self, name: str, capability: str, question: Question) -> Answer:
        """Ask the client; returns its result, None where it cannot be asked, refuses, or does not answer in time.

        A stateless client gets all questions of a call once more with each new one, and answers them together.

        Args:
            name: Of the question within this call.
            capability: What the client must be able to do.
            question: Method and params of the request.

        Raises:
            InputRequiredError: It answers with a call of its own.
        """
        if not self.client.can(capability):
            return None
        if not self.client.is_stateless:
            return self._send(self, question)
        self._asked[name] = question
        answers = self.request.params.get("inputResponses")
        if not isinstance(answers, dict) or name not in answers:
            raise InputRequiredError(self._asked)
        return answers[name] if isinstance(answers[name], dict) else None


class Server:
    """The other side of one client.

    Args:
        tools: What is served.
        lines: The connection.
    """

    def __init__(self, tools: Tools, lines: Lines) -> None:
        self._tools = tools
        self._lines = lines
        self._client: Client | None = None
        self._calls: dict[jsonrpc.Id, Call] = {}
        self._answers: dict[jsonrpc.Id, queue.SimpleQueue[Answer]] = {}
        self._lock = threading.Lock()
        self._is_unread = False  # nobody reads what is sent any more
        self._arrived: queue.Queue[bytes | None] = queue.Queue(_MOST_WAITING)

    def run(self) -> None:
        """Serve until the client has closed the connection. A signal may interrupt this: it only waits."""
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        while (line := self._next()) is not None and not self._is_unread:
            self._receive(line)

    def close(self) -> None:
        """Cancel all calls; returns once what they did has been told to end."""
        for call in list(self._calls.values()):
            call.cancel()

    def _read(self) -> None:
        for line in self._lines.read():
            self._arrived.put(line)
        self._arrived.put(None)

    def _next(self) -> bytes | None:
        while True:
            with suppress(queue.Empty):
                return self._arrived.get(timeout=None if os.name == "posix" else POLL_SECONDS)

    def _receive(self, line: bytes) -> None:
        try:
            message = jsonrpc.read(line)
        except RpcError as failure:
            self._send(jsonrpc.error(failure, failure.request_id))
            return
        if isinstance(message, jsonrpc.Response):
            if answers := self._answers.pop(message.request_id, None):
                answers.put(message.result)
        elif message.request_id is None:
            self._notified(message)
        else:
            self._requested(message)

    def _notified(self, notification: Request) -> None:
        """Take a notification; unknown ones, and the cancellation of what is over, mean nothing."""
        if notification.method == "notifications/cancelled":
            request_id: Any = notification.params.get("requestId")
            if jsonrpc.is_id(request_id) and (call := self._calls.get(request_id)):
                threading.Thread(target=call.cancel, daemon=True).start()  # to end its work may take a while

    def _requested(self, request: Request) -> None:
        try:
            if (result := self._answer(request)) is not None:
                self._send({"id": request.request_id, "result": result})
        except RpcError as failure:
            self._send(jsonrpc.error(failure, request.request_id))

    def _answer(self, request: Request) -> dict[str, Any] | None:
        """The result of a request; None for one that is answered later."""
        if request.method == "initialize":
            self._client = revisions.from_handshake(request.params)
            return revisions.greeting(self._client)
        client = revisions.from_request(request.params) or self._client
        if request.method == "ping" and (client is None or not client.is_stateless):
            return {}
        if client is None:
            message = "the connection has not begun: send initialize, or name the protocol version in params._meta"
            raise RpcError(jsonrpc.INVALID_PARAMS, message)
        if request.method == "tools/call":
            self._start(request, client)
            return None
        if request.method == "tools/list":
            return client.complete({"tools": self._tools.listing()}, cacheable=True)
        if request.method == "server/discover" and client.is_stateless:
            return revisions.discovery(client)
        raise RpcError(jsonrpc.METHOD_NOT_FOUND, f"there is no method {request.method[:100]!r}")

    def _start(self, request: Request, client: Client) -> None:
        name, arguments = request.params.get("name"), request.params.get("arguments", {})
        if not isinstance(name, str) or not isinstance(arguments, dict):
            raise RpcError(jsonrpc.INVALID_PARAMS, "tools/call needs name, a text, and arguments, an object")
        call = Call(request, client, self._ask)
        with self._lock:
            if request.request_id in self._calls:
                raise RpcError(jsonrpc.INVALID_REQUEST, f"the id {request.request_id!r} is that of a running call")
            if len(self._calls) >= MOST_CALLS:
                raise RpcError(jsonrpc.BUSY, f"{MOST_CALLS} calls are running: wait for one to end")
            self._calls[_id(request)] = call
        try:
            threading.Thread(target=self._work, args=(call, name, arguments), daemon=True).start()
        except RuntimeError:  # how Python says that the system refused
            del self._calls[_id(request)]
            raise RpcError(jsonrpc.BUSY, "the system starts no further thread: end other programs") from None

    def _work(self, call: Call, name: str, arguments: Mapping[str, Any]) -> None:
        if call.progress_token is not None:
            threading.Thread(target=self._report, args=(call,), daemon=True).start()
        try:
            answer = {"result": call.client.complete(self._tools.call(name, arguments, call))}
        except InputRequiredError as needed:
            answer = {"result": {"resultType": "input_required", "inputRequests": needed.requests}}
        except CancelledCallError:
            answer = {}
        except RpcError as failure:
            answer = jsonrpc.error(failure, None)
        except Exception as error:  # noqa: BLE001 - a fault of this program must not end the connection
            Output().say_traceback(error)
            answer = jsonrpc.error(RpcError(jsonrpc.INTERNAL_ERROR, "the server failed: its log says how"), None)
        self._finish(call, answer)

    def _finish(self, call: Call, answer: Mapping[str, Any]) -> None:
        del self._calls[_id(call.request)]  # before the client can know, which may use the id again
        with call.sending:
            call.finished.set()
        if answer and not call.cancelled.is_set():
            self._send({"id": call.request.request_id, **answer})

    def _report(self, call: Call) -> None:
        while not call.finished.wait(PROGRESS_SECONDS):
            seconds = round(time.monotonic() - call.started, 1)
            message = ", ".join(filter(None, (f"{seconds:.0f} s", call.doing)))
            params = {"progressToken": call.progress_token, "progress": seconds, "message": message}
            with call.sending:
                if not call.finished.is_set() and not call.cancelled.is_set():
                    self._send({"method": "notifications/progress", "params": params})

    def _ask(self, call: Call, question: Question) -> Answer:
        request_id = f"{question['method']}-{call.request.request_id}"
        answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._answers[request_id] = answers
        self._send({"id": request_id, **question})
        deadline = time.monotonic() + ANSWER_SECONDS
        try:
            while time.monotonic() < deadline:
                call.check()
                with suppress(queue.Empty):
                    return answers.get(timeout=POLL_SECONDS)
            return None
        finally:
            self._answers.pop(request_id, None)

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._lines.write(jsonrpc.encode(message))
        except OSError:
            self._is_unread = True
            with suppress(queue.Full):  # then there is a line that wakes the loop
                self._arrived.put_nowait(None)


def _id(request: Request) -> jsonrpc.Id:
    if request.request_id is None:
        raise ValueError(request.method)
    return request.request_id
