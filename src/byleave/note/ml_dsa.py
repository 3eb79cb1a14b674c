"""ML-DSA-44 cosignatures (C2SP tlog-cosignature, type 0x06; FIPS 204).

    label[12] = "subtree/v1" LF NUL     u8 length, cosigner's name     u64 time
    u8 length, origin                   u64 0, u64 size                root[32]

What is signed holds the cosigner's name and no extension line of the checkpoint.
`cryptography` has ML-DSA only in its newer releases, and only over a library that has it; where it
is missing, every function here but `message` raises `note.ml-dsa-missing`, and nothing else of
Byleave needs it. Signing is randomised by the library: two signatures of one text differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from byleave.errors import WorldError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "PUBLIC_BYTES",
    "SIGNATURE_BYTES",
    "available",
    "message",
    "public_key",
    "sign",
    "verifies",
]

PUBLIC_BYTES: Final = 1312
SIGNATURE_BYTES: Final = 2420
_LABEL: Final = b"subtree/v1\n\0"


def available() -> bool:
    """Say whether this installation can sign and verify ML-DSA-44."""
    try:
        public_key(bytes(32))
    except WorldError:
        return False
    return True


def message(name: str, origin: str, *, seconds: int, size: int, root: bytes) -> bytes:
    """Return the `cosigned_message` of a checkpoint.

    Args:
        name: The cosigner's key name, 1 to 255 bytes in UTF-8.
        origin: The log's, 1 to 255 bytes in UTF-8.
        seconds: POSIX time, below 2**63.
        size: Entries of the tree.
        root: Its root, 32 bytes.
    """
    parts = [_LABEL, _opaque(name), seconds.to_bytes(8, "big"), _opaque(origin)]
    return b"".join([*parts, bytes(8), size.to_bytes(8, "big"), root])


def public_key(seed: bytes) -> bytes:
    """Return the 1,312 public bytes of a seed of 32 bytes.

    Raises:
        WorldError: `note.ml-dsa-missing`.
    """
    raw: bytes = (
        _call(lambda ml: ml.MLDSA44PrivateKey.from_seed_bytes(seed)).public_key().public_bytes_raw()
    )
    return raw


def sign(seed: bytes, data: bytes) -> bytes:
    """Return a signature of 2,420 bytes.

    Raises:
        WorldError: `note.ml-dsa-missing`.
    """
    signature: bytes = _call(lambda ml: ml.MLDSA44PrivateKey.from_seed_bytes(seed)).sign(data)
    return signature


def verifies(public: bytes, signature: bytes, data: bytes) -> bool:
    """Say whether `signature` is one of `public` over `data`.

    Raises:
        WorldError: `note.ml-dsa-missing`.
    """
    key = _call(lambda ml: ml.MLDSA44PublicKey.from_public_bytes(public))
    try:
        key.verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _call(make: Callable[[Any], Any]) -> Any:  # noqa: ANN401 (keys of an optional module)
    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa  # noqa: PLC0415 (optional)

        return make(mldsa)
    except (ImportError, UnsupportedAlgorithm) as error:
        raise WorldError(
            "the installed cryptography package has no ML-DSA-44",
            code="note.ml-dsa-missing",
            hint="install a newer release of the package cryptography",
        ) from error


def _opaque(text: str) -> bytes:
    data = text.encode("utf-8")
    return len(data).to_bytes(1, "big") + data
