"""The kind `delta`: what changed between two snapshots of one lineage, and that nothing else did.

entries {old, new}; map {buckets: [{bucket, old_labels, old_inner, new_labels, new_inner}],
                         siblings: [HEX32]}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from byleave import canonical
from byleave.evidence.delta_proof import DeltaProof, parse_delta, write_delta
from byleave.evidence.fields import exactly
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_kinds.base import ProofFile, read_entries

__all__ = ["DeltaFile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaFile(ProofFile):
    """Two snapshots of one lineage, and every bucket in which their maps differ."""

    KIND: ClassVar[str] = "delta"

    old: LoggedEntry
    new: LoggedEntry
    proof: DeltaProof

    def entries(self) -> dict[str, LoggedEntry]:
        return {"old": self.old, "new": self.new}

    def fields(self) -> dict[str, canonical.Json]:
        return {"map": write_delta(self.proof)}

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        exactly(document, frozenset({"entries", "map"}))
        if receipt is not None:
            raise ValueError
        old, new = read_entries(document["entries"], "old", "new")
        return cls(old=old, new=new, proof=parse_delta(document["map"]))
