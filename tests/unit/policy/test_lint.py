"""Prose against declarations: measured on labelled sentences, and every finding says why."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.policy.lint import Finding, lint, spoken, unmentioned_parts
from byleave.policy.own_name import as_we, own_names
from byleave.policy.prose import sentences, split_sentences
from byleave.policy.scope import Scope
from byleave.policy.statement import recipients_of, statements_of
from byleave.policy.taxonomy import default_taxonomy

HERE = Path(__file__).parent
KINDS = {"t": {"training"}, "s": {"sharing"}, "b": {"training", "sharing"}, "-": set()}
PARTS = {"p": "purpose", "c": "category", "r": "recipient"}


class Score(NamedTuple):
    """Hits, false findings and misses."""

    hits: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        return self.hits / max(1, self.hits + self.false)

    @property
    def recall(self) -> float:
        return self.hits / max(1, self.hits + self.missed)


def rows(name: str) -> list[list[str]]:
    """Return the rows of a labelled set."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


@cache
def said_of(text: str) -> frozenset[str]:
    """Return what rules and reader hear in a sentence that is a text of its own."""
    return frozenset(item.statement.about for item in spoken(text))


def score_sentences(splits: Sequence[str], about: str) -> Score:
    """Score rules and reader on some splits, each sentence a text of its own."""
    found: Counter[tuple[bool, bool]] = Counter()
    for of, label, text in rows("lint_sentences.tsv"):
        if of in splits:
            says = said_of(text)
            found[about in KINDS[label], about in says] += 1
    return Score(found[True, True], found[False, True], found[True, False])


def score_declarations(split: str) -> Score:
    """Score the rules for declarations that the text never mentions on one split."""
    found: Counter[tuple[bool, bool]] = Counter()
    for of, label, use, text in rows("lint_declarations.tsv"):
        if of == split:
            silent = unmentioned_parts(Scope.parse(use), text, spoken(text), default_taxonomy())
            for letter, part in PARTS.items():
                found[letter in label, part in silent] += 1
    return Score(found[True, True], found[False, True], found[True, False])


def test_the_labelled_set_is_large_and_holds_both() -> None:
    """There are at least 150 sentences, of which two thirds at most are of one label."""
    labels = Counter(label for _, label, _ in rows("lint_sentences.tsv"))
    total = sum(labels.values())
    assert total >= 150
    assert max(labels.values()) < total * 2 / 3
    assert len({text for _, _, text in rows("lint_sentences.tsv")}) == total


@pytest.mark.parametrize("about", ["training", "sharing"])
def test_sentences_tuned_on_are_found(about: str) -> None:
    """Of the sentences that rules and reader were fitted on, .9 are found and .9 are right."""
    score = score_sentences(["tune"], about)
    assert score.precision >= 0.9, score
    assert score.recall >= 0.9, score


@pytest.mark.parametrize(
    ("split", "about", "precision", "recall"),
    [
        ("held", "training", 0.9, 0.9),
        ("held", "sharing", 0.9, 0.9),
        ("fresh", "training", 0.9, 0.9),
        ("fresh", "sharing", 0.9, 0.9),
        ("odd", "training", 0.9, 0.9),
        ("odd", "sharing", 0.9, 0.9),
        ("blind", "training", 0.9, 0.85),
        ("blind", "sharing", 0.9, 0.85),
    ],
)
def test_each_split_held_out_is_found(
    split: str, about: str, precision: float, recall: float
) -> None:
    """Of each split that no weight was fitted on, so much of what is found is right, so much found."""
    score = score_sentences([split], about)
    assert score.precision >= precision, score
    assert score.recall >= recall, score


@pytest.mark.parametrize("about", ["training", "sharing"])
def test_sentences_held_out_are_found(about: str) -> None:
    """Of all that no weight was fitted on, .9 of what is found is right, and .9 are found."""
    score = score_sentences(["held", "fresh", "odd", "blind"], about)
    assert score.precision >= 0.9, score
    assert score.recall >= 0.9, score


