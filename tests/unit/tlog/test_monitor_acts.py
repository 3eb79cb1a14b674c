"""A monitor sees directories that do not follow one another, and statements that the log denies."""

from __future__ import annotations

from byleave.evidence.entry import CessationEntry, DirectoryEntry, DisclosureEntry, GateEntry
from byleave.ids import parse_instant
from tests.unit.tlog.test_monitor import grown, snapshot, visited

AT = parse_instant("2026-01-01")


def directory(number: int, previous: int | None) -> DirectoryEntry:
    return DirectoryEntry(
        number=number, previous=previous, k=0, root=bytes(32), vrf_key=bytes(32), members=1
    )


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
