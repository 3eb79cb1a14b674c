"""Kind `absence`: no record under a label is in the snapshot that a release was trained on.

entries {release, snapshot}; map {inner, labels, path[, label]}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from byleave import canonical
from byleave.evidence.bucket import MAX_BUCKET, MAX_K, AbsenceProof
from byleave.evidence.fields import DIGEST, SALT16, exactly
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_kinds.base import ProofFile, digests, read_digests, read_entries
from byleave.evidence.proof_kinds.listed import DirectoryPart, split_directory

__all__ = ["AbsenceFile", "read_absence", "write_absence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceFile(ProofFile):
    """No record under a label is in the snapshot that a release was trained on.

    `label` (16 public bytes) may be None: then only a receipt says whose absence it is.
    """

    KIND: ClassVar[str] = "absence"

    release: LoggedEntry
    snapshot: LoggedEntry
    proof: AbsenceProof
    label: bytes | None = None
    directory: DirectoryPart | None = None

    def entries(self) -> dict[str, LoggedEntry]:
        part = DirectoryPart.entries(self.directory)
        return {"release": self.release, "snapshot": self.snapshot, **part}

    def fields(self) -> dict[str, canonical.Json]:
        document = write_absence(self.proof)
        if self.label is not None:
            document["label"] = self.label.hex()
        return {"map": document, **DirectoryPart.fields(self.directory)}

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        document, directory = split_directory(document)
        exactly(document, frozenset({"entries", "map"}))
        release, snapshot = read_entries(document["entries"], "release", "snapshot")
        items, label = document["map"], None
        if isinstance(items, Mapping) and "label" in items:
            label = SALT16.read(items["label"])
            items = {name: value for name, value in items.items() if name != "label"}
        return cls(
            release=release,
            snapshot=snapshot,
            proof=read_absence(items),
            label=label,
            directory=directory,
            receipt=receipt,
        )


def write_absence(proof: AbsenceProof) -> dict[str, canonical.Json]:
    """Return a bucket that does not list a label."""
    return {
        "inner": proof.inner.hex(),
        "labels": digests(proof.labels),
        "path": digests(proof.path),
    }


def read_absence(value: object) -> AbsenceProof:
    """Return what `write_absence` wrote."""
    items = exactly(value, frozenset({"inner", "labels", "path"}))
    return AbsenceProof(
        labels=read_digests(items["labels"], SALT16, MAX_BUCKET),
        inner=DIGEST.read(items["inner"]),
        path=read_digests(items["path"], DIGEST, MAX_K),
    )
