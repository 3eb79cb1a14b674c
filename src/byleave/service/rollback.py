"""Put a release out of service and an older one of its trainer back, where that brings nobody back.

A release that was unlearned holds the rows of who left: going back to it would undo a withdrawal,
and is refused whether or not its date has passed. So is going back to one whose training state is
not held, since the next withdrawal could not be served from it. The log keeps both releases'
entries and every proof; a `rollback/v1` entry says which took whose place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from byleave.errors import ConflictError, RefusedError
from byleave.evidence.entry import RollbackEntry
from byleave.ids import to_us
from byleave.service.house import House
from byleave.service.model import load_release, release_object, run_object
from byleave.service.withdrawal import affected_release

__all__ = ["roll_back"]


def roll_back(house: House, name: str, *, to: str | None = None) -> tuple[str, int]:
    """Put a release that is in service out of it, and an older one in its place.

    Args:
        house: The workspace's ports.
        name: The release in service.
        to: The older one; default the newest of the same trainer and use that may be loaded.

    Returns:
        The release now in service, and the log index of the rollback.

    Raises:
        InputError: `workspace.unknown-object`.
        RefusedError: `release.rollback`; `release.rollback-stale`, it holds rows that may no longer
            be used; `release.purged`.
        ConflictError: `training.no-state`, its training state is not held.
        EvidenceError: `release.digest`.
    """
    index, document = release_object(house, name)
    if document["superseded_by"] is not None:
        raise RefusedError(
            f"{name} is not in service: {document['superseded_by']} took its place",
            code="release.rollback",
        )
    to = _newest(house, index, document) if to is None else to
    at, older = release_object(house, to)
    same = all(older[key] == document[key] for key in ("trainer", "use"))
    if at >= index or not same:
        raise RefusedError(
            f"{to} is not an older release of the same trainer and use",
            code="release.rollback",
            hint="byleave release list",
        )
    load_release(house, to)
    held = affected_release(house, to)
    if held is not None:
        raise RefusedError(
            f"{held.rows:,} rows in {to} may no longer be used",
            code="release.rollback-stale",
            hint="roll back to one that was unlearned, or train again",
        )
    if not run_object(house, older["run"])[1]["files"]:
        raise ConflictError(
            f"the training state of {to} is not held: the next withdrawal could not reach it",
            code="training.no-state",
        )
    entry = RollbackEntry(from_=index, to=at)
    with house.ledger.writing() as writer:
        logged = writer.log(entry.encode())
        record: dict[str, Any] = {"from": name, "to": to}
        writer.add_object(
            "rollback",
            f"rollback-{logged}",
            index=logged,
            at_us=to_us(house.now()),
            document=record,
        )
        writer.replace_object("release", name, {**document, "superseded_by": to})
        writer.replace_object("release", to, {**older, "superseded_by": None})
    return to, logged


def _newest(house: House, index: int, document: dict[str, Any]) -> str:
    """Return the newest older release of the same trainer and use that holds nothing refused."""
    for at, name, _, older in reversed(house.ledger.objects("release")):
        same = all(older[key] == document[key] for key in ("trainer", "use"))
        if at >= index or not same or older.get("purged"):
            continue
        held: Mapping[str, str] = run_object(house, older["run"])[1]["files"]
        if held and affected_release(house, name) is None:
            return str(name)
    raise RefusedError(
        "no older release of the same trainer and use may be served", code="release.rollback"
    )
