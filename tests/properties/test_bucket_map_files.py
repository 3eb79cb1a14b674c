"""The kernel, the map by parts, its files, its deltas and their audit proof, against the reference."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave import merkle
from byleave.errors import ByleaveError, EvidenceError
from byleave.evidence.bucket import label, verify_absence, verify_presence
from byleave.evidence.delta_proof import (
    DeltaProof,
    parse_delta,
    verify_delta,
    write_delta,
)
from byleave.snapshot import map_delta, partition
from byleave.snapshot.hashing import by_hashlib, padded, segment_roots
from byleave.snapshot.map_files import MapReader
from byleave.snapshot.openings import member_openings, opened_records
from tests.unit.snapshot.generated import EPOCH, Population, population


def kernels() -> list[dict[str, Any]]:
    """Ways of building a map: by hashlib, by the lanes, by compiled steps."""
    try:
        from byleave.engines.map_steps import CompiledSteps
        from byleave.engines.sha256_lanes import hash_rows
    except ImportError:
        return [{"hash_rows": by_hashlib}]
    return [
        {"hash_rows": by_hashlib},
        {"hash_rows": hash_rows},
        {"steps": lambda rows: CompiledSteps()},
    ]


def changed(
    people: Population, built: Any, gone: list[int]
) -> tuple[MapReader, map_delta.MapChange]:
    reader = people.reader(built)
    labels = [label(people.secret(i), EPOCH)[:16] for i in gone]
    buckets = map_delta.changed_buckets(reader, removed=labels, put=())
    return reader, map_delta.changed_files(reader, buckets)


def after(people: Population, built: Any, change: map_delta.MapChange) -> MapReader:
    files = people.files | dict(change.files)
    return MapReader(k=built.k, epoch=EPOCH, root=change.root, read=files.__getitem__)


@settings(max_examples=40)
@given(st.integers(0, 200), st.integers(0, 70), st.integers(0, 2**32))
def test_kernels_hash_as_hashlib_does(length: int, count: int, seed: int) -> None:
    """The compiled kernel gives the digest of the standard library for every length and count."""
    pytest.importorskip("numba", reason="numba (extra kernel) is not installed")
    from byleave.engines.sha256_lanes import hash_rows

    random = np.random.default_rng(seed)
    rows = padded(count, length)
    rows[:, :length] = random.integers(0, 256, (count, length), dtype=np.uint8)
    expected = b"".join(hashlib.sha256(row[:length].tobytes()).digest() for row in rows)
    assert hash_rows(rows, length).tobytes() == expected
    assert hash_rows(rows[::-1], length)[::-1].tobytes() == expected
    assert by_hashlib(rows, length).tobytes() == expected


@settings(max_examples=40)
@given(st.lists(st.integers(1, 20), max_size=12))
def test_many_trees_at_once_are_rfc_6962_trees(counts: list[int]) -> None:
    """The roots of many trees grown together are those that `merkle.root` gives of each."""
    leaves = np.frombuffer(
        b"".join(hashlib.sha256(bytes([i])).digest() for i in range(sum(counts))), np.uint8
    ).reshape(-1, 32)
    roots = segment_roots(leaves, np.array(counts, np.int64), by_hashlib)
    at = 0
    for root, count in zip(roots, counts, strict=True):
        assert root.tobytes() == merkle.root([leaves[at + i].tobytes() for i in range(count)])
        at += count


@settings(max_examples=12)
@given(
    st.integers(1, 300),
    st.integers(1, 600),
    st.one_of(st.none(), st.integers(0, 14)),
    st.integers(0, 2**32),
    st.sampled_from([20, 150, 1 << 17]),
    st.sampled_from([2, 1 << 10]),
    st.sampled_from([0, 1, 16]),
)
def test_by_parts_is_the_reference(
    members: int, rows: int, k: int | None, seed: int, part: int, most: int, bits: int
) -> None:
    """However openings and labels are split, root, tiles and proofs are those of the pure build."""
    people = population(members, rows, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "PART_PARTY_RECORDS", part)
        patch.setattr(partition, "MOST_PARTS", most)
        patch.setattr(partition, "_PART_BITS", bits)
        try:
            expected = people.reference(k=k)
        except ByleaveError as error:
            for kernel in kernels():
                with pytest.raises(type(error)):
                    people.build(k=k, **kernel)
            return
        for kernel in kernels():
            built = people.build(k=k, **kernel)
            assert (built.root, built.k) == (expected.root, expected.k)
            assert (built.members, built.party_records) == (
                expected.members,
                expected.party_records,
            )
            tiles = dict(expected.tiles())
            assert tiles.keys() == {p for p in people.files if p.startswith("tile/")}
            assert all(people.files[path].startswith(data) for path, data in tiles.items())
    kept = pa.concat_tables(people.kept)
    assert kept.num_rows == rows
    assert kept["ordinal"].to_pylist() == sorted(kept["ordinal"].to_pylist())
    reader = people.reader(built)
    for ordinal in sorted(set(kept["ordinal"].to_pylist()))[:3]:
        full = label(people.secret(ordinal), EPOCH)
        records = opened_records(member_openings(kept, ordinal), with_grounds=False)
        proof = reader.presence(full[:16], records)
        assert proof == expected.presence(full[:16])
        verify_presence(
            proof,
            member_label=full,
            k=built.k,
            root=built.root,
            enrolment_index=int(people.enrolled.indexes[ordinal]),
            enrolment_leaf=people.enrolled.leaves[ordinal].tobytes(),
        )
    stranger = hashlib.sha256(seed.to_bytes(8, "big")).digest()[:16]
    proof_of_absence = reader.absence(stranger)
    assert proof_of_absence == expected.absence(stranger)
    verify_absence(proof_of_absence, public=stranger, k=built.k, root=built.root)


@settings(max_examples=25)
@given(
    st.integers(1, 250),
    st.integers(1, 700),
    st.one_of(st.none(), st.integers(0, 12)),
    st.integers(0, 2**32),
    st.sampled_from([20, 150, 1 << 17]),
    st.sampled_from([0, 3, 16]),
    st.sampled_from([1, 4, 40]),
)
def test_compiled_steps_are_the_plain_ones(
    members: int, rows: int, k: int | None, seed: int, part: int, bits: int, skew: int
) -> None:
    """Compiled or not: the same files byte for byte, the same openings, or the same refusal."""
    pytest.importorskip("numba", reason="numba (extra kernel) is not installed")
    from byleave.engines.map_steps import CompiledSteps

    people = population(members, rows, seed=seed, skew=skew)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "PART_PARTY_RECORDS", part)
        patch.setattr(partition, "_PART_BITS", bits)
        expected = outcome(people, k)
        assert outcome(people, k, steps=lambda _rows: CompiledSteps()) == expected


def outcome(people: Population, k: int | None, **ports: Any) -> tuple[Any, ...]:
    """Return everything a build gives, or the code it refuses with."""
    try:
        built = people.build(k=k, **ports)
    except ByleaveError as error:
        return (error.code,)
    return built, dict(people.files), pa.concat_tables(people.kept)


@settings(max_examples=15)
@given(st.data())
def test_a_delta_is_a_rebuild_at_its_price(data: st.DataObject) -> None:
    """Removing members in the files gives a rebuild's files; it costs at most 2 + k hashes,
    one file of buckets and four tiles a touched label (k below 32).
    """
    people = population(data.draw(st.integers(2, 120)), 200, seed=data.draw(st.integers(0, 999)))
    k = data.draw(st.sampled_from([None, 3, 8, 11]))
    built = people.build(k=k)
    held = sorted(set(people.openings["ordinal"].to_pylist()))
    gone = data.draw(st.lists(st.sampled_from(held), min_size=1, max_size=6, unique=True))
    _, change = changed(people, built, gone)
    rebuilt = people.reference(k=built.k, without=set(gone))
    assert change.root == rebuilt.root
    assert change.hashes <= (2 + built.k) * len(gone)
    tiles = [path for path in change.files if path.startswith("tile/")]
    buckets = [path for path in change.files if path.startswith("bucket/")]
    assert len(tiles) <= 4 * len(gone)
    assert len(buckets) <= len(gone)
    expected = dict(rebuilt.tiles())
    files = people.files | dict(change.files)
    assert all(files[path].startswith(content) for path, content in expected.items())


def test_hashes_of_a_delta_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of hashes that a delta states is the number that it takes."""
    people = population(900, 1500)
    built = people.build(k=12)
    calls = []
    plain = hashlib.sha256

    def counted(data: bytes) -> Any:
        calls.append(len(data))
        return plain(data)

    reader = people.reader(built)
    public = label(people.secret(int(people.openings["ordinal"][0].as_py())), EPOCH)[:16]
    buckets = map_delta.changed_buckets(reader, removed=[public], put=())
    monkeypatch.setattr(hashlib, "sha256", counted)
    monkeypatch.setattr(merkle.tree, "_sha256", counted)
    change = map_delta.changed_files(reader, buckets)
    assert len(calls) == change.hashes == 2 + 12


