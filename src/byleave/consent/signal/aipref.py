"""IETF AI Preferences: `Content-Usage` in an HTTP head and in robots.txt.

After draft-ietf-aipref-vocab and draft-ietf-aipref-attach. Of the vocabulary one label concerns a
use of ours: `train-ai`, the training of generative models. Neither `ai-use` nor `search` does.
Unknown labels, parameters and values other than `y` and `n` say nothing, and so does a
dictionary that does not parse: the drafts call all of it *unknown*, never an error.
Where several statements differ, any `n` wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from byleave.consent.signal.dictionary import tokens
from byleave.consent.signal.finding import Finding, Subject, malformed
from byleave.consent.signal.headers import field_values, parse_head

__all__ = ["read_headers", "read_robots"]

_LIMIT = 500 << 10
_LABEL = "train-ai"


def read_headers(payload: bytes) -> tuple[Finding, ...]:
    """Read the head of an HTTP message; several fields are one list, as HTTP says.

    Raises:
        InputError: `signal.malformed`, not the head of an HTTP message.
    """
    values = field_values(parse_head(payload), "content-usage")
    return _findings([", ".join(values)] if values else [])


def read_robots(payload: bytes) -> tuple[Finding, ...]:
    """Read the rules of a robots.txt that are for every crawler (`User-agent: *`).

    The path of a rule is not looked at: which page a member's record came from is not known
    here, and in doubt the strictest rule holds.

    Raises:
        InputError: `signal.malformed`, over 500 KiB, or not text.
    """
    if len(payload) > _LIMIT or b"\x00" in payload:
        raise malformed("robots.txt is over 500 KiB, or not text")
    return _findings(_rules(payload.decode("utf-8", "replace").removeprefix("\ufeff")))


def _rules(text: str) -> Iterable[str]:
    """Yield the preference of each Content-Usage rule in the groups for `*` (RFC 9309)."""
    for_all, in_agents = False, False
    for raw in re.split(r"\r\n|\r|\n", text):
        label, colon, rest = raw.partition("#")[0].partition(":")
        if not colon:
            continue
        name, value = label.strip(" \t").lower(), rest.strip(" \t")
        if name == "user-agent":
            for_all = (for_all and in_agents) or value == "*"
            in_agents = True
            continue
        if name in {"allow", "disallow", "content-usage"}:
            in_agents = False
        parts = re.split(r"[ \t]+", value, maxsplit=1)
        if name == "content-usage" and for_all and value.startswith("/") and len(parts) == 2:
            yield parts[1]


def _findings(statements: Iterable[str]) -> tuple[Finding, ...]:
    found: dict[str, Finding] = {}
    for statement in statements:
        finding = _finding(statement)
        found.setdefault(finding.said, finding)
    return tuple(found.values())


def _finding(statement: str) -> Finding:
    values = tokens(statement.encode("utf-8"))
    if values is None:
        note = "not a structured-field dictionary: preferences are unknown"
        return Finding(said="Content-Usage, does not parse", refuses=(), note=note)
    match values.get(_LABEL):
        case "n":
            note = "do not train generative models on this"
            return Finding(said="train-ai=n", refuses=(Subject.GENERATIVE,), note=note)
        case "y":
            note = "allowed by whoever served it; never a yes of the member"
            return Finding(said="train-ai=y", refuses=(), note=note)
    note = "no preference about training is stated"
    return Finding(said="Content-Usage without train-ai=y or n", refuses=(), note=note)
