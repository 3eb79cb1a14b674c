"""Releases: the model's digest, the signed statement, the model card.

A release is model files plus one in-toto Statement v1 in a DSSE envelope
(https://github.com/in-toto/attestation spec/v1; https://github.com/secure-systems-lab/dsse).
Its predicate `training-consent/v0.1` (docs/spec/training-consent.md) binds the model to sealed
snapshots by log index, so that a member's proof starts at the model and not at a data set's name.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from byleave import canonical
from byleave.errors import EvidenceError
from byleave.ids import Digest
from byleave.training.trainer import ModelFiles

__all__ = ["Statement", "check_envelope", "model_card", "model_digest", "sign_statement"]

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://byleave.dev/training-consent/v0.1"
DOES_NOT_SHOW: Final = (
    "It cannot show that nothing was trained outside this system, nor that each record was filed"
    " under the right person."
)


def model_digest(files: ModelFiles) -> Digest:
    """Return SHA-256 of the canonical list of (name, SHA-256) of the model files, by name."""
    listed = [{"name": n, "sha256": canonical.sha256(files[n]).hex()} for n in sorted(files)]
    return canonical.digest_of(listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a release states, in the words of `training-consent/v0.1`.

    Attributes:
        release: Its id.
        origin: Origin of the log.
        trainer: Name of the trainer.
        exact: Whether the trainer unlearns exactly.
        use: The use that its rows were gated for.
        snapshots: Log index, epoch, k and root of each snapshot trained on.
        gate: Counts of the gate: rows, kept, and dropped rows by reason.
        recipe: Log index of the recipe.
        parent: Log index of the release it was unlearned from, or None.
        files: Name → SHA-256 (hex) of the model files.
    """

    release: str
    origin: str
    trainer: str
    exact: bool
    use: str
    snapshots: Sequence[Mapping[str, Any]]
    gate: Mapping[str, Any]
    recipe: int
    parent: int | None
    files: Mapping[str, str]

    def encode(self) -> bytes:
        """Return the canonical bytes of the in-toto statement."""
        return canonical.encode(
            {
                "_type": STATEMENT_TYPE,
                "subject": [
                    {"digest": {"sha256": self.files[name]}, "name": name}
                    for name in sorted(self.files)
                ],
                "predicateType": PREDICATE_TYPE,
                "predicate": {
                    "release": self.release,
                    "log": self.origin,
                    "trainer": self.trainer,
                    "unlearning": "exact" if self.exact else "approximate",
                    "use": self.use,
                    "snapshots": [dict(s) for s in self.snapshots],
                    "gate": dict(self.gate),
                    "recipe": self.recipe,
                    "parent": self.parent,
                    "doesNotShow": DOES_NOT_SHOW,
                },
            }
        )


def sign_statement(statement: bytes, *, name: str, sign: Callable[[bytes], bytes]) -> bytes:
    """Return the DSSE envelope of a statement, signed over its pre-authentication encoding."""
    return _envelope(statement, name, sign(_pae(statement)))


def check_envelope(envelope: bytes, *, check: Callable[[bytes, bytes], bool]) -> bytes:
    """Return the statement of an envelope whose signature holds.

    Args:
        envelope: The DSSE envelope.
        check: Says whether (signature, message) holds under the operator's key.

    Raises:
        EvidenceError: `release.envelope`, malformed; `release.signature`, the signature fails.
    """
    try:
        document: Any = canonical.decode(envelope)
        statement = base64.b64decode(document["payload"], validate=True)
        (only,) = document["signatures"]
        name, signature = str(only["keyid"]), base64.b64decode(only["sig"], validate=True)
    except Exception as error:
        raise EvidenceError("not a signed in-toto statement", code="release.envelope") from error
    if _envelope(statement, name, signature) != envelope:  # one encoding: nothing added or respelt
        raise EvidenceError("not a signed in-toto statement", code="release.envelope")
    if not check(signature, _pae(statement)):
        raise EvidenceError("the statement's signature does not hold", code="release.signature")
    return statement


