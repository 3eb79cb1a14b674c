"""The steps of a VRF proof against the points that RFC 9381 gives between input and output."""

from __future__ import annotations

import pytest

from byleave.evidence.edwards25519 import BASE, decode_point, encode_point, negate, sum_of_multiples
from byleave.evidence.vrf import challenge, hash_to_curve
from tests.vectors.generate import RFC9381

BETWEEN = [
    (
        "91bbed02a99461df1ad4c6564a5f5d829d0b90cfc7903e7a5797bd658abf3318",
        "aef27c725be964c6a9bf4c45ca8e35df258c1878b838f37d9975523f09034071",
        "5016572f71466c646c119443455d6cb9b952f07d060ec8286d678615d55f954f",
    ),
    (
        "5b659fc3d4e9263fd9a4ed1d022d75eaacc20df5e09f9ea937502396598dc551",
        "1dcb0a4821a2c48bf53548228b7f170962988f6d12f5439f31987ef41f034ab3",
        "fd03c0bf498c752161bae4719105a074630a2aa5f200ff7b3995f7bfb1513423",
    ),
    (
        "bf4339376f5542811de615e3313d2b36f6f53c0acfebb482159711201192576a",
        "2bae73e15a64042fcebf062abe7e432b2eca6744f3e8265bc38e009cd577ecd5",
        "88cba1cb0d4f9b649d9a86026b69de076724a93a65c349c988954f0961c5d506",
    ),
]
"""H, U and V of examples 16 to 18 (RFC 9381, appendix B.3)."""


@pytest.mark.parametrize("number", range(3))
def test_the_points_between_are_those_of_the_rfc(number: int) -> None:
    """H is what try-and-increment finds (at the second try in example 17); c and s give U and V."""
    example, (h, u, v) = RFC9381[number], BETWEEN[number]
    public, proof = bytes.fromhex(example["public"]), bytes.fromhex(example["proof"])
    point = hash_to_curve(public, bytes.fromhex(example["alpha"]))
    assert point.hex() == h
    key, gamma, at = decode_point(public), decode_point(proof[:32]), decode_point(point)
    assert key is not None
    assert gamma is not None
    assert at is not None
    c, s = int.from_bytes(proof[32:48], "little"), int.from_bytes(proof[48:], "little")
    assert encode_point(sum_of_multiples(s, BASE, c, negate(key))).hex() == u
    assert encode_point(sum_of_multiples(s, at, c, negate(gamma))).hex() == v
    assert challenge(public, point, proof[:32], bytes.fromhex(u), bytes.fromhex(v)) == proof[32:48]
