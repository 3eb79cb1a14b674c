"""A case as a plan for tables that do not fit in memory: what engines carry out, row by row.

A plan is a value. It names the instants at which members are asked for what they had said
(`Question`), the stretches of time for which subscriptions count, the sets of regions, the classes
of kinds that are treated alike, and the place of each fact in a few whole numbers:

    profile  one row a member who differs from silence: `f`, bits of facts (a subscription ran, a
             region's set, the switch against its default), and `g_N`, the answer to question N:
             from which instant their grant covers data, or `SILENT`, `REFUSED`, `EXPIRED`.
    code     what decided about one party of one message: the facts, the role, the class of the
             kind, whether it is dated, and for each delivery what the party had said. 0: nothing.

`plan_sql` writes the two passes that make them; `verdicts` turns the distinct codes, a few
thousand at any size, into reasons and counts by the rules of `cohort` and `readings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from byleave.errors import InputError
from byleave.exposure.conditions import Cohort, check_cohort
from byleave.exposure.pack import RulePack
from byleave.exposure.practice import Delivery, Honoured, Interval, Practice
from byleave.ids import FAR_FUTURE_US, to_us
from byleave.policy.scope import Scope

__all__ = ["EXPIRED_US", "REFUSED_US", "SILENT_US", "WORD_BITS", "CasePlan", "Field", "Question"]

SILENT_US: Final = FAR_FUTURE_US - 2
"""In a profile: never said anything about the use, or took back a refusal."""
REFUSED_US: Final = FAR_FUTURE_US - 1
EXPIRED_US: Final = FAR_FUTURE_US

WORD_BITS: Final = 62
"""Bits of a whole number that both SQL dialects add and compare without a sign."""
DIGIT_BITS: Final = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What had a member said by an instant, counting the choices of some scopes?

    Attributes:
        at_us: The instant; a choice at it counts.
        scopes: Numbers of the scopes that cover the use; 0 is "every use".
    """

    at_us: int
    scopes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """Where a fact stands in a code: word, lowest bit, number of bits."""

    word: int
    shift: int
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePlan:
    """One question about the past, compiled.

    Attributes:
        practice: What was done; its tables may be empty, their columns count.
        cohorts: What is asked, in order.
        pack: The readings.
        deliveries: Those that some cohort asks about, in order of time.
        kinds: Name of a kind → its class; a kind not on record is of class 0.
        classes: For each class the category of one of its kinds.
        questions: What profiles answer.
        asked: For each delivery and class the number of the question.
        windows: Stretches of time (microseconds, half-open) for which a subscription counts.
        window_of: For each cohort and delivery the window that is asked, or None.
        regions: Sets of regions that a cohort or a reading asks about.
    """

    practice: Practice
    cohorts: tuple[Cohort, ...]
    pack: RulePack
    deliveries: tuple[Delivery, ...]
    kinds: Mapping[str, int]
    classes: tuple[str, ...]
    questions: tuple[Question, ...]
    asked: tuple[tuple[int, ...], ...]
    windows: tuple[tuple[int, int], ...]
    window_of: tuple[tuple[int | None, ...], ...]
    regions: tuple[frozenset[str], ...]

    @classmethod
    def of(
        cls,
        practice: Practice,
        cohorts: tuple[Cohort, ...],
        pack: RulePack,
        *,
        kinds: Iterable[str],
        scopes: tuple[Scope, ...],
    ) -> CasePlan:
        """Compile a case.

        Args:
            practice: What was done; only the columns of its tables are looked at.
            cohorts: What is asked.
            pack: The readings.
            kinds: The kinds of messages that occur.
            scopes: The scopes of choices, in the order of their numbers, from 1.

        Raises:
            InputError: `case.cohort-column`; `case.engine`, more deliveries, windows or regions
                than a code holds.
        """
        for cohort in cohorts:
            check_cohort(practice, cohort)
        ordered = sorted(enumerate(practice.deliveries), key=lambda d: (d[1].at, d[0]))
        deliveries = tuple(d for _, d in ordered if any(c.asks_about(d) for c in cohorts))
        known, classes = _classes(practice, cohorts, deliveries, scopes, kinds)
        questions: dict[Question, int] = {}
        asked = tuple(
            tuple(
                questions.setdefault(_question(d, category, scopes), len(questions))
                for category in classes
            )
            for d in deliveries
        )
        windows: dict[tuple[int, int], int] = {}
        window_of = tuple(
            tuple(_window(cohort, d, windows) for d in deliveries) for cohort in cohorts
        )
        sets = [c.regions for c in cohorts] + [r.regions for r in pack.readings]
        plan = cls(
            practice=practice,
            cohorts=cohorts,
            pack=pack,
            deliveries=deliveries,
            kinds=known,
            classes=classes,
            questions=tuple(questions),
            asked=asked,
            windows=tuple(windows),
            window_of=window_of,
            regions=tuple(dict.fromkeys(s for s in sets if s))
            if practice.regions is not None
            else (),
        )
        if plan.off_shift + len(deliveries) > WORD_BITS or plan.attribute_bits > WORD_BITS:
            raise InputError(
                "the case asks about more deliveries, windows and regions than this engine's "
                "codes hold",
                code="case.engine",
                hint="ask about fewer at once, or use --engine reference",
            )
        return plan

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
        """Where it stands for each delivery what the party had said."""
        found, word, shift = [], 0, self.attribute_bits
        for _ in self.deliveries:
            if shift + DIGIT_BITS > WORD_BITS:
                word, shift = word + 1, 0
            found.append(Field(word, shift, DIGIT_BITS))
            shift += DIGIT_BITS
        return tuple(found)

    @property
    def words(self) -> int:
        """How many whole numbers a code takes."""
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


