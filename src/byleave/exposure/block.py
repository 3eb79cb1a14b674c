"""Some deliveries of a plan, in order of time: as many as a few whole numbers tell.

A plan over many deliveries is split into blocks. Each has its own bits in the profile (`f_N`) and
its own words in the code; what they say is put together by `plan_sql.pairs_sql`. So the distinct
codes stay few: a code tells of one block, and not of every combination of all deliveries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from byleave.exposure.conditions import Cohort
from byleave.exposure.pack import RulePack
from byleave.exposure.practice import Delivery, Honoured, Practice

__all__ = ["BLOCK", "SAID_BITS", "WORD_BITS", "Block", "Field"]

WORD_BITS: Final = 62
"""Bits of a whole number that both SQL dialects add and compare without a sign."""
BLOCK: Final = 15
"""Deliveries of one block, at most."""
SAID_BITS: Final = 3
"""Bits that say what a party had said."""


@dataclass(frozen=True, slots=True)
class Field:
    """Where a fact stands in a code: word of the block, lowest bit, number of bits."""

    word: int
    shift: int
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some deliveries of a plan.

    Attributes:
        practice: What was done.
        cohorts: What is asked, in order.
        pack: The readings.
        deliveries: Its deliveries, in order of time.
        kinds: Name of a kind → its class; a kind not on record is of class 0.
        classes: For each class the category of one of its kinds.
        asked: For each of its deliveries and each class the number of the plan's question.
        windows: Stretches of time (microseconds, half-open) for which a subscription counts.
        window_of: For each cohort and each of its deliveries the window that is asked, or None.
        regions: Sets of regions that a cohort or a reading asks about.
        number: Which block of the plan it is.
        first: Number of its first delivery in the plan.
        word: Number of its first word in a code.
    """

    practice: Practice
    cohorts: tuple[Cohort, ...]
    pack: RulePack
    deliveries: tuple[Delivery, ...]
    kinds: Mapping[str, int]
    classes: tuple[str, ...]
    asked: tuple[tuple[int, ...], ...]
    windows: tuple[tuple[int, int], ...]
    window_of: tuple[tuple[int | None, ...], ...]
    regions: tuple[frozenset[str], ...]
    number: int
    first: int
    word: int

    @property
    def fits(self) -> bool:
        """Whether its profile is one whole number, and what is no digit one word of its code."""
        switches = self.off_shift + len(self.deliveries)
        return switches <= WORD_BITS and self.attribute_bits <= WORD_BITS

    # --- bits of a profile: bit 0 is free, then subscriptions, regions, switches --------------

    def window_bit(self, window: int) -> int:
        """Return the bit that says that a subscription ran in a window."""
        return 1 << (1 + window)

    def region_bit(self, delivery: int, number: int) -> int:
        """Return the bit that says that the member was in a set of regions at a delivery."""
        return 1 << (1 + len(self.windows) + delivery * len(self.regions) + number)

    @property
    def off_shift(self) -> int:
        """The lowest bit of the switches."""
        return 1 + len(self.windows) + len(self.deliveries) * len(self.regions)

    def off_bit(self, delivery: int) -> int:
        """Return the bit that says that the switch stood against its default at a delivery."""
        return 1 << (self.off_shift + delivery)

    def off_by_default(self, delivery: int) -> bool:
        """Say whether the switch of somebody who never touched it was off."""
        setting = self.practice.setting
        return setting is not None and setting.default_at(self.deliveries[delivery].at) is False

    def minds_switches(self, delivery: int) -> bool:
        """Say whether a switch keeps anything out of a delivery."""
        done = self.deliveries[delivery]
        return done.records is None and done.honoured is not Honoured.NONE

    def minds_grants(self, delivery: int) -> bool:
        """Say whether a reading asks if any party of a message had granted a delivery."""
        return self.pack.asks_any_party and self.deliveries[delivery].left_the_platform

    # --- bits of a code: bit 0 is set, then the facts of the profile, then these --------------

    @property
    def role_shift(self) -> int:
        """The bit that says recipient."""
        return self.off_shift

    @property
    def dated_shift(self) -> int:
        """The bit that says that the message has a date."""
        return self.role_shift + 1

    @property
    def kind_field(self) -> Field:
        """Where the class of the kind stands."""
        return Field(0, self.dated_shift + 1, max(len(self.classes) - 1, 1).bit_length())

    def sent_shift(self, cohort: int) -> int:
        """Return the bit that says that the message was sent when a cohort asks about."""
        return self.kind_field.shift + self.kind_field.bits + cohort

    @property
    def attribute_bits(self) -> int:
        """Bits before the digits."""
        return self.sent_shift(len(self.cohorts))

    @property
    def digits(self) -> tuple[Field, ...]:
        """Where it stands for each delivery what the party had said.

        Where a reading asks, a bit above says that some party of the message had granted it.
        """
        found, word, shift = [], 0, self.attribute_bits
        bits = SAID_BITS + self.pack.asks_any_party
        for _ in self.deliveries:
            if shift + bits > WORD_BITS:
                word, shift = word + 1, 0
            found.append(Field(word, shift, bits))
            shift += bits
        return tuple(found)

    @property
    def words(self) -> int:
        """How many whole numbers its codes take."""
        return 1 + max((d.word for d in self.digits), default=0)

    # --- what a kind means --------------------------------------------------------------------

    def declared_before(self, delivery: int, kind: int) -> bool:
        """Say whether some document declared the use by the delivery."""
        done = self.deliveries[delivery]
        since = self.practice.declared_from(done.use(self.classes[kind]))
        return since is not None and since <= done.at

    def went_in(self, delivery: int) -> tuple[int, ...]:
        """Return the classes of kinds that a delivery takes."""
        done = self.deliveries[delivery]
        if done.kinds is None or done.records is not None:
            return tuple(range(len(self.classes)))
        return self.of_kinds(done.kinds)

    def of_kinds(self, kinds: frozenset[str]) -> tuple[int, ...]:
        """Return the classes whose kinds are among `kinds`; an unknown kind is in none."""
        return tuple(sorted({number for name, number in self.kinds.items() if name in kinds}))
