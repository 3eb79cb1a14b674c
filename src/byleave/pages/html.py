"""From a view to its page: the one Jinja environment, and one function a page.

Everything is escaped by default and an undefined name is an error. The templates hold no
sentence: they ask `say`, so that the catalogue in `words` is all a translator or a test reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from byleave.ids import format_instant
from byleave.pages import words
from byleave.pages.catalogue import CATALOGUES
from byleave.pages.view import (
    Frame,
    Help,
    MemberAnswer,
    PolicyEntry,
    PublicOverview,
    ReleaseEntry,
    TimelineItem,
)

__all__ = [
    "LINES",
    "Window",
    "address",
    "environment",
    "member_page",
    "message_page",
    "policy_page",
    "proofs_of",
    "public_page",
    "release_page",
    "render",
    "sign_in_page",
    "style",
    "style_name",
    "window",
]

LINES: Final = 40
"""Timeline lines on one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of a timeline. Bounds count from the *oldest* line, so that a link keeps its lines.

    Attributes:
        items: The lines shown, newest first.
        until: Lines up to here, from the oldest; the page's own address.
        older: `until` of the page before; None at the oldest.
        newer: `until` of the page after; None at the newest.
        total: All lines.
    """

    items: tuple[TimelineItem, ...]
    until: int
    older: int | None
    newer: int | None
    total: int


def window(items: tuple[TimelineItem, ...], until: int | None, *, lines: int = LINES) -> Window:
    """Cut so many lines of a timeline, the last its `until`-th (None: the newest)."""
    total = len(items)
    end = total if until is None else max(1, min(until, total))
    start = max(0, end - lines)
    return Window(
        items=items[total - end : total - start],
        until=end,
        older=start or None,
        newer=min(total, end + lines) if end < total else None,
        total=total,
    )


@cache
def environment(language: str = "en") -> Environment:
    """Return the environment of every template, in one language; KeyError without a catalogue."""
    env = Environment(
        loader=PackageLoader("byleave.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    speech = words.speech(language)
    env.globals.update(
        say=speech.say,
        count=speech.count,
        language=language,
        languages=[(c.language, c.name) for c in CATALOGUES.values()],
        limits=speech.words.limits,
        meaning=speech.meaning,
        meaning_of=speech.meaning_of,
        names=speech.names,
        names_all=speech.all_names,
        relative=speech.relative,
        tongue=speech.tongue,
        choice_sentence=speech.choice_sentence,
        depth_sentence=speech.depth_sentence,
        presence_sentence=speech.presence_sentence,
        standing_sentence=speech.standing_sentence,
        state_words=speech.state_words,
        timeline_sentence=speech.timeline_sentence,
    )
    env.filters.update(
        category=speech.category,
        day=speech.date,
        instant=speech.instant,
        iso=format_instant,
        number=speech.number,
        reason=speech.reason,
        scope=speech.scope,
        who=speech.who,
    )
    return env


@cache
def style() -> bytes:
    """Return the one style sheet."""
    return (resources.files("byleave.pages") / "static" / "byleave.css").read_bytes()


@cache
def style_name() -> str:
    """Return its name in an address: it changes with the bytes, so that it may be kept."""
    return f"byleave-{hashlib.sha256(style()).hexdigest()[:12]}.css"


def public_page(
    frame: Frame,
    overview: PublicOverview,
    *,
    base: str,
    members: Sequence[tuple[str, str]] = (),
    report: str | None = None,
    language: str = "en",
) -> str:
    """Write the first page.

    Args:
        frame: What stands around it.
        overview: Its facts.
        base: Prefix of every address.
        members: In a demo: (label, address) of member pages.
        report: Address of the public report; None: there is none.
        language: Of its sentences; so for every page.
    """
    twin = f"{base}/index.json"
    return _page(
        "public.html",
        frame,
        base,
        twin,
        language,
        view=overview,
        members=members,
        report=report,
    )


def policy_page(frame: Frame, entry: PolicyEntry, *, base: str, language: str = "en") -> str:
    """Write the page of one version of a text."""
    twin = f"{base}/policies/{entry.document}/{entry.version}.json"
    return _page("policy.html", frame, base, twin, language, view=entry)


def release_page(frame: Frame, entry: ReleaseEntry, *, base: str, language: str = "en") -> str:
    """Write the page of one release."""
    twin = f"{base}/releases/{entry.release}.json"
    return _page("release.html", frame, base, twin, language, view=entry)


def member_page(
    frame: Frame,
    answer: MemberAnswer,
    *,
    base: str,
    own: str | None,
    until: int | None = None,
    settings: str | None = None,
    log: str | None = None,
    look: int | None = None,
    language: str = "en",
) -> str:
    """Write a member's own page.

    Args:
        frame: What stands around it.
        answer: Its facts.
        base: Prefix of every address.
        own: Address of this page; None: it has none, and shows its whole timeline without links
            to what is under it.
        until: Which part of the timeline; None: the newest.
        settings: Address of their settings, where they are signed in.
        log: Address of the served log, for the proofs of entries; None: it is not served here.
        look: The entry of the look that this is; None: it is the member's own.
        language: Of its sentences.
    """
    return _page(
        "member.html",
        frame,
        base,
        None if own is None else f"{own}.json",
        language,
        view=answer,
        own=own,
        lines=window(answer.timeline, until)
        if own is not None
        else window(answer.timeline, None, lines=len(answer.timeline)),
        settings=settings,
        log=log,
        look=look,
        **({} if own is not None else {"languages": ()}),  # a page that no link leads to
    )


def proofs_of(answer: MemberAnswer) -> set[str | None]:
    """Return the names of the proofs that a member's page offers."""
    return {
        *(c.proof for c in answer.choices),
        *(t.proof for t in answer.timeline),
        *(w.proof for w in answer.withdrawals),
        *(d.proof for w in answer.withdrawals for d in w.depths),
        *(r.proof for r in answer.releases),
    }


