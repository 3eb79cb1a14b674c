"""Whether a sentence says that data reaches somebody else than the platform."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from byleave.policy.clause import announced, denied_here, denies, holds
from byleave.policy.says_handing import HANDING
from byleave.policy.says_reaching import BOUND, REACHING
from byleave.policy.wording import (
    ANYBODY,
    DATA,
    MODAL,
    RECIPIENT,
    THING,
    TO_WHOM,
    UP_TO,
    Pattern,
    recipients_of,
    rx,
)

__all__ = ["sharing_in"]
# -- sharing ---------------------------------------------------------------------------------

_SHARE: Final = r"shar(?:e|es|ed|ing)|disclos(?:e|es|ed|ing|ures?)|sell(?:s|ing)?|sold|sales?|divulg\w+|reveal(?:s|ed|ing)?"
_HAND: Final = (
    r"provid(?:e|es|ed|ing)|giv(?:e|es|en|ing)|send(?:s|ing)?|sent|transfer(?:s|red|ring)?|"
    r"transmit(?:s|ted|ting)?|suppl(?:y|ies|ied|ying)|deliver(?:s|ed|ing)?|report(?:s|ed|ing)?|"
    r"forward(?:s|ed|ing)?|releas(?:e|es|ed|ing)|rent(?:s|ed|ing)?|trad(?:e|es|ed|ing)|"
    r"exchang(?:e|es|ed|ing)|licen[sc](?:e|es|ed|ing)|pass(?:es|ed|ing)?(?:[ ](?:on|along|over))?|"
    r"hand(?:s|ed|ing)?[ ](?:over|on)|rout(?:e|es|ed|ing)|relay(?:s|ed|ing)?|submit(?:s|ted|ting)?|communicat(?:e|es|ed|ing)|get(?:s)?"
)
_SHARING: Final = tuple(
    rx(p)
    for p in (
        rf"\b(?P<verb>{_SHARE})\b(?P<what>{UP_TO}{{0,160}}?){TO_WHOM}",
        rf"\b(?P<verb>{_HAND})\b(?P<what>{UP_TO}{{0,120}}?{THING}{UP_TO}{{0,80}}?){TO_WHOM}",
        (
            rf"\b(?P<verb>provid(?:e|es|ed|ing)|suppl(?:y|ies|ying)|giv(?:e|es|en|ing)|send(?:s|ing)?|sell(?:s|ing)?|offer(?:s|ing)?|grant(?:s|ing)?|show)"
            rf"[ ](?:(?:these|those|our|such|certain|selected|some|other|the|any|its|approved|its)[ ]){{0,2}}(?P<whom>{RECIPIENT})\b"
            rf"(?P<what>{UP_TO}{{0,60}}?)(?:{DATA}|access)"
        ),
        rf"\b(?P<verb>disclos(?:ures?|ing)|sharing|sales?|transfers?|transmissions?|distribution|provision|exchanges?)[ ](?:\w+[ ]){{0,2}}?of[ ](?P<what>{UP_TO}{{0,60}}?{THING}{UP_TO}{{0,40}}?){TO_WHOM}",
        rf"\b(?P<verb>report(?:s|ed|ing)?|refer(?:s|red|ring)?)\b(?P<what>{UP_TO}{{0,60}}?)[ ]to[ ](?:\w+[ ]){{0,3}}?(?P<whom>law[ -]enforcement|(?:\w+[ ])?authorit(?:y|ies)|police|regulators?)\b",
        rf"\b(?P<verb>provid(?:e|es|ed|ing)|disclos(?:e|es|ed|ing)|suppl(?:y|ies|ied)|releas(?:e|es|ed|ing)|transfer(?:s|red|ring)?|sell(?:s|ing)?)(?P<what>)[ ](?:only[ ])?to[ ](?:\w+[ ]){{0,2}}?(?P<whom>{RECIPIENT})",
        rf"{THING}{UP_TO}{{0,60}}?\b(?P<verb>available|accessible|visible|open|disclosed|exposed)[ ](?P<what>){TO_WHOM}",
        rf"\b(?P<verb>mak(?:e|es|ing)|made)\b(?P<what>{UP_TO}{{0,80}}?)\b(?:available|accessible)[ ]{TO_WHOM}",
    )
)
# without a recipient: a main clause that says so of data, or under legal process
_OCCASION: Final = (
    r"(?:law|legal|courts?|subpoena|merge[rsd]*|acqui\w+|bankruptcy|sale|reorgani[sz]ation|insolvency|"
    r"circumstances|transactions?|deals?|investigations?|emergenc\w+|change[ ](?:of|in)[ ](?:control|ownership))"
)
_SHARING_AT_ALL: Final = tuple(
    rx(p)
    for p in (
        (
            rf"(?:\b(?:we|to|also|may|will|can|or|and)|,)[ ](?:{MODAL}[ ]|not[ ]|never[ ]|have[ ]to[ ]|need[ ]to[ ])*(?P<verb>share|disclose|sell|release|divulge|transfer(?!,?[ ](?:and[ ])?(?:receive|process|store|maintain)\b)|hand[ ](?:over|on)|turn[ ]over)\b"
            rf"(?P<what>,?[ ](?:(?!with\b|to\b|among\b)[\w'-]+,?[ ]){{0,7}}?(?:(?=information|data\b|records?\b|contents?\b)|(?:your|personal|user|member|such|this|that|the|any|certain|these|aggregated?|account|an?|some|only|limited|basic|relevant|hashed|anonymi[sz]ed|it)\b)(?:(?!\b(?:with|to)[ ](?!comply|the[ ]extent|protect|prevent|respond|enforce|your[ ](?:consent|permission|agreement)))[^;.!?]){{0,60}}?(?:{DATA}|(?<=[ ]it\b)))"
            rf"(?![^;.!?]{{0,60}}\b(?:with|to|among)[ ](?:us|you|one[ ]another|each[ ]other|other[ ](?:our[ ])?(?:members|users|(?-i:[A-Z])\w+s)|your[ ](?:\w+[ ])?(?:friends|connections|contacts|network|followers|family|team)|friends|followers|people|the[ ]public|employees|members|users|staff|my|everyone|our[ ](?:employees|staff|team))\b)"
            rf"(?![^;.!?]{{0,200}}\b(?:outside(?![ ]of[ ](?:we|us|our|the[ ]company))|abroad|overseas|across[ ](?:\w+[ ])?borders|out[ ]of[ ]the|to[ ](?:the[ ]United|countries|a[ ]country|servers|our[ ]servers|other[ ]countries)|from[ ]the[ ](?:E[UE]A?|European))\b)"
        ),
        rf"\b(?:includ\w+|involv\w+|requir\w+|means?)[ ](?:our[ ]|us[ ])?(?P<verb>sharing|disclosing|transferring|selling)(?P<what>[ ](?:\w+[ ]){{0,3}}?{DATA})",
        r"\b(?:before|prior[ ]to|when|while|in|after|by|of|from|for)[ ](?P<verb>disclosing|selling|transferring|sharing)(?P<what>[ ](?:your|personal|user|users'|any|such|customer|member)[ ](?:\w+[ ]){0,3}?(?:information|data))\b(?![ ](?:with|to)[ ](?:us|your|friends|others[ ]on))",
        r"\b(?P<verb>disclos(?:e|ing|ed)|releas(?:e|ing|ed))[ ](?P<what>information|data|it)[ ](?:if|when|where|as|in|under)\b",
        rf"{DATA}[ ](?:\w+[ ]){{0,3}}?(?:(?:may|will|can|could|might|is|are|be)[ ](?:also[ ]|not[ ]|never[ ])?(?:be[ ])?)(?:\w+,?[ ](?:(?:and|or)[ ])?){{0,3}}?(?P<verb>disclosed|sold|shared|transferred)(?P<what>)\b(?![^;.!?]{{0,12}}\b(?:with|to|by|in|at|outside|publicly|among)[ ](?:us|you|other|the|a|your|countries|people|public|friends|our|users|members|servers)\b)(?!,?[ ](?:abroad\b|overseas\b|internationally|across|in(?![ ](?:connection|response|the[ ]event|relation|good|accordance|compliance|certain|limited|some|any|other|order|conjunction|these|special|anonym\w+|aggregat\w+))|to|out|publicly|by|between|processed|stored|reposted|or[ ]reposted|and[ ](?:processed|stored))\b)",
        rf"\b{_OCCASION}\b[^.!?]{{0,200}}?{DATA}[ ](?:\w+[ ]){{0,6}}?(?:may|will|can|could|might|is|are|be)[ ](?:also[ ])?(?:be[ ])?(?:\w+[ ](?:and|or)[ ])?(?P<verb>disclosed|sold|transferred|assigned)(?P<what>)\b",
    )
)
# share, disclose, sell, transmit data with or to somebody whom no word list knows
_TO_SOMEBODY: Final = rx(
    rf"\b(?P<verb>shar(?:e|es|ed|ing)|disclos(?:e|es|ed|ing)|sell(?:s|ing)?|sold|transmit(?:s|ted)?|transfer(?:s|red)?)\b"
    rf"(?P<what>[^;.!?]{{0,80}}?\b(?:your|user|users'|personal|customer|such|this|that|the|any|certain|these|aggregated?|account|member)\b[^;.!?]{{0,60}}?{DATA}[^;.!?]{{0,60}}?)"
    rf"(?<!related)(?<!relating)(?<!relevant)(?<!tailored)(?<!respect)(?<!regard)(?<!according)(?<!similar)(?<!subject)(?<!access)(?<!response)[ ](?:with|to)[ ]{ANYBODY}"
)
# told of as a fact, whoever acts
_TOLD: Final = frozenset((*REACHING, *HANDING))
_PATTERNS: Final = (*_SHARING, *REACHING, *BOUND, *_SHARING_AT_ALL, _TO_SOMEBODY, *HANDING)
# what is not an act upon data: "learn that you came", "was shared that"; binding a recipient
_LEARNS: Final = rx(r".*ed$|learn|infer|assume|figure|determine|deduce|know|identify|see|recogni")
_HANDS: Final = rx(
    r"provides?|sends?|gives?|suppl(?:y|ies)|pass(?:es)?|hands?|communicates?|(?:post|publish|upload|forward|transmit|report|deliver|display)(?:s|es)?"
)
_BINDS: Final = rx(r"require|oblige|instruct|ask|expect|bind")
_AS_A: Final = rx(r"\bas[ ](?:an?|our|your|the|their)[ ](?:\w+[ ])?$")
_INCOMING: Final = rx(
    r"^(?:[^;.!?]{0,60}?)\b(?:with|to|by|from)[ ](?:us(?![ ](?:and|or)[ ](?:our|its|their|other)\b)|our[ ](?:site|services?(?![ ]provider)|platform|website|team|support)|me)\b"
)
_NEW_CLAUSE: Final = rx(
    r"\b(?:and|but|or|so|while|although|because)[ ](?:we|you|they|it)\b|\bbut\b"
)
# what you write in a forum, others read
_IN_PUBLIC: Final = rx(
    r"\b(?:chat[ ]rooms?|message[ ]boards?|forums?|bulletin[ ]boards?|public[ ]areas?|newsgroups?)\b[^;.!?]{0,120}"
    r"\b(?:collected|read|used|seen|viewed|accessed|available|visible)\b[^;.!?]{0,30}\b(?:by|to)[ ](?:others|anyone|the[ ]public|other[ ](?:users|people|visitors))\b"
)
# "we make services of third parties available to you": what reaches the reader
_TO_YOU: Final = rx(r"^[^;.!?]{0,40}?\b(?:available|accessible)[ ]to[ ]you\b")
_GIVES_US: Final = rx(r"\b(?:give|grant|provide|send|tell|allow)s?[ ]us[ ](?!and\b)")
# what comes from recipients; "our Transparency Report"
_FROM_THEM: Final = rx(
    r"\bfrom[ ](?:[\w-]+,?[ ]){0,10}?$|\bwe[ ](?:\w+[ ]){0,2}?(?:receive|obtain|get)\b[^.;]{0,80}$"
)
_HANDED_NOUN: Final = re.compile(
    r"\b(?:[Tt]ransparency|annual|[Oo]ur|[Tt]he|[Tt]his|[Aa]|[Yy]our|credit|[Ee]ach|published)\s(?:[Rr]eports?|[Tt]rade|[Ss]upply|[Ll]icen[cs]e|[Tt]ransfer)$"
)
_PLACE_FOR: Final = rx(
    r"\b(?:platform|place|space|tool|communit(?:y|ies)|button|feature|option|site|network)s?[ ]for[ ]$"
)
_DIRECT_US: Final = rx(r"^[ ](?:us|you)\b(?![ ](?:and|or)\b)")
_NOT_DATA: Final = rx(
    r"^[ ](?:the[ ]|our[ ]|your[ ]|its[ ]|their[ ]|in[ ]|a[ ]|an[ ]|any[ ]|users'[ ]|\w+[ ]users'[ ]){0,3}(?:responsibilit|commitment|belief|values?\b|interest|vision|tips|views?\b|concern|revenue|ideas|"
    r"ownership|office|rights?\b|obligation|products?\b|password|account\b(?![ ](?:data|info|details|and))|buttons?|features?|services?\b(?!'))"
)


def sharing_in(text: str, past: int) -> tuple[str, tuple[str, ...]] | None:
    """Return the words that say that data is shared, and the groups it reaches; or None.

    Args:
        text: A sentence, what introduces it before it.
        past: Length of what introduces it: words have to reach past that.
    """
    if "portability" in text.lower() or _IN_PUBLIC.search(text):
        return None
    for pattern in _PATTERNS:
        for match in _matches(pattern, text):
            verb = match.start("verb")
            if match.end() <= past or _outward_not(text, match) or _title_denied(text, match):
                continue
            if pattern in BOUND:
                if announced(text, min(verb, match.start())):
                    continue
            elif (pattern in _TOLD and not _ours(match)) or pattern in _SHARING_AT_ALL[-2:]:
                subject = match.start("whom") if _named_first(match) else verb
                if denied_here(text, verb) or announced(text, min(subject, verb)):
                    continue
            elif not holds(text, verb, sharing=True):
                continue
            named = recipients_of(text[min(verb, match.start()) :]) or recipients_of(text)
            return match.group().strip(), named
    return None


def _matches(pattern: Pattern, text: str) -> Iterator[re.Match[str]]:
    """Yield every match, those that begin within the one before too: "we do not share it, but may share"."""
    match = pattern.search(text)
    while match is not None:
        yield match
        match = pattern.search(text, max(match.start(), match.start("verb")) + 1)


def _title_denied(text: str, match: re.Match[str]) -> bool:
    """Say whether the words are a title that runs in and is denied: "Sale of data: we do not"."""
    rest = text[match.end() :]
    ends = re.match(r"[^.;!?:]{0,60}:\s", rest)
    return ends is not None and match.start() < 20 and denies(rest[ends.end() :])


def _ours(match: re.Match[str]) -> bool:
    """Say whether it is an act of handing over whose subject has to be looked at."""
    return not _named_first(match) and _HANDS.fullmatch(match["verb"]) is not None


def _named_first(match: re.Match[str]) -> bool:
    return "whom" in match.re.groupindex and 0 <= match.start("whom") < match.start("verb")


def _outward_not(text: str, match: re.Match[str]) -> bool:
    """Say whether the words match and yet no data goes out: towards us, or no data at all."""
    after, what = text[match.end("verb") :], match["what"]
    if not _LEARNS.match(match["verb"]) and re.match(
        r"\s(?:publicly\s)?(?:whether|how|if|what|that(?!\s(?:\w+\s)?(?:data|information|content)))\b",
        after,
        re.IGNORECASE,
    ):
        return True
    if _DIRECT_US.search(after) and not match["verb"].lower().startswith("allow"):
        return True
    first = after[: match.end() - match.end("verb")]
    whom = match.start("whom") if "whom" in match.re.groupindex else -1
    if whom >= 0 and _AS_A.search(text[:whom]):
        return True
    if match.end("verb") < whom and _NEW_CLAUSE.search(text[match.end("verb") : whom]):
        return True
    theirs = 0 <= whom < match.start("verb") and re.search(r"\bfrom (?:us|our)\b", first)
    if (_INCOMING.search(first) and not theirs) or _GIVES_US.search(match.group()):
        return True
    if whom >= 0 and _FROM_THEM.search(text[:whom]) and whom < match.start("verb"):
        return True
    if _TO_YOU.search(after):
        return True
    if _HANDED_NOUN.search(text[: match.end("verb")]):
        return True
    if _PLACE_FOR.search(text[: match.start("verb")]):
        return True
    if match["verb"].lower() in {"sale", "sales"} and not rx(DATA).search(first):
        return True
    return (
        bool(_NOT_DATA.search(after))
        and not _BINDS.match(match["verb"])
        and not rx(DATA).search(what or "")
    )
