"""A loopback Messages API with a script instead of a model, which answers Claude Code with tool calls and text."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from support import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

Block = dict[str, Any]


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def tool_use(name: str, **arguments: Any) -> Block:
    return {"type": "tool_use", "name": name, "input": arguments}


@dataclass
class Script:
    """What the model says, turn by turn, and what it was asked.

    Attributes:
        turns: The content blocks of each answer still to give. Requests without tools (titles, summaries) use up none.
        requests: The bodies of the requests that got one of those answers.
    """

    turns: list[list[Block]]
    requests: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: dict[str, Any]) -> list[Block]:
        with self.lock:
            if not request.get("tools"):
                return [text("title")]
            self.requests.append(request)
            turn = self.turns.pop(0) if self.turns else [text("end of the script")]
            number = len(self.requests)
        return [
            {**block, "id": f"toolu_{number}_{index}"} if "name" in block else block for index, block in enumerate(turn)
        ]

    def tool_results(self) -> list[tuple[bool, str]]:
        """What each tool call gave, in order: whether it was an error, and its text."""
        results: dict[str, tuple[bool, str]] = {}
        for request in self.requests:
            for message in request["messages"]:
                for block in message["content"] if isinstance(message["content"], list) else []:
                    if block.get("type") == "tool_result":
                        results[block["tool_use_id"]] = (bool(block.get("is_error")), flatten(block["content"]))
        return list(results.values())


def identified(block: Block, name: str) -> Block:
    """The block; a tool call with an id."""
    return {**block, "id": name} if block["type"] == "tool_use" else block


def flatten(content: Any) -> str:
    """The text of a content that is a string or a list of blocks."""
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


def events(blocks: list[Block], model: str) -> Iterator[dict[str, Any]]:
    """A message as the stream of events that the Messages API sends."""
    stop = "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": []}
    yield {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}}
    for index, block in enumerate(blocks):
        empty = {**block, "input": {}} if block["type"] == "tool_use" else {"type": "text", "text": ""}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        if block["type"] == "tool_use":
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        else:
            delta = {"type": "text_delta", "text": block["text"]}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": usage}
    yield {"type": "message_stop"}


class Handler(BaseHTTPRequestHandler):
    script: Script

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.path.startswith("/v1/messages?") and self.path != "/v1/messages":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for event in events(self.script.answer(request), request["model"]):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def messages_api(*turns: list[Block]) -> Iterator[tuple[str, Script]]:
    """Serve a script; gives the base URL and the script with what was asked."""
    script = Script(list(turns))
    with loopback.serving(Handler, script=script) as url:
        yield url, script