def test_published_sentences_labelled_before_the_first_look() -> None:
    """Of published sentences about sharing, labelled beforehand, .9 found are right, .9 are found."""
    found: Counter[tuple[bool, bool]] = Counter()
    for source, label, text in rows("lint_published.tsv"):
        publisher = source.split(",")[0].split(" (")[0].split(" privacy")[0].split(" terms")[0]
        names = (publisher, "LinkedIn" if publisher.startswith("LinkedIn") else publisher)
        says = said_of(as_we(text, names))
        found["sharing" in KINDS[label], "sharing" in says] += 1
    score = Score(found[True, True], found[False, True], found[True, False])
    assert score.precision >= 0.9, score
    assert score.recall >= 0.9, score


@pytest.mark.parametrize("split", ["tune", "held"])
def test_unmentioned_declarations_are_found(split: str) -> None:
    """Of what declarations say and texts never mention, .9 is found and .9 is right."""
    score = score_declarations(split)
    assert score.precision >= 0.9, score
    assert score.recall >= 0.9, score


DOCUMENT = """\
---
document: privacy-policy
version: "1"
kind: privacy-policy
language: en
jurisdiction: "*"
effective: 2024-09-18
uses:
  - train.generative/content/platform
  - service.delivery/messages/provider
---
# Privacy

We use what you publish to train generative AI models.

| Why | With whom |
| --- | --- |
| To train AI that finds spam | nobody |

We may share your profile with:

* our service providers;
* advertisers, for their own ends.

We do not:

* sell your data to data brokers
* use your messages to train AI models
"""


def found(text: str = DOCUMENT) -> list[Finding]:
    """Lint a text."""
    return list(lint(text, name="p.md", taxonomy=default_taxonomy()))


def test_findings_name_line_words_and_what_they_seem_to_declare() -> None:
    """A finding says on which line which words say what, as scopes that could be declared."""
    by_line = {finding.line: finding for finding in found() if finding.kind == "undeclared"}
    assert set(by_line) == {18, 23}
    assert [str(scope) for scope in by_line[18].scopes] == ["train.safety/*/platform"]
    assert by_line[18].because == "train AI"
    assert [str(scope) for scope in by_line[23].scopes] == ["*/profile/third-party"]


def about(text: str) -> list[tuple[str, str]]:
    """Return what the rules hear in a text without declarations."""
    found = lint(text, name="p.md", taxonomy=default_taxonomy(), rules_only=True)
    return [(f.about, f.by) for f in found]


def test_they_are_whom_the_sentence_before_named() -> None:
    """After a recipient "They may collect it" is sharing; by itself it says nothing."""
    assert about("We work with advertisers. They may collect your IP address.") == [
        ("sharing", "rule")
    ]
    assert about("They may collect your IP address.") == []


def test_their_use_is_the_use_by_whom_the_sentence_before_named() -> None:
    """After a recipient "Their use of your data" is sharing; by itself it says nothing."""
    text = "We work with advertisers. Their use of your data is governed by their own rules."
    assert about(text) == [("sharing", "rule")]
    assert about("Their use of your data is governed by their own rules.") == []


@pytest.mark.parametrize("title", ["**Sharing Your Data**", "Sharing of Your Data"])
def test_a_bold_or_capitalised_line_by_itself_is_a_title(title: str) -> None:
    """A line by itself in bold, or with capitals and no full stop, says nothing."""
    text = f"{title}\n\nWe keep records.\n"
    assert [s.place for s in sentences(text)] == ["heading", "paragraph"]
    assert about(text) == []


def test_the_publishers_name_before_its_affiliates_reads_as_our() -> None:
    """The name before "affiliates" is "our"; in "Acme, Inc." it names a company, not us."""
    assert as_we("Acme affiliates may see it.", ["Acme"]) == "our affiliates may see it."
    assert as_we("This site is run by Acme, Inc. for you.", ["Acme"]).count("us") == 0


def test_a_list_may_be_introduced_by_these_after_an_aside() -> None:
    """A line like "For some, these may include:" is read with the sentence before it."""
    text = (
        "We disclose your data to third parties. For some, these may include:\n\n- the Exam Board\n"
    )
    assert ("sharing", 3) in {
        (s.statement.about, s.sentence.line) for s in spoken(text, rules_only=True)
    }


