"""How alike a sentence is to labelled ones that speak of sharing, or of training: linear scores.

Beside the rules, not instead of them: a sentence that no rule knows may still read like those that
tell of sharing. Words are read as they are, alone and in pairs, and reduced to what they are here (a
recipient, data, a verb of handing over or of receiving, us, you, a negation): runs of one to three of
them and which comes before which. What the rules hold against a sentence (it denies, asks, tells of
what comes in) is a feature among these and has its weight; only a plain denial, and what states
nothing (a question, a pointer), are never heard. The score for training hears fewer things: the
words, alone and in pairs, with AI read as one. Both read the names of other companies as one.
Weights were fitted on labelled sentences of published texts (`benchmarks/policy_lint.py --fit`);
docs/spec/policy-lint.md says on how many, and how often the rules with the score are right.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from byleave.policy.clause import affirmed, denies, says_nothing
from byleave.policy.other_name import MARK
from byleave.policy.wording import AFFILIATE, AI, DATA, OTHERS, PROVIDER, recipients_of, rx

__all__ = [
    "SCALE",
    "THRESHOLD",
    "TRAINING_THRESHOLD",
    "Fits",
    "Weights",
    "against",
    "features",
    "reads_like_sharing",
    "reads_like_training",
    "score",
    "telling_words",
    "training_features",
    "training_score",
    "training_words",
]

#: Probability from which a sentence counts; chosen on texts that the weights had not seen.
THRESHOLD: Final = 0.5
TRAINING_THRESHOLD: Final = 0.8
SCALE: Final = 6.0
_REACH: Final = 22  # how many words further on the second of two words may stand
_HEARD_OF_LEAD: Final = 14
_WORD: Final = re.compile(r"[a-z']+|[,;:.]")
_PLAIN: Final = re.compile(r"[a-z']+")
_MARKED: Final = re.compile(rf"\b\w+{MARK}\b")
_OUT: Final = re.compile(
    r"shar|disclos|sell|sold|provid|transfer|send|sent|transmit|giv|pass|releas|suppl|report|"
    r"submit|forward|exchang|rent|licens|deliver|reveal|entrust|communicat|post|publish|hand|"
    r"upload|make|avail|expos"
)
_IN: Final = re.compile(
    r"(?:receiv|collect|process|access|stor|host|view|see|get|obtain|gather|track|retain|keep|"
    r"handl|analy|learn|read|monitor|record|combin|know|infer)|us(?:e|es|ed|ing)$"
)
_CLASSES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("we", "our", "us"), "WE"),
    **dict.fromkeys(("you", "your", "user", "users", "member", "members"), "YOU"),
    **dict.fromkeys(("not", "never", "no", "nor", "cannot"), "NEG"),
    **dict.fromkeys(("may", "will", "can", "might", "could", "shall", "must"), "MOD"),
    **dict.fromkeys(("how", "whether", "what", "why", "when"), "HOW"),
}
_KEPT: Final = frozenset({"with", "to", "among", "by", "from", "through", "via"})
_PAIRED: Final = frozenset({"OUT", "IN", "xrec", "xdata", "WE", "YOU", "NEG", "HOW"})
_SECOND: Final = frozenset({"OUT", "IN", "xrec", "xdata", "WE", "with", "to", "by", "from"})


class Weights(NamedTuple):
    """What a fit found, in thousandths: the weight of each feature, and the bias."""

    of: Mapping[str, int]
    bias: int


class Fits(NamedTuple):
    """The weights of both scores."""

    sharing: Weights
    training: Weights


def score(text: str, lead: str, weights: Weights | None = None) -> float:
    """Return how likely a sentence speaks of sharing, from 0 to 1.

    Args:
        text: One sentence, marks taken off, its publisher read as "we".
        lead: What introduces the list in which it is an item, or "".
        weights: Those of another fit; the shipped ones where None.
    """
    return _likelihood(features(text, lead), weights or _shipped("sharing"))


def training_score(text: str, lead: str, weights: Weights | None = None) -> float:
    """Return how likely a sentence says that data trains AI, from 0 to 1.

    Args:
        text: One sentence, marks taken off, its publisher read as "we".
        lead: What introduces the list in which it is an item, or "".
        weights: Those of another fit; the shipped ones where None.
    """
    return _likelihood(training_features(text, lead), weights or _shipped("training"))


def _likelihood(found: frozenset[str], fitted: Weights) -> float:
    total = sum(fitted.of.get(feature, 0) for feature in found)
    return 1 / (1 + math.exp(-(fitted.bias + SCALE * total / math.sqrt(len(found))) / 1000))


def reads_like_training(text: str, lead: str, weights: Weights | None = None) -> bool:
    """Say whether a sentence is alike enough to count as one that speaks of training."""
    return training_score(text, lead, weights) > TRAINING_THRESHOLD


def reads_like_sharing(text: str, lead: str, weights: Weights | None = None) -> bool:
    """Say whether a sentence is alike enough to count as one that speaks of sharing.

    Whatever the likeness, it does not where it denies every handing over of which it tells, or
    asks, defines, looks back or points elsewhere.
    """
    if score(text, lead, weights) <= THRESHOLD:
        return False
    return not (says_nothing(text) or _plain_denial(text))


def _plain_denial(text: str) -> bool:
    """Say whether no clause that a text leaves undenied names a recipient or a handing over."""
    return denies(text) and not any(
        recipients_of(clause) or _HANDED_OVER.search(clause) for clause in affirmed(text)
    )


_INCOMING: Final = rx(
    r"\b(?:with|to)[ ]us\b|\b(?:provide|sends?|gives?|tells?)[ ]us\b|\b(?:we|us)[ ](?:(?:may|also|will|might|can|sometimes)[ ])*(?:receive|obtain|get|collect|access|supplement)\b[^.;]*\b(?:from|provided[ ]by|outside[ ]records|records|connection)\b|"
    r"\bfrom[ ](?:\w+[ ]){0,2}?third[ -]part\w+\b|\bpublicly[ ](?:available|accessible)[ ](?:on|sources)\b"
)
_NOT_OURS: Final = rx(
    r"\b(?:right|rights|entitled)[ ](?:to|of)\b|\byou[ ](?:may|can|might|choose[ ]to|could|are)[ ](?:\w+[ ]){0,3}?(?:shar|provid|transfer|send|disclos|post)\w*|\bportability\b|"
    r"\brequire[sd]?[ ]us[ ]to[ ]disclose\b|\b(?:outline|describe|explain)s?\b|\bPlatform[ ]for\b|\bplatform[ ]for\b|\bsell[ ]or[ ]buy\b|\bavailable[ ]to[ ]you\b|\bcontact[ ]you[ ]to\b|\bvisible[ ]to[ ]others\b|\bprovided[ ]by[ ]third\b|"
    r"\b(?:content|services|features|links|materials|websites|products|integrations)\b[^.;]{0,40}\b(?:provided|operated|offered|run)[ ]by[ ]"
)
_ELSEWHERE: Final = rx(
    r"\b(?:outside|out)[ ](?:of[ ])?(?:the[ ])?(?:E[EU]A?|European|UK|United|your[ ]country)|\badequa\w+|\btransfer[ ]mechanisms?\b|\b(?:from|in)[ ]the[ ](?:E[EU]A?|European)\b|"
    r"\b(?:governed|handled|applies|according)\b[^.;]{0,40}\b(?:privacy|polic|notice|terms)\w*|\b(?:polic(?:y|ies)|notices?|terms)\b(?:[ ]\w+)?[ ](?:will[ ])?(?:appl|govern)\w+"
)
_HANDED_OVER: Final = rx(r"\b(?:shar(?:e[sd]?|ing)|disclos\w+|sell|sold|transfer\w*|releas\w+)\b")


def against(text: str, lead: str) -> tuple[str, ...]:
    """Return what speaks against a statement of sharing, each by a name.

    The sentence defines, asks, denies, tells of data that comes in or of what the reader does,
    grants a right, or only moves data between countries; or it names neither a recipient nor a
    handing over; or what introduces it denies, or grants a right.
    """
    told = {
        "says-nothing": says_nothing(text),
        "denies": denies(text),
        "lead-denies": denies(lead),
        "lead-not-ours": bool(_NOT_OURS.search(lead)),
        "incoming": bool(_INCOMING.search(text)),
        "not-ours": bool(_NOT_OURS.search(text)),
        "elsewhere": bool(_ELSEWHERE.search(text)),
        "no-recipient": not recipients_of(text),
        "no-handing": not _HANDED_OVER.search(text),
    }
    return tuple(name for name, holds in told.items() if holds)


def features(text: str, lead: str) -> frozenset[str]:
    """Return the features of a sentence: what a fit and a score both read."""
    words, above = _classes(text), _classes(lead)[-_HEARD_OF_LEAD:]
    found = {"_".join(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words) - n + 1)}
    found |= set(_pairs(words)) | {f"L:{word}" for word in above}
    found |= {"lead" if above else "nolead", "start:" + "_".join(words[:2])}
    found |= {"start1:" + "_".join(words[:1])}
    has = "".join(str(int(tag in words)) for tag in ("xrec", "xdata", "OUT", "IN"))
    found |= {f"has{has}", f"hasL{int('xrec' in words)}{int('OUT' in above)}"}
    plain = _PLAIN.findall(_MARKED.sub(" xname ", text).lower())
    found |= {f"w:{word}" for word in plain}
    found |= {f"w:{one}_{two}" for one, two in itertools.pairwise(plain)}
    held = against(text, lead)
    found |= {f"B:{name}" for name in held} | {f"B:{min(len(held), 4)}"}
    return frozenset(found)


def training_features(text: str, lead: str) -> frozenset[str]:
    """Return the features of a sentence that the score for training reads."""
    plain = _PLAIN.findall(rx(AI).sub(" xai ", _MARKED.sub(" xname ", text)).lower())
    found = {f"w:{word}" for word in plain}
    found |= {f"w:{one}_{two}" for one, two in itertools.pairwise(plain)}
    found |= {f"l:{word}" for word in _PLAIN.findall(lead.lower())[-8:]}
    told = {"says-nothing": says_nothing(text), "denies": denies(text), "lead-denies": denies(lead)}
    return frozenset(found | {f"B:{name}" for name, holds in told.items() if holds} | {"B:one"})


def training_words(text: str) -> str:
    """Return the words from the verb to the AI, for a finding made by the score for training."""
    found = rx(
        rf"\b(?:train|learn|teach|improv|develop|tun|build|enhanc|refin)\w*[^;.!?]{{0,90}}?{AI}"
    ).search(text)
    return found.group().strip() if found else text


def telling_words(text: str) -> str:
    """Return the words from the verb to its data or recipient, for a finding made by the score."""
    found = rx(
        rf"\b(?:{_OUT.pattern}|receiv|collect|process|access|stor|host|obtain|gather|track|retain|us(?:e|ed|ing)\b)\w*"
        rf"[^;.!?]{{0,120}}?(?:{DATA}|\b(?:{AFFILIATE}|{PROVIDER}|{OTHERS})(?!\w))"
    ).search(text)
    return found.group().strip() if found else text


def _classes(text: str) -> list[str]:
    for kind in (AFFILIATE, PROVIDER, OTHERS):
        text = rx(rf"\b{kind}(?!\w)").sub(" xrec ", text)
    return [_class(word) for word in _WORD.findall(rx(DATA).sub(" xdata ", text).lower())]


def _class(word: str) -> str:
    if _OUT.match(word):
        return "OUT"
    if _IN.match(word):
        return "IN"
    if word.endswith("n't"):
        return "NEG"
    return _CLASSES.get(word) or (word if word in _KEPT else word[:7])


def _pairs(words: list[str]) -> Iterator[str]:
    """Yield which word comes before which, within a clause, and what stands before a verb."""
    for i, word in enumerate(words):
        if word in _PAIRED:
            for j in range(i + 1, min(i + _REACH, len(words))):
                if words[j] in {",", ";", "."} and j > i + _HEARD_OF_LEAD:
                    break
                if words[j] in _SECOND:
                    yield f"{word}>{words[j]}"
        if word in {"OUT", "IN"}:
            for j in range(max(0, i - 6), i):
                yield f"<{words[j]}>{word}"


@cache
def _shipped(about: str) -> Weights:
    text = resources.files(__package__).joinpath(f"{about}_weights.json").read_text("utf-8")
    fitted = json.loads(text)
    return Weights(fitted["weights"], fitted["bias"])
