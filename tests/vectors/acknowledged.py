"""Answers of a recipient to two recalls, in a log of their own: the same each time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from byleave.disclosure.row_map import ROW_LABEL, RowMap, row_labels
from byleave.evidence.delta_proof import DeltaProof
from byleave.evidence.disclosed import Order, Statement, signed_bytes
from byleave.evidence.entry import (
    AcknowledgementEntry,
    DisclosureEntry,
    PackageEntry,
    RecallEntry,
    RecipientKeyEntry,
)
from byleave.evidence.proof_kinds import AcknowledgementFile
from byleave.note.keys import SignerKey
from tests.vectors.world import derive, seal

__all__ = ["acknowledged"]

RECIPIENT = "provider.host"
KEY = SignerKey(name=RECIPIENT, seed=derive("recipient key"))
ORDERED = datetime(2024, 10, 1, tzinfo=UTC)


def acknowledged() -> dict[str, tuple[str, AcknowledgementFile]]:
    """Return proof files by name, each with `accept` or the code it is refused with."""
    first, second = _answers()
    said = first.statement
    signature = KEY.sign(signed_bytes(replace(said, deleted=2).document()))
    (change, *rest) = second.proof.changes
    return {
        "acknowledgement": ("accept", first),
        "acknowledgement-second": ("accept", second),
        "acknowledgement-of-another-recall": (
            "verify.wrong-entry",
            replace(first, order=second.order, statement=second.statement),
        ),
        "acknowledgement-unsigned": ("disclosure.signature", replace(first, signature=bytes(64))),
        "acknowledgement-another-count": (
            "verify.wrong-entry",
            replace(first, statement=replace(said, deleted=2), signature=signature),
        ),
        "acknowledgement-another-bucket": (
            "map.root-mismatch",
            replace(
                second,
                proof=replace(
                    second.proof, changes=(replace(change, new_inner=derive("inner")), *rest)
                ),
            ),
        ),
        "acknowledgement-without-the-first": ("disclosure.roots", replace(second, earlier=())),
        "acknowledgement-twice-the-first": (
            "verify.wrong-entry",
            replace(second, earlier=(second.earlier[0], second.earlier[0])),
        ),
        "acknowledgement-no-change": (
            "map.root-mismatch",
            replace(first, proof=DeltaProof(changes=(), siblings=first.proof.siblings[:0])),
        ),
    }


def _answers() -> tuple[AcknowledgementFile, AcknowledgementFile]:
    rows = 12
    labels = row_labels(derive("package key"), range(rows))
    texts = [f"text {row}" for row in range(rows)]
    table = pa.table({ROW_LABEL: labels, "text": texts})
    whole = RowMap.of(table)
    public = sorted(label[:16] for label in labels.to_pylist())
    entries: list[bytes] = [
        RecipientKeyEntry(
            recipient=RECIPIENT, key=KEY.verifier.public, card=derive("card")
        ).encode(),
        DisclosureEntry(
            disclosure="package-1",
            recipient=RECIPIENT,
            snapshot=0,
            use="train.generative.replies/messages.inmail/provider.host",
            terms=derive("terms"),
        ).encode(),
        PackageEntry(
            disclosure=1,
            key=0,
            k=whole.k,
            root=whole.root,
            rows=rows,
            header=derive("header"),
            signer=derive("signer"),
        ).encode(),
    ]
    files: list[dict[str, Any]] = []
    current = whole
    for number, taken in enumerate((public[:3], public[5:7]), start=1):
        order = Order(
            package=derive("header"),
            number=number,
            labels=tuple(taken),
            at=ORDERED,
            due=ORDERED + timedelta(days=13),
        )
        after, proof = current.without(order.labels)
        said = Statement(
            package=derive("header"),
            order=order.digest,
            recipient=RECIPIENT,
            key=KEY.verifier.public,
            held=True,
            deleted=len(taken),
            k=whole.k,
            before=current.root,
            after=after.root,
            at=ORDERED + timedelta(days=number),
        )
        entries.append(RecallEntry(disclosure=1, order=order.digest).encode())
        entries.append(
            AcknowledgementEntry(
                recall=len(entries) - 1,
                key=0,
                previous=None if number == 1 else len(entries) - 2,
                before=said.before,
                after=said.after,
                deleted=said.deleted,
                statement=said.digest,
            ).encode()
        )
        files.append(
            {
                "order": order,
                "statement": said,
                "signature": KEY.sign(signed_bytes(said.document())),
                "proof": proof,
                "at": len(entries) - 1,
            }
        )
        current = after
    reader = seal(entries)
    made = []
    for number, file in enumerate(files):
        at = file.pop("at")
        made.append(
            AcknowledgementFile(
                disclosure=reader.logged(1),
                package=reader.logged(2),
                key=reader.logged(0),
                recall=reader.logged(at - 1),
                acknowledgement=reader.logged(at),
                earlier=() if number == 0 else (reader.logged(4),),
                **file,
            )
        )
    return made[0], made[1]
