"""The words of a message: its openings (what may become a suggestion) and its features.

An *opening* of a message is its first sentence, its first two, and so on up to all of it. Each
has two spellings. The *exact* one keeps the words as sent, in lower case, with placeholders for
what identifies somebody (e-mail, address, telephone, amount, number) and a full stop or question
mark after each sentence; it is the only text that can ever be shown. The *folded* one brings
together what means the same (`Hello`, `hey` and `hi`; `I'm` and `i am`; `thx` and `thanks`;
fillers dropped) and decides which replies count as one. Folding is a table in this file, made
without looking at members' choices; it is part of the trainer's code and so of its recipe.

Names of people are not known here. A name can be shown only inside a text that k members sent.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = ["Boundary", "Opening", "Piece", "features", "openings", "pieces", "show", "slots_only"]

Boundary = str
"""Where an opening may end: `sentence`, or `clause` (also at a comma)."""

_63_BITS: Final = 2**63 - 1
_LEFT: Final = 0x9E3779B97F4A7C15
_RIGHT: Final = 0xC2B2AE3D27D4EB4F

MAX_PIECES: Final = 4
"""Sentences in the longest opening."""

MAX_WORDS: Final = 40
"""Words in the longest opening; bounds what a state keeps of one message."""

_DIGIT: Final = re.compile(r"\d")
_MASKS: Final = (
    (re.compile("<"), re.compile(r"<(email|phone|ip|ipv4|url)>"), r" {\1} "),
    (re.compile("@"), re.compile(r"[^\s@]+@[^\s@]+\.\w+"), " {email} "),
    (
        re.compile(r"URL|://|www|\.\w"),
        re.compile(
            r"https?://\S+|www\.\S+|\bURL\b|\b[\w-]+\.(?:com|org|net|edu|gov|info)\b(?:/\S*)?"
        ),
        " {url} ",
    ),
    (_DIGIT, re.compile(r"\+?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}\b"), " {phone} "),
    (
        _DIGIT,
        re.compile(
            r"\$\s?\d+(?:[.,]\d+)*|\$\s?\.\d+"
            r"|\d+(?:[.,]\d+)*\s?(?:dollars?|bucks|cents?|usd|\$)(?!\w)",
            re.IGNORECASE,
        ),
        " {amount} ",
    ),
    (
        _DIGIT,
        re.compile(r"\d+(?:[.,:/-]\d+)*(?:st|nd|rd|th|%|am|pm)?", re.IGNORECASE),
        " {number} ",
    ),
)
"""What a text must contain for a mask to be worth trying, the mask, and what stands for it."""
_APOSTROPHE: Final = re.compile("[\u2018\u2019\u0060\u00b4]")
_WORD: Final = re.compile(r"\{[a-z0-9]+\}|[^\W\d_]+(?:'[^\W\d_]+)*")
_ENDS: Final = {
    "sentence": re.compile(r"([.!?;\n\u2026]+|:-?\)|\s[-\u2013\u2014]+\s)"),
    "clause": re.compile(r"([.!?;\n\u2026,]+|:-?\)|\s[-\u2013\u2014]+\s)"),
}
_STRETCHED: Final = re.compile(r"(.)\1\1+")
_CONTRACTIONS: Final = (
    (re.compile(r"\bcan't\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"\bi'm\b"), "i am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'d\b"), " would"),
    (re.compile(r"\b(it|that|what|how|there|who|where|he|she|here)'s\b"), r"\1 is"),
    (re.compile(r"\blet's\b"), "let us"),
)
_SAME: Final[dict[str, str]] = {
    **dict.fromkeys(("hello", "hey", "hai", "hii", "hiya", "helo"), "hi"),
    **dict.fromkeys(("yea", "yeah", "yep", "yup", "ya", "yess"), "yes"),
    **dict.fromkeys(("nope", "nah"), "no"),
    **dict.fromkeys(("ok", "k", "kk", "okey"), "okay"),
    **dict.fromkeys(("thx", "thnx", "thanx"), "thanks"),
    **dict.fromkeys(("ty", "thankyou"), "thank you"),
    **dict.fromkeys(("pls", "plz"), "please"),
    **dict.fromkeys(("cos", "cuz", "bc"), "because"),
    **dict.fromkeys(("cant", "cannot"), "can not"),
    "u": "you", "ur": "your", "r": "are", "im": "i am", "ive": "i have", "dont": "do not",
    "doesnt": "does not", "didnt": "did not", "wont": "will not", "isnt": "is not",
    "arent": "are not", "wasnt": "was not", "havent": "have not", "hasnt": "has not",
    "couldnt": "could not", "wouldnt": "would not", "shouldnt": "should not",
    "thats": "that is", "its": "it is", "whats": "what is", "hows": "how is",
    "youre": "you are", "theyre": "they are", "gonna": "going to", "wanna": "want to",
    "alot": "a lot", "goodbye": "bye", "organisation": "organization", "tho": "though",
}  # fmt: skip
_OPENERS: Final = frozenset(
    "oh ah ahh ohh um uh hmm hm well haha hehe ha lol so and but wow".split()
)
_STRESS: Final = frozenset("very really so just quite pretty actually totally completely".split())
_ALONE: Final = re.compile(r"\bi\b")
_BEGINNING: Final = re.compile(r"(^|[.?] )([^\W\d_])")


@dataclass(frozen=True, slots=True)
class Opening:
    """The first sentences of one message.

    Attributes:
        folded: What it counts as; equal for texts that mean the same.
        exact: What may be shown, once k members have sent it.
    """

    folded: str
    exact: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, or a clause of one.

    Attributes:
        words: As sent, in lower case.
        folded: What they count as.
        mark: How it ended: `.`, `?`, or `,` where the sentence goes on.
    """

    words: tuple[str, ...]
    folded: tuple[str, ...]
    mark: str


