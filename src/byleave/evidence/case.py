"""Statements of a case over the past: which bytes were asked, and what came out.

    {"format":"byleave-case-statement/v1","origin":...,"program":...,"salt":HEX32,
     "case":HEX32,"as_of":...,"stated":...,
     "inputs":[{"name","file","sha256","bytes","rows"}, ...],
     "pack":{"name","dated","sha256"},
     "rulesets":HEX32 or null,
     "results":{FILE: HEX32, ...},
     "counts":[{"cohort","members":[LOW,HIGH],"messages":[LOW,HIGH],"pairs","by_reason":{...}}, ...]}

`case` is the SHA-256 of case.yaml, `pack` the readings, `rulesets` those of the gate where the case
asks for it. The log entry `case/v1` repeats the digest of the case and both instants, and holds
the SHA-256 of the statement's canonical bytes. The salt keeps anybody from guessing a short list
of members from a digest. Nothing here names a member or a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from byleave import canonical
from byleave.errors import EvidenceError
from byleave.evidence.entry import CaseEntry
from byleave.evidence.fields import COUNT, DIGEST, INSTANT, TEXT, array, exactly, optional

__all__ = ["CASE_STATEMENT", "read_case_statement", "verify_case_statement"]

CASE_STATEMENT: Final = "byleave-case-statement/v1"
_FIELDS: Final = frozenset(
    {
        "format", "origin", "program", "salt", "case", "as_of", "stated", "inputs", "pack",
        "rulesets", "results", "counts",
    }
)  # fmt: skip
_INPUT: Final = frozenset({"name", "file", "sha256", "bytes", "rows"})
_PACK: Final = frozenset({"name", "dated", "sha256"})
_COUNTED: Final = frozenset({"cohort", "members", "messages", "pairs", "by_reason"})
_MOST: Final = 10_000
_TEXT_BYTES: Final = 4_096


def read_case_statement(value: object) -> Mapping[str, Any]:
    """Return a statement that is well formed; nothing of it verified.

    Raises:
        EvidenceError: `case.statement`, it has other fields, or numbers that cannot be: a low end
            above its high end, reasons that do not sum to the pairs.
    """
    try:
        statement = exactly(value, _FIELDS)
        if statement["format"] != CASE_STATEMENT:
            raise ValueError
        for name in ("origin", "program"):
            TEXT.read(statement[name])
        for name in ("salt", "case"):
            DIGEST.read(statement[name])
        optional(DIGEST).read(statement["rulesets"])
        for name in ("as_of", "stated"):
            INSTANT.read(statement[name])
        for item in array(statement["inputs"], _MOST):
            _input(item)
        pack = exactly(statement["pack"], _PACK)
        TEXT.read(pack["name"])
        INSTANT.read(pack["dated"])
        DIGEST.read(pack["sha256"])
        for digest in _object(statement["results"]).values():
            DIGEST.read(digest)
        for item in array(statement["counts"], _MOST):
            _counted(item)
    except ValueError:
        raise EvidenceError(
            "not a byleave-case-statement/v1 with possible numbers", code="case.statement"
        ) from None
    return statement


def verify_case_statement(statement: object, entry: CaseEntry, *, origin: str) -> Mapping[str, Any]:
    """Check a statement against its log entry; return it.

    Raises:
        EvidenceError: `case.statement`, it is malformed, or not the one that the entry is of.
    """
    found = read_case_statement(statement)
    same = (
        canonical.digest_of(found) == entry.statement
        and DIGEST.read(found["case"]) == entry.case
        and INSTANT.read(found["as_of"]) == entry.as_of
        and INSTANT.read(found["stated"]) == entry.stated
        and found["origin"] == origin
    )
    if not same:
        raise EvidenceError(
            "the statement is not the one that the log entry is of", code="case.statement"
        )
    return found


def _input(value: object) -> None:
    item = exactly(value, _INPUT)
    TEXT.read(item["name"])
    _text(item["file"])
    DIGEST.read(item["sha256"])
    COUNT.read(item["bytes"])
    COUNT.read(item["rows"])


def _counted(value: object) -> None:
    item = exactly(value, _COUNTED)
    _text(item["cohort"])
    for name in ("members", "messages"):
        low, high = (COUNT.read(end) for end in array(item[name], 2))
        if low > high:
            raise ValueError
    reasons = [COUNT.read(number) for number in _object(item["by_reason"]).values()]
    if sum(reasons) != COUNT.read(item["pairs"]):
        raise ValueError


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or len(value) > _MOST:
        raise ValueError
    return value


def _text(value: object) -> None:
    if not isinstance(value, str) or not value or len(value) > _TEXT_BYTES:
        raise ValueError
    if not value.isprintable():  # a verdict must not carry a terminal's commands
        raise ValueError
