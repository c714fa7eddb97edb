"""Who was denied what, from where, how often: an aggregate of CloudTrail's events by CloudWatch Logs Insights.

It runs inside the sandbox, with the permissions of the interpreter's execution role, and is told by variables what to
look for: see `SETTINGS`. The table or the JSON goes to standard output, what it is doing to standard error. Insights
discovers the fields of JSON by their names, here those of the CloudTrail record reference.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NoReturn

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable

SETTINGS = {
    "LOG_GROUP": "name or ARN of the log group that the trail writes to",
    "HOURS": "how far to look back; a fraction is taken (24)",
    "REGION": "the log group's region (of its ARN, else AWS_REGION)",
    "ERROR_CODES": "codes to look for, with commas; * stands for anything (AccessDenied*,*UnauthorizedOperation)",
    "TOP": "how many lines to show, the most frequent first; 0 shows all (20)",
    "FORMAT": "table or json (table)",
    "CHART": "a file for a bar chart, such as chart.png (none)",
    "WAIT_SECONDS": "how long to wait for all queries together (540)",
}
# The metric filter for unauthorized API calls of the CIS AWS Foundations Benchmark has these two.
ERROR_CODES = "AccessDenied*,*UnauthorizedOperation"
ACTIONS = ("logs:StartQuery", "logs:GetQueryResults", "logs:StopQuery", "logs:DescribeLogGroups")
MOST_ROWS = 10_000  # that one answer of Insights holds
FIRST_PAUSE, PAUSE_GROWTH, LONGEST_PAUSE = 0.25, 1.6, 5.0  # seconds between two looks at a query
ATTEMPTS, CONNECT_SECONDS = 6, 5
RUNNING = ("Scheduled", "Running", "Unknown")
HOUR, SECOND = 3_600_000, 1_000  # milliseconds
LARGEST_NUMBER = 1_000_000
SHORTEST_WORD = 3  # of a log group's name that is worth looking for
ARN = re.compile(r"arn:[a-z-]+:logs:([a-z0-9-]+):[0-9]{12}:log-group:([A-Za-z0-9._/#-]+)(:\*)?")


class ReportError(Exception):
    """What stops the report; the message tells what happened and what to do."""


@dataclass(frozen=True)
class Group:
    """Events with the same caller, action, source and error.

    Attributes:
        who: ARN of the caller; of a service its name.
        source: IP address, or a service's name.
        first: Time of the first event, milliseconds since 1970; `last` that of the last one.
    """

    who: str
    service: str
    action: str
    source: str
    error: str
    count: int
    first: int
    last: int

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two groups of different times the same."""
        return (self.who, self.service, self.action, self.source, self.error)

    def merged(self, other: Group) -> Group:
        """This group and its counterpart of another time."""
        first, last = min(self.first, other.first), max(self.last, other.last)
        return replace(self, count=self.count + other.count, first=first, last=last)


@dataclass(frozen=True)
class Request:
    """What to look for; see `SETTINGS`. Times are milliseconds since 1970, `end` is not part of the range."""

    log_group: str
    region: str
    start: int
    end: int
    error_codes: tuple[str, ...]
    top: int
    as_json: bool
    chart: str
    wait_seconds: float


def read_request(variables: dict[str, str], now: float) -> Request:
    """Read the settings, which may also be fields of an item that this program is run for.

    Args:
        variables: Of the process.
        now: Seconds since 1970.

    Raises:
        ReportError: One is missing or wrong.
    """
    fields = {name: variables[f"ITEM_{name}"] for name in SETTINGS if f"ITEM_{name}" in variables}
    variables = {**variables, **fields}
    log_group, region = read_log_group(variables.get("LOG_GROUP", ""))
    region = variables.get("REGION") or region or variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION", "")
    if not region:
        raise ReportError("no region: set REGION")
    end = int(now) * SECOND + SECOND  # whole seconds, the present one included
    output = variables.get("FORMAT") or "table"
    if output not in ("table", "json"):
        raise ReportError(f"FORMAT must be table or json, not {output!r}")
    return Request(
        log_group=log_group,
        region=region,
        start=end - int(number(variables, "HOURS", 24.0, least=1 / 3600) * HOUR),
        end=end,
        error_codes=read_error_codes(variables.get("ERROR_CODES") or ERROR_CODES),
        top=int(number(variables, "TOP", 20, least=0)),
        as_json=output == "json",
        chart=variables.get("CHART", ""),
        wait_seconds=number(variables, "WAIT_SECONDS", 540.0, least=1),
    )


