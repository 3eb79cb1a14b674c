"""What the operator's lists show, as dictionaries of the shape of `byleave.pages.house_lists`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from byleave.errors import InputError
from byleave.ids import format_instant
from byleave.service.acts import KINDS, trail
from byleave.service.house import House
from byleave.service.recall import status
from byleave.service.requests import KINDS as REQUESTS
from byleave.service.requests import list_requests
from byleave.service.taint import tainted
from byleave.service.withdrawal_plan import plan_withdrawals

__all__ = ["requests_facts", "rules_facts", "trail_facts", "withdrawals_facts"]

_LINES: Final = 50
_WAITING: Final = frozenset({"recalled", "overdue"})
Facts = dict[str, Any]


def requests_facts(house: House, *, show: str, kind: str | None) -> Facts:
    """Return the requests of members.

    Args:
        house: The workspace's ports.
        show: `open`, or `all`: those that are closed too.
        kind: Of one kind alone; None: of all.

    Raises:
        InputError: `input.malformed`, no such kind.
    """
    if kind is not None and kind not in REQUESTS:
        raise InputError(
            f"no such kind; there are {', '.join(REQUESTS)}", code="input.malformed", where="kind"
        )
    found = list_requests(house, only_open=show == "open")
    return {
        **_stand(house),
        "show": show,
        "kind": kind,
        "kinds": list(REQUESTS),
        "requests": [item for item in found if kind in (None, item["kind"])],
    }


def trail_facts(
    house: House,
    *,
    kind: str | None,
    before: int | None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Facts:
    """Return a page of what was done, newest first (`service.acts.trail`).

    Raises:
        InputError: `input.malformed`, no such kind.
    """
    found = trail(house, kind=kind, before=before, limit=_LINES + 1, since=since, until=until)
    rows = found[:_LINES]
    return {
        **_stand(house),
        "kind": kind,
        "kinds": list(KINDS),
        "since": None if since is None else format_instant(since),
        "until": None if until is None else format_instant(until),
        "older": rows[-1]["index"] if len(found) > len(rows) else None,
        "rows": [{**row, "means": KINDS[row["kind"]]} for row in rows],
    }


def withdrawals_facts(house: House) -> Facts:
    """Return what withdrawals would reach now, what waits for recipients, and the batches done.

    Cost: that of `plan_withdrawals`.
    """
    plan = plan_withdrawals(house)
    due = {taint.release: format_instant(taint.due) for taint in tainted(house)}
    ends = {name: index for index, name, _, _ in house.ledger.objects("withdrawal-end")}
    to_recall = {str(item["package"]): item["rows"] for item in plan.recipients}
    return {
        **_stand(house),
        "unfinished": plan.unfinished,
        "purge": plan.purge,
        "releases": [
            {
                "release": item.release,
                "trainer": item.trainer,
                "exact": item.exact,
                "rows": item.rows,
                "leaving": item.leaving,
                "members": item.members,
                "read": item.read,
                "seconds": item.seconds,
                "refit_seconds": item.refit_seconds,
                "due": due.get(item.release),
            }
            for item in plan.releases
        ],
        "packages": [
            {
                "package": item["disclosure"],
                "recipient": item["recipient"],
                "rows": to_recall.get(item["disclosure"], 0),
                "state": item["state"],
                "due": item["due"],
            }
            for item in status(house)
            if item["disclosure"] in to_recall or item["state"] in _WAITING
        ],
        "batches": [
            {
                "withdrawal": name,
                "index": index,
                "at": document["logged"]["at"],
                "releases": len(document["logged"]["releases"]),
                "packages": len(document["logged"]["packages"]),
                "ended": ends.get(name),
            }
            for index, name, _, document in reversed(house.ledger.objects("withdrawal"))
        ],
    }


def rules_facts(house: House) -> Facts:
    """Return the rulesets in force now, each rule with its source."""
    now, book = house.now(), house.rulebook
    return {
        **_stand(house, now),
        "version": book.version,
        "sha256": book.digest.hex(),
        "accepts": book.accepts(now),
        "rules": [
            {
                "name": found.name,
                "title": found.title,
                "since": format_instant(found.effective),
                "regions": list(found.regions),
                "party_rule": found.party_rule.word,
                "party_cite": found.party_cite,
                "min_age": found.min_age,
                "standing_still": [
                    str(item.scope)
                    for item in found.suspensions
                    if item.start <= now and (item.end is None or now < item.end)
                ],
                "rules": [
                    {"scope": str(rule.scope), "basis": rule.basis.word, "cite": rule.cite}
                    for rule in found.rules
                ],
            }
            for found in book.in_force(now)
        ],
    }


def _stand(house: House, now: datetime | None = None) -> Facts:
    head = house.log.checkpoint()
    return {
        "at": format_instant(now or house.now()),
        "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
    }
