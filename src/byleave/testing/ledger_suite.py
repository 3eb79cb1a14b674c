"""The behaviour of a ledger: what every adapter of `byleave.service.house.Ledger` must do.

Each claim is a function that takes a `Site`, where an empty ledger stands, and raises
AssertionError where the claim does not hold. An adapter is done when all of `CLAIMS` hold:

    @pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
    def test_my_ledger(claim, tmp_path):
        claim(Site(open=lambda *, read_only=False: MyLedger(tmp_path, read_only=read_only)))

Claims about other processes need `opener`; without one they say so by `Skipped`.
`memory_ledger.py` is the reference: the port in plain lists.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from byleave.consent.batch import EventBatch
from byleave.errors import ConflictError
from byleave.evidence.commitment_entries import CommitmentEntries
from byleave.evidence.entry import ConsentEventEntry
from byleave.ids import FAR_FUTURE_US
from byleave.testing import ledger_columns, ledger_races
from byleave.testing.ledger_process import one_transaction
from byleave.testing.ledger_site import (
    HOSTILE,
    Claim,
    KeptLedger,
    Site,
    Skipped,
    contents,
    enrol,
    event,
    opened,
    raising,
    refused,
)

__all__ = ["CLAIMS", "HOSTILE", "KeptLedger", "Site", "Skipped", "contents"]

# -- rows ------------------------------------------------------------------------------------


def a_new_ledger_is_empty(site: Site) -> None:
    """A new ledger has no member, no event, no entry, no head, and is sound."""
    with opened(site) as ledger:
        assert contents(ledger) == ([], [], [], {}, [], [], [], None)
        assert ledger.member_count() == ledger.size() == ledger.position_at(0) == 0
        assert ledger.last_recorded() is None
        assert ledger.quick_check() == ledger.gaps() == []
        assert len(ledger.events_columns()) == 0
        assert ledger.ordinals([]) == {}


def rows_come_back_as_they_were_written(site: Site) -> None:
    """Members, facts, events and objects are read as they were written, by whichever question."""
    with opened(site) as ledger:
        assert enrol(ledger, "m-1", "m-2") == [0, 1]
        with ledger.writing() as writer:
            writer.add_regions([(0, 5, "eu"), (1, 5, "us"), (0, 50, "us-ca")])
            writer.add_births([(0, 5, -3_650)])
            said = event(writer.log(b"said"), 1)
            writer.add_events([said])
            thing = writer.log(b"thing")
            writer.add_object("thing", "t", index=thing, at_us=77, document={"a": [1, None]})
        second = (1, "m-2", bytes([1]) * 32, 1, 1_001)
        assert ledger.member("m-2") == ledger.member_at(1) == second
        assert ledger.member("m-3") is ledger.member_at(2) is ledger.member_at(-1) is None
        assert ledger.ordinals(["m-2", "m-3", "m-2"]) == {"m-2": 1}
        assert sorted(ledger.regions(10)) == [(0, "eu"), (1, "us")]
        assert sorted(ledger.regions(50)) == [(0, "us-ca"), (1, "us")]
        assert ledger.regions(4) == []
        assert ledger.births(4) == []
        assert ledger.births(5) == [(0, -3_650)]
        assert ledger.events() == ledger.member_events(1) == [said]
        assert ledger.events(before=2) == ledger.member_events(0) == ledger.events(after=2) == []
        assert ledger.events(after=1, before=3) == [said]
        assert ledger.history("m-2") == (1, [said], 3, 11)
        assert ledger.history("m-1") == (0, [], 3, 11)
        assert ledger.history("m-3") is None
        assert ledger.last_recorded() == 11
        assert ledger.object("thing", "t") == (3, 77, {"a": [1, None]})
        assert ledger.object_at(3) == ("thing", "t", 77, {"a": [1, None]})
        assert ledger.objects("thing") == [(3, "t", 77, {"a": [1, None]})]
        assert ledger.object("thing", "u") is None
        assert ledger.object_at(2) is None
        assert ledger.read(1, 4) == [b"enrolled", b"said", b"thing"]
        assert ledger.read(4, 9) == []


def objects_are_read_back_from_an_index(site: Site) -> None:
    """`last_objects` gives those of the kinds asked for, below an index, newest first, so many."""
    with opened(site) as ledger:
        with ledger.writing() as writer:
            for number, kind in enumerate(["a", "b", "c", "a", "b"]):
                at = writer.log(b"o")
                writer.add_object(kind, f"{kind}-{number}", index=at, at_us=at, document=number)

        def asked(*kinds: str, before: int = 9, limit: int = 9) -> list[int]:
            return [row[4] for row in ledger.last_objects(kinds, before=before, limit=limit)]

        assert asked("a", "b", "c") == [4, 3, 2, 1, 0]
        assert asked("a", "b") == [4, 3, 1, 0]
        assert asked("a", "b", before=4, limit=2) == [3, 1]
        assert [row[4] for row in ledger.last_objects(["a", "b"], before=4, limit=9, after=0)] == [
            3,
            1,
        ]
        assert asked("nothing") == asked("a", before=0) == asked("a", limit=0) == []
        assert ledger.last_objects(["c"], before=3, limit=1) == [(2, "c", "c-2", 2, 2)]


def a_position_is_the_first_index_after_an_instant(site: Site) -> None:
    """`position_at` is the lowest index recorded after the instant, of whichever kind of row."""
    with opened(site) as ledger:
        enrol(ledger, "m")
        with ledger.writing() as writer:
            writer.add_events([event(writer.log(b"e"), recorded=2_000)])
            writer.add_object("thing", "t", index=writer.log(b"o"), at_us=3_000, document=None)
        assert [ledger.position_at(us) for us in (999, 1_000, 2_000, 3_000)] == [0, 1, 2, 3]


def a_position_is_found_among_many_events(site: Site) -> None:
    """`position_at` is right at every instant, also between other entries and equal times."""
    with opened(site) as ledger:
        enrol(ledger, "m")
        times = [2_000, 2_000, 2_001, 2_005, 2_005, 2_005, 2_009]
        with ledger.writing() as writer:
            for us in times:
                writer.log(b"other")
                writer.add_events([event(writer.log(b"e"), recorded=us)])
        indexes = {row[0]: row[5] for row in ledger.events()}
        for us in range(1_999, 2_011):
            later = [index for index, recorded in indexes.items() if recorded > us]
            assert ledger.position_at(us) == min([*later, ledger.size()]), us
            assert ledger.index_from(us + 1) == min([*later, ledger.size()]), us
        assert ledger.index_from(0) == 0


def some_members_events_are_read_alone(site: Site) -> None:
    """Columns of some members are theirs, by index, within the bounds; evidence comes if asked."""
    with opened(site) as ledger:
        enrol(ledger, *(f"m-{n}" for n in range(9)))
        with ledger.writing() as writer:
            first = writer.log_many([b"e"] * 36)
            writer.add_events(
                [event(first + n, n % 9, evidence="[]" if n % 2 else None) for n in range(36)]
            )
        some = ledger.events_columns(ordinals=[7, 2], after=first + 2, before=first + 30)
        wanted = [first + n for n in range(3, 30) if n % 9 in {2, 7}]
        assert some.index.tolist() == wanted
        assert some.ordinal.tolist() == [(i - first) % 9 for i in wanted]
        assert some.evidence is None
        told = ledger.events_columns(ordinals=[7, 2], after=first + 2, evidence=True)
        assert told.evidence is not None
        assert [e is not None for e in told.evidence] == [bool((i - first) % 2) for i in told.index]
        assert len(ledger.events_columns(ordinals=[])) == 0
        assert len(ledger.events_columns(ordinals=[99])) == 0


def nulls_stay_nulls(site: Site) -> None:
    """No expiry, notice, original instant or evidence comes back as none, in rows and columns."""
    with opened(site) as ledger:
        enrol(ledger, "m")
        with ledger.writing() as writer:
            void = event(writer.log(b"e"), expires=None, notice=None, original=None, evidence=None)
            full = event(writer.log(b"e"), expires=99, notice="n", original=0, evidence="[]")
            writer.add_events([void, full])
        assert ledger.events() == [void, full]
        columns = ledger.events_columns()
        assert columns.expires_us.tolist() == [FAR_FUTURE_US, 99]
        assert columns.original_us.tolist() == [FAR_FUTURE_US, 0]
        assert [columns.notices[n] if n >= 0 else None for n in columns.notice] == [None, "n"]


def whole_numbers_keep_64_bits(site: Site) -> None:
    """Instants of all 64 bits come back, and one bit more is refused by name."""
    low, high = -(2**63), 2**63 - 1
    with opened(site) as ledger:
        enrol(ledger, "m")
        with ledger.writing() as writer:
            early = event(writer.log(b"e"), effective=low, recorded=low, expires=high - 1)
            late = event(writer.log(b"e"), effective=high, recorded=high)
            writer.add_events([early, late])
            writer.add_object("thing", "t", index=writer.log(b"o"), at_us=low, document=2**53 - 1)
        assert ledger.events() == [early, late]
        assert ledger.events_columns().effective_us.tolist() == [low, high]
        assert ledger.object("thing", "t") == (3, low, 2**53 - 1)
    with opened(site) as ledger:
        for beyond in (2**63, -(2**63) - 1, 2**80):
            refused(
                ledger,
                "workspace.value",
                "add_object",
                "thing",
                "u",
                index=4,
                at_us=beyond,
                document=None,
            )


def text_is_a_value(site: Site) -> None:
    """Text that looks like SQL, holds U+0000 or is 2,048 bytes long is itself, and no other."""
    with opened(site) as ledger:
        enrol(ledger, *HOSTILE)
        with ledger.writing() as writer:
            for n, text in enumerate(HOSTILE):
                writer.add_regions([(n, 0, text)])
                more = {"scope": text, "notice": text, "channel": text, "evidence": text}
                writer.add_events([event(writer.log(b"e"), n, **more)])
                writer.add_object(text, text, index=writer.log(b"o"), at_us=0, document=text)
    with opened(site) as ledger:
        assert [row[1] for row in ledger.members()] == list(HOSTILE)
        assert ledger.ordinals(HOSTILE) == {text: n for n, text in enumerate(HOSTILE)}
        assert sorted(ledger.regions(1)) == list(enumerate(HOSTILE))
        for n, text in enumerate(HOSTILE):
            found = ledger.history(text)
            assert found is not None
            assert found[0] == n
            assert [found[1][0][place] for place in (3, 8, 10, 13)] == [text] * 4
            made = ledger.object(text, text)
            assert made is not None
            assert made[2] == text
        assert set(ledger.events_columns().scopes) == set(HOSTILE)
        assert ledger.gaps() == []


def what_cannot_be_kept_is_refused_by_name(site: Site) -> None:
    """A lone surrogate, or an id over 2,048 bytes, is `workspace.value`, and nothing is written."""
    with opened(site) as ledger:
        enrol(ledger, "m")
        for text in ("\ud800", "x" * 2049, "é" * 1025):
            refused(ledger, "workspace.value", "add_members", [(1, text, b"r" * 32, 1, 0)])
            refused(ledger, "workspace.value", "add_regions", [(0, 0, text)])
            refused(
                ledger, "workspace.value", "add_object", text, "i", index=1, at_us=0, document=None
            )
        refused(ledger, "workspace.value", "add_events", [event(1, scope="\ud800")])


def an_object_is_inserted_once(site: Site) -> None:
    """A second object of one kind and id is `workspace.exists`; the first stays as it is."""
    with opened(site) as ledger:
        with ledger.writing() as writer:
            writer.add_object("thing", "t", index=writer.log(b"1"), at_us=5, document={"n": 1})
        again: dict[str, Any] = {"index": 1, "at_us": 6, "document": {"n": 2}}
        refused(ledger, "workspace.exists", "add_object", "thing", "t", **again)
        with ledger.writing() as writer:  # who expects it may go on
            try:
                writer.add_object("thing", "t", **again)
            except ConflictError:
                writer.add_object("thing", "u", index=writer.log(b"2"), at_us=7, document={})
        with ledger.writing() as writer:
            writer.replace_object("thing", "t", {"n": 3})
        assert ledger.objects("thing") == [(0, "t", 5, {"n": 3}), (1, "u", 7, {})]
        assert ledger.read(0, 9) == [b"1", b"2"]


# -- many rows -------------------------------------------------------------------------------


def _some_batch(count: int, members: int) -> EventBatch:
    """Return events of all kinds, some with and some without an end, a notice, an instant."""
    rank = np.arange(count, dtype=np.int64)
    return EventBatch(
        index=rank,
        ordinal=rank * 7 % members,
        kind=(1 + rank % 4).astype(np.uint8),
        scope=(rank % 2).astype(np.int32),
        effective_us=5_000 + rank,
        recorded_us=6_000 + rank // 10,
        expires_us=np.where(rank % 3 == 0, 9_000 + rank, FAR_FUTURE_US),
        includes_past=rank % 5 == 0,
        notice=(rank % 3 - 1).astype(np.int32),
        grade=(rank % 3).astype(np.uint8),
        channel=np.zeros(count, np.int32),
        original_us=np.where(rank % 4 == 0, rank, FAR_FUTURE_US),
        salts=(rank[:, None] + np.arange(32)).astype(np.uint8),
        scopes=("a/b/c", "a/*/c"),
        notices=("n-1", "n-2"),
        channels=("import:file",),
    )


def commitments_are_their_entries(site: Site) -> None:
    """Commitments, prepared or not, few or many, are read as the entries that they stand for."""
    expected: list[bytes] = []
    with opened(site) as ledger:
        for number, count in enumerate((3, 200, 1_100)):
            raw = hashlib.shake_256(b"%d" % number).digest(32 * count)
            entries = CommitmentEntries(ConsentEventEntry, raw)
            for given in (entries, ledger.prepared(entries), [*entries]):
                with ledger.writing() as writer:
                    assert writer.log_many(given) == len(expected)
                expected += [*entries]
        assert ledger.size() == len(expected)
        assert ledger.read(0, len(expected)) == expected


def a_batch_is_its_rows(site: Site) -> None:
    """A batch of events is read as its rows are, and as the same columns; also between others."""
    count = 300
    batch = _some_batch(count, 40)
    with opened(site) as ledger:
        enrol(ledger, *(f"m-{n}" for n in range(40)))
        with ledger.writing() as writer:
            writer.add_events([event(writer.log(b"before"))])
            first = writer.log_many([b"entry %3d" % n for n in range(count)])
            writer.add_event_batch(first, batch)
        marked = replace(batch, recorded_us=batch.recorded_us + 10**6, evidence=["{}"] * count)
        with ledger.writing() as writer:
            second = writer.log_many([b"e" * (1 + n % 3) for n in range(count)])
            writer.add_event_batch(second, marked)
        rows = ledger.events()
        assert len(rows) == 1 + 2 * count
        for n in (0, 1, 2, 3, 4, 5, count - 1):
            wanted = (
                first + n,
                n * 7 % 40,
                1 + n % 4,
                batch.scopes[n % 2],
                5_000 + n,
                6_000 + n // 10,
                9_000 + n if n % 3 == 0 else None,
                int(n % 5 == 0),
                None if n % 3 == 0 else batch.notices[n % 3 - 1],
                n % 3,
                "import:file",
                bytes((n + k) % 256 for k in range(32)),
                n if n % 4 == 0 else None,
                None,
            )
            assert rows[1 + n] == wanted, n
            assert rows[1 + count + n][13] == "{}"
        columns = ledger.events_columns(after=first - 1, before=second)
        assert columns.index.tolist() == list(range(first, first + count))
        for name in ("ordinal", "kind", "effective_us", "recorded_us", "expires_us", "grade"):
            assert getattr(columns, name).tolist() == getattr(batch, name).tolist(), name
        assert columns.includes_past.tolist() == batch.includes_past.tolist()
        assert columns.original_us.tolist() == batch.original_us.tolist()
        assert [columns.scopes[s] for s in columns.scope] == [batch.scopes[s] for s in batch.scope]
        assert (columns.notice < 0).tolist() == (batch.notice < 0).tolist()
        assert ledger.read(first, second) == [b"entry %3d" % n for n in range(count)]
        assert ledger.read(second, second + 4) == [b"e", b"ee", b"eee", b"e"]
        assert len(ledger.events_columns()) == 1 + 2 * count
        assert ledger.gaps() == []


# -- what a transaction may not do ------------------------------------------------------------


def an_event_needs_its_own_entry_and_member(site: Site) -> None:
    """An event of an older entry, of one not yet logged, or of nobody is refused."""
    with opened(site) as ledger:
        enrol(ledger, "m")
        for index in (0, 4, -1):
            refused(ledger, "workspace.value", "add_events", [event(index)])
        for ordinal in (1, -1, 2**40):
            refused(ledger, "member.unknown", "add_events", [event(1, ordinal)])
        refused(ledger, "member.unknown", "add_event_batch", 1, _some_batch(3, 2))
        refused(ledger, "workspace.value", "add_event_batch", 2, _some_batch(3, 1))
        bare = replace(_some_batch(1, 1), salts=np.empty((0, 32), np.uint8))
        refused(ledger, "workspace.value", "add_event_batch", 1, bare)


def recorded_never_decreases(site: Site) -> None:
    """Where the clock went backwards the event is `workspace.clock`; the same instant is fine."""
    with opened(site) as ledger:
        enrol(ledger, "m")
        with ledger.writing() as writer:
            writer.add_events([event(writer.log(b"e"), recorded=100)])
        with ledger.writing() as writer:
            writer.add_events([event(writer.log(b"e"), recorded=100)])
        refused(ledger, "workspace.clock", "add_events", [event(3, recorded=99)])

        rows = [event(3 + n, recorded=us) for n, us in enumerate((200, 150, 300))]
        refused(ledger, "workspace.clock", "add_events", rows)
        batch = replace(_some_batch(3, 1), recorded_us=np.array([200, 150, 300]))
        refused(ledger, "workspace.clock", "add_event_batch", 3, batch)
        old = replace(batch, recorded_us=np.array([99, 100, 101]))
        refused(ledger, "workspace.clock", "add_event_batch", 3, old)
        assert ledger.last_recorded() == 100


def a_transaction_lands_whole_or_not_at_all(site: Site) -> None:
    """Whatever is raised after whichever step, everything is as before it, and no index is lost."""
    with opened(site) as ledger:
        enrol(ledger, "m")
        before = contents(ledger)
        for stop in (ValueError, KeyboardInterrupt, SystemExit):
            for step in range(2, 9):
                ticks = iter(range(100))

                def tick(ticks: Iterator[int] = ticks, at: int = step, stop: Any = stop) -> None:  # noqa: ANN401
                    if next(ticks) == at:
                        raise stop("in the middle")

                stopped = False
                try:
                    one_transaction(ledger, tick)
                except stop:
                    stopped = True
                assert stopped
                assert contents(ledger) == before, (stop, step)
        assert enrol(ledger, "m-2") == [1]


def a_transaction_in_a_transaction_is_refused(site: Site) -> None:
    """A second transaction of the same thread is `workspace.busy` at once, and the first lands."""
    with opened(site) as ledger:
        with ledger.writing() as writer:
            writer.log(b"mine")
            with raising("workspace.busy"), ledger.writing():
                pass
        assert ledger.read(0, 9) == [b"mine"]


def what_is_not_committed_is_not_seen(site: Site) -> None:
    """Another thread, or another connection, sees a transaction only when it has landed."""
    with opened(site) as ledger, opened(site, read_only=True) as other:
        enrol(ledger, "m")
        before = contents(ledger)
        seen: list[tuple[object, ...]] = []
        with ledger.writing() as writer:
            writer.add_events([event(writer.log(b"e"))])
            writer.add_object("thing", "t", index=writer.log(b"o"), at_us=0, document={})
            assert ledger.object("thing", "t") is not None  # its own thread sees it
            thread = threading.Thread(target=lambda: seen.append(contents(ledger)))
            thread.start()
            thread.join()
            seen.append(contents(other))
        assert seen == [before, before]
        assert contents(other) == contents(ledger) != before


def a_transaction_knows_how_far_it_has_come(site: Site) -> None:
    """Its own thread counts a transaction's members and its last event; nobody else does, and
    nobody at all once it has failed.
    """
    with opened(site) as ledger, opened(site, read_only=True) as other:
        enrol(ledger, "m")
        for lands in (False, True):
            before = (other.member_count(), other.last_recorded(), other.history("m"))
            try:
                with ledger.writing() as writer:
                    count = ledger.member_count()
                    entry = writer.log(b"enrolled")
                    writer.add_members([(count, f"n-{count}", b"r" * 32, entry, 2_000)])
                    writer.add_events([event(writer.log(b"e"), recorded=3_000)])
                    own = ledger.history("m")
                    assert own is not None
                    assert (own.last_recorded, len(own.events)) == (3_000, 1)
                    assert (ledger.member_count(), ledger.last_recorded()) == (count + 1, 3_000)
                    then = (other.member_count(), other.last_recorded(), other.history("m"))
                    assert then == before
                    if not lands:
                        raise ValueError
            except ValueError:
                assert (ledger.member_count(), ledger.last_recorded()) == before[:2]
        assert (other.member_count(), other.last_recorded(), other.size()) == (2, 3_000, 3)
        assert ledger.gaps() == []


def a_read_only_ledger_reads(site: Site) -> None:
    """A ledger opened read-only sees what others commit, and refuses to write."""
    with opened(site) as ledger, opened(site, read_only=True) as reader:
        enrol(ledger, "m")
        assert contents(reader) == contents(ledger)
        with raising("workspace.read-only"), reader.writing() as writer:
            writer.log(b"no")
        with raising("workspace.read-only"):
            reader.compare_and_swap(None, b"a")
        assert ledger.size() == 1
        assert ledger.get() is None


def everything_is_there_after_reopening(site: Site) -> None:
    """What was committed is read by a ledger that is opened later, and numbering goes on."""
    with opened(site) as ledger:
        enrol(ledger, "m")
        one_transaction(ledger, lambda: None)
        assert ledger.compare_and_swap(None, b"head")
        before = contents(ledger)
    with opened(site) as ledger:
        assert contents(ledger) == before
        assert enrol(ledger, "m-2") == [4]


CLAIMS: Final[tuple[Claim, ...]] = (
    a_new_ledger_is_empty,
    rows_come_back_as_they_were_written,
    objects_are_read_back_from_an_index,
    a_position_is_the_first_index_after_an_instant,
    a_position_is_found_among_many_events,
    some_members_events_are_read_alone,
    nulls_stay_nulls,
    whole_numbers_keep_64_bits,
    text_is_a_value,
    what_cannot_be_kept_is_refused_by_name,
    an_object_is_inserted_once,
    a_batch_is_its_rows,
    commitments_are_their_entries,
    an_event_needs_its_own_entry_and_member,
    recorded_never_decreases,
    a_transaction_lands_whole_or_not_at_all,
    a_transaction_in_a_transaction_is_refused,
    what_is_not_committed_is_not_seen,
    a_transaction_knows_how_far_it_has_come,
    a_read_only_ledger_reads,
    everything_is_there_after_reopening,
    ledger_races.the_head_is_swapped_only_where_it_is_the_expected_one,
    ledger_races.of_several_swaps_one_succeeds,
    ledger_races.threads_lose_nothing,
    ledger_races.processes_lose_nothing,
    ledger_races.a_killed_writer_leaves_nothing,
    *ledger_columns.CLAIMS,
)
