"""German says all that English says to members and the public, and as plainly."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from string import Formatter

import pytest

from byleave.pages import catalogue
from byleave.pages.catalogue import CATALOGUES, ENGLISH, ENGLISH_ONLY, GERMAN, german
from byleave.pages.words import speech
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import default_taxonomy
from tests.portal.reading import ENGLISH_WORDS

BOTH = sorted(set(catalogue.SAY) - set(ENGLISH_ONLY))
BANNED = re.compile(
    r"garantiert|vergessen\b|wertschätzen|vertrauen sie uns|nutzer\b|kunde", re.IGNORECASE
)
WORDS = speech("de")


def places(text: str) -> set[str]:
    """The named places of a sentence."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_german_has_exactly_the_sentences_of_english() -> None:
    """Each key that is not English only has a German sentence, and German has no other."""
    assert sorted(german.SAY) == BOTH


@pytest.mark.parametrize("key", BOTH)
def test_a_german_sentence_has_the_places_of_the_english_one(key: str) -> None:
    """What a sentence names in English it names in German."""
    assert places(german.SAY[key]) == places(catalogue.SAY[key])


@pytest.mark.parametrize("key", BOTH)
def test_a_german_sentence_is_short_and_german(key: str) -> None:
    """M10: at most 20 words a sentence; none of the commonest English words; nothing banned."""
    text = german.SAY[key]
    for sentence in re.split(r"(?<=[.:?])\s+", text):
        assert len(re.findall(r"[\wäöüß{}-]+", sentence)) <= 20, sentence
    english = ENGLISH_WORDS.findall(re.sub(r"\{\w+\}", "", text))
    assert {word.lower() for word in english} <= {"was", "so", "am", "an"}
    assert not BANNED.search(text)


def test_most_sentences_differ() -> None:
    """A sentence of three words or more is never the same in both languages."""
    same = [
        k for k in BOTH if german.SAY[k] == catalogue.SAY[k] and len(catalogue.SAY[k].split()) > 2
    ]
    assert same == []


def test_every_code_has_german_words() -> None:
    """Reasons, grounds and limits are as many in German as in English."""
    assert GERMAN.reasons.keys() == ENGLISH.reasons.keys()
    assert GERMAN.grounds.keys() == ENGLISH.grounds.keys()
    assert len(GERMAN.limits) == len(ENGLISH.limits)
    assert len(GERMAN.months) == 12


def test_every_term_of_the_shipped_taxonomy_has_a_german_phrase() -> None:
    """Each purpose, category and recipient, and `*`, has words for a sentence in German."""
    taxonomy = default_taxonomy()
    terms = {f"{tree}/*" for tree in ("purposes", "categories", "recipients")}
    for tree in ("purposes", "categories", "recipients"):
        terms |= {f"{tree}/{name}" for name in getattr(taxonomy, tree)}
    assert terms == GERMAN.scopes.keys()


def test_a_term_of_the_operators_own_is_called_by_the_one_above_it() -> None:
    """A recipient of the operator's own file is said to be what its group is."""
    scope = "train.generative.replies/messages.direct/provider.acme"
    assert WORDS.scope(scope) == (
        "Das Modell trainieren, das Antworten auf Nachrichten vorschlägt. Mit diesen Daten: "
        "Ihre privaten Nachrichten. Wer es tut: eine Firma, die für diesen Dienst arbeitet."
    )
    assert WORDS.scope("sell/messages.direct/platform") == "sell/messages.direct/platform"
    assert (
        WORDS.meaning("sell/profile/platform", "What the operator says.")
        == "What the operator says."
    )
    assert str(Scope.parse(scope)) == scope


def test_dates_and_numbers_are_written_as_germans_write_them() -> None:
    """Days, minutes, distances, numbers and lists have the German form."""
    at = datetime(2024, 3, 5, 7, 40, tzinfo=UTC)
    assert WORDS.date(at) == "5. März 2024"
    assert WORDS.instant(at) == "5. März 2024, 07:40 Uhr (UTC)"
    assert WORDS.count(1180, "record") == "1.180 Datensätze"
    assert WORDS.count(1, "record") == "1 Datensatz"
    assert WORDS.relative(at, datetime(2024, 3, 4, tzinfo=UTC)) == "in 1 Tag"
    assert WORDS.relative(at, datetime(2024, 3, 8, tzinfo=UTC)) == "vor 3 Tagen"
    assert WORDS.names(["a", "b", "c", "d"]) == "a, b, c und 1 weitere"
    assert WORDS.names(["a", "b"]) == "a und b"


def test_every_noun_that_a_page_counts_has_german_forms() -> None:
    """Each noun that a template for both languages counts is in the German catalogue."""
    from tests.conftest import ROOT

    counted = set()
    for path in (ROOT / "src/byleave/pages/templates").glob("*.html"):
        if path.name not in {"case.html", "gate.html", "house.html", "report.html"}:
            counted |= set(re.findall(r'count\([^"]*"(\w+)"', path.read_text(encoding="utf-8")))
    assert counted <= GERMAN.nouns.keys()


def test_languages_are_named_in_their_own_words() -> None:
    """The switch names each language as its speakers do, English first."""
    assert [(c.language, c.name) for c in CATALOGUES.values()] == [
        ("en", "English"),
        ("de", "Deutsch"),
    ]


def school_year(text: str) -> float:
    """Return the first Wiener Sachtextformel of a German text: about the school year it is for."""
    sentences = [part for part in re.split(r"(?<=[.:?!])\s+", text) if re.search(r"\w", part)]
    words = re.findall(r"[A-Za-zÄÖÜäöüß]+", text)
    beats = [len(re.findall(r"ie|ei|eu|äu|au|ai|aa|ee|oo|[aeiouyäöü]", w.lower())) for w in words]
    share = 100 / len(words)
    return (
        0.1935 * share * sum(count >= 3 for count in beats)
        + 0.1672 * len(words) / len(sentences)
        + 0.1297 * share * sum(len(word) > 6 for word in words)
        - 0.0327 * share * sum(count == 1 for count in beats)
        - 0.875
    )


def graded() -> dict[str, str]:
    """German sentences long enough to be measured, their places filled with a short word."""
    texts = {key: re.sub(r"\{\w+\}", "eins", text) for key, text in german.SAY.items()}
    return {key: text for key, text in texts.items() if len(text.split()) >= 15}


@pytest.mark.parametrize("key", sorted(graded()))
def test_a_german_text_is_for_the_eighth_school_year_or_below(key: str) -> None:
    """M10: what is long enough to be measured reads at the eighth year or below."""
    assert school_year(graded()[key]) <= 8


def test_all_german_sentences_together_read_easily() -> None:
    """M10: all of them together are for the fifth year or below; a sentence of law is not."""
    assert school_year(" ".join(t for t in german.SAY.values() if t.endswith((".", ":", "?")))) <= 5
    law = (
        "Die Verarbeitung personenbezogener Daten zur Entwicklung maschineller Lernverfahren "
        "erfolgt ausschließlich auf Grundlage der ausdrücklichen Einwilligung der betroffenen "
        "Person, welche jederzeit mit Wirkung für die Zukunft widerrufen werden kann."
    )
    assert school_year(law) > 12
