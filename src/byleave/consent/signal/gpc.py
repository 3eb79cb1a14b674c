"""Global Privacy Control (W3C, editor's draft): do not sell my data, do not share it.

`Sec-GPC` counts where a field's value is exactly `1`; any other value is as if it were not there,
and of several fields one `1` is enough. `/.well-known/gpc.json` is what a *site* says of itself
(whether it abides by the signal); it is nobody's preference, so it refuses nothing.
"""

from __future__ import annotations

import json

from byleave.consent.signal.finding import Finding, Subject, malformed
from byleave.consent.signal.headers import field_values, parse_head

__all__ = ["read_headers", "read_well_known"]


def read_headers(payload: bytes) -> tuple[Finding, ...]:
    """Read the head of an HTTP request.

    Raises:
        InputError: `signal.malformed`, not the head of an HTTP message.
    """
    values = field_values(parse_head(payload), "sec-gpc")
    if "1" in values:
        note = "do not sell or share my data with third parties"
        return (Finding(said="Sec-GPC: 1", refuses=(Subject.THIRD_PARTIES,), note=note),)
    if values:
        note = "any value but 1 is to be ignored"
        return (Finding(said="Sec-GPC, another value", refuses=(), note=note),)
    return ()


def read_well_known(payload: bytes) -> tuple[Finding, ...]:
    """Read a site's `gpc.json`.

    Raises:
        InputError: `signal.malformed`, not a JSON object.
    """
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise malformed("gpc.json is not a JSON object")
    claim = document.get("gpc")
    said = f"gpc: {str(claim).lower() if isinstance(claim, bool) else 'unknown'}"
    note = "what a site says of itself; nobody's preference"
    return (Finding(said=said, refuses=(), note=note),)
