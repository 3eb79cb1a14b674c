"""The gate as an expression of Spark's own: no Python beside the JVM, all of it in generated code.

Where every row has an author and at most one recipient, members' ids follow one another and no date
matters, a row's answer is two reads from a packed plane and one from a small table. The planes are
one row of arrays, broadcast once and joined to every row; Spark compiles the arithmetic into the
loop that reads the file. Anything else goes the way of `engines.spark`, by an Arrow function.

The reasons are those of the oracle, in its order (docs/spec/gate.md §3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pat

from byleave.consent.reason import Reason
from byleave.engines.reasons import PairTable, exact_pairs
from byleave.gate.category import CategoryPlan
from byleave.gate.contract import Contract
from byleave.gate.members import Dense
from byleave.gate.plan import GatePlan

if TYPE_CHECKING:
    from pyspark.sql import Column

__all__ = ["PARTY_SHIFT", "Native", "native_of", "packed"]

PARTY_SHIFT: Final = 8
_WORD: Final = 64
_PLANE: Final = "__byleave_plane_"
_AUTHOR, _OTHER = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    """Categories that share planes and parties.

    Attributes:
        words: What the category column says for them; (): it names one category for all rows.
        category: One of them.
        table: Answers by profile of author and recipient; None: they are drafts nobody asked for,
            or have recipients of whom the contract tells nothing.
    """

    words: tuple[str, ...]
    category: CategoryPlan
    table: PairTable | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Native:
    """The answer to each row as a Spark expression.

    Attributes:
        plan: The rules compiled.
        functions: `pyspark.sql.functions`.
        dense: How members' ids follow one another.
        text: Whether a column of ids holds texts.
        groups: The categories asked for, those alike together.
        others: Words of categories not asked for; of a constant one whether it is such.
        planes: One row: the packed profiles of each group.
    """

    plan: GatePlan
    functions: Any
    dense: Dense
    text: Mapping[str, bool]
    groups: tuple[_Group, ...]
    others: tuple[str, ...] | bool
    planes: pa.Table

    def answer(self) -> Column:
        """Return reason in the low byte, party and one above it, of a row joined to `planes`."""
        f, contract = self.functions, self.plan.contract
        drafted = None
        if contract.draft is not None and not self.plan.drafts_asked:
            drafted = f.coalesce(f.col(_quoted(contract.draft)), f.lit(True))
        if contract.category is None:
            if not self.groups:
                return f.lit(self._word_alone())
            answer = self._group(self.groups[0], 0)
            return answer if drafted is None else f.when(drafted, _draft(f)).otherwise(answer)
        word = f.col(_quoted(contract.category))
        named = [w for group in self.groups for w in group.words]
        known = f.when(f.lit(False), f.lit(0))
        if isinstance(self.others, tuple) and self.others:
            known = known.when(word.isin(*self.others), f.lit(int(Reason.OTHER_CATEGORY)))
        if drafted is not None and named:
            known = known.when(word.isin(*named) & drafted, _draft(f))
        for number, group in enumerate(self.groups):
            if group.words:
                known = known.when(word.isin(*group.words), self._group(group, number))
        return known.otherwise(f.lit(int(Reason.CATEGORY_UNKNOWN)))

    def _word_alone(self) -> int:
        return int(Reason.OTHER_CATEGORY if self.others else Reason.CATEGORY_UNKNOWN)

    def _group(self, group: _Group, number: int) -> Column:
        """Return the answer to a row of one group."""
        f, contract = self.functions, self.plan.contract
        category = group.category
        if category.draft and not self.plan.drafts_asked:
            return _draft(f)
        parties = [contract.author, *contract.recipients][: 2 if category.several else 1]
        answer = f.when(
            f.col(_quoted(parties[0])).isNull(), _said(f, Reason.PARTY_MISSING, _AUTHOR)
        )
        if category.several:
            gone = f.lit(True) if len(parties) == 1 else f.col(_quoted(parties[1])).isNull()
            answer = answer.when(gone, _said(f, Reason.PARTY_MISSING, _OTHER))
        if group.table is None:  # nobody is named to whom it went
            return answer
        ordinals = [self._ordinal(name) for name in parties]
        for place, (_, known) in enumerate(ordinals):
            answer = answer.when(~known, _said(f, Reason.PARTY_UNKNOWN, place))
        width = _width(len(category.profiles))
        profiles = [self._profile(ordinal, number, width) for ordinal, _ in ordinals]
        at = profiles[0] * f.lit(group.table.width)
        if len(profiles) == 2:
            at = at + profiles[1]
        codes = (group.table.party + 1) << PARTY_SHIFT | group.table.reason.astype(np.int32)
        table = f.array(*[f.lit(code) for code in codes.tolist()])
        return answer.otherwise(f.get(table, at))

    def _ordinal(self, name: str) -> tuple[Column, Column]:
        """Return the ordinal of an id, and whether there is one; an exact comparison."""
        f, dense, column = self.functions, self.dense, self.functions.col(_quoted(name))
        if not self.text[name]:
            number = column.cast("bigint")
            return self._from_first(number)
        number = f.expr(f"try_cast({_sql(name, len(dense.prefix) + 1)} AS BIGINT)")
        spelt = f.concat(f.lit(dense.prefix), number.cast("string")) == column
        ordinal, inside = self._from_first(number)
        return ordinal, f.coalesce(spelt & inside, f.lit(False))

    def _from_first(self, number: Column) -> tuple[Column, Column]:
        first, count = self.dense.first, self.dense.count
        ordinal = number - self.functions.lit(first) if first else number
        return ordinal, (number >= first) & (number < first + count)

    def _profile(self, ordinal: Column, number: int, width: int) -> Column:
        """Return the number of a member's profile: some bits of one word of the plane."""
        f = self.functions
        each = _WORD // width
        word = f.get(f.col(f"{_PLANE}{number}"), f.shiftright(ordinal, _bits(each)).cast("int"))
        below = (ordinal.bitwiseAND(f.lit(each - 1)) * f.lit(width)).cast("int")
        moved = f.call_function("shiftright", word, below)
        return moved.bitwiseAND(f.lit((1 << width) - 1)).cast("int")


