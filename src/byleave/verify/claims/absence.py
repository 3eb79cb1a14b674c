"""Kind `absence`: no record of a label's holder is in the snapshot of a release."""

from __future__ import annotations

from typing import Final

from byleave.evidence.bucket import LABEL_BYTES, verify_absence
from byleave.evidence.proof_kinds import AbsenceFile
from byleave.verify.claim import Claim, Step
from byleave.verify.claims.model import FROM_RELEASE, check_label, covered, holder, limits
from byleave.verify.run import Run
from byleave.verify.words import counted, short

__all__ = ["CLAIM"]


def _label(run: Run, proof: AbsenceFile) -> str:
    return check_label(run, proof.label)


def _map(run: Run, proof: AbsenceFile) -> str:
    assert run.snapshot is not None  # noqa: S101 (for the types)
    verify_absence(
        proof.proof,
        public=run.member_label[:LABEL_BYTES],
        k=run.snapshot.k,
        root=run.snapshot.root,
    )
    listed = counted(len(proof.proof.labels), "label")
    return f"root {short(run.snapshot.root)}; {listed}, not this one"


def _statement(run: Run, _: AbsenceFile) -> str:
    return f"no record of the holder of {holder(run)} is in {run.claim}{covered(run)}"


CLAIM: Final = Claim(
    kind=AbsenceFile,
    steps=(
        *FROM_RELEASE,
        Step(
            "label",
            "the label is the receipt's in the snapshot's epoch; without a receipt it is the one"
            " that the file states",
            _label,
        ),
        Step(
            "map",
            "the bucket at the label's place leads to the snapshot's root and does not list the"
            " label",
            _map,
        ),
    ),
    statement=_statement,
    limits=limits,
    needs_receipt=lambda proof: proof.label is None,
)
