"""Why a row was not kept: one stable code each, with the sentence it means.

The numbers are stored in gate records; never reuse one. 1 to 19 come from a member's own
choices, 20 to 39 from the rules of a region, 40 and above from the row itself.
`KEPT` is no refusal; it stands in the same column.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

__all__ = ["MEANINGS", "SILENCES", "VETOES", "Ground", "Reason"]


class Reason(IntEnum):
    """One code per row; `word` is how it is written everywhere."""

    KEPT = 0
    NO_GRANT = 1
    REFUSED = 2
    WITHDRAWN = 3
    OBJECTED = 4
    EXPIRED = 5
    EVIDENCE_GRADE = 6
    NOTICE_DOES_NOT_COVER = 7
    PROMISE_OF_COLLECTION = 8
    COLLECTED_AT_UNKNOWN = 9
    GRANT_TOO_GENERAL = 10
    REGION_SUSPENDED = 20
    REGION_FORBIDS = 21
    MINOR = 22
    BEFORE_EARLIEST = 23
    AGE_UNKNOWN = 24
    GROUP_EXCLUDED = 25
    COLLECTED_WHILE_SUSPENDED = 26
    CATEGORY_UNKNOWN = 40
    OTHER_CATEGORY = 41
    DRAFT_NEVER_SENT = 42
    PARTY_MISSING = 43
    PARTY_UNKNOWN = 44
    PARTY_VETOED = 45

    @property
    def word(self) -> str:
        """The stable code: `no-grant`."""
        return self.name.lower().replace("_", "-")

    @property
    def meaning(self) -> str:
        """What it means, for people."""
        return MEANINGS[self]


class Ground(IntEnum):
    """Why one party's record may be used. The numbers are stored; never reuse one."""

    NONE = 0
    CONSENT = 1
    CONSENT_OF_ANOTHER_PARTY = 2
    NOT_OBJECTED = 3
    CONTRACT = 4

    @property
    def word(self) -> str:
        """The stable word: `consent-of-another-party`."""
        return self.name.lower().replace("_", "-")


VETOES: Final = frozenset({Reason.REFUSED, Reason.WITHDRAWN, Reason.OBJECTED})
"""A no that was said: it stops the row whoever else said yes (G4)."""

SILENCES: Final = frozenset(
    {
        Reason.NO_GRANT,
        Reason.EXPIRED,
        Reason.EVIDENCE_GRADE,
        Reason.NOTICE_DOES_NOT_COVER,
        Reason.PROMISE_OF_COLLECTION,
        Reason.COLLECTED_AT_UNKNOWN,
        Reason.GRANT_TOO_GENERAL,
    }
)
"""No yes that counts: the party rule says whether it matters."""

MEANINGS: Final[Mapping[Reason, str]] = {
    Reason.KEPT: "may be used",
    Reason.NO_GRANT: "no yes on record",
    Reason.REFUSED: "said no",
    Reason.WITHDRAWN: "said yes, then stopped",
    Reason.OBJECTED: "made an objection",
    Reason.EXPIRED: "the yes had an end date",
    Reason.EVIDENCE_GRADE: "a yes without the text it answered",
    Reason.NOTICE_DOES_NOT_COVER: "the text shown did not name this use",
    Reason.PROMISE_OF_COLLECTION: "collected under an older promise",
    Reason.COLLECTED_AT_UNKNOWN: "no date, so no promise to check",
    Reason.GRANT_TOO_GENERAL: "a yes to everything is void there",
    Reason.REGION_SUSPENDED: "use is suspended in that region",
    Reason.REGION_FORBIDS: "no rule of that region allows it",
    Reason.MINOR: "too young",
    Reason.BEFORE_EARLIEST: "older than the rules reach back",
    Reason.AGE_UNKNOWN: "age not known, and the rule asks for it",
    Reason.GROUP_EXCLUDED: "in a group that is left out there",
    Reason.COLLECTED_WHILE_SUSPENDED: "collected while the use was suspended",
    Reason.CATEGORY_UNKNOWN: "no such category of data",
    Reason.OTHER_CATEGORY: "a category the use does not name",
    Reason.DRAFT_NEVER_SENT: "never sent to anyone",
    Reason.PARTY_MISSING: "author or a recipient is missing",
    Reason.PARTY_UNKNOWN: "a person nobody has on record",
    Reason.PARTY_VETOED: "someone else in it said no",
}
