"""Whose act a clause tells of, and whether it denies it.

A verb alone says nothing: "you may share", "we never share", "how we share" and "they share with
us" all have it. These rules read what stands before the verb in its own clause.
"""

from __future__ import annotations

import itertools
import re
from typing import Final

from byleave.policy.wording import BEING, MODAL, RECIPIENT, rx

__all__ = ["affirmed", "announced", "denied_here", "denies", "holds", "says_nothing"]
# -- who acts, and whether it is denied --------------------------------------------------------

_NEGATION: Final = rx(
    r"\b(?:not|never|neither|nor|cannot|no[ ]longer|none|nobody|nothing|refrain\w*|"
    r"rather[ ]than|instead[ ]of|without|no)\b|n't\b"
)
_HARMLESS: Final = rx(
    r"\bnot[ ](?:only|limited|just|necessarily|merely|solely)\b|\bwhether[ ]or[ ]not\b|\bno[ ](?:later|matter|less|fewer)\b|"
    r"\b(?:do(?:es)?[ ]not|doesn't|don't|will[ ]not|won't)[ ](?:affect|apply|change|undo|cover|stop|limit|mean|include|extend|object|want|wish|agree|need|prevent|require|identify|reverse|reach)\b|"
    r"\bif[ ]you(?:'d|[ ]would)?[ ](?:prefer|rather)[ ]not\b|\bnot[ ]to[ ]have\b|\bwithout[ ](?:limitation|undue|notice|further|prior|notifying|limiting|telling|asking)\b|"
    r"\b(?:tell|ask|instruct|request)\b[^;.!?,]{0,8}\b(?:us|(?-i:[A-Z])\w+)[ ]not\b|\b(?:choose|opt|prefer|rather)\b[^;.!?,]{0,20}\bnot\b|\byou[ ](?:have[ ]not|do[ ]not|don't|haven't)[ ]opt\w*|\bno[ ]more[ ]than\b|\bthat[ ](?:do(?:es)?[ ]not|doesn't|don't|no[ ]longer)[ ]\w+|\bnot[ ]your[ ]name\b"
)
_FORBIDS: Final = rx(
    r"\b(?:prohibit\w*(?![ ]by[ ]law)|forbid\w*|forbidden|bann?(?:ed|s)?|barr?ed|prevent(?:s|ed|ing)?[ ](?:\w+[ ]){1,5}?from|exclud(?:e|es|ed|ing)|"
    r"kept[ ]out|restrict(?:s|ed|ing)?[ ]\w+[ ](?:\w+[ ])?from|ceased|discontinued|exempt\w*|"
    r"agree[ ]not|undertake[ ]not|must[ ]not|may[ ]not|shall[ ]not)\b"
)
_EXCEPTION: Final = rx(
    r"\b(?:unless|except(?:ing|ions?)?|excluding|only[ ](?:if|when|where|with|in|as|to)|without[ ](?:(?:our[ ]|the[ ])?(?:customers?'s?|users?'s?|members?'s?|clients?'s?)|your|first|prior|obtaining|explicit|express|one[ ]of)|other[ ]than|apart[ ]from|beyond|save[ ](?:for|where|as)|until[ ]you)\b"
)
_PAST: Final = rx(
    r"\b(?:in[ ]the[ ]past|previously|formerly|historically|(?:we|us|it|and|company)[ ]used[ ]to[ ](?:share|sell|train|use|disclose|give)|until[ ](?:\w+[ ])?(?:19|20)\d\d|"
    r"before[ ](?:19|20)\d\d|(?:have|has)[ ]stopped|no[ ]longer[ ](?:do|share|sell|use|train))\b"
)
_DEFINES: Final = rx(
    r"^(?!(?:This|That|It|Which|These)\b)[\"'(]?[\w /,&-]{2,60}[\"')]*(?:[ ]\([^)]*\))?[ ](?:means|shall[ ]mean|refers[ ]to|is[ ]defined[ ]as|are[ ]defined[ ]as)\b"
)
_ASKS_LEAVE: Final = rx(
    r"^(?:can|may|could)[ ](?:we|us|our|\w+[ ]and)\b|^(?:allow|let|permit|help)\b"
)
_BARRIER: Final = re.compile(
    r"[;:—–]|\.\s|,?\s\b(?:but|however|although|though|whereas|yet)\b|"
    r",\s+(?=\w+\s(?:may|will|can|could|shall|might)\b)|,\s+(?=(?:(?-i:[A-Z])[\w.]*\s){2,4}(?:may|will|can|shall)\b)|"
    r",\s+(?=(?:and\s+|or\s+|then\s+|so\s+|in which case\s+|which\s+)?(?:we|they|you|it|nothing|nobody|no|please)\b)|"
    r",\s+(?=(?:and\s+|or\s+|then\s+|so\s+|in which case\s+|which\s+)?(?:our|your|this|these|those|the|members?|users?|all|some)\b"
    r"(?:[\s'-]+\w+){0,7}?\s+(?:may|will|can|could|shall|might|is|are|was|were|do|does|has|have|must|uses?|shares?|process|receives?|helps?|goes)\b)|"
    r"\band\s+(?=(?:we|they|you|it)\b)|\bso that\s+",
    re.IGNORECASE,
)
_RELATIVE: Final = re.compile(
    r"(?<=\w)\s(?:that |which |what |as |whenever |when |where |how |anything |everything |after |before )?you(?: and (?:others|other users))?(?:'ve)?"
    r"(?: (?:have|never|do not|don't|did not|didn't|may|might|can|could|will|choose to|also|directly|otherwise|voluntarily|decide to|submit or))*"
    r" (?:provid|shar|post|upload|submit|sen[dt]|creat|giv|gave|enter|publish|mak|made|generat|input|receiv|typ|wr[io]t|see|saw|view|visit|stor|add|authori[sz]|allow|ask|use|using|tell|choos(?!\w* to\s*$)|search|read|speak|say|click|open|joined|do(?!\s+not|n't))\w*"
    r"(?: and \w+)?(?: us)?(?: (?:to|with|on|in|through|via|using|by|when|at) (?:us|our \w+|the (?:services?|platform|site|app)))?",
    re.IGNORECASE,
)
_ACTOR: Final = re.compile(
    rf"\b(?P<we>we|us|our (?:use|training|sharing|disclosure|processing|sale|right|models?|systems?)|ours|me|my|reserve the right)\b|"
    rf"\b(?P<passive>(?:{BEING}|data|information|content|posts?|messages?)(?: \w+)? (?:used|processed|collected|scanned|stored|shared|disclosed|transferred))\b|"
    rf"\b(?P<you>(?<!about )(?<!from )(?<!to )(?<!for )(?<!with )(?<!of )(?<!identify )(?<!identifies )(?<!show )(?<!provide )(?<!notify )(?<!give )(?<!inform )(?<!tell )(?<!contact )(?<!send )(?<!offer )you|yourself|for you to|people (?:to|can|may|who|with)|users? (?:may|can|must|shall|should|who|are|agree)|customers? (?:may|can|must|shall|who)|members? (?:may|can|must)|"
    rf"developers? (?:may|can|must)|(?:recipients|hosts|participants|attendees|invitees|guests)\b[^,;]{0, 60}?\b(?:may|can)|visitors? (?:may|can)|anyone|no one|nobody|he|she)\b|"
    rf"\b(?P<they>they|these parties|those parties)\b",
    re.IGNORECASE,
)
_OWN_SUBJECT: Final = re.compile(
    r"\s*[^\W\d]+(?:\s\w+){0,3}?\s(?:may|will|can|could|shall|might)\b", re.IGNORECASE
)
_TELLS: Final = rx(
    r"\b(?:describ(?:e|es|ed|ing)|explain(?:s|ed|ing)?|outlin(?:e|es|ed|ing)|details?|learn|understand|covers?|(?<!can[ ])(?<!can[ ]also[ ])tells?|(?<!as[ ])sets?[ ]out|"
    r"informs?[ ]you|know|summari[sz]\w*|governs?|introduces?|clarif\w+|read[ ](?:more|about|how)|stating|states)\b"
    r"[^.;]{0,140}?\b(?:how|what|whom|who|whether|why|when|where|ways|circumstances|practices|types[ ]of[ ](?:\w+[ ])?(?:data|information))\b(?:(?!\bthat[ ](?:it|they|we|your)\b)[^.;]){0,90}$"
)
_HOW: Final = rx(
    r"\b(?:how(?![ ]ever)|whether|why|what|the[ ](?:ways?|manner)(?:[ ]in[ ]which)?|when[ ]and[ ]how)\b(?:[ ][\w'-]+,?){0,12}[ ](?:and[ ])?$"
)
_WHETHER: Final = rx(r"\bdisclose[ ](?:to[ ]you[ ])?(?:whether|what|which)\b[^;.!?]{0,120}$")
_PARENTHESIS: Final = re.compile(r"\([^()]*\)")
_ASIDE: Final = re.compile(
    r"\b(?:which|that|who|whom)\s(?:(?!(?:it|we|they|you|this|these|our|your|such)\s)\w+\s)?(?:does not|do not|doesn't|don't|did not|cannot|can't|could not|no longer|never|"
    r"is not|are not|isn't|aren't|has not|have not|will not)\b[^,;.]*",
    re.IGNORECASE,
)
# "..., but excludes model training, and ..."
_LEFT_OUT: Final = re.compile(r"\b(?:but )?exclud(?:es|ing)\b[^,;]*[,;]", re.IGNORECASE)
_EMBEDDED: Final = re.compile(
    r"\b(?:how(?![ ]ever)|whether|why|ways(?: in which)?|what|which|with whom|when and how|where and how|what types? of \w+|what (?:personal )?(?:data|information)|"
    r"types? of (?:\w+ )?(?:data|information)|circumstances (?:in|under) which)\s+(?:(?:and|or) \w+ )?(?:\w+ )?$",
    re.IGNORECASE,
)
_TO_US: Final = rx(
    r"\b(?:with|to|by)[ ]us\b|\bprovide[ ]us\b|\bwe[ ](?:may[ ]|also[ ])*(?:receive|get|obtain|collect)\b"
)
_RIGHTS: Final = rx(
    r"\b(?:rights?[ ](?:to|of)|entitled|entitles)\b[^;.!?]{0,250}$|\b(?:request|ask|require|direct)(?:ing)?[ ](?:that[ ])?us[ ]to[ ](?:transfer|transmit|send|provide|move|port)|"
    r"\b(?:request|ask)(?:ing)?[ ](?:that[ ])?we\b|\b(?:ask|request)[ ]us[ ]to[ ]*$|\bopt[ -]?(?:ing[ ])?out[ ]of[ ](?:the[ ])?(?:\"?sales?|\"?sharing)"
)
_PASSIVE: Final = rx(rf"\b{BEING}[ ](?:\w+[ ](?:(?:and|or)[ ])?){{0,3}}$")
_PARTICIPLE: Final = re.compile(
    r"\w+(?:ed|sold|sent|given|made|passed)\b|sold|sent|given|made", re.IGNORECASE
)
_BY_OTHERS: Final = re.compile(
    r"\w+[^.;,]{0,40}?\b(?:by (?:you|your|users?|other|third|members)|with us|to us)\b",
    re.IGNORECASE,
)
_OUR_RIGHT: Final = rx(
    r"\breserve|\bwe[ ](?:\w+[ ]){0,3}?(?:have|retain)[ ](?:\w+[ ]){0,3}?rights?\b"
)
_COMMAND: Final = re.compile(r"^\W*(?:please |do |don't |never |always |to \w+ )*$", re.IGNORECASE)


