"""The embedded service of this machine: serve it in the foreground, reach it from other clients, look at it, end it."""

from __future__ import annotations

import argparse
import os
import shlex
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.output import Output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentcore_sandbox.local.daemon import LocalEndpoint

ACTIONS = {
    "serve": "serve in the foreground until Ctrl-C; prints the lines of `env`",
    "env": "print `export` lines that point every AWS client here, made for eval; starts the service if need be",
    "status": "say whether it runs, where, and with how many sessions",
    "stop": "end it and all its sessions",
}
INTERPRETERS = {
    "local": "has no network",
    "local-public": "shares this machine's network, loopback servers included",
}
MOST = {
    "max-sessions": "sessions at once (default 1000)",
    "max-invoke-seconds": "seconds that one invoke may take (default 900)",
    "max-payload-bytes": "bytes that one request, or the files of one, may have (default 100000000)",
    "max-cpus": "processors that a session runs on (default 2)",
    "max-memory-bytes": "memory of a session, such as 512M (default 8G)",
    "max-disk-bytes": "what a session's files may take (default 10G)",
    "max-processes": "processes and threads of a session (default 1024)",
    "max-output-bytes": "what is kept of each output stream (default 20M: what one message can carry)",
    "max-command-bytes": "length of a shell command (default 131071)",
    "max-task-seconds": "seconds that one task may take (default 28800)",
}
_MAX_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `local`."""
    about = "; ".join(f"{name}: {text}" for name, text in ACTIONS.items())
    parser.add_argument("action", choices=tuple(ACTIONS), help=about)
    parser.add_argument("--port", metavar="N", type=_port, help="serve: the port (default: a free one)")
    parser.add_argument("--log", metavar="FILE", type=Path, help="serve: append one JSON line a request to FILE")
    parser.add_argument(
        "--fault",
        metavar="KIND=OPERATION[:NUMBER]",
        action="append",
        default=[],
        help="serve: let something go wrong, such as throttle=start:2, latency=invoke:0.5, error=stop:1, and of "
        "invoke alone break=invoke:1 (mid-stream), fail=invoke:1 (an error in it), lose=invoke:1 (its session)",
    )
    for flag, unit in MOST.items():
        parser.add_argument(f"--{flag}", metavar="N", help=f"serve: {unit}")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object on stdout")


def run(
    *,
    action: str,
    port: int | None,
    log: Path | None,
    fault: list[str],
    as_json: bool,
    **most: str | None,
) -> int:
    """Do what the action says.

    Args:
        action: One of `ACTIONS`.
        port: Where to serve; None for a free one.
        log: Where to record requests.
        fault: What shall go wrong.
        most: What the service and each session may use, AWS's figures where it is None.
        as_json: Print one JSON object.
    """
    settings = _settings(fault, most)
    if action != "serve" and (port is not None or log is not None or settings):
        raise UsageError(f"--port, --log, --fault and --max-... are for `local serve`, not for `local {action}`")
    output = Output(as_json=as_json)
    if action == "serve":
        _serve(output, {**os.environ, **settings}, port or 0, log)
    else:
        {"env": _env, "status": _status, "stop": _stop}[action](output)
    return 0


def _settings(fault: list[str], most: Mapping[str, str | None]) -> dict[str, str]:
    """Return the variables that say the same as the flags."""
    given = {f"AGENTCORE_SANDBOX_LOCAL_{name.upper()}": value for name, value in most.items() if value is not None}
    return given | ({"AGENTCORE_SANDBOX_LOCAL_FAULTS": " ".join(fault)} if fault else {})


def _serve(output: Output, environ: Mapping[str, str], port: int, log: Path | None) -> None:
    from agentcore_sandbox.local.runtime import Runtime

    runtime = Runtime.of(environ)  # tells where no service can be, before modules that such a system lacks
    from agentcore_sandbox.local import serve

    def ready(endpoint: LocalEndpoint) -> None:
        _print_exports(output, endpoint)
        output.say(f"agentcore-sandbox: serving at {endpoint.url}; Ctrl-C ends it and its sessions")

    serve.foreground(runtime, serve.Options.of(environ, port=port), log, ready)
    output.say("agentcore-sandbox: the service and its sessions have ended")


def _env(output: Output) -> None:
    from agentcore_sandbox.local import daemon

    _print_exports(output, daemon.ensure())


def _print_exports(output: Output, endpoint: LocalEndpoint) -> None:
    from agentcore_sandbox.local import exports

    variables = exports.variables(endpoint, os.environ)
    if output.as_json:
        output.data(variables)
        return
    for name, value in variables.items():
        output.line(f"export {name}={shlex.quote(value)}")


def _status(output: Output) -> None:
    from agentcore_sandbox.local import daemon

    found = daemon.status()
    if output.as_json:
        output.data(
            {"running": found is not None, **(_described(*found) if found else {}), "interpreters": INTERPRETERS}
        )
        return
    output.line(_told(*found) if found else "not running")
    if found:
        output.line("limits of a session: " + ", ".join(_limits(found[1]["limits"])))
    output.line("interpreters: " + "; ".join(f"{name} {network}" for name, network in INTERPRETERS.items()))


def _limits(limits: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield each limit with what holds a session to it: the kernel, or the service by looking at it."""
    from agentcore_sandbox.local.limits import told

    for name, limit in limits.items():
        most = told(limit["most"]) if name.endswith("Bytes") else limit["most"]
        yield f"{most} {name.removesuffix('Bytes')} ({limit['heldBy']})"


def _told(endpoint: LocalEndpoint, counts: Mapping[str, Any]) -> str:
    return (
        f"running at {endpoint.url}, process {endpoint.pid}, version {endpoint.version}, "
        f"sessions: {counts['sessions']}, of which {counts['sessionsWithNetwork']} share this machine's network"
    )


def _described(endpoint: LocalEndpoint, counts: Mapping[str, Any]) -> dict[str, Any]:
    started = datetime.fromtimestamp(endpoint.started, timezone.utc)
    return {
        "url": endpoint.url,
        "pid": endpoint.pid,
        "version": endpoint.version,
        "startedAt": started.isoformat(),
        **counts,
    }


def _stop(output: Output) -> None:
    from agentcore_sandbox.local import daemon

    stopped = daemon.stop()
    output.data({"stopped": stopped}) if output.as_json else output.line("stopped" if stopped else "not running")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number from 1 to {_MAX_PORT}")
    return int(text)
