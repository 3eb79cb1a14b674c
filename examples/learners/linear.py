"""A scikit-learn classifier that forgets: which side of a conversation wrote a message.

Logistic regression by stochastic gradient over hashed words (no vocabulary: one learned from
everybody would remember them). One pass over each slice, in the keyed order, no shuffling: the
state after a slice is a function of the rows, and `seed` is not needed.

    python examples/learners/story.py examples/learners/linear.py
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from safetensors.numpy import load, save
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

from byleave import Workspace
from byleave.trainers.sharded import ShardedTrainer, mean_of_shards
from byleave.training.judged import Classification

FEATURES = 1 << 12
ALPHA = 3e-4  # chosen on people held out of those learned from
SIDES = ("0", "1")
WORDS = HashingVectorizer(n_features=FEATURES, ngram_range=(1, 2), alternate_sign=True)


class Linear:
    """A `ShardLearner` over the columns `text` and `label`."""

    name = "linear"
    columns = ("text", "label")
    task = Classification(
        held_out="member",
        truth="label",
        classes=SIDES,
        scores=lambda files, rows: both_sides(files, rows["text"].to_pylist()),
    )

    def describe(self) -> Mapping[str, Any]:
        """Return the hyper-parameters."""
        return {"alpha": str(ALPHA), "features": FEATURES, "loss": "log_loss", "ngrams": [1, 2]}

    def start(self, seed: int) -> bytes:
        """Return weights of nobody."""
        return save(
            {
                "coef": np.zeros((1, FEATURES)),
                "intercept": np.zeros(1),
                "steps": np.ones(1),  # of the learning rate's schedule: the optimiser's state
            }
        )

    def learn(self, state: bytes, rows: pa.Table, seed: int) -> bytes:
        """Go on from the weights and the schedule over one slice."""
        model = opened(state)
        model.partial_fit(
            WORDS.transform(rows["text"].to_pylist()), rows["label"].to_pylist(), classes=SIDES
        )
        return save(
            {"coef": model.coef_, "intercept": model.intercept_, "steps": np.array([model.t_])}
        )


def opened(state: bytes) -> SGDClassifier:
    """Return the classifier of a state."""
    held = load(state)
    model = SGDClassifier(loss="log_loss", alpha=ALPHA, shuffle=False)
    model.classes_ = np.array(SIDES)
    model.coef_, model.intercept_ = held["coef"].copy(), held["intercept"].copy()
    model.t_, model.n_features_in_ = float(held["steps"][0]), FEATURES
    return model


def scores(state: bytes, texts: Sequence[str]) -> np.ndarray | None:
    """Return the probability of side 1 for each text; None of a shard that learned from nobody."""
    model = opened(state)
    return None if model.t_ == 1 else model.predict_proba(WORDS.transform(texts))[:, 1]


def both_sides(files: Mapping[str, bytes], texts: Sequence[str]) -> np.ndarray:
    """Return the mean of the shards' probabilities of both sides; shape (texts, 2)."""
    one = mean_of_shards(files, lambda state: scores(state, texts))
    return np.stack([1 - one, one], axis=1)


def trainer(workspace: Workspace, *, shards: int = 5, slices: int = 4) -> ShardedTrainer:
    """Return the trainer; `byleave model keep` and `workspace.keep_trainer` look for this name."""
    return workspace.sharded(Linear(), shards=shards, slices=slices, packages=["scikit-learn"])
