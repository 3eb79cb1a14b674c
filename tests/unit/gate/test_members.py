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
