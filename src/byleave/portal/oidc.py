"""A sign-in provider: OpenID Connect, authorization code with PKCE.

Authlib makes the requests and joserfc, on which it stands, checks signatures; what is checked and
what is refused is decided here. Sources: OpenID Connect Core 1.0 §§ 3.1.2–3.1.3.7, Discovery 1.0
§ 4.3, RP-Initiated Logout 1.0 § 2, RFC 7636 (PKCE), RFC 9207 (`iss` in the answer), RFC 9700
(OAuth 2.0 Security Best Current Practice) §§ 2.1 and 4.

* The provider's metadata must name the issuer of byleave.toml, and addresses with https.
* An identity token must be signed with an algorithm of the list in byleave.toml by a key of the
  provider's published set, be for us alone, from it, in time, and carry the nonce of this sign-in.
* A key that is not known is looked for once more, at most every half minute: so providers rotate.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from byleave.errors import WorldError
from byleave.portal.guard import LOOPBACK
from byleave.portal.problem import ProblemError

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

    from byleave.wiring.oidc import OidcSettings

__all__ = ["Begun", "Ended", "Provider"]

_PATH: Final = "/.well-known/openid-configuration"
_KEPT: Final = 3_600.0
_REFETCH: Final = 30.0
_SECONDS: Final = 10.0
_MOST: Final = 1 << 20
_OVER: Final = "http://schemas.openid.net/event/backchannel-logout"
_PUBLIC: Final = frozenset({"RSA", "EC", "OKP"})
_OLDEST: Final = 600
"""Seconds since a token was issued, at most: it is fetched when the sign-in ends."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What binds an answer of the provider to the sign-in that asked for it.

    Attributes:
        state: Comes back in the address.
        nonce: Comes back in the token.
        verifier: Shows the provider that the code is fetched by whoever asked for it (PKCE).
    """

    state: str
    nonce: str
    verifier: str

    @classmethod
    def of(cls, key: bytes, secret: str) -> Begun:
        """Derive all three from the secret in a browser's cookie, so that none of them is kept."""

        def derived(what: bytes) -> str:
            return hmac.new(key, b"byleave oidc " + what + secret.encode(), "sha256").hexdigest()

        return cls(derived(b"state v1\x00"), derived(b"nonce v1\x00"), derived(b"verifier v1\x00"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a logout token says.

    Attributes:
        sub: Whose sessions at the provider ended; None: it says no `sub`.
        sid: Which session there; None: it says no `sid`. One of the two is said.
        jti: The token's own name: it counts once.
        until: Unix seconds after which the token is refused by its dates alone.
    """

    sub: str | None
    sid: str | None
    jti: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metadata:
    authorize: str
    token: str
    keys: str
    end_session: str | None
    names_itself: bool
    method: str
    algorithms: tuple[str, ...]


class Provider:
    """One provider; used by one event loop.

    Args:
        settings: What byleave.toml says.
        secret: Our secret there; None: PKCE alone.
        clock: Seconds that never go back, for what is kept.

    Raises:
        WorldError: `cli.extra-missing`, Authlib is not installed.
    """

    def __init__(
        self, settings: OidcSettings, secret: str | None, *, clock: Callable[[], float]
    ) -> None:
        try:
            import authlib.integrations.httpx_client  # noqa: F401
        except ImportError as error:
            raise WorldError(
                "signing in at a provider needs Authlib",
                code="cli.extra-missing",
                hint="pip install 'byleave[identity]'",
            ) from error
        self.settings = settings
        self._secret = secret
        self._clock = clock
        self._metadata: tuple[_Metadata, float] | None = None
        self._keys: tuple[KeySet, float] | None = None

    async def address(self, begun: Begun, *, back: str) -> str:
        """Return where a browser is sent to sign in.

        Args:
            begun: This sign-in.
            back: Where the provider sends it back to.

        Raises:
            ProblemError: 503 `oidc.provider`.
        """
        metadata = await self._discovered()
        async with self._client(metadata, back) as client:
            url, _ = client.create_authorization_url(
                metadata.authorize,
                state=begun.state,
                nonce=begun.nonce,
                code_verifier=begun.verifier,
            )
        return str(url)

    async def claims(
        self, begun: Begun, answer: Mapping[str, str], *, back: str, now: datetime
    ) -> dict[str, Any]:
        """Return what the provider says of whoever signed in, checked.

        Args:
            begun: The sign-in that this browser began.
            answer: Fields of the address to which the provider sent it back.
            back: That address without them.
            now: The clock.

        Raises:
            ProblemError: 400 `oidc.state`; 403 `oidc.denied`, `oidc.token`; 503 `oidc.provider`.
        """
        state = answer.get("state", "")
        if not hmac.compare_digest(state.encode(), begun.state.encode()):
            raise _state()
        metadata = await self._discovered()
        issuer = answer.get("iss")
        if issuer != self.settings.issuer and (issuer is not None or metadata.names_itself):
            raise _token("the answer comes from another issuer")
        if "error" in answer:
            raise ProblemError(403, "oidc.denied", "The provider let nobody in.")
        code = answer.get("code", "")
        if not code:
            raise _state()
        token = await self._fetch_token(metadata, code, begun, back)
        return await self._checked(metadata, token, nonce=begun.nonce, now=now)

    async def end_address(self, *, back: str) -> str | None:
        """Return where people sign out of the provider too; None: it has no such address.

        Args:
            back: Where it sends them back to.
        """
        try:
            end = (await self._discovered()).end_session
        except ProblemError:
            return None
        if end is None:
            return None
        fields = {"client_id": self.settings.client_id, "post_logout_redirect_uri": back}
        return f"{end}{'&' if '?' in end else '?'}{urlencode(fields)}"

    async def over(self, text: str, *, now: datetime) -> Ended:
        """Return whose sessions at the provider ended.

        Whether the token came before is not known here: whoever acts on it remembers its `jti`.
        Source: OpenID Connect Back-Channel Logout 1.0 § 2.6.

        Args:
            text: The logout token that the provider sent.
            now: The clock.

        Raises:
            ProblemError: 403 `oidc.token`; 503 `oidc.provider`.
        """
        from authlib.oauth2.claims import JWTClaims
        from joserfc.errors import JoseError

        metadata = await self._discovered()
        try:
            decoded = await self._signed(metadata, text)
            needed = {name: {"essential": True} for name in ("aud", "iat", "exp", "jti")}
            issuer = {"iss": {"essential": True, "value": self.settings.issuer}}
            claims = JWTClaims(decoded.claims, decoded.header, {**needed, **issuer})
            claims.validate(int(now.timestamp()), self.settings.clock_skew)
        except (JoseError, ValueError, TypeError) as error:
            raise _token("its signature or a claim does not hold") from error
        self._check_ours(claims, now)
        events = claims.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(_OVER), dict):
            raise _token("it is no logout token")
        who = tuple(claims.get(name) for name in ("sub", "sid"))
        named = [name for name in who if name is not None]
        if "nonce" in claims or not named or not all(isinstance(n, str) and n for n in named):
            raise _token("it names nobody")
        jti = claims["jti"]
        if not isinstance(jti, str) or not jti:
            raise _token("it has no name of its own")
        oldest = min(claims["exp"], claims["iat"] + _OLDEST) + self.settings.clock_skew
        return Ended(sub=who[0], sid=who[1], jti=jti, until=oldest)

    # what the provider says of itself

    async def _discovered(self) -> _Metadata:
        now = self._clock()
        if self._metadata is not None and now - self._metadata[1] < _KEPT:
            return self._metadata[0]
        document = await self._get(self.settings.issuer.rstrip("/") + _PATH)
        found = self._read(document)
        self._metadata = (found, now)
        return found

    def _read(self, document: dict[str, Any]) -> _Metadata:
        if document.get("issuer") != self.settings.issuer:
            raise _provider("its metadata names another issuer")
        methods = document.get("code_challenge_methods_supported")
        if isinstance(methods, list) and "S256" not in methods:
            raise _provider("it does not take PKCE with S256")
        listed = document.get("id_token_signing_alg_values_supported")
        algorithms = tuple(
            a for a in self.settings.algorithms if not isinstance(listed, list) or a in listed
        )
        if not algorithms:
            raise _provider("it signs with no algorithm that is allowed")
        taken = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        basic = not isinstance(taken, list) or "client_secret_basic" in taken
        end = document.get("end_session_endpoint")
        return _Metadata(
            authorize=self._address(document.get("authorization_endpoint")),
            token=self._address(document.get("token_endpoint")),
            keys=self._address(document.get("jwks_uri")),
            end_session=None if end is None else self._address(end),
            names_itself=document.get("authorization_response_iss_parameter_supported") is True,
            method="client_secret_basic" if basic else "client_secret_post",
            algorithms=algorithms,
        )

    def _address(self, value: object) -> str:
        """Return an address of the provider's that a secret may be sent to."""
        try:
            parts = urlsplit(value) if isinstance(value, str) else None
            host = (parts.hostname or "") if parts else ""
        except ValueError:
            parts, host = None, ""
        near = self.settings.on_this_machine and host in LOOPBACK
        if parts is None or not host or parts.username is not None or parts.fragment:
            raise _provider("an address of its metadata is not one")
        if parts.scheme != "https" and not (near and parts.scheme == "http"):
            raise _provider("an address of its metadata is not https")
        return str(value)

    # requests

    def _client(self, metadata: _Metadata, back: str) -> Any:  # noqa: ANN401 (Authlib has no types)
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        return AsyncOAuth2Client(
            client_id=self.settings.client_id,
            client_secret=self._secret,
            token_endpoint_auth_method=metadata.method if self._secret else "none",
            scope=" ".join(self.settings.scopes),
            redirect_uri=back,
            code_challenge_method="S256",
            timeout=_SECONDS,
            follow_redirects=False,
            trust_env=not self.settings.on_this_machine,
        )

    async def _get(self, url: str) -> dict[str, Any]:
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        async with AsyncOAuth2Client(
            timeout=_SECONDS,
            follow_redirects=False,
            trust_env=not self.settings.on_this_machine,
        ) as client:
            try:
                answer = await client.request("GET", url, withhold_token=True)
                found = json.loads(answer.content) if len(answer.content) <= _MOST else None
            except Exception as error:
                raise _provider("it cannot be reached") from error
        if answer.status_code != 200 or not isinstance(found, dict):
            raise _provider("it answers with no JSON object")
        return found

    async def _fetch_token(
        self, metadata: _Metadata, code: str, begun: Begun, back: str
    ) -> Mapping[str, Any]:
        from authlib.common.errors import AuthlibBaseError

        async with self._client(metadata, back) as client:
            try:
                token = await client.fetch_token(
                    metadata.token,
                    code=code,
                    code_verifier=begun.verifier,
                    grant_type="authorization_code",
                )
            except AuthlibBaseError as error:  # the provider's own no: `invalid_grant` and such
                raise _token("the provider gave nothing for the code") from error
            except Exception as error:
                raise _provider("it cannot be reached") from error
        if not isinstance(token, dict) or not isinstance(token.get("id_token"), str):
            raise _token("the provider gave no identity token")
        return token

    # checking

    async def _checked(
        self, metadata: _Metadata, token: Mapping[str, Any], *, nonce: str, now: datetime
    ) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import JoseError

        try:
            decoded = await self._signed(metadata, token["id_token"])
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {"iss": {"essential": True, "value": self.settings.issuer}},
                {
                    "nonce": nonce,
                    "client_id": self.settings.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(int(now.timestamp()), self.settings.clock_skew)
        except (JoseError, ValueError, TypeError) as error:
            raise _token("its signature or a claim does not hold") from error
        if not isinstance(claims["sub"], str) or not 1 <= len(claims["sub"]) <= 255:
            raise _token("it names nobody")
        self._check_ours(claims, now)
        return dict(claims)

    async def _signed(self, metadata: _Metadata, text: str) -> Any:  # noqa: ANN401 (joserfc's)
        """Return a token whose signature holds; an unknown key has the set read once more.

        Raises:
            JoseError: It does not hold.
        """
        from joserfc.errors import InvalidKeyIdError

        try:
            decoded = _decoded(text, await self._key_set(metadata), metadata.algorithms)
        except InvalidKeyIdError:
            fresh = await self._key_set(metadata, again=True)
            decoded = _decoded(text, fresh, metadata.algorithms)
        if "crit" in decoded.header:  # RFC 7515 § 4.1.11: there is none that we know
            raise _token("it asks for what is not known here")
        return decoded

    def _check_ours(self, claims: Mapping[str, Any], now: datetime) -> None:
        """Check what OpenID Connect leaves to us, on the side of no."""
        ours = self.settings.client_id
        if claims["aud"] not in (ours, [ours]):
            raise _token("it is for others too")
        issued = claims["iat"]
        if not isinstance(issued, int | float):
            raise _token("it does not say when it was issued")
        age = now.timestamp() - issued
        if not -self.settings.clock_skew <= age <= _OLDEST + self.settings.clock_skew:
            raise _token("it was not issued now")

    async def _key_set(self, metadata: _Metadata, *, again: bool = False) -> KeySet:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        now = self._clock()
        if self._keys is not None:
            age = now - self._keys[1]
            if age < (_REFETCH if again else _KEPT):
                return self._keys[0]
        document = await self._get(metadata.keys)
        listed = document.get("keys")
        keys = [
            key
            for key in (listed if isinstance(listed, list) else [])
            if isinstance(key, dict)
            and key.get("kty") in _PUBLIC
            and key.get("use", "sig") == "sig"
        ]
        try:
            found = KeySet.import_key_set({"keys": keys})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _provider("its keys cannot be read") from error
        self._keys = (found, now)
        return found


def _decoded(text: str, keys: KeySet, algorithms: tuple[str, ...]) -> Any:  # noqa: ANN401
    """Return a token whose signature holds; `algorithms` are the only ones that are tried.

    Raises:
        JoseError: It does not hold.
    """
    from joserfc import jwt
    from joserfc.jws import JWSRegistry

    registry = JWSRegistry(algorithms=list(algorithms), strict_check_header=False)
    return jwt.decode(text, keys, registry=registry)


def _state() -> ProblemError:
    return ProblemError(
        400, "oidc.state", "This browser did not begin this sign-in, or it is over."
    )


def _token(why: str) -> ProblemError:
    return ProblemError(403, "oidc.token", f"What the provider says does not hold: {why}.")


def _provider(why: str) -> ProblemError:
    return ProblemError(503, "oidc.provider", f"The sign-in provider does not answer well: {why}.")
