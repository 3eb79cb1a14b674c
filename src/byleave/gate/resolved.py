"""Rows with their ids resolved, kept for the next run: everything a decision reads of a block.

`RowBlock` holds, for at most about a million rows, the ordinals of the parties, the word of the
category, whether it is a draft and when it was collected. None of it depends on a plan, on consent
or on an instant: a block is made once and serves every gate over the source, and any rows of it
can be looked at without reading the data again. `to_rows` gives what an engine decides.

Cost: 4 bytes a party, 2 for a category, 8 for an instant, 1 for a draft; uncompressed, mapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from byleave.gate.contract import Contract, is_id_list
from byleave.gate.instants import instants_at
from byleave.gate.members import MISSING, UNKNOWN, IdKernel, MemberIndex
from byleave.gate.nested import column_at
from byleave.gate.plan import UNKNOWN_INSTANT, GatePlan
from byleave.gate.rows import CATEGORY_OTHER, CATEGORY_UNKNOWN, ResolvedRows

__all__ = ["Recipients", "RowBlock", "block_of", "join_blocks", "to_rows"]

_NO_WORD: Final = -1
_MOST_WORDS: Final = 1 << 15
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recipients:
    """One column of recipients.

    Attributes:
        offsets: Of a column of lists: row i has `values[offsets[i]:offsets[i + 1]]`; int32[n + 1].
            None of a column of single ids: row i has `values[i]`, `MISSING` for none.
        values: Ordinals; `UNKNOWN`; inside a list, `MISSING` for a null; int32.
    """

    offsets: Ints | None
    values: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowBlock:
    """Rows, resolved.

    Attributes:
        members: Ids were looked up among so many; `UNKNOWN` is unknown among those.
        words: The words of the category column; () where the contract names one for all.
        category: Place in `words`, -1 for none; int16, or None.
        draft: Whether the record was never sent; uint8, or None.
        collected_us: µs since the epoch, `UNKNOWN_INSTANT`; int64, or None.
        author: Ordinals, `UNKNOWN`, `MISSING`; int32.
        recipients: One for each column of recipients of the contract, in its order.
    """

    members: int
    words: tuple[str, ...]
    category: npt.NDArray[np.int16] | None
    draft: npt.NDArray[np.uint8] | None
    collected_us: Longs | None
    author: Ints
    recipients: tuple[Recipients, ...]

    def __len__(self) -> int:
        return len(self.author)

    def planes(self) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """Yield the planes by name, those that there are."""
        yield "author", self.author
        for place, column in enumerate(self.recipients):
            yield f"to-{place}", column.values
            if column.offsets is not None:
                yield f"to-{place}-offsets", column.offsets
        for name, plane in (
            ("category", self.category),
            ("draft", self.draft),
            ("collected", self.collected_us),
        ):
            if plane is not None:
                yield name, plane

    @classmethod
    def from_planes(
        cls, planes: dict[str, npt.NDArray[Any]], *, members: int, words: Sequence[str]
    ) -> RowBlock:
        """Put together what `planes` took apart."""
        count = sum(name.startswith("to-") and not name.endswith("-offsets") for name in planes)
        return cls(
            members=members,
            words=tuple(words),
            category=planes.get("category"),
            draft=planes.get("draft"),
            collected_us=planes.get("collected"),
            author=planes["author"],
            recipients=tuple(
                Recipients(offsets=planes.get(f"to-{n}-offsets"), values=planes[f"to-{n}"])
                for n in range(count)
            ),
        )

    @property
    def has_unknown(self) -> bool:
        """Whether an id was looked up and not found."""
        values = (self.author, *(column.values for column in self.recipients))
        return any(bool((plane == UNKNOWN).any()) for plane in values)

    def take(self, rows: Longs) -> RowBlock:
        """Return some rows, by their place in the block."""
        return RowBlock(
            members=self.members,
            words=self.words,
            category=None if self.category is None else self.category[rows],
            draft=None if self.draft is None else self.draft[rows],
            collected_us=None if self.collected_us is None else self.collected_us[rows],
            author=self.author[rows],
            recipients=tuple(_take(column, rows) for column in self.recipients),
        )

    def parties(self) -> tuple[Longs, Longs]:
        """Return each party on record and the place of its row, in no order."""
        whose, places = [self.author], [np.arange(len(self))]
        for column in self.recipients:
            whose.append(column.values)
            if column.offsets is None:
                places.append(np.arange(len(self)))
            else:
                places.append(np.repeat(np.arange(len(self)), np.diff(column.offsets)))
        party, place = np.concatenate(whose), np.concatenate(places)
        known = party >= 0
        return party[known].astype(np.int64), place[known]


def block_of(
    contract: Contract,
    members: MemberIndex,
    batch: pa.RecordBatch,
    kernel: IdKernel | None = None,
) -> RowBlock | None:
    """Resolve a batch; None where it has more words, members or parties than a block can hold.

    Args:
        contract: Whose data a row is.
        members: Whom ids are looked up among.
        batch: At least the columns that the contract reads.
        kernel: Compiled loops over ids; None: NumPy.

    Raises:
        InputError: `contract.column-value`.
    """
    collected = contract.collected_at
    if len(members) >= 1 << 31:
        return None
    words: tuple[str, ...] = ()
    category = None
    if contract.category is not None:
        column = column_at(batch, contract.category)
        if not pat.is_dictionary(column.type):
            column = pc.dictionary_encode(column)
        if len(column.dictionary) >= _MOST_WORDS or column.dictionary.null_count:
            return None
        met = column.dictionary.to_pylist()
        words = tuple(sorted(set(met)))  # blocks with the same words then have them in one order
        table = np.array([*(words.index(word) for word in met), _NO_WORD], np.int16)
        category = table[np.asarray(pc.fill_null(column.indices.cast(pa.int64()), _NO_WORD))]
    recipients = []
    for name in contract.recipients:
        column = column_at(batch, name)
        if not is_id_list(column.type):
            recipients.append(Recipients(offsets=None, values=_found(members, column, kernel)))
            continue
        lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0), np.int64)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        if int(offsets[-1]) >= 1 << 31:
            return None
        values = _found(members, pc.list_flatten(column), kernel)
        recipients.append(Recipients(offsets=offsets.astype(np.int32), values=values))
    draft = None
    if contract.draft is not None:  # null: nobody says that it was sent
        draft = np.asarray(pc.fill_null(column_at(batch, contract.draft), True), np.uint8)
    return RowBlock(
        members=len(members),
        words=words,
        category=category,
        draft=draft,
        collected_us=None if collected is None else instants_at(batch, collected),
        author=_found(members, column_at(batch, contract.author), kernel),
        recipients=tuple(recipients),
    )


def to_rows(plan: GatePlan, block: RowBlock) -> ResolvedRows:
    """Return the rows of a block as an engine of `plan` decides them.

    The plan may be of fewer members than the block was resolved among, and of more only if the
    block has nobody unknown.
    """
    category = _categories(plan, block)
    several = np.array([c.several for c in plan.categories] + [False, False], np.bool_)
    has_recipients = several[category]
    flat, row = _recipients(block, has_recipients)
    counts = np.bincount(row, minlength=len(block))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts + 1)])
    party = np.empty(int(offsets[-1]), np.int64)
    is_author = np.zeros(len(party), np.bool_)
    is_author[offsets[:-1]] = True
    party[is_author] = block.author
    party[~is_author] = flat
    if block.members > len(plan.members):
        party[party >= len(plan.members)] = UNKNOWN
    draft = np.array([c.draft for c in plan.categories] + [False, False], np.bool_)[category]
    if block.draft is not None:
        draft |= block.draft.astype(np.bool_)
    collected = block.collected_us
    return ResolvedRows(
        category=category,
        draft=draft,
        collected_us=np.full(len(block), UNKNOWN_INSTANT, np.int64)
        if collected is None
        else np.asarray(collected),
        offsets=offsets,
        party=party,
        lonely=has_recipients & (counts == 0),
    )


def join_blocks(parts: Sequence[RowBlock]) -> RowBlock:
    """Put at least one block's rows one behind the other."""
    first = parts[0]
    words = first.words
    if any(part.words != words for part in parts):
        words = tuple(sorted({word for part in parts for word in part.words}))
    return RowBlock(
        members=max(part.members for part in parts),
        words=words,
        category=None
        if first.category is None
        else np.concatenate([_recoded(part, words) for part in parts]),
        draft=_joined([part.draft for part in parts]),
        collected_us=_joined([part.collected_us for part in parts]),
        author=np.concatenate([part.author for part in parts]),
        recipients=tuple(
            _join_column([part.recipients[place] for part in parts])
            for place in range(len(first.recipients))
        ),
    )


