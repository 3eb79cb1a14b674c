"""The five forms of figure: bars, falls, steps, lanes, intervals.

Each takes plain numbers and gives a `Chart`: headline, subtitle, accessible name, the drawing for
wide and for narrow columns, and its table twin. Rules F2–F4: the headline states the finding; the
subtitle names measure, population and date; labels stand at the mark; bars start at zero; one hue
and grey, red for overdue and failed only; nothing is told by colour alone.

Altair and vl-convert load on the first drawing, not on import.
"""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from byleave.pages.svg import COLOURS, settle
from byleave.pages.vega import (
    HEIGHT,
    Rule,
    milliseconds,
    own_colour,
    render,
    rule_layers,
    time_axis,
)

__all__ = [
    "Bar",
    "Chart",
    "Fall",
    "Interval",
    "Lane",
    "Rule",
    "Series",
    "bars",
    "falls",
    "intervals",
    "lanes",
    "steps",
]

_RUN: Final = frozenset("=+-@\t\r\n")
WIDE: Final = 680
NARROW: Final = 320


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One figure, drawn twice, and its table.

    Attributes:
        headline: The finding, one sentence.
        subtitle: Measure, population, date.
        name: What a screen reader says for the drawing.
        wide: SVG for columns of 44rem and more.
        narrow: SVG for phones.
        columns: Heads of the table twin.
        rows: Its cells, as shown.
    """

    headline: str
    subtitle: str
    name: str
    wide: str
    narrow: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def csv(self) -> str:
        """The table twin as a CSV file (RFC 4180, UTF-8), in a `data:` address (RFC 2397).

        A page that is one file has it inside. A cell that a spreadsheet would take for a formula
        gets a leading apostrophe (OWASP, "CSV Injection").
        """
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        for row in (self.columns, *self.rows):
            writer.writerow([f"'{cell}" if cell[:1] in _RUN else cell for cell in row])
        raw = base64.b64encode(text.getvalue().encode()).decode("ascii")
        return f"data:text/csv;charset=utf-8;base64,{raw}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar. `shown` is the value as printed at its end; `main` bars take the hue."""

    label: str
    value: float
    shown: str
    main: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """One step of a flow from all to what is left: the part [`low`, `high`] of the whole."""

    label: str
    low: float
    high: float
    shown: str
    main: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One step line: (instant, value) in order; each value holds until the next instant."""

    label: str
    points: tuple[tuple[datetime, float], ...]
    tone: Literal["accent", "muted", "grey"] = "muted"
    dashed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One line of a lane chart: a dated mark, and the way to it from `start`.

    `state` `open` draws a hollow mark (due, waiting), `late` a red diamond.
    A lane without `at` is a heading.
    """

    label: str
    shown: str = ""
    at: datetime | None = None
    start: datetime | None = None
    state: Literal["done", "open", "late"] = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """One range; `main` ranges take the hue."""

    label: str
    low: float
    high: float
    shown: str
    main: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """The words around a drawing."""

    headline: str
    subtitle: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def bars(caption: Caption, items: Sequence[Bar]) -> Chart:
    """Draw horizontal bars, in the order given (sort before)."""
    order = [b.label for b in items]
    data = [
        {"label": b.label, "value": b.value, "shown": b.shown, "tone": _tone(main=b.main)}
        for b in items
    ]

    def draw(width: int) -> Any:  # noqa: ANN401  # Altair's chart types
        import altair as alt  # noqa: PLC0415  # half a second, only where something is drawn

        above = width == NARROW
        axis = (
            None if above else alt.Axis(domain=False, ticks=False, labelLimit=330, labelPadding=8)
        )
        y = alt.Y("label:N", sort=order, title=None, axis=axis)
        x = alt.X("value:Q", axis=None, scale=alt.Scale(domainMin=0, nice=False))
        base = alt.Chart(alt.Data(values=data)).encode(y=y, x=x)
        offset = 9 if above else 0
        layers = [
            base.mark_bar(height=16, yOffset=offset, y2Offset=offset).encode(color=own_colour()),
            base.mark_text(align="left", dx=6, dy=offset + 1).encode(text="shown:N"),
        ]
        if above:
            layers.append(
                base.mark_text(align="left", dy=-9).encode(x=alt.value(0), text="label:N")
            )
        chart = alt.layer(*layers)
        ends = 7.5 * max(len(b.shown) for b in items) + 14
        inner = width - ends - (8 if above else 7 * max(len(b.label) for b in items) + 16)
        return chart.properties(width=inner, height=alt.Step(46 if above else 28))

    return _chart(caption, draw)


