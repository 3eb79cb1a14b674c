"""The state of consent over all members, for one use at one instant: columns and bitmaps.

`EventColumns` holds events as NumPy columns, one row per event, members as ordinals. `build`
reads off them what `decide.standing` says member by member, in vectors; `advance` does so again
for the members that the ledger's tail, or the passing of time, has touched.

Bitmaps are one bit per ordinal, least significant bit first (Arrow's boolean layout):
    allow    a yes that reaches back to all data
    since    a yes for data collected from `effective_us` on
    veto     refused, withdrawn or objected
    general  the yes has purpose `*` (rulesets may not count it)
Detail, read only where a row was dropped or a ground is asked for:
    code         Reason of the member, uint8
    because      ledger index that decides, int64; -1: silence
    effective_us from when a yes takes effect, int64 µs since the epoch
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from byleave.consent.decide import standing
from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade, NoticeCoverage
from byleave.consent.reason import Reason
from byleave.errors import InputError
from byleave.ids import FAR_FUTURE_US, LedgerIndex, MemberId, from_us, to_us
from byleave.policy.scope import Scope, Use

__all__ = ["Bits", "EventColumns", "State", "advance", "build", "get_bits", "pack"]

Bits = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]

_CODES: Final[Mapping[EventKind, Reason]] = {
    EventKind.REFUSAL: Reason.REFUSED,
    EventKind.WITHDRAWAL: Reason.WITHDRAWN,
    EventKind.OBJECTION: Reason.OBJECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventColumns:
    """Consent events as columns, in ascending order of `index`.

    Attributes:
        ordinal: Whose event; int64.
        index: Ledger index; int64, strictly ascending.
        kind: `EventKind`; uint8.
        effective_us: From when it counts; int64 µs.
        expires_us: End of a grant, exclusive; int64 µs, `FAR_FUTURE_US`: open.
        includes_past: bool.
        grade: `EvidenceGrade`; uint8.
        scope_id: Row in `scopes`; int32.
        notice_id: Row in `notices`; int32, -1: unknown.
        scopes: The distinct scopes.
        notices: The distinct notice ids.
    """

    ordinal: Longs
    index: Longs
    kind: npt.NDArray[np.uint8]
    effective_us: Longs
    expires_us: Longs
    includes_past: npt.NDArray[np.bool_]
    grade: npt.NDArray[np.uint8]
    scope_id: npt.NDArray[np.int32]
    notice_id: npt.NDArray[np.int32]
    scopes: tuple[Scope, ...]
    notices: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.index) > 1 and not bool((np.diff(self.index) > 0).all()):
            raise InputError("ledger indexes do not strictly ascend", code="consent.order")

    def __len__(self) -> int:
        return len(self.index)

    @classmethod
    def from_events(
        cls, events: Iterable[ConsentEvent], ordinals: Mapping[MemberId, int]
    ) -> EventColumns:
        """Lay events out as columns. One Python step per event; a store builds columns directly.

        Raises:
            InputError: `consent.order`, ledger indexes do not strictly increase.
        """
        listed = list(events)
        scopes = {s: i for i, s in enumerate(dict.fromkeys(e.scope for e in listed))}
        notices = {n: i for i, n in enumerate(dict.fromkeys(e.notice for e in listed if e.notice))}
        return cls(
            ordinal=np.array([ordinals[e.member] for e in listed], np.int64),
            index=np.array([e.index for e in listed], np.int64),
            kind=np.array([e.kind for e in listed], np.uint8),
            effective_us=np.array([to_us(e.effective) for e in listed], np.int64),
            expires_us=np.array(
                [FAR_FUTURE_US if e.expires is None else to_us(e.expires) for e in listed], np.int64
            ),
            includes_past=np.array([e.includes_past for e in listed], np.bool_),
            grade=np.array([e.grade for e in listed], np.uint8),
            scope_id=np.array([scopes[e.scope] for e in listed], np.int32),
            notice_id=np.array([notices[e.notice] if e.notice else -1 for e in listed], np.int32),
            scopes=tuple(scopes),
            notices=tuple(notices),
        )

    def take(self, rows: npt.NDArray[np.bool_] | Longs) -> EventColumns:
        """Return the events of `rows` (a mask, or ascending positions)."""
        return replace(
            self,
            ordinal=self.ordinal[rows],
            index=self.index[rows],
            kind=self.kind[rows],
            effective_us=self.effective_us[rows],
            expires_us=self.expires_us[rows],
            includes_past=self.includes_past[rows],
            grade=self.grade[rows],
            scope_id=self.scope_id[rows],
            notice_id=self.notice_id[rows],
        )

    def event(self, row: int, member: MemberId) -> ConsentEvent:
        """Return one row as an event of `member` (its `recorded` is its `effective`)."""
        expires, notice = int(self.expires_us[row]), int(self.notice_id[row])
        effective = from_us(int(self.effective_us[row]))
        return ConsentEvent(
            member=member,
            index=LedgerIndex(int(self.index[row])),
            kind=EventKind(int(self.kind[row])),
            scope=self.scopes[int(self.scope_id[row])],
            effective=effective,
            recorded=effective,
            expires=None if expires == FAR_FUTURE_US else from_us(expires),
            includes_past=bool(self.includes_past[row]),
            notice=None if notice < 0 else self.notices[notice],
            grade=EvidenceGrade(int(self.grade[row])),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """What all members' choices come to for one use at one instant (see the module).

    Attributes:
        use: One leaf use.
        at_us: The instant, µs since the epoch.
        members: Number of ordinals.
        accepted: Lowest evidence grade at which a grant counts.
        last_index: Highest ledger index that was read; -1: none.
        next_us: The next instant at which a choice that was read takes effect or ends, µs;
            `FAR_FUTURE_US`: never. Until then the state stays as it is.
    """

    use: Use
    at_us: int
    members: int
    accepted: EvidenceGrade
    last_index: int
    allow: Bits
    since: Bits
    veto: Bits
    general: Bits
    code: npt.NDArray[np.uint8]
    because: Longs
    effective_us: Longs
    next_us: int

    def by_reason(self) -> dict[str, int]:
        """Return how many members stand so, by reason; `granted` where their yes counts."""
        codes, counts = np.unique(self.code, return_counts=True)
        return {
            ("granted" if Reason(c) is Reason.KEPT else Reason(c).word): n
            for c, n in zip(codes.tolist(), counts.tolist(), strict=True)
        }


def build(
    columns: EventColumns,
    use: Use,
    *,
    at: datetime,
    members: int,
    notices: Mapping[str, NoticeCoverage],
    accepted: EvidenceGrade = EvidenceGrade.BYTES,
) -> State:
    """Return the state for `use` at `at`.

    Args:
        columns: All events of all members.
        use: One leaf use.
        at: An aware UTC instant.
        members: Number of ordinals; those without events are silent.
        notices: What each notice had expanded to when it was published.
        accepted: Lowest evidence grade at which a grant counts.
    """
    code = np.full(members, Reason.NO_GRANT, np.uint8)
    because = np.full(members, -1, np.int64)
    effective = np.zeros(members, np.int64)
    past = np.zeros(members, np.bool_)
    general = np.zeros(members, np.bool_)
    planes = _Planes(code, because, effective, past, general)
    _fill(planes, columns, use, to_us(at), notices, accepted)
    return _state(planes, use, to_us(at), accepted, columns)


def advance(
    state: State,
    columns: EventColumns,
    *,
    at: datetime,
    members: int,
    notices: Mapping[str, NoticeCoverage],
) -> State:
    """Return the state at a later instant or ledger position; equal to `build`.

    Only members touched are decided again: those with an event after `state.last_index`, or with
    one that took effect or expired in between.

    Args:
        state: The state to advance.
        columns: All events, those the state has read among them.
        at: An aware UTC instant, not before the state's.
        members: Number of ordinals, not fewer than the state's.
        notices: As in `build`; notices the state has read mean the same.
    """
    at_us = to_us(at)
    if at_us < state.at_us or members < state.members:
        return build(
            columns, state.use, at=at, members=members, notices=notices, accepted=state.accepted
        )
    between = (columns.effective_us > state.at_us) & (columns.effective_us <= at_us)
    between |= (columns.expires_us > state.at_us) & (columns.expires_us <= at_us)
    touched = np.unique(columns.ordinal[between | (columns.index > state.last_index)])
    grown = members - state.members
    planes = _Planes(
        np.concatenate([state.code, np.full(grown, Reason.NO_GRANT, np.uint8)]),
        np.concatenate([state.because, np.full(grown, -1, np.int64)]),
        np.concatenate([state.effective_us, np.zeros(grown, np.int64)]),
        np.concatenate([get_bits(state.allow, state.members), np.zeros(grown, np.bool_)]),
        np.concatenate([get_bits(state.general, state.members), np.zeros(grown, np.bool_)]),
    )
    planes.code[touched] = Reason.NO_GRANT
    planes.because[touched] = -1
    planes.effective_us[touched] = 0
    planes.past[touched] = False
    planes.general[touched] = False
    mask = np.zeros(members, np.bool_)
    mask[touched] = True
    _fill(planes, columns.take(mask[columns.ordinal]), state.use, at_us, notices, state.accepted)
    return _state(planes, state.use, at_us, state.accepted, columns)


def pack(flags: npt.NDArray[np.bool_]) -> Bits:
    """Return flags as a bitmap, least significant bit first."""
    return np.packbits(flags, bitorder="little")


def get_bits(bits: Bits, count: int) -> npt.NDArray[np.bool_]:
    """Return the first `count` bits of a bitmap as flags."""
    return np.unpackbits(bits, count=count, bitorder="little").view(np.bool_)


@dataclass(frozen=True, slots=True)
class _Planes:
    """The state's columns while they are being written."""

    code: npt.NDArray[np.uint8]
    because: Longs
    effective_us: Longs
    past: npt.NDArray[np.bool_]
    general: npt.NDArray[np.bool_]


