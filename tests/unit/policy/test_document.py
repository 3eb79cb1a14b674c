"""Policy documents and notices."""

from __future__ import annotations

from datetime import timedelta

import pytest

from byleave.canonical import sha256
from byleave.consent.event import NoticeCoverage
from byleave.errors import ByleaveError, InputError, RefusedError
from byleave.ids import parse_instant
from byleave.policy.document import PolicyDocument, impact, parse_document, refuse_retroactive
from byleave.policy.notice import Control, Notice, make_notice
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import default_taxonomy

TAXONOMY = default_taxonomy()
TEXT = """\
---
document: privacy-policy
version: 2
kind: privacy-policy
language: en
jurisdiction: us
effective: 2024-09-18T00:00:00Z
replaces: 1
uses:
  - train.generative/content/platform
---
# Privacy

We may use what you publish to train AI.
"""
RECORDED = parse_instant("2024-09-18T00:00:00Z")


def parse(text: str) -> PolicyDocument:
    """Read a document."""
    return parse_document(text.encode(), name="policy.md", taxonomy=TAXONOMY)


def notice(control: Control, *asks: str) -> Notice:
    """Make a notice that asks for these scopes."""
    return make_notice(
        b"May we?",
        id="n1",
        language="en",
        control=control,
        asks=[Scope.parse(ask) for ask in asks],
        taxonomy=TAXONOMY,
    )


def test_digest_is_of_the_bytes() -> None:
    """The digest is taken over the exact bytes, the declaration's over the front matter."""
    document, other = parse(TEXT), parse(TEXT + " ")
    assert document.sha256 == sha256(TEXT.encode()) != other.sha256
    assert document.declaration == other.declaration
    assert document.body.startswith("# Privacy")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("---\ndocument", "document", "policy.malformed"),
        ("version: 2", "version: 2\nversion: 3", "input.malformed"),
        ("replaces", "replace", "input.unknown-field"),
        ("kind: privacy-policy", "kind: terms", "policy.malformed"),
        ("2024-09-18T00:00:00Z", "2024-09-18 at noon", "input.instant"),
        ("train.generative/", "training/", "use.unknown-term"),
        ("language: en\n", "", "input.malformed"),
        ("replaces: 1", "announced: 2024-10-01", "policy.malformed"),
    ],
)
def test_front_matter_is_strict(old: str, new: str, code: str) -> None:
    """A front matter with a field or value that is not understood is refused."""
    with pytest.raises(InputError) as caught:
        parse(TEXT.replace(old, new, 1))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("2024-09-18T00:00:00Z", "2024-09-18 at noon", "effective"),
        ("replaces: 1", "announced: soon", "announced"),
        ("train.generative/", "training/", "uses"),
    ],
)
def test_a_value_that_is_not_understood_is_told_by_its_line(old: str, new: str, field: str) -> None:
    """Instants and uses that are refused name the file and the line of their field."""
    text = TEXT.replace(old, new, 1)
    line = next(n for n, one in enumerate(text.split("\n"), 1) if one.startswith(f"{field}:"))
    with pytest.raises(InputError) as caught:
        parse(text)
    assert caught.value.where == f"policy.md:{line}"


def test_retroactive_is_refused() -> None:
    """A text that would have held before it was recorded is refused (G3)."""
    refuse_retroactive(parse(TEXT), recorded=RECORDED)
    with pytest.raises(RefusedError) as caught:
        refuse_retroactive(parse(TEXT), recorded=RECORDED + timedelta(microseconds=1))
    assert caught.value.code == "policy.retroactive"


def test_impact_names_uses_and_window() -> None:
    """Impact is the difference of the leaf uses, and the whole days people had."""
    old = parse(TEXT.replace("train.generative/content", "train.safety/messages"))
    found = impact(old, parse(TEXT), taxonomy=TAXONOMY, recorded=RECORDED)
    assert {str(u) for u in found.added} == {
        f"train.generative.{p}/content.{c}/platform"
        for p in ("replies", "writing")
        for c in ("posts", "comments")
    }
    assert {u.purpose for u in found.removed} == {"train.safety"}
    assert (found.notice_window_days, found.told_by, found.mismatches) == (0, "recorded", ())


def test_window_counts_from_the_announcement() -> None:
    """Announced 46 days ahead, the window is 46 days."""
    text = TEXT.replace("2024-09-18T00:00:00Z", "2025-11-03").replace(
        "replaces: 1", "announced: 2025-09-18"
    )
    found = impact(None, parse(text), taxonomy=TAXONOMY, recorded=parse_instant("2025-09-18"))
    assert (found.notice_window_days, found.told_by) == (46, "announced")


def test_prose_is_held_against_the_declaration() -> None:
    """A text that trains in silence, or speaks of what it does not declare, is named."""
    silent = parse(TEXT.replace("to train AI", "as we like"))
    other = parse(TEXT.replace("content/platform", "content/third-party"))
    bare = parse(TEXT.replace("  - train.generative/content/platform", "  - service/*/platform"))
    for document, word in ((silent, "no word"), (other, "names none"), (bare, "declares none")):
        found = impact(None, document, taxonomy=TAXONOMY, recorded=RECORDED).mismatches
        assert any(word in sentence for sentence in found)


def test_preset_control_gives_no_consent() -> None:
    """A control that was on already carries no grant and covers nothing (G1)."""
    preset = notice(Control.ON, "train/messages/platform")
    with pytest.raises(RefusedError) as caught:
        preset.require_grantable()
    assert caught.value.code == "notice.preset-control"
    assert NoticeCoverage.of(preset) == NoticeCoverage(uses=frozenset(), shown=frozenset())


@pytest.mark.parametrize(
    ("text", "language"),
    [(b"", "en"), (b" \n\t\r\n", "en"), (b"May we?", "xx!!"), (b"May we?", "")],
)
def test_nobody_agrees_to_a_notice_that_says_nothing(text: bytes, language: str) -> None:
    """A notice without a word, or in a language that is no tag, is refused (G2)."""
    asks = [Scope.parse("train/messages/platform")]
    with pytest.raises(InputError) as caught:
        make_notice(
            text, id="n", language=language, control=Control.OFF, asks=asks, taxonomy=TAXONOMY
        )
    assert caught.value.code == "input.malformed"


def test_notice_expands_once() -> None:
    """A notice covers the leaves below what it asks for; only leaf lines show a use by itself."""
    leaf = "train.safety/messages.inmail/platform"
    made = notice(Control.OFF, "train.generative/messages/platform", leaf)
    assert len(made.uses) == 2 * 5 + 1
    assert {str(use) for use in made.shown} == {leaf}
    assert NoticeCoverage.of(made).uses == made.uses


def test_grant_must_be_asked_for() -> None:
    """A grant of more than the notice asked for is refused."""
    made = notice(Control.NONE, "train.generative/messages/platform")
    made.require_grantable(Scope.parse("train.generative.replies/messages/platform"))
    with pytest.raises(ByleaveError):
        made.require_grantable(Scope.parse("train/messages/platform"))
