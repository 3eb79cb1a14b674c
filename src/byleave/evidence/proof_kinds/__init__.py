"""The kinds of proof file, one module each: a frozen record, how it is written, how it is read.

A new kind is a subclass of `base.ProofFile` in a module here, a line in `PROOF_KINDS`, and its
checks in order in `byleave.verify.claims`.
"""

from __future__ import annotations

from typing import Final

from byleave.evidence.proof_kinds.absence import AbsenceFile
from byleave.evidence.proof_kinds.acknowledgement import AcknowledgementFile
from byleave.evidence.proof_kinds.base import ProofFile
from byleave.evidence.proof_kinds.certificate import CertificateFile
from byleave.evidence.proof_kinds.consent_event import ConsentEventFile
from byleave.evidence.proof_kinds.delta import DeltaFile
from byleave.evidence.proof_kinds.directory import EnrolledFile, NotEnrolledFile
from byleave.evidence.proof_kinds.listed import DirectoryPart
from byleave.evidence.proof_kinds.platform import (
    CaseProofFile,
    CessationFile,
    DisclosureFile,
    LineageFile,
    UnlearningFile,
)
from byleave.evidence.proof_kinds.presence import PresenceFile
from byleave.evidence.proof_kinds.record import Labelled, RecordFile

__all__ = [
    "PROOF_KINDS",
    "AbsenceFile",
    "AcknowledgementFile",
    "CaseProofFile",
    "CertificateFile",
    "CessationFile",
    "ConsentEventFile",
    "DeltaFile",
    "DirectoryPart",
    "DisclosureFile",
    "EnrolledFile",
    "Labelled",
    "LineageFile",
    "NotEnrolledFile",
    "PresenceFile",
    "ProofFile",
    "RecordFile",
    "UnlearningFile",
]

PROOF_KINDS: Final[dict[str, type[ProofFile]]] = {
    kind.KIND: kind
    for kind in (
        AbsenceFile,
        AcknowledgementFile,
        CaseProofFile,
        CertificateFile,
        CessationFile,
        ConsentEventFile,
        DeltaFile,
        DisclosureFile,
        EnrolledFile,
        LineageFile,
        NotEnrolledFile,
        PresenceFile,
        RecordFile,
        UnlearningFile,
    )
}
