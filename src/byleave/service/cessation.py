"""State that a use has ceased: signed, logged, refused where the ledger says otherwise."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from byleave.canonical import Json, digest_of
from byleave.errors import InputError, RefusedError
from byleave.evidence.cessation import cessation_statement, contradicts, signed_bytes
from byleave.evidence.entry import CessationEntry, Entry, parse_entry
from byleave.evidence.proof_file import encode_proof_file
from byleave.evidence.proof_kinds import CessationFile
from byleave.ids import format_instant, to_us
from byleave.service.clock import ledger_now
from byleave.service.house import House

__all__ = ["cessation_proof", "check_cessation", "state_cessation"]

_STEP = 1_000


def state_cessation(house: House, use: str, since: datetime, *, operator: str) -> int:
    """State that nothing was processed under a use since an instant; return the log index.

    Args:
        house: The workspace's ports.
        use: A scope: PURPOSE/CATEGORY/RECIPIENT, each a term, a group of them or `*`.
        since: From when on.
        operator: Who states it.

    Raises:
        InputError: `use.malformed`, `use.unknown-term`; `cessation.interval`, `since` is yet to come.
        RefusedError: `cessation.contradicted`, the log has a gate or a disclosure under the use.
    """
    document, entry = check_cessation(house, use, since, operator=operator)
    now = entry.stated
    signature = house.signer.sign(signed_bytes(document))
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object(
            "cessation",
            f"cessation-{index}",
            index=index,
            at_us=to_us(now),
            document={"statement": document, "signature": signature.hex()},
        )
    return index


def check_cessation(
    house: House, use: str, since: datetime, *, operator: str
) -> tuple[dict[str, Json], CessationEntry]:
    """Return the statement and its entry, or refuse them, as `state_cessation` does."""
    scope = house.taxonomy.scope(use)
    now = ledger_now(house)
    if since > now:
        raise InputError("the instant is yet to come", code="cessation.interval")
    first = house.ledger.position_at(to_us(since) - 1)  # it returns what is after
    document = cessation_statement(
        origin=house.log.origin,
        operator=operator,
        use=str(scope),
        since=format_instant(since),
        first=first,
        stated=format_instant(now),
    )
    entry = CessationEntry(
        use=str(scope),
        since=since,
        first=first,
        stated=now,
        signer=house.signer.public_key(),
        statement=digest_of(document),
    )
    against = _contradictions(house, entry)
    if against:
        raise RefusedError(
            f"log entry {against[0]:,} is of this use and stands after that instant",
            code="cessation.contradicted",
            hint="state a later instant, or a narrower use",
        )
    return document, entry


def cessation_proof(house: House, index: int) -> bytes:
    """Return the proof file of a logged statement.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    found = house.ledger.object("cessation", f"cessation-{index}")
    if found is None:
        raise InputError(
            f"log entry {index} is no statement of cessation", code="workspace.unknown-object"
        )
    document: dict[str, Any] = found[2]
    return encode_proof_file(
        CessationFile(
            cessation=house.log.logged(index),
            statement=document["statement"],
            signature=bytes.fromhex(document["signature"]),
        )
    )


def _contradictions(house: House, entry: CessationEntry) -> list[int]:
    """Return the log indexes that contradict a statement made now; one loop over the log's tail."""
    size, against = house.ledger.size(), []
    for start in range(entry.first, size, _STEP):
        for index, data in enumerate(house.ledger.read(start, min(start + _STEP, size)), start):
            # Most entries are commitments; only these two kinds name a use.
            if b'"use":' in data and contradicts(parse_entry(data, Entry), index, entry, size):
                against.append(index)
    return against