def falls(caption: Caption, items: Sequence[Fall]) -> Chart:
    """Draw what a whole loses step by step, from all of it at the top to what is left below.

    Each step stands where the one above it ends, so that the eye follows the rows as they drop.
    """
    order = [f.label for f in items]
    whole = max((f.high for f in items), default=0.0) or 1.0
    data = [
        {
            "label": f.label,
            "low": f.low,
            "high": f.high,
            "shown": f.shown,
            "tone": _tone(main=f.main),
        }
        for f in items
    ]

    def draw(width: int) -> Any:  # noqa: ANN401
        import altair as alt  # noqa: PLC0415

        above = width == NARROW
        axis = (
            None if above else alt.Axis(domain=False, ticks=False, labelLimit=330, labelPadding=8)
        )
        y = alt.Y("label:N", sort=order, title=None, axis=axis)
        x = alt.X("low:Q", axis=None, scale=alt.Scale(domain=[0, whole], nice=False))
        base = alt.Chart(alt.Data(values=data)).encode(y=y)
        offset = 9 if above else 0
        bar = base.mark_bar(height=16, yOffset=offset, y2Offset=offset).encode(
            x=x, x2="high:Q", color=own_colour()
        )
        number = base.mark_text(align="left", dx=6, dy=offset + 1).encode(
            x="high:Q", text="shown:N"
        )
        layers = [bar, number]
        if above:
            layers.append(
                base.mark_text(align="left", dy=-9).encode(x=alt.value(0), text="label:N")
            )
        ends = 7.5 * max(len(f.shown) for f in items) + 14
        inner = width - ends - (8 if above else 7 * max(len(f.label) for f in items) + 16)
        return alt.layer(*layers).properties(width=inner, height=alt.Step(46 if above else 28))

    return _chart(caption, draw)


def steps(caption: Caption, series: Sequence[Series], rules: Sequence[Rule]) -> Chart:
    """Draw step lines with labels at their ends, and vertical rules with labels on top."""
    last = max(at for s in series for at, _ in s.points)
    first = min(at for s in series for at, _ in s.points)
    edge = last + max((last - first) / 40, timedelta(hours=1))  # so that the last step is seen
    top = max(value for s in series for _, value in s.points)
    data = [
        {"at": milliseconds(at), "value": value, "series": s.label, "tone": COLOURS[s.tone],
         "dash": s.dashed}
        for s in series
        for at, value in (*s.points, (edge, s.points[-1][1]))
    ]  # fmt: skip

    def draw(width: int) -> Any:  # noqa: ANN401
        import altair as alt  # noqa: PLC0415

        inner = width - 7.5 * max(len(s.label) for s in series) - 60
        x = time_axis(first, edge, inner)
        y = alt.Y(
            "value:Q",
            title=None,
            scale=alt.Scale(domainMin=0),
            axis=alt.Axis(tickCount=4, format=",d", domain=False, ticks=False, grid=True),
        )
        base = alt.Chart(alt.Data(values=data)).encode(x=x, y=y)
        line = base.mark_line(interpolate="step-after", strokeWidth=2.25, clip=False).encode(
            color=own_colour(),
            detail="series:N",
            strokeDash=alt.condition("datum.dash", alt.value([5, 4]), alt.value([1, 0])),
        )
        ends = [
            {"at": milliseconds(edge), "value": value, "label": label, "tone": COLOURS["ink"]}
            for label, value in _apart(series, top=top, height=HEIGHT)
        ]
        end = (
            alt.Chart(alt.Data(values=ends))
            .mark_text(align="left", dx=7)
            .encode(x=x, y=y, text="label:N")
        )
        return alt.layer(*rule_layers(rules, x, first, edge, inner), line, end).properties(
            width=inner, height=HEIGHT
        )

    return _chart(caption, draw)


