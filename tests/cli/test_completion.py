"""The completion scripts in the real shells: what a press of the tab key gives."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.processes import DEADLINE, SYSTEM_PATH

if TYPE_CHECKING:
    from support.processes import CommandLine

BASH = """
source "$1"
COMP_WORDS=(agentcore-sandbox $2)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_shtab_agentcore_sandbox agentcore-sandbox "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
OFFERED = {  # line -> what is offered for its last word
    "job lo": ["logs"],
    "run --lang t": ["typescript", "ts"],
    "exec w": ["work"],
    "run --session w": ["work"],
    "cp w": ["work:"],
    "job wait t": ["training"],
    "run --interpreter-id l": ["local", "local-public"],
    "help te": ["template"],
}
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


def ask(environment: dict[str, str], shell: str, *words: str) -> str:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell}")
    done = subprocess.run(
        [program, *words], capture_output=True, text=True, env=environment, timeout=DEADLINE / 2, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_completion(local: CommandLine, program: tuple[str, ...]) -> None:
    """Also with what this machine knows, which the scripts ask the command line for."""
    bin_folder = local.home / "bin"
    bin_folder.mkdir()
    environment = local.environment(PATH=f"{bin_folder}:{SYSTEM_PATH}")
    wrapper = bin_folder / "agentcore-sandbox"
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.join(program)} "$@"\n')
    wrapper.chmod(0o755)
    assert local.run("start", "--name", "work").returncode == 0
    assert local.run("job", "start", "--session", "work", "--name", "training", "1").returncode == 0
    assert local.run("completion", "sessions").stdout == b"work\n"
    assert local.run("completion", "jobs").stdout.splitlines()[0] == b"training"
    scripts = {}
    for shell in ("bash", "zsh", "fish"):
        scripts[shell] = str(local.home / shell)
        (local.home / shell).write_bytes(local.run("completion", shell).stdout)
    for line, offered in OFFERED.items():
        assert ask(environment, "bash", "-c", BASH, "bash", scripts["bash"], line).split() == offered, line
        found = ask(environment, "fish", "--no-config", "-c", FISH, scripts["fish"], line)
        assert sorted(word.split()[0] for word in found.splitlines()) == sorted(offered), line
    assert "job logs" in ask(environment, "zsh", "-f", "-c", ZSH, "zsh", scripts["zsh"], "job lo", "logs")
    assert "exec work" in ask(environment, "zsh", "-f", "-c", ZSH, "zsh", scripts["zsh"], "exec w", "work")
    assert local.run("stop", "work").returncode == 0