def _state(
    planes: _Planes, use: Use, at_us: int, accepted: EvidenceGrade, columns: EventColumns
) -> State:
    yes = planes.code == Reason.KEPT
    veto = np.isin(planes.code, [Reason.REFUSED, Reason.WITHDRAWN, Reason.OBJECTED])
    return State(
        use=use,
        at_us=at_us,
        members=len(planes.code),
        accepted=accepted,
        last_index=int(columns.index[-1]) if len(columns) else -1,
        allow=pack(yes & planes.past),
        since=pack(yes & ~planes.past),
        veto=pack(veto),
        general=pack(planes.general),
        code=planes.code,
        because=planes.because,
        effective_us=planes.effective_us,
        next_us=min(_next(columns.effective_us, at_us), _next(columns.expires_us, at_us)),
    )


def _next(instants: Longs, at_us: int) -> int:
    """Return the first of some instants after `at_us`."""
    return int(np.min(instants, initial=FAR_FUTURE_US, where=instants > at_us))


def _fill(
    planes: _Planes,
    columns: EventColumns,
    use: Use,
    at_us: int,
    notices: Mapping[str, NoticeCoverage],
    accepted: EvidenceGrade,
) -> None:
    """Decide every member that has an event in `columns`; the others keep what the planes hold."""
    covers = np.array([scope.covers(use) for scope in columns.scopes], np.bool_)
    if not len(columns) or not covers.any():
        return
    # R2: those in effect that cover the use, by (member, effective, index)
    chosen = columns.kind != EventKind.PRESET
    live = columns.take(covers[columns.scope_id] & (columns.effective_us <= at_us) & chosen)
    if not len(live):
        return
    live = _sorted(live)
    reasons = _grant_reasons(live, use, notices, accepted)
    starts = np.flatnonzero(np.r_[True, live.ordinal[1:] != live.ordinal[:-1]])
    last = np.r_[starts[1:], len(live)] - 1
    who = live.ordinal[last]
    code = reasons[last]
    code[(code != _no(live, last)) & (live.expires_us[last] <= at_us)] = Reason.EXPIRED  # R4
    planes.code[who] = code
    planes.because[who] = live.index[last]
    yes = code == Reason.KEPT
    planes.effective_us[who] = np.where(yes, live.effective_us[last], 0)
    planes.past[who] = yes & live.includes_past[last]
    is_general = np.array([scope.purpose == "*" for scope in columns.scopes], np.bool_)
    planes.general[who] = yes & is_general[live.scope_id[last]]
    for first, end in _doubtful(live, reasons, starts, last):  # R3 needs the whole story
        _by_the_oracle(planes, live, range(first, end), use, at_us, notices, accepted)


