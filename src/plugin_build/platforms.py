"""The platforms that a zipapp is built for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """One zipapp.

    Args:
        name: What the launcher asks for, the last part of the file's name.
        target: The platform in uv's words; it selects the wheels and the markers. glibc 2.28 is what the wheels of
            bwrap need: RHEL 8, Debian 10 and newer.
        lock: The lock file that holds the wheels.
        limit: The largest size allowed, in bytes.
    """

    name: str
    target: str
    lock: str = "login"
    limit: int = 6_500_000

    @property
    def file_name(self) -> str:
        """The zipapp's file name."""
        return f"agentcore-sandbox-{self.name}.pyz"

    @property
    def native(self) -> bool:
        """Whether awscrt comes along."""
        return self.lock == "login"


PLATFORMS = {
    platform.name: platform
    for platform in (
        Platform("linux-amd64", "x86_64-manylinux_2_28"),
        Platform("linux-arm64", "aarch64-manylinux_2_28"),
        Platform("darwin-universal", "aarch64-apple-darwin"),
        Platform("windows-amd64", "x86_64-pc-windows-msvc"),
        # Not Linux, so that no bwrap comes along; `staging` checks that every wheel is for any platform.
        Platform("any", "aarch64-apple-darwin", lock="runtime", limit=1_800_000),
    )
}
