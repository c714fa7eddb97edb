"""The emulator in the tests of other programs; docs/emulator.md shows how."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from dataclasses import fields
from typing import TYPE_CHECKING

from agentcore_emulator import daemon
from agentcore_emulator.errors import EmulatorError
from agentcore_emulator.limits import PREFIX, Limits, Quotas
from agentcore_emulator.service.faults import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["EmulatorError", "service"]


@contextlib.contextmanager
def service(faults: Sequence[str] = (), **most: int | str) -> Iterator[dict[str, str]]:
    """Serve during the block, and lead every AWS client of this process and of its children there.

    Args:
        faults: What shall go wrong, such as `["throttle=start:2"]`; as `local serve --fault`.
        most: Limits by their names, such as `sessions=3` or `memory_bytes="512M"`; as `local serve --max-...`.

    Yields:
        The variables that lead there; during the block they are in the environment.

    Raises:
        EmulatorError: `LocalSandboxUnavailable`: no sandbox works on this machine, with the reason and the
            remedy; or the emulator did not start, for a wrong fault or limit too.
        TypeError: There is no such limit.
    """
    if unknown := most.keys() - {field.name for kind in (Limits, Quotas) for field in fields(kind)}:
        raise TypeError(f"the emulator has no limit {', '.join(unknown)}")
    limits = {PREFIX + name.upper(): str(value) for name, value in most.items()}
    with tempfile.TemporaryDirectory(prefix="agentcore-sandbox-") as folder, contextlib.ExitStack() as stack:
        own = {"AGENTCORE_SANDBOX_RUNTIME_DIR": folder, VARIABLE: " ".join(faults), **limits}
        stack.enter_context(_environment(own))
        endpoint = daemon.ensure()
        stack.callback(daemon.stop)  # should this process be killed, it ends by itself when it is idle
        variables = endpoint.client_variables(os.environ)
        stack.callback(_forget_credentials)
        stack.enter_context(_environment(variables))
        _forget_credentials()
        yield variables


def _forget_credentials() -> None:
    """Let `boto3.client` read the environment again: its default session remembers the first keys it saw."""
    if boto3 := sys.modules.get("boto3"):
        boto3.DEFAULT_SESSION = None  # type: ignore[attr-defined] # of boto3, which is not imported for this


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables, and put back what was there."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
