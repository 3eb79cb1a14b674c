"""Hold a policy's prose against its declarations, both ways.

*undeclared*: a sentence speaks of training AI or of sharing, and no declared use covers it.
*unmentioned*: a use is declared, and the text never says its purpose, its data or its recipient.
*unread*: the text is in another language than English; nothing was held against anything.

Every finding names the line, the sentence, the words that made it a finding, and what the
sentence seems to declare. `statement` holds the rules for sentences; docs/spec/policy-lint.md
says what they cannot see, and how often they are right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from byleave.canonical import Json
from byleave.policy.language import why_unread
from byleave.policy.other_name import as_others, as_written, other_names
from byleave.policy.own_name import as_we, own_names
from byleave.policy.prose import Cell, Sentence, front_matter, sentences, split_sentences
from byleave.policy.reader import Heard, shipped
from byleave.policy.scope import Scope
from byleave.policy.statement import (
    Odds,
    Statement,
    mentions_training,
    named_recipients,
    statements_of,
    weighed,
    with_antecedent,
)
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import Taxonomy

__all__ = ["Finding", "Read", "Spoken", "lint", "read_in_context", "spoken", "unmentioned_parts"]

_PURPOSES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    (
        "train.safety",
        re.compile(
            r"\b(?:spam|fraud\w*|abus\w+|harmful|secur\w+|safety|threats?|bots?|malicious)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "train.generative",
        re.compile(
            r"\b(?:generative|genai|(?:content-)?generat\w+|large language|language models?|"
            r"LLMs?|create content|write|writes|writing|repl(?:y|ies)|suggest\w* text|chatbots?|assistants?)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "train.ranking",
        re.compile(
            r"\b(?:rank\w*|recommend\w*|personali[sz]\w*|relevan\w+|suggest(?:ions)?)\b",
            re.IGNORECASE,
        ),
    ),
)
_CATEGORIES: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for name, words in {
        "profile": r"profiles?|r[ée]sum[ée]s?|CVs?",
        "profile.identity": r"names?|headlines?|photos?|pictures?|contact (?:details|information)",
        "profile.employment": r"jobs? (?:title|history)|job titles?|employ\w+|work history|positions?|careers?|"
        r"where you (?:have )?work(?:ed)?",
        "profile.education": r"education\w*|schools?|degrees?|universit\w+|"
        r"stud(?:y|ied|ies)",
        "profile.skills": r"skills?",
        "network": r"networks?|connections?|contacts?|followers?|friends",
        "network.connections": r"connections?|contacts?|followers?|friends",
        "content": r"content|contributions?|publish\w*",
        "content.posts": r"posts?|articles?|shares|photos|videos",
        "content.comments": r"comments?|reactions?|likes",
        "messages": r"messag\w+|chats?|conversations?|DMs|inmails?|communications?",
        "messages.direct": r"private messag\w+|direct messag\w+|messag\w+|DMs|chats?|conversations?",
        "messages.inmail": r"inmails?",
        "messages.group": r"group (?:messag\w+|chats?|conversations?)|groups?",
        "messages.draft": r"drafts?|unsent",
        "messages.assistant": r"prompts?|assistants?|chatbots?|inputs?|outputs?|AI helper",
        "activity": r"activit\w+|usage|interactions?|clicks?|views?|search(?:es)?|how you use|"
        r"you (?:read|watch|visit|browse|look at|open)|how (?:long|often)",
        "activity.feed": r"feed|clicks?|likes|reactions?|what you (?:view|look at)|activity",
        "activity.jobs": r"jobs?|applications?|apply",
        "inferred": r"infer\w*|deriv\w*|predict\w*|profil(?:e|ing) you|worked out",
    }.items()
}
_PURPOSE_WORDS: Final[Mapping[str, re.Pattern[str]]] = {
    "service": re.compile(
        r"\b(?:provid\w+|deliver\w*|operat\w+|run|maintain\w*|sen[dt]\w*|show\w*|store|host\w*|services?)\b",
        re.IGNORECASE,
    ),
    "service.delivery": re.compile(
        r"\b(?:provid\w+|deliver\w*|operat\w+|run|maintain\w*|sen[dt]\w*|show\w*|stor(?:e|es|ed|ing)|"
        r"display\w*|host\w*|receiv\w+)\b",
        re.IGNORECASE,
    ),
    "service.security": re.compile(
        r"\b(?:secur\w+|safe\w*|fraud\w*|abus\w+|protect\w*|spam\w*|attacks?|threats?)\b",
        re.IGNORECASE,
    ),
}
_LONGEST: Final = 3000  # characters of a sentence that are read; what is longer is no prose
_WORD: Final = re.compile(r"[a-z]{4,}")
_COMMON: Final = frozenset(
    "this that your with from what other them they have which another company service itself "
    "companies working train model models people own ends uses used data".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One sentence that speaks of training or of sharing.

    Attributes:
        sentence: The sentence and its line.
        statement: What it says, and by which words.
        seems: The scopes it seems to declare, as PURPOSE/CATEGORY/RECIPIENT with `*`.
    """

    sentence: Sentence
    statement: Statement
    seems: tuple[Scope, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place where prose and declaration disagree.

    Attributes:
        kind: `undeclared` (the text says it, nothing declares it), `unmentioned` or `unread`.
        about: `training` or `sharing`; for `unmentioned`, `purpose`, `category` and `recipient`
            as far as the text is silent on them, joined by `, `; for `unread`, `language`.
        line: Line of the file, from 1: of the sentence, of the declaration, of the text.
        text: The sentence, the declared scope, or why the text is not read.
        because: The words that say so; "" for `unmentioned` and `unread`.
        by: `rule`, or `reader` where no rule knows it and the fitted reader hears it; "" for the
            others.
        scopes: What the sentence seems to declare and no declaration covers; the declared one; or
            none.
    """

    kind: str
    about: str
    line: int
    text: str
    because: str
    by: str
    scopes: tuple[Scope, ...]

    def to_dict(self) -> dict[str, Json]:
        """Return the finding for `--json`."""
        return {
            "kind": self.kind,
            "about": self.about,
            "line": self.line,
            "text": self.text,
            "because": self.because,
            "by": self.by,
            "scopes": [str(scope) for scope in self.scopes],
        }


def lint(
    text: str,
    *,
    name: str,
    taxonomy: Taxonomy,
    rules_only: bool = False,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> tuple[Finding, ...]:
    """Return every disagreement of prose and declaration, by line.

    A text without a front matter declares nothing: every sentence about training or sharing is
    then a finding.

    Args:
        text: The whole document.
        name: What to call it in messages.
        taxonomy: The trees its declared uses are read with.
        rules_only: Whether the fitted reader stays unheard: faster, and each finding has a rule.
        progress: Told how far the reader is.

    Raises:
        InputError: `input.malformed`, the front matter is no YAML; `use.*`, of its uses.
    """
    head, body, body_line = front_matter(text)
    declared: dict[Scope, int] = {}
    language = None
    if head:
        fields = read_mapping("\n".join(head), name=name, first_line=2)
        language = fields.optional_text("language")
        for use in fields.texts("uses"):
            declared[taxonomy.scope(use)] = _line_of(use, head)
    if (why := why_unread(body, language)) is not None:
        return (
            Finding(
                kind="unread",
                about="language",
                line=body_line,
                text=why,
                because="",
                by="",
                scopes=(),
            ),
        )
    said = spoken(body, first_line=body_line, rules_only=rules_only, progress=progress)
    findings = [finding for item in said for finding in _undeclared(item, tuple(declared))]
    for scope, line in declared.items():
        parts = unmentioned_parts(scope, body, said, taxonomy)
        if parts:
            findings.append(
                Finding(
                    kind="unmentioned",
                    about=", ".join(parts),
                    line=line,
                    text=str(scope),
                    because="",
                    by="",
                    scopes=(scope,),
                )
            )
    return tuple(sorted(findings, key=lambda f: (f.line, f.kind, f.about)))


def spoken(
    markdown: str,
    *,
    first_line: int = 1,
    rules_only: bool = False,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> tuple[Spoken, ...]:
    """Return every statement about training or sharing in a Markdown text, in its order.

    Args:
        markdown: The text, without front matter.
        first_line: Line of the file on which it begins.
        rules_only: Whether the fitted reader stays unheard.
        progress: Told how far the reader is.
    """
    found: list[Spoken] = []
    titles: list[Spoken] = []  # of the run-in title right before, if it seemed to say something
    read = read_in_context(markdown, first_line=first_line)
    odds: list[Odds | None] = [None] * len(read)
    if not rules_only:
        found_by = shipped().logits([item.heard for item in read], progress=progress)
        odds = [Odds(*of) for of in found_by.tolist()]
    for item, heard in zip(read, odds, strict=True):
        sentence = item.sentence
        if sentence.silent:
            continue
        ruled = _ruled(item)
        if sentence.title:
            titles = _said(sentence, ruled) if sentence.lead else []
            continue
        if heard is not None:
            ruled = weighed(ruled, item.heard.text, heard, lead=item.heard.lead)
        said = _said(sentence, ruled)
        about = {item.statement.about for item in said}
        found += [title for title in titles if title.statement.about not in about]
        found += said
        titles = []
    return tuple(found)


class Read(NamedTuple):
    """One sentence, and how it is read.

    Attributes:
        sentence: The sentence, or the row of a table.
        heard: What the reader hears of it.
        ruled: What the rules hear, with what introduces it: names of other companies marked
            besides, and "They" read as whom the sentence before named. Of a row, every sentence of
            its cells.
    """

    sentence: Sentence
    heard: Heard
    ruled: tuple[tuple[str, str], ...]


def read_in_context(markdown: str, *, first_line: int = 1) -> tuple[Read, ...]:
    """Return every sentence of a text in its order, headings too, with how it is read."""
    read = sentences(markdown, first_line=first_line)
    all_of_it = "\n".join(sentence.text for sentence in read)
    names = own_names(all_of_it)
    others = other_names(all_of_it, names)
    found = []
    for sentence in read:
        whole = as_we(sentence.text[:_LONGEST], names)
        lead = as_we(sentence.lead[-_LONGEST:], names)
        cells = tuple(
            Cell(as_we(cell.text[:_LONGEST], names), cell.head, cell.lead[-_LONGEST:])
            for cell in sentence.cells
        )
        if cells:
            ruled = tuple(
                (
                    as_others(as_we(text[:_LONGEST], names), others),
                    as_others(as_we("" if offset else cell.lead[-_LONGEST:], names), others),
                )
                for cell in sentence.cells
                for offset, text in split_sentences(cell.text)
            )
        else:
            follows = as_others(as_we(sentence.follows[-_LONGEST:], names), others)
            text = with_antecedent(as_others(whole, others), follows)
            ruled = ((text, as_others(lead, others)),)
        found.append(Read(sentence, Heard(sentence.place, whole, lead, cells), ruled))
    return tuple(found)


def _ruled(item: Read) -> tuple[Statement, ...]:
    """Return what the rules hear in a sentence, or in all cells of a row: one statement of each."""
    found: dict[str, Statement] = {}
    for text, lead in item.ruled:
        for said in statements_of(text, lead=lead):
            before = found.get(said.about, said)
            named = dict.fromkeys((*before.recipients, *said.recipients))
            found[said.about] = replace(before, recipients=tuple(named))
    return tuple(found.values())


def _said(sentence: Sentence, statements: Sequence[Statement]) -> list[Spoken]:
    """Return the statements of one sentence, each with the scopes that it seems to declare."""
    trains = any(statement.about == "training" for statement in statements)
    return [
        Spoken(
            sentence=sentence,
            statement=replace(statement, because=as_written(statement.because)),
            seems=_seems(sentence, statement, trains=trains),
        )
        for statement in statements
    ]


def unmentioned_parts(
    scope: Scope, body: str, said: Sequence[Spoken], taxonomy: Taxonomy
) -> tuple[str, ...]:
    """Return which of `purpose`, `category`, `recipient` of a declared scope the text never says.

    Args:
        scope: The declared scope.
        body: The text.
        said: Its statements (`spoken`).
        taxonomy: For the phrases of the operator's own terms.
    """
    parts = []
    if not _says_purpose(scope.purpose, body, said, taxonomy):
        parts.append("purpose")
    if not _says_category(scope.category, body, taxonomy):
        parts.append("category")
    if not _says_recipient(scope.recipient.split(".", maxsplit=1)[0], body, said):
        parts.append("recipient")
    return tuple(parts)


def _undeclared(item: Spoken, declared: Sequence[Scope]) -> list[Finding]:
    if item.statement.about == "training":
        open_scopes = (
            item.seems
            if not any(
                _meets(seems, scope, "purpose", "category")
                for seems in item.seems
                for scope in declared
            )
            else ()
        )
    else:
        # Each group of recipients named has to be declared by itself.
        open_scopes = tuple(
            seems
            for seems in item.seems
            if not any(
                scope.recipient not in {"*", "platform"}
                and _meets(seems, scope, "purpose", "recipient")
                for scope in declared
            )
        )
    if not open_scopes:
        return []
    return [
        Finding(
            kind="undeclared",
            about=item.statement.about,
            line=item.sentence.line,
            text=item.sentence.text,
            because=item.statement.because,
            by=item.statement.by,
            scopes=open_scopes,
        )
    ]


def _meets(one: Scope, other: Scope, *parts: str) -> bool:
    """Say whether two scopes have a use in common, looking at these parts."""
    return all(_overlap(getattr(one, part), getattr(other, part)) for part in parts)


def _overlap(one: str, other: str) -> bool:
    return (
        "*" in {one, other}
        or one == other
        or one.startswith(other + ".")
        or other.startswith(one + ".")
    )


def _seems(sentence: Sentence, statement: Statement, *, trains: bool) -> tuple[Scope, ...]:
    text = _whole(sentence)
    purpose = _purpose(text) if trains else "*"
    category = _category(text)
    nobody = "platform" if statement.about == "training" else "*"
    recipients: Iterable[str] = statement.recipients or (nobody,)
    return tuple(Scope(purpose=purpose, category=category, recipient=r) for r in recipients)


def _whole(sentence: Sentence) -> str:
    """Return a sentence with what introduces it."""
    return f"{sentence.lead.rstrip(': ')} {sentence.text}" if sentence.lead else sentence.text


def _purpose(text: str) -> str:
    kinds = [name for name, pattern in _PURPOSES if pattern.search(text)]
    return kinds[0] if len(kinds) == 1 else "train"


def _category(text: str) -> str:
    """Return the one category that a sentence names, or `*` where it names none or several."""
    roots = {
        name
        for name, pattern in _CATEGORIES.items()
        if "." not in name and name != "content" and pattern.search(text)
    }
    if len(roots) == 1:
        return roots.pop()
    if not roots and _CATEGORIES["content.posts"].search(text):
        return "content"
    return "*"


def _says_purpose(purpose: str, body: str, said: Sequence[Spoken], taxonomy: Taxonomy) -> bool:
    if purpose == "*":
        return True
    if purpose.split(".", maxsplit=1)[0] == "train":
        return _says_training(purpose, body, said)
    pattern = _PURPOSE_WORDS.get(purpose)
    if pattern is not None:
        return bool(pattern.search(body))
    return _says_phrase(taxonomy.purposes[purpose].phrase, body)


def _says_training(purpose: str, body: str, said: Sequence[Spoken]) -> bool:
    """Say whether the text speaks of this training, or of training that may be this one."""
    found = [item.sentence for item in said if item.statement.about == "training"]
    found += [s for s in sentences(body) if mentions_training(_whole(s))]
    words = dict(_PURPOSES).get(".".join(purpose.split(".")[:2]))
    return any(
        _overlap(_purpose(sentence.text), purpose) or (words and words.search(sentence.text))
        for sentence in found
    )


def _says_category(category: str, body: str, taxonomy: Taxonomy) -> bool:
    if category == "*":
        return True
    name = category
    while name not in _CATEGORIES and "." in name:
        name = name.rpartition(".")[0]
    pattern = _CATEGORIES.get(name)
    if pattern is None:
        return _says_phrase(taxonomy.categories[category].phrase, body)
    names = [name, *(n for n in _CATEGORIES if n.startswith(name + "."))]
    return any(_CATEGORIES[n].search(body) for n in names)


def _says_recipient(group: str, body: str, said: Sequence[Spoken]) -> bool:
    return (
        group in {"*", "platform"}
        or any(group in item.statement.recipients for item in said)
        or any(group in named_recipients(_whole(sentence)) for sentence in sentences(body))
    )


def _says_phrase(phrase: str, body: str) -> bool:
    """Say whether the text has a telling word of a term's phrase."""
    words = set(_WORD.findall(phrase.lower())) - _COMMON
    return not words or bool(words & set(_WORD.findall(body.lower())))


def _line_of(use: str, head: Sequence[str]) -> int:
    return next((n for n, line in enumerate(head, 2) if use in line), 2)
