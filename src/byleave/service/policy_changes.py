"""Each text the operator published, what it says otherwise than the one before, and what changed
for one member: computed from the ledger, not from the rule that nothing may change (G3).

The dictionary has the shape of `byleave.pages.changes.Changes`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from byleave.consent.decide import Standing, standing
from byleave.consent.event import ConsentEvent
from byleave.consent.reason import Reason
from byleave.ids import format_instant
from byleave.policy.diff import TextDiff
from byleave.policy.scope import Use
from byleave.policy.variants import Published
from byleave.service.answer import uses_of_gate
from byleave.service.clock import ledger_now
from byleave.service.consent import member_history
from byleave.service.house import House
from byleave.service.notice import coverages
from byleave.service.policy_text import diff_versions, versions_of
from byleave.service.rules import accepted_grade, rules_as_of

__all__ = ["policy_changes"]

Facts = dict[str, Any]


def policy_changes(house: House, member: str) -> Facts:
    """Return every published text, newest first, with what it changed and what it left.

    Of each: `changes` is the difference in prose to the version before, `adds` and `removes` are the
    uses it declares otherwise, each with how the member stands on it now; `moved` lists the uses on
    which the answer for the member was another after the text than before: none, unless something is
    wrong (G3).

    Cost: one comparison of texts a version, and two decisions a use and version.

    Raises:
        InputError: `member.unknown`.
    """
    history = member_history(house, member)
    records = {index: doc for index, _, _, doc in house.ledger.objects("policy")}
    asked = {
        use
        for _, _, _, document in house.ledger.objects("gate")
        for use in uses_of_gate(house, document)
    }
    last: dict[str, Published] = {}
    found = []
    for version in versions_of(house):
        name = version.document.document
        record = records[version.index]
        before = last.get(name)
        last[name] = version
        named = {house.taxonomy.use(text) for text in record["adds"]}
        prose = None
        if before is not None:
            prose = diff_versions(house, name, before.label, version.label).prose
        found.append(
            {
                "document": name,
                "version": version.label,
                "before": None if before is None else before.label,
                "title": record["title"],
                "language": record["language"],
                "effective": record["effective"],
                "announced": record["announced"],
                "recorded": record["recorded"],
                "index": version.index,
                "notice_window_days": record["notice_window_days"],
                "adds": [_named(house, history, text) for text in record["adds"]],
                "removes": record["removes"],
                "changes": [] if prose is None else _prose(prose),
                "same": 0 if prose is None else prose.same,
                "checked": len(asked | named),
                "moved": [str(u) for u in _moved(house, history, asked | named, version)],
            }
        )
    head = house.log.checkpoint()
    return {
        "member_label": member,
        "at": format_instant(house.now()),
        "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
        "versions": found[::-1],
    }


def _prose(prose: TextDiff) -> list[Facts]:
    return [
        {
            "kind": change.kind,
            "section": change.section,
            "pieces": [{"kind": piece.kind, "text": piece.text} for piece in change.pieces],
        }
        for change in prose.changes
    ]


def _named(house: House, history: list[ConsentEvent], text: str) -> Facts:
    """Return a use that a text newly names, and what the member has said about it up to now."""
    use = house.taxonomy.use(text)
    stands = _world(house, house.ledger.size(), ledger_now(house))(history, use)
    said = stands.event
    state = "undecided" if said is None else "yes" if stands.reason is Reason.KEPT else "no"
    return {
        "use": text,
        "state": state,
        "since": None if said is None else format_instant(said.effective),
    }


def _moved(
    house: House, history: list[ConsentEvent], uses: set[Use], version: Published
) -> list[Use]:
    """Return the uses on which a text changed what the member's choices come to.

    Both times the choices are those recorded before the text, and the instant is that of the text;
    what differs is the ledger of notices and rules below its entry, and with it.
    """
    said = [event for event in history if event.index < version.index]
    without = _world(house, version.index, version.recorded)
    with_it = _world(house, version.index + 1, version.recorded)
    return [
        use
        for use in sorted(uses, key=str)
        if without(said, use).reason != with_it(said, use).reason
    ]


def _world(
    house: House, before: int, at: datetime
) -> Callable[[list[ConsentEvent], Use], Standing]:
    """Return the oracle as of a ledger position and an instant."""
    notices = coverages(house, before=before)
    accepted = accepted_grade(rules_as_of(house, before), at)

    def decide(history: list[ConsentEvent], use: Use) -> Standing:
        return standing(history, use, at=at, notices=notices, accepted=accepted)

    return decide
