"""What a workspace did, act by act, as lineage tools ask it: what went in, what came out, when.

One act for each gate, seal, training run, release, unlearning and attestation in the log. Names,
digests, counts and instants of published things; no member, no record, no text (as in the log, G10).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from byleave.evidence.entry import GateEntry, parse_entry
from byleave.ids import from_us
from byleave.service.house import House

__all__ = ["Act", "Thing", "acts", "gate_record"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What goes into an act, or comes out of it.

    Attributes:
        name: Kind and id, `snapshots/set-1`.
        digest: What it is, hex: root, record, model; None where it has none.
        rows: Rows it holds; None where it holds none.
    """

    name: str
    digest: str | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act.

    Attributes:
        kind: `gate`, `seal`, `train`, `release`, `unlearn` or `attest`.
        job: What it is done again and again for: the source, or the trainer.
        index: Its log index.
        began: As far as the ledger knows.
        ended: When it was recorded; a fit's measured time is counted in.
        use: The use it is for; None where the act has none of its own.
        inputs: What went in.
        outputs: What came out.
    """

    kind: str
    job: str
    index: int
    began: datetime
    ended: datetime
    use: str | None
    inputs: tuple[Thing, ...] = field(default=())
    outputs: tuple[Thing, ...] = field(default=())


def acts(house: House, *, after: int = -1, before: int | None = None) -> Iterator[Act]:
    """Yield the acts of some log indexes, in the order of the log.

    Args:
        house: The workspace's ports.
        after: The last index that is not wanted.
        before: The first index that is not wanted any more; None: to the end.
    """
    end = house.ledger.size() if before is None else before
    forgotten = {
        document["run"]
        for _, _, _, document in house.ledger.objects("release")
        if document["parent"] is not None
    }
    found = [
        (index, at_us, name, make, document)
        for kind, make in _MAKERS.items()
        for index, name, at_us, document in house.ledger.objects(kind)
        if after < index < end and not (kind == "run" and name in forgotten)
    ]
    for index, at_us, _, make, document in sorted(found, key=lambda row: row[0]):
        at = from_us(at_us)
        made = make(house, document)
        fit = timedelta(microseconds=document.get("fit_us") or 0)
        yield dataclasses.replace(made, index=index, began=at, ended=at + fit)


def gate_record(house: House, index: int) -> str:
    """Return the digest of a gate's record, hex, as its log entry holds it."""
    return parse_entry(house.ledger.read(index, index + 1)[0], GateEntry).record.hex()


def _act(
    kind: str,
    job: str,
    use: str | None,
    inputs: tuple[Thing, ...],
    outputs: tuple[Thing, ...],
) -> Act:
    never = from_us(0)
    return Act(
        kind=kind,
        job=job,
        index=0,
        began=never,
        ended=never,
        use=use,
        inputs=inputs,
        outputs=outputs,
    )


def _gate(house: House, document: Mapping[str, Any]) -> Act:
    source = house.ledger.object("source", document["source"])
    digest = None if source is None else source[2]["files"].get("digests.parquet")
    return _act(
        "gate",
        document["source"],
        document["use"],
        (Thing(name=f"sources/{document['source']}", digest=digest, rows=document["rows"]),),
        (_thing(house, "gate", document["gate"]),),
    )


def _seal(house: House, document: Mapping[str, Any]) -> Act:
    gate = house.ledger.object_at(document["gate"])
    inputs = [] if gate is None else [_thing(house, "gate", gate[1])]
    if document["parent"] is not None:
        parent = house.ledger.object_at(document["parent"])
        inputs += [] if parent is None else [_thing(house, "snapshot", parent[1])]
    outputs = (_thing(house, "snapshot", document["snapshot"]),)
    return _act("seal", document["source"], document["use"], tuple(inputs), outputs)


def _train(house: House, document: Mapping[str, Any]) -> Act:
    snapshot = _thing(house, "snapshot", document["snapshot"])
    outputs = (_thing(house, "run", document["run"]),)
    return _act("train", document["trainer"], None, (snapshot,), outputs)


def _release(house: House, document: Mapping[str, Any]) -> Act:
    inputs = (_thing(house, "run", document["run"]),)
    outputs = (_thing(house, "release", document["release"]),)
    return _act("release", document["trainer"], document["use"], inputs, outputs)


def _unlearn(house: House, document: Mapping[str, Any]) -> Act:
    inputs = (
        _thing(house, "release", document["from"]),
        _thing(house, "snapshot", document["snapshot"]),
    )
    new = house.ledger.object("release", document["to"])
    trainer = "" if new is None else new[2]["trainer"]
    outputs = [_thing(house, "release", document["to"])]
    if new is not None:
        outputs.append(_thing(house, "run", new[2]["run"]))
    return _act("unlearn", trainer, None, inputs, tuple(outputs))


def _attest(house: House, document: Mapping[str, Any]) -> Act:
    snapshot = dataclasses.replace(
        _thing(house, "snapshot", document["snapshot"]), rows=document["reads"]["rows"]
    )
    name = f"attestations/{document['attestation']}"
    outputs = (Thing(name=name, digest=document["digest"], rows=document["reads"]["reads"]),)
    return _act("attest", document["snapshot"], None, (snapshot,), outputs)


_THINGS: Final[dict[str, tuple[str, str, str | None]]] = {
    "gate": ("gates", "record", "kept"),
    "snapshot": ("snapshots", "root", "records"),
    "run": ("runs", "model", None),
    "release": ("releases", "model", None),
}
"""Kind → folder, and the fields of its digest and rows."""


def _thing(house: House, kind: str, name: str) -> Thing:
    folder, digest, rows = _THINGS[kind]
    found = house.ledger.object(kind, name)
    document: Mapping[str, Any] = {} if found is None else found[2]
    if kind == "gate" and found is not None:
        document = {**document, "record": gate_record(house, found[0])}
    return Thing(
        name=f"{folder}/{name}",
        digest=document.get(digest),
        rows=None if rows is None else document.get(rows),
    )


_MAKERS: Final[dict[str, Callable[[House, Mapping[str, Any]], Act]]] = {
    "gate": _gate,
    "snapshot": _seal,
    "run": _train,
    "release": _release,
    "unlearning": _unlearn,
    "attestation": _attest,
}
