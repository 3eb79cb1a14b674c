"""Kinds about what the platform did: `lineage`, `unlearning`, `disclosure`, `cessation`."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, Protocol

from byleave import canonical
from byleave.errors import EvidenceError
from byleave.evidence.cessation import verify_cessation
from byleave.evidence.entry import (
    CessationEntry,
    DisclosureEntry,
    GateEntry,
    RecallEntry,
    RecipeEntry,
    ReleaseEntry,
    SnapshotEntry,
    UnlearningEntry,
    parse_entry,
)
from byleave.evidence.log_proof import LoggedEntry, ProvenEntry
from byleave.evidence.proof_kinds import (
    CessationFile,
    DisclosureFile,
    LineageFile,
    UnlearningFile,
)
from byleave.ids import format_instant
from byleave.verify.claim import NEVER_SHOWS, Claim, Step
from byleave.verify.run import Run
from byleave.verify.words import counted, short, where

__all__ = [
    "CESSATION",
    "DISCLOSURE",
    "LINEAGE",
    "UNLEARNING",
    "UnlearningEntries",
    "check_change",
    "check_releases",
    "check_unlearning",
]


def _wrong(what: str) -> EvidenceError:
    return EvidenceError(what, code="verify.wrong-entry")


def _named(index: int, place: ProvenEntry, by: ProvenEntry) -> None:
    """Check that an entry names another by its index, and that the other stands before it."""
    if index != place.index:
        raise _wrong("an entry is not the one that another names")
    if place.index >= by.index:
        raise EvidenceError("an entry names one that stands after it", code="verify.order")


# --- lineage -----------------------------------------------------------------------------------


def _release(run: Run, proof: LineageFile) -> str:
    place = run.logged(proof.release)
    release = parse_entry(proof.release.entry, ReleaseEntry)
    parse_entry(proof.recipe.entry, RecipeEntry)
    _named(release.recipe, run.logged(proof.recipe), place)
    run.claim_entry = place
    run.facts |= {
        "release": release.release,
        "release_index": place.index,
        "model": release.model.hex(),
        "exact": release.exact,
        "origin": place.under.checkpoint.origin,
    }
    return f"{release.release}, model {short(release.model)}: {where(place)}"


def _snapshots(run: Run, proof: LineageFile) -> str:
    assert run.claim_entry is not None  # noqa: S101 (for the types)
    release = parse_entry(proof.release.entry, ReleaseEntry)
    places = [run.logged(item) for item in proof.snapshots]
    _named(release.snapshot, places[0], run.claim_entry)
    if places[0].leaf != release.snapshot_leaf:
        raise _wrong("this is not the snapshot that the release names")
    entries = [parse_entry(item.entry, SnapshotEntry) for item in proof.snapshots]
    for (child, parent), (at, above) in zip(pairwise(entries), pairwise(places), strict=True):
        if child.parent is None:
            raise _wrong("a first snapshot has no parent")
        _named(child.parent, above, at)
        if (child.epoch, child.k, child.use) != (parent.epoch, parent.k, parent.use):
            raise _wrong("two snapshots of one lineage differ in epoch, k or use")
    if entries[-1].parent is not None:
        raise _wrong("the last snapshot has a parent: the lineage is not whole")
    run.facts["lineage"] = [
        {"snapshot": entry.snapshot, "index": place.index, "records": entry.records}
        for entry, place in zip(entries, places, strict=True)
    ]
    return f"{counted(len(entries), 'snapshot')}, each the parent of the one before it"


def _gates(run: Run, proof: LineageFile) -> str:
    entries = [parse_entry(item.entry, SnapshotEntry) for item in proof.snapshots]
    decided = []
    for snapshot, sealed, logged in zip(entries, proof.snapshots, proof.gates, strict=True):
        gate = parse_entry(logged.entry, GateEntry)
        place = run.logged(logged)
        _named(snapshot.gate, place, run.logged(sealed))
        if gate.use != snapshot.use or gate.ledger > place.index:
            raise _wrong("a gate was for another use, or decided after itself")
        decided.append(gate.ledger)
    return (
        f"{counted(len(decided), 'gate')}, decided at log indexes {decided[-1]:,} to {decided[0]:,}"
    )


def _lineage_statement(run: Run, proof: LineageFile) -> str:
    first = parse_entry(proof.snapshots[-1].entry, SnapshotEntry)
    last = parse_entry(proof.snapshots[0].entry, SnapshotEntry)
    steps = len(proof.snapshots) - 1
    came = (
        f"as sealed from gate entry {first.gate:,}"
        if not steps
        else f"{counted(steps, 'change')} after {first.snapshot} ({first.records:,} records)"
    )
    return (
        f"release {run.facts['release']} was trained on snapshot {last.snapshot}"
        f" ({last.records:,} records, use {last.use}), {came}"
    )


LINEAGE: Final = Claim(
    kind=LineageFile,
    steps=(
        Step(
            "release",
            "the release entry is in a trusted log; the recipe entry is the one it names, and"
            " stands before it",
            _release,
        ),
        Step(
            "snapshots",
            "the first snapshot entry is the one, by index and leaf, that the release names; each"
            " further one is the parent that the one before it names; epoch, k and use stay the"
            " same; the last has no parent",
            _snapshots,
        ),
        Step(
            "gates",
            "each snapshot's gate entry is the one it names, stands before it, is for the same use"
            " and decided at an index not after itself",
            _gates,
        ),
    ),
    statement=_lineage_statement,
    limits=lambda _: [NEVER_SHOWS],
)


# --- unlearning --------------------------------------------------------------------------------


class UnlearningEntries(Protocol):
    """A proof file with the entries of an unlearning."""

    @property
    def unlearning(self) -> LoggedEntry: ...
    @property
    def old(self) -> LoggedEntry: ...
    @property
    def old_snapshot(self) -> LoggedEntry: ...
    @property
    def new(self) -> LoggedEntry: ...
    @property
    def new_snapshot(self) -> LoggedEntry: ...


def check_unlearning(run: Run, proof: UnlearningEntries) -> str:
    """The unlearning entry is in a trusted log; where it has a refit, that is the model."""
    place = run.logged(proof.unlearning)
    entry = parse_entry(proof.unlearning.entry, UnlearningEntry)
    run.claim_entry = place
    run.facts |= {
        "unlearning_index": place.index,
        "model": entry.model.hex(),
        "refit": None if entry.refit is None else entry.refit.hex(),
        "origin": place.under.checkpoint.origin,
    }
    if entry.refit is not None and entry.refit != entry.model:
        raise _wrong("the fit without the rows gave another model")
    return where(place)


def check_releases(run: Run, proof: UnlearningEntries) -> str:
    """The two release entries are the ones that the unlearning names."""
    assert run.claim_entry is not None  # noqa: S101 (for the types)
    entry = parse_entry(proof.unlearning.entry, UnlearningEntry)
    old, new = (parse_entry(item.entry, ReleaseEntry) for item in (proof.old, proof.new))
    old_place, new_place = run.logged(proof.old), run.logged(proof.new)
    _named(entry.from_, old_place, run.claim_entry)
    _named(entry.to, new_place, run.claim_entry)
    if new.parent is None:
        raise _wrong("the new release names no parent")
    _named(new.parent, old_place, new_place)
    if new.model != entry.model:
        raise _wrong("the new release is of another model")
    run.facts |= {"from": old.release, "to": new.release, "exact": new.exact}
    return f"{old.release} to {new.release}"


def check_change(run: Run, proof: UnlearningEntries) -> str:
    """The new release's snapshot is the old one's with records taken out."""
    entry = parse_entry(proof.unlearning.entry, UnlearningEntry)
    pairs = ((proof.old, proof.old_snapshot), (proof.new, proof.new_snapshot))
    places = []
    for logged, sealed in pairs:
        release = parse_entry(logged.entry, ReleaseEntry)
        place = run.logged(sealed)
        _named(release.snapshot, place, run.logged(logged))
        if place.leaf != release.snapshot_leaf:
            raise _wrong("this is not the snapshot that a release names")
        places.append(place)
    old, new = (
        parse_entry(item.entry, SnapshotEntry) for item in (proof.old_snapshot, proof.new_snapshot)
    )
    if entry.snapshot != places[1].index or new.parent is None:
        raise _wrong("the unlearning is for another snapshot")
    _named(new.parent, places[0], places[1])
    if (old.epoch, old.k, old.use) != (new.epoch, new.k, new.use) or new.records >= old.records:
        raise _wrong("the new snapshot is not the old one with records taken out")
    run.facts |= {"records_before": old.records, "records_after": new.records}
    return f"{old.snapshot} ({old.records:,} records) to {new.snapshot} ({new.records:,})"


def _unlearning_statement(run: Run, proof: UnlearningFile) -> str:
    entry = parse_entry(proof.unlearning.entry, UnlearningEntry)
    old = parse_entry(proof.old_snapshot.entry, SnapshotEntry)
    new = parse_entry(proof.new_snapshot.entry, SnapshotEntry)
    fit = (
        "the platform logged that a fit without them gives the same bytes"
        if entry.refit is not None
        else "the platform logged no fit to compare with"
    )
    return (
        f"release {run.facts['from']} was replaced by {run.facts['to']}, on a snapshot with"
        f" {counted(old.records - new.records, 'record')} fewer; {fit}"
    )


UNLEARNING: Final = Claim(
    kind=UnlearningFile,
    steps=(
        Step(
            "unlearning",
            "the unlearning entry is in a trusted log; where it has a refit, that is the model",
            check_unlearning,
        ),
        Step(
            "releases",
            "the two release entries are the ones it names, stand before it, the new one names the"
            " old one as its parent and is of the unlearned model",
            check_releases,
        ),
        Step(
            "snapshots",
            "each release's snapshot entry is the one, by index and leaf, that it names; the old"
            " one is the new one's parent, of the same epoch, k and use, and had more records",
            check_change,
        ),
    ),
    statement=_unlearning_statement,
    limits=lambda _: [
        "that fitting without the rows gives these bytes (refit the release to see)",
        "that the old model is no longer used; whose records were taken out",
    ],
)


# --- disclosure --------------------------------------------------------------------------------


def _disclosure(run: Run, proof: DisclosureFile) -> str:
    place = run.logged(proof.disclosure)
    entry = parse_entry(proof.disclosure.entry, DisclosureEntry)
    snapshot = parse_entry(proof.snapshot.entry, SnapshotEntry)
    _named(entry.snapshot, run.logged(proof.snapshot), place)
    run.claim_entry, run.snapshot = place, snapshot
    run.facts |= {
        "disclosure": entry.disclosure,
        "disclosure_index": place.index,
        "recipient": entry.recipient,
        "use": entry.use,
        "snapshot": snapshot.snapshot,
        "records": snapshot.records,
        "origin": place.under.checkpoint.origin,
    }
    return f"{entry.disclosure} of {snapshot.snapshot}: {where(place)}"


def _terms(run: Run, proof: DisclosureFile) -> str:
    entry = parse_entry(proof.disclosure.entry, DisclosureEntry)
    if canonical.digest_of(proof.terms) != entry.terms:
        raise EvidenceError("the terms are not the logged ones", code="verify.terms")
    stated = tuple(proof.terms.get(n) for n in ("disclosure", "recipient", "snapshot", "use"))
    if stated != (entry.disclosure, entry.recipient, entry.snapshot, entry.use):
        raise EvidenceError("the terms are of another disclosure", code="verify.terms")
    run.facts["terms"] = dict(proof.terms)
    return f"terms {short(entry.terms)}"


def _recalls(run: Run, proof: DisclosureFile) -> str:
    assert run.claim_entry is not None  # noqa: S101 (for the types)
    before = -1
    for logged in proof.recalls:
        place = run.logged(logged)
        _named(parse_entry(logged.entry, RecallEntry).disclosure, run.claim_entry, place)
        if place.index <= before:
            raise EvidenceError("recalls are not in the order of the log", code="verify.order")
        before = place.index
    run.facts["recalls"] = [item.proof.index for item in proof.recalls]
    return counted(len(proof.recalls), "recall")


def _disclosure_statement(run: Run, proof: DisclosureFile) -> str:
    entry = parse_entry(proof.disclosure.entry, DisclosureEntry)
    recalled = counted(len(proof.recalls), "time")
    return (
        f"{entry.disclosure} ({run.facts['records']:,} records) was offered to {entry.recipient}"
        f" for {entry.use} under these terms, and recalled {recalled}"
    )


DISCLOSURE: Final = Claim(
    kind=DisclosureFile,
    steps=(
        Step(
            "disclosure",
            "the disclosure entry is in a trusted log; the snapshot entry is the one it names, and"
            " stands before it",
            _disclosure,
        ),
        Step("terms", "the terms are those the entry commits to, and of this disclosure", _terms),
        Step(
            "recalls",
            "each recall entry is in the same log, after the disclosure it names, in order",
            _recalls,
        ),
    ),
    statement=_disclosure_statement,
    limits=lambda _: [
        "that the package was fetched, or what the recipient did with it",
        "that no further recall was ordered; that nothing was handed over outside this system",
    ],
)


# --- cessation ---------------------------------------------------------------------------------


def _cessation(run: Run, proof: CessationFile) -> str:
    place = run.logged(proof.cessation)
    entry = parse_entry(proof.cessation.entry, CessationEntry)
    if entry.first > place.index or entry.since > entry.stated:
        raise EvidenceError("the statement is about what comes after it", code="verify.order")
    run.claim_entry = place
    run.facts |= {
        "cessation_index": place.index,
        "use": entry.use,
        "since": format_instant(entry.since),
        "first": entry.first,
        "stated": format_instant(entry.stated),
        "origin": place.under.checkpoint.origin,
    }
    return where(place)


def _signed(run: Run, proof: CessationFile) -> str:
    entry = parse_entry(proof.cessation.entry, CessationEntry)
    operator = verify_cessation(
        proof.statement, proof.signature, entry, origin=str(run.facts["origin"])
    )
    run.facts["operator"] = operator
    return f"signed by key {short(entry.signer)}, which the entry names"


def _cessation_statement(run: Run, _: CessationFile) -> str:
    facts = run.facts
    return (
        f"{facts['operator']} stated on {facts['stated']}, signed and logged: no processing under"
        f" {facts['use']} since {facts['since']} (log entries {facts['first']:,} to"
        f" {facts['cessation_index']:,})"
    )


CESSATION: Final = Claim(
    kind=CessationFile,
    steps=(
        Step(
            "cessation",
            "the cessation entry is in a trusted log, and is about what stands before it",
            _cessation,
        ),
        Step(
            "statement",
            "the statement is the one that the entry commits to, of this log, with the same use,"
            " instants and index, and is signed by the key that the entry names",
            _signed,
        ),
    ),
    statement=_cessation_statement,
    limits=lambda _: [
        "that it is true (one gate or disclosure of this use between those entries refutes it)",
        "what was done outside this system; that models trained before are no longer used",
    ],
)
