"""What is measured, laid out as users have it: the plugin's launcher and zipapp, interpreters, the yardsticks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.processes import Command
from plugin_build import staging
from plugin_build.source_tree import ROOT
from plugin_build.zipapps import PLATFORMS
from support.zipapps import OWN, install

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPTS = Path(__file__).with_name("scripts")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Stage:
    """Everything that is started.

    Attributes:
        folder: Where it lies; the children's home is in it.
        yardsticks: A virtual environment with boto3, the AWS CLI and AWS's bedrock-agentcore SDK.
    """

    folder: Path
    yardsticks: Path

    @property
    def python(self) -> Path:
        """A bare interpreter: a virtual environment without packages, so that what this machine has does not count."""
        return self.folder / "python" / "bin" / "python3"

    @property
    def launcher(self) -> Path:
        """The plugin's launcher, with this platform's zipapp beside it."""
        return self.folder / "plugin" / "bin" / "agentcore-sandbox"

    @property
    def untrimmed(self) -> Path:
        """The same command line and the same wheels in a zipapp as shiv makes it."""
        return self.folder / "untrimmed.pyz"

    def lay_out(self) -> None:
        """Build and copy all of it."""
        base = getattr(sys, "_base_executable", sys.executable)
        subprocess.run([base, "-m", "venv", "--without-pip", self.folder / "python"], check=True)
        (self.folder / "home").mkdir()
        # In a process of its own: packing takes memory, and a child's peak begins with that of its parent.
        build: list[str | Path] = [sys.executable, "-m", "plugin_build", "build", OWN, "--dist", self.folder / "dist"]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        install({OWN: self.folder / "dist" / "zipapps" / PLATFORMS[OWN].file_name}, self.folder / "plugin", OWN)
        for name in ("hooks", "skills"):
            shutil.copytree(ROOT / "plugin-template" / name, self.folder / "plugin" / name)
        shutil.copytree(ROOT / "src/skill_guard", self.folder / "plugin" / "hooks" / "skill_guard")
        self._build_untrimmed()

    def _build_untrimmed(self) -> None:
        packages = self.folder / "untrimmed"
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        staging.install(PLATFORMS[OWN].lock, packages, target=PLATFORMS[OWN].target, python=python)
        for name in staging.PACKAGES:
            shutil.copytree(ROOT / "src" / name, packages / name)
        options: list[str | Path] = [
            "--site-packages",
            packages,
            "--entry-point",
            "agentcore_sandbox.__main__:main",
            "--compressed",
        ]
        shiv: list[str | Path] = [sys.executable, "-m", "shiv", *options, "--output-file", self.untrimmed]
        subprocess.run(shiv, check=True, stdout=subprocess.DEVNULL)

    def environment(self, **more: str) -> dict[str, str]:
        """A child's variables: nothing of the caller's, dummy credentials, an interpreter."""
        return {
            "PATH": f"{self.python.parent}{os.pathsep}{SYSTEM_PATH}",
            "HOME": str(self.folder / "home"),
            "LANG": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "dummy-secret",
            "AWS_REGION": "us-west-2",
            "AWS_DEFAULT_REGION": "us-west-2",
            "CUSTOM_AGENTCORE_INTERPRETER_ID": "aws.codeinterpreter.v1",
            **more,
        }

    def ours(
        self, *words: str, env: Mapping[str, str], output: bytes | None = None, size: int | None = None
    ) -> Command:
        """A call of the command line as the plugin starts it."""
        return Command((str(self.launcher), *words), self.environment(**env), output=output, size=size)

    def peak(self, command: Command) -> Command:
        """What prints the most memory that a command holds, in bytes: a child's peak begins with that of its parent."""
        words = (str(self.python), "-I", "-S", str(SCRIPTS / "peak.py"), *command.words)
        return Command(words, command.environment)

    def shiv(self, *words: str, env: Mapping[str, str], output: bytes | None = None) -> Command:
        """The same call of the untrimmed zipapp."""
        return Command((str(self.python), str(self.untrimmed), *words), self.environment(**env), output=output)

    def script(
        self, name: str, *words: str, env: Mapping[str, str], output: bytes | None = None, size: int | None = None
    ) -> Command:
        """A script of the yardsticks."""
        program = (str(self.yardsticks / "bin" / "python"), str(SCRIPTS / name), *words)
        return Command(program, self.environment(**env), output=output, size=size)

    def aws_cli(self, *words: str, env: Mapping[str, str]) -> Command:
        """A call of the AWS CLI."""
        program = (str(self.yardsticks / "bin" / "aws"), "bedrock-agentcore", *words)
        options = ("--code-interpreter-identifier", "aws.codeinterpreter.v1")
        return Command((*program, *options), self.environment(**env))
