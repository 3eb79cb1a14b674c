"""A plan's passes as SQL that DuckDB and Spark both read: joins, unions, group-bys, whole numbers.

Relations, ids and whole numbers alone; instants in microseconds, absent ends at the far past or
future, an undated message at the far past:

    messages       record, author, recipients (one id or a list), sent, kind (its class), place
                   (its row, from 0)
    events         member, told, ord (of two at one instant the greater counts), said (1 grant,
                   2 refusal, 0 taken back), off (1 or 0; null: no switch), expires, covers, scope
    subscriptions  member, start, stop
    regions        member, ord, start, stop, sets (bits: in which of the plan's sets)
    listed         record, bits_B (bit N: delivery N of block B lists it)
    profile, hits  what the passes make; codes_B: what `verdicts` makes of those of block B

Every literal is a whole number; no name and no text of the import stands in a statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from byleave.exposure.block import SAID_BITS, Block
from byleave.exposure.parties import UNDATED_US
from byleave.exposure.plan import (
    EXPIRED_US,
    REFUSED_US,
    SILENT_US,
    CasePlan,
    asks_when,
)
from byleave.exposure.practice import Honoured
from byleave.ids import to_us

__all__ = [
    "DUCKDB",
    "SPARK",
    "Dialect",
    "Shape",
    "hits_sql",
    "profile_sql",
    "rows_asked",
    "side_columns",
]

_GRANT: Final = 1
_REFUSAL: Final = 2


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the two dialects write differently.

    Attributes:
        order: An expression that orders events by `told`, then `ord`.
        parties: One row for each distinct party of a message whose recipients are a list.
        text: The type of texts.
        rows: The numbers `ord`, from 0, of a group as text: from 1, ascending, a space between.
    """

    order: str
    parties: str
    text: str
    rows: str


