"""What the replay found: filled scene by scene, read by the report and the JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from byleave.consent.reason import Reason
from byleave.demo import texts
from byleave.demo.input import Input
from byleave.demo.population import Population
from byleave.demo.practice import messages_by_reason
from byleave.demo.story import Story
from byleave.ids import format_instant

if TYPE_CHECKING:
    from byleave.demo.practice import Judged
    from byleave.demo.recipient import RecipientProcess
    from byleave.exposure.practice import Practice
    from byleave.gate.result import GateRecord
    from byleave.service.disclose import Offer
    from byleave.service.model import Release
    from byleave.service.policy import Impact
    from byleave.wiring import Workspace
    from byleave.wiring.world import ReplayClock

__all__ = ["Outcome", "Proof", "as_json", "as_report"]

LANES: Final = 3
CHART_USE: Final = "train.generative.replies/messages.direct/platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A proof file that was made and checked; paths relative to the workspace."""

    kind: str
    release: str
    path: str
    receipt: str
    bytes: int
    sentence: str


@dataclass(slots=True, kw_only=True)
class Outcome:
    """Everything the scenes hand on."""

    seed: int
    input: Input
    population: Population
    ws: Workspace
    clock: ReplayClock
    table: pa.Table = None
    practice: Practice = None  # type: ignore[assignment]
    default_on_events: int = 0
    impact: Impact = None  # type: ignore[assignment]
    decisions_changed: int = 0
    gate: GateRecord = None  # type: ignore[assignment]
    kept_rows: Any = None
    quality: Mapping[str, Any] = field(default_factory=dict)
    inventory: int = 0
    party_rules: Mapping[str, float] = field(default_factory=dict)
    release_1: Release = None  # type: ignore[assignment]
    release_2: Release = None  # type: ignore[assignment]
    refit: str = ""
    package: Offer | None = None
    provider: RecipientProcess | None = None
    withdrawn: tuple[str, ...] = ()
    never: str = ""
    proofs: list[Proof] = field(default_factory=list)
    judged: Judged = None  # type: ignore[assignment]


def as_json(o: Outcome, workspace: Path) -> dict[str, Any]:
    """Return the object that `byleave demo --json` prints; paths as they stand at the end."""
    exposure = o.judged.exposure
    return {
        "data_origin": o.input.origin,
        "seed": o.seed,
        "members": len(o.input.members),
        "messages": o.table.num_rows,
        "practice": {
            "affected_members": o.judged.everyone.members_count,
            "affected_messages": o.judged.everyone.messages,
            "affected_members_high": o.judged.everyone.members_count_high,
            "affected_messages_high": o.judged.everyone.messages_high,
            "by_reason": messages_by_reason(o.judged.everyone),
        },
        "default_on_consents": o.default_on_events,
        "policy_impact": {
            "notice_window_days": o.impact.words.notice_window_days,
            "uses_added": [str(use) for use in o.impact.words.added],
            "decisions_changed": o.decisions_changed,
        },
        "gate": {"rows": o.gate.rows, "kept": o.gate.kept, "reasons": dict(o.gate.reasons)},
        "party_rules": dict(o.party_rules),
        "package": None
        if o.package is None
        else {
            "rows": o.package.record.rows,
            "kept": o.package.record.kept,
            "reasons": dict(o.package.record.reasons),
        },
        "withdrawn": len(o.withdrawn),
        "release_1": o.release_1.model,
        "release_2": o.release_2.model,
        "refit_without_withdrawn": o.refit,
        "replies": {
            "inventory": o.inventory,
            "coverage": o.quality["coverage"],
            "k": o.quality["k"],
            "quality": dict(o.quality),
        },
        "proofs": [
            {
                "kind": p.kind,
                "release": p.release,
                "path": str(workspace / p.path),
                "receipt": str(workspace / p.receipt),
                "bytes": p.bytes,
            }
            for p in o.proofs
        ],
        "trust": str(workspace / "trust.policy"),
        "exposure": {
            "low": exposure.low_cents / 100,
            "high": exposure.high_cents / 100,
            "currency": exposure.currency,
            "class_members": o.judged.pleaded.members_count,
            "readings": [r.to_dict() for r in exposure.readings],
        },
        "with_gate": o.judged.with_gate.to_dict(),
        "workspace": str(workspace),
        "report": str(workspace / "report.html"),
    }


