"""Check a proof file offline, step by step, and say what it shows.

The checks of every kind, in this order; the first that fails ends the run and is named:

(1) proof file  it is a byleave-proof/v1 in its one encoding, of a known kind
(2) receipt     where there is one: its one encoding; the enrolment entry commits to its member
                and secret, each consent event's entry to that event
(3) trust file  it is a tlog-policy with a log and a quorum
(4) …           those of the kind: `byleave.verify.claims`, docs/spec/verify.md
(n) digest      the file's digest is that of its contents: nothing in it is unaccounted for

Throughout, entries of two logs, and two checkpoints of one size and different roots, end the run.

Not checked here, and said in every verdict: whether anything was trained outside the system,
whose a record really is, whether the platform gave one person two secrets (unless a directory
covers the answer), and whether the log showed others another history where the trust file asks
for no witnesses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from byleave.errors import ByleaveError
from byleave.verify.claim import NEVER_SHOWS, Skipped
from byleave.verify.claims import CLAIMS
from byleave.verify.run import Run
from byleave.verify.verdict import Check, State, Verdict

__all__ = ["COMMON_CHECKS", "LAST_CHECK", "verify"]

COMMON_CHECKS: Final = {
    "proof file": "it is a byleave-proof/v1 in its one encoding, of a known kind",
    "receipt": "where there is one: its one encoding; the enrolment entry commits to its member"
    " and secret, each consent event's entry to that event; a secret made by both is made of the two"
    " nonces, and the offer commits to the operator's",
    "trust file": "it is a tlog-policy with a log and a quorum",
}
"""Checks 1 to 3 of every kind, by name."""
LAST_CHECK: Final = {"digest": "the file's digest is that of its contents"}

_NOT_RUN: Final = "not run"
_NO_RECEIPT: Final = "no receipt given"
_NO_WITNESS: Final = "that others were shown the same log (the trust file asks for no witness)"


def verify(
    proof_bytes: bytes, trust_text: bytes | str, receipt_bytes: bytes | None = None
) -> Verdict:
    """Check a proof file. Whatever the bytes are, this returns a verdict.

    Args:
        proof_bytes: The proof file.
        trust_text: The trust file: a tlog-policy the caller got from someone they trust.
        receipt_bytes: The member's receipt, where the proof needs one and does not hold it.
    """
    run = Run(proof_bytes, trust_text, receipt_bytes)
    checks: list[Check] = []
    _step(checks, "proof file", run.read_proof)
    if run.proof is None:
        checks += [_not_run(number, name) for number, name in ((2, "receipt"), (3, "trust file"))]
        return _verdict(run, checks)
    claim, proof = CLAIMS[run.proof.kind], run.proof
    needed = claim.needs_receipt(proof)
    _step(checks, "receipt", lambda: run.read_receipt(needed=needed) or Skipped(_NO_RECEIPT))
    _step(checks, "trust file", run.read_trust)
    for step in claim.steps:
        _step(checks, step.name, lambda step=step: step.check(run, proof))  # type: ignore[misc]
    _step(checks, "digest", run.digest)
    return _verdict(run, checks)


def _step(checks: list[Check], name: str, check: Callable[[], str]) -> None:
    number = len(checks) + 1
    # after the one that fails all are "not run"; what had nothing to do says why
    if checks and (checks[-1].state == "FAIL" or checks[-1].detail == _NOT_RUN):
        checks.append(_not_run(number, name))
        return
    try:
        found = check()
    except ByleaveError as error:
        checks.append(
            Check(number=number, name=name, state="FAIL", detail=error.message, code=error.code)
        )
        return
    state: State = "not-run" if isinstance(found, Skipped) else "ok"
    checks.append(Check(number=number, name=name, state=state, detail=str(found)))


def _not_run(number: int, name: str) -> Check:
    return Check(number=number, name=name, state="not-run", detail=_NOT_RUN)


def _verdict(run: Run, checks: list[Check]) -> Verdict:
    failed = next((check for check in checks if check.state == "FAIL"), None)
    claim = None if run.proof is None else CLAIMS[run.proof.kind]
    if failed is None and claim is not None:
        statement = claim.statement(run, run.proof)
    else:
        assert failed is not None  # noqa: S101 (without a proof check 1 failed)
        statement = f"{failed.name}: {failed.detail}"
    limits = [NEVER_SHOWS] if claim is None else claim.limits(run)
    if run.trust is None or run.trust.quorum is None:
        limits.append(_NO_WITNESS)
    return Verdict(
        ok=failed is None,
        kind="unknown" if run.proof is None else run.proof.kind,
        statement=statement,
        checks=tuple(checks),
        does_not_show="; ".join(limits),
        facts=run.facts if failed is None else {},
    )
