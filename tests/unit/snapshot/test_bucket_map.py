"""Building a bucket map, proving from it, and updating it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave import merkle
from byleave.errors import ConflictError, InputError
from byleave.evidence.bucket import (
    RECORD_LEAF_BYTES,
    bucket_leaf,
    bucket_of,
    inner_hash,
    label,
    member_commitment,
    verify_absence,
    verify_presence,
)
from byleave.merkle.tile import TileReader
from byleave.snapshot.bucket_map import MapMembers, build, choose_k, update
from tests.vectors.world import derive, record

EPOCH = derive("epoch", 16)


def members_of(counts: dict[int, int], salt: int = 0) -> MapMembers:
    """Return members by number, with so many records each; `salt` makes other records."""
    names = list(counts)
    return MapMembers(
        secrets=[secret_of(n) for n in names],
        enrolment_indexes=names,
        enrolment_leaves=[derive(f"enrolment {n}") for n in names],
        records=[
            [record(f"{n}-{salt}", r, (n, bytes(32)))[0] for r in range(counts[n])] for n in names
        ],
    )


def secret_of(number: int) -> bytes:
    """Return a member's secret."""
    return derive(f"secret {number}")


def public_of(number: int) -> bytes:
    """Return a member's public label."""
    return label(secret_of(number), EPOCH)[:16]


COUNTS = st.dictionaries(st.integers(0, 60), st.integers(1, 4), max_size=40)


@given(COUNTS, st.integers(0, 6))
def test_the_root_is_the_specifications(counts: dict[int, int], k: int) -> None:
    """The fast builder's root is the one computed bucket by bucket from the specification."""
    members = members_of(counts)
    buckets: list[list[tuple[bytes, bytes]]] = [[] for _ in range(1 << k)]
    for place, number in enumerate(counts):
        whole = label(secret_of(number), EPOCH)
        leaves = sorted(merkle.leaf_hashes(members.records[place]))
        commitment = member_commitment(
            whole[16:],
            count=len(leaves),
            enrolment_index=number,
            enrolment_leaf=members.enrolment_leaves[place],
            records=merkle.root(leaves),
        )
        buckets[bucket_of(whole[:16], k)].append((whole[:16], commitment))
    leaves = [
        bucket_leaf([p for p, _ in sorted(b)], inner_hash([c for _, c in sorted(b)]))
        for b in buckets
    ]
    built = build(members, epoch=EPOCH, k=k)
    assert built.root == merkle.root(leaves)
    assert (built.members, built.party_records) == (len(counts), sum(counts.values()))


@given(COUNTS)
def test_everybody_gets_exactly_one_proof(counts: dict[int, int]) -> None:
    """Each member in the map has a presence proof of all their records; everybody else an absence."""
    members = members_of(counts)
    built = build(members, epoch=EPOCH)
    for number in range(61):
        public = public_of(number)
        if number in counts:
            place = list(counts).index(number)
            proof = built.presence(public)
            verify_presence(
                proof,
                member_label=label(secret_of(number), EPOCH),
                k=built.k,
                root=built.root,
                enrolment_index=number,
                enrolment_leaf=members.enrolment_leaves[place],
            )
            shown = {item.leaf_data() for item in proof.records}
            assert shown == set(members.records[place])
            with pytest.raises(InputError) as caught:
                built.absence(public)
            assert caught.value.code == "map.member-present"
        else:
            verify_absence(built.absence(public), public=public, k=built.k, root=built.root)
            with pytest.raises(InputError) as caught:
                built.presence(public)
            assert caught.value.code == "map.member-absent"


@given(COUNTS, st.data())
def test_an_update_is_a_rebuild(counts: dict[int, int], data: st.DataObject) -> None:
    """Removing, changing and adding members gives the root, counts and proofs of a rebuild."""
    base = build(members_of(counts), epoch=EPOCH, k=3)
    before = base.root
    removed = data.draw(st.sets(st.sampled_from(sorted(counts)))) if counts else set()
    put = data.draw(st.dictionaries(st.integers(0, 80), st.integers(1, 4), max_size=10))
    after = update(
        base,
        removed=[public_of(number) for number in removed],
        put=members_of(put, salt=1),
    )
    kept = {n: c for n, c in counts.items() if n not in removed and n not in put}
    old, new = members_of(kept), members_of(put, salt=1)
    whole = MapMembers(
        secrets=[*old.secrets, *new.secrets],
        enrolment_indexes=[*old.enrolment_indexes, *new.enrolment_indexes],
        enrolment_leaves=[*old.enrolment_leaves, *new.enrolment_leaves],
        records=[*old.records, *new.records],
    )
    rebuilt = build(whole, epoch=EPOCH, k=3)
    assert after == rebuilt
    assert base.root == before