_POINTS: Final = rx(
    r"^(?:If[ ]you(?:'d|[ ]would)?[ ](?:like|want|wish|need)\b|To[ ](?:learn|find[ ]out|know|read|see|understand|obtain)\b|"
    r"For[ ](?:more|further|additional|a[ ]list|details|information)\b|(?:More|Additional)[ ](?:information|details?)\b|Please[ ](?:see|read|review|visit|refer|note[ ]our)\b)"
    r"[^;]*\b(?:please|see|visit|refer|click|read|contact|review|consult|go[ ](?:to|here)|check|available|found|set[ ]forth)\b|^(?:Please[ ])?(?:refer|consult)[ ]|^(?:Please[ ])?(?:review|check)[ ](?:the|their|its|our|this)\b|"
    r"\byou[ ]should[ ](?:also[ ])?(?:read|review|consult|check)[ ](?:the|their|its|our)[ ](?:\w+[ ]){0,3}?(?:polic|notice|disclosure|statement|terms)\w*"
)


def says_nothing(text: str) -> bool:
    """Say whether a sentence defines, looks back, asks or points elsewhere: it states nothing."""
    if _POINTS.search(text) or _DEFINES.search(text) or _PAST.search(text):
        return True
    return text.rstrip("\"')").endswith("?") and not _ASKS_LEAVE.search(text)


