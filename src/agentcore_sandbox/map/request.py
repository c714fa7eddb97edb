"""A map that is about to run, here or in a process of its own."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.activity.costs import Prices
from agentcore_sandbox.execution.program import Program
from agentcore_sandbox.map import journal as journals
from agentcore_sandbox.map.options import Halt, Options
from agentcore_sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentcore_sandbox.map.items import Source
    from agentcore_sandbox.map.journal import Header

    Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class MapRequest:
    """What runs the map of a journal.

    Attributes:
        folder: The journal's.
        settings: Where its sessions are.
        options: How it runs.
        environment: Variables that the user wants set.
        packages: As `Program` has them.
        uploads: Pairs of a path here and one in the session.
        downloads: Pairs of a path or glob in an item's folder and a folder here.
        again: Statuses of records from before that are not the last word.
        out: A file for the records, None for none.
        replaces: It may be there.
        as_completed: Records are handed on in the order in which they are finished, not in the items'.
    """

    folder: Path
    settings: Settings
    options: Options
    environment: Mapping[str, str] = field(default_factory=dict)
    packages: Sequence[str] = ()
    uploads: Sequence[tuple[str, str]] = ()
    downloads: Sequence[tuple[str, str]] = ()
    again: Sequence[str] = ()
    out: Path | None = None
    replaces: bool = False
    as_completed: bool = False

    def program(self, header: Header) -> Program:
        """The program of the journal, with its variables and packages."""
        what = (header.text, header.language, header.runtime)
        return Program(*what, environment=self.environment, packages=self.packages)

    def as_json(self) -> str:
        """The request as text, for a process of its own. It may have secrets in it."""
        paths = {"folder": str(self.folder), "out": self.out and str(self.out)}
        return json.dumps({**asdict(self), "settings": self.settings._asdict(), **paths})

    @classmethod
    def from_json(cls, text: str) -> MapRequest:
        """Read what `as_json` wrote."""
        value: dict[str, Any] = json.loads(text)
        options = value.pop("options")
        halt, prices = options.pop("halt"), options.pop("prices")
        return cls(
            folder=Path(value["folder"]),
            settings=Settings(**value["settings"]),
            options=Options(**options, halt=halt and Halt(**halt), prices=Prices(**prices)),
            environment=value["environment"],
            packages=value["packages"],
            uploads=[(source, target) for source, target in value["uploads"]],
            downloads=[(source, target) for source, target in value["downloads"]],
            again=value["again"],
            out=Path(value["out"]) if value["out"] else None,
            replaces=value["replaces"],
            as_completed=value["as_completed"],
        )


def begin(
    folder: Path | None,
    program: Program,
    source: Source,
    settings: Settings,
    options: Options,
    *,
    uploads: Pairs = (),
    downloads: Pairs = (),
) -> MapRequest:
    """Make the journal of a new map, and what runs it: `running.run` here, or `detached.start` in another process.

    Args:
        folder: For the journal; None for one in the state folder.
        program: What is mapped.
        source: Over which items.
        settings: Where.
        options: How.
        uploads: Pairs of a path here and one in the session, which each session gets.
        downloads: Pairs of a path or glob in an item's folder and a folder here.

    Raises:
        UsageError: The folder is in use, or the items cannot be read.
        AgentcoreSandboxError: `JournalFailed`, `NoStateFolder`.
    """
    map_id = journals.new_id()
    folder = folder.absolute() if folder else journals.default_folder(map_id, os.environ)
    journals.create(
        folder,
        program,
        source,
        map_id=map_id,
        interpreter_id=settings.interpreter_id,
        region=settings.region,
        profile=settings.profile,
        uploads=[list(pair) for pair in uploads],
        downloads=[list(pair) for pair in downloads],
    )
    return MapRequest(folder, settings, options, program.environment, program.packages, uploads, downloads)