def as_report(o: Outcome, story: Story) -> Any:  # noqa: ANN401 (a ReportInput, checked on entry)
    """Return what `pages.report.render_report` takes: no member ids, no message texts."""
    everyone = o.judged.everyone
    return {
        "data_origin": o.input.origin,
        "data_set": "persuasion-for-good" if o.input.origin == "real" else "a generated set",
        "fields_real": [
            {"field": name, "real": real, "note": note} for name, real, note in o.input.fields
        ],
        "generated_at": format_instant(o.clock()),
        "checkpoint": o.ws.log.checkpoint(),
        "members": len(o.input.members),
        "messages": o.table.num_rows,
        "story": [step.to_dict() for step in story.steps],
        "policy_versions": [
            {"document": d["document"], "version": d["version"], "effective": d["effective"]}
            for d in o.ws.policy.list()
        ],
        "consent_over_time": _over_time(o),
        "gate": {
            "rows": o.gate.rows,
            "kept": o.gate.kept,
            "reasons": dict(o.gate.reasons),
            "use": texts.USE_PLATFORM,
        },
        "party_rules": dict(o.party_rules),
        "reach": _reach(o),
        "releases": [
            {
                "release": r.release,
                "model_digest": r.model,
                "snapshot": r.document["snapshot"],
                "rows": o.ws.snapshot.open(r.document["snapshot"]).manifest.records,
                "note": note,
            }
            for r, note in (
                (o.release_1, "trained on what passed the gate"),
                (o.release_2, "unlearned; equal to a fit without the withdrawn rows"),
            )
        ],
        "practice": {
            "affected_members": everyone.members_count,
            "affected_messages": everyone.messages,
            "by_reason": messages_by_reason(everyone),
        },
        "exposure": {
            "currency": o.judged.exposure.currency,
            "readings": [
                {
                    "name": r.title.removesuffix(", our addition"),
                    "citation": r.citation,
                    "low": r.low_cents / 100,
                    "high": (r.low_cents if r.high_cents is None else r.high_cents) / 100,
                    "assumption": r.assumption
                    if r.high_cents is not None
                    else f"{r.assumption} No upper figure can be computed from records.",
                    "ours": r.ours,
                }
                for r in o.judged.exposure.readings
            ],
        },
        "proofs": [
            {
                "kind": p.kind,
                "path": p.path,
                "sentence": p.sentence,
                "command": f"byleave verify {p.path} --trust trust.policy --receipt {p.receipt}",
            }
            for p in o.proofs
        ],
        "replies": {
            "inventory": o.inventory,
            "coverage": o.quality["coverage"] or 0.0,
            "k": o.quality["k"],
        },
    }


def _over_time(o: Outcome) -> list[dict[str, Any]]:
    """Return how many members had said yes and no, at the end of each third day."""
    day, last = datetime(2024, 8, 14, tzinfo=UTC), o.clock()
    points = []
    while day <= last:
        code = o.ws.consent.state(CHART_USE, at=day).code
        yes = int((code == Reason.KEPT).sum())
        no = int(np.isin(code, [Reason.REFUSED, Reason.WITHDRAWN, Reason.OBJECTED]).sum())
        points.append(
            {
                "date": day.date().isoformat(),
                "use": CHART_USE,
                "yes": yes,
                "no": no,
                "undecided": len(code) - yes - no,
            }
        )
        day += timedelta(days=3)
    return points


def _reach(o: Outcome) -> list[dict[str, Any]]:
    """Return the depths of a few withdrawals as lanes, with letters in place of names."""
    marks = []
    for letter, member in zip("ABC", (*o.withdrawn[:2], *o.withdrawn[-1:]), strict=False):
        withdrawal = o.ws.member.answer(member)["withdrawals"][0]
        for depth in withdrawal["depths"]:
            if depth["state"] == "not-needed":
                continue
            due = depth["state"] == "waiting" and depth.get("due")
            marks.append(
                {
                    "member_label": f"member {letter}",
                    "lane": depth["depth"],
                    "at": due or depth.get("at", withdrawal["at"]),
                    "state": "due" if due else depth["state"],
                    "withdrawn": withdrawal["at"],
                }
            )
    return marks
