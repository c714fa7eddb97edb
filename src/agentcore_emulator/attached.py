"""File systems and certificates of a session, as folders and files of this machine.

AWS mounts access points of S3 Files and EFS, and reads certificates from Secrets Manager (developer guide, "File system
configurations for AgentCore Code Interpreter", "Configure Root Certificate Authority for AgentCore Code Interpreter").
Here a folder below one root stands for each access point, a file below another root for each secret.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_emulator.errors import SettingError
from agentcore_emulator.isolation import launcher

if TYPE_CHECKING:
    from collections.abc import Mapping

MOUNT_ROOT, SECRET_ROOT = "AGENTCORE_SANDBOX_LOCAL_MOUNT_ROOT", "AGENTCORE_SANDBOX_LOCAL_SECRET_ROOT"
"""The variables that name the two roots."""
LARGEST_SECRET = 65_536
"""Bytes; Secrets Manager's limit."""
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
HOST_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
"""Where this machine has the certificates that it trusts, as one file: Debian and its kin, Fedora and its kin."""


class RefusedError(Exception):
    """Why something cannot be attached."""


@dataclass(frozen=True)
class Attached:
    """What a sandbox gets: folders by their paths inside, and certificates (PEM) to trust besides the usual ones."""

    mounts: Mapping[str, Path] = field(default_factory=dict)
    certificates: str = ""

    def bundle(self) -> dict[str, bytes]:
        """The file with all certificates that are trusted, by its path inside; nothing without additional ones."""
        if not self.certificates:
            return {}
        path = next(filter(os.path.isfile, HOST_BUNDLES), HOST_BUNDLES[0])
        usual = Path(path).read_bytes() if Path(path).is_file() else b""
        return {path: usual.rstrip() + b"\n" + self.certificates.encode()}


NOTHING = Attached()


@dataclass(frozen=True)
class Roots:
    """Where folders and files stand for access points and secrets; None where nothing does."""

    mounts: Path | None = None
    secrets: Path | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Roots:
        """Read the two variables.

        Raises:
            SettingError: One names no folder.
        """
        return cls(_root(environ, MOUNT_ROOT), _root(environ, SECRET_ROOT))

    def folder(self, access_point: str) -> Path:
        """The folder of an access point, made where it is missing.

        Args:
            access_point: Its ARN; the last part, letters and digits, names the folder.

        Raises:
            RefusedError: There is no root, or something else is in the folder's place.
        """
        if self.mounts is None:
            raise RefusedError("no folder stands for file systems here: agentcore-sandbox local serve --mount-root DIR")
        folder = self.mounts / access_point.rpartition("/")[2]
        try:
            launcher.make_mount(folder)
        except OSError as error:
            raise RefusedError(f"{folder}: {error.strerror or error}") from None
        return folder

    def certificate(self, secret: str) -> str:
        """The PEM text of a secret's certificates, which are valid now.

        Args:
            secret: Its ARN; what comes after `secret:` names the file.

        Raises:
            RefusedError: There is no root, no such file below it, or something else than certificates is in it.
        """
        if self.secrets is None:
            raise RefusedError("no folder stands for secrets here: agentcore-sandbox local serve --secret-root DIR")
        name = secret.partition(":secret:")[2]
        path = Path(os.path.realpath(self.secrets / name.lstrip("/")))
        if not path.is_relative_to(self.secrets) or not path.is_file():
            raise RefusedError(f"secret {name} is not there")
        with path.open("rb") as file:
            text = file.read(LARGEST_SECRET + 1).decode("ascii", errors="replace")
        if len(text) > LARGEST_SECRET:
            raise RefusedError(f"secret {name} has more than {LARGEST_SECRET} bytes")
        _check_certificates(text, name)
        return "\n".join([*_CERTIFICATE.findall(text), ""])  # a key in the same file is nobody's business inside


def _root(environ: Mapping[str, str], variable: str) -> Path | None:
    if variable not in environ:
        return None
    folder = Path(os.path.realpath(environ[variable]))
    if not Path(environ[variable]).is_absolute() or not folder.is_dir():
        message = f"{variable}: {environ[variable]!r} is not the absolute path of a folder"
        raise SettingError(message, "make it, or name another one")
    return folder


def _check_certificates(text: str, name: str) -> None:
    """Check form and validity, as AWS does; that only certificates of authorities are taken is assumed."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise RefusedError(f"secret {name} holds no X.509 certificate as PEM") from None
    found = context.get_ca_certs()
    if not found:
        raise RefusedError(f"secret {name} holds no certificate of an authority")
    for certificate in found:
        begin, end = str(certificate["notBefore"]), str(certificate["notAfter"])
        if not ssl.cert_time_to_seconds(begin) <= time.time() <= ssl.cert_time_to_seconds(end):
            raise RefusedError(f"a certificate in secret {name} is valid from {begin} to {end} only")