def _sorted(live: EventColumns) -> EventColumns:
    order = np.lexsort((live.index, live.effective_us, live.ordinal))
    # `index` no longer ascends over all rows; it does so within each member and instant.
    moved = {
        name: getattr(live, name)[order]
        for name in (
            "ordinal",
            "kind",
            "effective_us",
            "expires_us",
            "includes_past",
            "grade",
            "scope_id",
            "notice_id",
        )
    }
    result = replace(live, **moved)
    object.__setattr__(result, "index", live.index[order])
    return result


def _grant_reasons(
    live: EventColumns, use: Use, notices: Mapping[str, NoticeCoverage], accepted: EvidenceGrade
) -> npt.NDArray[np.uint8]:
    """Return R5 and R6 for each grant, and for each no its own code."""
    named = [notices.get(name) for name in live.notices]
    covering = np.array([c is not None and use in c.uses for c in named] + [False], np.bool_)
    unnamed = live.notice_id < 0
    covered = np.where(unnamed, live.grade < EvidenceGrade.BYTES, covering[live.notice_id])
    reasons = np.where(covered, Reason.KEPT, Reason.NOTICE_DOES_NOT_COVER).astype(np.uint8)
    reasons[live.grade < accepted] = Reason.EVIDENCE_GRADE
    for kind, reason in _CODES.items():
        reasons[live.kind == kind] = reason
    return reasons


