"""Bring the plugin's options to the command line: as variables of the shell commands that Claude runs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = {  # option, as hooks get it: variable of the command line
    "CLAUDE_PLUGIN_OPTION_INTERPRETER_ID": "CUSTOM_AGENTCORE_INTERPRETER_ID",
    "CLAUDE_PLUGIN_OPTION_PROFILE": "CUSTOM_AGENTCORE_AWS_PROFILE",
    "CLAUDE_PLUGIN_OPTION_REGION": "CUSTOM_AGENTCORE_AWS_REGION",
}


def export_lines(environment: Mapping[str, str]) -> str:
    """The lines for `$CLAUDE_ENV_FILE`; a variable that the user has set wins over the plugin's option."""
    from shlex import quote

    lines = []
    for option, variable in VARIABLES.items():
        value = environment.get(option, "").strip()
        if value and value.isprintable():
            lines.append(f'[ -n "${{{variable}:-}}" ] || export {variable}={quote(value)}\n')
    return "".join(lines)
