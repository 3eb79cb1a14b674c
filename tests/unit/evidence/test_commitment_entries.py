"""Entries kept as their commitments are the entries that their kind encodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.evidence.commitment_entries import CommitmentEntries
from byleave.evidence.entry import ConsentEventEntry, EnrolmentEntry, parse_entry

KINDS = st.sampled_from([ConsentEventEntry, EnrolmentEntry])


@given(KINDS, st.lists(st.binary(min_size=32, max_size=32), max_size=9), st.data())
def test_they_are_what_each_kind_encodes(
    kind: type[ConsentEventEntry | EnrolmentEntry], commitments: list[bytes], data: st.DataObject
) -> None:
    """Iterated, indexed from either end or sliced, they are `encode()` of each commitment."""
    expected = [kind(commitment=one).encode() for one in commitments]
    entries = CommitmentEntries(kind, b"".join(commitments))
    assert [*entries] == expected
    assert len(entries) == len(expected)
    assert [entries[at] for at in range(-len(expected), len(expected))] == expected * 2
    cut = data.draw(st.slices(len(expected)))
    assert entries[cut] == expected[cut]
    read = [parse_entry(entry, kind) for entry in entries]
    assert read == [kind(commitment=one) for one in commitments]


@pytest.mark.parametrize("size", [1, 31, 33])
def test_a_part_of_a_commitment_is_refused(size: int) -> None:
    """Bytes that are no whole number of commitments raise."""
    with pytest.raises(ValueError, match="32 bytes each"):
        CommitmentEntries(ConsentEventEntry, bytes(size))


def test_there_is_nothing_behind_the_last() -> None:
    """An index beyond the last entry raises, as of any sequence."""
    with pytest.raises(IndexError):
        CommitmentEntries(ConsentEventEntry, bytes(64))[2]
