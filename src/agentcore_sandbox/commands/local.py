"""The emulator: serve it in the foreground, point other clients at it, look at it, stop it."""

from __future__ import annotations

import argparse
import functools
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from agentcore_sandbox import emulator
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import Command, add_json
from agentcore_sandbox.cli.units import utc
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.settings import EXPORTED_ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentcore_emulator.endpoint import LocalEndpoint

LIMITS = {
    "max-sessions": "sessions at once (default 1000)",
    "max-invoke-seconds": "seconds that one invoke may take (default 900)",
    "max-payload-bytes": "bytes of one request, or of the files in one (default 100000000)",
    "max-cpus": "processors that a session runs on (default 2)",
    "max-memory-bytes": "memory of a session, such as 512M (default 8G)",
    "max-disk-bytes": "disk space for a session's files (default 10G)",
    "max-processes": "processes and threads of a session (default 1024)",
    "max-output-bytes": "bytes kept of each output stream (default 20M: what one message can carry)",
    "max-command-bytes": "length of a shell command (default 131071)",
    "max-task-seconds": "seconds that one task may take (default 28800)",
}
ROOTS = {
    "mount-root": "the folder below which one, named as an access point (fsap-...), stands for each file system",
    "secret-root": "the folder below which a PEM file, named as a secret, stands for each certificate",
}
INTERPRETERS = {
    "local": "has no network",
    "local-public": "shares this machine's network, loopback servers included, but not its unix sockets",
}
ENV_NAMES = "AGENTCORE_SANDBOX_ENV_NAMES"
"""The variable with the names of all that `local env` exported."""
ENV_OLD = "AGENTCORE_SANDBOX_ENV_OLD_"
"""Before the name of a variable: what it was until then."""
_MAX_PORT = 65535


class _Shell(NamedTuple):
    """How a shell exports a variable, and forgets one."""

    setting: str
    unsetting: str

    def set(self, name: str, quoted: str) -> str:
        return self.setting.format(name, quoted)

    def unset(self, name: str) -> str:
        return self.unsetting.format(name)


SHELLS = {"sh": _Shell("export {}={}", "unset {}"), "fish": _Shell("set -gx {} {}", "set -e {}")}


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", metavar="N", type=_port, help="the port (default: a free one)")
    parser.add_argument("--log", metavar="FILE", type=Path, help="append one JSON line a request to FILE")
    parser.add_argument(
        "--fault",
        metavar="KIND=OPERATION[:NUMBER][@AFTER]",
        action="append",
        default=[],
        help="inject a fault, such as throttle=start:2, latency=invoke:0.5, error=stop:1, and for "
        "invoke alone break=invoke:1 (mid-stream), fail=invoke:1 (an error in it), lose=invoke:1 (its session); "
        "lose=invoke:1@4 does so after four that succeed",
    )
    for flag, about in ROOTS.items():
        parser.add_argument(f"--{flag}", metavar="DIR", type=os.path.abspath, help=about)
    for flag, about in LIMITS.items():
        kind = functools.partial(_amount, is_bytes=flag.endswith("-bytes"))
        parser.add_argument(f"--{flag}", metavar="N", type=kind, help=about)
    add_json(parser)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number from 1 to {_MAX_PORT}")
    return int(text)


def _amount(text: str, *, is_bytes: bool) -> str:
    """Check a number, which is passed on as the text of a variable."""
    from agentcore_emulator import limits

    try:
        limits.amount(text, is_bytes=is_bytes)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


@emulator.translated_errors()
def _serve(*, port: int | None, log: Path | None, fault: list[str], as_json: bool, **settings: str | None) -> int:
    """Serve until a signal or `local stop`.

    Args:
        port: None for a free one.
        log: Where to record requests.
        fault: Faults to inject.
        as_json: Print the variables as one JSON object.
        settings: Limits of the service and each session, AWS's where None, and `ROOTS`.
    """
    from agentcore_emulator.runtime_folder import RuntimeFolder

    output = Output(as_json=as_json)
    environ = {**os.environ, **_variables(fault, settings)}
    folder = RuntimeFolder.of(environ)  # refuses where it cannot run, before modules that such a system lacks
    from agentcore_emulator import serve

    def ready(endpoint: LocalEndpoint) -> None:
        _print_exports(output, endpoint)
        output.say(f"agentcore-sandbox: serving at {endpoint.url}; Ctrl-C stops it and its sessions")

    serve.foreground(folder, serve.Options.of(environ, version=emulator.VERSION, port=port or 0), log, ready)
    output.say("agentcore-sandbox: the emulator and its sessions have ended")
    return 0


def _variables(fault: list[str], settings: Mapping[str, str | None]) -> dict[str, str]:
    """The emulator's own variables that say the same as the flags."""
    given = {f"AGENTCORE_SANDBOX_LOCAL_{name.upper()}": value for name, value in settings.items() if value is not None}
    return given | ({"AGENTCORE_SANDBOX_LOCAL_FAULTS": " ".join(fault)} if fault else {})