def pieces(text: str, boundary: Boundary) -> tuple[Piece, ...]:
    """Cut a message at its sentences, or clauses; pieces without a word are left out."""
    text = _APOSTROPHE.sub("'", text)
    for needs, pattern, placeholder in _MASKS:
        if needs.search(text):
            text = pattern.sub(placeholder, text)
    parts = _ENDS[boundary].split(text)
    parts.append("")
    found = []
    for part, end in zip(parts[::2], parts[1::2], strict=True):
        words = _WORD.findall(part.casefold())
        if words:
            found.append(Piece(tuple(words), _fold(words), _mark(end)))
    return tuple(found)


def openings(message: tuple[Piece, ...]) -> tuple[tuple[Opening, ...], bool]:
    """Return the openings of a message, shortest first, and whether the last is all of it."""
    found: list[Opening] = []
    folded: list[str] = []
    exact: list[str] = []
    count = 0
    for piece in message:
        count += len(piece.words)
        if count > MAX_WORDS or len(found) == MAX_PIECES:
            # A message with more to say than is kept: its whole is no opening of it.
            return tuple(found), False
        folded += piece.folded
        exact.append(" ".join(piece.words) + piece.mark)
        shown = " ".join(exact)
        found.append(Opening(" ".join(folded), shown[:-1] + "." if piece.mark == "," else shown))
    return tuple(found), bool(found)


def features(message: tuple[Piece, ...]) -> dict[int, tuple[str, ...]]:
    """Return what a message says as a context: feature id (63 bits) to the words behind it.

    Single words and pairs, where it begins and ends, the words of its last sentence by
    themselves, and whether it asks something.
    """
    if not message:
        return {}
    words: list[str] = []
    last = 0
    for before, piece in zip((None, *message), message, strict=False):
        if before is not None and before.mark != ",":
            last = len(words)
        words += piece.folded
    ids = [_word_id(word) for word in words]
    named: dict[int, tuple[str, ...]] = {}
    for start, one, two in ((0, _WORD_IN, _PAIR_IN), (last, _LAST_WORD_IN, _LAST_PAIR_IN)):
        for at in range(start, len(words)):
            named[(ids[at] + one) & _63_BITS] = (words[at],)
        for at in range(start, len(words) - 1):
            pair = (ids[at] * _LEFT + ids[at + 1] * _RIGHT + two) & _63_BITS
            named[pair] = (words[at], words[at + 1])
    named[(ids[0] + _BEGINS) & _63_BITS] = (words[0],)
    named[(ids[-1] + _ENDS_WITH) & _63_BITS] = (words[-1],)
    if any(piece.mark == "?" for piece in message):
        named[_ASKS] = ("?",)
    if message[-1].mark == "?":
        named[_ENDS_ASKING] = ("?",)
    return named


def show(exact: str) -> str:
    """Write an exact opening as a person would type it; adds no word and drops none."""
    return _BEGINNING.sub(lambda m: m.group(1) + m.group(2).upper(), _ALONE.sub("I", exact))


def slots_only(exact: str) -> bool:
    """Say whether a text has no word of its own, only placeholders."""
    return all(word.startswith("{") for word in _WORD.findall(exact))


def _mark(end: str) -> str:
    if "?" in end:
        return "?"
    return "," if end.strip(", ") == "" and "," in end else "."


def _fold(words: list[str]) -> tuple[str, ...]:
    plain = [short for word in words for short in _plain(word)]
    while len(plain) > 1 and plain[0] in _OPENERS:
        del plain[0]
    # A stress before another word changes nothing, nor does "so much" after thanks.
    last = len(plain) - 1
    kept = [word for at, word in enumerate(plain) if at == last or word not in _STRESS]
    if len(kept) > 1 and kept[-1] == "much" and kept[-2] in {"you", "thanks"}:
        del kept[-1]
    return tuple(kept)


@lru_cache(maxsize=1 << 16)
def _plain(word: str) -> tuple[str, ...]:
    """Spell out one word: `it's` as `it is`, `thx` as `thanks`, `sooo` as `so`."""
    if word.startswith("{"):
        return (word,)
    for pattern, replacement in _CONTRACTIONS:
        word = pattern.sub(replacement, word)
    return tuple(
        same
        for part in word.split()
        for same in _SAME.get(_STRETCHED.sub(r"\1", part), _STRETCHED.sub(r"\1", part)).split()
    )


@lru_cache(maxsize=1 << 16)
def _word_id(name: str) -> int:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") & _63_BITS


# Where a word or a pair of words was found, as an offset; a pair's id is a sum with odd factors,
# so that (a, b) and (b, a) differ. Ids are names, not commitments.
_WORD_IN, _PAIR_IN, _LAST_WORD_IN, _LAST_PAIR_IN, _BEGINS, _ENDS_WITH, _ASKS, _ENDS_ASKING = (
    _word_id(f"byleave feature {kind}") for kind in range(8)
)
