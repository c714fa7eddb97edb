"""A scripted model on loopback that speaks to several agents: the Responses, Gemini and Chat Completions APIs.

It also stands where an agent has its proxy, and lets nobody through: what is wanted from elsewhere is written down.
"""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from support import loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Document = dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """What the model says: a call of one of the server's tools, or, without a tool, that it is done."""

    tool: str = ""
    arguments: Document = field(default_factory=dict)


@dataclass
class Model:
    """A script and what came of it.

    Attributes:
        turns: Still to be said. Requests without tools (titles, routing) use up none.
        requests: The bodies of the requests that got one of those answers.
        strangers: What was asked of other hosts through the proxy.
    """

    turns: list[Turn]
    requests: list[Document] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_turn(self, request: Document) -> Turn:
        with self.lock:
            if not request.get("tools"):
                return Turn()
            self.requests.append(request)
            return self.turns.pop(0) if self.turns else Turn()


def responses(turn: Turn, number: int) -> Iterator[Document]:
    """The events of OpenAI's Responses API, as Codex wants them."""
    item: Document = {"type": "message", "role": "assistant", "id": f"m{number}"}
    item |= {"content": [{"type": "output_text", "text": "done"}]}
    if turn.tool:
        item = {"type": "function_call", "id": f"f{number}", "call_id": f"c{number}", "namespace": "mcp__sbx"}
        item |= {"name": turn.tool, "arguments": json.dumps(turn.arguments)}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    yield {"type": "response.created", "response": {"id": f"r{number}"}}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": "response.completed", "response": {"id": f"r{number}", "output": [item], "usage": usage}}


def gemini(turn: Turn, _: int) -> Iterator[Document]:
    """The one chunk of Gemini's API."""
    call = {"functionCall": {"name": f"mcp_sbx_{turn.tool}", "args": turn.arguments}}
    content = {"role": "model", "parts": [call if turn.tool else {"text": "done"}]}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    yield {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}


def chat_completions(turn: Turn, number: int) -> Iterator[Document]:
    """The chunks of the Chat Completions API, as opencode wants them."""
    function = {"name": f"sbx_{turn.tool}", "arguments": json.dumps(turn.arguments)}
    call = {"index": 0, "id": f"call_{number}", "type": "function", "function": function}
    said = {"tool_calls": [call]} if turn.tool else {"content": "done"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    chunk = {"id": f"c{number}", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    yield {**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", **said}, "finish_reason": None}]}
    reason = "tool_calls" if turn.tool else "stop"
    yield {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage}


APIS: dict[str, Callable[[Turn, int], Iterator[Document]]] = {
    "/v1/responses": responses,
    ":streamGenerateContent?alt=sse": gemini,
    "/v1/chat/completions": chat_completions,
}


class Handler(BaseHTTPRequestHandler):
    model: Model

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        api = next((api for end, api in APIS.items() if self.path.endswith(end)), None)
        if api is None:
            self.refuse()
            return
        turn = self.model.next_turn(request)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for event in api(turn, len(self.model.requests)):
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())

    def refuse(self) -> None:
        """Write down what is none of a model's business, but of a proxy's."""
        self.model.strangers.append(f"{self.command} {self.path}")
        self.send_error(403)

    def do_GET(self) -> None:
        self.refuse()

    def do_CONNECT(self) -> None:
        self.refuse()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(*turns: Turn) -> Iterator[tuple[str, Model]]:
    """Serve a script; gives the base URL and the model with what it was asked."""
    model = Model(list(turns))
    with loopback.serving(Handler, model=model) as url:
        yield url, model
