"""Enrol members: everyone who appears in imported data, consenting or not.

Each member gets a secret `r` of 32 bytes; the log gets a commitment to it (tag 0x20), so that
the label under which a snapshot files them is fixed before any snapshot exists (G7, G10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from byleave.evidence.enrolment import enrolment_commitment
from byleave.evidence.entry import EnrolmentEntry
from byleave.ids import to_us
from byleave.service.house import House, LedgerWriter

__all__ = ["enrol", "enrol_within"]

_SECRET_BYTES = 32


def enrol(house: House, members: Sequence[str], *, regions: Mapping[str, str] | None = None) -> int:
    """Enrol those of `members` who are not enrolled yet, in the order given; return how many."""
    with house.ledger.writing() as writer:
        return enrol_within(house, writer, members, regions=regions)


def enrol_within(
    house: House,
    writer: LedgerWriter,
    members: Sequence[str],
    *,
    regions: Mapping[str, str] | None = None,
) -> int:
    """Enrol members in a transaction that holds more than that.

    Args:
        house: The workspace's ports.
        writer: The open transaction.
        members: Member ids; duplicates and known ones are skipped.
        regions: Region of a member from now on, where one is known; unknown stays unknown.

    Returns:
        How many were new.
    """
    known = {row[1]: row[0] for row in house.ledger.members()}
    new = [m for m in dict.fromkeys(members) if m not in known]
    now = to_us(house.now())
    secrets = house.random(_SECRET_BYTES * len(new))
    rows = []
    for place, member in enumerate(new):
        secret = secrets[_SECRET_BYTES * place : _SECRET_BYTES * (place + 1)]
        entry = EnrolmentEntry(commitment=enrolment_commitment(secret, member))
        known[member] = len(known)
        rows.append((known[member], member, secret, writer.log(entry.encode()), now))
    writer.add_members(rows)
    facts = sorted((known[m], now, r) for m, r in (regions or {}).items() if m in known)
    writer.add_regions(facts)
    return len(new)
