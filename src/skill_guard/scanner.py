r"""Read one simple shell command with at most one quoted heredoc, or refuse: a scanner, not a shell.

What it accepts means the same to sh, dash, bash and zsh: words of harmless characters, '...', "..." without an
expansion, a line continued by `\`, and as the last thing `<<'NAME'` whose closing line is the command's last line.
Everything else could start something else in one of these shells and is refused, also where it would be harmless.
"""

from __future__ import annotations

HEREDOC = """pass code in a quoted heredoc: agentcore-sandbox --locked run - <<'EOF'"""
ADVICE = {
    "$": f"the shell would expand '$': quote it with '...', or {HEREDOC}",
    "`": f"the shell would run what stands in backquotes: quote it with '...', or {HEREDOC}",
    ";": "run one command at a time, each in its own call",
    "&": "run one command at a time, in the foreground, each in its own call",
    "|": "no pipes: do the filtering inside the sandbox, or limit the output with --max-output",
    "<": f"no redirections: use --file for a file, or {HEREDOC}",
    ">": "no redirections: both output streams are shown anyway; --download brings a file out of the sandbox",
    "\\": "quote the argument with '...' instead of using a backslash",
    "~": "write the path out, relative to the working directory",
    "#": "leave the comment out",
    "\n": "run one command at a time, each in its own call",
}
PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./,:=@%+-")
CONTINUATION = "\\\n"
LONGEST = 1_000_000  # characters; a longer command could keep the hook busy until it counts as silent
# Inside "...": a backslash before one of these is an escape, before anything else it is itself.
ESCAPED = frozenset('$`"\\')


class Refusal(Exception):  # noqa: N818 - not an error of the program but its answer
    """The call is not allowed; the message tells Claude why and what to do instead."""


class Call:
    """A simple command as the shell would start it.

    Attributes:
        words: The program and its arguments, quotes removed.
        stdin: The heredoc's text, or None without one.
    """

    def __init__(self, words: list[str], stdin: str | None) -> None:
        self.words = words
        self.stdin = stdin


def scan(text: str) -> Call:
    """Read a shell command.

    Args:
        text: All of it, as it would be given to `sh -c`.

    Raises:
        Refusal: It is not one simple command of the accepted form.
    """
    if "\0" in text:
        raise Refusal("the command holds a NUL character")
    if len(text) > LONGEST:
        raise Refusal("the command is too long: put the data into a file, and use --upload or --file")
    return _Scanner(text.lstrip(" \t\n").rstrip("\n")).call()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def call(self) -> Call:
        words: list[str] = []
        self._skip_blanks()
        while self.at < len(self.text):
            if self.text.startswith("<<", self.at):
                return Call(words, self._heredoc())
            words.append(self._word())
            self._skip_blanks()
        return Call(words, None)

    def _skip_blanks(self) -> None:
        while self.text.startswith((" ", "\t", CONTINUATION), self.at):
            self.at += 2 if self.text[self.at] == "\\" else 1

    def _word(self) -> str:
        parts: list[str] = []
        is_empty = True
        while self.at < len(self.text) and self.text[self.at] not in " \t":
            if self.text.startswith(CONTINUATION, self.at):
                self.at += 2
                continue
            if is_empty and self.text[self.at] == "=":  # zsh: =ls is /bin/ls, and ''=ls too
                raise Refusal("a word that begins with '=' must be quoted with '...'")
            parts.append(self._part())
            is_empty = is_empty and not parts[-1]
        return "".join(parts)

    def _part(self) -> str:
        character = self.text[self.at]
        if character == "'":
            return self._single_quoted()
        if character == '"':
            return self._double_quoted()
        if character not in PLAIN:
            raise Refusal(ADVICE.get(character, f"the character {character!a} must be quoted with '...'"))
        self.at += 1
        return character

    def _single_quoted(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise Refusal(f"a quote ' is not closed; {HEREDOC}")
        if self.text.startswith("'", end + 1):
            raise Refusal(f"two quotes '' in a row mean different things to different shells; {HEREDOC}")
        content = self.text[self.at + 1 : end]
        if content.endswith("\\"):
            raise Refusal(f"a backslash before a quote ' means different things to different shells; {HEREDOC}")
        self.at = end + 1
        return content

    def _double_quoted(self) -> str:
        content = []
        self.at += 1
        while not self.text.startswith('"', self.at):
            content.append(self._double_quoted_character())
        self.at += 1
        return "".join(content)

    def _double_quoted_character(self) -> str:
        character = self.text[self.at : self.at + 1]
        following = self.text[self.at + 1 : self.at + 2]
        if not character:
            raise Refusal(f'a quote " is not closed; {HEREDOC}')
        if character in "$`":
            raise Refusal(ADVICE[character])
        if character == "\\" and following == "\n":
            raise Refusal(f"a line is continued inside quotes; {HEREDOC}")
        if character == "!":
            raise Refusal(f"some shells expand '!' inside \"...\": quote with '...', or {HEREDOC}")
        if character == "\\" and following in ESCAPED:
            self.at += 2
            return following
        self.at += 1
        return character

    def _heredoc(self) -> str:
        start, *body = self.text[self.at :].split("\n")
        quoted = start[2:].rstrip(" \t")
        name = quoted[1:-1]
        if quoted not in (f"'{name}'", f'"{name}"') or not (name.isascii() and name.isidentifier()):
            raise Refusal("a heredoc needs a quoted name and ends its line: agentcore-sandbox --locked run - <<'EOF'")
        if name in body[:-1]:
            raise Refusal(f"nothing may follow the heredoc: its closing line {name} must be the last line")
        if body[-1:] != [name]:
            raise Refusal(f"the heredoc is not closed: its last line must be {name} alone")
        return "".join(f"{line}\n" for line in body[:-1])
