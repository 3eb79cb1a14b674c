"""One spelling for the small things that notes, proofs and proof files are written with.

Base64 and decimal numbers have several spellings that libraries accept; a format in which a
document has one digest accepts exactly one of them. Both readers return None for any other.
"""

from __future__ import annotations

import binascii

__all__ = ["format_base64", "parse_base64", "parse_decimal"]

_MAX_DIGITS = 19  # 2**63 - 1 has 19
_FOUR_BITS = "AQgw"  # sextets whose last four bits are zero: one byte in the last group
_TWO_BITS = "AEIMQUYcgkosw048"  # whose last two are: two bytes


def format_base64(data: bytes) -> str:
    """Write standard base64 with padding (RFC 4648 §4)."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def parse_base64(text: str) -> bytes | None:
    """Read standard base64 in its one spelling, else return None."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    # Strict mode lets one padding character too many pass after whole groups.
    if len(text) % 4:
        return None
    # It ignores the unused bits of the last character: here they are zero.
    if not text.endswith("="):
        return data
    last, spelt = (text[-3], _FOUR_BITS) if text.endswith("==") else (text[-2], _TWO_BITS)
    return data if last in spelt else None


def parse_decimal(text: str) -> int | None:
    """Read ASCII digits without a leading zero, below 2**63, else return None."""
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS:
        return None
    value = int(text)
    return value if str(value) == text and value < 2**63 else None
