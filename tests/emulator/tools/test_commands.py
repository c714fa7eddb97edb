"""executeCommand: a real terminal, as the service has one, that cannot hang."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from agentcore_emulator.limits import Limits
from support import sandboxes
from support.processes import eventually
from support.sandboxes import Session, failure

LIMIT = 1 << 16
LIMITS = Limits(output_bytes=LIMIT)


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("", ""),
        ("echo hi", "hi\r\n"),
        ("printf 'no newline'", "no newline"),
        ("printf 'a\\r\\nb'", "a\r\r\nb"),  # recorded: a file's own CRLF becomes CR CR LF
        ("echo out; echo err >&2; echo out", "out\r\nerr\r\nout\r\n"),
        ("echo 'é ☃'", "é ☃\r\n"),
        ("printf '\\377'", "\ufffd"),
        ("test -t 1 && test -t 2 && echo terminal", "terminal\r\n"),
        ("cat; echo 'no input'", "no input\r\n"),
        ("pwd", "/opt/amazon/genesis1p-tools/var\r\n"),
        ("echo $0", "/bin/sh\r\n"),
        ("id -un; id -u; hostname", "sandbox\r\n1000\r\nsandbox\r\n"),
        ("env | cut -d= -f1 | sort | tr '\\n' ' '", "HOME LANG LOGNAME PATH PWD SHELL SHLVL TERM USER _ "),
        ("echo 'a\nb'\necho c", "a\r\nb\r\nc\r\n"),
        ("-c", None),
        ("(sleep 0.1; echo late) & wait", "late\r\n"),
        ("python -c 'import sys; print(sys.stdin.read())'", "\r\n"),
    ],
)
@pytest.mark.aws("assumed", "Commands and tasks", "A command has a terminal for its output, no input, and `TERM=dumb`")
def test_output(session: Session, command: str, output: str | None) -> None:
    result = session.command(command)
    if output is None:
        assert (result["stdout"], result["exitCode"]) == ("", 127)
    else:
        assert (result["stdout"], result["stderr"], result["exitCode"]) == (output, "", 0)


@pytest.mark.parametrize(
    ("command", "exit_code"), [("exit 3", 3), ("false", 1), ("kill -9 $$", 137), ("kill $$", 143), ("exit 255", 255)]
)
def test_exit_code(session: Session, command: str, exit_code: int) -> None:
    payload = session.invoke("executeCommand", command=f"echo told; {command}")
    assert payload["isError"]
    assert payload["structuredContent"]["exitCode"] == exit_code
    assert (payload["structuredContent"]["stdout"], payload["structuredContent"]["stderr"]) == ("", "told\r\n")


def test_nothing_asks_at_the_terminal(session: Session) -> None:
    """A prompt that reads from /dev/tty fails at once, instead of waiting for a key that nobody presses."""
    assert session.command("read answer < /dev/tty || echo refused")["stdout"].endswith("refused\r\n")


@pytest.mark.parametrize(
    "command",
    [
        "sleep 1000 &",
        "nohup sleep 1000 &",
        "setsid sleep 1000 &",
        "(setsid sh -c 'trap \"\" HUP TERM; sleep 1000 & sleep 1000' &) ; sleep 0.1",
        "python -c 'import os, time; os.fork() or os.setsid() and os.fork() or time.sleep(1000)' &",
        "exec >/dev/null 2>&1 </dev/null; sleep 1000 &",
    ],
)
def test_what_a_command_leaves_running_ends_with_it(session: Session, command: str) -> None:
    """Recorded: `nohup x &` dies when the invoke returns."""
    assert session.command(command)["exitCode"] == 0
    assert session.command("ps -eo args | grep -c '[s]leep'")["stderr"] == "0\r\n"


@pytest.mark.aws("assumed", "Commands and tasks", "A command of more than 131,071 bytes is a tool error")
def test_the_longest_command(session: Session) -> None:
    longest = "true " + "x" * (131_071 - 5)
    assert session.command(longest)["exitCode"] == 0
    text = failure(session.invoke("executeCommand", command=longest + "x"))
    assert text == (
        "Error executing tool execute_command: The command has 131072 bytes, and the limit is 131071: "
        "write it to a file with writeFiles, and run that"
    )


@pytest.mark.aws("assumed", "Limits", "What was left out of stdout is told in stderr")
def test_a_flood_is_cut_in_its_middle(session: Session) -> None:
    result = session.command("seq 100000")
    assert result["stdout"].startswith("1\r\n2\r\n")
    assert result["stdout"].endswith("99999\r\n100000\r\n")
    left_out = sum(len(f"{number}\r\n") for number in range(1, 100_001)) - LIMIT
    assert f"\n... {left_out} bytes of output left out ...\n" in result["stdout"]
    assert result["stderr"] == f"Standard output was too long: {left_out} bytes in its middle were left out."
    assert len(result["stdout"]) < LIMIT + 100


@pytest.mark.aws("assumed", "Commands and tasks", "A command that is cancelled tells so in its output")
def test_a_cancelled_command_is_killed_and_tells_what_it_wrote(session: Session) -> None:
    cancelled = threading.Event()

    def cancel() -> None:
        eventually(lambda: "started" in str(session.invoke("listFiles")))
        cancelled.set()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    result = session.command("echo partial; touch started; sleep 1000", cancelled=cancelled)
    canceller.join()
    assert result["stderr"] == "partial\r\n\r\nThe command was interrupted.\r\n"
    assert result["exitCode"] == 137
    assert session.command("ps -eo args | grep -c '[s]leep'")["stderr"] == "0\r\n"


def test_its_runner_can_be_killed(session: Session) -> None:
    payload = session.invoke("executeCommand", command="kill -9 $PPID; sleep 5")
    assert failure(payload) == "Error executing tool execute_command: The process that ran it was killed"
    assert session.command("echo ok")["stdout"] == "ok\r\n"


def test_commands_run_side_by_side(session: Session) -> None:
    """One waits for a file that only the other makes."""
    waiter = threading.Thread(target=session.command, args=["until [ -e made ]; do sleep 0.01; done; touch seen"])
    waiter.start()
    assert session.command("touch made; until [ -e seen ]; do sleep 0.01; done; echo both")["stdout"] == "both\r\n"
    waiter.join()


class TestTasks:
    def start(self, session: Session, command: str) -> str:
        payload = session.invoke("startCommandExecution", command=command)
        return str(payload["structuredContent"]["taskId"])

    def finished(self, session: Session, task: str) -> dict[str, Any]:
        eventually(lambda: session.invoke("getTask", taskId=task)["structuredContent"]["taskStatus"] != "working")
        return session.invoke("getTask", taskId=task)

    def test_a_task_outlives_its_invoke_and_others(self, session: Session) -> None:
        task = self.start(session, "until [ -e task-go ]; do sleep 0.01; done; echo done")
        assert session.command("echo meanwhile; touch task-go")["exitCode"] == 0
        assert self.finished(session, task)["content"] == [{"type": "text", "text": "done\r\n"}]

    @pytest.mark.aws("assumed", "Commands and tasks", "A task that failed is `completed`, with its exit code")
    def test_a_failing_task_is_completed_and_an_error(self, session: Session) -> None:
        payload = self.finished(session, self.start(session, "echo bad; exit 4"))
        assert payload["isError"]
        assert payload["structuredContent"] | {"executionTime": 0} == {
            "taskStatus": "completed",
            "stdout": "",
            "stderr": "bad\r\n",
            "exitCode": 4,
            "executionTime": 0,
        }

    @pytest.mark.aws("assumed", "Commands and tasks", "A task that was stopped is `canceled`")
    def test_a_stopped_task_ends_with_all_its_processes(self, session: Session) -> None:
        task = self.start(session, "touch task-started; setsid sleep 1000 & sleep 1000")
        eventually(lambda: "task-started" in str(session.invoke("listFiles")))
        stopped = session.invoke("stopTask", taskId=task)
        assert stopped["structuredContent"] == {"taskId": task, "taskStatus": "canceled"}
        assert session.invoke("getTask", taskId=task)["structuredContent"] == {"taskStatus": "canceled"}
        assert "TaskStatus.CANCELED" in failure(session.invoke("stopTask", taskId=task))
        eventually(lambda: session.command("ps -eo args | grep -c '[s]leep'")["stderr"] == "0\r\n")

    @pytest.mark.parametrize("tool", ["getTask", "stopTask"])
    def test_unknown_tasks(self, session: Session, tool: str) -> None:
        assert failure(session.invoke(tool, taskId="../x")).endswith(": Task ../x not found")

    @pytest.mark.aws("assumed", "Commands and tasks", "A task that is ended for its time limit tells so")
    def test_a_task_has_a_time_limit(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        limits = Limits(task_seconds=1)
        with sandboxes.start(tmp_path_factory.mktemp("short") / "sandbox", limits) as session:
            payload = self.finished(session, self.start(session, "echo partial; sleep 1000"))
        assert payload["structuredContent"]["exitCode"] == 137
        assert payload["structuredContent"]["stderr"] == "partial\r\n\r\nThe command was ended after 1 seconds.\r\n"

    @pytest.mark.aws("assumed", "Commands and tasks", "A session remembers 100 tasks")
    def test_old_tasks_are_forgotten_and_running_ones_not(self, session: Session) -> None:
        running = self.start(session, "sleep 1000")
        first = self.start(session, "true")
        self.finished(session, first)
        for _ in range(100):
            self.finished(session, self.start(session, "true"))
        assert "not found" in failure(session.invoke("getTask", taskId=first))
        assert session.invoke("stopTask", taskId=running)["structuredContent"]["taskStatus"] == "canceled"

    @pytest.mark.aws("assumed", "Commands and tasks", "A session remembers 64 MiB of its tasks' output")
    def test_of_much_output_the_oldest_is_forgotten(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("agentcore_emulator.tasks.MAX_RESULTS", 1000)
        first, *_, last = [self.start(session, "head -c 400 /dev/zero | tr '\\0' x") for _ in range(3)]
        for task in (first, last):
            assert len(self.finished(session, task)["structuredContent"]["stdout"]) == 400
        assert "not found" not in str(session.invoke("getTask", taskId=first))
        huge = self.start(session, "head -c 700 /dev/zero | tr '\\0' x")
        assert len(self.finished(session, huge)["structuredContent"]["stdout"]) == 700
        assert "not found" in failure(session.invoke("getTask", taskId=first))
        assert len(session.invoke("getTask", taskId=huge)["structuredContent"]["stdout"]) == 700

    def test_there_is_a_limit_of_running_tasks(self, session: Session) -> None:
        tasks = [self.start(session, "sleep 1000") for _ in range(100)]
        text = failure(session.invoke("startCommandExecution", command="true"))
        assert text.endswith("Too many tasks: 100 are running")
        for task in tasks:
            session.invoke("stopTask", taskId=task)
