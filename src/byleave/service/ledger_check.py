"""Hold every ledger row against its log entry: what was logged is what the ledger says (G9).

(1) Every entry that speaks of a row has one: no event, member, document, gate, snapshot, release or
    disclosure can be dropped from the ledger without its entry being left over.
(2) Every enrolment and consent event, committed to again, gives its entry: no back-dating.
(3) Every object's document agrees with what its entry commits to: no swapped text, record or
    recipe.
A member who was erased is skipped in (2): the commitments can no longer be opened; but a logged
erasure has to name them.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from byleave.canonical import digest_of, sha256
from byleave.errors import ByleaveError, EvidenceError
from byleave.evidence.enrolment import enrolment_commitment, event_commitment
from byleave.evidence.entry import (
    AcknowledgementEntry,
    ActEntry,
    AttestationEntry,
    CertificateEntry,
    ConsentEventEntry,
    DeliveryEntry,
    DisclosureEntry,
    EnrolmentEntry,
    Entry,
    ErasureEntry,
    GateEntry,
    LookEntry,
    NoticeEntry,
    PackageEntry,
    PolicyDocumentEntry,
    RecallEntry,
    RecipeEntry,
    RecipientKeyEntry,
    ReleaseEntry,
    RequestEntry,
    SnapshotEntry,
    WithdrawalEndEntry,
    WithdrawalEntry,
    parse_entry,
)
from byleave.evidence.look import act_commitment, look_commitment, request_commitment
from byleave.service.consent import event_document
from byleave.service.house import House
from byleave.service.model import recipe_digest
from byleave.service.policy import published_notices

__all__ = ["check_ledger"]

_READ: Final = 4096
_GATE_FIELDS: Final = (
    "at decisions grounds kept ledger parent party_rule plan reasons rows rulesets scope".split()
)


def check_ledger(house: House) -> Iterator[tuple[str, str]]:
    """Yield (where, what) for every row that is not what its entry says.

    Cost: one commitment a member and event; entries are read in blocks.
    """
    members = {row[3]: row for row in house.ledger.members()}
    erased = {row[0] for row in members.values() if row[2] is None}
    yield from _unexplained(house, erased)
    names = {row[0]: row[1] for row in members.values()}
    notices = published_notices(house.ledger)
    for start, entries in _blocks(house):
        end = start + _READ
        events = {row[0]: row for row in house.ledger.events(after=start - 1, before=end)}
        for index, entry in enumerate(entries, start):
            match entry:
                case EnrolmentEntry():
                    problem = _member(members.pop(index, None), entry)
                case ConsentEventEntry():
                    problem = _event(events.pop(index, None), entry, names, erased)
                case None:
                    problem = "an entry of the ledger cannot be read"
                case _:
                    problem = _object(house, index, entry, notices)
            if problem:
                yield f"ledger, log entry {index}", problem
        yield from _left(events)
    yield from _left({row[0]: row for row in house.ledger.events(after=house.ledger.size() - 1)})
    yield from _left(members)


def _member(row: tuple[Any, ...] | None, entry: EnrolmentEntry) -> str | None:
    if row is None:
        return "an enrolment was logged and its member is gone"
    if row[2] is None or hmac.compare_digest(
        enrolment_commitment(row[2], row[1]), entry.commitment
    ):
        return None
    return "a member's row is not what was enrolled"


def _event(
    row: tuple[Any, ...] | None,
    entry: ConsentEventEntry,
    names: Mapping[int, str],
    erased: set[int],
) -> str | None:
    if row is None:
        return "a consent event was logged and its row is gone"
    if row[1] in erased:
        return None
    made = event_commitment(row[11], event_document(names.get(row[1], ""), row))
    same = hmac.compare_digest(made, entry.commitment)
    return None if same else "a consent event is not what was logged"


def _left(rows: Mapping[int, object]) -> Iterator[tuple[str, str]]:
    for index in sorted(rows):
        yield f"ledger, row {index}", "a row that no log entry speaks of"


def _unexplained(house: House, erased: set[int]) -> Iterator[tuple[str, str]]:
    """Yield secrets that are gone without a logged erasure, and erasures that took none."""
    logged = {o for _, _, _, doc in house.ledger.objects("erasure") for o in doc["ordinals"]}
    for ordinal in sorted(erased - logged):
        yield f"ledger, member {ordinal}", "a member's secret is gone and no erasure was logged"
    for ordinal in sorted(logged - erased):
        yield f"ledger, member {ordinal}", "an erasure was logged and the secret is still held"


def _blocks(house: House) -> Iterator[tuple[int, list[Entry | None]]]:
    """Yield log entries by blocks, with the index of each block's first."""
    size = house.ledger.size()
    for start in range(0, size, _READ):
        yield start, [_parsed(data) for data in house.ledger.read(start, min(start + _READ, size))]


def _parsed(data: bytes) -> Entry | None:
    try:
        return parse_entry(data, Entry)
    except EvidenceError:
        return None


