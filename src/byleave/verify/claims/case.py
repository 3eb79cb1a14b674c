"""A case over the past was answered: these inputs, this pack of readings, these results."""

from __future__ import annotations

from typing import Final

from byleave.errors import EvidenceError
from byleave.evidence.case import verify_case_statement
from byleave.evidence.entry import CaseEntry, parse_entry
from byleave.evidence.proof_kinds import CaseProofFile
from byleave.ids import format_instant
from byleave.verify.claim import Claim, Step
from byleave.verify.run import Run
from byleave.verify.words import counted, short, where

__all__ = ["CLAIM"]


def _case(run: Run, proof: CaseProofFile) -> str:
    place = run.logged(proof.case)
    entry = parse_entry(proof.case.entry, CaseEntry)
    run.claim_entry = place
    run.facts |= {
        "case_index": place.index,
        "case": entry.case.hex(),
        "as_of": format_instant(entry.as_of),
        "stated": format_instant(entry.stated),
        "origin": place.under.checkpoint.origin,
    }
    return where(place)


def _statement(run: Run, proof: CaseProofFile) -> str:
    entry = parse_entry(proof.case.entry, CaseEntry)
    found = verify_case_statement(proof.statement, entry, origin=str(run.facts["origin"]))
    run.facts |= {
        "program": found["program"],
        "inputs": [dict(item) for item in found["inputs"]],
        "pack": dict(found["pack"]),
        "results": dict(found["results"]),
        "counts": [dict(item) for item in found["counts"]],
    }
    rows = sum(item["rows"] for item in found["inputs"])
    return f"{counted(len(found['inputs']), 'input')}, {counted(rows, 'row')}; pack {found['pack']['name']}"


def _inputs(_: Run, proof: CaseProofFile) -> str:
    names = [item["name"] for item in proof.statement["inputs"]]
    if "messages" not in names or len(set(names)) != len(names):
        raise EvidenceError(
            "the statement names no messages, or one input twice", code="case.statement"
        )
    results = sorted(proof.statement["results"])
    if not results:
        raise EvidenceError("the statement names no result", code="case.statement")
    return f"{', '.join(names)} → {', '.join(results)}"


def _said(run: Run, proof: CaseProofFile) -> str:
    cohorts = "; ".join(
        f"{item['cohort']}: {_span(item['members'])} members by {_span(item['messages'])} messages"
        for item in proof.statement["counts"]
    )
    return (
        f"{run.facts['origin']} logged on {run.facts['stated']} its answer to the case"
        f" {short(bytes.fromhex(str(run.facts['case'])))}, as of {run.facts['as_of']}, over tables"
        f" of these digests: {cohorts}"
    )


def _span(ends: list[int]) -> str:
    low, high = ends
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


CLAIM: Final = Claim(
    kind=CaseProofFile,
    steps=(
        Step("case", "the case entry is in a trusted log", _case),
        Step(
            "statement",
            "the statement is the one that the entry commits to, of this log, with the same digest"
            " of the case and the same instants; in each cohort no low end is above its high end,"
            " and the reasons sum to the pairs",
            _statement,
        ),
        Step(
            "inputs",
            "the messages are among the inputs, no input is named twice, and some result is named",
            _inputs,
        ),
    ),
    statement=_said,
    limits=lambda _: [
        "that the tables are complete or true; alleged, not found, and not legal advice",
        "that these tables give these results (`byleave case verify` runs the case again)",
    ],
)
