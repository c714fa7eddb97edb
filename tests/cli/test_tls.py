"""A certificate that this machine does not trust, as a proxy that inspects TLS has it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support import fault_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for the loopback address, with its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a proxy")])
    now = dt.datetime.now(dt.timezone.utc)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
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
    done = quick.using(**inspected.environment).run("run", "x", env={"AWS_CA_BUNDLE": str(certificate)})
    assert (done.returncode, done.stdout) == (0, b"hello"), done.stderr
    assert inspected.connections == 1  # each has a handshake of its own


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "text"])
def test_a_bundle_that_is_none(quick: CommandLine, inspected: FaultServer, tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    done = quick.using(**inspected.environment).run("run", "x", env={"AWS_CA_BUNDLE": str(bundle)})
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[AwsConfiguration]: the trusted certificates cannot be read")
    assert b"hint: AWS_CA_BUNDLE" in done.stderr