DUCKDB: Final = Dialect(
    order="CAST(told AS HUGEINT) * 9223372036854775808 + ord",
    parties="unnest(list_distinct(list_concat([author], recipients)))",
    text="VARCHAR",
    rows="string_agg(CAST(ord + 1 AS VARCHAR), ' ' ORDER BY ord)",
)
SPARK: Final = Dialect(
    order="struct(told, ord)",
    parties="explode(array_distinct(concat(array(author), "
    "coalesce(recipients, slice(array(author), 1, 0)))))",
    text="STRING",
    rows="array_join(transform(array_sort(collect_list(ord)), x -> CAST(x + 1 AS STRING)), ' ')",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """Which relations there are, and whether recipients are lists."""

    lists: bool
    events: bool
    subscriptions: bool
    regions: bool
    listed: bool


def profile_sql(plan: CasePlan, shape: Shape, dialect: Dialect) -> str:
    """Return the pass over members: `member`, `f_N`, `g_N`; those who differ from silence alone.

    Cost: one group-by over the choices and switches, one over those members, the subscriptions
    that ran and the regions.
    """
    answers = [f"g_{n}" for n in range(len(plan.questions))]
    parts = []
    if shape.events:
        parts.append(_events(plan, dialect))
    if shape.subscriptions and any(block.windows for block in plan.blocks):
        bits = "".join(f", CAST({_ran(block)} AS BIGINT) AS f_{block.number}"
                       for block in plan.blocks)  # fmt: skip
        parts.append(f"SELECT member{bits}{_nulls(answers)} "  # noqa: S608
                     "FROM subscriptions WHERE member IS NOT NULL")  # fmt: skip
    if shape.regions and plan.regions and plan.deliveries:
        parts.append(_regions(plan, answers))
    if not parts:
        none = "".join(f", CAST(0 AS BIGINT) AS f_{block.number}" for block in plan.blocks)
        return f"SELECT author AS member{none}{_nulls(answers)} FROM messages WHERE 1 = 0"  # noqa: S608
    merged = "".join(f", bit_or(f_{block.number}) AS f_{block.number}" for block in plan.blocks)
    merged += "".join(f", max({g}) AS {g}" for g in answers)
    kept = [f"f_{block.number} <> 0" for block in plan.blocks]
    kept += [f"{g} IS NOT NULL" for g in answers]
    if all(c.subscribed is not None for c in plan.cohorts):
        # Nobody without a subscription is asked about; their switch may still keep messages out.
        kept = [f"(f_{block.number} & {_needed(block)}) <> 0" for block in plan.blocks]
        if plan.pack.asks_any_party:  # nor is their grant lost on the other parties
            kept += [f"{g} < {SILENT_US}" for g in answers]
    return (
        f"SELECT * FROM (SELECT member{merged} FROM ("  # noqa: S608
        + " UNION ALL ".join(parts)
        + f") AS part GROUP BY member) AS whole WHERE {' OR '.join(kept)}"
    )


def _ran(block: Block) -> str:
    """Return the bits of the windows of a block in which a subscription ran."""
    bits = [
        f"CASE WHEN start < {stop} AND stop > {start} THEN {block.window_bit(n)} ELSE 0 END"
        for n, (start, stop) in enumerate(block.windows)
    ]
    return " + ".join(bits) or "0"


def _needed(block: Block) -> int:
    """Return the bits without which nobody is asked about and no message kept out."""
    asked = sum(block.window_bit(n) for n in range(len(block.windows)))
    return asked + sum(block.off_bit(n) for n in range(len(block.deliveries)))


def _events(plan: CasePlan, dialect: Dialect) -> str:
    """Return who said what by each instant asked about, and who had touched the switch."""
    columns = []
    for number, question in enumerate(plan.questions):
        value = (
            f"CASE WHEN said = {_GRANT} THEN CASE WHEN expires <= {question.at_us} THEN "
            f"{EXPIRED_US} ELSE covers END WHEN said = {_REFUSAL} THEN {REFUSED_US} "
            f"ELSE {SILENT_US} END"
        )
        scopes = ", ".join(str(n) for n in question.scopes)
        columns.append(
            f"max_by({value}, {dialect.order}) FILTER (WHERE told <= {question.at_us} AND "
            f"scope IN ({scopes})) AS g_{number}"
        )
    bits = ""
    for block in plan.blocks:
        offs = []
        for number, done in enumerate(block.deliveries):
            if not block.minds_switches(number):
                continue
            default = 1 if block.off_by_default(number) else 0
            at, name = to_us(done.at), f"off_{block.first + number}"
            columns.append(
                f"max_by(off, {dialect.order}) FILTER (WHERE told <= {at} AND off IS NOT NULL) "
                f"AS {name}"
            )
            offs.append(f"CASE WHEN {name} = {1 - default} THEN {block.off_bit(number)} ELSE 0 END")
        bits += f", CAST({' + '.join(offs) or '0'} AS BIGINT) AS f_{block.number}"
    answers = "".join(f", g_{n}" for n in range(len(plan.questions)))
    latest = max((q.at_us for q in plan.questions), default=0)
    return (
        f"SELECT member{bits}{answers} FROM ("  # noqa: S608
        f"SELECT member, {', '.join(columns) or '0 AS nothing'} FROM events "
        f"WHERE member IS NOT NULL AND told <= {latest} GROUP BY member) AS answered"
    )


def _regions(plan: CasePlan, answers: list[str]) -> str:
    """Return in which sets of regions each member was; of two rows that ran the later counts."""
    columns, bits = [], ""
    for block in plan.blocks:
        sets = []
        for number, done in enumerate(block.deliveries):
            at, name = to_us(done.at), f"at_{block.first + number}"
            columns.append(
                f"max_by(sets, ord) FILTER (WHERE start <= {at} AND stop > {at}) AS {name}"
            )
            sets.append(f"coalesce({name}, 0) * {block.region_bit(number, 0)}")
        bits += f", CAST({' + '.join(sets)} AS BIGINT) AS f_{block.number}"
    return (
        f"SELECT member{bits}{_nulls(answers)} FROM ("  # noqa: S608
        f"SELECT member, {', '.join(columns)} FROM regions WHERE member IS NOT NULL "
        "GROUP BY member) AS lived"
    )


def hits_sql(plan: CasePlan, shape: Shape, dialect: Dialect, *, told: bool = False) -> str:
    """Return the pass over messages: what decided about each party whom a cohort may ask about.

    With one recipient a row: `record`, `place`, `author`, `recipients`, the author's code `a_N`,
    the recipient's `r_N`. With lists: `record`, `place`, `member`, `p_N`, a row for each party.

    Args:
        plan: The plan.
        shape: Which relations there are.
        dialect: Whose SQL.
        told: `messages` holds what both parties had said already (`side_columns`); one recipient
            a row.

    Cost: two joins with the profiles (told: none; with lists: two, and a sort where every party's
    switch counts, or a reading asks whether any party had granted), no group-by.
    """
    return _of_lists(plan, shape, dialect) if shape.lists else _of_one(plan, shape, told=told)


def side_columns(plan: CasePlan, side: str) -> list[str]:
    """Return what a party's profile is called beside a message; `side` is `a` or `r`."""
    facts = [f"{side}f_{block.number}" for block in plan.blocks]
    return facts + [f"{side}g_{n}" for n in range(len(plan.questions))]


def _of_one(plan: CasePlan, shape: Shape, *, told: bool) -> str:
    sides = {"a": "m.author", "r": "m.recipients"}
    said = ""
    for side in sides:
        silence = [0] * len(plan.blocks) + [SILENT_US] * len(plan.questions)
        for name, nothing in zip(side_columns(plan, side), silence, strict=True):
            found = f"coalesce({side}.{name[1:]}, {nothing})"
            said += f", m.{name}" if told else f", {found} AS {name}"
    joins = "".join(
        f" LEFT JOIN profile {side} ON {party} = {side}.member" for side, party in sides.items()
    )
    joined = (
        "SELECT m.record, m.place, m.author, CASE WHEN m.recipients = m.author THEN NULL "  # noqa: S608
        f"ELSE m.recipients END AS recipients, m.sent, m.kind{_listed(plan, shape, 'm.')}{said} "
        f"FROM {_rows(plan, shape)}{'' if told else joins}"
    )
    used = ", ".join(
        f"{_went_in(block, n, _off_of_one(block, n))} AS u_{block.first + n}"
        for block, n in _deliveries(plan)
    )
    used += "".join(
        f", (author IS NOT NULL AND sent >= {_answer(block, n, 'a')}) OR (recipients IS NOT NULL "
        f"AND sent >= {_answer(block, n, 'r')}) AS k_{block.first + n}"
        for block, n in _deliveries(plan)
        if block.minds_grants(n)
    )
    digits = [
        *_digits(plan, "a", "author IS NOT NULL"),
        *_digits(plan, "r", "recipients IS NOT NULL"),
    ]
    codes = [c for block in plan.blocks for c in (*_code(block, "a", "0"), *_code(block, "r", "1"))]
    judged = _layer(_layer(joined, used), ", ".join(digits))
    return (
        f"SELECT * FROM (SELECT record, place, author, recipients, {', '.join(codes)} FROM "  # noqa: S608
        f"({judged}) AS told) AS coded WHERE {_some(plan, 'a')} OR {_some(plan, 'r')}"
    )


def _of_lists(plan: CasePlan, shape: Shape, dialect: Dialect) -> str:
    parties = (
        f"SELECT record, place, author, sent, kind{_listed(plan, shape)}, {dialect.parties} "  # noqa: S608
        f"AS member FROM (SELECT m.record, m.place, m.author, m.recipients, m.sent, m.kind"
        f"{_listed(plan, shape, 'm.')} FROM {_rows(plan, shape)}) AS bare"
    )
    said = "".join(
        f", coalesce(p.g_{n}, {SILENT_US}) AS pg_{n}" for n in range(len(plan.questions))
    )
    facts = "".join(
        f", coalesce({side}.f_{block.number}, 0) AS {side}f_{block.number}"
        for side in ("a", "p")
        for block in plan.blocks
    )
    joined = (
        "SELECT m.record, m.place, m.author, m.sent, m.kind"  # noqa: S608
        f"{_listed(plan, shape, 'm.')}, m.member{facts}{said}, "
        "CASE WHEN m.member = m.author THEN 0 ELSE 1 END AS role "
        f"FROM ({parties}) AS m LEFT JOIN profile a ON m.author = a.member "
        "LEFT JOIN profile p ON m.member = p.member WHERE m.member IS NOT NULL"
    )
    every = ""
    for block in plan.blocks:
        if any(_every_party(block, n) for n in range(len(block.deliveries))):
            switches = sum(block.off_bit(n) for n in range(len(block.deliveries)))
            for joint in ("or", "and"):
                every += (
                    f", bit_{joint}(pf_{block.number} & {switches}) OVER (PARTITION BY record) "
                    f"AS {joint}f_{block.number}"
                )
    every += _agreed_of_list(plan)
    if every:
        joined = f"SELECT *{every} FROM ({joined}) AS every"  # noqa: S608
    used = ", ".join(
        f"{_went_in(block, n, _off_of_list(block, n))} AS u_{block.first + n}"
        for block, n in _deliveries(plan)
    )
    used += "".join(
        f", (kf_{block.number} & {1 << n}) <> 0 AS k_{block.first + n}"
        for block, n in _deliveries(plan)
        if block.minds_grants(n)
    )
    codes = ", ".join(code for block in plan.blocks for code in _code(block, "p", "role"))
    told = _layer(_layer(joined, used), ", ".join(_digits(plan, "p", "member IS NOT NULL")))
    return (
        f"SELECT * FROM (SELECT record, place, member, {codes} "  # noqa: S608
        f"FROM ({told}) AS told) AS coded WHERE {_some(plan, 'p')}"
    )


def _deliveries(plan: CasePlan) -> list[tuple[Block, int]]:
    """Return each delivery of a plan as its block and its number there."""
    return [(block, n) for block in plan.blocks for n in range(len(block.deliveries))]


def _some(plan: CasePlan, side: str, hits: str = "") -> str:
    """Return whether some block tells of a party, as a condition."""
    return "(" + " OR ".join(f"{hits}{side}_{block.word} <> 0" for block in plan.blocks) + ")"


def _layer(query: str, columns: str) -> str:
    """Return `query` with columns more, made of those it has."""
    return f"SELECT *{', ' + columns if columns else ''} FROM ({query}) AS below"  # noqa: S608


def _rows(plan: CasePlan, shape: Shape) -> str:
    """Return the messages that may have been in some delivery that is asked about."""
    latest, kinds = rows_asked(plan)
    where = [f"sent < {latest}" + (" OR listed.record IS NOT NULL" if shape.listed else "")]
    if kinds is not None:
        where.append(f"kind IN ({', '.join(map(str, kinds)) or '-1'})")
    source = "messages"
    columns = "messages.*"
    if shape.listed:
        source = "messages LEFT JOIN listed ON messages.record = listed.record"
        columns += "".join(
            f", coalesce(listed.bits_{b.number}, 0) AS listed_{b.number}" for b in plan.blocks
        )
    filters = " AND ".join(f"({w})" for w in where)
    return f"(SELECT {columns} FROM {source} WHERE {filters}) AS m"  # noqa: S608


def rows_asked(plan: CasePlan) -> tuple[int, list[int] | None]:
    """Return before when (microseconds) messages count that no delivery lists, and their classes.

    None: of every class.
    """
    latest = max((to_us(d.at) for d in plan.deliveries), default=UNDATED_US)
    kinds = sorted({k for block, n in _deliveries(plan) for k in _kinds_asked(block, n)})
    return latest, kinds if len(kinds) < len(plan.classes) else None


def _kinds_asked(block: Block, delivery: int) -> tuple[int, ...]:
    """Return the classes of kinds of which a delivery held some, and some cohort asks."""
    done = block.deliveries[delivery]
    asked: set[int] = set()
    for cohort in block.cohorts:
        if cohort.asks_about(done):
            every = tuple(range(len(block.classes)))
            asked |= set(block.of_kinds(cohort.kinds) if cohort.kinds else every)
    return tuple(sorted(asked & set(block.went_in(delivery))))


def _went_in(block: Block, delivery: int, off: str) -> str:
    """Return whether a message may have been in a delivery, as a condition over joined rows."""
    done = block.deliveries[delivery]
    if done.records is not None:
        return f"(listed_{block.number} & {1 << delivery}) <> 0"
    terms = [f"sent < {to_us(done.at)}"]
    kinds = _kinds_asked(block, delivery)
    if len(kinds) < len(block.classes):
        terms.append(f"kind IN ({', '.join(map(str, kinds)) or '-1'})")
    if off:
        terms.append(f"NOT ({off})")
    return "(" + " AND ".join(terms) + ")"


def _every_party(block: Block, delivery: int) -> bool:
    done = block.deliveries[delivery]
    return block.minds_switches(delivery) and done.honoured in {Honoured.ANY, Honoured.ALL}


def _off_of_one(block: Block, delivery: int) -> str:
    """Return whether a switch that counts was off; a party without an id has none."""
    if not block.minds_switches(delivery):
        return ""
    author = f"(author IS NOT NULL AND {_is_off(block, delivery, 'af')})"
    recipient = f"(recipients IS NOT NULL AND {_is_off(block, delivery, 'rf')})"
    match block.deliveries[delivery].honoured:
        case Honoured.ANY:
            return f"{author} OR {recipient}"
        case Honoured.ALL:
            return (
                f"({author} OR author IS NULL) AND ({recipient} OR recipients IS NULL) "
                "AND (author IS NOT NULL OR recipients IS NOT NULL)"
            )
        case _:
            return author


def _off_of_list(block: Block, delivery: int) -> str:
    if not block.minds_switches(delivery):
        return ""
    off_when_set = not block.off_by_default(delivery)
    match block.deliveries[delivery].honoured:
        case Honoured.ANY:
            return _is_off(block, delivery, "orf" if off_when_set else "andf")
        case Honoured.ALL:
            return _is_off(block, delivery, "andf" if off_when_set else "orf")
        case _:
            return f"author IS NOT NULL AND {_is_off(block, delivery, 'af')}"


def _agreed_of_list(plan: CasePlan) -> str:
    """Return for each block bits of its deliveries that some party of the message had granted."""
    found = ""
    for block in plan.blocks:
        bits = [
            f"CASE WHEN sent >= {_answer(block, n, 'p')} THEN {1 << n} ELSE 0 END"
            for n in range(len(block.deliveries))
            if block.minds_grants(n)
        ]
        if bits:
            found += (
                f", bit_or(CAST({' + '.join(bits)} AS BIGINT)) OVER (PARTITION BY record) "
                f"AS kf_{block.number}"
            )
    return found


def _is_off(block: Block, delivery: int, flags: str) -> str:
    """Return whether the switch was off; the bit says that it stood against its default."""
    sign = "=" if block.off_by_default(delivery) else "<>"
    return f"({flags}_{block.number} & {block.off_bit(delivery)}) {sign} 0"


def _digits(plan: CasePlan, side: str, known: str) -> list[str]:
    """Return for each delivery what a party had said: 0 not concerned, or covered by a grant.

    With it, where a reading asks: whether another party's grant covered the message (`k_N`).
    """
    found = []
    for block, number in _deliveries(plan):
        answer = _answer(block, number, side)
        other = ""
        if block.minds_grants(number):
            bit = 1 << SAID_BITS
            other = f" + CASE WHEN k_{block.first + number} THEN {bit} ELSE 0 END"
        found.append(
            f"CASE WHEN {known} AND {_concerned(block, number, side)} AND sent < {answer} THEN "
            f"CASE {answer} WHEN {SILENT_US} THEN 1 WHEN {REFUSED_US} THEN 2 "
            f"WHEN {EXPIRED_US} THEN 3 ELSE 4 END{other} ELSE 0 END AS {side}d_{block.first + number}"
        )
    return found


def _code(block: Block, side: str, recipient: str) -> list[str]:
    """Return the words of one party's code; all 0 where no delivery of the block concerns them."""
    words: list[list[str]] = [[] for _ in range(block.words)]
    kept = block.off_bit(0) - 2
    words[0].append("1")
    if kept:
        words[0].append(f"({side}f_{block.number} & {kept})")
    words[0].append(f"CAST({recipient} AS BIGINT) * {1 << block.role_shift}")
    words[0].append(f"CASE WHEN sent = {UNDATED_US} THEN 0 ELSE {1 << block.dated_shift} END")
    words[0].append(f"CAST(kind AS BIGINT) * {1 << block.kind_field.shift}")
    for number, cohort in enumerate(block.cohorts):
        if asks_when(cohort):
            inside = f"sent >= {cohort.sent.start_us} AND sent < {cohort.sent.end_us}"
            bit = 1 << block.sent_shift(number)
            words[0].append(f"CASE WHEN {inside} THEN {bit} ELSE 0 END")
    digits = [f"{side}d_{block.first + n}" for n in range(len(block.deliveries))]
    for digit, field in zip(digits, block.digits, strict=True):
        words[field.word].append(f"CAST({digit} AS BIGINT) * {1 << field.shift}")
    hit = f"{' + '.join(digits)} > 0" if digits else "1 = 0"
    return [
        f"CASE WHEN {hit} THEN CAST({' + '.join(word)} AS BIGINT) ELSE 0 END "
        f"AS {side}_{block.word + n}"
        for n, word in enumerate(words)
    ]


def _answer(block: Block, delivery: int, side: str) -> str:
    """Return the column that says what the party had said about a delivery's use of the kind."""
    asked = block.asked[delivery]
    if len(set(asked)) == 1:
        return f"{side}g_{asked[0]}"
    cases = " ".join(f"WHEN {kind} THEN {side}g_{question}" for kind, question in enumerate(asked))
    return f"CASE kind {cases} END"


def _concerned(block: Block, delivery: int, side: str) -> str:
    """Return whether the delivery held the message and some cohort may ask about the party."""
    done = block.deliveries[delivery]
    asking = [n for n, c in enumerate(block.cohorts) if c.asks_about(done)]
    windows = {block.window_of[n][delivery] for n in asking}
    if None in windows:
        return f"u_{block.first + delivery}"
    bits = sum(block.window_bit(w) for w in windows if w is not None)
    return f"(u_{block.first + delivery} AND ({side}f_{block.number} & {bits}) <> 0)"


def _listed(plan: CasePlan, shape: Shape, of: str = "") -> str:
    if not shape.listed:
        return ""
    return "".join(f", {of}listed_{block.number}" for block in plan.blocks)


def _nulls(answers: list[str]) -> str:
    return "".join(f", CAST(NULL AS BIGINT) AS {g}" for g in answers)
