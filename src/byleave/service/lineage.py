"""Where a release came from, and where a snapshot, a record or a member went.

Back: release → run and recipe → snapshots to the first → gates → rulesets, policy documents in
effect then, and the notices that the consents behind the records answered. Forth: from a snapshot,
one record of a source, or a member to every release that was trained on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byleave.errors import EvidenceError, InputError
from byleave.ids import format_instant, from_us, parse_instant, to_us
from byleave.service.house import House
from byleave.service.model import release_object, run_object
from byleave.service.release_files import standing_on
from byleave.service.snapshot import (
    member_rows,
    open_snapshot,
    snapshot_document,
    source_rows_of,
)
from byleave.service.source import open_source

__all__ = ["releases_of_member", "releases_of_record", "releases_of_snapshot", "upstream"]

Facts = dict[str, Any]


def upstream(house: House, release: str) -> Facts:
    """Return everything a release came from, each part with its log index.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    index, document = release_object(house, release)
    recipe, run = run_object(house, document["run"])
    snapshots = _chain(house, document["snapshot"])
    gates = [_gate(house, item["gate"]) for item in snapshots]
    return {
        "release": release,
        "index": index,
        "model": document["model"],
        "parent": document["parent"],
        "superseded_by": document["superseded_by"],
        "run": {"run": document["run"], "index": recipe, "trainer": run["trainer"]},
        "snapshots": snapshots,
        "gates": gates,
        "source": _source(house, snapshots[0]["source"]),
        "policies": _policies(house, gates[0]),
        "notices": _notices(house, document["snapshot"]),
    }


def releases_of_snapshot(house: House, snapshot: str) -> list[Facts]:
    """Return the releases trained on a snapshot, or on one that came of it.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    snapshot_document(house, snapshot)
    return [
        _release(house, name)
        for _, name, _, document in house.ledger.objects("release")
        if any(item["snapshot"] == snapshot for item in _chain(house, document["snapshot"]))
    ]


def releases_of_member(house: House, member: str) -> list[Facts]:
    """Return the releases trained on records of a member, with how many, as author or recipient.

    Raises:
        InputError: `member.unknown`.
    """
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    found = []
    for _, name, _, document in house.ledger.objects("release"):
        own = member_rows(house, document["snapshot"], row[0])
        if own.num_rows:
            found.append({**_release(house, name), "records": own.num_rows})
    return found


def releases_of_record(house: House, source: str, record: int) -> list[Facts]:
    """Return the releases trained on one record of a source.

    Args:
        house: The workspace's ports.
        source: Id of the source.
        record: Its row in the source, from 0: the name that gates and snapshots know it by.

    Raises:
        InputError: `workspace.unknown-object`, no such source, or it has fewer rows.
    """
    opened = open_source(house, source)
    if not 0 <= record < opened.rows:
        raise InputError(
            f"the source has {opened.rows:,} records, numbered from 0",
            code="workspace.unknown-object",
        )
    found = []
    held: dict[str, bool] = {}
    for _, name, _, document in house.ledger.objects("release"):
        sealed = document["snapshot"]
        if snapshot_document(house, sealed)[1]["source"] != source:
            continue
        if sealed not in held:
            snapshot = open_snapshot(house, sealed)
            rows = source_rows_of(house, snapshot)[snapshot.alive]
            held[sealed] = bool(np.isin(record, rows))
        if held[sealed]:
            found.append(_release(house, name))
    return found


def _release(house: House, name: str) -> Facts:
    index, document = release_object(house, name)
    return {
        "release": name,
        "index": index,
        "snapshot": document["snapshot"],
        "superseded_by": document["superseded_by"],
        "purged": bool(document.get("purged")),
    }


def _chain(house: House, name: str) -> list[Facts]:
    """Return a snapshot and those it came of, newest first."""
    index, document = snapshot_document(house, name)
    found = []
    while True:
        found.append(
            {
                "snapshot": document["snapshot"],
                "index": index,
                "records": document["records"],
                "members": document["members"],
                "root": document["root"],
                "gate": document["gate"],
                "source": document["source"],
                "use": document["use"],
            }
        )
        if document["parent"] is None:
            return found
        index = document["parent"]
        above = house.ledger.object_at(index)
        if above is None:
            raise EvidenceError(
                "a snapshot that the ledger names is gone", code="workspace.damaged"
            )
        document = above[3]


def _gate(house: House, index: int) -> Facts:
    found = house.ledger.object_at(index)
    if found is None:
        raise EvidenceError("a gate that the ledger names is gone", code="workspace.damaged")
    _, name, _, document = found
    keys = ("at", "kept", "ledger", "rows", "rulesets", "use")
    return {"gate": name, "index": index, **{key: document[key] for key in keys}}


def _source(house: House, name: str) -> Facts:
    found = house.ledger.object("source", name)
    if found is None:
        raise EvidenceError("a source that the ledger names is gone", code="workspace.damaged")
    return {"source": name, "index": found[0]}


def _policies(house: House, gate: Facts) -> list[Facts]:
    """Return the version of each policy document in effect when a gate ran, as recorded by then."""
    at = to_us(parse_instant(gate["at"]))
    newest: dict[tuple[str, str], tuple[int, Facts]] = {}
    for index, _, recorded, document in house.ledger.objects("policy"):
        effective = to_us(parse_instant(document["effective"]))
        if index > gate["ledger"] or effective > at:
            continue
        key = (document["document"], str(document.get("language", "")))
        if key not in newest or newest[key][0] <= effective:
            newest[key] = (
                effective,
                {
                    "document": document["document"],
                    "version": document["version"],
                    "index": index,
                    "recorded": format_instant(from_us(recorded)),
                },
            )
    return [facts for _, facts in newest.values()]


def _notices(house: House, snapshot: str) -> list[Facts]:
    """Return the notices that the consents behind a snapshot's records answered."""
    known = {name: index for index, name, _, _ in house.ledger.objects("notice")}
    return [
        {"notice": name, "index": known.get(name), "party_records": count}
        for name, count in standing_on(house, snapshot).items()
    ]
