"""The request shapes: equal to botocore's model, and what each refuses."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape
from botocore.session import Session

from agentcore_emulator.service import model, shapes
from agentcore_emulator.service.errors import ServiceError

SERVICES: list[ServiceModel] = [
    Session().get_service_model(name) for name in ("bedrock-agentcore", "bedrock-agentcore-control")
]
OPERATIONS = {
    "StartCodeInterpreterSession": model.START_SESSION,
    "InvokeCodeInterpreter": model.INVOKE,
    "StopCodeInterpreterSession": model.STOP_SESSION,
    "GetCodeInterpreterSession": model.GET_SESSION,
    "ListCodeInterpreterSessions": model.LIST_SESSIONS,
    "CreateCodeInterpreter": model.CREATE,
    "GetCodeInterpreter": model.GET,
    "ListCodeInterpreters": model.LIST,
    "DeleteCodeInterpreter": model.DELETE,
}


def ours(shape: Any) -> Any:  # noqa: PLR0911 - one for each kind
    """Our shape as comparable data."""
    match shape:
        case shapes.Structure():
            members = {name: ours(member) for name, member in shape.members.items()}
            return {"members": members, "required": sorted(shape.required), "union": shape.union}
        case shapes.List():
            return {"member": ours(shape.member), "min": shape.minimum, "max": shape.maximum}
        case shapes.Map():
            return {"key": ours(shape.key), "value": ours(shape.value), "min": shape.minimum, "max": shape.maximum}
        case shapes.Text():
            return {"min": shape.minimum, "max": shape.maximum, "pattern": shape.pattern, "enum": list(shape.enum)}
        case shapes.Blob():
            return {"blob": shape.maximum}
        case shapes.Integer():
            return {"min": shape.minimum, "max": shape.maximum}
    return type(shape).__name__


def theirs(shape: Shape) -> Any:  # noqa: PLR0911 - one for each kind
    """Botocore's shape in the same form."""
    bounds = shape.metadata
    match shape:
        case StructureShape():
            members = {name: theirs(member) for name, member in shape.members.items()}
            return {"members": members, "required": sorted(shape.required_members), "union": shape.is_tagged_union}
        case ListShape():
            return {"member": theirs(shape.member), "min": bounds.get("min", 0), "max": bounds.get("max")}
        case MapShape():
            return {"key": theirs(shape.key), "value": theirs(shape.value), **bounds}
        case StringShape():
            pattern = bounds.get("pattern")
            return {
                "min": bounds.get("min", 0), "max": bounds.get("max"), "pattern": pattern, "enum": shape.enum
            }  # fmt: skip
    if shape.type_name == "blob":
        return {"blob": bounds["max"]}
    if shape.type_name == "integer":
        return {"min": bounds["min"], "max": bounds["max"]}
    return shape.type_name.capitalize()


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_shape_equals_the_model(name: str) -> None:
    service = next(service for service in SERVICES if name in service.operation_names)
    shape = service.operation_model(name).input_shape
    assert shape is not None
    expected = theirs(shape)
    if name == "InvokeCodeInterpreter":
        expected["required"] = sorted([*expected["required"], "sessionId"])  # assumed, see the package
    assert ours(OPERATIONS[name]) == expected


def test_every_operation_is_there() -> None:
    named = [name for service in SERVICES for name in service.operation_names if "CodeInterpreter" in name]
    assert sorted(named) == sorted(OPERATIONS)


