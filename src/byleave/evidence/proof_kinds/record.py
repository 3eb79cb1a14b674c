"""Kind `record`: one record of a member, out of n, is in a release's snapshot; no other is shown.

    entries {release, snapshot}; map {commitments, labels, path};
    record {...}; place {index, of, path}

For somebody who must not have the member's receipt it also holds `label` HEX32, the label with
its blinding half, and entry `enrolment`; such a file is private. Whoever has it can check nothing
about other records, and nothing in a snapshot of another lineage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Self

from byleave import canonical
from byleave.evidence.bucket import MAX_BUCKET, MAX_K, RecordOpening
from byleave.evidence.fields import COUNT, DIGEST, SALT16, exactly
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_kinds.base import ProofFile, digests, read_digests, read_entries
from byleave.evidence.proof_kinds.listed import DirectoryPart, split_directory
from byleave.evidence.proof_kinds.presence import read_record, write_record

__all__ = ["Labelled", "RecordFile"]

MAX_RECORD_PATH: Final = 32
"""A member's number of records is a u32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Stands in for a receipt: a label of one lineage, 32 bytes, and the enrolment under it."""

    label: bytes = field(repr=False)
    enrolment: LoggedEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFile(ProofFile):
    """One record of a member is in the snapshot of a release.

    Attributes:
        labels: The labels of the member's bucket.
        commitments: The other labels' commitments.
        path: The bucket's path to the snapshot's root.
        record: The record.
        index: Its place among the member's record leaves.
        of: How many records the member has.
        siblings: The record's path to the member's root R.
        labelled: What a checker without the receipt needs; None: they need the receipt.
    """

    KIND: ClassVar[str] = "record"

    release: LoggedEntry
    snapshot: LoggedEntry
    labels: tuple[bytes, ...]
    commitments: tuple[bytes, ...]
    path: tuple[bytes, ...]
    record: RecordOpening
    index: int
    of: int
    siblings: tuple[bytes, ...]
    labelled: Labelled | None = None
    directory: DirectoryPart | None = None

    @property
    def private(self) -> bool:
        """Whether the file may be read by those it was made for only."""
        return self.labelled is not None or self.receipt is not None

    def entries(self) -> dict[str, LoggedEntry]:
        part = DirectoryPart.entries(self.directory)
        found = {"release": self.release, "snapshot": self.snapshot, **part}
        if self.labelled is not None:
            found["enrolment"] = self.labelled.enrolment
        return found

    def fields(self) -> dict[str, canonical.Json]:
        document: dict[str, canonical.Json] = {
            "map": {
                "commitments": digests(self.commitments),
                "labels": digests(self.labels),
                "path": digests(self.path),
            },
            "place": {"index": self.index, "of": self.of, "path": digests(self.siblings)},
            "record": write_record(self.record),
            **DirectoryPart.fields(self.directory),
        }
        if self.labelled is not None:
            document["label"] = self.labelled.label.hex()
        return document

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        document, directory = split_directory(document)
        names, entries = {"entries", "map", "place", "record"}, ["release", "snapshot"]
        if "label" in document:
            names.add("label")
            entries.append("enrolment")
        exactly(document, frozenset(names))
        release, snapshot, *enrolment = read_entries(document["entries"], *entries)
        items = exactly(document["map"], frozenset({"commitments", "labels", "path"}))
        place = exactly(document["place"], frozenset({"index", "of", "path"}))
        labelled = None
        if enrolment:
            labelled = Labelled(label=DIGEST.read(document["label"]), enrolment=enrolment[0])
        return cls(
            release=release,
            snapshot=snapshot,
            labels=read_digests(items["labels"], SALT16, MAX_BUCKET),
            commitments=read_digests(items["commitments"], DIGEST, MAX_BUCKET),
            path=read_digests(items["path"], DIGEST, MAX_K),
            record=read_record(document["record"]),
            index=COUNT.read(place["index"]),
            of=COUNT.read(place["of"]),
            siblings=read_digests(place["path"], DIGEST, MAX_RECORD_PATH),
            labelled=labelled,
            directory=directory,
            receipt=receipt,
        )
