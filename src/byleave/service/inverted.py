"""The rows of each member of a source, kept beside it: what a few changed minds lead to.

Made once from the blocks of `service.gate_rows`, a range of members at a time, and mapped
afterwards. Like a block it is used where its digest and all it was made of fit, or made anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from byleave.canonical import Json, digest_of, encode
from byleave.errors import WorldError
from byleave.gate.incremental import Inverted
from byleave.gate.resolved import RowBlock
from byleave.service.gate_rows import Piece, RowBlocks, same_bytes
from byleave.service.house import House, StagedFiles
from byleave.service.source import Source

__all__ = ["build", "inverted_of"]

_STARTS: Final = "inverted.starts"
_ROWS: Final = "inverted.rows"
_NOTE: Final = "inverted.json"
_AT_ONCE: Final = 1 << 25
_LIMIT: Final = 1 << 32
Blocks = Sequence[tuple[Piece, RowBlock]]


def inverted_of(house: House, source: Source, rows: RowBlocks, blocks: Blocks) -> Inverted | None:
    """Return the rows of each member, made if they are not kept; None where they cannot be held.

    Args:
        house: The workspace's ports.
        source: The data.
        rows: How its blocks are kept.
        blocks: All of its blocks.
    """
    members = max((block.members for _, block in blocks), default=0)
    key = _key(source, rows, members, blocks)
    folder = house.artefacts.cache(source.name)
    found = _load(house, folder, key)
    if found is not None:
        return found
    if source.rows >= _LIMIT:
        return None
    try:
        with ExitStack() as stack:
            starts = stack.enter_context(folder.create(_STARTS))
            build(blocks, members, starts, stack.enter_context(folder.create(_ROWS)))
        told: dict[str, Json] = {
            "digests": {name: folder.digests[name] for name in (_STARTS, _ROWS)},
            "key": key,
        }
        with folder.create(_NOTE) as stream:
            stream.write(encode({**told, "check": digest_of(told).hex()}))
    except WorldError:  # a cache is worth no failed run
        return None
    return _load(house, folder, key)


def build(blocks: Blocks, members: int, starts: BinaryIO, rows: BinaryIO) -> None:
    """Write where each member's rows start (uint64), and the rows (uint32).

    Cost: one sort of all parties (10 ns each), and one pass over the blocks for each 2^25 of them;
    256 MiB at a time.

    Args:
        blocks: All blocks of a source, in order.
        members: Number of ordinals.
        starts: Takes `members + 1` numbers.
        rows: Takes one number per party.
    """
    parties = sum(
        len(block.author) + sum(len(c.values) for c in block.recipients) for _, block in blocks
    )
    step = max(1, members // max(1, -(-parties // _AT_ONCE)))
    done = 0
    for first in range(0, members, step):
        end = min(first + step, members)
        keys = [np.zeros(0, np.uint64)]
        for piece, block in blocks:
            party, place = block.parties()
            mine = (party >= first) & (party < end)
            row = (place[mine] + piece.first_row).astype(np.uint64)
            keys.append((party[mine] - first).astype(np.uint64) << np.uint64(32) | row)
        key = np.concatenate(keys)
        del keys
        key.sort()
        rows.write(key.astype("<u4").data)
        counts = np.bincount((key >> np.uint64(32)).astype(np.int64), minlength=end - first)
        ends = np.cumsum(counts)
        starts.write((ends - counts + done).astype("<u8").data)
        done += len(key)
    starts.write(np.array([done], "<u8").data)


def _key(source: Source, rows: RowBlocks, members: int, blocks: Blocks) -> dict[str, Json]:
    """Return all that the index was made of; it stands whoever joins who is in no row."""
    return {
        "contract": source.contract.digest.hex(),
        "data": [file.sha256 for file in source.files],
        "last": rows.enrolment(members),
        "members": members,
        "pieces": [[piece.first_row, piece.rows] for piece, _ in blocks],
        "format": "v1",
    }


def _load(house: House, folder: StagedFiles, key: dict[str, Json]) -> Inverted | None:
    name = ("inverted", str(folder.path))
    stamps = tuple(folder.stamp(n) for n in (_NOTE, _STARTS, _ROWS))
    if None in stamps:
        return None
    held = house.opened.get(name)
    if held is None or held[0] != stamps:
        checked = _check(folder)
        if checked is None:
            return None
        held = (stamps, *checked)
        house.opened[name] = held
    return held[2] if held[1] == key else None


def _check(folder: StagedFiles) -> tuple[dict[str, Any], Inverted] | None:
    try:
        told = json.loads((folder.path / _NOTE).read_bytes())
        check = told.pop("check")
        if check != digest_of(told).hex():
            return None
        if not all(same_bytes(folder, n, told["digests"][n]) for n in (_STARTS, _ROWS)):
            return None
        planes = [
            np.memmap(folder.path / n, kind, "r").view(np.ndarray)
            for n, kind in ((_STARTS, "<u8"), (_ROWS, "<u4"))
            if (folder.path / n).stat().st_size
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    none: npt.NDArray[np.uint32] = np.zeros(0, np.uint32)
    starts, rows = (*planes, none)[:2]
    return told["key"], Inverted(starts=starts, rows=rows)
