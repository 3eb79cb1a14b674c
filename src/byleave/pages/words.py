"""Every sentence of the pages, and the few rules that choose among them.

`SAY` is the catalogue: whole sentences with named places, one language, English. A test holds
each to 20 words a sentence and grade 8 (Flesch–Kincaid), and to the banned words of M14–M19.
A sentence of fact is made from a record of `byleave.pages.view`, never typed by hand (G11).
Reason codes stand untranslated beside their sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from byleave.pages.view import (
    Choice,
    DepthRow,
    ReleasePresence,
    Standing,
    TimelineItem,
)
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import default_taxonomy

__all__ = [
    "BECAUSE",
    "GROUNDS",
    "LIMITS",
    "REASONS",
    "SAY",
    "choice_sentence",
    "count",
    "date",
    "depth_sentence",
    "instant",
    "presence_sentence",
    "reason_words",
    "relative",
    "say",
    "scope_words",
    "standing_sentence",
    "state_words",
    "timeline_sentence",
    "who_words",
]

LIMITS: Final = (
    "It cannot show that nobody trained on your data outside this system.",
    "It cannot show that each record was filed under the right person.",
    "It cannot bring back a copy someone kept.",
    "Auditors can repeat our training and test our models.",
    "That makes cheating harder. It does not rule it out.",
)
"""The honest limits block, word for word, wherever a proof is shown."""

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
    # the public page
    "public.title": "Whose data trains our models",
    "public.what": "We train some models on what members write. Silence is never counted as a yes.",
    "public.every-party": "A message belongs to everyone in it. If anyone in a chat says no, we do not use that chat.",
    "public.log": "Each rule, choice, data set and model has an entry in a public log. "
    "If an old entry is changed, all who noted the log before can see it.",
    "public.generated": "This page is made from that log and its ledgers. Nobody typed it.",
    "public.releases": "Models we released",
    "public.releases-none": "No model has been released. The first one will be listed here.",
    "public.policies": "Our texts over time",
    "public.policies-none": "No text has been published. The first one will be listed here.",
    "public.policies-rule": "A new text never widens an old yes. A new use needs a new yes.",
    "public.checkpoint": "The log now",
    "public.checkpoint-why": "Note these three lines. If the log is changed later, they will not fit.",
    "public.trust": "The trust file says which key signs the log. Get it from someone you trust.",
    "public.trust-file": "Download the trust file",
    "public.demo-members": "Look at a member's own page",
    "public.demo-members-why": "In real life only the member gets this link.",
    "public.member": "Are you a member? Ask for your own link. It shows where your data went.",
    # one policy version
    "policy.text": "The exact text",
    "policy.text-none": "The text is not kept here. Its digest is.",
    "policy.adds": "New uses it names",
    "policy.removes": "Uses it no longer names",
    "policy.same": "It names the same uses as the text before.",
    "policy.announced": "Announced",
    "policy.announced-none": "It was not announced before.",
    "policy.effective": "In force from",
    "policy.recorded": "Logged",
    "policy.window": "Days of notice",
    "policy.no-effect": "Publishing it changed nobody's choice.",
    # one release
    "release.model": "Model digest",
    "release.trained-on": "Trained on",
    "release.trained": "It was trained on {rows} from {members}.",
    "release.exact": "It can be rebuilt without a member, to the same bytes as if they were never in it.",
    "release.approximate": "This kind of model cannot be rebuilt exactly. It gets no certificate.",
    "release.parent": "It replaced {parent}, after members withdrew.",
    "release.superseded": "It was replaced by {release}.",
    "release.tainted": "A withdrawal is past its date here. This model must not be used.",
    "release.gate": "What the gate let through",
    "release.gate-kept": "{kept} of {rows} records passed the gate.",
    "release.left-out": "Why records were left out",
    "release.left-out-rule": "Each record counts once, under its first reason.",
    # the member's page
    "member.title": "Your data and our models",
    "member.enrolled": "We logged a sealed mark for you on {date}, as entry {index}. It holds no name.",
    "member.standings": "What we may use",
    "member.standings-none": "We ask for no use of your data.",
    "member.chat-rule": "A message belongs to everyone in it. If anyone in a chat says no, we do not use that chat.",
    "member.withdrawals": "How far your stop has reached",
    "member.withdrawals-none": "You have not stopped anything.",
    "member.withdrawn": "You stopped this on {at}.",
    "member.releases": "Which models had your records",
    "member.releases-none": "No model has been released.",
    "member.releases-sum": "{present} of {all} released models had records of yours.",
    "member.choices": "What you said",
    "member.choices-none": "You have not decided. Until you say yes, we do not use your data to train.",
    "member.timeline": "Where did my data go",
    "member.timeline-none": "Nothing has happened with your data yet.",
    "member.timeline-order": "Newest first.",
    "member.older": "Older lines",
    "member.newer": "Newer lines",
    "member.receipt": "See your receipt",
    "member.link": "This page is yours. Do not pass on its address.",
    # the member's receipt
    "receipt.title": "Your receipt",
    "receipt.what": "Here is all you said about your data, and what holds now.",
    "receipt.keep": "Print it or save it, and keep it.",
    "receipt.number": "Receipt",
    "receipt.made": "Made",
    "receipt.by": "By",
    "receipt.records": "What holds now",
    "receipt.given": "Yes. You said yes, and it still holds.",
    "receipt.partly": "In part. Your yes holds for {done} of {total} uses.",
    "receipt.refused": "No. You said no.",
    "receipt.withdrawn": "No. You stopped this.",
    "receipt.expired": "No. Your yes has run out.",
    "receipt.no": "No. We hold no yes that counts.",
    "receipt.none": "No. None of these uses is allowed.",
    "receipt.none-today": "We do none of this today. If we start, your answer holds.",
    "receipt.uses": "{done} of {total} uses allowed",
    "receipt.said": "What was said",
    "receipt.wider": "This was said about more:",
    "receipt.text": "It answers this text: {notice}.",
    "receipt.language": "The text was shown in this language: {what}.",
    "receipt.signal": "{what} said no for you.",
    "receipt.preset": "A switch was on before you came, and stayed on. We do not count that as a yes.",
    "receipt.record-number": "Record",
    "receipt.change-title": "If you change your mind",
    "receipt.change": "You can say no at any time, and you need give no reason. Ask us: see below.",
    "receipt.later": "A new choice is added to the list. What you said before stays in it.",
    "receipt.check-title": "How to check this",
    "receipt.check": "Each line has an entry in our public log. With its proof you can check that without us.",
    "receipt.private": "To check that an entry is yours, you need your private receipt. "
    "It holds a secret. Show it to nobody.",
    "receipt.private-digest": "SHA-256 of the private receipt made with this page",
    "receipt.machine": "Save it for other tools",
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
    "used.title": "This link has been used",
    "used.text": "Each link works once, for a short time. Ask us for a new one.",
    "sign-in.title": "Sign in",
    "sign-in.once": "This link is yours alone. It works once.",
    "sign-in.go": "Sign in",
    "refused.title": "This page cannot be opened like that",
    "refused.text": "Use the links on this site.",
    "fault.title": "Something went wrong here",
    "fault.text": "The fault is ours. Nothing about your choices has changed. Please try again later.",
    # the depths of a withdrawal
    "depth.stopped": "Stopped",
    "depth.dropped": "Dropped",
    "depth.unlearned": "Unlearned",
    "depth.recalled": "Recalled",
    "state.done": "done",
    "state.some": "done for {done} of {total}",
    "state.due": "due",
    "state.waiting": "waiting",
    "state.not-needed": "not needed",
    "state.overdue": "overdue",
    "state.cannot": "cannot be done",
    "depth.stopped.done": "No new training uses this.",
    "depth.stopped.open": "New training still uses this until then.",
    "depth.dropped.done": "Your {records} are out of {objects}.",
    "depth.dropped.done-plain": "Your records are out of our training sets.",
    "depth.dropped.open": "Your records are not yet out of our training sets.",
    "depth.dropped.not-needed": "Your records were in no training set.",
    "depth.unlearned.exact": "Rebuilt as {objects}. It equals, byte for byte, a model that never had your records.",
    "depth.unlearned.exact-plain": "Rebuilt. It equals, byte for byte, a model that never had your records.",
    "depth.unlearned.approximate": "Reduced, not erased. This kind of model cannot be rebuilt exactly. "
    "It gets no certificate.",
    "depth.unlearned.open": "Until then the model still carries what it learned.",
    "depth.unlearned.not-needed": "No model was trained on your records.",
    "depth.recalled.done": "All who had your records say that they deleted them.",
    "depth.recalled.done-named": "Deleted, says {objects}.",
    "depth.recalled.open": "We told all who had your records to stop and delete.",
    "depth.recalled.open-named": "We told {objects} to stop and delete.",
    "depth.recalled.overdue": "The answer has not come in time.",
    "depth.recalled.not-needed": "Your records were never sent to anyone.",
    "depth.recalled.cannot": "We cannot reach those who had your records.",
    "depth.at": "Done on {at}.",
    "depth.due": "Due by {at} ({relative}).",
    # choices
    "choice.grant": "You said yes.",
    "choice.refusal": "You said no.",
    "choice.withdrawal": "You stopped this.",
    "choice.objection": "You objected to this.",
    "choice.past": "Older data too.",
    "choice.no-past": "Only data from that day on.",
    "choice.expires": "Your yes ends on {date}.",
    "choice.notice": "You answered this text: {notice}.",
    "choice.grade": "We do not hold the text you answered. So this yes does not count.",
    # standings
    "standing.granted": "You said yes on {date}. We may use this.",
    "standing.granted-undated": "You said yes. We may use this.",
    "standing.no-grant": "You have not decided. Until you say yes, we do not use this.",
    "standing.refused": "You said no on {date}. We do not use this.",
    "standing.withdrawn": "You stopped this on {date}. We do not use it any more.",
    "standing.objected": "You objected on {date}. We do not use this.",
    "standing.expired": "Your yes has run out. We do not use this.",
    "standing.evidence-grade": "We have your yes, but not the text you answered. So we do not use this.",
    "standing.notice-does-not-cover": "The text you said yes to did not name this. So we do not use it.",
    "standing.promise-of-collection": "You wrote this under an older promise. So we do not use it.",
    "standing.region-suspended": "We have stopped this where you live. We do not use it now.",
    "standing.region-forbids": "The rules where you live forbid this. We do not use it.",
    "standing.minor": "You are too young for this. We do not use it.",
    "standing.other-no": "The rules say no. We do not use this.",
    "standing.not-objected": "The law lets us use this unless you object. You have not objected.",
    "standing.contract": "This is needed to run the service.",
    "standing.consent-of-another-party": "Another person in the chat agreed. You have not said no.",
    # the timeline
    "line.enrolled": "logged a sealed mark for you. It holds no name.",
    "line.granted": "said yes.",
    "line.refused": "said no.",
    "line.withdrew": "stopped this.",
    "line.objected": "objected to this.",
    "line.sealed": "put {records} of yours in training set {object}{because}.",
    "line.left-out": "left {records} of yours out of {object}: {reason}.",
    "line.trained": "trained the model {object} on {records} of yours.",
    "line.unlearned": "rebuilt the model without your records, as {object}.",
    "line.delivered": "got {records} of yours in {object}.",
    "line.not-delivered": "kept {records} of yours out of {object}: {reason}.",
    "line.recalled": "ordered all copies of {object} to be deleted.",
    "line.acknowledged": "answered that {object} is deleted.",
    "line.policy": "published {object}. Nothing changed for you: a new use needs a new yes.",
    # presence in a release
    "presence.present": "{records} of yours are in the set it was trained on: {as_author} as writer, {as_recipient} as reader.",
    "presence.present-plain": "{records} of yours are in the set it was trained on.",
    "presence.absent": "None of your records are in the set it was trained on, in any role.",
    "presence.receipt": "This holds under your receipt. No public directory yet rules out a second one.",
    "presence.one": "This is about one model. The list shows them all.",
    "presence.yes": "Your records are in it",
    "presence.no": "Not in it",
    "presence.replaced": "Replaced by {release}.",
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
"""Key → sentence. Places in braces are filled by `say`."""

GROUNDS: Final[dict[str, str]] = {
    "consent": "you agreed",
    "consent-of-another-party": "another person in the chat agreed",
    "not-objected": "the law lets us unless you object",
    "contract": "it is needed to run the service",
}
"""Ground → words (M8). Only the first is ever called consent."""

REASONS: Final[dict[str, str]] = {
    "no-grant": "no yes on record",
    "refused": "said no",
    "withdrawn": "said yes, then stopped",
    "objected": "objected",
    "expired": "the yes had an end date",
    "evidence-grade": "a yes without the text it answered",
    "notice-does-not-cover": "the text agreed to did not name this use",
    "promise-of-collection": "collected under an older promise",
    "collected-at-unknown": "no date, so no promise to check",
    "region-suspended": "stopped in that region",
    "region-forbids": "forbidden in that region",
    "party-missing": "no sender or reader is named",
    "party-unknown": "a sender or reader is not known here",
    "party-vetoed": "someone else in the message said no",
    "minor": "someone in it is too young",
    "age-unknown": "the age of someone in it is not known",
    "group-excluded": "someone in it is in a group that is left out",
    "collected-while-suspended": "collected while the use was suspended there",
    "before-earliest": "older than the rules allow",
    "category-unknown": "the kind of data is not known",
    "draft-never-sent": "a draft that was never sent",
    # reasons of a case, counted for each member in each message
    "date-unknown": "it is not known when it was sent",
    "refused-but-used": "had said no, and was not asked again",
    "collected-under-older-promise": "said yes, but only to newer data",
    "recipient-never-asked": "read it; only the writer was asked",
    "before-policy": "no text named the use yet",
    "no-choice": "had never said anything",
    "evidence-erased": "the evidence was erased on request",
}
"""Reason code of a dropped record → what it means."""

BECAUSE: Final[dict[str, str]] = {
    "granted": "standing.granted",
    "consent": "standing.granted",
    "not-objected": "standing.not-objected",
    "contract": "standing.contract",
    "consent-of-another-party": "standing.consent-of-another-party",
    **{
        code: f"standing.{code}"
        for code in (
            "no-grant", "refused", "withdrawn", "objected", "expired", "evidence-grade",
            "notice-does-not-cover", "promise-of-collection", "region-suspended",
            "region-forbids", "minor",
        )
    },
}  # fmt: skip
"""Reason code of a standing → its sentence."""

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
_OBJECTS_SHOWN: Final = 3


def say(key: str, **places: object) -> str:
    """Return the sentence of a key with its places filled; KeyError for an unknown key."""
    return SAY[key].format(**places)


def date(at: datetime) -> str:
    """Write the day: `3 October 2024`."""
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def instant(at: datetime) -> str:
    """Write the minute and the zone: `3 October 2024, 07:40 UTC`."""
    return f"{date(at)}, {at:%H:%M} UTC"


def relative(at: datetime, now: datetime) -> str:
    """Write a distance in days: `in 13 days`, `today`, `2 days ago`."""
    days = (at.date() - now.date()).days
    if days == 0:
        return "today"
    much = count(abs(days), "day")
    return f"in {much}" if days > 0 else f"{much} ago"


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number and its noun: `1 record`, `1,180 records`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def scope_words(scope: str) -> str:
    """Say what a use or scope means, as the taxonomy does; the name itself where it has no words."""
    parsed = Scope.parse(scope)
    try:
        return default_taxonomy().sentence(parsed)
    except KeyError:  # a term of the operator's own file
        return scope


def reason_words(code: str) -> str:
    """Say what a reason code of a dropped record means."""
    return REASONS.get(code, "the rules said no")


def who_words(who: str) -> str:
    """Name the one who acted: `You`, `We`, or the recipient."""
    return {"you": "You", "we": "We"}.get(who, who)


def choice_sentence(choice: Choice) -> str:
    """Say what the member said, with its conditions."""
    parts = [say(f"choice.{choice.kind}")]
    if choice.kind == "grant":
        parts.append(say("choice.past" if choice.includes_past else "choice.no-past"))
        if choice.expires is not None:
            parts.append(say("choice.expires", date=date(choice.expires)))
        if choice.grade != "bytes":
            parts.append(say("choice.grade"))
    if choice.notice is not None:
        parts.append(say("choice.notice", notice=choice.notice))
    return " ".join(parts)


def standing_sentence(standing: Standing) -> str:
    """Say where the member stands, with date and ground (M1, M8)."""
    code = (standing.ground or standing.because) if standing.allowed else standing.because
    key = BECAUSE.get(code, "standing.other-no")
    if not standing.allowed and code in GROUNDS:
        key = "standing.other-no"
    if "{date}" in SAY[key] and standing.since is None:
        key = "standing.granted-undated" if standing.allowed else "standing.other-no"
    return say(key, date=date(standing.since) if standing.since else "")


def timeline_sentence(item: TimelineItem) -> str:
    """Say what happened, after the name of the one who acted."""
    return say(
        f"line.{item.kind}",
        object=item.object,
        records=count(item.records or 0, "record"),
        because=f", because {GROUNDS[item.ground]}" if item.ground else "",
        reason=reason_words(item.because or ""),
    )


def state_words(row: DepthRow) -> str:
    """Name the state of a depth: `done`, `done for 1 of 2`, `waiting`."""
    if row.done and row.total and row.done < row.total and row.state in {"due", "waiting"}:
        return say("state.some", done=row.done, total=row.total)
    return say(f"state.{row.state}")


def depth_sentence(row: DepthRow, now: datetime) -> str:
    """Say what a depth means for the member, and when it was or will be done."""
    parts = [_depth(row)]
    if row.state == "done" and row.at is not None:
        parts.append(say("depth.at", at=instant(row.at)))
    if row.state in {"due", "waiting", "overdue"} and row.due is not None:
        due = say("depth.due", at=instant(row.due), relative=relative(row.due, now))
        parts.insert(0 if row.depth == "unlearned" else len(parts), due)
    return " ".join(parts)


def presence_sentence(release: ReleasePresence) -> str:
    """Say whether a release had the member's records, and how many."""
    if release.presence == "absent":
        return say("presence.absent")
    roles = release.as_author + release.as_recipient == release.records
    return say(
        "presence.present" if roles else "presence.present-plain",
        records=count(release.records, "record"),
        as_author=release.as_author,
        as_recipient=release.as_recipient,
    )


