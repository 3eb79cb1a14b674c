"""Estimators in scikit-learn's manner that forget: `fit`, `partial_fit`, `predict`, and `forget`.

    model = ShardedClassifier(LogisticRegression(), n_shards=5, key=secret)
    model.fit(X, y, members=authors)
    model.forget(["m-17"])        # the same model as fit on everybody else's rows

Members are dealt to shards by a keyed hash of their id, each shard has a clone of the estimator, and
what is predicted is the plain mean over shards (docs/spec/sharded.md). Forgetting fits the shards
of those who leave again. The law: after any sequence of `partial_fit` and `forget` the estimator
equals one `fit` on the rows that are left, in their order; to the byte where the inner estimator is
a function of its rows and its `random_state` (threads, packages and processor being the same).

Everything that is learned is inside the clones: put scalers and encoders into a pipeline, and do
not fit them on everybody before. For work outside a workspace: nothing here gates or logs.
Needs scikit-learn (extra `sklearn`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from byleave.errors import InputError

__all__ = ["ShardedClassifier", "ShardedRegressor"]

Array = Any
"""What scikit-learn takes for rows and labels, and its estimators: arrays, lists, frames, objects."""

_KEY_BYTES: Final = 32
_NO_KEY: Final = bytes(_KEY_BYTES)


class _Sharded(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn ships no types
    """What both estimators share: rows, who they are of, and one clone for each shard."""

    def __init__(
        self, estimator: Array = None, *, n_shards: int = 5, key: bytes | None = None
    ) -> None:
        self.estimator = estimator
        self.n_shards = n_shards
        self.key = key

    def forget(self, members: Iterable[str]) -> Self:
        """Fit the shards of these members again without their rows.

        Args:
            members: Ids as given to `fit`; where none were given, row numbers as text.

        Raises:
            InputError: `trainer.not-held`, one of them has no row here; nothing is forgotten.
        """
        check_is_fitted(self)
        gone = {str(member) for member in members}
        if not gone <= set(self.members_.tolist()):
            raise InputError("a member who has no row here", code="trainer.not-held")
        stays = np.array([m not in gone for m in self.members_.tolist()], bool)
        self._hold(self.X_[stays], self.y_[stays], self.members_[stays])
        return self._train({self._shard(member) for member in gone})

    def _add(self, X: Array, y: Array, members: Iterable[str] | None, *, fresh: bool) -> Self:
        held: int = 0 if fresh else self.seen_
        X, y = validate_data(self, X, y, reset=fresh, **self._reads())
        names = np.arange(held, held + len(X)).astype(str) if members is None else members
        ids = np.array([str(member) for member in names], object)
        if len(ids) != len(X):
            raise InputError("wanted: one member for each row", code="trainer.rows")
        touched = {self._shard(member) for member in set(ids.tolist())}
        if not fresh:
            X = np.concatenate([self.X_, X])
            y = np.concatenate([self.y_, y])
            ids = np.concatenate([self.members_, ids])
        self.seen_: int = held + len(X) - (0 if fresh else len(self.X_))
        self._hold(X, y, ids)
        return self._train(set(range(self.n_shards)) if fresh else touched)

    def _hold(self, X: Array, y: Array, members: Array) -> None:
        self.X_, self.y_, self.members_ = X, y, members

    def _train(self, shards: set[int]) -> Self:
        dealt = np.array([self._shard(m) for m in self.members_.tolist()], np.int64)
        before = getattr(self, "estimators_", [None] * self.n_shards)
        self.estimators_ = [
            self._fitted(shard, dealt == shard) if shard in shards else before[shard]
            for shard in range(self.n_shards)
        ]
        return self

    def _fitted(self, shard: int, rows: npt.NDArray[np.bool_]) -> Array:
        """Return a clone fitted on one shard's rows; a constant where they have one label."""
        if not rows.any():
            return None
        X, y = self.X_[rows], self.y_[rows]
        if self._constant(y):
            return y[0]
        inner = clone(self._default() if self.estimator is None else self.estimator)
        seed = int.from_bytes(self._hash(f"seed|{shard}")[:4], "big") >> 1
        seeds = {
            name: seed
            for name in inner.get_params(deep=True)
            if name == "random_state" or name.endswith("__random_state")
        }
        return inner.set_params(**seeds).fit(X, y)

    def _voting(self) -> list[Any]:
        voting = [inner for inner in self.estimators_ if inner is not None]
        if not voting:
            raise NotFittedError("nobody's rows are left to predict from")
        return voting

    def _shard(self, member: str) -> int:
        return int.from_bytes(self._hash(f"shard|{member}")[:8], "big") % self.n_shards

    def _hash(self, text: str) -> bytes:
        key = _NO_KEY if self.key is None else self.key
        return hmac.digest(key, text.encode(), hashlib.sha256)

    def _checked(self) -> None:
        if self.n_shards < 1 or (self.key is not None and len(self.key) != _KEY_BYTES):
            raise InputError(
                "wanted: a shard or more, and a key of 32 bytes", code="trainer.recipe"
            )

    def _default(self) -> Array:
        raise NotImplementedError

    def _reads(self) -> dict[str, Any]:
        return {"ensure_min_samples": 1}

    def _constant(self, y: Array) -> bool:
        raise NotImplementedError


