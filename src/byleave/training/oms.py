"""OpenSSF model signing v1.0: a signature over a release's files that its own client verifies.

What is signed is an in-toto Statement v1 with the predicate
`https://model_signing/signature/v1.0` (https://github.com/ossf/model-signing-spec; Python client
`model-signing`, 1.1): each file by name and SHA-256, ascending; the subject's digest is SHA-256
over those digests, one after the other. It lies in a DSSE envelope in a sigstore bundle v0.3, signed
by an ECDSA key on P-256 which the bundle names by the SHA-256 of its PEM. We write the bundle
ourselves, so that nobody needs the client to release; tests hand it to the client.

The digest in the subject says nothing of names: it is an identifier. What binds is `resources`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from byleave import canonical

__all__ = ["SIGNATURE_FILE", "model_signature"]

SIGNATURE_FILE: Final = "model.sig"
_PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_PREDICATE: Final = "https://model_signing/signature/v1.0"
_BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"


def model_signature(
    name: str,
    files: Mapping[str, bytes],
    *,
    sign: Callable[[bytes], bytes],
    public_pem: bytes,
) -> bytes:
    """Return the bundle, as canonical JSON.

    Args:
        name: The release's id, which is also its folder's name.
        files: Every file of the folder but the signature, name → bytes.
        sign: Signs a message with ECDSA, P-256, SHA-256; returns the DER signature.
        public_pem: Its public key, PEM, SubjectPublicKeyInfo.
    """
    digests = {item: canonical.sha256(files[item]) for item in sorted(files)}
    resources: list[canonical.Json] = [
        {"algorithm": "sha256", "digest": digest.hex(), "name": item}
        for item, digest in digests.items()
    ]
    root = hashlib.sha256(b"".join(digests.values())).hexdigest()
    statement = canonical.encode(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": name, "digest": {"sha256": root}}],
            "predicateType": _PREDICATE,
            "predicate": {
                "serialization": {
                    "method": "files",
                    "hash_type": "sha256",
                    "allow_symlinks": False,
                    "ignore_paths": [SIGNATURE_FILE],
                },
                "resources": resources,
            },
        }
    )
    kind = _PAYLOAD_TYPE.encode()
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(statement), statement)
    return canonical.encode(
        {
            "mediaType": _BUNDLE,
            "verificationMaterial": {
                "publicKey": {"hint": hashlib.sha256(public_pem).hexdigest()},
                "tlogEntries": [],
            },
            "dsseEnvelope": {
                "payload": base64.b64encode(statement).decode(),
                "payloadType": _PAYLOAD_TYPE,
                "signatures": [{"keyid": "", "sig": base64.b64encode(sign(message)).decode()}],
            },
        }
    )
