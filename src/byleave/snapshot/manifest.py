"""The manifest of a sealed snapshot (docs/spec/snapshot.md).

The manifest is a public document: it names the snapshot, its parent, the gate that admitted its
rows, the map's epoch, size and root, and the digest of every data file. Its SHA-256 is in the
log entry `snapshot/v1`. It holds no member id and no text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from byleave import canonical
from byleave.errors import EvidenceError
from byleave.ids import parse_digest

__all__ = ["DataFile", "Manifest"]

FORMAT: Final = "byleave-snapshot/v1"
_FIELDS: Final = frozenset(
    "format snapshot parent source use gate epoch k root records members party_records"
    " files removed".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file of the snapshot's folder: its name, SHA-256 (hex) and number of rows."""

    name: str
    sha256: str
    rows: int

    def to_dict(self) -> dict[str, canonical.Json]:
        return {"name": self.name, "rows": self.rows, "sha256": self.sha256}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a snapshot holds.

    Attributes:
        snapshot: Its id.
        parent: Log index of the snapshot it is a delta of, or None.
        source: Id of the source whose rows passed the gate.
        use: The use that they were gated for.
        gate: Log index of the gate record.
        epoch: Lineage epoch E, 16 bytes as hex; the same along a chain of deltas.
        k: The map has 2**k buckets.
        root: Root of the map, hex.
        records: Records held (after removals).
        members: Members with at least one record.
        party_records: Pairs of (member, record).
        files: The data files, the parent's among them in a delta.
        removed: The deletion vector of a delta: positions of the first data file's rows that
            this snapshot no longer holds.
    """

    snapshot: str
    parent: int | None
    source: str
    use: str
    gate: int
    epoch: str
    k: int
    root: str
    records: int
    members: int
    party_records: int
    files: tuple[DataFile, ...]
    removed: DataFile | None = None

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        document: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS - {"format"}}
        document["format"] = FORMAT
        document["files"] = [file.to_dict() for file in self.files]
        document["removed"] = None if self.removed is None else self.removed.to_dict()
        return canonical.encode(document)

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Read canonical bytes.

        Raises:
            EvidenceError: `snapshot.manifest`, another format, a missing or unknown field.
        """
        try:
            document: Any = canonical.decode(data)
            if document.pop("format") != FORMAT or document.keys() | {"format"} != _FIELDS:
                raise ValueError("fields")
            parse_digest(document["root"])
            document["files"] = tuple(DataFile(**file) for file in document["files"])
            removed = document["removed"]
            document["removed"] = None if removed is None else DataFile(**removed)
            return cls(**document)
        except Exception as error:
            raise EvidenceError(
                "the manifest is not one of format byleave-snapshot/v1", code="snapshot.manifest"
            ) from error
