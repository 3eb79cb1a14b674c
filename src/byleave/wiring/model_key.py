"""The key of OpenSSF model signing: ECDSA on P-256, made from the workspace's release key.

Model signing takes no Ed25519 key, and one more file to keep is one more to lose. The scalar is
HKDF-SHA-256 of the release key's seed under its own label, so that neither key tells the other;
signatures are deterministic (RFC 6979), so that a release made again has the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["MODEL_KEY", "ModelSigner", "model_signer"]

MODEL_KEY: Final = "model-signing.pub"
"""The file, beside the releases, that `model_signing verify key` asks for (docs/spec/release.md)."""

_LABEL: Final = b"byleave model signing v1"
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SCALAR_BYTES: Final = 48
"""16 more than the order has, so that reducing is not biased (FIPS 186-5, A.2.1)."""


@dataclass(frozen=True, slots=True)
class ModelSigner:
    """A private key on P-256."""

    key: ec.EllipticCurvePrivateKey

    def sign(self, message: bytes) -> bytes:
        """Return the DER signature over SHA-256 of `message`."""
        return self.key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))

    def public_pem(self) -> bytes:
        """Return the public key, PEM, SubjectPublicKeyInfo."""
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


@lru_cache(maxsize=2)
def model_signer(seed: bytes) -> ModelSigner:
    """Return the key that a release key's seed makes."""
    drawn = HKDF(hashes.SHA256(), _SCALAR_BYTES, salt=None, info=_LABEL).derive(seed)
    scalar = int.from_bytes(drawn, "big") % (_ORDER - 1) + 1
    return ModelSigner(ec.derive_private_key(scalar, ec.SECP256R1()))
