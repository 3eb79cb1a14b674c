"""A book of rulesets as the ledger keeps it, read back: old decisions under the rules of their day.

`RuleBook.to_dict` writes the record, its digest is in the log; `parse_book` reads it. A decision
is then replayed under the very rules it was taken under, whatever the package ships today (G5).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from byleave.errors import EvidenceError, InputError
from byleave.ids import Digest, parse_instant
from byleave.policy.ruleset import (
    Basis,
    EvidenceRule,
    Exclusion,
    PartyRule,
    Purge,
    Rule,
    RuleBook,
    Ruleset,
    Suspension,
)
from byleave.policy.scope import Scope

__all__ = ["parse_book"]


def parse_book(document: Mapping[str, Any], *, digest: Digest) -> RuleBook:
    """Return the book of a record.

    Args:
        document: What `RuleBook.to_dict` gave.
        digest: The digest in the log.

    Raises:
        EvidenceError: `workspace.damaged`, the record is not the one that was logged.
    """
    try:
        book = RuleBook(
            version=document["version"],
            sets=tuple(_ruleset(item) for item in document["sets"]),
            evidence=tuple(
                EvidenceRule(
                    start=parse_instant(item["from"]), accepts=item["accepts"], cite=item["cite"]
                )
                for item in document.get("evidence", ())
            ),
        )
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise _damaged() from error
    if book.digest != digest:
        raise _damaged()
    return book


def _ruleset(item: Mapping[str, Any]) -> Ruleset:
    return Ruleset(
        name=item["ruleset"],
        title=item["title"],
        effective=parse_instant(item["effective"]),
        regions=tuple(item["regions"]),
        rules=tuple(_rule(rule) for rule in item["rules"]),
        party_rule=PartyRule.parse(item["party_rule"]),
        party_cite=item["party_cite"],
        min_age=item["min_age"],
        min_age_scope=Scope.parse(item["min_age_scope"]),
        unknown_age_refused=item.get("unknown_age_refused", False),
        earliest=_instant(item["earliest"]),
        earliest_scope=Scope.parse(item["earliest_scope"]),
        past_may_be_covered=item["past_may_be_covered"],
        general_grants_count=item["general_grants_count"],
        suspensions=tuple(
            Suspension(
                scope=Scope.parse(part["scope"]),
                start=parse_instant(part["start"]),
                end=_instant(part["end"]),
                cite=part["cite"],
            )
            for part in item["suspensions"]
        ),
        purged=tuple(
            Purge(
                scope=Scope.parse(part["scope"]),
                start=parse_instant(part["start"]),
                end=parse_instant(part["end"]),
                cite=part["cite"],
            )
            for part in item.get("purged", ())
        ),
        excluded=tuple(
            Exclusion(
                scope=Scope.parse(part["scope"]), groups=tuple(part["groups"]), cite=part["cite"]
            )
            for part in item.get("excluded_groups", ())
        ),
        min_age_cite=item.get("min_age_cite"),
        earliest_cite=item.get("earliest_cite"),
        general_cite=item.get("general_cite"),
    )


def _rule(item: Mapping[str, Any]) -> Rule:
    return Rule(
        scope=Scope.parse(item["scope"]),
        basis=_basis(item["basis"]),
        cite=item["cite"],
        notice_days=item["notice_days"],
        noticed=_instant(item["noticed"]),
        law_allows=None if item["law_allows"] is None else _basis(item["law_allows"]),
        law_cite=item["law_cite"],
    )


def _basis(word: str) -> Basis:
    return {basis.word: basis for basis in Basis}[word]


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _damaged() -> EvidenceError:
    return EvidenceError(
        "the record of the rulesets is not the one that was logged", code="workspace.damaged"
    )
