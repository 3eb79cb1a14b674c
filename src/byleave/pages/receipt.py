"""The receipt in plain words: what the member said, what holds now, where each is logged.

What holds is what a gate answers, never the choices alone.

One view, two forms: a page under the member's link, and one file that asks nothing of the network
(`receipt_file`), for keeping and printing.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Literal

from byleave.pages.html import environment, style, style_name
from byleave.pages.view import Checkpoint, Frame, Ground
from byleave.pages.words import BECAUSE, Speech, speech
from byleave.policy.ruleset_stop import ALWAYS

__all__ = [
    "SIGNALS",
    "ReceiptEvent",
    "ReceiptRecord",
    "ReceiptView",
    "Source",
    "Stop",
    "StopRule",
    "StoppedUse",
    "event_sentence",
    "receipt_file",
    "receipt_page",
    "sources",
    "state_sentence",
]

State = Literal[
    "ConsentExpired",
    "ConsentGiven",
    "ConsentRefused",
    "ConsentUnknown",
    "ConsentWithdrawn",
    "NoneGiven",
    "PartlyGiven",
]

SIGNALS: Final[dict[str, str]] = {
    "aipref": "AI Preferences (AIPREF)",
    "c2pa": "Content Credentials (C2PA)",
    "cawg": "Content Credentials (CAWG)",
    "gpc": "Global Privacy Control",
    "tdmrep": "TDM Reservation (TDMRep)",
}
"""Signal → its proper name."""

_ENGLISH: Final = speech("en")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptEvent:
    """One thing the member said.

    Attributes:
        index: Index of its entry in the log.
        at: From when it counts.
        kind: What happened.
        scope: What it was about; wider than the record's, where it was said about more.
        meaning: The same in words.
        includes_past: A grant that also covers older data.
        expires: End of a grant, exclusive; None: open.
        notice: Id of the notice answered; None: unknown, or none needed.
        notice_sha256: Digest of that notice's exact bytes.
        notice_language: Its language.
        counts: Whether what is known of the notice is enough for a grant to count.
        channel: Where it was said.
        proof: Proof that it is logged.
    """

    index: int
    at: datetime
    kind: Literal["grant", "refusal", "withdrawal", "objection", "preset"]
    scope: str
    meaning: str
    includes_past: bool
    expires: datetime | None
    notice: str | None
    notice_sha256: str | None
    notice_language: str | None
    counts: bool
    channel: str
    proof: str | None


@dataclass(frozen=True, slots=True)
class StoppedUse:
    """A leaf use, and the same in words."""

    use: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """One rule that stops uses.

    Attributes:
        ruleset: Name and date of the ruleset it stands in.
        cite: Statute or decision; None: no rule of it names the use.
        since: From when it holds.
        until: Its end, exclusive; None: open.
    """

    ruleset: str
    cite: str | None
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Uses that rules stop for one reason, whatever the member said.

    Attributes:
        because: The reason's code.
        agreed: To how many of them the member said yes.
        index: Log index of the rulesets; None: not recorded.
        uses: Which.
        rules: The rules that do it.
    """

    because: str
    agreed: int
    index: int | None
    uses: tuple[StoppedUse, ...]
    rules: tuple[StopRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRecord:
    """One scope the member spoke about.

    Attributes:
        number: Number of the consent record.
        scope: What it is about.
        meaning: The same in words.
        state: What the member's choices alone come to.
        agreed: To how many uses of the scope the member's yes stands, by their choices alone.
        allowed: How many a gate lets through: choices and rules together.
        uses: How many there are.
        grounds: What those let through rest on.
        stops: What rules stop.
        events: What was said, newest first.
    """

    number: str
    scope: str
    meaning: str
    state: State
    agreed: int
    allowed: int
    uses: int
    grounds: tuple[Ground, ...]
    stops: tuple[Stop, ...]
    events: tuple[ReceiptEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """A member's receipt.

    Attributes:
        member_label: The platform's id of the member.
        number: Number of the receipt.
        at: The instant it was made for.
        region: Where the member was then; None: not known, and the strictest rules hold.
        checkpoint: The log's head it stands on.
        records: One for each scope the member spoke about, in the order of first mention.
        private_sha256: Digest of the private receipt made with it.
    """

    member_label: str
    number: str
    at: datetime
    region: str | None
    checkpoint: Checkpoint
    records: tuple[ReceiptRecord, ...]
    private_sha256: str


def receipt_page(
    frame: Frame,
    view: ReceiptView,
    *,
    base: str,
    own: str,
    private: str | None = None,
    language: str = "en",
) -> str:
    """Write the page under a member's link.

    Args:
        frame: What stands around it.
        view: Its facts.
        base: Prefix of every address.
        own: Address of the member's page, which this one stands under.
        private: Address of the private receipt, which holds the secret; None: not handed out here.
        language: Of its sentences.
    """
    return _render(
        language,
        frame=frame,
        view=view,
        base=base,
        own=own,
        private=private,
        twin=f"{own}/receipt.json",
        css=f"{base}/static/{style_name()}",
        inline=None,
        policy=None,
    )


def receipt_file(frame: Frame, view: ReceiptView, *, language: str = "en") -> str:
    """Write one HTML file with its style sheet inside, allowed by digest and nothing else."""
    css = style().decode("utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode("utf-8")).digest()).decode("ascii")
    return _render(
        language,
        frame=frame,
        view=view,
        base="",
        own=None,
        private=None,
        twin=None,
        css="",
        inline=css,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
    )


def state_sentence(record: ReceiptRecord, words: Speech = _ENGLISH) -> str:
    """Say what a gate would do now: yes, no or in part; a yes that rules stop is told as both."""
    done, total = str(record.allowed), str(record.uses)
    if record.uses and record.allowed == record.uses:
        said_all = record.state == "ConsentGiven"
        return words.say("receipt.given" if said_all else "receipt.by-law")
    if record.allowed:
        by_choice = record.allowed == record.agreed and not record.stops
        return words.say("receipt.partly" if by_choice else "receipt.part", done=done, total=total)
    if record.agreed:
        return words.say("receipt.stopped")
    if record.state in {"ConsentGiven", "PartlyGiven"}:  # to what is not done: no leaf use
        return words.say("receipt.given-idle")
    key = {
        "ConsentExpired": "receipt.expired",
        "ConsentRefused": "receipt.refused",
        "NoneGiven": "receipt.none",
        "ConsentWithdrawn": "receipt.withdrawn",
    }.get(record.state, "receipt.no")
    return words.say(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source of a stop, with the rulesets that name it.

    Attributes:
        cite: Statute or decision; None: no rule names the use.
        rulesets: Names and dates, in order.
        since: The first instant from which one of them holds; None: always, as far as is told.
        until: Their end, exclusive; None: open.
    """

    cite: str | None
    rulesets: tuple[str, ...]
    since: datetime | None
    until: datetime | None


def sources(stop: Stop) -> list[Source]:
    """Return the sources of a stop, each told once."""
    found: dict[tuple[str | None, datetime | None], list[StopRule]] = {}
    for rule in stop.rules:
        found.setdefault((rule.cite, rule.until), []).append(rule)
    return [
        Source(
            cite=cite,
            rulesets=tuple(rule.ruleset for rule in rules),
            since=_told(min(rule.since for rule in rules)),
            until=until,
        )
        for (cite, until), rules in found.items()
    ]


def _told(since: datetime) -> datetime | None:
    return None if since <= ALWAYS else since


def event_sentence(event: ReceiptEvent, words: Speech = _ENGLISH) -> str:
    """Say what the member said, or what a signal said for them, with its conditions."""
    origin, _, kind = event.channel.partition(":")
    if origin == "signal":
        return words.say("receipt.signal", what=SIGNALS.get(kind, kind))
    if event.kind == "preset":
        return words.say("receipt.preset")
    parts = [words.say(f"choice.{event.kind}")]
    if event.kind == "grant":
        parts.append(words.say("choice.past" if event.includes_past else "choice.no-past"))
        if event.expires is not None:
            parts.append(words.say("choice.expires", date=words.date(event.expires)))
        if not event.counts:
            parts.append(words.say("choice.grade"))
    return " ".join(parts)


def _render(language: str, **context: object) -> str:
    words = speech(language)
    return (
        environment(language)
        .get_template("receipt.html")
        .render(
            event_sentence=partial(event_sentence, words=words),
            by_law=lambda record: [
                words.say(BECAUSE[ground]) for ground in record.grounds if ground != "consent"
            ],
            rule_sentence=words.rule_sentence,
            sources=sources,
            state_sentence=partial(state_sentence, words=words),
            **context,
        )
    )
