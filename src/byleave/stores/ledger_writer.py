"""What every ledger's writer does before a row reaches its database: number, check, translate.

A transaction is refused where it would leave the ledger untrue: an event whose log entry is not
of the same transaction, whose member is not enrolled, or that is recorded before the event that
precedes it. Scopes, notices and channels are *terms*: each text is kept once, under a number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from byleave.consent.batch import EventBatch
from byleave.errors import ConflictError, InputError

__all__ = ["MAX_KEY_BYTES", "Numbers", "Terms", "WriterBase", "key", "unfit"]

Numbers = npt.NDArray[np.int32]
_Row = TypeVar("_Row", bound=tuple[Any, ...])
_TAIL_AT_ONCE: Final = 1 << 20

MAX_KEY_BYTES: Final = 2048
"""Longest member id, region, object kind or id, in UTF-8: what an index of PostgreSQL can hold."""


class Terms:
    """The texts of a ledger and their numbers, as far as they are known here; no number, no text."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.texts: dict[int | None, Any] = {None: None}

    def learn(self, rows: Iterable[tuple[int, str]]) -> None:
        """Take over (number, text) pairs of the database."""
        for number, text in rows:
            self.ids[text] = number
            self.texts[number] = text


class WriterBase(ABC):
    """One open write transaction; a ledger's adapter says how rows reach the database.

    Args:
        start: Index of the first log entry of this transaction.
        terms: The ledger's terms; those of this transaction are added when it has landed.
    """

    def __init__(self, start: int, terms: Terms) -> None:
        self._start = start
        self._next = start
        self._entries: list[bytes] = []  # of the indexes from `start` on
        self._terms = terms
        self._new: dict[str, int] = {}
        self._clock: int | None = None
        self._enrolled: int | None = None
        self._touched = array("q")

    def log(self, entry: bytes) -> int:
        """Append one log entry and return its index."""
        return self.log_many((entry,))

    def log_many(self, entries: Sequence[bytes]) -> int:
        """Append log entries and return the index of the first; the others follow it."""
        first = self._next
        self._next += len(entries)
        self._entries.extend(entries)
        return first

    def add_events(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert event rows: (index, ordinal, kind, scope, effective_us, recorded_us, expires_us,
        includes_past, notice, grade, channel, salt, original_us, evidence), in ascending order of index.

        Raises:
            ConflictError: `workspace.clock`, an event recorded before the one that precedes it.
            InputError: `member.unknown`; `workspace.value`, an index not of this transaction.
        """
        listed = list(rows)
        if not listed:
            return
        indexes = [row[0] for row in listed]
        times = [row[5] for row in listed]
        ordinals = [row[1] for row in listed]
        ascending = all(a < b for a, b in pairwise(indexes))
        self._check_entries(indexes[0], indexes[-1], ascending=ascending)
        self._check_members(min(ordinals), max(ordinals))
        self._check_clock(times[0], times[-1], rising=all(a <= b for a, b in pairwise(times)))
        term = self._term
        self._insert_events(
            (
                (i, o, k, term(s), e, r, x, p, None if n is None else term(n), g, term(c), *rest)
                for i, o, k, s, e, r, x, p, n, g, c, *rest in listed
            ),
            len(listed),
        )

    def add_event_batch(self, first: int, batch: EventBatch) -> None:
        """Insert a batch as the events of the log entries from `first` on (`log_many`).

        Raises:
            ConflictError: `workspace.clock`.
            InputError: `member.unknown`; `workspace.value`, also for a batch without salts.
        """
        if not len(batch):
            return
        if len(batch.salts) != len(batch):
            raise unfit("events come with the salts of their commitments")
        recorded = batch.recorded_us
        self._check_entries(first, first + len(batch) - 1, ascending=True)
        self._check_members(int(batch.ordinal.min()), int(batch.ordinal.max()))
        rising = bool((np.diff(recorded) >= 0).all())
        self._check_clock(int(recorded[0]), int(recorded[-1]), rising=rising)
        self._insert_batch(
            first,
            batch,
            np.array([self._term(text) for text in batch.scopes], np.int32),
            np.array([self._term(text) for text in batch.notices], np.int32),
            np.array([self._term(text) for text in batch.channels], np.int32),
        )

    def landed(self) -> None:
        """Keep the terms of this transaction: it was committed."""
        self._terms.learn((number, text) for text, number in self._new.items())

    # -- what an adapter says ----------------------------------------------------------------

    @abstractmethod
    def _insert_events(self, rows: Iterator[tuple[Any, ...]], count: int) -> None:
        """Insert rows whose texts are term numbers."""

    @abstractmethod
    def _insert_batch(
        self,
        first: int,
        batch: EventBatch,
        scopes: Numbers,
        notices: Numbers,
        channels: Numbers,
    ) -> None:
        """Insert a batch; int32 arrays give the term numbers of its texts."""

    @abstractmethod
    def _insert_term(self, text: str) -> int:
        """Return the number of a text that the cache does not know, new or not."""

    @abstractmethod
    def _member_count(self) -> int:
        """Return the number of members, those of this transaction among them."""

    @abstractmethod
    def _last_recorded(self) -> int | None:
        """Return when the last event was recorded, µs; None before the first."""

    # ----------------------------------------------------------------------------------------

    def _enrolling(self, rows: Iterable[_Row]) -> Iterator[_Row]:
        """Pass on rows of members on their way to the table; the first number is the ordinal."""
        for row in rows:
            if self._enrolled is None or row[0] < self._enrolled:
                self._enrolled = row[0]
            yield row

    def _touching(self, rows: Iterable[_Row]) -> Iterator[_Row]:
        """Pass on rows of facts, and take note of whose: not of who is enrolled with them."""
        for row in rows:
            if self._enrolled is None or row[0] < self._enrolled:
                self._touched.append(row[0])
            yield row

    def _tail(self) -> list[bytes]:
        """Return the rows of `fact_tail` for this transaction: ordinals, int64 little-endian."""
        if not len(self._touched):
            return []
        who = np.unique(np.frombuffer(self._touched, np.int64)).astype("<i8")
        return [who[at : at + _TAIL_AT_ONCE].tobytes() for at in range(0, len(who), _TAIL_AT_ONCE)]

    def _term(self, text: str) -> int:
        number = self._terms.ids.get(text)
        if number is None:
            number = self._new.get(text)
        if number is None:
            number = self._new[text] = self._insert_term(text)
        return number

    def _check_entries(self, first: int, last: int, *, ascending: bool) -> None:
        if not (ascending and self._start <= first and last < self._next):
            raise unfit("an event's log entry is not of the same transaction, or out of order")

    def _check_members(self, lowest: int, highest: int) -> None:
        if lowest < 0 or highest >= self._member_count():
            raise InputError("an event's member is not enrolled", code="member.unknown")

    def _check_clock(self, first: int, last: int, *, rising: bool) -> None:
        before = self._last_recorded() if self._clock is None else self._clock
        if (before is not None and first < before) or not rising:
            raise ConflictError(
                "an event would be recorded before the one that precedes it",
                code="workspace.clock",
                hint="the clock went backwards, or another machine's runs ahead: try again",
            )
        self._clock = last


def key(text: str) -> str:
    """Return a member id, region, or name of an object if the ledger can find it again.

    Raises:
        InputError: `workspace.value`, over 2,048 bytes in UTF-8, or a lone surrogate.
    """
    if len(text) > MAX_KEY_BYTES or (
        len(text) * 4 > MAX_KEY_BYTES and len(text.encode("utf-8", "replace")) > MAX_KEY_BYTES
    ):
        raise unfit("an id is longer than 2,048 bytes")
    return text


def unfit(message: str) -> InputError:
    """Return the error of a value that no ledger keeps."""
    return InputError(message, code="workspace.value")