def _classes(
    practice: Practice,
    cohorts: tuple[Cohort, ...],
    deliveries: tuple[Delivery, ...],
    scopes: tuple[Scope, ...],
    kinds: Iterable[str],
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the class of each kind, and a category for each class: kinds alike are one class."""

    def signature(kind: str | None) -> tuple[object, ...]:
        category = practice.category if kind is None else f"{practice.category}.{kind}"
        return (
            tuple(kind in c.kinds for c in cohorts),
            tuple(d.kinds is None or kind in d.kinds for d in deliveries),
            tuple(
                (since := practice.declared_from(d.use(category))) is not None and since <= d.at
                for d in deliveries
            ),
            tuple(_question(d, category, scopes) for d in deliveries),
        )

    # The unknown kind is of a class of its own: it may be alike, but it has no name.
    seen: dict[tuple[object, ...], int] = {}
    known: dict[str, int] = {}
    classes = [practice.category]
    for kind in sorted(kinds):
        number = seen.setdefault(signature(kind), len(classes))
        if number == len(classes):
            classes.append(f"{practice.category}.{kind}")
        known[kind] = number
    return known, tuple(classes)


def _question(delivery: Delivery, category: str, scopes: tuple[Scope, ...]) -> Question:
    use = delivery.use(category)
    covering = [n for n, scope in enumerate(scopes, start=1) if scope.covers(use)]
    return Question(to_us(delivery.at), (0, *covering))


def _window(cohort: Cohort, delivery: Delivery, windows: dict[tuple[int, int], int]) -> int | None:
    if cohort.subscribed is None or not cohort.asks_about(delivery):
        return None
    at = to_us(delivery.at)
    during = (at, at + 1)
    if cohort.subscribed == "ever-before":
        during = (cohort.used.start_us, cohort.used.end_us)
    return windows.setdefault(during, len(windows))


def asks_when(cohort: Cohort) -> bool:
    """Say whether a cohort asks when a message was sent."""
    return cohort.sent != Interval()
