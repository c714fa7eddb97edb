"""What a transfer has done."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Copied:
    """One file that was copied.

    Attributes:
        source: Where it came from.
        target: Where it is now.
        size: Bytes.
        sha256: Hexadecimal, the same on both sides.
    """

    source: str
    target: str
    size: int
    sha256: str

    def as_json(self) -> dict[str, str | int]:
        """The object that `--json` shows."""
        return {"source": self.source, "target": self.target, "size": self.size, "sha256": self.sha256}


@dataclass
class Report:
    """All files of a transfer, and what was left out.

    Attributes:
        copied: In order.
        skipped: Paths of links, of what is neither file nor folder, and of hidden files that were not wanted.
    """

    copied: list[Copied] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
