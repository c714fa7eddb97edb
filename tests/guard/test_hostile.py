"""What somebody tried against the whole guard, one row an idea; each was refused, or means no more than it says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from skill_guard.allowed_calls import check
from skill_guard.scanner import Refusal, scan

if TYPE_CHECKING:
    from pathlib import Path

    from skill_guard.flag_checks import HookContext

CALL = "agentcore-sandbox"
REFUSED = {
    # Another program under the name, or around it.
    "the launcher of Windows": f"{CALL}.cmd run x",
    "capitals, where file names have no case": "AGENTCORE-SANDBOX run x",
    "an alias is not asked": f"\\{CALL} run x",
    "command": f"command {CALL} run x",
    "exec": f"exec {CALL} run x",
    "builtin eval": f"eval {CALL} run x",
    "time": f"time {CALL} run x",
    "negation": f"! {CALL} run x",
    "braces": f"{{ {CALL} run x; }}",
    "an absolute path": f"/opt/{CALL} run x",
    "a path of the working directory": f"src/../{CALL} run x",
    "the plugin's launcher, nearly": f"'/plugins/code interpreter/bin/../bin/{CALL}' run x",
    "an alias": f"alias {CALL}=ls",
    "a function": f"function {CALL} {{ ls; }}",
    "a path to search": f"PATH=. {CALL} run x",
    "a redirection in front": f"2>f {CALL} run x",
    # A second command.
    "carriage return": f"{CALL} run x\r",
    "lines of Windows": f"{CALL} run - <<'EOF'\r\nx\r\nEOF\r\n",
    "carriage return behind the heredoc": f"{CALL} run - <<'EOF'\nx\nEOF\r",
    "blank line behind the heredoc": f"{CALL} run - <<'EOF'\nx\nEOF\n \n",
    "continued line of the heredoc's start": f"{CALL} run - <<'EOF'\\\nls\nx\nEOF",
    "continued line in the heredoc's name": f"{CALL} run - <<'E\\\nOF'\nx\nEOF",
    "heredoc name in odd quotes": f"{CALL} run - <<''EOF''\nx\nEOF",
    "heredoc with a blank in front of its name": f"{CALL} run - << 'EOF'\nx\nEOF",
    "heredoc name with a substitution": f"{CALL} run - <<'$(ls)'\nx\n$(ls)",
    "line separator": f"{CALL} run x\u2028ls",
    "next line": f"{CALL} run x\x85ls",
    "no-break space": f"{CALL}\u00a0run x",
    "ideographic space": f"{CALL} run x\u3000y",
    "zero width space": f"{CALL} run x\u200b",
    "byte order mark": f"\ufeff{CALL} run x",
    "NUL": f"{CALL} run x\0;ls",
    "comment on a line of its own": f"{CALL} run x\n#c",
    "help and then": f"{CALL} run --help; ls",
    # An expansion.
    "history": f"{CALL} run !!",
    "history in quotes": f'{CALL} run "!!"',
    "history replaced": f"{CALL} run ^a^b",
    "braces of words": f"{CALL} run {{a,b}}",
    "a class": f"{CALL} run [a]",
    "one character": f"{CALL} run ?",
    "home behind =": f"{CALL} run --file=~/x",
    "home of a variable": f"{CALL} run --env A=~",
    "ANSI quotes": f"{CALL} run $'x'",
    "quotes of a language": f'{CALL} run $"x"',
    "a variable": f"{CALL} run --env A=$HOME",
    # Another place, another identity.
    "short for --interpreter-id": f"{CALL} run --interp other x",
    "another interpreter behind =": f"{CALL} run --interpreter-id=other x",
    "the right one, then another": f"{CALL} run --interpreter-id local --interpreter-id other x",
    "short for --endpoint-url": f"{CALL} run --endpoint=http://x x",
    "short for --profile": f"{CALL} run --prof=admin x",
    "an endpoint where there is no code": f"{CALL} sessions --endpoint-url http://x",
    "a region that is a host": f"{CALL} run --region us-east-1.example.com x",
    "a region that ends the host": f"{CALL} run --region 'example.com/#' x",
    "a region that is a path": f"{CALL} run --region ../x x",
    "an empty region": f"{CALL} run --region '' x",
    # A variable of the user's.
    "the second variable": f"{CALL} run --env A=b --env HOME x",
    "a variable with a blank": f"{CALL} run --env 'HOME ' x",
    "a variable without a name": f"{CALL} run --env '' x",
    "variables of a file": f"{CALL} run --env-file .env x",
    # A file of the user's.
    "standard input as a file": f"{CALL} run --file /dev/stdin",
    "a descriptor": f"{CALL} run --file /dev/fd/0",
    "a link to standard input": f"{CALL} run --file stdin",
    "a link to the environment": f"{CALL} run --file environ",
    "a pipe": f"{CALL} run --file pipe",
    "no name": f"{CALL} run --file ''",
    "no name behind =": f"{CALL} run --file=",
    "up and away": f"{CALL} cp src/../../outside.txt NAME:x",
    "a hidden file whose name looks like a session's": f"{CALL} cp ./.env:x NAME:y",
    "a folder that is hidden further up": f"{CALL} cp .claude/../.git/config NAME:y",
    "a name that is not seen": f"{CALL} cp --no-hidden NAME:x 'a\u200c.txt'",
    "a name of two lines": f"{CALL} cp --no-hidden NAME:x 'a\nb'",
    "hidden by what is not seen": f"{CALL} cp --no-hidden NAME:x '\u200c.git'",
    "home that nobody expands": f"{CALL} cp --no-hidden NAME:x '~/x'",
    "artifacts over there": f"{CALL} run --artifacts figures/../.. x",
    "artifacts of the plugin": f"{CALL} run --artifacts '/plugins/code interpreter/x' x",
    "a download into the last download": f"{CALL} run --no-hidden --download a:b --download c:.git/x x",
    "a download without the flag that another command has": f"{CALL} cp NAME:x y -- --no-hidden",
}


@pytest.fixture
def odd(project: Path, context: HookContext) -> HookContext:
    """The project with files that are none."""
    os.mkfifo(project / "pipe")
    project.joinpath("stdin").symlink_to("/dev/stdin")
    project.joinpath("environ").symlink_to("/proc/self/environ")
    return context


@pytest.mark.parametrize("idea", REFUSED)
def test_idea_is_refused(odd: HookContext, idea: str) -> None:
    with pytest.raises(Refusal):
        check(REFUSED[idea], odd)


HARMLESS = {
    "a name in quotes": (f"'{CALL}' run x", [CALL, "run", "x"]),
    "a name in pieces": ("agentcore-'sandbox'\trun x", [CALL, "run", "x"]),
    "a name on two lines": ("agentcore-\\\nsandbox run x", [CALL, "run", "x"]),
    "code that looks like a flag": (f"{CALL} run -- --endpoint-url=x", [CALL, "run", "--", "--endpoint-url=x"]),
    "lines of Windows in quotes": (f"{CALL} run 'x\r\nls'", [CALL, "run", "x\r\nls"]),
    "a job of the shell": (f"{CALL} run %1", [CALL, "run", "%1"]),
    "a number in front of nothing": (f"{CALL} run 2", [CALL, "run", "2"]),
}


@pytest.mark.parametrize("idea", HARMLESS)
def test_idea_means_no_more_than_it_says(context: HookContext, idea: str) -> None:
    command, words = HARMLESS[idea]
    check(command, context)
    assert scan(command).words == words


@pytest.mark.parametrize("path", ["src\\.env", ".git\\config", "src\\..\\.env", "keys\\server.pem"])
def test_paths_of_windows_are_judged_name_by_name(
    context: HookContext, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(os, "sep", "\\")
    with pytest.raises(Refusal, match=r"is hidden|looks like a key"):
        check(f"{CALL} run --file '{path}'", context)


@pytest.mark.parametrize("path", ["C:\\Users\\me\\.aws\\credentials", "c:/secret.pem"])
def test_drive_of_windows_is_no_session(context: HookContext, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(os, "name", "nt")
    with pytest.raises(Refusal):
        check(f"{CALL} cp '{path}' NAME:x", context)
    with pytest.raises(Refusal):
        check(f"{CALL} cp --no-hidden NAME:x '{path}'", context)


def test_link_that_is_swapped_in_later_is_judged_anew(project: Path, context: HookContext) -> None:
    command = f"{CALL} run --file data.csv"
    check(command, context)
    project.joinpath("data.csv").unlink()
    project.joinpath("data.csv").symlink_to("/etc/passwd")
    with pytest.raises(Refusal, match="not below the working directory"):
        check(command, context)
