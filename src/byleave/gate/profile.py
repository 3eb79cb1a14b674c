"""What the gate must know of a member, each distinct combination once: a profile.

All members of one profile are alike to the gate, but for the instant from which their own yes
reaches and the ledger index that it rests on. A plan therefore holds the number of a profile for
each member, and this table. A region enters as what its rules say, never by name.

A yes from some instant on is told by spans of 2^41 µs (about 25 days): data collected after the
span is covered, before it is not, and only within it is the member's own instant looked up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from byleave.consent.reason import Ground, Reason
from byleave.errors import InputError
from byleave.ids import to_us
from byleave.policy.ruleset import RegionRule

__all__ = ["ALWAYS", "GAPS", "OWN", "SPAN_BITS", "Interval", "Profile", "Profiles", "gap_sets"]

ALWAYS: Final = -(2**63)
"""µs that stand for "nobody knows"; as the start of a yes: reaches back to all data."""

OWN: Final = -2
"""In place of a ledger index: each member has their own."""

GAPS: Final = 64
"""Added to the number of a set of intervals, in place of a reason: it stops what was collected in
them; `Reason` has no number so high."""

SPAN_BITS: Final = 41
_MOST: Final = 2**32

_MOST_GAPS: Final = 190

Flags = npt.NDArray[np.bool_]
Interval = tuple[int, int]
"""µs: from the first until the second, which is not part of it."""
Profile = tuple[int, int, int, int, int, int, int, int]
"""`code stop ground party_rule earliest_us from_lo from_hi because`; see `Profiles`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profiles:
    """The table; every plane has one value per profile, profiles ascend as tuples of them.

    Attributes:
        code: `Reason`: `KEPT`, a veto or a silence; uint8.
        stop: `Reason` of a rule that stops the member's rows, or `KEPT`; `GAPS` + k: those that
            were collected in the k-th of the category's sets of intervals (`gap_sets`); uint8.
        ground: `Ground` of a yes; uint8.
        party_rule: `PartyRule` of the member's region; uint8.
        earliest_us: Data collected before it is stopped; `ALWAYS`: no such date; int64.
        from_lo: Where `code` is `KEPT`: no member's yes reaches further back; int64.
        from_hi: Likewise: everyone's yes reaches at least so far back. Equal to `from_lo`: it is
            that instant for all; else each has their own within; int64.
        because: Ledger index that a yes rests on; `OWN`: each has their own; -1: none; int64.
    """

    code: npt.NDArray[np.uint8]
    stop: npt.NDArray[np.uint8]
    ground: npt.NDArray[np.uint8]
    party_rule: npt.NDArray[np.uint8]
    earliest_us: npt.NDArray[np.int64]
    from_lo: npt.NDArray[np.int64]
    from_hi: npt.NDArray[np.int64]
    because: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[Profile]) -> Profiles:
        """Lay profiles out as planes."""
        table = np.array(rows, np.int64).reshape(-1, 8)
        code, stop, ground, rule = (table[:, i].astype(np.uint8) for i in range(4))
        return cls(
            code=code,
            stop=stop,
            ground=ground,
            party_rule=rule,
            earliest_us=table[:, 4].copy(),
            from_lo=table[:, 5].copy(),
            from_hi=table[:, 6].copy(),
            because=table[:, 7].copy(),
        )

    def __len__(self) -> int:
        return len(self.code)

    def rows(self) -> list[Profile]:
        """Return the profiles as tuples."""
        planes = (
            self.code,
            self.stop,
            self.ground,
            self.party_rule,
            self.earliest_us,
            self.from_lo,
            self.from_hi,
            self.because,
        )
        return list(zip(*(plane.tolist() for plane in planes), strict=True))

    @property
    def sure(self) -> Flags:
        """A yes for every row, whenever it was collected, that no rule stops."""
        kept: Flags = (self.code == Reason.KEPT) & (self.stop == Reason.KEPT)
        kept &= (self.from_hi == ALWAYS) & (self.earliest_us == ALWAYS)
        return kept

    @property
    def timeless(self) -> Flags:
        """What the member says does not depend on when a row was collected."""
        says: Flags = (self.code != Reason.KEPT) | (self.from_hi == ALWAYS)
        says &= (self.earliest_us == ALWAYS) & (self.stop < GAPS)
        return says

    @property
    def has_own_start(self) -> Flags:
        """Each member has an instant of their own from which the yes reaches."""
        differ: Flags = self.from_lo != self.from_hi
        return differ


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voices:
    """What members say, one value per member, before profiles are told apart.

    Attributes:
        code: As in `Profiles`.
        stop: As in `Profiles`.
        ground: As in `Profiles`.
        from_us: From when a yes reaches, `ALWAYS` for all data; 0 where there is none; int64.
        because: Ledger index that a yes by consent rests on; read where `ground` is `CONSENT`.
        region: Row of the member's region in the rules; int32.
    """

    code: npt.NDArray[np.uint8]
    stop: npt.NDArray[np.uint8]
    ground: npt.NDArray[np.uint8]
    from_us: npt.NDArray[np.int64]
    because: npt.NDArray[np.int64]
    region: npt.NDArray[np.int32]