def _add_env(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unset", action="store_true", help="print lines that restore the variables as they were")
    parser.add_argument("--shell", choices=tuple(SHELLS), default="sh", help="whose lines (default sh: bash, zsh ...)")
    add_json(parser)


def _env(*, unset: bool, shell: str, as_json: bool) -> int:
    """Print lines for eval, or an object with a key for each variable."""
    output = Output(as_json=as_json)
    if unset and as_json:
        raise UsageError("--unset prints lines for a shell", "leave --json out")
    if unset:
        _print_unset(output, SHELLS[shell])
        return 0
    endpoint = emulator.ensure()
    names = endpoint.client_variables(os.environ).keys()
    if not as_json and ENV_NAMES not in os.environ:
        for name in names & os.environ.keys():
            output.line(SHELLS[shell].set(f"{ENV_OLD}{name}", f'"${name}"'))  # copied by the shell: it may be a secret
    more = {EXPORTED_ENDPOINT: endpoint.url} | ({} if as_json else {ENV_NAMES: " ".join(names)})
    _print_exports(output, endpoint, more, SHELLS[shell])
    return 0


def _print_unset(output: Output, shell: _Shell) -> None:
    """Print lines that undo those of `local env`, if there are any."""
    names = [name for name in os.environ.get(ENV_NAMES, "").split() if name.isidentifier()]
    for name in names:
        if (old := f"{ENV_OLD}{name}") in os.environ:
            output.line(shell.set(name, f'"${old}"'))
            output.line(shell.unset(old))
        else:
            output.line(shell.unset(name))
    for name in (EXPORTED_ENDPOINT, ENV_NAMES):
        output.line(shell.unset(name))


def _print_exports(
    output: Output, endpoint: LocalEndpoint, more: Mapping[str, str] | None = None, shell: _Shell | None = None
) -> None:
    variables = {**endpoint.client_variables(os.environ), **(more or {})}
    if output.as_json:
        output.data(variables)
        return
    for name, value in variables.items():
        output.line((shell or SHELLS["sh"]).set(name, shlex.quote(value)))


@emulator.translated_errors()
def _status(*, as_json: bool) -> int:
    """Print what is known of it, in lines or as one object."""
    from agentcore_emulator import daemon

    output = Output(as_json=as_json)
    found = daemon.status()
    if as_json:
        described = _described(*found) if found else {}
        output.data({"running": found is not None, **described, "interpreters": INTERPRETERS})
        return 0
    output.line(_summary(*found) if found else "not running")
    if found:
        output.line("limits of a session: " + ", ".join(_limits(found[1]["limits"])))
        for name, limit in found[1]["limits"].items():
            if limit.get("notCounted"):
                output.line(f"not counted as {_subject(name)}: {'; '.join(limit['notCounted'])}")
        output.line(f"not limited: {found[1]['notLimited']}")
    output.line("interpreters: " + "; ".join(f"{name} {network}" for name, network in INTERPRETERS.items()))
    return 0


def _limits(limits: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Each limit with what enforces it: the kernel, or the emulator by looking."""
    from agentcore_emulator.limits import human_bytes

    for name, limit in limits.items():
        most = human_bytes(limit["most"]) if name.endswith("Bytes") else limit["most"]
        yield f"{most} {_subject(name)} ({limit['heldBy']})"


def _subject(limit: str) -> str:
    return "open files of a process" if limit == "openFiles" else limit.removesuffix("Bytes")


def _summary(endpoint: LocalEndpoint, counts: Mapping[str, Any]) -> str:
    return (
        f"running at {endpoint.url}, process {endpoint.pid}, version {endpoint.version}, "
        f"sessions: {counts['sessions']}, of which {counts['sessionsWithNetwork']} share this machine's network"
    )


def _described(endpoint: LocalEndpoint, counts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "url": endpoint.url,
        "pid": endpoint.pid,
        "version": endpoint.version,
        "startedAt": utc(endpoint.started),
        **counts,
    }


@emulator.translated_errors()
def _stop(*, as_json: bool) -> int:
    """Stop it, if it runs; with `--json`, print an object with the key `stopped`."""
    from agentcore_emulator import daemon

    output = Output(as_json=as_json)
    stopped = daemon.stop()
    output.data({"stopped": stopped}) if as_json else output.line("stopped" if stopped else "not running")
    return 0


SUBCOMMANDS = {
    "serve": Command(
        "Serve in the foreground until Ctrl-C, with a port, a log, faults and limits of your choice, and print the "
        "lines of `local env`.",
        _add_serve,
        _serve,
        (
            "agentcore-sandbox local serve --port 8080 --log requests.jsonl",
            "agentcore-sandbox local serve --fault throttle=start:2",
        ),
    ),
    "env": Command(
        "Print `export` lines, for eval, that point every AWS client at the emulator; starts it if necessary.",
        _add_env,
        _env,
        ('eval "$(agentcore-sandbox local env)"', 'eval "$(agentcore-sandbox local env --unset)"'),
    ),
    "status": Command(
        "Print whether the emulator runs, where, with how many sessions and which limits.",
        add_json,
        _status,
        ("agentcore-sandbox local status --json",),
    ),
    "stop": Command("Stop the emulator and all its sessions.", add_json, _stop, ("agentcore-sandbox local stop",)),
}
