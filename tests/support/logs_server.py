"""moto's server with a CloudWatch Logs whose queries take their time, are evaluated, stopped, and go wrong at will."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests
from moto.core.exceptions import JsonRESTError
from moto.logs import models
from moto.logs.responses import LogsResponse
from moto.server import ThreadedMotoServer

from support import insights_query

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "dummy-secret"}


@dataclass
class LogsServer:
    """A pretend account.

    Attributes:
        url: Where it serves; all of moto's services do.
        actions: Calls of Logs, as IAM policies name them.
        refused: Names of operations that are answered with an error, and its code; a number behind `:` counts down.
        final: The status in which queries end.
        looks_while_running: After how many looks they do.
        page_rows: How many rows one look at a finished query shows.
        queries: Looks at each query so far; None when it was stopped.
    """

    url: str
    actions: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    final: str = "Complete"
    looks_while_running: int = 2
    page_rows: int = insights_query.MOST_ROWS
    queries: dict[str, int | None] = field(default_factory=dict)

    def reset(self) -> None:
        """Forget everything."""
        requests.post(f"{self.url}/moto-api/reset", timeout=300).raise_for_status()
        self.actions.clear()
        self.refused.clear()
        self.queries.clear()
        self.final, self.looks_while_running, self.page_rows = "Complete", 2, insights_query.MOST_ROWS

    def client(self, service: str, region: str = REGION) -> Any:
        """boto3's client of a service."""
        keys = {name.lower(): value for name, value in KEYS.items()}
        make: Any = boto3.client  # the stubs know only literal names
        return make(service, endpoint_url=self.url, region_name=region, **keys)

    def variables(self) -> dict[str, str]:
        """What a program needs to use it, in a sandbox or not."""
        return {"AWS_ENDPOINT_URL": self.url, **KEYS}

    def put(self, log_group: str, events: list[tuple[int, dict[str, Any]]], region: str = REGION) -> None:
        """Make a log group with events; times are milliseconds since 1970."""
        client = self.client("logs", region)
        client.create_log_group(logGroupName=log_group)
        client.create_log_stream(logGroupName=log_group, logStreamName="trail")
        rows = [{"timestamp": at, "message": json.dumps(event)} for at, event in sorted(events, key=lambda row: row[0])]
        for start in range(0, len(rows), insights_query.MOST_ROWS):
            part = rows[start : start + insights_query.MOST_ROWS]
            client.put_log_events(logGroupName=log_group, logStreamName="trail", logEvents=part)

    def refuse(self, action: str) -> None:
        """Raise what a test wants this operation to be answered with."""
        code, _, times = self.refused.get(action, "").partition(":")
        if times == "0" or not code:
            return
        if times:
            self.refused[action] = f"{code}:{int(times) - 1}"
        raise JsonRESTError(code, f"{code} of the test")

    def status(self, query_id: str) -> str:
        """Count a look at a query."""
        looks = self.queries.get(query_id, 0)
        if looks is None:
            return "Cancelled"
        self.queries[query_id] = looks + 1
        return ("Running" if looks else "Scheduled") if looks < self.looks_while_running else self.final

    def page(self, results: list[Any], token: str) -> dict[str, Any]:
        """A part of an answer, and where the next one begins."""
        start = int(token or 0)
        end = start + self.page_rows
        return {"results": results[start:end], **({"nextToken": str(end)} if end < len(results) else {})}


def _execute(log_groups: list[Any], query: str, start_time: int, end_time: int) -> list[dict[str, str]]:
    """In place of moto's engine. Both ends of the range count, as the API reference says."""
    streams = [stream for group in log_groups for stream in group.streams.values()]
    events = [event for stream in streams for event in stream.events]
    chosen = [(each.timestamp, each.message) for each in events if start_time <= each.timestamp // 1000 <= end_time]
    try:
        return insights_query.execute(chosen, query)
    except insights_query.MalformedQueryError as error:
        raise JsonRESTError("MalformedQueryException", str(error)) from None


def _patch(server: LogsServer, patch: pytest.MonkeyPatch) -> None:
    plain_call, plain_results = LogsResponse.call_action, LogsResponse.get_query_results

    def call_action(response: Any) -> Any:
        action = response._get_action()
        server.actions.append(f"logs:{action}")
        return plain_call(response)

    def start_query(response: Any) -> str:
        server.refuse("StartQuery")
        named = response._get_param("logGroupIdentifiers") or [response._get_param("logGroupName")]
        names = [name.rpartition("log-group:")[2] for name in named]
        times = (response._get_int_param(name) for name in ("startTime", "endTime"))
        return json.dumps(
            {"queryId": response.logs_backend.start_query(names, *times, response._get_param("queryString"))}
        )

    def get_query_results(response: Any) -> str:
        server.refuse("GetQueryResults")
        status = server.status(response._get_param("queryId"))
        results = json.loads(plain_results(response))["results"] if status == "Complete" else []
        page = server.page(results, response._get_param("nextToken"))
        return json.dumps({**page, "status": status, "statistics": {"bytesScanned": 1000.0}})

    def stop_query(response: Any) -> str:
        server.refuse("StopQuery")
        server.queries[response._get_param("queryId")] = None
        return json.dumps({"success": True})

    patch.setattr(models, "execute_query", _execute)
    for replacement in (call_action, start_query, get_query_results, stop_query):
        patch.setattr(LogsResponse, replacement.__name__, replacement, raising=False)


@contextmanager
def serve() -> Iterator[LogsServer]:
    """Serve an empty account on a loopback port until the block ends. One at a time: moto has one for a process."""
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        server = LogsServer(f"http://{host}:{port}")
        with pytest.MonkeyPatch.context() as patch:
            _patch(server, patch)
            server.reset()
            yield server
    finally:
        moto.stop()
