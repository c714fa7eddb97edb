"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import re

MAX_LIFETIME = 28_800  # seconds, the service's limit (docs/service.md, "Wire API")
DEFAULT_LIFETIME = 900


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say where to run, and `--json`."""
    group = parser.add_argument_group("where to run")
    group.add_argument(
        "--interpreter-id",
        metavar="ID",
        help="id or ARN of the code interpreter; 'local' and 'local-public' (with network) need no AWS account",
    )
    _add_account(group)
    group.add_argument("--endpoint-url", metavar="URL", help="endpoint instead of AWS's")
    add_json(parser)


def add_account(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which account and region, and `--json`."""
    _add_account(parser.add_argument_group("which account"))
    add_json(parser)


def _add_account(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--profile", metavar="NAME", help="AWS profile")
    group.add_argument("--region", metavar="NAME", help="AWS region")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object on stdout")


def add_job(parser: argparse.ArgumentParser) -> None:
    """Add the job's id, and the connection flags, which replace what was noted when the job was started."""
    parser.add_argument("job", help="the job's id")
    add_connection(parser)


def add_lifetime(parser: argparse.ArgumentParser, default: int = DEFAULT_LIFETIME) -> None:
    """Add `--timeout`, the lifetime of a session that the command starts."""
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=lifetime,
        default=default,
        dest="lifetime",
        help=f"the session's lifetime, whatever it does, 1-{MAX_LIFETIME} (default {default})",
    )


def lifetime(text: str) -> int:
    """Read a session's lifetime in seconds."""
    seconds = _number(text)
    if not 1 <= seconds <= MAX_LIFETIME or seconds != int(seconds):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of seconds from 1 to {MAX_LIFETIME}")
    return int(seconds)


def positive_seconds(text: str) -> float:
    """Read a time limit in seconds, fractions allowed."""
    seconds = _number(text)
    if not 0 < seconds <= MAX_LIFETIME:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0 and up to {MAX_LIFETIME}")
    return seconds


def byte_count(text: str) -> int:
    """Read a number of bytes, at least 1."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of bytes from 1")
    return int(text)


def _number(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return -1.0
    return float(text)
