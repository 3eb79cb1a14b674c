"""A case that was answered and logged: its proof file, and those that must be refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from byleave.evidence.proof_kinds import CaseProofFile
from byleave.ids import format_instant
from byleave.service.case_statement import case_entry
from tests.vectors.world import AT, ORIGIN, derive, seal

__all__ = ["STATEMENT", "cased"]

STATEMENT: dict[str, Any] = {
    "format": "byleave-case-statement/v1",
    "origin": ORIGIN,
    "program": "byleave 0.1.0",
    "salt": derive("case salt").hex(),
    "case": derive("case.yaml").hex(),
    "as_of": format_instant(AT),
    "stated": format_instant(AT),
    "inputs": [
        {
            "name": "messages",
            "file": "messages.csv",
            "sha256": derive("messages").hex(),
            "bytes": 4_096,
            "rows": 180,
        }
    ],
    "pack": {
        "name": "us-private-messages",
        "dated": format_instant(AT),
        "sha256": derive("pack").hex(),
    },
    "rulesets": None,
    "results": {"report.json": derive("report").hex()},
    "counts": [
        {
            "cohort": "everyone",
            "members": [22, 22],
            "messages": [118, 121],
            "pairs": 5,
            "by_reason": {"no-choice": 3, "refused-but-used": 2},
        }
    ],
}


def cased() -> dict[str, tuple[str, CaseProofFile]]:
    """Return each proof file by name, with what a verifier answers."""
    honest = _logged(STATEMENT)
    counts = STATEMENT["counts"][0]
    impossible: dict[str, dict[str, Any]] = {
        "case-reasons-do-not-sum": {"counts": [{**counts, "pairs": 6}]},
        "case-low-above-high": {"counts": [{**counts, "members": [23, 22]}]},
        "case-without-messages": {"inputs": []},
        "case-without-results": {"results": {}},
        "case-input-twice": {"inputs": STATEMENT["inputs"] * 2},
        "case-of-another-log": {"origin": "other.test.invalid"},
        "case-with-a-terminal-command": {"counts": [{**counts, "cohort": "\x1b[2J"}]},
    }
    return {
        "case": ("accept", honest),
        "case-other-statement": (
            "case.statement",
            replace(honest, statement={**STATEMENT, "salt": derive("other salt").hex()}),
        ),
        "case-other-counts": (
            "case.statement",
            replace(honest, statement={**STATEMENT, "counts": [{**counts, "members": [1, 1]}]}),
        ),
        "case-further-field": (
            "case.statement",
            replace(honest, statement={**STATEMENT, "note": "all is well"}),
        ),
        **{
            name: ("case.statement", _logged({**STATEMENT, **changed}))
            for name, changed in impossible.items()
        },
    }


def _logged(statement: Mapping[str, Any]) -> CaseProofFile:
    reader = seal([case_entry(statement)])
    return CaseProofFile(case=reader.logged(0), statement=statement)
