"""SIGINT, SIGTERM, SIGHUP and Windows' SIGBREAK as one exception, held back while a session starts or stops.

A session that is being started has no id yet, and one that is being stopped must not be left half-way. So the
gate raises `Interrupted` only where the program says it can be interrupted, at most once, and counts the rest.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

from agentcore_sandbox.cli.status_line import ERASE, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

HANDLED = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
PATIENCE = 3  # signals until the process leaves without waiting for the session to stop
SESSION_LEFT = "a session that was being stopped may run until its lifetime ends"
STDERR = 2


class Interrupted(BaseException):
    """A signal asks this process to end. Not an `Exception`, so that no library swallows it.

    Args:
        signum: The signal.
        outcome: What there is of the object that `--json` prints.
        hint: What to do about what continues.
    """

    def __init__(self, signum: int, outcome: Mapping[str, Any] | None = None, hint: str = "") -> None:
        super().__init__(signum)
        self.signum = signum
        self.name = signal.Signals(signum).name
        self.status = 128 + signum
        self.outcome = outcome or {}
        self.hint = hint


class SignalGate:
    """Turns signals into `Interrupted`, now or when the gate is opened again."""

    def __init__(self) -> None:
        self._closed = False
        self._raised = False
        self._received: list[int] = []
        self._left = SESSION_LEFT

    @property
    def received(self) -> tuple[int, ...]:
        """The signals so far: what is done under a closed gate may look, and end in its own way."""
        return tuple(self._received)

    def install(self) -> None:
        """Handle the signals, but not those that the caller has set to be ignored (`nohup`, `&` in a script)."""
        for signum in HANDLED:
            if signal.getsignal(signum) is not signal.SIG_IGN:
                signal.signal(signum, self._receive)

    def _receive(self, signum: int, _frame: FrameType | None) -> None:
        self._received.append(signum)
        if not self._closed and not self._raised:
            self._raise()
        if len(self._received) >= PATIENCE:
            _tell(f"exiting now; {self._left}")
            os._exit(128 + signum)
        _tell("still stopping; one more signal exits now" if self._raised else "stopping")

    def _raise(self) -> NoReturn:
        self._raised = True
        sys.unraisablehook = _ignore  # objects that a library leaves half-made complain when they are dropped
        raise Interrupted(self._received[0])

    @contextmanager
    def closed(self, *, left: str = SESSION_LEFT) -> Iterator[None]:
        """Hold signals back inside the block; the first of them is raised by the next `opened` block or at the end.

        Args:
            left: What is said to be left behind when the caller has no patience.
        """
        before, self._closed, self._left = self._closed, True, left
        try:
            yield
        finally:
            self._closed = before
        self._check()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Inside a `closed` block: let a signal, also one that was held back, interrupt this block."""
        before, self._closed = self._closed, False
        try:
            self._check()
            yield
        finally:
            self._closed = before

    def _check(self) -> None:
        if self._received and not self._raised and not self._closed:
            self._raise()


def _ignore(_unraisable: object) -> None:
    pass


def _tell(message: str) -> None:
    # os.write, because a handler may interrupt a print half-way. A failure to write must not keep the session from
    # being stopped.
    with suppress(OSError):
        os.write(STDERR, f"{ERASE if line.text else ''}agentcore-sandbox: {message}\n".encode())


gate = SignalGate()
