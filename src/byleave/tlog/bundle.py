"""Entry bundles (tlog-tiles): up to 256 entries, each behind a big-endian uint16 length."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from byleave.errors import EvidenceError, InputError
from byleave.evidence.entry import MAX_ENTRY_BYTES
from byleave.merkle.tile import TILE_WIDTH, format_index, parse_index

__all__ = ["MAX_FILE_BYTES", "bundle_path", "decode_bundle", "encode_bundle", "parse_bundle_path"]

MAX_FILE_BYTES: Final = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)
"""The largest file of a log: a bundle of 256 entries of 65,535 bytes."""
_PATH: Final = re.compile(
    r"tile/entries/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?", flags=re.ASCII
)


def bundle_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return `tile/entries/x001/234.p/5`."""
    return f"tile/entries/{format_index(index, width)}"


def parse_bundle_path(path: str) -> tuple[int, int]:
    """Read a bundle's path in its one spelling; return its index and width.

    Raises:
        InputError: `log.tile-path`.
    """
    match = _PATH.fullmatch(path)
    if match:
        index = parse_index(match[1])
        width = int(match[2]) if match[2] else TILE_WIDTH
        if bundle_path(index, width) == path:
            return index, width
    raise InputError("not the path of an entry bundle", code="log.tile-path")


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return the bundle of 1 to 256 entries.

    Raises:
        InputError: `entry.too-long`.
    """
    lengths = set(map(len, entries))
    if max(lengths, default=0) > MAX_ENTRY_BYTES:
        raise InputError("an entry is over 65,535 bytes", code="entry.too-long")
    if len(lengths) == 1:  # as in an import: one prefix before each
        prefix = lengths.pop().to_bytes(2, "big")
        return prefix + prefix.join(entries)
    return b"".join([b"%b%b" % (len(entry).to_bytes(2, "big"), entry) for entry in entries])


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Return the bundle's entries.

    Raises:
        EvidenceError: `log.entry-damaged`, it does not hold exactly `width` entries.
    """
    equal = _of_one_length(data, width)
    if equal is not None:
        return equal
    entries: list[bytes] = []
    at = 0
    while at + 1 < len(data) and len(entries) < width:
        end = at + 2 + (data[at] << 8 | data[at + 1])
        entries.append(data[at + 2 : end])
        at = end
    if at != len(data) or len(entries) != width:
        raise EvidenceError("a bundle does not hold its entries", code="log.entry-damaged")
    return entries


def _of_one_length(data: bytes, width: int) -> list[bytes] | None:
    """Return the entries if all have one length, without reading prefix by prefix; else None."""
    step = 2 + int.from_bytes(data[:2], "big")
    if len(data) != width * step or any(
        data[at::step] != data[at : at + 1] * width for at in (0, 1)
    ):
        return None
    return [data[at + 2 : at + step] for at in range(0, len(data), step)]
