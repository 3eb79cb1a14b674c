"""The frame of every page, and what an address says that does not open."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    # the frame of every page
    "frame.skip": "Skip to the content",
    "frame.home": "What this is",
    "frame.demo": "This is a demo. The choices, regions and Premium marks are made up. "
    "It is only shown on this machine.",
    "frame.demo-real": "The messages are from a public research set, with their dates moved.",
    "frame.demo-generated": "The messages are made up too.",
    "frame.help": "Help and complaints",
    "frame.help-ask": "Ask us: {contact}",
    "frame.help-ask-none": "No contact has been set for this site.",
    "frame.help-authority": "Complain to: {authority}",
    "frame.help-authority-none": "You can also complain to the privacy office of your country.",
    "frame.help-check": "Check without us: save a proof, then run the free checker on your own machine.",
    "frame.json": "This page as JSON",
    "frame.stand": "As of {at}. The log then held {size} entries.",
    "frame.not-advice": "Nothing here is legal advice.",
    "limits.title": "What this cannot show.",
    "frame.languages": "Language",
    # what a use means, where the taxonomy itself does not say it
    "scope.sentence": "{purpose}, with {what}, by {whom}.",
    # days, and lists of names
    "when.today": "today",
    "when.in-one": "in {days} day",
    "when.in": "in {days} days",
    "when.ago-one": "{days} day ago",
    "when.ago": "{days} days ago",
    "list.and": "{names} and {last}",
    "list.more": "{names} and {more} more",
    # labels
    "label.nav": "Site",
    "label.log": "Log",
    "label.size": "Size",
    "label.root": "Root",
    "label.members": "Members",
    "label.models": "Models",
    "label.texts": "Texts",
    "label.entries": "Log entries",
    "label.released": "Released",
    "label.trainer": "Trainer",
    "label.for": "For",
    "label.document": "Document",
    "label.sha256": "SHA-256",
    "label.yes": "Yes",
    "label.no": "No",
    "label.version": "version {version}",
    "label.entry": "entry {index}",
    "label.set": "trained on {snapshot}",
    "label.used-wrongly": "messages used without a yes",
    "label.affected": "members who had not agreed",
    "label.kept": "messages the gate keeps",
    "label.field": "Field",
    "label.real": "Real?",
    "label.note": "What was done",
    "label.demo": "Demo",
    "label.table": "Table: {name}",
    "label.open": "Open {name}",
    "label.of": "{done} of {total}",
    "figure.table": "Show the numbers as a table",
    # proofs
    "proof.save": "Save the proof",
    "proof.none": "The proof comes with the next log entry.",
    "proof.check": "To check it without us, run:",
    "proof.receipt": "You need the receipt you got when you joined, and the trust file.",
    # links that do not open
    "lost.title": "This page is not here",
    "lost.text": "The address is wrong, or it has been changed.",
    "lost.link": "If you came by your own link, copy the whole of it and try again.",
    "gone.title": "This link has run out",
    "gone.text": "It ran out on {date}. Ask us for a new one. Your choices have not changed.",
    "refused.title": "This page cannot be opened like that",
    "refused.text": "Use the links on this site.",
    "fault.title": "Something went wrong here",
    "fault.text": "The fault is ours. Nothing about your choices has changed. Please try again later.",
    # signing in
    "out.title": "You are not signed in",
    "out.text": "This page is for someone who is. Ask us for a sign-in link.",
    "used.title": "This link has been used",
    "used.text": "Each link works once, for a short time. Ask us for a new one.",
    "sign-in.title": "Sign in",
    "sign-in.once": "This link is yours alone. It works once.",
    "sign-in.go": "Sign in",
}
"""Key → sentence."""
