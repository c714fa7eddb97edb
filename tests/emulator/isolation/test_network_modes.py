"""Network modes by attempt: a program in a session calls a server on the host's loopback address."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.isolation import launcher
from support import host, sandboxes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.local import Local


@contextmanager
def greeter() -> Iterator[int]:
    """A server that greets whoever calls; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            while True:
                caller, _ = server.accept()
                with caller:
                    if caller.recv(4) == b"end.":
                        return
                    caller.sendall(b"reached")

        thread = threading.Thread(target=greet)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            with socket.create_connection(server.getsockname()) as last:
                last.sendall(b"end.")
            thread.join()


CALL = """
import socket
try:
    with socket.create_connection(("127.0.0.1", {port}), 10) as server:
        server.sendall(b"ping")
        print(server.recv(10).decode())
except OSError as error:
    print("unreachable", error.errno)
"""


@pytest.mark.parametrize(("interpreter", "seen"), [("local", "unreachable 111"), ("local-public", "reached")])
def test_only_local_public_reaches_the_hosts_loopback(local: Local, interpreter: str, seen: str) -> None:
    with greeter() as port:
        assert local.text("run", "--interpreter-id", interpreter, CALL.format(port=port)) == seen


def test_local_has_no_interface_but_its_own_loopback(local: Local) -> None:
    code = "import socket; print([name for _, name in socket.if_nameindex()])"
    assert local.text("run", "--interpreter-id", "local", code) == "['lo']"


def test_public_sessions_are_not_those_of_local(local: Local) -> None:
    public = local.text("start", "--interpreter-id", "local-public").strip()
    said = local.run("exec", public, "--interpreter-id", "local", "1").stderr
    assert b"error[" in said
    assert local.text("exec", public, "--interpreter-id", "local-public", "print(2)") == "2"


def test_every_output_of_status_announces_the_shared_network(local: Local) -> None:
    announced = "local-public shares this machine's network"
    assert announced in local.text("local", "status")
    assert "shares this machine's network" in local.status()["interpreters"]["local-public"]
    local.start_session()
    local.text("start", "--interpreter-id", "local-public")
    told = local.text("local", "status")
    assert announced in told
    assert "sessions: 2, of which 1 share this machine's network" in told
    found = local.status()
    assert (found["sessions"], found["sessionsWithNetwork"]) == (2, 1)
    assert "shares this machine's network" in json.dumps(found["interpreters"])


ATTEMPTS = """
import socket
def attempt(action):
    try:
        print(action())
    except PermissionError:
        print("refused")
attempt(lambda: socket.socket(socket.AF_UNIX).connect("\\0{name}"))
attempt(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", "\\0{name}-datagrams"))
attempt(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", "\\0{name}-datagrams"))
"""
OWN_PAIR = "one, other = socket.socketpair()\none.send(b'x')\nother.recv(1)"
OWN_NAMES = """
server = socket.socket(socket.AF_UNIX)
server.bind("\\0own")
server.listen()
client = socket.socket(socket.AF_UNIX)
client.connect("\\0own")
client.send(b'x')
server.accept()[0].recv(1)
"""


@pytest.mark.parametrize("scopes", [True, False], ids=["landlock", "without landlock"])
def test_local_public_reaches_no_unix_socket_of_the_host(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scopes: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Its owner would take it for this user."""
    if scopes and not launcher.can_scope_sockets():
        pytest.skip("this kernel is older than 6.12, or has no Landlock")
    monkeypatch.setattr(launcher, "can_scope_sockets", lambda: scopes)
    name = f"acs-{uuid.uuid4().hex}"
    with contextlib.ExitStack() as stack, sandboxes.start(tmp_path / "sandbox", network=True) as session:
        host.listen(stack, f"\0{name}")
        datagrams = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagrams.bind(f"\0{name}-datagrams")
        assert session.out(ATTEMPTS.format(name=name)).split() == ["refused"] * 3
        assert session.out(OWN_PAIR) == "b'x'"
        if scopes:
            assert session.out(OWN_NAMES) == "b'x'"
