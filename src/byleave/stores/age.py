"""Encryption of a package to one recipient: age (X25519, ChaCha20-Poly1305), by pyrage.

The package is held in memory, once in clear and once encrypted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from byleave.errors import EvidenceError, InputError, WorldError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["age_key", "new_age_identity", "open_sealed", "seal_to"]


def new_age_identity() -> str:
    """Return a fresh private key, as age writes it; the operating system's randomness.

    Raises:
        WorldError: `cli.extra-missing`.
    """
    return str(_pyrage().x25519.Identity.generate())


def age_key(identity: str) -> str:
    """Return the public key of a private one.

    Raises:
        InputError: `disclosure.card`, it is none.
        WorldError: `cli.extra-missing`.
    """
    return str(_identity(identity).to_public())


def seal_to(key: str, data: bytes) -> bytes:
    """Return data encrypted to a public key.

    Raises:
        InputError: `disclosure.card`, no such key.
        WorldError: `cli.extra-missing`.
    """
    age = _pyrage()
    try:
        recipient = age.x25519.Recipient.from_str(key)
    except age.RecipientError as error:
        raise InputError("not an X25519 key of age", code="disclosure.card") from error
    sealed: bytes = age.encrypt(data, [recipient])
    return sealed


def open_sealed(identity: str, data: bytes) -> bytes:
    """Return what was encrypted to this key.

    Raises:
        InputError: `disclosure.wrong-key`, it was encrypted to another key.
        EvidenceError: `disclosure.damaged`, a byte was changed, or it is cut off.
        WorldError: `cli.extra-missing`.
    """
    age = _pyrage()
    try:
        opened: bytes = age.decrypt(data, [_identity(identity)])
    except age.DecryptError as error:
        if "No matching keys" in str(error):
            raise InputError(
                "the package is encrypted to another key", code="disclosure.wrong-key"
            ) from None
        raise EvidenceError(
            "the package was changed on the way, or is cut off", code="disclosure.damaged"
        ) from None
    return opened


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
