"""Ids to ordinals, cold: nanoseconds an id on one core, the way in made once before.

Ids are drawn at random from all members. Warm costs nothing by construction: a column of whole
numbers from 0 on is used as it stands, and other ids are resolved once to ordinals beside the file.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.gate_measures.scale import line
from byleave.engines.kernel import IdLoops, load_ids
from byleave.gate.members import MemberIndex

BATCH = 1 << 17


def measure(quick: bool) -> Iterator[dict[str, Any]]:  # noqa: FBT001 (gate.py asks so)
    members, asked = (1_000_000, 1_000_000) if quick else (10_000_000, 10_000_000)
    rng = np.random.default_rng(2)
    who = rng.integers(0, members, asked)
    numbers = np.unique(rng.integers(0, 2**62, members + members // 8))[:members]
    rng.shuffle(numbers)
    for word, goal, index, column in worlds(members, numbers, who):
        way = time.process_time()
        index.places(column[:1000])
        way = time.process_time() - way
        loops = load_ids()
        index.places(column[:1000], loops)
        assert np.array_equal(index.resolve(column), index.resolve(column, loops))
        for name, kernel in (("NumPy", None), ("kernel", loops)):
            best = min(resolve(index, column, kernel) for _ in range(2))
            yield line(f"ids: {word}, cold, {name}", asked, best / asked * 1e9, "ns/id", goal)
        yield line(f"ids: {word}, making the way in", members, way, "CPU s")


def worlds(members: int, numbers: Any, who: Any) -> Iterator[tuple[str, float, MemberIndex, Any]]:
    text = pa.large_string()
    dense = MemberIndex.counting(members)
    yield "whole numbers from 0 on", 60, dense, pa.array(who.astype(np.uint32))
    urns = MemberIndex.counting(members, prefix="urn:li:member:", first=1)
    named = pc.binary_join_element_wise("urn:li:member:", pa.array(who + 1).cast(pa.string()), "")
    yield "URNs that follow one another", 60, urns, named
    sparse = MemberIndex.of(pa.array(numbers).cast(text))
    yield "sparse 64-bit numbers", 150, sparse, pa.array(numbers[who])
    words = pc.binary_join_element_wise(
        *(pa.scalar("m", text), pa.array(numbers).cast(text), pa.scalar("@example.org", text)),
        pa.scalar("-", text),
    )
    strings = MemberIndex.of(words)
    yield "arbitrary strings of about 33 bytes", 150, strings, words.take(pa.array(who))


def resolve(index: MemberIndex, column: pa.Array, kernel: IdLoops | None) -> float:
    start = time.process_time()
    for at in range(0, len(column), BATCH):
        index.places(column.slice(at, BATCH), kernel)
    return time.process_time() - start
