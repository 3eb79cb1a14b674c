"""YAML without surprises."""

from __future__ import annotations

import pytest

from byleave.errors import InputError
from byleave.policy.strict_yaml import read_mapping


def test_values_are_what_was_written() -> None:
    """Dates, on, yes and 1e3 stay text; integers, true and null are read; quotes make text."""
    fields = read_mapping(
        "a: 2024-09-18\nb: on\nc: no\nd: 1e3\ne: 12\nf: true\ng:\nh: '12'\ni: 012\n", name="x"
    )
    assert dict(fields.values) == {
        "a": "2024-09-18",
        "b": "on",
        "c": "no",
        "d": "1e3",
        "e": 12,
        "f": True,
        "g": None,
        "h": "12",
        "i": "012",
    }


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2\n",
        "a: &x 1\nb: *x\n",
        "a: !!python/object:os.system {}\n",
        "a: !mine 1\n",
        "- a\n",
        "",
        "a: [1\n",
        "? [a]\n: 1\n",
        "a: " + "[" * 60 + "]" * 60,
        "a: " + "x" * 1_100_000,
    ],
    ids=range(10),
)
def test_surprises_are_refused(text: str) -> None:
    """Twins, aliases, tags, other shapes, depth and size are refused."""
    with pytest.raises(InputError) as caught:
        read_mapping(text, name="x.yaml")
    assert caught.value.code == "input.malformed"
    assert (caught.value.where or "").startswith("x.yaml")


def test_unknown_field_names_line_and_neighbour() -> None:
    """An unknown field is refused with its line and the nearest known one."""
    fields = read_mapping("author: a\nrecipient: b\n", name="c.yaml", first_line=2)
    with pytest.raises(InputError) as caught:
        fields.refuse_others({"author", "recipients"})
    assert caught.value.code == "input.unknown-field"
    assert caught.value.where == "c.yaml:3"
    assert caught.value.hint == "did you mean 'recipients'?"


@pytest.mark.parametrize("read", ["text", "boolean", "texts", "mapping", "mappings"])
def test_wrong_kinds_are_refused(read: str) -> None:
    """A field of another kind than its format asks for is refused."""
    fields = read_mapping("a: 1\n", name="x")
    with pytest.raises(InputError) as caught:
        getattr(fields, read)("a", **({"default": False} if read == "boolean" else {}))
    assert caught.value.code == "input.malformed"
