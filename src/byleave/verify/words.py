"""How findings are put into words."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from byleave.evidence.log_proof import ProvenEntry

__all__ = ["counted", "listed", "short", "where"]


def where(place: ProvenEntry) -> str:
    """Return where an entry stands, and who cosigned the checkpoint over it."""
    under = place.under
    text = f"entry {place.index:,} of {under.checkpoint.size:,} in {under.checkpoint.origin}"
    if under.newest is not None:
        try:
            seen = datetime.fromtimestamp(under.newest, tz=UTC).isoformat(timespec="minutes")
        except (OverflowError, ValueError, OSError):
            seen = "a time beyond the calendar"
        witnesses = counted(len(under.witnesses), "witness", "es")
        text += f" ({witnesses}, newest {seen.replace('+00:00', 'Z')})"
    return text


def short(digest: bytes) -> str:
    """Return the ends of a digest."""
    return f"{digest.hex()[:8]}…{digest.hex()[-4:]}"


def counted(number: int, word: str, plural: str = "s") -> str:
    """Return `1 record`, `2 records`."""
    return f"{number:,} {word}{'' if number == 1 else plural}"


def listed(counts: Counter[str], preposition: str) -> str:
    """Return `2 as author, 1 as recipient`."""
    parts = [f"{number:,} {preposition}{name}" for name, number in sorted(counts.items())]
    return ", ".join(parts)