def lanes(caption: Caption, items: Sequence[Lane]) -> Chart:
    """Draw lanes top to bottom, each with one dated mark; headings divide them."""
    dated = [lane for lane in items if lane.at is not None]
    instants = [i for lane in dated for i in (lane.start, lane.at) if i is not None]
    first, last = min(instants), max(instants)
    last = max(last, first + timedelta(hours=1))
    edge = first - (last - first) / 40  # so that the first mark stands clear of the labels
    data = [
        {
            "row": f"{n}|{lane.label if lane.at else ''}",
            "heading": "" if lane.at else lane.label,
            "at": milliseconds(lane.at or first),
            "start": milliseconds(lane.start or lane.at or first),
            "shown": lane.shown,
            "kind": lane.state if lane.at else "heading",
        }
        for n, lane in enumerate(items)
    ]

    def draw(width: int) -> Any:  # noqa: ANN401
        import altair as alt  # noqa: PLC0415

        inner = width - (250 if width == WIDE else 150)
        axis = alt.Axis(
            domain=False, ticks=False, labelPadding=10, labelExpr="split(datum.label, '|')[1]"
        )
        y = alt.Y("row:N", sort=[d["row"] for d in data], title=None, axis=axis)
        x = time_axis(edge, last, inner)
        base = alt.Chart(alt.Data(values=data)).encode(y=y, x=x)
        real = base.transform_filter("datum.kind != 'heading'")
        shapes = (
            ("done", {"shape": "circle", "fill": COLOURS["accent"], "stroke": COLOURS["accent"]}),
            ("open", {"shape": "circle", "fill": COLOURS["ground"], "stroke": COLOURS["muted"]}),
            ("late", {"shape": "diamond", "fill": COLOURS["alert"], "stroke": COLOURS["alert"]}),
        )
        layers = [
            real.mark_rule(color=COLOURS["grey"], strokeWidth=1.5).encode(x="start:T", x2="at"),
            *(
                base.transform_filter(f"datum.kind == '{kind}'").mark_point(
                    size=90, strokeWidth=2, opacity=1, **look
                )
                for kind, look in shapes
            ),
            real.mark_text(align="left", dx=10).encode(text="shown:N"),
            base.transform_filter("datum.kind == 'heading'")
            .mark_text(align="left", fontWeight="bold")
            .encode(x=alt.value(0), text="heading:N"),
        ]
        return alt.layer(*layers).properties(width=inner, height=alt.Step(26))

    return _chart(caption, draw)


def intervals(caption: Caption, items: Sequence[Interval], *, axis_format: str) -> Chart:
    """Draw ranges under their names, on one axis from zero.

    Args:
        caption: The words around it.
        items: The ranges, in the order given.
        axis_format: d3-format of the axis labels, such as `$,.2~s`.
    """
    order = [i.label for i in items]
    data = [
        {"label": i.label, "low": i.low, "high": i.high, "shown": i.shown,
         "tone": _tone(main=i.main)}
        for i in items
    ]  # fmt: skip

    def draw(width: int) -> Any:  # noqa: ANN401
        import altair as alt  # noqa: PLC0415

        inner = width - 40
        y = alt.Y("label:N", sort=order, title=None, axis=None)
        axis = alt.Axis(
            format=axis_format, tickCount=4 if width == NARROW else 6, grid=False, title=None
        )
        x = alt.X("low:Q", axis=axis, scale=alt.Scale(zero=True), title=None)
        base = alt.Chart(alt.Data(values=data)).encode(y=y)
        colour = own_colour()
        layers = [
            base.mark_rule(strokeWidth=5, yOffset=20).encode(x=x, x2="high", color=colour),
            base.mark_tick(thickness=3, size=16, yOffset=20).encode(x=x, color=colour),
            base.mark_tick(thickness=3, size=16, yOffset=20).encode(x="high:Q", color=colour),
            base.mark_text(align="left", dy=-19, fontWeight="bold").encode(
                x=alt.value(0), text="label:N"
            ),
            base.mark_text(align="left", dy=-1, color=COLOURS["muted"]).encode(
                x=alt.value(0), text="shown:N"
            ),
        ]
        return alt.layer(*layers).properties(width=inner, height=alt.Step(72))

    return _chart(caption, draw)


def _chart(caption: Caption, draw: Any) -> Chart:  # noqa: ANN401  # a function of Altair's types
    name = f"{caption.headline} {caption.subtitle}"
    return Chart(
        headline=caption.headline,
        subtitle=caption.subtitle,
        name=name,
        wide=settle(render(draw(WIDE)), name=name, kind="wide"),
        narrow=settle(render(draw(NARROW)), name=name, kind="narrow"),
        columns=caption.columns,
        rows=caption.rows,
    )


def _tone(*, main: bool) -> str:
    return COLOURS["accent" if main else "grey"]


def _apart(series: Sequence[Series], *, top: float, height: int) -> list[tuple[str, float]]:
    """Return (label, value) for line ends, moved so that no two labels touch."""
    step = top * 18 / height
    ends = sorted((s.points[-1][1], s.label) for s in series)
    placed: list[tuple[str, float]] = []
    floor = 0.0
    for value, label in ends:
        at = max(value, floor)
        placed.append((label, at))
        floor = at + step
    return placed
