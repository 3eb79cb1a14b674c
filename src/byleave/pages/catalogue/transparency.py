"""The public report."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    "open.title": "Transparency report",
    "open.lead": "What we trained, on how much, and what left. Every number is counted from our "
    "records when you open this page.",
    "open.members": "Members on record",
    "open.models": "Models",
    "open.rows-kept": "Rows kept by the gate",
    "open.rows-left": "Rows left out",
    "open.models-title": "Models, and what they were trained on",
    "open.models-none": "No model was released yet.",
    "open.trained": "Trained on {records} records of {members} members.",
    "open.replaced": "Replaced by {release}.",
    "open.instead": "Replaces {release}.",
    "open.exact": "Forgetting gives the same bytes as training without the rows.",
    "open.approximate": "Forgetting only reduces what the rows did. It does not erase it.",
    "open.gate-title": "What the gate let through",
    "open.gate-none": "The gate has not run yet.",
    "open.gate-all": "In {runs} runs the gate kept {kept} of {rows} rows. A row counts once a run.",
    "open.withdrawals-title": "When people left",
    "open.withdrawals-none": "No batch of withdrawals was carried out yet.",
    "open.withdrawal": "Rows taken out: {rows}. Models unlearned: {releases}. "
    "Packages recalled: {packages}.",
    "open.withdrawal-took": "It took {time} from the first person's no to the last step.",
    "open.withdrawal-batch": "It took {time} from the first log entry to the last.",
    "open.withdrawal-open": "It is not done yet.",
    "open.disclosures-title": "Who was handed data",
    "open.disclosures-none": "Nothing was handed to anybody.",
    "open.column-recipient": "Recipient",
    "open.column-packages": "Packages",
    "open.column-rows": "Rows",
    "open.column-recalled": "Rows recalled",
    "open.column-recalls": "Recalls",
    "open.column-answered": "Answered",
    "open.column-late": "Late",
    "open.column-longest_seconds": "Longest wait",
    "open.policies-title": "Texts we published",
    "open.policies-none": "No text was published yet.",
    "open.policy": "version {version}, in force from",
    "open.summaries-title": "Summaries to download",
    "open.summaries-why": "They are made from our records when you ask. What only a person can say "
    "is left open and marked so.",
    "open.summaries-none": "There is no model to write about yet.",
    "open.hours": "{count} hours",
    "open.minutes": "{count} minutes",
    "open.days": "{count} days",
    "open.short": "under a minute",
}
