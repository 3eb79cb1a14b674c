"""What passes between the two sides as files: orders one way, deliveries and answers the other.

    order file      {"format":"byleave-order/v1","order":{...},"signature":HEX64,"chain":{...},
                     "recall":LOGGED or null}
    delivery file   {"format":"byleave-receipt-of-package/v1","delivery":{...},"signature":HEX64}
    answer file     {"format":"byleave-answer/v1","statement":{...},"signature":HEX64,"map":{...},
                     "onward":[{"order":{...},"signature":HEX64,"link":{...},"answer":{...}}]}

An order of the platform comes with the log's entry of it; an order passed on is signed by the
key of the hand that passes it on. An answer carries those of the recipient's own recipients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from byleave import canonical
from byleave.disclosure.parcel import MAX_LINKS, Chain, Header, Link, read_link
from byleave.errors import EvidenceError, InputError
from byleave.evidence.delta_proof import DeltaProof, parse_delta, write_delta
from byleave.evidence.disclosed import (
    MAX_LABELS,
    Order,
    Statement,
    check_deletion,
    check_signature,
)
from byleave.evidence.entry import PackageEntry, RecallEntry, parse_entry
from byleave.evidence.fields import COUNT, DIGEST, INSTANT, TEXT, array, exactly, hexadecimal
from byleave.evidence.log_proof import LoggedEntry
from byleave.note.trust import Trust

__all__ = [
    "Answer",
    "Delivery",
    "Onward",
    "OrderFile",
    "batches",
    "check_answer",
    "check_order",
    "parse_letter",
    "unsigned_answer",
]

MAX_LETTER_BYTES: Final = 64 << 20
MAX_ONWARD: Final = 1_000
_SIGNATURE: Final = hexadecimal(64)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFile:
    """An order with what shows that it is one.

    Attributes:
        order: The order.
        signature: Over the order, by who handed the package over.
        chain: The package it is about.
        recall: The log's entry of it; None: passed on.
    """

    order: Order
    signature: bytes
    chain: Chain
    recall: LoggedEntry | None

    FORMAT = "byleave-order/v1"

    def encode(self) -> bytes:
        """Return the file's bytes."""
        return canonical.encode(
            {
                "format": self.FORMAT,
                "order": self.order.document(),
                "signature": self.signature.hex(),
                "chain": self.chain.document(),
                "recall": None if self.recall is None else self.recall.to_dict(),
            }
        )

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> OrderFile:
        """Read the file's document; nothing is verified.

        Raises:
            ValueError: It is none.
            EvidenceError: `disclosure.package`, or another code of a part.
        """
        exactly(document, frozenset({"format", "order", "signature", "chain", "recall"}))
        logged = document["recall"]
        return cls(
            order=Order.read(document["order"]),
            signature=_SIGNATURE.read(document["signature"]),
            chain=Chain.read(document["chain"]),
            recall=None if logged is None else LoggedEntry.read(logged),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A recipient says that it holds a package whole.

    Attributes:
        package: Digest of the header.
        recipient: Who says it.
        root: Root over the rows it holds.
        rows: How many.
        at: When it opened it.
        signature: By the recipient's key.
    """

    package: bytes
    recipient: str
    root: bytes
    rows: int
    at: datetime
    signature: bytes = b""

    FORMAT = "byleave-receipt-of-package/v1"
    SIGNED = "byleave-delivery/v1"

    def document(self) -> dict[str, canonical.Json]:
        """Return the document that is signed."""
        return {
            "format": self.SIGNED,
            "package": self.package.hex(),
            "recipient": self.recipient,
            "root": self.root.hex(),
            "rows": self.rows,
            "at": INSTANT.write(self.at),
        }

    def encode(self) -> bytes:
        """Return the file's bytes."""
        return canonical.encode(
            {
                "format": self.FORMAT,
                "delivery": self.document(),
                "signature": self.signature.hex(),
            }
        )

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Delivery:
        """Read the file's document; nothing is verified.

        Raises:
            ValueError: It is none.
        """
        exactly(document, frozenset({"format", "delivery", "signature"}))
        fields = frozenset({"format", "package", "recipient", "root", "rows", "at"})
        said = exactly(document["delivery"], fields)
        if said["format"] != cls.SIGNED:
            raise ValueError
        return cls(
            package=DIGEST.read(said["package"]),
            recipient=TEXT.read(said["recipient"]),
            root=DIGEST.read(said["root"]),
            rows=COUNT.read(said["rows"]),
            at=INSTANT.read(said["at"]),
            signature=_SIGNATURE.read(document["signature"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """An order that a recipient passed on to one of its own, and what that one answered."""

    order: Order
    signature: bytes
    link: Link
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a recipient sends back for one order.

    Attributes:
        statement: What it states.
        signature: By its key.
        proof: That exactly those rows left its map.
        onward: What its own recipients answered.
    """

    statement: Statement
    signature: bytes
    proof: DeltaProof = field(repr=False)
    onward: tuple[Onward, ...] = ()

    FORMAT = "byleave-answer/v1"

    def document(self) -> dict[str, canonical.Json]:
        """Return the file's document."""
        return {
            "format": self.FORMAT,
            "statement": self.statement.document(),
            "signature": self.signature.hex(),
            "map": write_delta(self.proof),
            "onward": [
                {
                    "order": item.order.document(),
                    "signature": item.signature.hex(),
                    "link": item.link.document(),
                    "answer": item.answer.document(),
                }
                for item in self.onward
            ],
        }

    def encode(self) -> bytes:
        """Return the file's bytes."""
        return canonical.encode(self.document())

    @classmethod
    def read(cls, document: Mapping[str, Any], *, depth: int = 0) -> Answer:
        """Read the file's document; nothing is verified.

        Raises:
            ValueError: It is none.
            EvidenceError: `disclosure.package`, or another code of a part.
        """
        exactly(document, frozenset({"format", "statement", "signature", "map", "onward"}))
        if document["format"] != cls.FORMAT or depth > MAX_LINKS:
            raise ValueError
        onward = []
        for item in array(document["onward"], MAX_ONWARD):
            exactly(item, frozenset({"order", "signature", "link", "answer"}))
            onward.append(
                Onward(
                    order=Order.read(item["order"]),
                    signature=_SIGNATURE.read(item["signature"]),
                    link=read_link(item["link"]),
                    answer=cls.read(item["answer"], depth=depth + 1),
                )
            )
        return cls(
            statement=Statement.read(document["statement"]),
            signature=_SIGNATURE.read(document["signature"]),
            proof=parse_delta(document["map"]),
            onward=tuple(onward),
        )


def parse_letter(data: bytes) -> OrderFile | Delivery | Answer:
    """Read an order, a delivery or an answer; nothing is verified.

    Raises:
        EvidenceError: `disclosure.package`, none of them; another code of a part.
    """
    kinds: dict[str, Any] = {kind.FORMAT: kind for kind in (OrderFile, Delivery, Answer)}
    try:
        if len(data) > MAX_LETTER_BYTES:
            raise ValueError
        document = canonical.decode(data)
        if not isinstance(document, dict) or document.get("format") not in kinds:
            raise ValueError
        letter: OrderFile | Delivery | Answer = kinds[str(document["format"])].read(document)
    except (ValueError, InputError):
        raise EvidenceError(
            "neither an order, a delivery nor an answer", code="disclosure.package"
        ) from None
    return letter


def check_order(file: OrderFile, trust: Trust) -> Header:
    """Check that an order is of who handed the package over; return the package's header.

    The chain is checked by the caller (`parcel.check_chain`).

    Raises:
        EvidenceError: `disclosure.chain`, it is about another package, or not the logged one;
            `disclosure.signature`; a code of `LoggedEntry.verify`.
    """
    header = file.chain.last
    if file.order.package != header.digest:
        raise EvidenceError("the order is about another package", code="disclosure.chain")
    if len(file.chain.links) > 1:
        check_signature(file.order.document(), file.signature, file.chain.links[-2].header.key)
        return header
    if file.recall is None:
        raise EvidenceError("the log's entry of the order is missing", code="disclosure.chain")
    file.recall.verify(trust)
    recall = parse_entry(file.recall.entry, RecallEntry)
    named = (recall.disclosure, recall.order)
    if named != (file.chain.disclosure.proof.index, file.order.digest):
        raise EvidenceError("the log commits to another order", code="disclosure.chain")
    package = parse_entry(file.chain.package.entry, PackageEntry)
    check_signature(file.order.document(), file.signature, package.signer)
    return header


def check_answer(answer: Answer, order: Order, header: Header) -> None:
    """Check that an answer is this recipient's to this order, and its roots; onward ones too.

    Which rows were there before is checked where the rows are known.

    Raises:
        InputError: `disclosure.wrong-package`, it answers another package, order or recipient.
        EvidenceError: `disclosure.signature`, `disclosure.roots`; a code of `verify_delta`.
    """
    said = answer.statement
    wrong = {
        "package": said.package != header.digest or order.package != header.digest,
        "order": said.order != order.digest,
        "recipient": said.recipient != header.recipient,
        "key": said.key != header.key,
        "map": said.k != header.k,
        "count of rows": said.deleted != (len(order.labels) if said.held else 0),
    }
    for what, differs in wrong.items():
        if differs:
            raise InputError(
                f"the acknowledgement's {what} is not that of this recall",
                code="disclosure.wrong-package",
                where=what,
            )
    check_signature(said.document(), answer.signature, header.key)
    check_deletion(said, order, answer.proof)
    if tuple(item.answer.statement.digest for item in answer.onward) != said.onward:
        raise EvidenceError(
            "the answers of further recipients are not the ones it states",
            code="disclosure.chain",
        )
    for item in answer.onward:
        passed = item.link.header
        if passed.parent != header.digest or item.order.parent != order.digest:
            raise InputError(
                "an answer of a further recipient is not about this package",
                code="disclosure.wrong-package",
                where="onward",
            )
        check_signature(passed.document(), item.link.signature, header.key)
        check_signature(item.order.document(), item.signature, header.key)
        check_answer(item.answer, item.order, passed)


def unsigned_answer(
    header: Header,
    order: Order,
    *,
    at: datetime,
    change: tuple[bytes, bytes, DeltaProof] | None,
) -> Answer:
    """Return what a recipient is to sign for an order: its signature is 64 zero bytes.

    Args:
        header: The package's.
        order: What was obeyed.
        at: When.
        change: Roots before and after, and the proof; None: the package was never held.
    """
    before, after, proof = change or (header.root, header.root, DeltaProof(changes=(), siblings=()))
    statement = Statement(
        package=header.digest,
        order=order.digest,
        recipient=header.recipient,
        key=header.key,
        held=change is not None,
        deleted=0 if change is None else len(order.labels),
        k=header.k,
        before=before,
        after=after,
        at=at,
    )
    return Answer(statement=statement, signature=bytes(64), proof=proof)


def batches(labels: list[bytes]) -> list[tuple[bytes, ...]]:
    """Return labels in ascending order, in parts that an order can hold."""
    ordered = sorted(labels)
    return [
        tuple(ordered[start : start + MAX_LABELS]) for start in range(0, len(ordered), MAX_LABELS)
    ]
