"""Starting one bwrap with its agent."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from agentcore_emulator.isolation import archive, profile, python, seccomp, starter
from agentcore_emulator.resources import processors

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from agentcore_emulator.isolation.programs import Program


@dataclass(frozen=True)
class Contents:
    """What a sandbox has of the host.

    Args:
        session: The session's folder.
        programs: Paths of further programs, the same inside.
        network: Share the host's network.
        cpus: How many processors.
    """

    session: Path
    programs: list[str]
    network: bool
    cpus: int


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
    program: Program, contents: Contents, channel: int, agent: dict[str, Any], complaints: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start bwrap on the starter thread.

    Args:
        program: The bwrap.
        contents: What the sandbox has of the host.
        channel: Descriptor of the agent's end of its socket.
        agent: The agent's options.
        complaints: Takes what bwrap, and an agent that cannot start, say.

    Raises:
        OSError: It cannot be started.
    """
    return starter.on_starter_thread(lambda: _launch(program, contents, channel, agent, complaints))


def clear_up(session: Path) -> None:
    """Release the session's folder when its sandbox has started, or has not."""
    starter.on_starter_thread(lambda: starter.unstage(str(session)))


def _launch(
    program: Program, contents: Contents, channel: int, agent: dict[str, Any], complaints: IO[bytes]
) -> subprocess.Popen[bytes]:
    interpreter = python.find()
    bwrap = _staged(program.path, program.folder)
    start = [interpreter.executable, "-I", "-S", "-c", archive.boot("main"), str(channel), json.dumps(agent)]
    with contextlib.ExitStack() as stack:
        inside = {path: stack.enter_context(_memory(content)) for path, content in archive.files().items()}
        calls = stack.enter_context(_memory(seccomp.program()))
        options = profile.options(interpreter, _paths(interpreter, contents), inside, calls, network=contents.network)
        # Not as arguments: process 1 of the sandbox would show them, with paths of the host, to everybody inside.
        listed = stack.enter_context(_memory("\0".join([*options, ""]).encode()))
        descriptors = (*inside.values(), calls, listed, channel)
        stack.enter_context(processors.confined(contents.cpus))
        return starter.process([bwrap, "--args", str(listed), *start], descriptors, complaints)


def _paths(interpreter: python.Interpreter, contents: Contents) -> profile.Paths:
    folders = {folder: starter.stage(folder) for folder in interpreter.folders}
    programs = {path: _staged(Path(path), Path(path).parent) for path in contents.programs}
    return profile.Paths(starter.stage(str(contents.session)), folders, programs)


def _staged(path: Path, folder: Path) -> str:
    """Return where a file can be reached that needs a folder above it."""
    return str(Path(starter.stage(str(folder))) / path.relative_to(folder))


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
