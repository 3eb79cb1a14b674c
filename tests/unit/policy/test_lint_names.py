"""Whose name is whose: the publisher's own, other companies', and what is denied all the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.policy.lint import spoken
from byleave.policy.other_name import MARK, as_others, as_written, other_names
from byleave.policy.own_name import own_names


def about(text: str) -> set[str]:
    """Return what the rules hear in a text."""
    return {item.statement.about for item in spoken(text, rules_only=True)}


@pytest.mark.parametrize(
    "text",
    [
        "Your photo is checked by our partner, Facecheck. Facecheck will retain your selfie.",
        "We use service providers such as Quillbase and Norwind.",
        "Read Quillbase's privacy policy.",
        "Your recordings are stored on Quillbase.",
        "We use Quillbase.",
    ],
)
def test_a_company_is_known_by_how_the_text_tells_of_it(text: str) -> None:
    """A name that the text says to be somebody else's is one of another company."""
    assert other_names(text, ())


@pytest.mark.parametrize(
    "text",
    [
        "Data are transferred to the United States and to Germany.",
        "We share data with Advertisers, and advertisers use it.",
        "Quillbase, Inc. collects your data.",
        "We use Cookies and an API.",
    ],
)
def test_countries_common_words_and_the_publisher_are_no_other_company(text: str) -> None:
    """A country, a word that is common in the text, and the publisher itself are no other company."""
    assert other_names(text, ("Quillbase",)) == ()


def test_a_company_named_once_is_known_in_every_sentence() -> None:
    """What another company does with data is found where a sentence has only its name."""
    text = "We verify you with our partner, Facecheck.\n\nFacecheck will retain your selfie."
    said = [item for item in spoken(text, rules_only=True) if item.sentence.line == 3]
    assert [item.statement.about for item in said] == ["sharing"]
    assert MARK not in said[0].statement.because
    assert spoken("Facecheck will retain your selfie.", rules_only=True) == ()


@given(st.lists(st.sampled_from(["Facecheck", "Quill Base", "data", "goes to", "we"]), max_size=8))
def test_marks_come_off_again(words: list[str]) -> None:
    """A sentence whose names were marked reads as before once the marks are taken off."""
    text = " ".join(words)
    assert as_written(as_others(text, ("Quill Base", "Facecheck"))) == text


def test_a_publisher_is_known_by_its_company_form() -> None:
    """A text that defines a name right after its company form calls itself so."""
    text = 'Quillbase, Inc. ("Quillbase") collects your data.'
    assert "Quillbase" in own_names(text)


def test_a_publisher_that_never_says_we_is_known_by_its_acts() -> None:
    """A name that acts again and again, and more than any other, is the publisher's."""
    text = (
        "Quillbase collects names.\nQuillbase stores them.\nUse Quillbase daily.\n"
        "Ask Quillbase.\nVisit Quillbase."
    )
    assert own_names(text) == ("Quillbase",)
    assert about(text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "We guarantee that it will not be shared with third parties.",
        "Sale or share of personal information: We do not sell or share personal information.",
        "We will not share the content of your messages with any third party.",
        "These third parties receive no health or scan data.",
        "Your personal data may be transferred to third countries.",
        "Check this page to see the circumstances in which we share it with other organisations.",
    ],
)
def test_denials_moves_and_pointers_are_no_sharing(text: str) -> None:
    """A denial, a move abroad and a pointer are no sharing."""
    assert "sharing" not in about(text)


@pytest.mark.parametrize(
    "text",
    [
        "We require any person or organization providing services on our behalf to protect your data.",
        "Some personal information may be stored on their servers.",
        "We don't share data with third parties beyond the provider that runs the model.",
    ],
)
def test_people_bound_their_servers_and_exceptions_are_sharing(text: str) -> None:
    """Who works on our behalf, their servers, and a denial with an exception are sharing."""
    assert "sharing" in about(text)


@pytest.mark.parametrize(
    "text",
    [
        "Names are removed before any training use of this data.",
        "We select training samples from this data.",
        "The training dataset is public.",
    ],
)
def test_training_told_by_a_noun_is_found(text: str) -> None:
    """Data put to training use, training samples and a training dataset tell of training."""
    assert "training" in about(text)


def test_no_rule_takes_what_others_read_in_a_forum_for_sharing() -> None:
    """What one writes on a message board is used by others, and no rule says that it is shared."""
    text = "If you disclose information on public message boards, it may be used by others."
    assert about(text) == set()
