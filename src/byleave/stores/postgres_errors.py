"""What PostgreSQL's errors mean for a ledger."""

from __future__ import annotations

import psycopg
from psycopg import errors as pg

from byleave.errors import ByleaveError, ConflictError, EvidenceError, WorldError
from byleave.stores.ledger_writer import unfit

__all__ = ["busy", "damaged", "world"]


def busy(place: str) -> ConflictError:
    """Return the error of a workspace that somebody else writes to."""
    return ConflictError(
        "another process is writing to this workspace", code="workspace.busy", where=place
    )


def damaged(what: str, place: str) -> EvidenceError:
    """Return the error of tables that are not, or no longer, a ledger's."""
    return EvidenceError(
        what,
        code="workspace.damaged",
        where=place,
        hint="run byleave fsck, or restore the database from a copy",
    )


def world(error: psycopg.Error, place: str) -> ByleaveError:
    """Translate; PostgreSQL's own words may hold values, so only the kind of error is told."""
    match error:
        case pg.LockNotAvailable() | pg.SerializationFailure() | pg.DeadlockDetected():
            return busy(place)
        case pg.ReadOnlySqlTransaction():
            return ConflictError(
                "the database takes no writes", code="workspace.read-only", where=place
            )
        case pg.DiskFull():
            return WorldError("the disk is full", code="world.disk-full", where=place)
        case pg.DataCorrupted() | pg.IndexCorrupted() | pg.UndefinedTable() | pg.UndefinedColumn():
            return damaged(f"the ledger cannot be read ({type(error).__name__})", place)
        case pg.DuplicateTable():
            return ConflictError(
                "tables of these names stand there already",
                code="workspace.exists",
                where=place,
            )
        case pg.NumericValueOutOfRange() | pg.UntranslatableCharacter():
            return unfit("a value has more than 64 bits, or no encoding")
        case psycopg.OperationalError() if error.sqlstate is None:
            return WorldError(
                "the database does not answer, or refuses the log-in",
                code="world.storage",
                where=place,
                hint="PGPASSWORD or ~/.pgpass gives the password",
            )
        case _:
            return WorldError(
                f"the ledger refused: {type(error).__name__}",
                code="world.storage",
                where=place,
            )
