"""Didomi: consent events of its API, version 2.

Form: developers.didomi.io, "Consent event schema" and "Create consent event". What it comes to:

    enabled true                  grant
    enabled true, from_propagation preset: copied from another choice, so nobody acted here
    enabled false                 refuse
    status other than confirmed   a grant is left out (`not-confirmed`); a no counts at once
    a delegate                    a grant is left out (`said-by-another`); a no counts
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.canonical import sha256
from byleave.connectors.payloads import Choices, Mapped, known_only, payloads
from byleave.errors import InputError
from byleave.ids import format_instant, parse_instant

__all__ = ["ADAPTER", "read_didomi"]

ADAPTER: Final = "didomi/v2"
_TOP: Final = {
    "id", "organization_id", "created_at", "updated_at", "metadata", "user", "consents", "status",
    "proofs", "regulation", "delegate", "validation", "version", "approvals",
}  # fmt: skip
_USER: Final = {
    "id", "organization_id", "organization_user_id", "metadata", "country", "region",
    "created_at", "updated_at", "last_interaction_date", "agent",
}  # fmt: skip
_CONSENTS: Final = {"purposes", "vendors"}
_PURPOSE: Final = {"id", "enabled", "metadata", "from_propagation", "values"}


def read_didomi(
    data: bytes, mapped: Mapped, *, name: str
) -> tuple[pa.Table, npt.NDArray[np.int64], tuple[tuple[int, str], ...]]:
    """Return the choices of a file of events: table, event of each row, what was left out.

    Args:
        data: One event, an array of them, a page of the API (`data`), or one a line.
        mapped: What its purposes stand for; `identity`: `organization_user_id` (default) or `id`.
        name: What to call the file in messages.

    Raises:
        InputError: `consent.import-payload`.
    """
    choices = Choices(mapped, ADAPTER)
    for number, payload in payloads(data, name=name):
        event = known_only(payload, _TOP, name=name, number=number)
        user = known_only(event.get("user"), _USER, name=name, number=number, part="user")
        member = user.get(mapped.identity or "organization_user_id")
        said = _said(event.get("created_at"))
        consents = known_only(
            event.get("consents"), _CONSENTS, name=name, number=number, part="consents"
        )
        purposes = consents.get("purposes")
        if not isinstance(member, str) or said is None or not isinstance(purposes, list):
            choices.rejected.append((number, "payload-malformed"))
            continue
        for item in purposes:
            purpose = known_only(item, _PURPOSE, name=name, number=number, part="a purpose")
            _purpose(choices, event, purpose, member, said, number)
    return choices.table()


def _purpose(
    choices: Choices,
    event: dict[str, Any],
    purpose: dict[str, Any],
    member: str,
    said: str,
    number: int,
) -> None:
    enabled, code = purpose.get("enabled"), purpose.get("id")
    if not isinstance(enabled, bool) or not isinstance(code, str):
        choices.rejected.append((number, "payload-malformed"))
        return
    if enabled and event.get("status", "confirmed") != "confirmed":
        choices.rejected.append((number, "not-confirmed"))
        return
    if enabled and event.get("delegate"):
        choices.rejected.append((number, "said-by-another"))
        return
    propagated = bool(purpose.get("from_propagation"))
    proofs = event.get("proofs")
    choices.add(
        number,
        member=member,
        purpose=code,
        decision=("preset" if propagated else "grant") if enabled else "refuse",
        said=said,
        evidence={
            "event": _text(event.get("id")),
            "from_propagation": True if propagated else None,
            "proofs": [sha256(str(p).encode()).hex() for p in proofs]
            if isinstance(proofs, list) and proofs
            else None,
            "regulation": _text(event.get("regulation")),
        },
    )


def _said(value: object) -> str | None:
    try:
        return format_instant(parse_instant(value)) if isinstance(value, str) else None
    except InputError:
        return None


def _text(value: object) -> str | None:
    return value[:200] if isinstance(value, str) else None
