"""Where did my data go: everything the ledgers know of one member, as plain facts.

The dictionary's shape is `byleave.pages.view.MemberAnswer`; every line names the log entry it
stands on and, where one can be made, the proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade
from byleave.consent.reason import Ground, Reason
from byleave.errors import InputError
from byleave.evidence.cessation import overlap
from byleave.gate.plan import uses_of
from byleave.ids import format_instant, from_us, to_us
from byleave.policy.scope import Use
from byleave.service.by_member import OwnRows, known_source, own_rows, reasons_at
from byleave.service.certificate import find_certificate
from byleave.service.consent import member_history
from byleave.service.directory import covers
from byleave.service.explain import Explained, Explainer
from byleave.service.held import Held
from byleave.service.house import House
from byleave.service.snapshot import snapshot_document

__all__ = ["member_answer", "uses_of_gate"]

_VERBS = {
    EventKind.GRANT: "granted",
    EventKind.REFUSAL: "refused",
    EventKind.WITHDRAWAL: "withdrew",
    EventKind.OBJECTION: "objected",
    EventKind.PRESET: "preset",
}
_DAY_US = 86_400_000_000
_GROUNDS = {1: "consent", 2: "consent-of-another-party", 3: "not-objected", 4: "contract"}

Facts = dict[str, Any]


def member_answer(house: House, member: str) -> Facts:
    """Return what the platform holds, did and undid with one member's data.

    Cost: what the ledgers say of the member, and what `by_member` and `held` find of their rows; no
    source, gate or snapshot is read through.

    Raises:
        InputError: `member.unknown`.
    """
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    ordinal, _, _, enrolment, enrolled_us = row
    history = member_history(house, member)
    held = Held(house, ordinal)
    head = house.log.checkpoint()
    return {
        "member_label": member,
        "at": format_instant(house.now()),
        "enrolled_at": format_instant(from_us(enrolled_us)),
        "enrolment_index": enrolment,
        "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
        "choices": [_choice(event) for event in reversed(history)],
        "standings": _standings(house, member),
        "timeline": _timeline(house, member, ordinal, enrolment, enrolled_us, history, held),
        "withdrawals": [
            _depths(house, ordinal, event, held)
            for event in reversed(history)
            if _is_withdrawal(event)
        ],
        "releases": _releases(house, ordinal, held),
    }


def _choice(event: ConsentEvent) -> Facts:
    return {
        "index": event.index,
        "at": format_instant(event.effective),
        "kind": event.kind.name.lower(),
        "scope": str(event.scope),
        "includes_past": event.includes_past,
        "expires": None if event.expires is None else format_instant(event.expires),
        "notice": event.notice,
        "grade": EvidenceGrade(event.grade).name.lower(),
        "channel": event.channel,
        "proof": f"event-{event.index}",
    }


def _standings(house: House, member: str) -> list[Facts]:
    """Return a gate's answer for each leaf use that one has been run for, as to new data of theirs.

    Cost: choices, region, age, groups and rulesets are read once, whatever the number of uses.
    """
    uses = dict.fromkeys(
        use
        for _, _, _, document in house.ledger.objects("gate")
        for use in uses_of_gate(house, document)
    )
    explainer = Explainer(house, member)
    return [_standing(use, explainer.explain(use)) for use in uses]


def _standing(use: Use, found: Explained) -> Facts:
    said = found.choices.event
    on_choice = said is not None and found.index == said.index
    return {
        "use": str(use),
        "allowed": found.allowed,
        "because": _granted(found) if found.allowed else found.reason.word,
        "ground": found.ground.word if found.allowed else None,
        "since": format_instant(said.effective) if said is not None and on_choice else None,
        "decided_by": found.index,
        "choices": found.choices.reason.word,
        "said": None if said is None else format_instant(said.effective),
        "region": found.region,
        "basis": found.rule.basis.word,
        "cites": _cites(found),
    }


def _cites(found: Explained) -> list[str]:
    """Return where the rules that stop it stand; of another use, all that the region asks."""
    stops = dict.fromkeys(one.cite for one in found.stops if one.cite is not None)
    return list(stops) or list(found.rule.cites)


def _granted(found: Explained) -> str:
    return "granted" if found.ground is Ground.CONSENT else found.ground.word


def uses_of_gate(house: House, document: Facts) -> list[Use]:
    """Return the leaf uses a gate decided for categories that its source can hold."""
    contract = known_source(house, document["source"]).contract
    possible = {contract.category_constant, *(contract.kinds or {}).values()} - {None}
    uses = uses_of(house.taxonomy.scope(document["use"]), house.taxonomy)
    return [use for use in uses if not possible or use.category in possible]


def _timeline(
    house: House,
    member: str,
    ordinal: int,
    enrolment: int,
    enrolled_us: int,
    history: list[ConsentEvent],
    held: Held,
) -> list[Facts]:
    items = [_item(enrolled_us, "enrolled", "we", house.log.origin, enrolment)]
    items += [
        {
            "at": format_instant(event.effective),
            "kind": _VERBS[event.kind],
            "who": "you",
            "object": "",
            "index": event.index,
            "scope": str(event.scope),
            "proof": f"event-{event.index}",
        }
        for event in history
    ]
    for index, _, at, document in house.ledger.objects("policy"):
        label = f"{document['document']} {document['version']}"
        items.append(_item(at, "policy", "we", label, index))
    items += _used(house, ordinal, held)
    items += _left_out(house, member)
    items += _recalls(house, held)
    return sorted(items, key=lambda item: (item["at"], item["index"] or 0), reverse=True)


def _used(house: House, ordinal: int, held: Held) -> Iterable[Facts]:
    for index, name, at, document in house.ledger.objects("snapshot"):
        own = held[name]
        if own.num_rows and document["kind"] == "snapshots":
            yield _item(at, "sealed", "we", name, index, own, document["use"])
    for index, name, at, document in house.ledger.objects("release"):
        own = held[document["snapshot"]]
        if own.num_rows:
            item = _item(at, "trained", "we", name, index, own, document["use"])
            yield {**item, "proof": f"presence-{ordinal}-{name}"}
    for index, _, at, document in house.ledger.objects("unlearning"):
        before = held[_snapshot_of(house, document["from"])]
        after = held[document["snapshot"]]
        gone = before.num_rows - after.num_rows
        if gone:
            item = _item(at, "unlearned", "we", document["to"], index)
            proof = _gone(ordinal, document["to"], after)
            yield {**item, "records": gone, "proof": proof}
    for index, _, _, document in house.ledger.objects("disclosure"):
        own, delivered = held[document["snapshot"]], document.get("delivered_at")
        if own.num_rows and delivered is not None:  # an offer nobody has fetched is no delivery
            who, what = document["recipient"], document["disclosure"]
            item = _item(delivered, "delivered", who, what, index, own)
            yield {**item, "proof": f"disclosure-{what}"}


def _left_out(house: House, member: str) -> Iterable[Facts]:
    """Yield, for each gate, why records of the member were not let through, most frequent first."""
    own: dict[str, OwnRows] = {}
    for index, name, at, document in house.ledger.objects("gate"):
        source = document["source"]
        if source not in own:
            own[source] = own_rows(house, source, member)
        counts = np.bincount(reasons_at(house, name, own[source].rows), minlength=1)
        told = [(int(count), code) for code, count in enumerate(counts) if count and code]
        recipient = document["use"].rpartition("/")[2]
        for count, code in sorted(told, key=lambda item: (-item[0], item[1])):
            item = _item(
                at,
                "left-out" if recipient == "platform" else "not-delivered",
                "we",
                name,
                index,
            )
            yield {
                **item,
                "records": count,
                "because": Reason(code).word,
                "scope": document["use"],
            }


def _recalls(house: House, held: Held) -> Iterable[Facts]:
    for index, name, at, document in house.ledger.objects("recall"):
        package = house.ledger.object("disclosure", document["disclosure"])
        if package is None:
            continue
        own = _rows_in(held[package[2]["snapshot"]], document["rows"])
        if own:
            who, what = package[2]["recipient"], document["disclosure"]
            item = _item(at, "recalled", "we", what, index)
            yield {**item, "records": own, "proof": f"disclosure-{what}"}
            answer = house.ledger.object("acknowledgement", name)
            if answer is not None:
                item = _item(answer[1], "acknowledged", who, what, answer[0])
                yield {**item, "records": own, "proof": f"acknowledgement-{name}"}


def _gone(ordinal: int, release: str, after: pa.Table) -> str:
    """Name the proof of what an unlearning did: no row of theirs is left, else that it was done."""
    return f"unlearning-{release}" if after.num_rows else f"absence-{ordinal}-{release}"


def _depths(house: House, ordinal: int, event: ConsentEvent, held: Held) -> Facts:
    """Return how far one withdrawal (refusal, objection) has reached: four rows, in order."""
    at = format_instant(event.effective)
    stopped: Facts = {
        "depth": "stopped",
        "state": "done",
        "at": at,
        "proof": f"event-{event.index}",
    }
    return {
        "index": event.index,
        "at": at,
        "scope": str(event.scope),
        "proof": f"event-{event.index}",
        "depths": [stopped, *_reached(house, ordinal, event, held), _recalled(house, event, held)],
    }


def _reached(house: House, ordinal: int, event: ConsentEvent, held: Held) -> list[Facts]:
    """Return the rows `dropped` and `unlearned`, over the releases of a use that the event is about."""
    concerned = [
        (name, document)
        for index, name, _, document in house.ledger.objects("release")
        if index < event.index
        and held[document["snapshot"]].num_rows
        and not _superseded_before(house, document, event.index)
        and overlap(document["use"], str(event.scope))
    ]
    if not concerned:
        return [
            {"depth": "dropped", "state": "not-needed"},
            {"depth": "unlearned", "state": "not-needed"},
        ]
    done = []
    for name, _ in concerned:
        for index, _, at, document in house.ledger.objects("unlearning"):
            if document["from"] == name and index > event.index:
                before = held[_snapshot_of(house, name)].num_rows
                after = held[document["snapshot"]].num_rows
                done.append((at, document, before - after))
    records = sum(gone for _, _, gone in done)
    finished = len(done) == len(concerned)
    common: Facts = {
        "state": "done" if finished else "waiting",
        "done": len(done),
        "total": len(concerned),
        "records": records,
    }
    if done:
        common["at"] = format_instant(from_us(max(at for at, _, _ in done)))
    exact = all(document["exact"] for _, document in concerned)
    last = done[-1][1] if done else None
    unlearned = f"unlearning-{last['to']}" if last else None
    certified = [d["to"] for _, d, _ in done if find_certificate(house, d["to"]) is not None]
    return [
        {
            "depth": "dropped",
            **common,
            "objects": [d["snapshot"] for _, d, _ in done],
            "proof": _gone(ordinal, last["to"], held[last["snapshot"]]) if last else None,
        },
        {
            "depth": "unlearned",
            **common,
            "objects": [d["to"] for _, d, _ in done],
            "exact": exact,
            "proof": f"certificate-{certified[-1]}" if certified else unlearned,
        },
    ]


def _recalled(house: House, event: ConsentEvent, held: Held) -> Facts:
    """Return the row `recalled`, over the packages for a use that the event is about.

    A package is done when each of its recalls that names a row of theirs was answered. One recalled
    before it was made up for anybody's key does not count: it went to nobody.
    """
    packages = {
        document["disclosure"]: document
        for index, _, _, document in house.ledger.objects("disclosure")
        if index < event.index
        and held[document["snapshot"]].num_rows
        and overlap(document["use"], str(event.scope))
    }
    if not packages:
        return {"depth": "recalled", "state": "not-needed"}
    answered = {name: at for _, name, at, _ in house.ledger.objects("acknowledgement")}
    orders: dict[str, list[tuple[int, int, int | None]]] = {}
    for index, name, at, document in house.ledger.objects("recall"):
        package = packages.get(document["disclosure"])
        if index < event.index or package is None:
            continue
        if document.get("withheld"):  # it went to nobody, and now never will
            del packages[document["disclosure"]]
        elif _rows_in(held[package["snapshot"]], document["rows"]):
            done_at = answered.get(name)
            due_at = at + document["days"] * _DAY_US
            orders.setdefault(document["disclosure"], []).append((at, due_at, done_at))
    if not packages:
        return {"depth": "recalled", "state": "not-needed"}
    done = [name for name, found in orders.items() if all(done_at for _, _, done_at in found)]
    row: Facts = {
        "depth": "recalled",
        "state": "done" if len(done) == len(packages) else "waiting",
        "done": len(done),
        "total": len(packages),
        "objects": [document["recipient"] for document in packages.values()],
        "proof": f"disclosure-{next(reversed(packages))}",
    }
    every = [order for found in orders.values() for order in found]
    if row["state"] == "done":
        row["at"] = format_instant(from_us(max(done_at or 0 for _, _, done_at in every)))
    elif every:
        row["at"] = format_instant(from_us(min(at for at, _, _ in every)))
        waiting = [due_at for _, due_at, done_at in every if done_at is None]
        if waiting:
            row["due"] = format_instant(from_us(min(waiting)))
            row["state"] = "overdue" if to_us(house.now()) >= min(waiting) else "waiting"
    return row


def _releases(house: House, ordinal: int, held: Held) -> list[Facts]:
    result = []
    row = house.ledger.member_at(ordinal)
    enrolment = 0 if row is None else row[3]
    covered = covers(house, enrolment)
    for index, name, at, document in house.ledger.objects("release"):
        sealed, _ = snapshot_document(house, document["snapshot"])
        roles = held[document["snapshot"]]["role"].to_pylist()
        presence = "present" if roles else "absent"
        kind = "presence" if roles else "absence"
        result.append(
            {
                "release": name,
                "index": index,
                "at": format_instant(from_us(at)),
                "model": document["model"],
                "snapshot": document["snapshot"],
                "presence": presence,
                "records": len(roles),
                "as_author": roles.count(1),
                "as_recipient": roles.count(2),
                "exact": document["exact"],
                "superseded_by": document["superseded_by"],
                "directory": covered,
                # Before the member was enrolled nothing can be shown under their secret.
                "proof": None if enrolment > sealed else f"{kind}-{ordinal}-{name}",
            }
        )
    return result[::-1]


def _item(
    at_us: int,
    kind: str,
    who: str,
    what: str,
    index: int,
    own: pa.Table | None = None,
    scope: str | None = None,
) -> Facts:
    item: Facts = {
        "at": format_instant(from_us(at_us)),
        "kind": kind,
        "who": who,
        "object": what,
        "index": index,
        "scope": scope,
    }
    if own is not None:
        item["records"] = own.num_rows
        grounds = set(own["ground"].to_pylist())
        item["ground"] = _GROUNDS[grounds.pop()] if len(grounds) == 1 else None
    return item


def _rows_in(own: pa.Table, rows: list[int]) -> int:
    return int(pc.sum(pc.is_in(own["row"], value_set=pa.array(rows, pa.int64()))).as_py() or 0)


def _snapshot_of(house: House, release: str) -> str:
    found = house.ledger.object("release", release)
    return "" if found is None else str(found[2]["snapshot"])


def _superseded_before(house: House, document: Facts, index: int) -> bool:
    later = document["superseded_by"]
    found = None if later is None else house.ledger.object("release", later)
    return found is not None and found[0] < index


def _is_withdrawal(event: ConsentEvent) -> bool:
    return event.kind not in {EventKind.GRANT, EventKind.PRESET}
