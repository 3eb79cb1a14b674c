"""The three trees: purposes, data categories, recipients.

A term is a dotted name; every prefix of a name is a term too. A *leaf* is a term with nothing
below it that is not marked `group` (a group such as `provider` is filled by the operator's own
file: `provider.acme`). Names are never reused: a term that falls out of use keeps its entry and
names its successor in `replaced_by`. The default pack ships as package data, taxonomy.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Final

from byleave.canonical import Json, digest_of
from byleave.errors import InputError
from byleave.ids import Digest
from byleave.policy.scope import Scope, Use
from byleave.policy.strict_yaml import Fields, nearest, read_mapping

__all__ = ["Taxonomy", "Term", "default_taxonomy", "parse_taxonomy"]

_TREES: Final[Mapping[str, str]] = {
    "purposes": "purpose",
    "categories": "category",
    "recipients": "recipient",
}
_TERM_FIELDS: Final = frozenset(
    {"sentence", "phrase", "dpv", "fides", "group", "parties", "draft", "since", "replaced_by"}
)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)*")
_PARTIES: Final = frozenset({"several", "author"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One node of one tree.

    Attributes:
        name: Dotted name.
        sentence: What a member reads.
        phrase: The same inside the sentence of a whole use; lowercase, no full stop.
        dpv: IRI in the W3C Data Privacy Vocabulary, or None.
        fides: Fideslang key, or None.
        group: Never a leaf.
        parties: For categories, `several` or `author`; None takes the parent's, at the root `author`.
        draft: For categories: the record was never sent to anyone.
        since: Version of the taxonomy that brought the term.
        replaced_by: Name of the term that took its place, or None.
    """

    name: str
    sentence: str
    phrase: str
    dpv: str | None
    fides: str | None
    group: bool
    parties: str | None
    draft: bool
    since: str
    replaced_by: str | None

    def to_dict(self) -> dict[str, Json]:
        """Return the term as its digest sees it."""
        return {
            "draft": self.draft,
            "dpv": self.dpv,
            "fides": self.fides,
            "group": self.group,
            "parties": self.parties,
            "phrase": self.phrase,
            "replaced_by": self.replaced_by,
            "sentence": self.sentence,
            "since": self.since,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """Three trees of terms under one version.

    Attributes:
        version: Version of the pack, and after `+` of each extension.
        purposes: Name → term, in ascending order of names; likewise the two others.
        digest: SHA-256 of the canonical form of all terms.
    """

    version: str
    purposes: Mapping[str, Term] = field(repr=False)
    categories: Mapping[str, Term] = field(repr=False)
    recipients: Mapping[str, Term] = field(repr=False)
    digest: Digest = field(init=False, repr=False)

    def __post_init__(self) -> None:
        document: dict[str, Json] = {
            tree: {name: term.to_dict() for name, term in getattr(self, tree).items()}
            for tree in _TREES
        }
        document["version"] = self.version
        object.__setattr__(self, "digest", digest_of(document))

    def use(self, text: str) -> Use:
        """Read one leaf use.

        Raises:
            InputError: `use.malformed`; `use.unknown-term`, with the nearest name as hint;
                `use.not-leaf`, with the leaves below as hint.
        """
        scope = self.scope(text)
        for tree, part in _TREES.items():
            name: str = getattr(scope, part)
            if not self.is_leaf(tree, name):
                below = [n for n in self.leaves(tree) if name == "*" or n.startswith(name + ".")]
                raise InputError(
                    f"{name!r} is not one {part} but a group of them",
                    code="use.not-leaf",
                    hint=f"one of: {', '.join(below)}"
                    if below
                    else f"name one below it in your own taxonomy file, for example {name}.acme",
                )
        return Use(purpose=scope.purpose, category=scope.category, recipient=scope.recipient)

    def scope(self, text: str, *, past: bool = False) -> Scope:
        """Read a scope all of whose terms are known (`*` is).

        A replaced term is read as its successor where the two mean the same, word for word;
        else it is refused.

        Args:
            text: `PURPOSE/CATEGORY/RECIPIENT`.
            past: Read what was written before a term was replaced: it is let stand.

        Raises:
            InputError: `use.malformed`; `use.unknown-term`, with the nearest name as hint;
                `use.replaced-term`, with the successor as hint.
        """
        scope = Scope.parse(text)
        self.check(scope)
        if past:
            return scope
        parts = {part: self._current(tree, getattr(scope, part)) for tree, part in _TREES.items()}
        return Scope(**parts)

    def successor(self, tree: str, name: str) -> str | None:
        """Return what stands for a replaced term today, or None where it is not replaced.

        A term below a replaced one is replaced with it, by the term of the same last name below
        the successor where there is one, else by the successor.
        """
        terms: Mapping[str, Term] = getattr(self, tree)
        found = name
        for _ in terms:  # a chain of successors is no longer than the tree
            above = next((a for a in _ancestors(found) if _replaced(terms, a)), None)
            if above is None:
                break
            target = terms[above].replaced_by or above
            deeper = target + found[len(above) :]
            found = deeper if deeper in terms else target
        return None if found == name else found

    def check(self, scope: Scope) -> None:
        """Refuse a scope with a term that no tree holds.

        Raises:
            InputError: `use.unknown-term`, with the nearest name as hint.
        """
        for tree, part in _TREES.items():
            name: str = getattr(scope, part)
            terms: Mapping[str, Term] = getattr(self, tree)
            if name == "*" or name in terms:
                continue
            raise InputError(
                f"unknown {part} {name!r}",
                code="use.unknown-term",
                hint=nearest(name, terms) or f"known: {', '.join(self.leaves(tree))}",
            )

    def expand(self, scope: Scope) -> tuple[Use, ...]:
        """Return every leaf use of `scope` under this taxonomy, in ascending order.

        Raises:
            InputError: `use.unknown-term`.
        """
        self.check(scope)
        purposes, categories, recipients = (
            [n for n in self.leaves(tree) if _below(getattr(scope, part), n)]
            for tree, part in _TREES.items()
        )
        return tuple(
            Use(purpose=p, category=c, recipient=r)
            for p in purposes
            for c in categories
            for r in recipients
        )

    def sentence(self, use: Scope) -> str:
        """Return what `use` means, as one sentence for members."""
        purpose = "use it for anything" if use.purpose == "*" else self.purposes[use.purpose].phrase
        what = "all your data" if use.category == "*" else self.categories[use.category].phrase
        whom = "anyone" if use.recipient == "*" else self.recipients[use.recipient].phrase
        return f"{purpose[0].upper()}{purpose[1:]}, with {what}, by {whom}."

    def leaves(self, tree: str) -> tuple[str, ...]:
        """Return the leaves of `purposes`, `categories` or `recipients`, in ascending order.

        Replaced terms are not among them: nothing new expands to what fell out of use.
        """
        return tuple(
            name
            for name in getattr(self, tree)
            if self.is_leaf(tree, name) and self.successor(tree, name) is None
        )

    def is_leaf(self, tree: str, name: str) -> bool:
        """Say whether `name` is a term of `tree` with nothing below it."""
        terms: Mapping[str, Term] = getattr(self, tree)
        term = terms.get(name)
        return (
            term is not None
            and not term.group
            and not any(other.startswith(name + ".") for other in terms)
        )

    def _current(self, tree: str, name: str) -> str:
        successor = None if name == "*" else self.successor(tree, name)
        if successor is None:
            return name
        terms: Mapping[str, Term] = getattr(self, tree)
        if _meaning(terms[name]) == _meaning(terms[successor]):
            return successor
        raise InputError(
            f"{name!r} is no longer used",
            code="use.replaced-term",
            hint=f"{successor!r} took its place: {terms[successor].sentence}",
        )

    def has_several_parties(self, category: str) -> bool:
        """Say whether a record of `category` belongs to its recipients as well as its author."""
        name = category
        while True:
            term = self.categories.get(name)
            if term is not None and term.parties is not None:
                return term.parties == "several"
            if "." not in name:
                return False
            name = name.rpartition(".")[0]

    def is_draft(self, category: str) -> bool:
        """Say whether records of `category` were never sent to anyone."""
        term = self.categories.get(category)
        return term is not None and term.draft

    def extend(self, document: Fields) -> Taxonomy:
        """Return this taxonomy with the operator's own terms.

        An extension adds terms; it may give an existing one a successor, and change nothing else.

        Args:
            document: A taxonomy document, as `read_mapping` returns it.

        Raises:
            InputError: `taxonomy.malformed`, a term without its parent, or a changed term;
                `input.unknown-field`; `input.malformed`.
        """
        version, trees = _read(document)
        merged = {tree: {**getattr(self, tree)} for tree in _TREES}
        for tree, terms in trees.items():
            for name, term in terms.items():
                old = merged[tree].get(name)
                if old is not None and _without_successor(old) != _without_successor(term):
                    raise _malformed(document, f"{name!r} stands already, with another meaning")
                merged[tree][name] = term
        return _build(document, f"{self.version}+{version}", merged)


@cache
def default_taxonomy() -> Taxonomy:
    """Return the pack that ships with the package."""
    text = resources.files(__package__).joinpath("taxonomy.yaml").read_text("utf-8")
    return parse_taxonomy(text, name="taxonomy.yaml")


def parse_taxonomy(text: str, *, name: str) -> Taxonomy:
    """Read a whole taxonomy.

    Raises:
        InputError: as `Taxonomy.extend`.
    """
    document = read_mapping(text, name=name)
    version, trees = _read(document)
    return _build(document, version, trees)


def _read(document: Fields) -> tuple[str, dict[str, dict[str, Term]]]:
    document.refuse_others({"taxonomy", "version", *_TREES})
    if document.text("taxonomy") != "v1":
        raise _malformed(document, "taxonomy is not v1")
    trees: dict[str, dict[str, Term]] = {tree: {} for tree in _TREES}
    for tree, terms in trees.items():
        if document.values.get(tree) is None:
            continue
        mapping = document.mapping(tree)
        for name in mapping.values:
            terms[name] = _term(tree, name, mapping.mapping(name))
    return document.text("version"), trees


def _term(tree: str, name: str, fields: Fields) -> Term:
    fields.refuse_others(_TERM_FIELDS)
    parties = fields.optional_text("parties")
    draft = fields.boolean("draft", default=False)
    if not _NAME.fullmatch(name):
        raise _malformed(fields, f"{name!r} is not a dotted name")
    if (parties is not None or draft) and tree != "categories":
        raise _malformed(fields, f"{name!r} is not a category")
    if parties is not None and parties not in _PARTIES:
        raise fields.malformed("parties", "several or author")
    return Term(
        name=name,
        sentence=fields.text("sentence"),
        phrase=fields.text("phrase"),
        dpv=fields.optional_text("dpv"),
        fides=fields.optional_text("fides"),
        group=fields.boolean("group", default=False),
        parties=parties,
        draft=draft,
        since=fields.text("since"),
        replaced_by=fields.optional_text("replaced_by"),
    )


def _build(document: Fields, version: str, trees: Mapping[str, Mapping[str, Term]]) -> Taxonomy:
    for terms in trees.values():
        for name, term in terms.items():
            parent = name.rpartition(".")[0]
            if parent and parent not in terms:
                raise _malformed(document, f"{name!r} stands without its parent {parent!r}")
            if term.replaced_by is not None and term.replaced_by not in terms:
                raise _malformed(document, f"{name!r} is replaced by an unknown term")
            if _in_circle(terms, name):
                raise _malformed(document, f"{name!r} is replaced, in the end, by itself")
    purposes, categories, recipients = (dict(sorted(trees[tree].items())) for tree in _TREES)
    return Taxonomy(
        version=version, purposes=purposes, categories=categories, recipients=recipients
    )


def _in_circle(terms: Mapping[str, Term], name: str) -> bool:
    seen, term = {name}, terms[name]
    while term.replaced_by is not None:
        above = {term.replaced_by, *_ancestors(term.replaced_by)}
        if above & seen:
            return True
        seen.add(term.replaced_by)
        term = terms[term.replaced_by]
    return False


def _without_successor(term: Term) -> dict[str, Json]:
    return {**term.to_dict(), "replaced_by": None}


def _malformed(document: Fields, message: str) -> InputError:
    return InputError(message, code="taxonomy.malformed", where=document.where())


def _ancestors(name: str) -> tuple[str, ...]:
    """Return the name and the names above it, the longest first."""
    parts = name.split(".")
    return tuple(".".join(parts[:n]) for n in range(len(parts), 0, -1))


def _replaced(terms: Mapping[str, Term], name: str) -> bool:
    term = terms.get(name)
    return term is not None and term.replaced_by is not None


def _meaning(term: Term) -> tuple[Json, ...]:
    """Return what a member reads, and what decides; not names, keys of others or versions."""
    return term.sentence, term.phrase, term.group, term.parties, term.draft


def _below(prefix: str, name: str) -> bool:
    return prefix in {"*", name} or name.startswith(prefix + ".")
