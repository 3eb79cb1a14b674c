"""A released `replies` model at work: suggestions with their reasons, and how good they are.

Needs the model's two files and nothing else. A suggestion's reasons are words of the context
that spoke for it; they are the asker's own words, never a member's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.numpy import load

from byleave.canonical import decode
from byleave.errors import EvidenceError, InputError, WorldError
from byleave.trainers.replies import FORMAT, WORD, RepliesTrainer
from byleave.trainers.replies_pairs import links
from byleave.trainers.wording import features, openings, pieces
from byleave.training.trainer import ModelFiles

__all__ = [
    "Quality",
    "RepliesModel",
    "Suggestion",
    "evaluate",
    "rank_quality",
    "suggest",
    "won_of_hundred",
]

Integers = npt.NDArray[np.int64]
_CANDIDATES: Final = 100
_REASONS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One reply to offer.

    Attributes:
        text: The text; `{amount}` and the like are for the writer to fill in.
        score: Its score, in units of 2^-20; higher is better.
        because: Words of the context that spoke for it, the strongest first; may be empty.
    """

    text: str
    score: int
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How a model does on pairs it was not trained on.

    Shares are of the *covered* pairs, those whose reply opens with an inventory entry;
    `coverage` says how many those are. None where nothing is covered.

    Attributes:
        pairs: Held-out pairs.
        covered: Of them, covered.
        coverage: covered / pairs.
        coverage_whole: Pairs whose whole reply is an entry / pairs.
        inventory: Entries.
        k: Members needed behind a text.
        top1: Share whose longest entry is ranked first.
        top3: The same, among the first three.
        mrr: Mean of 1 / rank.
        baseline_top1: `top1` of always offering the entries in order of popularity.
        baseline_top3: `top3` of the same.
        baseline_mrr: `mrr` of the same.
        one_of_100: Share ranked first among the true entry and 99 replies of other held-out
            pairs that are another entry; ties count as the chance of winning them.
        baseline_one_of_100: The same, in order of popularity.
    """

    pairs: int
    covered: int
    coverage: float | None
    coverage_whole: float | None
    inventory: int
    k: int
    top1: float | None
    top3: float | None
    mrr: float | None
    baseline_top1: float | None
    baseline_top3: float | None
    baseline_mrr: float | None
    one_of_100: float | None
    baseline_one_of_100: float | None

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the numbers by name."""
        return asdict(self)


class RepliesModel:
    """A released model, read once and asked often.

    Attributes:
        recipe: What it was made with.
        inventory: Its entries, in ascending order.
        popularity: Of each entry, a number that is higher the more replies open with it.

    Args:
        files: `model.json` and `weights.safetensors`.

    Raises:
        EvidenceError: `trainer.model`, the files are damaged or of another trainer.
    """

    def __init__(self, files: ModelFiles) -> None:
        head, tensors = _parse(files)
        self.recipe: Mapping[str, Any] = head["recipe"]
        self.inventory: tuple[str, ...] = tuple(head["inventory"])
        self._column: dict[int, int] = {int(f): at for at, f in enumerate(tensors["features"])}
        self._weights: Integers = tensors["weights"].astype(np.int64)
        self.numbers = int(self.recipe["numbers"])
        self.popularity: Integers = -tensors["popularity"].astype(np.int64)

    def scores(
        self, contexts: Sequence[Iterable[int]], vectors: npt.NDArray[np.int8] | None = None
    ) -> Integers:
        """Return the score of every entry for each context, in 2^-20; shape (contexts, entries).

        Args:
            contexts: Feature ids of each context.
            vectors: What the recipe's encoder made of each; shape (contexts, numbers).

        Raises:
            WorldError: `trainer.encoder`, the recipe names an encoder and there are no vectors.
        """
        if self.numbers and vectors is None:
            raise WorldError(
                "the model is asked with the features of its encoder", code="trainer.encoder"
            )
        known = len(self._weights) - self.numbers
        word = WORD if self.numbers else 1
        present = np.zeros((len(contexts), len(self._weights)), dtype=np.float64)
        present[:, known - 1] = word
        for at, ids in enumerate(contexts):
            present[at, [self._column[f] for f in ids if f in self._column]] = word
        if vectors is not None and self.numbers:
            present[:, known:] = vectors
        # Integers below 2^53 all the way: the product is exact.
        return np.asarray((present @ self._weights.astype(np.float64)).astype(np.int64))

    def suggest(
        self, context: str, n: int = 3, *, vector: npt.NDArray[np.int8] | None = None
    ) -> tuple[Suggestion, ...]:
        """Return the n best entries for a message to be answered, best first.

        Args:
            context: The message.
            n: How many; fewer come back where the inventory is smaller.
            vector: What the recipe's encoder makes of the message; None where it names none.

        Raises:
            WorldError: `trainer.encoder`, the recipe names an encoder and there is no vector.
        """
        if not self.inventory:
            return ()
        named = features(pieces(context, str(self.recipe["boundary"])))
        scores = self.scores([named], None if vector is None else vector[None])[0]
        # The inventory is in order of its texts: a stable sort breaks ties by text.
        best = np.argsort(-scores, kind="stable")[: max(n, 0)]
        return tuple(
            Suggestion(
                text=self.inventory[at],
                score=int(scores[at]),
                because=self._because(named, int(at)),
            )
            for at in best
        )

    def popular(self, n: int) -> tuple[str, ...]:
        """Return the n entries that most replies open with, the most first: no message is read."""
        order = np.argsort(-self.popularity, kind="stable")[: max(n, 0)]
        return tuple(self.inventory[at] for at in order)

    def _because(self, named: Mapping[int, tuple[str, ...]], entry: int) -> tuple[str, ...]:
        speaks: dict[str, int] = {}
        for feature, found in named.items():
            at = self._column.get(feature)
            if at is not None:
                words = " ".join(found)
                speaks[words] = speaks.get(words, 0) + int(self._weights[at, entry])
        ranked = sorted((-weight, words) for words, weight in speaks.items() if weight > 0)
        return tuple(words for _, words in ranked[:_REASONS])


