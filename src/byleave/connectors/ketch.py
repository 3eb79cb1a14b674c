"""Ketch: `ConsentRequest` payloads of its forwarder, apiVersion `consent/v1`.

Form: ketch-com/ketch-forwarder, api/consent/v1/Consent.md. What its words come to here:

    granted  consent_optin                  grant
    granted  consent_optout                 preset: nobody acted, so it is evidence and no consent
    granted  disclosure, other, none named  left out: `basis-not-consent`
    denied   consent_optin, none named      refuse
    denied   any other                      object
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.connectors.payloads import Choices, Mapped, known_only, one_of, payloads
from byleave.errors import InputError
from byleave.ids import format_instant

__all__ = ["ADAPTER", "read_ketch"]

ADAPTER: Final = "ketch/v1"
_TOP: Final = {"apiVersion", "kind", "metadata", "request"}
_REQUEST: Final = {
    "collectedAt", "context", "controller", "environment", "identities", "jurisdiction",
    "legalBasis", "property", "purposes", "regulation", "vendors",
}  # fmt: skip
_IDENTITY: Final = {"identitySpace", "identityFormat", "identityValue"}
_BASES: Final = ("consent_optin", "consent_optout", "disclosure", "other")


def read_ketch(
    data: bytes, mapped: Mapped, *, name: str
) -> tuple[pa.Table, npt.NDArray[np.int64], tuple[tuple[int, str], ...]]:
    """Return the choices of a file of payloads: table, payload of each row, what was left out.

    Args:
        data: One payload, an array of them, or one a line.
        mapped: What its purposes stand for; `identity` names the identity space (`account_id`).
        name: What to call the file in messages.

    Raises:
        InputError: `consent.import-payload`.
    """
    choices = Choices(mapped, ADAPTER)
    for number, payload in payloads(data, name=name):
        top = known_only(payload, _TOP, name=name, number=number)
        one_of(top.get("apiVersion"), ["consent/v1"], name=name, number=number, part="apiVersion")
        one_of(top.get("kind"), ["ConsentRequest"], name=name, number=number, part="kind")
        request = known_only(top.get("request"), _REQUEST, name=name, number=number, part="request")
        if request.get("environment") != "production":
            choices.rejected.append((number, "not-production"))
            continue
        member = _member(request, mapped.identity or "account_id", name, number)
        said = _said(request.get("collectedAt"))
        if member is None or said is None:
            choices.rejected.append((number, "payload-malformed"))
            continue
        metadata = top.get("metadata")
        told = {
            "jurisdiction": _text(request.get("jurisdiction")),
            "regulation": _text(request.get("regulation")),
            "uid": _text(metadata.get("uid")) if isinstance(metadata, dict) else None,
        }
        _purposes(choices, request, member, said, told, name, number)
    return choices.table()


def _purposes(
    choices: Choices,
    request: dict[str, Any],
    member: str,
    said: str,
    told: dict[str, str | None],
    name: str,
    number: int,
) -> None:
    purposes, bases = request.get("purposes"), request.get("legalBasis", {})
    if not isinstance(purposes, dict) or not isinstance(bases, dict):
        choices.rejected.append((number, "payload-malformed"))
        return
    for purpose, status in purposes.items():
        one_of(status, ["granted", "denied"], name=name, number=number, part="a purpose")
        basis = bases.get(purpose)
        if basis is not None:
            one_of(basis, _BASES, name=name, number=number, part="a legal basis")
        decision = _decision(status, basis)
        if decision is None:
            choices.rejected.append((number, "basis-not-consent"))
            continue
        choices.add(
            number,
            member=member,
            purpose=purpose,
            decision=decision,
            said=said,
            evidence={**told, "legal_basis": basis},
        )


def _decision(status: str, basis: str | None) -> str | None:
    if status == "granted":
        return {"consent_optin": "grant", "consent_optout": "preset"}.get(basis or "")
    return "refuse" if basis in {None, "consent_optin"} else "object"


def _member(request: dict[str, Any], space: str, name: str, number: int) -> str | None:
    identities = request.get("identities")
    if not isinstance(identities, list):
        return None
    found = []
    for item in identities:
        identity = known_only(item, _IDENTITY, name=name, number=number, part="an identity")
        if identity.get("identitySpace") == space and identity.get("identityFormat") == "raw":
            found.append(identity.get("identityValue"))
    one = found[0] if len(found) == 1 else None
    return one if isinstance(one, str) and one else None


def _said(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    try:
        return format_instant(datetime.fromtimestamp(value, UTC))
    except (InputError, OverflowError, OSError, ValueError):
        return None


def _text(value: object) -> str | None:
    return value[:200] if isinstance(value, str) else None
