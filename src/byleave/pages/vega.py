"""What Altair and vl-convert are told for every form: theme, time axis, rules with labels.

Both load on the first drawing, not on import. The drawing must not depend on the machine: one
font that vl-convert carries, UTC, and no address it could fetch from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from byleave.pages.svg import COLOURS, FONT

__all__ = ["HEIGHT", "Rule", "milliseconds", "own_colour", "render", "rule_layers", "time_axis"]

HEIGHT: Final = 230
"""Height of a step chart, in pixels."""

_LABEL: Final = 14
_SMALL: Final = 13


@dataclass(frozen=True, slots=True)
class Rule:
    """A vertical line at an instant, with its label on top."""

    at: datetime
    label: str


def render(chart: Any) -> str:  # noqa: ANN401  # Altair's chart types
    """Return the SVG that vl-convert draws of an Altair chart, themed."""
    import altair as alt  # noqa: PLC0415
    import vl_convert  # noqa: PLC0415

    themed = (
        chart.configure(font=FONT, background="white", padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=COLOURS["ink"],
            labelFontSize=_LABEL,
            gridColor=COLOURS["line"],
            tickColor=COLOURS["grey"],
            domainColor=COLOURS["grey"],
        )
        .configure_text(color=COLOURS["ink"], fontSize=_LABEL, baseline="middle")
    )
    version = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
    drawn: str = vl_convert.vegalite_to_svg(
        themed.to_dict(), vl_version=version, allowed_base_urls=[]
    )
    return drawn


def own_colour() -> Any:  # noqa: ANN401  # Altair's channel type
    """Return the colour channel that takes each row's `tone` as it is."""
    import altair as alt  # noqa: PLC0415

    return alt.Color("tone:N", scale=None, legend=None)


def milliseconds(at: datetime) -> int:
    """Return milliseconds since 1970, as Vega counts."""
    return round(at.timestamp() * 1000)


def time_axis(first: datetime, last: datetime, inner: float) -> Any:  # noqa: ANN401
    """Return the horizontal time axis, in UTC."""
    import altair as alt  # noqa: PLC0415

    short = last - first <= timedelta(days=3)
    months = last - first > timedelta(days=70)
    pattern = "%-d %b %H:%M" if short else "%b %Y" if months else "%-d %b"
    axis = alt.Axis(
        title=None,
        grid=False,
        tickCount=max(3, int(inner / (110 if short else 90))),
        format=pattern,
        labelFlush=True,
        labelOverlap="greedy",
        labelSeparation=12,
        orient="bottom",
    )
    scale = alt.Scale(type="utc", domain=[milliseconds(first), milliseconds(last)], nice=False)
    return alt.X("at:T", scale=scale, axis=axis, title=None)


def rule_layers(
    rules: Sequence[Rule],
    x: Any,  # noqa: ANN401
    first: datetime,
    last: datetime,
    inner: float,
) -> list[Any]:
    """Return the rules and their labels, each label in the first line where it has room."""
    import altair as alt  # noqa: PLC0415

    shown = sorted((r for r in rules if first <= r.at <= last), key=lambda r: r.at)
    span = max(1, milliseconds(last) - milliseconds(first))
    ends: list[float] = []
    data: list[dict[str, Any]] = []
    for rule in shown:
        begin = (milliseconds(rule.at) - milliseconds(first)) / span * inner
        wide = 7.2 * len(rule.label)
        left = begin + wide > inner + 100
        begin = begin - wide if left else begin
        line = next((n for n, end in enumerate(ends) if end + 12 < begin), len(ends))
        ends[line : line + 1] = [begin + wide]
        data.append({"at": milliseconds(rule.at), "label": rule.label, "line": line, "left": left})
    layers: list[Any] = []
    for row in data:
        base = alt.Chart(alt.Data(values=[row])).encode(x=x)
        up = -10 - 18 * (len(ends) - 1 - row["line"])
        layers += [
            base.mark_rule(color=COLOURS["muted"], strokeDash=[2, 3]).encode(
                y=alt.value(up + 6), y2=alt.value(HEIGHT)
            ),
            base.mark_text(
                align="right" if row["left"] else "left",
                fontSize=_SMALL,
                color=COLOURS["muted"],
            ).encode(y=alt.value(up), text="label:N"),
        ]
    return layers
