"""Verifier and signer keys in the text forms of golang.org/x/mod/sumdb/note.

    vkey  NAME+ID+BASE64(type || public key)               ID: 8 hexadecimal digits
    skey  PRIVATE+KEY+NAME+ID+BASE64(type || seed)

ID = SHA-256(NAME || LF || type || public key)[:4]. Types known here: 0x01 Ed25519 note
signatures, 0x04 Ed25519 witness cosignatures (`cosignature/v1`), 0x06 ML-DSA-44 cosignatures,
which sign the checkpoint's origin, size and root (`ml_dsa`).
Keys and seeds are arguments; this module draws no randomness.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from byleave.errors import EvidenceError, InputError
from byleave.note import ml_dsa
from byleave.note.text import format_base64, parse_base64, parse_decimal

__all__ = ["KeyType", "SignerKey", "VerifierKey", "is_key_name"]

_KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_MAX_NAME_BYTES: Final = 255
"""C2SP leaves names unbounded; ML-DSA cosignatures carry a one-byte length."""
_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_PRIVATE: Final = "PRIVATE+KEY+"


class KeyType(IntEnum):
    """Signature types of signed-note that this package signs and verifies."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    ML_DSA_44 = 0x06

    @property
    def timed(self) -> bool:
        """Whether its signatures are cosignatures, which carry the instant of signing."""
        return self is not KeyType.ED25519

    @property
    def public_bytes(self) -> int:
        """Length of a public key."""
        return ml_dsa.PUBLIC_BYTES if self is KeyType.ML_DSA_44 else _KEY_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A public key and the name it signs under.

    Attributes:
        name: Key name, such as `log.example.com/byleave`.
        type: What its signatures are over.
        public: 32 bytes of an Ed25519 public key, or 1,312 of an ML-DSA-44 one.
    """

    name: str
    type: KeyType
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that name this key, beside its name, in a signature line."""
        body = self.name.encode() + b"\n" + bytes([self.type]) + self.public
        return hashlib.sha256(body).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        """Return the vkey text."""
        key = format_base64(bytes([self.type]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{key}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a vkey in its one spelling.

        Raises:
            EvidenceError: `note.key`, malformed, of an unknown type, or its id is not its own.
        """
        parts = text.split("+", 2)
        if len(parts) == 3 and is_key_name(parts[0]):
            raw = parse_base64(parts[2])
            if raw and raw[0] in set(KeyType) and len(raw) == 1 + KeyType(raw[0]).public_bytes:
                key = cls(name=parts[0], type=KeyType(raw[0]), public=raw[1:])
                if str(key) == text:
                    return key
        raise EvidenceError("not a verifier key of a known type", code="note.key")

    def verify(self, text: bytes, signature: bytes) -> int | None:
        """Check a signature line's payload (after the key id) over the note's text.

        Returns:
            The cosignature's POSIX time in seconds; None for a plain signature.

        Raises:
            EvidenceError: `note.bad-signature`.
            WorldError: `note.ml-dsa-missing`.
        """
        seconds = None
        if self.type.timed:
            seconds = int.from_bytes(signature[:_TIME_BYTES], "big")
            signature = signature[_TIME_BYTES:]
            if seconds >= 2**63:
                raise _bad_signature(self.name)
        if not self._verifies(_message(self.type, self.name, text, seconds), signature):
            raise _bad_signature(self.name)
        return seconds

    def _verifies(self, message: bytes | None, signature: bytes) -> bool:
        if message is None:
            return False
        if self.type is KeyType.ML_DSA_44:
            return ml_dsa.verifies(self.public, signature, message)
        try:
            # Of another length than 64, and with S beyond the group order, OpenSSL refuses it.
            _loaded(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerKey:
    """A private key. `repr` shows its name only.

    Attributes:
        name: Key name.
        type: What it signs.
        seed: 32 secret bytes (an RFC 8032 private key, or the seed of FIPS 204).
    """

    name: str
    type: KeyType = KeyType.ED25519
    seed: bytes = field(repr=False)
    _loaded: tuple[Ed25519PrivateKey, VerifierKey] | None = field(
        init=False, repr=False, compare=False, default=None
    )

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or len(self.seed) != _KEY_BYTES:
            raise InputError("a signer has a name and a seed of 32 bytes", code="note.key")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SignerKey):
            return NotImplemented
        same = hmac.compare_digest(self.seed, other.seed)
        return same and (self.name, self.type) == (other.name, other.type)

    def __hash__(self) -> int:
        return hash(self.verifier)

    @classmethod
    def parse(cls, text: str) -> SignerKey:
        """Read a skey in its one spelling.

        Raises:
            InputError: `note.key`. The message never holds the key.
        """
        if text.startswith(_PRIVATE):
            parts = text.removeprefix(_PRIVATE).split("+", 2)
            raw = parse_base64(parts[2]) if len(parts) == 3 else None
            if raw is not None and len(raw) == 1 + _KEY_BYTES and raw[0] in set(KeyType):
                key = cls(name=parts[0], type=KeyType(raw[0]), seed=raw[1:])
                if hmac.compare_digest(key.format().encode(), text.encode()):
                    return key
        raise InputError("not a signer key of a known type", code="note.key")

    def format(self) -> str:
        """Return the skey text: a secret."""
        key = format_base64(bytes([self.type]) + self.seed)
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{key}"

    @property
    def verifier(self) -> VerifierKey:
        """The public half.

        Raises:
            WorldError: `note.ml-dsa-missing`.
        """
        if self.type is KeyType.ML_DSA_44:
            return VerifierKey(name=self.name, type=self.type, public=ml_dsa.public_key(self.seed))
        return self._ed25519()[1]

    def sign(self, text: bytes, *, seconds: int | None = None) -> bytes:
        """Return a signature line's payload (after the key id) over the note's text.

        Args:
            text: The note's text, with its last newline.
            seconds: POSIX time of a cosignature; None for a plain signature.

        Raises:
            InputError: `note.key`, a cosignature without a time, a time with a plain one, or an
                ML-DSA-44 signature of a text that is no checkpoint.
            WorldError: `note.ml-dsa-missing`.
        """
        if (seconds is None) == self.type.timed:
            raise InputError("a cosignature, and no other, has a time", code="note.key")
        message = _message(self.type, self.name, text, seconds)
        if message is None:
            raise InputError("an ML-DSA-44 cosigner signs checkpoints only", code="note.key")
        if self.type is KeyType.ML_DSA_44:
            signature = ml_dsa.sign(self.seed, message)
        else:
            signature = self._ed25519()[0].sign(message)
        return signature if seconds is None else seconds.to_bytes(_TIME_BYTES, "big") + signature

    def _ed25519(self) -> tuple[Ed25519PrivateKey, VerifierKey]:
        """Return the library's key and the public half; made once, they cost as much as signing."""
        loaded = self._loaded
        if loaded is None:
            key = Ed25519PrivateKey.from_private_bytes(self.seed)
            public = key.public_key().public_bytes_raw()
            loaded = key, VerifierKey(name=self.name, type=self.type, public=public)
            object.__setattr__(self, "_loaded", loaded)
        return loaded


def is_key_name(name: str) -> bool:
    """Say whether `name` can name a key: not empty, no space, plus or control character."""
    return (
        0 < len(name.encode(errors="replace")) <= _MAX_NAME_BYTES
        and "+" not in name
        and name.isprintable()
        and name.split() == [name]  # no white space of any kind
    )


@functools.lru_cache(maxsize=256)
def _loaded(public: bytes) -> Ed25519PublicKey:
    """Return the library's key of 32 bytes: those of a trust file check many notes."""
    return Ed25519PublicKey.from_public_bytes(public)


def _message(kind: KeyType, name: str, text: bytes, seconds: int | None) -> bytes | None:
    """Return what a key of this kind signs for a note's text; None: it signs no such text."""
    if seconds is None:
        return text
    if kind is KeyType.COSIGNATURE:
        return b"cosignature/v1\ntime %d\n" % seconds + text
    # origin, size, root; extension lines are not signed
    lines = text.split(b"\n")
    if len(lines) < 4:
        return None
    origin = lines[0].decode("utf-8", errors="replace")
    size = parse_decimal(lines[1].decode("ascii", errors="replace"))
    root = parse_base64(lines[2].decode("ascii", errors="replace"))
    if not is_key_name(origin) or size is None or root is None or len(root) != 32:
        return None
    return ml_dsa.message(name, origin, seconds=seconds, size=size, root=root)


def _bad_signature(name: str) -> EvidenceError:
    return EvidenceError("a known key's signature fails", code="note.bad-signature", where=name)