class ShardedClassifier(ClassifierMixin, _Sharded):  # type: ignore[misc]
    """A classifier that forgets: clones over shards, averaged.

    Args:
        estimator: What each shard fits; default `LogisticRegression()`.
        n_shards: Into how many clones members are dealt.
        key: 32 secret bytes of the deal; None: no secret, for work nobody attacks.

    Attributes:
        classes_: Labels among the rows that are left, and those declared to `partial_fit`.
        estimators_: A fitted clone for each shard; a label where its rows have one; None if empty.
        members_: Whose each row is.
    """

    def fit(self, X: Array, y: Array, members: Iterable[str] | None = None) -> Self:
        """Fit on these rows; whatever was there before is gone.

        Args:
            X: Features; shape (rows, features).
            y: Labels; shape (rows,).
            members: Whose each row is; None: each row its own, named by its number.
        """
        self._checked()
        self.declared_ = np.array([], object)
        return self._add(X, y, members, fresh=True)

    def partial_fit(
        self, X: Array, y: Array, classes: Array = None, members: Iterable[str] | None = None
    ) -> Self:
        """Add rows; only the shards they are dealt to are fitted again.

        Args:
            X: Features; shape (rows, features).
            y: Labels; shape (rows,).
            classes: Labels that may come, beside those among the rows.
            members: As for `fit`.
        """
        self._checked()
        fresh = not hasattr(self, "estimators_")
        if fresh:
            self.declared_ = np.array([], object)
        if classes is not None:
            self.declared_ = np.unique(classes)
        return self._add(X, y, members, fresh=fresh)

    def predict_proba(self, X: Array) -> npt.NDArray[np.float64]:
        """Return the mean of the shards' probabilities; float64, shape (rows, classes)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        total = np.zeros((len(X), len(self.classes_)))
        voting = self._voting()
        for inner in voting:
            if not hasattr(inner, "fit"):
                total += self.classes_ == inner
            elif hasattr(inner, "predict_proba"):
                total[:, np.searchsorted(self.classes_, inner.classes_)] += inner.predict_proba(X)
            else:
                total += inner.predict(X)[:, None] == self.classes_[None, :]
        mean: npt.NDArray[np.float64] = total / len(voting)
        return mean

    def predict(self, X: Array) -> Array:
        """Return the likeliest label of each row."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        return self.classes_[likeliest]

    def _hold(self, X: Array, y: Array, members: Array) -> None:
        check_classification_targets(y)
        super()._hold(X, y, members)
        labels = y if not len(self.declared_) else np.concatenate([self.declared_, y])
        self.classes_ = np.unique(labels)

    def _constant(self, y: Array) -> bool:
        return len(np.unique(y)) == 1

    def _default(self) -> Array:
        return LogisticRegression()


class ShardedRegressor(RegressorMixin, _Sharded):  # type: ignore[misc]
    """A regressor that forgets: clones over shards, averaged.

    Args:
        estimator: What each shard fits; default `Ridge()`.
        n_shards: Into how many clones members are dealt.
        key: 32 secret bytes of the deal; None: no secret, for work nobody attacks.

    Attributes:
        estimators_: A fitted clone for each shard; None where it has no row.
        members_: Whose each row is.
    """

    def fit(self, X: Array, y: Array, members: Iterable[str] | None = None) -> Self:
        """Fit on these rows; whatever was there before is gone. Arguments as `ShardedClassifier`."""
        self._checked()
        return self._add(X, y, members, fresh=True)

    def partial_fit(self, X: Array, y: Array, members: Iterable[str] | None = None) -> Self:
        """Add rows; only the shards they are dealt to are fitted again."""
        self._checked()
        return self._add(X, y, members, fresh=not hasattr(self, "estimators_"))

    def predict(self, X: Array) -> npt.NDArray[np.float64]:
        """Return the mean of the shards' predictions; float64, shape (rows,)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        total, voting = np.zeros(len(X)), self._voting()
        for inner in voting:
            total = total + inner.predict(X)
        mean: npt.NDArray[np.float64] = total / len(voting)
        return mean

    def _reads(self) -> dict[str, Any]:
        return {"ensure_min_samples": 1, "y_numeric": True}

    def _constant(self, y: Array) -> bool:
        return False

    def _default(self) -> Array:
        return Ridge()
