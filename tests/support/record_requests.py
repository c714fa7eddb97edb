"""A child process: print the signed request that botocore makes for each operation, as JSON.

Run as `python -I record_requests.py FOLDER OPERATIONS`: FOLDER holds the botocore to use, OPERATIONS is a JSON object
of service -> operation names. Parameters come from that botocore's own model, so that a member it lacks shows too.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import re
import sys
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = dt.datetime(2026, 11, 23, 12, 0, 0)  # noqa: DTZ001 - naive, as botocore has it
PLACES = (
    {"region_name": "us-east-1"},
    {"region_name": "eu-central-1"},
    {"region_name": "ap-southeast-2"},
    {"region_name": "us-gov-west-1"},
    {"region_name": "cn-north-1"},
    {"region_name": "xx-future-9"},
)
OPTIONS: tuple[dict[str, Any], ...] = ({}, {"use_fips_endpoint": True}, {"use_dualstack_endpoint": True})


def values(shape: Any, *, full: bool, depth: int = 0) -> Any:
    """A value of a shape: required members only, or as much as there is."""
    kind = shape.type_name
    if kind == "structure":
        return structure(shape, full=full, depth=depth)
    if kind == "list":
        return [values(shape.member, full=full, depth=depth + 1)] * max(1, shape.metadata.get("min", 1))
    if kind == "map":
        return {"key": values(shape.value, full=full, depth=depth + 1)}
    if kind == "string":
        return (shape.enum or ["x" * max(20, shape.metadata.get("min", 1))])[0]
    simple = {"blob": b"x", "boolean": True, "timestamp": NOW, "float": 1.5, "double": 1.5}
    return simple.get(kind, max(1, shape.metadata.get("min", 1)))


def structure(shape: Any, *, full: bool, depth: int) -> Any:
    if getattr(shape, "is_document_type", False):
        return {"free": [1, "form"]}
    names = list(shape.members) if full and depth < 6 else shape.required_members
    if getattr(shape, "is_tagged_union", False):
        names = list(shape.members)[:1]
    return {name: values(shape.members[name], full=full, depth=depth + 1) for name in names}


class Nothing:
    """The body of an empty answer, as urllib3 would hand it over."""

    def stream(self, *_arguments: Any, **_options: Any) -> Iterator[bytes]:
        yield b""


def requests(client: Any, operation: str) -> Iterator[Any]:
    """What the client would send, once with required parameters only and once with all."""
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    sent: list[Any] = []

    def keep(request: Any, **_more: Any) -> AWSResponse:
        body = request.body if isinstance(request.body, (str, type(None))) else bytes(request.body).decode()
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        agent = sorted(re.split("[ ,/]", headers.pop("User-Agent")))  # its list of features is in no order
        sent.append([request.method, request.url, headers, agent, body])
        return AWSResponse(request.url, 200, HTTPHeaders(), Nothing())

    client.meta.events.register("before-send", keep)
    model = client.meta.service_model.operation_model(operation)
    for full in (False, True):
        parameters = values(model.input_shape, full=full) if model.input_shape else {}
        method = next(name for name, found in client.meta.method_to_api_mapping.items() if found == operation)
        try:
            getattr(client, method)(**parameters)
        except Exception as error:  # noqa: BLE001 - an empty answer may not parse; what counts is the request
            sent.append(type(error).__name__)
    yield from sent


def main(folder: str, operations: dict[str, list[str]]) -> None:
    """Record every operation in every place."""
    sys.path.insert(0, folder)
    uuid.uuid4 = lambda: uuid.UUID(int=0)
    import boto3
    import botocore
    from botocore.config import Config

    importlib.import_module("botocore.auth").__dict__["get_current_datetime"] = lambda **_: NOW
    session: Any = boto3.Session(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="dummy-secret")
    recorded: dict[str, Any] = {"version": botocore.__version__}
    for place in PLACES:
        for options in OPTIONS:
            for service, names in operations.items():
                try:
                    client = session.client(service, **place, config=Config(**options))
                except Exception as error:  # noqa: BLE001 - both must fail alike
                    recorded[f"{place} {options} {service}"] = repr(error)
                    continue
                for name in names:
                    recorded[f"{place} {options} {service} {name}"] = list(requests(client, name))
    json.dump(recorded, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