def read_log_group(text: str) -> tuple[str, str]:
    """The log group as Logs takes it, and the region that its ARN names."""
    arn = ARN.fullmatch(text)
    if arn:
        return text.removesuffix(":*"), arn[1]
    if not re.fullmatch(r"[A-Za-z0-9._/#-]{1,512}", text):
        raise ReportError(f"LOG_GROUP must be the name or the ARN of a log group, not {text!r}")
    return text, ""


def read_error_codes(text: str) -> tuple[str, ...]:
    """The patterns of error codes; nothing in them can end the query's regular expression."""
    codes = tuple(code.strip() for code in text.split(",") if code.strip())
    wrong = [code for code in codes if not re.fullmatch(r"[A-Za-z0-9_.:*-]{1,128}", code)]
    if wrong or not codes:
        raise ReportError(f"ERROR_CODES must be names such as AccessDenied or Access*, with commas, not {text!r}")
    return codes


def number(variables: dict[str, str], name: str, default: float, least: float) -> float:
    """A setting that is a number."""
    text = variables.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not least <= value <= LARGEST_NUMBER:  # also refuses nan and inf
        raise ReportError(f"{name} must be a number of at least {least:.4g}, not {text!r}")
    return value


def query(request: Request, start: int, end: int) -> str:
    """The query for a part of the time range.

    The range is in the query too, because StartQuery's own counts whole seconds and includes both ends: parts that
    touch would count some events twice. Assumed, as the user guide has it and no recording shows it: an alias of
    `fields` can be filtered, aggregated and grouped by, and the least and largest of `toMillis` are numbers.
    """
    patterns = "|".join(re.escape(code).replace(r"\*", ".*") for code in request.error_codes)
    who = "coalesce(userIdentity.arn, userIdentity.invokedBy, userIdentity.principalId) as who"
    by = "who, eventSource, eventName, sourceIPAddress, errorCode"
    commands = (
        f"fields toMillis(@timestamp) as at, {who}",
        f"filter errorCode like /^({patterns})$/",
        f"filter at >= {start} and at < {end}",
        f"stats count(*) as events, min(at) as first, max(at) as last by {by}",
        "sort events desc",
        f"limit {MOST_ROWS}",
    )
    return " | ".join(commands)


class Insights:
    """Queries of one log group, each waited for and stopped when this program stops.

    Args:
        client: boto3's client of CloudWatch Logs.
        request: What to look for.
    """

    def __init__(self, client: Any, request: Request) -> None:
        self._client = client
        self._request = request
        self._deadline = time.monotonic() + request.wait_seconds
        self.queries = 0
        self.scanned_bytes = 0
        self.cut_parts: list[tuple[int, int]] = []

    def groups(self, start: int, end: int) -> list[Group]:
        """All groups of a time range. Where one answer is full, the halves of the range are asked for instead."""
        rows = self._run(start, end)
        found = gather(map(read_row, rows))
        if len(rows) < MOST_ROWS:
            return found
        middle = start + (end - start) // (2 * SECOND) * SECOND
        if middle == start or self._time_is_up():
            self.cut_parts.append((start, end))
            return found
        return gather([*self.groups(start, middle), *self.groups(middle, end)])

    def _time_is_up(self) -> bool:
        return time.monotonic() > self._deadline

    def _run(self, start: int, end: int) -> list[list[dict[str, str]]]:
        self.queries += 1
        tell(f"query {self.queries}: {moment(start)} to {moment(end)}")
        is_arn = self._request.log_group.startswith("arn:")
        where = (
            {"logGroupIdentifiers": [self._request.log_group]} if is_arn else {"logGroupName": self._request.log_group}
        )
        text = query(self._request, start, end)
        started = self._client.start_query(**where, startTime=start // SECOND, endTime=end // SECOND, queryString=text)
        try:
            answer = self._wait(started["queryId"])
        except BaseException:
            self._stop(started["queryId"])
            raise
        if answer["status"] != "Complete":
            raise ReportError(f"CloudWatch Logs ended the query as {answer['status']}: ask for fewer HOURS")
        self.scanned_bytes += int(answer.get("statistics", {}).get("bytesScanned", 0))
        return self._pages(started["queryId"], answer)

    def _wait(self, query_id: str) -> dict[str, Any]:
        pause = FIRST_PAUSE
        while True:
            answer: dict[str, Any] = self._client.get_query_results(queryId=query_id)
            if answer["status"] not in RUNNING:
                return answer
            if self._time_is_up():
                raise ReportError("the queries take too long: ask for fewer HOURS, or raise WAIT_SECONDS")
            time.sleep(pause)
            pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE)

    def _pages(self, query_id: str, answer: dict[str, Any]) -> list[list[dict[str, str]]]:
        rows: list[list[dict[str, str]]] = answer["results"]
        while answer.get("nextToken"):
            answer = self._client.get_query_results(queryId=query_id, nextToken=answer["nextToken"])
            rows += answer["results"]
        return rows

    def _stop(self, query_id: str) -> None:
        try:
            self._client.stop_query(queryId=query_id)
            tell("the query was stopped")
        except (BotoCoreError, ClientError) as error:
            tell(f"the query was not stopped: {error}")


