"""Trimmed, botocore does what it does untrimmed."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

from plugin_build.botocore_data import KEPT_OPERATIONS
from plugin_build.source_tree import ROOT
from support import record_requests
from support.processes import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botocore.model import Shape

UNTRIMMED = Path(botocore.__file__).parents[1]


def loader(folder: Path) -> Loader:
    return Loader(extra_search_paths=[str(folder / "botocore" / "data")], include_default_search_paths=False)


def model(folder: Path, service: str) -> ServiceModel:
    return ServiceModel(loader(folder).load_service_model(service, "service-2"), service)


def described(shape: Shape | None, seen: tuple[str, ...] = ()) -> Any:
    """A shape with all that it is made of, but for documentation."""
    if shape is None or shape.name in seen:
        return shape and shape.name
    inner = {name: getattr(shape, name) for name in ("member", "key", "value") if hasattr(shape, name)}
    parts = {**getattr(shape, "members", {}), **inner}
    facts = (shape.name, shape.type_name, shape.metadata, shape.serialization, getattr(shape, "enum", None))
    return [repr(facts), {name: described(part, (*seen, shape.name)) for name, part in parts.items()}]


@pytest.mark.parametrize("service", KEPT_OPERATIONS)
def test_every_kept_service_and_operation_is_as_it_was(tree: Path, service: str) -> None:
    trimmed, untrimmed = model(tree, service), model(UNTRIMMED, service)
    assert sorted(trimmed.operation_names) == sorted(KEPT_OPERATIONS[service])
    assert trimmed.metadata == untrimmed.metadata
    for name in trimmed.operation_names:
        ours, theirs = trimmed.operation_model(name), untrimmed.operation_model(name)
        assert (ours.http, ours.auth_type, ours.endpoint) == (theirs.http, theirs.auth_type, theirs.endpoint)
        assert described(ours.input_shape) == described(theirs.input_shape)
        assert described(ours.output_shape) == described(theirs.output_shape)
        assert [described(shape) for shape in ours.error_shapes] == [described(shape) for shape in theirs.error_shapes]


@pytest.mark.parametrize("service", KEPT_OPERATIONS)
@pytest.mark.parametrize("kind", ["paginators-1", "waiters-2"])
def test_paginators_and_waiters_of_kept_operations_stay(tree: Path, service: str, kind: str) -> None:
    if service not in loader(UNTRIMMED).list_available_services(kind):
        assert service not in loader(tree).list_available_services(kind)
        return
    trimmed, untrimmed = (loader(folder).load_service_model(service, kind) for folder in (tree, UNTRIMMED))
    rules = "pagination" if kind == "paginators-1" else "waiters"
    kept = {
        name: {key: value for key, value in rule.items() if key != "documentation"}
        for name, rule in untrimmed[rules].items()
        if rule.get("operation", name) in KEPT_OPERATIONS[service]
    }
    assert trimmed[rules] == kept


def test_no_documentation_and_no_other_service(tree: Path) -> None:
    data = tree / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == set(KEPT_OPERATIONS)
    for path in data.rglob("*.json"):
        assert '"documentation":"' not in path.read_text(), path.name


def methods(services: Iterable[str]) -> dict[str, set[str]]:
    """Name of each method of the services' clients -> the operations that it can be."""
    found: dict[str, set[str]] = {}
    for service in services:
        for name in model(UNTRIMMED, service).operation_names:
            found.setdefault(xform_name(name), set()).add(name)
    return found


def test_every_operation_that_the_source_names_is_kept() -> None:
    known = methods(KEPT_OPERATIONS)
    kept = {name for names in KEPT_OPERATIONS.values() for name in names}
    named = set()
    for path in (ROOT / "src" / "agentcore_sandbox").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        named |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        named |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        for node in nodes:  # every client is of a kept service
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "client":
                services = [word.value for word in node.args if isinstance(word, ast.Constant)]
                assert set(services) <= set(KEPT_OPERATIONS), path
    called = named & set(known)
    assert {"invoke_code_interpreter", "get_caller_identity", "describe_route_tables"} <= called
    called -= {"list_sessions"}  # a tool of our MCP server too
    assert {name for name in called if not known[name] & kept} == set()


@pytest.mark.nightly
def test_the_requests_are_the_same_to_the_signature(tree: Path) -> None:
    recorded = []
    for folder in (tree, UNTRIMMED):
        command = [sys.executable, "-I", record_requests.__file__, str(folder), json.dumps(KEPT_OPERATIONS)]
        done = subprocess.run(command, capture_output=True, env={"HOME": "/dev/null"}, timeout=DEADLINE, check=True)
        recorded.append(json.loads(done.stdout))
    trimmed, untrimmed = recorded
    assert trimmed == untrimmed
    signed = [sent for sent in trimmed.values() if sent and isinstance(sent[0], list)]
    assert len(signed) > len(record_requests.PLACES) * sum(map(len, KEPT_OPERATIONS.values()))
