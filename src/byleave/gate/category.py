"""One leaf category, compiled: a profile for each member, and what is read off it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.consent.reason import Ground
from byleave.consent.state import Bits
from byleave.gate.glance import Glance
from byleave.gate.profile import (
    ALWAYS,
    Interval,
    Numbering,
    Profile,
    Profiles,
    Voices,
    gap_sets,
)
from byleave.gate.sparse import Sparse, pad, smallest
from byleave.policy.ruleset import RegionRule
from byleave.policy.scope import Use

__all__ = ["CategoryBuilder", "CategoryPlan", "number_type", "pack_yes"]

_BLOCK: Final = 1 << 20
Longs = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CategoryPlan:
    """One leaf category, compiled. Planes have one value per ordinal unless said otherwise.

    Attributes:
        use: The leaf use.
        several: Whether recipients are parties.
        draft: Whether records of it were never sent.
        yes: The decision bitmap: a yes for every row, whenever it was collected, that no rule
            stops; least significant bit first. The same for authors and recipients: what sets the
            roles apart (a silence that another's yes may carry) the party rule of the row says.
        profile: Number of the member's profile; uint8, uint16 or uint32, whichever is enough.
        profiles: The table of profiles.
        counts: Members of each profile; int64[profiles].
        glance: The most common profiles in two or four bits a member.
        own: Ledger index of the grant, of each member whose yes is a consent.
        start: From when the yes reaches, µs, of each member who has a start of their own.
        rules: What holds in each of the plan's regions.
    """

    use: Use
    several: bool
    draft: bool
    yes: Bits
    profile: Numbers
    profiles: Profiles
    counts: Longs
    glance: Glance
    own: Sparse
    start: Sparse
    rules: tuple[RegionRule, ...]

    @property
    def gaps(self) -> tuple[tuple[Interval, ...], ...]:
        """The sets of intervals that profiles name: what was collected in them is not used."""
        return gap_sets(self.rules)

    def planes(self) -> Iterator[tuple[str, Numbers]]:
        """Yield name and values of each plane, in the order of the digest and of a plan file."""
        yield "profiles", np.array(self.profiles.rows(), np.int64).reshape(-1)
        yield "counts", self.counts
        yield "profile", self.profile
        yield "yes", self.yes
        yield "glance.profiles", np.array([self.glance.width, *self.glance.profiles], np.int64)
        yield "glance", self.glance.codes
        yield "own.bits", self.own.bits
        yield "own", self.own.values
        yield "start.bits", self.start.bits
        yield "start", self.start.values

    def because(self, ordinals: Longs, profile: Numbers) -> Longs:
        """Return the ledger index that each of these members' yes rests on; -1: none.

        Args:
            ordinals: Members.
            profile: Their profiles.
        """
        found = self.profiles.because[profile]
        mine = self.profiles.ground[profile] == Ground.CONSENT
        found[mine] = self.own.get(ordinals[mine])
        return found


class CategoryBuilder:
    """Takes what members say, block by block in the order of ordinals, and makes the planes."""

    def __init__(
        self,
        use: Use,
        *,
        members: int,
        rules: Sequence[RegionRule],
        earliest: Sequence[int],
        rules_index: int,
    ) -> None:
        self._use = use
        self.rules: tuple[RegionRule, ...] = tuple(rules)
        self._numbering = Numbering(rules, earliest, rules_index)
        self._profile: Numbers = np.zeros(members, np.uint8)
        self._bits = [pad(np.zeros(-(-members // 8), np.uint8)) for _ in range(2)]
        self._values: tuple[list[Numbers], list[Numbers]] = ([], [])
        self.filled = 0

    def add(self, voices: Voices) -> None:
        """Take the next members; all blocks but the last hold a multiple of eight."""
        numbers = self._numbering.number(voices)
        wide = np.promote_types(number_type(int(numbers.max(initial=0)) + 1), self._profile.dtype)
        self._profile = self._profile.astype(wide, copy=False)
        start, end = self.filled, self.filled + len(numbers)
        self._profile[start:end] = numbers
        consent = voices.ground == Ground.CONSENT
        pairs = ((consent, voices.because), (consent & (voices.from_us != ALWAYS), voices.from_us))
        for (who, what), bits, values in zip(pairs, self._bits, self._values, strict=True):
            bits[start // 8 : -(-end // 8)] = np.packbits(who, bitorder="little")
            values.append(smallest(what[who]))
        self.filled = end

    def finish(self, *, several: bool, draft: bool) -> CategoryPlan:
        """Return the category, its profiles in their order."""
        met = self._numbering.counts
        profiles, counts, order = settle(met)
        profile = renumber(self._profile, order, len(profiles))
        own, start = (
            Sparse(bits, smallest(np.concatenate(values)) if values else np.zeros(0, np.uint32))
            for bits, values in zip(self._bits, self._values, strict=True)
        )
        return CategoryPlan(
            use=self._use,
            several=several,
            draft=draft,
            yes=pack_yes(profile, profiles),
            profile=profile,
            profiles=profiles,
            counts=counts,
            glance=Glance.of(profile, profiles, counts),
            own=own,
            start=start,
            rules=self.rules,
        )


def settle(met: Mapping[Profile, int]) -> tuple[Profiles, Longs, Longs]:
    """Sort profiles, leaving out those of nobody.

    Returns:
        The table, the members of each, and for each profile of `met` its place in the table.
    """
    kept = sorted(p for p, count in met.items() if count)
    place = {p: i for i, p in enumerate(kept)}
    order = np.array([place.get(p, 0) for p in met], np.int64)
    return Profiles.of(kept), np.array([met[p] for p in kept], np.int64), order


def renumber(profile: Numbers, order: Longs, profiles: int) -> Numbers:
    """Return the plane under other numbers, in the smallest type that holds them."""
    kind = number_type(profiles)
    table = order.astype(kind)
    if profile.dtype == kind and np.array_equal(order, np.arange(len(order))):
        return profile
    made = np.empty(len(profile), kind)
    for start in range(0, len(profile), _BLOCK):
        block = slice(start, start + _BLOCK)
        made[block] = table[profile[block]] if len(table) else 0
    return made


def pack_yes(profile: Numbers, profiles: Profiles) -> Bits:
    """Return the decision bitmap: who has a profile that passes every row."""
    sure = profiles.sure
    bits = np.empty(-(-len(profile) // 8), np.uint8)
    for start in range(0, len(profile), _BLOCK):
        made = np.packbits(sure[profile[start : start + _BLOCK]], bitorder="little")
        bits[start // 8 : start // 8 + len(made)] = made
    return bits


def number_type(count: int) -> type[np.uint8 | np.uint16 | np.uint32]:
    """Return the smallest type for numbers below `count`."""
    return np.uint8 if count <= 1 << 8 else np.uint16 if count <= 1 << 16 else np.uint32
