"""What was executed is written down: what the line says, what it never says, and what it cost at most."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.activity import costs, sessions
from agentcore_sandbox.activity.costs import Prices
from agentcore_sandbox.state.log import Log
from support import event_stream, fault_server
from support.fault_server import SESSION

if TYPE_CHECKING:
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine

SECRET = "sw0rdfish"


def log(cli: CommandLine) -> Path:
    return cli.home / ".local/state/agentcore-sandbox/activity/executions.jsonl"


def test_an_execution_is_a_line_without_values_and_output(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.stream(event_stream.result(f"{SECRET}é", stderr="12345", exit_code=3))
    code = "\nprint('a\x1b[2J')  # é\nsecond line"
    words = ("run", "--env", f"PASSWORD={SECRET}", code)
    assert aws.run(*words, env={"CLAUDE_CODE_SESSION_ID": "abc-123"}).returncode == 3
    text = log(aws).read_text()
    assert not any(word in text for word in (SECRET, "PASSWORD", "second line", "\x1b"))
    (execution,) = json.loads(aws.run("history", "--json").stdout)["executions"]
    begun, seconds = execution.pop("startedAt"), execution.pop("seconds")
    assert begun.startswith("20")
    assert begun.endswith("+00:00")
    assert seconds >= 0
    assert execution == {
        "command": "run",
        "language": "python",
        "sha256": hashlib.sha256(code.encode()).hexdigest(),
        "firstLine": "print('a\x1b[2J')  # é",
        "interpreterId": "aws.codeinterpreter.v1",
        "region": "us-west-2",
        "sessionId": SESSION,
        "exitCode": 3,
        "programBytes": len(code.encode()),
        "outputBytes": len(SECRET) + 2 + 5,
        "jobId": None,
        "items": None,
        "claudeSession": "abc-123",
        "claudePrompt": None,
    }
    assert b"print('a^[[2J')" in aws.run("history").stdout


@pytest.mark.parametrize(
    ("kept", "session", "known"),
    [
        ("p-1\n", "abc-123", "p-1"),
        ("p 1\n", "abc-123", None),
        ("\x1b[2J", "abc-123", None),
        ("p" * 101, "abc-123", None),
        ("p-1\n", "other", None),
        ("p-1\n", "../prompts/abc-123", None),
    ],
)
def test_the_prompt_is_what_the_hooks_have_kept(aws: CommandLine, kept: str, session: str, known: str | None) -> None:
    cache = aws.home / "cache"
    (cache / "agentcore-sandbox/prompts").mkdir(parents=True)
    (cache / "agentcore-sandbox/prompts/abc-123").write_text(kept)
    aws.run("run", "x", env={"CLAUDE_CODE_SESSION_ID": session, "XDG_CACHE_HOME": str(cache)})
    (execution,) = json.loads(aws.run("history", "--json").stdout)["executions"]
    assert execution["claudePrompt"] == known


ENDS = {
    "a time limit": (["--exec-timeout", "0.1"], fault_server.silence, 124),
    "a refusal": ([], fault_server.error(403, "AccessDeniedException", "no"), 125),
}


@pytest.mark.parametrize(("words", "answer", "status"), ENDS.values(), ids=ENDS.keys())
def test_whatever_ends_it_is_its_status(
    aws: CommandLine, faults: FaultServer, words: list[str], answer: fault_server.Answer, status: int
) -> None:
    faults.answers["invoke"] = answer
    assert aws.run("run", *words, "x").returncode == status
    assert [json.loads(line)["status"] for line in log(aws).read_text().splitlines()] == [status]


def test_what_was_not_sent_is_not_written_down(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["start"] = fault_server.error(403, "AccessDeniedException", "no")
    assert aws.run("run", "x").returncode == 125
    assert not log(aws).exists()
    assert aws.run("history").stderr == b"nothing was executed\n"


@pytest.mark.parametrize(("value", "count"), [("off", 0), ("0", 0), ("OFF", 0), ("", 1), ("on", 1)])
def test_one_variable_switches_it_off(aws: CommandLine, value: str, count: int) -> None:
    assert aws.run("run", "x", env={"AGENTCORE_SANDBOX_HISTORY": value}).returncode == 0
    assert len(json.loads(aws.run("history", "--json").stdout)["executions"]) == count


def test_credentials_in_the_first_line_are_masked(aws: CommandLine) -> None:
    aws.run("run", f"token='ghp_{'a1B2' * 9}'")
    assert "ghp_" not in log(aws).read_text()


def test_a_map_is_one_line_and_a_job_has_the_status_that_is_known_of_it(local: CommandLine) -> None:
    local.run("map", "--items", "-", "--cmd", "exit 0", stdin=b"a\nb\nc\n")
    job_id = local.run("job", "start", "exit(7)").stdout.decode().strip()
    local.run("job", "wait", job_id)
    of_map, of_job = json.loads(local.run("history", "--json").stdout)["executions"]
    assert (of_map["command"], of_map["items"], of_map["exitCode"]) == ("map", 3, 0)
    assert (of_job["command"], of_job["jobId"], of_job["exitCode"]) == ("job start", job_id, 7)


def started(session_id: str, at: float, interpreter: str = "demo-AbCdEfGh12") -> dict[str, object]:
    place = {"interpreter": interpreter, "region": "x", "endpoint": "", "account": ""}
    more = {"command": "run", "folder": "", "owner": "", "told": False, "lifetime": 3600}
    return {"event": "start", "session": session_id, "at": at, **more, **place}


def test_the_cost_is_bounded_by_lifetimes_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTCORE_SANDBOX_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(Log, "has_failed", False)
    now = time.time()
    for entry in (
        started("stopped after half an hour", now - 5 * 3600),
        {"event": "stop", "session": "stopped after half an hour", "at": now - 4.5 * 3600},
        started("never stopped, but over", now - 10 * 3600),
        started("found to have ended long after", now - 20 * 3600),
        {"event": "stop", "session": "found to have ended long after", "at": now - 3600},
        started("before", now - 48 * 3600),
        started("half before", now - 24.5 * 3600),
        started("here", now - 3600, "local"),
    ):
        sessions.LOG.append(entry)
    found = costs.at_most(now - 24 * 3600, Prices(1.0, 0.5))
    assert (found["sessions"], found["vcpuHours"], found["gigabyteHours"]) == (4, 6.0, 24.0)
    assert found["costAtMost"] == pytest.approx(6.0 + 12.0)
    assert found["isComplete"]


def test_a_cost_that_may_lack_some_sessions_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTCORE_SANDBOX_STATE_DIR", str(tmp_path))
    now = time.time()
    sessions.LOG.append(started("one", now - 5000))
    (tmp_path / "activity/sessions.jsonl.old").write_text(json.dumps(started("older", now - 6000)))
    assert [costs.at_most(now - ago, Prices())["isComplete"] for ago in (5500, 6500)] == [True, False]


@pytest.mark.parametrize("words", [["--since", "7"], ["--since", "-7d"], ["--vcpu-hour-price", "0"]])
def test_wrong_times_and_prices(aws: CommandLine, words: list[str]) -> None:
    assert aws.run("history", *words).returncode == 2
