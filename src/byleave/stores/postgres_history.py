"""The look-up of one decision in PostgreSQL, past the driver's cursor.

psycopg's `execute` takes 27 of the 65 µs of such a look-up for work that is the same every time:
parsing the statement, finding its prepared form, choosing how to write the value. Here the
statement is prepared once a connection and run by libpq, through psycopg's own wait: Ctrl-C, its
lock and its errors stay as they are.
"""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakSet

from psycopg import errors, generators, pq
from psycopg.adapt import Transformer

from byleave.stores.postgres_writer import EVENT_COLUMNS, Connection

__all__ = ["look_up", "look_up_in_transaction"]

_HISTORY: Final = (
    f"SELECT {EVENT_COLUMNS.replace('ordinal', 'e.ordinal')}, m.ordinal,"  # noqa: S608
    " (SELECT max(idx) FROM objects), (SELECT last_recorded FROM ledger_ends)"
    " FROM members m LEFT JOIN events e ON e.ordinal = m.ordinal"
    " WHERE m.member = $1"
)
_PREPARED: Final = b"byleave_history"


def look_up_in_transaction(connection: Connection, member: bytes) -> list[tuple[Any, ...]]:
    """Return the same by the driver's own way, which prepares anew what a rollback took with it."""
    sql = _HISTORY.replace("$1", "%s").encode()
    return connection.execute(sql, (member,), binary=True).fetchall()


def look_up(
    connection: Connection, member: bytes, ready: WeakSet[Connection]
) -> list[tuple[Any, ...]]:
    """Return event rows of a member, each with their ordinal and what else a decision needs.

    Args:
        connection: Of this thread; autocommit, or with a transaction that is sound.
        member: The platform's id, in UTF-8.
        ready: The connections in which the statement is prepared; this one joins them.

    Returns:
        No row where nobody has this id. One row an event, in no order; without events one, whose
        first column is null. After the event's columns: the ordinal, the index of the newest
        object, when the last event was recorded.

    Raises:
        psycopg.Error: As `execute`.
    """
    with connection.lock:
        if connection not in ready:
            _checked(connection.pgconn.prepare(_PREPARED, _HISTORY.encode()))
            ready.add(connection)
        connection.pgconn.send_query_prepared(
            _PREPARED, [member], [pq.Format.BINARY], pq.Format.BINARY
        )
        result = _checked(*connection.wait(generators.execute(connection.pgconn)))
    reader = Transformer(connection)
    reader.set_pgresult(result)
    return reader.load_rows(0, result.ntuples, tuple)


def _checked(result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status not in {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}:
        raise errors.error_from_result(result)
    return result
