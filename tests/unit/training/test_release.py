"""Releases: digests over names and bytes, statements that say what was logged, and signatures."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from byleave import canonical
from byleave.errors import EvidenceError
from byleave.training.release import (
    PAYLOAD_TYPE,
    Statement,
    check_envelope,
    model_card,
    model_digest,
    sign_statement,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
FILES = st.dictionaries(st.sampled_from("abcd"), st.binary(max_size=4), max_size=4)
STATEMENT = Statement(
    release="replies-2",
    origin="log.test/byleave",
    trainer="replies",
    exact=True,
    use="train.generative.replies/messages/platform",
    snapshots=[{"index": 7, "k": 4, "root": "ab" * 32, "records": 590}],
    gate={"rows": 600, "kept": 590, "reasons": {"no-grant": 10}},
    recipe=8,
    parent=5,
    files={"weights": "01" * 32, "model": "02" * 32},
)


def holds(signature: bytes, message: bytes) -> bool:
    try:
        KEY.public_key().verify(signature, message)
    except InvalidSignature:
        return False
    return True


@given(FILES, FILES)
def test_a_digest_names_one_set_of_files(left: dict[str, bytes], right: dict[str, bytes]) -> None:
    """Two models have one digest exactly where their files have the same names and bytes."""
    assert (model_digest(left) == model_digest(right)) == (left == right)


@given(FILES)
def test_the_order_of_files_does_not_matter(files: dict[str, bytes]) -> None:
    """A model's digest is that of its files in any order."""
    assert model_digest(dict(reversed(files.items()))) == model_digest(files)


def test_a_statement_is_in_totos() -> None:
    """A statement is an in-toto v1 statement whose subjects are the model files by digest."""
    document = json.loads(STATEMENT.encode())
    assert canonical.encode(document) == STATEMENT.encode()
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["subject"] == [
        {"name": "model", "digest": {"sha256": "02" * 32}},
        {"name": "weights", "digest": {"sha256": "01" * 32}},
    ]
    predicate = document["predicate"]
    assert predicate["unlearning"] == "exact"
    assert predicate["snapshots"][0]["index"] == 7
    assert predicate["parent"] == 5
    assert "cannot show" in predicate["doesNotShow"]


def test_an_approximate_trainer_says_so() -> None:
    """A release of a trainer that does not unlearn exactly is stated to be approximate."""
    from dataclasses import replace

    document = json.loads(replace(STATEMENT, exact=False).encode())
    assert document["predicate"]["unlearning"] == "approximate"
    card = model_card(replace(STATEMENT, exact=False), quality={}, digest="ab")
    assert "approximate unlearning" in card


def test_a_signed_statement_comes_back() -> None:
    """An envelope signed by the key opens to the statement, byte for byte."""
    envelope = sign_statement(STATEMENT.encode(), name="k", sign=KEY.sign)
    assert check_envelope(envelope, check=holds) == STATEMENT.encode()


def test_the_signature_is_over_the_dsse_encoding() -> None:
    """What is signed is DSSE's pre-authentication encoding of payload type and payload."""
    seen: list[bytes] = []

    def sign(message: bytes) -> bytes:
        seen.append(message)
        return bytes(64)

    sign_statement(b"{}", name="k", sign=sign)
    kind = PAYLOAD_TYPE.encode()
    assert seen == [b"DSSEv1 " + str(len(kind)).encode() + b" " + kind + b" 2 {}"]


def test_no_bit_of_an_envelope_can_be_flipped() -> None:
    """Every single flipped bit of an envelope but those of the key's name is refused."""
    envelope = sign_statement(b'{"a":1}', name="k", sign=KEY.sign)
    name = envelope.index(b'"keyid":"k"') + len(b'"keyid":"')
    for position in range(8 * len(envelope)):
        if position // 8 == name:
            continue
        changed = bytearray(envelope)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(EvidenceError) as error:
            check_envelope(bytes(changed), check=holds)
        assert error.value.code in {"release.envelope", "release.signature"}


@pytest.mark.parametrize("change", ["type", "none", "two", "payload", "list", "text"])
def test_an_envelope_of_another_form_is_refused(change: str) -> None:
    """Another payload type, no signature or two, or bytes that are no envelope are refused."""
    document: Any = json.loads(sign_statement(b"{}", name="k", sign=KEY.sign))
    if change == "type":
        document["payloadType"] = "application/json"
    elif change == "none":
        document["signatures"] = []
    elif change == "two":
        document["signatures"] *= 2
    elif change == "payload":
        document["payload"] = base64.b64encode(b"{}").decode().rstrip("=")
    data = b"no" if change == "text" else canonical.encode([] if change == "list" else document)
    with pytest.raises(EvidenceError) as error:
        check_envelope(data, check=holds)
    assert error.value.code == "release.envelope"


def test_the_card_says_what_the_statement_says() -> None:
    """A model card holds the digest, the gate's counts by reason, the measures and the limits."""
    card = model_card(STATEMENT, quality={"coverage": "0.13"}, digest="ab" * 32)
    for text in (
        "ab" * 32,
        "600",
        "590",
        "| no-grant | 10 |",
        "| coverage | 0.13 |",
        "log entry 5",
    ):
        assert text in card
    assert "cannot show" in card
