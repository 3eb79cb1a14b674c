"""What a trainer of one's own is judged by: numbers against a count by hand, and wrong forms refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.errors import InputError
from byleave.training.judged import Classification, Ranking, judge

NONE: dict[str, bytes] = {}


def classified(classes: Sequence[str], scores: Any) -> Classification:
    return Classification(
        held_out="m", truth="y", classes=classes, scores=lambda _, __: np.array(scores)
    )


def rows(truth: Sequence[str]) -> pa.Table:
    return pa.table({"m": [f"m{n}" for n in range(len(truth))], "y": list(truth)})


def test_a_classifier_is_judged_by_rank() -> None:
    """Right first, right third, an unknown answer, and a tie that the earlier class wins."""
    task = classified(
        "abcd", [[3, 2, 1, 0], [3, 2, 1, 0], [3, 2, 1, 0], [1, 1, 0, 0], [0, 1, 1, 0]]
    )
    found = judge(task, NONE, rows("bba"), rows(["a", "c", "z", "a", "c"]))
    assert found == {
        "task": "classification",
        "rows": 5,
        "classes": 4,
        "accuracy": 2 / 5,
        "top3": 4 / 5,
        "mean_of_classes": (2 / 2 + 0 / 2) / 2,
        "baseline_accuracy": 0.0,
    }
    two = judge(classified("ab", [[0, 1]]), NONE, rows("aab"), rows("a"))
    assert (two["accuracy"], two["top3"], two["baseline_accuracy"]) == (0.0, None, 1.0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.lists(st.integers(0, 3), min_size=4, max_size=4)),
        min_size=1,
        max_size=12,
    )
)
def test_accuracy_is_that_of_the_first_best_class(drawn: list[tuple[int, list[int]]]) -> None:
    """Accuracy and top 3 are those of a stable sort of each row's scores."""
    names = "abcd"
    task = classified(names, [scores for _, scores in drawn])
    found = judge(task, NONE, rows("a"), rows([names[truth] for truth, _ in drawn]))
    orders = [np.argsort([-score for score in scores], kind="stable") for _, scores in drawn]
    ranks = [order.tolist().index(truth) for order, (truth, _) in zip(orders, drawn, strict=True)]
    assert found["accuracy"] == np.mean([rank == 0 for rank in ranks])
    assert found["top3"] == np.mean([rank < 3 for rank in ranks])


@pytest.mark.parametrize("scores", [[[1, 2]], [[1], [2]], [[1, float("nan")], [1, 2]]])
def test_scores_of_another_form_are_refused(scores: Any) -> None:
    """Too few rows, too few classes, or a score that is no number: `training.task`."""
    with pytest.raises(InputError) as error:
        judge(classified("ab", scores), NONE, rows("ab"), rows("ab"))
    assert error.value.code == "training.task"


def test_the_truth_is_not_handed_over() -> None:
    """Whoever scores sees the rows without the column of the right answer."""
    seen: list[list[str]] = []

    def scores(_: Mapping[str, bytes], table: pa.Table) -> Any:
        seen.append(table.column_names)
        return np.zeros((table.num_rows, 2))

    task = Classification(held_out="m", truth="y", classes="ab", scores=scores)
    judge(task, NONE, rows("ab"), rows("ab"))
    assert seen == [["m"]]


def holdings(held: Mapping[str, str]) -> pa.Table:
    pairs = [(member, item) for member, items in held.items() for item in items]
    return pa.table({"m": [m for m, _ in pairs], "i": [i for _, i in pairs]})


def test_a_ranking_is_judged_by_what_it_finds_of_what_is_hidden() -> None:
    """A ranker that knows everything finds all; one that knows nothing, none; one item is left out."""
    asked = holdings({"x": "abcd", "y": "ef", "z": "g"})
    learned = holdings({"p": "ab", "q": "a"})

    def knows(_: Any, seen: Sequence[str], n: int) -> list[str]:
        return [item for item in "abcdefg" if item not in seen][:n]

    found = judge(Ranking(held_out="m", item="i", best=knows, n=7), NONE, learned, asked)
    assert (found["members"], found["left_out"], found["recall"]) == (2, 1, 1.0)
    nothing = judge(Ranking(held_out="m", item="i", best=lambda *_: [], n=2), NONE, learned, asked)
    assert nothing["recall"] == 0.0
    assert found["popularity"] is not None


@pytest.mark.parametrize(
    "wrong", [lambda s, n: s[:1], lambda s, n: ["q", "q"], lambda s, n: "uvwxyz"[: n + 1]]
)
def test_answers_of_another_form_are_refused(wrong: Any) -> None:
    """What was seen, something twice, or more than n: `training.task`."""
    task = Ranking(held_out="m", item="i", best=lambda _, seen, n: list(wrong(seen, n)), n=2)
    with pytest.raises(InputError) as error:
        judge(task, NONE, holdings({"p": "ab"}), holdings({"x": "abcd"}))
    assert error.value.code == "training.task"
