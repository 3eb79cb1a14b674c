"""What a member is asked, how each question stands, and the record of one choice.

The dictionaries have the shape of `byleave.pages.settings`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from byleave.consent.decide import Standing, standing
from byleave.consent.event import ConsentEvent, EventKind
from byleave.consent.reason import VETOES, Ground, Reason
from byleave.errors import InputError
from byleave.ids import format_instant
from byleave.policy.notice import Control, Notice, choose_notice
from byleave.policy.scope import Scope, Use
from byleave.service.asking import Asking
from byleave.service.browser_signal import signal_facts
from byleave.service.by_member import own_rows
from byleave.service.clock import ledger_now
from byleave.service.consent import NewEvent, member_history
from byleave.service.explain import Explainer
from byleave.service.house import House
from byleave.service.notice import coverages, make_token, published_notices
from byleave.service.rules import accepted_grade

__all__ = [
    "answers",
    "asks_of",
    "choice_record",
    "context_question",
    "held_of",
    "member_settings",
    "stop_everything",
]

Facts = dict[str, Any]
Held = dict[str, Counter[str | None]]
SCREEN = "settings"


def member_settings(
    house: House, member: str, *, language: str = "en", tokens: bool = True
) -> Facts:
    """Return every question a member is asked in the settings, with its exact text and state.

    A notice whose control was set before the member acted asks nothing (G1). Of a question's
    variants the one for the language is shown, else the one published first: a text in a language
    the member did not ask for is said to be so, and never mixed with another (M12).

    Args:
        house: The workspace's ports.
        member: Who is asked.
        language: BCP 47 tag.
        tokens: Whether each question comes with a fresh token, for a form.

    Raises:
        InputError: `member.unknown`.
    """
    history = member_history(house, member)
    texts = {name: document for _, name, _, document in house.ledger.objects("notice")}
    questions, held = [], held_of(house, member)
    explainer = Explainer(house, member)
    for notice in _asked(house, language):
        token = make_token(house, notice.id, member, screen=SCREEN)[0] if tokens else None
        questions.append(
            {
                "notice": notice.id,
                "language": notice.language,
                "text": texts[notice.id]["text"],
                "sha256": notice.sha256.hex(),
                "token": token,
                "rows": _rows(house, notice.asks, history, held, explainer),
            }
        )
    head = house.log.checkpoint()
    return {
        "member_label": member,
        "at": format_instant(house.now()),
        "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
        "questions": questions,
        "signal": signal_facts(history),
    }


def context_question(
    house: House, member: str, found: Asking, *, days: int, shown: bool, token: bool
) -> Facts:
    """Return the page of one question that is asked in context (`pages.asking.ContextAsk`).

    Args:
        house: The workspace's ports.
        member: Who is asked.
        found: How the question stands.
        days: For how long it is not asked again once it is put off.
        shown: Whether it is asked now; else the page says why not.
        token: Whether it comes with a fresh token, for a form.
    """
    head, put_off = house.log.checkpoint(), found.put_off
    text: Any = house.ledger.object("notice", found.notice.id)
    shows = shown and token
    return {
        "member_label": member,
        "at": format_instant(house.now()),
        "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
        "name": found.question,
        "because": found.because,
        "shown": shown,
        "days": days,
        "asks": [str(scope) for scope in found.scopes],
        "said_at": None if put_off is None or not put_off.said else format_instant(put_off.at),
        "again": None if found.again is None else format_instant(found.again),
        "question": {
            "notice": found.notice.id,
            "language": found.notice.language,
            "text": text[2]["text"],
            "sha256": found.notice.sha256.hex(),
            "token": make_token(house, found.notice.id, member, screen=SCREEN)[0]
            if shows
            else None,
            "rows": _rows(
                house,
                found.notice.asks,
                member_history(house, member),
                held_of(house, member),
                Explainer(house, member),
            ),
        },
    }


def answers(
    house: House,
    member: str,
    notice: str,
    said: dict[Scope, bool],
    *,
    includes_past: bool,
    token: str | None,
) -> list[NewEvent]:
    """Return the events of one saved form: of each scope whose answer is another than it was.

    Args:
        house: The workspace's ports.
        member: Who answered.
        notice: The notice they were shown.
        said: Yes or no for each scope they answered.
        includes_past: Whether each yes is also for what is held already.
        token: The token that came with the form.

    Raises:
        InputError: `member.unknown`; `consent.notice-unknown`, a scope is not of this notice.
    """
    asked = published_notices(house.ledger).get(notice)
    if asked is None or not said.keys() <= set(asked.asks):
        raise InputError("this notice did not ask that", code="consent.notice-unknown")
    rows = _rows(house, tuple(said), member_history(house, member))
    events = []
    for (scope, yes), row in zip(said.items(), rows, strict=True):
        if yes and (row["state"] != "yes" or row["includes_past"] != includes_past):
            kind = EventKind.GRANT
        elif not yes and row["state"] in {"yes", "partly"}:
            kind = EventKind.WITHDRAWAL
        elif not yes and row["state"] == "undecided":
            kind = EventKind.REFUSAL
        else:
            continue
        events.append(
            NewEvent(
                member=member,
                kind=kind,
                scope=scope,
                includes_past=yes and includes_past,
                channel="portal",
                token=token,
            )
        )
    return events


def asks_of(house: House, notice: str) -> tuple[Scope, ...]:
    """Return the scopes a notice asks for, in its order.

    Raises:
        InputError: `consent.notice-unknown`.
    """
    found = published_notices(house.ledger).get(notice)
    if found is None:
        raise InputError("no such notice was published", code="consent.notice-unknown")
    return found.asks


def stop_everything(house: House, member: str) -> list[NewEvent]:
    """Return a withdrawal of each yes, and a refusal of each question that is not decided.

    Raises:
        InputError: `member.unknown`.
    """
    history = member_history(house, member)
    scopes = dict.fromkeys(scope for notice in _asked(house, "en") for scope in notice.asks)
    granted = dict.fromkeys(e.scope for e in history if e.kind is EventKind.GRANT)
    events = []
    for scope in scopes | granted:
        row = _rows(house, (scope,), history)[0]
        if row["state"] == "no":
            continue
        kind = EventKind.REFUSAL if row["state"] == "undecided" else EventKind.WITHDRAWAL
        events.append(NewEvent(member=member, kind=kind, scope=scope, channel="portal"))
    return events


def choice_record(house: House, member: str, index: int) -> Facts:
    """Return the record of one choice of a member.

    Raises:
        InputError: `member.unknown`; `workspace.unknown-object`, no choice of theirs.
    """
    for event in member_history(house, member):
        if event.index == index:
            head = house.log.checkpoint()
            return {
                "member_label": member,
                "at": format_instant(house.now()),
                "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
                "index": event.index,
                "recorded": format_instant(event.recorded),
                "kind": event.kind.name.lower(),
                "scope": str(event.scope),
                "includes_past": event.includes_past,
                "notice": event.notice,
                "proof": f"event-{event.index}",
            }
    raise InputError("no choice of this member", code="workspace.unknown-object")


def _asked(house: House, language: str) -> list[Notice]:
    """Return the notice of each question, in the order questions were first published."""
    able = [n for n in published_notices(house.ledger).values() if n.control is not Control.ON]
    chosen = []
    for family in dict.fromkeys(n.family or n.id for n in able):
        own = [n for n in able if family == (n.family or n.id) and n.screen in {None, SCREEN}]
        if not own:
            continue
        try:
            chosen.append(choose_notice(own, family, language=language, screen=SCREEN))
        except InputError:
            chosen.append(own[0])
    return chosen


def held_of(house: House, member: str) -> Held:
    """Count a member's rows by source and category, as the sources' digests are now.

    Cost: the member's rows of each source (`by_member`).
    """
    return {
        source: Counter(own_rows(house, source, member).categories)
        for _, source, _, _ in house.ledger.objects("source")
    }


def _held(house: House, scope: Scope, held: Held) -> list[Facts]:
    """Return how many rows of each source an answer is about: those of its categories."""
    covered = {use.category for use in house.taxonomy.expand(scope)}
    found = []
    for source, kinds in held.items():
        mine = {kind: rows for kind, rows in kinds.items() if kind in covered}
        shared = sum(
            n for kind, n in mine.items() if house.taxonomy.has_several_parties(kind or "")
        )
        if mine:
            found.append({"source": source, "rows": sum(mine.values()), "messages": shared})
    return found


def _rows(
    house: House,
    asks: Iterable[Scope],
    history: Sequence[ConsentEvent],
    held: Held | None = None,
    explainer: Explainer | None = None,
) -> list[Facts]:
    now, notices = ledger_now(house), coverages(house)
    accepted = accepted_grade(house.rulebook, now)
    rows = []
    for scope in asks:
        leaves = house.taxonomy.expand(scope)
        stands = [
            standing(history, use, at=now, notices=notices, accepted=accepted) for use in leaves
        ]
        events = [s.event for s in stands if s.event is not None]
        last = max(events, key=lambda event: event.index, default=None)
        rows.append(
            {
                "scope": str(scope),
                "means": house.taxonomy.sentence(scope),
                "who": _who(house, scope),
                "leaves_out": _leaves_out(house, scope),
                "state": _state(stands),
                "since": None if last is None else format_instant(last.effective),
                "decided_by": None if last is None else last.index,
                "includes_past": last is not None and last.includes_past,
                "held": [] if held is None else _held(house, scope, held),
                **({} if explainer is None else _follows(explainer, leaves)),
            }
        )
    return rows


def _follows(explainer: Explainer, leaves: Iterable[Use]) -> Facts:
    """Return what the rules make of the choices about some uses: what they stop, or allow by law.

    Cost: the rules of the member's region, for each use that they did not say no to.
    """
    found = [explainer.explain(use) for use in leaves]
    open_ = [one for one in found if one.choices.reason not in VETOES]
    stopped = [one.reason.word for one in open_ if one.stopped_by_rule]
    by_law = [one.ground.word for one in open_ if one.allowed and one.ground is not Ground.CONSENT]
    return {
        "stopped_by": stopped[0] if stopped else None,
        "stopped_all": bool(stopped) and not any(one.allowed for one in found),
        "allowed_by": by_law[0] if by_law else None,
        "region": explainer.region,
    }


def _who(house: House, scope: Scope) -> str | None:
    """Return what the operator's taxonomy says of who gets the data; None: anyone."""
    if scope.recipient == "*":
        return None
    return house.taxonomy.recipients[scope.recipient].sentence


def _leaves_out(house: House, scope: Scope) -> list[str]:
    """Return the kinds of data, of the first rank, that an answer to this scope says nothing about."""
    if scope.category == "*":
        return []
    own = scope.category.partition(".")[0]
    return [name for name in house.taxonomy.categories if "." not in name and name != own]


def _state(stands: Sequence[Standing]) -> str:
    yes = sum(s.reason is Reason.KEPT for s in stands)
    if stands and yes == len(stands):
        return "yes"
    if yes:
        return "partly"
    return "undecided" if all(s.event is None for s in stands) else "no"
