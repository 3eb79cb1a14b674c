"""A ledger in plain lists: the reference for `ledger_suite`, and the shortest way to read the port.

A transaction works on copies of all lists and puts them in the place of the old ones at its end,
so nothing of it is seen before and nothing is left where it fails. Lost when the process ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np

from byleave import canonical
from byleave.consent.batch import SALT_BYTES, EventBatch, MemberHistory
from byleave.errors import ConflictError, InputError
from byleave.ids import FAR_FUTURE_US
from byleave.testing.memory_columns import MemoryColumns

__all__ = ["MemoryLedger", "MemoryWriter", "Tables", "World"]

_MAX_KEY_BYTES: Final = 2048
_BUSY_SECONDS: Final = 5.0

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """What a ledger holds at one instant."""

    members: list[Row] = field(default_factory=list)
    regions: dict[tuple[int, int], str] = field(default_factory=dict)
    births: dict[tuple[int, int], int] = field(default_factory=dict)
    events: list[Row] = field(default_factory=list)
    objects: dict[tuple[str, str], tuple[int, int, bytes]] = field(default_factory=dict)
    entries: list[bytes] = field(default_factory=list)
    tail: list[int] = field(default_factory=list)
    groups: dict[tuple[int, int], str] = field(default_factory=dict)

    def copy(self) -> Tables:
        """Return tables of their own."""
        return Tables(
            list(self.members), dict(self.regions), dict(self.births),
            list(self.events), dict(self.objects), list(self.entries), list(self.tail),
            dict(self.groups),
        )  # fmt: skip


class World:
    """What several ledgers share as several connections share a database."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.head: bytes | None = None
        self.lock = threading.Lock()
        self.writer: int | None = None


