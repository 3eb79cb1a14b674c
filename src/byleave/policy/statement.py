"""What one sentence of a policy says about training AI on data, or sharing data with others.

Rules first: a verdict follows from a verb, its object, its subject, and whether a negation governs
it, so that a person can see why. Then a fitted reader, which hears the sentence among its
neighbours: it stops a rule that it holds to be plainly wrong, and finds what no rule knows.
docs/spec/policy-lint.md lists the rules and says how often both are right.

A sentence *states* training where it says, asks for, or takes for granted that data trains or
develops AI; sharing where it says so of data reaching somebody else than the platform. It does
not where the act is denied, somebody else's, forbidden to the reader, long over, merely asked
about, or defined.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from byleave.policy.clause import affirmed, denies, says_nothing
from byleave.policy.says_sharing import sharing_in
from byleave.policy.says_training import mentions_training, training_in
from byleave.policy.telling import telling_words
from byleave.policy.wording import RECIPIENT, recipients_of, rx

__all__ = [
    "DOUBTED",
    "HEARD",
    "Odds",
    "Statement",
    "mentions_training",
    "named_recipients",
    "recipients_of",
    "statements_of",
    "weighed",
    "with_antecedent",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing a sentence says.

    Attributes:
        about: `training` or `sharing`.
        because: The words that say so, from the verb to its object.
        recipients: For sharing, the groups named: `affiliate`, `provider`, `third-party`; () where
            it says no more than that data is shared.
        by: `rule`, or `reader`: no rule knows it, and the fitted reader hears it.
    """

    about: str
    because: str
    recipients: tuple[str, ...]
    by: str = "rule"


class Odds(NamedTuple):
    """The log-odds, by the reader, that a sentence speaks of sharing, and of training."""

    sharing: float
    training: float


#: Below the first a rule is not believed; above the second no rule is needed. Chosen on published
#: texts, and on our own held-out sentences, that no weight was fitted on.
DOUBTED: Final = Odds(-4.0, -12.0)
HEARD: Final = Odds(0.0, 1.0)


def statements_of(text: str, *, lead: str = "") -> tuple[Statement, ...]:
    """Return what a sentence says of training and of sharing, by the rules; () where neither.

    Args:
        text: One sentence, marks taken off.
        lead: What introduces the list in which it is an item, or "".
    """
    text, lead = _unquoted(_expanded(text)), _expanded(lead)
    return _ruled(text, "" if denies(lead) and not lead.endswith(":") else lead)


def weighed(
    said: Sequence[Statement], text: str, odds: Odds, *, lead: str = ""
) -> tuple[Statement, ...]:
    """Return what rules and reader together hold a sentence, or a row of a table, to say.

    Args:
        said: What it says by the rules.
        text: Its words.
        odds: What the reader makes of it among its neighbours.
        lead: What introduces it, or "".
    """
    about = {statement.about for statement in said}
    kept = [
        statement
        for statement in said
        if getattr(odds, statement.about) > getattr(DOUBTED, statement.about)
    ]
    if "training" not in about and odds.training > HEARD.training:
        words = telling_words(text, "training")
        kept.append(Statement(about="training", because=words, recipients=(), by="reader"))
    if "sharing" not in about and odds.sharing > HEARD.sharing:
        named, words = recipients_of(text) or recipients_of(lead), telling_words(text, "sharing")
        kept.append(Statement(about="sharing", because=words, recipients=named, by="reader"))
    return tuple(kept)


def _ruled(text: str, lead: str) -> tuple[Statement, ...]:
    """Return what the rules say of a sentence read with what introduces it."""
    alone = _spoken(text, "")
    if _YOUR_RIGHT.search(lead) or _YOU_MAY.search(lead):
        alone = tuple(statement for statement in alone if statement.about != "sharing")
    if not lead:
        return alone
    if _hands_over(lead, text) or _serves(lead, text) or _with_whom(lead, text):
        named = recipients_of(text) or recipients_of(lead)
        if not alone:
            because = f"{lead.rstrip(': ')} {text}"
            return (Statement(about="sharing", because=because, recipients=named),)
    if not alone and _feeds(lead, text):
        return (Statement(about="training", because=f"{lead.rstrip(': ')} {text}", recipients=()),)
    if alone and not denies(lead):
        return alone
    if not alone and _WHOLE.search(text):
        return ()
    joined = _spoken(_joined(lead, text), lead.rstrip(": "))
    own = {statement.about for statement in _spoken(lead, "")} - {s.about for s in alone}
    # What the introduction says by itself is its own statement, unless the item names to whom.
    adds = recipients_of(text) and not _IN_DEFENCE.search(text)
    return tuple(s for s in joined if s.about not in own or adds)