def test_order_does_not_matter() -> None:
    """The order of members and of a member's records does not change the root."""
    members = members_of({1: 3, 2: 1, 3: 2})
    turned = MapMembers(
        secrets=members.secrets[::-1],
        enrolment_indexes=members.enrolment_indexes[::-1],
        enrolment_leaves=members.enrolment_leaves[::-1],
        records=[items[::-1] for items in members.records[::-1]],
    )
    assert build(members, epoch=EPOCH) == build(turned, epoch=EPOCH)


@pytest.mark.parametrize(
    ("members", "k"), [(0, 0), (1, 0), (4, 0), (5, 1), (8, 1), (9, 2), (700_000_000, 28)]
)
def test_k_keeps_four_members_to_a_bucket(members: int, k: int) -> None:
    """The chosen k is the smallest with at most four members to a bucket on average."""
    assert choose_k(members) == k


def test_an_empty_map_proves_absence() -> None:
    """A map without members has a root, and everybody is absent from it."""
    built = build(members_of({}), epoch=EPOCH, k=2)
    verify_absence(built.absence(public_of(1)), public=public_of(1), k=2, root=built.root)


@given(st.integers(0, 9))
def test_tiles_hold_the_map(k: int) -> None:
    """The map's tiles are those of an ordinary log of 2**k leaves with the same root."""
    built = build(members_of({1: 1, 2: 2}), epoch=EPOCH, k=k)
    files = dict(built.tiles())
    reader = TileReader(size=1 << k, root=built.root, read=lambda tile: files[tile.path])
    bucket = bucket_of(public_of(1), k)
    assert merkle.inclusion_proof(bucket, 1 << k, reader) == built.presence(public_of(1)).path


def changed(**parts: object) -> MapMembers:
    """Return two members with one part wrong."""
    return replace(members_of({1: 1, 2: 1}), **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("members", "code"),
    [
        (changed(secrets=[bytes(31), bytes(32)]), "map.parameters"),
        (changed(enrolment_leaves=[bytes(32), b""]), "map.parameters"),
        (changed(enrolment_indexes=[1]), "map.parameters"),
        (changed(records=[[b"short"], [bytes(RECORD_LEAF_BYTES)]]), "map.parameters"),
        (changed(records=[[], [bytes(RECORD_LEAF_BYTES)]]), "map.no-records"),
        (changed(secrets=[bytes(32), bytes(32)]), "map.label-twice"),
    ],
)
def test_what_is_no_member_is_refused(members: MapMembers, code: str) -> None:
    """Wrong lengths, a member without records and one secret for two members are refused."""
    with pytest.raises(InputError) as caught:
        build(members, epoch=EPOCH, k=0)
    assert caught.value.code == code


def test_a_map_has_parameters() -> None:
    """An epoch of another length, a k out of range and a label of another length are refused."""
    members = members_of({1: 1})
    for epoch, k in ((bytes(15), 1), (EPOCH, 41), (EPOCH, -1)):
        with pytest.raises(InputError) as caught:
            build(members, epoch=epoch, k=k)
        assert caught.value.code == "map.parameters"
    built = build(members, epoch=EPOCH)
    for call in (built.absence, built.presence):
        with pytest.raises(InputError) as caught:
            call(b"short")
        assert caught.value.code == "map.parameters"
    with pytest.raises(InputError) as caught:
        label(bytes(31), EPOCH)
    assert caught.value.code == "map.parameters"


def test_an_overfull_bucket_asks_for_a_new_lineage() -> None:
    """256 members in one bucket are refused, by build and by update; 255 are not."""
    full = members_of(dict.fromkeys(range(255), 1))
    base = build(full, epoch=EPOCH, k=0)
    with pytest.raises(ConflictError) as caught:
        update(base, put=members_of({255: 1}))
    assert caught.value.code == "map.bucket-overfull"
    with pytest.raises(ConflictError) as caught:
        build(members_of(dict.fromkeys(range(256), 1)), epoch=EPOCH, k=0)
    assert caught.value.code == "map.bucket-overfull"


def test_an_update_removes_only_who_is_there() -> None:
    """Removing a label that is not in the map, or twice, is refused; so is putting one twice."""
    base = build(members_of({1: 1, 2: 1}), epoch=EPOCH, k=1)
    for removed in ([public_of(9)], [public_of(1), public_of(1)], [b"short"]):
        with pytest.raises(InputError) as caught:
            update(base, removed=removed)
        assert caught.value.code == "map.member-absent"
    twice = members_of({5: 1})
    twice = MapMembers(
        secrets=[*twice.secrets, *twice.secrets],
        enrolment_indexes=[5, 5],
        enrolment_leaves=[*twice.enrolment_leaves, *twice.enrolment_leaves],
        records=[*twice.records, *twice.records],
    )
    with pytest.raises(InputError) as caught:
        update(base, put=twice)
    assert caught.value.code == "map.label-twice"


def test_a_map_shows_no_secret() -> None:
    """Neither members nor a map print a secret or a record's leaf."""
    members = members_of({1: 1})
    shown = repr(members) + repr(build(members, epoch=EPOCH))
    assert repr(members.secrets[0]) not in shown
    assert repr(members.records[0][0]) not in shown
