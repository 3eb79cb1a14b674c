"""`proofbundle`, another's verifier of C2SP log proofs, and `rfc8785` read what we write."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from proofbundle.tlogproof import verify_tlog_proof

from byleave import canonical
from byleave.note import KeyType, Signature, SignerKey, parse_note
from byleave.note.signed import add_signatures
from tests.vectors.world import ORIGIN, derive, honest, seal, signer

WITNESS = SignerKey(name="w.test.invalid", type=KeyType.COSIGNATURE, seed=derive("witness w"))


def verdict(text: str, entry: bytes, *, witnesses: int = 0) -> dict[str, Any]:
    """Return what proofbundle finds of a log proof."""
    found: dict[str, Any] = verify_tlog_proof(
        text,
        entry,
        str(signer().verifier),
        [str(WITNESS.verifier)],
        threshold=witnesses,
        expected_origin=ORIGIN,
    )
    return found


def test_every_log_proof_of_ours_is_theirs() -> None:
    """For each entry of a log, the other verifier accepts our proof, and refuses it for another."""
    world = honest()
    for index, entry in enumerate(world.entries):
        text = world.reader.logged(index).proof.format()
        assert verdict(text, entry)["ok"], index
        other = world.entries[(index + 1) % len(world.entries)]
        assert not verdict(text, other)["ok"], index


@pytest.mark.parametrize("size", [1, 2, 3, 7, 255, 256, 257])
def test_proofs_of_logs_of_any_size_are_theirs(size: int) -> None:
    """First, middle and last entry of logs around the size of a tile are proved to the other."""
    entries = [b"entry %d" % number for number in range(size)]
    reader = seal(entries)
    for index in {0, size // 2, size - 1}:
        assert verdict(reader.logged(index).proof.format(), entries[index])["ok"]


def test_a_cosignature_of_ours_is_theirs() -> None:
    """With a cosignature of our witness the other finds its quorum; without, or a false one, not."""
    world = honest()
    proof = world.reader.logged(0).proof
    note = parse_note(proof.checkpoint)
    line = Signature(
        name=WITNESS.name,
        key_id=WITNESS.verifier.key_id,
        payload=WITNESS.sign(note.text, seconds=1_700_000_000),
    )
    signed = add_signatures(note.text, [*note.signatures, line]).decode()
    text = proof.format().replace(proof.checkpoint.decode(), signed)
    assert verdict(text, world.entries[0], witnesses=1)["ok"]
    assert not verdict(proof.format(), world.entries[0], witnesses=1)["ok"]
    late = Signature(name=line.name, key_id=line.key_id, payload=line.payload[:8] + bytes(64))
    false = add_signatures(note.text, [*note.signatures, late]).decode()
    text = proof.format().replace(proof.checkpoint.decode(), false)
    assert not verdict(text, world.entries[0], witnesses=1)["ok"]


ASCII = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ASCII, inner, max_size=4),
    max_leaves=12,
)


@given(DOCUMENTS)
def test_our_one_encoding_is_rfc_8785(document: Any) -> None:
    """Whatever we encode, another's RFC 8785 gives the same bytes."""
    ours = canonical.encode(document)
    assert ours == rfc8785.dumps(document)
    assert json.loads(ours) == document
