"""The few rules that choose among the sentences of the catalogue.

A sentence of fact is made from a record of `byleave.pages.view`, never typed by hand (G11).
Reason codes stand untranslated beside their sentence. `Speech` holds the rules for one language;
the functions of this module are those of English.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from byleave.pages.catalogue import (
    BECAUSE,
    CATALOGUES,
    GROUNDS,
    LIMITS,
    REASONS,
    SAY,
    Catalogue,
)
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
    "Speech",
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
    "speech",
    "standing_sentence",
    "state_words",
    "timeline_sentence",
    "who_words",
]

_OBJECTS_SHOWN: Final = 3
_OF_REGION: Final = frozenset({"region-suspended", "region-forbids", "grant-too-general"})


@dataclass(frozen=True, slots=True)
class Speech:
    """The rules in one language.

    Attributes:
        words: Its catalogue.
    """

    words: Catalogue

    @property
    def language(self) -> str:
        """Return its BCP 47 tag."""
        return self.words.language

    def say(self, key: str, **places: object) -> str:
        """Return the sentence of a key with its places filled; KeyError for an unknown key."""
        return self.words.say[key].format(**places)

    def date(self, at: datetime) -> str:
        """Write the day: `3 October 2024`."""
        month = self.words.months[at.month - 1]
        return self.words.day.format(day=at.day, month=month, year=at.year)

    def instant(self, at: datetime) -> str:
        """Write the minute and the zone: `3 October 2024, 07:40 UTC`."""
        return self.words.minute.format(date=self.date(at), time=f"{at:%H:%M}")

    def relative(self, at: datetime, now: datetime) -> str:
        """Write a distance in days: `in 13 days`, `today`, `2 days ago`."""
        days = (at.date() - now.date()).days
        if days == 0:
            return self.say("when.today")
        if days > 0:
            return self.say("when.in-one" if days == 1 else "when.in", days=self.number(days))
        return self.say("when.ago-one" if days == -1 else "when.ago", days=self.number(-days))

    def number(self, number: int) -> str:
        """Write a number with its thousands apart: `1,180`."""
        return f"{number:,}".replace(",", self.words.thousands)

    def count(self, number: int, one: str, many: str | None = None) -> str:
        """Write a number and its noun: `1 record`, `1,180 records`.

        Args:
            number: How many.
            one: The noun in English, for one; in another language it stands in its catalogue.
            many: The same for several, where it is not the noun with an `s`.
        """
        forms = self.words.nouns.get(one, (one, many or one + "s"))
        return f"{self.number(number)} {forms[0] if number == 1 else forms[1]}"

    def names(self, names: Sequence[str]) -> str:
        """Write names for a sentence: `a`, `a and b`, `a, b, c and 4 more`."""
        shown = list(names[:_OBJECTS_SHOWN])
        more = len(names) - len(shown)
        if more:
            return self.say("list.more", names=", ".join(shown), more=more)
        return self.all_names(shown)

    def all_names(self, shown: Sequence[str]) -> str:
        """Write every name for a sentence: `a, b, c and d`."""
        if len(shown) < 2:
            return "".join(shown)
        return self.say("list.and", names=", ".join(shown[:-1]), last=shown[-1])

    def scope(self, scope: str) -> str:
        """Say what a use or scope means, as the taxonomy does; its name where it has no words.

        A term of the operator's own is told by ours above it: `provider.acme` is a provider.
        """
        parsed = Scope.parse(scope)
        if not self.words.scopes:
            try:
                return default_taxonomy().sentence(_known(parsed))
            except KeyError:  # a term of the operator's own file, with none of ours above it
                return scope
        try:
            purpose = self._term("purposes", parsed.purpose)
            what = self._term("categories", parsed.category)
            whom = self._term("recipients", parsed.recipient)
        except KeyError:
            return scope
        return self.say("scope.sentence", purpose=purpose, what=what, whom=whom)

    def _term(self, tree: str, name: str) -> str:
        """Return the phrase of a term, or of the next one above that has one."""
        while True:
            phrase = self.words.scopes.get(f"{tree}/{name}")
            if phrase is not None:
                return phrase
            name, dot, _ = name.rpartition(".")
            if not dot:
                raise KeyError(tree)

    def meaning(self, scope: str, given: str) -> str:
        """Say what a scope means, where the operator's taxonomy says it in English as `given`."""
        if not self.words.scopes:
            return given
        found = self.scope(scope)
        return given if found == scope else found

    def meaning_of(self, tree: str, name: str, given: str) -> str:
        """Say what a term means, where the operator's taxonomy says it in English as `given`."""
        if not self.words.scopes:
            return given
        try:
            phrase = self._term(tree, name)
        except KeyError:
            return given
        return f"{phrase[0].upper()}{phrase[1:]}"

    def category(self, name: str) -> str:
        """Name a kind of data inside a sentence; its own name where it has no words."""
        if self.words.scopes:
            return self.words.scopes.get(f"categories/{name}", name)
        term = default_taxonomy().categories.get(name)
        return name if term is None else term.phrase

    def tongue(self, tag: str) -> str:
        """Name a language; its BCP 47 tag where it has no name here."""
        try:
            return self.say(f"tongue.{tag.partition('-')[0].lower()}")
        except KeyError:
            return tag

    def reason(self, code: str) -> str:
        """Say what a reason code of a dropped record means."""
        return self.words.reasons.get(code, self.words.reasons["other"])

    def who(self, who: str) -> str:
        """Name the one who acted: `You`, `We`, or the recipient."""
        return self.say(f"who.{who}") if who in {"you", "we"} else who

    def choice_sentence(self, choice: Choice) -> str:
        """Say what the member said, with its conditions."""
        parts = [self.say(f"choice.{choice.kind}")]
        if choice.kind == "grant":
            parts.append(self.say("choice.past" if choice.includes_past else "choice.no-past"))
            if choice.expires is not None:
                parts.append(self.say("choice.expires", date=self.date(choice.expires)))
            if choice.grade != "bytes":
                parts.append(self.say("choice.grade"))
        if choice.notice is not None:
            parts.append(self.say("choice.notice", notice=choice.notice))
        return " ".join(parts)

    def standing_sentence(self, standing: Standing) -> str:
        """Say where the member stands, with date and ground (M1, M8).

        Where a rule stops what the member said yes to, both are said: the yes, and that it is not
        used.
        """
        code = (standing.ground or standing.because) if standing.allowed else standing.because
        key = BECAUSE.get(code, "standing.other-no")
        if not standing.allowed and code in GROUNDS:
            key = "standing.other-no"
        by_rule = standing.choices is not None and standing.because != standing.choices
        if by_rule and not standing.allowed:
            rule = self.rule_sentence(standing.because, standing.region)
            if standing.choices != "kept" or standing.said is None:
                return rule
            return f"{self.say('settings.state-yes', date=self.date(standing.said))} {rule}"
        if "{date}" in self.words.say[key] and standing.since is None:
            key = "standing.granted-undated" if standing.allowed else "standing.other-no"
        return self.say(key, date=self.date(standing.since) if standing.since else "")

    def rule_sentence(self, code: str, region: str | None) -> str:
        """Say that a rule stops a use, by its reason code; `region` None: theirs is not known."""
        if code in _OF_REGION and region is None:
            return self.say("standing.region-unknown")
        key = BECAUSE.get(code, "standing.other-no")
        if "{date}" in self.words.say[key]:  # of a choice, and no rule
            key = "standing.other-no"
        return self.say(key)

    def timeline_sentence(self, item: TimelineItem) -> str:
        """Say what happened, after the name of the one who acted."""
        because = ""
        if item.ground:
            because = self.say("line.because", reason=self.words.grounds[item.ground])
        return self.say(
            f"line.{item.kind}",
            object=item.object,
            records=self.count(item.records or 0, "record"),
            because=because,
            reason=self.reason(item.because or ""),
        )

    def state_words(self, row: DepthRow) -> str:
        """Name the state of a depth: `done`, `done for 1 of 2`, `waiting`."""
        if row.done and row.total and row.done < row.total and row.state in {"due", "waiting"}:
            return self.say("state.some", done=row.done, total=row.total)
        return self.say(f"state.{row.state}")

    def depth_sentence(self, row: DepthRow, now: datetime) -> str:
        """Say what a depth means for the member, and when it was or will be done."""
        parts = [self._depth(row)]
        if row.state == "done" and row.at is not None:
            parts.append(self.say("depth.at", at=self.instant(row.at)))
        if row.state in {"due", "waiting", "overdue"} and row.due is not None:
            distance = self.relative(row.due, now)
            due = self.say("depth.due", at=self.instant(row.due), relative=distance)
            parts.insert(0 if row.depth == "unlearned" else len(parts), due)
        return " ".join(parts)

    def presence_sentence(self, release: ReleasePresence) -> str:
        """Say whether a release had the member's records, and how many."""
        if release.presence == "absent":
            return self.say("presence.absent")
        roles = release.as_author + release.as_recipient == release.records
        return self.say(
            "presence.present" if roles else "presence.present-plain",
            records=self.count(release.records, "record"),
            as_author=release.as_author,
            as_recipient=release.as_recipient,
        )

    def _depth(self, row: DepthRow) -> str:
        objects = self.names(row.objects)
        named = "-named" if objects else ""
        plain = "" if objects else "-plain"
        open_ = row.state in {"due", "waiting", "overdue"}
        if row.depth == "stopped":
            return self.say("depth.stopped.open" if open_ else "depth.stopped.done")
        if row.state == "not-needed":
            return self.say(f"depth.{row.depth}.not-needed")
        if row.depth == "dropped":
            if open_:
                return self.say("depth.dropped.open")
            if row.records is None or not objects:
                return self.say("depth.dropped.done-plain")
            records = self.count(row.records, "record")
            return self.say("depth.dropped.done", records=records, objects=objects)
        if row.depth == "unlearned":
            if row.state == "cannot" or row.exact is False:
                return self.say("depth.unlearned.approximate")
            if open_:
                return self.say("depth.unlearned.open")
            return self.say(f"depth.unlearned.exact{plain}", objects=objects)
        if row.state in {"overdue", "cannot"}:
            return self.say(f"depth.recalled.{row.state}")
        return self.say(f"depth.recalled.{'open' if open_ else 'done'}{named}", objects=objects)


