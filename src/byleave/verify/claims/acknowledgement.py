"""The kind `acknowledgement`: a recipient signed that exactly the recalled rows are gone."""

from __future__ import annotations

from typing import Final

from byleave.errors import EvidenceError
from byleave.evidence.disclosed import check_deletion, check_signature
from byleave.evidence.entry import (
    AcknowledgementEntry,
    DisclosureEntry,
    PackageEntry,
    RecallEntry,
    RecipientKeyEntry,
    parse_entry,
)
from byleave.evidence.log_proof import LoggedEntry, ProvenEntry
from byleave.evidence.proof_kinds import AcknowledgementFile
from byleave.ids import format_instant
from byleave.verify.claim import Claim, Step
from byleave.verify.run import Run
from byleave.verify.words import counted, short, where

__all__ = ["CLAIM"]


def _wrong(what: str) -> EvidenceError:
    return EvidenceError(what, code="verify.wrong-entry")


def _named(index: int | None, place: ProvenEntry, by: ProvenEntry) -> None:
    if index != place.index:
        raise _wrong("an entry is not the one that another names")
    if place.index >= by.index:
        raise EvidenceError("an entry names one that stands after it", code="verify.order")


def _entries(run: Run, proof: AcknowledgementFile) -> str:
    place = run.logged(proof.acknowledgement)
    answer = parse_entry(proof.acknowledgement.entry, AcknowledgementEntry)
    recall = parse_entry(proof.recall.entry, RecallEntry)
    package = parse_entry(proof.package.entry, PackageEntry)
    key = parse_entry(proof.key.entry, RecipientKeyEntry)
    disclosure = parse_entry(proof.disclosure.entry, DisclosureEntry)
    recalled, packed = run.logged(proof.recall), run.logged(proof.package)
    _named(answer.recall, recalled, place)
    _named(answer.key, run.logged(proof.key), place)
    offered = run.logged(proof.disclosure)
    _named(recall.disclosure, offered, recalled)
    _named(package.disclosure, offered, packed)
    if key.recipient != disclosure.recipient:
        raise _wrong("the keys are another recipient's")
    run.claim_entry = place
    run.facts |= {
        "disclosure": disclosure.disclosure,
        "recipient": disclosure.recipient,
        "rows": package.rows,
        "recall_index": recalled.index,
        "acknowledgement_index": place.index,
        "origin": place.under.checkpoint.origin,
    }
    return f"{disclosure.disclosure}, recall entry {recalled.index:,}: {where(place)}"


def _order(run: Run, proof: AcknowledgementFile) -> str:
    recall = parse_entry(proof.recall.entry, RecallEntry)
    package = parse_entry(proof.package.entry, PackageEntry)
    if proof.order.digest != recall.order or proof.order.package != package.header:
        raise _wrong("the order is not the one of this recall of this package")
    run.facts["recalled"] = len(proof.order.labels)
    return f"order {short(recall.order)}: {counted(len(proof.order.labels), 'row')}"


def _statement(run: Run, proof: AcknowledgementFile) -> str:
    answer = parse_entry(proof.acknowledgement.entry, AcknowledgementEntry)
    key = parse_entry(proof.key.entry, RecipientKeyEntry)
    said = proof.statement
    if (said.digest, said.before, said.after, said.deleted) != (
        answer.statement,
        answer.before,
        answer.after,
        answer.deleted,
    ):
        raise _wrong("the statement is not the logged one")
    if (said.package, said.order, said.recipient, said.key) != (
        proof.order.package,
        proof.order.digest,
        key.recipient,
        key.key,
    ):
        raise _wrong("the statement answers another order, or is another recipient's")
    check_signature(said.document(), proof.signature, key.key)
    run.facts |= {"held": said.held, "deleted": said.deleted, "at": format_instant(said.at)}
    return f"signed by key {short(key.key)}, which the log names"


def _rows(run: Run, proof: AcknowledgementFile) -> str:
    package = parse_entry(proof.package.entry, PackageEntry)
    if proof.statement.k != package.k:
        raise _wrong("the map is of another size than the package's")
    shown = check_deletion(proof.statement, proof.order, proof.proof)
    run.facts["buckets"] = shown.buckets
    return (
        f"{counted(len(shown.removed), 'row')} left, in {counted(shown.buckets, 'bucket')};"
        f" root {short(proof.statement.before)} to {short(proof.statement.after)}"
    )


def _chain(run: Run, proof: AcknowledgementFile) -> str:
    package = parse_entry(proof.package.entry, PackageEntry)
    newer: LoggedEntry = proof.acknowledgement
    for logged in proof.earlier:
        entry = parse_entry(newer.entry, AcknowledgementEntry)
        older = parse_entry(logged.entry, AcknowledgementEntry)
        _named(entry.previous, run.logged(logged), run.logged(newer))
        if older.after != entry.before:
            raise EvidenceError(
                "an answer does not begin where the one before it ended", code="disclosure.roots"
            )
        newer = logged
    first = parse_entry(newer.entry, AcknowledgementEntry)
    if first.previous is not None or first.before != package.root:
        raise EvidenceError(
            "the answers do not begin with the package that was handed over",
            code="disclosure.roots",
        )
    return f"{counted(len(proof.earlier), 'earlier answer')}, from root {short(package.root)} on"


def _says(run: Run, proof: AcknowledgementFile) -> str:
    facts = run.facts
    did = (
        f"deleted {counted(proof.statement.deleted, 'row')} of {facts['disclosure']}"
        if proof.statement.held
        else f"never held {facts['disclosure']}"
    )
    return (
        f"{facts['recipient']} stated on {facts['at']}, signed and logged, that it {did}:"
        f" exactly the {counted(len(proof.order.labels), 'row')} recalled by log entry"
        f" {facts['recall_index']:,}"
    )


CLAIM: Final = Claim(
    kind=AcknowledgementFile,
    steps=(
        Step(
            "entries",
            "acknowledgement, recall, package, key and disclosure entries are in a trusted log,"
            " each the one that another names and before it; the keys are the recipient's",
            _entries,
        ),
        Step(
            "order",
            "the order is the one that the recall entry commits to, and of this package",
            _order,
        ),
        Step(
            "statement",
            "the statement is the logged one, answers this order, and is signed by the"
            " recipient's key",
            _statement,
        ),
        Step(
            "rows",
            "the map of the rows before and the one after differ by exactly the rows of the"
            " order, or by none where the recipient never held the package",
            _rows,
        ),
        Step(
            "chain",
            "the answers before it lead, root by root, from the root of the package handed over",
            _chain,
        ),
    ),
    statement=_says,
    limits=lambda _: [
        "that no other copy is left; that what stayed in a changed bucket stayed as it was",
        "who asked for it, or whose rows these are",
    ],
)