def read_row(row: list[dict[str, str]]) -> Group:
    """A row of the answer. A field that an event lacks is not there; numbers can come as 1.7E12."""
    values = {cell["field"]: cell["value"] for cell in row}
    names = ("who", "eventSource", "eventName", "sourceIPAddress", "errorCode")
    who, service, action, source, error = (plain(values.get(name) or "-") for name in names)
    count, first, last = (int(float(values[name])) for name in ("events", "first", "last"))
    return Group(who, service, action, source, error, count, first, last)


def gather(groups: Iterable[Group]) -> list[Group]:
    """Groups of times that do not overlap, and of callers that look the same, each once; the most frequent first."""
    found: dict[tuple[str, ...], Group] = {}
    for group in groups:
        known = found.get(group.key)
        found[group.key] = known.merged(group) if known else group
    return sorted(found.values(), key=lambda group: (-group.count, group.key))


def plain(text: str) -> str:
    """Text of a log on one line: whoever makes an event chooses some of it, also control sequences for a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def moment(milliseconds: int) -> str:
    """A time, to the second, in UTC."""
    return datetime.fromtimestamp(milliseconds // SECOND, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def report(request: Request, groups: list[Group], insights: Insights) -> dict[str, Any]:
    """The report as data."""
    shown = groups[: request.top or None]
    return {
        "logGroup": request.log_group,
        "region": request.region,
        "from": moment(request.start),
        "to": moment(request.end),
        "errorCodes": list(request.error_codes),
        "events": sum(group.count for group in groups),
        "groups": len(groups),
        "truncated": [{"from": moment(start), "to": moment(end)} for start, end in insights.cut_parts],
        "queries": insights.queries,
        "scannedBytes": insights.scanned_bytes,
        "rows": [{**asdict(group), "first": moment(group.first), "last": moment(group.last)} for group in shown],
    }


def as_table(found: dict[str, Any]) -> str:
    """The report to read."""
    head = ("COUNT", "WHO", "WHAT", "FROM", "ERROR", "FIRST", "LAST")
    lines = [head, *(cells(row) for row in found["rows"])]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    table = [
        line[0].rjust(widths[0])
        + "".join(f"  {cell:{width}}" for cell, width in zip(line[1:], widths[1:], strict=True))
        for line in lines
    ]
    return "\n".join([summary(found), "", *(line.rstrip() for line in table)] if found["rows"] else [summary(found)])


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A line of the table; the parts of ARNs and names that are the same everywhere are left out."""
    who = re.sub(r"^arn:[a-z-]+:(iam|sts)::", "", row["who"])
    what = f"{re.sub(r'[.]amazonaws[.]com(.cn)?$', '', row['service'])}:{row['action']}"
    return (str(row["count"]), who, what, row["source"], row["error"], row["first"], row["last"])


