"""A batch: the items that a session gets at one time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.map import items as map_items
from agentcore_sandbox.map import visits
from agentcore_sandbox.map.records import FAILED, Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentcore_sandbox.map.exchange import Given
    from agentcore_sandbox.map.items import ItemFile
    from agentcore_sandbox.map.ledger import Ledger

MOST_BYTES = 40_000
"""Of the variables of a batch, as JSON; a single item may have more."""


@dataclass
class Batch:
    """Items that were taken from those that wait.

    Attributes:
        chosen: Number of an item -> its variables.
        too_large: Records of those that no session can take.
    """

    chosen: dict[int, Mapping[str, str]] = field(default_factory=dict)
    too_large: list[Record] = field(default_factory=list)

    def given(self, keys: Sequence[str], *, files: bool) -> list[Given]:
        """What the session is told of them; of files, where they will be there."""
        given: list[Given] = []
        for key, values in zip(keys, self.chosen.values(), strict=True):
            paths = {"ITEM": visits.absolute_path(key, values["ITEM"])} if files else {}
            given.append((key, {**values, **paths}))
        return given

    def files(self, keys: Sequence[str]) -> dict[str, str]:
        """Where the files are that the items are: key -> path here."""
        return {key: values["ITEM"] for key, values in zip(keys, self.chosen.values(), strict=True)}


def take(ledger: Ledger, items: ItemFile, count: int) -> Batch:
    """Take items that wait, at most so many and not too large together."""
    batch, size = Batch(), 0
    while len(batch.chosen) < count and ledger.waiting:
        index = ledger.take()
        values = map_items.variables(items[index], index)
        size += len(json.dumps(values))
        if map_items.is_too_large(values):
            batch.too_large.append(_too_large(index, items[index]))
        elif batch.chosen and size > MOST_BYTES:
            ledger.put_back(index)
            break
        else:
            batch.chosen[index] = values
    return batch


def _too_large(index: int, item: map_items.Item) -> Record:
    hint = "put the data into a file, and use --items-format files"
    error = AgentcoreSandboxError("PayloadTooLarge", f"item {index} does not fit into a variable of 128 KiB", hint)
    return Record(index, item, FAILED, error=error)
