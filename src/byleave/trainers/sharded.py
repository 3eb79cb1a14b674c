"""Any deterministic learner, made to forget by shards and slices (SISA).

Bourtoule et al., "Machine Unlearning" (IEEE S&P 2021): members are dealt to shards, each shard has
a model of its own, trained slice by slice with a checkpoint after each; whoever leaves costs the
slices of one shard from theirs on. What this module adds to the published code:

* The deal is a keyed hash of the member id alone: who else is there moves nobody.
* Seeds come from the same key, shard and slice; the order inside a slice from record ids. Nothing
  is drawn, nothing depends on counts.
* A checkpoint is found by what made it: recipe, learner, shard, and the records of every slice so
  far, in order. Equal address, equal bytes.

The law of `byleave.training.trainer` holds if the learner is a function of (state, rows, seed) in
the environment that `describe` names. It is a promise for withdrawals that were not chosen by
looking at the model (Gupta et al., NeurIPS 2021); a fresh key and a fit from nothing make it
again. A row belongs to its author's shard; that any party's withdrawal removes it is the gate's.

Private: a state holds rows and every checkpoint. It is never released.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.canonical import Json, decode
from byleave.canonical import encode as canonical
from byleave.errors import ByleaveError, EvidenceError, InputError
from byleave.training.trainer import ModelFiles, Recipe

__all__ = ["FORMAT", "ShardLearner", "ShardedState", "ShardedTrainer", "forecast"]

FORMAT: Final = "byleave-sharded/v1"
_KEY_BYTES: Final = 32
_MOST: Final = 256
_SHARD: Final = "__shard"
_ORDER: Final = "__order"


class ShardLearner(Protocol):
    """What a user brings: a learner whose state is bytes, the same bytes for the same input."""

    @property
    def name(self) -> str:
        """The trainer's name in runs and releases."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it reads; `member` and `record_id` are there too."""
        ...

    def describe(self) -> Mapping[str, Json]:
        """Return hyper-parameters, code version and environment: what a refit must match."""
        ...

    def start(self, seed: int) -> bytes:
        """Return the state before any row. Canonical or safetensors, never pickle."""
        ...

    def learn(self, state: bytes, rows: pa.Table, seed: int) -> bytes:
        """Return the state after one slice, with optimiser and random state where there are any."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShardedState:
    """Rows in their slices, and the checkpoints that they made.

    Attributes:
        recipe: As logged before the fit.
        rows: All rows, ordered by shard, slice and keyed place.
        checkpoints: Address → state after a slice; of what the rows make now, and nothing else.
        final: Address of each shard's last state.
    """

    recipe: Recipe
    rows: pa.Table | None
    checkpoints: Mapping[bytes, bytes] = field(repr=False)
    final: tuple[bytes, ...]


class ShardedTrainer:
    """The trainer port over a `ShardLearner`.

    Args:
        learner: What trains.
        key: 32 secret bytes of the epoch; the recipe holds its commitment.
        shards: Into how many models members are dealt, 1 to 256.
        slices: Checkpoints of each, 1 to 256.

    Raises:
        InputError: `trainer.recipe`, a key of another length, or numbers out of range.
    """

    exact = True

    def __init__(self, learner: ShardLearner, *, key: bytes, shards: int, slices: int) -> None:
        if len(key) != _KEY_BYTES or not 1 <= shards <= _MOST or not 1 <= slices <= _MOST:
            raise InputError(
                f"wanted: a key of {_KEY_BYTES} bytes, 1 to {_MOST} shards and slices",
                code="trainer.recipe",
            )
        self._learner, self._key = learner, key
        self._shards, self._slices = shards, slices
        self.name = learner.name
        self.columns = ("member", *(c for c in learner.columns if c != "member"))

    def default_recipe(self) -> Recipe:
        """Return shards, slices, the key's commitment, and what the learner says of itself."""
        return {
            "algorithm": FORMAT,
            "key": hashlib.sha256(self._key).hexdigest(),
            "learner": dict(self._learner.describe()),
            "shards": self._shards,
            "slices": self._slices,
        }

    def fit(self, batches: Iterable[pa.RecordBatch], recipe: Recipe) -> ShardedState:
        """Return the state of these rows.

        Raises:
            InputError: `trainer.recipe`, not the recipe of this trainer, key and learner;
                `trainer.rows`, a column is missing, a value null, or a record twice.
        """
        if dict(recipe) != dict(self.default_recipe()):
            raise InputError(
                "the recipe is not that of this learner, key, shards and slices",
                code="trainer.recipe",
            )
        return self._train(recipe, self._place(list(batches)), {})

    def learn(self, state: ShardedState, added: Iterable[pa.RecordBatch]) -> ShardedState:
        """Return the state with these rows too; slices before the first touched are kept.

        Raises:
            InputError: `trainer.rows`, as `fit`; also a record the state already holds.
        """
        parts = [state.rows, self._place(list(added))]
        tables = [part for part in parts if part is not None]
        rows = pa.concat_tables(tables) if tables else None
        return self._train(state.recipe, rows, state.checkpoints)

    def forget(self, state: ShardedState, removed: Iterable[pa.RecordBatch]) -> ShardedState:
        """Return the state without these rows; only their `record_id` is read.

        Every checkpoint that one of them reached is purged.

        Raises:
            InputError: `trainer.not-held`, a record the state does not hold.
        """
        rows = self._without(state, removed)
        return self._train(state.recipe, rows, state.checkpoints)

    def encode(self, state: ShardedState) -> ModelFiles:
        """Return `model.json` and one file for each shard, as the learner left it."""
        return self._files(state, list(state.final))

    def clean(
        self, state: ShardedState, removed: Iterable[pa.RecordBatch]
    ) -> tuple[ModelFiles, int]:
        """Return at once a model that never saw these rows, and how many others it lacks.

        Each shard stands at its last checkpoint before any of them: what a fit on fewer rows
        would have given. For serving while `forget` trains (S3T, ICLR 2025).
        """
        rows = self._without(state, removed)
        before = _addresses(state.recipe, state.rows, self._shards, self._slices)
        after = _addresses(state.recipe, rows, self._shards, self._slices)
        served, behind = [], 0
        for shard in range(self._shards):
            same = [a == b for a, b in zip(before[shard], after[shard], strict=True)]
            last = same.index(False) - 1 if False in same else len(same) - 1
            served.append(before[shard][last])
            if rows is not None and last < self._slices:
                late = pc.and_(
                    pc.equal(pc.divide(rows[_SHARD], self._slices), shard),
                    pc.greater_equal(rows[_SHARD], shard * self._slices + last),
                )
                behind += int(pc.sum(late).as_py() or 0)
        return self._files(state, served), behind

    def dump(self, state: ShardedState) -> ModelFiles:
        """Return the private state: rows as Arrow IPC, checkpoints under their addresses."""
        files = {f"{address.hex()}.bin": data for address, data in state.checkpoints.items()}
        head: dict[str, Json] = {"format": FORMAT, "recipe": dict(state.recipe)}
        sink = pa.BufferOutputStream()
        if state.rows is not None:
            table = state.rows.combine_chunks()
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
        return {"state.json": canonical(head), "rows.arrow": sink.getvalue().to_pybytes(), **files}

    def restore(self, files: ModelFiles) -> ShardedState:
        """Read what `dump` wrote; every checkpoint that the rows ask for must be there.

        Raises:
            EvidenceError: `trainer.state`, the files are not a state of this trainer.
        """
        try:
            head = decode(files["state.json"])
            if not isinstance(head, dict) or head["recipe"] != self.default_recipe():
                raise ValueError
            raw = files["rows.arrow"]
            rows = pa.ipc.open_stream(raw).read_all() if raw else None
            addresses = _addresses(self.default_recipe(), rows, self._shards, self._slices)
            held = {a: files[f"{a.hex()}.bin"] for shard in addresses for a in shard}
        except (KeyError, TypeError, ValueError, pa.ArrowException, ByleaveError) as error:
            raise EvidenceError(
                f"the files are not a state of {self.name}", code="trainer.state"
            ) from error
        return ShardedState(
            recipe=self.default_recipe(),
            rows=rows,
            checkpoints=held,
            final=tuple(shard[-1] for shard in addresses),
        )

    def touched(self, state: ShardedState, removed: Iterable[pa.RecordBatch]) -> tuple[int, int]:
        """Return how many shards, and how many slices in all, forgetting would train again."""
        before = _addresses(state.recipe, state.rows, self._shards, self._slices)
        rows = self._without(state, removed)
        after = _addresses(state.recipe, rows, self._shards, self._slices)
        again = [
            sum(a != b for a, b in zip(one, other, strict=True))
            for one, other in zip(before, after, strict=True)
        ]
        return sum(n > 0 for n in again), sum(again)

    def _place(self, batches: list[pa.RecordBatch]) -> pa.Table | None:
        """Return rows with the slice they are dealt to and their place in it."""
        if not batches:
            return None
        table = pa.Table.from_batches(batches)
        for name in ("record_id", *self.columns):
            if name not in table.column_names:
                raise InputError(f"rows without the column {name}", code="trainer.rows")
        for name in ("record_id", "member"):
            if table[name].null_count:
                raise InputError(f"the column {name} has nulls", code="trainer.rows")
        table = table.select(["record_id", *self.columns])
        members = pc.dictionary_encode(table["member"].cast(pa.large_string()).combine_chunks())
        dealt = np.array([self._deal(m) for m in members.dictionary.to_pylist()], np.int64)
        order = [
            _hash(self._key, "order", r) for r in table["record_id"].cast("string").to_pylist()
        ]
        return table.append_column(
            _SHARD, pa.array(dealt[np.asarray(members.indices, np.int64)])
        ).append_column(_ORDER, pa.array(order, pa.binary(_KEY_BYTES)))

    def _deal(self, member: str) -> int:
        shard = int.from_bytes(_hash(self._key, "shard", member)[:8], "big") % self._shards
        return shard * self._slices + (
            int.from_bytes(_hash(self._key, "slice", member)[:8], "big") % self._slices
        )

    def _without(self, state: ShardedState, removed: Iterable[pa.RecordBatch]) -> pa.Table | None:
        gone = [str(r) for batch in removed for r in batch.column("record_id").to_pylist()]
        if not gone:
            return state.rows
        if len(set(gone)) != len(gone):
            raise InputError("a record occurs twice", code="trainer.rows")
        none = pa.array([], pa.string())
        held = none if state.rows is None else state.rows["record_id"].cast(pa.string())
        leaving = pc.is_in(held, value_set=pa.array(gone, pa.string()))
        if state.rows is None or int(pc.sum(leaving).as_py() or 0) != len(gone):
            raise InputError("a record that the state does not hold", code="trainer.not-held")
        return state.rows.filter(pc.invert(leaving))

    def _train(
        self, recipe: Recipe, rows: pa.Table | None, known: Mapping[bytes, bytes]
    ) -> ShardedState:
        """Train every slice whose address is not known, from the checkpoint before it."""
        if rows is not None:
            rows = rows.sort_by([(_SHARD, "ascending"), (_ORDER, "ascending")])
            if pc.count_distinct(rows["record_id"]).as_py() != rows.num_rows:
                raise InputError("a record occurs twice", code="trainer.rows")
        addresses = _addresses(recipe, rows, self._shards, self._slices)
        checkpoints: dict[bytes, bytes] = {}
        for shard, chain in enumerate(addresses):
            state = known.get(chain[0])
            if state is None:
                state = self._learner.start(self._seed(shard, -1))
            checkpoints[chain[0]] = state
            for at, address in enumerate(chain[1:]):
                found = known.get(address)
                if found is None:
                    part = _slice(rows, shard * self._slices + at)
                    found = (
                        state
                        if part is None
                        else self._learner.learn(
                            state, part.drop([_SHARD, _ORDER]), self._seed(shard, at)
                        )
                    )
                checkpoints[address] = state = found
        return ShardedState(
            recipe=dict(recipe),
            rows=rows,
            checkpoints=checkpoints,
            final=tuple(chain[-1] for chain in addresses),
        )

    def _files(self, state: ShardedState, served: list[bytes]) -> ModelFiles:
        model: dict[str, Json] = {
            "format": FORMAT,
            "recipe": dict(state.recipe),
            "shards": [f"shard-{n:03d}.bin" for n in range(self._shards)],
        }
        files = {f"shard-{n:03d}.bin": state.checkpoints[a] for n, a in enumerate(served)}
        return {"model.json": canonical(model), **files}

    def _seed(self, shard: int, at: int) -> int:
        """Return the seed of a slice, below 2^32; -1 stands for the start."""
        return int.from_bytes(_hash(self._key, "seed", f"{shard}|{at}")[:4], "big")


