"""Call packages back: orders that name rows by their labels, and what recipients answer.

A recall follows what the gate no longer admits, batch by batch of at most 10,000 rows, for every
package at once. A package that was never made up for anybody's key is withheld: nothing is out,
and nobody has to answer. An answer is taken when its signature, the rows it deleted and both roots
are what they have to be, and in the order in which the recalls were sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from byleave.canonical import digest_of
from byleave.disclosure.due import History, state_at
from byleave.disclosure.letters import (
    Answer,
    Delivery,
    OrderFile,
    batches,
    check_answer,
    parse_letter,
)
from byleave.disclosure.lifecycle import DisclosureEvent, advance
from byleave.disclosure.record import Acknowledgement, Disclosure, Recall
from byleave.disclosure.row_map import row_labels
from byleave.disclosure.terms import Terms
from byleave.errors import ConflictError, EvidenceError, InputError, RefusedError
from byleave.evidence.bucket import LABEL_BYTES
from byleave.evidence.disclosed import Order, Statement, check_signature, signed_bytes
from byleave.evidence.entry import (
    AcknowledgementEntry,
    DeliveryEntry,
    RecallEntry,
    parse_entry,
)
from byleave.evidence.proof_file import encode_proof_file
from byleave.evidence.proof_kinds import AcknowledgementFile
from byleave.ids import Digest, LedgerIndex, format_instant, from_us, parse_digest, to_us
from byleave.policy.scope import Use
from byleave.service.house import House
from byleave.service.open_orders import answers_of, recalls_of
from byleave.service.parcel import (
    KEYS,
    Parcel,
    chain_of,
    key_of,
    parcel_of,
    row_map,
    sealed_file,
    withdraw_parcel,
)
from byleave.service.snapshot import open_snapshot

__all__ = [
    "acknowledgement_proof",
    "history",
    "listing",
    "outbox_file",
    "recall_package",
    "recall_rows",
    "status",
    "take",
]

_SEALED: Final = ".age"
_ORDER: Final = ".order"
Document = dict[str, Any]


def recall_package(house: House, name: str, *, days: int | None = None) -> bool:
    """Call back every row of one package that was not recalled yet; False: there is none.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    _, document = _disclosure(house, name)
    alive = open_snapshot(house, document["snapshot"]).alive
    left = np.setdiff1d(alive, np.array(document["recalled_rows"], np.int64))
    return recall_rows(house, name, left.tolist(), days)


def take(house: House, data: bytes) -> Document:
    """Take what a recipient sent: that it holds a package, or its answer to a recall.

    Taking the same again changes nothing.

    Raises:
        InputError: `disclosure.wrong-package`, it is about no package or recall of this platform.
        EvidenceError: `disclosure.package`, `disclosure.signature`, `disclosure.roots`.
        RefusedError: `disclosure.denied`.
        ConflictError: `disclosure.order`.
    """
    letter = parse_letter(data)
    if isinstance(letter, Delivery):
        return _take_delivery(house, letter)
    if isinstance(letter, Answer):
        return _take_answer(house, letter, data)
    raise EvidenceError("an order is not for the platform", code="disclosure.package")


