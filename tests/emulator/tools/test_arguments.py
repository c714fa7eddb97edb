"""Wrong arguments of tools: pydantic, which the service uses, is the judge of the messages."""

from __future__ import annotations

import re
from typing import Any

import pydantic
import pytest

from agentcore_emulator.tools import arguments
from agentcore_emulator.tools.payloads import ToolError


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


CASES: list[tuple[str, type[pydantic.BaseModel], dict[str, Any]]] = [
    ("read_files", Paths, {}),
    ("read_files", Paths, {"path": "config.json"}),
    ("read_files", Paths, {"path": "x" * 100}),
    ("read_files", Paths, {"paths": "x"}),
    ("read_files", Paths, {"paths": ["x", 1, None]}),
    ("read_files", Paths, {"paths": [["é" * 60]]}),
    ("remove_files", Paths, {"paths": {}}),
    ("execute_code", Code, {}),
    ("execute_code", Code, {"code": 1}),
    ("execute_code", Code, {"code": "1", "language": 2, "clearContext": "yes"}),
    ("write_files", Content, {"content": "x"}),
    ("write_files", Content, {"content": [{}]}),
    ("write_files", Content, {"content": [{"path": 1, "text": "x"}, {"path": "y"}]}),
]


@pytest.mark.parametrize(("tool", "model", "given"), CASES)
def test_messages_are_those_of_pydantic(tool: str, model: type[pydantic.BaseModel], given: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError) as theirs:
        model(**given)
    with pytest.raises(ToolError) as ours:
        arguments.check(tool, given)
    expected = str(theirs.value).replace(f"for {model.__name__}", f"for {tool}Arguments")
    assert str(ours.value) == re.sub(r"errors\.pydantic\.dev/[\d.]+/", "errors.pydantic.dev/2.10/", expected)


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("read_files", {"paths": []}),
        ("list_files", {}),
        ("list_files", {"path": None, "directoryPath": "x"}),
        ("write_files", {"content": [{"path": "a", "blob": "eA=="}, {"path": "b", "text": ""}]}),
        ("execute_code", {"code": "", "language": "python", "runtime": "nodejs", "unknown": 1}),
    ],
)
def test_right_arguments(tool: str, given: dict[str, Any]) -> None:
    arguments.check(tool, given)


def test_half_a_surrogate_pair() -> None:
    with pytest.raises(ToolError, match="unable to parse as unicode"):
        arguments.check("execute_code", {"code": "\ud800"})


@pytest.mark.parametrize(
    ("tool", "given"), [("read_files", {"paths": ["a\0b"]}), ("execute_command", {"command": "echo \0"})]
)
def test_nul_characters(tool: str, given: dict[str, Any]) -> None:
    with pytest.raises(ToolError, match="cannot hold a NUL character"):
        arguments.check(tool, given)