def model_card(
    statement: Statement,
    *,
    quality: Mapping[str, Any],
    digest: str,
    facts: Mapping[str, Any] | None = None,
) -> str:
    """Return a model card in Markdown, every number from the statement, the run or the evaluation.

    Args:
        statement: What the release states.
        quality: Measures of an evaluation; none are said to be missing.
        digest: The model digest, hex.
        facts: `recipe`, `environment` and `measurements` of the run, `notices` (notice id →
            records that stand on it); what is absent is left out of the card.
    """
    gate, more = statement.gate, facts or {}
    reasons = _rows((code, f"{rows:,}") for code, rows in gate["reasons"].items())
    measures = _rows((name, _shown(value)) for name, value in quality.items())
    parent = "none" if statement.parent is None else f"log entry {statement.parent}"
    exactness = "exact" if statement.exact else "approximate"
    parts = [
        f"# {statement.release}",
        (
            f"Model digest `{digest}`. Trainer `{statement.trainer}`,\n"
            f"{exactness} unlearning. Unlearned from: {parent}."
        ),
        "## What it is for",
        f"The use that its data were gated for, and no other: `{statement.use}`.",
        "## Data",
        f"Use: `{statement.use}`. Rows seen by the gate: {gate['rows']:,}; kept: {gate['kept']:,}.",
        f"| left out because | rows |\n| --- | ---: |\n{reasons}",
        f"Snapshots: {', '.join(_snapshot(s) for s in statement.snapshots)}.",
        *_standing_on(more.get("notices")),
        "## Quality",
        f"| measure | value |\n| --- | --- |\n{measures}" if measures else "Not measured.",
        *_made_with(statement, more),
        "## Withdrawal",
        _WITHDRAWAL[statement.exact],
        *_measured(more.get("measurements")),
        "## Check it",
        (
            "`statement.dsse.json` and `provenance.dsse.json` are in-toto statements, signed; `model.sig`"
            " is an OpenSSF model signature over every other file here:\n\n"
            f"    model_signing verify key releases/{statement.release} --signature"
            f" releases/{statement.release}/model.sig --public_key model-signing.pub\n\n"
            f"`byleave proof make --release {statement.release} --lineage` shows where the data came"
            " from; `byleave release refit` fits it again."
        ),
        "## What this cannot show",
        DOES_NOT_SHOW,
    ]
    return "\n\n".join(parts) + "\n"


_WITHDRAWAL: Final = {
    True: "A member who withdraws is taken out by forgetting their rows; the result equals, byte for"
    " byte, a fit without them. From a month after an unserved withdrawal it is not loaded.",
    False: "This kind of model cannot be unlearned exactly: what a member contributed is reduced, not"
    " removed, and no certificate is given. From a month after an unserved withdrawal it is not"
    " loaded.",
}


def _rows(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in pairs)


def _snapshot(snapshot: Mapping[str, Any]) -> str:
    return f"log entry {snapshot['index']}" + (
        f" ({snapshot['records']:,} records)" if "records" in snapshot else ""
    )


def _standing_on(notices: Mapping[str, int] | None) -> list[str]:
    if not notices:
        return []
    rows = _rows((name, f"{count:,}") for name, count in notices.items())
    return [f"| notice agreed to | records and parties |\n| --- | ---: |\n{rows}"]


def _made_with(statement: Statement, more: Mapping[str, Any]) -> list[str]:
    if "recipe" not in more:
        return []
    environment: Mapping[str, Any] = more.get("environment") or {}
    ran = [(n, v) for n, v in environment.items() if isinstance(v, str | int)]
    ran += [(f"package {n}", v) for n, v in environment.get("packages", {}).items()]
    return [
        "## How it was made",
        f"Recipe, log entry {statement.recipe}, fixed before the fit:",
        "| parameter | value |\n| --- | --- |\n"
        + _rows((name, f"`{value}`") for name, value in more["recipe"].items()),
        *(
            ["| environment | value |\n| --- | --- |\n" + _rows((n, f"`{v}`") for n, v in ran)]
            if ran
            else []
        ),
    ]


def _measured(measurements: Mapping[str, Any] | None) -> list[str]:
    if not measurements:
        return []
    return [
        "| measure of unlearning | value |\n| --- | --- |\n"
        + _rows((name, str(value)) for name, value in measurements.items())
    ]


def _envelope(statement: bytes, name: str, signature: bytes) -> bytes:
    return canonical.encode(
        {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(statement).decode(),
            "signatures": [{"keyid": name, "sig": base64.b64encode(signature).decode()}],
        }
    )


def _shown(value: object) -> str:
    """Return a measure as a card shows it: shares to three places, "–" where there is none."""
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _pae(payload: bytes) -> bytes:
    """DSSE v1 pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
