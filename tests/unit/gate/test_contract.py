"""Data-set contracts."""

from __future__ import annotations

import pyarrow as pa
import pytest

from byleave.errors import InputError
from byleave.gate.contract import parse_contract
from byleave.gate.result import record_ids

TEXT = """\
contract: v1
record_id: [thread, seq]
parties:
  author: sender
  recipients: to
category_constant: messages.direct
collected_at: sent
draft: unsent
columns: [text]
"""
SCHEMA = pa.schema(
    {
        "thread": pa.string(),
        "seq": pa.int64(),
        "sender": pa.dictionary(pa.int8(), pa.string()),
        "to": pa.list_(pa.int64()),
        "sent": pa.timestamp("s"),
        "unsent": pa.bool_(),
        "text": pa.string(),
    }
)


def test_contract_reads_what_it_says() -> None:
    """A whole contract is read field by field, and fits its data."""
    contract = parse_contract(TEXT, name="c.yaml")
    assert contract.record_id == ("thread", "seq")
    assert contract.recipients == ("to",)
    assert contract.read_columns == ("sender", "to", "sent", "unsent")
    assert contract.digest_columns(SCHEMA) == ("text",)
    contract.check(SCHEMA, data="d.parquet")


def test_digest_is_of_meaning() -> None:
    """A comment or a new file name changes no digest; a column does."""
    digest = parse_contract(TEXT, name="a").digest
    assert parse_contract("# x\n" + TEXT, name="b").digest == digest
    assert parse_contract(TEXT.replace("to\n", "cc\n"), name="a").digest != digest


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("contract: v1", "contract: v2", "contract.malformed"),
        ("draft:", "drafts:", "input.unknown-field"),
        ("recipients: to", "recipient: to", "input.unknown-field"),
        ("recipients: to", "recipients: sender", "contract.malformed"),
        ("recipients: to", "recipients: [to, to]", "contract.malformed"),
        ("author: sender", "author: [sender]", "input.malformed"),
        ("category_constant: messages.direct", "", "contract.malformed"),
        ("category_constant: messages.direct", "kind: text", "contract.malformed"),
        ("draft: unsent", "category: text", "contract.malformed"),
        ("draft: unsent", "kinds: {dm: messages.direct}", "contract.malformed"),
        ("columns: [text]", "columns: [1]", "input.malformed"),
    ],
)
def test_doubt_is_refused(old: str, new: str, code: str) -> None:
    """A contract that could be read two ways is refused."""
    with pytest.raises(InputError) as caught:
        parse_contract(TEXT.replace(old, new), name="c.yaml")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("column", "kind", "line"),
    [
        ("sender", pa.float64(), "c.yaml:4  author: sender"),
        ("sender", pa.list_(pa.string()), "c.yaml:4  author: sender"),
        ("to", pa.list_(pa.float32()), "c.yaml:5  recipients: to"),
        ("to", pa.struct({"a": pa.string()}), "c.yaml:5  recipients: to"),
        ("sent", pa.int64(), "c.yaml:7  collected_at: sent"),
        ("unsent", pa.int8(), "c.yaml:8  draft: unsent"),
        ("thread", pa.binary(), "c.yaml:2  record_id: thread"),
    ],
)
def test_wrong_types_name_their_line(column: str, kind: pa.DataType, line: str) -> None:
    """A column that cannot play its part is refused with its line."""
    place = SCHEMA.get_field_index(column)
    with pytest.raises(InputError) as caught:
        parse_contract(TEXT, name="c.yaml").check(
            SCHEMA.set(place, pa.field(column, kind)), data="d"
        )
    assert (caught.value.code, caught.value.where) == ("contract.column-type", line)


@pytest.mark.parametrize("column", ["thread", "sender", "to", "sent", "unsent", "text"])
def test_every_column_must_be_there_once(column: str) -> None:
    """Each column named must stand in the data exactly once."""
    contract = parse_contract(TEXT, name="c.yaml")
    place = SCHEMA.get_field_index(column)
    for schema in (SCHEMA.remove(place), SCHEMA.append(SCHEMA.field(place))):
        with pytest.raises(InputError) as caught:
            contract.check(schema, data="d")
        assert caught.value.code == "contract.column-missing"


def test_record_ids_are_unambiguous() -> None:
    """Parts that hold the separator cannot make two records one."""
    batch = pa.record_batch({"a": ["x:y", "x", "x\\", None], "b": ["z", "y:z", ":z", "q"]})
    ids = record_ids(["a", "b"], batch).to_pylist()
    assert ids == ["x\\:y:z", "x:y\\:z", "x\\\\:\\:z", None]
    assert record_ids(["b"], batch).to_pylist() == ["z", "y:z", ":z", "q"]
    assert record_ids([], batch, first_row=7).to_pylist() == ["7", "8", "9", "10"]
