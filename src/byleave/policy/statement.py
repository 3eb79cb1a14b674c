"""What one sentence of a policy says about training AI on data, or sharing data with others.

Rules, not a model: every verdict follows from a verb, its object, its subject, and whether a
negation governs it, so that a person can see why. docs/spec/policy-lint.md lists the rules and
measures them on sentences that they were not written against.

A sentence *states* training where it says, asks for, or takes for granted that data trains or
develops AI; sharing where it says so of data reaching somebody else than the platform. It does
not where the act is denied, somebody else's, forbidden to the reader, long over, merely asked
about, or defined.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache
from typing import Final

__all__ = [
    "Statement",
    "mentions_training",
    "named_recipients",
    "recipients_of",
    "statements_of",
]


@cache
def _rx(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(" ~ ", r"\W+"), re.IGNORECASE | re.VERBOSE)


_BEING: Final = r"(?:is|are|was|were|be|been|being|gets?)"
_MODAL: Final = r"(?:may|might|can|could|will|would|shall|should|must|do|does|did|also|only|always|often|sometimes|therefore|then|generally|currently|further|already|be[ ]able[ ]to|choose[ ]to)"
_STAFF: Final = (
    r"(?:employees?|staff|personnel|teams?|colleagues?|workers?|agents|reviewers|moderators|"
    r"contractors|drivers|officers|volunteers|teachers|managers|representatives|everyone)"
)
_AI: Final = (
    r"(?:\bAI\b|artificial[ ]intelligence|machine[ -]?learning|deep[ ]learning|\bML\b|\bLLMs?\b|"
    r"\bgenAI\b|neural[ ]net\w*|"
    r"(?:language|foundation|generative|foundational|recommendation|recogni[tz]ion|prediction|"
    r"predictive|ranking|statistical|vision|speech|translation|spam|writing|reply|embedding|"
    r"diffusion|basic|underlying|training)[ ](?:models?|algorithms?|systems?)|"
    r"(?<!business[ ])(?<!pricing[ ])(?<!device[ ])(?<!operating[ ])(?<!revenue[ ])(?<!phone[ ])"
    r"(?<!the[ ]same[ ])(?<!attribution[ ])(?<!delivery[ ])(?<!role[ ])"
    r"\bmodels?\b(?![ ]of[ ](?:your|the|a|any)[ ](?:device|phone|computer|car|vehicle|hardware|browser))"
    r"(?![ ](?:contract|clause|number|name|release)s?)|"
    r"\balgorithms?\b|\bclassifiers?\b|\bchatbots?\b|\bgrok\b|\bgemini\b|\bcopilot\b|\bllama\b)"
)
_DATA: Final = (
    r"(?:\bdata\b|information|\binfo\b|\bcontents?\b|messages?|\bposts?\b|comments?|articles?|"
    r"prompts?|inputs?|outputs?|conversations?|\bchats?\b|transcripts?|recordings?|clips?|"
    r"photos?|images?|pictures?|videos?|audio|files?|documents?|uploads?|contributions?|details|"
    r"identifiers?|\bIDs?\b|profiles?|records?|history|activity|searches|clicks|feedback|"
    r"interactions?|queries|signals|r[ée]sum[ée]s?|\bCVs?\b|\bnames?\b|e-?mail|address(?:es)?|"
    r"phone[ ]numbers?|contacts?|credentials|location|cookies|reports?|statistics|insights?|"
    r"logs?|submissions?|drafts?|voice|metadata|materials?|what[ ](?:you|we)\b|anything[ ]you)"
)
_THING: Final = rf"(?:{_DATA}|\b(?:it|them|these|this|those|some|any|all[ ]of[ ]it)\b)"

_AFFILIATE: Final = (
    r"(?:affiliat\w+|subsidiar\w+|parent[ ](?:company|companies|organi[sz]ation)|"
    r"(?:corporate|group|family)[ ](?:family|compan\w+|members?|entit\w+|of[ ]compan\w+)|"
    r"compan\w+[ ](?:in|of|within)[ ](?:our|the|the[ ]same)[ ](?:\w+[ ])?(?:group|family)|"
    r"sister[ ]compan\w+|related[ ]compan\w+|commonly[ ](?:owned|controlled)[ ]\w+)"
)
_PROVIDER: Final = (
    r"(?:service[ ]providers?|(?:cloud|hosting|delivery|payment|analytics|technology|e-?mail|"
    r"infrastructure|security|support|IT)[ ](?:service[ ])?(?:providers?|processors?)|"
    r"\bproviders?\b|vendors?|sub-?processors?|data[ ]processors?|processors?|"
    r"sub-?contractors?|suppliers?|consultants|professional[ ]advis[eo]rs|advis[eo]rs|auditors?|"
    r"lawyers|accountants|compan\w+[ ](?:that|who|which|we)[ ](?:\w+[ ]){0,2}?"
    r"(?:work|perform|help|process|provide|assist|hire|engage|support|host|trains?)\w*)"
)
_OTHERS: Final = (
    r"(?:third[ -]part(?:y|ies)(?:'s|')?(?!(?:[ -](?:cookies?|widgets?|sources?|polic\w+|terms|"
    r"content|rights)))|(?:\w+[ ])?partners?(?!ship)|advertisers?|ad[ ](?:networks?|exchanges?)|"
    r"sponsors?|organi[sz]ers?|publishers?|data[ ]brokers?|law[ -]enforcement|"
    r"\bpolice\b|courts?\b|regulators?|prosecutors?|governments?(?:al)?|"
    r"(?:public|government\w*|tax|competent|supervisory|judicial|state|other|relevant|local)"
    r"[ ](?:authorit\w+|agenc\w+|bod(?:y|ies)|officials)|"
    r"authorities|emergency[ ]services|successors?|acquir\w+[ ](?:entit\w+|compan\w+|part\w+)|"
    r"acquirers?|buyers?|purchasers?|new[ ](?:owners?|entit\w+|compan\w+)|counterpart(?:y|ies)|insurers?|"
    r"banks?\b|lenders?|creditors?|credit[ ](?:bureaus?|agenc\w+|reporting)|researchers?|"
    r"universit(?:y|ies)|academics?|industry[ ]peers|merchants?|sellers?|retailers?|resellers?|"
    r"employers?|recruiters?|hirers|schools?|developers?|applications?[ ]developers?|licensees?|"
    r"(?:social[ ](?:media|network\w*)|search[ ]engine)[ ](?:compan\w+|providers?|platforms?|sites?|services?)|"
    r"search[ ]engines|social[ ]networks|"
    r"(?:shipping|delivery|logistics|insurance|hosting|marketing|payment|advertising|analytics|research)[ ]compan\w+|"
    r"(?:other|outside|external|independent|unaffiliated|these|such|selected|many|certain|"
    r"online|media|technology|advertising|marketing|research|partner|tech)[ ]"
    r"(?:\w+[ ])?(?:compan(?:y|ies)|organi[sz]ations?|entit(?:y|ies)|businesses|parties|platforms?|"
    r"institutions?|firms?|websites?|apps?)|\bfirms?\b(?!ware)|others\b|another[ ](?:company|business|entity|party)|"
    r"someone[ ]else|anyone[ ]else|other[ ]controllers?|administrators?|account[ ]holders?|"
    r"(?:business|enterprise|hiring|corporate|paying|recruiting)[ ]customers|companies\b|\bMicrosoft\b|\bGoogle\b|\bMeta\b|\bFacebook\b|"
    r"\bAmazon\b|\bOpenAI\b|\bApple\b|\bNvidia\b|\bSalesforce\b)"
)
_RECIPIENT: Final = rf"(?:{_AFFILIATE}|{_PROVIDER}|{_OTHERS})"

# -- training --------------------------------------------------------------------------------

_TRAIN_VERB: Final = r"(?:pre-?|re-?)?train(?:s|ed|ing)?|(?:fine|instruction)[ -]?tun(?:e|es|ed|ing)|teach(?:es|ing)?|taught"
_MAKE_VERB: Final = (
    r"(?:develop|improv|build|creat|enhanc|refin|advanc|evolv|optimi[sz]|design|adapt|updat|test|validat)"
    r"(?:e|es|ed|ing|s|t)?(?:ment|ments)?|built|"
    r"(?:improvement|development|creation|enhancement|refinement)s?(?=[ ]of)"
)
_GAP: Final = r"(?:(?!\b(?:using|with|through|via|by|powered|that|which|who|so|because|when|while|if|from|help|but|not|excluding|without|except|unless)\b|[;:.!?])[^;:.!?])"
_TRAINING: Final = tuple(
    _rx(p)
    for p in (
        # train ... AI, in that order, with nothing between that would carry another verb's means
        rf"\b(?P<verb>{_TRAIN_VERB})\b(?![ ](?:our[ ]|all[ ]|the[ ]|new[ ]|their[ ]|these[ ])*{_STAFF}\b){_GAP}{{0,90}}?{_AI}",
        # models are trained on your data; data trains a model
        (
            rf"{_AI}(?:[^;.!?]{{0,60}}?)\b(?P<verb>(?:pre-?|re-?)?train(?:ed|ing)|fine-?tun(?:ed|ing)|learns?|learning)\b"
            rf"[ ](?:only[ ]|partly[ ]|in[ ]part[ ]|directly[ ]|solely[ ])?(?:on|with|using|from|by)\b[^;.!?]{{0,80}}?(?:{_DATA}|\b(?:them|it|you|people|members|users|accounts)\b)"
        ),
        rf"{_AI}[^;.!?]{{0,40}}?\b(?:can|may|will|could|to)[ ](?:also[ ])?(?P<verb>learn)[ ]from\b",
        # used for training / as training data / AI training / model training
        rf"\b(?:{_AI})[ -](?:model[ -]|system[ -])?(?P<verb>training|fine-?tuning|improvement|development|learning[ ]research)\b(?![ ](?:course|program|class|session|material|tool|resource|opportunit)\w*)",
        r"\b(?:used?|using|uses|as|into|for|collect(?:ed)?|serve|part[ ]of)\b[^;.!?]{0,60}?\b(?P<verb>training)[ ](?:data\b|datasets?|sets?\b|corpus|corpora|inputs?|purposes)",
        rf"\b(?P<verb>(?:data)?sets?)\b[^;.!?]{{0,40}}?\b(?:develop|build|creat|train)\w*[ ][^;.!?]{{0,40}}?{_AI}",
        r"\b(?P<verb>training)[ ](?:of[ ](?:\w+[ ]){0,3})?(?:that|which)[ ](?:has|have|had)?[ ]?(?:already[ ])?(?:taken[ ]place|took[ ]place|occurred|happened|been[ ](?:done|completed|carried[ ]out))",
        rf"\b(?:our|your|the|in)[ ](?P<verb>training)[ ](?:of|with|on)[ ][^;.!?]{{0,40}}?{_AI}",
        # models are trained
        rf"{_AI}[^;.!?]{{0,25}}?\b(?:is|are|be|been|being)[ ]\W?(?P<verb>(?:pre-?|re-?)?trained|fine-?tuned)\b",
        # use your data to train (no object, or one that is not a person)
        rf"\b(?:us(?:e|es|ed|ing)|process\w*|collect\w*|analy[sz]\w*)\b[^;.!?]{{0,90}}?\bto[ ](?:help[ ])?(?P<verb>train)\b(?![ ](?:our[ ]|the[ ]|new[ ]|all[ ]|their[ ])*{_STAFF}\b)",
        # develop, improve, build ... AI
        rf"\b(?P<verb>(?:{_MAKE_VERB}))\b{_GAP}{{0,80}}?{_AI}",
        # for machine learning
        r"\bfor[ ](?:\w+[ ]){0,2}?(?P<verb>machine[ -]learning|AI|artificial[ ]intelligence)[ ](?:research|purposes|development)",
        rf"\b(?P<verb>fed|feeds?|incorporated?|flows?)[ ](?:back[ ])?(?:in(?:to)?|our)\b[^;.!?]{{0,40}}?(?:{_AI}|model[ ]training)",
    )
)
_MAKING: Final = re.compile(rf"(?:{_MAKE_VERB})", re.IGNORECASE | re.VERBOSE)
# "Acme AI" in the middle of a sentence is somebody's name, not what is trained
_NAMED_AI: Final = re.compile(
    r"(?<=[a-z,] )(?!Generative|Artificial|Responsible|Voice|Conversational)([A-Z][a-z]+) AI\b"
)
_NOT_AI_TRAINING: Final = _rx(
    rf"\b(?:train(?:ing|ed)?)[ ](?:courses?|sessions?|program\w*|class(?:es)?|videos?|webinars?|workshops?|plans?|materials?|modules?|events?)\b|"
    rf"\b(?:security|staff|employee|compliance|privacy|awareness|safety|personal|fitness|customer[ ]service)[ ]train(?:ing|ers?)\b|"
    rf"\btraining[ ](?:and|or|,)[ ]?(?:quality|coaching|monitoring)|\bquality[ ](?:assurance[ ])?(?:and|or|,)[ ]training|"
    rf"\btake[ ]our[ ]training|{_STAFF}[ ](?:\w+[ ]){{0,3}}?(?:is|are|be|been|being|who[ ]are)[ ](?:\w+[ ])?train|"
    rf"(?:calls?|telephone)\b[^.]*\brecorded\b|\btrain[ ](?:travel|station|ticket|journey)|\b(?:by|the|commuter)[ ]train\b|\btrains[ ](?:to|from|leave)"
)
_OTHER_DATA: Final = _rx(
    r"\b(?:trained?|training|built|fine-?tuned)[ ](?:only|solely|exclusively|entirely|purely)[ ](?:on|with|from)[ ](?:synthetic|licensed|licen[cs]ed|artificial|generated|fictional|simulated|our[ ]own)|"
    r"\btrained[ ]before[ ]you\b"
)

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
    rf"\b(?:with|to|among|amongst|between|onto)\b{_UP_TO}{{0,140}}?(?P<whom>{_RECIPIENT})"
)
_SHARING: Final = tuple(
    _rx(p)
    for p in (
        rf"\b(?P<verb>{_SHARE})\b(?P<what>{_UP_TO}{{0,160}}?){_TO_WHOM}",
        rf"\b(?P<verb>{_HAND})\b(?P<what>{_UP_TO}{{0,120}}?{_THING}{_UP_TO}{{0,80}}?){_TO_WHOM}",
        (
            rf"\b(?P<verb>provid(?:e|es|ed|ing)|suppl(?:y|ies|ying)|giv(?:e|es|en|ing)|send(?:s|ing)?|sell(?:s|ing)?|offer(?:s|ing)?|grant(?:s|ing)?|show)"
            rf"[ ](?:(?:these|those|our|such|certain|selected|some|other|the|any|its|approved|its)[ ]){{0,2}}(?P<whom>{_RECIPIENT})\b"
            rf"(?P<what>{_UP_TO}{{0,60}}?)(?:{_DATA}|access)"
        ),
        rf"\b(?P<verb>disclos(?:ures?|ing)|sharing|sales?|transfers?)[ ](?:\w+[ ]){{0,2}}?of[ ](?P<what>{_UP_TO}{{0,60}}?{_THING}{_UP_TO}{{0,40}}?){_TO_WHOM}",
        rf"{_THING}{_UP_TO}{{0,60}}?\b(?P<verb>available|accessible|visible|open|disclosed|exposed)[ ](?P<what>){_TO_WHOM}",
        rf"\b(?P<verb>mak(?:e|es|ing)|made)\b(?P<what>{_UP_TO}{{0,80}}?)\b(?:available|accessible)[ ]{_TO_WHOM}",
    )
)
# where the recipient is the subject, or the act is told of as a fact
_REACHING: Final = tuple(
    _rx(p)
    for p in (
        # recipients receive, access, process
        (
            rf"(?P<whom>{_RECIPIENT})(?<!')(?<!'s)(?:[ ]of[ ](?:that|your|the|our)[ ]\w+)?(?:,[ ]|[ ])(?:(?:{_MODAL}|who|that|which|and|or|their|partners?|vendors?|affiliates?|in[ ]turn|under[ ]contract|,)[ ]?){{0,4}}"
            rf"(?P<verb>{_ACCESS})\b(?P<what>[ ](?:\w+[ ]){{0,5}}?(?:your|our[ ](?:users'|members')|user|member|personal|customer|the|this|such|device|it|what)\b{_UP_TO}{{0,90}}?(?:{_DATA}|(?<=it)))"
        ),
        rf"\b{_BEING}[ ](?:\w+[ ]){{0,2}}?(?P<verb>access(?:ed|ible)|processed|received|viewed|stored|handled|hosted|collected|used)[ ](?P<what>)(?:\w+[ ]){{0,4}}?(?:by|with|at|through)[ ](?:\w+[ ]){{0,3}}?(?P<whom>{_RECIPIENT})",
        rf"(?P<whom>{_RECIPIENT})\b{_UP_TO}{{0,60}}?\b(?P<verb>host|store|process|label|annotate|review)(?:s|es|ing)?[ ](?P<what>(?:\w+[ ]){{0,2}}?(?:your|user|member|personal|customer|payment|account|contact|transaction)\b{_UP_TO}{{0,30}}?{_DATA})",
        rf"(?P<whom>{_RECIPIENT})[ ]who[ ]process(?:es)?[ ](?P<verb>it|them|data|information)(?P<what>)\b",
        rf"(?P<whom>{_RECIPIENT}){_UP_TO}{{0,20}}?\b(?:have|has|with|given|gets?|gain)[ ](?P<verb>access)[ ]to(?P<what>{_UP_TO}{{0,60}}?{_DATA})",
        rf"\b(?P<verb>allow|permit|enable|let|authori[sz]e)(?:s|ing)?[ ](?:\w+[ ]){{0,3}}?(?P<whom>{_RECIPIENT})[ ](?:and[ ]\w+[ ])?to[ ](?:access|use|collect|receive|obtain|process|view|retrieve)\b(?P<what>{_UP_TO}{{0,60}}?{_DATA})",
        # to / with whom we share
        rf"(?P<whom>{_RECIPIENT})[ ](?:with|to)[ ](?:whom|which)[ ](?:we|us|it)[ ](?:{_MODAL}[ ])?(?P<verb>\w+)(?P<what>)",
        rf"\b(?:what|information|data)[ ](?:that[ ])?we[ ](?:{_MODAL}[ ])?(?P<verb>give|share|provide|send|disclose|transfer)(?P<what>)(?:[ ](?:to|with))?[ ](?:them\b|(?P<whom>{_RECIPIENT}))",
        # we and our affiliates use
        rf"\b(?:we|us)[ ](?:and|or)[ ](?:our[ ])?(?P<whom>{_RECIPIENT})[ ](?:{_MODAL}[ ])*(?P<verb>use|process|access|train|develop|collect|analy[sz]e)\b(?P<what>{_UP_TO}{{0,60}}?{_DATA})",
    )
)
# without a recipient: a main clause that says so of data, or under legal process
_SHARING_AT_ALL: Final = tuple(
    _rx(p)
    for p in (
        (
            rf"\b(?:we|to|also|may|will|can|or|and)[ ](?:{_MODAL}[ ]|have[ ]to[ ]|need[ ]to[ ])*(?P<verb>share|disclose|sell|release|divulge|transfer)\b"
            rf"(?P<what>[ ](?:\w+[ ]){{0,4}}?(?:(?=information|data\b)|(?:your|personal|user|member|such|this|that|the|any|certain|these|aggregated?|account|it)\b)(?:(?!\b(?:with|to)[ ](?!comply|the[ ]extent|protect|prevent|respond|enforce|your[ ](?:consent|permission|agreement)))[^;.!?]){{0,60}}?(?:{_DATA}|(?<=[ ]it\b)))"
            rf"(?![^;.!?]{{0,60}}\b(?:with|to|among)[ ](?:us|other[ ](?:members|users)|your[ ](?:\w+[ ])?(?:friends|connections|contacts|network|followers|family|team)|friends|followers|people|the[ ]public|employees|members|users|staff|my|everyone|our[ ](?:employees|staff|team))\b)"
            rf"(?![^;.!?]{{0,200}}\b(?:outside|to[ ](?:the[ ]United|countries|a[ ]country|servers|our[ ]servers|other[ ]countries)|from[ ]the[ ](?:E[UE]A?|European))\b)"
        ),
        r"\b(?P<verb>disclos(?:e|ing|ed)|releas(?:e|ing|ed))[ ](?P<what>information|data|it)[ ](?:if|when|where|as|in|under)\b",
        rf"{_DATA}[ ](?:\w+[ ]){{0,3}}?(?:may|will|can|could|might|is|are|be)[ ](?:also[ ])?(?:be[ ])?(?:published[ ]or[ ])?(?P<verb>disclosed|sold|shared|transferred)(?P<what>)\b(?=[^;.!?]{{0,60}}\b(?:law|legal|court|subpoena|merger|acquisition|bankruptcy|sale|reorgani[sz]ation|circumstances|transaction)\b)",
    )
)
_INCOMING: Final = _rx(
    r"^(?:[^;.!?]{0,60}?)\b(?:with|to|by|from)[ ](?:us|our[ ](?:site|services?(?![ ]provider)|platform|website|team|support)|me)\b"
)
_TO_US: Final = _rx(
    r"\b(?:with|to|by)[ ]us\b|\bprovide[ ]us\b|\bwe[ ](?:may[ ]|also[ ])*(?:receive|get|obtain|collect)\b"
)
_NEW_CLAUSE: Final = _rx(
    r"\b(?:and|but|or|so|while|although|because)[ ](?:we|you|they|it)\b|\bbut\b"
)
_DIRECT_US: Final = _rx(r"^[ ](?:us|you)\b(?![ ](?:and|or)\b)")
_NOT_DATA: Final = _rx(
    r"^[ ](?:the[ ]|our[ ]|your[ ]|its[ ]|their[ ]|in[ ]|a[ ]|an[ ]|any[ ]|users'[ ]|\w+[ ]users'[ ]){0,3}(?:responsibilit|commitment|belief|values?\b|interest|vision|tips|views?\b|concern|revenue|ideas|"
    r"ownership|office|rights?\b|obligation|products?\b|password|account\b(?![ ](?:data|info|details|and))|buttons?|features?|services?\b(?!'))"
)

# -- who acts, and whether it is denied --------------------------------------------------------

_NEGATION: Final = _rx(
    r"\b(?:not|never|neither|nor|cannot|no[ ]longer|none|nobody|nothing|refrain\w*|"
    r"rather[ ]than|instead[ ]of|without|no)\b|n't\b"
)
_HARMLESS: Final = _rx(
    r"\bnot[ ](?:only|limited|just|necessarily|merely|solely)\b|\bwhether[ ]or[ ]not\b|\bno[ ](?:later|matter|less|fewer)\b|"
    r"\b(?:do(?:es)?[ ]not|doesn't|don't|will[ ]not|won't)[ ](?:affect|apply|change|undo|cover|stop|limit|mean|include|extend|object|want|wish|agree|opt|need|prevent|require|identify|reverse|reach)\b|"
    r"\bif[ ]you(?:'d|[ ]would)?[ ](?:prefer|rather)[ ]not\b|\bnot[ ]to[ ]have\b|\bwithout[ ](?:limitation|undue|notice|further|prior|notifying|limiting|telling|asking)\b|"
    r"\b(?:tell|ask|instruct|request|choose|opt|prefer|rather)\b[^;.!?,]{0,20}\bnot\b|\bno[ ]more[ ]than\b|\bthat[ ](?:do(?:es)?[ ]not|doesn't|don't|no[ ]longer)[ ]\w+|\bnot[ ]your[ ]name\b"
)
_FORBIDS: Final = _rx(
    r"\b(?:prohibit\w*(?![ ]by[ ]law)|forbid\w*|forbidden|bann?(?:ed|s)?|barr?ed|prevent(?:s|ed|ing)?[ ](?:\w+[ ]){1,5}?from|exclud(?:e|es|ed|ing)|"
    r"kept[ ]out|restrict(?:s|ed|ing)?[ ]\w+[ ](?:\w+[ ])?from|stopped|ceased|discontinued|exempt\w*|"
    r"agree[ ]not|undertake[ ]not|must[ ]not|may[ ]not|shall[ ]not)\b"
)
_EXCEPTION: Final = _rx(
    r"\b(?:unless|except(?:ing)?|other[ ]than|apart[ ]from|save[ ](?:for|where|as)|until[ ]you)\b"
)
_EXCEPTION_IS_DENIAL: Final = _rx(r"\bunless[ ](?:expressly|otherwise)?[ ]?(?:prohibited)\b")
_PAST: Final = _rx(
    r"\b(?:in[ ]the[ ]past|previously|formerly|historically|(?:we|us|it|and|company)[ ]used[ ]to[ ](?:share|sell|train|use|disclose|give)|until[ ](?:\w+[ ])?(?:19|20)\d\d|"
    r"before[ ](?:19|20)\d\d|(?:have|has)[ ]stopped|no[ ]longer[ ](?:do|share|sell|use|train))\b"
)
_DEFINES: Final = _rx(
    r"^[\"'(]?[\w /,&-]{2,60}[\"')]*(?:[ ]\([^)]*\))?[ ](?:means|shall[ ]mean|refers[ ]to|is[ ]defined[ ]as|are[ ]defined[ ]as)\b"
)
_ASKS_LEAVE: Final = _rx(
    r"^(?:can|may|could)[ ](?:we|us|our|\w+[ ]and)\b|^(?:allow|let|permit|help)\b"
)
_BARRIER: Final = re.compile(
    r"[;:—–]|\.\s|,?\s\b(?:but|however|although|though|whereas|yet)\b|"
    r",\s+(?=\w+\s(?:may|will|can|could|shall|might)\b)|"
    r",\s+(?=(?:and\s+|or\s+|then\s+|so\s+|in which case\s+|which\s+)?(?:we|our|they|your|you|it|this|these|those|the|nothing|nobody|no|member|users?|all|some|please)\b)|"
    r"\band\s+(?=(?:we|they|you|it)\b)|\bso that\s+",
    re.IGNORECASE,
)
_RELATIVE: Final = re.compile(
    r"(?<=\w)\s(?:that |which |what |as |whenever |when |where |how |anything |everything |after |before )?you(?: and (?:others|other users))?(?:'ve)?"
    r"(?: (?:have|never|do not|don't|did not|didn't|may|might|can|could|will|choose to|also|directly|otherwise|voluntarily|decide to|submit or))*"
    r" (?:provid|shar|post|upload|submit|sen[dt]|creat|giv|gave|enter|publish|mak|made|generat|input|receiv|typ|wr[io]t|see|saw|view|visit|stor|add|authori[sz]|allow|ask|use|using|tell|choos|search|read|speak|say|click|open|joined|do)\w*"
    r"(?: and \w+)?(?: us)?(?: (?:to|with|on|in|through|via|using|by|when|at) (?:us|our \w+|the (?:services?|platform|site|app)))?",
    re.IGNORECASE,
)
_ACTOR: Final = re.compile(
    rf"\b(?P<we>we|us|our (?:use|training|sharing|disclosure|processing|sale|right|models?|systems?)|ours|me|my|reserve the right)\b|"
    rf"\b(?P<passive>(?:{_BEING}|data|information|content|posts?|messages?)(?: \w+)? (?:used|processed|collected|scanned|stored|shared|disclosed|transferred))\b|"
    rf"\b(?P<you>(?<!about )(?<!from )(?<!to )(?<!for )(?<!with )(?<!of )(?<!identify )(?<!identifies )(?<!show )you|yourself|users? (?:may|can|must|shall|should|who|are|agree)|customers? (?:may|can|must|shall|who)|members? (?:may|can|must)|"
    rf"developers? (?:may|can|must)|(?:recipients|hosts|participants|attendees|invitees|guests)\b[^,;]{0, 60}?\b(?:may|can)|visitors? (?:may|can)|anyone|no one|nobody|he|she)\b|"
    rf"\b(?P<they>they|these parties|those parties)\b",
    re.IGNORECASE,
)
_OWN_SUBJECT: Final = re.compile(
    r"\s*[^\W\d]+(?:\s\w+){0,3}?\s(?:may|will|can|could|shall|might)\b", re.IGNORECASE
)
_EMBEDDED: Final = re.compile(
    r"\b(?:how|whether|why|ways(?: in which)?|what|which|with whom|when and how|where and how|what types? of \w+|what (?:personal )?(?:data|information)|"
    r"types? of (?:\w+ )?(?:data|information)|circumstances (?:in|under) which)\s+(?:(?:and|or) \w+ )?(?:\w+ )?$",
    re.IGNORECASE,
)
_RIGHTS: Final = _rx(
    r"\b(?:rights?[ ](?:to|of)|entitled|entitles)\b[^;.!?]{0,250}$|\b(?:request|ask|require|direct)(?:ing)?[ ](?:that[ ])?us[ ]to[ ](?:transfer|transmit|send|provide|move|port)|"
    r"\b(?:request|ask)[ ](?:that[ ])?we[ ](?:transfer|transmit|send|provide)|\b(?:ask|request)[ ]us[ ]to[ ]*$|\bopt[ -]?(?:ing[ ])?out[ ]of[ ](?:the[ ])?(?:\"?sales?|\"?sharing)"
)
_COMMAND: Final = re.compile(r"^\W*(?:please |do |don't |never |always |to \w+ )*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing a sentence says.

    Attributes:
        about: `training` or `sharing`.
        because: The words that say so, from the verb to its object.
        recipients: For sharing, the groups named: `affiliate`, `provider`, `third-party`; () where
            it says no more than that data is shared.
    """

    about: str
    because: str
    recipients: tuple[str, ...]


