"""A certificate that this machine does not trust, as a proxy that inspects TLS has it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from support import certificates, fault_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for the loopback address, with its key, as PEM."""
    signed, private = certificates.self_signed("a proxy")
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(private + signed)
    return path


@pytest.fixture
def inspected(certificate: Path) -> Iterator[FaultServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with fault_server.serve(context) as server:
        yield server


def test_a_certificate_that_is_not_trusted(quick: CommandLine, inspected: FaultServer) -> None:
    done = quick.using(**inspected.environment).run("run", "x")
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[NoNetwork]: the certificate is not trusted")
    assert b"hint: if a proxy inspects TLS, set AWS_CA_BUNDLE" in done.stderr


def test_with_the_bundle_it_works(quick: CommandLine, inspected: FaultServer, certificate: Path) -> None:
    """Each connection has a handshake; a first program may take another one beside its preparation."""
    for words, most in (["run", "x"], 2), (["run", "--cmd", "x"], 1):
        inspected.connections = 0
        done = quick.using(**inspected.environment).run(*words, env={"AWS_CA_BUNDLE": str(certificate)})
        assert (done.returncode, done.stdout) == (0, b"hello"), done.stderr
        assert 1 <= inspected.connections <= most


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "text"])
def test_a_bundle_that_is_none(quick: CommandLine, inspected: FaultServer, tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    done = quick.using(**inspected.environment).run("run", "x", env={"AWS_CA_BUNDLE": str(bundle)})
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[AwsConfiguration]: the trusted certificates cannot be read")
    assert b"hint: AWS_CA_BUNDLE" in done.stderr
