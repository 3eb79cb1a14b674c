"""Tags of languages, and whether a text is English, the one language that `lint` reads.

A text in another language must not pass as one that says nothing: silence would read as "prose and
declarations agree", or as a declaration that the text never mentions.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_language_tag", "why_unread"]

_TAG: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")

_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
# Words without which nobody writes a paragraph of English, and that other languages hardly write:
# of the words of 270 English policies a sixth or more, of German, French, Spanish, Dutch ones none.
_ENGLISH: Final = frozenset(
    "the and to you your our us that this these with for from by it its not are be been may will "
    "can have has if or when which who how what any other such use us about as".split()
)
_LEAST: Final = 0.1
_FEWEST: Final = 30  # words below which a text is too short to tell


def is_language_tag(text: str) -> bool:
    """Say whether a text has the form of a BCP 47 tag."""
    return _TAG.fullmatch(text) is not None


def why_unread(body: str, language: str | None) -> str | None:
    """Say why a text is not read, as a sentence; None where it is English, or too short to tell.

    Args:
        body: The text below its front matter.
        language: BCP 47 tag that its front matter states, or None.
    """
    if language is not None and language.split("-")[0].lower() != "en":
        return f"the text is in {language}, and only English is read"
    words = _WORD.findall(body.lower())
    if len(words) >= _FEWEST and sum(w in _ENGLISH for w in words) < _LEAST * len(words):
        return "the text does not read like English, and only English is read"
    return None
