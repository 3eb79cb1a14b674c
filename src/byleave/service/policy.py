"""Publish policy documents, notices and rulesets; say the impact first.

Publishing a document changes no decision (G3). That is not taken on trust: `publish_document`
decides every member for every use the document touches before and after, and counts the
differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from byleave.canonical import Json
from byleave.consent.reason import VETOES, Reason
from byleave.consent.state import build
from byleave.errors import ConflictError
from byleave.evidence.entry import PolicyDocumentEntry
from byleave.ids import format_instant, to_us
from byleave.policy import document as documents
from byleave.policy.document import PolicyDocument, parse_document, refuse_retroactive
from byleave.policy.ruleset import Basis
from byleave.policy.scope import Use
from byleave.policy.variants import seen_at, serves
from byleave.service.clock import ledger_now
from byleave.service.columns import event_columns
from byleave.service.house import House
from byleave.service.notice import coverages, publish_notice, published_notices
from byleave.service.policy_text import areas, versions_of
from byleave.service.rules import accepted_grade, publish_rules

__all__ = [
    "Choices",
    "Impact",
    "Published",
    "coverages",
    "impact_of",
    "publish_document",
    "publish_notice",
    "publish_rules",
    "published_notices",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the members a text is for said of one use, as counts that sum to their number.

    By their choices alone: whom the rules of a region, an age or a group stop is not taken off.

    Attributes:
        agree: Their grant counts.
        refuse: They refused, withdrew or objected, and are not asked again for that.
        lapsed: They agreed once, and it does not count: expired, or the notice they saw does not
            cover this use, or there is no evidence of it.
        silent: They never said anything.
    """

    agree: int
    refuse: int
    lapsed: int
    silent: int

    @property
    def ask(self) -> int:
        """Return how many have to be asked before the use may begin."""
        return self.lapsed + self.silent

    def to_dict(self) -> dict[str, Json]:
        """Return the counts for `--json`."""
        return {
            "agree": self.agree,
            "refuse": self.refuse,
            "lapsed": self.lapsed,
            "silent": self.silent,
            "ask": self.ask,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What publishing a document would change.

    Attributes:
        document: Id of the text.
        version: The version to be published.
        words: Uses added and removed, notice window, mismatches of prose and declaration.
        agreed: For each use touched, how many members' yes stands now, by their choices alone.
        choices: The same in full: who agreed, said no, or has to be asked.
        members: How many members the text is for: those of its regions.
        asked_again: Members who have to be asked before at least one added use may begin: those
            who neither agreed nor said no, where it rests on consent.
    """

    document: str
    version: str
    words: documents.Impact
    agreed: Mapping[str, int]
    choices: Mapping[str, Choices]
    members: int
    asked_again: int

    def to_dict(self) -> dict[str, Json]:
        """Return the impact for `--json`."""
        return {
            "document": self.document,
            "version": self.version,
            "members": self.members,
            "agreed": dict(self.agreed),
            "choices": {use: choices.to_dict() for use, choices in self.choices.items()},
            "asked_again": self.asked_again,
            **self.words.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A document published: its log index, its impact, and decisions that it changed (0)."""

    index: int
    impact: Impact
    decisions_changed: int


def impact_of(house: House, text: str, *, name: str, publishable: bool = False) -> Impact:
    """Say what publishing a document would do; publish nothing.

    Args:
        house: The workspace's ports.
        text: The document.
        name: Of its file, for messages.
        publishable: Refuse it as publishing it now would.

    Raises:
        InputError: Codes of `parse_document`.
        RefusedError: `policy.retroactive`, where it has to be publishable.
        ConflictError: `workspace.exists`.
    """
    new = parse_document(text.encode(), name=name, taxonomy=house.taxonomy)
    if publishable:
        refuse_retroactive(new, recorded=house.now())
    return _impact(house, new)


def publish_document(house: House, text: str, *, name: str) -> Published:
    """Publish a policy document.

    Raises:
        InputError: Codes of `parse_document`.
        RefusedError: `policy.retroactive`, it would take effect before it is recorded.
        ConflictError: `workspace.exists`, that version stands already.
    """
    new = parse_document(text.encode(), name=name, taxonomy=house.taxonomy)
    recorded = house.now()
    refuse_retroactive(new, recorded=recorded)
    found = _impact(house, new)
    touched = _touched(house, new)
    before = _decisions(house, touched)
    entry = PolicyDocumentEntry(
        document=new.document,
        version=new.version,
        sha256=new.sha256,
        declaration=new.declaration,
        effective=new.effective,
        announced=new.announced,
        recorded=recorded,
    )
    record: dict[str, Any] = {
        "document": new.document,
        "version": new.version,
        "label": _label(house, new),
        "title": new.title,
        "document_kind": new.kind,
        "jurisdiction": new.jurisdiction,
        "address": new.address,
        "kind": {
            "privacy-policy": "policy",
            "announcement": "help",
            "recipient-terms": "agreement",
        }.get(new.kind, new.kind),
        "effective": format_instant(new.effective),
        "announced": None if new.announced is None else format_instant(new.announced),
        "recorded": format_instant(recorded),
        "sha256": new.sha256.hex(),
        "language": new.language,
        "adds": [str(use) for use in found.words.added],
        "removes": [str(use) for use in found.words.removed],
        "notice_window_days": found.words.notice_window_days,
        "text": text,
    }
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object(
            "policy",
            f"{new.document} {record['label']}",
            index=index,
            at_us=to_us(recorded),
            document=record,
        )
    after = _decisions(house, touched)
    changed = sum(int((before[use] != after[use]).sum()) for use in touched)
    return Published(index=index, impact=found, decisions_changed=changed)


def _impact(house: House, new: PolicyDocument) -> Impact:
    old = _before(house, new)
    words = documents.impact(old, new, taxonomy=house.taxonomy, recorded=house.now())
    _label(house, new)  # says early that the version stands already
    concerned = _concerned(house, new)
    decisions = _decisions(house, (*words.added, *words.removed))
    codes = {use: code[concerned] for use, code in decisions.items()}
    needs = _rests_on_consent(house, words.added, at=new.effective)
    added = [_has_to_be_asked(codes[use]) & needs[use][concerned] for use in words.added]
    return Impact(
        document=new.document,
        version=new.version,
        words=words,
        agreed={str(use): int((code == Reason.KEPT).sum()) for use, code in codes.items()},
        choices={str(use): _choices(code) for use, code in codes.items()},
        members=int(concerned.sum()),
        asked_again=int(np.logical_or.reduce(added).sum()) if added else 0,
    )


def _label(house: House, new: PolicyDocument) -> str:
    """Return what tells this version from all others of its document.

    Its version, where no other variant has it; else the variant behind it.

    Raises:
        ConflictError: `workspace.exists`, this variant has that version already.
    """
    held = {v.label: v.document for v in versions_of(house, new.document)}
    if any(d.variant == new.variant and d.version == new.version for d in held.values()):
        raise ConflictError(
            f"{new.document} {new.version} is published already", code="workspace.exists"
        )
    if new.version not in held:
        return new.version
    place = "-".join(new.jurisdiction.replace("*", "all").split())
    return f"{new.version}.{place}.{new.language}"


def _before(house: House, new: PolicyDocument) -> PolicyDocument | None:
    """Return what the members a text is for read until now: its variant, else what stood in."""
    versions = versions_of(house, new.document)
    own = [v.document for v in versions if v.document.variant == new.variant]
    if own:
        return own[-1]
    region = None if "*" in new.regions else min(new.regions)
    found = seen_at(
        versions, region=region, language=new.language, at=new.effective, areas=areas(house)
    )
    return None if found.in_force is None else found.in_force.document


def _concerned(house: House, new: PolicyDocument) -> npt.NDArray[np.bool_]:
    """Return which members, by ordinal, live where the text holds; `*` is everyone."""
    members = house.ledger.member_count()
    if "*" in new.regions:
        return np.ones(members, dtype=np.bool_)
    found = np.zeros(members, dtype=np.bool_)
    facts = house.ledger.regions(to_us(ledger_now(house)))
    known = areas(house)
    theirs = {
        region for _, region in facts if serves(new, region, known) not in {None, "everywhere"}
    }
    found[[ordinal for ordinal, region in facts if region in theirs]] = True
    return found


def _rests_on_consent(
    house: House, uses: Iterable[Use], *, at: datetime
) -> dict[Use, npt.NDArray[np.bool_]]:
    """Return for each use which members, by ordinal, it may reach by their consent alone.

    What rests on the contract, or on no objection after notice, asks nobody; what is forbidden
    is not to be asked for. A region that nobody knows has all rulesets at once.
    """
    members = house.ledger.member_count()
    facts = house.ledger.regions(to_us(ledger_now(house)))
    places = sorted({region for _, region in facts})
    where = np.full(members, len(places), dtype=np.intp)  # the last: unknown
    numbers = {region: number for number, region in enumerate(places)}
    where[[ordinal for ordinal, _ in facts]] = [numbers[region] for _, region in facts]
    return {
        use: np.array(
            [
                house.rulebook.rule_for(region, use, at=at).basis is Basis.OPT_IN
                for region in (*places, None)
            ]
        )[where]
        for use in uses
    }


def _choices(codes: npt.NDArray[np.uint8]) -> Choices:
    no = np.isin(codes, [reason.value for reason in VETOES])
    agree, silent = codes == Reason.KEPT, codes == Reason.NO_GRANT
    return Choices(
        agree=int(agree.sum()),
        refuse=int(no.sum()),
        lapsed=int((~(no | agree | silent)).sum()),
        silent=int(silent.sum()),
    )


def _has_to_be_asked(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return who neither agreed to a use nor said no to it."""
    said_no = np.isin(codes, [reason.value for reason in VETOES])
    left: npt.NDArray[np.bool_] = ~(said_no | (codes == Reason.KEPT))
    return left


def _touched(house: House, new: PolicyDocument) -> tuple[Use, ...]:
    """Return every use that the text declares, or that any published notice asks for."""
    declared = [use for scope in new.uses for use in house.taxonomy.expand(scope)]
    asked = [use for notice in published_notices(house.ledger).values() for use in notice.uses]
    return tuple(sorted({*declared, *asked}))


def _decisions(house: House, uses: Iterable[Use]) -> dict[Use, npt.NDArray[np.uint8]]:
    """Return the reason code of every member's choices, for each use, as of now."""
    columns = event_columns(house)
    notices, now, members = coverages(house), ledger_now(house), house.ledger.member_count()
    accepted = accepted_grade(house.rulebook, now)
    return {
        use: build(columns, use, at=now, members=members, notices=notices, accepted=accepted).code
        for use in uses
    }