def suggest(files: ModelFiles, context_text: str, n: int = 3) -> tuple[Suggestion, ...]:
    """Return the n best replies of a released model to one message, best first.

    Raises:
        EvidenceError: `trainer.model`, the files are damaged or of another trainer.
    """
    return RepliesModel(files).suggest(context_text, n)


def evaluate(files: ModelFiles, held_out: Iterable[pa.RecordBatch], seed: int = 0) -> Quality:
    """Measure a released model on rows that it was not trained on.

    Args:
        files: The model.
        held_out: Rows as for `fit`; their pairs are the questions, their replies the answers.
        seed: Of the draw of the 99 others.

    Raises:
        EvidenceError: `trainer.model` or `trainer.rows`.
    """
    model = RepliesModel(files)
    boundary = str(model.recipe["boundary"])
    entry = {
        openings(pieces(text, boundary))[0][-1].folded: at
        for at, text in enumerate(model.inventory)
    }
    state = RepliesTrainer().fit(held_out, model.recipe)
    pairs = list(links(state.lines, state.lines))
    contexts, truth, wholes = [], [], 0
    vectors: list[npt.NDArray[np.int8]] = []
    for _, context, reply in pairs:
        found = [entry[o.folded] for o in reply.openings if o.folded in entry]
        if found:
            contexts.append(context.features.tolist())
            vectors.append(context.vector)
            truth.append(found[-1])
            wholes += reply.complete and reply.openings[-1].folded in entry
    answers = np.array(truth, dtype=np.int64)
    popular = np.broadcast_to(model.popularity, (len(truth), len(model.inventory)))
    encoded = np.array(vectors, np.int8).reshape(len(vectors), model.numbers)
    ours = rank_quality(model.scores(contexts, encoded), answers, seed)
    base = rank_quality(popular, answers, seed)
    return Quality(
        pairs=len(pairs),
        covered=len(truth),
        coverage=len(truth) / len(pairs) if pairs else None,
        coverage_whole=wholes / len(pairs) if pairs else None,
        inventory=len(model.inventory),
        k=int(model.recipe["k"]),
        top1=ours["top1"],
        top3=ours["top3"],
        mrr=ours["mrr"],
        baseline_top1=base["top1"],
        baseline_top3=base["top3"],
        baseline_mrr=base["mrr"],
        one_of_100=ours["one_of_100"],
        baseline_one_of_100=base["one_of_100"],
    )


def rank_quality(scores: Integers, answers: Integers, seed: int) -> dict[str, float | None]:
    """Return top1, top3, mrr and one_of_100 of any ranking.

    Args:
        scores: Higher is better; ties go to the lower place; shape (questions, entries).
        answers: The true entry of each question.
        seed: Of the draw of the 99 others.
    """
    if not len(answers):
        return dict.fromkeys(("top1", "top3", "mrr", "one_of_100"))
    won = won_of_hundred(scores, answers, seed)
    own = np.take_along_axis(scores, answers[:, None], axis=1)
    before = np.arange(scores.shape[1]) < answers[:, None]
    rank = 1 + (scores > own).sum(axis=1) + ((scores == own) & before).sum(axis=1)
    return {
        "top1": float((rank <= 1).mean()),
        "top3": float((rank <= 3).mean()),
        "mrr": float((1 / rank).mean()),
        "one_of_100": None if won is None else float(won.mean()),
    }


def won_of_hundred(
    scores: Integers, answers: Integers, seed: int
) -> npt.NDArray[np.float64] | None:
    """Say of each question whether its answer is first among itself and 99 other answers.

    Args:
        scores: As for `rank_quality`.
        answers: As for `rank_quality`.
        seed: Of the draw of the 99 others, replies of other questions that are another entry.

    Returns:
        1, 0, or the chance of winning a tie; None where all answers are one.
    """
    if len(np.unique(answers)) < 2:
        return None
    draw = np.random.default_rng(seed)
    won = np.zeros(len(answers))
    for at, answer in enumerate(answers.tolist()):
        others = answers[answers != answer]
        rivals = scores[at, draw.choice(others, _CANDIDATES - 1)]
        own = scores[at, answer]
        if not (rivals > own).any():
            won[at] = 1 / (1 + int((rivals == own).sum()))
    return won


def _parse(files: ModelFiles) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    try:
        head: Any = decode(files["model.json"])
        tensors = load(files["weights.safetensors"])
        if head["format"] != FORMAT:
            raise ValueError("another format")
        rows = len(tensors["features"]) + 1 + int(head["recipe"]["numbers"])
        shape = (rows, len(head["inventory"]))
        if tensors["weights"].shape != shape or len(tensors["popularity"]) != shape[1]:
            raise ValueError("shapes do not agree")
        if set(head) != {"format", "recipe", "inventory", "coverage"}:
            raise ValueError("unknown fields")
        return head, tensors
    except (KeyError, TypeError, ValueError, SafetensorError, InputError) as error:
        raise EvidenceError(
            "the model is damaged, or not one of replies", code="trainer.model"
        ) from error