_THEY: Final = re.compile(
    r"^(?P<opening>(?:(?:In|For|To|When|While|If|As|However|Also|Generally|Sometimes|Pursuant|Under|Through|By)\b[^,;:]{0,90}, )?)They(?P<act> (?:\w+ ){0,3}?\w+)"
)
_BOUND_THEY: Final = re.compile(
    r"^(?P<opening>(?:[A-Z]\w+, )?[Ww]e (?:\w+ )?(?:require|ask|oblige|instruct|expect)s? (?:that )?)(?:they|them)\b(?P<act>)"
)
_THEIR: Final = re.compile(
    r"^(?P<opening>)Their(?P<act> (?:own |further )?(?:use|collection|processing|handling|access)\b)"
)
_GROUP_NOUNS: Final = {
    "affiliate": "These affiliates",
    "provider": "These service providers",
    "third-party": "These third parties",
}


def with_antecedent(text: str, follows: str) -> str:
    """Return a sentence with "They" or "Their use" read as the recipients that the sentence before it named.

    Args:
        text: The sentence, marks taken off.
        follows: The sentence right before it in its paragraph, or "".
    """
    found = _THEY.match(text) or _BOUND_THEY.match(text) or _THEIR.match(text)
    named = recipients_of(follows) if found else ()
    if found is None or not named:
        return text
    who = _GROUP_NOUNS[named[-1]] + ("'" if text.startswith("Their ") else "")
    who = who.lower() if found["opening"] else who
    return f"{found['opening']}{who}{found['act']}{text[found.end() :]}"


def named_recipients(text: str) -> tuple[str, ...]:
    """Return the groups of recipients that a sentence names without denying them anything.

    Weaker than a statement of sharing: enough to say that a text mentions them, not enough to say
    that it gives them something. What tells only what comes to the platform names nobody.
    """
    return recipients_of(" ".join(affirmed(text)))


_TO_THESE: Final = rx(
    r"(?:\b(?:with|to|among|by|from|(?:such|categories|types|kinds)[ ]as|including(?:,?[ ]but[ ]not[ ]limited[ ]to|[ ]without[ ]limitation)?|for[ ]example|e\.g\.,?|are|include)"
    r"|\b(?:following|these|below|types[ ]of|categories[ ]of|kinds[ ]of)\b[^.;:]{0,60}?(?:recipients?|part(?:y|ies)|entit(?:y|ies)|persons?|people|categories|organi[sz]ations|companies|partners|providers|groups)[^.;:]{0,30})[ ]*:?$"
)
_NOT_A_NAME: Final = rx(
    r"^\W*(?:\([a-z0-9]+\)[ ]*)?(?:(?:authori[sz]ed[ ])?(?:members[ ]of[ ])?our[ ](?:\w+[ ])?(?:teams?|staff|employees|personnel)\b|(?:other[ ])?(?:users|members)\b|the[ ]public\b|none|nobody|no|not|never|n/?a|yes|to|when|where|if|in|for|as|by|because|with|on|upon|during|after|before|we|you|your|our[ ](?:use|legitimate|rights?)|it|any[ ](?:data|information)|how|what|why|that|"
    r"comply\w*|regulatory[ ](?:or|and)[ ]legal|protect\w*|enforc\w+|investigat\w+|prevent\w*|detect\w*|respond\w*|provid\w+|improv\w+|help\w*|legal|court|law[ ]enforcement[ ]investigations?|national|IP|device|usage|(?:\w+[ ])?(?:data|information|details|history|identifiers?|address(?:es)?|names?)\b)\b"
)


# "Our Services may involve ...": a sentence of its own, not the rest of its introduction
_WHOLE: Final = rx(
    r"^[^:]{0,60}:?[ ]*\b(?:we|you|it|they|our[ ]\w+|your[ ]\w+|the[ ]\w+|this|these)[ ](?:\w+[ ]){0,5}?(?:may|will|can|could|shall|might|must|are|is|have|has|do|does)\b"
)
_SENTENCE: Final = rx(
    r"^(?:our|the|we|it|this|these|your?|they)[ ](?:\w+[ ]){0,4}?(?:may|will|can|could|shall|might|must|are|is|have|has|includes?)\b"
)
_IN_DEFENCE: Final = rx(r"\b(?:protect|defend|rights|regulatory|legal[ ]requirements)\w*\b")


def _serves(lead: str, text: str) -> bool:
    """Say whether an item tells for which recipients' work data is shared as its lead says."""
    if denies(lead) or not recipients_of(text) or _IN_DEFENCE.search(text):
        return False
    to_work = rx(r"^\W*(?:to|for|so[ ]that|in[ ]order|where|when)\b").search(text)
    return bool(to_work) and any(s.about == "sharing" for s in _spoken(lead, ""))


# "With property agents when you express interest": a preposition and whom
_WITH: Final = rx(
    rf"^\W*(?:\([a-z0-9]+\)[ ]*)?(?:(?:with|among|between|amongst|by|within)[ ](?!(?:an?[ ]individual's|your|the[ ]user's|their|his|prior|appropriate|express|explicit)[ ](?:\w+[ ]){{0,2}}?(?:consent|permission|agreement|approval|authori[sz]ation|direction|instruction|knowledge)|your\b(?![ ]\w+(?:[ ]\w+)?[ ]?(?:provider|employer|school|administrator|bank|insurer))|other[ ](?:\w+[ ])?(?:users|members)|users\b|members\b|respect|regard|notice|the[ ]public|everyone|friends|connections|you\b|us\b|means|law\b|using)"
    rf"|to[ ](?:(?:our|the|any|an?|all|other|certain|selected|such|your|third)[ ](?:[\w-]+[ ]){{0,3}}?)?{RECIPIENT})"
)


