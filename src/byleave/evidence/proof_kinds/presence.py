"""Kind `presence`: exactly these records of a receipt's holder are in a release's snapshot.

entries {release, snapshot}; map {commitments, labels, path, records}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from byleave import canonical
from byleave.evidence.bucket import MAX_BUCKET, MAX_K, GroundOpening, PresenceProof, RecordOpening
from byleave.evidence.fields import COUNT, DIGEST, SALT16, array, exactly
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_kinds.base import ProofFile, digests, read_digests, read_entries
from byleave.evidence.proof_kinds.listed import DirectoryPart, split_directory

__all__ = ["MAX_RECORDS", "PresenceFile", "read_record", "write_record"]

MAX_RECORDS: Final = 1 << 16
_RECORD_FIELDS: Final = frozenset({"digest", "ground", "ground_commitment", "role", "salt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceFile(ProofFile):
    """Exactly these records of a receipt's holder are in the snapshot of a release."""

    KIND: ClassVar[str] = "presence"

    release: LoggedEntry
    snapshot: LoggedEntry
    proof: PresenceProof
    directory: DirectoryPart | None = None

    def entries(self) -> dict[str, LoggedEntry]:
        part = DirectoryPart.entries(self.directory)
        return {"release": self.release, "snapshot": self.snapshot, **part}

    def fields(self) -> dict[str, canonical.Json]:
        return {
            "map": {
                "commitments": digests(self.proof.commitments),
                "labels": digests(self.proof.labels),
                "path": digests(self.proof.path),
                "records": [write_record(item) for item in self.proof.records],
            },
            **DirectoryPart.fields(self.directory),
        }

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        document, directory = split_directory(document)
        exactly(document, frozenset({"entries", "map"}))
        release, snapshot = read_entries(document["entries"], "release", "snapshot")
        items = exactly(document["map"], frozenset({"commitments", "labels", "path", "records"}))
        return cls(
            release=release,
            snapshot=snapshot,
            proof=PresenceProof(
                labels=read_digests(items["labels"], SALT16, MAX_BUCKET),
                commitments=read_digests(items["commitments"], DIGEST, MAX_BUCKET),
                records=tuple(read_record(item) for item in array(items["records"], MAX_RECORDS)),
                path=read_digests(items["path"], DIGEST, MAX_K),
            ),
            directory=directory,
            receipt=receipt,
        )


def write_record(record: RecordOpening) -> dict[str, canonical.Json]:
    """Return one record's parts."""
    document: dict[str, canonical.Json] = {
        "salt": record.salt.hex(),
        "digest": record.digest.hex(),
        "role": record.role,
        "ground": record.ground,
        "ground_commitment": record.ground_commitment.hex(),
    }
    if record.opening is not None:
        document["opening"] = {
            "salt": record.opening.salt.hex(),
            "index": record.opening.index,
            "leaf": record.opening.leaf.hex(),
        }
    return document


def read_record(value: object) -> RecordOpening:
    """Return what `write_record` wrote."""
    opening = None
    names = _RECORD_FIELDS
    if isinstance(value, Mapping) and "opening" in value:
        names |= {"opening"}
        items = exactly(value["opening"], frozenset({"index", "leaf", "salt"}))
        opening = GroundOpening(
            salt=SALT16.read(items["salt"]),
            index=COUNT.read(items["index"]),
            leaf=DIGEST.read(items["leaf"]),
        )
    document = exactly(value, names)
    return RecordOpening(
        salt=SALT16.read(document["salt"]),
        digest=DIGEST.read(document["digest"]),
        role=COUNT.read(document["role"]),
        ground=COUNT.read(document["ground"]),
        ground_commitment=DIGEST.read(document["ground_commitment"]),
        opening=opening,
    )
