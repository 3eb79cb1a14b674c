"""A released content model: what to read next, and because of what.

A member's history is read at the time of asking, with their own consent, and is no part of the
model. Who has none, or gave none, gets what many hold and what is held of late: from public
counts, never from them. Cost of a suggestion: items times the length of the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.numpy import load

from byleave.canonical import decode
from byleave.errors import ByleaveError, EvidenceError
from byleave.trainers.content import FORMAT
from byleave.trainers.held_out import HeldOutQuality, mean
from byleave.trainers.similar import Texts
from byleave.training.trainer import ModelFiles

__all__ = ["ContentModel", "ContentSuggestion", "evaluate"]

_REASONS: Final = 2
"""Items of the history that a suggestion names as its cause."""

_EVERY: Final = 4
"""One suggestion in so many is an item that nobody holds yet, where its text says enough."""

_NEVER: Final = -(1 << 62)
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentSuggestion:
    """One item.

    Attributes:
        item: Its name.
        why: `history`, because of what the member holds; `similar`, new, and its text like that of
            what they hold; `trend`, held of late; `popular`.
        because: The items of the history that weigh most; () without one.
    """

    item: str
    why: str
    because: tuple[str, ...]


class ContentModel:
    """The files of a release, ready to answer.

    Attributes:
        items: Names of the items that at least k members hold, ascending.
        weights: Of an item held (row) for another (column), in units of 2^-20.

    Args:
        files: `model.json` and `weights.safetensors`.
        texts: Texts of public items that came after the fit, beside those of the recipe.

    Raises:
        EvidenceError: `trainer.model`, the files are damaged or of another trainer.
    """

    def __init__(self, files: ModelFiles, texts: Mapping[str, str] = MappingProxyType({})) -> None:
        try:
            head, tensors = decode(files["model.json"]), load(files["weights.safetensors"])
            if not isinstance(head, dict) or head["format"] != FORMAT:
                raise ValueError
            self.items: tuple[str, ...] = tuple(str(item) for item in head["items"])
            self.weights: npt.NDArray[np.int32] = tensors["weights"]
            self._popularity: npt.NDArray[np.int32] = tensors["popularity"]
            self._trend: npt.NDArray[np.int32] = tensors["trend"]
            public = {str(item): str(text) for item, text in head["recipe"]["texts"]} | dict(texts)
            size = len(self.items)
            if self.weights.shape != (size, size) or len(self._popularity) != size:
                raise ValueError
            if len(self._trend) and not 0 <= self._trend.min() <= self._trend.max() < size:
                raise ValueError
        except (KeyError, TypeError, ValueError, SafetensorError, ByleaveError) as error:
            raise EvidenceError(
                "the files are damaged, or not a model of content", code="trainer.model"
            ) from error
        self._place = {item: at for at, item in enumerate(self.items)}
        self._popular = np.argsort(self._popularity)
        # So many rows are added up before a 32-bit sum could be too small for them.
        most = max(int(self.weights.max(initial=0)), -int(self.weights.min(initial=0)), 1)
        self._together = max(1, (2**31 - 1) // most)
        self._texts, self._new = Texts(public), public.keys() - self._place.keys()

    def scores(self, history: Sequence[int]) -> Longs:
        """Return a score for each item from the places of the items held."""
        total = np.zeros(len(self.items), np.int64)
        for first in range(0, len(history), self._together):
            some = history[first : first + self._together]
            part = self.weights[some[0]].copy()  # row by row: no copy of them all
            for at in some[1:]:
                part += self.weights[at]
            total += part
        return total

    def popular(self) -> list[int]:
        """Return the places of all items, most held first."""
        places: list[int] = self._popular.tolist()
        return places

    def places(self, items: Iterable[str]) -> list[int]:
        """Return the places of the items that the model knows, each once."""
        return sorted({self._place[item] for item in items if item in self._place})

    def suggest(self, history: Iterable[str] = (), n: int = 10) -> tuple[ContentSuggestion, ...]:
        """Return up to n items that are not in the history, best first.

        Args:
            history: What the member holds, as far as they let it be used.
            n: At least 1.
        """
        named = list(history)
        held = self.places(named)
        found = self._similar(named, n // _EVERY)
        taken = set(held)
        if held:
            scores = self.scores(held)
            for at in self._best(scores, n + len(held)):
                if len(found) == n or scores[at] <= 0:
                    break
                if at not in taken:
                    taken.add(at)
                    found.append(self._from_history(at, held))
        half = (n + len(found) + 1) // 2
        for why, places, share in (("trend", self._trend, half), ("popular", self._popular, n)):
            few = places[: n + len(taken)].tolist()
            fresh = [at for at in few if at not in taken][: max(0, share - len(found))]
            taken.update(fresh)
            found += [ContentSuggestion(item=self.items[at], why=why, because=()) for at in fresh]
        return _spread(found)

    def _best(self, scores: Longs, most: int) -> list[int]:
        """Return the places of the best scores, best first; ties by popularity."""
        if most < len(scores):
            least = np.partition(scores, len(scores) - most)[len(scores) - most]
            among = np.flatnonzero(scores >= max(least, 1))
        else:
            among = np.arange(len(scores))
        order = np.lexsort((self._popularity[among], -scores[among]))
        places: list[int] = among[order].tolist()
        return places

    def _similar(self, history: Sequence[str], n: int) -> list[ContentSuggestion]:
        """Return new items whose texts are like those of what is held."""
        return [
            ContentSuggestion(item=item, why="similar", because=(held,))
            for item, held in self._texts.nearest(history, self._new - set(history), n)
        ]

    def _from_history(self, at: int, held: Sequence[int]) -> ContentSuggestion:
        weights = self.weights[list(held), at]
        best = [held[i] for i in np.argsort(-weights, kind="stable")[:_REASONS] if weights[i] > 0]
        return ContentSuggestion(
            item=self.items[at], why="history", because=tuple(self.items[i] for i in best)
        )


def _spread(found: Sequence[ContentSuggestion]) -> tuple[ContentSuggestion, ...]:
    """Return suggestions with every fourth place given to an item that nobody holds yet."""
    new = [s for s in found if s.why == "similar"]
    known = [s for s in found if s.why != "similar"]
    for turn, suggestion in enumerate(new, 1):
        known.insert(turn * _EVERY - 1, suggestion)
    return tuple(known)


def evaluate(
    files: ModelFiles, held_out: Iterable[pa.RecordBatch], n: int | None = None, seed: int = 0
) -> HeldOutQuality:
    """Ask for half of what each held-out member holds by the other half.

    Args:
        files: A release.
        held_out: Rows with `member` and `item` of members the model was not fitted on.
        n: How many items are suggested; None: 20, or a fifth of fewer than a hundred items.
        seed: Chooses the halves.
    """
    model = ContentModel(files)
    n = min(20, max(1, len(model.items) // 5)) if n is None else n
    holdings: dict[str, set[str]] = {}
    for batch in held_out:
        pairs = zip(
            batch.column("member").to_pylist(), batch.column("item").to_pylist(), strict=True
        )
        for member, item in pairs:
            holdings.setdefault(str(member), set()).add(str(item))
    draw = np.random.default_rng(seed)
    popular = model.popular()
    recalls: list[float] = []
    plain: list[float] = []
    hidden_known = hidden_all = left_out = 0
    for member in sorted(holdings):
        items = sorted(holdings[member])
        mixed = [items[i] for i in draw.permutation(len(items))]
        half = len(mixed) // 2
        seen, hidden = model.places(mixed[half:]), model.places(mixed[:half])
        hidden_all += half
        hidden_known += len(hidden)
        if not seen or not hidden:
            left_out += 1
            continue
        scores = model.scores(seen)
        scores[seen] = _NEVER
        top = np.argsort(-scores, kind="stable")[:n]
        most = [i for i in popular if i not in set(seen)][:n]
        best = min(n, len(hidden))
        recalls.append(len(set(hidden) & set(top.tolist())) / best)
        plain.append(len(set(hidden) & set(most)) / best)
    return HeldOutQuality(
        members=len(recalls),
        left_out=left_out,
        recall=mean(recalls),
        popularity=mean(plain),
        n=n,
        coverage=hidden_known / hidden_all if hidden_all else None,
    )
