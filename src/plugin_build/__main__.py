"""`python -m plugin_build COMMAND`: the long steps behind the nox sessions of the same names.

A command is a row in COMMANDS and a module of this package with two functions::

    def add_arguments(parser: argparse.ArgumentParser) -> None: ...
    def run(options: argparse.Namespace) -> str: ...              # what to tell

`run` raises `BuildError` for what the user can mend: it is printed as one line, without a traceback. The module is
imported only when its command is chosen.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys

from plugin_build.source_tree import BuildError

COMMANDS = {  # name: (module, what it does)
    "build": ("plugin_build.zipapps", "build the zipapps, their checksums, bill of materials and notices into dist/"),
    "plugin": ("plugin_build.marketplace", "stage plugin, packages for other agents and marketplace into dist/"),
    "behaviour": ("plugin_build.behaviour", "make docs/behaviour.md from the marks of the tests"),
    "new-skill": ("plugin_build.new_skill", "begin a skill of one's own in plugin-template/skills/"),
    "release": ("plugin_build.release", "check, set the version, build, validate, commit and tag"),
    "publish": ("plugin_build.publish", "publish the built plugin into a marketplace repository"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The command line without the program's name; None takes `sys.argv`.

    Returns:
        The exit status: 1 after a `BuildError`.
    """
    name, rest = choose(sys.argv[1:] if arguments is None else arguments)
    command = importlib.import_module(COMMANDS[name][0])
    parser = argparse.ArgumentParser(prog=f"plugin_build {name}", description=COMMANDS[name][1])
    command.add_arguments(parser)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that clean-up code runs
    try:
        print(command.run(parser.parse_args(rest)))  # noqa: T201 - the command's result
    except BuildError as error:
        print(f"plugin_build {name}: {error}", file=sys.stderr)  # noqa: T201 - the one place that reports
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def choose(arguments: list[str]) -> tuple[str, list[str]]:
    """Split the command's name from its own arguments."""
    listing = "\n".join(f"  {name:12} {text}" for name, (_, text) in COMMANDS.items())
    parser = argparse.ArgumentParser(prog="plugin_build", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.epilog = f"commands:\n{listing}"
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(arguments)
    return chosen.command, chosen.arguments


if __name__ == "__main__":
    sys.exit(main())
