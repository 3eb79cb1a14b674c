"""A case in stages over tables of any size: what DuckDB and Spark do alike.

1. Profiles: one row a member who differs from silence.
2. Hits, in parts of the messages: the code of every party whom a cohort may ask about.
3. The distinct codes, a few thousand, are judged in memory (`exposure.verdicts`).
4. Marks of messages and members: joined by a bitwise or, counted.

Each stage leaves Parquet in a folder and is not done again when it stands there. The folder
names members: whoever makes it keeps it private. Nothing here holds more than a batch of rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa

from byleave.errors import InputError
from byleave.exposure.behind import behind_members
from byleave.exposure.counterfactual import Counterfactual
from byleave.exposure.fees import Fees, fees_counted
from byleave.exposure.finding import REASONS, counts_of
from byleave.exposure.pack import Reading, Unit
from byleave.exposure.plan import CasePlan
from byleave.exposure.plan_sql import Dialect, Shape, hits_sql, pairs_sql, profile_sql
from byleave.exposure.question import CaseAnswer, CaseQuestion
from byleave.exposure.readings import ReadingCounts, default_window, priced
from byleave.exposure.tables import (
    Inputs,
    Survey,
    as_ids,
    event_rows,
    kept_rows,
    listed_rows,
    message_rows,
    region_rows,
    subscription_rows,
    survey,
)
from byleave.exposure.verdicts import Marks, Verdicts, judged, marked, tally
from byleave.ids import to_us
from byleave.policy.scope import Scope

__all__ = ["Answered", "CaseRunner", "Streamed", "answer_in_stages"]

Array = Any  # a NumPy array; its element type is named where it is made
Batches = Iterator[pa.RecordBatch]
Progress = Callable[[str, int, int], None]

PART_ROWS: Final = 1 << 24
"""Messages of one part, at least; as many as there are members with a profile, where more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """The answers; how many messages there are, and how many have no date."""

    messages: int
    undated: int
    cohorts: tuple[CaseAnswer, ...]


class CaseRunner(Protocol):
    """What an engine does with SQL; relations live as long as the runner."""

    @property
    def dialect(self) -> Dialect:
        """How it writes what the two write differently."""

    @property
    def whole(self) -> bool:
        """Whether it takes all messages as one part, as it goes on after a fault by itself."""

    def relation(self, name: str, schema: pa.Schema, batches: Batches) -> None:
        """Give a name to rows that are read once, by the next statement."""

    def messages(self, inputs: Inputs, plan: CasePlan, start: int, stop: int) -> None:
        """Give the relation `messages` to some of the messages, to be read once."""

    def table(self, name: str, rows: pa.Table) -> None:
        """Give a name to a small table that may be read often."""

    def stored(self, name: str, files: list[Path]) -> None:
        """Give a name to the rows of Parquet files that this runner wrote."""

    def write(self, sql: str, file: Path) -> None:
        """Run a statement and leave its rows in a Parquet file, whole or not at all."""

    def fetch(self, sql: str) -> pa.Table:
        """Run a statement whose rows fit in memory."""

    def stream(self, sql: str) -> Batches:
        """Run a statement and yield its rows."""


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
    _behind: Callable[[], Batches]
    _pairs: Callable[[], Batches]

    def reasons(self) -> pa.Table:
        """Return `reason`, `pairs`, `members`, `messages`, in the order of `REASONS`."""
        return self.rows

    def member_batches(self) -> Batches:
        """Yield `member`, `reason`, `messages`, `first_used_at`; by member, then reason."""
        return self._members()

    def behind_batches(self) -> Batches:
        """Yield the same with `deliveries` and `records`, joined (`exposure.behind`)."""
        return self._behind()

    def pair_batches(self) -> Batches:
        """Yield `member`, `record`, `role`, `reason`, `first_used_at`, `delivery`."""
        return self._pairs()

    def to_dict(self) -> dict[str, Any]:
        """Return counts alone: no member ids."""
        return counts_of(self)


def answer_in_stages(
    question: CaseQuestion,
    inputs: Inputs,
    runner: CaseRunner,
    folder: Path,
    *,
    part_rows: int | None = None,
    progress: Progress | None = None,
) -> Answered:
    """Answer a case over tables of any size; one answer for each cohort.

    Args:
        question: What is asked; the tables of its practice may be empty.
        inputs: The tables.
        runner: Carries the stages out.
        folder: Where they are kept; what stands there is taken as done.
        part_rows: Messages of one part; None: chosen by the number of profiles.
        progress: Told what is being done, how much of it is, and of how much.

    Raises:
        InputError: `case.*`, as the reference engine.
    """
    stages = _Stages(inputs, question, runner, folder, progress or (lambda *_: None))
    stages.profiles()
    parts = stages.hits(part_rows)
    return Answered(
        messages=stages.survey.messages,
        undated=stages.survey.undated,
        cohorts=stages.answers(parts),
    )


