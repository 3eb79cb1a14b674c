"""The behaviour of a trainer: the law of `byleave.training.trainer`, byte for byte.

Each function makes one claim about one trainer and one table, and raises AssertionError where it
does not hold. A new trainer is done when they hold for tables that exercise it; a test calls them
with rows drawn by hypothesis and with real rows. They know the port and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from byleave.training.trainer import ModelFiles, Recipe, Trainer

__all__ = [
    "batches_of",
    "forgets_as_if_never_seen",
    "ignores_order_and_batches",
    "keeps_out_of_the_release",
    "learns_again_what_it_forgot",
    "leaves_the_old_state_alone",
    "rows",
    "survives_dump_and_restore",
]


def rows(table: pa.Table, places: Sequence[int]) -> pa.Table:
    """Return the rows at these places, in this order."""
    return table.take(pa.array(list(places), type=pa.int64()))


def batches_of(table: pa.Table, size: int) -> list[pa.RecordBatch]:
    """Cut a table into batches of at most `size` rows."""
    return list(table.combine_chunks().to_batches(max_chunksize=max(1, size)))


def forgets_as_if_never_seen(
    trainer: Trainer[Any],
    table: pa.Table,
    requests: Sequence[Sequence[int]],
    *,
    recipe: Recipe,
    size: int = 1 << 16,
) -> ModelFiles:
    """Forgetting requests one after another gives the bytes of a fit without their rows.

    Args:
        trainer: The trainer.
        table: All rows.
        requests: Places of the rows of each request; no place twice.
        recipe: The recipe of both fits.
        size: Rows in one batch.

    Returns:
        The files after the last request.
    """
    state = trainer.fit(batches_of(table, size), recipe)
    gone: set[int] = set()
    files = trainer.encode(state)
    for request in requests:
        state = trainer.forget(state, batches_of(rows(table, request), size))
        gone |= set(request)
        left = [at for at in range(table.num_rows) if at not in gone]
        files = trainer.encode(state)
        _same(files, trainer.encode(trainer.fit(batches_of(rows(table, left), size), recipe)))
    return files


def learns_again_what_it_forgot(
    trainer: Trainer[Any], table: pa.Table, removed: Sequence[int], *, recipe: Recipe
) -> None:
    """Forgetting rows and learning them again gives the bytes of the first fit."""
    state = trainer.fit(batches_of(table, 1 << 16), recipe)
    before = trainer.encode(state)
    some = batches_of(rows(table, removed), 7)
    _same(trainer.encode(trainer.learn(trainer.forget(state, some), some)), before)


def leaves_the_old_state_alone(
    trainer: Trainer[Any], table: pa.Table, removed: Sequence[int], *, recipe: Recipe
) -> None:
    """A state still encodes to its own bytes after another was made from it."""
    state = trainer.fit(batches_of(table, 1 << 16), recipe)
    before = trainer.encode(state)
    trainer.forget(state, batches_of(rows(table, removed), 1 << 16))
    _same(trainer.encode(state), before)


def survives_dump_and_restore(
    trainer: Trainer[Any], table: pa.Table, removed: Sequence[int], *, recipe: Recipe
) -> None:
    """A restored state encodes, dumps and forgets as the one that was dumped."""
    state = trainer.fit(batches_of(table, 1 << 16), recipe)
    dumped = trainer.dump(state)
    again = trainer.restore(dumped)
    _same(trainer.encode(again), trainer.encode(state))
    _same(trainer.dump(again), dumped)
    some = batches_of(rows(table, removed), 1 << 16)
    _same(trainer.encode(trainer.forget(again, some)), trainer.encode(trainer.forget(state, some)))


def ignores_order_and_batches(
    trainer: Trainer[Any], table: pa.Table, order: Sequence[int], size: int, *, recipe: Recipe
) -> None:
    """Rows in another order and other batches give the same model and the same dump.

    Args:
        trainer: The trainer.
        table: All rows.
        order: A permutation of the places of all rows.
        size: Rows in one batch of the permuted rows.
        recipe: The recipe of both fits.
    """
    plain = trainer.fit(batches_of(table, 1 << 16), recipe)
    mixed = trainer.fit(batches_of(rows(table, order), size), recipe)
    _same(trainer.encode(mixed), trainer.encode(plain))
    _same(trainer.dump(mixed), trainer.dump(plain))


def keeps_out_of_the_release(
    trainer: Trainer[Any], table: pa.Table, secrets: Sequence[str], *, recipe: Recipe
) -> None:
    """No model file holds any of these texts, in any case or in UTF-16.

    Args:
        trainer: The trainer.
        table: Rows in which fewer members than the threshold wrote each secret.
        secrets: Texts to look for.
        recipe: The recipe of the fit.
    """
    files = trainer.encode(trainer.fit(batches_of(table, 1 << 16), recipe))
    for name, data in files.items():
        low = data.lower()
        for secret in secrets:
            for coded in (secret.lower().encode(), secret.lower().encode("utf-16-le")):
                assert coded not in low, f"{name} holds a text below the threshold"


def _same(found: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> None:
    assert set(found) == set(wanted), f"files {sorted(found)}, wanted {sorted(wanted)}"
    for name, data in wanted.items():
        if found[name] != data:
            length = min(len(data), len(found[name]))
            left = np.frombuffer(data, np.uint8, length)
            right = np.frombuffer(found[name], np.uint8, length)
            differ = int((left != right).sum())
            raise AssertionError(f"{name}: {differ} bytes differ in {length} of {len(data)}")
