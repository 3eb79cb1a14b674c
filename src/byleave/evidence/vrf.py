"""A verifiable random function, checked: ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381).

For one public key and one input there is exactly one output that verifies, whoever holds the
secret key; without it nobody can tell outputs from random bytes. Steps are numbered as in
RFC 9381, section 5.3. Public data only passes through here; proving: `wiring.vrf`.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from byleave.errors import EvidenceError
from byleave.evidence.edwards25519 import (
    BASE,
    ORDER,
    Point,
    decode_point,
    encode_point,
    is_identity,
    negate,
    sum_of_multiples,
    times_eight,
)

__all__ = [
    "OUTPUT_BYTES",
    "PROOF_BYTES",
    "challenge",
    "check_key",
    "hash_to_curve",
    "output_of",
    "verify_vrf",
]

PROOF_BYTES: Final = 80
OUTPUT_BYTES: Final = 64
_SUITE: Final = b"\x03"
_CHALLENGE_BYTES: Final = 16


def verify_vrf(public: bytes, alpha: bytes, proof: bytes) -> bytes:
    """Return the one output (64 bytes) of `alpha` under a public key.

    Raises:
        EvidenceError: `vrf.key`, not the key of anybody; `vrf.proof`, it does not verify.
    """
    # (1) to (3): the key, and that its output is unique whoever made it (section 5.4.5)
    key = check_key(public)
    # (4) to (6): gamma, c, s
    if len(proof) != PROOF_BYTES:
        raise _refused()
    gamma = decode_point(proof[:32])
    c = int.from_bytes(proof[32:48], "little")
    s = int.from_bytes(proof[48:], "little")
    if gamma is None or s >= ORDER:
        raise _refused()
    # (7)
    point = decode_point(hash_to_curve(public, alpha))
    assert point is not None  # noqa: S101 (just encoded)
    # (8), (9)
    u = sum_of_multiples(s, BASE, c, negate(key))
    v = sum_of_multiples(s, point, c, negate(gamma))
    # (10), (11)
    found = challenge(public, encode_point(point), proof[:32], encode_point(u), encode_point(v))
    if not hmac.compare_digest(found, proof[32:48]):
        raise _refused()
    return _output(gamma)


def check_key(public: bytes) -> Point:
    """Return the point of a public key that is not of small order.

    Raises:
        EvidenceError: `vrf.key`.
    """
    key = decode_point(public)
    if key is None or is_identity(times_eight(key)):
        raise EvidenceError("not a public key of a VRF", code="vrf.key")
    return key


def hash_to_curve(public: bytes, alpha: bytes) -> bytes:
    """Return the input's point H as 32 bytes: try and increment (section 5.4.1.1).

    Half of all tries fail, so that the time taken tells something about `alpha`, never of a key.
    """
    for attempt in range(256):
        data = _SUITE + b"\x01" + public + alpha + bytes([attempt]) + b"\x00"
        point = decode_point(hashlib.sha512(data).digest()[:32])
        if point is not None:
            cleared = times_eight(point)
            if not is_identity(cleared):
                return encode_point(cleared)
    raise EvidenceError("no point of the curve was found", code="vrf.proof")


def challenge(*points: bytes) -> bytes:
    """Return the challenge c, 16 bytes, over Y, H, gamma, U and V (section 5.4.3)."""
    data = _SUITE + b"\x02" + b"".join(points) + b"\x00"
    return hashlib.sha512(data).digest()[:_CHALLENGE_BYTES]


def output_of(gamma: bytes) -> bytes:
    """Return the output of a proof whose first 32 bytes are `gamma`; nothing verified."""
    point = decode_point(gamma)
    if point is None:
        raise _refused()
    return _output(point)


def _output(gamma: Point) -> bytes:
    data = _SUITE + b"\x03" + encode_point(times_eight(gamma)) + b"\x00"
    return hashlib.sha512(data).digest()


def _refused() -> EvidenceError:
    return EvidenceError("the VRF proof does not verify", code="vrf.proof")
