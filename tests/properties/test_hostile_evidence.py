"""Hostile bytes: whatever they are, the verifier answers, soon, in little memory, and says no."""

from __future__ import annotations

import json
import time
import tracemalloc
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave import canonical
from byleave.errors import ByleaveError, EvidenceError
from byleave.evidence.entry import Entry, parse_entry
from byleave.evidence.proof_file import MAX_PROOF_BYTES, encode_proof_file, parse_proof_file
from byleave.evidence.proof_kinds import PROOF_KINDS
from byleave.evidence.receipt import parse_receipt
from byleave.note import parse_trust
from byleave.verify import verify
from byleave.verify.__main__ import main, read_bounded
from tests.vectors.acts import acts
from tests.vectors.cased import cased
from tests.vectors.world import honest, trust_text


@cache
def files() -> dict[str, tuple[bytes, bytes | None]]:
    """Return a proof file of each kind that verifies, with the receipt it needs."""
    done, world = acts(), honest()
    made: dict[str, tuple[Any, Any]] = {
        "absence": (done.absence("ada"), done.receipt("ada")),
        "presence": (world.presence("ada"), world.receipt("ada")),
        "consent-event": (world.consent_event("bea"), None),
        "record": (done.record("ada", 0, for_others=True), None),
        "enrolled": (done.enrolled("bea"), None),
        "not-enrolled": (done.not_enrolled("fay"), None),
        **{kind: (proof, None) for kind, proof in done.platform().items()},
        "case": (cased()["case"][1], None),
    }
    return {
        kind: (encode_proof_file(proof), None if receipt is None else receipt.encode())
        for kind, (proof, receipt) in made.items()
    }


def test_each_kind_of_ours_is_here() -> None:
    """The files that are changed below are one of each kind made by this suite, and all verify."""
    assert set(files()) <= set(PROOF_KINDS)
    for data, receipt in files().values():
        assert verify(data, trust_text(), receipt).ok


KINDS = st.sampled_from(sorted(files()))


@st.composite
def changed(draw: st.DrawFn, data: bytes) -> bytes:
    """Draw bytes near `data` that are not `data`."""
    at = draw(st.integers(0, len(data) - 1))
    end = draw(st.integers(at, min(len(data), at + 64)))
    new = draw(
        st.one_of(
            st.just(data[:at]),
            st.just(data[at:]),
            st.just(data[:at] + data[end:]),
            st.just(data[:end] + data[at:]),
            st.binary(max_size=16).map(lambda other: data[:at] + other + data[end:]),
            st.integers(0, 7).map(
                lambda bit: data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            ),
        )
    )
    return new if new != data else data + b" "


