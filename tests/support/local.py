"""The command line with an emulator of its own."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

from agentcore_emulator.runtime_folder import RuntimeFolder
from agentcore_emulator.service.sigv4 import Keys
from support import http_calls
from support.processes import CommandLine, eventually

VARIABLES = [
    "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",
    "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL",
    "BEDROCK_AGENTCORE_DP_ENDPOINT",
    "BEDROCK_AGENTCORE_CP_ENDPOINT",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "CUSTOM_AGENTCORE_INTERPRETER_ID",
]


class Local(CommandLine):
    """The command line with a runtime folder of its own."""

    @property
    def runtime(self) -> Path:
        return Path(self.base["AGENTCORE_SANDBOX_RUNTIME_DIR"])

    def text(self, *words: str, env: dict[str, str] | None = None) -> str:
        done = self.run(*words, env=env)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode()

    def failure(self, *words: str, env: dict[str, str] | None = None) -> str:
        done = self.run(*words, env=env)
        assert (done.returncode, done.stdout) == (125, b"")
        return done.stderr.decode()

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text("local", "status", "--json"))
        return found

    @property
    def state(self) -> dict[str, Any]:
        """The state file of the service, without a process to ask."""
        state: dict[str, Any] = json.loads((self.runtime / "service.json").read_text())
        return state

    @property
    def runs(self) -> bool:
        return self.runtime.exists() and RuntimeFolder(self.runtime).state() is not None

    def request(self, method: str, target: str, body: Any = None) -> http_calls.Answer:
        state = self.state
        keys = Keys(state["access_key"], state["secret_key"])
        answer = http_calls.call(state["url"], keys, method, f"/code-interpreters/local/sessions/{target}", _json(body))
        assert answer.status == HTTPStatus.OK
        return answer

    def start_session(self, lifetime: int = 600) -> str:
        if not self.runs:
            self.text("local", "env")
        session: str = self.request("PUT", "start", {"sessionTimeoutSeconds": lifetime}).body["sessionId"]
        return session

    def stop_session(self, session: str) -> None:
        self.request("PUT", f"stop?sessionId={session}")


def local_line(cli: CommandLine, folder: Path, **more: str) -> Local:
    """The command line set to use the interpreter `local`, with a runtime folder of its own below `folder`."""
    runtime = {"AGENTCORE_SANDBOX_RUNTIME_DIR": str(folder / "runtime")}
    return Local(
        cli.command,
        cli.home,
        {**cli.base, "CUSTOM_AGENTCORE_INTERPRETER_ID": "local", **runtime, **more},
        cli.in_process,
    )


@contextmanager
def own_service(cli: CommandLine, folder: Path) -> Iterator[Local]:
    """The command line with a service of its own, which is stopped when the block ends.

    Args:
        cli: How it is started, and its home.
        folder: Where the runtime folder is made.
    """
    local = Local(
        cli.command, cli.home, {**cli.base, "AGENTCORE_SANDBOX_RUNTIME_DIR": str(folder / "runtime")}, cli.in_process
    )
    yield local
    if local.runs:
        local.text("local", "stop")


def _json(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


def ended(pid: int) -> bool:
    """Wait for the end of a process that is not our child."""
    return eventually(lambda: not Path(f"/proc/{pid}").exists())


def exports(text: str) -> dict[str, str]:
    lines = [line.removeprefix("export ").partition("=") for line in text.splitlines()]
    return {name: value.strip("'") for name, _, value in lines}


@contextmanager
def serving(
    local: CommandLine, *words: str, stop: bool = False
) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """Yield the process and what it printed, once it serves; `stop` ends it well instead of killing it."""
    process = local.start("local", "serve", *words)
    assert process.stdout is not None
    try:
        printed = [process.stdout.readline().decode() for _ in VARIABLES]
        yield process, exports("".join(printed))
    finally:
        process.terminate() if stop else process.kill()
        process.communicate()


@contextmanager
def logging_service(local: Local, *faults: str) -> Iterator[Path]:
    """The emulator with faults; yields its log of requests."""
    log = local.home.parent / "log"
    flags = [word for fault in faults for word in ("--fault", fault)]
    with serving(local, *flags, "--log", str(log), stop=True):
        yield log


def invokes(log: Path) -> list[dict[str, Any]]:
    """The invokes in such a log."""
    return [line for line in _lines(log, "request") if line["operation"] == "InvokeCodeInterpreter"]


def answered_invokes(log: Path) -> list[dict[str, Any]]:
    """Those that were answered: what they do is done."""
    answered = {line["requestId"] for line in _lines(log, "answer")}
    return [line for line in invokes(log) if line["requestId"] in answered]


def _lines(log: Path, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in lines if line["event"] == event]
