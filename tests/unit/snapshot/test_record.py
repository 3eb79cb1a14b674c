"""Record digests: which values have bytes, which bytes, and what is told apart."""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.canonical import record_digest
from byleave.errors import InputError
from byleave.snapshot.hashing import HashRows, by_hashlib
from byleave.snapshot.record import record_digests

INSTANT = datetime(2024, 9, 18, 16, 0, 0, 123456, tzinfo=UTC)
MICROS = 1_726_675_200_123_456


def by_hand(*columns: tuple[str, bytes | None]) -> bytes:
    """Compute a record digest as docs/spec/record-digest.md writes it."""
    data = b"\x22\x01" + struct.pack(">H", len(columns))
    for name, value in columns:
        data += struct.pack(">H", len(name.encode())) + name.encode()
        data += b"\x00" + bytes(4) if value is None else b"\x01" + struct.pack(">I", len(value))
        data += value or b""
    return hashlib.sha256(data).digest()


def one(array: pa.Array, name: str = "c") -> bytes:
    """Return the digest of the first row of a table of one column."""
    return bytes(record_digests(pa.table({name: array}))[0].as_py())


def test_the_example_of_the_specification() -> None:
    """The specification's worked example has the digest it prints."""
    digests = record_digests(pa.table({"bb": pa.array([None], pa.string()), "a": ["hi"]}))
    assert digests.type == pa.binary(32)
    assert digests[0].as_py().hex() == (
        "7f73a4e68a721aa5b62fa7a6ecb7f2fa611c263b9c0591d2166b1f395489f4f8"
    )


@pytest.mark.parametrize(
    ("array", "value"),
    [
        (pa.array(["grüß"], pa.string()), "grüß".encode()),
        (pa.array([""], pa.large_string()), b""),
        (pa.array([b"\x00\xff"], pa.binary()), b"\x00\xff"),
        (pa.array([7], pa.int8()), struct.pack(">q", 7)),
        (pa.array([-7], pa.int64()), struct.pack(">q", -7)),
        (pa.array([2**64 - 1], pa.uint64()), struct.pack(">Q", 2**64 - 1)),
        (pa.array([True]), b"\x01"),
        (pa.array([False]), b"\x00"),
        (pa.array([0.1], pa.float64()), struct.pack(">d", 0.1)),
        (pa.array([0.5], pa.float32()), struct.pack(">d", 0.5)),
        (pa.array([INSTANT], pa.timestamp("us", "UTC")), struct.pack(">q", MICROS)),
        (pa.array([INSTANT], pa.timestamp("ns", "UTC")), struct.pack(">q", MICROS)),
        (pa.array([1_726_675_200], pa.timestamp("s")), struct.pack(">q", 1_726_675_200_000_000)),
        (pa.array([date(1970, 1, 2)], pa.date32()), struct.pack(">q", 86_400_000_000)),
        (pa.array([["a", None]], pa.list_(pa.string())),
         struct.pack(">I", 2) + b"\x01\x00\x00\x00\x01a" + bytes(5)),
        (pa.array([[]], pa.large_list(pa.int32())), struct.pack(">I", 0)),
        (pa.array([[1]], pa.list_(pa.int32())),
         struct.pack(">I", 1) + b"\x01\x00\x00\x00\x08" + struct.pack(">q", 1)),
        (pa.array(["x", "y", "x"]).dictionary_encode(), b"x"),
        (pa.array([None], pa.string()), None),
        (pa.array([None], pa.int64()), None),
        (pa.array([None], pa.list_(pa.string())), None),
        (pa.array([None], pa.null()), None),
    ],
)  # fmt: skip
def test_each_type_has_its_bytes(array: pa.Array, value: bytes | None) -> None:
    """A value's bytes are those that the specification gives its Arrow type."""
    assert one(array) == by_hand(("c", value))


@pytest.mark.parametrize(
    "array",
    [
        pa.array([Decimal("1.5")]),
        pa.array([{"a": 1}]),
        pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([timedelta(1)]),
        pa.array([[{"a": 1}]]),
    ],
)
def test_a_type_without_bytes_is_refused(array: pa.Array) -> None:
    """A column whose type has no canonical bytes is `contract.column-type` and is named."""
    with pytest.raises(InputError) as error:
        one(array, "the_column")
    assert error.value.code == "contract.column-type"
    assert "the_column" in error.value.message


