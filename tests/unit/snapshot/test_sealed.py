"""Sealing and opening: only of gated rows, one root however built, no changed byte accepted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.errors import ConflictError, ErasedError, EvidenceError, RefusedError
from byleave.evidence.entry import SnapshotEntry
from byleave.gate.result import GatedTable, run
from byleave.ids import LedgerIndex
from byleave.service.gate import compile_for, dry_run
from byleave.service.snapshot import LedgerMembers, entry_leaves
from byleave.service.source import Source, open_source
from byleave.snapshot import sealed
from byleave.snapshot.commit import Enrolled, fixed
from byleave.snapshot.map_files import MapReader
from byleave.snapshot.openings import member_openings
from byleave.snapshot.partition import Ports
from byleave.snapshot.sealed import (
    DATA,
    MANIFEST,
    OPENINGS,
    REMOVED,
    Erasures,
    SealedSnapshot,
    open_sealed,
    read_table,
)
from byleave.snapshot.sealing import Sealing, seal, seal_delta
from byleave.wiring import Workspace
from tests.unit.service.small import PLATFORM, Grown, grow
from tests.unit.snapshot.generated import MemoryFolder

EPOCH = bytes(range(16))
COLUMNS = {"text": "text", "author": "sender_id"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    grown: Grown = grow(tmp_path_factory.mktemp("sealed") / "workspace")
    with grown.open(read_only=True) as ws:
        yield ws


class Sealed:
    """A sealing and everything it wrote."""

    def __init__(self, sealing: Sealing, folder: MemoryFolder, openings: pa.Table) -> None:
        self.manifest = sealing.manifest
        self.files = folder.files
        self.map = folder.map
        self.openings = openings

    def reader(self) -> MapReader:
        return MapReader(
            k=self.manifest.k,
            epoch=bytes.fromhex(self.manifest.epoch),
            root=bytes.fromhex(self.manifest.root),
            read=self.map.__getitem__,
        )


class World:
    """A gated table of the small set, and what sealing it needs."""

    def __init__(self, ws: Workspace) -> None:
        self.ws = ws
        self.source: Source = open_source(ws.house, "messages")
        self.plan = compile_for(ws.house, self.source, PLATFORM)
        self.gated: GatedTable = dry_run(ws.house, self.source, self.plan)
        self.members = LedgerMembers(ws.house)
        self.salts = np.random.default_rng(3).bytes(32 * len(self.gated.grounds.member))
        self.sealing = self.seal(self.gated, self.source.digests, self.salts)

    def seal(self, gated: GatedTable, digests: pa.Array, salts: bytes) -> Sealed:
        folder = MemoryFolder()
        cells, drawn = fixed(digests), iter([salts])
        sealing = seal(
            gated,
            folder=folder,
            write_map=folder.map.__setitem__,
            snapshot="set-1",
            source="messages",
            gate=LedgerIndex(9),
            digests=lambda rows: cells[rows],
            grounds=lambda indexes: entry_leaves(self.ws.house, indexes),
            members=self.members,
            epoch=EPOCH,
            salts=lambda count: next(drawn)[:count],
            ports=Ports(),
        )
        return Sealed(sealing, folder, read_table(folder.files[OPENINGS]))

    def open(self, sealing: Sealed, **changed: Any) -> SealedSnapshot:
        parts: dict[str, Any] = {
            "manifest": sealing.files[MANIFEST],
            "data": self.sealing.files[DATA],
            "removed": sealing.files.get(REMOVED),
            **changed,
        }
        return open_sealed(entry=entry_of(sealing), index=12, **parts)


@pytest.fixture(scope="module")
def world(workspace: Workspace) -> World:
    return World(workspace)


def entry_of(sealing: Sealed) -> SnapshotEntry:
    """Return the log entry of a sealing."""
    from byleave.canonical import sha256

    m = sealing.manifest
    return SnapshotEntry(
        snapshot=m.snapshot,
        parent=m.parent,
        epoch=bytes.fromhex(m.epoch),
        k=m.k,
        root=bytes.fromhex(m.root),
        members=m.members,
        records=m.records,
        use=m.use,
        gate=m.gate,
        manifest=sha256(m.encode()),
    )


def delta(world: World, parent: Sealed, removed: list[int], members: Any = None) -> Sealed:
    """Return the delta of a parent without the rows at these positions."""
    folder = MemoryFolder()
    rows = np.array(removed, np.int64)
    hit = pc.is_in(parent.openings["row"], value_set=pa.array(rows))
    parties = pc.unique(parent.openings["ordinal"].filter(hit))
    sealing = seal_delta(
        world.open(parent),
        rows,
        folder=folder,
        write_map=folder.map.__setitem__,
        reader=parent.reader(),
        openings=parent.openings.filter(pc.is_in(parent.openings["ordinal"], value_set=parties)),
        overlay={},
        snapshot="set-2",
        gate=LedgerIndex(13),
        members=members or world.members,
        ports=Ports(),
    )
    folder.map = parent.map | folder.map
    return Sealed(sealing, folder, parent.openings.filter(pc.invert(hit)))


def test_only_sealing_makes_a_sealed_snapshot(world: World) -> None:
    """A `SealedSnapshot` cannot be made from rows and a manifest by anyone else (G6)."""
    opened = world.open(world.sealing)
    for token in (object(), None, True):
        with pytest.raises(TypeError):
            SealedSnapshot(
                token,
                manifest=opened.manifest,
                index=opened.index,
                groups=opened._groups,
                alive=opened.alive,
            )


def test_only_the_gate_makes_a_gated_table(world: World) -> None:
    """A `GatedTable` cannot be made of rows that the gate did not let through (G6)."""
    made = world.gated
    table = world.source.table
    for token in (object(), None, True):
        with pytest.raises(RefusedError, match="gate"):
            GatedTable(
                token,
                plan=made.plan,
                record=made.record,
                engine=made.engine,
                schema=table.schema,
                again=table.to_batches,
            )


def test_a_seal_holds_exactly_what_passed(world: World) -> None:
    """The sealed rows are the kept rows; every party of each is opened once, and no one else."""
    opened = world.open(world.sealing)
    rows = pa.Table.from_batches(opened.batches(COLUMNS))
    kept = world.source.table.take(pa.array(world.gated.rows))
    assert rows["text"].to_pylist() == kept["text"].to_pylist()
    assert rows["record_id"].to_pylist() == [str(n) for n in range(kept.num_rows)]
    openings = world.sealing.openings
    names = [row[1] for row in world.ws.ledger.members()]
    told = {
        (row, names[ordinal], role)
        for row, ordinal, role in zip(
            *(openings[c].to_pylist() for c in ("row", "ordinal", "role")), strict=True
        )
    }
    wanted = {(n, member, 1) for n, member in enumerate(kept["sender_id"].to_pylist())}
    wanted |= {(n, member, 2) for n, member in enumerate(kept["recipient_id"].to_pylist())}
    assert told == wanted
    assert openings.num_rows == len(wanted) == opened.manifest.party_records
    assert opened.manifest.records == kept.num_rows
    assert opened.manifest.members == len({member for _, member, _ in wanted})


def test_the_same_inputs_seal_to_the_same_bytes(world: World) -> None:
    """Sealing the same rows with the same salts gives the same files, byte for byte."""
    again = world.seal(world.gated, world.source.digests, world.salts)
    assert again.files == world.sealing.files


def test_other_salts_make_another_root(world: World) -> None:
    """Fresh salts give another root over the same records: a root alone tells nothing of them."""
    salts = bytes(byte ^ 1 for byte in world.salts)
    other = world.seal(world.gated, world.source.digests, salts)
    assert other.manifest.root != world.sealing.manifest.root
    assert other.files[DATA] == world.sealing.files[DATA]


@settings(max_examples=15)
@given(data=st.data())
def test_a_deltas_root_is_a_rebuilds(world: World, data: st.DataObject) -> None:
    """Removing rows from a seal gives the root of a seal that never had them, salts reused."""
    count = world.gated.table.num_rows
    removed = data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=40, unique=True))
    without = delta(world, world.sealing, removed)
    mask = np.ones(world.source.table.num_rows, np.bool_)
    mask[world.gated.rows[removed]] = False
    rest = world.source.table.filter(pa.array(mask))
    digests = world.source.digests.filter(pa.array(mask))
    position = np.repeat(np.arange(count), np.diff(world.gated.grounds.offsets))
    stays = ~np.isin(position, removed)
    salts = b"".join(
        world.salts[32 * n : 32 * n + 32] for n, stay in enumerate(stays.tolist()) if stay
    )
    engine = world.ws.house.engine
    gated = run(world.plan, rest.to_batches(), engine, schema=rest.schema, data="rest")
    rebuilt = world.seal(gated, digests, salts)
    assert rebuilt.manifest.k == without.manifest.k, "the map's size is the lineage's"
    assert without.manifest.root == rebuilt.manifest.root
    assert without.manifest.members == rebuilt.manifest.members
    opened = world.open(without)
    left = pa.Table.from_batches(opened.batches(COLUMNS)).drop(["record_id"])
    fresh = world.open(rebuilt, data=rebuilt.files[DATA])
    assert left == pa.Table.from_batches(fresh.batches(COLUMNS)).drop(["record_id"])


def test_deltas_add_up(world: World) -> None:
    """Removing rows in two steps gives the root, the rows and the vector of removing them at once."""
    first = delta(world, world.sealing, [1, 5])
    second = delta(world, first, [0, 9])
    at_once = delta(world, world.sealing, [0, 1, 5, 9])
    assert second.map == at_once.map
    assert second.manifest.root == at_once.manifest.root
    assert second.files[REMOVED] == at_once.files[REMOVED]
    assert world.open(second).alive.tolist() == world.open(at_once).alive.tolist()


def test_a_row_that_is_not_held_cannot_be_removed(world: World) -> None:
    """Removing a row twice, or one beyond the end, is `snapshot.not-held`."""
    first = delta(world, world.sealing, [3])
    for position in (3, 10**6, -1):
        with pytest.raises(ConflictError) as error:
            delta(world, first, [position])
        assert error.value.code == "snapshot.not-held"


def test_removing_everything_leaves_an_empty_map(world: World) -> None:
    """A delta without any row holds nobody, and opens."""
    parent = world.open(world.sealing)
    nothing = delta(world, world.sealing, parent.alive.tolist())
    assert (nothing.manifest.records, nothing.manifest.members) == (0, 0)
    assert list(world.open(nothing).batches(COLUMNS)) == []


def test_an_erased_member_cannot_be_sealed(world: World) -> None:
    """Where a held member's secret is gone the map is not built: `snapshot.erased-member`."""
    held = world.sealing.openings["ordinal"][0].as_py()

    class Erased(LedgerMembers):
        def take(self, ordinals: np.ndarray) -> Enrolled:
            found = super().take(ordinals)
            return replace(found, erased=ordinals == held)

    row = world.sealing.openings["row"][0].as_py()
    with pytest.raises(ConflictError) as error:
        delta(world, world.sealing, [row], members=Erased(world.ws.house))
    assert error.value.code == "snapshot.erased-member"


