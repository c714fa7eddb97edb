"""awscrt, AWS's Common Runtime, for the profiles that need it.

botocore refreshes an `aws login` session with awscrt. It imports awscrt whenever it can, which takes longer than all
the rest of a start: so the zipapps carry it packed, where Python does not find it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    import configparser
    from collections.abc import Mapping

FOLDER = Path(__file__).parents[2] / "_native"  # of a zipapp; a plain installation has none
ARCHIVE = "awscrt.tar.xz"


def enable_for(profile: str | None, environ: Mapping[str, str] = os.environ) -> bool:
    """Put awscrt on `sys.path` if the profile is an `aws login` session; call it before botocore is imported.

    Without awscrt (the `any` zipapp, a Python that none of its builds fits) botocore says what is missing.

    Args:
        profile: The chosen profile; None takes AWS's own variables, then the default profile.
        environ: The environment.

    Returns:
        Whether the profile needs awscrt.

    Raises:
        AgentcoreSandboxError: `NativePartUnusable`: it could not be unpacked.
    """
    needed = is_needed(profile, environ)
    if needed and (FOLDER / ARCHIVE).is_file():
        sys.path.append(str(_unpacked()))
    return needed


def is_needed(profile: str | None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a profile, or the profile that its role is assumed with, has a `login_session`.

    Args:
        profile: As in `enable_for`.
        environ: The environment.
    """
    path = Path(environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False  # botocore has the words for it
    if "login_session" not in text:
        return False
    # The order of botocore's own look-up.
    name = profile or environ.get("AWS_DEFAULT_PROFILE") or environ.get("AWS_PROFILE") or "default"
    return _has_login_session(name, text)


def _has_login_session(name: str, text: str) -> bool:
    profiles = _profiles(text)
    seen: set[str] = set()
    while name in profiles and name not in seen:
        if "login_session" in profiles[name]:
            return True
        seen.add(name)
        name = profiles[name].get("source_profile", "")
    return False


def _profiles(text: str) -> dict[str, configparser.SectionProxy]:
    """The profiles of a configuration file by name; none where it cannot be read: botocore has the words for it."""
    import configparser
    import shlex

    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
        return {shlex.split(section)[-1]: parser[section] for section in parser.sections() if _is_profile(section)}
    except (configparser.Error, ValueError):
        return {}


def _is_profile(section: str) -> bool:
    return section == "default" or section.startswith(("profile ", "profile\t"))


def _unpacked() -> Path:
    folder = FOLDER / "unpacked"
    if not folder.is_dir():
        try:
            _unpack(FOLDER / ARCHIVE, folder)
        except OSError as error:
            hint = "free some space there, or sign in another way (see `aws configure sso`)"
            message = f"awscrt, which `aws login` sessions need, could not be unpacked: {error}"
            raise AgentcoreSandboxError("NativePartUnusable", message, hint) from error
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack beside the folder, then rename: it is there whole or not at all, whoever else unpacks too."""
    import shutil
    import tarfile
    import tempfile

    if not _has_lzma():
        return  # a Python that was built without: as if there were no awscrt
    temporary = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        with tarfile.open(archive) as tar:
            tar.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.10 and 3.11 may have none
            tar.extractall(temporary)  # noqa: S202 - our own archive, from the zipapp that runs
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _has_lzma() -> bool:
    try:
        import lzma  # noqa: F401 - only whether it is there
    except ImportError:
        return False
    return True
