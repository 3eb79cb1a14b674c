"""Who was affected by a practice, by what, and why: one reason per member and message.

A member is affected by a message when it was used in a delivery that the cohort asks about, the
member was a party to it, and no grant of their own, given before the use and covering the data,
was in effect (G1, G4: another party's grant is not theirs). The first such delivery counts.

Each affected (member, message) has exactly one reason, the first that holds (`REASONS`):

    date-unknown                 whether it had been sent before the delivery is not on record
    refused-but-used             they had said no; somebody else's switch was asked, or nobody's
    collected-under-older-promise  they had said yes, to what would be collected from then on
    expired                      they had said yes, and the yes had ended
    recipient-never-asked        they received it, and only the author's switch was asked
    before-policy                no document declared the use yet
    no-choice                    they had never said anything; a default is not an answer

Messages of unknown date: whether they were used is unknown too (unless the delivery lists its
records). They are stated apart; a range's low end leaves them out, its high end counts them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.exposure.choices import (
    EXPIRED,
    GRANTED,
    REFUSED,
    SILENT,
    Choices,
    State,
    Switches,
)
from byleave.exposure.conditions import (
    EVERYONE,
    Cohort,
    alleged_class,
    check_cohort,
    members_asked,
    parties_asked,
    regions_at,
)
from byleave.exposure.finding import REASONS, counts_of
from byleave.exposure.parties import NO_KIND, RECIPIENT, ROLES, UNDATED_US, Parties
from byleave.exposure.practice import Delivery, Honoured, Interval, Practice, as_text
from byleave.exposure.used import used_in
from byleave.ids import FAR_FUTURE_US, to_us

__all__ = [
    "EVERYONE",
    "REASONS",
    "Affected",
    "Cohort",
    "affected",
    "alleged_class",
]

Array = Any  # a NumPy array; its element type is named where it is made

_BATCH_ROWS: Final = 1 << 17
_DATE_UNKNOWN: Final = 0
_NOT_AFFECTED: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Affected:
    """Everyone a cohort holds, and by which messages.

    Attributes:
        cohort: What was asked.
        pairs: One row per affected (member, message), by message, then member: `member`,
            `record`, `role`, `reason`, `first_used_at`, `delivery` (the first that affected
            them), `region` (null: unknown), `disclosed` (it left the platform), and
            `discoverable_us`, `disclosed_discoverable_us` (int64: the latest instant from which
            a use, a disclosure, could be found out; the far future: not yet). Where it was asked,
            `ungranted_discoverable_us`: the same of disclosures that none of the message's parties
            had granted; the far past: there was none.
        members: `member`, `reason`, `messages`, `first_used_at`; by member, then reason.
        messages: Distinct messages, those of unknown date left out (low end).
        messages_high: The same with them (high end).
        members_count: Distinct members, those affected by undated messages only left out.
        members_count_high: The same with them.
        by_reason: (member, message) pairs by reason; they sum to `pairs.num_rows`.
        by_delivery: Delivery id → (distinct members, distinct messages) that it affected, undated
            messages among them; each delivery counts whole, whichever came first.
        also: Pairs by facts that overlap the reasons: `before-policy` (no document declared the
            use yet), `never-answered` (not one choice of their own), `as-recipient`.
    """

    cohort: Cohort
    pairs: pa.Table
    members: pa.Table
    messages: int
    messages_high: int
    members_count: int
    members_count_high: int
    by_reason: Mapping[str, int]
    by_delivery: Mapping[str, tuple[int, int]]
    also: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return counts alone: no member ids."""
        return counts_of(self)

    def member_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield `members` (see `Finding`)."""
        yield from self.members.to_batches()

    def pair_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield `pairs`, ids as text (see `Finding`)."""
        names = ("member", "record", "role", "reason", "first_used_at", "delivery")
        for batch in self.pairs.select(names).to_batches(max_chunksize=_BATCH_ROWS):
            columns = [
                as_text(column) if pa.types.is_dictionary(column.type) else column
                for column in batch.columns
            ]
            yield pa.RecordBatch.from_arrays(columns, names=list(names))

    def reasons(self) -> pa.Table:
        """Return `reason`, `pairs`, `members`, `messages` (distinct), in the order of `REASONS`."""
        names = pa.array(REASONS)
        counted = (
            self.pairs.select(["reason", "member", "record"])
            .group_by("reason", use_threads=False)
            .aggregate(
                [("reason", "count"), ("member", "count_distinct"), ("record", "count_distinct")]
            )
        )
        at = pc.index_in(names, as_text(counted["reason"]).cast(pa.string()))

        def column(name: str) -> pa.Array:
            return pc.fill_null(counted[name].combine_chunks().take(at), 0)

        return pa.table(
            {
                "reason": names,
                "pairs": column("reason_count"),
                "members": column("member_count_distinct"),
                "messages": column("record_count_distinct"),
            }
        )


