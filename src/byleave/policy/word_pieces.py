"""A text as the word pieces of BERT's uncased vocabulary.

Devlin et al. 2019 (arXiv:1810.04805), the tokenizer published with it: small letters without
accents, punctuation apart, then of each word the longest piece that the vocabulary has, and so on.
A test holds it to Hugging Face's `tokenizers`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

__all__ = ["word_pieces"]

UNKNOWN: Final = "[UNK]"
_LONGEST: Final = 100  # letters; a longer word is unknown
_CJK: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_ALONE: Final = re.compile(rf"([{_CJK}])")


def word_pieces(text: str, vocabulary: Mapping[str, int]) -> list[int]:
    """Return the numbers of a text's word pieces, without the marks of beginning and end.

    Args:
        text: Any text.
        vocabulary: The number of each piece; those that continue a word begin with "##".
    """
    return [vocabulary[piece] for word in _words(text) for piece in _pieces(word, vocabulary)]


def _words(text: str) -> list[str]:
    clean = "".join(
        " " if character.isspace() else character for character in text if _kept(character)
    )
    small = unicodedata.normalize("NFD", _ALONE.sub(r" \1 ", clean).lower())
    bare = "".join(character for character in small if unicodedata.category(character) != "Mn")
    apart = "".join(
        f" {character} " if _punctuation(character) else character for character in bare
    )
    return apart.split()


def _kept(character: str) -> bool:
    if character in "\t\n\r":
        return True
    return character != "\ufffd" and not unicodedata.category(character).startswith("C")


def _punctuation(character: str) -> bool:
    """Say whether a character stands alone: as in ASCII all but letters, digits and space."""
    if character.isascii():
        return character.isprintable() and not (character.isalnum() or character == " ")
    return unicodedata.category(character).startswith("P")


def _pieces(word: str, vocabulary: Mapping[str, int]) -> list[str]:
    if len(word) > _LONGEST:
        return [UNKNOWN]
    found, start = [], 0
    while start < len(word):
        head = "##" if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if head + word[start:end] in vocabulary), None)
        if end is None:
            return [UNKNOWN]
        found.append(head + word[start:end])
        start = end
    return found
