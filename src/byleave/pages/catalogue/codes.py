"""What a code means: grounds, reasons, and which sentence a standing has."""

from __future__ import annotations

from typing import Final

__all__ = ["BECAUSE", "GROUNDS", "LIMITS", "REASONS"]

LIMITS: Final = (
    "It cannot show that nobody trained on your data outside this system.",
    "It cannot show that each record was filed under the right person.",
    "It cannot bring back a copy someone kept.",
    "Auditors can repeat our training and test our models.",
    "That makes cheating harder. It does not rule it out.",
)
"""The honest limits block, word for word, wherever a proof is shown."""

GROUNDS: Final[dict[str, str]] = {
    "consent": "you agreed",
    "consent-of-another-party": "another person in the chat agreed",
    "not-objected": "the law lets us unless you object",
    "contract": "it is needed to run the service",
}
"""Ground → words (M8). Only the first is ever called consent."""

REASONS: Final[dict[str, str]] = {
    "grant-too-general": "the yes was about everything at once",
    "no-grant": "no yes on record",
    "refused": "said no",
    "withdrawn": "said yes, then stopped",
    "objected": "objected",
    "expired": "the yes had an end date",
    "evidence-grade": "a yes without the text it answered",
    "notice-does-not-cover": "the text agreed to did not name this use",
    "promise-of-collection": "collected under an older promise",
    "collected-at-unknown": "no date, so no promise to check",
    "region-suspended": "stopped in that region",
    "region-forbids": "forbidden in that region",
    "party-missing": "no sender or reader is named",
    "party-unknown": "a sender or reader is not known here",
    "party-vetoed": "someone else in the message said no",
    "minor": "someone in it is too young",
    "age-unknown": "the age of someone in it is not known",
    "group-excluded": "someone in it is in a group that is left out",
    "collected-while-suspended": "collected while the use was suspended there",
    "before-earliest": "older than the rules allow",
    "category-unknown": "the kind of data is not known",
    "draft-never-sent": "a draft that was never sent",
    # reasons of a case, counted for each member in each message
    "date-unknown": "it is not known when it was sent",
    "refused-but-used": "had said no, and was not asked again",
    "collected-under-older-promise": "said yes, but only to newer data",
    "recipient-never-asked": "read it; only the writer was asked",
    "before-policy": "no text named the use yet",
    "no-choice": "had never said anything",
    "evidence-erased": "the evidence was erased on request",
    "other": "the rules said no",
}
"""Reason code of a dropped record → what it means; a code without words has those of `other`."""

BECAUSE: Final[dict[str, str]] = {
    "granted": "standing.granted",
    "consent": "standing.granted",
    "not-objected": "standing.not-objected",
    "contract": "standing.contract",
    "consent-of-another-party": "standing.consent-of-another-party",
    **{
        code: f"standing.{code}"
        for code in (
            "no-grant", "refused", "withdrawn", "objected", "expired", "evidence-grade",
            "notice-does-not-cover", "promise-of-collection", "region-suspended",
            "region-forbids", "minor", "age-unknown", "group-excluded", "grant-too-general",
        )
    },
}  # fmt: skip
"""Reason code of a standing → its sentence."""
