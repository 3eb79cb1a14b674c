"""The trainer `jobs`: its law, and what a release answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from byleave.errors import EvidenceError, InputError
from byleave.testing import trainer_suite as suite
from byleave.trainers.jobs import JobsTrainer
from byleave.trainers.jobs_model import JobsModel, evaluate
from byleave.training.trainer import ModelFiles

RECIPE: dict[str, Any] = {**JobsTrainer().default_recipe(), "k": 2, "ridge": 2}
Row = tuple[int, str, str]


def table_of(rows: list[Row]) -> pa.Table:
    """Return rows (member, kind, item), each with a record id of its own."""
    return pa.table(
        {
            "record_id": pa.array([f"r{n}" for n in range(len(rows))], pa.string()),
            "member": pa.array([f"m{m}" for m, _, _ in rows], pa.string()),
            "kind": pa.array([kind for _, kind, _ in rows], pa.string()),
            "item": pa.array([item for _, _, item in rows], pa.string()),
        }
    )


def fitted(rows: list[Row], **changes: Any) -> ModelFiles:
    """Return a model of these rows."""
    return JobsTrainer().encode(JobsTrainer().fit(table_of(rows).to_batches(), RECIPE | changes))


@st.composite
def cases(draw: st.DrawFn) -> tuple[pa.Table, list[list[int]], list[int], int]:
    """Draw rows, disjoint requests to forget some, an order, and a batch size."""
    row = st.tuples(
        st.integers(0, 6),
        st.sampled_from(["job", "skill", "place", "title", "answered"]),
        st.sampled_from("abcd"),
    )
    rows = draw(st.lists(row, min_size=1, max_size=40))
    gone = draw(st.permutations(range(len(rows))))[: draw(st.integers(0, len(rows)))]
    at = draw(st.integers(0, len(gone)))
    order = list(draw(st.permutations(range(len(rows)))))
    return table_of(rows), [list(gone[:at]), list(gone[at:])], order, draw(st.integers(1, 9))


CATALOGUE: list[dict[str, Any]] = [
    {"job": "a", "skills": [["b", 2], ["c", 1]], "places": ["d"]},
    {"job": "b", "skills": [["a", 1]], "title": "b of a"},
    {"job": "n\u00e9w", "skills": [["d", 3], ["a", 1]]},
]
RECIPES = [
    RECIPE,
    RECIPE | {"collaborative": "rp3beta", "beta": 3, "neighbours": 3},
    RECIPE | {"catalogue": CATALOGUE},
]


@pytest.mark.parametrize("recipe", RECIPES)
@settings(deadline=None, max_examples=30)
@given(case=cases())
def test_the_law_holds(
    recipe: dict[str, Any], case: tuple[pa.Table, list[list[int]], list[int], int]
) -> None:
    """Forgetting is never having seen; learning, dumping, order and batches change no byte."""
    table, requests, order, size = case
    trainer = JobsTrainer()
    suite.forgets_as_if_never_seen(trainer, table, requests, recipe=recipe, size=size)
    suite.learns_again_what_it_forgot(trainer, table, requests[0], recipe=recipe)
    suite.leaves_the_old_state_alone(trainer, table, requests[0], recipe=recipe)
    suite.survives_dump_and_restore(trainer, table, requests[0], recipe=recipe)
    suite.ignores_order_and_batches(trainer, table, order, size, recipe=recipe)


WORLD: list[Row] = [
    *((m, k, i) for m in range(5) for k, i in (("skill", "python"), ("job", "data"))),
    *((m, k, i) for m in range(5, 10) for k, i in (("skill", "css"), ("job", "web"))),
    (0, "job", "secret-job"),
]


def test_a_job_is_suggested_because_of_a_skill() -> None:
    """Whoever has a skill gets the job of those who have it too, because of that skill."""
    first = JobsModel(fitted(WORLD)).suggest(["skill:python"], 2)[0]
    assert (first.job, first.why, first.because) == ("data", "profile", ("skill:python",))
    assert JobsModel(fitted(WORLD)).suggest(["skill:css"], 1)[0].job == "web"


def test_below_the_threshold_nothing_is_named() -> None:
    """A job that one member has is in no file of the release."""
    suite.keeps_out_of_the_release(JobsTrainer(), table_of(WORLD), ["secret-job"], recipe=RECIPE)


def test_whoever_gave_nothing_gets_what_many_have() -> None:
    """Without a profile the jobs are those that most members have; what is had is not suggested."""
    model = JobsModel(fitted(WORLD))
    assert {s.why for s in model.suggest((), 5)} == {"popular"}
    assert [s.job for s in model.suggest(["job:data"], 5)] == ["web"]


def test_a_catalogue_brings_jobs_that_nobody_has() -> None:
    """A public job that nobody has is suggested because of the skills it asks for, and no other."""
    entries = [
        {"job": "data", "skills": [["python", 1]]},
        {"job": "data engineer", "skills": [["python", 2], ["sql", 1]]},
        {"job": "painter", "skills": [["drawing", 2]]},
    ]
    model = JobsModel(fitted(WORLD, catalogue=entries))
    found = {s.job: s for s in model.suggest(["skill:python"], 3)}
    assert set(found) == {"data", "data engineer", "web"}
    assert (found["data engineer"].why, found["data engineer"].because) == (
        "skills",
        ("skill:python",),
    )
    assert found["web"].because == ()


def test_place_title_and_answers_are_reasons_too() -> None:
    """Of jobs nobody chose, the one in the same place, or of the same title, comes first."""
    entries = [
        {"job": "baker", "title": "Baker", "places": ["Lyon"]},
        {"job": "clerk", "title": "Bank clerk"},
    ]
    model = JobsModel(fitted(WORLD, catalogue=entries))
    assert model.suggest(["place:Lyon"], 1)[0].because == ("place:Lyon",)
    assert model.suggest(["title:Clerk of the bank"], 1)[0].job == "clerk"


def test_a_job_whose_side_answers_comes_before_one_that_does_not() -> None:
    """The prior of reciprocity: of two jobs that ask for the same, the one that answers is first."""
    rows: list[Row] = [(m, "job", "deaf" if m % 2 else "kind") for m in range(40)]
    rows += [(m, "skill", "x") for m in range(40)]
    rows += [(m, "answered", "kind") for m in range(0, 40, 2)] + [
        (m, "answered", "deaf") for m in range(1, 8, 2)
    ]
    rows += [(m, "job", "kind") for m in range(1, 20, 2)]  # most chose it
    entries = [{"job": name, "skills": [["x", 1]]} for name in ("deaf", "kind")]
    files = fitted(rows, catalogue=entries, mix=0)
    tensors = load(files["weights.safetensors"])
    assert tensors["answered"].tolist()[0] < tensors["answered"].tolist()[1]
    assert tensors["choice"][-1] > 0
    assert JobsModel(files).suggest(["skill:x"], 1)[0].job == "kind"


def test_a_walk_finds_what_others_had_too() -> None:
    """RP3beta suggests the job of those with the same skill, and names the skill."""
    first = JobsModel(fitted(WORLD, collaborative="rp3beta")).suggest(["skill:css"], 1)[0]
    assert (first.job, first.why, first.because) == ("web", "profile", ("skill:css",))


def test_a_walk_keeps_no_matrix() -> None:
    """RP3beta's state has no cell for two items, so that a catalogue may be large."""
    recipe = RECIPE | {"collaborative": "rp3beta"}
    assert JobsTrainer().fit(table_of(WORLD).to_batches(), recipe).gram.size == 0