def statements_of(text: str, *, lead: str = "") -> tuple[Statement, ...]:
    """Return what a sentence says of training and of sharing; () where it says neither.

    Args:
        text: One sentence, marks taken off.
        lead: What introduces the list in which it is an item, or "".
    """
    alone = _spoken(text, "")
    if not lead:
        return alone
    joined = _spoken(_joined(lead, text), lead.rstrip(": "))
    if alone and not _denies(lead):
        return alone
    own = {statement.about for statement in _spoken(lead, "")} - {s.about for s in alone}
    # What the introduction says by itself is its own statement, unless the item names to whom.
    return tuple(s for s in joined if s.about not in own or recipients_of(text))


def named_recipients(text: str) -> tuple[str, ...]:
    """Return the groups of recipients that a sentence names without denying them anything.

    Weaker than a statement of sharing: enough to say that a text mentions them, not enough to say
    that it gives them something. What tells only what comes to the platform names nobody.
    """
    return recipients_of(" ".join(_affirmed(text)))


def mentions_training(text: str) -> bool:
    """Say whether a sentence speaks of training AI without denying it, whoever acts.

    Weaker than a statement of training: enough to say that a text mentions it.
    """
    affirmed = " ".join(_affirmed(text))
    verbs = rf"\b(?:{_TRAIN_VERB}|use[sd]?[ ](?:\w+[ ]){{0,6}}?(?:to|for)[ ]{_MAKE_VERB})\b"
    return (
        bool(_rx(verbs).search(affirmed))
        and bool(_rx(_AI).search(affirmed))
        and not _NOT_AI_TRAINING.search(affirmed)
    )