def forecast(shards: int, slices: int, leaving: int) -> float:
    """Return the expected cost of one batch of withdrawals, as a share of a fit from nothing.

    Slices learn their own rows alone (single pass), members are dealt evenly.
    E = sum over m of Bin(m; k, 1/S) * sum over r of P(first touched slice is r) * (R - r + 1) / R.

    Args:
        shards: S.
        slices: R.
        leaving: Members in the batch, k; each with rows in one slice.
    """
    expected, none = 0.0, (1 - 1 / shards) ** leaving
    chance = none
    for m in range(1, leaving + 1):
        chance = (
            float(leaving == m) if shards == 1 else chance * (leaving - m + 1) / m / (shards - 1)
        )
        expected += chance * sum(
            (((slices - r + 1) / slices) ** m - ((slices - r) / slices) ** m)
            * (slices - r + 1)
            / slices
            for r in range(1, slices + 1)
        )
    return expected


def _hash(key: bytes, use: str, text: str) -> bytes:
    return hmac.digest(key, f"{use}|{text}".encode(), "sha256")


def _slice(rows: pa.Table | None, number: int) -> pa.Table | None:
    part = None if rows is None else rows.filter(pc.equal(rows[_SHARD], number))
    return part if part is not None and part.num_rows else None


def _addresses(
    recipe: Recipe, rows: pa.Table | None, shards: int, slices: int
) -> list[list[bytes]]:
    """Return for each shard the address of its start, and of its state after every slice."""
    chains = []
    for shard in range(shards):
        address = hashlib.sha256(canonical({"recipe": dict(recipe), "shard": shard})).digest()
        chain = [address]
        for at in range(slices):
            part = _slice(rows, shard * slices + at)
            ids: list[Any] = [] if part is None else part.sort_by(_ORDER)["record_id"].to_pylist()
            address = hashlib.sha256(address + canonical([str(i) for i in ids])).digest()
            chain.append(address)
        chains.append(chain)
    return chains
