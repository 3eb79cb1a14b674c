"""A recipient's page."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    "recipient.title": "Your packages",
    "recipient.lead": "What you were given, on which terms, and what you must delete.",
    "recipient.who": "Signed in as {recipient}",
    "recipient.key": "Your signing key",
    "recipient.key-none": "You have registered no key yet. Make one, and hand its card to the "
    "platform.",
    "recipient.none": "You were offered no package yet.",
    "recipient.offered": "Offered",
    "recipient.use": "For this use only",
    "recipient.rows": "Rows",
    "recipient.rows-of": "{rows} rows, {recalled} of them recalled",
    "recipient.state": "State",
    "recipient.state-new": "being made up",
    "recipient.state-offered": "ready to fetch",
    "recipient.state-delivered": "you hold it",
    "recipient.state-recalled": "recalled: delete and answer",
    "recipient.state-overdue": "overdue: your answer is late",
    "recipient.state-acknowledged": "your answer was taken",
    "recipient.state-withheld": "withheld: it never went out",
    "recipient.train": "Training",
    "recipient.train-yes": "You may train on it.",
    "recipient.train-no": "You may not train on it.",
    "recipient.pass": "Handing on",
    "recipient.pass-no": "You may not hand it on.",
    "recipient.pass-to": "You may hand it on to: {names}",
    "recipient.pass-some": "You may hand it on to those the terms name.",
    "recipient.expires": "Ends",
    "recipient.expires-none": "when it is recalled",
    "recipient.days": "Days to obey a recall",
    "recipient.recalls": "Recalls",
    "recipient.column-order": "Order",
    "recipient.column-rows": "Rows",
    "recipient.column-at": "Recalled",
    "recipient.column-due": "Due",
    "recipient.column-answered": "Answer taken",
    "recipient.waiting": "not yet",
    "recipient.late": "late",
    "recipient.fetch": "Fetch and obey",
    "recipient.fetch-why": "The program fetches packages and orders, deletes, signs and sends.",
    "recipient.fetch-files": "What lies here for you",
    "recipient.fetch-none": "Nothing lies here for you now.",
    "recipient.fetch-file": "{bytes} bytes, sealed to your key, SHA-256",
    "recipient.fetch-order": "an order to delete",
    "recipient.answer": "Send a signed answer",
    "recipient.answer-why": "Choose the file that the program wrote: a delivery, or an answer to a "
    "recall. It is checked before it is taken.",
    "recipient.answer-file": "The signed file",
    "recipient.answer-go": "Send it",
    "recipient.refused": "Not taken",
    "recipient.taken": "Taken: {what}",
    "recipient.taken-delivery": "a delivery",
    "recipient.taken-answer": "an answer to a recall",
    "recipient.onward": "What you handed on",
    "recipient.onward-why": "Your own recipients answer to you. Collect their answers first; yours "
    "then carries theirs.",
}
