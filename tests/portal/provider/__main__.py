"""An OpenID provider: Authlib's authorization server on Flask, on a port of this machine.

It prints one line, its port, and then answers until it is killed. It knows the people, one client
and, by `POST /control`, how to misbehave: what it is told to change in its metadata, in the next
tokens or in how it signs them. Authorization, PKCE, codes, nonces and tokens are Authlib's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import sys
import time
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, UserInfo
from flask import Flask, Response, redirect, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

PEOPLE: dict[str, dict[str, Any]] = {
    "m-1": {"groups": []},
    "m-2": {"groups": ["staff"]},
    "nobody-here": {},
    "alex": {"groups": ["privacy", "staff"], "preferred_username": "alex"},
    "kim": {"groups": ["audit"], "preferred_username": "kim"},
    "host": {"groups": ["host-staff"]},
    "both": {"groups": ["host-staff", "shop-staff"]},
    "nameless": {"groups": ["privacy"], "preferred_username": "<script>"},
}
CLIENT_ID = "byleave"
SECRET = "not-a-secret-of-anyone"


class Client(ClientMixin):
    """The one client; its address to come back to is whatever it names first."""

    def __init__(self) -> None:
        self.back: str | None = None

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        self.back = self.back or redirect_uri
        return redirect_uri == self.back

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(client_secret, SECRET)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        del endpoint
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class Code(AuthorizationCodeMixin):
    """A code that was given out."""

    def __init__(self, code: str, person: str, asked: Any) -> None:
        self.code, self.person, self.at = code, person, int(time.time())
        self.back, self.scope = asked.payload.redirect_uri, asked.payload.scope
        data = asked.payload.data
        self.nonce = data.get("nonce")
        self.code_challenge = data.get("code_challenge")
        self.code_challenge_method = data.get("code_challenge_method")

    def get_redirect_uri(self) -> str:
        return str(self.back)

    def get_scope(self) -> str:
        return str(self.scope)

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.at

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class Person(str):
    """Somebody."""

    __slots__ = ()


class State:
    """Everything the process remembers."""

    def __init__(self) -> None:
        self.codes: dict[str, Code] = {}
        self.nonces: set[str] = set()
        self.client = Client()
        self.told: dict[str, Any] = {}
        self.seen: list[str] = []
        self.key = self.new_key()

    @staticmethod
    def new_key() -> RSAKey:
        return RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"}, private=True)


STATE = State()
APP = Flask(__name__)


class Grant(AuthorizationCodeGrant):
    """Authlib's, over the memory above."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code: str, request: Any) -> None:
        STATE.codes[code] = Code(code, str(request.user), request)

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        del client
        return STATE.codes.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        del STATE.codes[authorization_code.code]

    def authenticate_user(self, authorization_code: Code) -> Person:
        return Person(authorization_code.person)


class Identity(OpenIDCode):
    """Authlib's, with what it was told to change."""

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        del request
        known = nonce in STATE.nonces
        STATE.nonces.add(nonce)
        return known and request_is_first()

    def resolve_client_private_key(self, client: Client) -> RSAKey:
        del client
        return STATE.key

    def get_client_algorithm(self, client: Client) -> str:
        del client
        return "RS256"

    def get_encode_header(self, client: Client) -> dict[str, str]:
        del client
        return {"alg": "RS256", "kid": str(STATE.key.kid)}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        return {"iss": issuer(), "aud": [client.get_client_id()]}

    def generate_user_info(self, user: Person, scope: str) -> UserInfo:
        del scope
        return UserInfo(sub=str(user), sid=f"session of {user}", **PEOPLE[str(user)])

    def encode_id_token(self, token: dict[str, Any], request: Any) -> str:
        made: str = super().encode_id_token(token, request)
        return distorted(made) if STATE.told else made


def request_is_first() -> bool:
    """A page of this provider asks about one nonce twice: shown, then answered."""
    return request.method == "GET"