def _no(live: EventColumns, rows: Longs) -> npt.NDArray[np.uint8]:
    """Return for each row the code of its no; for a grant one that nothing equals."""
    return np.array([255, 255, *_CODES.values()], np.uint8)[live.kind[rows]]


def _doubtful(
    live: EventColumns, reasons: npt.NDArray[np.uint8], starts: Longs, last: Longs
) -> list[tuple[int, int]]:
    """Return the row ranges of members for whom R3 may decide otherwise than R2.

    It cannot where no grant follows a no, nor where all scopes are one and all grants count.
    """
    is_no = live.kind != EventKind.GRANT
    noes = np.cumsum(is_no)
    before = np.where(starts > 0, noes[starts - 1], 0)
    lengths = last - starts + 1
    follows = ~is_no & (noes > np.repeat(before, lengths))  # a grant with a no before it
    counts = is_no | (reasons == Reason.KEPT)
    first_scope = np.repeat(live.scope_id[starts], lengths)
    simple = counts & (live.scope_id == first_scope)
    doubtful = np.logical_or.reduceat(follows, starts) & ~np.logical_and.reduceat(simple, starts)
    return [(int(starts[i]), int(last[i]) + 1) for i in np.flatnonzero(doubtful)]


def _by_the_oracle(
    planes: _Planes,
    live: EventColumns,
    rows: Sequence[int],
    use: Use,
    at_us: int,
    notices: Mapping[str, NoticeCoverage],
    accepted: EvidenceGrade,
) -> None:
    ordinal = int(live.ordinal[rows[0]])
    events = sorted((live.event(row, MemberId("")) for row in rows), key=lambda e: e.index)
    stands = standing(events, use, at=from_us(at_us), notices=notices, accepted=accepted)
    yes, event = stands.reason is Reason.KEPT, stands.event
    planes.code[ordinal] = stands.reason
    planes.because[ordinal] = -1 if stands.because is None else stands.because
    planes.effective_us[ordinal] = to_us(event.effective) if yes and event else 0
    planes.past[ordinal] = bool(yes and event and event.includes_past)
    planes.general[ordinal] = bool(yes and event and event.scope.purpose == "*")