def test_a_run_in_title_is_found_once() -> None:
    """A title and the sentence after it that says the same are one finding."""
    text = (
        "We share your data with:\n\n* **Service Providers.** We share it with cloud providers.\n"
    )
    lines = [f.text for f in found(text) if f.line == 3]
    assert lines == ["We share it with cloud providers."]


def test_a_prohibition_on_a_recipient_says_that_it_has_the_data() -> None:
    """What binds recipients declares them; what binds the reader or nobody does not."""
    assert about("These vendors are not allowed to use your data for their own ends.") == [
        ("sharing", "rule")
    ]
    assert about("You are not allowed to use the data of other members.") == []


def test_a_publisher_is_known_by_how_it_speaks() -> None:
    """A name that acts again and again is the publisher, and is no recipient of its own."""
    text = "\n\n".join(f"Valve may keep record {n}." for n in range(5))
    assert own_names(text) == ("Valve",)
    assert about(f"{text}\n\nYou give your data to Valve.") == []


def test_a_declaration_that_the_text_never_mentions_stands_with_its_line() -> None:
    """A declared use of which the text is silent is named at its line of the front matter."""
    text = DOCUMENT.replace("service.delivery/messages/provider", "train.ranking/network/affiliate")
    silent = [f for f in found(text) if f.kind == "unmentioned"]
    assert [(f.line, f.text, f.about) for f in silent] == [
        (10, "train.ranking/network/affiliate", "purpose, category, recipient")
    ]


def test_a_text_without_front_matter_declares_nothing() -> None:
    """Of a bare text every sentence about training or sharing is a finding."""
    body = DOCUMENT.split("---\n", 2)[2]
    assert {finding.about for finding in found(body)} == {"training", "sharing"}
    assert all(finding.kind == "undeclared" for finding in found(body))


GERMAN = """\
Wir verarbeiten personenbezogene Daten unserer Nutzer nur, soweit dies erforderlich ist. Wir geben
Ihre Daten an Dienstleister weiter, um Ihnen die Nutzung zu ermöglichen, und trainieren damit unsere
Modelle. Die Verarbeitung erfolgt regelmäßig nur nach Einwilligung.
"""


@pytest.mark.parametrize(
    "text",
    [
        DOCUMENT.replace("language: en", "language: de-AT"),
        DOCUMENT.partition("# Privacy")[0].replace("language: en", "language: en-GB") + GERMAN,
        GERMAN,
    ],
)
def test_a_text_in_another_language_is_said_to_be_unread(text: str) -> None:
    """No finding is made of what is not English, and it never passes as a text that agrees."""
    (finding,) = lint(text, name="datenschutz.md", taxonomy=default_taxonomy())
    assert (finding.kind, finding.about, finding.scopes) == ("unread", "language", ())
    assert "only English is read" in finding.text


def test_english_is_read_whatever_its_variant_or_length() -> None:
    """A regional tag, no tag, and a text too short to tell are all read."""
    for text in (DOCUMENT, DOCUMENT.replace("language: en", "language: en-IE"), "Nothing.\n"):
        assert all(f.kind != "unread" for f in lint(text, name="x", taxonomy=default_taxonomy()))


def test_a_declaration_covers_what_overlaps_it() -> None:
    """A narrower or a wider declared purpose covers the sentence, another one does not."""
    for use, left in (
        ("train/*/platform", 0),
        ("train.generative.replies/content.posts/platform", 0),
        ("train.ranking/content/platform", 1),
        ("train.generative/network/platform", 0),
    ):
        text = DOCUMENT.replace("train.generative/content/platform", use)
        assert sum(f.line == 14 for f in found(text)) == left, use


def test_lists_inherit_what_introduces_them() -> None:
    """An item is read with its introduction: a permission or a denial above it holds for it."""
    text = (
        "We do not:\n\n* sell your data to data brokers\n\nWe may share data with:\n\n1. vendors\n"
    )
    said = spoken(text, rules_only=True)
    assert [
        (s.sentence.line, s.statement.recipients) for s in said if s.sentence.place == "item"
    ] == [(7, ("provider",))]