@settings(max_examples=15)
@given(st.data())
def test_the_audit_proof_shows_all_that_changed(data: st.DataObject) -> None:
    """The audit proof of a delta verifies, survives its file form, and names who left."""
    people = population(data.draw(st.integers(2, 90)), 150, seed=data.draw(st.integers(0, 999)))
    built = people.build(k=data.draw(st.sampled_from([None, 0, 4, 9])))
    held = sorted(set(people.openings["ordinal"].to_pylist()))
    gone = data.draw(st.lists(st.sampled_from(held), max_size=5, unique=True))
    old, change = changed(people, built, gone)
    new = after(people, built, change)
    numbers = map_delta.differing(old, new)
    assert tuple(numbers) == change.touched
    proof = map_delta.audit(old, new, numbers)
    assert parse_delta(write_delta(proof)) == proof
    shown = verify_delta(proof, k=built.k, old_root=old.root, new_root=new.root)
    assert set(shown.removed) == {label(people.secret(i), EPOCH)[:16] for i in gone}
    assert not shown.added


def test_no_audit_proof_hides_a_change() -> None:
    """A proof that leaves out a changed bucket, shifts one, or alters any hash is refused."""
    people = population(300, 500)
    built = people.build(k=8)
    held = sorted(set(people.openings["ordinal"].to_pylist()))[:4]
    old, change = changed(people, built, held)
    new = after(people, built, change)
    proof = map_delta.audit(old, new, map_delta.differing(old, new))
    assert len(proof.changes) > 1

    def refused(forged: DeltaProof, **roots: bytes) -> str:
        with pytest.raises(EvidenceError) as caught:
            verify_delta(
                forged,
                **({"k": 8, "old_root": old.root, "new_root": new.root} | roots),  # type: ignore[arg-type]
            )
        return caught.value.code

    fewer = map_delta.audit(old, new, [change.number for change in proof.changes[1:]])
    assert refused(fewer) == "map.root-mismatch"
    assert refused(replace(proof, changes=proof.changes[::-1])) == "map.delta-order"
    assert refused(replace(proof, siblings=proof.siblings[:-1])) == "map.delta-siblings"
    assert refused(replace(proof, siblings=(*proof.siblings, b"\0" * 32))) == "map.delta-siblings"
    assert refused(replace(proof, siblings=(b"\0" * 31, *proof.siblings[1:]))) == "map.malformed"
    for place, sibling in enumerate(proof.siblings):
        flipped = bytes([sibling[0] ^ 1]) + sibling[1:]
        forged = (*proof.siblings[:place], flipped, *proof.siblings[place + 1 :])
        assert refused(replace(proof, siblings=forged)) == "map.root-mismatch"
    first = proof.changes[0]
    same = replace(first, new_labels=first.old_labels, new_inner=first.old_inner)
    assert refused(replace(proof, changes=(same, *proof.changes[1:]))) == "map.delta-order"
    swapped = replace(first, old_labels=first.old_labels[::-1] + first.old_labels[:1])
    assert refused(replace(proof, changes=(swapped, *proof.changes[1:]))) == "map.labels-order"
    foreign = replace(first, new_labels=(bytes([255 - first.number]) * 16,))
    assert refused(replace(proof, changes=(foreign, *proof.changes[1:]))) == (
        "map.label-outside-bucket"
    )
    assert refused(proof, old_root=new.root) == "map.root-mismatch"
    assert refused(DeltaProof(changes=(), siblings=())) == "map.root-mismatch"
    verify_delta(DeltaProof(changes=(), siblings=()), k=8, old_root=old.root, new_root=old.root)


