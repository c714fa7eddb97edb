"""What the user has configured: the plugin's options, and the command line's variables, which win over them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "CUSTOM_AGENTCORE_INTERPRETER_ID"
"""The user's, else the plugin's option: `hooks/guard` sets it as the launcher does, from the same file."""
PLACES = {
    "local": "in the emulator on this machine (local): a bubblewrap sandbox without AWS and without network",
    "local-public": "in the emulator on this machine (local-public): a bubblewrap sandbox with its network",
}


def place(environment: Mapping[str, str]) -> str:
    """Tell Claude where code will run, so that it can tell the user."""
    interpreter = environment.get(VARIABLE, "")
    if interpreter:
        where = PLACES.get(interpreter, f"on AWS, in the code interpreter {interpreter}")
        return f"agentcore-sandbox runs code {where}."
    return (
        "No code interpreter is configured for agentcore-sandbox. If a call says so too, stop and let the user choose: "
        f"in /plugin, or with {VARIABLE}, then start Claude Code anew."
    )
