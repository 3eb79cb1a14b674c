"""Whether a sentence says that data reaches somebody else than the platform."""

from __future__ import annotations

import re
from typing import Final

from byleave.policy.clause import denied_here, holds
from byleave.policy.wording import BEING, DATA, MODAL, RECIPIENT, THING, recipients_of, rx

__all__ = ["sharing_in"]
# -- sharing ---------------------------------------------------------------------------------

_SHARE: Final = r"shar(?:e|es|ed|ing)|disclos(?:e|es|ed|ing|ures?)|sell(?:s|ing)?|sold|sales?|divulg\w+|reveal(?:s|ed|ing)?"
_HAND: Final = (
    r"provid(?:e|es|ed|ing)|giv(?:e|es|en|ing)|send(?:s|ing)?|sent|transfer(?:s|red|ring)?|"
    r"transmit(?:s|ted|ting)?|suppl(?:y|ies|ied|ying)|deliver(?:s|ed|ing)?|report(?:s|ed|ing)?|"
    r"forward(?:s|ed|ing)?|releas(?:e|es|ed|ing)|rent(?:s|ed|ing)?|trad(?:e|es|ed|ing)|"
    r"exchang(?:e|es|ed|ing)|licen[sc](?:e|es|ed|ing)|pass(?:es|ed|ing)?(?:[ ](?:on|along|over))?|"
    r"hand(?:s|ed|ing)?[ ](?:over|on)|submit(?:s|ted|ting)?|communicat(?:e|es|ed|ing)|get(?:s)?"
)
_OPEN: Final = r"mak(?:e|es|ing)|made|available"
_ACCESS: Final = (
    r"receiv(?:e|es|ed|ing)|access(?:es|ed|ing)?|obtain(?:s|ed|ing)?|process(?:es|ed|ing)?|"
    r"us(?:e|es|ed|ing)|handl(?:e|es|ed|ing)|stor(?:e|es|ed|ing)|host(?:s|ed|ing)?|"
    r"view(?:s|ed|ing)?|see|get(?:s)?|ha(?:s|ve)[ ]access[ ]to"
)
_UP_TO: Final = r"[^;.!?]"
_TO_WHOM: Final = (
    rf"\b(?:with|to|among|amongst|between|onto)\b{_UP_TO}{{0,140}}?(?P<whom>{RECIPIENT})"
)
_SHARING: Final = tuple(
    rx(p)
    for p in (
        rf"\b(?P<verb>{_SHARE})\b(?P<what>{_UP_TO}{{0,160}}?){_TO_WHOM}",
        rf"\b(?P<verb>{_HAND})\b(?P<what>{_UP_TO}{{0,120}}?{THING}{_UP_TO}{{0,80}}?){_TO_WHOM}",
        (
            rf"\b(?P<verb>provid(?:e|es|ed|ing)|suppl(?:y|ies|ying)|giv(?:e|es|en|ing)|send(?:s|ing)?|sell(?:s|ing)?|offer(?:s|ing)?|grant(?:s|ing)?|show)"
            rf"[ ](?:(?:these|those|our|such|certain|selected|some|other|the|any|its|approved|its)[ ]){{0,2}}(?P<whom>{RECIPIENT})\b"
            rf"(?P<what>{_UP_TO}{{0,60}}?)(?:{DATA}|access)"
        ),
        rf"\b(?P<verb>disclos(?:ures?|ing)|sharing|sales?|transfers?)[ ](?:\w+[ ]){{0,2}}?of[ ](?P<what>{_UP_TO}{{0,60}}?{THING}{_UP_TO}{{0,40}}?){_TO_WHOM}",
        rf"{THING}{_UP_TO}{{0,60}}?\b(?P<verb>available|accessible|visible|open|disclosed|exposed)[ ](?P<what>){_TO_WHOM}",
        rf"\b(?P<verb>mak(?:e|es|ing)|made)\b(?P<what>{_UP_TO}{{0,80}}?)\b(?:available|accessible)[ ]{_TO_WHOM}",
    )
)
# where the recipient is the subject, or the act is told of as a fact
_REACHING: Final = tuple(
    rx(p)
    for p in (
        # recipients receive, access, process
        (
            rf"(?P<whom>{RECIPIENT})(?<!')(?<!'s)(?:[ ]of[ ](?:that|your|the|our)[ ]\w+)?(?:,[ ]|[ ])(?:(?:{MODAL}|who|that|which|and|or|their|partners?|vendors?|affiliates?|in[ ]turn|under[ ]contract|,)[ ]?){{0,4}}"
            rf"(?P<verb>{_ACCESS})\b(?P<what>[ ](?:\w+[ ]){{0,5}}?(?:your|our[ ](?:users'|members')|user|member|personal|customer|the|this|such|device|it|what)\b{_UP_TO}{{0,90}}?(?:{DATA}|(?<=it)))"
        ),
        rf"\b{BEING}[ ](?:\w+[ ]){{0,2}}?(?P<verb>access(?:ed|ible)|processed|received|viewed|stored|handled|hosted|collected|used)[ ](?P<what>)(?:\w+[ ]){{0,4}}?(?:by|with|at|through)[ ](?:\w+[ ]){{0,3}}?(?P<whom>{RECIPIENT})",
        rf"(?P<whom>{RECIPIENT})\b{_UP_TO}{{0,60}}?\b(?P<verb>host|store|process|label|annotate|review)(?:s|es|ing)?[ ](?P<what>(?:\w+[ ]){{0,2}}?(?:your|user|member|personal|customer|payment|account|contact|transaction)\b{_UP_TO}{{0,30}}?{DATA})",
        rf"(?P<whom>{RECIPIENT})[ ]who[ ]process(?:es)?[ ](?P<verb>it|them|data|information)(?P<what>)\b",
        rf"(?P<whom>{RECIPIENT}){_UP_TO}{{0,20}}?\b(?:have|has|with|given|gets?|gain)[ ](?P<verb>access)[ ]to(?P<what>{_UP_TO}{{0,60}}?{DATA})",
        rf"\b(?P<verb>allow|permit|enable|let|authori[sz]e)(?:s|ing)?[ ](?:\w+[ ]){{0,3}}?(?P<whom>{RECIPIENT})[ ](?:and[ ]\w+[ ])?to[ ](?:access|use|collect|receive|obtain|process|view|retrieve)\b(?P<what>{_UP_TO}{{0,60}}?{DATA})",
        # to / with whom we share
        rf"(?P<whom>{RECIPIENT})[ ](?:with|to)[ ](?:whom|which)[ ](?:we|us|it)[ ](?:{MODAL}[ ])?(?P<verb>\w+)(?P<what>)",
        rf"\b(?:what|information|data)[ ](?:that[ ])?we[ ](?:{MODAL}[ ])?(?P<verb>give|share|provide|send|disclose|transfer)(?P<what>)(?:[ ](?:to|with))?[ ](?:them\b|(?P<whom>{RECIPIENT}))",
        # we and our affiliates use
        rf"\b(?:we|us)[ ](?:and|or)[ ](?:our[ ])?(?P<whom>{RECIPIENT})[ ](?:{MODAL}[ ])*(?P<verb>use|process|access|train|develop|collect|analy[sz]e)\b(?P<what>{_UP_TO}{{0,60}}?{DATA})",
    )
)
# without a recipient: a main clause that says so of data, or under legal process
_SHARING_AT_ALL: Final = tuple(
    rx(p)
    for p in (
        (
            rf"\b(?:we|to|also|may|will|can|or|and)[ ](?:{MODAL}[ ]|have[ ]to[ ]|need[ ]to[ ])*(?P<verb>share|disclose|sell|release|divulge|transfer)\b"
            rf"(?P<what>[ ](?:\w+[ ]){{0,4}}?(?:(?=information|data\b)|(?:your|personal|user|member|such|this|that|the|any|certain|these|aggregated?|account|it)\b)(?:(?!\b(?:with|to)[ ](?!comply|the[ ]extent|protect|prevent|respond|enforce|your[ ](?:consent|permission|agreement)))[^;.!?]){{0,60}}?(?:{DATA}|(?<=[ ]it\b)))"
            rf"(?![^;.!?]{{0,60}}\b(?:with|to|among)[ ](?:us|other[ ](?:members|users)|your[ ](?:\w+[ ])?(?:friends|connections|contacts|network|followers|family|team)|friends|followers|people|the[ ]public|employees|members|users|staff|my|everyone|our[ ](?:employees|staff|team))\b)"
            rf"(?![^;.!?]{{0,200}}\b(?:outside|to[ ](?:the[ ]United|countries|a[ ]country|servers|our[ ]servers|other[ ]countries)|from[ ]the[ ](?:E[UE]A?|European))\b)"
        ),
        r"\b(?P<verb>disclos(?:e|ing|ed)|releas(?:e|ing|ed))[ ](?P<what>information|data|it)[ ](?:if|when|where|as|in|under)\b",
        rf"{DATA}[ ](?:\w+[ ]){{0,3}}?(?:may|will|can|could|might|is|are|be)[ ](?:also[ ])?(?:be[ ])?(?:published[ ]or[ ])?(?P<verb>disclosed|sold|shared|transferred)(?P<what>)\b(?=[^;.!?]{{0,60}}\b(?:law|legal|court|subpoena|merger|acquisition|bankruptcy|sale|reorgani[sz]ation|circumstances|transaction)\b)",
    )
)
_INCOMING: Final = rx(
    r"^(?:[^;.!?]{0,60}?)\b(?:with|to|by|from)[ ](?:us|our[ ](?:site|services?(?![ ]provider)|platform|website|team|support)|me)\b"
)
_NEW_CLAUSE: Final = rx(
    r"\b(?:and|but|or|so|while|although|because)[ ](?:we|you|they|it)\b|\bbut\b"
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
    if "portability" in text.lower():
        return None
    for pattern in (*_SHARING, *_REACHING, *_SHARING_AT_ALL):
        for match in pattern.finditer(text):
            verb = match.start("verb")
            if match.end() <= past or _outward_not(text, match):
                continue
            if pattern in _REACHING:
                if denied_here(text, verb):
                    continue
            elif not holds(text, verb, sharing=True):
                continue
            named = recipients_of(text[min(verb, match.start()) :]) or recipients_of(text)
            return match.group().strip(), named
    return None


def _outward_not(text: str, match: re.Match[str]) -> bool:
    """Say whether the words match and yet no data goes out: towards us, or no data at all."""
    after, what = text[match.end("verb") :], match["what"]
    if re.match(r"\s(?:publicly\s)?(?:whether|how|if|what|that)\b", after, re.IGNORECASE):
        return True
    if _DIRECT_US.search(after) and not match["verb"].lower().startswith("allow"):
        return True
    first = after[: match.end() - match.end("verb")]
    whom = match.start("whom") if "whom" in match.re.groupindex else -1
    if match.end("verb") < whom and _NEW_CLAUSE.search(text[match.end("verb") : whom]):
        return True
    if _INCOMING.search(first):
        return True
    if match["verb"].lower() in {"sale", "sales"} and not rx(DATA).search(first):
        return True
    return bool(_NOT_DATA.search(after)) and not rx(DATA).search(what or "")
