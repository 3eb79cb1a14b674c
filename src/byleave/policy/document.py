"""Policy documents: what the platform publishes, with the uses it declares.

A document is Markdown behind a YAML front matter; its digest is taken over the exact bytes.

    ---
    document: privacy-policy
    version: "2"
    kind: privacy-policy
    language: en
    jurisdiction: us
    effective: 2024-09-18T00:00:00Z
    announced: 2024-09-18
    replaces: "1"
    uses:
      - train.generative/content/platform
    ---
    # Privacy Policy ...

Publishing changes no decision (G3); `impact` says beforehand what would change in words.
Four instants are kept apart: announced (the operator says), effective (the text says), observed
(an outsider saw), recorded (the log says).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from byleave.canonical import Json, digest_of, sha256
from byleave.errors import InputError, RefusedError
from byleave.ids import Digest, format_instant, parse_instant
from byleave.policy.language import is_language_tag, why_unread
from byleave.policy.lint import spoken
from byleave.policy.prose import front_matter, title_of
from byleave.policy.scope import Scope, Use
from byleave.policy.strict_yaml import Fields, nearest, read_mapping
from byleave.policy.taxonomy import Taxonomy

__all__ = [
    "KINDS",
    "Impact",
    "PolicyDocument",
    "front_matter",
    "impact",
    "parse_document",
    "refuse_retroactive",
]

KINDS: Final = (
    "privacy-policy",
    "agreement",
    "faq",
    "help",
    "settings",
    "announcement",
    "recipient-terms",
)
_FIELDS: Final = frozenset(
    {
        "document",
        "version",
        "kind",
        "language",
        "jurisdiction",
        "effective",
        "announced",
        "replaces",
        "uses",
        "address",
    }
)
_DAY: Final = timedelta(days=1)
_REGION: Final = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]{1,8})*|\*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDocument:
    """One version of one published text.

    Attributes:
        document: Id of the text over its versions.
        version: This version.
        kind: One of `KINDS`.
        language: BCP 47 tag.
        jurisdiction: Regions it is for, separated by spaces, or `*`.
        effective: From when the text says it holds.
        announced: When the operator says it told people, or None.
        replaces: The version before, or None.
        uses: The scopes it declares, in the order of the text.
        body: The Markdown below the front matter.
        sha256: Digest of the exact bytes.
        address: Where it is shown, or None; variants of one document may share an address.
    """

    document: str
    version: str
    kind: str
    language: str
    jurisdiction: str
    effective: datetime
    announced: datetime | None
    replaces: str | None
    uses: tuple[Scope, ...]
    body: str
    sha256: Digest
    address: str | None = None

    @property
    def variant(self) -> tuple[str, str]:
        """Which text of the document it is a version of: (jurisdiction, language)."""
        return self.jurisdiction, self.language

    @property
    def regions(self) -> frozenset[str]:
        """The regions it is for; `*` stands for every region without a text of its own."""
        return frozenset(self.jurisdiction.split())

    @property
    def title(self) -> str:
        """Its first heading, or its id."""
        return title_of(self.body) or self.document

    @property
    def declaration(self) -> Digest:
        """Digest of what the front matter declares, apart from the prose."""
        return digest_of(self.to_dict())

    def to_dict(self) -> dict[str, Json]:
        """Return the declaration in its canonical form."""
        declared: dict[str, Json] = {} if self.address is None else {"address": self.address}
        return declared | {
            "announced": None if self.announced is None else format_instant(self.announced),
            "document": self.document,
            "effective": format_instant(self.effective),
            "jurisdiction": self.jurisdiction,
            "kind": self.kind,
            "language": self.language,
            "replaces": self.replaces,
            "uses": [str(scope) for scope in self.uses],
            "version": self.version,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What publishing a document would change in words; no decision moves (G3).

    Attributes:
        added: Leaf uses the new text declares and the old one does not, ascending.
        removed: The other way round.
        notice_window_days: Whole days from telling people to taking effect.
        told_by: `announced` or `recorded`: from which instant the window counts.
        mismatches: Where prose and declaration disagree, as sentences.
    """

    added: tuple[Use, ...]
    removed: tuple[Use, ...]
    notice_window_days: int
    told_by: str
    mismatches: tuple[str, ...]

    def to_dict(self) -> dict[str, Json]:
        """Return the impact for `--json`."""
        return {
            "added": [str(use) for use in self.added],
            "mismatches": list(self.mismatches),
            "notice_window_days": self.notice_window_days,
            "removed": [str(use) for use in self.removed],
            "told_by": self.told_by,
        }


