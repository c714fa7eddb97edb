"""Wrong arguments of tools: pydantic, which the service uses, is the judge of the messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

from agentcore_emulator.tools import arguments
from agentcore_emulator.tools.execution import execute_code, execute_command
from agentcore_emulator.tools.files import list_files, read_files, remove_files, write_files
from agentcore_emulator.tools.result_payloads import Payload, ToolError

Tool = Callable[..., Payload]


class Paths(pydantic.BaseModel, strict=True):
    paths: list[str]


class Code(pydantic.BaseModel, strict=True):
    code: str
    language: str | None = None
    clearContext: bool | None = None  # noqa: N815 - the API's name


class File(pydantic.BaseModel, strict=True):
    path: str
    text: str


class Content(pydantic.BaseModel, strict=True):
    content: list[File]


CASES: list[tuple[Tool, type[pydantic.BaseModel], dict[str, Any]]] = [
    (read_files, Paths, {}),
    (read_files, Paths, {"path": "config.json"}),
    (read_files, Paths, {"path": "x" * 100}),
    (read_files, Paths, {"path": "é" * 60}),
    (remove_files, Paths, {"unknown": {}}),
    (execute_code, Code, {}),
    (write_files, Content, {}),
    (write_files, Content, {"content": [{"path": "x"}, {"path": "y", "text": "z"}, {"path": "z"}]}),
]


@pytest.mark.parametrize(("tool", "model", "given"), CASES)
def test_messages_are_those_of_pydantic(tool: Tool, model: type[pydantic.BaseModel], given: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError) as theirs:
        model(**given)
    with pytest.raises(ToolError) as ours:
        arguments.check(tool, given)
    expected = str(theirs.value).replace(f"for {model.__name__}", f"for {tool.__name__}Arguments")
    assert str(ours.value) == re.sub(r"errors\.pydantic\.dev/[\d.]+/", "errors.pydantic.dev/2.10/", expected)


FILES = [{"path": "a", "blob": "eA=="}, {"path": "b", "text": "\0"}]


@pytest.mark.parametrize(
    ("tool", "given", "taken"),
    [
        (read_files, {"paths": [], "path": "\0"}, {"paths": []}),
        (list_files, {}, {}),
        (list_files, {"path": None, "directoryPath": "x"}, {"directory_path": "x"}),
        (write_files, {"content": FILES}, {"content": FILES}),
        (execute_code, {"code": "\0", "runtime": "nodejs", "unknown": 1}, {"code": "\0", "runtime": "nodejs"}),
        (execute_code, {"code": "", "clearContext": False}, {"code": "", "clear_context": False}),
    ],
)
def test_right_arguments(tool: Tool, given: dict[str, Any], taken: dict[str, Any]) -> None:
    assert arguments.check(tool, given) == taken


def test_half_a_surrogate_pair() -> None:
    with pytest.raises(ToolError, match="unable to parse as unicode"):
        arguments.check(execute_code, {"code": "\ud800"})


@pytest.mark.parametrize(
    ("tool", "given"), [(read_files, {"paths": ["a\0b"]}), (execute_command, {"command": "echo \0"})]
)
def test_nul_characters(tool: Tool, given: dict[str, Any]) -> None:
    with pytest.raises(ToolError, match="cannot hold a NUL character"):
        arguments.check(tool, given)
