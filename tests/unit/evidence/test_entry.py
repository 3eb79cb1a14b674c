"""Log entries: each kind survives its bytes, and no other bytes are an entry."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave import canonical
from byleave.errors import EvidenceError, InputError
from byleave.evidence.entry import (
    ENTRY_KINDS,
    MAX_ENTRY_BYTES,
    EnrolmentEntry,
    Entry,
    PolicyDocumentEntry,
    ReleaseEntry,
    RulesetEntry,
    UnlearningEntry,
    parse_entry,
)

TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=30)
COUNTS = st.integers(0, 2**53 - 1)
HASHES = st.binary(min_size=32, max_size=32)
EARLIEST = datetime(1000, 1, 1)  # noqa: DTZ001 (hypothesis adds the zone)
INSTANTS = st.datetimes(min_value=EARLIEST, timezones=st.just(UTC))


def values_of(kind: type[Entry], name: str) -> st.SearchStrategy[Any]:
    """Return a strategy for one field, from its type."""
    written = {field.name: field.type for field in dataclasses.fields(kind)}[name]
    text = str(written)
    if name == "epoch":
        return st.binary(min_size=16, max_size=16)
    for word, strategy in (
        ("datetime", INSTANTS),
        ("bytes", HASHES),
        ("bool", st.booleans()),
        ("int", COUNTS),
        ("str", TEXTS),
    ):
        if f"[{word}" in text:
            return st.none() | strategy if "None" in text else strategy
    raise AssertionError(text)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Draw an entry of any kind."""
    kind = draw(st.sampled_from(sorted(ENTRY_KINDS.values(), key=lambda k: k.KIND)))
    names = [field.name for field in dataclasses.fields(kind)]
    return kind(**{name: draw(values_of(kind, name)) for name in names})


@given(entries())
def test_entries_survive_their_bytes(entry: Entry) -> None:
    """An entry of any kind, written and read, is the same; read and written, the same bytes."""
    data = entry.encode()
    assert data.isascii()
    assert parse_entry(data, Entry) == entry
    assert parse_entry(data, type(entry)).encode() == data


@given(entries(), st.data())
def test_an_entry_has_exactly_its_fields(entry: Entry, data: st.DataObject) -> None:
    """An entry without one of its fields, or with one more, is refused."""
    document: Any = canonical.decode(entry.encode())
    name = data.draw(st.sampled_from(sorted(document.keys() - {"kind"})))
    less = {key: value for key, value in document.items() if key != name}
    for bad in (less, {**document, "note": "x"}, {**document, name: [document[name]]}):
        with pytest.raises(EvidenceError) as caught:
            parse_entry(canonical.encode(bad), Entry)
        assert caught.value.code == "entry.malformed"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "entry.malformed"),
        (b"[]", "entry.malformed"),
        (b'{"kind":1}', "entry.malformed"),
        (b'{"commitment":"' + b"0" * 64 + b'"}', "entry.malformed"),
        (b'{"kind": "ruleset/v1"}', "entry.malformed"),
        (b'{"kind":"enrolment/v2"}', "entry.unknown-kind"),
        (b'{"kind":""}', "entry.unknown-kind"),
        (b"x" * (MAX_ENTRY_BYTES + 1), "entry.too-long"),
        (b'{"commitment":"' + b"A" * 64 + b'","kind":"enrolment/v1"}', "entry.malformed"),
        (b'{"commitment":"' + b"0" * 62 + b'","kind":"enrolment/v1"}', "entry.malformed"),
        (b'{"commitment":1,"kind":"enrolment/v1"}', "entry.malformed"),
    ],
)
def test_what_is_no_entry_is_refused(data: bytes, code: str) -> None:
    """Bytes that no entry of ours encodes to are refused by code."""
    with pytest.raises(EvidenceError) as caught:
        parse_entry(data, Entry)
    assert caught.value.code == code


def test_a_known_kind_in_the_wrong_place_is_refused() -> None:
    """An enrolment where a release belongs is refused, and says so."""
    with pytest.raises(EvidenceError) as caught:
        parse_entry(EnrolmentEntry(commitment=bytes(32)).encode(), ReleaseEntry)
    assert caught.value.code == "verify.wrong-entry"


@pytest.mark.parametrize(
    "entry",
    [
        EnrolmentEntry(commitment=b"short"),
        EnrolmentEntry(commitment="0" * 64),  # type: ignore[arg-type]
        RulesetEntry(ruleset="", sha256=bytes(32)),
        RulesetEntry(ruleset="é", sha256=bytes(32)),
        RulesetEntry(ruleset="a\nb", sha256=bytes(32)),
        RulesetEntry(ruleset="x" * 256, sha256=bytes(32)),
        UnlearningEntry(from_=-1, to=2, snapshot=3, model=bytes(32), refit=None),
        UnlearningEntry(from_=2**53, to=2, snapshot=3, model=bytes(32), refit=None),
        UnlearningEntry(from_=True, to=2, snapshot=3, model=bytes(32), refit=None),
        PolicyDocumentEntry(
            document="d",
            version="1",
            sha256=bytes(32),
            declaration=bytes(32),
            effective=datetime(2024, 9, 18),  # noqa: DTZ001 (that is the point)
            announced=None,
            recorded=datetime(2024, 9, 18, tzinfo=UTC),
        ),
    ],
)
def test_what_no_entry_can_hold_is_not_written(entry: Entry) -> None:
    """A value of another type, length or alphabet is refused before it is logged."""
    with pytest.raises(InputError) as caught:
        entry.encode()
    assert caught.value.code == "entry.malformed"


@pytest.mark.parametrize("text", ["2024-09-18", "2024-09-18T02:00:00+02:00", "soon", 5])
def test_an_instant_has_one_spelling(text: object) -> None:
    """An entry whose instant is written in another way is refused."""
    entry = PolicyDocumentEntry(
        document="d",
        version="1",
        sha256=bytes(32),
        declaration=bytes(32),
        effective=datetime(2024, 9, 18, tzinfo=UTC),
        announced=None,
        recorded=datetime(2024, 9, 18, tzinfo=UTC),
    )
    document: Any = canonical.decode(entry.encode())
    document["effective"] = text
    with pytest.raises(EvidenceError) as caught:
        parse_entry(canonical.encode(document), Entry)
    assert caught.value.code == "entry.malformed"
