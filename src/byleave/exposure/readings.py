"""What a practice may cost, as ranges under named readings (DESIGN §12). Not legal advice.

Every reading counts the same affected people and messages and multiplies them by its own amount.
The low end leaves out messages of unknown date, the high end counts them. Persons all of whose
claims are too late at `as_of` are dropped and stated (`time_barred`). A claim whose discovery
was possible on day D may be brought until the end of the day of its anniversary, UTC.

The overall range runs from the lowest low to the highest high of the readings that are not our
additions and can be computed; it is the widest honest range, not a likely sum. Money is exact:
integer cents inside; `low` and `high` are whole units of the currency, rounded outwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.exposure.cohort import Affected
from byleave.exposure.fees import Fees, fees_paid
from byleave.exposure.pack import US_PRIVATE_MESSAGES, Reading, RulePack, Unit
from byleave.exposure.parties import UNDATED_US
from byleave.exposure.practice import Interval, Practice, as_us
from byleave.ids import FAR_FUTURE_US, format_instant, from_us

__all__ = [
    "Exposure",
    "ReadingCounts",
    "ReadingResult",
    "claimable",
    "default_window",
    "expose",
    "priced",
]

Array = Any  # a NumPy array; its element type is named where it is made

_CENTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingResult:
    """One reading, counted.

    Attributes:
        name: The reading.
        title: A few words for people.
        citation: Statute and cases.
        unit: What was counted.
        persons: Distinct members, low and high end.
        violations: Distinct messages (for `cipa`: members and messages), low and high end.
        low_cents: Low end.
        high_cents: High end; None: not computable from records.
        assumption: What has to hold, and what was missing where something was.
        time_barred: Members dropped because all their claims were too late.
        ours: Not in the complaint.
        outer: An outer bound.
    """

    name: str
    title: str
    citation: str
    unit: str
    persons: int
    persons_high: int
    violations: int
    violations_high: int
    low_cents: int
    high_cents: int | None
    assumption: str
    time_barred: int
    limitation: str | None
    ours: bool
    outer: bool

    @property
    def low(self) -> int:
        """Low end in whole units of the currency, rounded down."""
        return self.low_cents // _CENTS

    @property
    def high(self) -> int | None:
        """High end in whole units of the currency, rounded up; None: not computable."""
        return None if self.high_cents is None else -(-self.high_cents // _CENTS)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "name": self.name,
            "title": self.title,
            "citation": self.citation,
            "unit": self.unit,
            "persons": self.persons,
            "persons_high": self.persons_high,
            "violations": self.violations,
            "violations_high": self.violations_high,
            "low": self.low,
            "high": self.high,
            "low_cents": self.low_cents,
            "high_cents": self.high_cents,
            "assumption": self.assumption,
            "time_barred": self.time_barred,
            "limitation": self.limitation,
            "ours": self.ours,
            "outer": self.outer,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """All readings of a pack for one cohort, and the widest range over those not ours."""

    cohort: str
    pack: str
    currency: str
    as_of: datetime
    low_cents: int
    high_cents: int
    readings: tuple[ReadingResult, ...] = field(default=())

    @property
    def low(self) -> int:
        """Low end in whole units of the currency, rounded down."""
        return self.low_cents // _CENTS

    @property
    def high(self) -> int:
        """High end in whole units of the currency, rounded up."""
        return -(-self.high_cents // _CENTS)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "cohort": self.cohort,
            "pack": self.pack,
            "currency": self.currency,
            "as_of": format_instant(self.as_of),
            "low": self.low,
            "high": self.high,
            "low_cents": self.low_cents,
            "high_cents": self.high_cents,
            "readings": [reading.to_dict() for reading in self.readings],
        }


def expose(
    affected: Affected,
    practice: Practice,
    *,
    as_of: datetime,
    pack: RulePack = US_PRIVATE_MESSAGES,
    window: Interval | None = None,
    with_damage: int = 0,
) -> Exposure:
    """Count `affected` under every reading of `pack`.

    Args:
        affected: Who and what, of one cohort.
        practice: The same practice; fees come from its subscriptions.
        as_of: The day of the question; claims that are too late by then are dropped.
        pack: The readings.
        window: For which days fees count; None: `default_window`.
        with_damage: Persons stated to have proven actual damage.
    """
    pairs = _Pairs.of(affected.pairs)
    days = default_window(practice) if window is None else window
    counts = [_counts(reading, pairs, practice, as_of, days, pack) for reading in pack.readings]
    return priced(
        affected.cohort.name,
        practice,
        counts,
        as_of=as_of,
        pack=pack,
        with_damage=with_damage,
    )


def priced(
    cohort: str,
    practice: Practice,
    counts: list[ReadingCounts],
    *,
    as_of: datetime,
    pack: RulePack,
    with_damage: int,
) -> Exposure:
    """Multiply what was counted for each reading of `pack` by its amounts.

    Args:
        cohort: Name of the cohort.
        practice: Says whether regions were imported; its rows are not looked at.
        counts: One for each reading of the pack, in its order.
        as_of: The day of the question.
        pack: The readings.
        with_damage: Persons stated to have proven actual damage.
    """
    results = tuple(
        _result(reading, counted, practice, with_damage)
        for reading, counted in zip(pack.readings, counts, strict=True)
    )
    counted = [r for r in results if not r.ours]
    return Exposure(
        cohort=cohort,
        pack=pack.name,
        currency=pack.currency,
        as_of=as_of,
        low_cents=min((r.low_cents for r in counted), default=0),
        high_cents=max((r.high_cents or 0 for r in counted), default=0),
        readings=results,
    )


def default_window(practice: Practice, kinds: Iterable[str] | None = None) -> Interval | None:
    """Return the days from the switch being on by default to a document declaring every use.

    None where the practice does not say both, or the document came first.

    Args:
        practice: What was done.
        kinds: The kinds of messages that occur; None: those of its table.
    """
    start = None if practice.setting is None else practice.setting.on_since
    ends = [practice.declared_from(use) for use in practice.uses(kinds)]
    known = [end for end in ends if end is not None]
    if start is None or not known or len(known) != len(ends) or max(known) <= start:
        return None
    return Interval(start, max(known))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingCounts:
    """What one reading counts in one cohort, low and high end; before any amount.

    Attributes:
        persons: Distinct members with a claim in time, undated messages left out.
        persons_high: The same with them.
        subjects: Distinct members whom it speaks about, too late or not.
        violations: Distinct messages, or for `Unit.PERSON_TO_MESSAGE` pairs; low end.
        violations_high: The same, high end.
        fees: What those members paid, for `Unit.FEES`; else None.
    """

    persons: int
    persons_high: int
    subjects: int
    violations: int
    violations_high: int
    fees: Fees | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pairs:
    """The affected pairs as arrays."""

    member: Array  # int32 codes into `members`
    members: pa.Array
    record: Array  # int32 codes
    records: int
    reason: Array  # int32 codes into `reasons`
    reasons: tuple[str, ...]
    first: Array  # int64, microseconds
    region: Array  # int32 codes into `regions`; -1 unknown
    regions: tuple[str, ...]
    disclosed: Array  # bool
    discoverable: Array  # int64
    disclosed_discoverable: Array  # int64
    ungranted: Array | None  # int64, of the disclosures that no party had granted

    @classmethod
    def of(cls, pairs: pa.Table) -> _Pairs:
        columns = {name: pairs[name].combine_chunks() for name in pairs.column_names}
        return cls(
            member=_codes(columns["member"]),
            members=columns["member"].dictionary,
            record=_codes(columns["record"]),
            records=len(columns["record"].dictionary),
            reason=_codes(columns["reason"]),
            reasons=tuple(columns["reason"].dictionary.to_pylist()),
            first=as_us(pairs["first_used_at"], -FAR_FUTURE_US),
            region=_codes(columns["region"]),
            regions=tuple(columns["region"].dictionary.to_pylist()),
            disclosed=columns["disclosed"].to_numpy(zero_copy_only=False),
            discoverable=columns["discoverable_us"].to_numpy(),
            disclosed_discoverable=columns["disclosed_discoverable_us"].to_numpy(),
            ungranted=columns["ungranted_discoverable_us"].to_numpy()
            if "ungranted_discoverable_us" in columns
            else None,
        )

    @property
    def certain(self) -> Array:
        """Which are of certain date: bool[pairs]."""
        return ~self._for({"date-unknown"})

    def _for(self, reasons: Collection[str]) -> Array:
        """Return bool[pairs]: which have one of some reasons."""
        return np.isin(self.reason, [n for n, name in enumerate(self.reasons) if name in reasons])

    def asked(self, reading: Reading) -> Array:
        """Return bool[pairs]: what `reading` speaks about, too late or not."""
        start, end = reading.applies.start_us, reading.applies.end_us
        asked = (self.first >= start) & (self.first < end)
        if reading.disclosures_only:
            asked &= self.disclosed
        if reading.one_party:
            asked &= self._since(reading) != UNDATED_US
        if reading.leaves_out:
            asked &= ~self._for(reading.leaves_out)
        if reading.regions:
            asked &= np.isin(
                self.region, [n for n, name in enumerate(self.regions) if name in reading.regions]
            )
        return asked

    def in_time(self, reading: Reading, as_of: datetime) -> Array:
        """Return bool[pairs]: some use, or disclosure, can still be claimed for at `as_of`."""
        since = self._since(reading)
        if reading.limitation_years is None:
            return np.ones(len(since), dtype=bool)
        instants = pa.array(since).dictionary_encode()
        # At most one instant for each delivery: the calendar is asked once for each.
        timely = [
            claimable(us, reading.limitation_years, as_of) for us in instants.dictionary.to_pylist()
        ]
        return np.array(timely, dtype=bool)[_codes(instants)]

    def _since(self, reading: Reading) -> Array:
        """Return int64[pairs]: the latest instant from which what it counts could be found out."""
        if reading.one_party:
            if self.ungranted is None:
                raise ValueError("nobody asked whether any party had granted")
            return self.ungranted
        return self.disclosed_discoverable if reading.disclosures_only else self.discoverable

    def persons(self, rows: Array) -> int:
        return _distinct(self.member[rows], len(self.members))

    def messages(self, rows: Array) -> int:
        return _distinct(self.record[rows], self.records)


def _counts(
    reading: Reading,
    pairs: _Pairs,
    practice: Practice,
    as_of: datetime,
    window: Interval | None,
    pack: RulePack,
) -> ReadingCounts:
    subject = pairs.asked(reading)
    high = subject & pairs.in_time(reading, as_of)
    low = high & pairs.certain
    count = np.count_nonzero if reading.unit is Unit.PERSON_TO_MESSAGE else pairs.messages
    fees = None
    if reading.unit is Unit.FEES:
        fees = fees_paid(
            practice.subscriptions,
            pairs.members.take(pa.array(np.unique(pairs.member[high]))),
            window=window,
            currency=pack.currency,
        )
    return ReadingCounts(
        persons=pairs.persons(low),
        persons_high=pairs.persons(high),
        subjects=pairs.persons(subject),
        violations=int(count(low)),
        violations_high=int(count(high)),
        fees=fees,
    )


def _result(
    reading: Reading, counts: ReadingCounts, practice: Practice, with_damage: int
) -> ReadingResult:
    persons, persons_high = counts.persons, counts.persons_high
    low_cents: int = 0
    high_cents: int | None = None
    missing = ""
    match reading.unit:
        case Unit.PERSON:
            low_cents, high_cents = persons * reading.cents, persons_high * reading.cents
        case Unit.PERSON_WITH_DAMAGE:
            low_cents = min(with_damage, persons) * reading.cents
            high_cents = min(with_damage, persons_high) * reading.cents
        case Unit.MESSAGE:
            low_cents = counts.violations * reading.cents
            high_cents = counts.violations_high * reading.cents
        case Unit.PERSON_TO_MESSAGE:
            low_cents = persons * reading.cents
            high_cents = counts.violations_high * reading.cents
        case Unit.FEES:
            if counts.fees is not None:
                high_cents, missing = counts.fees.cents, counts.fees.missing
                persons, persons_high = 0, counts.fees.payers
        case Unit.NONE:
            pass
    if reading.regions and practice.regions is None:
        high_cents, missing = None, "; no regions were imported, so nobody is counted"
    return ReadingResult(
        name=reading.name,
        title=reading.title,
        citation=reading.citation,
        unit=str(reading.unit),
        persons=persons,
        persons_high=persons_high,
        violations=counts.violations,
        violations_high=counts.violations_high,
        low_cents=low_cents,
        high_cents=high_cents,
        assumption=reading.assumption + missing,
        time_barred=counts.subjects - counts.persons_high,
        limitation=reading.limitation,
        ours=reading.ours,
        outer=reading.outer,
    )


def claimable(discoverable_us: int, years: int | None, as_of: datetime) -> bool:
    """Say whether `as_of` is not after the anniversary's day; 29 February becomes 1 March.

    Args:
        discoverable_us: From when it could be found out; the far future: not yet.
        years: After how many a claim is too late; None: not modelled.
        as_of: The day of the question.
    """
    if years is None:
        return True
    if abs(discoverable_us) == FAR_FUTURE_US:
        return discoverable_us > 0  # not discoverable yet; or nothing there to discover
    day = from_us(discoverable_us).date()
    try:
        last = day.replace(year=day.year + years)
    except ValueError:
        last = day.replace(year=day.year + years, month=3, day=1)
    return as_of.astimezone(UTC).date() <= last


def _codes(column: pa.DictionaryArray) -> Array:
    return pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False)


def _distinct(codes: Array, size: int) -> int:
    seen = np.zeros(size, dtype=bool)
    seen[codes] = True
    return int(seen.sum())
