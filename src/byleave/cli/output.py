"""What commands print: one object, two renderers (people, JSON).

A command builds its result once and calls `emit`; it never prints by itself.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import click

__all__ = ["Progress", "emit", "json_option", "short", "shown", "table", "workspace_option"]

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
workspace_option = click.option(
    "--workspace",
    "-w",
    envvar="BYLEAVE_WORKSPACE",
    default="byleave-workspace",
    show_default=True,
    type=click.Path(file_okay=False),
    help="The workspace's folder.",
)


_OBEYED: Final = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"
}


def emit(
    data: dict[str, Any], *, schema: str, as_json: bool, lines: Callable[[], Iterable[str]]
) -> None:
    """Print `data` as one JSON object, or `lines()` for people."""
    if as_json:
        click.echo(json.dumps({"schema": schema, **data}, ensure_ascii=False))
    else:
        for line in lines():
            click.echo(shown(line))


def shown(text: str) -> str:
    """Return a text without characters that a terminal obeys: of a title or an id of others."""
    return text.translate(_OBEYED)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return aligned lines; integers to the right with thousands separated; "none" below no row."""
    cells_of = [[_cell(value) for value in row] for row in rows]
    right = [all(row[i][1] for row in cells_of) and bool(cells_of) for i in range(len(header))]
    widths = [
        max([len(head), *(len(row[i][0]) for row in cells_of)]) for i, head in enumerate(header)
    ]

    def line(cells: Sequence[str]) -> str:
        parts = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(cells, widths, right, strict=True)
        ]
        return "  " + "  ".join(parts).rstrip()

    return [line(header), *([line([text for text, _ in row]) for row in cells_of] or ["  none"])]


def short(digest: str) -> str:
    """Return a digest cut to 8…4 for people."""
    return f"{digest[:8]}…{digest[-4:]}"


def _cell(value: object) -> tuple[str, bool]:
    if isinstance(value, bool) or not isinstance(value, int):
        return ("–" if value is None else shown(str(value)).replace("\n", "\\n")), False
    return f"{value:,}", True


class Progress:
    """Progress on stderr after a second: a bar on a terminal, a line a minute elsewhere."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._said = self._started
        self._open = False
        self._what = ""
        self._begun, self._from = self._started, 0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` steps of `what` are over."""
        now = time.monotonic()
        if what != self._what or done < self._from:
            self._what, self._begun, self._from = what, now, done
        if now - self._started < 1:
            return
        if sys.stderr.isatty():
            share = done / total if total else 1.0
            bar = "█" * round(20 * share) + "░" * (20 - round(20 * share))
            sys.stderr.write(
                f"\r\x1b[K  {bar} {done:,}/{total:,} {what}{self._pace(now, done, total)}"
            )
            sys.stderr.flush()
            self._open = True
            if done >= total:
                self.close()
        elif now - self._said > 60:
            self._said = now
            pace = self._pace(now, done, total)
            click.echo(f"  {what}: {done:,} of {total:,}{pace}", err=True)

    def _pace(self, now: float, done: int, total: int) -> str:
        """Return how many a second, and when it will be over; nothing in the first second."""
        took = now - self._begun
        if took < 1 or done <= self._from:
            return ""
        rate = (done - self._from) / took
        left = round((total - done) / rate)
        return f"  {rate:,.0f}/s  {left // 60}:{left % 60:02} left"

    def close(self) -> None:
        """Clear the bar."""
        if self._open:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._open = False
