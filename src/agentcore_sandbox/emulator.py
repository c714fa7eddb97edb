"""The way to the emulator, which knows nothing of this program: its version and its errors are translated here."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from agentcore_sandbox import __version__
from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentcore_emulator.endpoint import LocalEndpoint


VERSION = __version__
"""What the emulator is told of this program, so that one of another version is not taken for this one's."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise the emulator's errors as this program's; also a decorator."""
    from agentcore_emulator.errors import EmulatorError, SettingError

    try:
        yield
    except SettingError as error:
        raise UsageError(error.message, error.hint, code=error.code) from error
    except EmulatorError as error:
        raise AgentcoreSandboxError(error.code, error.message, error.hint) from error


@translated_errors()
def ensure(*, runs_code: bool = True) -> LocalEndpoint:
    """Return how to reach the running service, started if need be; see `daemon.ensure`."""
    from agentcore_emulator import daemon

    return daemon.ensure(VERSION, runs_code=runs_code)
