"""Publish policy documents, notices and rulesets; say the impact first.

Publishing a document changes no decision (G3). That is not taken on trust: `publish_document`
decides every member for every use the document touches before and after, and counts the
differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from byleave.canonical import Json
from byleave.consent.reason import Reason
from byleave.consent.state import build
from byleave.errors import ConflictError
from byleave.ids import format_instant, to_us
from byleave.policy import document as documents
from byleave.policy.document import PolicyDocument, parse_document, refuse_retroactive
from byleave.policy.scope import Use
from byleave.service.clock import ledger_now
from byleave.service.columns import event_columns
from byleave.service.house import House
from byleave.service.notice import coverages, publish_notice, published_notices
from byleave.service.rules import accepted_grade, publish_rules
from byleave.tlog.entry import PolicyDocumentEntry

__all__ = [
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
class Impact:
    """What publishing a document would change.

    Attributes:
        document: Id of the text.
        version: The version to be published.
        words: Uses added and removed, notice window, mismatches of prose and declaration.
        allowed: For each use touched, how many members allow it now.
        members: How many members there are.
    """

    document: str
    version: str
    words: documents.Impact
    allowed: Mapping[str, int]
    members: int

    def to_dict(self) -> dict[str, Json]:
        """Return the impact for `--json`."""
        return {
            "document": self.document,
            "version": self.version,
            "members": self.members,
            "allowed": dict(self.allowed),
            **self.words.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A document published: its log index, its impact, and decisions that it changed (0)."""

    index: int
    impact: Impact
    decisions_changed: int


def impact_of(house: House, text: str, *, name: str) -> Impact:
    """Say what publishing a document would do; publish nothing.

    Raises:
        InputError: Codes of `parse_document`.
    """
    new = parse_document(text.encode(), name=name, taxonomy=house.taxonomy)
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
        "title": _title(new),
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
            f"{new.document} {new.version}",
            index=index,
            at_us=to_us(recorded),
            document=record,
        )
    after = _decisions(house, touched)
    changed = sum(int((before[use] != after[use]).sum()) for use in touched)
    return Published(index=index, impact=found, decisions_changed=changed)


def _impact(house: House, new: PolicyDocument) -> Impact:
    old = _latest(house, new.document)
    if any(
        name == f"{new.document} {new.version}" for _, name, _, _ in house.ledger.objects("policy")
    ):
        raise ConflictError(
            f"{new.document} {new.version} is published already", code="workspace.exists"
        )
    words = documents.impact(old, new, taxonomy=house.taxonomy, recorded=house.now())
    decisions = _decisions(house, (*words.added, *words.removed))
    return Impact(
        document=new.document,
        version=new.version,
        words=words,
        allowed={str(use): int((codes == Reason.KEPT).sum()) for use, codes in decisions.items()},
        members=house.ledger.member_count(),
    )


def _latest(house: House, name: str) -> PolicyDocument | None:
    versions = [d for _, _, _, d in house.ledger.objects("policy") if d["document"] == name]
    if not versions:
        return None
    return parse_document(versions[-1]["text"].encode(), name=name, taxonomy=house.taxonomy)


def _touched(house: House, new: PolicyDocument) -> tuple[Use, ...]:
    """Return every use that the text declares, or that any published notice asks for."""
    declared = [use for scope in new.uses for use in house.taxonomy.expand(scope)]
    asked = [use for notice in published_notices(house.ledger).values() for use in notice.uses]
    return tuple(sorted({*declared, *asked}))


def _decisions(house: House, uses: Iterable[Use]) -> dict[Use, npt.NDArray[np.uint8]]:
    """Return the reason code of every member, for each use, as of now."""
    columns = event_columns(house)
    notices, now, members = coverages(house), ledger_now(house), house.ledger.member_count()
    accepted = accepted_grade(house.rulebook, now)
    return {
        use: build(columns, use, at=now, members=members, notices=notices, accepted=accepted).code
        for use in uses
    }


def _title(document: PolicyDocument) -> str:
    for line in document.body.splitlines():
        if line.startswith("# "):
            return line.removeprefix("# ").strip()
    return document.document
