"""Word pieces: against the vocabulary's own library, and on texts that nobody wrote."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.policy.word_pieces import word_pieces

PIECES = ["[UNK]", "[SEP]", "we", "share", "##d", "##s", "data", "with", "part", "##ner", "'", ".", "-", "é", "e", "数", "a", "b", "##b", "##a"]  # fmt: skip
NUMBER = {piece: number for number, piece in enumerate(PIECES)}


@pytest.fixture(scope="module")
def library() -> Any:
    """The same vocabulary in Hugging Face's tokenizers."""
    tokenizers = pytest.importorskip("tokenizers", reason="the extra encoder is not installed")
    model = tokenizers.models.WordPiece(NUMBER, unk_token="[UNK]", max_input_chars_per_word=100)
    made = tokenizers.Tokenizer(model)
    made.normalizer = tokenizers.normalizers.BertNormalizer()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return made


# letters, marks, numbers, punctuation, signs and spaces that every library's Unicode tables hold
# alike: those that were the same in version 3.2 (U+2E52, say, is newer than the tokenizer's)
LETTERS = st.characters(categories=("L", "M", "N", "P", "S", "Z"), max_codepoint=0x2FFF).filter(
    lambda c: unicodedata.category(c) == unicodedata.ucd_3_2_0.category(c)
)


@given(
    text=st.text(LETTERS, max_size=60)
    | st.text("wesharedtpnb '.-É\u0301数\t\u00a0\u200b", max_size=80)
)
def test_the_pieces_are_those_of_the_published_tokenizer(library: Any, text: str) -> None:
    """Any text in letters, signs and spaces becomes the numbers that Hugging Face's tokenizer gives it."""
    assert word_pieces(text, NUMBER) == library.encode(text).ids


def test_a_word_is_its_longest_pieces() -> None:
    """The longest piece first, then those that continue it; what no piece fits is unknown."""
    named = [PIECES[n] for n in word_pieces("We shared PARTNERS' data, 数.", NUMBER)]
    assert named == ["we", "share", "##d", "part", "##ner", "##s", "'", "data", "[UNK]", "数", "."]
