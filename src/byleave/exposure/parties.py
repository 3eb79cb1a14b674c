"""The messages of a practice as plain arrays: one row per message, one per (message, party).

Ids become ordinals once (members in ascending order of their ids), instants microseconds. A
member who is both author and recipient of a message is one party to it: the author. A party
whose id is missing is nobody: it is counted nowhere, and its switch keeps nothing out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.exposure.practice import Practice, as_text, as_us
from byleave.ids import FAR_FUTURE_US

__all__ = ["AUTHOR", "NO_KIND", "RECIPIENT", "ROLES", "UNDATED_US", "Parties", "held_rows"]

Array = Any  # a NumPy array; its element type is named in `Parties`

AUTHOR: Final = 1
RECIPIENT: Final = 2
ROLES: Final = ("", "author", "recipient")
"""Names of the role codes."""
UNDATED_US: Final = -FAR_FUTURE_US
NO_KIND: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parties:
    """Arrays over messages (m) and over parties (p >= m where every author is known).

    Attributes:
        members: Ids, ascending (m distinct ids; large_string).
        records: Record ids, in the order of the messages.
        sent: int64[m], microseconds; `UNDATED_US` where unknown.
        kind: int32[m], index into `kinds`; `NO_KIND` where unknown.
        kinds: Names of the kinds that occur.
        row: int64[p], the message of each party, ascending.
        member: int64[p], the ordinal of each party.
        role: int8[p], `AUTHOR` or `RECIPIENT`.
        held: Name of a table of intervals (`subscriptions`, `regions`) → int64, the ordinal of the
            member of each of its rows; -1 for one in no message.
    """

    members: pa.Array
    records: pa.Array
    sent: Array
    kind: Array
    kinds: tuple[str, ...]
    row: Array
    member: Array
    role: Array
    held: dict[str, Array]

    @classmethod
    def of(cls, practice: Practice) -> Parties:
        """Resolve the messages of `practice`. Cost: one sort over all parties."""
        messages = practice.messages
        author = as_text(messages["author"])
        recipient_row, recipient = _recipients(messages["recipients"])
        members, ordinal = _encoded(pa.concat_arrays([author, recipient]))
        rows = np.concatenate([np.arange(len(author), dtype=np.int64), recipient_row])
        role = np.full(len(rows), RECIPIENT, dtype=np.int8)
        role[: len(author)] = AUTHOR
        known = ordinal >= 0
        rows, ordinal, role = rows[known], ordinal[known], role[known]
        # np.unique keeps the first of equals, and authors stand first: the author's role wins.
        _, first = np.unique(rows * max(len(members), 1) + ordinal, return_index=True)
        kind, kinds = _kinds(messages)
        return cls(
            members=members,
            records=as_text(messages["record"]),
            sent=as_us(messages["sent_at"], UNDATED_US)
            if "sent_at" in messages.column_names
            else np.full(len(author), UNDATED_US, dtype=np.int64),
            kind=kind,
            kinds=kinds,
            row=rows[first],
            member=ordinal[first],
            role=role[first],
            held=held_rows(practice, members),
        )

    def of_kinds(self, kinds: frozenset[str]) -> Array:
        """Return bool[m]: the kind of the message is known and among `kinds`."""
        return np.isin(self.kind, [n for n, kind in enumerate(self.kinds) if kind in kinds])

    def any_party(self, members: Array) -> Array:
        """Return bool[m]: some known party of the message is among `members` (bool mask)."""
        hit = np.zeros(len(self.sent), dtype=bool)
        hit[self.row[members[self.member]]] = True
        return hit

    def all_parties(self, members: Array) -> Array:
        """Return bool[m]: every known party is among `members`; False where none is known."""
        return self.any_party(members) & ~self.any_party(~members)

    def the_author(self, members: Array) -> Array:
        """Return bool[m]: the author is known and among `members` (bool mask)."""
        hit = np.zeros(len(self.sent), dtype=bool)
        authors = self.role == AUTHOR
        hit[self.row[authors]] = members[self.member[authors]]
        return hit


def held_rows(practice: Practice, members: pa.Array) -> dict[str, Array]:
    """Return for each table of intervals the ordinal of the member of each of its rows, or -1."""
    tables = {"subscriptions": practice.subscriptions, "regions": practice.regions}
    return {
        name: _index(as_text(table["member"]), members)
        for name, table in tables.items()
        if table is not None
    }


def _recipients(column: pa.ChunkedArray) -> tuple[Array, pa.Array]:
    """Return the message row and the id of every recipient, a scalar column or a list one."""
    array = column.combine_chunks()
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        parents = pc.list_parent_indices(array).to_numpy(zero_copy_only=False)
        return parents.astype(np.int64), as_text(pc.list_flatten(array))
    return np.arange(len(array), dtype=np.int64), as_text(array)


def _encoded(ids: pa.Array) -> tuple[pa.Array, Array]:
    """Return the distinct ids, ascending, and for each id its place among them; -1 for null.

    Cost: one hash of every id, one sort of the distinct ones.
    """
    encoded = ids.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    place = np.full(len(order) + 1, -1, dtype=np.int64)  # the last: null
    place[order] = np.arange(len(order))
    codes = pc.fill_null(encoded.indices, len(order)).to_numpy(zero_copy_only=False)
    return encoded.dictionary.take(pa.array(order)), place[codes]


def _index(ids: pa.Array, members: pa.Array) -> Array:
    found = pc.fill_null(pc.index_in(ids, members, skip_nulls=True), -1)
    return found.to_numpy(zero_copy_only=False).astype(np.int64)


def _kinds(messages: pa.Table) -> tuple[Array, tuple[str, ...]]:
    if "kind" not in messages.column_names:
        return np.full(messages.num_rows, NO_KIND, dtype=np.int32), ()
    texts = as_text(messages["kind"])
    names = pc.unique(texts.drop_null())
    found = pc.fill_null(pc.index_in(texts, names, skip_nulls=True), NO_KIND)
    return found.to_numpy(zero_copy_only=False), tuple(names.to_pylist())
