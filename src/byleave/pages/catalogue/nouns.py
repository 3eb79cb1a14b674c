"""Nouns that are counted, and the words of dates, in English."""

from __future__ import annotations

from typing import Final

__all__ = ["MONTHS", "NOUNS"]

NOUNS: Final[dict[str, tuple[str, str]]] = {"delivery": ("delivery", "deliveries")}
"""Noun → for one, for several. A noun that is not here takes an `s`."""

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