@settings(max_examples=200, deadline=None)
@given(KINDS, st.data())
def test_no_change_of_a_proof_file_is_accepted(kind: str, data: st.DataObject) -> None:
    """Cut, doubled, overwritten or with one bit flipped, no proof file of any kind verifies."""
    whole, receipt = files()[kind]
    verdict = verify(data.draw(changed(whole)), trust_text(), receipt)
    assert not verdict.ok
    assert verdict.exit_code == 3


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_change_of_a_receipt_is_accepted(data: st.DataObject) -> None:
    """A receipt changed anywhere no longer goes with its proof."""
    whole, receipt = files()["presence"]
    assert receipt is not None
    assert not verify(whole, trust_text(), data.draw(changed(receipt))).ok


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_readers_of_changed_bytes_raise_their_own_error_or_none(data: st.DataObject) -> None:
    """Readers of entries, receipts, proof and trust files raise nothing but typed errors."""
    whole, receipt = files()["presence"]
    assert receipt is not None
    sample = {
        parse_proof_file: whole,
        parse_receipt: receipt,
        parse_trust: trust_text().encode(),
        lambda raw: parse_entry(raw, Entry): honest().entries[-1],
    }
    for read, good in sample.items():
        with suppress(EvidenceError):  # any other error fails the test
            read(data.draw(changed(good)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["entries", "map", "kind", "format", "digest", "release", "label", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=120, deadline=None)
@given(KINDS, JSON, st.data())
def test_another_value_in_any_field_is_refused(kind: str, value: Any, data: st.DataObject) -> None:
    """Any JSON value in the place of any part of a proof file is refused, its digest made right."""
    whole, receipt = files()[kind]
    document: Any = canonical.decode(whole)
    at, name = document, data.draw(st.sampled_from(sorted(document.keys() - {"digest"})))
    while isinstance(at[name], dict) and data.draw(st.booleans()):
        at = at[name]
        name = data.draw(st.sampled_from(sorted(at)))
    if at[name] == value:
        return
    at[name] = value
    del document["digest"]
    try:
        document["digest"] = canonical.digest_of(document).hex()
        forged = canonical.encode(document)
    except ByleaveError:
        forged = json.dumps(document).encode()
    assert not verify(forged, trust_text(), receipt).ok


def test_every_bit_of_a_small_file_matters() -> None:
    """Each single bit of a small proof file, flipped, makes it refused."""
    data = files()["consent-event"][0]
    for at in range(len(data)):
        for bit in range(8):
            flipped = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            assert not verify(flipped, trust_text()).ok, (at, bit)


HOSTILE = {
    "nothing": b"",
    "a newline": b"\n",
    "not UTF-8": b"\xff\xfe{}",
    "deep arrays": b"[" * 1_000_000,
    "deep objects": b'{"a":' * 200_000,
    "deep and closed": b"[" * 3_000 + b"]" * 3_000,
    "a long number": b"9" * 5_000,
    "a long string": b'"' + b"a" * 5_000_000 + b'"',
    "many members": canonical.encode({f"k{n}": n for n in range(20_000)}),
    "many entries": b'{"entries":{'
    + b",".join(b'"snapshot-%d":0' % n for n in range(20_000))
    + b'},"format":"byleave-proof/v1","kind":"lineage"}',
    "NaN": b'{"a":NaN}',
}


CROWDS = {
    "objects": (b"{},", b"{}"),
    "numbers": (b"0,", b"0"),
    "texts": (b'"",', b'""'),
    "members": (b'{"a":0},', b"0"),
}


@pytest.mark.parametrize("case", sorted(CROWDS))
def test_16_mib_of_small_values_are_refused_before_any_is_made(case: str) -> None:
    """A file as long as may be, of nothing but small values, costs three times its length, not thirty."""
    each, last = CROWDS[case]
    data = b'{"a":[' + each * ((MAX_PROOF_BYTES - 100) // len(each)) + last + b"]}"
    assert len(data) <= MAX_PROOF_BYTES
    tracemalloc.start()
    for verdict in (verify(data, trust_text()), verify(files()["absence"][0], trust_text(), data)):
        assert verdict.failed is not None
        assert verdict.failed.code in {"proof.malformed", "receipt.malformed"}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * len(data)


def test_the_bound_on_values_refuses_one_more() -> None:
    """As many commas and opening brackets as may be are read; with one more the bytes are no document."""
    array = b"[" + b"0," * 9 + b"0]"
    assert canonical.decode(array, most=10) == [0] * 10
    long = b'["' + b"," * 20 + b'"]'
    assert canonical.decode(long, most=21) == ["," * 20]
    for data, most in ((array + b" " * 20, 9), (long, 20)):
        with pytest.raises(ByleaveError) as error:
            canonical.decode(data, most=most)
        assert error.value.code == "input.malformed"


@pytest.mark.parametrize("case", sorted(HOSTILE))
def test_hostile_documents_cost_little(case: str) -> None:
    """Deep, long or broken JSON is refused within seconds, in at most 40 times its size or 32 MB."""
    data = HOSTILE[case]
    tracemalloc.start()
    started = time.thread_time()
    for verdict in (verify(data, trust_text()), verify(files()["absence"][0], trust_text(), data)):
        assert not verdict.ok
        assert verdict.failed is not None
        assert verdict.failed.code in {
            "receipt.malformed",
            {"nothing": "proof.empty"}.get(
                case, "proof.too-deep" if "deep" in case else "proof.malformed"
            ),
        }
    assert time.thread_time() - started < 10
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < max(40 * len(data), 1 << 25)


def test_a_file_of_a_gigabyte_is_refused_unread(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a file over the limit not a byte is kept: it is refused by its size, with exit code 3."""
    huge, trust = tmp_path / "huge.proof", tmp_path / "trust.policy"
    with huge.open("wb") as stream:
        stream.truncate(1 << 30)
    trust.write_text(trust_text())
    tracemalloc.start()
    with pytest.raises(EvidenceError) as caught:
        read_bounded(huge)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code == "proof.too-large"
    assert peak < 1 << 20
    assert main([str(huge), "--trust", str(trust)]) == 3
    assert "proof.too-large" in capsys.readouterr().err


def test_a_pipe_that_never_ends_is_cut_off(tmp_path: Path) -> None:
    """A file that states no size, such as a device, is read to the limit and then refused."""
    with pytest.raises(EvidenceError) as caught:
        read_bounded(Path("/dev/zero"))
    assert caught.value.code == "proof.too-large"
    assert MAX_PROOF_BYTES == 1 << 24
