"""What two snapshots of one lineage do not share, and the audit proof that it is all."""

from __future__ import annotations

from dataclasses import dataclass

from byleave.errors import InputError
from byleave.evidence.delta_proof import DeltaProof, DeltaShown, verify_delta
from byleave.evidence.proof_file import encode_proof_file
from byleave.evidence.proof_kinds.delta import DeltaFile
from byleave.service.house import House
from byleave.service.snapshot import map_reader, snapshot_document
from byleave.snapshot.map_delta import audit, differing

__all__ = ["Difference", "delta_proof", "diff"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a later snapshot differs from an earlier one of its lineage.

    Attributes:
        old: Id of the earlier.
        new: Id of the later.
        records: Records that it has more; negative: fewer.
        shown: Buckets and labels that differ, as the audit proof shows them.
        proof: The audit proof; it verifies.
    """

    old: str
    new: str
    records: int
    shown: DeltaShown
    proof: DeltaProof


def diff(house: House, old: str, new: str) -> Difference:
    """Compare two snapshots of one lineage by their maps; cost follows what differs.

    Raises:
        InputError: `snapshot.other-lineage`, `workspace.unknown-object`.
        EvidenceError: `map.root-mismatch`, a map is not the one that was logged.
    """
    before, after = map_reader(house, old), map_reader(house, new)
    if (before.k, before.epoch) != (after.k, after.epoch):
        raise InputError(
            "the snapshots are not of one lineage",
            code="snapshot.other-lineage",
            hint="compare a snapshot with one of its deltas; `byleave snapshot list` shows parents",
        )
    proof = audit(before, after, differing(before, after))
    shown = verify_delta(proof, k=after.k, old_root=before.root, new_root=after.root)
    records = [snapshot_document(house, name)[1]["records"] for name in (old, new)]
    return Difference(old=old, new=new, records=records[1] - records[0], shown=shown, proof=proof)


def delta_proof(house: House, old: str, new: str) -> bytes:
    """Return the proof file that nothing but some buckets changed between two snapshots.

    Raises:
        InputError: `snapshot.other-lineage`, `workspace.unknown-object`.
    """
    found = diff(house, old, new)
    indexes = [snapshot_document(house, name)[0] for name in (old, new)]
    return encode_proof_file(
        DeltaFile(
            old=house.log.logged(indexes[0]), new=house.log.logged(indexes[1]), proof=found.proof
        )
    )
