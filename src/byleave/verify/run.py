"""One verification: what was given, and what its checks have found so far.

`Run` holds no rule of one kind of proof; those are in `byleave.verify.claims`. The rules of every
kind are here: the file, the receipt, the trust file, that all entries are of one log and that
this log has one root for each size.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from byleave.canonical import Json
from byleave.errors import EvidenceError
from byleave.evidence.entry import SnapshotEntry
from byleave.evidence.log_proof import LoggedEntry, ProvenEntry
from byleave.evidence.proof_file import ProofFile, parse_proof_file, proof_file_digest
from byleave.evidence.receipt import Receipt, parse_receipt
from byleave.note.trust import Trust, TrustedCheckpoint, parse_trust
from byleave.verify.words import counted, short

__all__ = ["Run", "opened"]

_REMEMBERED_BYTES: Final = 1 << 14
"""A longer checkpoint is checked each time, so that few bytes are kept."""


@dataclass(slots=True)
class Run:
    """What was given and found. Steps fill it in order; a step may rely on those before it.

    Attributes:
        given: The receipt's bytes as handed over, apart from the proof file.
        facts: What the evidence names, for `--json`.
        claim_entry: The place of the entry that the claim is about: the snapshot's, the event's.
        claim: Words for what the claim is about.
        member_label: The 32 bytes of L with a receipt, else the 16 public ones of the file.
        directory: Words for the directory that covers the answer; None: none does.
    """

    proof_bytes: bytes
    trust_text: bytes | str
    given: bytes | None
    facts: dict[str, Json] = field(default_factory=dict)
    proof: ProofFile | None = None
    receipt: Receipt | None = None
    trust: Trust | None = None
    snapshot: SnapshotEntry | None = None
    claim_entry: ProvenEntry | None = None
    enrolment: ProvenEntry | None = None
    member_label: bytes = b""
    claim: str = ""
    directory: str | None = None
    _roots: dict[tuple[str, int], bytes] = field(default_factory=dict)
    _last: ProvenEntry | None = None

    def read_proof(self) -> str:
        """Check 1 of every kind."""
        self.proof = parse_proof_file(self.proof_bytes)
        private = ", private" if self.proof.private else ""
        return f"canonical, {len(self.proof_bytes):,} bytes, {self.proof.kind}/v1{private}"

    def read_receipt(self, *, needed: bool) -> str | None:
        """Check 2 of every kind: the receipt handed over, or the one in the file."""
        assert self.proof is not None  # noqa: S101 (for the types)
        data, inside = self.given, self.proof.receipt
        if data is not None and inside is not None and not hmac.compare_digest(data, inside):
            raise EvidenceError(
                "the proof file holds a receipt, and another was given",
                code="verify.two-receipts",
            )
        data = inside if data is None else data
        if data is None:
            if needed:
                raise EvidenceError(
                    "this proof speaks of a secret label: give the receipt",
                    code="verify.receipt-needed",
                )
            return None
        self.receipt = parse_receipt(data)
        found = f"one member, {counted(len(self.receipt.events), 'consent event')}"
        joint = self.receipt.joint
        if joint is not None:
            self.facts["member_nonce"] = joint.member.hex()
            found += f"; secret made by both, your part {short(joint.member)}"
        return found if inside is None else f"{found}; it is in the proof file"

    def read_trust(self) -> str:
        """Check 3 of every kind."""
        self.trust = _trust(self.trust_text)
        return (
            f"{counted(len(self.trust.logs), 'log')},"
            f" {counted(len(self.trust.witnesses), 'witness', 'es')},"
            f" quorum {self.trust.quorum or 'none'}"
        )

    def log_receipt(self, receipt: Receipt) -> ProvenEntry:
        """Check that all entries of a receipt are in the log; return the enrolment's place.

        Raises:
            EvidenceError: `verify.order`, an offer that stands after the enrolment; and as `logged`.
        """
        enrolment = self.logged(receipt.enrolment)
        for event in receipt.events:
            self.logged(event.logged)
        if receipt.joint is not None and self.logged(receipt.joint.offer).index >= enrolment.index:
            raise EvidenceError(
                "the operator's offer stands after the enrolment it was for", code="verify.order"
            )
        return enrolment

    def digest(self) -> str:
        """Check, last of every kind, that nothing in the file is unaccounted for."""
        stated, found = proof_file_digest(self.proof_bytes)
        if not hmac.compare_digest(stated, found):
            raise EvidenceError("the file was changed after it was made", code="proof.digest")
        return short(found)

    def logged(self, logged: LoggedEntry) -> ProvenEntry:
        """Check that an entry is in a trusted log: one log in a run, and one root for a size.

        Raises:
            EvidenceError: A code of `LoggedEntry.verify`; `verify.two-logs`, `verify.fork`.
        """
        assert self.trust is not None  # noqa: S101 (for the types)
        note = logged.proof.checkpoint
        if len(note) <= _REMEMBERED_BYTES:
            under = opened(self.trust_text, note)
        else:
            under = self.trust.check(note)
        place = self._last = logged.verify_under(under, self._last)
        checkpoint = under.checkpoint
        origin = next(iter(self._roots), (checkpoint.origin, 0))[0]
        if checkpoint.origin != origin:
            raise EvidenceError("entries of two logs in one proof", code="verify.two-logs")
        known = self._roots.setdefault((checkpoint.origin, checkpoint.size), checkpoint.root)
        if known != checkpoint.root:
            raise EvidenceError(
                "the log signed two roots for one size: it was forked", code="verify.fork"
            )
        return place


@lru_cache(maxsize=4)
def _trust(text: bytes | str) -> Trust:
    """Return a parsed trust file: the same one serves many proofs."""
    return parse_trust(text)


@lru_cache(maxsize=16)
def opened(trust: bytes | str, note: bytes) -> TrustedCheckpoint:
    """Return a checkpoint that meets a trust file: all entries of a proof stand under one."""
    return _trust(trust).check(note)