def _joined(planes: Sequence[npt.NDArray[Any] | None]) -> npt.NDArray[Any] | None:
    there = [plane for plane in planes if plane is not None]
    return np.concatenate(there) if there else None


def _recoded(part: RowBlock, words: tuple[str, ...]) -> npt.NDArray[np.int16]:
    category = np.zeros(0, np.int16) if part.category is None else part.category
    if part.words == words:
        return category
    table = np.array([*(words.index(word) for word in part.words), _NO_WORD], np.int16)
    return table[category]


def _join_column(parts: Sequence[Recipients]) -> Recipients:
    values = np.concatenate([part.values for part in parts])
    lengths = [np.diff(part.offsets) for part in parts if part.offsets is not None]
    if not lengths:
        return Recipients(offsets=None, values=values)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(lengths))])
    return Recipients(offsets=offsets.astype(np.int32), values=values)


def _categories(plan: GatePlan, block: RowBlock) -> Longs:
    contract = plan.contract
    codes = {c.use.category: i for i, c in enumerate(plan.categories)}
    codes.update(dict.fromkeys(plan.other_categories, CATEGORY_OTHER))
    if block.category is None:
        code = codes.get(contract.category_constant or "", CATEGORY_UNKNOWN)
        return np.full(len(block), code, np.int64)
    names = [w if contract.kinds is None else contract.kinds.get(w, "") for w in block.words]
    table = np.array([codes.get(n, CATEGORY_UNKNOWN) for n in names] + [CATEGORY_UNKNOWN], np.int64)
    return np.take(table, block.category)


