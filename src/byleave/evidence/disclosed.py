"""What a platform and a recipient sign about a package: header, order, delivery, answer.

Each is canonical JSON, signed (Ed25519) over DSSE's encoding with a type of its own, so that no
signature of one can pass for another's:

    header           byleave-package/v1          by who hands over
    order            byleave-recall/v1           by who hands over
    delivery         byleave-delivery/v1         by the recipient
    statement        byleave-acknowledgement/v1  by the recipient

    statement {"format","package","order","recipient","key","held","deleted","k","before","after",
               "at","onward":[...]}

`package` is the digest of the header, `order` that of the order, `onward` the digests of the
statements of those it had handed the rows on to. Field by field: docs/spec/disclosure.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from byleave import canonical
from byleave.errors import EvidenceError
from byleave.evidence.bucket import LABEL_BYTES
from byleave.evidence.delta_proof import DeltaProof, DeltaShown, verify_delta
from byleave.evidence.fields import (
    COUNT,
    DIGEST,
    FLAG,
    INSTANT,
    TEXT,
    array,
    exactly,
    hexadecimal,
)

__all__ = [
    "MAX_LABELS",
    "Order",
    "Statement",
    "check_deletion",
    "check_signature",
    "signed_bytes",
]

MAX_LABELS: Final = 10_000
"""Rows in one order: what its answer proves fits into a proof file."""
MAX_ONWARD: Final = 1_000
_LABEL: Final = hexadecimal(LABEL_BYTES)
_ORDER_FIELDS: Final = frozenset("format package number labels at due parent".split())
_STATEMENT_FIELDS: Final = frozenset(
    "format package order recipient key held deleted k before after at onward".split()
)


def signed_bytes(document: Mapping[str, Any]) -> bytes:
    """Return what is signed: DSSE's encoding of the document's format as type, and its bytes."""
    name = str(document["format"]).partition("/")[0].removeprefix("byleave-")
    kind = f"application/vnd.byleave.{name}+json".encode()
    data = canonical.encode(document)
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(data), data)


def check_signature(document: Mapping[str, Any], signature: bytes, key: bytes) -> None:
    """Check that a key signed a document.

    Raises:
        EvidenceError: `disclosure.signature`.
    """
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed_bytes(document))
    except (InvalidSignature, ValueError):
        raise EvidenceError(
            "a document is not signed by the key that it has to be", code="disclosure.signature"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The order of one recall.

    Attributes:
        package: Digest of the package's header.
        number: Counts the orders about a package, from 1.
        labels: Public labels of the rows to delete, 16 bytes each, ascending.
        at: When it was ordered.
        due: From when on an answer is late.
        parent: Digest of the order it passes on; None: the platform's own.
    """

    FORMAT = "byleave-recall/v1"

    package: bytes
    number: int
    labels: tuple[bytes, ...]
    at: datetime
    due: datetime
    parent: bytes | None = None

    def document(self) -> dict[str, canonical.Json]:
        """Return the document that is signed."""
        return {
            "format": self.FORMAT,
            "package": self.package.hex(),
            "number": self.number,
            "labels": [label.hex() for label in self.labels],
            "at": INSTANT.write(self.at),
            "due": INSTANT.write(self.due),
            "parent": None if self.parent is None else self.parent.hex(),
        }

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes; the log entry `recall/v1` holds it."""
        return canonical.digest_of(self.document())

    @classmethod
    def read(cls, value: object) -> Order:
        """Read the document.

        Raises:
            EvidenceError: `disclosure.package`, not exactly an order, or its labels do not ascend.
        """
        try:
            document = exactly(value, _ORDER_FIELDS)
            if document["format"] != cls.FORMAT:
                raise ValueError
            labels = tuple(_LABEL.read(item) for item in array(document["labels"], MAX_LABELS))
            parent = document["parent"]
            order = cls(
                package=DIGEST.read(document["package"]),
                number=COUNT.read(document["number"]),
                labels=labels,
                at=INSTANT.read(document["at"]),
                due=INSTANT.read(document["due"]),
                parent=None if parent is None else DIGEST.read(parent),
            )
            if not labels or any(a >= b for a, b in pairwise(labels)):
                raise ValueError
        except ValueError:
            raise EvidenceError("not an order of a recall", code="disclosure.package") from None
        return order


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a recipient states when it has obeyed an order.

    Attributes:
        package: Digest of the package's header.
        order: Digest of the order.
        recipient: Who states it.
        key: The key it signs with.
        held: Whether it ever held the package; if not, it deleted nothing.
        deleted: How many rows it deleted.
        k: Its map of rows has 2**k buckets.
        before: Root over its rows before.
        after: Root over its rows after.
        at: When it had deleted them.
        onward: Digests of the statements of its own recipients, for the orders it passed on.
    """

    FORMAT = "byleave-acknowledgement/v1"

    package: bytes
    order: bytes
    recipient: str
    key: bytes
    held: bool
    deleted: int
    k: int
    before: bytes
    after: bytes
    at: datetime
    onward: tuple[bytes, ...] = ()

    def document(self) -> dict[str, canonical.Json]:
        """Return the document that is signed."""
        return {
            "format": self.FORMAT,
            "package": self.package.hex(),
            "order": self.order.hex(),
            "recipient": self.recipient,
            "key": self.key.hex(),
            "held": self.held,
            "deleted": self.deleted,
            "k": self.k,
            "before": self.before.hex(),
            "after": self.after.hex(),
            "at": INSTANT.write(self.at),
            "onward": [item.hex() for item in self.onward],
        }

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes; the log entry `acknowledgement/v1` holds it."""
        return canonical.digest_of(self.document())

    @classmethod
    def read(cls, value: object) -> Statement:
        """Read the document.

        Raises:
            EvidenceError: `disclosure.package`, not exactly such a statement.
        """
        try:
            document = exactly(value, _STATEMENT_FIELDS)
            if document["format"] != cls.FORMAT:
                raise ValueError
            return cls(
                package=DIGEST.read(document["package"]),
                order=DIGEST.read(document["order"]),
                recipient=TEXT.read(document["recipient"]),
                key=DIGEST.read(document["key"]),
                held=FLAG.read(document["held"]),
                deleted=COUNT.read(document["deleted"]),
                k=COUNT.read(document["k"]),
                before=DIGEST.read(document["before"]),
                after=DIGEST.read(document["after"]),
                at=INSTANT.read(document["at"]),
                onward=tuple(DIGEST.read(i) for i in array(document["onward"], MAX_ONWARD)),
            )
        except ValueError:
            raise EvidenceError("not an acknowledgement", code="disclosure.package") from None


def check_deletion(statement: Statement, order: Order, proof: DeltaProof) -> DeltaShown:
    """Check that the two roots differ by exactly the rows of the order, and by nothing else.

    A recipient that never held the package states equal roots and shows no change.

    Raises:
        EvidenceError: `disclosure.roots`, other rows left, or came, than the order names;
            a code of `verify_delta`.
    """
    shown = verify_delta(proof, k=statement.k, old_root=statement.before, new_root=statement.after)
    wanted = order.labels if statement.held else ()
    if shown.removed != wanted or shown.added or statement.deleted != len(wanted):
        raise EvidenceError(
            "what changed between the two roots is not what the order names",
            code="disclosure.roots",
        )
    if any(change.old_inner == change.new_inner for change in proof.changes):
        raise EvidenceError("a bucket lost a row and its hash stayed", code="disclosure.roots")
    return shown
