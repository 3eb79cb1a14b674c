"""The JSON Schema of a contract says what the reader does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from byleave.errors import InputError
from byleave.gate.contract import contract_schema, parse_contract

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = Draft202012Validator(json.loads(contract_schema()))

_WORD = st.sampled_from(["a", "b", "c.d", "e[].f", "", " ", "v1", 7, True, None, [], ["a"]])
_COLUMNS = st.one_of(_WORD, st.lists(st.sampled_from(["g", "h", ""]), max_size=2))
_PARTIES = st.one_of(
    _WORD,
    st.fixed_dictionaries(
        {"author": st.one_of(st.just("x"), _WORD)},
        optional={"recipients": _COLUMNS, "readers": _WORD},
    ),
)
_KINDS = st.one_of(_WORD, st.dictionaries(st.sampled_from(["dm", "group"]), _WORD, max_size=2))
CONTRACTS = st.fixed_dictionaries(
    {"contract": st.sampled_from(["v1", "v1", "v1", "v2"]), "parties": _PARTIES},
    optional={
        "category_constant": _WORD,
        "category": _WORD,
        "kind": _WORD,
        "kinds": _KINDS,
        "record_id": _COLUMNS,
        "collected_at": _WORD,
        "columns": _COLUMNS,
        "other": _WORD,
    },
)


def _reads(document: dict[str, Any]) -> str | None:
    """Return None where the reader accepts, else what it says."""
    try:
        parse_contract(json.dumps(document), name="c.yaml")
    except InputError as error:
        return str(error)
    return None


@given(CONTRACTS)
@settings(max_examples=400, deadline=None)
def test_schema_and_reader_agree(document: dict[str, Any]) -> None:
    """Both accept or both refuse; only that one column plays two parts is beyond the schema."""
    said = _reads(document)
    if SCHEMA.is_valid(document):
        assert said is None or "plays two parts" in said
    else:
        assert said is not None


def test_schema_accepts_the_examples() -> None:
    """Every contract that ships with the examples is valid under the schema."""
    found = sorted((ROOT / "examples" / "contracts").glob("*.yaml"))
    assert found
    for path in found:
        SCHEMA.validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    "document",
    [
        {"contract": "v1", "parties": {"author": "a"}, "kind": "k"},
        {"contract": "v1", "parties": {"author": "a"}, "category_constant": "c", "category": "d"},
        {"contract": "v1", "category_constant": "c"},
    ],
)
def test_schema_refuses(document: dict[str, Any]) -> None:
    """A contract without a category, with two, or without parties is invalid."""
    assert not SCHEMA.is_valid(document)
    assert _reads(document) is not None