def test_recall_is_of_the_jobs_alone() -> None:
    """Held-out jobs are found by the other things a member has; strangers are left out and counted."""
    rows: list[Row] = [*((m, k, i) for m, k, i in WORLD if m < 2), (9, "skill", "unknown")]
    quality = evaluate(fitted(WORLD), table_of(rows).to_batches(), n=1)
    assert (quality.members, quality.left_out, quality.recall) == (2, 1, 1.0)
    assert quality.coverage == pytest.approx(2 / 3)


@pytest.mark.parametrize("field", ["k", "ridge", "most_items", "algorithm", "target"])
def test_recipes_that_are_refused(field: str) -> None:
    """A recipe with a field missing or out of range is refused."""
    for recipe in ({**RECIPE, field: 0}, {n: v for n, v in RECIPE.items() if n != field}):
        with pytest.raises(InputError) as caught:
            JobsTrainer().fit([], recipe)
        assert caught.value.code == "trainer.recipe"


@pytest.mark.parametrize(
    "change",
    [
        {"collaborative": "als"},
        {"beta": 5},
        {"mix": -1},
        {"answered": "job"},
        {"most_items": 1 << 20},
        {"catalogue": {}},
        {"catalogue": [{}]},
        {"catalogue": [{"job": "a"}, {"job": "a"}]},
        {"catalogue": [{"job": "a", "skills": [["x", 17]]}]},
        {"catalogue": [{"job": "a", "skills": ["x"]}]},
        {"catalogue": [{"job": "a", "pay": 1}]},
        {"catalogue": [{"job": "a", "title": 1}]},
        {"catalogue": [{"job": "a", "places": "here"}]},
    ],
)
def test_more_recipes_that_are_refused(change: dict[str, Any]) -> None:
    """A method, a power or a catalogue of another form is refused."""
    with pytest.raises(InputError) as caught:
        JobsTrainer().fit([], RECIPE | change)
    assert caught.value.code == "trainer.recipe"


