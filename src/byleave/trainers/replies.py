"""Suggested replies from a finite inventory: a trainer that forgets to the byte.

* Two rows of one thread are a *pair* if their numbers follow one another in the source
  (`seq` and `seq` + 1) and their authors differ. Taking a row out takes its pairs out and
  joins nothing new.
* A text is in the *inventory* if at least k distinct members opened a reply with it. When they
  leave, it leaves.
* The weights are a ridge regression from the words of the context to the inventory, solved from
  counts that at least k members on each side stand behind (`support`), on a 2^-20 grid (`grid`).
* Where the recipe names a frozen encoder, what it made of a context, small integers stored with
  the row, stands beside the words; training never runs it.

The state holds each row's openings and hashed features, how many replies of each member open
with which text, the pairs, and how many pairs and members stand behind every two features:
integers, and what is needed to find the pairs a removed row breaks.
`encode` is a function of the set of rows: the law of `byleave.training.trainer` follows.
Private: a state holds texts below the threshold. It is never released, and erased with the
workspace. Loops over rows are where text is cut into words, once for each row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from math import isqrt
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from safetensors.numpy import save

from byleave.canonical import Json
from byleave.canonical import encode as canonical
from byleave.errors import InputError
from byleave.trainers.grid import GRID_BITS, ridge_on_grid
from byleave.trainers.replies_pairs import Key, Line
from byleave.trainers.replies_state import (
    ReplyState,
    dump_state,
    empty_state,
    restore_state,
    with_rows,
    without_rows,
)
from byleave.trainers.support import backed, with_vectors
from byleave.trainers.together import Integers
from byleave.trainers.wording import features, openings, pieces
from byleave.training.trainer import ModelFiles, Recipe

__all__ = ["FORMAT", "WORD", "RepliesTrainer"]

FORMAT: Final = "byleave-replies/v2"
_DEFAULTS: Final[dict[str, int | str]] = {
    "algorithm": FORMAT,
    "boundary": "sentence",
    "encoder": "",
    "features": 512,
    "k": 5,
    "numbers": 0,
    "ridge": 2_048,
    "spread": 2,
}
WORD: Final = 102
"""What a word counts beside a frozen encoder's numbers, whose vectors are 512 long: a fifth."""


_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class RepliesTrainer:
    """The trainer `replies`; see the module's docstring and docs/spec/replies.md."""

    name = "replies"
    columns: tuple[str, ...] = ("thread", "seq", "author", "text")
    exact = True
    base = "index"

    def default_recipe(self) -> Recipe:
        """Return k = 5 members, whole sentences, at most 512 features, ridge 2,048, spread 2, no encoder.

        The two were chosen once, on validation threads of two corpora (docs/spec/replies.md).
        """
        return dict(_DEFAULTS)

    def fit(self, batches: Iterable[pa.RecordBatch], recipe: Recipe) -> ReplyState:
        """Return the state of these rows.

        Raises:
            InputError: `trainer.recipe`, a field is missing, unknown or out of range;
                `trainer.rows`, a column is missing, a value is null, or a place is taken twice.
        """
        _check_recipe(recipe)
        return self.learn(empty_state(dict(recipe)), batches)

    def learn(self, state: ReplyState, added: Iterable[pa.RecordBatch]) -> ReplyState:
        """Return the state with these rows too.

        Raises:
            InputError: `trainer.rows`, as `fit`; also a record the state already holds.
        """
        records: set[str] = set()
        fresh: dict[Key, Line] = {}
        boundary, numbers = str(state.recipe["boundary"]), int(state.recipe["numbers"])
        for key, line in _read(added, boundary, numbers):
            taken = key in fresh or state.book.has_place(key)
            if taken or line.record in records or state.book.has_record(line.record):
                raise InputError(
                    "a record, or a place in a thread, occurs twice", code="trainer.rows"
                )
            fresh[key] = line
            records.add(line.record)
        return with_rows(state, fresh)

    def forget(self, state: ReplyState, removed: Iterable[pa.RecordBatch]) -> ReplyState:
        """Return the state without these rows; only their `record_id` is read.

        Raises:
            InputError: `trainer.not-held`, a record the state does not hold.
        """
        records = [r for batch in removed for r in _column(batch, "record_id").to_pylist()]
        gone = state.book.rows(records)
        if gone is None:
            raise InputError("a record that the state does not hold", code="trainer.not-held")
        return without_rows(state, gone)

    def encode(self, state: ReplyState) -> ModelFiles:
        """Return `model.json` (recipe, inventory, coverage) and `weights.safetensors`."""
        k = int(state.recipe["k"])
        inventory = state.inventory
        labels = len(inventory.texts)
        counts = backed(state.chosen, state.together, k)
        gram, cross, ridge = counts.gram, counts.cross, int(state.recipe["ridge"])
        if numbers := int(state.recipe["numbers"]):
            pairs, vectors = inventory.pairs(), inventory.vectors(numbers)
            gram, cross = with_vectors(counts, pairs, vectors, labels, WORD)
            ridge *= WORD**2
        weights = ridge_on_grid(gram, cross, ridge)
        weights = _spread(weights, counts.cross[-1], int(state.recipe["spread"]))
        order = sorted(range(labels), key=inventory.texts.__getitem__)
        model: dict[str, Json] = {
            "format": FORMAT,
            "recipe": dict(state.recipe),
            "inventory": [inventory.texts[at] for at in order],
            "coverage": inventory.coverage(),
        }
        tensors: dict[str, npt.NDArray[Any]] = {
            "features": counts.features,
            "popularity": _ranks(counts.cross[-1, order]),
            "weights": np.ascontiguousarray(weights[:, order].astype(np.int32)),
        }
        return {"model.json": canonical(model), "weights.safetensors": save(tensors)}

    def dump(self, state: ReplyState) -> ModelFiles:
        """Return the private state: `state.json` and `state.safetensors`."""
        return dump_state(state)

    def restore(self, files: ModelFiles) -> ReplyState:
        """Read what `dump` wrote.

        Raises:
            EvidenceError: `trainer.state`, the files are not a state of this trainer.
        """
        state = restore_state(files)
        _check_recipe(state.recipe)
        return state


