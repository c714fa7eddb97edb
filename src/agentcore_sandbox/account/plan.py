"""Apply a plan of steps as a whole: what was created is undone when a later step fails."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from agentcore_sandbox.aws.errors import code_of, translated, was_refused
from agentcore_sandbox.cli.signals import Interrupted, gate
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.retry import retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agentcore_sandbox.settings import Settings


LEFT = "what was being created or removed may be left: `agentcore-sandbox setup NAME --teardown` removes it"
# IAM's codes where another teardown removes the same things: what is left is looked at again.
_OVERTAKEN = {"NoSuchEntity", "DeleteConflict", "ConcurrentModification"}
REMOVAL_ATTEMPTS = 5


class Change(Enum):
    """What a step has to do; the value is shown in the plan, NONE for what neither is there nor is wanted."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    KEEP = "keep"
    NONE = "none"

    @property
    def is_one(self) -> bool:
        """Whether there is something to do."""
        return self not in (Change.KEEP, Change.NONE)


class Step(Protocol):
    """One resource of the account.

    Attributes:
        label: Kind and name, such as `role NAME`.
        purpose: What the resource is for.
    """

    @property
    def label(self) -> str: ...  # noqa: D102 - see the class

    @property
    def purpose(self) -> str: ...  # noqa: D102 - see the class

    def compare(self) -> Change:
        """Compare the account with the blueprint; changes nothing."""

    def apply(self, change: Change, undo: Undo) -> None:
        """Do what `compare` returned, inside `undo.of`, so that it can be undone as soon as it may have happened."""

    def exists(self) -> bool:
        """Whether there is something to remove."""

    def effect_of_removal(self) -> str:
        """What else is lost when it is removed."""

    def remove(self) -> None:
        """Remove it."""


@dataclass(frozen=True)
class Undo:
    """Undoes changes, the latest first; where one cannot be undone, what it depends on is left too.

    Attributes:
        left: What could not be undone, and all that was applied before it.
    """

    stack: ExitStack
    settings: Settings
    tell: Callable[[str], None]
    left: list[str] = field(default_factory=list)

    @contextmanager
    def of(self, what: str, call: Callable[[], object]) -> Iterator[None]:
        """Make a change inside the block, and remember how to undo it, even when the answer to it is lost.

        Args:
            what: The resource, or the change of it.
            call: Undoes it; returns False where there was nothing to undo.
        """
        try:
            yield
        except Interrupted:  # raised only between requests
            raise
        except BaseException as error:
            if not was_refused(error):
                self.stack.callback(self._call, what, call)
            raise
        self.stack.callback(self._call, what, call)

    def _call(self, what: str, call: Callable[[], object]) -> None:
        if self.left:
            self.left.append(what)
            return
        try:
            with translated(self.settings):
                was_there = call() is not False
        except AgentcoreSandboxError as error:
            self.left.append(what)
            self.tell(f"could not undo {what}: {error.message}")
        else:
            if was_there:
                self.tell(f"undone: {what}")

    def tell_left(self, name: str) -> None:
        """Tell what is left, and how to remove it."""
        if self.left:
            what = ", ".join(self.left)
            self.tell(f"left in the account: {what}; remove it with: agentcore-sandbox setup {name} --teardown")


def compare(steps: Sequence[Step], settings: Settings) -> list[tuple[Step, Change]]:
    """Plan what has to be done.

    Raises:
        AgentcoreSandboxError: A resource with that name was created by somebody else, or AWS cannot be asked.
    """
    with translated(settings):
        return [(step, step.compare()) for step in steps]


def apply(name: str, plan: Sequence[tuple[Step, Change]], settings: Settings, tell: Callable[[str], None]) -> None:
    """Apply the plan; when a step fails or a signal arrives, undo what was applied.

    Raises:
        AgentcoreSandboxError: A step failed.
    """
    with gate.closed(left=LEFT), ExitStack() as stack:
        undo = Undo(stack, settings, tell)
        stack.callback(undo.tell_left, name)  # called last
        for step, change in plan:
            if change.is_one:
                with translated(settings):
                    step.apply(change, undo)
                tell(f"{change.value}d {step.label}")
            with gate.opened():
                pass  # a signal takes effect after any step, the last included
        stack.pop_all()


def tear_down(steps: Sequence[Step], settings: Settings, tell: Callable[[str], None]) -> None:
    """Remove everything in reverse order. After an interruption, another call continues where this one stopped.

    Raises:
        AgentcoreSandboxError: A resource cannot be removed; those that come after it stay.
    """
    with gate.closed(left=LEFT):
        for step in reversed(steps):
            with translated(settings):
                if remove(step):
                    tell(f"removed {step.label}")
            with gate.opened():
                pass


def remove(step: Step) -> bool:
    """Remove the step's resource; returns whether it existed. Another process may be removing it too."""
    existed = False

    def attempt() -> None:
        nonlocal existed
        if step.exists():
            existed = True
            step.remove()

    retry(attempt, attempts=REMOVAL_ATTEMPTS, is_transient=lambda error: code_of(error) in _OVERTAKEN)
    return existed
