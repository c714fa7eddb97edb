"""Carry out a plan of steps, all of it or nothing: what was made is undone when a later step fails."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from agentcore_sandbox.aws.errors import translated, was_refused
from agentcore_sandbox.cli.signals import Interrupted, gate
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agentcore_sandbox.settings import Settings


LEFT = "what was being made or removed may be left: `agentcore-sandbox setup NAME --teardown` removes it"


class Change(Enum):
    """What a step has to do; the value is how a plan calls it."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    KEEP = "keep"


class Step(Protocol):
    """One thing in the account that shall be there.

    Attributes:
        what: Kind and name, such as `role NAME`.
        about: What it is for.
    """

    @property
    def what(self) -> str: ...  # noqa: D102 - see the class

    @property
    def about(self) -> str: ...  # noqa: D102 - see the class

    def look(self) -> Change:
        """Compare what there is with what there shall be; changes nothing."""

    def make(self, change: Change, undo: Undo) -> None:
        """Do what `look` said, inside `undo.of`, so that it can be taken back as soon as it may have happened."""

    def exists(self) -> bool:
        """Whether there is something for `remove` to do."""

    def loss(self) -> str:
        """What goes with it when it is removed."""

    def remove(self) -> None:
        """Remove it."""


@dataclass(frozen=True)
class Undo:
    """Takes back what was done, last things first; what cannot be taken back is told and does not stop the rest.

    Attributes:
        stack: Of the callbacks.
        settings: For the words of errors.
        tell: Says something to the user.
    """

    stack: ExitStack
    settings: Settings
    tell: Callable[[str], None]

    @contextmanager
    def of(self, what: str, call: Callable[[], object]) -> Iterator[None]:
        """Do something inside the block, and remember how to take it back, also when its answer was lost.

        Args:
            what: Kind and name.
            call: Takes it back; returns False where there was nothing.
        """
        try:
            yield
        except Interrupted:  # comes only while no request is under way
            raise
        except BaseException as error:
            if not was_refused(error):
                self.stack.callback(self._call, what, call)
            raise
        self.stack.callback(self._call, what, call)

    def _call(self, what: str, call: Callable[[], object]) -> None:
        try:
            with translated(self.settings):
                was_there = call() is not False
        except AgentcoreSandboxError as error:
            self.tell(f"could not undo {what}: {error.message}; `agentcore-sandbox setup NAME --teardown` tries again")
        else:
            if was_there:
                self.tell(f"undone: {what}")


def look(steps: Sequence[Step], settings: Settings) -> list[tuple[Step, Change]]:
    """Find out what has to be done.

    Raises:
        AgentcoreSandboxError: Something of that name is there and is not ours, or AWS cannot be asked.
    """
    with translated(settings):
        return [(step, step.look()) for step in steps]


def carry_out(plan: Sequence[tuple[Step, Change]], settings: Settings, tell: Callable[[str], None]) -> None:
    """Do what has to be done, or, when a step fails or a signal comes, nothing.

    Raises:
        AgentcoreSandboxError: A step failed; what this call had made is undone.
    """
    with gate.closed(left=LEFT), ExitStack() as stack:
        undo = Undo(stack, settings, tell)
        for step, change in plan:
            if change is not Change.KEEP:
                with translated(settings):
                    step.make(change, undo)
                tell(f"{change.value}d {step.what}")
            with gate.opened():
                pass  # after a step, the last one too, a signal may take effect
        stack.pop_all()


def tear_down(steps: Sequence[Step], settings: Settings, tell: Callable[[str], None]) -> None:
    """Remove everything, last things first. After an interruption another call goes on where this one was.

    Raises:
        AgentcoreSandboxError: Something cannot be removed; what comes after it stays.
    """
    with gate.closed(left=LEFT):
        for step in reversed(steps):
            with translated(settings):
                if remove(step):
                    tell(f"removed {step.what}")
            with gate.opened():
                pass


def remove(step: Step) -> bool:
    """Remove what a step stands for, and tell whether it was there."""
    there = step.exists()
    if there:
        step.remove()
    return there


@contextmanager
def interruptible() -> Iterator[None]:
    """A wait inside `Step.make` or `Step.remove` that a signal may end."""
    with gate.opened():
        yield
