"""A case as a plan for tables that do not fit in memory: what engines carry out, row by row.

A plan is a value. It names the instants at which members are asked for what they had said
(`Question`), the stretches of time for which subscriptions count, the sets of regions, the classes
of kinds that are treated alike, and the place of each fact in a few whole numbers (`block`):

    profile  one row a member who differs from silence: `f_N`, bits of facts for block N (a
             subscription ran, a region's set, the switch against its default), and `g_N`, the
             answer to question N: from which instant their grant covers data, or `SILENT`,
             `REFUSED`, `EXPIRED`.
    code     what decided about one party of one message, for each block: the facts, the role, the
             class of the kind, whether it is dated, and for each delivery what the party had
             said. 0: nothing.
    slot     what the rows behind a pair depend on, the member aside (`Slot`).

`plan_sql` writes the two passes that make them; `verdicts` turns the distinct codes, a few
thousand at any size, into reasons and counts by the rules of `cohort` and `readings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from byleave.errors import InputError
from byleave.exposure.behind import counted_during, declared_by, period_at
from byleave.exposure.block import BLOCK, Block
from byleave.exposure.conditions import Cohort, check_cohort
from byleave.exposure.pack import RulePack
from byleave.exposure.practice import Delivery, Interval, Practice
from byleave.ids import FAR_FUTURE_US, to_us
from byleave.policy.scope import Scope

__all__ = ["EXPIRED_US", "REFUSED_US", "SILENT_US", "CasePlan", "Question", "Slot"]

SILENT_US: Final = FAR_FUTURE_US - 2
"""In a profile: never said anything about the use, or took back a refusal."""
REFUSED_US: Final = FAR_FUTURE_US - 1
EXPIRED_US: Final = FAR_FUTURE_US


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
class Slot:
    """On what the rows behind a pair depend, the member aside.

    Attributes:
        question: Which of the plan's questions the deciding choice or switch answers.
        during: For which stretch a subscription counts (microseconds, half-open).
        at_us: The delivery that affected first: at which instant the region counts.
        period: The setting's period in force, from 1; None: none.
        declared: What declared the use by then.
    """

    question: int
    during: tuple[int, int]
    at_us: int
    period: int | None
    declared: str


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
        regions: Sets of regions that a cohort or a reading asks about.
        blocks: The deliveries, some at a time; at least one.
        slots: What the rows behind a pair depend on.
        slot_of: For each cohort, delivery and class the number of the slot.
    """

    practice: Practice
    cohorts: tuple[Cohort, ...]
    pack: RulePack
    deliveries: tuple[Delivery, ...]
    kinds: dict[str, int]
    classes: tuple[str, ...]
    questions: tuple[Question, ...]
    regions: tuple[frozenset[str], ...]
    blocks: tuple[Block, ...]
    slots: tuple[Slot, ...]
    slot_of: tuple[tuple[tuple[int, ...], ...], ...]

    @classmethod
    def of(
        cls,
        practice: Practice,
        cohorts: tuple[Cohort, ...],
        pack: RulePack,
        *,
        kinds: Iterable[str],
        scopes: tuple[Scope, ...],
        block: int = BLOCK,
    ) -> CasePlan:
        """Compile a case.

        Args:
            practice: What was done; only the columns of its tables are looked at.
            cohorts: What is asked.
            pack: The readings.
            kinds: The kinds of messages that occur.
            scopes: The scopes of choices, in the order of their numbers, from 1.
            block: Deliveries of one block, at most.

        Raises:
            InputError: `case.cohort-column`; `case.engine`, of one delivery more is asked (cohorts
                with times and subscriptions of their own, sets of regions) than a code holds.
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
        slots, slot_of = _slots(practice, cohorts, deliveries, classes, asked)
        sets = [c.regions for c in cohorts] + [r.regions for r in pack.readings]
        none = practice.regions is None
        regions = () if none else tuple(dict.fromkeys(s for s in sets if s))
        bare = Block(
            practice=practice,
            cohorts=cohorts,
            pack=pack,
            deliveries=(),
            kinds=known,
            classes=classes,
            asked=(),
            windows=(),
            window_of=tuple(() for _ in cohorts),
            regions=regions,
            number=0,
            first=0,
            word=0,
        )
        return cls(
            practice=practice,
            cohorts=cohorts,
            pack=pack,
            deliveries=deliveries,
            kinds=known,
            classes=classes,
            questions=tuple(questions),
            regions=regions,
            blocks=_blocks(bare, deliveries, asked, block),
            slots=slots,
            slot_of=slot_of,
        )

    @property
    def words(self) -> int:
        """How many whole numbers a code takes, all blocks together."""
        return sum(block.words for block in self.blocks)


def _blocks(
    bare: Block, deliveries: tuple[Delivery, ...], asked: tuple[tuple[int, ...], ...], most: int
) -> tuple[Block, ...]:
    """Return the deliveries, as many at a time as a block holds."""
    found: list[Block] = []
    last, start = bare, 0
    for stop in range(1, len(deliveries) + 1):
        grown = _block(bare, deliveries, asked, (start, stop), found)
        if stop - start > 1 and (stop - start > most or not grown.fits):
            found.append(last)
            start = stop - 1
            grown = _block(bare, deliveries, asked, (start, stop), found)
        if not grown.fits:
            raise InputError(
                "of one delivery the case asks more than this engine's codes hold",
                code="case.engine",
                hint="ask about fewer cohorts and sets of regions at once, or use "
                "--engine reference",
            )
        last = grown
    return (*found, last)


def _block(
    bare: Block,
    deliveries: tuple[Delivery, ...],
    asked: tuple[tuple[int, ...], ...],
    stretch: tuple[int, int],
    before: Sequence[Block],
) -> Block:
    start, stop = stretch
    windows: dict[tuple[int, int], int] = {}
    window_of = tuple(
        tuple(_window(cohort, d, windows) for d in deliveries[start:stop])
        for cohort in bare.cohorts
    )
    return replace(
        bare,
        deliveries=deliveries[start:stop],
        asked=asked[start:stop],
        windows=tuple(windows),
        window_of=window_of,
        number=len(before),
        first=start,
        word=sum(block.words for block in before),
    )


def _slots(
    practice: Practice,
    cohorts: tuple[Cohort, ...],
    deliveries: tuple[Delivery, ...],
    classes: tuple[str, ...],
    asked: tuple[tuple[int, ...], ...],
) -> tuple[tuple[Slot, ...], tuple[tuple[tuple[int, ...], ...], ...]]:
    """Return the slots, and the number of each cohort's for each delivery and class."""
    found: dict[Slot, int] = {}

    def number(cohort: Cohort, at: int, kind: int) -> int:
        done = deliveries[at]
        slot = Slot(
            question=asked[at][kind],
            during=counted_during(cohort, done),
            at_us=to_us(done.at),
            period=period_at(practice, done),
            declared=declared_by(practice, done, done.use(classes[kind])),
        )
        return found.setdefault(slot, len(found))

    slot_of = tuple(
        tuple(
            tuple(number(cohort, at, kind) for kind in range(len(classes)))
            for at in range(len(deliveries))
        )
        for cohort in cohorts
    )
    return tuple(found), slot_of


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
            tuple(declared_by(practice, d, d.use(category)) for d in deliveries),
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
    return windows.setdefault(counted_during(cohort, delivery), len(windows))


def asks_when(cohort: Cohort) -> bool:
    """Say whether a cohort asks when a message was sent."""
    return cohort.sent != Interval()
