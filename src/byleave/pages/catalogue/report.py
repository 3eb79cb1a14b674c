"""The reports of a replay, a gate run and a case; in English only."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    # the report of a replay
    "gate.title": "What the gate keeps of {data}",
    "gate.lead": "{kept} of {rows} rows may be used. Each other row has one reason. The use: {use}",
    "gate.not-stored": "A look, not a run: nothing was stored or logged.",
    "gate.rules": "Rules: {rules}. Decided as of {at}.",
    "gate.flow": "From all rows to those kept",
    "gate.compare": "The same rows under other rules",
    "gate.compare-why": "Rows gained are kept there and not here; rows lost are kept here and not there. "
    "Under each rule, a no of anyone in a message is a no.",
    "gate.notes": "Notes",
    # a case over the past
    "case.origin": "The data: {origin}.",
    "case.alleged": "Alleged:",
    "case.ended": "How it ended:",
    "case.nobody": "Nobody was affected.",
    "case.no-amount": "No reading gives an amount from these records.",
    "case.gate-run": "The same weeks through the gate",
    "case.gate-notes": "The tables hold no notices, so each yes is taken at its word.",
    "case.readings": "What each reading assumes",
    "case.gate": "The gate would have stopped {stopped} of {affected} and let {through} through; "
    "still touched without a grant of their own: {members}.",
    "report.title": "Whose messages, under which consent, in which model",
    "report.lead": "A replay of one year of policy, consent, training and withdrawal, on {messages} messages "
    "of {members} people. Every number comes from the ledgers that the replay left behind.",
    "report.origin-real": "Real messages",
    "report.origin-generated": "Generated messages: no data set was found, so none of this is real",
    "report.real": "What is real and what is not",
    "report.real-yes": "real",
    "report.real-no": "not real",
    "report.contents": "In this report",
    "report.step": "Step {number}",
    "report.more": "More figures",
    "report.releases": "The models",
    "report.releases-why": "Equal digests mean equal bytes.",
    "report.proofs": "Check it yourself",
    "report.proofs-why": "These files stand in the workspace beside this report. "
    "They are checked without the platform, and without a network.",
    "report.replies": "The replies model offers {inventory} replies, each sent by at least {k} members who agreed. "
    "It answers {coverage} of held-out messages.",
    "report.case": "The case behind it",
    "report.case-what": "In January 2025 a proposed class action, De La Torre v. LinkedIn (N.D. Cal., 5:25-cv-00709), "
    "alleged that private messages of Premium members had gone to third parties to train AI. "
    "It alleged that a setting was on by default, and that the policy was changed afterwards to say so. "
    "LinkedIn denied it.",
    "report.case-end": "The case was dismissed without prejudice on 30 January 2025. A lawyer for the plaintiff said "
    "that LinkedIn had shown them evidence that it did not use the messages.",
    "report.case-this": "This report says nothing about what LinkedIn did. It replays the alleged pattern on "
    "other people's messages, and shows what could have been checked.",
    "report.not-advice": "This is not legal advice. The amounts follow from the readings and assumptions named, "
    "and from nothing else.",
    "report.stand": "Made at {at} from a log of {size} entries.",
}
"""Key → sentence."""
