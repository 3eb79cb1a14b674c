"""What a verification found: every check by name, and one sentence for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from byleave.canonical import Json

__all__ = ["Check", "State", "Verdict"]

State = Literal["ok", "FAIL", "not-run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check.

    Attributes:
        number: Its place in the order of the kind's checks, from 1 (docs/spec/verify.md).
        name: `proof file`, `receipt`, `trust file`, the kind's own, `digest`.
        state: `not-run` after a failed check, and where the claim needs no such check.
        detail: What was found; no personal data.
        code: Error code of a check that failed.
    """

    number: int
    name: str
    state: State
    detail: str
    code: str | None = None

    def to_dict(self) -> dict[str, Json]:
        """Return the object that `--json` prints."""
        return {
            "number": self.number,
            "name": self.name,
            "state": self.state,
            "detail": self.detail,
            "code": self.code,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Yes or no, why, and what even a yes does not show.

    Attributes:
        ok: Every check that the claim needs passed.
        kind: Kind of the proof file; `unknown` where it could not be read.
        statement: What was shown, or the check that failed.
        checks: In the order they ran.
        does_not_show: What no proof of this kind shows.
        facts: What the evidence names (release, snapshot, label, counts); empty unless ok.
    """

    ok: bool
    kind: str
    statement: str
    checks: tuple[Check, ...]
    does_not_show: str
    facts: dict[str, Json] = field(default_factory=dict)

    @property
    def failed(self) -> Check | None:
        """The check that failed, if one did."""
        return next((check for check in self.checks if check.state == "FAIL"), None)

    @property
    def exit_code(self) -> int:
        """0 verified, 3 not."""
        return 0 if self.ok else 3

    def to_dict(self) -> dict[str, Json]:
        """Return the object that `--json` prints."""
        return {
            "schema": "byleave/verdict/v1",
            "ok": self.ok,
            "kind": self.kind,
            "statement": self.statement,
            "checks": [check.to_dict() for check in self.checks],
            "does_not_show": self.does_not_show,
            "facts": self.facts,
            "exit_code": self.exit_code,
        }