def _depth(row: DepthRow) -> str:
    objects = _list(row.objects)
    named = "-named" if objects else ""
    plain = "" if objects else "-plain"
    open_ = row.state in {"due", "waiting", "overdue"}
    if row.depth == "stopped":
        return say("depth.stopped.open" if open_ else "depth.stopped.done")
    if row.state == "not-needed":
        return say(f"depth.{row.depth}.not-needed")
    if row.depth == "dropped":
        if open_:
            return say("depth.dropped.open")
        if row.records is None or not objects:
            return say("depth.dropped.done-plain")
        records = count(row.records, "record")
        return say("depth.dropped.done", records=records, objects=objects)
    if row.depth == "unlearned":
        if row.state == "cannot" or row.exact is False:
            return say("depth.unlearned.approximate")
        if open_:
            return say("depth.unlearned.open")
        return say(f"depth.unlearned.exact{plain}", objects=objects)
    if row.state in {"overdue", "cannot"}:
        return say(f"depth.recalled.{row.state}")
    return say(f"depth.recalled.{'open' if open_ else 'done'}{named}", objects=objects)


def _list(names: Sequence[str]) -> str:
    """Write names for a sentence: `a`, `a and b`, `a, b, c and 4 more`."""
    shown = list(names[:_OBJECTS_SHOWN])
    more = len(names) - len(shown)
    if more:
        return ", ".join(shown) + f" and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
