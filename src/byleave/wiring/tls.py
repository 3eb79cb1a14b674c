"""What a server speaks TLS with: a certificate and its key, from files."""

from __future__ import annotations

import ssl
from pathlib import Path

from byleave.errors import InputError

__all__ = ["tls_context"]


def tls_context(certificate: str | Path | None, key: str | Path | None) -> ssl.SSLContext | None:
    """Return what a server speaks TLS 1.2 or newer with; None where neither file is named.

    Args:
        certificate: PEM file: the certificate, then those that lead to a root.
        key: PEM file of its private key.

    Raises:
        InputError: `server.tls`, one without the other, or they cannot be read together.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise InputError("TLS takes a certificate and its key", code="server.tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            "the certificate and its key cannot be read, or do not belong together",
            code="server.tls",
            where=str(certificate),
        ) from error
    return context