def test_recipients_have_groups() -> None:
    """Affiliates, providers and third parties are told apart, each once."""
    text = "We share data with affiliates, our parent company, vendors and advertisers."
    assert recipients_of(text) == ("affiliate", "provider", "third-party")
    assert recipients_of("We store data.") == ()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("See Art. 6 No. 3 of the law. We comply.", 2),
        ("Acme Inc. shares data, e.g. names. It does so often.", 2),
        ('We say "no." You say "yes."', 2),
        ("We share data with J. Smith Ltd. and others.", 1),
        ("Version 2.1 applies from 3.5.2024 on.", 1),
        ("What do we share? Nothing!", 2),
        ("It runs on models of Orbita, Inc. When you ask, it answers.", 2),
        ("Orbita, L.L.C. (United States)", 1),
    ],
)
def test_sentences_end_where_they_end(text: str, count: int) -> None:
    """Abbreviations, initials, numbers and quotes do not end a sentence."""
    assert len(split_sentences(text)) == count


def test_marks_are_taken_off_and_lines_kept() -> None:
    """Links, emphasis, escapes, breaks, wrapped lines and tables leave words with their lines."""
    text = (
        "Title\n=====\n\n**We** share [data](https://x.example/a_(b))\nwith _vendors_. Then\n"
        "we stop.\n\n1\\. First<br>Second\n\n```\nnot prose\n```\n> quoted words\n"
    )
    assert [(s.line, s.place, s.text) for s in sentences(text)] == [
        (1, "heading", "Title"),
        (4, "paragraph", "We share data with vendors."),
        (5, "paragraph", "Then we stop."),
        (8, "item", "First"),
        (8, "item", "Second"),
        (13, "paragraph", "quoted words"),
    ]


def said(text: str) -> list[str]:
    """Return the sentences of a text that share, as they stand in it."""
    return [
        s.sentence.text for s in spoken(text, rules_only=True) if s.statement.about == "sharing"
    ]


def test_the_publishers_own_name_reads_as_we() -> None:
    """A title or "(we)" tells by which name the publisher speaks of itself: no third party."""
    text = 'This policy is of Acme Labs Inc. ("Acme", "we"). Acme shares your data with vendors.'
    assert own_names(text) == ("Acme Labs", "Acme")
    assert own_names("Our policy\nWe share nothing.") == ()
    assert as_we("Acme's vendors help; data goes to Acme.", ["Acme"]) == (
        "our vendors help; data goes to us."
    )
    assert said("# Acme Privacy Policy\n\nAcme may share your e-mail address with vendors.\n")
    assert not said("# Acme Privacy Policy\n\nAdvertisers may send Acme your e-mail address.\n")


def test_items_that_name_recipients_are_handed_data_by_what_introduces_them() -> None:
    """Below "We share data with:" an item is a recipient, below a list of rights it is none."""
    assert said("We share your data with:\n\n- Advertisers\n- Our auditors\n") == [
        "We share your data with:",
        "Advertisers",
        "Our auditors",
    ]
    assert not said("You have the right to:\n\n- have your data sent to another provider\n")


def test_nested_lists_and_run_in_titles_keep_their_introduction() -> None:
    """A denial above a list holds two levels down; a title before an item's sentence is no end."""
    nested = "We do not:\n\n- share your data with\n    - advertisers\n    - data brokers\n"
    assert not said(nested)
    titled = "We share your data with:\n\n- **Vendors.** Companies that store it for us.\n"
    assert said(titled)


@pytest.mark.parametrize(
    "text",
    [
        "To answer, your words are sent to our server and then passed to:",
        "The types of personal information we collect and share depend on the product you have.",
        "By using it you consent to our collection, use, and disclosure of your information.",
        "Your request goes through our own service and then to the AI provider.",
    ],
)
def test_what_hands_over_in_passing_is_sharing(text: str) -> None:
    """A list's introduction, what "we collect and share", leave to disclose, a request that goes on."""
    assert said(f"{text}\n") == [text]


@pytest.mark.parametrize(
    "text",
    [
        "Depending on where you live, you may:\n\n- Lodge complaints with regulatory authorities\n",
        "Knowing this helps you to:\n\n- decide when authorizing disclosure to others\n",
        "Orbita sends us a number and the state of your subscription.\n",
    ],
)
def test_what_the_reader_does_and_what_comes_in_is_no_sharing(text: str) -> None:
    """Items below "you may:", and what others send us, hand over nothing of the reader's."""
    assert not said(text)


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    """No text makes the reader fail, and every sentence has a line of the text."""
    for sentence in sentences(text):
        assert 1 <= sentence.line <= len(text.splitlines())
        statements_of(sentence.text, lead=sentence.lead)


