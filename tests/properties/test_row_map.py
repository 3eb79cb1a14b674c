"""The map over a package's rows: deleting is never having had, and what its proofs show."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.disclosure.row_map import ROW_LABEL, RowMap, pseudonyms, row_labels
from byleave.errors import EvidenceError, InputError
from byleave.evidence.delta_proof import verify_delta

KEYS = st.binary(min_size=32, max_size=32)


def _table(key: bytes, texts: list[str]) -> pa.Table:
    labels = row_labels(key, range(len(texts)))
    return pa.table({ROW_LABEL: labels, "text": pa.array(texts, pa.string())})


@given(key=KEYS, texts=st.lists(st.text(max_size=8), min_size=1, max_size=60), data=st.data())
@settings(deadline=None, max_examples=60)
def test_deleting_rows_is_never_having_had_them(
    key: bytes, texts: list[str], data: st.DataObject
) -> None:
    """The map without rows is the map of the other rows, and its proof shows exactly those labels."""
    table = _table(key, texts)
    gone = data.draw(st.sets(st.integers(0, len(texts) - 1)))
    stay = [row for row in range(len(texts)) if row not in gone]
    labels = sorted(
        label[:16]
        for label in table[ROW_LABEL].take(pa.array(sorted(gone), pa.int64())).to_pylist()
    )
    before = RowMap.of(table)
    after, proof = before.without(labels)
    assert after.root == RowMap.of(table.take(pa.array(stay, pa.int64())), k=before.k).root
    shown = verify_delta(proof, k=before.k, old_root=before.root, new_root=after.root)
    assert (shown.removed, shown.added) == (tuple(labels), ())
    assert after.rows == len(stay)


@given(key=KEYS, texts=st.lists(st.text(max_size=8), min_size=1, max_size=40, unique=True))
@settings(deadline=None, max_examples=40)
def test_the_root_is_of_the_rows_not_of_their_order(key: bytes, texts: list[str]) -> None:
    """The same rows in another order, or read back from their entries, have the same root."""
    table = _table(key, texts)
    made = RowMap.of(table)
    assert RowMap.of(table.take(list(reversed(range(len(texts)))))).root == made.root
    assert RowMap.of_entries(made.entries.tobytes(), made.k).root == made.root


@given(key=KEYS, texts=st.lists(st.text(max_size=8), min_size=1, max_size=40), data=st.data())
@settings(deadline=None, max_examples=40)
def test_any_changed_row_changes_the_root(
    key: bytes, texts: list[str], data: st.DataObject
) -> None:
    """One other text in one row is another root; so is one other label."""
    row = data.draw(st.integers(0, len(texts) - 1))
    root = RowMap.of(_table(key, texts)).root
    changed = [*texts[:row], texts[row] + "x", *texts[row + 1 :]]
    assert RowMap.of(_table(key, changed)).root != root
    other = bytes([key[0] ^ 1]) + key[1:]
    assert RowMap.of(_table(other, texts)).root != root


@given(one=KEYS, other=KEYS, positions=st.lists(st.integers(0, 2**40), max_size=20, unique=True))
@settings(deadline=None, max_examples=40)
def test_labels_under_two_keys_share_nothing(
    one: bytes, other: bytes, positions: list[int]
) -> None:
    """The same positions under two keys have no label in common, nor do two positions under one."""
    first, second = (row_labels(key, positions).to_pylist() for key in (one, other))
    assert len(set(first)) == len(positions)
    if one != other:
        assert not set(first) & set(second)


@given(
    key=KEYS,
    ids=st.lists(st.none() | st.lists(st.none() | st.text(max_size=6), max_size=4), max_size=12),
)
@settings(deadline=None, max_examples=60)
def test_names_follow_ids(key: bytes, ids: list[list[str | None] | None]) -> None:
    """Equal ids get equal names, others other ones; null and the shape of lists stay."""
    column = pa.chunked_array([pa.array(ids, pa.list_(pa.string()))])
    made = pseudonyms(key, column).to_pylist()
    assert [None if row is None else [i is None for i in row] for row in made] == [
        None if row is None else [i is None for i in row] for row in ids
    ]
    pairs = {
        (name, item)
        for row, names in zip(ids, made, strict=True)
        for item, name in zip(row or [], names or [], strict=True)
    }
    assert len({name for name, _ in pairs}) == len({item for _, item in pairs}) == len(pairs)


def test_numbers_get_names_too() -> None:
    """Whole numbers as ids are named like the texts they are written as."""
    numbers = pseudonyms(bytes(32), pa.chunked_array([[7, None, 8]])).to_pylist()
    texts = pseudonyms(bytes(32), pa.chunked_array([["7", None, "8"]])).to_pylist()
    assert numbers == texts
    assert numbers[1] is None


def test_a_table_without_labels_is_no_package() -> None:
    """No column of labels, one of another type, or a label twice: `disclosure.copy-changed`."""
    table = _table(bytes(32), ["a", "b"])
    for wrong in (
        table.drop_columns([ROW_LABEL]),
        table.set_column(0, ROW_LABEL, [["x", "y"]]),
        table.take([0, 0]),
    ):
        with pytest.raises(EvidenceError) as error:
            RowMap.of(wrong)
        assert error.value.code == "disclosure.copy-changed"
    with pytest.raises(EvidenceError) as error:
        RowMap.of_entries(b"x", 0)
    assert error.value.code == "disclosure.copy-changed"
    with pytest.raises(InputError) as missing:
        RowMap.of(table).without([bytes(16)])
    assert missing.value.code == "map.member-absent"


def test_a_proof_of_other_rows_does_not_hold() -> None:
    """The proof for one row does not lead to the root without another one."""
    made = RowMap.of(_table(bytes(32), [str(n) for n in range(50)]))
    labels = [bytes(entry[:16]) for entry in made.entries]
    (one, proof), (other, _) = made.without(labels[:1]), made.without(labels[1:2])
    assert one.root != other.root
    with pytest.raises(EvidenceError):
        verify_delta(proof, k=made.k, old_root=made.root, new_root=other.root)
