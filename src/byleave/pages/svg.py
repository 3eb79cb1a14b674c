"""From Vega's SVG to the SVG that stands in a page.

What comes out: no `style=`, no `<style>`, no script, no link, no id; numbers with two decimals;
one name for the whole figure and everything inside it hidden from screen readers (F2); colours
as classes of `byleave.css` (`f-accent` fills, `s-accent` strokes), so that one drawing serves
light, dark and print. Equal input gives equal bytes.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Final

__all__ = ["COLOURS", "FONT", "settle"]

COLOURS: Final = {
    "ink": "#1b1f23",
    "muted": "#5b6470",
    "grey": "#9aa3ad",
    "line": "#d5dade",
    "accent": "#1f5f8b",
    "alert": "#b3261e",
    "ground": "#ffffff",
}
"""Name → the colour drawn with; `byleave.css` sets the real one for each scheme."""

FONT: Final = "Liberation Sans"
"""The font Vega measures with: vl-convert carries it, so that every machine measures alike."""

_FAMILY: Final = "Arial, 'Liberation Sans', Helvetica, sans-serif"
_NAMES: Final = {colour: name for name, colour in COLOURS.items()}
_NUMBER: Final = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_KEEP: Final = frozenset(
    {
        "d", "dx", "dy", "fill", "fill-opacity", "font-family", "font-size", "font-weight",
        "height", "opacity", "stroke", "stroke-dasharray", "stroke-opacity", "stroke-width",
        "text-anchor", "transform", "viewBox", "width", "x", "x1", "x2", "y", "y1", "y2",
    }
)  # fmt: skip
_SVG: Final = "{http://www.w3.org/2000/svg}"


def settle(drawn: str, *, name: str, kind: str) -> str:
    """Return Vega's drawing as one inline figure.

    Args:
        drawn: What vl-convert wrote.
        name: The accessible name, one sentence.
        kind: `wide` or `narrow`; `byleave.css` shows the one that fits.
    """
    root = ET.fromstring(drawn)  # noqa: S314  # written by vl-convert in this process, from our numbers
    inner = ET.Element("g", {"aria-hidden": "true"})
    inner.extend(child for element in root if (child := _clean(element)) is not None)
    if inner.find(".//text") is None:
        raise RuntimeError("vl-convert drew nothing: it reports a faulty specification this way")
    if inner[0].tag == "rect":
        inner.remove(inner[0])  # the canvas: the page is the background
    width, height = (str(round(float(root.attrib[a]))) for a in ("width", "height"))
    figure = ET.Element(
        "svg",
        {
            "class": f"chart {kind}",
            "viewBox": f"0 0 {width} {height}",
            "width": width,
            "height": height,
            "role": "img",
            "aria-label": name,
        },
    )
    figure.append(inner)
    return ET.tostring(figure, encoding="unicode")


def _clean(element: ET.Element) -> ET.Element | None:
    """Return a copy that draws the same and says nothing else; None where it draws nothing."""
    tag = element.tag.removeprefix(_SVG)
    invisible = element.get("display") == "none" or element.get("class") == "background"
    if tag not in {"g", "path", "rect", "text", "line"} or invisible:
        return None
    kept = {k: _value(k, v) for k, v in element.attrib.items() if k in _KEEP}
    if kept.get("opacity") == "1":
        del kept["opacity"]
    tones = [
        f"{prefix}-{_NAMES[kept[attribute]]}"
        for attribute, prefix in (("fill", "f"), ("stroke", "s"))
        if kept.get(attribute) in _NAMES
    ]
    if tones:
        kept["class"] = " ".join(tones)
    copy = ET.Element(tag, kept)
    copy.text = element.text
    copy.extend(child for inner in element if (child := _clean(inner)) is not None)
    if tag == "g" and not len(copy):
        return None
    return copy


def _value(name: str, value: str) -> str:
    if name == "font-family":
        return _FAMILY
    return _NUMBER.sub(lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), value)
