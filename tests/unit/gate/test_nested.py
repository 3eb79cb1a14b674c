"""Columns inside columns."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings

from byleave.engines.arrow import decide_batch
from byleave.errors import InputError
from byleave.gate.contract import parse_contract
from byleave.gate.nested import column_at, paths_of, root_of, type_at
from byleave.testing.engine_suite import Example, answers, compile_example
from tests.engines.strategies import examples

ROWS = [
    {"from": {"id": "a"}, "to": [{"id": 1}, None, {"id": None}]},
    {"from": None, "to": None},
    None,
    {"from": {"id": "b"}, "to": []},
]
TABLE = pa.table({"m": ROWS, "x.y": [1, 2, 3, 4]})
CONTRACT = """\
contract: v1
record_id: [m.from.id, x.y]
parties:
  author: m.from.id
  recipients: m.to[].id
category_constant: messages.direct
"""


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("m.from.id", ["a", None, None, "b"]),
        ("m.to[].id", [[1, None, None], None, None, []]),
        ("x.y", [1, 2, 3, 4]),
    ],
)
def test_a_path_leads_to_one_value_a_row(path: str, values: list[object]) -> None:
    """Fields and items are found, nulls stay null, null items stay items, slices agree."""
    assert column_at(TABLE, path).to_pylist() == values
    assert column_at(TABLE.slice(1, 2), path).to_pylist() == values[1:3]
    assert column_at(pa.concat_tables([TABLE, TABLE]), path).to_pylist() == values * 2


def test_types_are_known_before_reading() -> None:
    """The type of a path is read from the schema; a path to nothing has none."""
    assert type_at("m.from.id", TABLE.schema) == pa.string()
    assert type_at("m.to[].id", TABLE.schema) == pa.list_(pa.int64())
    for nothing in ("m.nobody", "m.to.id", "m.from[].id", "q", "m.from.id.x", "x", ""):
        assert type_at(nothing, TABLE.schema) is None
    assert [root_of(p, TABLE.schema) for p in ("m.to[].id", "x.y")] == ["m", "x.y"]
    assert list(paths_of(TABLE.schema)) == ["m.from.id", "m.to[].id", "x.y"]


def test_a_contract_may_name_paths() -> None:
    """A contract over nested columns fits, reads only their roots, and digests their leaves."""
    contract = parse_contract(CONTRACT, name="c.yaml")
    contract.check(TABLE.schema, data="d")
    assert contract.roots(TABLE.schema, *contract.record_id) == ("m", "x.y")
    assert contract.digest_columns(TABLE.schema) == ("m.from.id", "m.to[].id", "x.y")


def test_a_missing_path_names_its_neighbours() -> None:
    """A path that leads nowhere is refused with its line and the nearest path."""
    contract = parse_contract(CONTRACT.replace("m.to[].id", "m.to[].ids"), name="c.yaml")
    with pytest.raises(InputError) as caught:
        contract.check(TABLE.schema, data="d")
    assert caught.value.code == "contract.column-missing"
    assert caught.value.where == "c.yaml:5  recipients: m.to[].ids"
    assert "'m.to[].id'" in str(caught.value.hint)


def test_two_columns_of_one_path_are_refused() -> None:
    """Data in which one path is a column and a field of another is refused: one would be lost."""
    both = TABLE.append_column("m.from.id", pa.array(["q"] * 4))
    contract = parse_contract(CONTRACT.replace("[m.from.id, x.y]", "x.y"), name="c.yaml")
    with pytest.raises(InputError) as caught:
        contract.check(both.schema, data="d")
    assert caught.value.code == "contract.column-missing"


@settings(deadline=None, max_examples=60)
@given(example=examples())
def test_nesting_changes_no_answer(example: Example) -> None:
    """The same rows, their parties laid inside a struct, get the same reasons and grounds."""
    plan, flat = compile_example(example)
    contract = plan.contract
    people = [contract.author, *contract.recipients]
    inner = pa.StructArray.from_arrays([flat.column(name) for name in people], people)
    deep = flat.drop_columns(people).append_column("who", inner)
    nested = replace(
        contract,
        author=f"who.{contract.author}",
        recipients=tuple(f"who.{name}" for name in contract.recipients),
    )
    found = decide_batch(replace(plan, contract=nested), deep)
    assert answers(plan, found) == answers(plan, decide_batch(plan, flat))
