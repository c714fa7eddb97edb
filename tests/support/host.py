"""What a sandbox must not reach: secrets, processes, sockets of the host, all there while the tests run."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentcore_emulator.endpoint import LocalEndpoint
from agentcore_emulator.runtime_folder import RuntimeFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMITS = {"processes": 60, "memory_bytes": 1 << 28, "disk_bytes": 1 << 24, "output_bytes": 1 << 20}


@dataclass(frozen=True)
class Host:
    """Targets on the host.

    Attributes:
        home: A home with credentials in it.
        secret: A file that only this user can read.
        state: The service's state file, with its keys.
        other_session: Another session's folder.
        marker: A text that the variables of the service hold.
        port: Where a server listens on loopback.
        unix: The path of a listening socket.
        abstract: The name of an abstract one.
        pid: A process.
    """

    home: Path
    secret: Path
    state: Path
    other_session: Path
    marker: str
    port: int
    unix: str
    abstract: str
    pid: int

    def facts(self) -> dict[str, Any]:
        """All of it, with the limits, as JSON can say it."""
        own = {name: str(value) if isinstance(value, Path) else value for name, value in vars(self).items()}
        return {**own, **LIMITS}


@contextlib.contextmanager
def targets(folder: Path) -> Iterator[Host]:
    """Put secrets into `folder`, and sockets and a process beside it."""
    home, sessions = folder / "home", folder / "sessions"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text("[default]\naws_secret_access_key = secret\n")
    (sessions / "other").mkdir(parents=True)
    secret = home / "secret"
    secret.write_text("secret")
    RuntimeFolder(sessions).write_state(LocalEndpoint("http://127.0.0.1:1", "LOCALEXAMPLE", "secret"))
    name = f"acs-{uuid.uuid4().hex}"
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listen(stack, path := f"/tmp/{name}")  # noqa: S108 - short enough for a socket
        stack.callback(os.unlink, path)
        listen(stack, f"\0{name}")
        process = stack.enter_context(subprocess.Popen(["/bin/sleep", "1000"], env={"MARKER": name}))
        stack.callback(process.kill)
        port = server.getsockname()[1]
        yield Host(home, secret, sessions / "service.json", sessions / "other", name, port, path, name, process.pid)


def listen(stack: contextlib.ExitStack, address: str) -> None:
    listener = stack.enter_context(socket.socket(socket.AF_UNIX))
    listener.bind(address)
    if address.startswith("/"):
        os.chmod(address, 0o777)  # noqa: PTH101, S103 - permissions are not what keeps the sandbox out
    listener.listen()
