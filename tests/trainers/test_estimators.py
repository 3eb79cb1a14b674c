"""Estimators in scikit-learn's manner: its own checks, and the law of forgetting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, SGDRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from byleave.errors import InputError
from byleave.trainers.estimators import ShardedClassifier, ShardedRegressor

KEY = bytes(range(32))


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([ShardedClassifier(), ShardedRegressor()])
def test_scikit_learns_own_checks_hold(estimator: Any, check: Any) -> None:
    """Each check of `check_estimator` holds for both estimators, none excepted."""
    check(estimator)


def table(rows: int, seed: int = 3) -> tuple[Any, Any, list[str]]:
    """Return features, labels and members."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, 3))
    return (
        x,
        (x[:, 0] + 0.5 * draw.normal(size=rows) > 0).astype(int),
        [f"m{n}" for n in draw.integers(0, 9, rows)],
    )


LEARNERS = {
    "logistic": LogisticRegression(),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "forest": RandomForestClassifier(5, n_jobs=1),
    "votes": LinearSVC(),
}


@pytest.mark.parametrize("name", sorted(LEARNERS))
@settings(deadline=None, max_examples=12)
@given(data=st.data())
def test_a_classifier_forgets_to_the_byte(name: str, data: st.DataObject) -> None:
    """After fits, parts and departures it predicts the bytes of one fit on what is left."""
    x, y, members = table(60)
    cut = data.draw(st.integers(10, 50))
    gone = data.draw(st.sets(st.sampled_from(sorted(set(members))), max_size=4))
    one = ShardedClassifier(clone(LEARNERS[name]), n_shards=3, key=KEY)
    one.fit(x[:cut], y[:cut], members=members[:cut])
    first = gone & set(members[:cut])
    if data.draw(st.booleans()) and first:
        one.forget(first)
        keep = [at for at in range(cut, 60) if members[at] not in first]
    else:
        first, keep = set(), list(range(cut, 60))
    if keep:
        one.partial_fit(x[keep], y[keep], members=[members[at] for at in keep])
    held = {members[at] for at in keep} | (set(members[:cut]) - first)
    one.forget((gone - first) & held)
    left = [at for at in range(60) if members[at] not in gone]
    plain = ShardedClassifier(clone(LEARNERS[name]), n_shards=3, key=KEY)
    plain.fit(x[left], y[left], members=[members[at] for at in left])
    assert one.classes_.tolist() == plain.classes_.tolist()
    assert one.predict_proba(x).tobytes() == plain.predict_proba(x).tobytes()


def test_a_regressor_forgets_to_the_byte() -> None:
    """The same for a regressor that draws: its seed comes from key and shard."""
    x, y, members = table(80)
    one = ShardedRegressor(SGDRegressor(), n_shards=4, key=KEY).fit(x, y, members=members)
    one.forget(["m1"]).forget(["m2", "m5"])
    left = [at for at, m in enumerate(members) if m not in {"m1", "m2", "m5"}]
    plain = ShardedRegressor(SGDRegressor(), n_shards=4, key=KEY)
    plain.fit(x[left], y[left], members=[members[at] for at in left])
    assert one.predict(x).tobytes() == plain.predict(x).tobytes()


def test_only_the_shards_of_the_leaver_are_fitted_again() -> None:
    """Other shards keep the very same estimator objects."""
    x, y, members = table(80)
    one = ShardedClassifier(n_shards=4, key=KEY).fit(x, y, members=members)
    before = list(one.estimators_)
    one.forget(["m3"])
    same = [a is b for a, b in zip(before, one.estimators_, strict=True)]
    assert same.count(False) == 1
    assert "m3" not in one.members_.tolist()


def test_a_label_that_only_the_leaver_had_is_gone() -> None:
    """The list of classes is of the rows that are left: it remembers nobody."""
    x, y, _ = table(12)
    labels = [*["yes" if n else "no" for n in y[:11]], "mine"]
    one = ShardedClassifier(n_shards=2, key=KEY).fit(x, labels)
    assert "mine" in one.classes_
    assert "mine" not in one.forget(["11"]).classes_


def test_estimators_refuse_what_they_cannot_do() -> None:
    """Strangers, uneven members and short keys are refused by code, and nothing is forgotten."""
    x, y, members = table(30)
    one = ShardedClassifier(key=KEY).fit(x, y, members=members)
    before = one.predict_proba(x).tobytes()
    for call, code in (
        (lambda: one.forget(["m1", "nobody"]), "trainer.not-held"),
        (lambda: ShardedClassifier(key=KEY).fit(x, y, members=["m"]), "trainer.rows"),
        (lambda: ShardedClassifier(key=b"short").fit(x, y), "trainer.recipe"),
        (lambda: ShardedRegressor(n_shards=0).fit(x, y), "trainer.recipe"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
    assert one.predict_proba(x).tobytes() == before


def test_with_nobody_left_nothing_is_predicted() -> None:
    """After the last member left there is no model, and asking says so."""
    x, y, members = table(20)
    for one in (ShardedClassifier(key=KEY), ShardedRegressor(key=KEY)):
        one.fit(x, y, members=members).forget(set(members))
        with pytest.raises(NotFittedError):
            one.predict(x)
