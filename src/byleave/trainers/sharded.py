"""Any deterministic learner, made to forget by shards and slices (SISA).

Bourtoule et al., "Machine Unlearning" (IEEE S&P 2021): members are dealt to shards, each shard has
a model of its own, trained slice by slice with a checkpoint after each; whoever leaves costs the
slices of one shard from theirs on. What this module adds to the published code:

* The deal is a keyed hash of the member id alone: who else is there moves nobody.
* Seeds come from the same key, shard and slice; the order inside a slice from record ids. Nothing
  is drawn, nothing depends on counts.
* A checkpoint is found by what made it: recipe (hyper-parameters, code, environment, key), shard,
  and the digests of the records of every slice so far, in order. Equal address, equal bytes.

The law of `byleave.training.trainer` holds if the learner is a function of (state, rows, seed) in
the environment that `describe` names. It is a promise for withdrawals that were not chosen by
looking at the model (Gupta et al., NeurIPS 2021); a fresh key and a fit from nothing make it
again. A row belongs to its author's shard; that any party's withdrawal removes it is the gate's.

Private: a state holds rows and every checkpoint. It is never released.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.canonical import Json, decode
from byleave.canonical import encode as canonical
from byleave.errors import ByleaveError, EvidenceError, InputError, RefusedError
from byleave.snapshot.record import record_digests
from byleave.training.judged import Task
from byleave.training.trainer import ModelFiles, Recipe

__all__ = [
    "FORMAT",
    "ShardLearner",
    "ShardedState",
    "ShardedTrainer",
    "differences",
    "mean_of_shards",
]

FORMAT: Final = "byleave-sharded/v2"
_KEY_BYTES: Final = 32
_MOST: Final = 256
_SHARD: Final = "__shard"
_ORDER: Final = "__order"
_DIGEST: Final = "__digest"
_OWN: Final = [_SHARD, _ORDER, _DIGEST]


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
        """Return hyper-parameters, threads and device: what a refit must match.

        Whole numbers and texts: a float is written as text. Code and packages are `made_by` of the
        trainer; nobody has to remember them here.
        """
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
        made_by: Digest of the learner's code, and the environment it runs in; of the recipe.

    Raises:
        InputError: `trainer.recipe`, a key of another length, or numbers out of range.
    """

    exact = True
    base = "sharded"

    def __init__(
        self,
        learner: ShardLearner,
        *,
        key: bytes,
        shards: int,
        slices: int,
        made_by: Mapping[str, Json] | None = None,
    ) -> None:
        if len(key) != _KEY_BYTES or not 1 <= shards <= _MOST or not 1 <= slices <= _MOST:
            raise InputError(
                f"wanted: a key of {_KEY_BYTES} bytes, 1 to {_MOST} shards and slices",
                code="trainer.recipe",
            )
        self._learner, self._key = learner, key
        self._shards, self._slices = shards, slices
        self._made_by = dict(made_by or {})
        self.name = learner.name
        self.task: Task | None = getattr(learner, "task", None)
        self.columns = ("member", *(c for c in learner.columns if c != "member"))

    def default_recipe(self) -> Recipe:
        """Return shards, slices, the key's commitment, the learner, its code and environment.

        Raises:
            InputError: `canonical.not-encodable`, the learner describes itself with a float.
        """
        recipe: dict[str, Json] = {
            "algorithm": FORMAT,
            "key": hashlib.sha256(self._key).hexdigest(),
            "learner": dict(self._learner.describe()),
            "made_by": self._made_by,
            "shards": self._shards,
            "slices": self._slices,
        }
        plain: Any = decode(canonical(recipe))  # as it will be read again: lists, never tuples
        return dict(plain)

    def fit(self, batches: Iterable[pa.RecordBatch], recipe: Recipe) -> ShardedState:
        """Return the state of these rows.

        Raises:
            RefusedError: `trainer.other-recipe`, the recipe is of another learner, code,
                environment, key, or other numbers.
            InputError: `trainer.rows`, a column is missing, a value null, or a record twice;
                `contract.column-type`, a column's type has no digest.
        """
        return self.fit_in_steps(batches, recipe, lambda *_: None)

    def fit_in_steps(
        self,
        batches: Iterable[pa.RecordBatch],
        recipe: Recipe,
        step: Callable[[int, int], None],
    ) -> ShardedState:
        """Return the state of these rows; `step` is told after each slice, and may raise.

        Raises:
            RefusedError: As `fit`.
            InputError: As `fit`.
        """
        self._require_same(recipe)
        return self._train(recipe, self._place(list(batches)), {}, step)

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
            RefusedError: `trainer.other-recipe`, other code, environment, key or numbers made it:
                no checkpoint of it is one of this trainer's.
        """
        try:
            head = decode(files["state.json"])
            if not isinstance(head, dict) or not isinstance(head["recipe"], dict):
                raise ValueError  # noqa: TRY004 (told apart below by nothing)
            if head["recipe"].get("algorithm") == FORMAT:
                self._require_same(head["recipe"])
            raw = files["rows.arrow"]
            rows = pa.ipc.open_stream(raw).read_all() if raw else None
            addresses = _addresses(self.default_recipe(), rows, self._shards, self._slices)
            held = {a: files[f"{a.hex()}.bin"] for shard in addresses for a in shard}
        except RefusedError:
            raise
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

    def slots(self, members: Iterable[str]) -> npt.NDArray[np.int64]:
        """Return shard × slices + slice of each member; int64, shape (members,)."""
        return np.array([self._deal(member) for member in members], np.int64)

    @property
    def shape(self) -> tuple[int, int]:
        """Shards and slices."""
        return self._shards, self._slices

    def _require_same(self, recipe: Recipe) -> None:
        """Refuse a recipe that is not the one this trainer would write now."""
        found = differences(dict(recipe), dict(self.default_recipe()))
        if found:
            raise RefusedError(
                f"the recipe differs from what trains now in: {', '.join(found)}",
                code="trainer.other-recipe",
                hint="bring the code and environment that made it, or gate, seal and train again",
            )

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
        return (
            table.append_column(_SHARD, pa.array(dealt[np.asarray(members.indices, np.int64)]))
            .append_column(_ORDER, pa.array(order, pa.binary(_KEY_BYTES)))
            .append_column(_DIGEST, record_digests(table))
        )

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
        self,
        recipe: Recipe,
        rows: pa.Table | None,
        known: Mapping[bytes, bytes],
        step: Callable[[int, int], None] = lambda *_: None,
    ) -> ShardedState:
        """Train every slice whose address is not known, from the checkpoint before it."""
        if rows is not None:
            rows = rows.sort_by([(_SHARD, "ascending"), (_ORDER, "ascending")])
            if pc.count_distinct(rows["record_id"]).as_py() != rows.num_rows:
                raise InputError("a record occurs twice", code="trainer.rows")
        addresses = _addresses(recipe, rows, self._shards, self._slices)
        bounds = _bounds(rows, self._shards * self._slices)
        checkpoints: dict[bytes, bytes] = {}
        for shard, chain in enumerate(addresses):
            state = known.get(chain[0])
            if state is None:
                state = self._learner.start(self._seed(shard, -1))
            checkpoints[chain[0]] = state
            for at, address in enumerate(chain[1:]):
                found = known.get(address)
                if found is None:
                    start, end = bounds[shard * self._slices + at : shard * self._slices + at + 2]
                    found = state
                    if rows is not None and end > start:
                        part = rows.slice(start, end - start).drop(_OWN)
                        found = self._learner.learn(state, part, self._seed(shard, at))
                checkpoints[address] = state = found
                step(shard * self._slices + at + 1, self._shards * self._slices)
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


def mean_of_shards(
    files: ModelFiles, ask: Callable[[bytes], npt.NDArray[np.float64] | None]
) -> npt.NDArray[np.float64]:
    """Return the plain mean of the shards' scores, summed in the order of the shards.

    Nothing is weighted: a combiner that learned would have been trained on everybody.

    Args:
        files: Of a release, or of `clean`.
        ask: The score that one shard's state gives, any shape; None where it knows too little to
            have one, as a shard without rows does.

    Raises:
        EvidenceError: `trainer.model`, the files are not a model of shards, or no shard has a score.
    """
    try:
        model = decode(files["model.json"])
        if not isinstance(model, dict) or model["format"] != FORMAT:
            raise ValueError
        names: Any = model["shards"]
        scores = [score for name in names if (score := ask(files[name])) is not None]
        total = np.zeros_like(scores[0], np.float64)
    except (KeyError, IndexError, TypeError, ValueError, ByleaveError) as error:
        raise EvidenceError("no model of shards that scores", code="trainer.model") from error
    for score in scores:
        total = total + score
    mean: npt.NDArray[np.float64] = total / len(scores)
    return mean


def differences(one: Json, other: Json, at: str = "") -> list[str]:
    """Return the paths at which two documents differ, in order; no values."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        found = []
        for key in sorted({*one, *other}):
            found += differences(one.get(key), other.get(key), f"{at}.{key}" if at else key)
        return found
    return [] if one == other else [at]


