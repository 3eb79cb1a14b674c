"""The facts of a replay's report: what `byleave.pages.report.render_report` takes.

Every key is required unless marked `NotRequired`. Instants and dates are text
(`2024-09-18T00:00:00Z`, `2024-09-18`). No member ids, no message texts: lanes name people
`member A`, `member B`, …, and any other label is refused.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

__all__ = [
    "ChartName",
    "CheckpointInput",
    "ConsentPoint",
    "ExposureInput",
    "FieldReal",
    "GateInput",
    "PartyRules",
    "PolicyVersion",
    "PracticeInput",
    "ProofInput",
    "ReachMark",
    "Reading",
    "ReleaseInput",
    "RepliesInput",
    "ReportInput",
    "StoryStep",
]

ChartName = Literal["consent", "gate", "practice", "reach", "exposure", "parties"]


class FieldReal(TypedDict):
    """One field of the replayed data: whether it is real, and what was done to it."""

    field: str
    real: bool
    note: str


class CheckpointInput(TypedDict):
    """The log's head at the end of the replay."""

    origin: str
    size: int
    root: str


class StoryStep(TypedDict):
    """One step of the story; `charts` are drawn at its end.

    `figures` are (label, value) pairs, at most four, shown as large numbers; values are text.
    """

    number: int
    title: str
    paragraphs: list[str]
    figures: list[tuple[str, str]]
    charts: NotRequired[list[ChartName]]


class PolicyVersion(TypedDict):
    """A vertical rule in the consent chart."""

    document: str
    version: str
    effective: str


class ConsentPoint(TypedDict):
    """How many members had said what about one use at the end of a day."""

    date: str
    use: str
    yes: int
    no: int
    undecided: int


class GateInput(TypedDict):
    """The gate's record; kept + reasons = rows."""

    rows: int
    kept: int
    reasons: dict[str, int]
    use: NotRequired[str]


class PartyRules(TypedDict):
    """Share of rows kept under each party rule, 0 to 1."""

    author: float
    any: float
    all: float


class ReachMark(TypedDict):
    """One dated mark in a withdrawal's lane. `due` and `overdue` use the due date as `at`."""

    member_label: str
    lane: Literal["stopped", "dropped", "unlearned", "recalled"]
    at: str
    state: Literal["done", "due", "waiting", "overdue"]
    withdrawn: NotRequired[str]


class ReleaseInput(TypedDict):
    """A release of the replay; `model_digest` hexadecimal."""

    release: str
    model_digest: str
    snapshot: str
    rows: int
    note: NotRequired[str]


class PracticeInput(TypedDict):
    """Whom the replayed practice affected, and by what.

    `by_reason` counts messages and sums to `affected_messages`; where `pairs` is given, it counts
    each member in each message (as a case does) and sums to `pairs`.
    """

    affected_members: int
    affected_messages: int
    by_reason: dict[str, int]
    pairs: NotRequired[int]


class Reading(TypedDict):
    """One legal reading and its range; `low == high` where there is no range.

    `citation` names the statute or theory, `assumption` what has to be assumed for it;
    `ours` marks a reading that the complaint did not plead.
    """

    name: str
    citation: str
    low: float
    high: float
    assumption: str
    ours: bool


class ExposureInput(TypedDict):
    """All readings, in one currency (ISO 4217, `USD`)."""

    currency: str
    readings: list[Reading]


class ProofInput(TypedDict):
    """A proof file in the workspace; `path` relative to it, `sentence` what it shows."""

    kind: str
    path: str
    sentence: str
    command: NotRequired[str]


class RepliesInput(TypedDict):
    """The replies model: replies on offer, share of held-out messages answered, threshold."""

    inventory: int
    coverage: float
    k: int


class ReportInput(TypedDict):
    """One replay, as facts."""

    data_origin: Literal["real", "generated"]
    data_set: NotRequired[str]
    fields_real: list[FieldReal]
    generated_at: str
    checkpoint: CheckpointInput
    members: int
    messages: int
    story: list[StoryStep]
    policy_versions: list[PolicyVersion]
    consent_over_time: list[ConsentPoint]
    gate: GateInput
    party_rules: PartyRules
    reach: list[ReachMark]
    releases: list[ReleaseInput]
    practice: PracticeInput
    exposure: ExposureInput
    proofs: list[ProofInput]
    replies: NotRequired[RepliesInput]
