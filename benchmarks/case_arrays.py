"""The alleged class of `case.py` by NumPy alone: a member's number is a place in arrays.

Written apart from the engine and from the SQL, to check them where SQL by hand would need more
disk than there is: no join and no sort, one pass over the messages, a slice at a time. It leans on
what the generator gives: ids are 0, 1, 2, ...; at most one choice, one switch and one subscription
a member (checked).

Of a member at a delivery one byte tells: whether a subscription ran, whether the switch was off,
and the last word: none, refusal, a grant with the past, a grant without it, a grant that has ended.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = ["by_arrays"]

Array = Any  # a NumPy array; its element type is named where it is made
PAYING: Final = 1
OFF: Final = 2
WORD: Final = 4
"""The lowest bit of the last word."""
REFUSAL, WITH_PAST, WITHOUT_PAST, ENDED = 1, 2, 3, 4
NEVER: Final = np.iinfo(np.int64).max
# The reason by the last word, of an author and of a recipient; -1: covered by their grant.
REASON: Final = np.array([[5, 1, -1, 2, 3], [4, 1, -1, 2, 3]], dtype=np.int8)


def by_arrays(folder: Path, members: int, deliveries: tuple[datetime, ...]) -> tuple[int, ...]:
    """Return members and messages (certain, at most), pairs by reason, in the order of the SQL.

    Args:
        folder: Holds the Parquet files of `case.py --ids integers`.
        members: How many there are.
        deliveries: Instants of those the class asks about, in order.
    """
    made = [round(instant.timestamp()) * 1_000_000 for instant in deliveries]
    states, since = states_of(folder, members, made)
    certain, touched = np.zeros(members, dtype=bool), np.zeros(members, dtype=bool)
    by_reason = np.zeros(6, dtype=np.int64)
    messages = np.zeros(2, dtype=np.int64)
    with pq.ParquetFile(folder / "messages.parquet") as file:
        for batch in file.iter_batches(
            1 << 20, columns=["author", "recipients", "sent_at", "kind"]
        ):
            asked = batch.filter(pc.equal(batch["kind"], "inmail"))
            parties = [whole(asked["author"]), whole(asked["recipients"])]
            dated = ~asked["sent_at"].is_null().to_numpy(zero_copy_only=False)
            sent = instants(asked["sent_at"], 0)
            found = judged(states, since, made, parties, sent, dated)
            messages += [np.any(found > 0, axis=0).sum(), np.any(found >= 0, axis=0).sum()]
            for party, reason in zip(parties, found, strict=True):
                certain[party[reason > 0]] = True
                touched[party[reason >= 0]] = True
                by_reason += np.bincount(reason[reason >= 0], minlength=6)
    return (int(certain.sum()), int(touched.sum()), *map(int, messages), *map(int, by_reason), 0)


def judged(
    states: list[Array],
    since: Array,
    made: list[int],
    parties: list[Array],
    sent: Array,
    dated: Array,
) -> Array:
    """Return int8[2, n], why each author and recipient is affected; -1: not at all.

    Args:
        states: For each delivery uint8[members].
        since: int64[members], when they chose.
        made: When each delivery was made.
        parties: int64[n] authors, and recipients.
        sent: int64[n], 0 where not known.
        dated: bool[n].
    """
    reasons = np.full((2, len(sent)), -1, dtype=np.int8)
    for state, at in zip(states, made, strict=True):
        used = (~dated | (sent < at)) & (state[parties[0]] & OFF == 0)
        for role, party in enumerate(parties):
            of = state[party]
            word = of // WORD
            reason = np.where(dated, REASON[role][word], 0)
            reason[word == WITH_PAST] = -1
            later = (word == WITHOUT_PAST) & dated
            later[later] = sent[later] >= since[party[later]]
            reason[later] = -1
            hit = used & (of & PAYING != 0) & (reasons[role] < 0)
            if role:
                hit &= parties[0] != parties[1]
            reasons[role][hit] = reason[hit]
    return reasons


def states_of(folder: Path, members: int, made: list[int]) -> tuple[list[Array], Array]:
    """Return what is known of each member at each delivery, and when they chose."""
    chose = numbers_of(folder / "choices.parquet", "member")
    choices = pq.read_table(folder / "choices.parquet")
    at, ends = instants(choices["at"], NEVER), instants(choices["expires"], NEVER)
    grant = pc.equal(choices["decision"], "grant").to_numpy()
    past = choices["includes_past"].to_numpy()
    switched = numbers_of(folder / "opt_outs.parquet", "member")
    off_at = np.full(members, NEVER, dtype=np.int64)
    off_at[switched] = instants(pq.read_table(folder / "opt_outs.parquet")["at"], NEVER)
    paid = numbers_of(folder / "subscriptions.parquet", "member")
    stretch = pq.read_table(folder / "subscriptions.parquet", columns=["start", "end"])
    start, end = instants(stretch["start"], NEVER), instants(stretch["end"], NEVER)
    since = np.full(members, NEVER, dtype=np.int64)
    since[chose] = at
    states = []
    for instant in made:
        word = np.where(past, WITH_PAST, WITHOUT_PAST)
        word = np.where(ends <= instant, ENDED, word)
        word = np.where(grant, word, REFUSAL)
        state = np.zeros(members, dtype=np.uint8)
        by_then = at <= instant
        state[chose[by_then]] = word[by_then] * WORD
        off = off_at <= instant
        # A switch turned off after a choice, or with it, is the last word.
        last = off & (~(since <= instant) | (off_at >= since))
        state[last] = REFUSAL * WORD
        state[off] |= OFF
        state[paid[(start <= instant) & (end > instant)]] |= PAYING
        states.append(state)
    return states, since


def numbers_of(file: Path, column: str) -> Array:
    """Return a column of members, each of whom must stand there once.

    Raises:
        ValueError: One stands there twice.
    """
    found = whole(pq.read_table(file, columns=[column])[column])
    if len(found) and np.bincount(found).max() > 1:
        raise ValueError(f"a member stands twice in {file.name}")
    return found


def whole(column: Any) -> Array:
    """Return a column of whole numbers as int64[n]."""
    return column.cast("int64").to_numpy()


def instants(column: Any, absent: int) -> Array:
    """Return instants as int64[n] microseconds."""
    return pc.fill_null(column.cast("int64"), absent).to_numpy()
