"""What a tool answers: one JSON object, as structured content and as text, and images beside it.

All of it is bounded: Claude Code saves results of more than 25,000 tokens to a file, with a note that reads like an
error, and shows its model the structured content instead of the text, with the images
(https://github.com/anthropics/claude-code/issues/54737).
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, TypeVar

from agentcore_sandbox.cli.output import Output, ProgramOutput
from agentcore_sandbox.cli.terminal_text import keep_head_and_tail, plain, visible
from agentcore_sandbox.errors import masked
from agentcore_sandbox.execution import artifacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agentcore_sandbox.errors import AgentcoreSandboxError
    from agentcore_sandbox.execution.artifacts import Artifact

MOST_OUTPUT = 15_000
"""Bytes of each of a program's streams: of both together hardly more than 10,000 tokens."""
MOST_IMAGES = 8
MOST_IMAGE_BYTES = 3_500_000
"""Of one image: base64 makes it the 5 MB that the Messages API takes."""
IMAGES = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
}
"""How they begin: the Messages API refuses a conversation with what is no image, for good."""
_MOST_NOTES = 20
_MOST_NAMES = 50
_LONGEST_NOTE = 1000
_HINTS = {  # where what the command line advises is no option of the tools
    "FileExists": "choose another target with `to`",
    "UnknownSession": "list sessions; run_code starts one for a new name",
    "UnknownJob": "list jobs with the tool sessions",
}
_PREFIX = "agentcore-sandbox: "

T = TypeVar("T", bound=ProgramOutput)


class CallOutput(Output):
    """Keeps what a command prints.

    Attributes:
        outcome: The object that `--json` prints.
        error: The failure that it would be printed with.
        results: Of the program.
    """

    def __init__(self) -> None:
        super().__init__(as_json=True)
        self.outcome: Mapping[str, Any] = {}
        self.error: AgentcoreSandboxError | None = None
        self.results: Sequence[Any] = ()
        self._notes: list[str] = []

    @property
    def notes(self) -> list[str]:
        """What the tool has to say beside the result."""
        return self._notes[:_MOST_NOTES]

    def say(self, message: str) -> None:
        """Keep a message."""
        self._notes.append(shown(masked(message).removeprefix(_PREFIX))[:_LONGEST_NOTE])

    def data(self, value: Mapping[str, Any]) -> None:
        """Keep the object."""
        self.outcome = value

    def failure(self, error: AgentcoreSandboxError, **more: Any) -> None:
        """Keep the failure, and what there is of the object."""
        self.error, self.outcome = error, more

    def program(self, results: Iterable[T], seen: list[T]) -> None:
        """Keep a program's results."""
        self.results = seen
        for result in results:
            seen.append(result)  # noqa: PERF402 - what came before a failure stays

    def say_artifacts(self, names: Sequence[str]) -> None:
        """Say nothing: images are part of the result."""

    def cut(self, text: str) -> str:
        """Keep the head and the tail of one of the program's streams, and make visible what hides in it."""
        kept, omitted = keep_head_and_tail(shown(text), MOST_OUTPUT)
        if omitted:
            self.say("output is cut: write what is long to a file, look at parts of it, or copy it with get_files")
        return kept


def shown(text: str) -> str:
    """Text without colours, and with control and invisible characters, in which orders can hide, as escapes."""
    return visible(text.replace("\r\n", "\n").replace("\x1b", "^["))


def success(value: Mapping[str, Any], notes: Sequence[str] = (), found: Sequence[Artifact] = ()) -> dict[str, Any]:
    """The result of a tool that did what it was asked to, a program that ran and failed included.

    A failed program's result is none of an error, because clients cut errors short and leave images out of them.
    """
    blocks, more = _blocks(found)
    structured = {**value, **({"notes": [*notes, *more]} if [*notes, *more] else {})}
    text = json.dumps(structured, ensure_ascii=False)
    return {"content": [{"type": "text", "text": text}, *blocks], "structuredContent": structured}


def failure(error: AgentcoreSandboxError, outcome: Mapping[str, Any], notes: Sequence[str] = ()) -> dict[str, Any]:
    """The result of a tool that failed, with what a program had printed until then, as the command line says it.

    As text alone: the TypeScript SDK 1.32 checks the structured content of errors too against the tool's schema.
    """
    lines = [f"error[{plain(error.code)}]: {shown(error.message)}"]
    parts = [("hint", shown(_HINTS.get(error.code, error.hint))), *_streams(outcome)]
    lines += [f"{name}: {text}" for name, text in parts if text]
    return {"content": [{"type": "text", "text": "\n".join([*lines, *notes])}], "isError": True}


def _streams(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, outcome.get(name, "")) for name in ("stdout", "stderr")]


def names(found: Sequence[str]) -> list[str]:
    """Names that the sandbox or the user has chosen, the first of them."""
    more = [f"and {len(found) - _MOST_NAMES} more"] if len(found) > _MOST_NAMES else []
    return [*(plain(name)[:_LONGEST_NOTE] for name in found[:_MOST_NAMES]), *more]


def found_in(results: Sequence[Any]) -> list[Artifact]:
    """The images and files that a program's results carry."""
    return artifacts.find(block for result in results for block in result.content)


def _blocks(found: Sequence[Artifact]) -> tuple[list[dict[str, Any]], list[str]]:
    """Content blocks for images, and what to say of everything else."""
    images = [artifact for artifact in found if _is_image(artifact)]
    left = [artifact.name for artifact in found if artifact not in images[:MOST_IMAGES]]
    blocks = [
        {"type": "image", "data": base64.b64encode(image.data).decode(), "mimeType": image.mime_type}
        for image in images[:MOST_IMAGES]
    ]
    note = f"left out of the result: {', '.join(names(left))}; save it as a file and copy it with get_files"
    return blocks, [note] if left else []


def _is_image(artifact: Artifact) -> bool:
    begin = IMAGES.get(artifact.mime_type)
    return begin is not None and artifact.data.startswith(begin) and len(artifact.data) <= MOST_IMAGE_BYTES
