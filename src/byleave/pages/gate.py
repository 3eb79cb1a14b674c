"""What the gate keeps of some rows, and under which other rules it would keep others: one file.

Style sheet and drawings stand inside; a content security policy in the file itself allows that
one style sheet, by its digest, and nothing else. Equal input gives equal bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from byleave.errors import InputError
from byleave.pages.charts import Bar, Caption, Chart, Fall, bars, falls
from byleave.pages.html import environment, style
from byleave.pages.words import count, date, reason_words

__all__ = ["GateView", "RuleView", "gate_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """The same rows under one set of rules; `gained` and `lost` against what is in force."""

    label: str
    kept: int
    gained: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateView:
    """What the page tells.

    Attributes:
        data: Name of the file or source.
        use: What for, as a scope.
        rules: Name of the rulesets.
        at: The instant of the decision.
        rows: All rows.
        kept: Rows kept.
        reasons: Rows left out, by reason.
        compared: The rules in force first, then the others; empty: nothing was compared.
        notes: What a reader has to know.
    """

    data: str
    use: str
    rules: str
    at: datetime
    rows: int
    kept: int
    reasons: Mapping[str, int]
    compared: Sequence[RuleView]
    notes: Sequence[str]


def gate_page(view: GateView) -> str:
    """Write the page.

    Raises:
        InputError: `pages.malformed`, kept and reasons do not sum to the rows.
    """
    if view.kept + sum(view.reasons.values()) != view.rows:
        raise InputError("kept and reasons do not sum to the rows", code="pages.malformed")
    css = style().decode("utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode("utf-8")).digest()).decode("ascii")
    return (
        environment()
        .get_template("gate.html")
        .render(
            view=view,
            flow=_flow(view) if view.rows else None,
            compared=_compared(view) if len(view.compared) > 1 else None,
            css=css,
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        )
    )


def _flow(view: GateView) -> Chart:
    """From all rows, reason by reason, to the rows kept."""
    reasons = sorted(view.reasons.items(), key=lambda item: (-item[1], item[0]))
    left = view.rows
    items = [Fall(label="all rows", low=0, high=left, shown=f"{left:,}")]
    for code, rows in reasons:
        items.append(Fall(label=code, low=left - rows, high=left, shown=f"− {rows:,}"))
        left -= rows
    items.append(Fall(label="kept", low=0, high=left, shown=f"{left:,}", main=True))
    headline = f"The gate keeps {view.kept:,} of {count(view.rows, 'row')}."
    if reasons:
        headline += f" Of those left out, most have this reason: {reason_words(reasons[0][0])}."
    caption = Caption(
        headline=headline,
        subtitle=f"Rows by first reason for {view.use}, {date(view.at)}.",
        columns=("Reason", "What it means", "Rows", "Share"),
        rows=tuple(
            (code, meaning, f"{rows:,}", f"{100 * rows / view.rows:.1f} %")
            for code, meaning, rows in [
                ("kept", "passed every rule", view.kept),
                *((code, reason_words(code), rows) for code, rows in reasons),
            ]
        ),
    )
    return falls(caption, items)


def _compared(view: GateView) -> Chart:
    """Rows kept under each set of rules."""
    base, *others = view.compared
    widest = max(others, key=lambda rule: abs(rule.kept - base.kept))
    change = widest.kept - base.kept
    headline = (
        "None of the other rules keeps more rows or fewer."
        if not change
        else f"Under {widest.label} the gate keeps {count(abs(change), 'row')}"
        f" {'more' if change > 0 else 'fewer'}."
    )
    caption = Caption(
        headline=headline,
        subtitle=f"Rows kept of {view.rows:,} under each set of rules, {date(view.at)}.",
        columns=("Rules", "Kept", "Share", "Gained", "Lost"),
        rows=tuple(
            (
                rule.label,
                f"{rule.kept:,}",
                f"{100 * rule.kept / view.rows if view.rows else 0:.1f} %",
                f"{rule.gained:,}",
                f"{rule.lost:,}",
            )
            for rule in view.compared
        ),
    )
    items = [
        Bar(label=rule.label, value=rule.kept, shown=f"{rule.kept:,}", main=rule is base)
        for rule in view.compared
    ]
    return bars(caption, items)