class _Stages:
    """One run: the plan, the folder, the runner."""

    def __init__(
        self,
        inputs: Inputs,
        question: CaseQuestion,
        runner: CaseRunner,
        folder: Path,
        progress: Progress,
    ) -> None:
        self.inputs = inputs
        self.question = question
        self.runner = runner
        self.folder = folder
        self.progress = progress
        self.survey = self._survey()
        self.plan = CasePlan.of(
            question.practice,
            question.cohorts,
            question.pack,
            kinds=self.survey.kinds,
            scopes=tuple(Scope.parse(text) for text in self.survey.scopes),
        )
        self.shape = Shape(
            lists=inputs.lists,
            events=inputs.choices is not None or inputs.opt_outs is not None,
            subscriptions=inputs.subscriptions is not None,
            regions=inputs.regions is not None,
            listed=any(d.records is not None for d in self.plan.deliveries),
        )

    def _survey(self) -> Survey:
        file = self.folder / "survey.json"
        if file.exists():
            stored = json.loads(file.read_text(encoding="utf-8"))
            stored |= {name: tuple(stored[name]) for name in ("kinds", "scopes")}
            return Survey(**stored)
        self.progress("looking over the tables", 0, 1)
        found = survey(self.inputs)
        if not found.ordered:
            self._refuse_twins()
        draft = file.with_suffix(".part")
        draft.write_text(json.dumps(asdict(found)), encoding="utf-8")
        draft.replace(file)
        return found

    def _refuse_twins(self) -> None:
        schema = pa.schema([("record", self.inputs.records)])

        def ids() -> Batches:
            for batch in self.inputs.messages.batches(["record"]):
                yield pa.RecordBatch.from_arrays(
                    [as_ids(batch["record"], self.inputs.records)], schema=schema
                )

        self.runner.relation("records", schema, ids())
        twins = self.runner.fetch(
            "SELECT count(*) AS n FROM (SELECT record FROM records GROUP BY record "
            "HAVING count(*) > 1 LIMIT 1) AS twins"
        )
        if twins["n"][0].as_py():
            raise InputError(
                "two messages share a record id, or one has none",
                code="case.duplicate",
                where="messages",
            )

    # --- stages -------------------------------------------------------------------------------

    def profiles(self) -> None:
        """Make the profiles."""
        file = self.folder / "profile.parquet"
        if not file.exists():
            self.progress("what members had said", 0, 1)
            runner, inputs, plan = self.runner, self.inputs, self.plan
            if self.shape.events:
                runner.relation("events", *event_rows(inputs, self.survey.scopes))
            if self.shape.subscriptions:
                runner.relation("subscriptions", *subscription_rows(inputs))
            if self.shape.regions:
                runner.relation("regions", *region_rows(inputs, plan))
            runner.relation("messages", *message_rows(inputs, plan, 0, 0))
            runner.write(profile_sql(plan, self.shape, runner.dialect), file)
        self.runner.stored("profile", [file])

    def hits(self, part_rows: int | None) -> list[Path]:
        """Make the parts; return their files."""
        runner, size = self.runner, self.survey.messages
        if runner.whole:
            part_rows = max(size, 1)
        if part_rows is None:
            held = runner.fetch("SELECT count(*) AS n FROM profile")["n"][0].as_py()
            part_rows = max(PART_ROWS, 2 * held)
        starts = list(range(0, size, part_rows)) or [0]
        files = [self.folder / f"hits-{start:014}.parquet" for start in starts]
        if self.shape.listed and not all(file.exists() for file in files):
            listed = self.folder / "listed.parquet"
            runner.relation("lists", *listed_rows(self.inputs, self.plan))
            runner.write("SELECT record, bit_or(bits) AS bits FROM lists GROUP BY record", listed)
            runner.stored("listed", [listed])
        sql = hits_sql(self.plan, self.shape, runner.dialect)
        for start, file in zip(starts, files, strict=True):
            self.progress("messages", start, size)
            if not file.exists():
                stop = min(start + part_rows, size)
                runner.messages(self.inputs, self.plan, start, stop)
                runner.write(sql, file)
        self.progress("messages", size, size)
        runner.stored("hits", files)
        return files

    def answers(self, parts: list[Path]) -> tuple[CaseAnswer, ...]:
        """Judge the codes and count."""
        self.progress("counting messages", 0, 1)
        sides = ["p"] if self.shape.lists else ["a", "r"]
        names = [f"{side}_{n}" for side in sides for n in range(self.plan.words)]
        seen = self.runner.fetch(
            f"SELECT {', '.join(names)}, count(*) AS n FROM hits GROUP BY {', '.join(names)}"  # noqa: S608
        )
        codes, counts, at = _distinct(seen, sides, self.plan.words)
        verdicts = tuple(judged(self.plan, codes, n) for n in range(len(self.plan.cohorts)))
        words, marks = marked(self.plan, codes, verdicts, self.question.as_of)
        self.runner.table("codes", _code_table(codes, words, verdicts))
        messages = self._messages(seen, words, at)
        self.progress("counting members", 0, 1)
        members = self._members(words.shape[1])
        return tuple(
            self._answer(n, verdicts[n], marks[n], (words, counts), messages, members)
            for n in range(len(verdicts))
        )

    def _messages(self, seen: pa.Table, words: Array, at: Array) -> tuple[Array, Array]:
        """Return the joined marks of messages, and how many have them."""
        if not self.shape.lists:
            marks = words[at[0]] | words[at[1]]
            return marks, _numbers(seen, "n")
        return self._joined("record", words.shape[1])

    def _members(self, words: int) -> tuple[Array, Array]:
        """Return the joined marks of members, and how many have them."""
        return self._joined("member", words)

    def _joined(self, who: str, words: int) -> tuple[Array, Array]:
        file = self.folder / f"marks-{who}.parquet"
        marks = [f"m_{n}" for n in range(words)]
        if not file.exists():
            joined = ", ".join(f"bit_or({m}) AS {m}" for m in marks)
            self.runner.write(
                f"SELECT {', '.join(marks)}, count(*) AS n FROM (SELECT {who}, {joined} FROM "  # noqa: S608
                f"({self._pairs(marks)}) AS pairs GROUP BY {who}) AS marked "
                f"GROUP BY {', '.join(marks)}",
                file,
            )
        self.runner.stored("marked", [file])
        found = self.runner.fetch("SELECT * FROM marked")
        joined_marks = np.stack([_numbers(found, m) for m in marks], axis=1)
        return joined_marks, _numbers(found, "n")

    def _pairs(self, columns: list[str]) -> str:
        return pairs_sql(self.plan, self.shape, columns)

    # --- answers ------------------------------------------------------------------------------

    def _answer(
        self,
        number: int,
        found: Verdicts,
        marks: Marks,
        codes: tuple[Array, Array],
        messages: tuple[Array, Array],
        members: tuple[Array, Array],
    ) -> CaseAnswer:
        counts = codes[1]
        pairs = tally(*codes, marks)
        of_messages, of_members = tally(*messages, marks), tally(*members, marks)
        names = [d.id for d in self.plan.deliveries]
        rows = {
            "pairs": [pairs[f"reason:{n}"] for n in range(len(REASONS))],
            "members": [of_members[f"reason:{n}"] for n in range(len(REASONS))],
            "messages": [of_messages[f"reason:{n}"] for n in range(len(REASONS))],
        }
        hit = found.reason >= 0
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
            also={
                "before-policy": int(counts[hit & found.early].sum()),
                "never-answered": int(counts[hit & found.silent].sum()),
                "as-recipient": int(counts[hit & found.recipient].sum()),
            },
            rows=pa.table({"reason": pa.array(REASONS)} | rows),
            _members=lambda: self._member_batches(number),
            _behind=lambda: self._behind_batches(number),
            _pairs=lambda: self._pair_batches(number),
        )
        readings = [
            self._reading(reading, marks, pairs, of_messages, of_members)
            for reading in self.plan.pack.readings
        ]
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

    def _reading(
        self,
        reading: Reading,
        marks: Marks,
        pairs: dict[str, int],
        messages: dict[str, int],
        members: dict[str, int],
    ) -> ReadingCounts:
        of = pairs if reading.unit is Unit.PERSON_TO_MESSAGE else messages
        low, high = f"claim-low:{reading.name}", f"claim:{reading.name}"
        fees = None
        if reading.unit is Unit.FEES:
            fees = self._fees(marks, high)
        return ReadingCounts(
            persons=members[low],
            persons_high=members[high],
            subjects=members[f"subject:{reading.name}"],
            violations=of[low],
            violations_high=of[high],
            fees=fees,
        )

    def _fees(self, marks: Marks, mark: str) -> Fees:
        """Sum what the members paid who carry a mark."""
        table, plan = self.inputs.subscriptions, self.plan
        window = self.question.window or default_window(plan.practice, self.survey.kinds)
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
        pairs = self._pairs([f"reason_{number} AS reason", f"first_{number} AS first"])
        let = (
            f"(SELECT p.member, p.record, p.reason FROM ({pairs}) AS p JOIN kept k "  # noqa: S608
            "ON p.record = k.record WHERE p.reason >= 0 "
            "AND (k.delivery = -2 OR k.delivery = p.first)) AS let"
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

    # --- rows ---------------------------------------------------------------------------------

    def _pair_batches(self, number: int) -> Batches:
        pairs = self._pairs(["role", f"reason_{number} AS reason", f"first_{number} AS first"])
        for batch in self.runner.stream(
            f"SELECT member, record, role, reason, first FROM ({pairs}) AS pairs WHERE reason >= 0"  # noqa: S608
        ):
            yield self._named(
                batch, ["member", "record", "role", "reason", "first_used_at", "delivery"]
            )

    def _member_batches(self, number: int) -> Batches:
        pairs = self._pairs([f"reason_{number} AS reason", f"first_{number} AS first"])
        for batch in self.runner.stream(
            f"SELECT member, reason, count(*) AS messages, min(first) AS first FROM ({pairs}) "  # noqa: S608
            "AS pairs WHERE reason >= 0 GROUP BY member, reason "
            f"ORDER BY CAST(member AS {self.runner.dialect.text}), reason"
        ):
            yield self._named(batch, ["member", "reason", "messages", "first_used_at"])

    def _behind_batches(self, number: int) -> Batches:
        pairs = self._pairs([f"reason_{number} AS reason", f"first_{number} AS first"])
        text = self.runner.dialect.text
        rows = self.runner.stream(
            f"SELECT member, reason, first, record FROM ({pairs}) AS pairs WHERE reason >= 0 "  # noqa: S608
            f"ORDER BY CAST(member AS {text}), reason, CAST(record AS {text})"
        )
        yield from behind_members(rows, self.plan.deliveries)

    def _named(self, batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
        """Return rows with the words of their codes; deliveries are in order of time."""
        done = self.plan.deliveries
        instants = pa.array([to_us(d.at) for d in done], pa.int64())
        words = {
            "role": lambda: pa.array(["author", "recipient"]).take(batch["role"]),
            "reason": lambda: pa.array(REASONS).take(batch["reason"]),
            "first_used_at": lambda: instants.take(batch["first"]).cast(
                pa.timestamp("us", tz="UTC")
            ),
            "delivery": lambda: pa.array([d.id for d in done], pa.string()).take(batch["first"]),
            "member": lambda: batch["member"].cast(pa.large_string()),
            "record": lambda: batch["record"].cast(pa.large_string()),
            "messages": lambda: batch["messages"],
        }
        return pa.RecordBatch.from_arrays([words[n]() for n in names], names=names)


def _distinct(seen: pa.Table, sides: list[str], words: int) -> tuple[Array, Array, list[Array]]:
    """Return the distinct codes (the first is 0: nothing), how many parties have each, and for
    each side the place of each row's code.
    """
    n = _numbers(seen, "n")
    per_side = [
        np.stack([_numbers(seen, f"{side}_{w}") for w in range(words)], axis=1) for side in sides
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


def _code_table(codes: Array, words: Array, verdicts: tuple[Verdicts, ...]) -> pa.Table:
    """Return `codes`: the words `c_N`, marks `m_N`, role, and each cohort's reason and delivery."""
    columns = {f"c_{n}": codes[:, n] for n in range(codes.shape[1])}
    columns |= {f"m_{n}": words[:, n] for n in range(words.shape[1])}
    columns["role"] = verdicts[0].recipient.astype(np.int32)
    for number, found in enumerate(verdicts):
        columns[f"reason_{number}"] = found.reason.astype(np.int32)
        columns[f"first_{number}"] = found.first
    whole = pa.table({name: pa.array(column) for name, column in columns.items()})
    return whole.filter(pa.array((codes != 0).any(axis=1)))


def _numbers(table: pa.Table, name: str) -> Array:
    return table[name].combine_chunks().cast(pa.int64()).to_numpy(zero_copy_only=False)