def parse_document(
    data: bytes, *, name: str, taxonomy: Taxonomy, past: bool = False
) -> PolicyDocument:
    """Read a policy document.

    Args:
        data: The exact bytes.
        name: What to call it in messages.
        taxonomy: The trees its declared uses are read with.
        past: Read a text that was published before: terms replaced since are let stand.

    Raises:
        InputError: `policy.malformed`; `input.malformed`; `input.unknown-field`; `input.instant`;
            `use.malformed`; `use.unknown-term`; `use.replaced-term`.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text", code="policy.malformed", where=name) from None
    head, body, _ = front_matter(text)
    if not head:
        raise InputError(
            "no front matter between two lines of ---", code="policy.malformed", where=f"{name}:1"
        )
    fields = read_mapping("\n".join(head), name=name, first_line=2)
    fields.refuse_others(_FIELDS)
    kind = fields.text("kind")
    if kind not in KINDS:
        raise InputError(
            f"unknown kind {kind!r}",
            code="policy.malformed",
            where=fields.where("kind"),
            hint=nearest(kind, KINDS) or f"one of: {', '.join(KINDS)}",
        )
    try:
        scopes = [taxonomy.scope(use, past=past) for use in fields.texts("uses")]
    except InputError as error:
        raise fields.placed(error, "uses") from None
    announced = fields.values.get("announced")
    document = PolicyDocument(
        document=fields.text("document"),
        version=_word(fields, "version"),
        kind=kind,
        language=_language(fields),
        jurisdiction=_jurisdiction(fields),
        effective=fields.read("effective", parse_instant),
        announced=None if announced is None else fields.read("announced", parse_instant),
        replaces=None if fields.values.get("replaces") is None else _word(fields, "replaces"),
        uses=tuple(scopes),
        body=body,
        sha256=sha256(data),
        address=fields.optional_text("address"),
    )
    if document.announced is not None and document.announced > document.effective:
        raise InputError(
            "announced after it took effect",
            code="policy.malformed",
            where=fields.where("announced"),
        )
    return document


def refuse_retroactive(document: PolicyDocument, *, recorded: datetime) -> None:
    """Refuse a document that would have taken effect before the log knew of it (G3).

    Raises:
        RefusedError: `policy.retroactive`.
    """
    if document.effective < recorded:
        raise RefusedError(
            f"effective {format_instant(document.effective)}, "
            f"but recorded {format_instant(recorded)}",
            code="policy.retroactive",
            hint="a text holds from when it is recorded, or later: name a later instant",
        )


def notice_window_days(told: datetime, effective: datetime) -> int:
    """Return the whole days from telling people to taking effect; 0 where told too late."""
    return max(0, (effective - told) // _DAY)


def impact(
    old: PolicyDocument | None, new: PolicyDocument, *, taxonomy: Taxonomy, recorded: datetime
) -> Impact:
    """Say what publishing `new` in place of `old` would change.

    Args:
        old: The version it replaces; None: the first.
        new: The document to publish.
        taxonomy: The trees in force at publication.
        recorded: When the log would take it.
    """
    before = set() if old is None else _declared(old, taxonomy)
    after = _declared(new, taxonomy)
    told = recorded if new.announced is None else new.announced
    return Impact(
        added=tuple(sorted(after - before)),
        removed=tuple(sorted(before - after)),
        notice_window_days=notice_window_days(told, new.effective),
        told_by="recorded" if new.announced is None else "announced",
        mismatches=_mismatches(new, after),
    )


def _declared(document: PolicyDocument, taxonomy: Taxonomy) -> set[Use]:
    return {use for scope in document.uses for use in taxonomy.expand(scope)}


def _mismatches(document: PolicyDocument, uses: set[Use]) -> tuple[str, ...]:
    """Return where prose and declaration disagree as a whole; `lint` goes by sentence."""
    empty = ["declares scopes below which there is no use"] if document.uses and not uses else []
    if (why := why_unread(document.body, document.language)) is not None:
        return (f"{why}: nothing was held against the declarations", *empty)
    said = spoken(document.body)
    trains = any(s.purpose == "*" or s.purpose.split(".")[0] == "train" for s in document.uses)
    shares = any(s.recipient != "platform" for s in document.uses)
    says_train = any(item.statement.about == "training" for item in said)
    says_others = any(item.statement.about == "sharing" for item in said)
    found = []
    if trains and not says_train:
        found.append("declares training, and the text has no word of it")
    if says_train and not trains:
        found.append("the text speaks of training or AI, and declares none")
    if shares and not says_others:
        found.append("declares other recipients than the platform, and the text names none")
    return (*found, *empty)


def _jurisdiction(fields: Fields) -> str:
    """Return the regions in one spelling: ascending, one space between."""
    regions = sorted(set(fields.text("jurisdiction").replace(",", " ").lower().split()))
    if not all(_REGION.fullmatch(region) for region in regions) or (
        "*" in regions and len(regions) > 1
    ):
        raise fields.malformed("jurisdiction", 'regions such as "us-ca" or "eu uk ch", or "*"')
    return " ".join(regions)


def _language(fields: Fields) -> str:
    language = fields.text("language")
    if not is_language_tag(language):
        raise fields.malformed("language", "a BCP 47 tag such as en or pt-BR")
    return language


def _word(fields: Fields, field: str) -> str:
    value = fields.values.get(field)
    return (
        str(value) if isinstance(value, int) and not isinstance(value, bool) else fields.text(field)
    )
