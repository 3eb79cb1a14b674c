"""What `byleave.toml` says of signing in at a provider of the operator's (OpenID Connect).

```toml
[portal.oidc]
issuer = "https://id.example.com"
client_id = "byleave"
client_secret_env = "BYLEAVE_OIDC_SECRET"   # or client_secret_file = "keys/oidc.secret"
member = "sub"                              # claim that holds the member's id
roles = "groups"                            # claim that lists groups
operator = ["privacy-team"]                 # groups whose people are operators
auditor = ["audit"]

[portal.oidc.recipient]
"provider.model-host" = ["host-staff"]
```

Nobody is let in by what is not written here: without `member` no member, without `operator` no
operator. A field that is not known refuses the workspace, since it may have been meant to keep
somebody out.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from byleave.errors import InputError, WorldError

__all__ = ["ALGORITHMS", "OidcSettings", "client_secret", "oidc_lines", "parse_oidc"]

ALGORITHMS: Final = frozenset(
    {
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
        "Ed25519",
    }
)  # fmt: skip
"""Signatures of a token that can be allowed. None of them shares a secret, and `none` is not one."""

_DEFAULT: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
_TEXTS: Final = ("client_secret_env", "client_secret_file", "member", "roles", "name")
_FIELDS: Final = frozenset(
    {
        "issuer", "client_id", "operator", "auditor", "recipient", "scopes", "algorithms",
        "clock_skew", *_TEXTS,
    }
)  # fmt: skip
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_MOST_SKEW: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """A provider, and whom its claims make whom.

    Attributes:
        issuer: Its address; https, or http on this machine.
        client_id: Who we are to it.
        client_secret_env: Environment variable that holds our secret.
        client_secret_file: File that holds it, from the workspace's folder; its owner's alone.
        member: Claim that holds a member's id; None: no member signs in there.
        roles: Claim that lists groups, or names one.
        name: Claim under which acts of operators and auditors are logged.
        operator: Groups whose people are operators.
        auditor: Groups whose people are auditors.
        recipient: Term of a recipient → groups whose people speak for it.
        scopes: What is asked for; `openid` is always among them.
        algorithms: Signatures that are taken.
        clock_skew: Seconds by which its clock and ours may differ.
    """

    issuer: str
    client_id: str
    client_secret_env: str | None = None
    client_secret_file: str | None = None
    member: str | None = None
    roles: str | None = None
    name: str | None = None
    operator: tuple[str, ...] = ()
    auditor: tuple[str, ...] = ()
    recipient: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scopes: tuple[str, ...] = ("openid",)
    algorithms: tuple[str, ...] = _DEFAULT
    clock_skew: int = 60

    @property
    def on_this_machine(self) -> bool:
        """Say whether the provider is reached by http on this machine alone."""
        return self.issuer.startswith("http://")


def parse_oidc(values: Any) -> OidcSettings:  # noqa: ANN401 (what TOML gives)
    """Read the table `[portal.oidc]`.

    Raises:
        InputError: `oidc.settings`, with the field.
    """
    if not isinstance(values, dict):
        raise _bad("", "a table is wanted")
    unknown = sorted(values.keys() - _FIELDS)
    if unknown:
        raise _bad(unknown[0], "there is no such field")
    texts = {name: _text(values, name) for name in _TEXTS}
    settings = OidcSettings(
        issuer=_issuer(values.get("issuer")),
        client_id=_text(values, "client_id") or "",
        operator=_list(values, "operator"),
        auditor=_list(values, "auditor"),
        recipient=_recipients(values.get("recipient", {})),
        scopes=tuple(dict.fromkeys(("openid", *_list(values, "scopes")))),
        algorithms=_list(values, "algorithms") or _DEFAULT,
        clock_skew=_skew(values.get("clock_skew", 60)),
        **texts,
    )
    _check(settings)
    return settings


def oidc_lines(settings: OidcSettings) -> list[str]:
    """Write the table back as lines of TOML; what has its default is left out."""
    plain = OidcSettings(issuer="", client_id="")
    lines = ["[portal.oidc]"]
    for name in ("issuer", "client_id", *_TEXTS):
        value = getattr(settings, name)
        if value is not None:
            lines.append(f"{name} = {_quoted(value)}")
    lines += [
        f"{name} = {_array(getattr(settings, name))}"
        for name in ("operator", "auditor", "scopes", "algorithms")
        if getattr(settings, name) != getattr(plain, name)
    ]
    if settings.clock_skew != plain.clock_skew:
        lines.append(f"clock_skew = {settings.clock_skew}")
    if settings.recipient:
        lines.append("[portal.oidc.recipient]")
        lines += [f"{_quoted(k)} = {_array(v)}" for k, v in sorted(settings.recipient.items())]
    return lines


def client_secret(settings: OidcSettings, root: Path, environment: Mapping[str, str]) -> str | None:
    """Return our secret at the provider; None where we have none there (PKCE alone).

    Args:
        settings: Where it stands.
        root: The workspace's folder.
        environment: The process's variables.

    Raises:
        WorldError: `oidc.secret`, it is not there, empty, or readable by others.
    """
    if settings.client_secret_env is not None:
        secret = environment.get(settings.client_secret_env, "").strip()
        if not secret:
            raise WorldError(
                "the variable that holds the provider's secret is empty",
                code="oidc.secret",
                where=settings.client_secret_env,
            )
        return secret
    if settings.client_secret_file is None:
        return None
    path = root / settings.client_secret_file
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise WorldError(
                "the file that holds the provider's secret can be read by others",
                code="oidc.secret",
                where=settings.client_secret_file,
                hint="chmod 600",
            )
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WorldError(
            "the file that holds the provider's secret cannot be read",
            code="oidc.secret",
            where=settings.client_secret_file,
        ) from error
    if not secret:
        raise WorldError(
            "the file that holds the provider's secret is empty",
            code="oidc.secret",
            where=settings.client_secret_file,
        )
    return secret


def _check(settings: OidcSettings) -> None:
    if not settings.client_id:
        raise _bad("client_id", "it is missing")
    if settings.client_secret_env is not None and settings.client_secret_file is not None:
        raise _bad(
            "client_secret_file", "the secret stands in a variable or in a file, not in both"
        )
    unknown = sorted(set(settings.algorithms) - ALGORITHMS)
    if unknown:
        raise _bad("algorithms", f"there are: {', '.join(sorted(ALGORITHMS))}")
    grouped = settings.operator or settings.auditor or settings.recipient
    if grouped and settings.roles is None:
        raise _bad("roles", "groups are given roles, and no claim that lists groups is named")
    if not grouped and settings.member is None:
        raise _bad("member", "nobody could sign in: name a claim for members, or groups for roles")


def _issuer(value: object) -> str:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        host = (parts.hostname or "") if parts else ""
        port = parts.port if parts else None
    except ValueError:
        parts, host, port = None, "", None
    if (
        parts is None
        or not host
        or port == 0
        or parts.username is not None
        or parts.query
        or parts.fragment
        or not (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))
    ):
        raise _bad(
            "issuer", "an address with https is wanted; http is taken for this machine alone"
        )
    return str(value)


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not (isinstance(value, str) and value):
        raise _bad(name, "a text is wanted")
    return value


def _list(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = values.get(name, [])
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise _bad(name, "a list of texts is wanted")
    return tuple(value)


def _recipients(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise _bad("recipient", "a table of terms and their groups is wanted")
    return {term: _list(value, term) for term in value}


def _skew(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_SKEW:
        raise _bad("clock_skew", f"0 to {_MOST_SKEW} seconds")
    return value


def _bad(name: str, why: str) -> InputError:
    where = "portal.oidc" + (f".{name}" if name else "")
    return InputError(f"byleave.toml, {where}: {why}", code="oidc.settings", where=where)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _array(texts: tuple[str, ...]) -> str:
    return "[" + ", ".join(_quoted(text) for text in texts) + "]"