def _affirmed(text: str) -> list[str]:
    """Return the clauses of a sentence that neither deny, forbid, ask, define nor look back."""
    if _DEFINES.search(text) or _PAST.search(text):
        return []
    if text.rstrip("\"')").endswith("?") and not _ASKS_LEAVE.search(text):
        return []
    if _EXCEPTION.search(text):
        return [text]
    bounds = [0, *(found.start() for found in _BARRIER.finditer(text)), len(text)]
    clauses = [text[a:b] for a, b in itertools.pairwise(bounds)]
    return [clause for clause in clauses if not _denies(clause) and not _TO_US.search(clause)]


def recipients_of(text: str) -> tuple[str, ...]:
    """Return the groups of recipients that a text names, in the order of the taxonomy."""
    found = [
        name
        for name, pattern in (("affiliate", _AFFILIATE), ("provider", _PROVIDER))
        if _rx(rf"\b{pattern}").search(text)
    ]
    rest = _rx(rf"{_AFFILIATE}|{_PROVIDER}").sub(" ", text)
    if _rx(rf"\b{_OTHERS}").search(rest):
        found.append("third-party")
    return tuple(found)


def _joined(lead: str, text: str) -> str:
    item = text if text[:2].isupper() else text[:1].lower() + text[1:]
    return f"{lead.rstrip(': ')} {item}"


