"""Encryption of a package to one recipient: age (X25519, ChaCha20-Poly1305), by pyrage.

Packages go through as streams, 64 KiB at a time.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from byleave.errors import EvidenceError, InputError, WorldError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "age_key",
    "new_age_identity",
    "open_stream",
    "seal_stream",
]

_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def new_age_identity(seed: bytes) -> str:
    """Return a private key, as age writes it (Bech32 of 32 bytes).

    Args:
        seed: 32 secret bytes, drawn fresh.

    Raises:
        InputError: `disclosure.card`, not 32 bytes.
        WorldError: `cli.extra-missing`.
    """
    if len(seed) != 32:
        raise InputError("a private key has 32 bytes", code="disclosure.card")
    values = [*_five_bits(seed)]
    check = _bech32_checksum("age-secret-key-", values)
    text = "age-secret-key-1" + "".join(_BECH32[value] for value in (*values, *check))
    identity = text.upper()
    _identity(identity)
    return identity


def age_key(identity: str) -> str:
    """Return the public key of a private one.

    Raises:
        InputError: `disclosure.card`, it is none.
        WorldError: `cli.extra-missing`.
    """
    return str(_identity(identity).to_public())


def seal_stream(key: str, source: BinaryIO | io.RawIOBase, target: BinaryIO) -> None:
    """Encrypt a stream to a public key, in bounded memory.

    Raises:
        InputError: `disclosure.card`, no such key.
        WorldError: `cli.extra-missing`.
    """
    _pyrage().encrypt_io(source, target, [_recipient(key)])


def open_stream(identity: str, source: BinaryIO, target: BinaryIO) -> None:
    """Decrypt a stream, in bounded memory; what an error leaves in `target` is nobody's word.

    Raises:
        InputError: `disclosure.wrong-key`, it was encrypted to another key.
        EvidenceError: `disclosure.damaged`, a byte was changed, or it is cut off.
        WorldError: `cli.extra-missing`.
    """
    age = _pyrage()
    try:
        age.decrypt_io(source, target, [_identity(identity)])
    except (age.DecryptError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's, not the package's
        if "No matching keys" in str(error):
            raise InputError(
                "the package is encrypted to another key", code="disclosure.wrong-key"
            ) from None
        raise EvidenceError(
            "the package was changed on the way, or is cut off", code="disclosure.damaged"
        ) from None


def _five_bits(data: bytes) -> list[int]:
    """Return bytes as numbers of five bits, zeros at the end."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return [int(bits[at : at + 5], 2) for at in range(0, len(bits), 5)]


def _bech32_checksum(prefix: str, values: list[int]) -> list[int]:
    """Return the six check values of BIP 173."""
    spread = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    state = 1
    for value in (*spread, *values, 0, 0, 0, 0, 0, 0):
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATORS):
            state ^= generator if top >> bit & 1 else 0
    state ^= 1
    return [state >> 5 * (5 - at) & 31 for at in range(6)]


def _recipient(key: str) -> Any:  # noqa: ANN401 (an untyped package's)
    age = _pyrage()
    try:
        return age.x25519.Recipient.from_str(key)
    except age.RecipientError as error:
        raise InputError("not an X25519 key of age", code="disclosure.card") from error


def _identity(text: str) -> Any:  # noqa: ANN401 (an untyped package's)
    age = _pyrage()
    try:
        return age.x25519.Identity.from_str(text)
    except age.IdentityError:
        raise InputError("not a private key of age", code="disclosure.card") from None


def _pyrage() -> ModuleType:
    try:
        import pyrage  # type: ignore[import-untyped]  # noqa: PLC0415 (no stubs; optional)
    except ImportError as error:
        raise WorldError(
            "packages are encrypted by pyrage, which is not installed",
            code="cli.extra-missing",
            hint="pip install 'byleave[recipient]'",
        ) from error
    module: ModuleType = pyrage
    return module