def _object(house: House, index: int, entry: Entry, notices: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the object that an entry speaks of, or None."""
    try:
        found = house.ledger.object_at(index)
    except ByleaveError as error:
        return error.message
    if found is None:
        return f"a {entry.KIND} was logged and its document is gone"
    _, name, _, document = found
    check = _CHECKS.get(type(entry))
    if isinstance(entry, NoticeEntry):
        notice = notices.get(name)
        same = (
            notice is not None
            and sha256(document["text"].encode()) == entry.sha256
            and notice.uses_digest == entry.uses
            and notice.control.value == entry.control
        )
    else:
        same = check is None or check(entry, document)
    return None if same else f"the document of {name!r} is not what was logged"


def _erasure(entry: ErasureEntry, document: Mapping[str, Any]) -> bool:
    logged = document["logged"]
    return digest_of(logged) == entry.document and entry.members == len(logged["enrolments"])


def _look(entry: LookEntry, document: Mapping[str, Any]) -> bool:
    said = {name: document[name] for name in ("who", "member", "why", "at")}
    made = look_commitment(bytes.fromhex(document["salt"]), said)
    return hmac.compare_digest(made, entry.commitment)


def _request(entry: RequestEntry, document: Mapping[str, Any]) -> bool:
    said = {name: value for name, value in document.items() if name != "salt"}
    made = request_commitment(bytes.fromhex(document["salt"]), said)
    return hmac.compare_digest(made, entry.commitment)


def _act(entry: ActEntry, document: Mapping[str, Any]) -> bool:
    said = {name: value for name, value in document.items() if name != "salt"}
    made = act_commitment(bytes.fromhex(document["salt"]), said)
    return hmac.compare_digest(made, entry.commitment)


def _policy(entry: PolicyDocumentEntry, document: Mapping[str, Any]) -> bool:
    return sha256(document["text"].encode()) == entry.sha256


def _gate(entry: GateEntry, document: Mapping[str, Any]) -> bool:
    record = {field: document.get(field) for field in _GATE_FIELDS}
    return digest_of(record) == entry.record


def _snapshot(entry: SnapshotEntry, document: Mapping[str, Any]) -> bool:
    return (document["root"], document["gate"], document["records"]) == (
        entry.root.hex(),
        entry.gate,
        entry.records,
    )


def _recipe(entry: RecipeEntry, document: Mapping[str, Any]) -> bool:
    return recipe_digest(document) == entry.recipe


def _release(entry: ReleaseEntry, document: Mapping[str, Any]) -> bool:
    return bool(document["model"] == entry.model.hex())


def _certificate(entry: CertificateEntry, document: Mapping[str, Any]) -> bool:
    return digest_of(document["statement"]) == entry.statement


def _withdrawal(entry: WithdrawalEntry, document: Mapping[str, Any]) -> bool:
    return digest_of(document["logged"]) == entry.document


def _withdrawal_end(entry: WithdrawalEndEntry, document: Mapping[str, Any]) -> bool:
    return digest_of(document) == entry.document


def _attestation(entry: AttestationEntry, document: Mapping[str, Any]) -> bool:
    numbers = document["reads"]
    return (document["digest"], numbers["reads"], numbers["rows"]) == (
        entry.digest.hex(),
        entry.reads,
        entry.rows,
    )


def _disclosure(entry: DisclosureEntry, document: Mapping[str, Any]) -> bool:
    return (
        sha256(document["terms"].encode()) == entry.terms
        and document["recipient"] == entry.recipient
    )


def _recipient_key(entry: RecipientKeyEntry, document: Mapping[str, Any]) -> bool:
    return digest_of(document["card"]) == entry.card and document["recipient"] == entry.recipient


def _package(entry: PackageEntry, document: Mapping[str, Any]) -> bool:
    return digest_of(document["header"]) == entry.header


def _delivery(entry: DeliveryEntry, document: Mapping[str, Any]) -> bool:
    return digest_of(document["delivery"]) == entry.receipt


def _recall(entry: RecallEntry, document: Mapping[str, Any]) -> bool:
    order = document.get("document")  # none where nothing had been handed over
    return order is None or digest_of(order) == entry.order


def _acknowledgement(entry: AcknowledgementEntry, document: Mapping[str, Any]) -> bool:
    answer = json.loads(document["answer"])
    return digest_of(answer["statement"]) == entry.statement


_CHECKS: Final[dict[type[Entry], Callable[[Any, Mapping[str, Any]], bool]]] = {
    ActEntry: _act,
    CertificateEntry: _certificate,
    AttestationEntry: _attestation,
    AcknowledgementEntry: _acknowledgement,
    DeliveryEntry: _delivery,
    DisclosureEntry: _disclosure,
    ErasureEntry: _erasure,
    GateEntry: _gate,
    PackageEntry: _package,
    LookEntry: _look,
    PolicyDocumentEntry: _policy,
    RecallEntry: _recall,
    RecipeEntry: _recipe,
    RecipientKeyEntry: _recipient_key,
    ReleaseEntry: _release,
    RequestEntry: _request,
    SnapshotEntry: _snapshot,
    WithdrawalEndEntry: _withdrawal_end,
    WithdrawalEntry: _withdrawal,
}
