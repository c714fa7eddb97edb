"""docs/emulator.md's recipe for each language, done as it stands there: with AWS's newest SDK from its registry."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.build_folders import write
from support.documents import page, shell_lines
from support.examples import put_on_path
from support.sandboxes import cannot

if TYPE_CHECKING:
    from support.processes import CommandLine

PAGE = "docs/emulator.md"
TOOLS = {"Python": "pytest", "JavaScript": "npm", "Go": "go", "Java": "mvn", "Rust": "cargo"}
FILE = re.compile(r"`([\w/.]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = "npm test"  # what the page has where the tests run; what comes before a recipe's last line is done before
TOOLCHAINS = ("GO", "CARGO", "RUSTUP", "JAVA_", "MAVEN_", "NODE_", "npm_config_")  # how each finds its registry
NOTHING_OF_AWS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def toolchain() -> dict[str, str]:
    """Where this machine's compilers are, and what they have downloaded and built before."""
    variables = {name: value for name, value in os.environ.items() if name.startswith(TOOLCHAINS)}
    return {**variables, "HOME": str(Path.home())}


@pytest.mark.timeout(3600)  # Rust compiles 200 crates
@pytest.mark.parametrize("language", TOOLS)
def test_the_recipe_works(local: CommandLine, tmp_path: Path, language: str) -> None:
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    if not shutil.which(TOOLS[language], path=programs):
        cannot(f"this machine has no {TOOLS[language]}: {language}'s recipe cannot run")
    recipe = page(PAGE, f"### {language}")
    project = tmp_path / "project"
    for name, text in FILE.findall(recipe):
        write(project / name, text)
    *before, test = shell_lines(recipe)
    around = [test if line == PLACE else line for line in shell_lines(page(PAGE, "### Other languages"))]
    path = put_on_path(local)["PATH"].partition(os.pathsep)[0]
    done = subprocess.run(
        ["/bin/bash", "-euxo", "pipefail", "-c", "\n".join([*before, *around])],
        cwd=project,
        env={**local.base, **toolchain(), **NOTHING_OF_AWS, "PATH": f"{path}{os.pathsep}{programs}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
