"""A monitor sees directories and lineages that do not hold together, and statements that the log denies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from byleave.evidence.entry import (
    CessationEntry,
    DirectoryEntry,
    DisclosureEntry,
    EnrolmentEntry,
    ErasureEntry,
    GateEntry,
    SnapshotEntry,
)
from byleave.ids import parse_instant
from tests.unit.tlog.test_monitor import enrolment, grown, receipt_in, release, snapshot, visited

AT = parse_instant("2026-01-01")


def directory(number: int, previous: int | None, *, members: int = 0) -> DirectoryEntry:
    return DirectoryEntry(
        number=number, previous=previous, k=0, root=bytes(32), vrf_key=bytes(32), members=members
    )


def somebody(number: int) -> EnrolmentEntry:
    return EnrolmentEntry(commitment=number.to_bytes(32, "big"))


def gate(use: str) -> GateEntry:
    return GateEntry(
        gate="g", record=bytes(32), use=use, rows=1, kept=1, plan=bytes(32), ledger=0, at=AT
    )


def ceased(use: str, first: int) -> CessationEntry:
    return CessationEntry(
        use=use, since=AT, first=first, stated=AT, signer=bytes(32), statement=bytes(32)
    )


def test_directories_follow_one_another() -> None:
    """A directory of a number that was there, or that skips one, or hides one, is found."""
    good = grown(directory(1, None), snapshot("s"), directory(2, 0), directory(3, 2))
    assert visited(good).state.findings == ()
    for entries in (
        [directory(1, None), directory(1, None)],
        [directory(1, None), directory(1, 0)],
        [directory(1, None), directory(3, 0)],
        [directory(1, None), directory(2, None)],
        [directory(2, None)],
    ):
        state = visited(grown(*entries)).state
        assert [f.code for f in state.findings] == ["log.directory-order"]


def test_the_order_of_directories_is_kept_across_visits() -> None:
    """What a monitor saw of a directory on one visit, it holds the next one to."""
    log = grown(directory(1, None))
    state = visited(log).state
    log.grow(directory(1, None).encode())
    assert [f.code for f in visited(log, state).state.findings] == ["log.directory-order"]


def test_a_statement_that_the_log_denies_is_found() -> None:
    """A gate, a snapshot or a disclosure of an overlapping use since `first` contradicts a statement."""
    disclosed = DisclosureEntry(
        disclosure="d", recipient="c", snapshot=0, use="a/b/c", terms=bytes(32)
    )
    for entry in (gate("a.x/b/c"), gate("a/b/*"), snapshot("s2"), disclosed):
        log = grown(snapshot("s"), entry, ceased("a/b/c", 1))
        found = visited(log).state.findings
        assert [(f.code, f.index, f.earlier) for f in found] == [
            ("log.cessation-contradicted", 2, 1)
        ]
    honest = grown(snapshot("s"), gate("other/b/c"), ceased("a/b/c", 1), gate("a/b/c"))
    assert visited(honest).state.findings == ()


def test_a_statement_that_counts_from_too_late_is_found() -> None:
    """A gate that decided at or after the stated instant denies a statement, wherever it says to begin."""
    for late in (AT, parse_instant("2026-01-01T00:00:00.5Z"), parse_instant("2026-05-01")):
        log = grown(replace(gate("a/b/c"), at=late), gate("a/b/c"), ceased("a/b/c", 2))
        (finding,) = visited(log).state.findings
        assert (finding.code, finding.index) == ("log.cessation-contradicted", 2)
    early = replace(gate("a/b/c"), at=parse_instant("2025-12-31T23:59:59.999999Z"))
    assert visited(grown(early, ceased("a/b/c", 1))).state.findings == ()


def test_a_directory_lists_as_many_as_were_enrolled_and_not_erased() -> None:
    """A second enrolment of somebody, and somebody left out, are found by their number, by anybody."""
    gone = ErasureEntry(erasure="e", members=1, document=bytes(32))
    log = grown(*map(somebody, range(3)), directory(1, None, members=3), gone, somebody(4))
    state = visited(log).state
    assert (state.enrolled, state.erased, state.findings) == (4, 1, ())
    log.grow(directory(2, 3, members=3).encode())
    state = visited(log, state).state
    assert state.findings == ()
    log.grow(somebody(5).encode(), directory(3, 6, members=3).encode())
    assert [(f.code, f.index) for f in visited(log, state).state.findings] == [
        ("log.directory-members", 8)
    ]


def test_a_holder_is_told_of_each_directory_once() -> None:
    """With a receipt the newest directory is told once: only a proof says whom it lists."""
    log = grown(enrolment(), directory(1, None, members=1))
    receipt = receipt_in(log, 0)
    monitor = visited(log, receipt=receipt)
    assert monitor.new_directory() == {"number": 1, "index": 1}
    assert monitor.buckets() == []
    again = visited(log, monitor.state, receipt=receipt)
    assert again.new_directory() is None
    assert visited(log).new_directory() is None


@pytest.mark.parametrize(
    "child",
    [
        snapshot("child", epoch=1, parent=7),
        snapshot("child", epoch=2, parent=1),
        snapshot("child", epoch=1, parent=1, k=5),
        snapshot("child", epoch=1, parent=1, use="a/b/d"),
        snapshot("child", epoch=1, parent=0),
    ],
)
def test_a_delta_has_its_parent_in_the_log(child: SnapshotEntry) -> None:
    """A parent that is no snapshot, or of another epoch, size or use, is found."""
    log = grown(gate("a/b/c"), snapshot("s", epoch=1), snapshot("s2", epoch=1, parent=1))
    assert visited(log).state.findings == ()
    log.grow(child.encode())
    (finding,) = visited(log).state.findings
    assert (finding.code, finding.index) == ("log.lineage-broken", 3)


def test_an_epoch_begins_one_lineage() -> None:
    """A second first snapshot of an epoch is found: labels would be the same in both."""
    log = grown(snapshot("s", epoch=1), snapshot("s2", epoch=1))
    (finding,) = visited(log).state.findings
    assert (finding.code, finding.index, finding.earlier) == ("log.epoch-twice", 1, 0)


def test_a_release_names_a_snapshot_of_the_log() -> None:
    """A release of no snapshot, or of another than the one at its index, is found."""
    sealed = snapshot("s")
    assert visited(grown(sealed, release("r", 1))).state.findings == ()
    for wrong in (release("r", 1, of=1), release("r", 1, sealed=snapshot("other"))):
        (finding,) = visited(grown(sealed, wrong)).state.findings
        assert (finding.code, finding.index) == ("log.release-unsealed", 1)
