"""The schema of what commands print with --json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema

if TYPE_CHECKING:
    from support.processes import CommandLine

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "json-output.schema.json").read_text())


def validate(answer: Any, name: str) -> None:
    """Hold an answer against the schema of its name; that the schema is one itself, tests/cli/test_schemas.py says."""
    jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]}).validate(answer)


def check(schema: str, line: CommandLine, *words: str, status: int = 0) -> Any:
    """Run a command and hold its one line of JSON against the schema of its name."""
    done = line.run(*words, "--json")
    assert (done.returncode, done.stdout.count(b"\n")) == (status, 1), done.stderr
    answer = json.loads(done.stdout)
    validate(answer, schema)
    return answer
