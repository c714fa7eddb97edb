"""The lines of README's chapters on use and on the embedded service work as they stand there, in their order."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.build_folders import ROOT, write
from support.examples import put_on_path

if TYPE_CHECKING:
    from pathlib import Path

    from support.processes import CommandLine

CHAPTERS = ("## Use\n", "## The embedded service\n")
IN_THE_FOREGROUND = "agentcore-sandbox local serve"  # tests/emulator/test_serve.py
# What a reader puts in, or has.
READERS = {
    "=aws.codeinterpreter.v1": "=local",
    "start --timeout 3600": "start --timeout 3600 | tee session",
    "SESSION": '"$(cat session)"',
}
BEFORE = {
    "cp 'work:out": "agentcore-sandbox exec work --cmd 'mkdir out; echo 1 > out/a.csv'",
    "run --upload": "rm -r results",
}
FILES = {
    "job.py": "import os; os.makedirs('out', exist_ok=True); open('out/b.csv', 'w').close(); print('a job')",
    "train.py": "print('trained')",
    "data.csv": "1,2",
    "plots/a.png": "a picture",
}


def lines() -> list[str]:
    """The lines, each with what a reader puts in and does before it."""
    readme = ROOT.joinpath("README.md").read_text("utf-8")
    chapters = "".join(readme.partition(chapter)[2].partition("\n## ")[0] for chapter in CHAPTERS)
    shown = "".join(re.findall(r"```sh\n(.*?)```", chapters, re.DOTALL)).replace("\\\n", "").splitlines()
    found = []
    for line in (re.sub(r"\s+# .*", "", line) for line in shown if not line.startswith(IN_THE_FOREGROUND)):
        found += [command for part, command in BEFORE.items() if part in line]
        for placeholder, value in READERS.items():
            line = line.replace(placeholder, value)  # noqa: PLW2901 - one after the other
        found.append(line)
    return found


@pytest.mark.timeout(600)
def test_every_line_works(local: CommandLine, tmp_path: Path) -> None:
    for name, text in FILES.items():
        write(tmp_path / "project" / name, text)
    done = subprocess.run(
        ["/bin/bash", "-euxo", "pipefail", "-c", "\n".join(lines())],
        cwd=tmp_path / "project",
        env=put_on_path(local),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("42\n")
    assert "trained" in done.stdout
    assert list(tmp_path.glob("project/results/**/b.csv"))


def test_there_are_lines_to_try() -> None:
    assert len(lines()) > 25
