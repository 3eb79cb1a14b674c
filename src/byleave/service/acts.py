"""Who of the operator's people did what: an act has a log entry before it happens.

What is done through the console or the API is put into the log as a commitment to who, what and why, and then
done; what was done is an entry of its own behind it. `trail` reads both back, newest first, with
everything else that the ledger's objects stand for.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from byleave.canonical import Json
from byleave.errors import InputError
from byleave.evidence.entry import ActEntry
from byleave.evidence.look import act_commitment
from byleave.ids import format_instant, from_us
from byleave.service.clock import between, ledger_now
from byleave.service.house import House
from byleave.service.noting import note, reason

__all__ = ["KINDS", "log_act", "trail", "trail_after"]

Facts = dict[str, Any]

KINDS: Final[dict[str, str]] = {
    "acknowledgement": "a recipient acknowledged a recall",
    "act": "someone acted, and said why",
    "attestation": "a run outside was attested",
    "case": "a case was stated",
    "certificate": "a certificate of unlearning was made",
    "cessation": "a statement was signed that a use has ended",
    "delivery": "a recipient fetched a package",
    "directory": "the directory of members was sealed",
    "disclosure": "a package was offered to a recipient",
    "erasure": "members were erased",
    "forced-load": "a tainted release was loaded all the same",
    "gate": "the gate ran",
    "import": "choices were imported",
    "look": "someone looked at a member's data",
    "notice": "a question for members was published",
    "policy": "a policy text was published",
    "recall": "rows were recalled from a recipient",
    "recipients": "the recipients were put on record",
    "release": "a model was released",
    "request": "a member asked for something by right",
    "request-extension": "a request of a member got more time",
    "request-end": "a request of a member was closed",
    "rollback": "an older release was put back",
    "ruleset": "rulesets were put in force",
    "run": "a model was trained",
    "snapshot": "a data set was sealed",
    "source": "a table was taken in",
    "taxonomy": "the words for uses were put on record",
    "unlearning": "a model was unlearned",
    "withdrawal": "a batch of withdrawals was begun",
    "withdrawal-end": "a batch of withdrawals was finished",
}
"""Kind of object → what its entry says happened. Choices and enrolments are not in the trail."""


def log_act(house: House, act: str, *, who: str, what: str, why: str) -> int:
    """Log what somebody is about to do; return the log index.

    Args:
        house: The workspace's ports.
        act: Which: `policy.publish`, `ruleset.publish`, ….
        who: Their name, as their sign-in says.
        what: With what: an id, a digest; nothing personal.
        why: Their reason, 1 to 200 characters.

    Raises:
        InputError: `input.malformed`, no reason.
    """
    now = ledger_now(house)
    document: dict[str, Json] = {
        "act": act,
        "who": who,
        "what": what,
        "why": reason(why),
        "at": format_instant(now),
    }
    return note(house, "act", document, at=now, entry=_entry)


def _entry(salt: bytes, document: Json) -> ActEntry:
    return ActEntry(commitment=act_commitment(salt, document))


def trail(
    house: House,
    *,
    kind: str | None = None,
    before: int | None = None,
    limit: int = 50,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Facts]:
    """Return what was done, newest first: `index`, `at`, `kind`, `name`, `who`, `what`, `why`.

    Who and why are known of looks, requests closed, and acts through console or API; the command line
    is whoever has the machine. Members stand in it by ordinal.

    Args:
        house: The workspace's ports.
        kind: Of this kind alone, one of `KINDS`.
        before: Only entries of a lower index.
        limit: At most so many.
        since: Only entries from the first that was recorded then or later.
        until: Only entries before the first that was recorded then or later.

    Raises:
        InputError: `input.malformed`, no such kind.
    """
    kinds = _kinds(kind)
    start, end = between(house, since, until)
    end = end if before is None else min(before, end)
    found = house.ledger.last_objects(kinds, before=end, limit=limit, after=start - 1)
    return [_done(*item) for item in found]


def trail_after(
    house: House,
    after: int,
    *,
    kind: str | None = None,
    limit: int = 50,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Facts]:
    """Return what was done after a log index, oldest first, for whoever follows the trail.

    Args:
        house: The workspace's ports.
        after: Only entries of a higher index.
        kind: Of this kind alone, one of `KINDS`.
        limit: At most so many. Cost: what is skipped between them, and they.
        since: Only entries from the first that was recorded then or later.
        until: Only entries before the first that was recorded then or later.

    Raises:
        InputError: `input.malformed`, no such kind.
    """
    kinds = _kinds(kind)
    start, last = between(house, since, until)
    start, width, kept = max(after + 1, start), limit, list[Facts]()
    while start < last and len(kept) < limit:
        end = min(start + width, last)
        found = house.ledger.last_objects(kinds, before=end, limit=width, after=start - 1)
        kept += [_done(*item) for item in reversed(found)]
        start, width = end, 2 * width
    return kept[:limit]


def _kinds(kind: str | None) -> tuple[str, ...]:
    if kind is not None and kind not in KINDS:
        raise InputError(
            f"no such kind; there are {', '.join(KINDS)}", code="input.malformed", where="kind"
        )
    return tuple(KINDS) if kind is None else (kind,)


def _done(index: int, kind: str, name: str, at: int, document: Any) -> Facts:  # noqa: ANN401
    return {
        "index": index,
        "at": format_instant(from_us(at)),
        "kind": kind,
        "name": _name(kind, name, document),
        "who": _said(document, "who"),
        "what": _said(document, "act") if kind == "act" else None,
        "why": _said(document, "why"),
    }


def _name(kind: str, name: str, document: Any) -> str:  # noqa: ANN401 (an object's document)
    if kind == "look":
        return f"member no. {document['member']}"
    if kind == "act":
        return str(document["what"])
    return name


def _said(document: Any, field: str) -> str | None:  # noqa: ANN401 (an object's document)
    said = document.get(field) if isinstance(document, dict) else None
    return said if isinstance(said, str) else None
