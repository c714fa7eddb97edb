"""Checks of what a call says behind its flags and as operands; each refuses what reaches further than the sandbox."""

from __future__ import annotations

import os

from agentcore_sandbox.cli.argv import split_session_path
from skill_guard.scanner import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agentcore_sandbox.policy.host_files import HostFiles

    Check = Callable[["HookContext", str], None]  # of a flag's value

CONFIGURED = {  # flag: what the command line would choose its value from without it, the strongest first
    "--interpreter-id": ("CUSTOM_AGENTCORE_INTERPRETER_ID",),
    "--profile": ("CUSTOM_AGENTCORE_AWS_PROFILE", "AWS_PROFILE"),
    "--endpoint-url": ("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",),
}


class HookContext:
    """What a call is judged by.

    Args:
        folder: The working directory of the call.
        environment: The variables of Claude Code, with the plugin's options where the launcher puts them.
    """

    def __init__(self, folder: str, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self._files: HostFiles | None = None

    @property
    def files(self) -> HostFiles:
        """The files of the host, the same for all of a call. Most calls name none."""
        if self._files is None:
            from agentcore_sandbox.policy.host_files import HostFiles

            self._files = HostFiles(self.folder, self.environment)
        return self._files

    @property
    def unusual(self) -> list[str]:
        """The files that go in and that the user has to be asked about."""
        return self._files.unusual if self._files else []

    def configured(self, flag: str) -> str:
        """What the command line chooses where the flag is not given; empty for nothing."""
        return next((value for name in CONFIGURED[flag] if (value := self.environment.get(name, "").strip())), "")

    def is_shipped(self, path: str) -> bool:
        """Whether a path is that of a skill's script, `skills/NAME/scripts/FILE` of the plugin, links resolved."""
        root = self.environment.get("CLAUDE_PLUGIN_ROOT")
        if not root or not os.path.isabs(path):
            return False
        folder, real = os.path.join(os.path.realpath(root), "skills", ""), os.path.realpath(path)
        parts = real[len(folder) :].split(os.sep)
        is_script = len(parts) == 3 and parts[1] == "scripts"  # noqa: PLR2004 - NAME, scripts, FILE
        return real.startswith(folder) and is_script and os.path.isfile(real)


def anything(_: HookContext, __: str) -> None:
    """Take a value that reaches nothing but the sandbox."""


def configured(flag: str) -> Check:
    """Make the check of a flag whose value only the user may choose."""

    def check(context: HookContext, value: str) -> None:
        if not value or value != context.configured(flag):
            raise Refusal(
                f"{flag} {value} is not what the user has configured: leave the flag out. If the user wants another "
                f"one, they set {CONFIGURED[flag][0]} and start Claude Code anew"
            )

    return check


def region(_: HookContext, value: str) -> None:
    """Refuse what could make another host of the service's name."""
    if not (value.isascii() and value.replace("-", "").isalnum()):
        raise Refusal(f"{value!a} is no region: write one such as --region us-east-1")


def variable(_: HookContext, value: str) -> None:
    """Refuse `--env NAME`, which would copy the user's variable into the sandbox."""
    if "=" not in value:
        raise Refusal(f"--env {value} would copy the user's variable into the sandbox: write --env {value}=VALUE")


def program(context: HookContext, value: str) -> None:
    """Check the file that a program is read from: a script of the plugin's skills, or a file of the user's."""
    if not context.is_shipped(value):
        context.files.check_readable(value)


def upload(context: HookContext, value: str) -> None:
    """Check `SRC[:DST]`: a name can hold colons, so SRC is all of it where that is there, else ends at the last one."""
    context.files.check_readable(value)
    source, colon, _ = value.rpartition(":")
    if colon:
        context.files.check_readable(source)


def download(context: HookContext, value: str) -> None:
    """Check `SRC[:DST]`: the first colon ends SRC, and DST is the working directory where it is not given."""
    source, _, target = value.partition(":")
    context.files.check_arrival(source, target or ".")


def artifacts(context: HookContext, value: str) -> None:
    """Check the folder for artifacts. The command line makes harmless names of those that the sandbox chooses."""
    context.files.check_output_folder(value)


def session_path(word: str) -> str | None:
    """The path of `SESSION:path`; None for a path of the host."""
    session, path = split_session_path(word)
    return None if session is None else path


def copied(context: HookContext, operands: Sequence[str]) -> bool:
    """Check the operands of `cp`: sources, last the target, `-` is a stream; say whether the host gets files."""
    if not operands:
        return False
    *sources, target = operands
    from_host = [source for source in sources if source != "-" and session_path(source) is None]
    for source in from_host:
        context.files.check_readable(source)
    if target == "-" or session_path(target) is not None:
        return False
    for source in sources:
        context.files.check_arrival(session_path(source) or source, target)
    return True