def gap_sets(rules: Sequence[RegionRule]) -> tuple[tuple[Interval, ...], ...]:
    """Return the sets of intervals in which what was collected is not used, each once, ascending.

    Raises:
        InputError: `ruleset.malformed`, more than 190 regions differ in them.
    """
    sets = {tuple((to_us(a), to_us(b)) for a, b in r.purged) for r in rules if r.purged}
    if len(sets) > _MOST_GAPS:
        raise InputError("over 190 regions differ in what is purged", code="ruleset.malformed")
    return tuple(sorted(sets))


class Numbering:
    """Gives profiles provisional numbers as they are met, part by part; `settle` sorts them."""

    def __init__(self, rules: Sequence[RegionRule], earliest: Sequence[int], other: int) -> None:
        pairs = [(int(r.party_rule), e) for r, e in zip(rules, earliest, strict=True)]
        self._classes = sorted(set(pairs))
        self._class_of = np.array([self._classes.index(p) for p in pairs], np.int64)
        self._other = other
        self._numbers: dict[Profile, int] = {}
        self._counts: list[int] = []

    def number(self, voices: Voices) -> npt.NDArray[np.uint32]:
        """Return the provisional number of each member's profile."""
        consent = voices.ground == Ground.CONSENT
        own = consent & (voices.from_us != ALWAYS)
        kept = voices.code == Reason.KEPT
        span = np.where(own, voices.from_us >> SPAN_BITS, 0)
        base = int(span.min(initial=0))
        # where the yes is by another ground its start is one of few: its rank among them
        given = kept & ~consent
        at = np.unique(voices.from_us[given], return_inverse=True)[1]
        when = span - base + 1
        when[~own] = 0
        when[given] = int(when.max(initial=0)) + 1 + at
        key = self._class_of[voices.region]
        radix = len(self._classes)
        for plane in (voices.code, voices.stop, voices.ground):
            key += plane.astype(np.int64) * radix
            radix *= int(plane.max(initial=0)) + 1
        key += when * radix
        distinct, first, inverse = _distinct(key)
        table = np.array(
            [self._of(voices, int(i), int(span[i]), own=bool(own[i])) for i in first], np.uint32
        )
        counts = np.bincount(inverse, minlength=len(distinct))
        for number, count in zip(table.tolist(), counts.tolist(), strict=True):
            self._counts[number] += count
        return table[inverse]

    def _of(self, voices: Voices, i: int, span: int, *, own: bool) -> int:
        rule, earliest = self._classes[int(self._class_of[voices.region[i]])]
        start = int(voices.from_us[i])
        lo, hi = (span << SPAN_BITS, (span + 1) << SPAN_BITS) if own else (start, start)
        ground = int(voices.ground[i])
        because = OWN if ground == Ground.CONSENT else -1 if ground == Ground.NONE else self._other
        profile = (
            int(voices.code[i]),
            int(voices.stop[i]),
            ground,
            rule,
            earliest,
            lo,
            hi,
            because,
        )
        if profile not in self._numbers:
            self._numbers[profile] = len(self._numbers)
            self._counts.append(0)
            if len(self._numbers) >= _MOST:
                raise InputError("a plan has at most 2^32 profiles", code="input.malformed")
        return self._numbers[profile]

    @property
    def counts(self) -> Mapping[Profile, int]:
        """Members of each profile met so far."""
        return {profile: self._counts[n] for profile, n in self._numbers.items()}


def _distinct(
    key: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the distinct keys, where each first stands, and which one each key is."""
    if not len(key):
        none = np.zeros(0, np.int64)
        return none, none, none
    low = int(key.min())
    if int(key.max()) - low < max(1 << 16, 4 * len(key)):  # without sorting: five times as fast
        place = key - low
        first_at = np.full(int(place.max()) + 1, -1, np.int64)
        first_at[place[::-1]] = np.arange(len(key) - 1, -1, -1)
        present = np.flatnonzero(first_at >= 0)
        ranks = np.zeros(len(first_at), np.int64)
        ranks[present] = np.arange(len(present))
        return present + low, first_at[present], ranks[place]
    found = np.unique(key, return_index=True, return_inverse=True)
    return found[0], found[1], found[2]
