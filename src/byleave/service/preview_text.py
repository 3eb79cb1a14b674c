"""A preview as lines of text: 80 columns, no colour, one idea a line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from byleave.service.preview import PreviewResult
    from byleave.service.what_if import Variant

__all__ = ["compared_lines", "preview_lines"]

_WIDTH: Final = 79
_RULE_MEANS: Final = {
    "author": "its author said yes",
    "any": "one of its people said yes",
    "all": "all its people said yes",
}


def preview_lines(result: PreviewResult) -> Iterator[str]:
    """Yield the report, line by line."""
    yield (
        f"input   {result.rows:,} rows, {result.members:,} members · nothing stored, nothing sent"
    )
    yield f"use     {result.use}"
    yield f"rules   {result.rulesets} at {result.at} · party rule: {result.party_rule}"
    yield ""
    dropped = result.rows - result.kept
    grounds = " · ".join(f"{word} {rows:,}" for word, rows in result.grounds.items())
    width = max(9, len(f"{result.rows:,}"))
    yield f"  keep  {result.kept:>{width},}  {_percent(result.kept, result.rows)}   {grounds}".rstrip()
    yield f"  drop  {dropped:>{width},}  {_percent(dropped, result.rows)}"
    if result.reasons:
        yield ""
        yield from _reasons(result, dropped)
    if result.has_several_parties:
        yield ""
        yield from _rules(result)
    books = [v for v in result.compared if v.label not in _RULE_MEANS]
    if len(books) > 1:
        yield ""
        yield from compared_lines(result.rows, books)
    for word, text in result.notes:
        yield ""
        yield from textwrap.wrap(
            f"{word}: {text}", _WIDTH, initial_indent="  ", subsequent_indent="    "
        )
    if result.samples:
        yield ""
        yield from _samples(result)


def _reasons(result: PreviewResult, dropped: int) -> Iterator[str]:
    width = max(9, len(f"{dropped:,}"))
    yield f"  {'reason':<22}{'rows':>{width}}  {'members':>9}   what it means"
    for reason in result.reasons:
        members = "–" if reason.members is None else f"{reason.members:,}"
        yield f"  {reason.reason:<22}{reason.rows:>{width},}  {members:>9}   {reason.meaning}"
    yield f"  each row counts once, under its first reason; sum {dropped:,} = dropped"


def _rules(result: PreviewResult) -> Iterator[str]:
    width = max(9, len(f"{result.rows:,}"))
    yield f"  {'party rule':<12}{'kept':>{width}}   share   a message may be used where"
    for word, kept in result.party_rules.items():
        yield f"  {word:<12}{kept:>{width},}  {_percent(kept, result.rows)}   {_RULE_MEANS[word]}"
    yield "  under each, a no of anyone in it is a no"


def compared_lines(rows: int, variants: Sequence[Variant]) -> Iterator[str]:
    """Yield a table of what is kept under each set of rules."""
    width = max(9, len(f"{rows:,}"))
    name = max(5, *(len(variant.label) for variant in variants))
    yield f"  {'rules':<{name}}  {'kept':>{width}}   share  {'gained':>{width}}  {'lost':>{width}}"
    for variant in variants:
        yield (
            f"  {variant.label:<{name}}  {variant.kept:>{width},} {_percent(variant.kept, rows)}"
            f"  {variant.gained:>{width},}  {variant.lost:>{width},}"
        )


def _samples(result: PreviewResult) -> Iterator[str]:
    yield f"  rows that are {result.samples[0].reason}"
    for sample in result.samples:
        parts = [f"row {sample.row:,}", sample.record_id, sample.party]
        yield "    " + "  ".join(part for part in parts if part)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole if whole else 0.0:5.1f} %"
