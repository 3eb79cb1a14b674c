"""Check a proof file offline, step by step, and say what it shows.

The checks, in this order; the first that fails ends the run and is named in the verdict:

(1) proof file  it is a byleave-proof/v1 in its one encoding, of a known kind
(2) receipt     if one is given: its one encoding; the enrolment entry commits to its member and
                secret, each consent event's entry to that event
(3) trust file  it is a tlog-policy with a log and a quorum
(4) release     the release entry is in a trusted log                    (absence, presence)
(5) snapshot    the snapshot entry is in the same log, and is the entry, by index and leaf, that
                the release names; what they name stands before them     (absence, presence)
    event       the consent event's entry is in a trusted log and commits to it (consent-event)
(6) enrolment   the receipt's entries are in the same log; the enrolment stands before the
                snapshot, or before the event
(7) label       the label is the one of this receipt in the snapshot's epoch (absence, presence)
(8) map         the bucket leads to the snapshot's root and lists the label with exactly these
                records (presence), or does not list it (absence)
(9) digest      the file's digest is that of its contents: nothing in it is unaccounted for

Throughout, two checkpoints of one size and different roots are a fork, and end the run.

Not checked here, and said in every verdict: whether anything was trained outside the system,
whose a record really is, whether the platform gave one person two secrets (until a directory
covers the answer), and whether the log showed others another history where the trust file asks
for no witnesses.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from byleave.canonical import Json
from byleave.errors import ByleaveError, EvidenceError
from byleave.evidence.bucket import (
    GROUNDS,
    LABEL_BYTES,
    OWN_CONSENT,
    ROLES,
    label,
    verify_absence,
    verify_presence,
)
from byleave.evidence.entry import ReleaseEntry, SnapshotEntry, parse_entry
from byleave.evidence.log_proof import LoggedEntry, ProvenEntry
from byleave.evidence.proof_file import (
    AbsenceFile,
    ConsentEventFile,
    PresenceFile,
    ProofFile,
    parse_proof_file,
    proof_file_digest,
)
from byleave.evidence.receipt import Receipt, check_event, parse_receipt
from byleave.note.trust import Trust, parse_trust
from byleave.verify.verdict import Check, State, Verdict

__all__ = ["verify"]

_NEVER_SHOWS: Final = "training outside this system; whose records these really were"
_HONOURED: Final = "that the choice was honoured"
_ONE_SECRET: Final = "that this person has no second receipt (no directory covers this answer)"
_NO_WITNESS: Final = "that others were shown the same log (the trust file asks for no witness)"


def verify(
    proof_bytes: bytes, trust_text: bytes | str, receipt_bytes: bytes | None = None
) -> Verdict:
    """Check a proof file. Whatever the bytes are, this returns a verdict.

    Args:
        proof_bytes: The proof file.
        trust_text: The trust file: a tlog-policy the caller got from someone they trust.
        receipt_bytes: The member's receipt; a presence proof needs it.
    """
    return _Run(proof_bytes, trust_text, receipt_bytes).run()


@dataclass(slots=True)
class _Run:
    """One verification: what was given, what has been found so far."""

    proof_bytes: bytes
    trust_text: bytes | str
    receipt_bytes: bytes | None
    checks: list[Check] = field(default_factory=list)
    roots: dict[tuple[str, int], bytes] = field(default_factory=dict)
    facts: dict[str, Json] = field(default_factory=dict)
    proof: ProofFile | None = None
    receipt: Receipt | None = None
    trust: Trust | None = None
    snapshot: SnapshotEntry | None = None
    claim_entry: ProvenEntry | None = None
    """The snapshot's place in the log, or the consent event's."""
    enrolment: ProvenEntry | None = None
    member_label: bytes = b""
    """The 32 bytes of L with a receipt, else the 16 public ones of the proof file."""
    claim: str = ""

    def run(self) -> Verdict:
        steps: list[tuple[str, Callable[[], str | None]]] = [
            ("proof file", self._proof_file),
            ("receipt", self._receipt),
            ("trust file", self._trust_file),
        ]
        self._step(*steps[0])
        if isinstance(self.proof, ConsentEventFile):
            steps += [("event", self._event), ("enrolment", self._enrolment)]
        else:
            steps += [
                ("release", self._release),
                ("snapshot", self._snapshot),
                ("enrolment", self._enrolment),
                ("label", self._label),
                ("map", self._map),
            ]
        steps.append(("digest", self._digest))
        for name, step in steps[1:]:
            self._step(name, step)
        return self._verdict()

    def _step(self, name: str, step: Callable[[], str | None]) -> None:
        if any(check.state == "FAIL" for check in self.checks):
            self.checks.append(Check(name=name, state="not-run", detail="not run"))
            return
        try:
            detail = step()
        except ByleaveError as error:
            self.checks.append(
                Check(name=name, state="FAIL", detail=error.message, code=error.code)
            )
        else:
            state: State = "not-run" if detail is None else "ok"
            self.checks.append(Check(name=name, state=state, detail=detail or "no receipt given"))

    # (1)
    def _proof_file(self) -> str:
        self.proof = parse_proof_file(self.proof_bytes)
        return f"canonical, {len(self.proof_bytes):,} bytes, {self.proof.kind}/v1"

    # (2)
    def _receipt(self) -> str | None:
        if self.receipt_bytes is None:
            if isinstance(self.proof, PresenceFile) or (
                isinstance(self.proof, AbsenceFile) and self.proof.label is None
            ):
                raise EvidenceError(
                    "this proof speaks of a secret label: give the receipt",
                    code="verify.receipt-needed",
                )
            return None
        self.receipt = parse_receipt(self.receipt_bytes)
        return f"one member, {_counted(len(self.receipt.events), 'consent event')}"

    # (3)
    def _trust_file(self) -> str:
        self.trust = parse_trust(self.trust_text)
        witnesses = len(self.trust.witnesses)
        return (
            f"{_counted(len(self.trust.logs), 'log')}, {_counted(witnesses, 'witness', 'es')},"
            f" quorum {self.trust.quorum or 'none'}"
        )

    # (4)
    def _release(self) -> str:
        assert isinstance(self.proof, AbsenceFile | PresenceFile)  # noqa: S101 (for the types)
        place = self._logged(self.proof.release)
        release = parse_entry(self.proof.release.entry, ReleaseEntry)
        self.facts |= {
            "release": release.release,
            "release_index": place.index,
            "model": release.model.hex(),
            "exact": release.exact,
            "origin": place.under.checkpoint.origin,
        }
        return f"{release.release}, model {_short(release.model)}: {_where(place)}"

    # (5)
    def _snapshot(self) -> str:
        assert isinstance(self.proof, AbsenceFile | PresenceFile)  # noqa: S101 (for the types)
        place = self._logged(self.proof.snapshot)
        snapshot = parse_entry(self.proof.snapshot.entry, SnapshotEntry)
        release = parse_entry(self.proof.release.entry, ReleaseEntry)
        if place.index != release.snapshot or place.leaf != release.snapshot_leaf:
            raise EvidenceError(
                "this is not the snapshot that the release names", code="verify.wrong-entry"
            )
        before = [release.snapshot, release.recipe]
        earlier = [snapshot.gate, *([] if snapshot.parent is None else [snapshot.parent])]
        if any(i >= self.proof.release.proof.index for i in before) or any(
            i >= place.index for i in earlier
        ):
            raise EvidenceError("an entry names one that stands after it", code="verify.order")
        self.snapshot, self.claim_entry = snapshot, place
        self.facts |= {
            "snapshot": snapshot.snapshot,
            "snapshot_index": place.index,
            "use": snapshot.use,
        }
        self.claim = f"snapshot {snapshot.snapshot}, on which release {release.release} was trained"
        return f"{snapshot.snapshot}: {_where(place)}, named by the release"

    def _event(self) -> str:
        assert isinstance(self.proof, ConsentEventFile)  # noqa: S101 (for the types)
        place = self._logged(self.proof.event.logged)
        check_event(self.proof.event)
        self.claim_entry = place
        self.facts |= {"event_index": place.index, "origin": place.under.checkpoint.origin}
        return f"the entry commits to the event: {_where(place)}"

    # (6)
    def _enrolment(self) -> str | None:
        if self.receipt is None:
            return None
        assert self.claim_entry is not None  # noqa: S101 (for the types)
        self.enrolment = self._logged(self.receipt.enrolment)
        for event in self.receipt.events:
            self._logged(event.logged)
        if self.enrolment.index >= self.claim_entry.index:
            raise EvidenceError(
                "the member was enrolled after what is claimed", code="verify.order"
            )
        if isinstance(self.proof, ConsentEventFile):
            member = self.proof.event.event.get("member")
            if not isinstance(member, str) or member != self.receipt.member:
                raise EvidenceError("the event is another member's", code="receipt.commitment")
            return f"the event is this member's; enrolled at {_where(self.enrolment)}"
        return f"{_where(self.enrolment)}, before the snapshot"

    # (7)
    def _label(self) -> str:
        assert isinstance(self.proof, AbsenceFile | PresenceFile)  # noqa: S101 (for the types)
        assert self.snapshot is not None  # noqa: S101 (for the types)
        stated = self.proof.label if isinstance(self.proof, AbsenceFile) else None
        if self.receipt is None:
            assert stated is not None  # noqa: S101 (check 2)
            self.member_label = stated
            self.facts["label"] = stated.hex()
            return f"{stated.hex()}, as the proof file states; give the receipt to check whose"
        self.member_label = label(self.receipt.secret, self.snapshot.epoch)
        public = self.member_label[:LABEL_BYTES]
        if stated is not None and not hmac.compare_digest(stated, public):
            raise EvidenceError(
                "the proof file is about another label than this receipt's", code="verify.label"
            )
        self.facts["label"] = public.hex()
        return f"{public.hex()}, recomputed from the receipt's secret"

    # (8)
    def _map(self) -> str:
        assert self.snapshot is not None  # noqa: S101 (for the types)
        k, root = self.snapshot.k, self.snapshot.root
        if isinstance(self.proof, AbsenceFile):
            public = self.member_label[:LABEL_BYTES]
            verify_absence(self.proof.proof, public=public, k=k, root=root)
            listed, what = self.proof.proof.labels, "not this one"
        else:
            assert isinstance(self.proof, PresenceFile)  # noqa: S101 (for the types)
            assert self.enrolment is not None  # noqa: S101 (check 2)
            verify_presence(
                self.proof.proof,
                member_label=self.member_label,
                k=k,
                root=root,
                enrolment_index=self.enrolment.index,
                enrolment_leaf=self.enrolment.leaf,
            )
            self._grounds(self.proof)
            listed = self.proof.proof.labels
            what = f"this one with {_counted(len(self.proof.proof.records), 'record')}"
        return f"root {_short(root)}; {_counted(len(listed), 'label')}, {what}"

    def _grounds(self, proof: PresenceFile) -> None:
        """Check opened grounds against the receipt's events; count records by role and ground."""
        assert self.receipt is not None  # noqa: S101 (check 2)
        assert self.claim_entry is not None  # noqa: S101 (check 5)
        leaves = {e.logged.proof.index: self._logged(e.logged).leaf for e in self.receipt.events}
        for record in proof.proof.records:
            opening = record.opening
            if opening is None and record.ground == OWN_CONSENT:
                raise EvidenceError(
                    "a record stands on the holder's own consent and does not open it",
                    code="verify.ground-closed",
                )
            if opening is None:
                continue
            if opening.index >= self.claim_entry.index:
                raise EvidenceError(
                    "a record's ground was logged after the snapshot", code="verify.order"
                )
            if opening.index not in leaves and record.ground == OWN_CONSENT:
                raise EvidenceError(
                    "a record stands on a consent that the receipt does not hold",
                    code="verify.ground-unknown",
                )
            if leaves.get(opening.index, opening.leaf) != opening.leaf:
                raise EvidenceError(
                    "a record's ground is not the receipt's event", code="verify.wrong-entry"
                )
        records = proof.proof.records
        self.facts |= {
            "records": len(records),
            "by_role": dict(Counter(ROLES[record.role] for record in records)),
            "by_ground": dict(Counter(GROUNDS[record.ground] for record in records)),
        }

    # (9)
    def _digest(self) -> str:
        stated, found = proof_file_digest(self.proof_bytes)
        if not hmac.compare_digest(stated, found):
            raise EvidenceError("the file was changed after it was made", code="proof.digest")
        return _short(found)

    def _logged(self, logged: LoggedEntry) -> ProvenEntry:
        assert self.trust is not None  # noqa: S101 (check 3)
        place = logged.verify(self.trust)
        checkpoint = place.under.checkpoint
        origin = next(iter(self.roots), (checkpoint.origin, 0))[0]
        if checkpoint.origin != origin:
            raise EvidenceError("entries of two logs in one proof", code="verify.two-logs")
        known = self.roots.setdefault((checkpoint.origin, checkpoint.size), checkpoint.root)
        if known != checkpoint.root:
            raise EvidenceError(
                "the log signed two roots for one size: it was forked", code="verify.fork"
            )
        return place

    def _verdict(self) -> Verdict:
        failed = next((check for check in self.checks if check.state == "FAIL"), None)
        kind = "unknown" if self.proof is None else self.proof.kind
        limits = [_HONOURED] if kind == "consent-event" else [_NEVER_SHOWS, _ONE_SECRET]
        if self.trust is None or self.trust.quorum is None:
            limits.append(_NO_WITNESS)
        return Verdict(
            ok=failed is None,
            kind=kind,
            statement=self._statement() if failed is None else f"{failed.name}: {failed.detail}",
            checks=tuple(self.checks),
            does_not_show="; ".join(limits),
            facts=self.facts if failed is None else {},
        )

    def _statement(self) -> str:
        holder = "this receipt" if self.receipt else f"label {self.member_label[:4].hex()}…"
        match self.proof:
            case AbsenceFile():
                return f"no record of the holder of {holder} is in {self.claim}"
            case PresenceFile(proof=proof):
                by_role = Counter(ROLES[record.role] for record in proof.records)
                by_ground = Counter(GROUNDS[record.ground] for record in proof.records)
                number = len(proof.records)
                return (
                    f"exactly {_counted(number, 'record')} of the holder of {holder}"
                    f" {'is' if number == 1 else 'are'} in {self.claim}:"
                    f" {_listed(by_role, 'as ')}; {_listed(by_ground, 'on ')}"
                )
            case _:
                whose = " of the holder of this receipt" if self.receipt else ""
                return (
                    f"the consent event{whose} in this file is entry"
                    f" {self.facts['event_index']:,} of {self.facts['origin']}"
                )


def _where(place: ProvenEntry) -> str:
    under = place.under
    text = f"entry {place.index:,} of {under.checkpoint.size:,} in {under.checkpoint.origin}"
    if under.newest is not None:
        try:
            seen = datetime.fromtimestamp(under.newest, tz=UTC).isoformat(timespec="minutes")
        except (OverflowError, ValueError, OSError):
            seen = "a time beyond the calendar"
        witnesses = _counted(len(under.witnesses), "witness", "es")
        text += f" ({witnesses}, newest {seen.replace('+00:00', 'Z')})"
    return text


def _short(digest: bytes) -> str:
    return f"{digest.hex()[:8]}…{digest.hex()[-4:]}"


def _counted(number: int, word: str, plural: str = "s") -> str:
    return f"{number:,} {word}{'' if number == 1 else plural}"


def _listed(counts: Counter[str], preposition: str) -> str:
    parts = [f"{number:,} {preposition}{name}" for name, number in sorted(counts.items())]
    return ", ".join(parts)
