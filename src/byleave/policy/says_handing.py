"""Where data is handed to somebody whom no word list knows, or looked at by them.

Patterns read by `says_sharing` like those of `says_reaching`, each with the groups `verb` and
`what`, some with `whom`: a name, or whoever stands where only somebody else can stand.
"""

from __future__ import annotations

from typing import Final

from byleave.policy.says_reaching import NAMED
from byleave.policy.wording import ANYBODY, BEING, DATA, MODAL, RECIPIENT, rx

__all__ = ["HANDING"]

_PASSED: Final = (
    r"(?:sent|passed|transmitted|provided|given|forwarded|supplied|communicated|released|"
    r"submitted|delivered|handed|relayed|exported|uploaded)(?:[ ](?:on|over|along|directly|out))?"
)
# "sent to the address that you gave": nobody
_NO_PLACE: Final = (
    r"(?![^;,.!?]{0,40}\b(?:servers?|address\w*|e-?mails?|inbox\w*|phones?|devices?|browsers?|computers?|accounts?|"
    r"pages?|countr\w+|locations?|cloud|terms|conditions|polic\w+|purposes?|minimum|databases?|queue|Republic|Kingdom|States|Union|Korea|China|India|Japan|Singapore|E[EU]A?|UK|USA?)\b)"
)
_ADS: Final = r"(?:ads\b|advert\w*|offers|promotions|messages)"
_READ: Final = r"(?:collect|receive|access|obtain|process|use|gather|track|combine|store|see|view|import|retain|analy[sz]e)"
HANDING: Final = tuple(
    rx(p)
    for p in (
        # passed on to NAME; to the hotels
        rf"\b(?:{BEING}|but|and|or|,)[ ](?:\w+[ ]){{0,2}}?(?P<verb>{_PASSED})(?P<what>)[ ]to[ ](?:the[ ])?(?P<whom>{NAMED})",
        rf"{DATA}[^;.!?]{{0,80}}?\b{BEING}[ ](?:\w+[ ]){{0,2}}?(?P<verb>{_PASSED})(?P<what>)[ ]to[ ]{_NO_PLACE}{ANYBODY}",
        # exchanged with, or between us and somebody
        rf"\b(?P<verb>exchang(?:es?|ed|ing))(?P<what>[ ](?:of[ ])?[^;.!?]{{0,40}}?(?:data|information|details)\b[^;.!?]{{0,40}}?)[ ](?:with|between)[ ](?!(?:users|members|you[ ]and[ ](?:other|your))\b){ANYBODY}",
        # among other things done with it, passed to recipients
        rf"{DATA}[^;.!?]{{0,80}}?\b{BEING}[ ](?:[\w-]+,?[ ]){{1,7}}?(?P<verb>{_PASSED})(?P<what>)[ ](?:\(\w+\)[ ])?to[ ][^;.!?]{{0,60}}?(?P<whom>{RECIPIENT})",
        # their use of your data; data handled by NAME, or processing by recipients
        rf"(?P<whom>{RECIPIENT})(?:'s|s')?[ ](?:future[ ]|further[ ]|own[ ])?(?P<verb>use|processing|collection|handling)[ ]of[ ](?P<what>(?:your|such|user|customer|this|that|personal)[ ][^;.!?]{{0,30}}?{DATA})",
        rf"\b(?:use|processing|collection|handling)[ ]of[ ](?P<what>(?:your|such|user|customer|personal)[ ][^;.!?]{{0,30}}?{DATA})[ ](?P<verb>by)[ ](?:\w+[ ]){{0,3}}?(?P<whom>{RECIPIENT})",
        rf"{DATA}[ ](?:that[ ]is[ ])?(?P<verb>handled|processed|stored|received|collected|hosted)(?P<what>)[ ](?:\w+ly[ ])?by[ ](?P<whom>{NAMED})",
        rf"\bdata[ ](?P<verb>processing|collection)(?P<what>)[ ]by[ ](?:\w+[ ]){{0,3}}?(?P<whom>{RECIPIENT}|ad[ ]providers)",
        # somebody has access to personal data
        rf"(?P<whom>\b(?!(?:users|members|us|employees|staff|personnel|teams|people|unless|this|services|colleagues|officers|individuals|persons|parents|has|is|was|does|always|means|customers|residents|consumers|cookies|process)\b)[a-z]{{3,}}s)[ ](?:{MODAL}[ ])*(?P<verb>have|gain|get|are[ ]given|are[ ]granted)[ ](?:\w+[ ])?access[ ]to(?P<what>[ ](?:[\w-]+[ ]){{0,2}}?(?:personal|your|user|customer|nonpublic|member)[ ](?:\w+[ ]){{0,2}}?(?:information|data)\b)",
        # advertising by others, with what they know of a visit
        rf"(?P<whom>{RECIPIENT}|{NAMED})(?:'s)?[ ][^;.!?]{{0,60}}?\b(?P<verb>serv(?:e|es|ing)|show(?:s|ing)?|display(?:s|ing)?|deliver(?:s|ing)?)[ ](?:\w+[ ]){{0,2}}?{_ADS}(?P<what>[^;.!?]{{0,60}}?\bbased[ ]on[ ][^;.!?]{{0,40}}?\b(?:visit|brows)\w*)",
        # it collects, uses and discloses
        rf"^(?![^.;]*\b(?:how|explains?|describes?|whether|what|when|why)\b)[^.;]*?\b(?:uses?|collects?|process(?:es)?|stores?|holds?|retains?|access(?:es)?),?[ ](?:and|or|and/or)[ ](?P<verb>discloses?|shares?|transfers?|sells?)(?P<what>[ ](?:[\w'-]+[ ]){{0,4}}?{DATA})(?![^;.!?]{{0,60}}\b(?:with|to)[ ](?:us|you|other[ ](?:users|members))\b)",
        rf"{DATA}[ ](?:[\w-]+[ ]){{1,8}}?{BEING}[ ](?:\w+,[ ](?:and[ ]|or[ ])?){{1,4}}(?:and[ ]|or[ ])?(?P<verb>disclosed|shared|sold|transferred)(?P<what>)\b(?![ ](?:with|by|to)[ ](?:other|users|members|you|us|people|the[ ]public)\b)",
        rf"{DATA},?[ ](?:which|that)[ ]we[ ](?:{MODAL}[ ])*(?:\w+,?[ ](?:and|or)[ ])(?P<verb>disclose|share|sell|transfer)(?P<what>)\b",
        # what we do helps partners to see
        rf"\bhelps?[ ](?:our[ ])?(?P<whom>{RECIPIENT})[ ](?:to[ ])?(?:better[ ])?(?P<verb>understand|measure|see|reach|analy[sz]e|evaluate)(?P<what>)\b",
        # NAME may collect; this lets NAME collect
        rf"\b(?:allow|enable|permit|let|authori[sz]e|instruct)(?:s|ing)?[ ](?P<whom>{NAMED})[ ](?:to[ ])?(?:\w+[ ](?:and|or)[ ])?(?P<verb>{_READ})(?P<what>[^;.!?]{{0,60}}?{DATA})",
        rf"(?:^|[,;][ ]|\b(?:that|and|as|when|then)[ ])(?!Wh|How|That|Some|Each|Such|All|Any|No\b)(?P<whom>{NAMED})[ ](?:{MODAL}[ ])+(?:\w+[ ](?:and|or)[ ])?(?P<verb>collect|receive|access|obtain|gather|track|combine|see|import)(?P<what>[ ](?:[\w-]+[ ]){{0,4}}?{DATA})(?![^;.!?]{{0,60}}\b(?:with|to)[ ]us\b)",
        # their duty of confidence
        rf"(?P<whom>{RECIPIENT})\b[^;.!?]{{0,60}}?\b(?:must|are|agree|have|is|will)\b[^;.!?]{{0,40}}?\b(?P<verb>bound|agreed?|subject|obliged|committed)[ ](?:by|to)[ ](?:\w+[ ]){{0,4}}?(?P<what>confidential\w*)",
        # it is on their servers
        rf"{DATA}[^;.!?]{{0,60}}?\b(?P<verb>stored|hosted|kept|processed|held|transits?|sent)(?P<what>)[ ](?:(?:on|in|to|through)[ ])?(?P<whom>their)[ ](?:own[ ])?servers\b",
        # a document given by way of somebody else; your data used by that company
        rf"\b(?P<verb>providing|submitting|uploading)[ ](?P<what>[^;.!?]{{0,60}}?\b(?:ID|{DATA})[ ])(?:through|via|using)[ ](?:an?[ ]|our[ ])?(?P<whom>{RECIPIENT})",
        rf"{DATA}[ ](?:{MODAL}[ ])?{BEING}[ ](?:\w+[ ])?(?P<verb>used|processed|collected|held)(?P<what>)[ ]by[ ](?P<whom>(?:that|the|such|these|those|another)[ ](?:other[ ]|third[ ]|receiving[ ])?(?:compan(?:y|ies)|part(?:y|ies)|entit(?:y|ies)|business(?:es)?))\b",
        rf"(?:^|[,;][ ])(?P<whom>{NAMED})[ ](?:{MODAL}[ ])+(?P<verb>use)(?P<what>[ ](?:\w+[ ]){{0,3}}?{DATA}[ ]about[ ](?:you|your)\b)",
        # cookies, tools or features help us and somebody else to know
        rf"\b(?:help|allow|enable|let|permit)(?:s|ing)?[ ]us[ ](?:and|or)[ ](?:our[ ]|certain[ ]|other[ ]|carefully[ ]selected[ ])*(?P<whom>{RECIPIENT})[ ](?:to[ ])?(?P<verb>\w+)(?P<what>)",
        rf"\bcookies[ ](?:from|of)[ ](?:\w+[ ])?{RECIPIENT}[ ](?:\w+[ ])?(?P<verb>stored|placed|set)(?P<what>)",
        # it is theirs to keep
        rf"(?P<whom>{RECIPIENT})[ ](?:{MODAL}[ ])*(?:\w+[ ](?:and|or)[ ])?(?P<verb>control|manage|hold|maintain|safeguard|protect)s?[ ](?P<what>(?:the[ ]|any[ ]|all[ ])?(?:your|user|customer|personal|such)[ ][^;.!?]{{0,20}}?{DATA})",
        # disclosure believed to be necessary; limits to our sharing of it
        rf"\b(?:belie(?:f|ve)|where|when|if)\b[^;.!?]{{0,80}}?\b(?P<verb>disclosure|release|sharing)(?P<what>[ ](?:of[ ][^;.!?]{{0,40}}?{DATA}[ ])?)is[ ](?:reasonably[ ])?(?:necessary|required|needed|appropriate)",
        rf"\b(?:limit|restrict|control|agree[ ]to|consent[ ]to|object[ ]to|prevent|stop)(?:ing)?[ ](?:some[ ]of[ ])?our[ ](?P<verb>sharing|disclosure|sale|transfer)(?P<what>[ ]of[ ][^;.!?]{{0,40}}?{DATA})",
        # "information shared with NAME includes"; "we provide NAME with your address"
        rf"{DATA}[ ](?:that[ ]is[ ])?(?P<verb>shared|disclosed|sent|passed|transmitted|sold)(?P<what>)[ ](?:with|to)[ ](?P<whom>{NAMED})",
        rf"{DATA}[ ](?:{MODAL}[ ])*{BEING}[ ](?:\w+[ ])?(?P<verb>shared|exchanged|passed)(?P<what>)[ ]between[ ](?!(?-i:We|You|Us)\b)(?P<whom>{NAMED}[ ]and[ ](?:the[ ])?{NAMED})",
        rf"\b(?P<verb>provide|supply|furnish)(?:s|d|es)?[ ](?:the[ ])?(?P<whom>{NAMED})(?:[ ](?-i:[A-Z])\w+)*[ ]with[ ](?P<what>[^;.!?]{{0,40}}?{DATA})",
        # "the Broker will have access to the information submitted"
        rf"(?P<whom>\b(?:the|such|each|these)[ ](?-i:[A-Z])\w+)[ ](?:{MODAL}[ ])+(?P<verb>have)[ ]access[ ]to(?P<what>[ ](?:the[ ]|all[ ])?{DATA})",
        # as an asset, when the company is sold
        rf"{DATA}[^;.!?]{{0,40}}?\b(?P<verb>as)(?P<what>)[ ](?:an?[ ]|part[ ]of[ ](?:the|our)[ ])(?:\w+[ ])?assets?[ ]",
    )
)