def _denies(lead: str) -> bool:
    return bool(_NEGATION.search(_HARMLESS.sub(" ", lead)) or _FORBIDS.search(lead))


def _spoken(text: str, lead: str) -> tuple[Statement, ...]:
    """Return the statements of a text; where it was joined to a lead, those that reach past it."""
    if _DEFINES.search(text) or _PAST.search(text):
        return ()
    if text.rstrip("\"')").endswith("?") and not _ASKS_LEAVE.search(text):
        return ()
    found = []
    training = _training(text, len(lead))
    if training:
        found.append(Statement(about="training", because=training, recipients=()))
    sharing = _sharing(text, len(lead))
    if sharing is not None:
        found.append(sharing)
    return tuple(found)


def _training(text: str, past: int) -> str:
    text = _NAMED_AI.sub(lambda found: f"{found[1]} __", text)
    if _OTHER_DATA.search(text):
        return ""
    staff = _NOT_AI_TRAINING.search(text)
    for pattern in _TRAINING:
        for match in pattern.finditer(text):
            if match.end() <= past or (staff and staff.start() <= match.start("verb") + 12):
                continue
            if _MAKING.fullmatch(match["verb"]) and not _about_data(text, match):
                continue
            if _holds(text, match.start("verb")):
                return match.group().strip()
    return ""