def _check_recipe(recipe: Mapping[str, Any]) -> None:
    def wrong(what: str) -> InputError:
        return InputError(f"recipe of replies: {what}", code="trainer.recipe")

    if set(recipe) != set(_DEFAULTS):
        raise wrong(f"expected the fields {', '.join(sorted(_DEFAULTS))}")
    if recipe["algorithm"] != FORMAT:
        raise wrong(f"algorithm is not {FORMAT}")
    if recipe["boundary"] not in {"sentence", "clause"}:
        raise wrong("boundary is neither sentence nor clause")
    encoder, numbers = recipe["encoder"], recipe["numbers"]
    if not isinstance(encoder, str) or (encoder and not _DIGEST.fullmatch(encoder)):
        raise wrong("encoder is neither empty nor a SHA-256 in hexadecimal")
    if type(numbers) is not int or not 0 <= numbers <= 4_096 or bool(numbers) != bool(encoder):
        raise wrong("numbers is not what the encoder makes of a text, at most 4096")
    if type(recipe["spread"]) is not int or not 0 <= recipe["spread"] <= 4:
        raise wrong("spread is not an integer from 0 to 4")
    for field, most in (("k", 1_000_000), ("features", 16_384), ("ridge", 1 << 20)):
        value = recipe[field]
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise wrong(f"{field} is not an integer from 1 to {most}")


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    if name not in batch.schema.names:
        raise InputError(f"rows without the column {name}", code="trainer.rows")
    column = batch.column(name)
    if column.null_count and name != "text":
        raise InputError(f"the column {name} has nulls", code="trainer.rows")
    return column


def _read(
    batches: Iterable[pa.RecordBatch], boundary: str, numbers: int
) -> Iterator[tuple[Key, Line]]:
    for batch in batches:
        names = ("record_id", "thread", "seq", "author", "text")
        columns = [_column(batch, name).to_pylist() for name in names]
        vectors = _vectors(batch, numbers)
        for at, (record, thread, seq, author, text) in enumerate(zip(*columns, strict=True)):
            message = pieces(text or "", boundary)
            found, complete = openings(message)
            line = Line(
                record=str(record),
                author=str(author),
                features=np.array(sorted(features(message)), dtype=np.int64),
                openings=found,
                complete=complete,
                vector=vectors[at],
            )
            yield (str(thread), int(seq)), line


def _vectors(batch: pa.RecordBatch, numbers: int) -> npt.NDArray[np.int8]:
    """Return what the encoder made of each row; int8[rows, numbers]."""
    if not numbers:
        return np.zeros((batch.num_rows, 0), np.int8)
    rows = _column(batch, "embedding").to_pylist()
    if any(not isinstance(row, bytes) or len(row) != numbers for row in rows):
        raise InputError(f"embedding holds no {numbers} bytes a row", code="trainer.rows")
    return np.frombuffer(b"".join(rows), np.int8).reshape(len(rows), numbers)


def _spread(weights: Integers, pairs: Integers, quarters: int) -> Integers:
    """Return the weights of each entry over (pairs that open with it)^(quarters / 4), rounded down.

    So that an entry speaks for what is asked, and less for how often it is sent.
    """
    if not quarters:
        return weights
    powers = [isqrt(isqrt(int(many) ** quarters << 4 * GRID_BITS)) for many in pairs]  # entries
    return (weights << GRID_BITS) // np.maximum(np.array(powers, np.int64), 1)


def _ranks(counts: Integers) -> npt.NDArray[np.int32]:
    """Return each entry's place by falling count, from 0; only the order is released."""
    ranks = np.empty(len(counts), dtype=np.int32)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(len(counts), dtype=np.int32)
    return ranks