def summary(found: dict[str, Any]) -> str:
    """What the table is about, and what is not in it."""
    text = (
        f"{found['events']} events ({', '.join(found['errorCodes'])}) in {found['groups']} groups, "
        f"{found['from']} to {found['to']}, log group {found['logGroup']}, {found['region']}"
    )
    if len(found["rows"]) < found["groups"]:
        text += f"\nThe {len(found['rows'])} most frequent groups; TOP=0 shows all."
    for part in found["truncated"]:
        text += (
            f"\nNOT COMPLETE: {part['from']} to {part['to']} has more than {MOST_ROWS} groups; the rarest are left out."
        )
    return text


def draw(found: dict[str, Any], path: str) -> None:
    """Draw the shown groups as bars.

    Raises:
        ReportError: matplotlib is not there, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ReportError("no chart: this interpreter has no matplotlib") from None
    bars: Counter[str] = Counter()
    for count, who, what, *_ in map(cells, found["rows"]):
        bars[f"{who}  {what}".replace("$", r"\$")] += int(count)
    figure = Figure(figsize=(10, 1.5 + 0.35 * len(bars)), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(list(bars), list(bars.values()))
    axes.invert_yaxis()
    axes.set_title(f"Access denied, {found['from']} to {found['to']}")
    axes.set_xlabel("events")
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise ReportError(f"no chart: {error}") from None


def explain(client: Any, request: Request, error: Exception) -> str:
    """What an error of AWS means for whoever asked."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    if code in ("AccessDeniedException", "UnrecognizedClientException"):
        needs = f"The execution role needs {', '.join(ACTIONS)}"
        return f"{error}\n{needs}: agentcore-sandbox policy execution --logs-group ARN"
    if code == "ResourceNotFoundException":
        return f"no log group {request.log_group} in {request.region}{similar(client, request)}"
    if code in ("EndpointConnectionError", "ConnectTimeoutError"):
        return f"{error}\nNo way to CloudWatch Logs: it takes network mode PUBLIC, or a VPC endpoint"
    if code == "NoCredentialsError":
        return "no credentials: this interpreter has no execution role"
    return f"{code}: {error}"


def similar(client: Any, request: Request) -> str:
    """Names of log groups that could be meant."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", request.log_group) if len(word) >= SHORTEST_WORD]
    pattern = max(words, key=len, default="trail")
    try:
        found = client.describe_log_groups(logGroupNamePattern=pattern, limit=10)["logGroups"]
    except (BotoCoreError, ClientError):
        return ""
    return "; there is " + ", ".join(plain(group["logGroupName"]) for group in found) if found else ""


def tell(text: str) -> None:
    """Say what is going on."""
    print(text, file=sys.stderr, flush=True)


def stop(_number: int, _frame: object) -> NoReturn:
    """Let a request to end stop the query that is running."""
    raise KeyboardInterrupt


def run(request: Request) -> None:
    """Query, and print the report.

    Raises:
        ReportError: What went wrong.
    """
    # Standard mode backs off when too many queries run.
    config = Config(retries={"mode": "standard", "max_attempts": ATTEMPTS}, connect_timeout=CONNECT_SECONDS)
    client = boto3.client("logs", region_name=request.region, config=config)
    insights = Insights(client, request)
    try:
        groups = insights.groups(request.start, request.end)
    except (BotoCoreError, ClientError) as error:
        raise ReportError(explain(client, request, error)) from None
    found = report(request, groups, insights)
    print(json.dumps(found, indent=1) if request.as_json else as_table(found))
    tell(f"queries: {insights.queries}, bytes scanned: {insights.scanned_bytes}")
    if request.chart:
        draw(found, request.chart)
        tell(f"chart in {request.chart}")


def main() -> int:
    """Run the program; gives its exit status."""
    signal.signal(signal.SIGTERM, stop)
    try:
        run(read_request(dict(os.environ), time.time()))
    except ReportError as failure:
        tell(f"error: {failure}")
        return 1
    except KeyboardInterrupt:
        tell("interrupted")
        return 130
    return 0


if __name__ == "__main__":
    exit_status = main()
    if exit_status:  # sys.exit(0) would be an error in a session's Python, where it is an exception like any other
        sys.exit(exit_status)
