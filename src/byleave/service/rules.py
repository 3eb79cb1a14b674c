"""Rulesets in force: the package's and the operator's, logged on change, read back as of any day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from byleave.canonical import Json
from byleave.consent.event import EvidenceGrade
from byleave.consent.reason import Reason
from byleave.consent.state import build
from byleave.errors import EvidenceError, InputError, RefusedError
from byleave.evidence.entry import RulesetEntry, TaxonomyEntry
from byleave.ids import Digest, format_instant, parse_digest, to_us
from byleave.policy.ruleset import RuleBook
from byleave.policy.ruleset_record import parse_book
from byleave.policy.scope import Scope, Use
from byleave.service.clock import ledger_now
from byleave.service.columns import event_columns
from byleave.service.house import House, Ledger
from byleave.service.notice import coverages, published_notices

__all__ = [
    "RulesImpact",
    "accepted_grade",
    "log_changes",
    "logged_rules",
    "logged_terms",
    "publish_rules",
    "refuse_lost_terms",
    "refuse_retroactive_evidence",
    "rules_as_of",
    "rules_impact",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesImpact:
    """What other rules would change.

    Attributes:
        version: Version of the new book.
        digest: Its digest.
        added: Rulesets it adds or changes, `NAME@DATE`.
        removed: Rulesets it no longer holds, or holds changed.
        accepts: Evidence grade accepted at the instant looked at, before and after.
        at: That instant: the latest date of a new evidence rule, else now.
        members: How many members there are.
        turned_on: For each use, members whose grant would begin to count.
        turned_off: For each use, members whose grant would stop counting.
    """

    version: str
    digest: Digest
    added: tuple[str, ...]
    removed: tuple[str, ...]
    accepts: tuple[str, str]
    at: datetime
    members: int
    turned_on: dict[str, int]
    turned_off: dict[str, int]

    def to_dict(self) -> dict[str, Json]:
        """Return the impact for `--json`."""
        return {
            "version": self.version,
            "sha256": self.digest.hex(),
            "added": list(self.added),
            "removed": list(self.removed),
            "accepts": {"before": self.accepts[0], "after": self.accepts[1]},
            "at": format_instant(self.at),
            "members": self.members,
            "turned_on": self.turned_on,
            "turned_off": self.turned_off,
        }


def accepted_grade(book: RuleBook, at: datetime) -> EvidenceGrade:
    """Return the lowest evidence grade at which a grant counts at an instant."""
    return EvidenceGrade[book.accepts(at).upper()]


def logged_rules(ledger: Ledger) -> Digest | None:
    """Return the digest of the rulesets logged last; None before the first."""
    rows = ledger.objects("ruleset")
    return parse_digest(rows[-1][3]["sha256"]) if rows else None


def logged_terms(ledger: Ledger) -> Digest | None:
    """Return the digest of the taxonomy logged last; None before the first."""
    rows = ledger.objects("taxonomy")
    return parse_digest(rows[-1][3]["sha256"]) if rows else None


def log_changes(house: House) -> bool:
    """Log rulesets and terms where the package's or the operator's changed; say whether they did.

    Raises:
        EvidenceError: As `refuse_lost_terms`.
        RefusedError: As `publish_rules`.
    """
    logged, terms = logged_rules(house.ledger), logged_terms(house.ledger)
    if terms is not None and terms != house.taxonomy.digest:
        refuse_lost_terms(house)
    if logged is None or (logged, terms) == (house.rulebook.digest, house.taxonomy.digest):
        return False
    publish_rules(house)
    return True


def refuse_lost_terms(house: House) -> None:
    """Refuse a taxonomy without a term that a published notice asks for.

    Whoever answered could neither withdraw under that name nor have the answer replayed.

    Raises:
        EvidenceError: `workspace.damaged`, the operator's file lost the term.
    """
    for _, _, _, document in house.ledger.objects("notice"):
        for ask in document["asks"]:
            try:
                house.taxonomy.check(Scope.parse(ask))
            except InputError as error:
                raise EvidenceError(
                    f"the operator's terms lack one that a notice asks for: {error.message}",
                    code="workspace.damaged",
                    where="taxonomy.yaml",
                    hint="put it back; a term that fell out of use keeps its entry and names its "
                    "successor (replaced_by)",
                ) from error


def rules_as_of(house: House, before: int) -> RuleBook:
    """Return the rulesets in force at a ledger position: those logged last below it.

    Before any was logged, and for records that hold their digest only, today's book stands in
    where its digest is the logged one.

    Raises:
        EvidenceError: `workspace.damaged`, the record is not the one that was logged.
    """
    rows = [row for row in house.ledger.objects("ruleset") if row[0] < before]
    if not rows:
        return house.rulebook
    document = rows[-1][3]
    digest = parse_digest(document["sha256"])
    if digest == house.rulebook.digest or "book" not in document:
        return house.rulebook
    return parse_book(document["book"], digest=digest)


def publish_rules(house: House) -> int:
    """Log the taxonomy and the rulesets in force; return the rulesets' log index.

    Raises:
        RefusedError: `ruleset.retroactive`, a rule that accepts weaker evidence would hold from
            before now.
    """
    now = ledger_now(house)
    refuse_retroactive_evidence(house, now)
    number = len(house.ledger.objects("ruleset")) + 1
    with house.ledger.writing() as writer:
        taxonomy = writer.log(TaxonomyEntry(sha256=house.taxonomy.digest).encode())
        writer.add_object(
            "taxonomy",
            f"taxonomy-{number}",
            index=taxonomy,
            at_us=to_us(now),
            document={"version": house.taxonomy.version, "sha256": house.taxonomy.digest.hex()},
        )
        entry = RulesetEntry(
            ruleset=f"rulesets {house.rulebook.version}", sha256=house.rulebook.digest
        )
        index = writer.log(entry.encode())
        document: dict[str, Any] = {
            "version": house.rulebook.version,
            "sha256": house.rulebook.digest.hex(),
            "book": house.rulebook.to_dict(),
        }
        writer.add_object(
            "ruleset", f"rulesets-{number}", index=index, at_us=to_us(now), document=document
        )
    return index


def refuse_retroactive_evidence(house: House, now: datetime) -> None:
    """Refuse a new rule that accepts weaker evidence from before now (G3).

    Raises:
        RefusedError: `ruleset.retroactive`.
    """
    before = rules_as_of(house, house.ledger.size())
    if logged_rules(house.ledger) is None or before.digest == house.rulebook.digest:
        return
    for rule in house.rulebook.evidence:
        weaker = EvidenceGrade[rule.accepts.upper()] < accepted_grade(before, rule.start)
        if rule not in before.evidence and weaker and rule.start < now:
            raise RefusedError(
                f"evidence of grade {rule.accepts!r} would be accepted from"
                f" {format_instant(rule.start)}, before the rule is logged",
                code="ruleset.retroactive",
                hint=f"date it {format_instant(now)} or later",
            )


def rules_impact(house: House, new: RuleBook) -> RulesImpact:
    """Say what a new book would change for members, and change nothing.

    Looks at every leaf use that a published notice covers or an event's scope reaches.
    """
    old = rules_as_of(house, house.ledger.size())
    fresh = [rule.start for rule in new.evidence if rule not in old.evidence]
    at = max([ledger_now(house), *fresh])
    columns, notices = event_columns(house), coverages(house)
    members = house.ledger.member_count()
    uses = {use for n in published_notices(house.ledger).values() for use in n.uses}
    uses |= {use for scope in columns.scopes for use in house.taxonomy.expand(scope)}
    turned_on, turned_off = dict[str, int](), dict[str, int]()
    grades = accepted_grade(old, at), accepted_grade(new, at)

    def allowed(use: Use, accepted: EvidenceGrade) -> npt.NDArray[np.bool_]:
        state = build(columns, use, at=at, members=members, notices=notices, accepted=accepted)
        return np.equal(state.code, Reason.KEPT)

    for use in sorted(uses) if grades[0] != grades[1] else ():
        before, after = allowed(use, grades[0]), allowed(use, grades[1])
        for found, count in (
            (turned_on, int((after & ~before).sum())),
            (turned_off, int((before & ~after).sum())),
        ):
            if count:
                found[str(use)] = count
    had = {(f"{r.name}@{format_instant(r.effective)[:10]}", r.digest) for r in old.sets}
    has = {(f"{r.name}@{format_instant(r.effective)[:10]}", r.digest) for r in new.sets}
    return RulesImpact(
        version=new.version,
        digest=new.digest,
        added=tuple(sorted(name for name, _ in has - had)),
        removed=tuple(sorted(name for name, _ in had - has)),
        accepts=(old.accepts(at), new.accepts(at)),
        at=at,
        members=members,
        turned_on=turned_on,
        turned_off=turned_off,
    )
