"""Statements over the hits of a plan: every party with what its codes say, and the rows behind it.

    codes_B   the codes of block B that occur: words `c_N`, marks `adds_N` and `allows_N`, `role`,
              and for each cohort N `reason_N`, `first_N` (a delivery of the plan), `slot_N`;
              where there are several blocks, the code 0 as well: nothing
    slots     slot, q (its question), at, start, stop (`plan.Slot`)
    asked     q, at, scope: the scopes of choices that answer a question
    pairs     cohort, member, record, place, role, reason, first, slot
    behind    member, slot, said (the `ord` of the choice or switch), subscribed (rows, as text),
              lived (the `ord` of a region)

Every literal is a whole number, as in `plan_sql`.
"""

from __future__ import annotations

from byleave.exposure.plan import CasePlan
from byleave.exposure.plan_sql import Dialect, Shape
from byleave.exposure.verdicts import marks_of

__all__ = ["affected_sql", "behind_sql", "evidence_sql", "pairs_sql"]


def pairs_sql(plan: CasePlan, shape: Shape, columns: list[str]) -> str:
    """Return every party of a hit: `member`, `record`, `place`, and what its codes say.

    Args:
        plan: The plan.
        shape: Which relations there are.
        columns: `role`, `m_N` (marks), `reason_N`, `first_N`, `slot_N` (N a cohort).
    """
    found = ", ".join(f"{_said(plan, column)} AS {column}" for column in columns)
    sides = [("p", "member")] if shape.lists else [("a", "author"), ("r", "recipients")]
    parts = []
    for side, member in sides:
        joins = "".join(
            f" JOIN codes_{block.number} c{block.number} ON "
            + " AND ".join(
                f"h.{side}_{n} = c{block.number}.c_{n}"
                for n in range(block.word, block.word + block.words)
            )
            for block in plan.blocks
        )
        some = " OR ".join(f"h.{side}_{block.word} <> 0" for block in plan.blocks)
        parts.append(
            f"SELECT h.{member} AS member, h.record, h.place, {found} FROM hits h{joins} "  # noqa: S608
            f"WHERE {some}"
        )
    return " UNION ALL ".join(parts)


def _said(plan: CasePlan, column: str) -> str:
    """Return what the codes of all blocks say together, as an expression."""
    name, _, number = column.partition("_")
    blocks = [f"c{block.number}" for block in plan.blocks]
    if name == "role":
        return blocks[0] + ".role" if len(blocks) == 1 else _greatest(blocks)
    if name == "m":
        cohort = next(m.cohort for m in marks_of(plan) if int(number) in m.words)
        added = " | ".join(f"{block}.adds_{number}" for block in blocks)
        return f"(({added}) & {_first(blocks, cohort, f'allows_{number}', 0)})"
    return _first(blocks, int(number), column, -1)


def _greatest(blocks: list[str]) -> str:
    return f"greatest({', '.join(f'{block}.role' for block in blocks)})"


def _first(blocks: list[str], cohort: int, column: str, nothing: int) -> str:
    """Return a column of the block that says why: the first of certain date, else the first."""
    if len(blocks) == 1:
        return f"{blocks[0]}.{column}"
    cases = [f"WHEN {b}.reason_{cohort} > 0 THEN {b}.{column}" for b in blocks]
    cases += [f"WHEN {b}.reason_{cohort} = 0 THEN {b}.{column}" for b in blocks]
    return f"CASE {' '.join(cases)} ELSE {nothing} END"


def affected_sql(plan: CasePlan, shape: Shape) -> str:
    """Return `pairs`: whom each cohort holds, by which message, why."""
    parts = []
    for number in range(len(plan.cohorts)):
        said = pairs_sql(
            plan, shape, ["role", f"reason_{number}", f"first_{number}", f"slot_{number}"]
        )
        parts.append(
            f"SELECT {number} AS cohort, member, record, place, role, reason_{number} AS reason, "  # noqa: S608
            f"first_{number} AS first, slot_{number} AS slot FROM ({said}) AS said "
            f"WHERE reason_{number} >= 0"
        )
    return " UNION ALL ".join(parts)


def behind_sql(shape: Shape, dialect: Dialect) -> str:
    """Return `behind`: for each member and slot that some pair has, the rows that decided.

    Worked out from the pairs and the tables alone, apart from the pass that found them.
    """
    parts = {
        "said": (
            (
                f"SELECT n.member, n.slot, max_by(e.ord, {_of(dialect.order, 'e')}) AS said "  # noqa: S608
                "FROM needs n JOIN slots s ON n.slot = s.slot JOIN asked k ON k.q = s.q "
                "JOIN events e ON e.member = n.member AND e.scope = k.scope "
                "WHERE e.told <= k.at GROUP BY n.member, n.slot"
            ),
            shape.events,
            "CAST(NULL AS BIGINT)",
        ),
        "subscribed": (
            (
                f"SELECT member, slot, {dialect.rows} AS subscribed FROM "  # noqa: S608
                "(SELECT n.member, n.slot, u.ord FROM needs n JOIN slots s ON n.slot = s.slot "
                "JOIN subscriptions u ON u.member = n.member "
                "WHERE u.start < s.stop AND u.stop > s.start) AS ran GROUP BY member, slot"
            ),
            shape.subscriptions,
            f"CAST(NULL AS {dialect.text})",
        ),
        "lived": (
            (
                "SELECT n.member, n.slot, max(r.ord) AS lived FROM needs n "
                "JOIN slots s ON n.slot = s.slot JOIN regions r ON r.member = n.member "
                "WHERE r.start <= s.at AND r.stop > s.at GROUP BY n.member, n.slot"
            ),
            shape.regions,
            "CAST(NULL AS BIGINT)",
        ),
    }
    columns = ", ".join(
        (f"{name}.{name}" if held else f"{none} AS {name}")
        for name, (_, held, none) in parts.items()
    )
    joins = "".join(
        f" LEFT JOIN ({query}) AS {name} ON n.member = {name}.member AND n.slot = {name}.slot"
        for name, (query, held, _) in parts.items()
        if held
    )
    return f"SELECT n.member, n.slot, {columns} FROM needs n{joins}"  # noqa: S608


def _of(order: str, relation: str) -> str:
    """Return an order with the relation that its columns are of."""
    return order.replace("told", f"{relation}.told").replace("ord", f"{relation}.ord")


def evidence_sql(dialect: Dialect) -> str:
    """Return the pairs with what is behind each, by member, then cohort, then row of the message.

    Cost: one join with `behind`, one sort.
    """
    return (
        "SELECT p.cohort, p.member, p.record, p.place, p.role, p.reason, p.first, p.slot, "  # noqa: S608
        "b.said, b.subscribed, b.lived FROM pairs p JOIN behind b "
        "ON p.member = b.member AND p.slot = b.slot "
        f"ORDER BY CAST(p.member AS {dialect.text}), p.cohort, p.place"
    )
