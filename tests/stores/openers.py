"""How another process opens the ledgers of the suite, and sees each statement before it is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from byleave.stores.postgres import PostgresLedger
from byleave.stores.sqlite import SqliteLedger

Tick = Callable[[], None]


def open_sqlite(path: str) -> SqliteLedger:
    return SqliteLedger(Path(path))


def open_postgres(url: str) -> PostgresLedger:
    return PostgresLedger(url)


def _sqlite_statements(ledger: SqliteLedger, tick: Tick) -> None:
    ledger._db.set_trace_callback(lambda _: tick())


def _postgres_statements(ledger: PostgresLedger, tick: Tick) -> None:
    def before(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **more: Any) -> Any:
            tick()
            return method(*values, **more)

        return call

    for name in ("execute", "executemany", "copy"):
        setattr(psycopg.Cursor, name, before(getattr(psycopg.Cursor, name)))
    psycopg.Copy.write = before(psycopg.Copy.write)  # type: ignore[method-assign]


open_sqlite.on_statement = _sqlite_statements  # type: ignore[attr-defined]
open_postgres.on_statement = _postgres_statements  # type: ignore[attr-defined]
