"""The settings, and the record of one choice."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    # settings
    "member.settings": "Change my choices",
    "settings.title": "May we use your data to train models?",
    "settings.lead": "Nothing here is on until you say yes. Not answering means no.",
    "settings.stop-all": "Say no to everything",
    "settings.stop-all-why": "This says no to each question below, and stops each yes you gave.",
    "settings.none": "There is nothing to ask you. We use nothing of yours to train models.",
    "settings.notice": "The exact text",
    "settings.notice-kept": "We keep this text with your answer. Nothing added later counts.",
    "settings.notice-other": "We have this text only in this language: {what}.",
    "settings.answers": "Your answer",
    "settings.who": "Who gets it",
    "settings.who-anyone": "Anyone.",
    "settings.leaves-out": "What it is not about",
    "settings.if-no": "If you say no",
    "settings.if-no-text": "No new training uses it. Your other answers stay as they are.",
    "settings.yes": "Yes, you may",
    "settings.no": "No, you may not",
    "settings.past": "If you say yes: from when?",
    "settings.past-now": "Only what I write from now on",
    "settings.past-before": "Also what you already hold",
    "settings.past-none": "If you choose neither, only what you write from now on.",
    "settings.held": "What we hold now",
    "settings.held-none": "We hold nothing of yours for this.",
    "settings.held-rows": "Your records in “{source}”: {rows}.",
    "settings.held-messages": "Your messages in “{source}”: {rows}. Each counts only if the others in it agree too.",
    "settings.save": "Save this choice",
    "settings.state-undecided": "You have not decided. Until you say yes, we do not use this.",
    "settings.state-open": "You have not decided.",
    "settings.stopped-part": "A part of this the rules do not allow. We do not use that part.",
    "settings.state-yes": "You said yes on {date}.",
    "settings.state-no": "You said no on {date}.",
    "settings.state-partly": "You said yes to a part of this on {date}.",
    "settings.home": "Where did my data go?",
    "settings.out": "Sign out",
    "settings.in-as": "You are signed in as {member}.",
    # one question, asked in context
    "ask.title": "A question about your data",
    "ask.lead": "We ask you this once. Until you say yes, we do not use it.",
    "ask.changed": "We asked you before. Now there is a new use, so we ask again.",
    "ask.not-now": "Not now",
    "ask.not-now-why": "“Not now” is no answer, so we do not use this. "
    "We do not ask again for {days} days, unless there is a new use.",
    "ask.put-off": "You said “not now” on {date}. That is no answer, so we do not use this.",
    "ask.put-off-until": "We do not ask again before {date}, unless there is a new use.",
    "ask.closed": "We asked you before and you gave no answer, so we do not use this.",
    "ask.answered": "You have answered this. We do not ask again.",
    "ask.refused": "You said no. We do not ask again.",
    "ask.stopped": "The rules do not let us use this for you. So we do not ask.",
    "ask.anytime": "You can answer, or change an answer, at any time.",
    # the record of one choice
    "record.title": "Your choice is saved",
    "record.what": "This is the record. It stays at this address.",
    "record.number": "Receipt number",
    "record.when": "Saved",
    "record.entry": "Log entry",
    "record.proof": "Proof",
    "record.about": "About",
    "record.undo": "Change this",
    "record.all": "All my choices",
    "record.next-no": "From now on we do not use this. Models that used it are due to unlearn it.",
    "record.next-yes": "From now on we may use this. You can stop here at any time, in as few steps.",
}
"""Key → sentence."""
