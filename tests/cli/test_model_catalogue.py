"""`byleave model catalogue`: ESCO's tables as a recipe, and recipes that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from byleave.cli.model_catalogue import read_recipe
from byleave.errors import InputError
from byleave.trainers.catalogue import Catalogue


def tables(folder: Path, relation: str = "optional", occ: int = 1) -> None:
    """Write ESCO's three tables with two occupations of one skill each."""
    folder.mkdir(exist_ok=True)
    occupations = {"occ": [0, 1], "label": ["baker", "confiseur à façon"]}
    pq.write_table(pa.table(occupations), folder / "occupations.parquet")
    skills = {"skill": [0, 1], "label": ["Bake bread", "mix"]}
    pq.write_table(pa.table(skills), folder / "skills.parquet")
    links = {
        "occ": [0, 0, occ],
        "skill": [0, 1, 1],
        "relation": ["essential", "optional", relation],
    }
    pq.write_table(pa.table(links), folder / "occupation_skills.parquet")


def test_escos_tables_become_a_recipe(tmp_path: Path, say: Callable[..., Any]) -> None:
    """Essential skills count 2, optional ones 1, and the trainer takes what was written."""
    tables(tmp_path / "esco")
    said = say("model", "catalogue", str(tmp_path / "esco"), "--out", str(tmp_path / "jobs.json"))
    assert said.code == 0
    assert "2 jobs" in said.out
    entries = read_recipe(tmp_path / "jobs.json")["catalogue"]
    assert entries[0] == {"job": "baker", "skills": [["bake bread", 2], ["mix", 1]]}
    assert Catalogue(entries).measure(["skill:mix"]).tolist() == [[5, 1, 0, 0], [16, 1, 0, 0]]


@pytest.mark.parametrize("change", [{"relation": "vital"}, {"occ": 9}])
def test_tables_of_another_form_are_refused(
    tmp_path: Path, say: Callable[..., Any], change: dict[str, Any]
) -> None:
    """A relation ESCO does not know, or a link to no occupation, is refused."""
    tables(tmp_path / "esco", **change)
    said = say("model", "catalogue", str(tmp_path / "esco"), "--out", str(tmp_path / "jobs.json"))
    assert said.code == 2
    assert "input.malformed" in said.err


@pytest.mark.parametrize("text", ["[]", "{", '"x"'])
def test_a_recipe_is_one_object(tmp_path: Path, text: str) -> None:
    """A file that is no JSON object is no recipe."""
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(InputError) as caught:
        read_recipe(tmp_path / "r.json")
    assert caught.value.code == "trainer.recipe"


@pytest.mark.real_data
def test_the_real_occupations(data_dir: Path, tmp_path: Path, say: Callable[..., Any]) -> None:
    """All occupations of ESCO 1.1.1 are read, and database skills are asked for by who administers them."""
    out = tmp_path / "esco.json"
    assert say("model", "catalogue", str(data_dir / "esco-1.1.1"), "--out", str(out)).code == 0
    catalogue = Catalogue(json.loads(out.read_bytes())["catalogue"])
    assert len(catalogue) > 2_900
    measured = catalogue.measure(["skill:postgresql", "skill:mysql", "skill:sql server"])
    shared = measured[:, 1]
    assert shared[catalogue.jobs.index("database administrator")] == shared.max() == 3
