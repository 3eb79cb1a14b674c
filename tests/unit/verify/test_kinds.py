"""The registry of kinds: what is read can be checked, and what is checked is written down."""

from __future__ import annotations

from byleave.evidence.proof_kinds import PROOF_KINDS
from byleave.verify.checks import COMMON_CHECKS, LAST_CHECK
from byleave.verify.claims import CLAIMS


def test_every_kind_has_its_checks() -> None:
    """Each kind of proof file that is read has checks, and each that has checks is read."""
    assert {name: claim.kind for name, claim in CLAIMS.items()} == PROOF_KINDS


def test_no_check_has_two_names() -> None:
    """Within a kind, no two checks have one name, and none has that of a common check."""
    for claim in CLAIMS.values():
        names = [*COMMON_CHECKS, *(step.name for step in claim.steps), *LAST_CHECK]
        assert len(set(names)) == len(names)
