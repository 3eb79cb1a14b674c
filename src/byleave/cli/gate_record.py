"""A gate record as lines for people: rows kept, and a reason for each of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from byleave.cli.output import table

__all__ = ["record_lines"]


def record_lines(record: Mapping[str, Any], *, shares: bool = False) -> list[str]:
    """Return a gate record (`GateRecord.to_dict`) as lines whose numbers sum."""
    from byleave.consent.reason import Reason

    rows, kept = record["rows"], record["kept"]
    grounds = " · ".join(f"{word} {count:,}" for word, count in record["grounds"].items())
    reasons = sorted(record["reasons"].items(), key=lambda item: (-item[1], item[0]))
    meanings = {reason.word: reason.meaning for reason in Reason}
    return [
        f"  keep  {kept:>12,}  {_share(kept, rows)}   {grounds}",
        f"  drop  {rows - kept:>12,}  {_share(rows - kept, rows)}",
        "",
        *table(
            ["reason", "rows", *(["share"] if shares else []), "what it means"],
            [
                [code, count, *([_share(count, rows)] if shares else []), meanings[code]]
                for code, count in reasons
            ],
        ),
        f"  each row counts once; {rows - kept:,} + {kept:,} = {rows:,} rows",
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole if whole else 0:6.1%}"