@settings(max_examples=20)
@given(st.data())
def test_a_flipped_bit_of_a_map_file_never_gives_a_proof(data: st.DataObject) -> None:
    """A proof from damaged files is either refused, or the one that sound files give."""
    people = population(60, 90)
    built = people.build(k=5)
    sound = people.reader(built)
    path = data.draw(st.sampled_from(sorted(people.files)))
    content = bytearray(people.files[path])
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    files = people.files | {path: bytes(content)}
    reader = MapReader(k=5, epoch=EPOCH, root=built.root, read=files.__getitem__)
    for number in range(32):
        public = bytes([number << 3]) + b"\1" * 15
        with suppress(EvidenceError):
            assert reader.absence(public) == sound.absence(public)


def test_files_cut_short_are_refused() -> None:
    """A file of a map that lacks bytes is refused as damaged."""
    people = population(60, 90)
    built = people.build(k=5)
    for path in people.files:
        files = people.files | {path: people.files[path][:20]}
        reader = MapReader(k=5, epoch=EPOCH, root=built.root, read=files.__getitem__)
        with pytest.raises(EvidenceError) as caught:
            reader.absence(b"\1" * 16)
        assert caught.value.code == "snapshot.map-damaged"


def test_the_first_bytes_of_a_tile_are_a_log_tile() -> None:
    """A reader of log tiles authenticates the map's tiles against its root."""
    people = population(900, 1500)
    built = people.build(k=9)

    def read(tile: merkle.Tile) -> bytes:
        return people.files[tile.path][: 32 * tile.width]

    reader = merkle.TileReader(size=1 << 9, root=built.root, read=read)
    path = merkle.inclusion_proof(300, 1 << 9, reader)
    assert path == people.reader(built).path(300)
