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
    r"hand(?:s|ed|ing)?[ ](?:over|on)|rout(?:e|es|ed|ing)|relay(?:s|ed|ing)?|submit(?:s|ted|ting)?|communicat(?:e|es|ed|ing)|get(?:s)?"
)
_HANDED: Final = (
    r"sent|passed|transmitted|provided|given|forwarded|transferred|supplied|communicated|released|"
    r"reported|submitted|delivered|licensed|rented|leased|handed|routed|relayed|conveyed|exported|"
    r"assigned|traded|exchanged|uploaded|synced|combined|syndicated|posted[ ]on|turned[ ]over"
)
_TRACKERS: Final = (
    r"(?:cookies?|pixels?|(?:web[ ])?beacons?|tags?|technolog(?:y|ies)|SDKs?|software|tools?|"
    r"identifiers?|scripts?|trackers?)"
)
_GATHER: Final = (
    r"collect(?:s|ed|ing)?|gather(?:s|ed|ing)?|track(?:s|ed|ing)?|captur(?:e|es|ed|ing)|"
    r"receiv(?:e|es|ed|ing)|record(?:s|ed|ing)?|monitor(?:s|ed|ing)?|compil(?:e|es|ed|ing)"
)
_NOBODY_ELSE: Final = (
    r"(?!us\b|one[ ]another|each[ ]other|you(?:rself)?\b|other[ ]our|our[ ](?:staff|team|servers?|systems?|employees|users|members|customers|community|site|website|app|service)|other[ ](?:users|members|people|countries|jurisdictions)|another[ ]country|"
    r"your\b|friends|people|the[ ](?:public|extent|United|EU|UK|same|world|internet|other)|a[ ]country|countries|comply|respond|protect|enforce|prevent|help|provide|improve|and\b|or\b|be\b|do\b|a[ ]friend|everyone|my\b|respect|regard|"
    r"allow|enable|make|meet|fulfil|perform|process|detect|investigate|support|operate|any[ ]extent|ensure|establish|defend|verify|members|users|servers|Switzerland|Europe|law[ ]?\b|anyone\b|in\b|facilitate|use\b|create|show|deliver|obtain|train|develop|analy|understand|assist|bring|give|send|communicate)"
)
_ANYBODY: Final = rf"{_NOBODY_ELSE}(?P<whom>\w)"
_ACCESS: Final = (
    r"receiv(?:e|es|ed|ing)|access(?:es|ed|ing)?|obtain(?:s|ed|ing)?|process(?:es|ed|ing)?|"
    r"us(?:e|es|ed|ing)|handl(?:e|es|ed|ing)|stor(?:e|es|ed|ing)|host(?:s|ed|ing)?|"
    r"view(?:s|ed|ing)?|see|get(?:s)?|ha(?:s|ve)[ ]access[ ]to|retain(?:s|ed|ing)?|keeps?|analy[sz](?:e|es|ed|ing)|combine"
)
_UP_TO: Final = r"[^;.!?]"
_TO_WHOM: Final = (
    r"(?<!relevant[ ])(?<!tailored[ ])(?<!related[ ])(?<!relating[ ])(?<!regard[ ])(?<!respect[ ])(?<!subject[ ])"
    r"(?<!according[ ])(?<!addition[ ])(?<!opposed[ ])(?<!due[ ])(?<!object[ ])"
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
        rf"\b(?P<verb>report(?:s|ed|ing)?|refer(?:s|red|ring)?)\b(?P<what>{_UP_TO}{{0,60}}?)[ ]to[ ](?:\w+[ ]){{0,3}}?(?P<whom>law[ -]enforcement|(?:\w+[ ])?authorit(?:y|ies)|police|regulators?)\b",
        rf"{THING}{_UP_TO}{{0,60}}?\b(?P<verb>available|accessible|visible|open|disclosed|exposed)[ ](?P<what>){_TO_WHOM}",
        rf"\b(?P<verb>mak(?:e|es|ing)|made)\b(?P<what>{_UP_TO}{{0,80}}?)\b(?:available|accessible)[ ]{_TO_WHOM}",
    )
)
# where the recipient is the subject, or the act is told of as a fact
_REACHING: Final = tuple(
    rx(p)
    for p in (
        # data is sent to recipients
        rf"{THING}{_UP_TO}{{0,80}}?\b{BEING}[ ](?:\w+[ ]){{0,2}}?(?P<verb>{_HANDED})\b(?P<what>){_UP_TO}{{0,60}}?{_TO_WHOM}",
        # in passing: told, reported, run through, made accessible
        rf"\b(?:{BEING}|and|or|,)[ ](?:\w+[ ])?(?:,[ ]\w+[ ]\w+,[ ])?(?P<verb>reported|referred|notified)(?P<what>)[ ]to[ ](?:\w+[ ]){{0,3}}?(?P<whom>law[ -]enforcement|(?:\w+[ ])?authorit(?:y|ies)|police|regulators?)\b",
        rf"{DATA}[ ](?:\w+[ ]){{0,2}}?(?P<verb>pass|flow|go|travel|run|routed)(?:es|s)?(?P<what>)[ ](?:\w+ly[ ]|straight[ ])?(?:through|via|to)[ ][^;.!?]{{0,40}}?(?P<whom>{RECIPIENT})",
        rf"\b(?P<verb>accessible)(?P<what>)[ ](?:by|to)[ ][^;.!?]{{0,80}}?(?P<whom>{RECIPIENT})",
        rf"{DATA}[^;.!?]{{0,60}}?[ (](?P<verb>processed|handled|collected|stored|managed|hosted)(?P<what>)[ ](?:\w+[ ])?by[ ](?:\w+[ ]){{0,3}}?(?P<whom>{RECIPIENT})",
        rf"\b(?P<whom>party|parties|entity|entities|person|company|companies|organi[sz]ations?|buyer)[ ](?:that[ ]|who[ ]|which[ ])?(?P<verb>receiv(?:es?|ing)|acquir(?:es?|ing))(?P<what>[ ](?:your|the|such|this|that|user|personal)\b[^;.!?]{{0,30}}?{DATA})",
        rf"{DATA}[ ](?P<verb>shared|disclosed|provided|sent|transferred)[ ](?P<what>)by[ ]us\b",
        rf"{DATA}[^;.!?]{{0,20}}?[ ]{BEING}[ ](?:\w+[ ])?(?P<verb>processed|stored|hosted|held|kept)(?P<what>)[ ](?:at|in|on|with)[ ][^;.!?]{{0,90}}?\b(?:of|by)[ ](?:our[ ])?(?P<whom>{RECIPIENT})",
        rf"\b(?:inform|require|oblige|ensure)(?:s|ing)?[ ](?:that[ ])?(?:the|any|such|our|these)[ ](?:\w+[ ])?(?P<whom>{RECIPIENT})[ ](?:it[ ]|they[ ])?(?:must|has|have|will|to)[ ](?:\w+[ ])?(?P<verb>use|protect|process|safeguard|keep|handle|appropriate)\b(?P<what>[^;.!?]{{0,60}}?{DATA})",
        r"\b(?P<verb>making|make|makes)(?P<what>)[ ](?:such[ ]|any[ ]|certain[ ]|other[ ]|these[ ])?disclosures?\b",
        rf"{DATA}[ ][^;.!?]{{0,80}}?\b{BEING}[ ](?:\w+[ ]){{0,2}}?(?P<verb>shared|disclosed|sold|transferred)(?P<what>)[ ](?:with|to)[ ](?:or[ ](?:\w+[ ]){{1,3}}by[ ])?{_ANYBODY}",
        rf"\b(?P<verb>provid(?:e|es|ing)|send(?:s|ing)?|giv(?:e|es|ing)|suppl(?:y|ies|ying)|pass(?:es|ing)?|communicat(?:e|es|ing))(?P<what>[ ](?:your|that|this|such|user|users'|these|personal|customer|certain|limited|some|any)[ ](?:\w+[ ]){{0,4}}?{DATA}(?:[ ]\w+){{0,3}}?)[ ]to[ ](?:(?-i:[A-Z])\w+|(?:an?|any|each|certain|those|these|that|such|various|selected|the[ ](?:relevant|applicable|respective))[ ]\w+)(?<!Services)(?<!Service)",
        # given to, sent to, visible to those who …; to whom it is sent; who are given it
        rf"{DATA}{_UP_TO}{{0,80}}?\b{BEING}[ ](?:\w+[ ]){{0,2}}?(?P<verb>{_HANDED}|available|accessible|visible|shown)(?P<what>)[ ](?:over[ ]|on[ ])?to[ ](?:the|any|those|each|every|an?)[ ](?!(?:users?|members?|people|person|extent|servers?|employees|staff)\b)(?:[\w-]+[ ]){{1,3}}?(?:who|whom|that|which|with[ ]which|you[ ](?:have[ ])?(?:book|order|buy|choose|select|contact|visit|hire|instruct|appl|deal)\w*)\b",
        rf"\b(?:with|to)[ ](?:whom|which)[ ]{_UP_TO}{{0,60}}?{DATA}[ ](?:{MODAL}[ ])*{BEING}[ ](?:\w+[ ])?(?P<verb>{_HANDED}|shared|disclosed|sold)\b(?P<what>)",
        rf"(?P<whom>{RECIPIENT})(?:[ ]\w+){{0,4}}?[ ](?:{MODAL}[ ])*{BEING}[ ](?:\w+[ ])?(?P<verb>given|sent|shown|supplied|provided|granted|told|handed)\b(?P<what>[ ](?:with[ ]|access[ ]to[ ])?(?:[\w-]+[ ]){{0,5}}?{DATA})",
        rf"\b(?P<verb>provid(?:e|es|ing)|send(?:s|ing)?|giv(?:e|es|ing)|suppl(?:y|ies|ying)|pass(?:es|ing)?|hand(?:s|ing)?)(?P<what>[ ](?:on[ ]|over[ ])?(?:[\w-]+[ ])?{DATA})[ ]to[ ](?:an?|any|each|certain|those|these|such|various|selected|the[ ](?:relevant|applicable|respective))[ ]\w+(?<!user)(?<!users)(?<!person)(?<!people)(?<!minimum)(?<!server)(?<!servers)",
        # we provide them with what they need; data may transfer to them
        rf"\b(?:provide|send|give|supply)[ ](?P<whom>them|{RECIPIENT})[ ](?:with[ ])?(?P<what>[^;.!?]{{0,40}}?)(?P<verb>{DATA})",
        rf"{DATA}[ ](?:may|will|can)[ ](?:also[ ])?(?P<verb>transfer|pass|flow|go)(?P<what>)\b[^;.!?]{{0,60}}?[ ]to[ ][^;.!?]{{0,60}}?(?P<whom>{RECIPIENT})",
        rf"(?P<whom>{RECIPIENT})(?<!')(?<!'s)(?:[ ]{MODAL})*[ ](?P<verb>obtain|receive|get|buy|acquire|licen[sc]e|purchase)s?(?P<what>[ ]{_UP_TO}{{0,60}}?(?:{DATA}|it\b|them\b))[ ]{_UP_TO}{{0,30}}?(?<!\w)from[ ](?:us|our[ ](?:site|service|platform|app|system|API)s?)\b",
        # recipients receive, access, process
        (
            rf"(?P<whom>{RECIPIENT})(?<!')(?<!'s)(?:[ ]of[ ](?:that|your|the|our)[ ]\w+)?(?:,[ ]|[ ])(?:(?:{MODAL}|who|that|which|and|or|their|partners?|vendors?|affiliates?|in[ ]turn|under[ ]contract|,)[ ]?){{0,4}}"
            rf"(?P<verb>{_ACCESS})\b(?P<what>[ ](?:[\w-]+[ ]){{0,5}}?(?:your|our[ ](?:users'|members')|user|member|personal|customer|the|this|such|device|it|what)\b{_UP_TO}{{0,90}}?(?:{DATA}|(?<=it)))"
        ),
        rf"\b{BEING}[ ](?:\w+[ ]){{0,2}}?(?P<verb>access(?:ed|ible)|processed|received|viewed|stored|handled|hosted|collected|used)[ ](?P<what>)(?:\w+[ ]){{0,4}}?(?:by|with|at|through)[ ](?:[\w']+,?[ ]){{0,4}}?(?P<whom>{RECIPIENT})",
        rf"(?P<whom>{RECIPIENT})\b{_UP_TO}{{0,60}}?\b(?P<verb>host|store|process|label|annotate|review)(?:s|es)?[ ](?P<what>(?:\w+[ ]){{0,2}}?(?:your|our|user|member|personal|customer|payment|account|contact|transactions?)\b{_UP_TO}{{0,30}}?(?:{DATA}|(?<=transactions)|payments))",
        rf"(?P<whom>{RECIPIENT})[ ]who[ ]process(?:es)?[ ](?P<verb>it|them|data|information)(?P<what>)\b",
        rf"(?P<whom>{RECIPIENT}){_UP_TO}{{0,20}}?\b(?:have|has|with|given|gets?|gain)[ ](?P<verb>access)[ ](?:only[ ])?to(?P<what>{_UP_TO}{{0,60}}?{DATA})",
        rf"\b(?P<verb>allow|permit|enable|let|authori[sz]e|require|oblige|expect)(?:s|ing)?[ ](?:\w+[ ]){{0,3}}?(?P<whom>{RECIPIENT})[ ](?:and[ ]\w+[ ])?to[ ](?:access|use|collect|receive|obtain|process|view|retrieve|handle|protect|safeguard|return|delete)\b(?P<what>{_UP_TO}{{0,60}}?(?:{DATA}|\bit\b))",
        # recipients, some words on, use your data; they were named before, and process it
        rf"(?:^|[:;,][ ]|\b(?:when|where|if|that|and)[ ])(?:these|those|such|our|the|any|all|certain|some|each|selected)[ ](?:[\w-]+[ ]){{0,3}}?(?P<whom>{RECIPIENT})\b(?!')[^;.!?]{{0,140}}?\b(?P<verb>{_ACCESS}|protect|safeguard|collect|return|delete)\b(?P<what>[ ](?:\w+[ ]){{0,3}}?(?:(?:your|user|users'|personal|customer|members?'|such|this|that|the)[ ](?:\w+[ ]){{0,2}}?{DATA}|data\b|information\b|it\b))",
        rf"(?P<whom>{RECIPIENT})\b[^.!?]{{0,160}}?[;,–—-][ ]?(?:and[ ]|who[ ]|which[ ])?they[ ](?:{MODAL}[ ])*(?P<verb>{_ACCESS}|collect)\b(?P<what>[ ](?:it|them|this|that|your|the)\b)",
        rf"\b(?P<whom>(?:these|those|such)[ ](?:\w+[ -]){{0,2}}?(?:services|companies|partners|parties|tools|networks|platforms|organi[sz]ations|entities))\b(?:[ ]{MODAL})*[ ](?P<verb>{_ACCESS}|collect)\b(?P<what>[ ](?:[\w-]+[ ]){{0,4}}?{DATA})",
        # we engage recipients to analyse your data
        rf"\b(?P<verb>engage|use|employ|hire|contract|work[ ]with|rely[ ]on|retain|appoint|partner[ ]with|integrate)(?:s|ing)?\b[^;.!?]{{0,60}}?(?P<whom>{RECIPIENT})\b[^;.!?]{{0,80}}?\b(?:to|that|who|which)[ ](?:(?:help|assist)s?[ ](?:us[ ])?(?:to[ ])?)?(?:analy[sz]e|process|collect|store|handle|host|track|measure|verify|receive|record|transcribe|label|review|annotate|manage)s?\b(?P<what>[^;.!?]{{0,40}}?\b(?:your|user|users'|personal|customer|payment|this|these|the)\b[^;.!?]{{0,40}}?{DATA}|(?:[ ][\w-]+){{0,3}}?[ ]{DATA}[ ](?:about|on|of|from|for)\b)",
        rf"^(?:(?:categories|kinds|types)[ ]of[ ])?(?:who[ ](?:receives?|gets|sees|has[ ]access|we[ ]share)|recipients?|shared[ ]with|disclosed[ ]to)\b[^:]{{0,40}}:[^.;]{{0,80}}?(?P<verb>(?P<whom>{RECIPIENT}))(?P<what>)",
        r"(?P<whom>administrators?)\b[^;.!?]{0,60}?\b(?P<verb>access|control|view|monitor)\b(?P<what>[^;.!?]{0,30}?\baccounts?)\b",
        # legal process; nouns for the act; a named company that collects
        r"\b(?P<verb>produce|supply|provide|furnish)(?P<what>[ ](?:\w+[ ]){0,4}?(?:information|data|records?))[ ](?:in[ ]response[ ]to|pursuant[ ]to)[ ][^;.!?]{0,40}?(?:legal|law|subpoena|court|process|order|request)",
        rf"(?<!unauthorized[ ])(?<!unauthorised[ ])(?<!accidental[ ])\b(?P<verb>disclosures?|sharing|sales?)[ ]of[ ](?P<what>(?:your|user|such|personal|any)[ ][^;.!?]{{0,30}}?{DATA})[ ](?:may|will|can|could|might)[ ](?:also[ ])?(?:occur|take[ ]place|happen|be[ ](?:made|required|necessary))",
        rf"\bconsent(?:s|ing)?[ ]to[ ](?:the|our|any|such)[ ][^;.!?]{{0,40}}?\b(?P<verb>sharing|disclosure|transfer|sale)[ ]of[ ](?P<what>(?:your|user|such|personal|any)[ ][^;.!?]{{0,30}}?{DATA})(?![^;.!?]{{0,60}}\b(?:to|in)[ ](?:the[ ]United|other[ ]countr|countr))",
        rf"\b(?:we|us)[ ](?:and|or)[ ](?:our[ ])?(?P<whom>{RECIPIENT})(?:[ ]\w+){{0,3}}?[ ](?:are|is|be)[ ](?P<verb>granted)(?P<what>)\b",
        rf"\b(?:we|us)[ ](?:and|or)[ ](?:our[ ])?(?P<whom>{RECIPIENT})(?:[ ]\w+){{0,3}}?[ ](?:{MODAL}[ ])+(?P<verb>use|process|access|collect|analy[sz]e|review)\b(?P<what>[^;.!?]{{0,60}}?{DATA})",
        rf"(?-i:\b(?!We|You|The|Merchant|Our|This|That|These|Those|It|They|Users?|Members?|Customers?|Compan|Services?|Platform|Websites?|Sites?|Apps?|Application|Cookies?|Pixels?|Tools?|Technolog|Data|Log|Device|Browser|Hosts?|Guests?|Buyers?|Admin|Some|Each|Any|If|When|Where|How|What|Your|Information|Personal)(?P<whom>[A-Z][\w]+(?:[ ][A-Z]\w+){{0,2}}))[ ](?:(?:may|can|will)[ ](?:also[ ])?)?(?P<verb>collects?|processes|receives?|stores|gathers)\b(?P<what>[ ](?:[\w-]+[ ]){{0,4}}?{DATA})(?![^;.!?]{{0,60}}\b(?:locally|on[ ]your[ ]device|from[ ]us)\b)",
        # data is among what is sold; the law calls it a sale; rights are passed on
        rf"{DATA}[^;.!?]{{0,60}}?\b(?:one[ ]of|among|part[ ]of|included[ ]in|includ\w+)[ ][^;.!?]{{0,40}}?\bassets?\b[^;.!?]{{0,30}}?\b(?P<verb>transferred|acquired|sold)(?P<what>)",
        rf"{DATA}[^;.!?]{{0,60}}?\b(?:one[ ]of|among|part[ ]of|included[ ]in|includ\w+)[ ][^;.!?]{{0,40}}?(?P<verb>transferred|acquired|sold)[ ](?:\w+[ ])?assets(?P<what>)",
        r"\b(?:may|could|might|can|is|are)[ ](?:also[ ])?(?:be[ ])?(?P<verb>considered|deemed|regarded|treated|defined|qualify)(?P<what>)[ ](?:to[ ]be[ ]|as[ ])?(?:an?[ ])?\W?(?:sales?|selling|sharing)\b",
        rf"\b(?P<verb>give|grant|pass|extend|sublicen[sc]e)s?(?P<what>[ ](?:those|these|the|such|this)[ ](?:same[ ])?(?:rights?|licen[cs]es?))[ ](?:along[ ])?to[ ][^;.!?]{{0,40}}?(?P<whom>{RECIPIENT})",
        # you license it to us and others; we let recipients know
        rf"\bgrant(?:s|ing)?[ ](?:us|we|[\w.]+)(?:,| and| or)[^;.!?]{{0,80}}?(?P<whom>{RECIPIENT})[^;.!?]{{0,160}}?\b(?P<verb>licen[sc]e|rights?|permission)\b(?P<what>)",
        r"\b(?P<verb>report[ ]to|tell|inform|notify|let)[ ](?:an?[ ]|our[ ]|the[ ]|these[ ]|those[ ]|such[ ])?(?:\w+[ ])?(?P<whom>advertisers?|partners?|merchants?|sellers?|publishers?|employers?|schools?|administrators?)[ ](?:know[ ])?(?:that|which|how|when|whether|about)\b(?P<what>)",
        # recipients collect through our service
        rf"(?P<whom>{RECIPIENT})(?<!'s){_UP_TO}{{0,150}}?\b(?P<verb>use|set|place|deploy|employ|install)(?:s|ing)?\b(?P<what>{_UP_TO}{{0,80}}?{_TRACKERS}{_UP_TO}{{0,60}}?\b(?:{_GATHER})\b{_UP_TO}{{0,60}}?{DATA})",
        rf"(?P<whom>{RECIPIENT})(?<!'s)(?:[ ]\w+){{0,6}}?[ ](?:{MODAL}[ ])*(?P<verb>{_GATHER})\b(?P<what>{_UP_TO}{{0,80}}?{DATA}{_UP_TO}{{0,80}}?\b(?:our|the|this)[ ](?:\w+[ ])?(?:behalf|services?|sites?|websites?|apps?|platforms?|products?|pages))\b",
        rf"\b(?P<verb>process|handle|store|manage|host|run|use|review|analy[sz]e|collect)(?:s|es|d|ed|ing)?\b(?P<what>{_UP_TO}{{0,60}}?{DATA}{_UP_TO}{{0,120}}?)\b(?:via|through|using)[ ](?:\w+[ ]){{0,3}}?(?P<whom>{RECIPIENT})",
        # to / with whom we share
        rf"(?P<whom>{RECIPIENT})[ ](?:with|to)[ ](?:whom|which)[ ](?:we|us|it)[ ](?:{MODAL}[ ])?(?P<verb>\w+)(?P<what>)",
        rf"\b(?:what|information|data)[ ](?:that[ ])?we[ ](?:{MODAL}[ ])?(?P<verb>give|share|provide|send|disclose|transfer)(?P<what>)(?:[ ](?:to|with))?[ ](?:them\b|(?P<whom>{RECIPIENT}))",
        # we and our affiliates use
        rf"\b(?:we|us)[ ](?:and|or)[ ](?:our[ ])?(?P<whom>{RECIPIENT})[ ](?:{MODAL}[ ])*(?P<verb>use|process|access|train|develop|collect|analy[sz]e)\b(?P<what>{_UP_TO}{{0,60}}?{DATA})",
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
            rf"\b(?:we|to|also|may|will|can|or|and)[ ](?:{MODAL}[ ]|have[ ]to[ ]|need[ ]to[ ])*(?P<verb>share|disclose|sell|release|divulge|transfer|hand[ ](?:over|on)|turn[ ]over)\b"
            rf"(?P<what>[ ](?:[\w'-]+,?[ ]){{0,7}}?(?:(?=information|data\b|records?\b|contents?\b)|(?:your|personal|user|member|such|this|that|the|any|certain|these|aggregated?|account|it)\b)(?:(?!\b(?:with|to)[ ](?!comply|the[ ]extent|protect|prevent|respond|enforce|your[ ](?:consent|permission|agreement)))[^;.!?]){{0,60}}?(?:{DATA}|(?<=[ ]it\b)))"
            rf"(?![^;.!?]{{0,60}}\b(?:with|to|among)[ ](?:us|you|one[ ]another|each[ ]other|other[ ](?:our[ ])?(?:members|users)|your[ ](?:\w+[ ])?(?:friends|connections|contacts|network|followers|family|team)|friends|followers|people|the[ ]public|employees|members|users|staff|my|everyone|our[ ](?:employees|staff|team))\b)"
            rf"(?![^;.!?]{{0,200}}\b(?:outside(?![ ]of[ ](?:we|us|our|the[ ]company))|to[ ](?:the[ ]United|countries|a[ ]country|servers|our[ ]servers|other[ ]countries)|from[ ]the[ ](?:E[UE]A?|European))\b)"
        ),
        rf"\b(?:includ\w+|involv\w+|requir\w+|means?)[ ](?:our[ ]|us[ ])?(?P<verb>sharing|disclosing|transferring|selling)(?P<what>[ ](?:\w+[ ]){{0,3}}?{DATA})",
        r"\b(?:before|prior[ ]to|when|while|in|after|by|of|from|for)[ ](?P<verb>disclosing|selling|transferring|sharing)(?P<what>[ ](?:your|personal|user|users'|any|such|customer|member)[ ](?:\w+[ ]){0,3}?(?:information|data))\b(?![ ](?:with|to)[ ](?:us|your|friends|others[ ]on))",
        r"\b(?P<verb>disclos(?:e|ing|ed)|releas(?:e|ing|ed))[ ](?P<what>information|data|it)[ ](?:if|when|where|as|in|under)\b",
        rf"{DATA}[ ](?:\w+[ ]){{0,3}}?(?:(?:may|will|can|could|might|is|are|be)[ ](?:also[ ])?(?:be[ ])?)(?:\w+[ ](?:and|or)[ ])?(?P<verb>disclosed|sold|shared|transferred)(?P<what>)\b(?![^;.!?]{{0,12}}\b(?:with|to|by|in|at|outside|publicly|among)[ ](?:us|you|other|the|a|your|countries|people|public|friends|our|users|members|servers)\b)(?!,?[ ](?:in|to|out|publicly|by|between|processed|stored|reposted|or[ ]reposted|and[ ](?:processed|stored))\b)",
        rf"\b{_OCCASION}\b[^.!?]{{0,200}}?{DATA}[ ](?:\w+[ ]){{0,6}}?(?:may|will|can|could|might|is|are|be)[ ](?:also[ ])?(?:be[ ])?(?:\w+[ ](?:and|or)[ ])?(?P<verb>disclosed|sold|transferred|assigned)(?P<what>)\b",
    )
)
# share, disclose, sell, transmit data with or to somebody whom no word list knows
_TO_SOMEBODY: Final = rx(
    rf"\b(?P<verb>shar(?:e|es|ed|ing)|disclos(?:e|es|ed|ing)|sell(?:s|ing)?|sold|transmit(?:s|ted)?|transfer(?:s|red)?)\b"
    rf"(?P<what>[^;.!?]{{0,80}}?\b(?:your|user|users'|personal|customer|such|this|that|the|any|certain|these|aggregated?|account|member)\b[^;.!?]{{0,60}}?{DATA}[^;.!?]{{0,60}}?)"
    rf"(?<!related)(?<!relating)(?<!relevant)(?<!tailored)(?<!respect)(?<!regard)(?<!according)(?<!similar)(?<!subject)(?<!access)(?<!response)[ ](?:with|to)[ ]{_ANYBODY}"
)
_AS_A: Final = rx(r"\bas[ ](?:an?|our|your|the|their)[ ](?:\w+[ ])?$")
_INCOMING: Final = rx(
    r"^(?:[^;.!?]{0,60}?)\b(?:with|to|by|from)[ ](?:us|our[ ](?:site|services?(?![ ]provider)|platform|website|team|support)|me)\b"
)
_NEW_CLAUSE: Final = rx(
    r"\b(?:and|but|or|so|while|although|because)[ ](?:we|you|they|it)\b|\bbut\b"
)
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
    if "portability" in text.lower():
        return None
    for pattern in (*_SHARING, *_REACHING, *_SHARING_AT_ALL, _TO_SOMEBODY):
        for match in pattern.finditer(text):
            verb = match.start("verb")
            if match.end() <= past or _outward_not(text, match):
                continue
            if pattern in _REACHING or pattern in _SHARING_AT_ALL[-2:]:
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
    if not match["verb"].endswith("ed") and re.match(
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
    if _HANDED_NOUN.search(text[: match.end("verb")]):
        return True
    if _PLACE_FOR.search(text[: match.start("verb")]):
        return True
    if match["verb"].lower() in {"sale", "sales"} and not rx(DATA).search(first):
        return True
    return bool(_NOT_DATA.search(after)) and not rx(DATA).search(what or "")