def _recipients(block: RowBlock, wanted: npt.NDArray[np.bool_]) -> tuple[Longs, Longs]:
    """Return recipients of the wanted rows in order of (row, column, place), and their rows."""
    members: list[Longs] = []
    rows: list[Longs] = []
    for column in block.recipients:
        if column.offsets is None:
            row = np.flatnonzero(column.values != MISSING)
            found = column.values[row]
        else:
            row = np.repeat(np.arange(len(block)), np.diff(column.offsets))
            found = column.values
        mine = wanted[row]
        members.append(found[mine].astype(np.int64))
        rows.append(row[mine])
    if not members:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    flat, row = np.concatenate(members), np.concatenate(rows)
    if len(members) > 1:
        order = np.argsort(row, kind="stable")
        flat, row = flat[order], row[order]
    return flat, row


def _take(column: Recipients, rows: Longs) -> Recipients:
    if column.offsets is None:
        return Recipients(offsets=None, values=column.values[rows])
    starts = column.offsets[rows].astype(np.int64)
    lengths = column.offsets[rows + 1] - starts
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    at = np.arange(int(offsets[-1])) + np.repeat(starts - offsets[:-1], lengths)
    return Recipients(offsets=offsets.astype(np.int32), values=column.values[at])


def _found(members: MemberIndex, column: pa.Array, kernel: IdKernel | None) -> Ints:
    return members.resolve(column, kernel).astype(np.int32)
