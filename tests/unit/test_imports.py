"""The direction of imports, and what start-up does not load."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import agentcore_emulator
import agentcore_sandbox

PACKAGE = Path(agentcore_sandbox.__file__).parent
EMULATOR = Path(agentcore_emulator.__file__).parent
# In order: each part may import those before it, and nothing behind it.
LAYERS = (
    "__init__",
    "errors",
    "policy",
    "api",
    "threads",
    "retry",
    "near",
    "atomic_files",
    "settings",
    "emulator",
    "session_helpers",
    "cli",
    "state",
    "activity",
    "aws",
    "sessions",
    "transfer",
    "packages",
    "jobs",
    "execution",
    "map",
    "account",
    "checks",
    "mcp",
    "commands",
    "dispatch",
    "__main__",
)
MOST_MODULES_OF_RUN = 54
# Of the emulator: the API knows a sandbox by its interface, and the tools know nothing of HTTP.
EMULATOR_LAYERS = {
    "service": {"agent_client", "attached", "errors", "limits", "private_files"},
    "tools": {
        "agent.files",
        "agent.protocol",
        "agent.supervisor",
        "agent_client",
        "isolation",
        "languages",
        "limits",
        "sandbox",
        "service.event_stream",
        "tasks",
    },
}
USERS_OF_THE_EMULATOR = {"aws", "checks", "commands", "emulator", "map", "state", "activity", "atomic_files"}
AWS = {"boto3", "botocore", "urllib3", "s3transfer"}
AWS_IMPORTERS = {"aws"}
LATE = {"account", "aws", "map", "transfer", "packages", "jobs"}  # never at the top of a command's module
LIGHT = {"account.arguments", "aws.attachments", "aws.connect", "map.options", "packages.requirements"}  # but these


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
    """The modules of this package among what is imported, such as cli.output; a package stands for its `__init__`."""
    dotted = (name.removeprefix("agentcore_sandbox.") for name in names if name.startswith("agentcore_sandbox."))
    return {module_of(name) for name in dotted} - {""}


def module_of(name: str) -> str:
    """The module that a full name is in: cli.output of cli.output.Output; empty for the package's own names."""
    path = PACKAGE.joinpath(*name.split("."))
    if not name or path.with_suffix(".py").is_file() or path.is_dir():
        return name
    return module_of(name.rpartition(".")[0])


def layer_of(module: str) -> int:
    return LAYERS.index("dispatch" if module == "cli.dispatch" else module.split(".", maxsplit=1)[0])


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def heavy(names: set[str]) -> set[str]:
    """What of this package must not be loaded with a command's module."""
    dotted = {name.removeprefix("agentcore_sandbox.") for name in names if name.startswith("agentcore_sandbox.")}
    return {name for name in dotted if name.split(".")[0] in LATE and not name.startswith(tuple(LIGHT))}


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_imports_point_one_way(path: Path) -> None:
    name = module_name(path)
    layer = name.split(".")[0]
    names = imported(ast.parse(path.read_text()))
    assert [other for other in own(names) if layer_of(other) > layer_of(name)] == []
    roots = {name.split(".")[0] for name in names}
    assert "agentcore_emulator" not in roots or layer in USERS_OF_THE_EMULATOR
    assert not roots & {"skill_guard", "plugin_build"}
    assert not roots & AWS or layer in AWS_IMPORTERS


NOT_ON_WINDOWS = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}


def test_every_module_can_be_imported_on_windows() -> None:
    """What only POSIX has is imported in functions that are not called there, or behind a look at the system."""
    trees = [ast.parse(path.read_text()) for path in modules()]
    always = [node for tree in trees for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not imported(ast.Module([*always], [])) & NOT_ON_WINDOWS


def test_run_needs_few_modules() -> None:
    """The emulator and the account's side apart, whoever reads `run` has this many files to open."""
    found: set[str] = set()
    waiting = {"commands.run"}
    while waiting:
        name = waiting.pop()
        found.add(name)
        path = PACKAGE.joinpath(*name.split("."))
        text = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
        waiting |= own(imported(ast.parse(text))) - found
    counted = {name for name in found if "." in name}
    assert not {name for name in counted if name.startswith("account")}
    assert len(counted) <= MOST_MODULES_OF_RUN, sorted(counted)


@pytest.mark.parametrize("path", sorted((PACKAGE / "commands").rglob("*.py")), ids=lambda path: path.stem)
def test_commands_load_the_client_only_when_they_run(path: Path) -> None:
    top = ast.Module([node for node in ast.parse(path.read_text()).body if not isinstance(node, ast.If)], [])
    for node in top.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            assert not heavy(imported(node))


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["help", "run"],
        ["run", "--help"],
        ["local", "--help"],
        ["mcp", "--help"],
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
    assert ("agentcore_sandbox.cli.dispatch" in loaded) == (words != ["--version"])
    assert not {name.split(".")[0] for name in loaded} & (AWS | {"asyncio", "http", "ssl"})
    assert not any(name.startswith("agentcore_emulator") for name in loaded)


@pytest.mark.parametrize("path", sorted(EMULATOR.rglob("*.py")), ids=lambda path: str(path.relative_to(EMULATOR)))
def test_the_emulator_imports_nothing_of_the_others(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(ast.parse(path.read_text()))}
    assert not roots & (AWS | {"agentcore_sandbox", "skill_guard", "plugin_build"})


@pytest.mark.parametrize("layer", EMULATOR_LAYERS)
def test_the_api_and_the_tools_know_little_of_the_rest(layer: str) -> None:
    trees = [ast.parse(path.read_text()) for path in (EMULATOR / layer).glob("*.py")]
    names = {name for tree in trees for name in imported(tree) if name.startswith("agentcore_emulator.")}
    allowed = tuple(f"agentcore_emulator.{part}" for part in {layer, *EMULATOR_LAYERS[layer]})
    assert {name for name in names if not name.startswith(allowed)} == set()
