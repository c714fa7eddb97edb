"""What the user has configured: the plugin's options, and the command line's variables, which win over them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = {  # option, as hooks get it: variable of the command line
    "CLAUDE_PLUGIN_OPTION_INTERPRETER_ID": "CUSTOM_AGENTCORE_INTERPRETER_ID",
    "CLAUDE_PLUGIN_OPTION_PROFILE": "CUSTOM_AGENTCORE_AWS_PROFILE",
    "CLAUDE_PLUGIN_OPTION_REGION": "CUSTOM_AGENTCORE_AWS_REGION",
}
PLACES = {
    "local": "in the emulator on this machine (local): a bubblewrap sandbox without AWS and without network",
    "local-public": "in the emulator on this machine (local-public): a bubblewrap sandbox with its network",
}


def place(environment: Mapping[str, str]) -> str:
    """Tell Claude where code will run, so that it can tell the user."""
    option, variable = next(iter(VARIABLES.items()))
    interpreter = environment.get(variable) or environment.get(option, "")
    if interpreter:
        where = PLACES.get(interpreter, f"on AWS, in the code interpreter {interpreter}")
        return f"agentcore-sandbox runs code {where}."
    return (
        "No code interpreter is configured for agentcore-sandbox. If a call says so too, stop and let the user choose: "
        f"in /plugin, or with {variable}, then start Claude Code anew."
    )


def export_lines(environment: Mapping[str, str]) -> str:
    """The lines for `$CLAUDE_ENV_FILE`, which every shell command that Claude runs will read."""
    from shlex import quote

    lines = []
    for option, variable in VARIABLES.items():
        value = environment.get(option, "").strip()
        if value and value.isprintable():
            lines.append(f'[ -n "${{{variable}:-}}" ] || export {variable}={quote(value)}\n')
    return "".join(lines)
