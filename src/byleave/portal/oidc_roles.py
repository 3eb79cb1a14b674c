"""Whom the claims of a sign-in provider make whom: what byleave.toml says, and nothing besides.

Doubt means no. A claim of another type than is wanted, a group that nobody was given, two terms for
one recipient, an e-mail address that the provider has not verified: each refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from byleave.errors import InputError
from byleave.portal.access import Role
from byleave.portal.problem import ProblemError
from byleave.wiring.desk import Grantee
from byleave.wiring.oidc import OidcSettings

__all__ = ["grantee_for", "roles_offered"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_LONGEST: Final = 256


def roles_offered(settings: OidcSettings) -> tuple[Role, ...]:
    """Return the roles in which somebody could sign in at the provider."""
    offered = {
        Role.MEMBER: settings.member is not None,
        Role.OPERATOR: bool(settings.operator),
        Role.AUDITOR: bool(settings.auditor),
        Role.RECIPIENT: bool(settings.recipient),
    }
    return tuple(role for role, there in offered.items() if there)


def grantee_for(
    settings: OidcSettings,
    claims: Mapping[str, Any],
    role: Role,
    *,
    ordinal: Callable[[str], int],
) -> Grantee:
    """Return for whom a session is started.

    Args:
        settings: What byleave.toml says.
        claims: What the provider says of the person, checked.
        role: What they asked to be; nobody gets a role they did not ask for.
        ordinal: Returns the ordinal of a member's id; `member.unknown` where nobody has it.

    Raises:
        ProblemError: 403 `oidc.role`, `oidc.unknown`.
    """
    if role is Role.MEMBER:
        return Grantee(role, str(_member(settings, claims, ordinal)))
    groups = _groups(settings, claims)
    if role is Role.OPERATOR and groups & set(settings.operator):
        return Grantee(role, _name(settings, claims))
    if role is Role.AUDITOR and groups & set(settings.auditor):
        return Grantee(role, _name(settings, claims))
    if role is Role.RECIPIENT:
        terms = [term for term, named in settings.recipient.items() if groups & set(named)]
        if len(terms) == 1:
            return Grantee(role, terms[0])
        if terms:
            raise _refused("Their groups speak for more than one recipient.")
    raise _refused("Nothing that the provider says gives them this role.")


def _member(
    settings: OidcSettings, claims: Mapping[str, Any], ordinal: Callable[[str], int]
) -> int:
    if settings.member is None:
        raise _refused("Members do not sign in at the provider.")
    value = _claim(claims, settings.member)
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST:
        raise _refused("The provider does not say which member they are.")
    if settings.member == "email" and claims.get("email_verified") is not True:
        raise _refused("The provider has not verified their e-mail address.")
    try:
        return ordinal(value)
    except InputError as error:
        raise ProblemError(403, "oidc.unknown", "Nobody of that name is enrolled here.") from error


def _groups(settings: OidcSettings, claims: Mapping[str, Any]) -> set[str]:
    value = None if settings.roles is None else _claim(claims, settings.roles)
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(group, str) for group in listed):
        raise _refused("The provider does not list their groups.")
    return set(listed)


def _name(settings: OidcSettings, claims: Mapping[str, Any]) -> str:
    value = _claim(claims, settings.name or "sub")
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise _refused("The provider gives no name under which their acts could be logged.")
    return value


def _claim(claims: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 (any JSON)
    """Return a claim; where none has that very name, dots lead into objects (`realm.roles`)."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _refused(why: str) -> ProblemError:
    return ProblemError(403, "oidc.role", why)
