"""Publish notices, choose the text for a member, and hand out tokens for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from byleave.consent.event import NoticeCoverage
from byleave.errors import ConflictError, InputError
from byleave.evidence.entry import NoticeEntry
from byleave.ids import LedgerIndex, parse_digest, to_us
from byleave.policy.notice import Control, Notice, choose_notice, make_notice
from byleave.policy.notice_token import NONCE_BYTES, NoticeToken, check_token, issue, read_token
from byleave.policy.scope import Scope, Use
from byleave.service.clock import ledger_now
from byleave.service.house import House, Ledger

__all__ = [
    "TOKEN_LIFETIME",
    "coverages",
    "make_token",
    "open_token",
    "publish_notice",
    "published_notices",
    "read_notice",
]

TOKEN_LIFETIME: Final = timedelta(hours=1)
"""For how long an answer to a notice shown is taken, unless the operator says otherwise."""


def publish_notice(
    house: House,
    text: str,
    *,
    notice: str,
    asks: Sequence[str],
    control: str = "none",
    language: str = "en",
    policy: int | None = None,
    family: str | None = None,
    screen: str | None = None,
) -> int:
    """Publish a notice: the exact text that members are shown when asked; return its log index.

    Args:
        house: The workspace's ports.
        text: The exact text.
        notice: Id of the notice, version included.
        asks: Scopes it asks for, one per line of the text.
        control: State of the control before the member acts: `off`, `on` or `none`.
        language: BCP 47 tag of the text.
        policy: Log index of the policy document it belongs to.
        family: What it is a variant of: the same question in other languages, on other screens.
        screen: Where it is shown; None: anywhere.

    Raises:
        InputError: `use.*`; `workspace.unknown-object`, no policy text has that entry.
        ConflictError: `workspace.exists`.
    """
    made = read_notice(
        house,
        text,
        notice=notice,
        asks=asks,
        control=control,
        language=language,
        policy=policy,
        family=family,
        screen=screen,
    )
    entry = NoticeEntry(
        notice=notice,
        sha256=made.sha256,
        language=language,
        control=made.control.value,
        uses=made.uses_digest,
        policy=policy,
    )
    document: dict[str, Any] = {
        "notice": notice,
        "text": text,
        "sha256": made.sha256.hex(),
        "language": language,
        "control": made.control.value,
        "asks": [str(scope) for scope in made.asks],
        "uses": sorted(str(use) for use in made.uses),
        "shown": sorted(str(use) for use in made.shown),
        "taxonomy": made.taxonomy.hex(),
        "policy": policy,
        "family": family,
        "screen": screen,
    }
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object(
            "notice", notice, index=index, at_us=to_us(house.now()), document=document
        )
    return index


def read_notice(
    house: House,
    text: str,
    *,
    notice: str,
    asks: Sequence[str],
    control: str,
    language: str,
    policy: int | None,
    family: str | None,
    screen: str | None,
) -> Notice:
    """Return a notice as publishing would take it, or refuse it; `publish_notice` says the rest."""
    if policy is not None:
        found = house.ledger.object_at(policy)
        if found is None or found[0] != "policy":
            raise InputError(
                f"log entry {policy} is no policy text",
                code="workspace.unknown-object",
                hint="byleave policy list",
            )
    if house.ledger.object("notice", notice) is not None:
        raise ConflictError(f"a notice {notice!r} exists already", code="workspace.exists")
    return make_notice(
        text.encode(),
        id=notice,
        language=language,
        control=Control(control),
        asks=[house.taxonomy.scope(ask) for ask in asks],
        taxonomy=house.taxonomy,
        policy=None if policy is None else LedgerIndex(policy),
        family=family,
        screen=screen,
    )


def published_notices(ledger: Ledger, *, before: int | None = None) -> dict[str, Notice]:
    """Return every notice published below a log index, by id, as it had expanded then (G2)."""
    return {
        name: Notice(
            id=name,
            sha256=parse_digest(d["sha256"]),
            language=d["language"],
            control=Control(d["control"]),
            asks=tuple(Scope.parse(ask) for ask in d["asks"]),
            uses=frozenset(_use(text) for text in d["uses"]),
            shown=frozenset(_use(text) for text in d["shown"]),
            taxonomy=parse_digest(d["taxonomy"]),
            policy=d["policy"],
            family=d.get("family"),
            screen=d.get("screen"),
        )
        for index, name, _, d in ledger.objects("notice")
        if before is None or index < before
    }


def coverages(house: House, *, before: int | None = None) -> dict[str, NoticeCoverage]:
    """Return what each published notice had expanded to (G2); nothing where it was pre-set (G1)."""
    return {
        name: NoticeCoverage.of(notice)
        for name, notice in published_notices(house.ledger, before=before).items()
    }


def make_token(
    house: House,
    family: str,
    member: str,
    *,
    language: str | None = None,
    screen: str | None = None,
    lifetime: timedelta = TOKEN_LIFETIME,
) -> tuple[str, Notice]:
    """Return a token for showing a notice to a member, and the notice to show.

    Args:
        house: The workspace's ports.
        family: Id of the notice, or of the family whose variant is to be shown.
        member: To whom; enrolled.
        language: Which variant; None: `family` is the very notice.
        screen: Where it will be shown.
        lifetime: For how long an answer is taken.

    Raises:
        InputError: `member.unknown`, `consent.notice-unknown`, `notice.no-variant`.
    """
    if house.ledger.member(member) is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    published = published_notices(house.ledger)
    if language is not None:
        chosen = choose_notice(published.values(), family, language=language, screen=screen)
    elif family in published:
        chosen = published[family]
    else:
        raise InputError(f"no notice {family!r} was published", code="consent.notice-unknown")
    text = issue(
        chosen,
        member,
        key=house.notice_key(),
        issued=ledger_now(house),
        lifetime=lifetime,
        nonce=house.random(NONCE_BYTES),
        screen=screen,
    )
    return text, chosen


def open_token(house: House, text: str, member: str) -> NoticeToken:
    """Return a token that stands for this member, now, and the notice as published.

    That it was not used before is checked where the answer is written.

    Raises:
        EvidenceError: `notice.token-malformed`, `notice.token-signature`.
        RefusedError: `notice.token-member`, `notice.token-notice`, `notice.token-time`.
    """
    key = house.notice_key()
    token = read_token(text, key.verifier)
    notice = published_notices(house.ledger).get(token.notice)
    if notice is None:
        raise InputError(f"no notice {token.notice!r} was published", code="consent.notice-unknown")
    check_token(token, notice=notice, member=member, now=ledger_now(house), key=key)
    return token


def _use(text: str) -> Use:
    scope = Scope.parse(text)
    return Use(purpose=scope.purpose, category=scope.category, recipient=scope.recipient)
