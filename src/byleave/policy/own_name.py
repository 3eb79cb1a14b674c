"""By what names the publisher of a policy calls itself: "Acme may share" says "we may share"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

__all__ = ["as_we", "own_names"]

_NAME: Final = r"[A-Z0-9][\w&-]*(?:\.[a-z]{2,4}|\.[A-Z]\w+)?(?: (?:[A-Z][\w&-]*|of|&)){0,4}?"
_CALLED_WE: Final = re.compile(
    rf"(?P<name>{_NAME})(?:,? (?:Inc|LLC|Ltd|Limited|GmbH|Corp|Corporation|Company|Co|PLC|plc|B\.?V|S\.?A|Pty|AG|SAS|AB)\b\.?)*"
    r"[^.()\"]{0,80}\((?P<aliases>[^)]{0,120}\b(?:we|us|our)\b[^)]{0,60})\)"
)
_ALIAS: Final = re.compile(r"\"([A-Z][\w&.-]*(?: [A-Z][\w&.-]*){0,2})[,.]?\"")
_TITLE: Final = re.compile(
    rf"^(?P<name>{_NAME})(?:'s)?(?: [-–—|:])? (?:Online |Website |Global |Consumer )?"
    r"(?:Privacy|Terms|Cookie|User|Service|Data|Legal|Customer|Community)\b"
)
_GENERIC: Final = frozenset(
    "the this these our your my privacy terms service services global website online general data "
    "user users customer company's policy notice welcome welcomes if when by in for at we us "
    "consumer app application personal how what who usage payment transaction international you "
    "chat billing financial see sometimes remind meeting such training utilising gem disclosure use "
    "duration third-party cross-border".split()
)


_COMMON_SUBJECTS: Final = frozenset(
    "we you it they this that these those he she who which information data cookies users members "
    "customers visitors partners advertisers google facebook apple microsoft meta amazon services "
    "service parties providers vendors affiliates companies employers merchants sellers buyers "
    "hosts guests recipients administrators moderators developers publishers platform website site "
    "app application content people children parents other others some each such our your the law "
    "section policy notice party organization company candidates consumers clients personal "
    "browser browsers device devices input output owner account accounts".split()
)

_OURS: Final = (
    r"(?:other )?(?:users?|members?|customers?|accounts?|services?|platforms?|websites?|sites?|apps?|"
    r"products?|employees|personnel|staff|teams?|communit|brands?|group|compan|families|servers?|"
    r"subsidiar|affiliat|entit|associates|agents|dealers|licensees|partners?(?! with)|vendors|suppliers)"
)
# "Acme, Inc.": one of its companies, where it speaks of another as "we"
_FORM: Final = r",? (?:Inc|LLC|Ltd|GmbH|SE|Corp)\b"


#: Who publishes it, in texts made from a form: "the Company may share"
_THE_COMPANY: Final = ("The Company", "the Company")


def own_names(text: str) -> tuple[str, ...]:
    """Return the names by which a text's publisher calls itself, the longest first.

    Taken from its title ("Acme Privacy Policy") and from where it says who "we" are: "Acme Inc.
    ("Acme", "we")". A text that does neither has none.

    Args:
        text: The whole document, marks taken off.
    """
    found = set()
    for line in text.splitlines():
        title = _TITLE.match(line.strip()) if len(line) < 80 else None
        if title:
            found.add(title["name"])
        for called in _CALLED_WE.finditer(line):
            found |= {called["name"], *_ALIAS.findall(called["aliases"])}
    defined = _DEFINED.search(text[:_OPENING])
    if defined is not None and defined["alias"].startswith(defined["name"].split()[0]):
        found |= {defined["name"], defined["alias"]}
    found = {_OF.sub("", name) for name in found} | _speaking(text)
    for name in [name for name in found if " " in name]:
        first = name.split()[0]
        if len(re.findall(rf"\b{re.escape(first)}(?! [A-Z])\b", text)) > 1:
            found.add(first)
    kept = {name for name in found if name.split()[0].lower() not in _GENERIC and len(name) > 2}
    kept = kept or _acting(text)
    kept |= {form for form in _THE_COMPANY if len(re.findall(rf"\b{form}\b", text)) > 1}
    return tuple(sorted(kept, key=lambda name: (-len(name), name)))


_SPEAKS: Final = re.compile(
    r"(?<![\w.] )\b([A-Z][a-z]+[A-Za-z]*) (?:may|will|does not|collects|uses|processes|shares|reserves|encourages|receives|discloses)\b"
)


_ACTS: Final = re.compile(
    r"(?<![\w.] )\b([A-Z][a-z]+[A-Za-z]*) (?:may|will|can|do(?:es)?|has|collects|uses|utili[sz]es|stores|"
    r"processes|shares|reserves|encourages|receives|discloses|retains|logs|sends|offers|provides)\b"
)
_DEFINED: Final = re.compile(
    rf"(?P<name>{_NAME}),? (?:Inc|LLC|Ltd|Limited|GmbH|Corp|PLC|plc)\b\.?,? \((?:the )?\"(?P<alias>[A-Z][\w. &-]{{1,40}})\"\)"
)
_OPENING: Final = 1500  # characters in which a text says who publishes it
_OF: Final = re.compile(r" (?:Notice|Statement|Terms)(?: of)?$")


def _speaking(text: str) -> set[str]:
    """Return the one name that acts in a text again and again, as a publisher does: "Valve may"."""
    counts = Counter(_SPEAKS.findall(text))
    ranked = [(n, name) for name, n in counts.items() if name.lower() not in _COMMON_SUBJECTS]
    ranked.sort(reverse=True)
    if not ranked or ranked[0][0] < 4 or (len(ranked) > 1 and ranked[1][0] * 2 > ranked[0][0]):
        return set()
    return {ranked[0][1]}


def _acting(text: str) -> set[str]:
    """Return the name that acts more than once and is named twice as often as any other that acts."""
    acts = Counter(name for name in _ACTS.findall(text) if name.lower() not in _COMMON_SUBJECTS)
    ranked = sorted(((len(re.findall(rf"\b{name}\b", text)), name) for name in acts), reverse=True)
    if not ranked or acts[ranked[0][1]] < 2 or ranked[0][0] < 5:
        return set()
    if len(ranked) > 1 and ranked[1][0] * 2 > ranked[0][0]:
        return set()
    return {ranked[0][1]}


def as_we(text: str, names: Sequence[str]) -> str:
    """Return a sentence in which the publisher speaks of itself as "we" and "our"."""
    for name in names:
        text = re.sub(rf"(?<![\w@/]){re.escape(name)}(?:'s|s')(?!\w)", "our", text)
        text = re.sub(rf"(?<![\w@/.]){re.escape(name)}(?= {_OURS})", "our", text)
        text = re.sub(rf"(?<![\w@/.]){re.escape(name)}-(?=[a-z])", "our ", text)
        text = re.sub(
            rf"\b((?:us(?:e|es|ing)|access|visit|join|through|via|on)(?:ing)?) {re.escape(name)}"
            r"(?![\w@/]|\.\w| [A-Z])",
            r"\1 our service",
            text,
        )
        text = re.sub(
            rf"\b(with|to|by|on|from|for|of|at|through|via|about|between|(?:allow|let|enable|permit|help|give|grant|require|ask|provide|send|tell|authori[sz]e)(?:s|d|ed|ing)?) {re.escape(name)}"
            rf"(?![\w@/]|\.\w| [A-Z]|{_FORM})",
            r"\1 us",
            text,
        )
        text = re.sub(rf"(?<![\w@/.]){re.escape(name)}(?![\w@/]|\.\w| [A-Z])", "we", text)
    return text
