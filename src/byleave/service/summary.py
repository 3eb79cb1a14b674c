"""Gather what a public summary says, from ledgers, log and sealed data; write nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from byleave.errors import EvidenceError, InputError
from byleave.gate.contract import Contract
from byleave.gate.instants import instants_at
from byleave.gate.nested import column_at
from byleave.gate.profile import ALWAYS
from byleave.ids import format_instant, from_us
from byleave.service.house import House
from byleave.service.lineage import upstream
from byleave.service.model import release_object, run_object
from byleave.service.release_files import standing_on
from byleave.service.snapshot import base_of, open_snapshot, snapshot_document
from byleave.service.source import Source, open_source
from byleave.snapshot.sealed import SealedSnapshot
from byleave.summary.subject import (
    Asked,
    Content,
    DataSet,
    Gated,
    Given,
    Operator,
    Recorded,
    Sealed,
    Subject,
    Text,
    Trained,
)

__all__ = ["Facts", "categories_of", "content_of", "subject_of", "training_of"]

Facts = dict[str, Any]


def subject_of(
    house: House,
    operator: Operator,
    *,
    release: str | None = None,
    snapshot: str | None = None,
) -> Subject:
    """Gather everything about one release, or one snapshot; by default the release in service.

    Cost: one reading of the snapshot's columns that are no ids, and of its openings.

    Raises:
        InputError: `cli.usage`, both are named; `summary.nothing`, neither exists yet;
            `workspace.unknown-object`.
        ErasedError: `evidence.erased`.
        EvidenceError: `snapshot.digest`.
    """
    if release is not None and snapshot is not None:
        raise InputError("name one: a release or a snapshot", code="cli.usage")
    if release is None and snapshot is None:
        release, snapshot = _newest(house)
    trained = None if release is None else _trained(house, release)
    name = snapshot if release is None else release_object(house, release)[1]["snapshot"]
    assert name is not None  # noqa: S101 (for the types: `_newest` returns one)
    opened = open_snapshot(house, name)
    source = open_source(house, opened.manifest.source)
    gate = _object_at(house, snapshot_document(house, name)[1]["gate"])
    return Subject(
        operator=operator,
        stated=format_instant(house.now().replace(microsecond=0)),
        entries=house.ledger.size(),
        data=_data(house, source),
        sealed=_sealed(house, name, opened, source),
        gated=_gated(gate),
        trained=trained,
        content=content_of(opened, source),
        notices=_asked(house, name),
        texts=_texts(house, release),
        given=_given(house, source.name),
        training=training_of(house),
        withdrawals=len(house.ledger.objects("withdrawal")),
    )


def training_of(house: House) -> tuple[Recorded, ...]:
    """Return everything in the log that used data for a purpose below `train`, oldest first."""
    ledger = house.ledger
    sealed = {name: document for _, name, _, document in ledger.objects("snapshot")}
    found = [
        Recorded(
            kind="gate",
            name=name,
            index=index,
            use=document["use"],
            records=document["kept"],
        )
        for index, name, _, document in ledger.objects("gate")
    ]
    for kind in ("run", "release"):
        for index, name, _, document in ledger.objects(kind):
            snapshot = sealed[document["snapshot"]]
            found.append(
                Recorded(
                    kind=kind,
                    name=name,
                    index=index,
                    use=snapshot["use"],
                    records=snapshot["records"],
                )
            )
    found += [
        Recorded(
            kind="disclosure",
            name=name,
            index=index,
            use=document["use"],
            records=document["rows"],
        )
        for index, name, _, document in ledger.objects("disclosure")
    ]
    training = [item for item in found if item.use.split("/")[0].split(".")[0] == "train"]
    return tuple(sorted(training, key=lambda item: item.index))


def content_of(opened: SealedSnapshot, source: Source) -> Content:
    """Count what a snapshot's records are, batch by batch."""
    contract = source.contract
    texts = _text_columns(opened, source)
    wanted = {*texts, *(_root(c) for c in (contract.category, contract.collected_at) if c)}
    kinds: dict[str, int] = {}
    first, last, undated, size = None, None, 0, 0
    for batch in _batches(opened, sorted(wanted)):
        for name, number in _categories(batch, contract).items():
            kinds[name] = kinds.get(name, 0) + number
        if contract.collected_at is None:
            undated += batch.num_rows
        else:
            at = instants_at(batch, contract.collected_at)
            known = at[at != ALWAYS]
            undated += len(at) - len(known)
            if len(known):
                low, high = int(known.min()), int(known.max())
                first = low if first is None else min(first, low)
                last = high if last is None else max(last, high)
        size += sum(pc.sum(pc.binary_length(batch.column(c))).as_py() or 0 for c in texts)
    return Content(
        categories=dict(sorted(kinds.items())),
        first=None if first is None else format_instant(from_us(first)),
        last=None if last is None else format_instant(from_us(last)),
        undated=undated,
        text_columns=texts,
        text_bytes=size,
    )


