"""awscrt, AWS's Common Runtime, for the profiles that need it.

botocore refreshes an `aws login` session with awscrt. It imports awscrt whenever it can, which takes longer than all
the rest of a start: so the zipapps carry it packed, where Python does not find it.
"""

from __future__ import annotations

import importlib
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
    """Put awscrt on `sys.path` if the profile needs it, and return whether it does; call it before importing botocore.

    Where there is no awscrt (the `any` zipapp, a Python without a matching build) botocore says that it is missing.

    Args:
        profile: The chosen profile; None for the one that AWS's variables name, or the default one.
        environ: The environment.

    Raises:
        AgentcoreSandboxError: `NativePartUnusable`: it could not be unpacked.
    """
    needed = is_needed(profile, environ)
    if needed and (FOLDER / ARCHIVE).is_file():
        sys.path.append(str(_unpacked()))
        if not _loads() and _has_lzma() and not _is_whole():
            import shutil

            shutil.rmtree(FOLDER / "unpacked", ignore_errors=True)
            _unpacked()
    return needed


def _loads() -> bool:
    """Whether awscrt can be imported, which botocore does next, and says that it is missing where it cannot."""
    try:
        importlib.import_module("awscrt.auth")
    except Exception:  # noqa: BLE001 - a damaged module can raise anything
        for name in [name for name in sys.modules if name.split(".")[0] in ("awscrt", "_awscrt")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return False
    return True


def _is_whole() -> bool:
    """Whether what was unpacked is what the archive holds: then this Python has no use for it."""
    import tarfile

    with tarfile.open(FOLDER / ARCHIVE) as tar:
        files = ((FOLDER / "unpacked" / member.name, tar.extractfile(member)) for member in tar if member.isfile())
        return all(path.is_file() and packed and path.read_bytes() == packed.read() for path, packed in files)


def is_needed(profile: str | None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a profile, or one that it gets its credentials from, has a `login_session`."""
    path = Path(environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""  # a pipe is nothing that botocore reads
    except (OSError, ValueError):
        return False  # botocore reports it
    if "login_session" not in text:
        return False
    # In botocore's order.
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
    """The profiles of a configuration file by name; empty where it is invalid, which botocore reports."""
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
            from agentcore_emulator import sandbox_runtime

            hint = "free some space there, or sign in another way (see `aws configure sso`)"
            if sandbox_runtime.is_around(os.environ):
                hint = "run `agentcore-sandbox doctor` with this profile once outside of Claude Code's sandbox"
            message = f"awscrt, which `aws login` sessions need, could not be unpacked: {error}"
            raise AgentcoreSandboxError("NativePartUnusable", message, hint) from error
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack beside the folder, then rename: the folder is complete, even where several processes unpack."""
    import tarfile

    from agentcore_sandbox.atomic_files import staging_folder

    if not _has_lzma():
        return  # a Python built without it: as if there were no awscrt
    with staging_folder(folder.parent) as staging, tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.10 and 3.11 may have none
        tar.extractall(staging.path / "awscrt")  # noqa: S202 - our own archive, from the zipapp that runs
        try:
            (staging.path / "awscrt").rename(folder)
        except OSError:
            if not folder.is_dir():
                raise  # else another process was quicker


def _has_lzma() -> bool:
    try:
        import lzma  # noqa: F401 - availability
    except ImportError:
        return False
    return True