def _with_whom(lead: str, text: str) -> bool:
    """Say whether an item begins with whom data is shared with, as its lead says."""
    if denies(lead) or not _WITH.search(text):
        return False
    return any(s.about == "sharing" for s in _spoken(lead, ""))


_ACTS: Final = rx(
    r"^\W*\w+s[ ](?!and\b|or\b|who\b|that\b|which\b|of\b|to\b|with\b|in\b|for\b|we\b|such\b|like\b|including\b)\w+"
)
_OF_WHAT: Final = rx(
    r"\b(?:purposes?|reasons?|circumstances|situations|cases|ways|when|if|to|information|data|activities|cookies)\b(?![^:.]*\b(?:with|to|among)[ ]*:?$)[^:.]{0,40}:?$"
)


_THE_FOLLOWING: Final = rx(
    r"\b(?:with|to)[ ](?:the[ ]following|these)[ ](?:\w+[ -]){0,3}?(?:part(?:y|ies)|providers|recipients|companies|services|partners|organi[sz]ations|processors|vendors)\b"
)


def _hands_over(lead: str, text: str) -> bool:
    """Say whether an item names to whom the sentence that introduces its list says data goes."""
    named = recipients_of(text)
    if denies(lead) or _NOT_A_NAME.search(text) or not (named or not _ACTS.search(text)):
        return False
    if text.endswith(".") and _SENTENCE.search(text):
        return False
    if not named and _OF_WHAT.search(lead) and not _THE_FOLLOWING.search(lead):
        return False
    if not (_TO_THESE.search(lead) or (lead.endswith(":") and recipients_of(lead))):
        return False
    heading = _spoken(lead, "") or _spoken(f"{lead.rstrip(': ')} third parties", "")
    return any(statement.about == "sharing" for statement in heading)


# "We train our models using data from the following sources:"
_FED: Final = rx(
    r"\b(?:the[ ]following|these|two|three|four|five|(?:types|kinds|categories)[ ]of)\b[^:.;]{0,80}:$"
)
_NO_FEED: Final = rx(
    r"\b(?:techniques?|measures?|safeguards?|ways?|steps?|purposes?|methods?|principles?|choices?|reasons?|models?[ ]such)\b[^:.;]{0,40}:$"
)

_ACTS_ITSELF: Final = rx(r"^\W*(?:we|you|they|it|this)\b")


def _feeds(lead: str, text: str) -> bool:
    """Say whether an item names data of which its lead says that they train models."""
    if denies(lead) or not _FED.search(lead) or _NO_FEED.search(lead):
        return False
    if _WHOLE.search(text) or _ACTS_ITSELF.search(text):
        return False
    return any(s.about == "training" for s in _spoken(lead, ""))


_YOUR_RIGHT: Final = rx(
    r"\b(?:rights?(?:[ ](?:to|of|that))?|entitled[ ]to|request[ ]that[ ]we|ask[ ](?:us[ ]to|that[ ]we)|request[ ]us[ ]to)[ ]*:?$"
)
# "Depending on where you live, you may:", "This helps you to:"
_YOU_MAY: Final = rx(
    r"\b(?:you[ ](?:may|can|could|might|should|are[ ]able[ ]to)(?:[ ]also)?|(?:helps?|allows?|enables?|lets?|permits?)[ ]you(?:[ ]to)?)[ ]*:$"
)


def _expanded(text: str) -> str:
    """Return a text with "we'll" and its like written out."""
    text = re.sub(r"(?<=\w)'ll\b", " will", text)
    return re.sub(r"\b([Ww]e|[Tt]hey|[Yy]ou)'ve\b", r"\1 have", text)


def _unquoted(text: str) -> str:
    """Return a text with the titles that it quotes left out: they say nothing by themselves."""
    bare = re.sub(
        r"\"(?:How|When|Who|What|Where|Why|With Whom|Information|Sharing|Disclosure)\b[^\"]{12,}\"",
        "that part",
        text,
    )
    return bare if len(bare) > len(text) / 2 else text


def _joined(lead: str, text: str) -> str:
    item = text if text[:2].isupper() else text[:1].lower() + text[1:]
    return f"{lead.rstrip(': ')} {item}"


def _spoken(text: str, lead: str) -> tuple[Statement, ...]:
    """Return the statements of a text; where it was joined to a lead, those that reach past it."""
    if says_nothing(text):
        return ()
    found = []
    training = training_in(text, len(lead))
    if training:
        found.append(Statement(about="training", because=training, recipients=()))
    sharing = sharing_in(text, len(lead))
    if sharing is not None:
        found.append(Statement(about="sharing", because=sharing[0], recipients=sharing[1]))
    return tuple(found)
