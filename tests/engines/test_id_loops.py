"""Compiled loops over ids give the ordinals that NumPy gives, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.engines.kernel import IdLoops, load_ids
from byleave.gate.members import UNKNOWN, MemberIndex

pytest.importorskip("numba", reason="the extra `kernel` is not installed")

TEXTS = st.one_of(
    st.text(max_size=40),
    st.integers(0, 2**64).map(str),
    st.integers(0, 200).map(lambda n: f"urn:Ω:{n}"),
    st.sampled_from(["", "0", "00", "007", "7", "-1", " 7", "7 ", "9223372036854775808", "\x00"]),
)


@pytest.fixture(scope="module")
def loops() -> IdLoops:
    return load_ids()


def column_of(texts: Sequence[str | None], cut: int) -> pa.Array:
    """Return the texts as a column that begins inside a longer one."""
    return pa.array([*["cut off"] * cut, *texts], pa.large_string()).slice(cut)


@settings(max_examples=60, deadline=None)
@given(
    members=st.lists(TEXTS, min_size=1, max_size=60, unique=True),
    asked=st.lists(st.one_of(TEXTS, st.none()), max_size=80),
    cut=st.integers(0, 3),
    data=st.data(),
)
def test_any_texts_are_found_alike(
    loops: IdLoops,
    members: list[str],
    asked: list[str | None],
    cut: int,
    data: st.DataObject,
) -> None:
    """Of any ids and any column, cut anywhere, the loops find whom NumPy finds, and nobody else."""
    known = data.draw(st.lists(st.sampled_from(members), max_size=40))
    index = MemberIndex.of(column_of(members, cut))
    column = column_of([*asked, *known], cut)
    found = index.resolve(column, loops)
    assert found.tolist() == index.resolve(column).tolist()
    place = {member: n for n, member in enumerate(members)}
    wanted = [-2 if text is None else place.get(text, UNKNOWN) for text in [*asked, *known]]
    assert found.tolist() == wanted


@settings(max_examples=40, deadline=None)
@given(
    prefix=st.sampled_from(["", "m", "urn:Ω:member:", "x" * 40]),
    first=st.sampled_from([0, 1, 999, 2**62]),
    asked=st.lists(st.one_of(TEXTS, st.integers(-3, 300)), max_size=60),
)
def test_ids_that_follow_are_found_alike(
    loops: IdLoops, prefix: str, first: int, asked: list[str | int]
) -> None:
    """Ids of a prefix and whole numbers are found alike, and 007 is not 7."""
    index = MemberIndex.counting(200, prefix=prefix, first=first)
    column = column_of([a if isinstance(a, str) else f"{prefix}{first + a}" for a in asked], 1)
    assert index.resolve(column, loops).tolist() == index.resolve(column).tolist()


def test_equal_hashes_are_told_apart(loops: IdLoops, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all ids have one hash, the bytes alone decide: each finds itself and nobody another."""
    from byleave.gate import members as module

    ids = [f"member {n} of this world" for n in range(40)]
    column = pa.array(
        [*ids, "member 40 of this world", "member 1 of this worlD"], pa.large_string()
    )
    index = MemberIndex.of(pa.array(ids, pa.large_string()))
    one = int(module._hash(column)[0])
    monkeypatch.setattr(module, "_hash", lambda texts: np.full(len(texts), one, np.uint64))
    same = module._ByHash.of(pa.array(ids, pa.large_string()))
    assert same.find(column, None).tolist() == [*range(40), UNKNOWN, UNKNOWN]
    first = loops.find(
        *module._bytes_of(column.slice(0, 1)),
        module._bytes_of(index.ids),
        np.full(40, one, np.uint64),
        np.arange(39, -1, -1, dtype=np.int32),
        same.starts,
        same.shift,
    )
    assert first.tolist() == [0], "the last of forty with its hash"


def test_many_blocks_are_found(loops: IdLoops) -> None:
    """A column of many blocks, each with members, strangers and the longest ids, is found alike."""
    draw = np.random.default_rng(5)
    ids = [f"{'é' * int(draw.integers(0, 30))}-{n:x}" for n in range(3_000)]
    index = MemberIndex.of(ids)
    picked = draw.integers(0, 3_300, 10_000)
    column = pa.array([ids[n] if n < 3_000 else f"nobody-{n}" for n in picked], pa.large_string())
    found = index.resolve(column, loops)
    assert found.tolist() == [n if n < 3_000 else UNKNOWN for n in picked.tolist()]
