"""The commands of docs/aws.md work as they stand there, in their order."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from support import event_stream, fault_server
from support.documents import page, shell_lines

if TYPE_CHECKING:
    from support.control_server import ControlServer
    from support.fault_server import FaultServer, Handler
    from support.processes import CommandLine

ROLE = "arn:aws:iam::123456789012:role/r"


def commands() -> list[list[str]]:
    return [shlex.split(line)[1:] for line in shell_lines(page("docs/aws.md"))]


def answered(words: list[str], interpreter_id: str) -> list[str]:
    """The words with what a reader puts in, and without questions."""
    filled = [{"ID": interpreter_id, "ARN": ROLE}.get(word, word) for word in words]
    filled += ["--yes"] if filled[0] == "setup" and "--dry-run" not in filled else []
    return filled + (["--no-network-check"] if "subnet-0123456789abcdef0" in filled else [])


def forty_two_or_gone(handler: Handler) -> None:
    known = fault_server.stream(event_stream.result("42"))
    gone = fault_server.error(404, "ResourceNotFoundException", "no such session")
    session = handler.headers["x-amzn-code-interpreter-session-id"]
    (known if session == fault_server.SESSION else gone)(handler)


def test_every_command_of_the_page(admin: CommandLine, control: ControlServer, faults: FaultServer) -> None:
    faults.answers["invoke"] = forty_two_or_gone
    found = commands()
    assert {words[0] for words in found} == {"setup", "doctor", "policy", "template", "interpreter"}
    for words in found:
        if words[:2] == ["interpreter", "create"]:
            control.interpreters.clear()  # it has the name that setup has made
        known = next(iter(control.interpreters), "")
        done = admin.run(*answered(words, known), env={"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": faults.url})
        assert done.returncode == 0, (words, done.stderr, done.stdout)
