"""`local env` in a shell: what it exports, for how long that holds, and how it is undone."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.processes import DEADLINE

if TYPE_CHECKING:
    from support.processes import CommandLine

FISH = shutil.which("fish")
DUMP = "env | grep -E '^(AWS|BEDROCK|CUSTOM|AGENTCORE_SANDBOX_ENV|no_proxy|NO_PROXY)' | sort"


def shell(caller: CommandLine, script: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script in which `sandbox` is the command line."""
    function = f'sandbox() {{ {shlex.join(caller.command)} "$@"; }}\n'
    return subprocess.run(
        ["/bin/sh", "-c", function + script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=caller.environment(**env),
        cwd=caller.home,
        timeout=DEADLINE,
        check=False,
    )


def test_an_exported_endpoint_is_renewed(local: CommandLine) -> None:
    done = shell(
        local,
        """eval "$(sandbox local env)"
sandbox run --interpreter-id local 'print(1)'
sandbox local stop
sandbox run --interpreter-id local 'print(2)'
""",
    )
    assert (done.returncode, done.stdout) == (0, b"1stopped\n2"), done.stderr


def test_another_endpoint_is_still_the_users(local: CommandLine) -> None:
    script = """eval "$(sandbox local env)"
export AWS_ENDPOINT_URL_BEDROCK_AGENTCORE=http://127.0.0.1:1
sandbox run --interpreter-id local 1"""
    done = shell(local, script)
    assert (done.returncode, done.stderr.startswith(b"error[LocalServiceGone]")) == (125, True)


def test_unset_restores_what_was_there(local: CommandLine) -> None:
    before = {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": 'it\'s $(a) \\ "secret"',
        "AWS_SESSION_TOKEN": "token\nof two lines",
        "AWS_REGION": "eu-west-3",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }
    script = f"""{DUMP}; echo ---
eval "$(sandbox local env)"; eval "$(sandbox local env)"
echo "$AWS_ACCESS_KEY_ID" ---
eval "$(sandbox local env --unset)"; {DUMP}"""
    done = shell(local, script, **before)
    first, during, after = done.stdout.decode().split("---\n")
    assert first == after
    assert during.strip() not in ("", "AKIDEXAMPLE")
    printed = local.run_process("local", "env", env=before).stdout
    assert b"secret" not in printed
    assert b"of two lines" not in printed


@pytest.mark.skipif(FISH is None, reason="there is no fish")
def test_fish(local: CommandLine) -> None:
    before = {"AWS_SECRET_ACCESS_KEY": 'it\'s $(a) \\ "secret"', "AWS_REGION": "eu-west-3"}
    sandbox = shlex.join(local.command)
    script = f"""{DUMP}; echo ---
{sandbox} local env --shell fish | source; {sandbox} run --interpreter-id local 'print(1)'
echo; echo $AWS_SECRET_ACCESS_KEY ---
{sandbox} local env --unset --shell fish | source; {DUMP}"""
    done = subprocess.run(
        [str(FISH), "--no-config", "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=local.environment(**before),
        cwd=local.home,
        timeout=DEADLINE,
        check=False,
    )
    first, during, after = done.stdout.decode().split("---\n")
    assert (first, done.stderr) == (after, b"")
    assert during.startswith("1\n")
    assert "secret" not in during


def test_unset_without_env_prints_nothing_harmful(local: CommandLine) -> None:
    done = shell(local, f'{DUMP}; echo ---; eval "$(sandbox local env --unset)"; {DUMP}', AWS_REGION="eu-west-3")
    first, after = done.stdout.decode().split("---\n")
    assert first == after
    assert local.run("local", "env", "--unset", "--json").returncode == 2
