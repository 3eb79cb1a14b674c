"""Where a ledger stands, as `ledger_suite` sees it, and the few acts that its claims share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from byleave.errors import ByleaveError
from byleave.service.house import Ledger

__all__ = [
    "HOSTILE",
    "Claim",
    "KeptLedger",
    "Opener",
    "Site",
    "Skipped",
    "contents",
    "enrol",
    "event",
    "opened",
    "raising",
    "refused",
]

HOSTILE: Final = (
    "'; DROP TABLE members; --", 'm" OR 1=1 --', "m\x00n", "\x00", "%", "%s", "\\", "\\x41", "",
    " m ", "M", "m", "π\u202e \n", "m';--", "\ufeffm", "e\u0301", "é", "\U0010ffff", "x" * 2048,
)  # fmt: skip


class KeptLedger(Ledger, Protocol):
    """A ledger with the log's head and an end."""

    def close(self) -> None: ...
    def get(self) -> bytes | None: ...
    def compare_and_swap(self, old: bytes | None, new: bytes) -> bool: ...
    def quick_check(self) -> list[str]: ...
    def gaps(self) -> list[str]: ...


class Opener(Protocol):
    """Opens the ledger of a site, again and again."""

    def __call__(self, *, read_only: bool = False) -> KeptLedger: ...


class Skipped(Exception):  # noqa: N818 (it is no error)
    """The claim needs something that the site does not have."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where one ledger stands, empty when a claim gets it.

    Attributes:
        open: Opens it; each call is a connection of its own.
        opener: `MODULE:FUNCTION` and its argument, by which another process opens it for writing
            (`ledger_process`); None: no other process can.
    """

    open: Opener
    opener: tuple[str, str] | None = None


Claim = Callable[[Site], None]


@contextmanager
def opened(site: Site, *, read_only: bool = False) -> Iterator[KeptLedger]:
    """Open the site's ledger for the length of a block."""
    ledger = site.open(read_only=read_only)
    try:
        yield ledger
    finally:
        ledger.close()


def contents(ledger: KeptLedger) -> tuple[object, ...]:
    """Return everything that a ledger holds, in one order."""
    return (
        ledger.members(),
        sorted(ledger.regions(2**60)),
        sorted(ledger.births(2**60)),
        {names: who.tolist() for names, who in ledger.groups_columns(2**60).items()},
        ledger.events(),
        ledger.objects("thing"),
        ledger.read(0, ledger.size()),
        ledger.get(),
    )


def enrol(ledger: KeptLedger, *members: str) -> list[int]:
    """Enrol members, one log entry each; return the entries' indexes."""
    first = ledger.member_count()
    with ledger.writing() as writer:
        indexes = [writer.log(b"enrolled") for _ in members]
        writer.add_members(
            (first + n, member, bytes([n % 256]) * 32, indexes[n], 1_000 + n)
            for n, member in enumerate(members)
        )
    return indexes


def event(index: int, ordinal: int = 0, **more: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """Return one event row; `more` changes its columns by name."""
    given = {
        "kind": 1, "scope": "a/b/c", "effective": 10, "recorded": 11, "expires": None, "past": 1,
        "notice": "n-1", "grade": 2, "channel": "portal", "salt": b"s" * 32, "original": 9,
        "evidence": "{}", **more,
    }  # fmt: skip
    return (index, ordinal, *given.values())


def refused(ledger: KeptLedger, code: str, method: str, *values: Any, **more: Any) -> None:  # noqa: ANN401
    """Check that a transaction with this call in it is refused with `code`, and leaves nothing."""
    before = contents(ledger)
    with raising(code), ledger.writing() as writer:
        writer.log_many([b"refused"] * 3)
        getattr(writer, method)(*values, **more)
    assert contents(ledger) == before


@contextmanager
def raising(code: str) -> Iterator[None]:
    """Check that the block is refused with `code`."""
    found = None
    try:
        yield
    except ByleaveError as error:
        found = error.code
    assert found == code, f"{found} in the place of {code}"
