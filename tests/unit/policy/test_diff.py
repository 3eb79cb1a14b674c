"""Differences of two texts, by sentence and by declaration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.ids import parse_instant
from byleave.policy.diff import Change, diff_declarations, diff_prose, marked, word_pieces
from byleave.policy.document import PolicyDocument, parse_document
from byleave.policy.taxonomy import default_taxonomy

OLD = """\
# Privacy

We store your messages so that we can deliver them. We keep them for 30 days.

## Sharing

We share your data with vendors. Companies that work for us are bound to use what we give
them for that work alone.

You can write to us at any time about anything.
"""
NEW = """\
# Privacy

You can write to us at any time about anything.

We store your messages so that we can deliver them. We keep them for 90 days.

## Sharing

We may share your personal data with vendors and affiliates.

We may use your data to train AI models.
"""


def changes(kind: str) -> list[Change]:
    """Return the changes of one kind between OLD and NEW."""
    return [change for change in diff_prose(OLD, NEW).changes if change.kind == kind]


def test_a_changed_sentence_shows_its_words() -> None:
    """A sentence that was reworded is one change, with the words that went and came."""
    texts = [marked(change.pieces) for change in changes("changed")]
    assert texts == [
        "We keep them for [-30-]{+90+} days.",
        "We{+ may+} share your{+ personal+} data with vendors{+ and affiliates+}.",
    ]


def test_a_moved_sentence_is_not_removed_and_added() -> None:
    """A sentence that stands elsewhere, word for word, has moved from a line to a line."""
    (moved,) = changes("moved")
    assert (moved.old_line, moved.new_line) == (10, 3)
    assert not any("write to us" in marked(c.pieces) for c in changes("added") + changes("removed"))


def test_added_and_removed_name_line_and_section() -> None:
    """What is new or gone stands with its line, counted from 1, and its heading."""
    (added,), (removed,) = changes("added"), changes("removed")
    assert (added.section, added.new_line, added.old_line) == ("Sharing", 11, None)
    assert (removed.section, removed.old_line, removed.new_line) == ("Sharing", 7, None)


def test_wrapping_and_marks_are_no_change() -> None:
    """The same words, wrapped or marked otherwise, are the same text."""
    again = OLD.replace("\ngive\nthem", " give them").replace("vendors", "**vendors**")
    again = again.replace("give\nthem for", "give them for")
    again = again.replace("# Privacy\n", "Privacy\n=======\n")
    assert diff_prose(OLD, again).changes == ()


@given(st.lists(st.sampled_from("we share your data with vendors , and affiliates . we".split())))
def test_nothing_is_lost_in_a_change(words: list[str]) -> None:
    """The same and removed pieces give the older sentence, the same and added ones the newer."""
    old, new = "We share your data with vendors, and delete it.", " ".join(words)
    pieces = word_pieces(old, new)
    assert "".join(p.text for p in pieces if p.kind != "added") == old
    assert "".join(p.text for p in pieces if p.kind != "removed") == new


@given(st.lists(st.sampled_from(OLD.split("\n\n")), max_size=6))
def test_a_text_against_itself_is_the_same(parts: list[str]) -> None:
    """No text differs from itself, and a change has a place in the text it is about."""
    text = "\n\n".join(parts)
    assert diff_prose(text, text).changes == ()
    for change in diff_prose(text, OLD).changes:
        assert (change.old_line is None) == (change.kind == "added")
        assert (change.new_line is None) == (change.kind == "removed")


HEAD = """\
---
document: privacy-policy
version: "{version}"
kind: {kind}
language: en
jurisdiction: "*"
effective: {effective}
announced: {announced}
uses:
  - {use}
---
# Privacy
"""


def document(version: str, kind: str, effective: str, announced: str, use: str) -> PolicyDocument:
    """Return a document that declares one scope."""
    text = HEAD.format(
        version=version, kind=kind, effective=effective, announced=announced, use=use
    )
    return parse_document(text.encode(), name="p", taxonomy=default_taxonomy())


def test_declarations_are_compared_as_members_read_them() -> None:
    """Uses added and removed come with their sentence, other fields and instants beside them."""
    old = document("1", "faq", "2024-01-01", "2023-12-01", "train.safety/content.posts/platform")
    new = document(
        "2", "help", "2025-11-03", "2025-09-18", "train.ranking.jobs/content.posts/platform"
    )
    found = diff_declarations(old, new, taxonomy=default_taxonomy())
    assert [text for _, text in found.added] == [
        "Train the model that recommends jobs, with your posts and articles, by this service itself."
    ]
    assert [str(use) for use, _ in found.removed] == ["train.safety/content.posts/platform"]
    assert found.fields == (("kind", "faq", "help"),)
    assert found.effective == (parse_instant("2024-01-01"), parse_instant("2025-11-03"))
    assert found.notice_window_days == 46


@pytest.mark.parametrize("recorded", [None, "2025-10-31"])
def test_an_unpublished_version_has_no_window(recorded: str | None) -> None:
    """Where nobody was told, no days of notice are counted; the log's instant is telling enough."""
    text = HEAD.replace("announced: {announced}\n", "").format(
        version="2", kind="faq", effective="2025-11-03", use="train.safety/content.posts/platform"
    )
    new = parse_document(text.encode(), name="p", taxonomy=default_taxonomy())
    at = None if recorded is None else parse_instant(recorded)
    found = diff_declarations(new, new, taxonomy=default_taxonomy(), recorded=at)
    assert found.notice_window_days == (None if recorded is None else 3)
    assert (found.added, found.removed) == ((), ())