def _about_data(text: str, match: re.Match[str]) -> bool:
    """Say whether a "develop AI" is done with data, or is itself a purpose ("to develop AI")."""
    before = text[: match.start("verb")]
    purpose = re.match(
        r"\W*(?:to|for|helping|help us)?\W*(?:$|\w+[ ,])", before, re.IGNORECASE
    ) and re.match(r"\W*(?:(?:to|for)\b.*)?$", before, re.IGNORECASE)
    if re.search(
        r"\b(?:is|are|be|been|being|we|us) (?:\w+ )?used? (?:\w+ ){0,2}(?:to|for) ",
        before,
        re.IGNORECASE,
    ):
        return True
    rest = text[: match.start()] + text[match.end() :]
    return bool(_rx(_DATA).search(rest)) or (
        bool(purpose)
        and not re.search(r"\b(?:help|let|allow|enable)s?[ ]you\b", before, re.IGNORECASE)
    )


def _sharing(text: str, past: int) -> Statement | None:
    if "portability" in text.lower():
        return None
    for pattern in (*_SHARING, *_REACHING, *_SHARING_AT_ALL):
        for match in pattern.finditer(text):
            verb = match.start("verb")
            if match.end() <= past or _outward_not(text, match):
                continue
            if pattern in _REACHING:
                if _denied_here(text, verb):
                    continue
            elif not _holds(text, verb, sharing=True):
                continue
            named = recipients_of(text[min(verb, match.start()) :]) or recipients_of(text)
            return Statement(about="sharing", because=match.group().strip(), recipients=named)
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
    if match["verb"].lower() in {"sale", "sales"} and not _rx(_DATA).search(first):
        return True
    return bool(_NOT_DATA.search(after)) and not _rx(_DATA).search(what or "")


