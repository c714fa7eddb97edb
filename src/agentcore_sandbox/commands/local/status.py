"""Say whether the emulator runs, where, with how many sessions and which limits."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.emulator import translated_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentcore_emulator.endpoint import LocalEndpoint

INTERPRETERS = {
    "local": "has no network",
    "local-public": "shares this machine's network, loopback servers included",
}

add_arguments = options.add_json


@translated_errors()
def run(*, as_json: bool) -> int:
    """Print what is known of it, in lines or as one object.

    Args:
        as_json: Print JSON.
    """
    from agentcore_emulator import daemon

    output = Output(as_json=as_json)
    found = daemon.status()
    if as_json:
        described = _described(*found) if found else {}
        output.data({"running": found is not None, **described, "interpreters": INTERPRETERS})
        return 0
    output.line(_told(*found) if found else "not running")
    if found:
        output.line("limits of a session: " + ", ".join(_limits(found[1]["limits"])))
    output.line("interpreters: " + "; ".join(f"{name} {network}" for name, network in INTERPRETERS.items()))
    return 0


def _limits(limits: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield each limit with what holds a session to it: the kernel, or the service by looking at it."""
    from agentcore_emulator.limits import human_bytes

    for name, limit in limits.items():
        most = human_bytes(limit["most"]) if name.endswith("Bytes") else limit["most"]
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
