"""May a question be shown to this member now? Once, at the moment of use, and never past a no.

A question is asked in context once. Whoever says "not now", or closes it, has given no answer: the
ledger and the log know nothing of it, nothing is used, and it is not asked again for as long as the
operator's setting says (180 days as shipped, our figure) unless a use was added to it. What was
refused, withdrawn or objected to is not asked again in context at all; the settings stay open.
What a rule stops whatever the member says (their region, age or group) is not asked for: a yes to it
would allow nothing.

When a member was asked is kept outside the ledger (`stores/desk.py`) and handed in here.
Source: rule M6 of the interface research; 11 CCR § 7004 ("ask me later" is no choice: yes and no
stand beside it, alike), EDPB Guidelines 03/2022 § 3.3 (continuous prompting).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from byleave.consent.decide import Standing, standing
from byleave.consent.event import ConsentEvent, EventKind
from byleave.consent.reason import Reason
from byleave.errors import InputError
from byleave.ids import format_instant
from byleave.policy.notice import Control, Notice, choose_notice
from byleave.policy.scope import Scope, Use
from byleave.service.clock import ledger_now
from byleave.service.consent import member_history
from byleave.service.explain import Explainer
from byleave.service.house import House
from byleave.service.notice import coverages, published_notices
from byleave.service.rules import accepted_grade

__all__ = ["ASK_AGAIN_DAYS", "Asking", "PutOff", "asking", "asking_facts", "question_of"]

ASK_AGAIN_DAYS: Final = 180
_NO: Final = frozenset({EventKind.REFUSAL, EventKind.WITHDRAWAL, EventKind.OBJECTION})


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOff:
    """That a member was asked, and has not answered.

    Attributes:
        at: When.
        uses: The uses that were asked for then.
        said: Whether they said "not now"; else it was shown, and nothing came back.
    """

    at: datetime
    uses: frozenset[str]
    said: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a question stands with a member.

    Attributes:
        ask: Whether it may be shown now.
        because: `undecided`, `uses-changed`; else `answered`, `refused`, `stopped`, `put-off`.
        question: The family of the notice.
        notice: The very text.
        scopes: Lines of the notice that are open: neither answered nor refused, nor stopped.
        uses: The leaf uses of those lines that have no yes, and that no rule stops, ascending.
        put_off: When the member was asked before; None: never.
        again: When it may be asked again; None: now, or never.
    """

    ask: bool
    because: str
    question: str
    notice: Notice
    scopes: tuple[Scope, ...]
    uses: tuple[str, ...]
    put_off: PutOff | None
    again: datetime | None


def question_of(house: House, *, notice: str | None, use: str | None) -> str:
    """Return the question that asks for a use, or that a notice is a text of.

    Args:
        house: The workspace's ports.
        notice: Id of a notice, or of its family.
        use: A leaf use; the question published first that asks for it is meant.

    Raises:
        InputError: `consent.notice-unknown`, no question asks that; `use.*`; `api.malformed`,
            neither is named, or both.
    """
    if (notice is None) == (use is None):
        raise InputError("name a notice or a use", code="input.malformed")
    leaf = None if use is None else house.taxonomy.use(use)
    for published in published_notices(house.ledger).values():
        if published.control is Control.ON:  # it asks nothing (G1)
            continue
        named = notice in {published.id, published.family}
        if named or (leaf is not None and leaf in published.uses):
            return published.family or published.id
    raise InputError("no such question was published", code="consent.notice-unknown")


def asking(
    house: House,
    member: str,
    question: str,
    *,
    language: str,
    screen: str | None = None,
    put_off: PutOff | None = None,
    days: int = ASK_AGAIN_DAYS,
) -> Asking:
    """Return how a question stands with a member.

    Args:
        house: The workspace's ports.
        member: Who would be asked.
        question: As `question_of` returns it.
        language: BCP 47 tag; where there is no text in it, the one published first is meant.
        screen: Where it would be shown.
        put_off: When they were asked before.
        days: For how long it is not asked again then.

    Raises:
        InputError: `member.unknown`; `consent.notice-unknown`.
    """
    notice = _text(house, question, language, screen)
    history, now = member_history(house, member), ledger_now(house)
    open_lines, uses, shut = _lines(house, member, notice, history, now)
    again = None
    if not open_lines:
        because = shut
    elif put_off is None:
        because = "undecided"
    elif not put_off.uses >= set(uses):
        because = "uses-changed"
    elif now >= put_off.at + timedelta(days=days):
        because = "undecided"
    else:
        because, again = "put-off", put_off.at + timedelta(days=days)
    return Asking(
        ask=because in {"undecided", "uses-changed"},
        because=because,
        question=question,
        notice=notice,
        scopes=open_lines,
        uses=uses,
        put_off=put_off,
        again=again,
    )


def asking_facts(found: Asking) -> dict[str, Any]:
    """Return the same as plain facts, as the API answers them."""
    return {
        "ask": found.ask,
        "because": found.because,
        "question": found.question,
        "notice": found.notice.id,
        "language": found.notice.language,
        "uses": list(found.uses),
        "again": None if found.again is None else format_instant(found.again),
    }


def _text(house: House, question: str, language: str, screen: str | None) -> Notice:
    able = [
        notice
        for notice in published_notices(house.ledger).values()
        if notice.control is not Control.ON
        and question == (notice.family or notice.id)
        and notice.screen in {None, screen}
    ]
    if not able:
        raise InputError("no such question was published", code="consent.notice-unknown")
    try:
        return choose_notice(able, question, language=language, screen=screen)
    except InputError:  # no text in that language: the page says so (M12)
        return able[0]


def _lines(
    house: House, member: str, notice: Notice, history: Sequence[ConsentEvent], now: datetime
) -> tuple[tuple[Scope, ...], tuple[str, ...], str]:
    """Return the notice's open lines, their uses without a yes, and why there is no open one.

    Cost: the choices, and for each use without a yes or a no the rules.
    """
    notices, accepted = coverages(house), accepted_grade(house.rulebook, now)
    explainer = Explainer(house, member, at=now)

    def stands(use: Use) -> Standing:
        return standing(history, use, at=now, notices=notices, accepted=accepted)

    lines: list[Scope] = []
    uses: set[str] = set()
    shut = "answered"
    for scope in notice.asks:
        found = {use: stands(use) for use in house.taxonomy.expand(scope) if use in notice.uses}
        if any(s.event is not None and s.event.kind in _NO for s in found.values()):
            shut = "refused"
            continue
        missing = [use for use, s in found.items() if s.reason is not Reason.KEPT]
        open_ = {str(use) for use in missing if not explainer.explain(use).stopped_by_rule}
        if open_:
            lines.append(scope)
            uses |= open_
        elif missing and shut != "refused":
            shut = "stopped"
    return tuple(lines), tuple(sorted(uses)), shut
