"""Whatever the scanner accepts, a real shell reads the same way and starts nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skill_guard.scanner import Call, Refusal, scan

if TYPE_CHECKING:
    from pathlib import Path

SHELLS = {"dash": ["dash"], "bash": ["bash"], "zsh": ["zsh"], "busybox": ["busybox", "sh"]}
SHELLS = {name: [path, *words[1:]] for name, words in SHELLS.items() if (path := shutil.which(words[0]))}
TRACE = "TRACE-b7f1e3-"
Outcome = tuple[bytes, int, list[str]]
"""The recorder's output, the number of commands traced, and the files that are there."""
RECORDER = """#!/bin/dash
printf 'START\\0'
printf '%s\\0' "$@"
/bin/cat
printf 'END\\0'
"""


def recording(call: Call) -> bytes:
    """What the recorder prints when it is started once, with these words and this input."""
    words = "".join(f"{word}\0" for word in call.words[1:] or [""])
    return f"START\0{words}{call.stdin or ''}END\0".encode()


def only(calls: list[Call]) -> Outcome:
    """What becomes of a shell that starts the recorder for each of these, in their order, and nothing else."""
    return b"".join(map(recording, calls)), len(calls), ["a"]


@dataclass(frozen=True)
class Bench:
    """A folder with nothing but the recorder in it, which is all that PATH offers."""

    folder: Path

    def run(self, shell: str, commands: list[str]) -> Outcome:
        """Run commands one after the other in one shell."""
        evals = [f'eval "${{{number}}}"' for number in range(1, len(commands) + 1)]
        script = "; ".join([f"PS4='{TRACE}'", "set -x", *evals])
        done = subprocess.run(
            [*SHELLS[shell], "-c", script, shell, *commands],
            cwd=self.folder / "work",
            env={"PATH": str(self.folder / "bin"), "HOME": str(self.folder / "work"), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            check=False,
        )
        traced = done.stderr.count(TRACE.encode()) - len(evals)
        return done.stdout, traced, [path.name for path in (self.folder / "work").iterdir()]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("bench")
    for name in ("bin", "work"):
        folder.joinpath(name).mkdir()
    folder.joinpath("work", "a").touch()  # what a pattern would find
    program = folder / "bin/agentcore-sandbox"
    program.write_text(RECORDER)
    program.chmod(0o755)
    return Bench(folder)


def check_in_shells(bench: Bench, calls: dict[str, Call]) -> None:
    """Fail unless each shell starts, for each command, exactly the recorder with exactly these words and this input."""
    for shell in SHELLS:
        if bench.run(shell, list(calls)) != only(list(calls.values())):
            for command, call in calls.items():
                assert bench.run(shell, [command]) == only([call]), shell
            pytest.fail(f"{shell} does something else with all of them than with each")


WORDS = ["agentcore-sandbox", "run", "-", "x", "--json", "--env=A=b", "'a b'", '"c d"', "''", "'$x'", '"\\$x"']
GAPS = [" ", "  ", "\t", " \\\n", "\n"]
HOSTILE = [
    *(
        ";",
        "&",
        "&&",
        "|",
        "||",
        "\n",
        "\r",
        "\\",
        "\\\n",
        "'",
        '"',
        "`",
        "$",
        "$(",
        ")",
        "(",
        "{",
        "}",
        "<",
        ">",
        ">>",
    ),
    *("<<", "<<<", "<<-", "#", "!", "~", "*", "?", "[", "]", "=", "^", "%", "$'", '$"', "${", "<(", "2>&1", "&>", ">|"),
    *(" ~ ", " * ", " ? ", " [a-z] ", " {a,b} ", " =ls ", " # ", " ! "),
    *("EOF", "'EOF'", '"EOF"', "<<'EOF'", "<<'EOF'\n", "\nEOF", "\nEOF\n", "EOF\n", "<<EOF\n", "<<'E'\n", "\nE\n"),
    *("touch planted", "\ntouch planted\n", ";touch planted;", "$(touch planted)", "`touch planted`", "echo", "eval"),
    *("''=ls", '""=ls', "'a\\'", "'\\' '; touch planted '", "'\\\\'", "\\'"),
    *("\0", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\xa0", "\u2028", "\u3000", "\ufeff", "é", "\U0001f600", "\udc80"),
    *("alias", "function", "time", "if", "then", "fi", "for", "do", "done", "case", "esac", "in", "[[", "]]", "a=b"),
]
pieces = st.one_of(st.sampled_from(HOSTILE), st.sampled_from(WORDS), st.sampled_from(GAPS), st.text(max_size=3))


@st.composite
def tampered(draw: st.DrawFn) -> str:
    """A good call with up to four hostile pieces at places of the test's choice."""
    words = draw(st.lists(st.sampled_from(WORDS), max_size=4))
    command = draw(st.sampled_from(GAPS[:4])).join(["agentcore-sandbox", *words])
    if draw(st.booleans()):
        command += (
            " <<'EOF'\n"
            + draw(st.text("ab\n$`'\"\\;|&EOF ", max_size=12))
            + "\nEOF"
            + draw(st.sampled_from(["", "\n"]))
        )
    for piece in draw(st.lists(pieces, max_size=4)):
        position = draw(st.integers(0, len(command)))
        command = command[:position] + piece + command[position:]
    return command


def accepted(command: str) -> Call | None:
    """The call, or None where the scanner refuses; anything but a refusal is a failure."""
    try:
        call = scan(command)
    except Refusal:
        return None
    return call if call.words[:1] == ["agentcore-sandbox"] else None


def can_be_passed(command: str) -> bool:
    """Whether a shell can be given it at all: a lone surrogate has no bytes."""
    return not re.search("[\ud800-\udfff]", command)


GOOD = ["agentcore-sandbox run 'a b' \"c\" x", "agentcore-sandbox run - <<'EOF'\na $x\nEOF\n"]


@pytest.mark.hypothesis  # like which it looks at more where more is asked for: at every place instead of every fourth
@pytest.mark.parametrize("good", GOOD)
def test_no_hostile_piece_at_any_place_starts_anything(bench: Bench, good: str) -> None:
    tampered_with = [good[:at] + piece + good[at:] for piece in HOSTILE for at in range(len(good) + 1)]
    chosen = tampered_with[:: max(1, 120 // settings().max_examples)]
    calls = {command: call for command in chosen if (call := accepted(command)) and can_be_passed(command)}
    assert len(calls) > len(HOSTILE)
    check_in_shells(bench, calls)


@given(tampered())
def test_no_second_command_can_be_smuggled_past_the_scanner(bench: Bench, command: str) -> None:
    call = accepted(command)
    if call and can_be_passed(command):
        check_in_shells(bench, {command: call})


@settings(max_examples=10 * settings().max_examples)
@given(st.one_of(tampered(), st.lists(pieces, max_size=12).map("".join), st.text(max_size=60)))
def test_the_scanner_reads_or_refuses_anything(command: str) -> None:
    accepted(command)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "command",
    ["agentcore-sandbox run; agentcore-sandbox run", "agentcore-sandbox run; :", ">planted agentcore-sandbox run"],
)
def test_the_bench_would_notice_a_second_command(
    bench: Bench, shell: str, command: str, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: (bench.folder / "work/planted").unlink(missing_ok=True))
    plain = "agentcore-sandbox run"
    assert bench.run(shell, [plain, command]) != only([scan(plain)] * 2)


FISH = shutil.which("fish")


@pytest.mark.hypothesis
@pytest.mark.skipif(FISH is None, reason="there is no fish")
@pytest.mark.parametrize("good", GOOD)
def test_fish_which_reads_differently_starts_nothing_else_either(bench: Bench, good: str) -> None:
    tampered_with = [good[:at] + piece + good[at:] for piece in HOSTILE for at in range(len(good) + 1)]
    chosen = tampered_with[:: max(1, 120 // settings().max_examples)]
    commands = [command for command in chosen if accepted(command) and can_be_passed(command)]
    # No status of a wrong command, such as a heredoc is to fish, ends the others.
    script = "for command in $argv; eval $command; end"
    done = subprocess.run(
        [str(FISH), "--no-config", "-c", script, *commands],
        cwd=bench.folder / "work",
        env={"PATH": str(bench.folder / "bin"), "HOME": str(bench.folder / "work"), "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.count(b"START\0") == done.stdout.count(b"END\0") <= len(commands)
    assert not done.stdout.replace(b"\0", b"").strip(b"\n") or done.stdout.startswith(b"START\0")
    assert [path.name for path in (bench.folder / "work").iterdir() if not path.name.startswith(".")] == ["a"]


def test_there_are_shells_to_ask() -> None:
    assert {"dash", "bash"} <= set(SHELLS)