def test_a_snapshot_with_erased_rows_is_neither_valid_nor_invalid(world: World) -> None:
    """Where rows it holds were blanked, opening answers `evidence.erased`; a delta without them opens."""
    import hashlib

    blank = b"another file"
    since = Erasures(sha256=hashlib.sha256(blank).hexdigest(), rows=np.array([2], np.int64))
    with pytest.raises(EvidenceError) as damaged:
        world.open(world.sealing, erasures=since)
    assert damaged.value.code == "snapshot.digest"
    same = Erasures(sha256=world.sealing.manifest.files[0].sha256, rows=np.array([2], np.int64))
    with pytest.raises(ErasedError) as error:
        world.open(world.sealing, erasures=same)
    assert error.value.code == "evidence.erased"
    without = delta(world, world.sealing, [2])
    assert world.open(without, erasures=same).manifest == without.manifest


@pytest.mark.parametrize("part", ["manifest", "data", "removed"])
def test_a_changed_file_is_not_opened(world: World, part: str) -> None:
    """One bit changed in the manifest, the data or the deletion vector is `snapshot.digest`."""
    without = delta(world, world.sealing, [2])
    name = {"manifest": MANIFEST, "data": DATA, "removed": REMOVED}[part]
    source = world.sealing if part == "data" else without
    data = bytearray(source.files[name])
    for position in (0, len(data) // 2, len(data) - 1):
        data[position] ^= 1
        with pytest.raises(EvidenceError) as error:
            world.open(without, **{part: bytes(data)})
        assert (error.value.code, error.value.where) == ("snapshot.digest", name)
        data[position] ^= 1
    with pytest.raises(EvidenceError):
        world.open(without, removed=None)


def test_another_snapshots_manifest_is_not_opened(world: World) -> None:
    """A manifest that is sound but not the one of the log entry is `snapshot.digest`."""
    without = delta(world, world.sealing, [2])
    with pytest.raises(EvidenceError) as error:
        world.open(world.sealing, manifest=without.files[MANIFEST])
    assert error.value.code == "snapshot.digest"


def test_batches_are_cut_and_not_changed(world: World) -> None:
    """Whatever the batch size, the rows and their ids are the same."""
    opened = world.open(world.sealing)
    whole = pa.Table.from_batches(opened.batches(COLUMNS))
    for size in (1, 7, 10_000):
        parts = list(opened.batches(COLUMNS, size=size))
        assert max(batch.num_rows for batch in parts) <= size
        assert pa.Table.from_batches(parts).combine_chunks() == whole.combine_chunks()
    only = pa.Table.from_batches(opened.batches(COLUMNS, only=np.array([4, 2], np.int64)))
    assert only["record_id"].to_pylist() == ["4", "2"]


def test_a_members_openings_are_theirs(world: World) -> None:
    """The openings of one member are the rows they are a party of, in order, and no others."""
    openings = world.sealing.openings
    total = 0
    for ordinal in pc.unique(openings["ordinal"]).to_pylist():
        own = member_openings(openings, ordinal)
        assert set(own["ordinal"].to_pylist()) == {ordinal}
        assert own["row"].to_pylist() == sorted(own["row"].to_pylist())
        total += own.num_rows
    assert total == openings.num_rows
    assert openings["ordinal"].to_pylist() == sorted(openings["ordinal"].to_pylist())


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 9),
    st.integers(1, 3),
    st.lists(st.integers(0, 39), max_size=60),
    st.booleans(),
)
def test_rows_by_group_are_the_rows_of_the_table(
    count: int, group: int, kept: int, asked: list[int], again: bool
) -> None:
    """Read group by group, in any order, twice over and with repeats, rows are those of the table."""
    table = pa.table({"n": list(range(count)), "t": [f"{n}" * (n % 3) for n in range(count)]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=group)
    rows = np.array([row % count for row in asked], np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed, "_GROUPS_KEPT", kept)
        groups = sealed._RowGroups(pa.BufferReader(sink.getvalue()))
        for names in (["t", "n"], ["n"]) if again else (["t"],):
            assert groups.take(names, rows).equals(table.select(names).take(pa.array(rows)))
        assert len(groups._kept) <= kept
        for beyond in (-1, count):
            with pytest.raises(IndexError):
                groups.take(["n"], np.array([0, beyond]))
