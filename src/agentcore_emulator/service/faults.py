"""Faults on request: what can go wrong with AWS, for tests of its clients."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from agentcore_emulator.errors import SettingError
from agentcore_emulator.service import errors, event_stream
from agentcore_emulator.service.http_messages import EventStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from agentcore_emulator.service.http_messages import Members, Result

VARIABLE = "AGENTCORE_SANDBOX_LOCAL_FAULTS"
"""Faults, with blanks between them."""
OPERATIONS = {
    "start": "StartCodeInterpreterSession",
    "invoke": "InvokeCodeInterpreter",
    "stop": "StopCodeInterpreterSession",
    "get": "GetCodeInterpreterSession",
    "list": "ListCodeInterpreterSessions",
    "create-interpreter": "CreateCodeInterpreter",
    "get-interpreter": "GetCodeInterpreter",
    "list-interpreters": "ListCodeInterpreters",
    "delete-interpreter": "DeleteCodeInterpreter",
}
_ONLY_INVOKE = ("break", "fail", "lose")
KINDS = ("latency", "throttle", "error", *_ONLY_INVOKE)  # docs/emulator.md says what each does
FORM = "KIND=OPERATION[:NUMBER][@AFTER], such as throttle=start:2, latency=invoke:0.5 or lose=invoke:1@4"


class StreamBrokenError(ConnectionError):
    """The connection ends here on purpose."""


@dataclass
class Fault:
    """One switch: a kind, the operation's name in the model, and for how many requests it holds.

    Of a latency, `number` is its seconds; of the others, how many requests are left. The first `after` go well.
    """

    kind: str
    operation: str
    number: float
    after: int = 0


def parse(text: str) -> Fault:
    """Read one switch; a missing number is 1.

    Raises:
        SettingError: It does not have the form `FORM`.
    """
    match = re.fullmatch(r"([a-z]+)=([a-z-]+)(?::(\d{1,6}(?:\.\d{1,6})?))?(?:@(\d{1,6}))?", text)
    kind, operation, number, after = match.groups() if match else ("", "", None, None)
    if kind not in KINDS or operation not in OPERATIONS or (kind in _ONLY_INVOKE and operation != "invoke"):
        hint = (
            f"KIND is {', '.join(KINDS)}; OPERATION is {', '.join(OPERATIONS)}; {', '.join(_ONLY_INVOKE)}: invoke only"
        )
        raise SettingError(f"not a fault: {text!r}; it looks like {FORM}", hint)
    if kind != "latency" and "." in (number or ""):
        raise SettingError(f"not a number of requests: {text!r}", f"only latency takes fractions: {FORM}")
    if kind == "latency" and after:
        raise SettingError(f"latency holds for all requests: {text!r}", f"leave @{after} out: {FORM}")
    return Fault(kind, OPERATIONS[operation], float(number or 1), int(after or 0))


class Faults:
    """The switches of a running emulator; safe to use from many threads."""

    def __init__(self, switches: Iterable[Fault] = (), end_session: Callable[[str], object] = str) -> None:
        self._switches = list(switches)
        self._end_session = end_session
        self._lock = threading.Lock()

    def run(self, operation: str, members: Members, action: Callable[[], Result]) -> Result:
        """Perform a request with the faults that it meets: some raise ServiceError."""
        if latency := sum(fault.number for fault in self._of("latency", operation)):
            time.sleep(latency)  # not for 0 seconds, of which a busy machine makes milliseconds
        if self._meets("throttle", operation):
            raise errors.ServiceError("ThrottlingException", HTTPStatus.TOO_MANY_REQUESTS, "Rate exceeded")
        if self._meets("error", operation):
            raise errors.internal("This fault was requested")
        if self._meets("lose", operation):
            self._end_session(members["sessionId"])
        answer = action()
        if isinstance(answer, EventStream):
            return EventStream(answer.headers, self._messages(operation, answer.messages))
        return answer

    def _messages(self, operation: str, messages: Iterator[bytes]) -> Iterator[bytes]:
        for message in messages:
            if self._meets("fail", operation):
                yield event_stream.exception(errors.internal("This fault was requested"))
                return
            if self._meets("break", operation):
                yield message[: len(message) // 2]
                raise StreamBrokenError
            yield message

    def _of(self, kind: str, operation: str) -> list[Fault]:
        return [fault for fault in self._switches if (fault.kind, fault.operation) == (kind, operation)]

    def _meets(self, kind: str, operation: str) -> bool:
        with self._lock:
            for fault in self._of(kind, operation):
                if fault.after:
                    fault.after -= 1
                elif fault.number >= 1:
                    fault.number -= 1
                    return True
        return False
