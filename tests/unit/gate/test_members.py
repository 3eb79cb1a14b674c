"""Ids to ordinals: exact, whatever the ids look like, and unharmed by travel."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.errors import InputError
from byleave.gate.members import MISSING, UNKNOWN, MemberIndex

SHAPES: dict[str, Callable[[int], str]] = {
    "integers": str,
    "sparse integers": lambda n: str(n * 10**12 + 7),
    "urns": lambda n: f"urn:li:member:{3 * n}",
    "texts": lambda n: f"{n:x}-ü\u2028@example",
    "mixed": lambda n: str(n) if n % 2 else f"{n}x",
}
STRANGE = [
    None,
    "",
    "7",
    "07",
    "+7",
    "-7",
    "7 ",
    "urn:li:member:",
    "urn:li:member:06",
    "\x00",
    "7x",
]


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data())
def test_resolving_is_a_look_into_a_dictionary(shape: str, data: st.DataObject) -> None:
    """Each id resolves to its ordinal, any other text to UNKNOWN, a null to MISSING."""
    numbers = data.draw(st.lists(st.integers(0, 5000), unique=True, max_size=60))
    ids = [SHAPES[shape](n) for n in numbers]
    asked = data.draw(st.lists(st.sampled_from([*ids, *STRANGE]), max_size=80))
    wanted = [
        MISSING if a is None else {m: i for i, m in enumerate(ids)}.get(a, UNKNOWN) for a in asked
    ]
    index = MemberIndex.of(ids)
    column = pa.array(asked, pa.large_string())
    assert index.resolve(column).tolist() == wanted
    assert index.resolve(column.dictionary_encode()).tolist() == wanted
    assert index.resolve(pa.concat_arrays([column, column])[len(asked) :]).tolist() == wanted
    assert pickle.loads(pickle.dumps(index)).resolve(column.cast(pa.string())).tolist() == wanted


@given(texts=st.lists(st.text(max_size=20), unique=True, max_size=40), other=st.text(max_size=20))
def test_any_text_can_be_an_id(texts: list[str], other: str) -> None:
    """Ids of any characters resolve to themselves alone."""
    index = MemberIndex.of(texts)
    wanted = [*range(len(texts)), texts.index(other) if other in texts else UNKNOWN]
    assert index.resolve(pa.array([*texts, other], pa.large_string())).tolist() == wanted


def test_integers_are_their_decimal_text() -> None:
    """A column of whole numbers finds the ids that are those numbers' decimal text."""
    index = MemberIndex.of(["7", "-1", "12", "x"])
    found = index.resolve(pa.array([12, None, -1, 7, 3], pa.int32())).tolist()
    assert found == [2, MISSING, 1, 0, UNKNOWN]


@pytest.mark.parametrize("ids", [["a", "b", "a"], ["1", "2", "1"], ["u:1", "u:1"], ["a", None]])
def test_a_repeated_or_null_id_is_refused(ids: list[str]) -> None:
    """No two ordinals share an id, and none is without."""
    with pytest.raises(InputError) as caught:
        MemberIndex.of(pa.array(ids, pa.large_string()))
    assert caught.value.code == "input.malformed"


def test_equal_hashes_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all ids hash alike, each still resolves to itself alone."""
    import numpy as np

    from byleave.gate import members

    monkeypatch.setattr(members, "_hash", lambda texts: np.zeros(len(texts), np.uint64))
    ids = [f"member {n}!" for n in range(50)]
    index = MemberIndex.of(ids)
    found = index.resolve(pa.array([*ids, "member 50!"], pa.large_string())).tolist()
    assert found == [*range(50), UNKNOWN]
    with pytest.raises(InputError):
        MemberIndex.of([*ids, "member 3!"])


@given(data=st.data())
def test_sparse_numbers_are_found_as_numbers(data: st.DataObject) -> None:
    """Whole numbers anywhere below 2^63 are found exactly, in columns of numbers and of texts."""
    numbers = data.draw(st.lists(st.integers(0, 2**63 - 1), unique=True, min_size=2, max_size=40))
    asked = data.draw(
        st.lists(st.sampled_from([*numbers, None, 0, 7, 2**63 - 1, 2**63, 2**64 - 1]), max_size=60)
    )
    index = MemberIndex.of([str(n) for n in numbers])
    place = {n: i for i, n in enumerate(numbers)}
    wanted = [MISSING if a is None else place.get(a, UNKNOWN) for a in asked]
    assert index.resolve(pa.array(asked, pa.uint64())).tolist() == wanted
    texts = [None if a is None else str(a) for a in asked]
    assert index.resolve(pa.array(texts, pa.string())).tolist() == wanted
    signed = [a for a in asked if a is not None and a < 2**63]
    found = index.resolve(pa.array([*signed, -1], pa.int64())).tolist()
    assert found == [*(place.get(a, UNKNOWN) for a in signed), UNKNOWN]


@given(
    first=st.integers(0, 10**12),
    count=st.integers(1, 50),
    prefix=st.sampled_from(["", "urn:a-long-prefix:of-members:"]),
)
def test_counted_ids_are_the_ids_they_count(first: int, count: int, prefix: str) -> None:
    """Ids found by arithmetic resolve as a table of the same ids does, and hold no table."""
    ids = [f"{prefix}{n}" for n in range(first, first + count)]
    index = (
        MemberIndex.of(ids)
        if first < 1000
        else MemberIndex.counting(count, prefix=prefix, first=first)
    )
    assert index.dense is not None
    assert len(index) == count
    assert index.ids.to_pylist() == ids
    asked = [*ids, f"{prefix}{first + count}", f"{prefix}0{first}", f" {prefix}{first}", prefix]
    wanted = [*range(count), UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]
    assert index.resolve(pa.array(asked)).tolist() == wanted


def test_whole_numbers_from_zero_are_not_copied() -> None:
    """A column of whole numbers from 0 on is its own ordinals; one id beyond is told apart."""
    index = MemberIndex.counting(5)
    column = pa.array([4, 0, 3], pa.uint32())
    ordinals, strange = index.places(column)
    assert strange is None
    assert ordinals.__array_interface__["data"][0] == column.buffers()[1].address
    for beyond in (pa.array([4, 5], pa.uint32()), pa.array([4, -1]), pa.array([4, None])):
        ordinals, strange = index.places(beyond)
        assert strange is not None
        assert strange.tolist() == [False, True]
        assert ordinals.tolist() == [4, 0]
