"""Trim botocore to the services and operations that the command line uses.

botocore ships models of some 400 services (28 MB); reading even the few that are used costs most of a client's
creation when they come with operations and documentation that nobody asks for. Each session registers the event
handlers of all of them.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader

from plugin_build.source_tree import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The allow-list: what is not here does not ship. An operation brings its shapes, paginator and waiters along.
KEPT_OPERATIONS: dict[str, tuple[str, ...]] = {
    # sessions and executions
    "bedrock-agentcore": (
        "GetCodeInterpreterSession",
        "InvokeCodeInterpreter",
        "ListCodeInterpreterSessions",
        "StartCodeInterpreterSession",
        "StopCodeInterpreterSession",
    ),
    # interpreters
    "bedrock-agentcore-control": (
        "CreateCodeInterpreter",
        "DeleteCodeInterpreter",
        "GetCodeInterpreter",
        "ListCodeInterpreters",
        "ListTagsForResource",
        "TagResource",
        "UntagResource",
    ),
    # set-up: role, policies; what a caller may do
    "iam": (
        "CreatePolicy",
        "CreatePolicyVersion",
        "CreateRole",
        "DeletePolicy",
        "DeletePolicyVersion",
        "DeleteRole",
        "DeleteRolePolicy",
        "DetachGroupPolicy",
        "DetachRolePolicy",
        "DetachUserPolicy",
        "GetPolicy",
        "GetPolicyVersion",
        "GetRole",
        "GetRolePolicy",
        "ListAttachedRolePolicies",
        "ListEntitiesForPolicy",
        "ListPolicyVersions",
        "ListRolePolicies",
        "PutRolePolicy",
        "SetDefaultPolicyVersion",
        "SimulatePrincipalPolicy",
        "UpdateAssumeRolePolicy",
    ),
    # set-up: a look at the network of a VPC
    "ec2": ("DescribeRouteTables", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcEndpoints"),
    # set-up: a look at the file systems of mounts
    "efs": ("DescribeAccessPoints", "DescribeMountTargetSecurityGroups", "DescribeMountTargets"),
    "s3files": ("GetAccessPoint", "GetMountTarget", "ListMountTargets"),
    # credentials: assume-role and web identity profiles; who the caller is
    "sts": ("AssumeRole", "AssumeRoleWithWebIdentity", "GetCallerIdentity"),
    # credentials: IAM Identity Center profiles, and the renewal of their token
    "sso": ("GetRoleCredentials",),
    "sso-oidc": ("CreateToken",),
    # credentials: the renewal of an `aws login` session
    "signin": ("CreateOAuth2Token",),
}
# Read whatever the service: retry rules, partitions, the defaults modes, and the endpoints trimmed below.
KEPT_FILES = ("_retry.json", "partitions.json", "sdk-default-configuration.json")
MODEL_TYPES = ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1")

_FILTER_HANDLERS = """
# Added by agentcore-sandbox: see plugin_build.botocore_data in its source.
_SERVICES = %s
BUILTIN_HANDLERS = [
    handler
    for handler in BUILTIN_HANDLERS
    if not handler[0].startswith("docs.") and f"{handler[0]}.".split(".")[1] in _SERVICES
]
"""


def trim(botocore: Path) -> None:
    """Reduce an installed botocore to what `KEPT_OPERATIONS` needs of it.

    Args:
        botocore: The package's folder, of the version that runs the build.

    Raises:
        BuildError: A service or an operation of the allow-list is not in the data, or there is no list of handlers.
    """
    _trim_data(botocore / "data")
    trim_handlers(botocore / "handlers.py")


def _trim_data(data: Path) -> None:
    files = dict(_trimmed_files(data))
    shutil.rmtree(data)
    for name, content in files.items():
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def trim_handlers(path: Path) -> None:
    """Keep handlers of shipped services and of all; an event's second part is its service, if it has one.

    Those that begin with `docs` write documentation. Line numbers stay, so that tracebacks fit botocore's source.
    """
    text = path.read_text(encoding="utf-8")
    if "\nBUILTIN_HANDLERS = [\n" not in text:
        raise BuildError(f"botocore/handlers.py has no list BUILTIN_HANDLERS any more: mend {__name__}")
    services = {"", *KEPT_OPERATIONS}
    path.write_text(f"{text}{_FILTER_HANDLERS % sorted(services)}", encoding="utf-8")


def _trimmed_files(data: Path) -> Iterator[tuple[str, Any]]:
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    prefixes = set()
    for service, operations in KEPT_OPERATIONS.items():
        models = dict(_service_models(loader, service, operations))
        prefixes.add(models["service-2"]["metadata"]["endpointPrefix"])
        version = loader.determine_latest_version(service, "service-2")
        yield from ((f"{service}/{version}/{name}.json", model) for name, model in models.items())
    for name in KEPT_FILES:
        yield name, json.loads((data / name).read_text(encoding="utf-8"))
    yield "endpoints.json", _trim_endpoints(loader.load_data("endpoints"), prefixes)


def _service_models(loader: Loader, service: str, operations: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """A service's models by type, with the corrections of botocore's `sdk-extras` merged in."""
    trimmers = {"service-2": _trim_service, "paginators-1": _trim_paginators, "waiters-2": _trim_waiters}
    for name in MODEL_TYPES:
        if service not in loader.list_available_services(name):
            continue
        model = _without_documentation(loader.load_service_model(service, name))
        yield name, trimmers[name](model, operations) if name in trimmers else model


def _trim_service(model: Any, operations: tuple[str, ...]) -> Any:
    if missing := set(operations) - set(model["operations"]):
        raise BuildError(f"botocore has no {', '.join(sorted(missing))}: mend KEPT_OPERATIONS in {__name__}")
    kept = {name: model["operations"][name] for name in operations}
    return {**model, "operations": kept, "shapes": _reachable(kept, model["shapes"])}


def _reachable(operations: Any, shapes: Any) -> Any:
    """The shapes that the operations refer to, directly or through other shapes."""
    reached: dict[str, Any] = {}
    waiting = list(_references(operations))
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = shapes[name]
            waiting.extend(_references(shapes[name]))
    return dict(sorted(reached.items()))


def _references(node: Any) -> Iterator[str]:
    """Every `"shape": NAME` below a node of a model."""
    if isinstance(node, dict):
        if isinstance(node.get("shape"), str):
            yield node["shape"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _references(child)


def _trim_paginators(model: Any, operations: tuple[str, ...]) -> Any:
    return {**model, "pagination": {name: rule for name, rule in model["pagination"].items() if name in operations}}


def _trim_waiters(model: Any, operations: tuple[str, ...]) -> Any:
    waiters = {name: waiter for name, waiter in model["waiters"].items() if waiter["operation"] in operations}
    return {**model, "waiters": waiters}


def _trim_endpoints(endpoints: Any, prefixes: set[str]) -> Any:
    """Partitions with their regions, and of their services only those with one of the endpoint prefixes."""
    partitions = [
        {**partition, "services": {name: rule for name, rule in partition["services"].items() if name in prefixes}}
        for partition in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def _without_documentation(node: Any) -> Any:
    """Drop documentation strings; a member that is called `documentation` is a mapping and stays."""
    if isinstance(node, dict):
        kept = {key: value for key, value in node.items() if key != "documentation" or not isinstance(value, str)}
        return {key: _without_documentation(value) for key, value in kept.items()}
    return [_without_documentation(child) for child in node] if isinstance(node, list) else node
