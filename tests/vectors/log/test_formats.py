"""Vectors of the log's formats, and every one of its parsers under made-up bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave import merkle
from byleave.errors import ByleaveError, EvidenceError, InputError
from byleave.evidence.fork import parse_fork
from byleave.evidence.log_proof import LoggedEntry, parse_log_proof
from byleave.note import SignerKey, VerifierKey, ml_dsa, parse_checkpoint, parse_note, parse_trust
from byleave.tlog.bundle import decode_bundle, encode_bundle, parse_bundle_path
from byleave.tlog.monitor import parse_state
from byleave.tlog.witness import parse_request
from tests.vectors.log.generate import FOLDER, all_formats, write

CASES: list[Any] = [
    pytest.param(file.stem, case, id=f"{file.stem}: {case['name']!a}")
    for file in sorted(FOLDER.glob("*.json"))
    for case in json.loads(file.read_text(encoding="ascii"))
]


def raw(case: dict[str, Any], name: str) -> bytes:
    return base64.b64decode(case[name])


def tree(case: dict[str, Any]) -> None:
    old, new = case["old"], case["new"]
    roots = bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
    merkle.verify_consistency(
        old=old, old_root=roots[0], new=new, new_root=roots[1],
        path=[bytes.fromhex(item) for item in case["consistency"]],
    )  # fmt: skip
    if old:
        merkle.verify_inclusion(
            merkle.leaf_hash(b"entry %d" % (old - 1)), old - 1, size=new, root=roots[1],
            path=[bytes.fromhex(item) for item in case["last"]],
        )  # fmt: skip


def path(case: dict[str, Any]) -> None:
    try:
        merkle.parse_tile_path(case["path"])
    except InputError:
        parse_bundle_path(case["path"])


READ: dict[str, Callable[[dict[str, Any]], object]] = {
    "bundle": lambda case: decode_bundle(raw(case, "bundle"), case["width"]),
    "checkpoint": lambda case: parse_trust(case["trust"]).check(raw(case, "note")),
    "fork": lambda case: parse_fork(raw(case, "fork")).check(parse_trust(case["trust"]).logs),
    "path": path,
    "tlog-proof": lambda case: LoggedEntry(
        raw(case, "entry"), parse_log_proof(case["proof"])
    ).verify(parse_trust(case["trust"])),
    "tree": tree,
    "trust": lambda case: parse_trust(case["trust"]),
    "vkey": lambda case: VerifierKey.parse(case["vkey"]),
    "witness-request": lambda case: parse_request(raw(case, "request")),
}


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_a_vector_is_what_its_header_says(kind: str, case: dict[str, Any]) -> None:
    """Each vector is accepted, or refused with the error code that it expects."""
    if "ml-dsa" in case["name"] and kind == "checkpoint" and not ml_dsa.available():
        pytest.skip("the installed cryptography has no ML-DSA-44")
    try:
        READ[kind](case)
        outcome = "accept"
    except ByleaveError as error:
        outcome = error.code
    assert outcome == case["expect"]


@pytest.mark.skipif(not ml_dsa.available(), reason="the installed cryptography has no ML-DSA-44")
def test_the_generator_writes_these_vectors() -> None:
    """The generator beside the vectors makes exactly these files, byte for byte."""
    made = all_formats()
    assert sorted(made) == sorted(file.stem for file in FOLDER.glob("*.json"))
    for name, cases in made.items():
        assert (FOLDER / f"{name}.json").read_text(encoding="ascii") == write(cases), name


def test_each_format_accepts_and_refuses() -> None:
    """Each parser's vectors hold one that is accepted and one that is refused (trees: only true ones)."""
    for kind in READ:
        expected = {case.values[1]["expect"] for case in CASES if case.values[0] == kind}
        assert "accept" in expected
        assert kind == "tree" or len(expected) > 1


TEXTS = st.one_of(st.text(max_size=120), st.binary(max_size=120).map(lambda b: b.decode("latin1")))
PARSERS: dict[str, Callable[[str], object]] = {
    "bundle": lambda text: decode_bundle(text.encode(), 3),
    "bundle path": parse_bundle_path,
    "checkpoint": lambda text: parse_checkpoint(text.encode()),
    "fork": lambda text: parse_fork(text.encode()),
    "note": lambda text: parse_note(text.encode()),
    "request": lambda text: parse_request(text.encode()),
    "skey": SignerKey.parse,
    "state": lambda text: parse_state(text.encode()),
    "tile path": merkle.parse_tile_path,
    "tlog-proof": parse_log_proof,
    "trust": parse_trust,
    "vkey": VerifierKey.parse,
}


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60)
@given(TEXTS)
def test_made_up_text_is_refused_with_a_code(name: str, text: str) -> None:
    """Whatever text a parser is given, it reads it or raises an error of ours, and nothing else."""
    try:
        PARSERS[name](text)
    except (EvidenceError, InputError) as error:
        # Shorter than this it may be a piece of our own words.
        assert text not in error.message or len(text) < 16  # noqa: PT017 (a refusal)


SOURCES = {
    "bundle": "bundle",
    "checkpoint": "note",
    "fork": "fork",
    "tlog-proof": "proof",
    "trust": "trust",
    "vkey": "vkey",
    "witness-request": "request",
}


@pytest.mark.parametrize("kind", SOURCES)
@settings(max_examples=60)
@given(st.data())
def test_a_changed_document_is_refused_or_says_the_same(kind: str, data: st.DataObject) -> None:
    """An accepted document with bytes changed, dropped or doubled is read or refused with a code."""
    good = [case.values[1] for case in CASES if case.values[0] == kind]
    case = dict(data.draw(st.sampled_from([c for c in good if c["expect"] == "accept"])))
    field = SOURCES[kind]
    text = kind in {"tlog-proof", "trust", "vkey"}
    body = bytearray(case[field].encode() if text else raw(case, field))
    at = data.draw(st.integers(0, len(body) - 1))
    end = min(len(body), at + data.draw(st.integers(1, 8)))
    body[at:end] = data.draw(
        st.one_of(st.binary(max_size=8), st.just(bytes(body[at:end]) * 2), st.just(b"\n"))
    )
    changed = bytes(body)
    case[field] = changed.decode("utf-8", "replace") if text else base64.b64encode(changed).decode()
    try:
        READ[kind](case)
    except ByleaveError:
        return
    if kind == "bundle":
        assert encode_bundle(decode_bundle(changed, case["width"])) == changed
