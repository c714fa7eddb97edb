"""The direction of imports, and what start-up does not load."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import agentcore_sandbox

PACKAGE = Path(agentcore_sandbox.__file__).parent
LAYERS = {  # module -> the modules of this package that it may import, `*` for any but cli
    "errors": set(),
    "text": set(),
    "result": set(),
    "signals": set(),
    "program": {"errors"},
    "settings": {"errors"},
    "streams": {"errors", "text"},
    "output": {"errors", "result", "streams", "text"},
    "aws_errors": {"errors", "settings"},
    "credential_cache": set(),
    "aws_clients": {"__version__", "credential_cache", "local", "settings"},
    "event_stream": set(),
    "client": {"aws_clients", "aws_errors", "errors", "event_stream", "result", "settings", "threads"},
    "account": {"account", "aws_clients", "aws_errors", "errors", "settings", "signals"},
    "native": {"errors"},
    "checks": {"account", "aws_clients", "checks", "client", "errors", "local", "result", "settings", "signals"},
    "local": {"__version__", "errors", "local"},
    "state": {"errors"},
    "guest": set(),
    "artifacts": {"errors"},
    "session_store": {"client", "errors", "state"},
    "workspace": {"client", "errors", "result"},
    "jobs": {"client", "errors", "jobs", "program", "settings", "state", "workspace"},
    "threads": set(),
    "transfer": {"errors", "signals", "threads", "transfer", "workspace"},
    "parser": {"errors", "output"},
    "examples": set(),
    "cli": {"__version__", "errors", "examples", "output", "parser", "settings", "signals"},
    "__main__": {"cli", "signals"},
    "__init__": set(),
}
AWS = {"boto3", "botocore", "urllib3", "s3transfer"}
AWS_IMPORTERS = {"account", "aws_clients", "aws_errors", "client", "credential_cache"}
LATE = {*AWS_IMPORTERS, "local", "transfer", "workspace", "jobs"}  # never at the top of a command's module


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    """Full names of what is imported, `from x import y` as x.y."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def own(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("agentcore_sandbox.")}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    layer = path.relative_to(PACKAGE).with_suffix("").parts[0]
    names = imported(ast.parse(path.read_text()))
    if layer in LAYERS:
        assert own(names) <= LAYERS[layer]
    else:
        assert "cli" not in own(names)
    if layer not in AWS_IMPORTERS and path.relative_to(PACKAGE).as_posix() != "checks/aws.py":
        assert not {name.split(".")[0] for name in names} & AWS
        assert not any(name.startswith("types_boto3") for name in names)


@pytest.mark.parametrize("path", sorted((PACKAGE / "commands").rglob("*.py")), ids=lambda path: path.stem)
def test_commands_load_the_client_only_when_they_run(path: Path) -> None:
    top = ast.Module([node for node in ast.parse(path.read_text()).body if not isinstance(node, ast.If)], [])
    for node in top.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            assert not own(imported(node)) & LATE


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["help", "run"],
        ["run", "--help"],
        ["local", "--help"],
        ["run"],
        ["run", "--bad"],
        ["interpreter", "--help"],
        ["interpreter", "create", "demo", "--network", "vpc", "--subnet", "x"],
        ["interpreter", "delete", "local"],
        ["setup", "demo", "--network", "vpc"],
        ["template", "cloudformation", "demo", "--network", "vpc"],
        ["doctor", "--help"],
        ["policy", "--help"],
        ["policy", "execution", "--s3-read", "x"],
        [],
    ],
    ids=" ".join,
)
def test_help_version_and_usage_errors_load_no_aws_code(words: list[str]) -> None:
    script = (
        "import json, sys\n"
        "sys.argv[1:] = json.loads(sys.argv[1])\n"
        "from agentcore_sandbox.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.stderr.write('\\n' + json.dumps(sorted(sys.modules)))\n"
    )
    command = [sys.executable, "-c", script, json.dumps(words)]
    done = subprocess.run(command, capture_output=True, text=True, env={}, stdin=subprocess.DEVNULL, check=True)
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert "agentcore_sandbox.cli" in loaded
    assert not {name.split(".")[0] for name in loaded} & (AWS | {"asyncio", "http", "ssl"})
    assert not any(name.startswith("agentcore_sandbox.local") for name in loaded)