def _hash(key: bytes, use: str, text: str) -> bytes:
    return hmac.digest(key, f"{use}|{text}".encode(), "sha256")


def _bounds(rows: pa.Table | None, slots: int) -> list[int]:
    """Return where each slice of rows sorted by slice begins, and the end of the last."""
    dealt = np.empty(0, np.int64) if rows is None else rows[_SHARD].to_numpy()
    bounds: list[int] = np.searchsorted(dealt, np.arange(slots + 1)).tolist()
    return bounds


def _addresses(
    recipe: Recipe, rows: pa.Table | None, shards: int, slices: int
) -> list[list[bytes]]:
    """Return for each shard the address of its start, and of its state after every slice.

    Rows are sorted by slice and place. Cost: one SHA-256 over 32 bytes a row.
    """
    digests: list[bytes] = [] if rows is None else rows[_DIGEST].to_pylist()
    bounds = _bounds(rows, shards * slices)
    chains = []
    for shard in range(shards):
        address = hashlib.sha256(canonical({"recipe": dict(recipe), "shard": shard})).digest()
        chain = [address]
        for slot in range(shard * slices, (shard + 1) * slices):
            part = b"".join(digests[bounds[slot] : bounds[slot + 1]])
            address = hashlib.sha256(address + part).digest()
            chain.append(address)
        chains.append(chain)
    return chains