def history(house: House, name: str) -> History:
    """Return one disclosure with everything that followed it.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    index, document = _disclosure(house, name)
    found = house.ledger.object("disclosure", name)
    offered = from_us(found[1]) if found else house.now()
    delivered = document.get("delivered_at")
    use = document["use"].split("/")
    disclosure = Disclosure(
        id=name,
        index=LedgerIndex(index),
        recipient=document["recipient"],
        snapshot=LedgerIndex(0),
        use=Use(purpose=use[0], category=use[1], recipient=use[2]),
        terms=digest_of({}),
        offered_at=offered,
        delivered_at=None if delivered is None else from_us(delivered),
    )
    recalls, answers = [], []
    for at, key, us, order in recalls_of(house, document, name):
        if order.get("withheld"):
            continue
        recalls.append(
            Recall(
                disclosure=LedgerIndex(index),
                index=LedgerIndex(at),
                order=Digest(bytes.fromhex(order["order"])),
                at=from_us(us),
                deadline_days=order["days"],
                records=len(order["rows"]),
            )
        )
        answered = house.ledger.object("acknowledgement", key)
        if answered is not None:
            said = answered[2]
            answers.append(
                Acknowledgement(
                    disclosure=LedgerIndex(index),
                    recall=LedgerIndex(at),
                    order=Digest(bytes.fromhex(order["order"])),
                    recipient=document["recipient"],
                    at=from_us(answered[1]),
                    deleted=said["deleted"],
                    before=parse_digest(said["before"]),
                    after=parse_digest(said["after"]),
                )
            )
    return History(disclosure, tuple(recalls), tuple(answers))


def status(house: House) -> list[Document]:
    """Return where every disclosure stands: its state, what is recalled, until when it is due."""
    now = house.now()
    result = []
    for index, name, _, document in house.ledger.objects("disclosure"):
        past = history(house, name)
        waiting = past.open_at(now)
        parcel = parcel_of(house, name)
        withheld = parcel is None and bool(document["recalls"])
        due = min((recall.due_at for recall in waiting), default=None)
        result.append(
            {
                "disclosure": name,
                "recipient": document["recipient"],
                "index": index,
                "rows": document["rows"],
                "recalled_rows": len(document["recalled_rows"]),
                "state": "withheld" if withheld else str(state_at(past, now)),
                "registered": key_of(house, document["recipient"]) is not None,
                "made_up": parcel is not None,
                "recalls": len(past.recalls),
                "acknowledged": len(past.answers),
                "due": None if due is None else format_instant(due),
                "onward": sum(
                    len(answer.get("onward", [])) for _, answer in answers_of(house, document, name)
                ),
            }
        )
    return result


def listing(house: House, recipient: str) -> Document:
    """Return what lies there for a recipient: packages to fetch, orders to obey."""
    packages, orders = [], []
    for _, name, _, document in house.ledger.objects("disclosure"):
        parcel = parcel_of(house, name) if document["recipient"] == recipient else None
        if parcel is None:
            continue
        expires = parcel.header.terms.expires
        expired = expires is not None and house.now() >= expires
        if not document["recalls"] and "sha256" in parcel.document and not expired:
            packages.append(
                {
                    "name": f"{parcel.id}{_SEALED}",
                    "bytes": parcel.document["bytes"],
                    "sha256": parcel.document["sha256"],
                }
            )
        for _, key, _, order in recalls_of(house, document, name):
            if order["state"] != "acknowledged" and not order.get("withheld"):
                orders.append({"name": f"{key}{_ORDER}"})
    return {
        "format": "byleave-outbox/v1",
        "origin": house.log.origin,
        "recipient": recipient,
        "packages": packages,
        "orders": orders,
    }


def outbox_file(
    house: House, recipient: str, name: str, *, checked: bool = True
) -> Path | bytes | None:
    """Return one file that lies there for a recipient; None: there is none of this name.

    A package is a file on the disk, to be sent as a stream; an order is its bytes.

    Args:
        house: The workspace's ports.
        recipient: For whom.
        name: Its name in the list.
        checked: Hash the package first; without it a changed one is found by its recipient, who
            compares the digest that was listed.
    """
    lies = listing(house, recipient)
    if any(item["name"] == name for item in lies["packages"]):
        for _, disclosure, _, document in house.ledger.objects("disclosure"):
            parcel = parcel_of(house, disclosure) if document["recipient"] == recipient else None
            if parcel is not None and f"{parcel.id}{_SEALED}" == name:
                return sealed_file(house, parcel, checked=checked)
    if any(item["name"] == name for item in lies["orders"]):
        return _order_file(house, name.removesuffix(_ORDER)).encode()
    return None


def acknowledgement_proof(house: House, name: str) -> bytes:
    """Return the proof of one answer, by the name of its recall.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    found = house.ledger.object("acknowledgement", name)
    recall = house.ledger.object("recall", name)
    if found is None or recall is None:
        raise InputError(f"no answer to {name!r}", code="workspace.unknown-object")
    answer = _answer(found[2])
    entry = parse_entry(house.ledger.read(found[0], found[0] + 1)[0], AcknowledgementEntry)
    earlier, at = [], entry.previous
    while at is not None:
        logged = house.log.logged(at)
        earlier.append(logged)
        at = parse_entry(logged.entry, AcknowledgementEntry).previous
    parcel = _parcel(house, recall[2])
    disclosed, _ = _disclosure(house, recall[2]["disclosure"])
    return encode_proof_file(
        AcknowledgementFile(
            disclosure=house.log.logged(disclosed),
            package=house.log.logged(parcel.index),
            key=house.log.logged(entry.key),
            recall=house.log.logged(recall[0]),
            acknowledgement=house.log.logged(found[0]),
            order=Order.read(recall[2]["document"]),
            statement=answer.statement,
            signature=answer.signature,
            proof=answer.proof,
            earlier=tuple(earlier),
        )
    )


