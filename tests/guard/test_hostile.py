"""What somebody tried against the whole guard, one row an idea; each was refused, or means no more than it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skill_guard.bash_calls import check
from skill_guard.scanner import Refusal, scan

if TYPE_CHECKING:
    from pathlib import Path

CALL = "agentcore-sandbox --locked"
LOCKED = ["agentcore-sandbox", "--locked"]
PLUGIN = {"CLAUDE_PLUGIN_ROOT": "/plugins/code interpreter"}
REFUSED = {
    # Another program under the name, or around it.
    "the launcher of Windows": "agentcore-sandbox.cmd --locked run x",
    "capitals, where file names have no case": "AGENTCORE-SANDBOX --locked run x",
    "an alias is not asked": f"\\{CALL} run x",
    "command": f"command {CALL} run x",
    "exec": f"exec {CALL} run x",
    "builtin eval": f"eval {CALL} run x",
    "time": f"time {CALL} run x",
    "negation": f"! {CALL} run x",
    "braces": f"{{ {CALL} run x; }}",
    "an absolute path": f"/opt/{CALL} run x",
    "a path of the working directory": f"src/../{CALL} run x",
    "the plugin's launcher, nearly": "'/plugins/code interpreter/bin/../bin/agentcore-sandbox' --locked run x",
    "an alias": "alias agentcore-sandbox=ls",
    "a function": "function agentcore-sandbox { ls; }",
    "a path to search": f"PATH=. {CALL} run x",
    "a redirection in front": f"2>f {CALL} run x",
    # A server that answers its own questions.
    "a server": f"{CALL} mcp",
    "a server behind flags": f"{CALL} --json --interpreter-id local 'mcp'",
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
    "no-break space": "agentcore-sandbox\u00a0--locked run x",
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
}


@pytest.mark.parametrize("idea", REFUSED)
def test_idea_is_refused(idea: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal):
        check({"command": REFUSED[idea]}, str(tmp_path), PLUGIN)


HARMLESS = {
    "a name in quotes": ("'agentcore-sandbox' '--locked' run x", [*LOCKED, "run", "x"]),
    "a name in pieces": ("agentcore-'sandbox'\t--locked run x", [*LOCKED, "run", "x"]),
    "a name on two lines": ("agentcore-\\\nsandbox --loc\\\nked run x", [*LOCKED, "run", "x"]),
    "code that looks like a flag": (f"{CALL} run -- --endpoint-url=x", [*LOCKED, "run", "--", "--endpoint-url=x"]),
    "lines of Windows in quotes": (f"{CALL} run 'x\r\nls'", [*LOCKED, "run", "x\r\nls"]),
    "a job of the shell": (f"{CALL} run %1", [*LOCKED, "run", "%1"]),
    "a number in front of nothing": (f"{CALL} run 2", [*LOCKED, "run", "2"]),
}


@pytest.mark.parametrize("idea", HARMLESS)
def test_idea_means_no_more_than_it_says(idea: str, tmp_path: Path) -> None:
    command, words = HARMLESS[idea]
    assert not check({"command": command}, str(tmp_path), PLUGIN)
    assert scan(command).words == words


@pytest.mark.parametrize("words", ["--allow-file config", "--allow-file=config", "'--allow-file' a --allow-file b"])
def test_user_is_asked_about_a_file_that_is_allowed_by_name(words: str, tmp_path: Path) -> None:
    assert check({"command": f"{CALL} run {words} --upload config x"}, str(tmp_path), PLUGIN)


@pytest.mark.parametrize(
    "words", ["", "run x", "--locked=1 run x", "--json --locked run x", "run --locked x", "-- --locked run x"]
)
def test_a_call_is_locked_by_its_first_word(words: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="agentcore-sandbox --locked"):
        check({"command": f"agentcore-sandbox {words}"}, str(tmp_path), PLUGIN)


def test_without_a_plugin_root_only_the_bare_name_counts(tmp_path: Path) -> None:
    assert not check({"command": f"{CALL} help"}, str(tmp_path), {})
    for program in ("bin/agentcore-sandbox", "/bin/agentcore-sandbox"):
        with pytest.raises(Refusal):
            check({"command": f"{program} --locked help"}, str(tmp_path), {})
