"""The script of the skill cloudtrail-access-denied: real boto3 against Logs on loopback, also inside the sandbox."""

from __future__ import annotations

import importlib.util
import json
import random
import signal
import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_sandbox.account import policies
from support import insights_query, tables
from support.build_folders import ROOT
from support.processes import CommandLine, eventually
from support.trail import ACCOUNT, denied

if TYPE_CHECKING:
    from pathlib import Path

    from support.logs_server import LogsServer

SKILL = ROOT / "plugin-template/skills/cloudtrail-access-denied"
SCRIPT = SKILL / "scripts/access_denied.py"
NOW = 1_795_000_000  # seconds since 1970
GROUP = "my-trail"
CODES = ["AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation", "NoSuchKey", None]


def load() -> Any:
    spec = importlib.util.spec_from_file_location("access_denied", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


script = load()


@pytest.fixture(autouse=True)
def account(logs: LogsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What boto3 finds in this process."""
    for name, value in {**logs.variables(), "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(script, "FIRST_PAUSE", 0.001)


def request(**variables: str) -> Any:
    return script.read_request({"LOG_GROUP": GROUP, "AWS_REGION": "us-east-1", **variables}, NOW)


def report(capsys: pytest.CaptureFixture[str], **variables: str) -> dict[str, Any]:
    """What the script prints as JSON."""
    script.run(request(FORMAT="json", TOP="0", **variables))
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def ago(seconds: float) -> int:
    """A time before now, in milliseconds since 1970."""
    return int((NOW - seconds) * 1000)


def some_events(number: int, hours: float) -> list[tuple[int, dict[str, Any]]]:
    """Events of a few callers, at whole seconds and between them."""
    dice = random.Random(number)  # noqa: S311 - the same events each time
    users, actions = ["alice", "bob", None], ["s3:GetObject", "ec2:RunInstances", "kms:Decrypt"]
    return [
        (
            ago(dice.choice([dice.randrange(int(hours * 3600)), dice.uniform(0, hours * 3600)])),
            denied(dice.choice(actions), dice.choice(users), f"203.0.113.{dice.randrange(20)}", dice.choice(CODES)),
        )
        for _ in range(number)
    ]


def aggregate(events: list[tuple[int, dict[str, Any]]]) -> dict[tuple[str, ...], tuple[int, str, str]]:
    """The right answer, found without a query: count, first and last of each group."""
    times: dict[tuple[str, ...], list[int]] = {}
    for at, event in events:
        if event.get("errorCode", "NoSuchKey") != "NoSuchKey":
            identity = event["userIdentity"]
            who = identity.get("arn") or identity["invokedBy"]
            key = (who, event["eventSource"], event["eventName"], event["sourceIPAddress"], event["errorCode"])
            times.setdefault(key, []).append(at)
    return {key: (len(found), script.moment(min(found)), script.moment(max(found))) for key, found in times.items()}


def rows(found: dict[str, Any]) -> dict[tuple[str, ...], tuple[int, str, str]]:
    names = ("who", "service", "action", "source", "error")
    return {tuple(row[name] for name in names): (row["count"], row["first"], row["last"]) for row in found["rows"]}


def test_aggregates_all_that_was_denied_and_nothing_else(logs: LogsServer, capsys: pytest.CaptureFixture[str]) -> None:
    events = some_events(300, hours=24)
    logs.put(GROUP, [*events, (ago(25 * 3600), denied()), (ago(-5), denied())])
    found = report(capsys)
    assert rows(found) == aggregate(events)
    assert found["events"] == sum(count for count, _, _ in aggregate(events).values())
    assert (found["queries"], found["truncated"]) == (1, [])
    counts = [row["count"] for row in found["rows"]]
    assert counts == sorted(counts, reverse=True)


def test_asks_for_shorter_times_where_an_answer_is_full(
    logs: LogsServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "MOST_ROWS", 60)
    events = some_events(300, hours=1)
    logs.put(GROUP, events)
    found = report(capsys, HOURS="1")
    assert found["queries"] > 1
    assert rows(found) == aggregate(events)
    assert found["truncated"] == []


def test_says_where_even_a_second_is_too_full(
    logs: LogsServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "MOST_ROWS", 10)
    logs.put(GROUP, [(ago(60) + number, denied(source=f"203.0.113.{number}")) for number in range(30)])
    script.run(request(HOURS="0.1"))
    shown = capsys.readouterr().out
    second = f"{script.moment(ago(60))} to {script.moment(ago(59))}"
    assert f"NOT COMPLETE: {second} has more than 10 groups; the rarest are left out." in shown
    assert shown.splitlines()[0].startswith("10 events")


def test_keeps_what_it_has_when_the_time_is_up(
    logs: LogsServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "MOST_ROWS", 10)
    logs.put(GROUP, [(ago(number * 60), denied(source=f"203.0.113.{number}")) for number in range(30)])
    logs.looks_while_running = 0
    script.run(replace(request(HOURS="1", FORMAT="json"), wait_seconds=0))
    found = json.loads(capsys.readouterr().out)
    assert (found["queries"], found["groups"]) == (1, 10)
    assert found["truncated"] == [{"from": found["from"], "to": found["to"]}]


def test_the_limit_is_the_services() -> None:
    assert script.MOST_ROWS == insights_query.MOST_ROWS == 10_000


def test_table_is_to_read_and_holds_no_control_sequence(logs: LogsServer, capsys: pytest.CaptureFixture[str]) -> None:
    logs.put(
        GROUP, [(ago(90), denied()), (ago(30), denied()), (ago(10), denied("kms:Decrypt", "eve\x1b[2J\nx", "::1"))]
    )
    script.run(request(TOP="1"))
    *head, titles, line = capsys.readouterr().out.splitlines()
    period = f"{script.moment(ago(86399))} to {script.moment(ago(-1))}"
    assert head == [
        f"3 events (AccessDenied*, *UnauthorizedOperation) in 2 groups, {period}, log group my-trail, us-east-1",
        "The 1 most frequent groups; TOP=0 shows all.",
        "",
    ]
    assert titles.split() == ["COUNT", "WHO", "WHAT", "FROM", "ERROR", "FIRST", "LAST"]
    assert line.split() == [
        *("2", f"{ACCOUNT}:user/alice", "s3:GetObject", "203.0.113.7", "AccessDenied"),
        *(script.moment(ago(90)), script.moment(ago(30))),
    ]
    script.run(request(TOP="0"))
    assert f"{ACCOUNT}:user/eve\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}x" in capsys.readouterr().out


def test_callers_that_look_the_same_are_counted_together(logs: LogsServer, capsys: pytest.CaptureFixture[str]) -> None:
    logs.put(
        GROUP, [(ago(5), denied(user="eve\x01")), (ago(4), denied(user="eve\x02")), (ago(3), denied(user="eve\x02"))]
    )
    [row] = report(capsys)["rows"]
    assert (row["count"], row["first"], row["last"]) == (3, script.moment(ago(5)), script.moment(ago(3)))


def test_nothing_found_is_said(logs: LogsServer, capsys: pytest.CaptureFixture[str]) -> None:
    logs.put(GROUP, [(ago(5), denied(error=None))])
    script.run(request())
    assert capsys.readouterr().out.startswith("0 events (AccessDenied*, *UnauthorizedOperation) in 0 groups")


def test_error_codes_are_names_and_patterns(logs: LogsServer, capsys: pytest.CaptureFixture[str]) -> None:
    codes = ["NoSuchKey", "NoSuchBucket", "XNoSuchKey", "NoSuchKeys", "A.B", "AxB"]
    logs.put(GROUP, [(ago(5), denied(error=code)) for code in codes])
    found = {row["error"] for row in report(capsys, ERROR_CODES="NoSuchKey, A.B")["rows"]}
    assert found == {"NoSuchKey", "A.B"}
    found = {row["error"] for row in report(capsys, ERROR_CODES="NoSuch*")["rows"]}
    assert found == {"NoSuchKey", "NoSuchBucket", "NoSuchKeys"}


def test_arn_names_group_and_region(logs: LogsServer, capsys: pytest.CaptureFixture[str]) -> None:
    logs.put(GROUP, [(ago(5), denied())])
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{GROUP}"
    found = report(capsys, LOG_GROUP=f"{arn}:*", AWS_REGION="eu-west-1")
    assert (found["logGroup"], found["region"], found["events"]) == (arn, "us-east-1", 1)


def test_waits_longer_from_look_to_look(logs: LogsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(script.time, "sleep", pauses.append)
    logs.put(GROUP, [])
    logs.looks_while_running = 12
    script.run(request())
    assert len(pauses) == 12
    assert pauses == sorted(pauses)
    assert pauses[1] > pauses[0]
    assert max(pauses) == script.LONGEST_PAUSE or len(set(pauses)) == len(pauses)


def test_follows_the_pages_of_an_answer(logs: LogsServer, capsys: pytest.CaptureFixture[str]) -> None:
    events = some_events(100, hours=1)
    logs.put(GROUP, events)
    logs.page_rows = 7
    assert rows(report(capsys)) == aggregate(events)


@pytest.mark.parametrize("code", tables.first(1, ["LimitExceededException", "ThrottlingException"]))
def test_too_many_queries_at_once_are_tried_again(
    logs: LogsServer, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    logs.put(GROUP, [(ago(5), denied())])
    logs.refused["StartQuery"] = f"{code}:1"
    assert report(capsys)["events"] == 1
    assert Counter(logs.actions)["logs:StartQuery"] == 2


@pytest.mark.parametrize("status", tables.first(1, ["Failed", "Timeout", "Cancelled"]))
def test_query_that_did_not_work_is_a_failure(logs: LogsServer, status: str) -> None:
    logs.put(GROUP, [])
    logs.final = status
    with pytest.raises(script.ReportError, match=f"ended the query as {status}: ask for fewer HOURS"):
        script.run(request())
    assert "logs:StopQuery" not in logs.actions


def test_query_that_takes_too_long_is_stopped(logs: LogsServer) -> None:
    logs.put(GROUP, [])
    logs.final = "Running"
    with pytest.raises(script.ReportError, match="raise WAIT_SECONDS"):
        script.run(replace(request(), wait_seconds=0))
    assert logs.actions[-1] == "logs:StopQuery"


def test_what_cannot_be_stopped_is_said(logs: LogsServer, capsys: pytest.CaptureFixture[str]) -> None:
    logs.put(GROUP, [])
    logs.final = "Running"
    logs.refused["StopQuery"] = "AccessDeniedException"
    with pytest.raises(script.ReportError, match="raise WAIT_SECONDS"):
        script.run(replace(request(), wait_seconds=0))
    assert "the query was not stopped: " in capsys.readouterr().err


def test_access_denied_names_the_actions(logs: LogsServer) -> None:
    logs.put(GROUP, [])
    logs.refused["StartQuery"] = "AccessDeniedException"
    with pytest.raises(script.ReportError) as failure:
        script.run(request())
    assert all(action in str(failure.value) for action in script.ACTIONS)
    assert "policy execution --logs-group" in str(failure.value)


def test_missing_log_group_is_named_with_others(logs: LogsServer) -> None:
    logs.put("org-trail-logs", [])
    with pytest.raises(script.ReportError, match="no log group trail in us-east-1; there is org-trail-logs"):
        script.run(request(LOG_GROUP="trail"))


def test_no_way_to_logs_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "ATTEMPTS", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # the discard port: nothing listens
    with pytest.raises(script.ReportError, match="No way to CloudWatch Logs: it takes network mode PUBLIC"):
        script.run(request())


def test_no_execution_role_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(script.boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(script.ReportError, match="this interpreter has no execution role"):
        script.run(request())


WRONG = {
    "no log group": ({"LOG_GROUP": ""}, "LOG_GROUP must be"),
    "a log group that is none": ({"LOG_GROUP": "a b"}, "LOG_GROUP must be"),
    "an ARN of something else": ({"LOG_GROUP": "arn:aws:s3:::x"}, "LOG_GROUP must be"),
    "no number": ({"HOURS": "day"}, "HOURS must be a number of at least 0.0002778, not 'day'"),
    "no time": ({"HOURS": "0"}, "HOURS must be"),
    "not a number": ({"HOURS": "nan"}, "HOURS must be"),
    "endless": ({"HOURS": "inf"}, "HOURS must be"),
    "less than nothing": ({"TOP": "-1"}, "TOP must be a number of at least 0"),
    "no region": ({"AWS_REGION": ""}, "set REGION"),
    "no format": ({"FORMAT": "xml"}, "FORMAT must be table or json, not 'xml'"),
    "a code that ends the pattern": ({"ERROR_CODES": "x/ or 1=1"}, "ERROR_CODES must be"),
    "a code that begins a command": ({"ERROR_CODES": "x|y"}, "ERROR_CODES must be"),
    "no codes": ({"ERROR_CODES": ","}, "ERROR_CODES must be"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_setting_is_explained_before_anything_is_asked(logs: LogsServer, name: str) -> None:
    variables, message = WRONG[name]
    with pytest.raises(script.ReportError) as failure:
        request(**variables)
    assert message in str(failure.value)
    assert logs.actions == []


def test_chart_is_a_picture_of_the_shown_groups(logs: LogsServer, tmp_path: Path) -> None:
    logs.put(GROUP, [(ago(5), denied(user="$x^")), (ago(6), denied(source="::1")), (ago(7), denied())])
    script.run(request(CHART=str(tmp_path / "chart.svg")))
    drawn = tmp_path.joinpath("chart.svg").read_text("utf-8")
    assert drawn.count(f"<!-- {ACCOUNT}:user/alice  s3:GetObject -->") == 1
    with pytest.raises(script.ReportError, match="no chart: "):
        script.run(request(CHART=str(tmp_path / "nowhere/chart.png")))


def test_actions_are_those_of_the_policy_and_of_the_document() -> None:
    actions = {action for rule in policies.ACCESS["logs_group"].rules for action in rule.actions}
    assert set(script.ACTIONS) == actions
    told = SKILL.joinpath("SKILL.md").read_text("utf-8")
    assert all(f"`{name}`" in told for name in actions)
    assert all(f"`{name}`" in told for name in script.SETTINGS)


@pytest.mark.parametrize(
    "text",
    [
        "fields a | nonsense b",
        "stats median(a) as b by c",
        "filter a matches /x/",
        "filter a = 1",
        "fields lower(a) as b",
        "fields toMillis(a, b) as c",
        "fields `a b`",
    ],
)
def test_the_tests_own_engine_refuses_what_it_does_not_know(logs: LogsServer, text: str) -> None:
    client = logs.client("logs")
    logs.put(GROUP, [(ago(5), denied())])
    with pytest.raises(client.exceptions.MalformedQueryException):
        client.start_query(logGroupName=GROUP, startTime=NOW - 60, endTime=NOW, queryString=text)


def in_sandbox(logs: LogsServer, *flags: str) -> list[str]:
    """The words that run the script in the sandbox, against the pretend account."""
    variables = {**logs.variables(), "LOG_GROUP": GROUP, "REGION": "us-east-1"}
    values = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    return ["run", "--file", str(SCRIPT), *values, *flags]


@pytest.fixture
def networked(local: CommandLine) -> CommandLine:
    """The emulator with a network, and with a Python that has boto3 and matplotlib."""
    more = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "local-public", "AGENTCORE_SANDBOX_LOCAL_PYTHON": sys.executable}
    return CommandLine(local.command, local.home, {**local.base, **more})


def test_calls_no_other_action_in_the_sandbox_also_as_code_of_a_session(
    logs: LogsServer, networked: CommandLine
) -> None:
    logs.put(GROUP, [])
    logs.actions.clear()
    done = networked.run(*in_sandbox(logs))
    assert (done.returncode, done.stdout.split()[:2]) == (0, [b"0", b"events"])
    assert b"Traceback" not in done.stderr
    missing = networked.run(*in_sandbox(logs, "--follow", "--env", "LOG_GROUP=trail"))
    assert (missing.returncode, b"there is my-trail" in missing.stderr) == (1, True)
    assert set(logs.actions) <= set(script.ACTIONS)


@pytest.mark.parametrize("signum", tables.first(1, [signal.SIGINT, signal.SIGTERM]))
def test_interruption_stops_the_query(logs: LogsServer, networked: CommandLine, signum: signal.Signals) -> None:
    logs.put(GROUP, [])
    logs.final = "Running"
    process = networked.start(*in_sandbox(logs, "--follow"))
    assert eventually(lambda: logs.actions.count("logs:GetQueryResults") > 2)
    process.send_signal(signum)
    process.communicate()
    assert process.returncode == 128 + signum
    assert logs.actions[-1] == "logs:StopQuery"
