"""Notice tokens: what the server showed, signed, so that it comes back with the click.

The server that renders a notice hands out a token; the page returns it with the answer. No choice
then rests on a guess which text, language or control somebody saw (docs/spec/notice-token.md):

    token    base64url(payload) "." base64url(signature), without padding
    payload  canonical JSON with exactly the fields of `NoticeToken`
    signed   "byleave-notice-token/v1" LF payload, Ed25519, by the workspace's notice key
    member   HMAC-SHA-256(k, nonce || member id), k = HMAC-SHA-256(seed, "byleave notice member v1")

One encoding: whatever else decodes to the same is refused. A token names its member blinded, so
that a page's source, a proxy's log or two tokens side by side tell nobody who was asked.
That a nonce is used once is the ledger's to see to.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from byleave.canonical import Json, decode, encode, sha256
from byleave.errors import EvidenceError, InputError, RefusedError
from byleave.ids import Digest, format_instant, parse_digest, parse_instant
from byleave.note.keys import SignerKey, VerifierKey
from byleave.policy.notice import Control, Notice

__all__ = ["MAX_TOKEN_CHARS", "NONCE_BYTES", "NoticeToken", "check_token", "issue", "read_token"]

NONCE_BYTES: Final = 16
MAX_TOKEN_CHARS: Final = 4096
_FORMAT: Final = "byleave-notice-token/v1"
_FIELDS: Final = frozenset(
    "control expires format issued language member nonce notice screen sha256".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeToken:
    """What was shown to whom, and until when the answer is taken.

    Attributes:
        notice: Id of the notice.
        sha256: Digest of the bytes shown.
        language: Language they were in.
        screen: Where they were shown; None: not said.
        control: State of the control when shown.
        member: The member, blinded; 32 bytes.
        issued: When it was handed out.
        expires: From when it is refused.
        nonce: 16 fresh bytes.
        digest: SHA-256 of the token's text, as the event keeps it.
    """

    notice: str
    sha256: Digest
    language: str
    screen: str | None
    control: Control
    member: bytes = field(repr=False)
    issued: datetime
    expires: datetime
    nonce: bytes
    digest: Digest

    def evidence(self, final: str) -> str:
        """Return what an event keeps of it, beside the control's final state."""
        return encode(
            {
                "control": self.control.value,
                "final": final,
                "issued": format_instant(self.issued),
                "language": self.language,
                "nonce": self.nonce.hex(),
                "screen": self.screen,
                "token": self.digest.hex(),
            }
        ).decode()


def issue(
    notice: Notice,
    member: str,
    *,
    key: SignerKey,
    issued: datetime,
    lifetime: timedelta,
    nonce: bytes,
    screen: str | None = None,
) -> str:
    """Return a token for one showing of one notice to one member.

    Args:
        notice: What will be shown.
        member: To whom.
        key: The workspace's notice key.
        issued: Now.
        lifetime: For how long an answer is taken.
        nonce: 16 fresh random bytes.
        screen: Where; default the notice's own.

    Raises:
        InputError: `notice.token-malformed`, a nonce of another length, no lifetime, or a token
            over 4,096 characters.
    """
    if len(nonce) != NONCE_BYTES or lifetime <= timedelta(0):
        raise InputError(
            "a token takes 16 fresh bytes and a lifetime", code="notice.token-malformed"
        )
    payload = encode(
        {
            "control": notice.control.value,
            "expires": format_instant(issued + lifetime),
            "format": _FORMAT,
            "issued": format_instant(issued),
            "language": notice.language,
            "member": _blind(key, nonce, member).hex(),
            "nonce": nonce.hex(),
            "notice": notice.id,
            "screen": notice.screen if screen is None else screen,
            "sha256": notice.sha256.hex(),
        }
    )
    text = f"{_to_text(payload)}.{_to_text(key.sign(_signed(payload)))}"
    if len(text) > MAX_TOKEN_CHARS:
        raise InputError("the token would be over 4,096 characters", code="notice.token-malformed")
    return text


