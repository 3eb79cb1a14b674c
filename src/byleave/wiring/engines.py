"""The gate outside the workspace: files, DuckDB, Polars, `datasets`, Spark, Ray, single records.

`ws.gate.emit(...)`, `.query`, `.frame`, `.dataset`, `.spark`, `.ray`, `.live`. Each compiles the
workspace's ledger for one contract and one use, and decides rows that the workspace does not hold.
Nothing is logged, and no trainer takes what comes out: training data is sealed (G6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byleave.engines.emit import Outputs, emit, parquet_files
from byleave.engines.plan_files import write_plan
from byleave.engines.stream import RecordGate, Verdict
from byleave.engines.tally import Emission
from byleave.errors import InputError
from byleave.gate.contract import Contract, parse_contract
from byleave.gate.plan import GatePlan
from byleave.ids import parse_instant, to_us
from byleave.policy.ruleset import PartyRule
from byleave.service.clock import ledger_now
from byleave.service.compile import Compiled
from byleave.service.house import House
from byleave.service.kept_plan import compile_now
from byleave.wiring.consent_nouns import Noun

if TYPE_CHECKING:
    import datasets
    import duckdb
    import polars as pl
    import ray.data
    from pyspark.sql import SparkSession

    from byleave.engines.spark import SparkGate

__all__ = ["EngineGates", "LiveGate"]

_VALID_FOR = timedelta(minutes=1)


class LiveGate:
    """Records through the gate of a workspace, never with an old plan.

    Before each answer the ledger's position, its facts' and the clock are read; a plan that is
    behind one of them is brought up to date first, by what changed alone. A choice that was
    recorded before the call is heard; compiling in full costs what `plan` costs, once a process.

    Args:
        house: The workspace's ports.
        contract: Whose data a record is.
        use: `PURPOSE/CATEGORY/RECIPIENT`.
        valid_for: How long a plan answers without a change of the ledger.
    """

    def __init__(self, house: House, contract: Contract, use: str, *, valid_for: timedelta) -> None:
        self._house = house
        self._compile: Callable[[], Compiled] = lambda: compile_now(house, contract, use)
        self._valid_for = valid_for
        self._gate: RecordGate | None = None
        self._facts = 0

    def decide(self, record: Mapping[str, Any]) -> Verdict:
        """Decide one record (see `decide_all`)."""
        return self.decide_all([record])[0]

    def decide_all(self, records: Sequence[Mapping[str, Any]]) -> list[Verdict]:
        """Decide a micro-batch at the ledger's present position.

        Raises:
            InputError: `contract.*`; nothing is decided.
        """
        ledger, now = self._house.ledger.size() - 1, ledger_now(self._house)
        facts, _ = self._house.ledger.facts_since(self._facts)
        if (
            self._gate is None
            or self._gate.is_behind(ledger=ledger, now=now)
            or to_us(now) >= self._gate.plan.next_us
            or facts != self._facts
        ):
            made = self._compile()
            self._facts, now = made.facts, max(now, made.plan.at)
            self._gate = RecordGate(made.plan, valid_for=self._valid_for)
            ledger = max(ledger, made.plan.ledger)
        return self._gate.decide_all(records, ledger=ledger, now=now)

    @property
    def plan(self) -> GatePlan | None:
        """The plan that answered last; None before the first answer."""
        return None if self._gate is None else self._gate.plan


class EngineGates(Noun):
    """The gate over rows that the workspace does not hold.

    In every method `contract` is the text of a data-set contract or a parsed one, `use` is
    `PURPOSE/CATEGORY/RECIPIENT`, `at` the instant of the decision (None: now), and `party_rule` a
    what-if: `author`, `any` or `all` for everyone.
    """

    def plan(
        self,
        use: str,
        *,
        contract: str | Contract,
        at: datetime | str | None = None,
        party_rule: str | None = None,
    ) -> GatePlan:
        """Compile the ledger as it stands for rows of a contract."""
        agreed = (
            parse_contract(contract, name="contract") if isinstance(contract, str) else contract
        )
        return compile_now(
            self._house,
            agreed,
            use,
            at=parse_instant(at) if isinstance(at, str) else at,
            party_rule=None if party_rule is None else PartyRule.parse(party_rule),
        ).plan

    def write_plan(self, path: str | Path, plan: GatePlan) -> int:
        """Write a plan as one file for Spark and Ray, readable by its owner; return its bytes."""
        return write_plan(plan, Path(path))

    def emit(
        self,
        plan: GatePlan,
        data: str | Path | Sequence[str | Path],
        *,
        copy: str | Path | None = None,
        selection: str | Path | None = None,
        reasons: str | Path | None = None,
    ) -> Emission:
        """Gate Parquet files (or a folder of them); write what is named, and return the counts."""
        given = [data] if isinstance(data, str | Path) else data
        files = [file for path in given for file in parquet_files(Path(path))]
        progress = self._house.progress
        outputs = Outputs(copy=_path(copy), selection=_path(selection), reasons=_path(reasons))
        return emit(
            plan,
            files,
            outputs,
            decide=self._house.engine.reasons,
            progress=lambda done, total: progress("rows through the gate", done, total),
        )

    def query(
        self,
        plan: GatePlan,
        connection: duckdb.DuckDBPyConnection,
        sql: str,
        *,
        into: str | None = None,
        copy: str | Path | None = None,
        mark: bool = False,
    ) -> Emission:
        """Gate the rows of a DuckDB query; write a table or a Parquet file, return the counts."""
        from byleave.engines.duckdb import gate_query

        return gate_query(plan, connection, sql, into=into, copy=_path(copy), mark=mark)

    def query_file(
        self,
        plan: GatePlan,
        data: str | Path,
        sql: str | None = None,
        *,
        copy: str | Path | None = None,
    ) -> Emission:
        """Gate the rows of a DuckDB database, or of a file that DuckDB reads (CSV, JSON, Parquet).

        Args:
            plan: The rules compiled.
            data: The file; it is opened for reading only.
            sql: What to read; None: the whole file. Of a file that is no database the rows are
                `data`.
            copy: Parquet file to write.
        """
        from byleave.engines.duckdb import gate_query, opened_file

        with opened_file(Path(data)) as (connection, whole):
            if sql is None and whole is None:
                raise InputError("a database needs a query", code="cli.usage", hint="--query SQL")
            return gate_query(
                plan, connection, sql or str(whole), copy=_path(copy), name=Path(data).name
            )

    def frame(self, plan: GatePlan, frame: pl.LazyFrame, *, mark: bool = False) -> pl.LazyFrame:
        """Return the kept rows of a Polars lazy frame, lazily."""
        from byleave.engines.polars import gate_frame

        return gate_frame(plan, frame, mark=mark)

    def dataset(
        self, plan: GatePlan, dataset: datasets.Dataset
    ) -> tuple[datasets.Dataset, Emission]:
        """Return the kept rows of a Hugging Face data set as a selection, and the counts."""
        from byleave.engines.hf_datasets import gate_dataset

        return gate_dataset(plan, dataset)

    def iterable(
        self, plan: GatePlan, dataset: datasets.IterableDataset, *, mark: bool = False
    ) -> datasets.IterableDataset:
        """Return the kept rows of a Hugging Face stream, decided as they are read."""
        from byleave.engines.hf_datasets import gate_iterable

        return gate_iterable(plan, dataset, mark=mark)

    def spark(
        self, spark: SparkSession, plan_file: str | Path, *, shared: bool = False
    ) -> SparkGate:
        """Return the gate of a plan file in Spark: `frame.transform(ws.gate.spark(...))`."""
        from byleave.engines.spark import SparkGate

        return SparkGate(spark, Path(plan_file), shared=shared)

    def ray(
        self, plan_file: str | Path, dataset: ray.data.Dataset, *, mark: bool = False
    ) -> ray.data.Dataset:
        """Return the kept rows of a Ray data set, decided as blocks are read."""
        from byleave.engines.ray import gate_blocks

        return gate_blocks(Path(plan_file), dataset, mark=mark)

    def live(
        self, use: str, *, contract: str | Contract, valid_for: timedelta = _VALID_FOR
    ) -> LiveGate:
        """Return the gate for records of a queue or a service; it never answers with an old plan.

        Raises:
            InputError: `input.instant`, `valid_for` is not above zero; codes of contract and use.
        """
        if valid_for <= timedelta(0):
            raise InputError("a plan must be valid for some time", code="input.instant")
        agreed = (
            parse_contract(contract, name="contract") if isinstance(contract, str) else contract
        )
        self._house.taxonomy.scope(use)
        return LiveGate(self._house, agreed, use, valid_for=valid_for)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