def categories_of(opened: SealedSnapshot, source: Source) -> dict[str, int]:
    """Count a snapshot's records by data category, batch by batch."""
    contract, found = source.contract, dict[str, int]()
    wanted = [_root(contract.category)] if contract.category else []
    for batch in _batches(opened, wanted):
        for name, number in _categories(batch, contract).items():
            found[name] = found.get(name, 0) + number
    return found


def _batches(opened: SealedSnapshot, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield batches of some columns, which may be none, without `record_id`."""
    for batch in opened.batches({name: name for name in columns}):
        whole = range(1, batch.num_columns)
        yield batch.select(list(whole)) if columns else batch


def _categories(batch: pa.RecordBatch, contract: Contract) -> Mapping[str, int]:
    if contract.category is None:
        return {contract.category_constant or "unknown": batch.num_rows}
    counts = column_at(batch, contract.category).value_counts()
    found: dict[str, int] = {}
    for item in counts.to_pylist():
        word = "unknown" if item["values"] is None else str(item["values"])
        name = (contract.kinds or {}).get(word, word)
        found[name] = found.get(name, 0) + int(item["counts"])
    return found


def _text_columns(opened: SealedSnapshot, source: Source) -> tuple[str, ...]:
    """Return the columns of words: strings that are neither id, kind nor instant."""
    contract = source.contract
    named = [
        *contract.record_id,
        contract.author,
        *contract.recipients,
        contract.category,
        contract.collected_at,
        contract.draft,
    ]
    other = {_root(name) for name in named if name}
    return tuple(
        field.name
        for field in source.schema
        if field.name in opened.column_names
        and field.name not in other
        and (pat.is_string(field.type) or pat.is_large_string(field.type))
    )


def _root(name: str) -> str:
    return name.split(".", maxsplit=1)[0].removesuffix("[]")


def _newest(house: House) -> tuple[str | None, str | None]:
    releases = [
        name
        for _, name, _, document in house.ledger.objects("release")
        if document["superseded_by"] is None
    ]
    if releases:
        return releases[-1], None
    snapshots = [
        name
        for _, name, _, document in house.ledger.objects("snapshot")
        if document["kind"] == "snapshots"
    ]
    if not snapshots:
        raise InputError(
            "there is neither a release nor a snapshot to summarise",
            code="summary.nothing",
            hint="byleave snapshot seal",
        )
    return None, snapshots[-1]


def _trained(house: House, release: str) -> Trained:
    index, document = release_object(house, release)
    run_index, run = run_object(house, document["run"])
    return Trained(
        name=release,
        index=index,
        at=_at(house, "release", release),
        model=document["model"],
        trainer=document["trainer"],
        recipe=run["recipe"],
        columns=run["columns"],
        run=document["run"],
        run_index=run_index,
        run_at=_at(house, "run", document["run"]),
        parent=document["parent"],
        superseded_by=document["superseded_by"],
        exact=document["exact"],
        quality=document["quality"] or {},
        unlearnings=tuple(
            (at, found["model"], found["refit"] or "")
            for at, _, _, found in house.ledger.objects("unlearning")
            if found["to"] == release
        ),
    )


def _sealed(house: House, name: str, opened: SealedSnapshot, source: Source) -> Sealed:
    index, document = snapshot_document(house, name)
    _, base = base_of(house, name)
    held = {"data.parquet": base["files"]["data.parquet"]}
    if "removed.parquet" in document["files"]:
        held["removed.parquet"] = document["files"]["removed.parquet"]
    scope = house.taxonomy.scope(document["use"], past=True)
    return Sealed(
        name=name,
        index=index,
        at=_at(house, "snapshot", name),
        root=document["root"],
        manifest=document["files"]["manifest.json"],
        use=document["use"],
        sentence=house.taxonomy.sentence(scope).rstrip("."),
        records=document["records"],
        members=document["members"],
        party_records=document["party_records"],
        removed=base["records"] - document["records"],
        lineage=tuple(_line(house, index)),
        data=tuple(held.items()),
        columns=tuple(
            (field.name, str(field.type))
            for field in source.schema
            if field.name in opened.column_names
        ),
    )


def _line(house: House, index: int | None) -> Iterator[int]:
    while index is not None:
        yield index
        index = _object_at(house, index)[1]["parent"]


def _data(house: House, source: Source) -> DataSet:
    found = house.ledger.object("source", source.name)
    if found is None:
        raise EvidenceError("a source that the ledger names is gone", code="workspace.damaged")
    index, at, document = found
    used = {
        name
        for _, name, _, sealed in house.ledger.objects("snapshot")
        if sealed["source"] == source.name
    }
    runs = [
        (when, entry)
        for entry, _, when, run in house.ledger.objects("run")
        if run["snapshot"] in used
    ]
    first = min(runs, default=None)
    return DataSet(
        name=source.name,
        index=index,
        added=format_instant(from_us(at)),
        dataset=source.contract.dataset,
        records=document["records"],
        origin=(document.get("about") or {}).get("origin"),
        first_trained=None if first is None else format_instant(from_us(first[0])),
        first_run=None if first is None else first[1],
    )


def _gated(found: tuple[str, Facts, int, str]) -> Gated:
    name, document, index, _ = found
    return Gated(
        name=name,
        index=index,
        at=document["at"],
        rows=document["rows"],
        kept=document["kept"],
        reasons=document["reasons"],
        grounds=document["grounds"],
        rulesets=tuple(document["rulesets"]),
    )


def _asked(house: House, snapshot: str) -> tuple[Asked, ...]:
    found = []
    for name, count in standing_on(house, snapshot).items():
        held = house.ledger.object("notice", name)
        index, document = (None, {}) if held is None else (held[0], held[2])
        found.append(
            Asked(
                notice=name,
                index=index,
                sha256=document.get("sha256"),
                text=document.get("text"),
                party_records=count,
            )
        )
    return tuple(found)


def _texts(house: House, release: str | None) -> tuple[Text, ...]:
    if release is None:
        return ()
    return tuple(
        Text(document=item["document"], version=item["version"], index=item["index"])
        for item in upstream(house, release)["policies"]
    )


def _given(house: House, source: str) -> tuple[Given, ...]:
    found = []
    for index, name, _, document in house.ledger.objects("disclosure"):
        _, sealed = snapshot_document(house, document["snapshot"])
        if sealed["source"] == source:
            found.append(
                Given(
                    name=name,
                    index=index,
                    recipient=document["recipient"],
                    use=document["use"],
                    rows=document["rows"],
                    state=document["state"],
                    may_train=bool(json.loads(document["terms"])["may_train"]),
                )
            )
    return tuple(found)


def _object_at(house: House, index: int) -> tuple[str, Facts, int, str]:
    found = house.ledger.object_at(index)
    if found is None:
        raise EvidenceError("an object that the ledger names is gone", code="workspace.damaged")
    kind, name, _, document = found
    return name, document, index, kind


def _at(house: House, kind: str, name: str) -> str:
    found = house.ledger.object(kind, name)
    return "" if found is None else format_instant(from_us(found[1]))