def _holds(text: str, verb: int, *, sharing: bool = False) -> bool:
    """Say whether the act whose verb stands at `verb` is the platform's, and is not denied."""
    clear = _cleared(text, verb)
    start = _clause_start(clear)
    clause = clear[start:]
    if sharing and (_RIGHTS.search(clear) and "reserve" not in clear.lower()):
        return False
    if _denied(text, clear, clause, start, verb):
        return False
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
                r"\b(?:opt|object|withdraw|consent|agree|permit|allow)\w*\b",
                clause[last.end() :],
                re.IGNORECASE,
            )
            and not sharing
        )
    place = last.start() + (start if last.string is clause else 0)
    if sharing and kind == "we" and _EMBEDDED.search(clear[:place]):
        return bool(re.match(r"\w+(?: \w+){0,3}: *(?:to|with)\b", text[verb:], re.IGNORECASE))
    return not (sharing and _third_party_acts(clause[last.end() :]))


def _denied_here(text: str, verb: int) -> bool:
    """Say whether an act told of as a fact is denied, or one of the reader's rights."""
    clear = _cleared(text, verb)
    start = _clause_start(clear)
    if _RIGHTS.search(clear) and "reserve" not in clear.lower():
        return True
    return _denied(text, clear, clear[start:], start, verb)