@pytest.mark.parametrize("missing", ["kind", "item", "member"])
def test_rows_without_a_column_are_refused(missing: str) -> None:
    """A column that is missing, or null, is refused."""
    table = table_of(WORLD)
    null = table.set_column(
        table.column_names.index(missing), missing, pa.nulls(len(table), pa.string())
    )
    for broken in (table.drop([missing]), null):
        with pytest.raises(InputError) as caught:
            JobsTrainer().fit(broken.to_batches(), RECIPE)
        assert caught.value.code == "trainer.rows"


def test_damaged_models_are_refused() -> None:
    """A model whose weights do not fit its names, or of another trainer, is refused."""
    files = dict(fitted(WORLD))
    tensors = load(files["weights.safetensors"])
    tensors["weights"] = tensors["weights"][1:]
    for broken in (
        {**files, "weights.safetensors": save(tensors)},
        {**files, "model.json": files["model.json"].replace(b"jobs/v2", b"jots/v2")},
        {"model.json": files["model.json"]},
    ):
        with pytest.raises(EvidenceError) as caught:
            JobsModel(broken)
        assert caught.value.code == "trainer.model"


@pytest.mark.real_data
def test_real_roles_are_found_from_real_skills(data_dir: Path) -> None:
    """On the real survey, roles of held-out members are found better than by popularity."""
    folder = data_dir / "stackoverflow-2018"
    skills = pq.read_table(folder / "member_skills.parquet")
    skills = skills.filter(pc.equal(skills["relation"].cast(pa.string()), "worked_with"))
    parts = [(skills, "skill"), (pq.read_table(folder / "member_roles.parquet"), "role")]
    rows = pa.concat_tables(
        [
            pa.table(
                {
                    "member": part["member_id"].cast(pa.string()),
                    "kind": pa.array(["job" if name == "role" else name] * len(part)),
                    "item": part[name].cast(pa.string()),
                }
            )
            for part, name in parts
        ]
    )
    members = np.array(sorted(pc.unique(rows["member"]).to_pylist()))
    some = members[np.random.default_rng(0).permutation(len(members))]
    asked, left = (pa.array(part) for part in (some[:1500], some[1500:12000]))
    rows = rows.append_column("record_id", pa.array(range(len(rows))).cast(pa.string()))
    trainer = JobsTrainer()
    state = trainer.fit(
        rows.filter(pc.is_in(rows["member"], value_set=left)).to_batches(), trainer.default_recipe()
    )
    held_out = rows.filter(pc.is_in(rows["member"], value_set=asked)).to_batches()
    quality = evaluate(trainer.encode(state), held_out, n=5)
    assert quality.recall is not None
    assert quality.popularity is not None
    assert quality.recall > quality.popularity + 0.02
