"""AWS's model as the emulator reads it: every kind of shape is understood, and what each refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.service import aws_model
from agentcore_emulator.service.errors import ServiceError
from support import service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TAGGING = {"TagResource", "UntagResource", "ListTagsForResource"}
OPERATIONS = {
    name: found for name, found in aws_model.operations().items() if "CodeInterpreter" in name or name in TAGGING
}


@pytest.mark.aws("documented", "Requests", "Both planes have the operations of AWS's service model")
def test_every_operation_of_code_interpreters_is_performed(tmp_path: Path) -> None:
    with service.serve(tmp_path) as running:
        performed = {operation.name for operation, _ in running.dispatcher.operations}
    assert performed == OPERATIONS.keys()


def shapes(operation: aws_model.Operation) -> Iterator[aws_model.Definition]:
    """Every shape that an operation's input is made of."""
    waiting, seen = [operation.input], set[str]()
    while waiting:
        shape = waiting.pop()
        yield shape
        inner = shape.keys() & {"member", "key", "value"}
        parts = [*shape.get("members", {}).values(), *(shape[name] for name in inner)]
        names = {part["shape"] for part in parts} - seen
        seen |= names
        waiting += [operation.shapes[name] for name in names]


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_nothing_in_the_model_is_of_a_kind_that_the_emulator_does_not_know(operation: aws_model.Operation) -> None:
    """A newer botocore may bring some: then the reader of the model has to learn it."""
    for shape in shapes(operation):
        assert shape["type"] in aws_model.CHECKS
        assert shape.keys() <= {
            *("type", "members", "required", "union", "member", "key", "value", "min", "max", "pattern", "enum"),
            *("box", "sensitive", "documentation"),  # of no consequence
        }
    for name, member in operation.input["members"].items():
        assert member.get("location") in {None, "uri", "header", "querystring"}
        assert "location" in member or member.get("locationName", name) == name


START, INVOKE, LIST_SESSIONS = "StartCodeInterpreterSession", "InvokeCodeInterpreter", "ListCodeInterpreterSessions"
CREATE, GET, LIST = "CreateCodeInterpreter", "GetCodeInterpreter", "ListCodeInterpreters"
SESSION = {"codeInterpreterIdentifier": "local", "sessionId": "1"}
RIGHT: dict[str, dict[str, Any]] = {
    START: SESSION,
    INVOKE: {**SESSION, "name": "getTask"},
    LIST_SESSIONS: SESSION,
    CREATE: {"name": "mine", "networkConfiguration": {"networkMode": "SANDBOX"}},
    GET: {},
    LIST: {},
}
# Operation, members of a right request that are replaced, the one that is broken, and how the text about it begins.
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    (START, {"codeInterpreterIdentifier": None}, "codeInterpreterIdentifier", "not be null"),
    (START, {"name": ""}, "name", "have length greater than or equal to 1"),
    (START, {"name": "x" * 101}, "name", "have length less than or equal to 100"),
    (START, {"name": 5}, "name", "be a string"),
    (START, {"sessionTimeoutSeconds": 0}, "sessionTimeoutSeconds", "have value greater than or equal to 1"),
    (START, {"sessionTimeoutSeconds": 28801}, "sessionTimeoutSeconds", "have value less than or equal to 28800"),
    (START, {"sessionTimeoutSeconds": 1.5}, "sessionTimeoutSeconds", "be an integer"),
    (START, {"sessionTimeoutSeconds": True}, "sessionTimeoutSeconds", "be an integer"),
    (START, {"sessionTimeoutSeconds": "9"}, "sessionTimeoutSeconds", "be an integer"),
    (START, {"clientToken": "x" * 32}, "clientToken", "have length greater than or equal to 33"),
    (START, {"certificates": []}, "certificates", "have length greater than or equal to 1"),
    (START, {"certificates": [{"location": {}}]}, "certificates.1.member.location", "have exactly one of [secrets"),
    (INVOKE, {"name": "format"}, "name", "satisfy enum value set: [executeCode, "),
    (INVOKE, {"arguments": []}, "arguments", "be an object"),
    (INVOKE, {"arguments": {"language": "perl"}}, "arguments.language", "satisfy enum value set: [pyt"),
    (INVOKE, {"arguments": {"clearContext": 1}}, "arguments.clearContext", "be a boolean"),
    (INVOKE, {"arguments": {"paths": "a"}}, "arguments.paths", "be a list"),
    (INVOKE, {"arguments": {"paths": [1]}}, "arguments.paths.1.member", "be a string"),
    (INVOKE, {"arguments": {"content": [{}]}}, "arguments.content.1.member.path", "not be null"),
    (INVOKE, {"sessionId": "../x"}, "sessionId", "satisfy regular expression pattern: [0-9a-zA-Z]{1,40}"),
    (LIST_SESSIONS, {"maxResults": 101}, "maxResults", "have value less than or equal to 100"),
    (LIST_SESSIONS, {"status": "ACTIVE"}, "status", "satisfy enum value set: [READY, TERMINATED]"),
    (LIST_SESSIONS, {"nextToken": "a b"}, "nextToken", "satisfy regular expression pattern: \\S*"),
    (CREATE, {"name": "1st"}, "name", "satisfy regular expression pattern: [a-zA-Z]["),
    (CREATE, {"name": "x" * 49}, "name", "satisfy regular expression pattern: [a-zA-Z]["),
    (CREATE, {"networkConfiguration": {"networkMode": 1}}, "networkConfiguration.networkMode", "be a string"),
    (CREATE, {"networkConfiguration": None}, "networkConfiguration", "not be null"),
    (CREATE, {"executionRoleArn": "arn:aws:s3:::x"}, "executionRoleArn", "satisfy regular expression pattern: arn"),
    (CREATE, {"tags": {"a": "ü"}}, "tags.value", "satisfy regular expression pattern: [a-zA-Z0-9"),
    (CREATE, {"tags": {"ü": "a"}}, "tags.key", "satisfy regular expression pattern: [a-zA-Z0-9"),
    (CREATE, {"tags": {str(number): "" for number in range(51)}}, "tags", "have length less than or equal to 50"),
    (CREATE, {"tags": []}, "tags", "be an object"),
    (GET, {"codeInterpreterId": "local"}, "codeInterpreterId", "satisfy regular expression pattern: (aws"),
    (LIST, {"maxResults": "ten"}, "maxResults", "be an integer"),
    (LIST, {"type": "MINE"}, "type", "satisfy enum value set: [SYSTEM, CUSTOM]"),
    (INVOKE, {"sessionId": None}, "sessionId", "not be null"),
]