def affirmed(text: str) -> list[str]:
    """Return the clauses of a sentence that neither deny, forbid, ask, define nor look back."""
    if says_nothing(text):
        return []
    if _EXCEPTION.search(text):
        return [text]
    bounds = [0, *(found.start() for found in _BARRIER.finditer(text)), len(text)]
    clauses = [text[a:b] for a, b in itertools.pairwise(bounds)]
    return [clause for clause in clauses if not denies(clause) and not _TO_US.search(clause)]


def denies(lead: str) -> bool:
    """Say whether a text holds a negation or a ban without an exception."""
    if _EXCEPTION.search(lead):
        return False
    return bool(_NEGATION.search(_HARMLESS.sub(" ", lead)) or _FORBIDS.search(lead))


def holds(text: str, verb: int, *, sharing: bool = False) -> bool:
    """Say whether the act whose verb stands at `verb` is the platform's, and is not denied."""
    clear = _cleared(text, verb)
    start = _clause_start(clear)
    clause = clear[start:]
    if sharing and _RIGHTS.search(clear) and not _OUR_RIGHT.search(clear):
        return False
    if _denied(text, clear, clause, start, verb):
        return False
    if sharing and _told(text, clear, verb):
        return False
    if sharing and _PASSIVE.search(clause) and _PARTICIPLE.match(text[verb:]):
        return not _BY_OTHERS.match(text[verb:])
    actors = list(_ACTOR.finditer(clause))
    if not actors and not (start and _OWN_SUBJECT.match(clause)):
        actors = list(_ACTOR.finditer(clear))
    if not actors:
        return not (sharing and _user_command(text, clear))
    last = actors[-1]
    kind = last.lastgroup
    if kind == "they":
        return not sharing
    if kind == "you":
        return bool(
            re.search(
                r"\b(?:opt|object|withdraw|consent|agree|permit|allow|control|manag|choos|decid|limit|grant)\w*\b",
                clause[last.end() :],
                re.IGNORECASE,
            )
            and not sharing
        )
    place = last.start() + (start if last.string is clause else 0)
    there_are = re.match(r"\W*(?:There (?:are|may be)|In (?:some|certain|limited))\b", clear)
    if sharing and kind == "we" and _EMBEDDED.search(clear[:place]) and not there_are:
        return bool(re.match(r"\w+(?: \w+){0,3}: *(?:to|with)\b", text[verb:], re.IGNORECASE))
    return not (sharing and _third_party_acts(clause[last.end() :]))


