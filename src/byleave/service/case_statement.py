"""State the answer to a case: which bytes were asked, what came out; and log it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from byleave import canonical
from byleave.canonical import digest_of, sha256
from byleave.evidence.case import CASE_STATEMENT, read_case_statement
from byleave.evidence.entry import CaseEntry
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_file import encode_proof_file
from byleave.evidence.proof_kinds import CaseProofFile
from byleave.exposure.pack import RulePack
from byleave.ids import format_instant, parse_instant, to_us
from byleave.service.case import CaseReport
from byleave.service.clock import ledger_now
from byleave.service.house import House

__all__ = ["case_entry", "case_proof", "log_case", "pack_digest", "state_case"]


def state_case(
    report: CaseReport,
    results: Mapping[str, str],
    *,
    origin: str,
    program: str,
    case: bytes,
    inputs: Sequence[Mapping[str, Any]],
    rulesets: str | None,
    stated: datetime,
    salt: bytes,
) -> dict[str, Any]:
    """Return the statement of an answer (`byleave.evidence.case`).

    Args:
        report: The answer.
        results: SHA-256 of each of its files, hex, by name.
        origin: The log that it goes into.
        program: Name and version of what ran.
        case: SHA-256 of the case file.
        inputs: Digest, size and rows of each table.
        rulesets: Digest of the gate's rulesets, hex, where the case asks for a gate.
        stated: When.
        salt: 32 random bytes.
    """
    pack = report.case.pack
    statement: dict[str, Any] = {
        "format": CASE_STATEMENT,
        "origin": origin,
        "program": program,
        "salt": salt.hex(),
        "case": case.hex(),
        "as_of": format_instant(report.case.as_of),
        "stated": format_instant(stated),
        "inputs": [dict(item) for item in inputs],
        "pack": {
            "name": pack.name,
            "dated": format_instant(pack.dated),
            "sha256": pack_digest(pack).hex(),
        },
        "rulesets": rulesets,
        "results": dict(results),
        "counts": [_counts(cohort.affected.to_dict()) for cohort in report.cohorts],
    }
    read_case_statement(statement)
    return statement


def case_entry(statement: Mapping[str, Any]) -> bytes:
    """Return the log entry that commits to a statement."""
    return CaseEntry(
        case=bytes.fromhex(statement["case"]),
        as_of=parse_instant(statement["as_of"]),
        stated=parse_instant(statement["stated"]),
        statement=digest_of(statement),
    ).encode()


def case_proof(statement: Mapping[str, Any], logged: LoggedEntry) -> bytes:
    """Return the proof file of a statement."""
    return encode_proof_file(CaseProofFile(case=logged, statement=statement))


def log_case(house: House, statement: Mapping[str, Any]) -> bytes:
    """Log a statement in a workspace, publish, and return its proof file."""
    with house.ledger.writing() as writer:
        index = writer.log(case_entry(statement))
        writer.add_object(
            "case",
            f"case-{index}",
            index=index,
            at_us=to_us(ledger_now(house)),
            document={"statement": dict(statement)},
        )
    house.log.publish()
    return case_proof(statement, house.log.logged(index))


def pack_digest(pack: RulePack) -> bytes:
    """Return the SHA-256 of a pack: every reading with its citation, dates and amounts."""
    return sha256(canonical.encode(_plain(asdict(pack))))


def _plain(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return format_instant(value) if isinstance(value, datetime) else value


def _counts(found: Mapping[str, Any]) -> dict[str, Any]:
    reasons = dict(found["pairs_by_reason"])
    return {
        "cohort": found["cohort"],
        "members": [found["members"]["low"], found["members"]["high"]],
        "messages": [found["messages"]["low"], found["messages"]["high"]],
        "pairs": sum(reasons.values()),
        "by_reason": reasons,
    }
