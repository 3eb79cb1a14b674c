"""A plan's passes as SQL that DuckDB and Spark both read: joins, unions, group-bys, whole numbers.

Relations, ids and whole numbers alone; instants in microseconds, absent ends at the far past or
future, an undated message at the far past:

    messages       record, author, recipients (one id or a list), sent, kind (its class)
    events         member, told, ord (of two at one instant the greater counts), said (1 grant,
                   2 refusal, 0 taken back), off (1 or 0; null: no switch), expires, covers, scope
    subscriptions  member, start, stop
    regions        member, ord, start, stop, sets (bits: in which of the plan's sets)
    listed         record, bits (bit N: delivery N lists it)
    profile, hits  what the passes make; codes: what `verdicts` makes of the codes that occur

Every literal is a whole number; no name and no text of the import stands in a statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

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

__all__ = ["DUCKDB", "SPARK", "Dialect", "Shape", "hits_sql", "pairs_sql", "profile_sql"]

_GRANT: Final = 1
_REFUSAL: Final = 2


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the two dialects write differently.

    Attributes:
        order: An expression that orders events by `told`, then `ord`.
        parties: One row for each distinct party of a message whose recipients are a list.
        text: The type of texts.
    """

    order: str
    parties: str
    text: str


DUCKDB: Final = Dialect(
    order="CAST(told AS HUGEINT) * 9223372036854775808 + ord",
    parties="unnest(list_distinct(list_concat([author], recipients)))",
    text="VARCHAR",
)
SPARK: Final = Dialect(
    order="struct(told, ord)",
    parties="explode(array_distinct(concat(array(author), "
    "coalesce(recipients, slice(array(author), 1, 0)))))",
    text="STRING",
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
    """Return the pass over members: `member`, `f`, `g_N`; those who differ from silence alone.

    Cost: one group-by over the choices and switches, one over those members, the subscriptions
    that ran and the regions.
    """
    answers = [f"g_{n}" for n in range(len(plan.questions))]
    parts = []
    if shape.events:
        parts.append(_events(plan, dialect))
    if shape.subscriptions and plan.windows:
        bits = " + ".join(
            f"CASE WHEN start < {stop} AND stop > {start} THEN {plan.window_bit(n)} ELSE 0 END"
            for n, (start, stop) in enumerate(plan.windows)
        )
        parts.append(f"SELECT member, CAST({bits} AS BIGINT) AS f{_nulls(answers)} "  # noqa: S608
                     "FROM subscriptions WHERE member IS NOT NULL")  # fmt: skip
    if shape.regions and plan.regions and plan.deliveries:
        parts.append(_regions(plan, answers))
    if not parts:
        return (
            f"SELECT author AS member, CAST(0 AS BIGINT) AS f{_nulls(answers)} "  # noqa: S608
            "FROM messages WHERE 1 = 0"
        )
    merged = "".join(f", max({g}) AS {g}" for g in answers)
    kept = ["f <> 0", *(f"{g} IS NOT NULL" for g in answers)]
    if all(c.subscribed is not None for c in plan.cohorts):
        # Nobody without a subscription is asked about; their switch may still keep messages out.
        asked = sum(plan.window_bit(n) for n in range(len(plan.windows)))
        asked += sum(plan.off_bit(n) for n in range(len(plan.deliveries)))
        kept = [f"(f & {asked}) <> 0"]
    return (
        f"SELECT * FROM (SELECT member, bit_or(f) AS f{merged} FROM ("  # noqa: S608
        + " UNION ALL ".join(parts)
        + f") AS part GROUP BY member) AS whole WHERE {' OR '.join(kept)}"
    )


def _events(plan: CasePlan, dialect: Dialect) -> str:
    """Return who said what by each instant asked about, and who had touched the switch."""
    columns = []
    offs = []
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
    for number, done in enumerate(plan.deliveries):
        if not plan.minds_switches(number):
            continue
        default = 1 if plan.off_by_default(number) else 0
        at = to_us(done.at)
        columns.append(
            f"max_by(off, {dialect.order}) FILTER (WHERE told <= {at} AND off IS NOT NULL) "
            f"AS off_{number}"
        )
        offs.append(
            f"CASE WHEN off_{number} = {1 - default} THEN {plan.off_bit(number)} ELSE 0 END"
        )
    bits = " + ".join(offs) or "0"
    answers = "".join(f", g_{n}" for n in range(len(plan.questions)))
    latest = max((q.at_us for q in plan.questions), default=0)
    return (
        f"SELECT member, CAST({bits} AS BIGINT) AS f{answers} FROM ("  # noqa: S608
        f"SELECT member, {', '.join(columns) or '0 AS nothing'} FROM events "
        f"WHERE member IS NOT NULL AND told <= {latest} GROUP BY member) AS answered"
    )


def _regions(plan: CasePlan, answers: list[str]) -> str:
    """Return in which sets of regions each member was; of two rows that ran the later counts."""
    columns, bits = [], []
    for number, done in enumerate(plan.deliveries):
        at = to_us(done.at)
        columns.append(
            f"max_by(sets, ord) FILTER (WHERE start <= {at} AND stop > {at}) AS at_{number}"
        )
        lowest = plan.region_bit(number, 0)
        bits.append(f"coalesce(at_{number}, 0) * {lowest}")
    return (
        f"SELECT member, CAST({' + '.join(bits)} AS BIGINT) AS f{_nulls(answers)} FROM ("  # noqa: S608
        f"SELECT member, {', '.join(columns)} FROM regions WHERE member IS NOT NULL "
        "GROUP BY member) AS lived"
    )


def hits_sql(plan: CasePlan, shape: Shape, dialect: Dialect) -> str:
    """Return the pass over messages: what decided about each party whom a cohort may ask about.

    With one recipient a row: `record`, `author`, `recipients`, the author's code `a_N`, the
    recipient's `r_N`. With lists: `record`, `member`, `p_N`, one row for each party.

    Cost: two joins with the profiles (with lists: two, and a sort where every party's switch
    counts), no group-by.
    """
    return _of_lists(plan, shape, dialect) if shape.lists else _of_one(plan, shape)


def _of_one(plan: CasePlan, shape: Shape) -> str:
    answers = range(len(plan.questions))
    sides = {"a": "m.author", "r": "m.recipients"}
    said = "".join(
        f", coalesce({side}.g_{n}, {SILENT_US}) AS {side}g_{n}" for side in sides for n in answers
    )
    joined = (
        "SELECT m.record, m.author, CASE WHEN m.recipients = m.author THEN NULL ELSE m.recipients "  # noqa: S608
        f"END AS recipients, m.sent, m.kind{_listed(shape)}, coalesce(a.f, 0) AS af, "
        f"coalesce(r.f, 0) AS rf{said} FROM {_rows(plan, shape)} "
        "LEFT JOIN profile a ON m.author = a.member LEFT JOIN profile r ON m.recipients = r.member"
    )
    used = ", ".join(
        f"{_went_in(plan, n, _off_of_one(plan, n))} AS u_{n}" for n in range(len(plan.deliveries))
    )
    digits = [
        *_digits(plan, "a", "author IS NOT NULL"),
        *_digits(plan, "r", "recipients IS NOT NULL"),
    ]
    codes = [*_code(plan, "a", "0"), *_code(plan, "r", "1")]
    told = _layer(_layer(joined, used), ", ".join(digits))
    return (
        f"SELECT * FROM (SELECT record, author, recipients, {', '.join(codes)} FROM ({told}) "  # noqa: S608
        "AS told) AS coded WHERE a_0 <> 0 OR r_0 <> 0"
    )


def _of_lists(plan: CasePlan, shape: Shape, dialect: Dialect) -> str:
    every = [n for n in range(len(plan.deliveries)) if _every_party(plan, n)]
    switches = sum(plan.off_bit(n) for n in range(len(plan.deliveries)))
    listed = ", listed" if shape.listed else ""
    parties = (
        f"SELECT record, author, sent, kind{listed}, {dialect.parties} AS member "  # noqa: S608
        f"FROM (SELECT m.record, m.author, m.recipients, m.sent, m.kind{_listed(shape)} "
        f"FROM {_rows(plan, shape)}) AS bare"
    )
    said = "".join(
        f", coalesce(p.g_{n}, {SILENT_US}) AS pg_{n}" for n in range(len(plan.questions))
    )
    joined = (
        f"SELECT m.record, m.author, m.sent, m.kind{listed and ', m.listed'}, m.member, "  # noqa: S608
        f"coalesce(a.f, 0) AS af, coalesce(p.f, 0) AS pf{said}, "
        "CASE WHEN m.member = m.author THEN 0 ELSE 1 END AS role "
        f"FROM ({parties}) AS m LEFT JOIN profile a ON m.author = a.member "
        "LEFT JOIN profile p ON m.member = p.member WHERE m.member IS NOT NULL"
    )
    if every:
        joined = (
            f"SELECT *, bit_or(pf & {switches}) OVER (PARTITION BY record) AS anyf, "  # noqa: S608
            f"bit_and(pf & {switches}) OVER (PARTITION BY record) AS allf FROM ({joined}) AS every"
        )
    used = ", ".join(
        f"{_went_in(plan, n, _off_of_list(plan, n))} AS u_{n}" for n in range(len(plan.deliveries))
    )
    told = _layer(_layer(joined, used), ", ".join(_digits(plan, "p", "member IS NOT NULL")))
    return (
        f"SELECT * FROM (SELECT record, member, {', '.join(_code(plan, 'p', 'role'))} "  # noqa: S608
        f"FROM ({told}) AS told) AS coded WHERE p_0 <> 0"
    )


def _layer(query: str, columns: str) -> str:
    """Return `query` with columns more, made of those it has."""
    return f"SELECT *{', ' + columns if columns else ''} FROM ({query}) AS below"  # noqa: S608


def _rows(plan: CasePlan, shape: Shape) -> str:
    """Return the messages that may have been in some delivery that is asked about."""
    latest = max((to_us(d.at) for d in plan.deliveries), default=UNDATED_US)
    kinds = sorted({k for n in range(len(plan.deliveries)) for k in _kinds_asked(plan, n)})
    where = [f"sent < {latest}" + (" OR listed.bits IS NOT NULL" if shape.listed else "")]
    if len(kinds) < len(plan.classes):
        where.append(f"kind IN ({', '.join(map(str, kinds)) or '-1'})")
    source = "messages"
    columns = "messages.*"
    if shape.listed:
        source = "messages LEFT JOIN listed ON messages.record = listed.record"
        columns += ", coalesce(listed.bits, 0) AS listed"
    filters = " AND ".join(f"({w})" for w in where)
    return f"(SELECT {columns} FROM {source} WHERE {filters}) AS m"  # noqa: S608


def _kinds_asked(plan: CasePlan, delivery: int) -> tuple[int, ...]:
    """Return the classes of kinds of which a delivery held some, and some cohort asks."""
    done = plan.deliveries[delivery]
    asked: set[int] = set()
    for cohort in plan.cohorts:
        if cohort.asks_about(done):
            every = tuple(range(len(plan.classes)))
            asked |= set(plan.of_kinds(cohort.kinds) if cohort.kinds else every)
    return tuple(sorted(asked & set(plan.went_in(delivery))))


def _went_in(plan: CasePlan, delivery: int, off: str) -> str:
    """Return whether a message may have been in a delivery, as a condition over joined rows."""
    done = plan.deliveries[delivery]
    if done.records is not None:
        return f"(listed & {1 << delivery}) <> 0"
    terms = [f"sent < {to_us(done.at)}"]
    kinds = _kinds_asked(plan, delivery)
    if len(kinds) < len(plan.classes):
        terms.append(f"kind IN ({', '.join(map(str, kinds)) or '-1'})")
    if off:
        terms.append(f"NOT ({off})")
    return "(" + " AND ".join(terms) + ")"


def _every_party(plan: CasePlan, delivery: int) -> bool:
    done = plan.deliveries[delivery]
    return plan.minds_switches(delivery) and done.honoured in {Honoured.ANY, Honoured.ALL}


def _off_of_one(plan: CasePlan, delivery: int) -> str:
    """Return whether a switch that counts was off; a party without an id has none."""
    if not plan.minds_switches(delivery):
        return ""
    author = f"(author IS NOT NULL AND {_is_off(plan, delivery, 'af')})"
    recipient = f"(recipients IS NOT NULL AND {_is_off(plan, delivery, 'rf')})"
    match plan.deliveries[delivery].honoured:
        case Honoured.ANY:
            return f"{author} OR {recipient}"
        case Honoured.ALL:
            return (
                f"({author} OR author IS NULL) AND ({recipient} OR recipients IS NULL) "
                "AND (author IS NOT NULL OR recipients IS NOT NULL)"
            )
        case _:
            return author


def _off_of_list(plan: CasePlan, delivery: int) -> str:
    if not plan.minds_switches(delivery):
        return ""
    off_when_set = not plan.off_by_default(delivery)
    match plan.deliveries[delivery].honoured:
        case Honoured.ANY:
            return _is_off(plan, delivery, "anyf" if off_when_set else "allf")
        case Honoured.ALL:
            return _is_off(plan, delivery, "allf" if off_when_set else "anyf")
        case _:
            return f"author IS NOT NULL AND {_is_off(plan, delivery, 'af')}"


def _is_off(plan: CasePlan, delivery: int, flags: str) -> str:
    """Return whether the switch was off; the bit says that it stood against its default."""
    sign = "=" if plan.off_by_default(delivery) else "<>"
    return f"({flags} & {plan.off_bit(delivery)}) {sign} 0"


def _digits(plan: CasePlan, side: str, known: str) -> list[str]:
    """Return for each delivery what a party had said: 0 not concerned, or covered by a grant."""
    found = []
    for number in range(len(plan.deliveries)):
        answer = _answer(plan, number, side)
        found.append(
            f"CASE WHEN {known} AND {_concerned(plan, number, side)} AND sent < {answer} THEN "
            f"CASE {answer} WHEN {SILENT_US} THEN 1 WHEN {REFUSED_US} THEN 2 "
            f"WHEN {EXPIRED_US} THEN 3 ELSE 4 END ELSE 0 END AS {side}d_{number}"
        )
    return found


def _code(plan: CasePlan, side: str, recipient: str) -> list[str]:
    """Return the words of one party's code; all 0 where no delivery concerns them."""
    words: list[list[str]] = [[] for _ in range(plan.words)]
    kept = plan.off_bit(0) - 2
    words[0].append("1")
    if kept:
        words[0].append(f"({side}f & {kept})")
    words[0].append(f"CAST({recipient} AS BIGINT) * {1 << plan.role_shift}")
    words[0].append(f"CASE WHEN sent = {UNDATED_US} THEN 0 ELSE {1 << plan.dated_shift} END")
    words[0].append(f"CAST(kind AS BIGINT) * {1 << plan.kind_field.shift}")
    for number, cohort in enumerate(plan.cohorts):
        if asks_when(cohort):
            inside = f"sent >= {cohort.sent.start_us} AND sent < {cohort.sent.end_us}"
            bit = 1 << plan.sent_shift(number)
            words[0].append(f"CASE WHEN {inside} THEN {bit} ELSE 0 END")
    digits = [f"{side}d_{n}" for n in range(len(plan.deliveries))]
    for digit, field in zip(digits, plan.digits, strict=True):
        words[field.word].append(f"CAST({digit} AS BIGINT) * {1 << field.shift}")
    hit = f"{' + '.join(digits)} > 0" if digits else "1 = 0"
    return [
        f"CASE WHEN {hit} THEN CAST({' + '.join(word)} AS BIGINT) ELSE 0 END AS {side}_{n}"
        for n, word in enumerate(words)
    ]


def _answer(plan: CasePlan, delivery: int, side: str) -> str:
    """Return the column that says what the party had said about a delivery's use of the kind."""
    asked = plan.asked[delivery]
    if len(set(asked)) == 1:
        return f"{side}g_{asked[0]}"
    cases = " ".join(f"WHEN {kind} THEN {side}g_{question}" for kind, question in enumerate(asked))
    return f"CASE kind {cases} END"


def _concerned(plan: CasePlan, delivery: int, side: str) -> str:
    """Return whether the delivery held the message and some cohort may ask about the party."""
    done = plan.deliveries[delivery]
    asking = [n for n, c in enumerate(plan.cohorts) if c.asks_about(done)]
    windows = {plan.window_of[n][delivery] for n in asking}
    if None in windows:
        return f"u_{delivery}"
    bits = sum(plan.window_bit(w) for w in windows if w is not None)
    return f"(u_{delivery} AND ({side}f & {bits}) <> 0)"


def pairs_sql(plan: CasePlan, shape: Shape, columns: list[str]) -> str:
    """Return every party of a hit: `member`, `record`, and `columns` of the line of its code.

    `codes` holds the words `c_N` and whatever is asked of a code.
    """
    sides = [("p", "member")] if shape.lists else [("a", "author"), ("r", "recipients")]
    return " UNION ALL ".join(
        f"SELECT h.{member} AS member, h.record, {', '.join(columns)} FROM hits h JOIN codes c ON "  # noqa: S608
        + " AND ".join(f"h.{side}_{n} = c.c_{n}" for n in range(plan.words))
        for side, member in sides
    )


def _listed(shape: Shape) -> str:
    return ", m.listed" if shape.listed else ""


def _nulls(answers: list[str]) -> str:
    return "".join(f", CAST(NULL AS BIGINT) AS {g}" for g in answers)
