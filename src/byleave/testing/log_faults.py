"""Stores for the log, in memory, whose every step can be made to fail.

A step is one call that writes (stage, promote of one path, publish, compare-and-swap) or reads
back. `Faults(at=n, mode=...)` breaks the n-th step once; later steps work, as after a restart:

    failed       nothing was kept, the caller is told
    persisted    all of it was kept, the caller is told that it failed
    torn         half of the bytes were kept, the caller is told that it failed
    silent       other bytes were kept, the caller is told that all is well

The stores enforce the ports' promises while they misbehave: a promoted file never changes, and
each signed checkpoint they are ever given is remembered, so that a test can look for a fork.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial

from byleave.errors import EvidenceError, WorldError

__all__ = ["FaultMode", "Faults", "MemoryHead", "MemorySource", "MemoryTiles"]


class FaultMode(Enum):
    """How a broken step breaks."""

    FAILED = "failed"
    PERSISTED = "persisted"
    TORN = "torn"
    SILENT = "silent"


class Faults:
    """Counts steps and breaks one of them.

    Args:
        at: Number of the step to break, from 0; None: count only.
        mode: How.
    """

    def __init__(self, at: int | None = None, mode: FaultMode = FaultMode.FAILED) -> None:
        self.steps: list[str] = []
        self._at = at
        self._mode = mode

    def step(self, name: str, keep: Callable[[bytes], None], data: bytes) -> None:
        """Do one step: `keep` the data, or break in the chosen way."""
        number = len(self.steps)
        self.steps.append(name)
        if number != self._at:
            keep(data)
            return
        if self._mode is FaultMode.SILENT:
            keep(bytes([data[0] ^ 1]) + data[1:] if data else b"\x00")
            return
        if self._mode is FaultMode.PERSISTED:
            keep(data)
        elif self._mode is FaultMode.TORN:
            keep(data[: len(data) // 2])
        raise WorldError(f"step {number} ({name}) was made to fail", code="world.storage")


class MemorySource:
    """A ledger in a list."""

    def __init__(self, entries: Sequence[bytes] = ()) -> None:
        self.entries = list(entries)

    def size(self) -> int:
        """Return the number of entries."""
        return len(self.entries)

    def read(self, start: int, end: int) -> list[bytes]:
        """Return entries [start, end)."""
        assert 0 <= start <= end <= len(self.entries), "asked for entries that do not exist"
        return self.entries[start:end]


class MemoryTiles:
    """A `TileStore`; `faults` may be replaced between calls."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.staged: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.published: bytes | None = None
        self.every_checkpoint: list[bytes] = []

    def stage(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Keep files unseen; each is one step."""
        for path, data in files:
            self.faults.step(f"stage {path}", partial(self.staged.__setitem__, path), data)

    def read_staged(self, paths: Sequence[str]) -> list[bytes]:
        """Return staged files."""
        for path in paths:
            if path not in self.staged:
                raise EvidenceError("not staged", code="log.tile-missing", where=path)
        return [self.staged[path] for path in paths]

    def promote(self, paths: Sequence[str]) -> None:
        """Show staged files; each path is one step."""
        for path in paths:
            data = self.staged.get(path)
            if data is None:
                if path not in self.files:
                    raise EvidenceError("not staged", code="log.tile-missing", where=path)
                continue
            # A rename is whole or not at all: it can fail or be kept, not tear.
            self.faults.step(f"promote {path}", partial(self._show, path), b"")

    def publish_checkpoint(self, data: bytes) -> None:
        """Replace the checkpoint."""

        def keep(_: bytes) -> None:
            self.published = data
            self.every_checkpoint.append(data)

        self.faults.step("publish", keep, b"")

    def serve(self, paths: Sequence[str], checkpoint: bytes) -> None:
        """Promote, then replace the checkpoint."""
        self.promote(paths)
        self.publish_checkpoint(checkpoint)

    def read(self, path: str) -> bytes:
        """Return a promoted file."""
        if path not in self.files:
            raise EvidenceError("not promoted", code="log.tile-missing", where=path)
        return self.files[path]

    def read_checkpoint(self) -> bytes | None:
        """Return the published checkpoint."""
        return self.published

    def _show(self, path: str, _: bytes) -> None:
        data = self.staged.pop(path)
        assert self.files.get(path, data) == data, f"{path} is immutable and was changed"
        self.files[path] = data


class MemoryHead:
    """A `HeadStore`; remembers every head it ever held."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.value: bytes | None = None
        self.every_checkpoint: list[bytes] = []

    def get(self) -> bytes | None:
        """Return the head."""
        return self.value

    def compare_and_swap(self, old: bytes | None, new: bytes) -> bool:
        """Swap if `old` is current."""
        if self.value != old:
            return False

        def keep(_: bytes) -> None:
            self.value = new
            self.every_checkpoint.append(new)

        self.faults.step("swap", keep, b"")
        return True
