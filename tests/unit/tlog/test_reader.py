"""Reading a published log: whatever is returned is authenticated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave import merkle
from byleave.errors import EvidenceError, InputError
from byleave.evidence.entry import RulesetEntry
from byleave.evidence.log_proof import parse_log_proof
from byleave.note import SignerKey, parse_trust
from byleave.testing.log_faults import MemoryHead, MemorySource, MemoryTiles
from byleave.tlog.bundle import bundle_path, decode_bundle, encode_bundle, parse_bundle_path
from byleave.tlog.fsck import fsck
from byleave.tlog.publish import publish
from byleave.tlog.reader import LogReader

ORIGIN = "log.test.invalid"
KEY = SignerKey(name=ORIGIN, seed=bytes(range(32)))
TRUST = parse_trust(f"log {KEY.verifier}\nquorum none\n")
ENTRIES = [RulesetEntry(ruleset=f"r{n}", sha256=n.to_bytes(32, "big")).encode() for n in range(600)]


def made(sizes: tuple[int, ...] = (600,)) -> tuple[MemoryTiles, MemorySource, MemoryHead]:
    """Publish the entries in steps of these sizes."""
    tiles, source, head = MemoryTiles(), MemorySource(), MemoryHead()
    for size in sizes:
        source.entries = list(ENTRIES[:size])
        publish(source, tiles, head, KEY, origin=ORIGIN)
    return tiles, source, head


def test_every_entry_and_its_proof() -> None:
    """Each entry reads back, and its log proof verifies under the trust file."""
    reader = LogReader(made()[0], verifier=KEY.verifier)
    for index in range(reader.size):
        assert reader.entry(index) == ENTRIES[index]
        assert reader.leaf_hash(index) == merkle.leaf_hash(ENTRIES[index])
        place = reader.logged(index).verify(TRUST)
        assert (place.index, place.leaf) == (index, merkle.leaf_hash(ENTRIES[index]))


def test_proofs_at_an_older_checkpoint() -> None:
    """A proof can be made at an older checkpoint of the log, and only at one of this log."""
    tiles, _, _ = made((300, 600))
    old = tiles.every_checkpoint[0]
    reader = LogReader(tiles)
    text = reader.tlog_proof(7, old)
    proof = parse_log_proof(text)
    assert proof.checkpoint == old
    assert proof.format() == text
    assert reader.logged(7, old).verify(TRUST).under.checkpoint.size == 300
    foreign = MemoryTiles()
    publish(MemorySource(ENTRIES[1:9]), foreign, MemoryHead(), KEY, origin=ORIGIN)
    with pytest.raises(EvidenceError) as caught:
        reader.logged(7, foreign.published)
    assert caught.value.code == "log.head-damaged"


def test_consistency_between_any_two_sizes() -> None:
    """The reader proves that each size extends each smaller one."""
    reader = LogReader(made()[0])
    for old, new in [(0, 1), (1, 600), (255, 256), (256, 300), (300, 600), (600, 600)]:
        merkle.verify_consistency(
            old=old,
            old_root=reader.root(old),
            new=new,
            new_root=reader.root(new),
            path=reader.consistency(old, new),
        )


@given(st.data())
def test_damage_to_any_file_is_found(data: st.DataObject) -> None:
    """A bit changed in any published file is found by `fsck`, and never read as an entry."""
    tiles, source, head = made()
    path = data.draw(st.sampled_from(sorted(tiles.files)))
    raw = bytearray(tiles.files[path])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    tiles.files[path] = bytes(raw)
    report = fsck(tiles, KEY.verifier, origin=ORIGIN, source=source, head=head)
    assert {problem.code for problem in report.problems} <= {
        "log.tile-damaged",
        "log.entry-damaged",
    }
    assert not report.ok
    try:
        reader = LogReader(tiles, verifier=KEY.verifier)
        read = [reader.entry(index) for index in range(0, 600, 255)]
    except EvidenceError:
        return
    assert read == ENTRIES[0:600:255]


def test_a_whole_log_has_no_problems() -> None:
    """`fsck` finds nothing in a whole log, with or without ledger and head."""
    tiles, source, head = made((10, 600))
    source.entries.append(b"{}")
    report = fsck(tiles, KEY.verifier, origin=ORIGIN, source=source, head=head)
    assert (report.ok, report.size, report.bundles, report.waiting) == (True, 600, 3, 1)
    assert fsck(tiles, KEY.verifier, origin=ORIGIN).ok


def test_an_unpublished_log_has_no_problems() -> None:
    """`fsck` of a log before its first checkpoint finds nothing, and says what waits."""
    report = fsck(MemoryTiles(), KEY.verifier, origin=ORIGIN, source=MemorySource(ENTRIES[:4]))
    assert (report.ok, report.size, report.waiting) == (True, 0, 4)


def codes(tiles: MemoryTiles, source: MemorySource, head: MemoryHead) -> set[str]:
    """Return the codes that `fsck` finds."""
    report = fsck(tiles, KEY.verifier, origin=ORIGIN, source=source, head=head)
    return {problem.code for problem in report.problems}


def test_a_ledger_that_differs_is_found() -> None:
    """`fsck` finds a ledger with another entry, and one with fewer."""
    tiles, source, head = made()
    source.entries[599] = ENTRIES[0]
    assert codes(tiles, source, head) == {"log.source-diverged"}
    tiles, source, head = made()
    del source.entries[-1]
    assert codes(tiles, source, head) == {"log.source-shorter"}


def test_a_head_that_differs_is_found() -> None:
    """`fsck` finds a head that is lost, forged, older than the log, or of another root."""
    tiles, source, head = made((10, 600))
    head.value = None
    assert codes(tiles, source, head) == {"log.head-behind"}
    head.value = tiles.every_checkpoint[0]
    assert codes(tiles, source, head) == {"log.head-behind"}
    head.value = b"junk"
    assert codes(tiles, source, head) == {"log.head-damaged"}
    other = MemoryTiles()
    publish(MemorySource(ENTRIES[::-1]), other, MemoryHead(), KEY, origin=ORIGIN)
    head.value = other.published
    assert codes(tiles, source, head) == {"log.head-damaged"}


def test_a_checkpoint_by_another_key_is_found() -> None:
    """Neither `fsck` nor a reader with the log's key takes another key's checkpoint."""
    tiles, source, head = made()
    key = SignerKey(name=ORIGIN, seed=bytes(32)).verifier
    report = fsck(tiles, key, origin=ORIGIN, source=source, head=head)
    assert report.problems[0].code == "log.head-damaged"
    with pytest.raises(EvidenceError) as caught:
        LogReader(tiles, verifier=key)
    assert caught.value.code == "log.head-damaged"


def test_an_entry_of_no_known_kind_is_found() -> None:
    """`fsck` finds an entry that is not canonical, or of no kind it knows."""
    tiles, source, head = MemoryTiles(), MemorySource([b'{"kind":"x/v1"}', b"text"]), MemoryHead()
    publish(source, tiles, head, KEY, origin=ORIGIN)
    assert codes(tiles, source, head) == {"entry.unknown-kind"}


def test_a_lost_tile_is_named() -> None:
    """A file that is gone is named by its path."""
    tiles, source, head = made()
    del tiles.files["tile/entries/001"]
    report = fsck(tiles, KEY.verifier, origin=ORIGIN, source=source, head=head)
    assert [(p.code, p.where) for p in report.problems] == [
        ("log.tile-missing", "tile/entries/001")
    ]


def test_what_is_not_published_is_not_read() -> None:
    """Before the first checkpoint there is no reader; beyond the last entry nothing is read."""
    with pytest.raises(InputError) as caught:
        LogReader(MemoryTiles())
    assert caught.value.code == "log.no-checkpoint"
    reader = LogReader(made((3,))[0])
    for index in (-1, 3):
        with pytest.raises(InputError) as caught:
            reader.entry(index)
        assert caught.value.code == "log.no-such-entry"
    with pytest.raises(InputError) as caught:
        reader.root(4)
    assert caught.value.code == "merkle.no-such-leaf"


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_bundles_survive_their_bytes(entries: list[bytes]) -> None:
    """A bundle written and read is the same entries, and the same bytes again."""
    data = encode_bundle(entries)
    assert decode_bundle(data, len(entries)) == entries
    assert encode_bundle(decode_bundle(data, len(entries))) == data


@pytest.mark.parametrize(
    ("data", "width"),
    [(b"", 1), (b"\x00", 1), (b"\x00\x05abc", 1), (b"\x00\x01a\x00", 1), (b"\x00\x01a", 2)],
)
def test_a_bundle_holds_exactly_its_entries(data: bytes, width: int) -> None:
    """A bundle cut short, with bytes left over, or of another number of entries is refused."""
    with pytest.raises(EvidenceError) as caught:
        decode_bundle(data, width)
    assert caught.value.code == "log.entry-damaged"


@pytest.mark.parametrize(("index", "width"), [(0, 256), (5, 9), (1234067, 256), (999, 255)])
def test_bundle_paths_read_back(index: int, width: int) -> None:
    """A bundle's path reads to its index and width."""
    assert parse_bundle_path(bundle_path(index, width)) == (index, width)


@pytest.mark.parametrize(
    "path", ["tile/entries/1", "tile/entries/x000/001", "tile/entries/000.p/256", "tile/0/000"]
)
def test_another_spelling_is_no_bundle_path(path: str) -> None:
    """A path that the format would not write is refused."""
    with pytest.raises(InputError) as caught:
        parse_bundle_path(path)
    assert caught.value.code == "log.tile-path"
