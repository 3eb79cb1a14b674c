"""A log in memory for the tests of this folder."""

from __future__ import annotations

from collections.abc import Sequence

from byleave.evidence.entry import RulesetEntry
from byleave.note import Checkpoint, SignerKey
from byleave.testing.log_faults import MemoryHead, MemorySource, MemoryTiles
from byleave.tlog.ports import Cosigners
from byleave.tlog.publish import publish

__all__ = ["ENTRIES", "KEY", "ORIGIN", "Log"]

ORIGIN = "log.test.invalid"
KEY = SignerKey(name=ORIGIN, seed=bytes(range(32)))
ENTRIES = [RulesetEntry(ruleset=f"r{n}", sha256=n.to_bytes(32, "big")).encode() for n in range(800)]


class Log:
    """A ledger, its tiles and head, under one key."""

    def __init__(self, entries: Sequence[bytes] = (), *, key: SignerKey = KEY) -> None:
        self.key = key
        self.source = MemorySource(entries)
        self.tiles = MemoryTiles()
        self.head = MemoryHead()

    def publish(self, cosigners: Cosigners | None = None) -> Checkpoint:
        return publish(
            self.source, self.tiles, self.head, self.key, origin=ORIGIN, cosigners=cosigners
        )

    def grow(self, *entries: bytes, cosigners: Cosigners | None = None) -> bytes:
        """Append, publish, and return the note that is served."""
        self.source.entries.extend(entries)
        self.publish(cosigners)
        assert self.tiles.published is not None
        return self.tiles.published