CREATE = {"name": "mine", "networkConfiguration": {"networkMode": "SANDBOX"}}
SESSION = {"codeInterpreterIdentifier": "local", "sessionId": "1"}
REFUSED: list[tuple[shapes.Structure, dict[str, Any], str]] = [
    (model.START_SESSION, {}, "codeInterpreterIdentifier"),
    (model.START_SESSION, {"codeInterpreterIdentifier": None}, "codeInterpreterIdentifier"),
    (model.START_SESSION, {**SESSION, "name": ""}, "name"),
    (model.START_SESSION, {**SESSION, "name": "x" * 101}, "name"),
    (model.START_SESSION, {**SESSION, "name": 5}, "name"),
    (model.START_SESSION, {**SESSION, "sessionTimeoutSeconds": 0}, "sessionTimeoutSeconds"),
    (model.START_SESSION, {**SESSION, "sessionTimeoutSeconds": 28801}, "sessionTimeoutSeconds"),
    (model.START_SESSION, {**SESSION, "sessionTimeoutSeconds": 1.5}, "sessionTimeoutSeconds"),
    (model.START_SESSION, {**SESSION, "sessionTimeoutSeconds": True}, "sessionTimeoutSeconds"),
    (model.START_SESSION, {**SESSION, "sessionTimeoutSeconds": "9"}, "sessionTimeoutSeconds"),
    (model.START_SESSION, {**SESSION, "clientToken": "x" * 32}, "clientToken"),
    (model.START_SESSION, {**SESSION, "certificates": []}, "certificates"),
    (model.START_SESSION, {**SESSION, "certificates": [{"location": {}}]}, "certificates.1.member.location"),
    (model.INVOKE, {**SESSION, "name": "format"}, "name"),
    (model.INVOKE, {**SESSION, "name": "getTask", "arguments": []}, "arguments"),
    (model.INVOKE, {**SESSION, "name": "executeCode", "arguments": {"language": "perl"}}, "arguments.language"),
    (model.INVOKE, {**SESSION, "name": "executeCode", "arguments": {"clearContext": 1}}, "arguments.clearContext"),
    (model.INVOKE, {**SESSION, "name": "readFiles", "arguments": {"paths": "a"}}, "arguments.paths"),
    (model.INVOKE, {**SESSION, "name": "readFiles", "arguments": {"paths": [1]}}, "arguments.paths.1.member"),
    (
        model.INVOKE,
        {**SESSION, "name": "writeFiles", "arguments": {"content": [{}]}},
        "arguments.content.1.member.path",
    ),
    (model.INVOKE, {**SESSION, "sessionId": "../x", "name": "getTask"}, "sessionId"),
    (model.LIST_SESSIONS, {**SESSION, "maxResults": 101}, "maxResults"),
    (model.LIST_SESSIONS, {**SESSION, "status": "ACTIVE"}, "status"),
    (model.LIST_SESSIONS, {**SESSION, "nextToken": "a b"}, "nextToken"),
    (model.CREATE, {**CREATE, "name": "1st"}, "name"),
    (model.CREATE, {**CREATE, "name": "x" * 49}, "name"),
    (model.CREATE, {**CREATE, "networkConfiguration": {"networkMode": "LOCAL"}}, "networkConfiguration.networkMode"),
    (model.CREATE, {"name": "x"}, "networkConfiguration"),
    (model.CREATE, {**CREATE, "executionRoleArn": "arn:aws:s3:::x"}, "executionRoleArn"),
    (model.CREATE, {**CREATE, "tags": {"a": "ü"}}, "tags.value"),
    (model.CREATE, {**CREATE, "tags": {"ü": "a"}}, "tags.key"),
    (model.CREATE, {**CREATE, "tags": {str(number): "" for number in range(51)}}, "tags"),
    (model.CREATE, {**CREATE, "tags": []}, "tags"),
    (model.GET, {"codeInterpreterId": "local"}, "codeInterpreterId"),
    (model.LIST, {"maxResults": "ten"}, "maxResults"),
    (model.LIST, {"type": "MINE"}, "type"),
]


@pytest.mark.parametrize(("shape", "members", "path"), REFUSED)
def test_a_broken_member_is_named(shape: shapes.Structure, members: dict[str, Any], path: str) -> None:
    with pytest.raises(ServiceError) as raised:
        shapes.check(shape, members)
    assert raised.value.code == "ValidationException"
    assert [problem["name"] for problem in raised.value.details["fieldList"]] == [path]
    assert raised.value.message.startswith(f"1 validation error detected: Value at '{path}' failed")


@pytest.mark.parametrize("blob", ["a", "ab=c", "YQ=", "Y*==", 7])
def test_a_blob_that_is_not_base64_is_refused(blob: Any) -> None:
    assert list(shapes.Blob(10).problems("x", blob)) == [("x", "Member must be base64")]


def test_the_bound_of_a_blob_counts_bytes() -> None:
    assert list(shapes.Blob(3).problems("x", "YWJj")) == []
    assert len(list(shapes.Blob(3).problems("x", "YWJjZA=="))) == 1


def test_unknown_and_null_members_are_ignored() -> None:
    given = {"codeInterpreterIdentifier": "local", "name": None, "colour": "red"}
    assert shapes.check(model.START_SESSION, given) == {"codeInterpreterIdentifier": "local"}
