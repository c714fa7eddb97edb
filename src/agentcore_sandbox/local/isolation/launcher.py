"""Starting one bwrap with its agent."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from agentcore_sandbox.local.isolation import archive, profile, python, seccomp, starter

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from agentcore_sandbox.local.isolation.programs import Program


def make_folders(session: Path) -> None:
    """Make what a sandbox finds in its session's folder, owned by the user whom it runs as."""
    etc = session / "etc"
    etc.mkdir(mode=0o700)
    for name, text in profile.ETC.items():
        (etc / name).write_text(text)
        (etc / name).chmod(0o644)
    for name in profile.WRITABLE:
        (session / name).mkdir(mode=0o700)
    (session / "tmp").chmod(0o1777)
    (session / "shm").chmod(0o1777)
    for path in (session, *session.iterdir()):
        starter.give_away(path)


def launch(
    program: Program, session: Path, channel: int, agent: dict[str, Any], *, network: bool, complaints: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start bwrap on the starter thread.

    Args:
        program: The bwrap.
        session: The session's folder.
        channel: Descriptor of the agent's end of its socket.
        agent: The agent's options.
        network: Share the host's network.
        complaints: Takes what bwrap, and an agent that cannot start, say.

    Raises:
        OSError: It cannot be started.
    """
    return starter.on_starter_thread(
        lambda: _launch(program, session, channel, agent, network=network, complaints=complaints)
    )


def clear_up(session: Path) -> None:
    """Release the session's folder when its sandbox has started, or has not."""
    starter.on_starter_thread(lambda: starter.unstage(str(session)))


def _launch(
    program: Program, session: Path, channel: int, agent: dict[str, Any], *, network: bool, complaints: IO[bytes]
) -> subprocess.Popen[bytes]:
    interpreter = python.find()
    places = {folder: starter.stage(folder) for folder in interpreter.folders}
    paths = profile.Paths(starter.stage(str(session)), places)
    bwrap = Path(starter.stage(str(program.folder))) / program.path.relative_to(program.folder)
    with _memory(archive.content()) as guest, _memory(seccomp.program()) as calls:
        options = profile.options(interpreter, paths, network=network, archive=guest, seccomp=calls)
        # Not as arguments: process 1 of the sandbox would show them, with paths of the host, to everybody inside.
        with _memory("\0".join([*options, ""]).encode()) as listed:
            start = [interpreter.executable, "-I", "-S", "-c", archive.boot("agent"), str(channel), json.dumps(agent)]
            return starter.process(
                [str(bwrap), "--args", str(listed), *start], (guest, calls, listed, channel), complaints
            )


@contextlib.contextmanager
def _memory(content: bytes) -> Iterator[int]:
    """Provide a descriptor from which a child can read this content."""
    descriptor = os.memfd_create("sandbox")
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
