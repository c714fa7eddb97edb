"""What a map that is resumed must have in common with what its journal says.

The journal stands for what is not given again, but not for what whoever can write it could misuse: files of this
machine that are sent, folders that are written into, variables, endpoints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.map import items as map_items
from agentcore_sandbox.map.journal import code_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentcore_sandbox.execution.program import Program
    from agentcore_sandbox.map.journal import Header
    from agentcore_sandbox.settings import Flags, Settings

Pairs = list[tuple[str, str]]


def check_program(header: Header, program: Program | None, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Check code, where it is given, and the names of variables; returns the variables.

    Raises:
        AgentcoreSandboxError: `OtherMap`.
    """
    if program and code_digest(program.text, program.language, program.runtime) != header.code:
        raise _other("its code is another one", "leave the code out, or start a new map")
    if sorted(environment) != header.variables:
        flags = " ".join(f"--env {name}" for name in header.variables)
        raise _other("its program had other variables", f"give them again: {flags}" if flags else "it had none")
    return environment


def check_packages(header: Header, packages: Sequence[str]) -> Sequence[str]:
    """Check what is installed; returns it. One may be a wheel of this machine.

    Raises:
        AgentcoreSandboxError: `OtherMap`.
    """
    if list(packages) != header.packages:
        raise _other("its program had other packages", "give --with and --requirements as before")
    return packages


def check_items(header: Header, source: map_items.Source) -> None:
    """Check items that are given again.

    Raises:
        AgentcoreSandboxError: `OtherMap`.
    """
    if map_items.digest(source.read()) != header.items:
        raise _other("its items are others", "leave --items out, or start a new map")


def check_transfers(header: Header, uploads: Pairs, downloads: Pairs) -> tuple[Pairs, Pairs]:
    """Check what is copied; returns it.

    Raises:
        AgentcoreSandboxError: `OtherMap`.
    """
    for flag, ours, theirs in (("--upload", uploads, header.uploads), ("--download", downloads, header.downloads)):
        if [list(pair) for pair in ours] != theirs:
            words = " ".join(f"{flag} {_word(pair)}" for pair in theirs)
            raise _other(f"it had another {flag}", f"give it again: {words}" if words else "it had none")
    return uploads, downloads


def where(header: Header, flags: Flags, environ: Mapping[str, str]) -> Settings:
    """Where the sessions are: as the flags say, then as the journal does."""
    if flags.interpreter_id:
        return settings.resolve(flags, environ)
    recorded = settings.Flags(
        header.interpreter_id, flags.profile or header.profile, flags.region or header.region, flags.endpoint_url
    )
    return settings.resolve(recorded, environ)


def _word(pair: Sequence[str]) -> str:
    return ":".join(part for part in pair if part)


def _other(message: str, hint: str) -> AgentcoreSandboxError:
    return AgentcoreSandboxError("OtherMap", f"this is not the map of that journal: {message}", hint)