def distorted(text: str) -> str:
    """Return a token with what the process was told to change."""
    told = STATE.told
    claims = json.loads(_opened(text.split(".")[1]))
    for name in told.get("drop", []):
        claims.pop(name, None)
    claims.update(told.get("claims", {}))
    for name, seconds in told.get("shift", {}).items():
        claims[name] = int(time.time()) + seconds
    header = {"alg": "RS256", "kid": STATE.key.kid, **told.get("header", {})}
    match told.get("sign"):
        case None:
            return str(jwt.encode(header, claims, STATE.key, [header["alg"]]))
        case "another key":
            return str(jwt.encode(header, claims, State.new_key(), ["RS256"]))
        case "own key inside":
            key = State.new_key()
            header["jwk"] = key.as_dict(private=False)
            return str(jwt.encode(header, claims, key, ["RS256"]))
        case "not at all":
            return f"{_part({'alg': 'none'})}.{_part(claims)}."
        case "public key as secret":
            body = f"{_part({**header, 'alg': 'HS256'})}.{_part(claims)}"
            mac = hmac.new(STATE.key.as_pem(private=False), body.encode(), hashlib.sha256)
            return f"{body}.{_closed(mac.digest())}"
        case "changed afterwards":
            head, _, tail = text.split(".")
            return f"{head}.{_part(claims)}.{tail}"
        case other:
            raise ValueError(other)


def _part(value: dict[str, Any]) -> str:
    return _closed(json.dumps(value).encode())


def _closed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _opened(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def issuer() -> str:
    return request.host_url.rstrip("/")


@APP.get("/.well-known/openid-configuration")
def metadata() -> dict[str, Any]:
    here = issuer()
    return {
        "issuer": here,
        "authorization_endpoint": f"{here}/authorize",
        "token_endpoint": f"{here}/token",
        "jwks_uri": f"{here}/keys",
        "end_session_endpoint": f"{here}/end",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        **STATE.told.get("metadata", {}),
    }


@APP.get("/keys")
def keys() -> dict[str, Any]:
    STATE.seen.append("keys")
    return dict(KeySet([STATE.key]).as_dict(private=False))


@APP.route("/authorize", methods=["GET", "POST"])
def authorize() -> Any:
    """Ask who is there, without a password; then send them back with a code."""
    if request.method == "POST":
        if request.form.get("person") == "":
            asked = request.args
            return redirect(
                f"{asked['redirect_uri']}?error=access_denied&state={asked['state']}&iss={issuer()}"
            )
        person = Person(request.form["person"])
        answer = SERVER.create_authorization_response(grant_user=person)
        if "Location" in answer.headers:
            answer.headers["Location"] += f"&iss={STATE.told.get('answer_iss', issuer())}"
        return answer
    try:
        SERVER.get_consent_grant(end_user=None)
    except OAuth2Error as error:
        return Response(f"refused: {error.error} {error.description}", status=400)
    people = "".join(f"<button name=person value='{name}'>{name}</button>" for name in PEOPLE)
    stop = "<button name=person value=''>Stop</button>"
    return f"<!doctype html><title>Who are you?</title><form method=post>{people}{stop}</form>"


@APP.post("/token")
def token() -> Any:
    STATE.seen.append("token")
    kept = dict(STATE.codes)
    answer = SERVER.create_token_response()
    if STATE.told.get("codes") == "again and again":
        STATE.codes = kept
    return answer


@APP.get("/end")
def end() -> str:
    back = request.args["post_logout_redirect_uri"]
    return f"<!doctype html><title>Signed out</title><p>Signed out.</p><a href='{back}'>Back</a>"


@APP.post("/over")
def over() -> str:
    """Return a logout token, with what the request wants changed in it."""
    now = int(time.time())
    claims = {
        "iss": issuer(),
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_hex(8),
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        **request.get_json(),
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    key = State.new_key() if claims.pop("another key", False) else STATE.key
    header = {"alg": "RS256", "kid": str(STATE.key.kid), "typ": "logout+jwt"}
    return str(jwt.encode(header, claims, key, ["RS256"]))


@APP.post("/control")
def control() -> dict[str, Any]:
    told = request.get_json()
    if told.pop("rotate", False):
        STATE.key = State.new_key()
    STATE.told = told
    seen, STATE.seen = STATE.seen, []
    return {"seen": seen}


SERVER = AuthorizationServer(
    APP, query_client=lambda name: STATE.client if name == CLIENT_ID else None,
    save_token=lambda token, request: None,
)  # fmt: skip
SERVER.register_grant(Grant, [Identity(require_nonce=True), CodeChallenge(required=True)])

if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, APP, threaded=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
