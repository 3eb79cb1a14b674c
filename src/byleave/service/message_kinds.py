"""Which kinds of messages may train what, for one member: decided by the gate's own oracle.

For each kind of record that belongs to several people and each use, a message written now is put
before `gate.reference.decide_row`, once as the member's own and once as sent to them, with another
person who said yes, who said nothing, or who said no, and who is otherwise as they are. Beside it
stand the counts of their real messages in the latest run of the gate.

The dictionary has the shape of `byleave.pages.messages.MessageKinds`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from byleave.consent.event import ConsentEvent, EventKind, NoticeCoverage
from byleave.consent.reason import Reason
from byleave.gate.reference import Row, World, decide_row
from byleave.ids import LedgerIndex, MemberId, format_instant, from_us
from byleave.policy.scope import Scope, Use
from byleave.service.ages import age_of
from byleave.service.answer import uses_of_gate
from byleave.service.by_member import OwnRows, own_rows, reasons_at, region_of
from byleave.service.clock import ledger_now
from byleave.service.consent import member_history
from byleave.service.groups import groups_of
from byleave.service.house import House
from byleave.service.notice import coverages, published_notices
from byleave.service.rules import accepted_grade

__all__ = ["message_kinds"]

_OTHER: Final = MemberId("\x00 the other person")
_SHOWN: Final = "\x00 what the other person answered"
_OTHERS: Final = ("yes", "silent", "no")
Facts = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """A member's rows of one kind in the latest gate of one use."""

    gate: str
    index: int
    at: str
    kept: int
    left: tuple[tuple[str, int], ...]


def message_kinds(house: House, member: str) -> Facts:
    """Return, for each kind of message and each use, what the gate says for the member.

    Cost: the member's rows of each source (`by_member`), one at a time, and their reasons in the
    latest gate of each use.

    Raises:
        InputError: `member.unknown`.
    """
    history = member_history(house, member)
    counted = _counted(house, member)
    uses = _uses(house)
    kinds = dict.fromkeys(use.category for use in uses)
    head = house.log.checkpoint()
    world = _world(house, member, history)
    return {
        "member_label": member,
        "at": format_instant(house.now()),
        "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
        "kinds": [
            {
                "category": kind,
                "means": house.taxonomy.categories[kind].sentence,
                "uses": [
                    _use(world, MemberId(member), use, counted.get((kind, _asked(use))))
                    for use in uses
                    if use.category == kind
                ],
            }
            for kind in kinds
        ],
    }


def _uses(house: House) -> list[Use]:
    """Return the leaf uses of shared records that a gate decided or a notice asks for."""
    gates = [doc for _, _, _, doc in house.ledger.objects("gate")]
    asked = [s for n in published_notices(house.ledger).values() for s in n.asks]
    uses = [use for document in gates for use in uses_of_gate(house, document)]
    uses += [use for scope in asked for use in house.taxonomy.expand(scope)]
    shared = {use for use in uses if house.taxonomy.has_several_parties(use.category)}
    return sorted(shared, key=lambda use: (use.category, use.purpose, use.recipient))


def _asked(use: Use) -> tuple[str, str]:
    return use.purpose, use.recipient


def _world(house: House, member: str, history: list[ConsentEvent]) -> World:
    """Return what the oracle knows of the member; the other person is added for each question."""
    now = ledger_now(house)
    ordinal = next(row[0] for row in [house.ledger.member(member)] if row is not None)
    region, age = region_of(house, ordinal, now), age_of(house, ordinal, now)
    who = MemberId(member)
    return World(
        scope=Scope.parse("*/*/*"),
        at=now,
        taxonomy=house.taxonomy,
        rules=house.rulebook,
        notices=coverages(house),
        accepted=accepted_grade(house.rulebook, now),
        events={who: history},
        regions={who: region, _OTHER: region},
        ages={} if age is None else {who: age, _OTHER: age},
        groups={who: frozenset(groups_of(house, member))},
    )


def _use(world: World, member: MemberId, use: Use, counted: _Counted | None) -> Facts:
    cells = []
    for others in _OTHERS:
        asked = _with_other(world, use, others)
        for role in ("author", "recipient"):
            author, reader = (member, _OTHER) if role == "author" else (_OTHER, member)
            row = Row(
                author=author,
                recipients=(reader,),
                category=use.category,
                collected_at=world.at,
                draft=False,
            )
            answer = decide_row(asked, row)
            ground = next((g.ground for g in answer.grounds if g.member == member), None)
            cells.append(
                {
                    "role": role,
                    "others": others,
                    "allowed": answer.reason is Reason.KEPT,
                    "because": answer.reason.word if ground is None else ground.word,
                    "theirs": _is_theirs(answer.party, role),
                }
            )
    return {
        "use": str(use),
        "cells": cells,
        "gate": None if counted is None else counted.gate,
        "gate_index": None if counted is None else counted.index,
        "gate_at": None if counted is None else counted.at,
        "kept": None if counted is None else counted.kept,
        "left": []
        if counted is None
        else [{"code": code, "rows": rows} for code, rows in counted.left],
    }


def _is_theirs(party: int, role: str) -> bool:
    """Say whether the party that decided is the member; the author is party 0."""
    return party == (0 if role == "author" else 1)


def _with_other(world: World, use: Use, others: str) -> World:
    """Return the world with another person who said yes, nothing or no to this very use."""
    notices: Mapping[str, NoticeCoverage] = world.notices
    events: list[ConsentEvent] = []
    if others != "silent":
        only = frozenset({use})
        notices = {**notices, _SHOWN: NoticeCoverage(uses=only, shown=only)}
        events = [
            ConsentEvent(
                member=_OTHER,
                index=LedgerIndex(0),
                kind=EventKind.GRANT if others == "yes" else EventKind.REFUSAL,
                scope=use,
                effective=world.at,
                recorded=world.at,
                notice=_SHOWN if others == "yes" else None,
            )
        ]
    return World(
        scope=use,
        at=world.at,
        taxonomy=world.taxonomy,
        rules=world.rules,
        notices=notices,
        accepted=world.accepted,
        events={**world.events, _OTHER: events},
        regions=world.regions,
        ages=world.ages,
        groups=world.groups,
    )


def _counted(house: House, member: str) -> dict[tuple[str, tuple[str, str]], _Counted]:
    """Count the member's rows by kind in the latest gate of each source and use."""
    latest: dict[tuple[str, str], tuple[int, str, int, Facts]] = {}
    for index, name, at, document in house.ledger.objects("gate"):
        latest[document["source"], document["use"]] = (index, name, at, document)
    found: dict[tuple[str, tuple[str, str]], _Counted] = {}
    sources: dict[str, OwnRows] = {}
    for (source, _), (index, name, at, document) in latest.items():
        if source not in sources:
            sources[source] = own_rows(house, source, member)
        own = sources[source]
        reasons = [Reason(code) for code in reasons_at(house, name, own.rows)]
        for use in uses_of_gate(house, document):
            told = Counter(
                r for kind, r in zip(own.categories, reasons, strict=True) if kind == use.category
            )
            found[use.category, _asked(use)] = _Counted(
                gate=name,
                index=index,
                at=format_instant(from_us(at)),
                kept=told.pop(Reason.KEPT, 0),
                left=_most_first(told),
            )
    return found


def _most_first(told: Mapping[Reason, int]) -> tuple[tuple[str, int], ...]:
    counts: Iterable[tuple[str, int]] = ((reason.word, rows) for reason, rows in told.items())
    return tuple(sorted(counts, key=lambda item: (-item[1], item[0])))
