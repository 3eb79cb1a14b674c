"""Entry bundles (tlog-tiles): up to 256 entries, each behind a big-endian uint16 length."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from byleave.errors import EvidenceError, InputError
from byleave.evidence.entry import MAX_ENTRY_BYTES
from byleave.merkle.tile import TILE_WIDTH, format_index, parse_index

__all__ = ["bundle_path", "decode_bundle", "encode_bundle", "parse_bundle_path"]

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
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise InputError("an entry is over 65,535 bytes", code="entry.too-long")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Return the bundle's entries.

    Raises:
        EvidenceError: `log.entry-damaged`, it does not hold exactly `width` entries.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        entries.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    if at != len(data) or len(entries) != width:
        raise EvidenceError("a bundle does not hold its entries", code="log.entry-damaged")
    return entries
