"""Items that nobody holds yet, by the words of their texts: a start from nothing for content.

Texts of items are public and part of the recipe, or given when asking; no member is in them. Two
items are as alike as their words: the cosine of weights that are higher the fewer items use a
word. What is learned from members does not enter, so there is nothing to unlearn.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

__all__ = ["Texts"]

_WORD: Final = re.compile(r"[^\W\d_]{2,}")


class Texts:
    """What items say.

    Args:
        texts: Item to its text.

    Cost: one pass over the words; a question costs the items that share a word with the history.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        words = {item: frozenset(_WORD.findall(text.casefold())) for item, text in texts.items()}
        self._of: dict[str, list[str]] = defaultdict(list)
        for item in sorted(words):
            for word in words[item]:
                self._of[word].append(item)
        size = len(words)
        self._rarity = {word: math.log1p(size / len(items)) for word, items in self._of.items()}
        self._words = words
        self._length = {
            item: math.sqrt(math.fsum(self._rarity[word] ** 2 for word in sorted(some))) or 1.0
            for item, some in words.items()
        }

    def nearest(self, history: Iterable[str], among: set[str], n: int) -> list[tuple[str, str]]:
        """Return up to n items, the most alike first, each with the item of the history it is like.

        Args:
            history: What a member holds; items without a text say nothing.
            among: Which items may be returned.
            n: How many.
        """
        best: dict[str, tuple[float, str]] = {}
        for held in sorted({item for item in history if item in self._words}):
            shared: dict[str, float] = defaultdict(float)
            for word in sorted(self._words[held]):
                for item in self._of[word]:
                    if item in among:
                        shared[item] += self._rarity[word] ** 2
            for item, weight in shared.items():
                alike = weight / (self._length[item] * self._length[held])
                if alike > best.get(item, (0.0, ""))[0]:
                    best[item] = (alike, held)
        ranked = sorted(best, key=lambda item: (-best[item][0], item))
        return [(item, best[item][1]) for item in ranked[:n]]
