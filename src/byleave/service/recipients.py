"""Dated facts about recipients, logged; and what a disclosure amounts to under them."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from byleave.errors import RefusedError
from byleave.evidence.entry import RulesetEntry
from byleave.gate.result import GatedTable
from byleave.ids import to_us
from byleave.policy.recipient import Recipients, effective_uses, parse_recipients
from byleave.policy.scope import Scope
from byleave.service.gate import compile_for, kept_rows
from byleave.service.house import House
from byleave.service.source import Source

__all__ = ["recipients_in_force", "record_recipients", "require_permitted"]

KIND = "recipients"


def record_recipients(house: House, text: str, *, name: str) -> int:
    """Put a recipients file in force, logged; return its log index.

    Facts are dated in the file itself: a later file replaces the whole of an earlier one.

    Raises:
        InputError: Codes of `parse_recipients`.
    """
    book = parse_recipients(text, name=name, taxonomy=house.taxonomy)
    number = len(house.ledger.objects(KIND)) + 1
    entry = RulesetEntry(ruleset=f"recipients {book.version}", sha256=book.digest)
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object(
            KIND,
            f"recipients-{number}",
            index=index,
            at_us=to_us(house.now()),
            document={"version": book.version, "sha256": book.digest.hex(), "text": text},
        )
    return index


def recipients_in_force(house: House) -> Recipients | None:
    """Return the facts recorded last, or None where none were ever recorded."""
    held = house.ledger.objects(KIND)
    if not held:
        return None
    return parse_recipients(held[-1][3]["text"], name=KIND, taxonomy=house.taxonomy)


def require_permitted(
    house: House, source: Source, scope: Scope, *, at: datetime, kept: GatedTable | None = None
) -> None:
    """Refuse a disclosure whose recipient's contract permits more than the members allow.

    Where no recipients were ever recorded, nothing is known beyond the terms of the package and
    nothing is refused here.

    Args:
        house: The workspace's ports.
        source: Whose rows are offered.
        scope: The declared use; its category may be a group.
        at: Instant of the offer.
        kept: The rows that the gate let through for the declared use; None: only check who the
            recipient is and what its contract says.

    Raises:
        RefusedError: `disclosure.no-contract`, `disclosure.not-affiliate`,
            `disclosure.passes-on`, `disclosure.counts-as-training`.
    """
    book = recipients_in_force(house)
    if book is None:
        return
    uses = {
        effective
        for leaf in house.taxonomy.expand(scope)
        for effective in effective_uses(leaf, book, at, taxonomy=house.taxonomy)
    }
    beyond = sorted(
        {(use.purpose, use.recipient) for use in uses} - {(scope.purpose, scope.recipient)}
    )
    if kept is None:
        return
    for purpose, recipient in beyond:
        wider = Scope(purpose=purpose, category=scope.category, recipient=recipient)
        allowed = kept_rows(house, source, compile_for(house, source, str(wider), at=at))
        short = int(np.setdiff1d(kept.rows, allowed, assume_unique=True).size)
        if short:
            raise RefusedError(
                f"{scope.recipient}'s contract amounts to {wider}, which {short:,} of"
                f" {kept.record.kept:,} records are not allowed for",
                code="disclosure.counts-as-training",
                hint="change the contract, or ask the members",
            )