class MemoryWriter:
    """One open write transaction over copies."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._start = len(tables.entries)
        self._members = len(tables.members)

    def log(self, entry: bytes) -> int:
        """Append one log entry and return its index."""
        return self.log_many([entry])

    def log_many(self, entries: Sequence[bytes]) -> int:
        """Append log entries and return the index of the first."""
        first = len(self.tables.entries)
        self.tables.entries.extend(entries)
        return first

    def add_members(self, rows: Iterable[Row]) -> None:
        """Insert (ordinal, member, secret, enrolment index, enrolled_us) rows."""
        self.tables.members.extend((o, _key(m), r, _int(e), _int(us)) for o, m, r, e, us in rows)

    def add_regions(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """Insert (ordinal, from_us, region) rows."""
        facts = {(o, _int(us)): _key(region) for o, us, region in rows}
        self.tables.regions.update(facts)
        self.tables.tail.extend(o for o, _ in facts if o < self._members)

    def add_births(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Insert (ordinal, from_us, latest possible day of birth) rows."""
        facts = {(o, _int(us)): _int(day) for o, us, day in rows}
        self.tables.births.update(facts)
        self.tables.tail.extend(o for o, _ in facts if o < self._members)

    def add_events(self, rows: Iterable[Row]) -> None:
        """Insert event rows, in ascending order of index."""
        listed = list(rows)
        held = self.tables.events
        for row in listed:
            if not self._start <= row[0] < len(self.tables.entries):
                raise InputError("an entry of another transaction", code="workspace.value")
            if not 0 <= row[1] < len(self.tables.members):
                raise InputError("a member who is not enrolled", code="member.unknown")
            for number in (row[4], row[5], row[6], row[12]):
                _int(number or 0)
            for text in (row[3], row[8], row[10], row[13]):
                _text(text)
        for before, after in pairwise([*held[-1:], *listed]):
            if after[0] <= before[0]:
                raise InputError("indexes do not ascend", code="workspace.value")
            if after[5] < before[5]:
                raise ConflictError("recorded before the last", code="workspace.clock")
        held.extend(listed)

    def add_event_batch(self, first: int, batch: EventBatch) -> None:
        """Insert a batch as the events of the log entries from `first` on."""
        if len(batch.salts) != len(batch):
            raise InputError("events come with salts", code="workspace.value")
        self.add_events(_rows_of(first, batch))

    def add_groups(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """Insert (ordinal, from_us, names of groups) rows."""
        facts = {(o, _int(us)): _key(names) for o, us, names in rows}
        self.tables.groups.update(facts)
        self.tables.tail.extend(o for o, _ in facts if o < self._members)

    def add_object(
        self, kind: str, object_id: str, *, index: int, at_us: int, document: canonical.Json
    ) -> None:
        """Insert one object."""
        place = (_key(kind), _key(object_id))
        if place in self.tables.objects:
            raise ConflictError(f"a {kind} of that name exists already", code="workspace.exists")
        self.tables.objects[place] = (index, _int(at_us), canonical.encode(document))

    def replace_object(self, kind: str, object_id: str, document: canonical.Json) -> None:
        """Change the private document of an object."""
        if (kind, object_id) in self.tables.objects:
            index, at_us, _ = self.tables.objects[kind, object_id]
            self.tables.objects[kind, object_id] = (index, at_us, canonical.encode(document))

    def erase_members(self, rows: Iterable[tuple[int, str]]) -> None:
        """Take the secret, id, salts, evidence, regions and births of (ordinal, new id) members."""
        tables = self.tables
        for ordinal, name in rows:
            _, _, _, enrolment, at_us = tables.members[ordinal]
            tables.members[ordinal] = (ordinal, _key(name), None, enrolment, at_us)
            tables.tail.append(ordinal)
            tables.events[:] = [
                (*e[:11], b"", e[12], None) if e[1] == ordinal else e for e in tables.events
            ]
            for facts in (tables.regions, tables.births, tables.groups):
                for place in [place for place in facts if place[0] == ordinal]:
                    del facts[place]


class MemoryLedger(MemoryColumns):
    """The ledgers of one workspace, in memory (docs of each method: `stores/sqlite.py`)."""

    writer: Callable[[Tables], MemoryWriter] = MemoryWriter

    def __init__(self, world: World | None = None, *, read_only: bool = False) -> None:
        self.world = world or World()
        self._read_only = read_only
        self._own: Tables | None = None

    def close(self) -> None:
        """There is nothing to close."""

    @contextmanager
    def writing(self) -> Iterator[MemoryWriter]:
        """Run one transaction: all of it lands, or none of it."""
        with self._alone():
            writer = self.writer(self.world.tables.copy())
            self._own = writer.tables
            try:
                yield writer
            finally:
                self._own = None
            self.world.tables = writer.tables

    @staticmethod
    def prepared(entries: Sequence[bytes]) -> Sequence[bytes]:
        """Return entries as `log_many` takes them soonest: here as they are."""
        return entries

    def member_count(self) -> int:
        return len(self._tables.members)

    def members(self) -> list[Row]:
        return sorted(self._tables.members)

    def member(self, member: str) -> Row | None:
        return next((row for row in self._tables.members if row[1] == member), None)

    def member_at(self, ordinal: int) -> Row | None:
        return next((row for row in self._tables.members if row[0] == ordinal), None)

    def ordinals(self, members: Sequence[str]) -> dict[str, int]:
        wanted = set(members)
        return {row[1]: row[0] for row in self._tables.members if row[1] in wanted}

    def regions(self, at_us: int) -> list[tuple[int, str]]:
        return _as_of(self._tables.regions, at_us)

    def births(self, at_us: int) -> list[tuple[int, int]]:
        return _as_of(self._tables.births, at_us)

    def last_recorded(self) -> int | None:
        return int(self._tables.events[-1][5]) if self._tables.events else None

    def position_at(self, at_us: int) -> int:
        tables = self._tables
        later = [row[0] for row in tables.events if row[5] > at_us]
        later += [row[3] for row in tables.members if row[4] > at_us]
        later += [index for index, us, _ in tables.objects.values() if us > at_us]
        return int(min([*later, self.size()]))

    def index_from(self, at_us: int) -> int:
        return self.position_at(at_us - 1)

    def events(self, *, before: int | None = None, after: int = -1) -> list[Row]:
        rows = [row for row in self._tables.events if row[0] > after]
        return [row for row in rows if before is None or row[0] < before]

    def member_events(self, ordinal: int) -> list[Row]:
        return [row for row in self._tables.events if row[1] == ordinal]

    def history(self, member: str) -> MemberHistory | None:
        row = self.member(member)
        if row is None:
            return None
        return MemberHistory(
            ordinal=int(row[0]),
            events=self.member_events(row[0]),
            last_object=max((index for index, _, _ in self._tables.objects.values()), default=-1),
            last_recorded=self.last_recorded(),
        )

    def events_columns(
        self,
        *,
        before: int | None = None,
        after: int = -1,
        ordinals: Sequence[int] | None = None,
        evidence: bool = False,
    ) -> EventBatch:
        rows = self.events(before=before, after=after)
        if ordinals is not None:
            rows = [row for row in rows if row[1] in set(ordinals)]
        batch = _batch_of(rows)
        return replace(batch, evidence=[row[13] for row in rows]) if evidence else batch

    def objects(self, kind: str) -> list[tuple[int, str, int, Any]]:
        found = [
            (index, name, us, canonical.decode(raw))
            for (of, name), (index, us, raw) in self._tables.objects.items()
            if of == kind
        ]
        return sorted(found, key=lambda row: row[0])

    def object(self, kind: str, object_id: str) -> tuple[int, int, Any] | None:
        found = self._tables.objects.get((kind, object_id))
        return None if found is None else (found[0], found[1], canonical.decode(found[2]))

    def object_at(self, index: int) -> tuple[str, str, int, Any] | None:
        for (kind, name), (at, us, raw) in self._tables.objects.items():
            if at == index:
                return kind, name, us, canonical.decode(raw)
        return None

    def last_objects(
        self, kinds: Sequence[str], *, before: int, limit: int, after: int = -1
    ) -> list[tuple[int, str, str, int, Any]]:
        found = [
            (index, kind, name, us, canonical.decode(raw))
            for (kind, name), (index, us, raw) in self._tables.objects.items()
            if kind in kinds and after < index < before
        ]
        return sorted(found, key=lambda row: -row[0])[:limit]

    def scrub(self) -> None:
        """Nothing is left of what was deleted from memory."""

    def size(self) -> int:
        return len(self._tables.entries)

    def read(self, start: int, end: int) -> list[bytes]:
        return self._tables.entries[start:end]

    def get(self) -> bytes | None:
        return self.world.head

    def compare_and_swap(self, old: bytes | None, new: bytes) -> bool:
        with self._alone():
            if self.world.head != old:
                return False
            self.world.head = new
            return True

    def quick_check(self) -> list[str]:
        return []

    def gaps(self) -> list[str]:
        return []

    @property
    def _tables(self) -> Tables:
        mine = self.world.writer == threading.get_ident() and self._own is not None
        return self._own if mine and self._own is not None else self.world.tables

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._read_only:
            raise ConflictError("opened read-only", code="workspace.read-only")
        me = threading.get_ident()
        if self.world.writer == me or not self.world.lock.acquire(timeout=_BUSY_SECONDS):
            raise ConflictError("another is writing", code="workspace.busy")
        self.world.writer = me
        try:
            yield
        finally:
            self.world.writer = None
            self.world.lock.release()


def _as_of(facts: dict[tuple[int, int], Any], at_us: int) -> list[tuple[int, Any]]:
    newest: dict[int, tuple[int, Any]] = {}
    for (ordinal, us), value in sorted(facts.items()):
        if us <= at_us:
            newest[ordinal] = (us, value)
    return [(ordinal, value) for ordinal, (_, value) in sorted(newest.items())]


def _rows_of(first: int, batch: EventBatch) -> Iterator[Row]:
    for i in range(len(batch)):
        expires, original, notice = (
            int(batch.expires_us[i]), int(batch.original_us[i]), int(batch.notice[i]),
        )  # fmt: skip
        yield (
            first + i,
            int(batch.ordinal[i]),
            int(batch.kind[i]),
            batch.scopes[batch.scope[i]],
            int(batch.effective_us[i]),
            int(batch.recorded_us[i]),
            None if expires == FAR_FUTURE_US else expires,
            int(batch.includes_past[i]),
            None if notice < 0 else batch.notices[notice],
            int(batch.grade[i]),
            batch.channels[batch.channel[i]],
            batch.salts[i].tobytes(),
            None if original == FAR_FUTURE_US else original,
            None if batch.evidence is None else batch.evidence[i],
        )


def _batch_of(rows: Sequence[Row]) -> EventBatch:
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 14

    def texts(number: int) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for text in columns[number] if text is not None))

    def numbers(number: int) -> Any:  # noqa: ANN401 (int32 array)
        place = {text: i for i, text in enumerate(texts(number))}
        return np.array([-1 if t is None else place[t] for t in columns[number]], np.int32)

    def instants(number: int) -> Any:  # noqa: ANN401 (int64 array)
        return np.array([FAR_FUTURE_US if u is None else u for u in columns[number]], np.int64)

    return EventBatch(
        index=np.array(columns[0], np.int64),
        ordinal=np.array(columns[1], np.int64),
        kind=np.array(columns[2], np.uint8),
        scope=numbers(3),
        effective_us=instants(4),
        recorded_us=instants(5),
        expires_us=instants(6),
        includes_past=np.array(columns[7], np.bool_),
        notice=numbers(8),
        grade=np.array(columns[9], np.uint8),
        channel=numbers(10),
        original_us=instants(12),
        salts=np.empty((0, SALT_BYTES), np.uint8),
        scopes=texts(3),
        notices=texts(8),
        channels=texts(10),
    )


def _int(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise InputError("an integer beyond 64 bits", code="workspace.value")
    return value


def _text(value: str | None) -> bytes:
    try:
        return b"" if value is None else value.encode()
    except UnicodeEncodeError:
        raise InputError("a lone surrogate", code="workspace.value") from None


def _key(value: str) -> str:
    if len(_text(value)) > _MAX_KEY_BYTES:
        raise InputError("an id over 2,048 bytes", code="workspace.value")
    return value