def _known(scope: Scope) -> Scope:
    """Return a scope by the terms of ours that stand above the operator's own: `provider.x` is one.

    Raises:
        KeyError: Nothing of ours stands above one.
    """
    ours = default_taxonomy()
    return Scope(
        purpose=_above(scope.purpose, ours.purposes),
        category=_above(scope.category, ours.categories),
        recipient=_above(scope.recipient, ours.recipients),
    )


def _above(name: str, terms: Collection[str]) -> str:
    while name != "*" and name not in terms:
        name, dot, _ = name.rpartition(".")
        if not dot:
            raise KeyError(name)
    return name


@cache
def speech(language: str) -> Speech:
    """Return the rules of a language; KeyError for one without a catalogue."""
    return Speech(CATALOGUES[language])


_ENGLISH: Final = speech("en")

say = _ENGLISH.say
date = _ENGLISH.date
instant = _ENGLISH.instant
relative = _ENGLISH.relative
count = _ENGLISH.count
scope_words = _ENGLISH.scope
reason_words = _ENGLISH.reason
who_words = _ENGLISH.who
choice_sentence = _ENGLISH.choice_sentence
standing_sentence = _ENGLISH.standing_sentence
timeline_sentence = _ENGLISH.timeline_sentence
state_words = _ENGLISH.state_words
depth_sentence = _ENGLISH.depth_sentence
presence_sentence = _ENGLISH.presence_sentence