@pytest.mark.parametrize(("name", "members", "path", "rule"), REFUSED)
def test_a_broken_member_is_named(name: str, members: dict[str, Any], path: str, rule: str) -> None:
    with pytest.raises(ServiceError) as raised:
        OPERATIONS[name].check({**RIGHT[name], **members})
    [field] = raised.value.details["fieldList"]
    assert (raised.value.code, field["name"]) == ("ValidationException", path)
    assert field["message"].startswith(f"Member must {rule}")
    told = f"Value at '{path}' failed to satisfy constraint: {field['message']}"
    assert raised.value.message == f"1 validation error detected: {told}"


@pytest.mark.parametrize("name", [START, INVOKE, LIST_SESSIONS, CREATE, LIST])
def test_a_right_request_is_not_refused(name: str) -> None:
    assert OPERATIONS[name].check(RIGHT[name]).items() <= RIGHT[name].items()


@pytest.mark.aws(
    "assumed", "Requests", "A request that breaks the model is a `ValidationException` that names each broken member"
)
def test_every_broken_member_is_named() -> None:
    with pytest.raises(ServiceError, match=r"^2 validation errors detected: .*; .*") as raised:
        OPERATIONS[CREATE].check({**RIGHT[CREATE], "name": 5, "tags": []})
    assert [problem["name"] for problem in raised.value.details["fieldList"]] == ["name", "tags"]


def test_what_an_error_tells_is_bounded() -> None:
    arguments = {"paths": [1] * 100_000}
    with pytest.raises(ServiceError) as raised:
        OPERATIONS[INVOKE].check({**RIGHT[INVOKE], "arguments": arguments})
    assert len(raised.value.details["fieldList"]) == aws_model.MOST_VIOLATIONS


def blob(value: Any, **bounds: int) -> list[str]:
    shapes = {"Blob": {"type": "blob", **bounds}}
    return [violation.constraint for violation in aws_model.CHECKS["blob"](shapes["Blob"], shapes, "", value)]


@pytest.mark.parametrize("value", ["a", "ab=c", "YQ=", "Y*==", 7])
def test_a_blob_that_is_not_base64_is_refused(value: Any) -> None:
    assert blob(value) == ["Member must be base64"]


@pytest.mark.aws("documented", "Requests", "The bounds of blobs and strings count bytes and characters")
def test_the_bound_of_a_blob_counts_bytes() -> None:
    assert blob("YWJj", max=3) == []
    assert blob("YWJjZA==", max=3) == ["Member must have length less than or equal to 3"]


@pytest.mark.aws("assumed", "Requests", "Members that the model does not have, and null ones, are ignored")
def test_unknown_and_null_members_are_ignored() -> None:
    given = {"codeInterpreterIdentifier": "local", "name": None, "colour": "red"}
    assert OPERATIONS[START].check(given) == {"codeInterpreterIdentifier": "local"}
