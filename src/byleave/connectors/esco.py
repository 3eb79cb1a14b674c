"""ESCO's occupations and the skills they ask for, as a public catalogue of jobs.

Reads the three tables of `esco-1.1.1` (occupations, skills, occupation_skills as Parquet). An
essential skill counts 2, an optional one 1. No member is in them. "This service uses the ESCO
classification of the European Commission" (Decision 2011/833/EU: reuse with attribution).
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from byleave.errors import InputError

__all__ = ["read_catalogue"]

_WEIGHTS: Final = {"essential": 2, "optional": 1}
_COLUMNS: Final = {
    "occupations": ["occ", "label"],
    "skills": ["skill", "label"],
    "occupation_skills": ["occ", "skill", "relation"],
}


def read_catalogue(folder: Path) -> list[dict[str, Any]]:
    """Return occupations by label with the skills each asks for, as a recipe takes them.

    Where two occupations have one label, their skills are taken together.

    Raises:
        InputError: `input.malformed`, a table is missing, or not of this form.
    """
    tables = {name: _rows(folder / f"{name}.parquet", cols) for name, cols in _COLUMNS.items()}
    occupation = {row["occ"]: str(row["label"]) for row in tables["occupations"]}
    skill = {row["skill"]: str(row["label"]).casefold() for row in tables["skills"]}
    asked: dict[str, dict[str, int]] = defaultdict(dict)
    for row in tables["occupation_skills"]:
        if row["occ"] not in occupation or row["skill"] not in skill:
            raise InputError("a link to no row of ESCO's tables", code="input.malformed")
        weight = _WEIGHTS.get(str(row["relation"]))
        if weight is None:
            raise InputError(
                "a link that is neither essential nor optional", code="input.malformed"
            )
        skills, name = asked[occupation[row["occ"]]], skill[row["skill"]]
        skills[name] = max(weight, skills.get(name, 0))
    return [
        {"job": label, "skills": [list(pair) for pair in sorted(asked[label].items())]}
        for label in sorted(set(occupation.values()))
    ]


def _rows(path: Path, columns: list[str]) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = pq.read_table(path, columns=columns).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError("not a table of ESCO", code="input.malformed", where=str(path)) from error
    return rows
