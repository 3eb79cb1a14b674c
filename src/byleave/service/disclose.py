"""Offer a package to a recipient: its own gate, its own snapshot, its own terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from byleave.disclosure.terms import Terms
from byleave.errors import InputError, RefusedError
from byleave.evidence.entry import DisclosureEntry
from byleave.gate.result import GateRecord
from byleave.ids import LedgerIndex, parse_instant, to_us
from byleave.policy.recipient import require_standing
from byleave.policy.ruleset import PartyRule
from byleave.service.gate import compile_for, dry_run, run_gate
from byleave.service.house import House
from byleave.service.recipients import recipients_in_force, require_permitted
from byleave.service.snapshot import next_name, seal_gate
from byleave.service.source import open_source

__all__ = ["Offer", "offer", "shares_by_party_rule"]

RECALL_DAYS: Final = 13
SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A package offered.

    Attributes:
        disclosure: Its id.
        index: Its log index.
        snapshot: Its sealed snapshot.
        record: What the recipient's gate decided.
    """

    disclosure: str
    index: int
    snapshot: str
    record: GateRecord


def offer(
    house: House,
    source: str,
    use: str,
    *,
    name: str | None = None,
    recall_days: int = RECALL_DAYS,
    expires: datetime | None = None,
) -> Offer:
    """Gate a source for one recipient, seal what passed, offer it under terms.

    Args:
        house: The workspace's ports.
        source: Id of the source.
        use: PURPOSE/CATEGORY-OR-GROUP/RECIPIENT; the recipient is who gets the package.
        name: Id of the disclosure; default the next `package-N`.
        recall_days: Days to answer a recall.
        expires: From when on the package may not be used; None: until it is recalled.

    Raises:
        RefusedError: `disclosure.nothing-allowed`, no record may go to this recipient; the gate's
            record is logged all the same. `disclosure.no-contract`, `.not-affiliate`,
            `.passes-on`, `.counts-as-training`: what the recipient's contract permits
            (`policy.recipient`).
        InputError: `disclosure.to-oneself`, the recipient is the platform; `disclosure.terms`.
    """
    scope = house.taxonomy.scope(use)
    if scope.recipient == "platform":
        raise InputError("a package goes to somebody else", code="disclosure.to-oneself")
    require_permitted(house, open_source(house, source), scope, at=house.now())
    gate, _, gated = run_gate(house, source, use)
    if not gated.record.kept:
        raise RefusedError(
            f"no record may go to {scope.recipient} for {scope.purpose}",
            code="disclosure.nothing-allowed",
            hint=f"{gate} says why, row by row",
        )
    at = parse_instant(gated.record.at)
    require_permitted(house, open_source(house, source), scope, at=at, kept=gated)
    disclosure = name or next_name(house, "disclosure", "package")
    snapshot, snapshot_index, _ = seal_gate(
        house, gate, gated=gated, name=f"{disclosure}-set", kind="packages"
    )
    pass_on = _pass_on(house, scope.recipient, at)
    terms = Terms(
        disclosure=disclosure,
        recipient=scope.recipient,
        snapshot=LedgerIndex(snapshot_index),
        use=scope,
        may_train=scope.purpose.split(".")[0] == "train",
        may_pass_on=bool(pass_on),
        recall_days=recall_days,
        expires=expires,
    )
    entry = DisclosureEntry(
        disclosure=disclosure,
        recipient=scope.recipient,
        snapshot=snapshot_index,
        use=str(scope),
        terms=terms.digest,
    )
    document: dict[str, Any] = {
        "disclosure": disclosure,
        "recipient": scope.recipient,
        "snapshot": snapshot,
        "use": use,
        "rows": gated.record.kept,
        "terms": terms.encode().decode(),
        "state": "offered",
        "recalls": [],
        "recalled_rows": [],
        "secret": house.random(SECRET_BYTES).hex(),
        "pass_on": pass_on,
    }
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object(
            "disclosure", disclosure, index=index, at_us=to_us(house.now()), document=document
        )
    return Offer(disclosure=disclosure, index=index, snapshot=snapshot, record=gated.record)


def _pass_on(house: House, recipient: str, at: datetime) -> dict[str, list[str]]:
    """Return whom each hand may pass a package on to, by the contracts in force; {}: nobody."""
    book = recipients_in_force(house)
    if book is None:
        return {}
    result: dict[str, list[str]] = {}
    waiting = [recipient]
    while waiting:
        name = waiting.pop()
        onward = sorted(require_standing(name, book, at).may_pass_on or ())
        if onward and name not in result:
            result[name] = onward
            waiting += onward
    return result


def shares_by_party_rule(house: House, source: str, use: str) -> Mapping[str, float]:
    """Return the share of rows kept under each party rule, nothing stored."""
    data = open_source(house, source)
    plan = compile_for(house, data, use)
    return {
        rule.word: dry_run(house, data, plan.with_party_rule(rule)).record.kept / max(data.rows, 1)
        for rule in PartyRule
    }
