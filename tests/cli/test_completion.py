"""The completion scripts in the real shells: what a press of the tab key gives."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.processes import DEADLINE

if TYPE_CHECKING:
    from support.processes import CommandLine

BASH = """
source "$1"
COMP_WORDS=(agentcore-sandbox $2)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_shtab_agentcore_sandbox agentcore-sandbox "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = 'source "$argv[1]"; complete -C "agentcore-sandbox $argv[2]"'
# An interactive zsh on a terminal of its own, read up to a marker, then up to what is expected.
ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "autoload -U compinit; compinit -u -D; eval \\"\\$(<'$1')\\"; echo LOA''DED"
zpty -r shell output '*LOADED*'
zpty -w -n shell "agentcore-sandbox $2"$'\\t\\t'
zpty -r shell output "*$3*"
print -r -- "$output"
zpty -d shell
"""


def ask(shell: str, *words: str) -> str:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell}")
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=DEADLINE / 2, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_completion(cli: CommandLine) -> None:
    scripts = {}
    for shell in ("bash", "zsh", "fish"):
        scripts[shell] = str(cli.home / shell)
        (cli.home / shell).write_bytes(cli.run("completion", shell).stdout)
    assert ask("bash", "-c", BASH, "bash", scripts["bash"], "job lo").split() == ["logs"]
    assert ask("bash", "-c", BASH, "bash", scripts["bash"], "run --lang t").split() == ["typescript", "ts"]
    offered = ask("fish", "--no-config", "-c", FISH, scripts["fish"], "run --lang t")
    assert sorted(line.split()[0] for line in offered.splitlines()) == ["ts", "typescript"]
    assert "job logs" in ask("zsh", "-f", "-c", ZSH, "zsh", scripts["zsh"], "job lo", "logs")
