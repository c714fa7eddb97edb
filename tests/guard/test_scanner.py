from __future__ import annotations

import pytest

from skill_guard.scanner import Refusal, scan

CALL = "agentcore-sandbox run"

ACCEPTED = {
    "plain": ("agentcore-sandbox run --json a/b.py", ["agentcore-sandbox", "run", "--json", "a/b.py"], None),
    "blanks": (" \t\n agentcore-sandbox\t run  x \n\n", ["agentcore-sandbox", "run", "x"], None),
    "single quotes": (
        f"{CALL} 'a $b `c` | ; & > < \\ \" # !\n~*?{{}}'",
        ["agentcore-sandbox", "run", 'a $b `c` | ; & > < \\ " # !\n~*?{}'],
        None,
    ),
    "double quotes": (
        f'{CALL} "a | ; & > \' # ~ * \\n \\\\ \\" \\$ \\`"',
        ["agentcore-sandbox", "run", "a | ; & > ' # ~ * \\n \\ \" $ `"],
        None,
    ),
    "joined pieces": (f"""{CALL} --env=A='b c'"d e"f""", ["agentcore-sandbox", "run", "--env=A=b cd ef"], None),
    "empty words": (f"{CALL} '' \"\"", ["agentcore-sandbox", "run", "", ""], None),
    "continued line": (f"{CALL} \\\n  --js\\\non x", ["agentcore-sandbox", "run", "--json", "x"], None),
    "Unicode in quotes": (
        f"{CALL} 'é\u2028\u00a0\U0001f600'",
        ["agentcore-sandbox", "run", "é\u2028\u00a0\U0001f600"],
        None,
    ),
    "path with blanks": ("'/a b/bin/agentcore-sandbox' help", ["/a b/bin/agentcore-sandbox", "help"], None),
    "heredoc": (f"{CALL} - <<'EOF'\nprint('$x `y`')\nEOF", ["agentcore-sandbox", "run", "-"], "print('$x `y`')\n"),
    "heredoc in double quotes": (f'{CALL} - <<"PY_1"  \na\nPY_1\n', ["agentcore-sandbox", "run", "-"], "a\n"),
    "empty heredoc": (f"{CALL} - <<'EOF'\nEOF\n", ["agentcore-sandbox", "run", "-"], ""),
    "heredoc of shell": (
        f"{CALL} --cmd - <<'E'\nrm -rf / ; a | b && c > d &\n'\"\nEOF\nE",
        ["agentcore-sandbox", "run", "--cmd", "-"],
        "rm -rf / ; a | b && c > d &\n'\"\nEOF\n",
    ),
    "near misses of the closing line": (
        f"{CALL} - <<'EOF'\n EOF\nEOF \nEOF\r\nEOFX\n\\EOF\nEOF",
        ["agentcore-sandbox", "run", "-"],
        " EOF\nEOF \nEOF\r\nEOFX\n\\EOF\n",
    ),
    "a number before a heredoc": (f"{CALL} 2 <<'EOF'\nx\nEOF", ["agentcore-sandbox", "run", "2"], "x\n"),
    "nothing": ("", [], None),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_reads_words_and_heredoc(name: str) -> None:
    command, words, stdin = ACCEPTED[name]
    call = scan(command)
    assert (call.words, call.stdin) == (words, stdin)


REFUSED = {
    "second command": (f"{CALL} x; ls", "one command at a time"),
    "and": (f"{CALL} x && ls", "one command at a time"),
    "or": (f"{CALL} x || ls", "no pipes"),
    "pipe": (f"{CALL} x | head", "no pipes"),
    "background": (f"{CALL} x &", "in the foreground"),
    "next line": (f"{CALL} x\nls", "one command at a time"),
    "carriage return": (f"{CALL} x\rls", "must be quoted"),
    "vertical tab": (f"{CALL} x\x0bls", "must be quoted"),
    "variable": (f"{CALL} $HOME", "would expand '\\$'"),
    "variable in quotes": (f'{CALL} "$HOME"', "would expand '\\$'"),
    "substitution": (f"{CALL} $(ls)", "would expand '\\$'"),
    "substitution in quotes": (f'{CALL} "$(ls)"', "would expand '\\$'"),
    "ANSI quotes": (f"{CALL} $'a'", "would expand '\\$'"),
    "backquotes": (f"{CALL} `ls`", "backquotes"),
    "backquotes in quotes": (f'{CALL} "`ls`"', "backquotes"),
    "escaped backslash before a variable": (f'{CALL} "\\\\$HOME"', "would expand '\\$'"),
    "output redirection": (f"{CALL} x > y", "no redirections"),
    "error redirection": (f"{CALL} x 2>&1", "no redirections"),
    "input redirection": (f"{CALL} - < y", "no redirections"),
    "here string": (f"{CALL} - <<<x", "a heredoc needs a quoted name"),
    "process substitution": (f"{CALL} <(ls)", "no redirections"),
    "unquoted heredoc": (f"{CALL} - <<EOF\n$(ls)\nEOF", "a heredoc needs a quoted name"),
    "escaped heredoc": (f"{CALL} - <<\\EOF\nx\nEOF", "a heredoc needs a quoted name"),
    "tab heredoc": (f"{CALL} - <<-'EOF'\nx\n\tEOF", "a heredoc needs a quoted name"),
    "heredoc name with blanks": (f"{CALL} - <<'E F'\nx\nE F", "a heredoc needs a quoted name"),
    "empty heredoc name": (f"{CALL} - <<''\nx\n\n", "a heredoc needs a quoted name"),
    "heredoc and more words": (f"{CALL} - <<'EOF' --json\nx\nEOF", "a heredoc needs a quoted name"),
    "heredoc and a pipe": (f"{CALL} - <<'EOF' | sh\nx\nEOF", "a heredoc needs a quoted name"),
    "two heredocs": (f"{CALL} - <<'A' <<'B'\nx\nA\ny\nB", "a heredoc needs a quoted name"),
    "glued heredoc": (f"{CALL} -<<'EOF'\nx\nEOF", "no redirections"),
    "heredoc of another descriptor": (f"{CALL} - 3<<'EOF'\nx\nEOF", "no redirections"),
    "after the heredoc": (f"{CALL} - <<'EOF'\nx\nEOF\nls", "nothing may follow the heredoc"),
    "closed twice": (f"{CALL} - <<'EOF'\nEOF\nls\nEOF", "nothing may follow the heredoc"),
    "heredoc that does not end": (f"{CALL} - <<'EOF'\nx", "the heredoc is not closed"),
    "heredoc that nearly ends": (f"{CALL} - <<'EOF'\nx\nEOF ", "the heredoc is not closed"),
    "open single quote": (f"{CALL} 'x", "is not closed"),
    "open double quote": (f'{CALL} "x', "is not closed"),
    "open escape": (f'{CALL} "x\\', "is not closed"),
    "quotes in a row": (f"{CALL} 'a''b'", "two quotes '' in a row"),
    "backslash": (f"{CALL} a\\ b", "instead of using a backslash"),
    "backslash at the end": (f"{CALL} a\\", "instead of using a backslash"),
    "continued in quotes": (f'{CALL} "a\\\nb"', "continued inside quotes"),
    "history": (f'{CALL} "a!b"', "expand '!'"),
    "negation": (f"! {CALL}", "must be quoted"),
    "glob": (f"{CALL} *.py", "must be quoted"),
    "braces": (f"{CALL} {{a,b}}", "must be quoted"),
    "home": (f"{CALL} ~/x", "write the path out"),
    "zsh's path of a command": (f"{CALL} =ls", "begins with '='"),
    "comment": (f"# note\n{CALL}", "leave the comment out"),
    "comment behind": (f"{CALL} x # note", "leave the comment out"),
    "subshell": (f"({CALL})", "must be quoted"),
    "function": ("agentcore-sandbox() { ls; }", "must be quoted"),
    "unquoted Unicode": (f"{CALL} é", "must be quoted"),
    "no-break space": (f"{CALL}\u00a0x", "must be quoted"),
    "NUL": (f"{CALL} 'a\0b'", "NUL"),
    "endless": (f"{CALL} {'a' * 1_000_000}", "too long"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_with_advice(name: str) -> None:
    command, advice = REFUSED[name]
    with pytest.raises(Refusal, match=advice):
        scan(command)
