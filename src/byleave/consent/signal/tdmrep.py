"""TDM Reservation Protocol (W3C Community Group): text and data mining rights are reserved.

`tdm-reservation` is 1 (reserved) or 0; any other value is a protocol error and counts as unset.
It stands in an HTTP head, in `/.well-known/tdmrep.json`, or in a page's meta elements; of these
the page overrides the head and the head the file, so hand over the one nearest to the data.
Mining in the sense of Directive (EU) 2019/790, article 2(2), takes in every training of a model.
"""

from __future__ import annotations

import json
from html.parser import HTMLParser

from byleave.consent.signal.finding import Finding, Subject, malformed
from byleave.consent.signal.headers import field_values, parse_head

__all__ = ["read_headers", "read_html", "read_well_known"]

_LIMIT = 16 << 20
_NAME = "tdm-reservation"


def read_headers(payload: bytes) -> tuple[Finding, ...]:
    """Read the head of an HTTP response.

    Raises:
        InputError: `signal.malformed`, not the head of an HTTP message.
    """
    return _findings(field_values(parse_head(payload), _NAME))


def read_well_known(payload: bytes) -> tuple[Finding, ...]:
    """Read a `tdmrep.json`: a list of rules.

    The location of a rule is not looked at: which page a member's record came from is not known
    here, and in doubt the strictest rule holds.

    Raises:
        InputError: `signal.malformed`, not a JSON list of objects, each with a location.
    """
    if len(payload) > _LIMIT:
        raise malformed("tdmrep.json is over 16 MiB")
    try:
        rules = json.loads(payload)
    except (ValueError, RecursionError):
        rules = None
    if not isinstance(rules, list):
        raise malformed("tdmrep.json is not a JSON list")
    if not all(isinstance(r, dict) and isinstance(r.get("location"), str) for r in rules):
        raise malformed("a rule of tdmrep.json has no location")
    return _findings([_integer(rule[_NAME]) for rule in rules if _NAME in rule])


def read_html(payload: bytes) -> tuple[Finding, ...]:
    """Read the meta elements in a page's head.

    Raises:
        InputError: `signal.malformed`, over 16 MiB, or not UTF-8.
    """
    if len(payload) > _LIMIT:
        raise malformed("the page is over 16 MiB")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("the page is not UTF-8") from None
    reader = _Metas()
    reader.feed(text)
    reader.close()
    return _findings(reader.values)


class _Metas(HTMLParser):
    """Collects `<meta name="tdm-reservation" content="…">` outside the body."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.values: list[str] = []
        self._in_body = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_body = self._in_body or tag == "body"
        found = dict(reversed(attrs))  # the first of a doubled attribute counts
        if tag == "meta" and not self._in_body and (found.get("name") or "").lower() == _NAME:
            self.values.append((found.get("content") or "").strip())


def _integer(value: object) -> str:
    """Return a JSON value as it would stand in a head; the protocol wants an integer."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else "?"


def _findings(values: list[str]) -> tuple[Finding, ...]:
    notes = {
        "1": "rights of text and data mining are reserved",
        "0": "not reserved; never a yes of the member",
    }
    found: dict[str, Finding] = {}
    for value in values:
        known = value in notes
        said = f"{_NAME}: {value}" if known else f"{_NAME}, another value"
        note = notes.get(value, "a protocol error, to be read as unset")
        refuses = (Subject.TRAINING,) if value == "1" else ()
        found.setdefault(said, Finding(said=said, refuses=refuses, note=note))
    return tuple(found.values())
