"""Proving by VRF (RFC 9381, ECVRF-EDWARDS25519-SHA512-TAI), with libsodium's arithmetic.

Everything secret, the key and the nonce, passes through libsodium and SHA-512 alone; Python only
puts the parts together (docs/decisions/0025-vrf.md). Needs the extra `directory` (PyNaCl).
"""

from __future__ import annotations

import hashlib
from types import ModuleType

from byleave.errors import WorldError
from byleave.evidence.vrf import challenge, hash_to_curve, output_of

__all__ = ["SodiumProver"]


class SodiumProver:
    """A secret key of the directory.

    Args:
        seed: 32 secret bytes.

    Raises:
        WorldError: `cli.extra-missing`, PyNaCl is not installed.
    """

    def __init__(self, seed: bytes) -> None:
        self._sodium = _bindings()
        expanded = hashlib.sha512(seed).digest()
        scalar = bytearray(expanded[:32])
        scalar[0] &= 0xF8
        scalar[31] = scalar[31] & 0x7F | 0x40
        self._scalar = bytes(scalar)
        self._prefix = expanded[32:]
        self.public_key: bytes = self._sodium.crypto_scalarmult_ed25519_base_noclamp(self._scalar)

    def output(self, alpha: bytes) -> bytes:
        """Return the output of `alpha`, 64 bytes. Cost: about 0.5 ms."""
        point = hash_to_curve(self.public_key, alpha)
        return output_of(self._sodium.crypto_scalarmult_ed25519_noclamp(self._scalar, point))

    def prove(self, alpha: bytes) -> bytes:
        """Return the proof of the output of `alpha`, 80 bytes (section 5.1)."""
        sodium = self._sodium
        point = hash_to_curve(self.public_key, alpha)
        gamma = sodium.crypto_scalarmult_ed25519_noclamp(self._scalar, point)
        nonce = sodium.crypto_core_ed25519_scalar_reduce(
            hashlib.sha512(self._prefix + point).digest()
        )
        c = challenge(
            self.public_key,
            point,
            gamma,
            sodium.crypto_scalarmult_ed25519_base_noclamp(nonce),
            sodium.crypto_scalarmult_ed25519_noclamp(nonce, point),
        )
        scalar = sodium.crypto_core_ed25519_scalar_reduce(self._scalar + bytes(32))
        product = sodium.crypto_core_ed25519_scalar_mul(c + bytes(16), scalar)
        s: bytes = sodium.crypto_core_ed25519_scalar_add(nonce, product)
        return bytes(gamma) + c + s


def _bindings() -> ModuleType:
    try:
        import nacl.bindings as sodium
    except ImportError:
        raise WorldError(
            "proving from the directory needs PyNaCl",
            code="cli.extra-missing",
            hint="pip install 'byleave[directory]'; checking such proofs needs it not",
        ) from None
    return sodium