def test_a_long_text_takes_as_much_more_as_it_is_longer() -> None:
    """Eight times as long a hostile sentence, of 13,600 characters, costs no 24 times as much."""

    def cost(times: int) -> float:
        text = "We share data with you and your data and use AI to train and train, " * times
        start = time.thread_time()
        statements_of(text)
        return time.thread_time() - start

    assert cost(200) < 24 * cost(25)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("| Data | Shared with |\n| --- | --- |\n| E-mail | Stripe |\n", 3),
        ("## Who we share your data with\n\n- Stripe (payments)\n", 3),
        ("We use service providers to store your data. These include:\n\n- Vercel (hosting)\n", 3),
        ("Your address is passed on to Orbita to ship the order.\n", 1),
    ],
)
def test_recipients_that_a_table_a_heading_or_a_name_tells(text: str, line: int) -> None:
    """Sharing is found where a column, a heading, the sentence before a list, or a name says to whom."""
    assert ("sharing", line) in {
        (s.statement.about, s.sentence.line) for s in spoken(text, rules_only=True)
    }


@pytest.mark.parametrize(
    ("lead", "item", "about"),
    [
        (
            "We train our models using data from the following sources:",
            "Public posts",
            {"training"},
        ),
        ("The following types of data help us train our models:", "Ratings", {"training"}),
        ("We do not train our models on the following types of data:", "Letters", set()),
        ("When we train our models we take the following steps:", "Removal of names", set()),
        ("We train our models using data from these sources:", "We delete it later.", set()),
    ],
)
def test_what_feeds_a_model_in_a_list_is_training(lead: str, item: str, about: set[str]) -> None:
    """An item is training where its lead says that what is listed trains models, and not otherwise."""
    assert {s.about for s in statements_of(item, lead=lead)} == about


def test_a_row_of_a_table_is_one_statement() -> None:
    """Of a table, each row is one sentence with its cells, and the heads of its columns say nothing."""
    text = (
        "| Data | Shared with |\n| --- | --- |\n| E-mail<br>Name | Stripe. Others too. |\n| | |\n"
    )
    heads, row = sentences(text)
    assert (heads.place, heads.text, heads.silent) == ("heads", "Data | Shared with", True)
    assert (row.place, row.text, row.line) == ("row", "E-mail; Name | Stripe. Others too.", 3)
    assert [(cell.head, cell.text) for cell in row.cells] == [
        ("Data", "E-mail; Name"),
        ("Shared with", "Stripe. Others too."),
    ]
    found = spoken(text, rules_only=True)
    assert [(item.statement.about, item.sentence.line) for item in found] == [("sharing", 3)]


def test_no_sentence_hides_in_a_table() -> None:
    """A sentence is found in the first row of a table, and behind ten thousand characters of a cell."""
    first = "| We sell your e-mail address to advertisers. |\n| --- |\n| Name |\n"
    long = "| " + "The weather is fine. " * 600 + "We sell your e-mail address to advertisers. |\n"
    for text in (first, long):
        assert [(s.statement.about, s.sentence.line) for s in spoken(text, rules_only=True)] == [
            ("sharing", 1)
        ]


def test_a_row_without_heads_is_read() -> None:
    """A row that no rule of a table follows is a statement like any other."""
    text = "| We share your e-mail address with advertisers. | Always |\n"
    assert [item.sentence.place for item in spoken(text, rules_only=True)] == ["row"]


def test_a_command_that_reads_no_prose_compiles_no_rule() -> None:
    """Importing everything compiles none of the patterns for sharing; reading a sentence does."""
    asked = """
import byleave.wiring
from byleave.policy.says_sharing import _PATTERNS
from byleave.policy.statement import statements_of
print(len(_PATTERNS), sum('_compiled' in vars(p) for p in _PATTERNS))
statements_of('We share your data with partners.')
print(any('_compiled' in vars(p) for p in _PATTERNS))
"""
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    patterns, compiled, after = run.stdout.split()
    assert int(patterns) > 10
    assert (compiled, after) == ("0", "True")