# --- ordering ------------------------------------------------------------------------------------


def recall_rows(house: House, name: str, positions: Sequence[int], days: int | None = None) -> bool:
    """Call rows of one package back; what was recalled already is left out.

    Args:
        house: The workspace's ports.
        name: Id of the disclosure.
        positions: Positions of the rows in its snapshot.
        days: Days to answer; None: as the package's terms say.

    Returns:
        Whether anything was left to recall.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    index, document = _disclosure(house, name)
    already = set(document["recalled_rows"])
    fresh = sorted(set(positions) - already)
    if not fresh:
        return False
    parcel = parcel_of(house, name)
    now = house.now()
    until = days if days is not None else _days(document)
    if parcel is None:  # nothing went out: the rows only must not be offered again
        parts: list[tuple[tuple[bytes, ...], list[int]]] = [((), fresh)]
    else:
        advance(state_at(history(house, name), now), DisclosureEvent.RECALL)
        key = bytes.fromhex(document["secret"])
        labels = [label[:LABEL_BYTES] for label in row_labels(key, fresh).to_pylist()]
        row_of = dict(zip(labels, fresh, strict=True))
        parts = [(part, [row_of[label] for label in part]) for part in batches(labels)]
    with house.ledger.writing() as writer:
        indexes: list[int] = []
        for part, rows in parts:
            number = len(document["recalls"]) + len(indexes) + 1
            made = _order_document(parcel, part, number=number, at=now, days=until)
            digest = digest_of(made or {"disclosure": name, "recall": number})
            at = writer.log(RecallEntry(disclosure=index, order=digest).encode())
            recalled: Document = {
                "disclosure": name,
                "recall": number,
                "rows": sorted(rows),
                "days": until,
                "at": format_instant(now),
                "order": digest.hex(),
                "state": "recalled",
            }
            if made and parcel is not None:
                recalled |= {
                    "document": made,
                    "parcel": parcel.id,
                    "signature": house.signer.sign(signed_bytes(made)).hex(),
                }
            else:
                recalled["withheld"] = True
            writer.add_object(
                "recall", f"{name}-recall-{number}", index=at, at_us=to_us(now), document=recalled
            )
            indexes.append(at)
        writer.replace_object(
            "disclosure",
            name,
            {
                **document,
                "state": "recalled",
                "recalls": [*document["recalls"], *indexes],
                "recalled_rows": sorted(already | set(fresh)),
            },
        )
    if parcel is not None:
        withdraw_parcel(house, parcel)
    return True


def _order_document(
    parcel: Parcel | None, labels: tuple[bytes, ...], *, number: int, at: datetime, days: int
) -> Mapping[str, Any] | None:
    if parcel is None:
        return None
    order = Order(
        package=parcel.header.digest,
        number=number,
        labels=labels,
        at=at,
        due=at + timedelta(days=days),
    )
    return order.document()


def _order_file(house: House, recall: str) -> OrderFile:
    found = house.ledger.object("recall", recall)
    if found is None:
        raise InputError(f"no recall {recall!r}", code="workspace.unknown-object")
    index, _, document = found
    return OrderFile(
        order=Order.read(document["document"]),
        signature=bytes.fromhex(document["signature"]),
        chain=chain_of(house, _parcel(house, document)),
        recall=house.log.logged(index),
    )


# --- taking --------------------------------------------------------------------------------------


def _take_delivery(house: House, said: Delivery) -> Document:
    named = said.package.hex()
    found = [row for row in house.ledger.objects("parcel") if row[3]["digest"] == named]
    if not found:
        raise InputError("it is about no package of ours", code="disclosure.wrong-package")
    _, key, _, document = found[0]
    name = document["disclosure"]
    parcel = _parcel(house, {"disclosure": name, "parcel": key})
    header = parcel.header
    check_signature(said.document(), said.signature, header.key)
    if (said.recipient, said.root, said.rows) != (header.recipient, header.root, header.rows):
        raise InputError(
            "the delivery is not of the package that was handed over",
            code="disclosure.wrong-package",
        )
    _, disclosed = _disclosure(house, name)
    result: Document = {"what": "delivery", "disclosure": name, "recipient": header.recipient}
    if disclosed.get("delivered_at") is not None:
        return {**result, "again": True}
    now = house.now()
    after = advance(state_at(history(house, name), now), DisclosureEvent.DELIVER)
    with house.ledger.writing() as writer:
        entry = DeliveryEntry(package=parcel.index, receipt=digest_of(said.document()))
        index = writer.log(entry.encode())
        writer.add_object(
            "delivery",
            key,
            index=index,
            at_us=to_us(now),
            document={
                "disclosure": name,
                "delivery": said.document(),
                "signature": said.signature.hex(),
            },
        )
        laid = {**disclosed, "state": str(after), "delivered_at": to_us(now)}
        writer.replace_object("disclosure", name, laid)
    return {**result, "index": index, "again": False}


def _take_answer(house: House, answer: Answer, data: bytes) -> Document:
    name, recall_index, recall = _recall_of(house, answer.statement)
    parcel = _parcel(house, recall)
    order = Order.read(recall["document"])
    check_answer(answer, order, parcel.header)
    _check_keys(house, answer)
    said = answer.statement
    result: Document = {
        "what": "acknowledgement",
        "disclosure": recall["disclosure"],
        "recall": name,
        "recipient": said.recipient,
        "deleted": said.deleted,
        "onward": len(said.onward),
    }
    known = house.ledger.object("acknowledgement", name)
    if known is not None:
        if known[2]["statement"] == said.digest.hex():
            return {**result, "index": known[0], "again": True}
        raise ConflictError("the recall is answered already", code="disclosure.order")
    if not said.held and house.ledger.object("delivery", parcel.id) is not None:
        raise RefusedError(
            f"{said.recipient} signed that it holds {recall['disclosure']}, and now denies it",
            code="disclosure.denied",
        )
    previous, before = _last_answer(house, recall["disclosure"], parcel)
    _check_roots(house, parcel, recall, answer, before)
    entry = AcknowledgementEntry(
        recall=recall_index,
        key=_key_index(house, said.recipient, said.key),
        previous=previous,
        before=said.before,
        after=said.after,
        deleted=said.deleted,
        statement=said.digest,
    )
    _, disclosed = _disclosure(house, recall["disclosure"])
    now = house.now()
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object(
            "acknowledgement",
            name,
            index=index,
            at_us=to_us(now),
            document={
                "disclosure": recall["disclosure"],
                "statement": said.digest.hex(),
                "deleted": said.deleted,
                "before": said.before.hex(),
                "after": said.after.hex(),
                "onward": [item.link.header.recipient for item in answer.onward],
                "answer": data.decode(),
            },
        )
        writer.replace_object("recall", name, {**recall, "state": "acknowledged"})
        left = [
            key
            for _, key, _, other in recalls_of(house, disclosed, recall["disclosure"])
            if key != name and other["state"] != "acknowledged"
        ]
        if not left:
            writer.replace_object(
                "disclosure", recall["disclosure"], {**disclosed, "state": "acknowledged"}
            )
    return {**result, "index": index, "again": False}


def _check_roots(
    house: House, parcel: Parcel, recall: Document, answer: Answer, before: bytes
) -> None:
    """Compare the roots with those of the rows handed over, less what was answered for so far."""
    said = answer.statement
    if said.before != before:
        raise EvidenceError(
            "the answer does not begin where the last one ended",
            code="disclosure.roots",
            hint="answer the recalls in the order in which they were sent",
        )
    if not said.held:
        return
    _, disclosed = _disclosure(house, recall["disclosure"])
    gone = [
        bytes.fromhex(label)
        for _, _, _, other in recalls_of(house, disclosed, recall["disclosure"])
        if other["recall"] == recall["recall"] or other["state"] == "acknowledged"
        for label in other["document"]["labels"]
    ]
    after = row_map(house, parcel).less(gone)
    if after.root != said.after:
        raise EvidenceError(
            "the rows left are not those handed over less the recalled ones",
            code="disclosure.roots",
        )


def _check_keys(house: House, answer: Answer) -> None:
    """Refuse an answer of somebody further down whose key was never registered here."""
    for item in answer.onward:
        _key_index(house, item.link.header.recipient, item.link.header.key)
        _check_keys(house, item.answer)


def _key_index(house: House, recipient: str, key: bytes) -> int:
    for index, _, _, document in reversed(house.ledger.objects(KEYS)):
        if (document["recipient"], document["card"]["key"]) == (recipient, key.hex()):
            return int(index)
    raise RefusedError(f"{recipient} has not registered this key", code="disclosure.unregistered")


def _last_answer(house: House, name: str, parcel: Parcel) -> tuple[int | None, bytes]:
    answers = answers_of(house, _disclosure(house, name)[1], name)
    if not answers:
        return None, parcel.header.root
    index, document = max(answers, key=lambda row: row[0])
    return index, bytes.fromhex(document["after"])


def _recall_of(house: House, said: Statement) -> tuple[str, int, Document]:
    for _, disclosure, _, offered in house.ledger.objects("disclosure"):
        if offered["recipient"] != said.recipient:
            continue
        for index, name, _, document in recalls_of(house, offered, disclosure):
            if document.get("order") == said.order.hex() and not document.get("withheld"):
                return name, index, document
    raise InputError(
        "the acknowledgement answers no recall of ours", code="disclosure.wrong-package"
    )


def _answer(document: Document) -> Answer:
    letter = parse_letter(document["answer"].encode())
    if not isinstance(letter, Answer):
        raise EvidenceError("an answer is damaged", code="workspace.damaged")
    return letter


def _parcel(house: House, recall: Document) -> Parcel:
    parcel = parcel_of(house, recall["disclosure"])
    if parcel is None or parcel.id != recall["parcel"]:
        raise EvidenceError("a package is gone", code="workspace.damaged")
    return parcel


def _disclosure(house: House, name: str) -> tuple[int, Document]:
    found = house.ledger.object("disclosure", name)
    if found is None:
        raise InputError(f"no disclosure {name!r}", code="workspace.unknown-object")
    return found[0], found[2]


def _days(document: Document) -> int:
    return Terms.decode(document["terms"].encode()).recall_days
