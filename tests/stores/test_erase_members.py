"""Erasing members in every ledger: what identified them goes, what the log speaks of stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from byleave.stores.postgres import PostgresLedger
from byleave.stores.sqlite import SqliteLedger
from byleave.testing.memory_ledger import MemoryLedger
from tests.stores.postgres_server import Server

SCOPE = "train.generative.replies/messages/platform"
SECRET, SALT = b"\xa5" * 32, b"\x5a" * 32


def filled(ledger: Any) -> Any:
    """Enrol three members with a choice, a region and a birth day each."""
    with ledger.writing() as writer:
        for ordinal in range(3):
            index = writer.log(b"enrolment %d" % ordinal)
            secret = SECRET[:-1] + bytes([ordinal])
            writer.add_members([(ordinal, f"person-{ordinal}", secret, index, 5)])
        writer.add_regions([(ordinal, 5, f"region-{ordinal}") for ordinal in range(3)])
        writer.add_births([(ordinal, 5, 1000 + ordinal) for ordinal in range(3)])
        writer.add_groups([(ordinal, 5, f"filtered-{ordinal}") for ordinal in range(3)])
        rows = []
        for ordinal in range(3):
            salt = SALT[:-1] + bytes([ordinal])
            index = writer.log(b"event %d" % ordinal)
            rows.append(
                (index, ordinal, 1, SCOPE, 10, 10, None, 0, None, 3, "web", salt, None, "told-so")
            )
        writer.add_events(rows)
    return ledger


def erased(ledger: Any) -> None:
    """Erase two of the three, and check what every ledger then says."""
    with ledger.writing() as writer:
        writer.erase_members([(0, "erased/0"), (2, "erased/2")])
    ledger.scrub()
    assert ledger.member("person-0") is None
    assert ledger.member_count() == 3
    assert [row[1] for row in ledger.members()] == ["erased/0", "person-1", "erased/2"]
    assert [row[2] is None for row in ledger.members()] == [True, False, True]
    events = ledger.events()
    assert [row[11] for row in events] == [b"", SALT[:-1] + b"\1", b""]
    assert [row[13] for row in events] == [None, "told-so", None]
    assert [row[:11] for row in events] == [
        (3 + n, n, 1, SCOPE, 10, 10, None, 0, None, 3, "web") for n in range(3)
    ]
    assert ledger.regions(20) == [(1, "region-1")]
    assert ledger.births(20) == [(1, 1001)]
    assert {k: who.tolist() for k, who in ledger.groups_columns(20).items()} == {"filtered-1": [1]}
    assert ledger.size() == 6
    assert ledger.events_columns().ordinal.tolist() == [0, 1, 2]


def test_in_memory() -> None:
    """The ledger in plain lists keeps the ordinals and the events' times, and nothing of the rest."""
    erased(filled(MemoryLedger()))


def test_in_sqlite_no_page_keeps_it(tmp_path: Path) -> None:
    """After the scrub no byte of secret, id, salt, region or group is in the file or beside it."""
    path = tmp_path / "ledger.sqlite"
    ledger = filled(SqliteLedger(path, create=True))
    gone = [SECRET[:-1] + b"\0", SALT[:-1] + b"\2", b"person-0", b"region-2", b"filtered-2"]
    held = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert all(item in held for item in gone)
    erased(ledger)
    left = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert not [item for item in gone if item in left]
    assert SECRET[:-1] + b"\1" in left
    ledger.close()


def test_in_postgres(postgres: Server) -> None:
    """PostgreSQL says the same, and its tables are written anew by the scrub."""
    ledger = filled(PostgresLedger(postgres.url(), create=True))
    erased(ledger)
    ledger.close()


def test_nothing_is_erased_in_a_transaction_that_fails(tmp_path: Path) -> None:
    """An erasure whose transaction does not land leaves every row as it was."""
    ledger = filled(SqliteLedger(tmp_path / "ledger.sqlite", create=True))

    class CrashError(Exception):
        pass

    with pytest.raises(CrashError), ledger.writing() as writer:
        writer.erase_members([(0, "erased/0")])
        raise CrashError
    assert ledger.member("person-0") is not None
    assert ledger.events()[0][11] == SALT[:-1] + b"\0"
    ledger.close()