def _told(text: str, clear: str, verb: int) -> bool:
    """Say whether the text only announces how or when the act is done."""
    listed = re.match(r"\w+(?: \w+){0,3}: *(?:to|with)\b", text[verb:], re.IGNORECASE)
    return not listed and bool(_TELLS.search(clear) or _WHETHER.search(clear))


def announced(text: str, verb: int) -> bool:
    """Say whether the text only tells how, whether or why the act is done."""
    clear = _cleared(text, verb)
    asked = _HOW.search(clear[_clause_start(clear) :])
    return bool(asked or _TELLS.search(clear))


def denied_here(text: str, verb: int) -> bool:
    """Say whether an act told of as a fact is denied, or one of the reader's rights."""
    clear = _cleared(text, verb)
    start = _clause_start(clear)
    if _RIGHTS.search(clear) and not _OUR_RIGHT.search(clear):
        return True
    return _denied(text, clear, clear[start:], start, verb)


def _cleared(text: str, verb: int) -> str:
    """Return what stands before the verb, with "that you post" and its like blanked out."""
    clear = text[:verb]
    for aside in (_PARENTHESIS, _RELATIVE):
        clear = aside.sub(lambda found: " " * len(found.group()), clear)
    return clear


def _clause_start(clear: str) -> int:
    starts = [found.end() for found in _BARRIER.finditer(clear)]
    return starts[-1] if starts else 0


