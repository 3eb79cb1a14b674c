"""The fitted reader: every sentence is heard, among its neighbours, the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.policy.lint import read_in_context, spoken
from byleave.policy.prose import Cell
from byleave.policy.reader import (
    SCALE_OF,
    WINDOW,
    Heard,
    Tokens,
    overlapping,
    shipped,
    tokens_of,
    unpacked,
)
from byleave.policy.statement import DOUBTED, HEARD, Odds, statements_of, weighed

SHARED = "We share your data with advertisers."


def heard(text: str) -> list[list[float]]:
    """Return the odds of each sentence of a text, rounded as far as batches may move them."""
    return shipped().logits([item.heard for item in read_in_context(text)]).tolist()


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=300))
def test_every_sentence_of_any_text_is_heard(text: str) -> None:
    """Each sentence of any text has two finite numbers, the same each time."""
    found = heard(text)
    assert len(found) == len(read_in_context(text))
    assert np.isfinite(found).all()
    assert found == heard(text)


@given(st.lists(st.integers(2, 150), max_size=60), st.integers(0, 80))
def test_windows_hold_every_sentence_and_none_is_too_long(lengths: list[int], above: int) -> None:
    """Windows hold each sentence whole, in order, and no more tokens than fit."""
    sentences = [[7] * length for length in lengths]
    tokens = Tokens(1, sentences, [[5] * above for _ in lengths])
    windows = list(overlapping(tokens))
    assert {number for window in windows for number, _, _ in window.spans} == set(
        range(len(lengths))
    )
    for window in windows:
        assert len(window.tokens) <= WINDOW
        assert [n for n, _, _ in window.spans] == list(
            range(window.spans[0][0], window.spans[-1][0] + 1)
        )
        for number, first, end in window.spans:
            assert window.tokens[first:end] == sentences[number]


def test_a_sentence_carries_what_it_stands_in() -> None:
    """A heading, an item and a row's cells with their heads are marked, and leads are kept apart."""
    number = {"[CLS]": 0, "[SEP]": 1, "[UNK]": 2, "#": 3, "-": 4, "|": 5, ":": 6, "who": 7, "us": 8}
    found = tokens_of(
        [
            Heard("heading", "who", ""),
            Heard("item", "us", "who"),
            Heard("heads", "who", ""),
            Heard("row", "us | us", "", (Cell("us", "who", ""), Cell("us", "", ""))),
            Heard("paragraph", "us", ""),
        ],
        number,
    )
    assert found.sentences == [[3, 7, 1], [4, 8, 1], [5, 7, 1], [5, 7, 6, 8, 5, 8, 1], [8, 1]]
    assert found.above == [[], [3, 7, 1, 7, 1], [3, 7, 1], [3, 7, 1], [3, 7, 1]]


def test_what_stands_above_decides() -> None:
    """The same item is sharing below whom data goes to, and is not below what one sees oneself."""
    gives = "# Acme Privacy Policy\n\nWe send these data to our advertising partners:\n\n"
    shows = "# Acme Privacy Policy\n\nYou can see these data on your own profile:\n\n"
    items = "* your e-mail address\n* your IP address\n"
    assert heard(gives + items)[-1][0] > heard(shows + items)[-1][0] + 2


def test_a_text_is_heard_alike_whatever_is_read_beside_it() -> None:
    """A window's odds do not hang on the windows that it is computed with."""
    read = [item.heard for item in read_in_context(f"# Acme Privacy Policy\n\n{SHARED}\n" * 60)]
    together = shipped().logits(read)
    shorter = shipped().logits(read[:3])
    assert together.shape == (120, 2)
    np.testing.assert_allclose(shipped().logits(read[:3] + read[:0]), shorter, atol=1e-4)


def test_packed_weights_are_within_half_a_step() -> None:
    """Eight-bit rows times their scale come back within half a step of what was packed."""
    draw = np.random.default_rng(1).normal(size=(5, 9)).astype(np.float32)
    scale = np.abs(draw).max(axis=1, keepdims=True) / 127
    packed = {"w": np.rint(draw / scale).astype(np.int8), f"w{SCALE_OF}": scale, "b": draw[0]}
    found = unpacked(packed)
    assert set(found) == {"w", "b"}
    assert (np.abs(found["w"] - draw) <= scale / 2 + 1e-6).all()
    np.testing.assert_array_equal(found["b"], draw[0])


@pytest.mark.parametrize(
    ("text", "odds", "said"),
    [
        (SHARED, Odds(DOUBTED.sharing + 0.1, -9), [("sharing", "rule")]),
        (SHARED, Odds(DOUBTED.sharing - 0.1, -9), []),
        ("Cookies crumble.", Odds(HEARD.sharing - 0.1, HEARD.training - 0.1), []),
        ("Cookies crumble.", Odds(HEARD.sharing + 0.1, -9), [("sharing", "reader")]),
        ("Cookies crumble.", Odds(-9, HEARD.training + 0.1), [("training", "reader")]),
    ],
)
def test_rules_and_reader_are_weighed(text: str, odds: Odds, said: list[tuple[str, str]]) -> None:
    """A rule stands unless the reader doubts it plainly; without a rule the reader must be sure."""
    assert [(s.about, s.by) for s in weighed(statements_of(text), text, odds)] == said


def test_rules_alone_hear_nothing_by_the_reader() -> None:
    """By rules alone every statement is by a rule."""
    text = "# Acme Privacy Policy\n\n" + SHARED + "\n\nPostHog sees which pages you open.\n"
    assert {item.statement.by for item in spoken(text, rules_only=True)} == {"rule"}


def test_the_reader_tells_how_far_it_is() -> None:
    """Each window is told, the last as the whole; by rules alone nothing is."""
    told: list[tuple[str, int, int]] = []
    text = "# Acme Privacy Policy\n\n" + f"{SHARED}\n\n" * 60
    spoken(text, progress=lambda *step: told.append(step))
    assert [done for _, done, _ in told] == list(range(1, len(told) + 1))
    assert told[-1][1:] == (len(told), len(told))
    assert len(told) > 1
    spoken(text, rules_only=True, progress=lambda *step: pytest.fail(str(step)))
