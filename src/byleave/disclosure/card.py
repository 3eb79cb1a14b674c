"""A recipient's card: who it is, the key to encrypt to, the key it signs with; and its requests.

    {"format":"byleave-recipient/v1","recipient":...,"age":"age1...","key":HEX32}

A card file is {"card":{...},"signature":HEX64}: signed by `key`, so that nobody registers a key
that they do not hold. A request over a network is signed by the same key, over the log's origin,
method, path, instant and digest of the body, so that no other server can use it again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from byleave import canonical
from byleave.errors import InputError
from byleave.evidence.disclosed import check_signature, signed_bytes
from byleave.evidence.fields import DIGEST, TEXT, exactly, hexadecimal
from byleave.ids import Digest
from byleave.note.keys import SignerKey

__all__ = ["MAX_SKEW_SECONDS", "Card", "format_request", "parse_request", "request_document"]

MAX_SKEW_SECONDS: Final = 300
"""How far the clock of a request may be off."""
_FORMAT: Final = "byleave-recipient/v1"
_REQUEST: Final = "byleave-request/v1"
_AGE: Final = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_SCHEME: Final = re.compile(r"Byleave key=([0-9a-f]{64}), at=(\d{1,12}), signature=([0-9a-f]{128})")
_NAME: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_SIGNATURE: Final = hexadecimal(64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a recipient registers.

    Attributes:
        recipient: Its dotted name.
        age: Its X25519 key, as age writes it.
        key: Its Ed25519 public key.
    """

    recipient: str
    age: str
    key: bytes

    def document(self) -> dict[str, canonical.Json]:
        """Return the document that is signed."""
        return {
            "format": _FORMAT,
            "recipient": self.recipient,
            "age": self.age,
            "key": self.key.hex(),
        }

    @property
    def digest(self) -> Digest:
        """SHA-256 of the canonical bytes."""
        return canonical.digest_of(self.document())

    @classmethod
    def read(cls, value: object) -> Card:
        """Read the document.

        Raises:
            InputError: `disclosure.card`.
        """
        try:
            document = exactly(value, frozenset({"format", "recipient", "age", "key"}))
            recipient, age = TEXT.read(document["recipient"]), TEXT.read(document["age"])
            if document["format"] != _FORMAT or not _AGE.fullmatch(age):
                raise ValueError
            if not _NAME.fullmatch(recipient):
                raise ValueError
            return cls(recipient=recipient, age=age, key=DIGEST.read(document["key"]))
        except ValueError:
            raise _card("not a recipient's card") from None

    @classmethod
    def parse(cls, data: bytes) -> Card:
        """Read a card file and check that the key it names signed it.

        Raises:
            InputError: `disclosure.card`; `input.malformed`, `canonical.not-canonical`.
            EvidenceError: `disclosure.signature`.
        """
        try:
            document = exactly(canonical.decode(data.strip()), frozenset({"card", "signature"}))
            signature = _SIGNATURE.read(document["signature"])
        except ValueError:
            raise _card("not a recipient's card") from None
        card = cls.read(document["card"])
        check_signature(card.document(), signature, card.key)
        return card

    def signed(self, signer: SignerKey) -> bytes:
        """Return the card file."""
        signature = signer.sign(signed_bytes(self.document()))
        return canonical.encode({"card": self.document(), "signature": signature.hex()}) + b"\n"


def request_document(
    *, origin: str, method: str, path: str, at: int, body: bytes
) -> dict[str, canonical.Json]:
    """Return what a request's signature is over; `at` is POSIX time in seconds."""
    return {
        "format": _REQUEST,
        "origin": origin,
        "method": method,
        "path": path,
        "at": at,
        "body": canonical.sha256(body).hex(),
    }


def format_request(key: bytes, at: int, signature: bytes) -> str:
    """Return the value of the header `Authorization`."""
    return f"Byleave key={key.hex()}, at={at}, signature={signature.hex()}"


def parse_request(header: str) -> tuple[bytes, int, bytes] | None:
    """Return key, POSIX seconds and signature of a header, or None."""
    found = _SCHEME.fullmatch(header)
    if found is None:
        return None
    key, at, signature = found.groups()
    return bytes.fromhex(key), int(at), bytes.fromhex(signature)


def _card(what: str) -> InputError:
    return InputError(what, code="disclosure.card")