def _cleared(text: str, verb: int) -> str:
    """Return what stands before the verb, with "that you post" and its like blanked out."""
    return _RELATIVE.sub(lambda found: " " * len(found.group()), text[:verb])


def _clause_start(clear: str) -> int:
    starts = [found.end() for found in _BARRIER.finditer(clear)]
    return starts[-1] if starts else 0


def _denied(text: str, clear: str, clause: str, start: int, verb: int) -> bool:
    heard = _HARMLESS.sub(" ", clause)
    after = text[verb : verb + 60]
    no = bool(_NEGATION.search(heard)) or bool(_FORBIDS.search(clause))
    head = clear[:start].rstrip(" ,:;—–")
    if not no and text[start - 1 : start] == ":" and _denies(head):
        no = True
    if not no and re.match(
        r"\w+\s+(?:none|nothing|no (?:personal )?(?:data|information))\b", after
    ):
        no = True
    if not no:
        return False
    if re.search(r"\byou\b|\busers?\b", clause, re.IGNORECASE) and re.search(
        r"\b(?:agree|must|may|shall)[ ]not\b", clause, re.IGNORECASE
    ):
        return True
    return not _EXCEPTION.search(text[start:])


def _third_party_acts(between: str) -> bool:
    """Say whether the words right before the verb make a recipient its subject."""
    found = _rx(rf"(?P<who>{_RECIPIENT})[ ](?:{_MODAL}[ ])*$").search(between)
    return bool(found) and not re.match(r"\s*(?:and|or)\b", between)


def _user_command(text: str, before: str) -> bool:
    """Say whether a sharing verb without a subject is an order to the reader, or others' act."""
    if re.search(rf"{_RECIPIENT}(?:[ ]|,[ ])(?:{_MODAL}[ ])+$", before, re.IGNORECASE | re.VERBOSE):
        return True
    if _COMMAND.match(before):
        starts_to = re.match(r"\W*to \w+", text, re.IGNORECASE)
        return not starts_to and not re.match(
            r"\W*(?:share|sell|disclose|provide) (?:my|our)\b", text, re.IGNORECASE
        )
    return False