def _clause_end(text: str, verb: int) -> int:
    """Return where the clause of a verb ends: at a new clause that is no exception to it."""
    for found in _BARRIER.finditer(text, verb):
        if not _EXCEPTION.match(text[found.end() :].lstrip(" ,")):
            return found.start()
    return len(text)


def _denied(text: str, clear: str, clause: str, start: int, verb: int) -> bool:
    clause = _LEFT_OUT.sub(" ", clause)
    heard = _HARMLESS.sub(" ", _ASIDE.sub(" ", clause))
    after = text[verb : verb + 60]
    no = bool(_NEGATION.search(heard)) or bool(_FORBIDS.search(clause))
    head = clear[:start].rstrip(" ,:;—–")
    if not no and text[start - 1 : start] == ":" and denies(head):
        no = True
    if not no and re.match(
        r"\w+\s+(?:none|nothing|no (?:[\w()]+ ){0,4}?(?:data|information))\b", after
    ):
        no = True
    if not no:
        return False
    if re.search(r"\byou\b|\busers?\b", clause, re.IGNORECASE) and re.search(
        r"\b(?:agree|must|may|shall)[ ]not\b", clause, re.IGNORECASE
    ):
        return True
    return not (
        _EXCEPTION.search(text[start : _clause_end(text, verb)]) or _excepted_before(text, start)
    )


def _excepted_before(text: str, start: int) -> bool:
    """Say whether the clause right before is an exception: "Except as described here, we …"."""
    before = text[:start].rstrip(" ,")
    clauses = [text[: found.start()] for found in _BARRIER.finditer(before)]
    return bool(_EXCEPTION.match(before[len(clauses[-1]) if clauses else 0 :].lstrip(" ,;:.")))


def _third_party_acts(between: str) -> bool:
    """Say whether the words right before the verb make a recipient its subject."""
    between = re.sub(r"\s+", " ", between)
    found = rx(rf"(?P<who>{RECIPIENT})[ ](?:{MODAL}[ ])*$").search(between)
    return bool(found) and not re.match(r"\s*(?:and|or)\b", between)


def _user_command(text: str, before: str) -> bool:
    """Say whether a sharing verb without a subject is an order to the reader, or others' act."""
    before = re.sub(r"\s+", " ", before)
    if re.search(rf"{RECIPIENT}(?:[ ]|,[ ])(?:{MODAL}[ ])+$", before, re.IGNORECASE | re.VERBOSE):
        return True
    if _COMMAND.match(before):
        starts_to = re.match(r"\W*to \w+", text, re.IGNORECASE)
        return not starts_to and not re.match(
            r"\W*(?:share|sell|disclose|provide) (?:my|our)\b", text, re.IGNORECASE
        )
    return False