def read_token(text: str, verifier: VerifierKey) -> NoticeToken:
    """Read a token in its one encoding; its signature is checked before a field is looked at.

    Raises:
        EvidenceError: `notice.token-malformed`, `notice.token-signature`.
    """
    try:
        if len(text) > MAX_TOKEN_CHARS:
            raise ValueError
        first, second = text.split(".")
        payload, signature = _to_bytes(first), _to_bytes(second)
    except (ValueError, binascii.Error):
        raise _malformed() from None
    try:
        verifier.verify(_signed(payload), signature)
    except EvidenceError:
        raise EvidenceError(
            "the token is not signed by this workspace", code="notice.token-signature"
        ) from None
    try:
        return _token(decode(payload), sha256(text.encode("ascii")))
    except (InputError, KeyError, TypeError, ValueError):
        raise _malformed() from None


def check_token(
    token: NoticeToken, *, notice: Notice, member: str, now: datetime, key: SignerKey
) -> None:
    """Refuse a token that does not stand for this notice, this member and this moment.

    The member is compared in constant time, and whatever else is wrong.

    Args:
        token: What `read_token` gave.
        notice: The published notice of the token's id.
        member: Who is said to have answered.
        now: The instant of the answer.
        key: The workspace's notice key.

    Raises:
        RefusedError: `notice.token-member`, `notice.token-notice`, `notice.token-time`.
    """
    is_theirs = hmac.compare_digest(token.member, _blind(key, token.nonce, member))
    is_same = hmac.compare_digest(token.sha256, notice.sha256) and (
        token.notice,
        token.language,
        token.control,
    ) == (notice.id, notice.language, notice.control)
    if not is_theirs:
        raise RefusedError("the token was made for another member", code="notice.token-member")
    if not is_same:
        raise RefusedError(
            "the token is for another text than the one published", code="notice.token-notice"
        )
    if not token.issued <= now < token.expires:
        raise RefusedError(
            "the token is used outside its time",
            code="notice.token-time",
            hint="show the notice again, and send the new token with the answer",
        )


def _token(document: Json, digest: Digest) -> NoticeToken:
    if not isinstance(document, dict) or document.keys() != _FIELDS:
        raise ValueError
    values: dict[str, Any] = document
    texts = [values[name] for name in ("notice", "language")]
    screen = values["screen"]
    if values["format"] != _FORMAT or not all(isinstance(t, str) for t in texts):
        raise ValueError
    if screen is not None and not isinstance(screen, str):
        raise ValueError
    nonce = bytes.fromhex(values["nonce"])
    issued, expires = parse_instant(values["issued"]), parse_instant(values["expires"])
    spelt = (values["nonce"], values["issued"], values["expires"])
    if len(nonce) != NONCE_BYTES or spelt != (
        nonce.hex(),
        format_instant(issued),
        format_instant(expires),
    ):
        raise ValueError
    return NoticeToken(
        notice=values["notice"],
        sha256=parse_digest(values["sha256"]),
        language=values["language"],
        screen=screen,
        control=Control(values["control"]),
        member=parse_digest(values["member"]),
        issued=issued,
        expires=expires,
        nonce=nonce,
        digest=digest,
    )


def _blind(key: SignerKey, nonce: bytes, member: str) -> bytes:
    blinding = hmac.digest(key.seed, b"byleave notice member v1", hashlib.sha256)
    return hmac.digest(blinding, nonce + member.encode(), hashlib.sha256)


def _signed(payload: bytes) -> bytes:
    return _FORMAT.encode() + b"\n" + payload


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _to_bytes(text: str) -> bytes:
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _to_text(data) != text:
        raise ValueError("another spelling")
    return data


def _malformed() -> EvidenceError:
    return EvidenceError(
        "not a notice token in its one encoding",
        code="notice.token-malformed",
        hint="return the token exactly as the page got it",
    )
