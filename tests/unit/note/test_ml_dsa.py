"""ML-DSA-44 cosignatures: what is signed, where they are accepted, what a missing library says."""

from __future__ import annotations

import builtins
import hashlib
from typing import Any

import pytest

from byleave.errors import ByleaveError, EvidenceError, InputError, WorldError
from byleave.ids import Digest
from byleave.note import (
    Checkpoint,
    KeyType,
    Signature,
    SignerKey,
    VerifierKey,
    ml_dsa,
    parse_note,
    parse_trust,
    sign_note,
)
from byleave.note.signed import add_signatures

LOG = SignerKey(name="log.test.invalid", seed=bytes(range(32)))
AT = Checkpoint(origin=LOG.name, size=3, root=Digest(bytes(range(32))))
COSIGNER = SignerKey(name="w.test.invalid", type=KeyType.ML_DSA_44, seed=bytes([7]) * 32)

pytestmark = pytest.mark.skipif(
    not ml_dsa.available(), reason="the installed cryptography has no ML-DSA-44"
)


def cosigned(text: bytes = AT.format(), seconds: int = 1_700_000_000) -> bytes:
    note = parse_note(sign_note(text, [LOG]))
    payload = COSIGNER.sign(text, seconds=seconds)
    line = Signature(name=COSIGNER.name, key_id=COSIGNER.verifier.key_id, payload=payload)
    return add_signatures(text, [*note.signatures, line])


def trust() -> str:
    return f"log {LOG.verifier}\nwitness W {COSIGNER.verifier}\nquorum W\n"


def test_the_message_is_the_specifications_structure() -> None:
    """The signed bytes are label, name, time, origin, start 0, end, root, each as wide as said."""
    found = ml_dsa.message("w", "log", seconds=258, size=3, root=AT.root)
    assert found == (
        b"subtree/v1\n\x00" b"\x01w" + (258).to_bytes(8, "big") + b"\x03log" + bytes(8)
        + (3).to_bytes(8, "big") + AT.root
    )  # fmt: skip


def test_the_key_id_is_of_type_06() -> None:
    """A key's id is the start of SHA-256 over name, newline, 0x06 and 1,312 public bytes."""
    key = COSIGNER.verifier
    assert len(key.public) == 1312
    body = b"w.test.invalid\n\x06" + key.public
    assert key.key_id == hashlib.sha256(body).digest()[:4]
    assert VerifierKey.parse(str(key)) == key
    assert SignerKey.parse(COSIGNER.format()) == COSIGNER


def test_a_witness_may_sign_with_it() -> None:
    """A trust file may name a witness of type 06; its cosignature counts, with its time."""
    found = parse_trust(trust()).check(cosigned())
    assert (found.witnesses, found.newest) == (("W",), 1_700_000_000)


@pytest.mark.parametrize("at", [0, 7, 8, 100, 2427])
def test_a_changed_bit_is_refused(at: int) -> None:
    """A bit changed in the time or the signature refuses the whole note."""
    note = parse_note(cosigned())
    line = note.signatures[1]
    payload = bytearray(line.payload)
    payload[at] ^= 1
    bad = Signature(name=line.name, key_id=line.key_id, payload=bytes(payload))
    with pytest.raises(EvidenceError) as caught:
        parse_trust(trust()).check(add_signatures(note.text, [note.signatures[0], bad]))
    assert caught.value.code == "note.bad-signature"


def test_another_tree_is_not_cosigned() -> None:
    """A cosignature of one size or root is none of another."""
    line = parse_note(cosigned()).signatures[1]
    for other in (
        Checkpoint(origin=LOG.name, size=4, root=AT.root),
        Checkpoint(origin=LOG.name, size=3, root=Digest(bytes(32))),
    ):
        with pytest.raises(EvidenceError):
            COSIGNER.verifier.verify(other.format(), line.payload)


def test_it_signs_checkpoints_only() -> None:
    """A text that is no checkpoint is not signed, and no signature of one verifies."""
    with pytest.raises(InputError) as caught:
        COSIGNER.sign(b"some text\n", seconds=1)
    assert caught.value.code == "note.key"
    with pytest.raises(EvidenceError):
        COSIGNER.verifier.verify(b"some text\n", COSIGNER.sign(AT.format(), seconds=1))


def test_a_log_does_not_sign_with_it() -> None:
    """A `log` line with a key of type 06 is refused, as is a `witness` line with one of type 01."""
    for text in (
        f"log {COSIGNER.verifier}\nquorum none\n",
        f"log {LOG.verifier}\nwitness W {LOG.verifier}\nquorum W\n",
    ):
        with pytest.raises(EvidenceError) as caught:
            parse_trust(text)
        assert caught.value.code == "trust.malformed"


def test_a_missing_library_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package has no ML-DSA, verifying says which package; an absent line is no matter."""
    whole, real = cosigned(), builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.endswith("asymmetric") and rest[2] and "mldsa" in rest[2]:
            raise ImportError(name)
        return real(name, *rest)

    parsed = parse_trust(trust())
    monkeypatch.setattr(builtins, "__import__", without)
    assert not ml_dsa.available()
    with pytest.raises(WorldError) as caught:
        parsed.check(whole)
    assert caught.value.code == "note.ml-dsa-missing"
    with pytest.raises(ByleaveError) as other:
        parsed.check(sign_note(AT.format(), [LOG]))
    assert other.value.code == "trust.quorum"
