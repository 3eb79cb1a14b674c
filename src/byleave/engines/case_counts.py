"""The counts of a streamed case: marks of codes, joined over messages and members, and added up.

Over one block of deliveries the distinct codes of a message are counted in SQL and the rest is
done with them in memory. Over several blocks a party has a code of each, and what they say
together is worked out in SQL (`exposure.pairs_sql`): only sums come into memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from byleave.engines.case_lists import Lists
from byleave.engines.case_runner import Batches, CaseRunner, Progress, numbers
from byleave.exposure.block import Block
from byleave.exposure.counterfactual import Counterfactual
from byleave.exposure.fees import Fees, fees_counted
from byleave.exposure.finding import REASONS, counts_of
from byleave.exposure.pack import Reading, Unit
from byleave.exposure.pairs_sql import pairs_sql
from byleave.exposure.plan import CasePlan
from byleave.exposure.plan_sql import Shape
from byleave.exposure.question import CaseAnswer, CaseQuestion
from byleave.exposure.readings import ReadingCounts, default_window, priced
from byleave.exposure.tables import Inputs, kept_rows, subscription_rows
from byleave.exposure.verdicts import ALSO, Marks, Verdicts, judged, marked, marks_of, tally

__all__ = ["Counting", "Streamed"]

Array = Any  # a NumPy array; its element type is named where it is made
Tally = dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Streamed:
    """A `Finding` whose rows stand in the parts."""

    cohort: Any
    messages: int
    messages_high: int
    members_count: int
    members_count_high: int
    by_reason: dict[str, int]
    by_delivery: dict[str, tuple[int, int]]
    also: dict[str, int]
    rows: pa.Table
    _members: Callable[[], Batches]
    _pairs: Callable[[], Batches]

    def reasons(self) -> pa.Table:
        """Return `reason`, `pairs`, `members`, `messages`, in the order of `REASONS`."""
        return self.rows

    def member_batches(self) -> Batches:
        """Yield `member`, `reason`, `messages`, `first_used_at`; by member, then reason."""
        return self._members()

    def pair_batches(self) -> Batches:
        """Yield `member`, `record`, `role`, `reason`, `first_used_at`, `delivery`."""
        return self._pairs()

    def to_dict(self) -> dict[str, Any]:
        """Return counts alone: no member ids."""
        return counts_of(self)


@dataclass(frozen=True, slots=True)
class _Tallies:
    """Of one cohort: how many pairs, messages and members carry each mark."""

    pairs: Tally
    messages: Tally
    members: Tally


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counting:
    """One run, from its hits to its answers.

    Attributes:
        plan: The case, compiled.
        shape: Which relations there are.
        question: What is asked.
        inputs: The tables.
        kinds: The kinds of messages that occur.
        runner: Carries statements out; the relation `hits` has its name.
        folder: Where stages are kept.
        progress: Told what is being done.
    """

    plan: CasePlan
    shape: Shape
    question: CaseQuestion
    inputs: Inputs
    kinds: tuple[str, ...]
    runner: CaseRunner
    folder: Path
    progress: Progress

    def answers(self, lists: Lists) -> tuple[CaseAnswer, ...]:
        """Judge the codes and count; `lists` gives the rows."""
        self.progress("counting messages", 0, 1)
        marks = marks_of(self.plan)
        several = len(self.plan.blocks) > 1
        tallies = self._by_sums(marks) if several else self._by_codes(marks)
        return tuple(self._answer(m, t, lists) for m, t in zip(marks, tallies, strict=True))

    # --- one block ------------------------------------------------------------------------------

    def _by_codes(self, marks: tuple[Marks, ...]) -> list[_Tallies]:
        block = self.plan.blocks[0]
        names = [f"{side}_{n}" for side in self._sides for n in range(block.words)]
        seen = self.runner.fetch(
            f"SELECT {', '.join(names)}, count(*) AS n FROM hits GROUP BY {', '.join(names)}"  # noqa: S608
        )
        codes, counts, at = _distinct(seen, self._sides, block.words)
        words = self._judge(block, codes, marks)
        messages: tuple[Array, Array]
        if self.shape.lists:
            messages = self._joined("record", words.shape[1])
        else:
            messages = (words[at[0]] | words[at[1]], numbers(seen, "n"))
        self.progress("counting members", 0, 1)
        members = self._joined("member", words.shape[1])
        return [
            _Tallies(tally(words, counts, m), tally(*messages, m), tally(*members, m))
            for m in marks
        ]

    def _judge(self, block: Block, codes: Array, marks: tuple[Marks, ...]) -> Array:
        """Judge the codes of a block, name the relation `codes_B`; return their marks."""
        verdicts = tuple(judged(block, codes, n) for n in range(len(self.plan.cohorts)))
        adds, allows = marked(block, codes, verdicts, self.question.as_of, marks)
        table = _code_table(self.plan, block, codes, (adds, allows), verdicts)
        if len(self.plan.blocks) == 1:  # whoever has no code of the one block is in no pair
            table = table.filter(pa.array((codes != 0).any(axis=1)))
        self.runner.table(f"codes_{block.number}", table)
        return adds & allows

    def _joined(self, who: str, words: int) -> tuple[Array, Array]:
        """Return the joined marks of messages or members, and how many have them."""
        self._write_joined(who, words)
        found = self.runner.fetch("SELECT * FROM marked")
        marks = np.stack([numbers(found, f"m_{n}") for n in range(words)], axis=1)
        return marks, numbers(found, "n")

    def _write_joined(self, who: str, words: int) -> None:
        """Give the name `marked` to the joined marks of `who`, and how many have them."""
        file = self.folder / f"marks-{who}.parquet"
        marks = [f"m_{n}" for n in range(words)]
        if not file.exists():
            pairs = self._pairs(marks)
            if who != "pair":
                joined = ", ".join(f"bit_or({m}) AS {m}" for m in marks)
                pairs = f"SELECT {who}, {joined} FROM ({pairs}) AS pairs GROUP BY {who}"  # noqa: S608
            self.runner.write(
                f"SELECT {', '.join(marks)}, count(*) AS n FROM ({pairs}) AS marked "  # noqa: S608
                f"GROUP BY {', '.join(marks)}",
                file,
            )
        self.runner.stored("marked", [file])

    # --- several blocks -------------------------------------------------------------------------

    def _by_sums(self, marks: tuple[Marks, ...]) -> list[_Tallies]:
        words = max(m.words.stop for m in marks)
        for block in self.plan.blocks:
            names = [f"c_{n}" for n in range(block.word, block.word + block.words)]
            sides = " UNION ALL ".join(
                f"SELECT {', '.join(f'{side}_{n[2:]} AS {n}' for n in names)} FROM hits"  # noqa: S608
                for side in self._sides
            )
            seen = self.runner.fetch(f"SELECT DISTINCT {', '.join(names)} FROM ({sides}) AS seen")  # noqa: S608
            nothing = np.zeros((1, len(names)), dtype=np.int64)
            occur = np.stack([numbers(seen, n) for n in names], axis=1)
            self._judge(block, np.unique(np.concatenate([nothing, occur]), axis=0), marks)
        found: dict[str, list[Tally]] = {}
        for who in ("pair", "record", "member"):
            self.progress(f"counting {who}s", 0, 1)
            self._write_joined(who, words)
            found[who] = [self._sums(m) for m in marks]
        return [_Tallies(*of) for of in zip(*found.values(), strict=True)]

    def _sums(self, marks: Marks) -> Tally:
        """Return how many of the marked carry each mark of a cohort."""
        places = {place: marks.of(name) for name, place in marks.bits.items()}
        sums = ", ".join(
            f"CAST(coalesce(sum(CASE WHEN (m_{word} & {mask}) <> 0 THEN n END), 0) AS BIGINT) "
            f"AS s_{place}"
            for place, (word, mask) in places.items()
        )
        found = self.runner.fetch(f"SELECT {sums} FROM marked").to_pylist()[0]  # noqa: S608
        return {name: found[f"s_{place}"] for name, place in marks.bits.items()}

    # --- answers --------------------------------------------------------------------------------

    @property
    def _sides(self) -> list[str]:
        return ["p"] if self.shape.lists else ["a", "r"]

    def _pairs(self, columns: list[str]) -> str:
        return pairs_sql(self.plan, self.shape, columns)

    def _answer(self, marks: Marks, found: _Tallies, lists: Lists) -> CaseAnswer:
        number, of_messages, of_members = marks.cohort, found.messages, found.members
        names = [d.id for d in self.plan.deliveries]
        rows = {
            name: [tallied[f"reason:{n}"] for n in range(len(REASONS))]
            for name, tallied in (
                ("pairs", found.pairs),
                ("members", of_members),
                ("messages", of_messages),
            )
        }
        affected = Streamed(
            cohort=self.plan.cohorts[number],
            messages=of_messages["low"],
            messages_high=of_messages["high"],
            members_count=of_members["low"],
            members_count_high=of_members["high"],
            by_reason=dict(zip(REASONS, rows["pairs"], strict=True)),
            by_delivery={
                name: (of_members[mark], of_messages[mark])
                for at, name in enumerate(names)
                if (mark := f"touched:{at}") in marks.bits
            },
            also={name: found.pairs[f"also:{name}"] for name in ALSO},
            rows=pa.table({"reason": pa.array(REASONS)} | rows),
            _members=lambda: lists.member_batches(number),
            _pairs=lambda: lists.pair_batches(number),
        )
        readings = [self._reading(reading, marks, found) for reading in self.plan.pack.readings]
        exposure = priced(
            self.plan.cohorts[number].name,
            self.question.practice,
            readings,
            as_of=self.question.as_of,
            pack=self.plan.pack,
            with_damage=self.question.with_damage,
        )
        gate = None if self.inputs.kept is None else self._gate(number, of_messages["high"])
        return CaseAnswer(affected=affected, exposure=exposure, counterfactual=gate)

    def _reading(self, reading: Reading, marks: Marks, found: _Tallies) -> ReadingCounts:
        of = found.pairs if reading.unit is Unit.PERSON_TO_MESSAGE else found.messages
        low, high = f"claim-low:{reading.name}", f"claim:{reading.name}"
        fees = None
        if reading.unit is Unit.FEES:
            fees = self._fees(marks, high)
        return ReadingCounts(
            persons=found.members[low],
            persons_high=found.members[high],
            subjects=found.members[f"subject:{reading.name}"],
            violations=of[low],
            violations_high=of[high],
            fees=fees,
        )

    def _fees(self, marks: Marks, mark: str) -> Fees:
        """Sum what the members paid who carry a mark."""
        table, plan = self.inputs.subscriptions, self.plan
        window = self.question.window or default_window(plan.practice, self.kinds)
        prices = table is not None and "price_cents" in table.schema.names
        none = pa.table(
            {n: pa.array([], pa.int64()) for n in ("price", "start", "stop", "same", "n")}
        )
        if not prices or window is None:
            return fees_counted(none, payers=0, window=window, prices=prices)
        word, mask = marks.of(mark)
        file = self.folder / f"paid-{marks.bits[mark]}.parquet"
        if not file.exists():
            rows = subscription_rows(self.inputs, plan.pack.currency)
            self.runner.relation("subscriptions", *rows)
            self.runner.write(
                "SELECT s.* FROM (SELECT * FROM subscriptions WHERE price > 0 AND "  # noqa: S608
                f"start < {window.end_us} AND stop > {window.start_us}) AS s JOIN "
                f"(SELECT DISTINCT member FROM ({self._pairs([f'm_{word}'])}) AS pairs "
                f"WHERE (m_{word} & {mask}) <> 0) AS claimants ON s.member = claimants.member",
                file,
            )
        self.runner.stored("paid", [file])
        found = self.runner.fetch(
            "SELECT price, start, stop, same, count(*) AS n FROM paid "
            "GROUP BY price, start, stop, same"
        )
        payers = self.runner.fetch("SELECT count(DISTINCT member) AS n FROM paid WHERE same = 1")
        return fees_counted(found, payers=payers["n"][0].as_py(), window=window, prices=True)

    def _gate(self, number: int, affected: int) -> Counterfactual:
        """Count what the gate would have let through (see `counterfactual`)."""
        kept = self.folder / "kept.parquet"
        if not kept.exists():
            self.runner.relation("gated", *kept_rows(self.inputs, self.plan))
            self.runner.write("SELECT DISTINCT record, delivery FROM gated", kept)
        self.runner.stored("kept", [kept])
        pairs = self._pairs([f"reason_{number}", f"first_{number}"])
        let = (
            f"(SELECT p.member, p.record, p.reason_{number} AS reason FROM ({pairs}) AS p "  # noqa: S608
            f"JOIN kept k ON p.record = k.record WHERE p.reason_{number} >= 0 "
            f"AND (k.delivery = -2 OR k.delivery = p.first_{number})) AS let"
        )
        total = self.runner.fetch(
            f"SELECT count(DISTINCT record) AS messages, count(DISTINCT member) AS members FROM {let}"  # noqa: S608
        )
        reasons = self.runner.fetch(
            f"SELECT reason, count(*) AS n FROM {let} GROUP BY reason ORDER BY reason"  # noqa: S608
        )
        through = total["messages"][0].as_py()
        return Counterfactual(
            affected=affected,
            let_through=through,
            stopped=affected - through,
            members_still=total["members"][0].as_py(),
            who=None,
            by_reason={REASONS[row["reason"]]: row["n"] for row in reasons.to_pylist()},
        )


def _distinct(seen: pa.Table, sides: list[str], words: int) -> tuple[Array, Array, list[Array]]:
    """Return the distinct codes (the first is 0: nothing), how many parties have each, and for
    each side the place of each row's code.
    """
    n = numbers(seen, "n")
    per_side = [
        np.stack([numbers(seen, f"{side}_{w}") for w in range(words)], axis=1) for side in sides
    ]
    nothing = np.zeros((1, words), dtype=np.int64)
    codes, at = np.unique(np.concatenate([nothing, *per_side]), axis=0, return_inverse=True)
    at = at.reshape(-1)
    counts = np.zeros(len(codes), dtype=np.int64)
    places = np.split(at[1:], len(sides))
    for place in places:
        np.add.at(counts, place, n)
    counts[at[0]] = 0
    return codes, counts, places


def _code_table(
    plan: CasePlan,
    block: Block,
    codes: Array,
    marks: tuple[Array, Array],
    verdicts: tuple[Verdicts, ...],
) -> pa.Table:
    """Return `codes_B` (see `exposure.pairs_sql`)."""
    columns = {f"c_{block.word + n}": codes[:, n] for n in range(codes.shape[1])}
    for name, words in zip(("adds", "allows"), marks, strict=True):
        columns |= {f"{name}_{n}": words[:, n] for n in range(words.shape[1])}
    columns["role"] = verdicts[0].recipient.astype(np.int32)
    for number, found in enumerate(verdicts):
        hit = found.reason >= 0
        columns[f"reason_{number}"] = found.reason.astype(np.int32)
        columns[f"first_{number}"] = np.where(hit, found.first + block.first, -1)
        slots = np.full(len(codes), -1, dtype=np.int64)
        if len(plan.deliveries):
            slot_of = np.array(plan.slot_of[number], dtype=np.int64)
            slots[hit] = slot_of[found.first[hit] + block.first, found.kind[hit]]
        columns[f"slot_{number}"] = slots
    return pa.table({name: pa.array(column) for name, column in columns.items()})
