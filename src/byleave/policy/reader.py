"""How likely each sentence of a policy speaks of sharing, or of training: read with what stands around it.

A small transformer, all-MiniLM-L6-v2 (Apache 2.0) fitted further on labelled sentences of published
policies, with one linear head for each of both. It reads windows of the text, not single sentences:
"They keep it for a year" and "IP address" below "Our ad network collects:" say what they say by
what is above them. Each sentence is the mean of its tokens' states; it is read in every window that
holds it, and heard most where it stands in the middle.

The weights are eight-bit numbers with a scale for each row, in the file beside this one; reading
takes NumPy alone. benchmarks/policy_reader.py fits them; docs/spec/policy-lint.md says on how many
sentences, and how often it is right. Cost: about a thousand sentences in ten seconds on one core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load

from byleave.policy.bert import Bert, Floats
from byleave.policy.prose import Cell, Place
from byleave.policy.word_pieces import word_pieces

__all__ = [
    "HEADS",
    "SCALE_OF",
    "WINDOW",
    "Heard",
    "Reader",
    "Tokens",
    "Window",
    "overlapping",
    "shipped",
    "shipped_weights",
    "tokens_of",
    "unpacked",
    "window",
]

WINDOW: Final = 384  # tokens
SCALE_OF: Final = ".scale"  # of the rows of an eight-bit tensor, beside its name
HEADS: Final = 12
_LONGEST: Final = 120  # word pieces of a sentence that are read
_LONGEST_ABOVE: Final = 40  # of the heading, and of the lead, before a window
_LONGEST_HEAD: Final = 12  # of a column's head before each of its cells
_LONGEST_ROW: Final = 240  # of a row with its heads
_BATCH: Final = 1  # windows at a time: more no longer fit the cache
_AT_LEAST: Final = 8  # how much a sentence at a window's edge is heard
_EPSILON: Final = 1e-12
_MARKS: Final[Mapping[Place, str]] = {
    "heading": "#",
    "item": "-",
    "paragraph": "",
    "heads": "|",
    "row": "|",
}


class Heard(NamedTuple):
    """One sentence as the reader hears it: the publisher is "we".

    Attributes:
        place: In what it stands.
        text: Its words.
        lead: What introduces it, or "".
        cells: Of a row of a table, its cells.
    """

    place: Place
    text: str
    lead: str
    cells: tuple[Cell, ...] = ()


class Window(NamedTuple):
    """Some sentences in a row.

    Attributes:
        tokens: Their tokens.
        spans: Of each its number in the text, its first token, and the one after its last.
    """

    tokens: list[int]
    spans: list[tuple[int, int, int]]


class Reader:
    """A fitted reader.

    Args:
        weights: The model's tensors, and those of the head: "head.weight", float32[2, size], and
            "head.bias", float32[2].
        vocabulary: The word pieces, in the order of the rows of the word embeddings.
    """

    def __init__(self, weights: dict[str, Floats], vocabulary: Sequence[str]) -> None:
        self._head, self._bias = weights.pop("head.weight"), weights.pop("head.bias")
        self._bert = Bert(weights, heads=HEADS, epsilon=_EPSILON)
        self._number = {piece: number for number, piece in enumerate(vocabulary)}

    def logits(
        self, read: Sequence[Heard], *, progress: Callable[[str, int, int], None] = lambda *_: None
    ) -> Floats:
        """Return the log-odds that each sentence speaks of sharing and of training.

        Args:
            read: Every sentence of a text in its order, headings too.
            progress: Told what goes on, windows read and windows in all.

        Returns:
            float32[sentences, 2]: sharing, training.
        """
        total = np.zeros((len(read), 2), np.float32)
        heard = np.zeros((len(read), 1), np.float32)
        windows = list(overlapping(tokens_of(read, self._number)))
        for start in range(0, len(windows), _BATCH):
            some = windows[start : start + _BATCH]
            states, _ = self._bert.states([window.tokens for window in some])
            for state, window in zip(states, some, strict=True):
                for number, first, end in window.spans:
                    weight = min(first, len(window.tokens) - end) + _AT_LEAST
                    total[number] += weight * (state[first:end].mean(axis=0) @ self._head.T)
                    heard[number] += weight
            progress("windows read", start + len(some), len(windows))
        return np.asarray(total / heard + self._bias, np.float32)


class Tokens(NamedTuple):
    """A text's sentences as tokens.

    Attributes:
        begin: The token that opens a window.
        sentences: The tokens of each: a mark of what it stands in, its word pieces, an end.
        above: What is heard before a window that begins with it: its heading and its lead.
    """

    begin: int
    sentences: list[list[int]]
    above: list[list[int]]


def tokens_of(read: Sequence[Heard], number: Mapping[str, int]) -> Tokens:
    """Return the tokens of a text's sentences.

    Args:
        read: Every sentence in its order.
        number: The number of each word piece.
    """
    found = Tokens(number["[CLS]"], [], [])
    heading: list[int] = []
    for item in read:
        if item.place == "heading":
            heading = _marked("#", item.text, number, _LONGEST_ABOVE)
        if item.cells:
            found.sentences.append(_row(item.cells, number))
        else:
            found.sentences.append(_marked(_MARKS[item.place], item.text, number, _LONGEST))
        lead = _marked("", item.lead, number, _LONGEST_ABOVE) if item.lead else []
        found.above.append([] if item.place == "heading" else heading + lead)
    return found


def _row(cells: Sequence[Cell], number: Mapping[str, int]) -> list[int]:
    """Return the tokens of a row: each cell behind a mark and the head of its column."""
    found: list[int] = []
    for cell in cells:
        head = word_pieces(cell.head, number)[:_LONGEST_HEAD]
        said = word_pieces(cell.text, number)[:_LONGEST]
        found += [number["|"], *head, *([number[":"]] if head else []), *said]
    return [*found[:_LONGEST_ROW], number["[SEP]"]]


def _marked(mark: str, text: str, number: Mapping[str, int], longest: int) -> list[int]:
    pieces = word_pieces(text, number)[:longest]
    return [*([number[mark]] if mark else []), *pieces, number["[SEP]"]]


def window(tokens: Tokens, first: int, longest: int = WINDOW) -> Window:
    """Return as many sentences from the first on as fit, below what is heard before it.

    Args:
        tokens: A text's.
        first: Number of the sentence to begin with, which is taken whatever its length.
        longest: Tokens that fit.
    """
    found = Window([tokens.begin, *tokens.above[first]], [])
    for number in range(first, len(tokens.sentences)):
        end = len(found.tokens) + len(tokens.sentences[number])
        if end > longest and found.spans:
            break
        found.spans.append((number, len(found.tokens), end))
        found.tokens.extend(tokens.sentences[number])
    return found


def overlapping(tokens: Tokens) -> Iterator[Window]:
    """Yield windows that overlap by half, until all is read."""
    first = 0
    while first < len(tokens.sentences):
        found = window(tokens, first)
        yield found
        if found.spans[-1][0] == len(tokens.sentences) - 1:
            return
        first += max(1, len(found.spans) // 2)


def unpacked(packed: Mapping[str, npt.NDArray[Any]]) -> dict[str, Floats]:
    """Return eight-bit tensors as float32, each row times its scale."""
    return {
        name: value.astype(np.float32) * packed.get(name + SCALE_OF, np.float32(1))
        for name, value in packed.items()
        if not name.endswith(SCALE_OF)
    }


def shipped_weights() -> tuple[dict[str, Floats], list[str]]:
    """Return the weights that come with the package, and their word pieces."""
    files = resources.files(__package__)
    vocabulary = files.joinpath("reader_words.txt").read_text("utf-8").splitlines()
    packed = load(files.joinpath("reader.safetensors").read_bytes())
    return unpacked(packed), vocabulary


@cache
def shipped() -> Reader:
    """Return the reader that comes with the package; read once."""
    return Reader(*shipped_weights())
