"""Openings, folding, placeholders and features of a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.trainers.wording import features, openings, pieces, show, slots_only


def folded(text: str, boundary: str = "sentence") -> list[str]:
    return [o.folded for o in openings(pieces(text, boundary))[0]]


def exact(text: str, boundary: str = "sentence") -> list[str]:
    return [o.exact for o in openings(pieces(text, boundary))[0]]


def test_openings_are_the_first_sentences() -> None:
    """One opening for each number of sentences from the start."""
    assert exact("Hi! How are you? Fine.") == [
        "hi.",
        "hi. how are you?",
        "hi. how are you? fine.",
    ]


def test_clauses_end_at_commas_only_when_asked() -> None:
    """`Yes, of course.` opens with `yes` under `clause`, and not under `sentence`."""
    assert exact("Yes, of course.") == ["yes of course."]
    assert exact("Yes, of course.", "clause") == ["yes.", "yes, of course."]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello, how are you?", "hey how are u"),
        ("I'm good!!!", "i am good"),
        ("Thank you so much.", "ty"),
        ("Oh well, that's really great", "thats great."),
        ("yeah I dont know", "Yes, I don’t know!"),
        ("I'll give $5", "i will give 50 cents"),
    ],
)
def test_what_means_the_same_counts_as_one(one: str, other: str) -> None:
    """Greetings, contractions, chat spellings, fillers and amounts are folded."""
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("yes", "no"), ("I do", "I do not"), ("I think so", "I think"), ("you too", "you")],
)
def test_what_means_something_else_stays_apart(one: str, other: str) -> None:
    """Folding never drops a word that changes the answer."""
    assert folded(one) != folded(other)


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("write to jo.doe@example.org", "{email}"),
        ("see https://example.org/x?y=1", "{url}"),
        ("see example.org", "{url}"),
        ("call 555-123-4567", "{phone}"),
        ("take $1,250.50", "{amount}"),
        ("take 20 dollars", "{amount}"),
        ("at 12:30", "{number}"),
        ("mine is <phone>", "{phone}"),
    ],
)
def test_what_identifies_is_a_placeholder(text: str, slot: str) -> None:
    """E-mail, address, telephone, amount and number never stay as digits or letters."""
    (only,) = exact(text)
    assert only.endswith(slot + ".")
    assert not any(ch.isdigit() for ch in only)


def test_a_long_message_has_no_whole() -> None:
    """Past forty words or four sentences nothing more is kept, and the whole is no opening."""
    found, whole = openings(pieces("a. b. c. d. e.", "sentence"))
    assert (len(found), whole) == (4, False)
    found, whole = openings(pieces("word " * 41, "sentence"))
    assert (found, whole) == ((), False)


@given(st.text(max_size=60), st.sampled_from(["sentence", "clause"]))
def test_what_is_shown_folds_back(text: str, boundary: str) -> None:
    """The shown text has the exact text's words, and counts as the same reply."""
    for opening in openings(pieces(text, boundary))[0]:
        again = openings(pieces(show(opening.exact), boundary))[0]
        assert again[-1].folded == opening.folded


def test_a_shown_text_is_written_as_people_write() -> None:
    """Sentences begin with a capital, and so does I."""
    assert show("i'm good. and i hope you are?") == "I'm good. And I hope you are?"


def test_only_placeholders_are_no_reply() -> None:
    """`{amount}.` has no word; `i give {amount}.` has."""
    assert slots_only("{amount}.")
    assert not slots_only("i give {amount}.")


def test_features_say_which_words_are_behind_them() -> None:
    """Words and pairs of the context itself, and whether it asks."""
    named = features(pieces("Hi. Do you help?", "sentence"))
    words = {("hi",), ("do",), ("you",), ("help",), ("hi", "do"), ("you", "help"), ("?",)}
    assert words <= set(named.values())
    assert features(pieces("  ", "sentence")) == {}
    assert all(0 <= feature < 2**63 for feature in named)


def test_where_a_word_stands_is_another_feature() -> None:
    """Order, place and repetition: `a b` and `b a` share the words and nothing else."""
    one, other = (features(pieces(text, "sentence")) for text in ("tea milk", "milk tea"))
    shared = {words for feature, words in one.items() if feature in other}
    assert shared == {("tea",), ("milk",)}
    assert len(features(pieces("tea", "sentence"))) == 4  # in it, in its end, first, last
