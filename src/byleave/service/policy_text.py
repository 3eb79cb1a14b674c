"""Ask the published texts: who saw which, what changed, what the prose says beyond the declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from byleave.canonical import Json
from byleave.errors import InputError
from byleave.ids import format_instant, parse_instant
from byleave.policy.diff import Declaration, TextDiff, diff_declarations, diff_prose
from byleave.policy.document import PolicyDocument, parse_document
from byleave.policy.lint import Finding, lint
from byleave.policy.prose import front_matter
from byleave.policy.taxonomy import Taxonomy
from byleave.policy.variants import Published, Seen, seen_at
from byleave.service.house import House

__all__ = [
    "Difference",
    "areas",
    "compare_texts",
    "diff_texts",
    "diff_versions",
    "find",
    "lint_text",
    "published_dict",
    "seen",
    "seen_dict",
    "versions_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two versions against each other.

    Attributes:
        old: What to call the older.
        new: What to call the newer.
        prose: Sentence by sentence.
        declaration: What they declare; None where one of them declares nothing at all.
    """

    old: str
    new: str
    prose: TextDiff
    declaration: Declaration | None

    def to_dict(self) -> dict[str, Json]:
        """Return the difference for `--json`."""
        return {
            "old": self.old,
            "new": self.new,
            "counts": dict(self.prose.counts()),
            "same": self.prose.same,
            "changes": [change.to_dict() for change in self.prose.changes],
            "declaration": None if self.declaration is None else self.declaration.to_dict(),
        }


def versions_of(house: House, document: str | None = None) -> list[Published]:
    """Return every published version of one document id, or of all, oldest first.

    Terms replaced since are let stand: a text says what it said when it was published.
    """
    found = []
    for index, _, _, record in house.ledger.objects("policy"):
        if document is None or record["document"] == document:
            parsed = parse_document(
                record["text"].encode(),
                name=record["document"],
                taxonomy=house.taxonomy,
                past=True,
            )
            found.append(
                Published(
                    document=parsed,
                    recorded=parse_instant(record["recorded"]),
                    index=index,
                    label=record.get("label", record["version"]),
                )
            )
    return found


def find(house: House, document: str, version: str) -> Published:
    """Return one version of one document, by its version or its label.

    Raises:
        InputError: `workspace.unknown-object`; several variants have that version: then the
            hint names their labels.
    """
    versions = versions_of(house, document)
    named = [v for v in versions if version == v.label] or [
        v for v in versions if version == v.document.version
    ]
    if len(named) == 1:
        return named[0]
    labels = ", ".join(v.label for v in named or versions)
    raise InputError(
        f"no version {version} of {document}" if not named else f"several texts are {version}",
        code="workspace.unknown-object",
        hint=f"there are: {labels}" if labels else "byleave policy list",
    )


def seen(
    house: House, document: str, *, at: datetime, region: str | None, language: str | None
) -> Seen:
    """Say which text of a document a member saw.

    Args:
        house: The workspace's ports.
        document: Id of the document.
        at: The instant.
        region: Code of the member's region, or None: unknown.
        language: BCP 47 tag of the language they read, or None.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    versions = versions_of(house, document)
    if not versions:
        raise InputError(
            f"no document {document}", code="workspace.unknown-object", hint="byleave policy list"
        )
    return seen_at(
        versions,
        region=None if region is None else region.lower(),
        language=language,
        at=at,
        areas=areas(house),
    )


def areas(house: House) -> Mapping[str, frozenset[str]]:
    """Return the areas that rulesets know (`eu` → its countries), by name."""
    return {ruleset.name: frozenset(ruleset.regions) for ruleset in house.rulebook.sets}


def diff_versions(house: House, document: str, old: str, new: str) -> Difference:
    """Compare two published versions of one document.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    one, other = find(house, document, old), find(house, document, new)
    texts = {index: record["text"] for index, _, _, record in house.ledger.objects("policy")}
    return _difference(
        (f"{document} {one.label}", texts[one.index], one.document),
        (f"{document} {other.label}", texts[other.index], other.document),
        house.taxonomy,
        recorded=other.recorded,
    )


def diff_texts(
    house: House, old: str, new: str, *, names: tuple[str, str] = ("old", "new")
) -> Difference:
    """Compare two texts; with a front matter in both, their declarations as well.

    Raises:
        InputError: Codes of `parse_document`.
    """
    return compare_texts(old, new, names=names, taxonomy=house.taxonomy)


def compare_texts(old: str, new: str, *, names: tuple[str, str], taxonomy: Taxonomy) -> Difference:
    """Compare two texts under a taxonomy, without a workspace.

    Raises:
        InputError: Codes of `parse_document`.
    """
    documents = [
        parse_document(text.encode(), name=name, taxonomy=taxonomy, past=True)
        if front_matter(text)[0]
        else None
        for text, name in zip((old, new), names, strict=True)
    ]
    return _difference((names[0], old, documents[0]), (names[1], new, documents[1]), taxonomy)


def lint_text(
    house: House,
    text: str,
    *,
    name: str,
    rules_only: bool = False,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> tuple[Finding, ...]:
    """Return where the prose and the declarations of a text disagree.

    Raises:
        InputError: Codes of `lint`.
    """
    return lint(text, name=name, taxonomy=house.taxonomy, rules_only=rules_only, progress=progress)


def seen_dict(found: Seen) -> dict[str, Json]:
    """Return what was seen, for `--json`; the instants of each text stand apart."""
    return {
        "in_force": None if found.in_force is None else published_dict(found.in_force),
        "announced": [published_dict(version) for version in found.announced],
        "region_matched": found.region_matched,
        "language_matched": found.language_matched,
    }


def published_dict(version: Published) -> dict[str, Json]:
    """Return a version's facts without its text."""
    document = version.document
    return {
        **document.to_dict(),
        "label": version.label,
        "index": version.index,
        "recorded": format_instant(version.recorded),
        "sha256": document.sha256.hex(),
        "title": document.title,
    }


_Side = tuple[str, str, PolicyDocument | None]


def _difference(
    old: _Side, new: _Side, taxonomy: Taxonomy, *, recorded: datetime | None = None
) -> Difference:
    (one, before, was), (other, after, now) = old, new
    _, old_body, old_line = front_matter(before)
    _, new_body, new_line = front_matter(after)
    return Difference(
        old=one,
        new=other,
        prose=diff_prose(old_body, new_body, old_first_line=old_line, new_first_line=new_line),
        declaration=None
        if was is None or now is None
        else diff_declarations(was, now, taxonomy=taxonomy, recorded=recorded),
    )
