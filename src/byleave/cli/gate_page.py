"""Write what the gate keeps, a case, or the log explorer, as one HTML file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from byleave.pages.gate import GateView, RuleView
    from byleave.service.what_if import Variant

__all__ = ["rule_views", "write_case_page", "write_drawn", "write_page"]


def rule_views(variants: Sequence[Variant]) -> list[RuleView]:
    """Return variants as the page shows them; a bare party rule is named as one."""
    from byleave.pages.gate import RuleView

    names = {word: f"party rule {word}" for word in ("author", "any", "all")}
    return [
        RuleView(label=names.get(v.label, v.label), kept=v.kept, gained=v.gained, lost=v.lost)
        for v in variants
    ]


def write_page(path: str, view: GateView) -> None:
    """Write the page; what stood at `path` is replaced whole or not at all.

    Raises:
        WorldError: `cli.extra-missing`, the extra that draws is not installed;
            `world.storage`, the page cannot be written.
    """

    def draw() -> str:
        from byleave.pages.gate import gate_page

        return gate_page(view)

    write_drawn(path, draw)


def write_case_page(path: str, data: Mapping[str, Any]) -> None:
    """Write the page of a case (`CaseReport.to_dict()`), whole or not at all.

    Raises:
        InputError: `cli.usage`, no name of a file.
        WorldError: as `write_page`.
    """

    def draw() -> str:
        from byleave.pages.case import case_page

        return case_page(data)

    write_drawn(path, draw)


def write_drawn(path: str, draw: Callable[[], str]) -> None:
    """Write what `draw` returns, whole or not at all.

    Raises:
        InputError: `cli.usage`, no name of a file.
        WorldError: as `write_page`.
    """
    from byleave.errors import InputError, WorldError

    try:
        text = draw()
    except ModuleNotFoundError as error:
        raise WorldError(
            "pages need the extra `portal`",
            code="cli.extra-missing",
            hint="pip install 'byleave[portal]'",
        ) from error
    file = Path(path)
    if not file.name:
        raise InputError("that is no name for a file", code="cli.usage", where=path or "''")
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise WorldError("the page cannot be written", code="world.storage", where=path) from error
