"""The few rules that choose among the sentences of the catalogue.

A sentence of fact is made from a record of `byleave.pages.view`, never typed by hand (G11).
Reason codes stand untranslated beside their sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from byleave.pages.catalogue import BECAUSE, GROUNDS, LIMITS, REASONS, SAY
from byleave.pages.view import (
    Choice,
    DepthRow,
    ReleasePresence,
    Standing,
    TimelineItem,
)
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import default_taxonomy

__all__ = [
    "BECAUSE",
    "GROUNDS",
    "LIMITS",
    "REASONS",
    "SAY",
    "choice_sentence",
    "count",
    "date",
    "depth_sentence",
    "instant",
    "presence_sentence",
    "reason_words",
    "relative",
    "say",
    "scope_words",
    "standing_sentence",
    "state_words",
    "timeline_sentence",
    "who_words",
]

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
_OBJECTS_SHOWN: Final = 3


def say(key: str, **places: object) -> str:
    """Return the sentence of a key with its places filled; KeyError for an unknown key."""
    return SAY[key].format(**places)


def date(at: datetime) -> str:
    """Write the day: `3 October 2024`."""
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def instant(at: datetime) -> str:
    """Write the minute and the zone: `3 October 2024, 07:40 UTC`."""
    return f"{date(at)}, {at:%H:%M} UTC"


def relative(at: datetime, now: datetime) -> str:
    """Write a distance in days: `in 13 days`, `today`, `2 days ago`."""
    days = (at.date() - now.date()).days
    if days == 0:
        return "today"
    much = count(abs(days), "day")
    return f"in {much}" if days > 0 else f"{much} ago"


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number and its noun: `1 record`, `1,180 records`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def scope_words(scope: str) -> str:
    """Say what a use or scope means, as the taxonomy does; the name itself where it has no words."""
    parsed = Scope.parse(scope)
    try:
        return default_taxonomy().sentence(parsed)
    except KeyError:  # a term of the operator's own file
        return scope


def reason_words(code: str) -> str:
    """Say what a reason code of a dropped record means."""
    return REASONS.get(code, "the rules said no")


def who_words(who: str) -> str:
    """Name the one who acted: `You`, `We`, or the recipient."""
    return {"you": "You", "we": "We"}.get(who, who)


def choice_sentence(choice: Choice) -> str:
    """Say what the member said, with its conditions."""
    parts = [say(f"choice.{choice.kind}")]
    if choice.kind == "grant":
        parts.append(say("choice.past" if choice.includes_past else "choice.no-past"))
        if choice.expires is not None:
            parts.append(say("choice.expires", date=date(choice.expires)))
        if choice.grade != "bytes":
            parts.append(say("choice.grade"))
    if choice.notice is not None:
        parts.append(say("choice.notice", notice=choice.notice))
    return " ".join(parts)


def standing_sentence(standing: Standing) -> str:
    """Say where the member stands, with date and ground (M1, M8)."""
    code = (standing.ground or standing.because) if standing.allowed else standing.because
    key = BECAUSE.get(code, "standing.other-no")
    if not standing.allowed and code in GROUNDS:
        key = "standing.other-no"
    if "{date}" in SAY[key] and standing.since is None:
        key = "standing.granted-undated" if standing.allowed else "standing.other-no"
    return say(key, date=date(standing.since) if standing.since else "")


def timeline_sentence(item: TimelineItem) -> str:
    """Say what happened, after the name of the one who acted."""
    return say(
        f"line.{item.kind}",
        object=item.object,
        records=count(item.records or 0, "record"),
        because=f", because {GROUNDS[item.ground]}" if item.ground else "",
        reason=reason_words(item.because or ""),
    )


def state_words(row: DepthRow) -> str:
    """Name the state of a depth: `done`, `done for 1 of 2`, `waiting`."""
    if row.done and row.total and row.done < row.total and row.state in {"due", "waiting"}:
        return say("state.some", done=row.done, total=row.total)
    return say(f"state.{row.state}")


def depth_sentence(row: DepthRow, now: datetime) -> str:
    """Say what a depth means for the member, and when it was or will be done."""
    parts = [_depth(row)]
    if row.state == "done" and row.at is not None:
        parts.append(say("depth.at", at=instant(row.at)))
    if row.state in {"due", "waiting", "overdue"} and row.due is not None:
        due = say("depth.due", at=instant(row.due), relative=relative(row.due, now))
        parts.insert(0 if row.depth == "unlearned" else len(parts), due)
    return " ".join(parts)


def presence_sentence(release: ReleasePresence) -> str:
    """Say whether a release had the member's records, and how many."""
    if release.presence == "absent":
        return say("presence.absent")
    roles = release.as_author + release.as_recipient == release.records
    return say(
        "presence.present" if roles else "presence.present-plain",
        records=count(release.records, "record"),
        as_author=release.as_author,
        as_recipient=release.as_recipient,
    )


def _depth(row: DepthRow) -> str:
    objects = _list(row.objects)
    named = "-named" if objects else ""
    plain = "" if objects else "-plain"
    open_ = row.state in {"due", "waiting", "overdue"}
    if row.depth == "stopped":
        return say("depth.stopped.open" if open_ else "depth.stopped.done")
    if row.state == "not-needed":
        return say(f"depth.{row.depth}.not-needed")
    if row.depth == "dropped":
        if open_:
            return say("depth.dropped.open")
        if row.records is None or not objects:
            return say("depth.dropped.done-plain")
        records = count(row.records, "record")
        return say("depth.dropped.done", records=records, objects=objects)
    if row.depth == "unlearned":
        if row.state == "cannot" or row.exact is False:
            return say("depth.unlearned.approximate")
        if open_:
            return say("depth.unlearned.open")
        return say(f"depth.unlearned.exact{plain}", objects=objects)
    if row.state in {"overdue", "cannot"}:
        return say(f"depth.recalled.{row.state}")
    return say(f"depth.recalled.{'open' if open_ else 'done'}{named}", objects=objects)


def _list(names: Sequence[str]) -> str:
    """Write names for a sentence: `a`, `a and b`, `a, b, c and 4 more`."""
    shown = list(names[:_OBJECTS_SHOWN])
    more = len(names) - len(shown)
    if more:
        return ", ".join(shown) + f" and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