def message_page(
    kind: str,
    *,
    base: str,
    language: str = "en",
    door: str | None = None,
    whom: Help | None = None,
    **places: str,
) -> str:
    """Write the page for an address that does not open.

    Args:
        kind: `lost`, `gone`, `refused`, `others` or `fault`.
        base: Prefix of every address.
        language: Of its sentences.
        door: Where to sign in; None: there is no such page.
        whom: Whom to turn to; None: not known here.
        places: What the sentence names.
    """
    return _page(
        "message.html", None, base, None, language, kind=kind, places=places, door=door, help=whom
    )


def sign_in_page(
    *, base: str, secret: str, kept: str = "", whom: Help | None = None, language: str = "en"
) -> str:
    """Write the page a one-time link opens: one button, which signs in.

    Args:
        base: Prefix of every address.
        secret: The link's last part.
        kept: What its address asked besides, `to=settings`.
        whom: Whom to turn to; None: not known here.
        language: Of its sentences.
    """
    return _page("sign_in.html", None, base, None, language, secret=secret, kept=kept, help=whom)


def address(path: str, asked: Mapping[str, object]) -> str:
    """Return an address with the state of a list in its query; what is None is left out.

    Args:
        path: Without a query.
        asked: Name → value; instants are written in UTC.
    """
    query = {
        name: format_instant(value) if isinstance(value, datetime) else value
        for name, value in asked.items()
        if value is not None
    }
    return f"{path}?{urlencode(query)}" if query else path


def render(
    template: str,
    frame: Frame | None,
    *,
    base: str,
    twin: str | None,
    language: str = "en",
    **context: object,
) -> str:
    """Write a page of another module from its template.

    Args:
        template: Its file.
        frame: What frames every page; None: a page that stands by itself.
        base: Prefix of every address.
        twin: Address of the same facts as JSON; None: it has none.
        language: Of its sentences.
        context: What the template asks for.
    """
    return _page(template, frame, base, twin, language, **context)


def _page(
    template: str,
    frame: Frame | None,
    base: str,
    twin: str | None,
    language: str,
    **context: object,
) -> str:
    page = environment(language).get_template(template)
    css = f"{base}/static/{style_name()}"
    return page.render(frame=frame, base=base, twin=twin, css=css, **context)
