"""The account's buckets, the oldest first. Runs inside the sandbox, with the permissions of the execution role.

To make it yours: ask another service in `rows`, name what that needs in `ACTIONS`, and describe both in SKILL.md. A
value of the user's comes in by `--env NAME=VALUE` and is read from the variables, never written into the code.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

ACTIONS = ("s3:ListAllMyBuckets",)
COLUMNS = ("name", "created")


class ReportError(Exception):
    """What stops the report; the message tells what happened and what to do."""


def rows() -> list[dict[str, Any]]:
    """Ask AWS, all pages of the answer."""
    pages = boto3.client("s3").get_paginator("list_buckets").paginate()
    buckets = [bucket for page in pages for bucket in page.get("Buckets", [])]
    oldest = sorted(buckets, key=lambda bucket: (bucket["CreationDate"], bucket["Name"]))
    return [{"name": bucket["Name"], "created": f"{bucket['CreationDate']:%Y-%m-%d}"} for bucket in oldest]


def whole_number(variables: dict[str, str], name: str, default: int) -> int:
    """A setting that is a number."""
    text = variables.get(name) or str(default)
    if not text.isdecimal():
        raise ReportError(f"{name} must be a whole number, not {text!r}")
    return int(text)


def plain(text: str) -> str:
    """Text of others on one line, without control sequences for a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def as_table(found: list[dict[str, Any]]) -> str:
    """The rows to read."""
    lines = [
        [column.upper() for column in COLUMNS],
        *([plain(str(row[column])) for column in COLUMNS] for row in found),
    ]
    widths = [max(len(line[number]) for line in lines) for number in range(len(COLUMNS))]
    padded = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join(line.rstrip() for line in padded)


def explain(error: Exception) -> str:
    """What an error of AWS means for whoever asked."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    if code in ("AccessDenied", "AccessDeniedException"):
        return f"{error}\nThe execution role needs {', '.join(ACTIONS)}"
    if code == "NoCredentialsError":
        return "no credentials: this interpreter has no execution role"
    return f"{code}: {error}"


def main(variables: dict[str, str]) -> int:
    """Print the report; gives the exit status."""
    try:
        top = whole_number(variables, "TOP", 20)
        found = rows()
    except ReportError as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"error: {explain(error)}", file=sys.stderr)
        return 1
    shown = found[: top or None]
    as_json = json.dumps({"total": len(found), "rows": shown}, indent=1)
    print(as_json if variables.get("FORMAT") == "json" else as_table(shown))
    print(f"{len(shown)} of {len(found)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    exit_status = main(dict(os.environ))
    if exit_status:  # sys.exit(0) would be an error in a session's Python, where it is an exception like any other
        sys.exit(exit_status)
