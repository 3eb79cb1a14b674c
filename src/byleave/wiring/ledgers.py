"""Which database holds a workspace's ledgers: a file in its folder, or PostgreSQL by URL."""

from __future__ import annotations

from typing import Protocol

from byleave.errors import WorldError
from byleave.service.house import Ledger
from byleave.stores.sqlite import SqliteLedger
from byleave.tlog.ports import HeadStore
from byleave.wiring.config import Config, Places

__all__ = ["KeptLedger", "create_ledger", "discard_ledger", "open_ledger"]


class KeptLedger(Ledger, HeadStore, Protocol):
    """A ledger with the log's head, and what `fsck` and the workspace's end need."""

    @property
    def place(self) -> str:
        """Where it stands, for people; no password is part of it."""
        ...

    def quick_check(self) -> list[str]: ...
    def gaps(self) -> list[str]: ...
    def close(self) -> None: ...


def open_ledger(places: Places, config: Config, *, read_only: bool) -> KeptLedger:
    """Open a workspace's ledgers.

    Raises:
        EvidenceError: `workspace.damaged`.
        ConflictError: `workspace.older`.
        WorldError: `cli.extra-missing`, PostgreSQL without the extra; `world.storage`.
    """
    return _opened(places, config, create=False, read_only=read_only)


def create_ledger(places: Places, config: Config) -> None:
    """Make empty ledgers.

    Raises:
        ConflictError: `workspace.exists`, the database holds a ledger already.
        InputError: `workspace.ledger-url`.
        WorldError: As for `open_ledger`.
    """
    _opened(places, config, create=True, read_only=False).close()


def discard_ledger(config: Config) -> None:
    """Remove ledgers that were made for a workspace whose making then failed."""
    if config.ledger is not None:
        from byleave.stores.postgres import PostgresLedger

        ledger = PostgresLedger(config.ledger)
        ledger.drop()
        ledger.close()


def _opened(places: Places, config: Config, *, create: bool, read_only: bool) -> KeptLedger:
    if config.ledger is None:
        return SqliteLedger(places.ledger, create=create, read_only=read_only)
    try:
        from byleave.stores.postgres import PostgresLedger
    except ModuleNotFoundError as error:
        raise WorldError(
            "this workspace's ledgers are in PostgreSQL, and psycopg is not installed",
            code="cli.extra-missing",
            hint="pip install 'byleave[postgres]'",
        ) from error
    return PostgresLedger(config.ledger, create=create, read_only=read_only)