def affected(
    practice: Practice,
    choices: pa.Table | None = None,
    cohort: Cohort = EVERYONE,
    *,
    any_party: bool = True,
) -> Affected:
    """Find everyone whom `practice` affected, among those `cohort` asks about.

    Args:
        practice: What the platform did.
        choices: What members had chosen by an act of their own (see `Choices`); None: nobody
            chose anything beyond turning a switch off.
        cohort: The conditions.
        any_party: Find out, too, which disclosures any party of a message had granted; a reading
            may ask (`pack.Reading.one_party`). Cost: a look at all parties for each disclosure.

    Raises:
        InputError: `case.cohort-column`, the cohort asks about something the import lacks;
            what `Choices` raises.
    """
    check_cohort(practice, cohort)
    parties = Parties.of(practice)
    switches = Switches(practice.opt_outs, members=parties.members)
    world = _World(
        practice=practice,
        parties=parties,
        said=Choices(choices, switches=switches, members=parties.members),
        switches=switches,
        cohort=cohort,
        asked=parties_asked(parties, cohort),
        any_party=any_party,
    )
    found = _Found.nothing(len(parties.row))
    for number in sorted(
        range(len(practice.deliveries)), key=lambda n: (practice.deliveries[n].at, n)
    ):
        if cohort.asks_about(practice.deliveries[number]):
            _judge(world, found, number)
    return _collect(world, found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _World:
    """What every delivery is judged against."""

    practice: Practice
    parties: Parties
    said: Choices
    switches: Switches
    cohort: Cohort
    asked: Array  # bool[p]
    any_party: bool


@dataclass(slots=True, kw_only=True, eq=False)
class _Found:
    """What is known so far about each party; filled delivery by delivery, in order of time."""

    reason: Array  # int8[p], index into REASONS
    first: Array  # int64[p], microseconds
    delivery: Array  # int32[p]
    early: Array  # bool[p], used before a document declared the use
    silent: Array  # bool[p], no choice of their own by then
    disclosed: Array  # bool[p]
    discoverable: Array  # int64[p]
    disclosed_discoverable: Array  # int64[p]
    ungranted_discoverable: Array  # int64[p]
    touched: dict[str, tuple[int, int]]  # delivery → distinct members, distinct messages

    @classmethod
    def nothing(cls, parties: int) -> _Found:
        return cls(
            reason=np.full(parties, _NOT_AFFECTED, dtype=np.int8),
            first=np.zeros(parties, dtype=np.int64),
            delivery=np.zeros(parties, dtype=np.int32),
            early=np.zeros(parties, dtype=bool),
            silent=np.zeros(parties, dtype=bool),
            disclosed=np.zeros(parties, dtype=bool),
            discoverable=np.full(parties, UNDATED_US, dtype=np.int64),
            disclosed_discoverable=np.full(parties, UNDATED_US, dtype=np.int64),
            ungranted_discoverable=np.full(parties, UNDATED_US, dtype=np.int64),
            touched={},
        )


def _judge(world: _World, found: _Found, number: int) -> None:
    """Add what one delivery did to `found`."""
    practice, parties = world.practice, world.parties
    delivery = practice.deliveries[number]
    used, certain = used_in(practice, parties, world.switches, delivery)
    if world.cohort.sent != Interval():
        certain &= parties.sent != UNDATED_US
    asked = members_asked(practice, parties, world.cohort, delivery)[parties.member]
    here = np.flatnonzero(world.asked & asked & used[parties.row])
    row, member = parties.row[here], parties.member[here]
    reason = np.full(len(here), _NOT_AFFECTED, dtype=np.int8)
    early, silent = np.zeros((2, len(here)), dtype=bool)
    granted = np.zeros(len(used), dtype=bool)
    kinds = parties.kind[row]
    for kind in np.unique(kinds).tolist():
        of_kind = np.flatnonzero(kinds == kind)
        category = practice.category
        name = category if kind == NO_KIND else f"{category}.{parties.kinds[kind]}"
        declared = practice.declared_from(delivery.use(name))
        before = declared is None or delivery.at < declared
        state = world.said.state(delivery.at, delivery.use(name))
        granted |= _granted(world, delivery, kind, state)
        early[of_kind] = before
        silent[of_kind] = state.said[member[of_kind]] == SILENT
        reason[of_kind] = _reasons(
            state.said[member[of_kind]],
            state.covers_from[member[of_kind]],
            sent=parties.sent[row[of_kind]],
            certain=certain[row[of_kind]],
            never_asked=(parties.role[here[of_kind]] == RECIPIENT)
            & (delivery.honoured in {Honoured.AUTHOR, Honoured.NONE}),
            before=before,
        )
    hit = reason != _NOT_AFFECTED
    found.touched[delivery.id] = (
        _distinct(member[hit], len(parties.members)),
        _distinct(row[hit], len(parties.sent)),
    )
    _add(
        found,
        world,
        number,
        _Hits(
            at=here[hit],
            reason=reason[hit],
            early=early[hit],
            silent=silent[hit],
            granted=granted[row[hit]],
        ),
    )


def _granted(world: _World, delivery: Delivery, kind: int, state: State) -> Array:
    """Return bool[messages]: of this kind, and some party, whoever, had granted the disclosure.

    All False where nobody asks.
    """
    parties = world.parties
    if not (world.any_party and delivery.left_the_platform):
        return np.zeros(len(parties.sent), dtype=bool)
    here = np.flatnonzero((state.said == GRANTED)[parties.member])
    row, member = parties.row[here], parties.member[here]
    covered = (parties.kind[row] == kind) & (parties.sent[row] >= state.covers_from[member])
    found = np.zeros(len(parties.sent), dtype=bool)
    found[row[covered]] = True
    return found


def _reasons(
    said: Array,
    covers_from: Array,
    *,
    sent: Array,
    certain: Array,
    never_asked: Array,
    before: bool,
) -> Array:
    """Return the first reason that holds per party; `_NOT_AFFECTED` where their own grant does.

    An undated message is covered only by a grant that includes the past.
    """
    granted = said == GRANTED
    covered = granted & (sent >= covers_from)
    return np.select(
        [
            covered,
            ~certain,
            said == REFUSED,
            granted,
            said == EXPIRED,
            never_asked,
            np.full(len(said), before),
        ],
        [_NOT_AFFECTED, *range(len(REASONS) - 1)],
        default=len(REASONS) - 1,
    ).astype(np.int8)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Hits:
    """The parties that one delivery affected: positions, reasons, and the facts beside them."""

    at: Array  # int64
    reason: Array  # int8
    early: Array  # bool
    silent: Array  # bool
    granted: Array  # bool, some party had granted the disclosure; False where nobody asked


def _add(found: _Found, world: _World, number: int, hits: _Hits) -> None:
    # The first delivery gives the reason; a certain use later outweighs an uncertain one earlier.
    delivery = world.practice.deliveries[number]
    now = found.reason[hits.at]
    new = (now == _NOT_AFFECTED) | ((now == _DATE_UNKNOWN) & (hits.reason != _DATE_UNKNOWN))
    fresh = hits.at[new]
    found.reason[fresh] = hits.reason[new]
    found.first[fresh] = to_us(delivery.at)
    found.delivery[fresh] = number
    found.early[fresh] = hits.early[new]
    found.silent[fresh] = hits.silent[new]
    since = delivery.discoverable_since
    discoverable = FAR_FUTURE_US if since is None else to_us(since)
    _raise_to(found.discoverable, hits.at, discoverable)
    if delivery.left_the_platform:
        found.disclosed[hits.at] = True
        _raise_to(found.disclosed_discoverable, hits.at, discoverable)
        _raise_to(found.ungranted_discoverable, hits.at[~hits.granted], discoverable)


def _raise_to(column: Array, at: Array, value: int) -> None:
    column[at] = np.maximum(column[at], value)


def _collect(world: _World, found: _Found) -> Affected:
    parties = world.parties
    at = np.flatnonzero(found.reason != _NOT_AFFECTED)
    reason = found.reason[at]
    pairs = pa.table(
        {
            "member": _dictionary(parties.member[at], parties.members),
            "record": _dictionary(parties.row[at], parties.records),
            "role": _dictionary(parties.role[at], pa.array(ROLES)),
            "reason": _dictionary(reason, pa.array(REASONS)),
            "first_used_at": pa.array(found.first[at]).cast(pa.timestamp("us", tz="UTC")),
            "delivery": _dictionary(
                found.delivery[at], pa.array([d.id for d in world.practice.deliveries], pa.string())
            ),
            "region": _region_column(world, found, at),
            "disclosed": pa.array(found.disclosed[at]),
            "discoverable_us": pa.array(found.discoverable[at]),
            "disclosed_discoverable_us": pa.array(found.disclosed_discoverable[at]),
        }
    )
    if world.any_party:
        ungranted = pa.array(found.ungranted_discoverable[at])
        pairs = pairs.append_column("ungranted_discoverable_us", ungranted)
    dated = at[reason != _DATE_UNKNOWN]
    counts = np.bincount(reason, minlength=len(REASONS)).tolist()
    return Affected(
        cohort=world.cohort,
        pairs=pairs,
        members=_by_member(parties, found, at),
        messages=_distinct(parties.row[dated], len(parties.sent)),
        messages_high=_distinct(parties.row[at], len(parties.sent)),
        members_count=_distinct(parties.member[dated], len(parties.members)),
        members_count_high=_distinct(parties.member[at], len(parties.members)),
        by_reason=dict(zip(REASONS, counts, strict=True)),
        by_delivery=found.touched,
        also={
            "before-policy": int(found.early[at].sum()),
            "never-answered": int(found.silent[at].sum()),
            "as-recipient": int((parties.role[at] == RECIPIENT).sum()),
        },
    )


def _by_member(parties: Parties, found: _Found, at: Array) -> pa.Table:
    """Return member, reason, distinct messages, first use; by member, then reason."""
    key = parties.member[at] * len(REASONS) + found.reason[at]
    order = np.lexsort((found.first[at], key))
    key, first = key[order], found.first[at][order]
    groups, begin, messages = np.unique(key, return_index=True, return_counts=True)
    return pa.table(
        {
            "member": parties.members.take(pa.array(groups // len(REASONS))),
            "reason": pa.array(REASONS).take(pa.array(groups % len(REASONS))),
            "messages": pa.array(messages.astype(np.int64)),
            "first_used_at": pa.array(first[begin]).cast(pa.timestamp("us", tz="UTC")),
        }
    )


def _region_column(world: _World, found: _Found, at: Array) -> pa.Array:
    """Return the region of each member at the instant of the delivery that affected them first."""
    names: list[str] = []
    code = np.full(len(at), -1, dtype=np.int32)
    for number in np.unique(found.delivery[at]).tolist():
        regions = regions_at(world.practice, world.parties, world.practice.deliveries[number])
        encoded = regions.dictionary_encode()
        rows = np.flatnonzero(found.delivery[at] == number)
        local = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        local = local[world.parties.member[at[rows]]]
        code[rows] = np.where(local < 0, -1, local + len(names))
        names.extend(encoded.dictionary.to_pylist())
    merged = pa.array(names, pa.large_string())
    return merged.take(pa.array(code, mask=code < 0)).dictionary_encode()


def _dictionary(codes: Array, names: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), names)


def _distinct(codes: Array, size: int) -> int:
    seen = np.zeros(size, dtype=bool)
    seen[codes] = True
    return int(seen.sum())