def native_of(plan: GatePlan, schema: pa.Schema, functions: Any) -> Native | None:  # noqa: ANN401
    """Return the gate as an expression over columns of these types; None: the way is not theirs.

    Args:
        plan: The rules compiled.
        schema: Types of the columns that the contract reads.
        functions: `pyspark.sql.functions`.
    """
    contract, dense = plan.contract, plan.members.dense
    names = [contract.author, *contract.recipients]
    read = [n for n in (*names, contract.category, contract.draft) if n is not None]
    if dense is None or len(names) > 2 or any(n not in schema.names for n in read):
        return None
    text = {name: pat.is_string(schema.field(name).type) for name in names}
    whole = all(
        text[n] or (pat.is_integer(schema.field(n).type) and not dense.prefix) for n in names
    )
    if not whole or not _plain(contract, schema):
        return None
    groups = _groups(plan)
    if groups is None:
        return None
    arrays = {
        f"{_PLANE}{number}": pa.ListArray.from_arrays(
            pa.array([0, len(words)], pa.int32()), pa.array(words)
        )
        for number, group in enumerate(groups)
        if group.table is not None
        for words in (packed(group.category),)
    }
    return Native(
        plan=plan,
        functions=functions,
        dense=dense,
        text=text,
        groups=groups,
        others=_others(plan),
        planes=pa.table(arrays or {_PLANE: [0]}),
    )


def packed(category: CategoryPlan) -> npt.NDArray[np.int64]:
    """Return the profiles of all members, 1, 2, 4 or 8 bits each, in words of 64; the first lowest."""
    width = _width(len(category.profiles))
    each = 8 // width
    profile = category.profile
    bytes_ = np.zeros(-(-len(profile) // _WORD) * _WORD * width // 8, np.uint8)
    for place in range(each):
        part = profile[place::each].astype(np.uint8)
        bytes_[: len(part)] |= part << np.uint8(place * width)
    return bytes_.view("<i8")


def _groups(plan: GatePlan) -> tuple[_Group, ...] | None:
    """Return the categories asked for, those alike together; None where a date or a number forbids."""
    contract = plan.contract
    words: dict[str, list[str]] = {}
    if contract.category is not None:
        pairs = (
            contract.kinds.items()
            if contract.kinds is not None
            else [(c.use.category, c.use.category) for c in plan.categories]
        )
        for word, name in pairs:
            words.setdefault(name, []).append(word)
    found: dict[tuple[int, bool, bool], _Group] = {}
    for category in plan.categories:
        name = category.use.category
        if contract.category is None and name != contract.category_constant:
            continue
        table = None
        silent = (category.draft and not plan.drafts_asked) or (
            category.several and not contract.recipients
        )
        if not silent:
            table = exact_pairs(category, plan.party_rule, alone=not category.several)
            if table is None:
                return None
        key = (id(category.profile), category.several, category.draft)
        before = found[key].words if key in found else ()
        found[key] = _Group(words=(*before, *words.get(name, ())), category=category, table=table)
    return tuple(found.values())


def _others(plan: GatePlan) -> tuple[str, ...] | bool:
    """Return the words of categories not asked for; of a constant one whether it is such."""
    contract = plan.contract
    if contract.category is None:
        return contract.category_constant in plan.other_categories
    if contract.kinds is None:
        return plan.other_categories
    return tuple(w for w, name in contract.kinds.items() if name in plan.other_categories)


def _plain(contract: Contract, schema: pa.Schema) -> bool:
    """Say whether the category is a text, the draft a boolean, and instants are no texts."""
    kinds = {name: schema.field(name).type for name in schema.names}
    collected = kinds.get(contract.collected_at or "")
    return (
        (contract.category is None or pat.is_string(kinds[contract.category]))
        and (contract.draft is None or pat.is_boolean(kinds[contract.draft]))
        and (collected is None or pat.is_timestamp(collected) or pat.is_date(collected))
    )


def _width(profiles: int) -> int:
    return next(width for width in (1, 2, 4, 8) if profiles <= 1 << width)


def _bits(each: int) -> int:
    return each.bit_length() - 1


def _draft(functions: Any) -> Column:  # noqa: ANN401
    found: Column = functions.lit(int(Reason.DRAFT_NEVER_SENT))
    return found


def _said(functions: Any, reason: Reason, party: int) -> Column:  # noqa: ANN401
    found: Column = functions.lit((party + 1) << PARTY_SHIFT | int(reason))
    return found


def _sql(name: str, start: int) -> str:
    return f"substring({_quoted(name)}, {start})"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
