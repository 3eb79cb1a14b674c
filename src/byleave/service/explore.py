"""The log as an auditor reads it: entries newest first, one entry with its proof, and a search.

Entries hold commitments and counts, never a member's id or text (G10), so all of them may be
shown. `recorded` and `name` come from the ledger's object of the same index, where there is one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from byleave import canonical, merkle
from byleave.errors import InputError
from byleave.evidence.entry import ENTRY_KINDS
from byleave.evidence.pointers import POINTERS
from byleave.ids import format_instant, from_us
from byleave.service.clock import between
from byleave.service.house import House

__all__ = ["SCANNED", "explore_entry", "explore_log"]

SCANNED: Final = 20_000
"""Entries that one search reads at most; the rest is asked for with `before`."""
_BLOCK: Final = 1_000

Facts = dict[str, Any]


def explore_log(
    house: House,
    *,
    before: int | None,
    count: int,
    kind: str | None,
    find: str | None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Facts:
    """Return part of the log, newest first.

    Args:
        house: The workspace's ports.
        before: Only entries of a lower index; None: from the newest.
        count: At most so many.
        kind: Only entries of this kind; None: of any.
        find: Only entries that hold this text, or have it as their leaf hash; None: any.
        since: Only entries from the first that was recorded then or later.
        until: Only entries before the first that was recorded then or later.

    Returns:
        `lines` (index, kind, recorded, name, leaf), `older` (`before` of what follows; None at the
        first that is asked for), `size`, and `kinds`.

    Raises:
        InputError: `input.malformed`, no such kind.
    """
    if kind is not None and kind not in ENTRY_KINDS:
        raise InputError("no entry is of this kind", code="input.malformed", where="kind")
    size = house.log.checkpoint().size
    start, end = between(house, since, until)
    end = min(end, size) if before is None else max(start, min(before, end, size))
    lines: list[Facts] = []
    at = end
    for index, data in _downwards(house, start, end):
        at = index
        if _matches(data, kind, find):
            lines.append(_line(house, index, data))
        if len(lines) == count:
            break
    return {
        "lines": lines,
        "older": at if at > start else None,
        "size": size,
        "kinds": sorted(ENTRY_KINDS),
    }


def explore_entry(house: House, index: int) -> Facts:
    """Return one entry: its fields, its bytes, its proof of inclusion.

    Raises:
        InputError: `log.no-such-entry` or the like, the checkpoint does not cover it.
    """
    logged = house.log.logged(index)
    document: Any = canonical.decode(logged.entry)
    fields = [
        {
            "name": name,
            "value": value if isinstance(value, str) else canonical.encode(value).decode(),
            "entry": value if name in POINTERS and _is_index(value, index) else None,
        }
        for name, value in document.items()
        if name != "kind"
    ]
    return {
        **_line(house, index, logged.entry),
        "fields": fields,
        "bytes": len(logged.entry),
        "entry": base64.b64encode(logged.entry).decode("ascii"),
        "hashes": len(logged.proof.path),
        "proof": logged.proof.format(),
    }


def _downwards(house: House, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield at most `SCANNED` entries from `start` to below `end`, the newest first."""
    stop = max(start, end - SCANNED)
    for top in range(end, stop, -_BLOCK):
        bottom = max(stop, top - _BLOCK)
        block = house.ledger.read(bottom, top)
        for offset in range(len(block) - 1, -1, -1):
            yield bottom + offset, block[offset]


def _matches(data: bytes, kind: str | None, find: str | None) -> bool:
    if kind is not None and f'"kind":"{kind}"'.encode() not in data:
        return False
    if find is None:
        return True
    return find.encode() in data or merkle.leaf_hash(data).hex() == find


def _line(house: House, index: int, data: bytes) -> Facts:
    found = house.ledger.object_at(index)
    document: Any = canonical.decode(data)
    return {
        "index": index,
        "kind": document["kind"],
        "recorded": None if found is None else format_instant(from_us(found[2])),
        "name": None if found is None else found[1],
        "leaf": merkle.leaf_hash(data).hex(),
    }


def _is_index(value: object, index: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < index
