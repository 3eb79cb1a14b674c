"""Write what the gate keeps as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from byleave.pages.gate import GateView, RuleView
    from byleave.service.what_if import Variant

__all__ = ["rule_views", "write_page"]


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
    from byleave.errors import WorldError

    try:
        from byleave.pages.gate import gate_page

        text = gate_page(view)
    except ModuleNotFoundError as error:
        raise WorldError(
            "pages need the extra `portal`",
            code="cli.extra-missing",
            hint="pip install 'byleave[portal]'",
        ) from error
    file = Path(path)
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise WorldError("the page cannot be written", code="world.storage", where=path) from error
