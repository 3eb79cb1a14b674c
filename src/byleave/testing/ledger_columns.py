"""What a ledger tells by the column: the same as row by row, and who was touched since."""

from __future__ import annotations

from typing import Final

import numpy as np

from byleave.ids import FAR_FUTURE_US
from byleave.testing.ledger_site import HOSTILE, Claim, Site, enrol, event, opened

__all__ = ["CLAIMS"]

_PEOPLE: Final = ("m-0", "Ω\x00 n", "", "m-3", "x" * 2_000)


def ids_come_in_the_order_of_ordinals(site: Site) -> None:
    """Ids as one column are those of the rows, from any ordinal on, below any log index."""
    with opened(site) as ledger:
        assert len(ledger.member_ids()) == len(ledger.member_ids(first=3)) == 0
        indexes = enrol(ledger, *_PEOPLE)
        indexes += enrol(ledger, *(name for name in HOSTILE if name not in _PEOPLE))
        rows = ledger.members()
        assert ledger.member_ids().to_pylist() == [row[1] for row in rows]
        assert ledger.member_ids(first=2).to_pylist() == [row[1] for row in rows[2:]]
        assert ledger.member_ids(before=indexes[3]).to_pylist() == [row[1] for row in rows[:3]]
        assert len(ledger.member_ids(first=99)) == len(ledger.member_ids(before=0)) == 0


def facts_come_as_columns(site: Site) -> None:
    """Regions and births as columns are those of the rows at any instant, of all or of some."""
    with opened(site) as ledger:
        enrol(ledger, *(f"m-{n}" for n in range(9)))
        with ledger.writing() as writer:
            writer.add_regions([(n, 5, "eu" if n % 2 else "us\x00") for n in range(7)])
            writer.add_regions([(1, 9, "us\x00"), (2, 9, "é")])
            writer.add_births([(n, 5, 100 - 40 * n) for n in range(8)])
            writer.add_births([(3, 9, -1)])
            writer.add_groups([(n, 5, "a b" if n % 3 else "é\x00") for n in range(8)])
            writer.add_groups([(1, 9, ""), (3, 5, "c"), (4, 9, "c")])
        for us in (4, 5, 8, 9, 2**60):
            told = ledger.regions_columns(us)
            flat = sorted((n, region) for region, who in told.items() for n in who.tolist())
            assert flat == sorted(ledger.regions(us)), us
            assert all(bool((np.diff(who) > 0).all()) for who in told.values())
            who, days = ledger.births_columns(us)
            assert list(zip(who.tolist(), days.tolist(), strict=True)) == sorted(ledger.births(us))
        some = ledger.regions_columns(9, ordinals=np.array([1, 2, 8]))
        assert {region: who.tolist() for region, who in some.items()} == {"us\x00": [1], "é": [2]}
        who, days = ledger.births_columns(9, ordinals=[3, 0])
        assert (who.tolist(), days.tolist()) == ([0, 3], [100, -1])
        assert ledger.regions_columns(9, ordinals=[]) == {}
        assert ledger.groups_columns(4) == ledger.groups_columns(9, ordinals=[]) == {}
        told_then = {names: who.tolist() for names, who in ledger.groups_columns(8).items()}
        assert told_then == {"a b": [1, 2, 4, 5, 7], "c": [3], "é\x00": [0, 6]}
        told_now = ledger.groups_columns(9, ordinals=np.array([0, 1, 4, 8]))
        assert {names: who.tolist() for names, who in told_now.items()} == {
            "": [1],
            "c": [4],
            "é\x00": [0],
        }
        assert ledger.born_between(-1, 60).tolist() == [1, 2, 3]
        assert ledger.born_between(61, 99).tolist() == []


def instants_tell_whose_they_are(site: Site) -> None:
    """Who has a choice or a fact that takes effect or ends within a time, and what comes next."""
    with opened(site) as ledger:
        assert ledger.event_instants(0, 9)[1] == ledger.fact_instants(0, 9)[1] == FAR_FUTURE_US
        enrol(ledger, *(f"m-{n}" for n in range(9)))
        with ledger.writing() as writer:
            first = writer.log_many([b"e"] * 4)
            given = [(10, None), (20, 40), (30, 50), (20, None)]
            writer.add_events(
                [
                    event(first + n, n, effective=start, expires=end)
                    for n, (start, end) in enumerate(given)
                ]
            )
            writer.add_regions([(5, 15, "eu"), (6, 25, "eu")])
            writer.add_births([(7, 20, 1)])
            writer.add_groups([(8, 22, "a")])

        def told(kind: str, after: int, until: int) -> tuple[list[int], int]:
            ask = ledger.event_instants if kind == "events" else ledger.fact_instants
            who, later = ask(after, until)
            return who.tolist(), later

        assert told("events", 10, 30) == ([1, 2, 3], 40)
        assert told("events", 0, 10) == ([0], 20)
        assert told("events", 39, 40) == ([1], 50)
        assert told("events", 50, 60) == ([], FAR_FUTURE_US)
        assert told("facts", 15, 20) == ([7], 22)
        assert told("facts", 14, 25) == ([5, 6, 7, 8], FAR_FUTURE_US)
        assert told("facts", 20, 20) == ([], 22)


def facts_written_are_told_of(site: Site) -> None:
    """Whose facts were written since is told, replaced ones too; not of who was enrolled with them.

    A transaction that fails leaves no trace.
    """
    with opened(site) as ledger:
        assert ledger.facts_since(0)[1].tolist() == []
        with ledger.writing() as writer:
            writer.add_members([(0, "m-0", b"s" * 32, writer.log(b"enrolled"), 1)])
            writer.add_regions([(0, 5, "eu")])
        start, who = ledger.facts_since(0)
        assert who.tolist() == []
        enrol(ledger, *(f"m-{n}" for n in range(1, 9)))
        with ledger.writing() as writer:
            writer.add_regions([(3, 5, "eu"), (1, 5, "us")])
            writer.add_births([(2, 5, 1)])
            writer.add_groups([(7, 5, "a")])
        first, who = ledger.facts_since(start)
        assert who.tolist() == [1, 2, 3, 7]
        with ledger.writing() as writer:
            writer.add_regions([(3, 5, "us")])
        second, who = ledger.facts_since(first)
        assert who.tolist() == [3]
        try:
            with ledger.writing() as writer:
                writer.add_regions([(4, 5, "us")])
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        assert ledger.facts_since(second)[1].tolist() == []
        with ledger.writing() as writer:
            writer.erase_members([(2, "erased-2")])
        assert ledger.facts_since(second)[1].tolist() == [2]
        assert ledger.facts_since(start)[1].tolist() == [1, 2, 3, 7]


CLAIMS: Final[tuple[Claim, ...]] = (
    ids_come_in_the_order_of_ordinals,
    facts_come_as_columns,
    instants_tell_whose_they_are,
    facts_written_are_told_of,
)
