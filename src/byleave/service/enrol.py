"""Enrol members: everyone who appears in imported data, consenting or not.

Each member gets a secret `r` of 32 bytes; the log gets a commitment to it (tag 0x20), so that
the label under which a snapshot files them is fixed before any snapshot exists (G7, G10).

The one Python step per member is the hash of their commitment. Nobody who is enrolled already is
read but those asked about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import repeat
from typing import Final

from byleave.evidence.commitment_entries import CommitmentEntries
from byleave.evidence.enrolment import SECRET_BYTES, TAG_ENROLMENT
from byleave.evidence.entry import EnrolmentEntry
from byleave.ids import to_us
from byleave.service.house import House, LedgerWriter

__all__ = ["enrol", "enrol_new", "enrol_within"]

_TAG: Final = bytes([TAG_ENROLMENT])


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
    places = regions or {}
    wanted = dict.fromkeys(members)
    asked = [*wanted, *(m for m in places if m not in wanted)]
    known = house.ledger.ordinals(asked) if house.ledger.member_count() else {}
    new = [m for m in wanted if m not in known]
    first = enrol_new(house, writer, new)
    if places:
        known.update(zip(new, range(first, first + len(new)), strict=True))
        now = to_us(house.now())
        writer.add_regions(sorted((known[m], now, r) for m, r in places.items() if m in known))
    return len(new)


def enrol_new(house: House, writer: LedgerWriter, members: Sequence[str]) -> int:
    """Enrol members of whom each is new and stands once; return the ordinal of the first.

    Args:
        house: The workspace's ports.
        writer: The open transaction.
        members: Member ids.
    """
    count, first = len(members), house.ledger.member_count()
    secrets = house.random(SECRET_BYTES * count)
    own = [secrets[at : at + SECRET_BYTES] for at in range(0, len(secrets), SECRET_BYTES)]
    index = writer.log_many(
        CommitmentEntries(
            EnrolmentEntry,
            b"".join(
                sha256(_TAG + secret + member.encode()).digest()
                for secret, member in zip(own, members, strict=True)
            ),
        )
    )
    writer.add_members(
        zip(
            range(first, first + count),
            members,
            own,
            range(index, index + count),
            repeat(to_us(house.now())),
            strict=False,
        )
    )
    return first
