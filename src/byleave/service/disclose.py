"""Offer a package to a recipient: its own gate, its own snapshot, its own terms.

A recipient may hold rows already, of packages before: those offered to it from the same source for
the same purpose, whose terms still run, less the rows called back. An offer counts them; with
`only_new` it leaves them out. The gate's record and the snapshot of all that passed stand in the
log all the same; the package is a delta of that snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.disclosure.terms import Terms, require_running
from byleave.errors import ConflictError, EvidenceError, InputError, RefusedError
from byleave.evidence.entry import DisclosureEntry
from byleave.gate.plan import uses_of
from byleave.gate.result import GateRecord
from byleave.ids import LedgerIndex, parse_instant, to_us
from byleave.policy.recipient import require_standing
from byleave.policy.ruleset import PartyRule
from byleave.policy.scope import Scope
from byleave.service.gate import (
    compile_for,
    dry_run,
    gate_document,
    kept_rows,
    reasons_of,
    run_gate,
)
from byleave.service.gate_standing import Standing
from byleave.service.gate_update import gate_again
from byleave.service.house import House, without_turns
from byleave.service.recipients import recipients_in_force, require_permitted
from byleave.service.snapshot import (
    heard_by,
    next_name,
    open_snapshot,
    removed_rows,
    seal_gate,
    seal_without,
    snapshot_document,
    source_rows,
)
from byleave.service.source import Source, open_source

__all__ = ["Offer", "Preview", "check_offer", "offer", "preview", "shares_by_party_rule"]

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
        new: Rows that passed and that the recipient does not hold yet.
        repeated: Rows that passed and that it holds already.
        rows: Rows in the package: all that passed, or the new ones alone.
    """

    disclosure: str
    index: int
    snapshot: str
    record: GateRecord
    new: int
    repeated: int
    rows: int

    def document(self, *, registered: bool) -> dict[str, Any]:
        """Return it as JSON; `registered`: the recipient has a key, so it was made up for it."""
        return {
            "disclosure": self.disclosure,
            "snapshot": self.snapshot,
            "registered": registered,
            "new": self.new,
            "repeated": self.repeated,
            "offered": self.rows,
            **self.record.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an offer would be.

    Attributes:
        record: What the recipient's gate decides now.
        new: Rows that pass and that the recipient does not hold yet.
        repeated: Rows that pass and that it holds already.
    """

    record: GateRecord
    new: int
    repeated: int

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"new": self.new, "repeated": self.repeated, **self.record.to_dict()}


def check_offer(house: House, source: str, use: str) -> None:
    """Say whether a source may be offered for a use at all; no row is decided.

    Raises:
        InputError: `disclosure.to-oneself`; `workspace.unknown-object`; `use.not-leaf`.
        RefusedError: What the recipient's contract permits (`policy.recipient`).
    """
    scope, _ = _asked(house, source, use)
    uses_of(scope, house.taxonomy)


def preview(house: House, source: str, use: str) -> Preview:
    """Say what an offer would hold, and how much of it the recipient holds already; store nothing.

    Args:
        house: The workspace's ports.
        source: Id of the source.
        use: As for `offer`.

    Raises:
        InputError: `disclosure.to-oneself`; `workspace.unknown-object`.
        RefusedError: What the recipient's contract permits (`policy.recipient`).
    """
    scope, data = _asked(house, source, use)
    plan = compile_for(house, data, use)
    found = dry_run(house, data, plan)
    kept = kept_rows(house, data, plan)
    require_permitted(house, data, scope, at=parse_instant(found.record.at), kept=found)
    repeated = int(np.isin(kept, _held_by(house, source, scope)).sum())
    return Preview(record=found.record, new=len(kept) - repeated, repeated=repeated)


def offer(
    house: House,
    source: str,
    use: str,
    *,
    name: str | None = None,
    recall_days: int = RECALL_DAYS,
    expires: datetime | None = None,
    only_new: bool = False,
) -> Offer:
    """Gate a source for one recipient, seal what passed, offer it under terms.

    Args:
        house: The workspace's ports.
        source: Id of the source.
        use: PURPOSE/CATEGORY-OR-GROUP/RECIPIENT; the recipient is who gets the package.
        name: Id of the disclosure; default the next `package-N`.
        recall_days: Days to answer a recall.
        expires: From when on the package may not be used; None: until it is recalled.
        only_new: Leave out the rows that the recipient holds already.

    Raises:
        RefusedError: `disclosure.nothing-allowed`, no record may go to this recipient, or
            `disclosure.nothing-new`, it holds every one that may; the gate's record is logged all
            the same. `disclosure.no-contract`, `.not-affiliate`,
            `.passes-on`, `.counts-as-training`: what the recipient's contract permits
            (`policy.recipient`).
        InputError: `disclosure.to-oneself`, the recipient is the platform; `disclosure.terms`;
            `disclosure.over`, the terms would have run out already.
        ConflictError: `workspace.moved`, with `only_new` another package was offered to the
            recipient meanwhile.

    Others may write while it is gated and sealed. A row that was withdrawn meanwhile is not
    offered: the package is then a delta of what was sealed.
    """
    scope, data = _asked(house, source, use)
    require_running(expires, house.now())
    made = _made(house, data, scope, use=use, name=name, only_new=only_new)
    at = parse_instant(made.record.at)
    pass_on = _pass_on(house, scope.recipient, at)
    disclosure = name or next_name(house, "disclosure", "package")
    terms = Terms(
        disclosure=disclosure,
        recipient=scope.recipient,
        snapshot=LedgerIndex(made.index),
        use=scope,
        may_train=scope.purpose.split(".")[0] == "train",
        may_pass_on=bool(pass_on),
        recall_days=recall_days,
        expires=expires,
    )
    entry = DisclosureEntry(
        disclosure=disclosure,
        recipient=scope.recipient,
        snapshot=made.index,
        use=str(scope),
        terms=terms.digest,
    )
    document: dict[str, Any] = {
        "disclosure": disclosure,
        "recipient": scope.recipient,
        "snapshot": made.snapshot,
        "use": use,
        "rows": made.rows,
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
    return Offer(
        disclosure=disclosure,
        index=index,
        snapshot=made.snapshot,
        record=made.record,
        new=made.record.kept - made.repeated,
        repeated=made.repeated,
        rows=made.rows,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Package:
    """A package sealed and not offered yet: snapshot, its log index, what its gate decided, rows."""

    snapshot: str
    index: int
    record: GateRecord
    repeated: int
    rows: int


def _made(
    house: House, data: Source, scope: Scope, *, use: str, name: str | None, only_new: bool
) -> _Package:
    """Gate a source for a recipient and seal what passed; as of the end, the lock held."""
    facts, offers = house.ledger.facts_since(0)[0], _offers_to(house, scope)
    gate, gate_index, gated = run_gate(house, data.name, use)
    if not gated.record.kept:
        raise _nothing_allowed(scope, f"{gate} says why, row by row")
    require_permitted(house, data, scope, at=parse_instant(gated.record.at), kept=gated)
    again = np.flatnonzero(np.isin(_passed(house, gate), _held_by(house, data.name, scope)))
    if only_new and len(again) == gated.record.kept:
        raise RefusedError(
            f"{scope.recipient} holds every record that may go to it for {scope.purpose}",
            code="disclosure.nothing-new",
            hint=f"{gate} says which; without --only-new they are offered again",
        )
    package = name or next_name(house, "disclosure", "package")
    snapshot, index, _ = seal_gate(house, gate, gated=gated, name=f"{package}-set", kind="packages")
    if only_new and len(again):
        house.log.publish()  # a delta is taken of what the published log holds
        snapshot, index = seal_without(
            house, open_snapshot(house, snapshot), again, gate=gate_index, name=f"{package}-new"
        )
    snapshot, index = _as_of_now(house, data, (snapshot, index), facts=facts, stem=package)
    rows = int(snapshot_document(house, snapshot)[1]["records"])
    if not rows:
        raise _nothing_allowed(scope, "every record of it was withdrawn while it was sealed")
    require_permitted(house, data, scope, at=house.now())
    if only_new and offers != _offers_to(house, scope):
        raise ConflictError(
            f"another package was offered to {scope.recipient} while this one was sealed",
            code="workspace.moved",
            hint="run the command again",
        )
    return _Package(
        snapshot=snapshot, index=index, record=gated.record, repeated=len(again), rows=rows
    )


def _as_of_now(
    house: House, data: Source, sealed: tuple[str, int], *, facts: int, stem: str
) -> tuple[str, int]:
    """Return a snapshot, or a delta of it without the rows that were withdrawn while it was made.

    Looked at twice: once while others may write, and then, for what came meanwhile, holding the
    lock until the caller has logged what is made of it.

    Args:
        house: The workspace's ports.
        data: The source.
        sealed: Id and log index of the snapshot.
        facts: Position of the ledger's facts before its gate ran.
        stem: What a delta is called after.
    """
    for ports in (house, without_turns(house)):
        name, _ = sealed
        use, gate = (snapshot_document(house, name)[1][key] for key in ("use", "gate"))
        with ports.aside():
            if not _news(house, heard_by(house, name), facts):
                return sealed
            admits = Standing(house, opened={data.name: data}).admits(data.name, use, gate)
            stay = admits[source_rows(house, name)[_alive(house, name)]].all()
        if stay:
            continue
        newer = gate_again(ports, gate, as_use=use)
        gone = _left_out(house, name, newer)
        if len(gone):  # unless somebody said yes again between the two
            house.log.publish()
            sealed = seal_without(
                ports, open_snapshot(house, name), gone, gate=newer, name=f"{stem}-left"
            )
    return sealed


def _news(house: House, heard: int, facts: int) -> bool:
    """Say whether anybody said or became anything since a gate read the ledger."""
    events = house.ledger.events_columns(after=heard)
    return bool(len(events.index)) or house.ledger.facts_since(facts)[0] != facts


def _alive(house: House, name: str) -> npt.NDArray[np.int64]:
    """Return the positions that a snapshot holds, ascending; no file of rows is read."""
    positions = np.arange(len(source_rows(house, name)), dtype=np.int64)
    removed = removed_rows(house, name)
    return positions if removed is None else np.setdiff1d(positions, np.asarray(removed, np.int64))


def _left_out(house: House, name: str, gate: int) -> npt.NDArray[np.int64]:
    """Return the positions of a snapshot whose rows a logged gate left out."""
    found = house.ledger.object_at(gate)
    if found is None:
        raise EvidenceError("a gate that the ledger names is gone", code="workspace.damaged")
    alive = _alive(house, name)
    dropped = reasons_of(house, found[1])["row"].to_numpy()
    return alive[np.isin(source_rows(house, name)[alive], dropped)]


def _offers_to(house: House, scope: Scope) -> list[str]:
    return [
        name
        for _, name, _, document in house.ledger.objects("disclosure")
        if document["recipient"] == scope.recipient
    ]


def _nothing_allowed(scope: Scope, why: str) -> RefusedError:
    return RefusedError(
        f"no record may go to {scope.recipient} for {scope.purpose}",
        code="disclosure.nothing-allowed",
        hint=why,
    )


def _asked(house: House, source: str, use: str) -> tuple[Scope, Source]:
    scope = house.taxonomy.scope(use)
    if scope.recipient == "platform":
        raise InputError("a package goes to somebody else", code="disclosure.to-oneself")
    data = open_source(house, source)
    require_permitted(house, data, scope, at=house.now())
    return scope, data


def _passed(house: House, gate: str) -> npt.NDArray[np.int64]:
    """Return the source rows that a logged gate let through, ascending: a snapshot's positions."""
    _, document = gate_document(house, gate)
    dropped = reasons_of(house, gate)["row"].to_numpy()
    return np.setdiff1d(np.arange(document["rows"], dtype=np.int64), dropped)


def _held_by(house: House, source: str, scope: Scope) -> npt.NDArray[np.int64]:
    """Return the rows of a source that a recipient holds for a purpose, or has lying there.

    A row whose package ran out is not held: it may not be used any more. Nor are those of a package
    that was recalled in part before it was delivered: it lies there no more, for nobody to fetch.
    """
    found = [np.zeros(0, np.int64)]
    for _, _, _, document in house.ledger.objects("disclosure"):
        if document["recipient"] != scope.recipient or not document["rows"]:
            continue
        terms = Terms.decode(document["terms"].encode())
        over = terms.expires is not None and house.now() >= terms.expires
        name = document["snapshot"]
        gone = bool(document["recalls"]) and document.get("delivered_at") is None
        if over or gone or terms.use.purpose != scope.purpose:
            continue
        if snapshot_document(house, name)[1]["source"] == source:
            removed = removed_rows(house, name)
            held = source_rows(house, name)
            alive = np.ones(len(held), np.bool_)
            alive[np.array(document["recalled_rows"], np.int64)] = False
            if removed is not None:
                alive[np.asarray(removed, np.int64)] = False
            found.append(held[alive])
    return np.unique(np.concatenate(found))


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
