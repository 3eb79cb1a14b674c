"""The checks of each kind of proof, one module each; a new kind is a line in `CLAIMS`."""

from __future__ import annotations

from typing import Final

from byleave.verify.claim import Claim
from byleave.verify.claims import (
    absence,
    acknowledgement,
    case,
    certificate,
    consent_event,
    delta,
    directory,
    platform,
    presence,
    record,
)

__all__ = ["CLAIMS"]

CLAIMS: Final[dict[str, Claim]] = {
    claim.kind.KIND: claim
    for claim in (
        absence.CLAIM,
        acknowledgement.CLAIM,
        case.CLAIM,
        certificate.CLAIM,
        consent_event.CLAIM,
        delta.CLAIM,
        directory.ENROLLED,
        directory.NOT_ENROLLED,
        platform.CESSATION,
        platform.DISCLOSURE,
        platform.LINEAGE,
        platform.UNLEARNING,
        presence.CLAIM,
        record.CLAIM,
    )
}
