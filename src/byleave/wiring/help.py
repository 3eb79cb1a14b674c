"""Whom people can turn to, as `byleave.toml` says: the operator, and the supervisory authorities.

    [portal.contact]
    name = "The privacy team"
    address = "1 Example Street, London"
    url = "mailto:privacy@example.com"

    [portal.authority]
    name = "…"
    url = "https://…"

    [portal.authority.region.uk]
    name = "…"

Both stand on every page, in the same place (WCAG 2.2, 3.2.6; GDPR art. 13(2)(d)).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from byleave.errors import InputError

__all__ = ["Address", "Help", "help_lines", "parse_help"]

_FIELDS: Final = frozenset({"name", "address", "url"})
_LONGEST: Final = {"name": 120, "address": 300, "url": 500}
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z0-9]{1,8}){0,3}")
_MAIL: Final = re.compile(r"mailto:[A-Za-z0-9.!#$&'*+/=^_{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_HOST: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Someone to turn to.

    Attributes:
        name: Who.
        address: Where letters go; None: not stated.
        url: Their page (https) or mailbox (mailto); None: not stated.
    """

    name: str
    address: str | None = None
    url: str | None = None

    def document(self) -> dict[str, str | None]:
        """Return the fields."""
        return {"name": self.name, "address": self.address, "url": self.url}


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """Whom people can turn to.

    Attributes:
        contact: The operator's people; None: not set.
        authority: The supervisory authority where no region's own is named; None: not set.
        regions: Region → the authority of people who live there, and below it.
    """

    contact: Address | None = None
    authority: Address | None = None
    regions: Mapping[str, Address] = field(default_factory=dict)

    def authority_of(self, region: str | None) -> Address | None:
        """Return the authority of a region: its own, else that of the one above it, else ours.

        Args:
            region: Where someone lives, `us-ca`; None: not known.
        """
        parts = [] if region is None else region.split("-")
        for end in range(len(parts), 0, -1):
            found = self.regions.get("-".join(parts[:end]))
            if found is not None:
                return found
        return self.authority


def parse_help(portal: Mapping[str, Any]) -> Help:
    """Read `contact` and `authority` of the table `[portal]`.

    Raises:
        InputError: `portal.settings`, with the field.
    """
    authority = portal.get("authority", {})
    if not isinstance(authority, dict):
        raise _bad("authority", "a table is wanted")
    own = {name: value for name, value in authority.items() if name != "region"}
    regions = authority.get("region", {})
    if not isinstance(regions, dict):
        raise _bad("authority.region", "a table is wanted")
    for region in regions:
        if not _REGION.fullmatch(region):
            raise _bad("authority.region", "a region is written as `uk` or `us-ca`")
    return Help(
        contact=_address(portal["contact"], "contact") if "contact" in portal else None,
        authority=_address(own, "authority") if own else None,
        regions={
            region: _address(value, f"authority.region.{region}")
            for region, value in regions.items()
        },
    )


def help_lines(settings: Help) -> list[str]:
    """Write the tables back as lines of TOML."""
    tables = {
        "contact": settings.contact,
        "authority": settings.authority,
        **{f"authority.region.{name}": value for name, value in sorted(settings.regions.items())},
    }
    return [
        line
        for name, address in tables.items()
        if address is not None
        for line in (f"[portal.{name}]", *_lines(address))
    ]


def _lines(address: Address) -> list[str]:
    return [
        f"{name} = " + json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        for name, value in address.document().items()
        if value is not None
    ]


def _address(values: Any, where: str) -> Address:  # noqa: ANN401 (what TOML gives)
    if not isinstance(values, dict):
        raise _bad(where, "a table is wanted")
    unknown = sorted(values.keys() - _FIELDS)
    if unknown:
        raise _bad(f"{where}.{unknown[0]}", "there is no such field")
    for name, value in values.items():
        most = _LONGEST[name]
        if not isinstance(value, str) or not 1 <= len(value) <= most or not value.isprintable():
            raise _bad(f"{where}.{name}", f"a text of 1 to {most} characters is wanted")
    if "name" not in values:
        raise _bad(f"{where}.name", "it is missing")
    url = values.get("url")
    if url is not None and not _may_link(url):
        raise _bad(f"{where}.url", "an address is https://… or mailto:…")
    return Address(name=values["name"], address=values.get("address"), url=url)


def _may_link(url: str) -> bool:
    """Say whether a page may link to it: https to a named host without a user, or one mailbox."""
    if _MAIL.fullmatch(url):
        return True
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (reading it checks it)
    except ValueError:
        return False
    named = parts.hostname is not None and _HOST.fullmatch(parts.hostname) is not None
    plain = "@" not in parts.netloc and "\\" not in url and " " not in url
    return parts.scheme == "https" and url.startswith("https://") and named and plain


def _bad(name: str, message: str) -> InputError:
    return InputError(message, code="portal.settings", where=f"portal.{name}")