def test_an_instant_finer_than_a_microsecond_is_refused() -> None:
    """Nanoseconds are not cut off silently: the column is `contract.column-value`."""
    with pytest.raises(InputError) as error:
        one(pa.array([1], pa.timestamp("ns")))
    assert error.value.code == "contract.column-value"


def test_no_columns_are_no_record() -> None:
    """A digest over no column at all is refused."""
    with pytest.raises(InputError) as error:
        record_digests(pa.table({"a": [1]}), [])
    assert error.value.code == "contract.column-type"


CELLS = st.one_of(st.none(), st.text(max_size=6))


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20))
def test_records_have_one_digest_each(rows: list[tuple[str | None, str | None]]) -> None:
    """Two records have the same digest exactly where they are equal: nothing runs together."""
    table = pa.table(
        {
            "a": pa.array([a for a, _ in rows], pa.string()),
            "b": pa.array([b for _, b in rows], pa.string()),
        }
    )
    digests = record_digests(table).to_pylist()
    assert len(set(digests)) == len(set(rows))
    assert dict(zip(digests, rows, strict=True)).keys() == set(digests)


@given(st.lists(st.lists(CELLS, max_size=4) | st.none(), min_size=1, max_size=20))
def test_lists_have_one_digest_each(rows: list[list[str | None] | None]) -> None:
    """Two lists have the same digest exactly where they are equal, nulls and empties included."""
    digests = record_digests(pa.table({"c": pa.array(rows, pa.list_(pa.string()))})).to_pylist()
    assert len(set(digests)) == len({repr(row) for row in rows})


@given(
    st.lists(st.none() | st.integers(0, 100), min_size=1, max_size=20),
    st.sampled_from([pa.int8(), pa.uint8(), pa.int32(), pa.uint64()]),
)
def test_the_width_of_a_column_does_not_matter(rows: list[int | None], kind: pa.DataType) -> None:
    """One table stored with narrower integers, dictionaries or chunks has the same digests."""
    plain = pa.table({"n": pa.array(rows, pa.int64()), "t": [str(row) for row in rows]})
    other = pa.table({"n": pa.array(rows, kind), "t": plain["t"].dictionary_encode()})
    halves = pa.concat_tables([other.slice(0, 1), other.slice(1)])
    assert record_digests(plain) == record_digests(other) == record_digests(halves)


WORDS = st.none() | st.text(max_size=90)
ROWS = st.tuples(
    WORDS,
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.booleans(),
    st.none() | st.lists(st.none() | st.text(max_size=5), max_size=3),
)


def as_bytes(value: object) -> bytes | None:
    """Return a value's bytes as the specification has them."""
    match value:
        case None:
            return None
        case str():
            return value.encode()
        case bool():
            return bytes([value])
        case int():
            return struct.pack(">q", value)
        case list():
            items = [as_bytes(item) for item in value]
            return struct.pack(">I", len(items)) + b"".join(
                bytes(5) if item is None else b"\x01" + struct.pack(">I", len(item)) + item
                for item in items
            )
    raise AssertionError(value)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, max_size=40), st.integers(0, 5), st.booleans())
def test_by_the_column_is_the_reference(
    rows: list[tuple[object, ...]], skip: int, lanes: bool
) -> None:
    """Hashed together, in any slice of a table and by either kernel, a record has the digest that
    `canonical.record_digest` gives it alone.
    """
    kinds = {"w": pa.string(), "n": pa.int64(), "b": pa.bool_(), "l": pa.list_(pa.string())}
    columns = {
        name: pa.array([row[at] for row in rows], kind)
        for at, (name, kind) in enumerate(kinds.items())
    }
    table = pa.table(columns).slice(skip)
    found = record_digests(table, hash_rows=compiled() if lanes else by_hashlib)
    assert found.to_pylist() == [
        record_digest([(name, as_bytes(row[at])) for at, name in enumerate(kinds)])
        for row in rows[skip:]
    ]


def compiled() -> HashRows:
    """Return the lanes, or the pure kernel where numba is missing."""
    try:
        from byleave.engines.sha256_lanes import hash_rows
    except ImportError:
        return by_hashlib
    return hash_rows


def test_only_the_columns_named_count() -> None:
    """A column that the contract leaves out does not change a digest; a name does."""
    table = pa.table({"a": ["x"], "b": [1]})
    assert record_digests(table, ["a"]) == record_digests(pa.table({"a": ["x"]}))
    assert record_digests(table, ["a"]) != record_digests(table)
    assert one(pa.array(["x"]), "a") != one(pa.array(["x"]), "b")
