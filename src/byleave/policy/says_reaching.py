"""Where a recipient, or the data, is the subject: it receives, is sent, may access.

Patterns read by `says_sharing`, each with the groups `verb` and `what`, most with `whom`.
"""

from __future__ import annotations

from typing import Final

from byleave.policy.wording import (
    ANYBODY,
    BEING,
    DATA,
    MODAL,
    PROVIDER,
    RECIPIENT,
    THING,
    TO_WHOM,
    UP_TO,
    rx,
)

__all__ = ["BOUND", "NAMED", "REACHING"]

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
_ACCESS: Final = (
    r"receiv(?:e|es|ed|ing)|access(?:es|ed|ing)?|obtain(?:s|ed|ing)?|process(?:es|ed|ing)?|"
    r"us(?:e|es|ed|ing)|handl(?:e|es|ed|ing)|stor(?:e|es|ed|ing)|host(?:s|ed|ing)?|"
    r"view(?:s|ed|ing)?|see|get(?:s)?|ha(?:s|ve)[ ]access[ ]to|retain(?:s|ed|ing)?|keeps?|analy[sz](?:e|es|ed|ing)|combine"
)
# where the recipient is the subject, or the act is told of as a fact
# a name in the middle of a sentence that is no common word of policies: somebody else's
NAMED: Final = r"(?-i:\b(?!(?:Cookies?|Personal|Information|Data\b|Your|Our|The|These|This|Usage|Device|Technical|Log\b|Content|AI|ML|Artificial|Machine|Standard|SSL|TLS|HTTPS?|Secure|Java[Ss]cript|IP|Web|Local|GPS|APIs?|HTML|Bluetooth|Services?\b|Site|Website|Platform|App|Application|Users?\b|Members?\b|Customers?\b|Account|Contractual|Model|Section|Pixels?|Tags?|Input|Output|Prompts?|Feedback|Payment|Purchase|Transaction|We|You|It|They|In|On|To|For|If|When|As|By|And|Or|EU|US|UK|EEA|GDPR|CCPA)\b)[A-Z][\w-]+(?:\.(?:com|io|ai|org|net))?(?:[ ][A-Z][\w-]+){0,3})"
REACHING: Final = tuple(
    rx(p)
    for p in (
        # data is sent to recipients
        rf"{THING}{UP_TO}{{0,80}}?\b{BEING}[ ](?:\w+[ ]){{0,2}}?(?P<verb>{_HANDED})\b(?P<what>){UP_TO}{{0,60}}?{TO_WHOM}",
        # in passing: told, reported, run through, made accessible
        rf"\b(?:{BEING}|and|or|,)[ ](?:\w+[ ])?(?:,[ ]\w+[ ]\w+,[ ])?(?P<verb>reported|referred|notified)(?P<what>)[ ]to[ ](?:\w+[ ]){{0,3}}?(?P<whom>law[ -]enforcement|(?:\w+[ ])?authorit(?:y|ies)|police|regulators?)\b",
        rf"{DATA}[ ](?:\w+[ ]){{0,2}}?(?P<verb>pass|flow|go|travel|run|routed)(?:es|s)?(?P<what>)[ ](?:\w+ly[ ]|straight[ ])?(?:through|via|to)[ ][^;.!?]{{0,40}}?(?P<whom>{RECIPIENT})",
        rf"\b(?P<verb>accessible)(?P<what>)[ ](?:by|to)[ ][^;.!?]{{0,80}}?(?P<whom>{RECIPIENT})",
        rf"{DATA}[^;.!?]{{0,60}}?[ (](?P<verb>processed|handled|collected|stored|managed|hosted)(?P<what>)[ ](?:\w+[ ])?by[ ](?:\w+[ ]){{0,3}}?(?P<whom>{RECIPIENT})",
        rf"\b(?P<whom>party|parties|entity|entities|person|company|companies|organi[sz]ations?|buyer)[ ](?:that[ ]|who[ ]|which[ ])?(?P<verb>receiv(?:es?|ing)|acquir(?:es?|ing))(?P<what>[ ](?:any|all|your|the|such|this|that|user|personal)\b[^;.!?]{{0,30}}?{DATA})",
        rf"{DATA}[ ](?P<verb>shared|disclosed|provided|sent|transferred)[ ](?P<what>)by[ ]us\b",
        rf"{DATA}[^;.!?]{{0,20}}?[ ]{BEING}[ ](?:\w+[ ])?(?P<verb>processed|stored|hosted|held|kept)(?P<what>)[ ](?:at|in|on|with)[ ][^;.!?]{{0,90}}?\b(?:of|by)[ ](?:our[ ])?(?P<whom>{RECIPIENT})",
        rf"\b(?:inform|require|oblige|ensure)(?:s|ing)?[ ](?:that[ ])?(?:the|any|such|our|these)[ ](?:\w+[ ])?(?P<whom>{RECIPIENT})[ ](?:it[ ]|they[ ])?(?:must|has|have|will|to)[ ](?:\w+[ ])?(?P<verb>use|protect|process|safeguard|keep|handle|appropriate)\b(?P<what>[^;.!?]{{0,60}}?{DATA})",
        r"\b(?P<verb>making|make|makes)(?P<what>)[ ](?:such[ ]|any[ ]|certain[ ]|other[ ]|these[ ])?disclosures?\b",
        rf"{DATA}[ ][^;.!?]{{0,80}}?\b{BEING}[ ](?:\w+[ ]){{0,2}}?(?P<verb>shared|disclosed|sold|transferred)(?P<what>)[ ](?:with|to)[ ](?:or[ ](?:\w+[ ]){{1,3}}by[ ])?{ANYBODY}",
        rf"\b(?P<verb>provid(?:e|es|ing)|send(?:s|ing)?|giv(?:e|es|ing)|suppl(?:y|ies|ying)|pass(?:es|ing)?|communicat(?:e|es|ing)|(?:post|publish|upload|forward|transmit|report|deliver)(?:s|es|ing)?)(?P<what>[ ](?:your|that|this|such|user|users'|these|personal|customer|certain|limited|some|any)[ ](?:\w+[ ]){{0,4}}?{DATA}(?:[ ]\w+){{0,3}}?)[ ]to[ ](?:(?-i:[A-Z])\w+|(?:an?|any|each|certain|those|these|that|such|various|selected|the[ ](?:relevant|applicable|respective))[ ]\w+)(?<!Services)(?<!Service)",
        # given to, sent to, visible to those who …; to whom it is sent; who are given it
        rf"{DATA}{UP_TO}{{0,80}}?\b{BEING}[ ](?:\w+[ ]){{0,2}}?(?P<verb>{_HANDED}|available|accessible|visible|shown)(?P<what>)[ ](?:over[ ]|on[ ])?to[ ](?:the|any|those|each|every|an?)[ ](?!(?:other|users?|members?|people|person|extent|servers?|employees|staff)\b)(?:[\w-]+[ ]){{1,3}}?(?:who|whom(?![ ]you)|that|which|with[ ]which|you[ ](?:have[ ])?(?:book|order|buy|choose|select|contact|visit|hire|instruct|appl|deal)\w*)\b",
        rf"\b(?:with|to)[ ](?:whom|which)[ ]{UP_TO}{{0,60}}?{DATA}[ ](?:{MODAL}[ ])*{BEING}[ ](?:\w+[ ])?(?P<verb>{_HANDED}|shared|disclosed|sold)\b(?P<what>)",
        rf"(?P<whom>{RECIPIENT})(?:,[ ](?:which|who)|(?:[ ]\w+){{0,4}}?)[ ](?:{MODAL}[ ])*{BEING}[ ](?:\w+[ ])?(?P<verb>given|sent|shown|supplied|provided|granted|told|handed)\b(?P<what>[ ](?:with[ ]|access[ ]to[ ])?(?:[\w-]+[ ]){{0,5}}?{DATA})",
        rf"\b(?P<verb>provid(?:e|es|ing)|send(?:s|ing)?|giv(?:e|es|ing)|suppl(?:y|ies|ying)|pass(?:es|ing)?|hand(?:s|ing)?)(?P<what>[ ](?:on[ ]|over[ ])?(?:[\w-]+[ ])?{DATA})[ ]to[ ](?:an?|any|each|certain|those|these|such|various|selected|the[ ](?:relevant|applicable|respective))[ ]\w+(?<!user)(?<!users)(?<!person)(?<!people)(?<!minimum)(?<!server)(?<!servers)",
        # we provide them with what they need; data may transfer to them
        rf"\b(?:provide|send|give|supply)[ ](?P<whom>them|{RECIPIENT})[ ](?:with[ ])?(?P<what>[^;.!?]{{0,40}}?)(?P<verb>{DATA})",
        rf"{DATA}[ ](?:may|will|can)[ ](?:also[ ])?(?P<verb>transfer|pass|flow|go)(?P<what>)\b[^;.!?]{{0,60}}?[ ]to[ ][^;.!?]{{0,60}}?(?P<whom>{RECIPIENT})",
        rf"(?P<whom>{RECIPIENT})(?<!')(?<!'s)(?:[ ]{MODAL})*[ ](?P<verb>obtain|receive|get|buy|acquire|licen[sc]e|purchase)s?(?P<what>[ ]{UP_TO}{{0,60}}?(?:{DATA}|it\b|them\b))[ ]{UP_TO}{{0,30}}?(?<!\w)from[ ](?:us|our[ ](?:site|service|platform|app|system|API)s?)\b",
        # recipients receive, access, process
        (
            rf"(?P<whom>{RECIPIENT})(?<!')(?<!'s)(?:[ ]of[ ](?:that|your|the|our)[ ]\w+)?(?:,[ ]|[ ])(?:(?:{MODAL}|who|that|which|and|or|their|partners?|vendors?|affiliates?|in[ ]turn|under[ ]contract|,)[ ]?){{0,4}}"
            rf"(?P<verb>{_ACCESS})\b(?P<what>[ ](?:[\w-]+[ ]){{0,5}}?(?:your|our[ ](?:users'|members')|user|member|personal|customer|the|this|such|device|it|what)\b{UP_TO}{{0,90}}?(?:{DATA}|(?<=it)))"
        ),
        rf"\b{BEING}[ ](?:\w+[ ]){{0,2}}?(?P<verb>access(?:ed|ible)|processed|received|viewed|stored|handled|hosted|collected|used)[ ](?P<what>)(?:\w+[ ]){{0,4}}?(?:by|with|at|through)[ ](?:[\w']+,?[ ]){{0,4}}?(?P<whom>{RECIPIENT})",
        rf"(?P<whom>{RECIPIENT})\b{UP_TO}{{0,60}}?\b(?P<verb>host|store|process|label|annotate|review)(?:s|es)?[ ](?P<what>(?:\w+[ ]){{0,2}}?(?:your|our|user|member|personal|customer|payment|account|contact|transactions?)\b{UP_TO}{{0,30}}?(?:{DATA}|(?<=transactions)|payments))",
        rf"(?P<whom>{RECIPIENT})[ ]who[ ]process(?:es)?[ ](?P<verb>it|them|data|information)(?P<what>)\b",
        rf"(?P<whom>{RECIPIENT}){UP_TO}{{0,20}}?\b(?:have|has|with|given|gets?|gain)[ ](?P<verb>access)[ ](?:only[ ])?to(?P<what>{UP_TO}{{0,60}}?{DATA})",
        rf"\b(?P<verb>allow|permit|enable|let|authori[sz]e|require|oblige|expect)(?:s|ing)?[ ](?:\w+[ ]){{0,3}}?(?P<whom>{RECIPIENT})[ ](?:and[ ]\w+[ ])?to[ ](?:access|use|collect|receive|obtain|process|view|retrieve|handle|protect|safeguard|return|delete)\b(?P<what>{UP_TO}{{0,60}}?(?:{DATA}|\bit\b))",
        # recipients, some words on, use your data; they were named before, and process it
        rf"(?:^|[:;,][ ]|\b(?:when|where|if|that|and)[ ])(?:these|those|such(?![ ]as)|our|the|any|all|certain|some|each|selected)[ ](?:[\w-]+[ ]){{0,3}}?(?P<whom>{RECIPIENT})\b(?!')(?:(?!\b(?:we|you|us)\b)[^;.!?]){{0,140}}?\b(?P<verb>{_ACCESS}|protect|safeguard|collect|return|delete)\b(?P<what>[ ](?:\w+[ ]){{0,3}}?(?:(?:your|user|users'|personal|customer|members?'|such|this|that|the)[ ](?:\w+[ ]){{0,2}}?{DATA}|data\b|information\b|it\b))",
        rf"(?P<whom>{RECIPIENT})\b[^.!?]{{0,160}}?[;,–—-][ ]?(?:and[ ]|who[ ]|which[ ])?they[ ](?:{MODAL}[ ])*(?P<verb>{_ACCESS}|collect)\b(?P<what>(?:[ ](?:and|or)[ ]\w+)?[ ](?:it|them|this|that|your|the)\b)",
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
        rf"(?-i:\b(?!We|You|The|Merchant|Our|This|That|These|Those|It|They|Users?\b|Members?\b|Customers?\b|Compan|Services?\b|Platform|Websites?|Sites?\b|Apps?\b|Application|Cookies?|Pixels?|Tools?|Technolog|Data\b|Log\b|Device|Browser|Hosts?\b|Guests?|Buyers?|Admin|Some|Each|Any|If|When|Where|How|What|Your|Information|Personal)(?P<whom>[A-Z][\w]+(?:[ ][A-Z]\w+){{0,2}}))[ ](?:(?:may|can|will)[ ](?:also[ ])?)?(?P<verb>collects?|processes|receives?|stores|gathers)\b(?P<what>[ ](?:[\w-]+[ ]){{0,4}}?{DATA})(?![^;.!?]{{0,60}}\b(?:locally|on[ ]your[ ]device|from[ ]us)\b)",
        # data is among what is sold; the law calls it a sale; rights are passed on
        rf"{DATA}[^;.!?]{{0,60}}?\b(?:one[ ]of|among|part[ ]of|included[ ]in|includ\w+)[ ][^;.!?]{{0,40}}?\bassets?\b[^;.!?]{{0,30}}?\b(?P<verb>transferred|acquired|sold)(?P<what>)",
        rf"{DATA}[^;.!?]{{0,60}}?\b(?:one[ ]of|among|part[ ]of|included[ ]in|includ\w+)[ ][^;.!?]{{0,40}}?(?P<verb>transferred|acquired|sold)[ ](?:\w+[ ])?assets(?P<what>)",
        r"\b(?:may|could|might|can|is|are)[ ](?:also[ ])?(?:be[ ])?(?P<verb>considered|deemed|regarded|treated|defined|qualify)(?P<what>)[ ](?:to[ ]be[ ]|as[ ])?(?:an?[ ])?\W?(?:sales?|selling|sharing)\b",
        rf"\b(?P<verb>give|grant|pass|extend|sublicen[sc]e)s?(?P<what>[ ](?:those|these|the|such|this)[ ](?:same[ ])?(?:rights?|licen[cs]es?))[ ](?:along[ ])?to[ ][^;.!?]{{0,40}}?(?P<whom>{RECIPIENT})",
        # you license it to us and others; we let recipients know
        rf"\bgrant(?:s|ing)?[ ](?:us|we|[\w.]+)(?:,| and| or)[^;.!?]{{0,80}}?(?P<whom>{RECIPIENT})[^;.!?]{{0,160}}?\b(?P<verb>licen[sc]e|rights?|permission)\b(?P<what>)",
        r"\b(?P<verb>report[ ]to|tell|inform|notify|let)[ ](?:an?[ ]|our[ ]|the[ ]|these[ ]|those[ ]|such[ ])?(?:\w+[ ])?(?P<whom>advertisers?|partners?|merchants?|sellers?|publishers?|employers?|schools?|administrators?)[ ](?:know[ ])?(?:that|which|how|when|whether|about)\b(?P<what>)",
        # partners who gather about you as you use what is theirs here
        rf"(?P<whom>(?:[\w-]+[ ])?(?:partners?|advertisers?|ad[ ]serv\w+(?:[ ]compan\w+)?|(?:ad|advertising|analytics|marketing)[ ](?:networks?|compan\w+|services?|providers?|technolog\w+[ ](?:compan\w+|providers?))|{PROVIDER}))(?!')(?:[ ]\w+){{0,6}}?[ ](?:{MODAL}[ ])*(?P<verb>{_GATHER})\b(?P<what>[ ](?:and[ ]\w+[ ])?(?:[\w-]+[ ]){{0,4}}?{DATA})(?![^;.!?]*\b(?:provide|share|send|give|disclose)s?\b[^;.!?]{{0,40}}\b(?:with|to)?[ ]?us\b)",
        # they need it; it is what they receive
        rf"(?P<whom>{RECIPIENT})\b(?!')[^;:.!?]{{0,150}}?\b(?P<verb>need|require|have|obtain|gain|get|given)s?[ ](?:\w+[ ]){{0,2}}?access[ ]to\b(?![ ]view\b)(?P<what>[^;.!?]{{0,60}}?{DATA})",
        rf"\b(?P<verb>provid|giv|grant|offer)(?:e|es|ing)?[ ][^;:.!?]{{0,60}}?(?P<whom>{RECIPIENT}|owners?|hosts?|organi[sz]ers?)\b[^;:.!?]{{0,30}}?[ ]with[ ](?:the[ ]ability|access|a[ ]way)[ ]to[ ](?P<what>[^;.!?]{{0,60}}?{DATA})",
        rf"\b(?:we|us)[ ](?:and|or)[ ](?:our[ ])?(?P<whom>{RECIPIENT})\b[^;:.!?]{{0,270}}?\b(?P<verb>{_GATHER})\b(?P<what>[^;.!?]{{0,60}}?{DATA})",
        rf"\b(?:that|note|and|as|when|then|,)[ ](?P<whom>(?-i:(?!Data|Information|We|You|Your|Our|Personal|Users?\b|Members?\b|Services?)[A-Z][a-z]+(?:[A-Z]\w+)?))[ ](?:{MODAL}[ ])+(?:\w+,?[ ](?:and[ ]|or[ ])?){{0,3}}?(?P<verb>import|use|retain|collect|receive|process|store|access|see|learn)\b(?P<what>[ ](?:and[ ]\w+[ ])?(?:this|your|the|these|that|such|certain|some|information|data)\b[^;.!?]{{0,30}}?{DATA})",
        # a recipient, at a distance, that may do something with your data
        rf"(?P<whom>{RECIPIENT})(?!')(?:,[ ]|[ ])(?:(?!(?:we|you|us|it|users?|members?|people)[ ])[\w'()/-]+,?[ ]){{0,24}}?(?:{MODAL}|need[ ]to|have[ ]to)[ ](?:(?:not|also|only|\w+ly|\w+,|and|or)[ ]){{0,3}}?(?:\w+[ ]and[ ])?(?P<verb>{_ACCESS}|collect|gather|track|share|disclose|combine|transfer)\b(?P<what>[ ](?:[\w-]+,?[ ]){{0,6}}?{DATA})(?![^;.!?]{{0,70}}\b(?:with|to|for)[ ]us\b)",
        rf"\b(?:we|us)[ ](?:{MODAL}[ ])*(?P<verb>report|refer|submit|file)(?P<what>[ ](?:\w+[ ]){{0,3}}?{DATA}[^;.!?]{{0,50}}?)[ ]to[ ](?:the[ ])?(?-i:[A-Z]\w+[ ][A-Z])",
        # we use NAME to handle it; NAME, which sets a cookie; handled by NAME
        rf"\b(?:we|us)[ ](?:{MODAL}[ ])*(?P<verb>use|uses|utili[sz]e|employ|engage|rely[ ]on|work[ ]with|partner[ ]with)[ ](?P<whom>{NAMED})[^;.!?]{{0,60}}?[ ](?:to|for|which|that|in[ ]order[ ]to)[ ](?:\w+[ ]){{0,3}}?(?:collect|track|analy[sz]\w+|measur\w+|handl\w+|process\w*|stor\w+|manag\w+|host\w*|send|email|obtain|understand|monitor|record|accept|places?|sets?|receiv\w+|gather|payments?|analytics|hosting|authenticat\w+)\b(?P<what>)",
        rf"(?P<whom>{NAMED}(?:[ ]and[ ]{NAMED})?),[ ](?:which|each[ ]of[ ]which|who)[ ](?:\w+[ ])?(?P<verb>places?|sets?|uses?|collects?|receives?|drops?)[ ](?P<what>[^;.!?]{{0,30}}?(?:cookies?|pixels?|beacons?|gifs?|tags?|SDK|{DATA}))",
        rf"(?:\b(?:payments?|billing|transactions?|purchases|donations)|{DATA})\b[^;.!?]{{0,40}}?[ ]{BEING}[ ](?:\w+[ ])?(?P<verb>processed|handled|stored|hosted|managed|collected|provided)(?P<what>)[ ](?:\w+ly[ ])?(?:by|using|with|on|via|through)[ ](?:\w+[ ]){{0,3}}?(?P<whom>{NAMED}|vendors?)(?!'s?[ ](?:polic|privacy|terms)|[ ](?:Privacy|Terms|Polic|Notice|Statement|Data[ ]Processing))",
        rf"\b(?P<verb>communicate|connect|transmit|talk)(?:s|ing)?(?P<what>)[ ](?:\w+[ ])?(?:with|to)[ ](?P<whom>{NAMED})[ ]to[ ](?:collect|track|understand|measure|analy[sz]e|process|deliver)\b",
        # their own trackers, here
        rf"(?P<whom>{RECIPIENT})(?!')[^;:.!?]{{0,60}}?[ ](?P<verb>set|place|include|embed|deploy|drop|read|use)(?P<what>)[ ](?:(?:and|or)[ ]\w+[ ])?(?:(?!our\b)[\w-]+[ ]){{0,4}}?(?:cookies?|beacons?|pixels?|SDKs?|trackers?|tracking[ ]technolog\w+|tags)\b",
        # they learn, infer, keep
        rf"(?P<whom>{RECIPIENT})(?!')(?:[ ]\w+){{0,3}}?[ ](?:{MODAL}[ ])*(?P<verb>learn|infer|assume|figure[ ]out|determine|deduce|know|identify|see|retain|recogni[sz]e)\b(?P<what>[^;.!?]{{0,50}}?\b(?:that[ ]you|your|you[ ](?:came|come|visited|are|have|meet)|about[ ]you|copies[ ]of|who[ ]you|information)\b)",
        rf"(?P<whom>{RECIPIENT})(?!')(?:[ ]\w+){{0,3}}?[ ](?:{MODAL}[ ])*(?P<verb>receives?|gets?|obtains?)\b(?P<what>[ ](?:[\w-]+[ ]){{0,4}}?{DATA})(?![^;.!?]{{0,60}}\bfrom[ ](?!us\b|our\b|the[ ](?:app|site|service))\w)(?![^;.!?]*\b(?:with|to)[ ]us\b)",
        rf"\b(?P<verb>provid|giv|grant|offer|allow)(?:e|es|ing|s)?[ ](?:\w+[ ]){{0,2}}?access[ ](?P<what>)(?:to[ ])(?:\w+[ ]){{0,2}}?(?P<whom>{RECIPIENT})\b[^.;!?]{{0,150}}?{DATA}",
        rf"(?P<whom>{RECIPIENT})\b(?!')[^;.!?]{{0,50}}?\b(?P<verb>authori[sz]ed|allowed|permitted|able|entitled|enabled)[ ](?:by[ ](?:you|us)[ ])?to[ ](?:access|use|collect|receive|obtain|process|view|retrieve|hear|read)\b(?P<what>[^;.!?]{{0,60}}?{DATA})",
        # it is kept or processed at theirs
        rf"{THING}[^;.!?]{{0,60}}?[ ]{BEING}[ ](?:(?:also|only|securely|and|transferred|accessed|then|handled)[ ]){{0,3}}(?P<verb>processed|stored|hosted|held|kept|maintained|saved|vaulted)(?P<what>)[ ](?:and[ ]\w+[ ])?(?:\w+ly[ ])?(?:at|in|on|with|by|via|through|using)[ ](?:(?!countr|jurisdiction|accordance|order|which)[\w'-]+[ ]){{0,18}}?(?P<whom>{RECIPIENT})(?![ ](?:operate|is|are)\b)(?!'s?[ ](?:polic|privacy|terms))",
        rf"\b(?P<verb>store|save|keep|host|hold|process)(?:s|d|ed|ing)?\b(?P<what>[^;.!?]{{0,40}}?{DATA}[^;.!?]{{0,30}}?)[ ](?:on|in|via|at|using)[ ](?:(?!countr|which)[\w'-]+[ ]){{0,4}}?(?P<whom>{RECIPIENT}|third-party[ ](?:servers?|clouds?|systems?))(?!'s?[ ](?:polic|privacy|terms))",
        # you let it be used by us and others
        rf"\bused[ ]by[ ](?:us|we)(?:,|[ ]and|[ ]or)[ ][^;.!?]{{0,50}}?(?P<verb>(?P<whom>{RECIPIENT}))(?P<what>)",
        # recipients collect through our service
        rf"(?P<whom>{RECIPIENT})(?<!'s){UP_TO}{{0,150}}?\b(?P<verb>use|set|place|deploy|employ|install)(?:s|ing)?\b(?P<what>{UP_TO}{{0,80}}?{_TRACKERS}{UP_TO}{{0,60}}?\b(?:{_GATHER})\b{UP_TO}{{0,60}}?{DATA})",
        rf"(?P<whom>{RECIPIENT})(?<!'s)(?:[ ]\w+){{0,6}}?[ ](?:{MODAL}[ ])*(?P<verb>{_GATHER})\b(?P<what>{UP_TO}{{0,80}}?{DATA}{UP_TO}{{0,80}}?\b(?:our|the|this)[ ](?:\w+[ ])?(?:behalf|services?|sites?|websites?|apps?|platforms?|products?|pages))\b",
        rf"\b(?P<verb>process|handle|store|manage|host|run|use|review|analy[sz]e|collect)(?:s|es|d|ed|ing)?\b(?P<what>{UP_TO}{{0,60}}?{DATA}{UP_TO}{{0,120}}?)\b(?:via|through|using)[ ](?:\w+[ ]){{0,3}}?(?P<whom>{RECIPIENT})",
        # to / with whom we share
        rf"(?P<whom>{RECIPIENT})[ ](?:with|to)[ ](?:whom|which)[ ](?:we|us|it)[ ](?:{MODAL}[ ])?(?P<verb>\w+)(?P<what>)",
        rf"\b(?:what|information|data)[ ](?:that[ ])?we[ ](?:{MODAL}[ ])?(?P<verb>give|share|provide|send|disclose|transfer)(?P<what>)(?:[ ](?:to|with))?[ ](?:them\b|(?P<whom>{RECIPIENT}))",
        # what introduces a list of them; what we collect and share; leave for our disclosing it
        rf"{THING}{UP_TO}{{0,90}}?\b(?P<verb>shared|disclosed|sold|{_HANDED})(?P<what>)[ ](?:only[ ])?(?:with|to):$",
        r"\b(?:information|data)[ ](?:that[ ])?we[ ](?:\w+,?[ ](?:and[ ]|or[ ])?){0,2}(?P<verb>share|disclose|sell)(?P<what>)[ ](?:about[ ]you[ ])?(?:depends?|(?:may[ ]|can[ ])?includes?)\b",
        rf"\b(?:consent|agree|authori[sz]e)(?:s|ing)?[ ]to[ ](?:our|us|[\w.]+'s?|its)[ ](?:[\w-]+,?[ ](?:and[ ]|or[ ])?){{0,6}}?(?P<verb>disclosures?|disclosing|sharing)\b(?P<what>[^;.!?]{{0,40}}?{DATA})",
        # a request goes on to them, by way of ours
        rf"\b(?:your|the|this|each|every)[ ](?:[\w-]+[ ]){{0,2}}?(?:requests?|recordings?|{DATA})[ ](?:first[ ])?(?P<verb>goes|go|passes|pass)(?P<what>)[ ](?:through|via)[ ][^;.!?]{{0,60}}?[ ]to[ ](?:\w+[ ]){{0,3}}?(?P<whom>{RECIPIENT})",
        # we and our affiliates use
        rf"\b(?:we|us)[ ](?:and|or)[ ](?:our[ ])?(?P<whom>{RECIPIENT})[ ](?:{MODAL}[ ])*(?P<verb>use|process|access|train|develop|collect|analy[sz]e)\b(?P<what>{UP_TO}{{0,60}}?{DATA})",
    )
)
# what a recipient may not do with data that it therefore has: a negation changes nothing
BOUND: Final = tuple(
    rx(p)
    for p in (
        # bound, or kept, to what we let them do with it: they have it
        rf"(?:^|[:;,.][ ]|\b(?:when|where|if|that|and|require)[ ])(?:(?:these|those|such|our|the|any|all|each|selected|of)[ ]){{1,2}}(?:[\w-]+[ ]){{0,3}}?(?P<whom>{RECIPIENT})\b(?!')[^;.!?]{{0,90}}?\b(?P<verb>oblig(?:at)?ed|required|bound|prohibited|forbidden|restrict(?:ed|ions)|permitted|authori[sz]ed|allowed|limited|contractually|committed|agreed?|undertake)\b(?P<what>[^;.!?]{{0,90}}?\b(?:your|user|users'|personal|customer|members?'|such|this|that|the|any|of|our)\b[^;.!?]{{0,30}}?{DATA})",
        rf"\b(?P<verb>require|oblige|instruct|ask|expect|bind)(?:s|ing)?[ ](?:(?:that|all|any|these|those|such|our|the|each|other)[ ]){{0,3}}(?:[\w-]+[ ]){{0,2}}?(?P<whom>{RECIPIENT})\b(?!')[^;.!?]{{0,60}}?\b(?:to|must|agree|do[ ]the[ ]same|by[ ]contract)\b(?P<what>[^;.!?]{{0,80}}?(?:{DATA}|\b(?:do[ ]the[ ]same|confidential\w*|privacy[ ]polic\w+)))",
        rf"(?P<whom>{RECIPIENT})\b[^;.!?]{{0,80}}?,[ ](?:and[ ])?we[ ](?P<verb>require|oblige|instruct|allow|permit)[ ]them[ ](?:not[ ])?to\b(?P<what>[^;.!?]{{0,60}}?{DATA})",
        rf"(?P<whom>{RECIPIENT})\b[^;:.!?]{{0,160}}?{DATA}[ ](?:that[ ]|which[ ])?(?:they|it|these[ ]\w+)[ ](?:{MODAL}[ ])*(?P<verb>receive|obtain|get|process|hold|collect|handle|access)\b(?P<what>)",
    )
)
