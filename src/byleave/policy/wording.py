"""The words in which policies speak of AI, of data, and of whom data reaches.

Patterns, written verbose: `[ ]` is a space. Word lists live here and nowhere else, so that a new
word for a recipient is a new word for every rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from typing import Any, Final

__all__ = [
    "AFFILIATE",
    "AI",
    "ANYBODY",
    "BEING",
    "DATA",
    "MODAL",
    "OTHERS",
    "PROVIDER",
    "RECIPIENT",
    "STAFF",
    "THING",
    "TO_WHOM",
    "UP_TO",
    "Pattern",
    "recipients_of",
    "rx",
]


class Pattern:
    """A pattern that is compiled when it is first sought.

    Compiling all that the rules hold takes most of a second, which no command should wait for that
    reads no prose.
    """

    def __init__(self, written: str) -> None:
        self._written = written

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self._written, re.IGNORECASE | re.VERBOSE)

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        """Return the first place where it matches, from a character on."""
        return self._compiled.search(text, start)

    def match(self, text: str, start: int = 0) -> re.Match[str] | None:
        """Return its match right at a character."""
        return self._compiled.match(text, start)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Return its match of the whole text."""
        return self._compiled.fullmatch(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """Return all its matches, one after another."""
        return self._compiled.finditer(text)

    def split(self, text: str) -> list[str | Any]:
        """Return what stands between its matches."""
        return self._compiled.split(text)

    def sub(self, by: str | Callable[[re.Match[str]], str], text: str) -> str:
        """Return a text with every match replaced."""
        return self._compiled.sub(by, text)


@cache
def rx(pattern: str) -> Pattern:
    """Return a verbose pattern, compiled once; ` ~ ` is anything but a word."""
    return Pattern(pattern.replace(" ~ ", r"\W+"))


BEING: Final = r"(?:is|are|was|were|be|been|being|gets?)"
MODAL: Final = r"(?:may|might|can|could|will|would|shall|should|must|do|does|did|also|only|always|often|sometimes|therefore|then|generally|currently|further|already|otherwise|occasionally|thereby|hereby|\w+ly|be[ ]able[ ]to|choose[ ]to)"
STAFF: Final = (
    r"(?:employees?|staff|personnel|teams?|colleagues?|workers?|agents|reviewers|moderators|"
    r"contractors|drivers|officers|volunteers|teachers|managers|representatives|everyone)"
)
AI: Final = (
    r"(?:\bAI\b|artificial[ ]intelligence|machine[ -]?learning|deep[ ]learning|\bML\b|\bLLMs?\b|"
    r"\bgenAI\b|neural[ ]net\w*|"
    r"(?:speech|voice|image)[ ]recognition|(?:language|foundation|generative|foundational|recommendation|recogni[tz]ion|prediction|"
    r"predictive|ranking|statistical|vision|speech|translation|spam|writing|reply|embedding|"
    r"diffusion|basic|underlying|training)[ ](?:models?|algorithms?|systems?)|"
    r"(?<!business[ ])(?<!pricing[ ])(?<!device[ ])(?<!operating[ ])(?<!revenue[ ])(?<!phone[ ])"
    r"(?<!the[ ]same[ ])(?<!attribution[ ])(?<!delivery[ ])(?<!role[ ])"
    r"\bmodels?\b(?![ ]of[ ](?:your|the|a|any)[ ](?:device|phone|computer|car|vehicle|hardware|browser))"
    r"(?![ ](?:contract|clause|number|name|release)s?)|"
    r"\balgorithms?\b|\bclassifiers?\b|\bchatbots?\b|\bgrok\b|\bgemini\b|\bcopilot\b|\bllama\b)"
)
DATA: Final = (
    r"\b(?:data|information|info|contents?|messages?|posts?|comments?|articles?|"
    r"prompts?|inputs?|outputs?|conversations?|chats?|transcripts?|recordings?|clips?|"
    r"photos?|images?|pictures?|videos?|audio|files?|documents?|uploads?|contributions?|details|"
    r"identifiers?|IDs?|profiles?|records?|history|activity|searches|clicks|feedback|"
    r"interactions?|queries|signals|(?:credit|debit|payment|bank)[ ]cards?|card[ ]numbers?|r[ée]sum[ée]s?|CVs?|names?|e-?mails?|address(?:es)?|"
    r"phone[ ]numbers?|contacts?|credentials|location|cookies|reports?|statistics|insights?|"
    r"logs?|submissions?|drafts?|voice|metadata|materials?|what[ ](?:you|we)|anything[ ]you|speech|datasets?|traffic|queries|texts?|questions?|answers?|responses?|keystrokes|selfies|snippets|scans|photographs?|notes|ratings?|positions?(?=[ ]is)|tickets|edits|whereabouts|(?<=your[ ])(?:application|results|orders?|purchases?|calls)\b)\b"
)
THING: Final = rf"(?:{DATA}|\b(?:it|them|these|this|those|some|any|all[ ]of[ ]it)\b)"

AFFILIATE: Final = (
    r"(?:affiliat\w+|subsidiar\w+|parent[ ](?:company|companies|organi[sz]ation)|"
    r"(?:(?-i:[A-Z])\w+[ ])?Group[ ](?:compan\w+|entit\w+|members?)|"
    r"(?:corporate|group|family)[ ](?:family|compan\w+|members?|entit\w+|of[ ]compan\w+)|"
    r"compan\w+[ ](?:in|of|within)[ ](?:our|the|the[ ]same)[ ](?:\w+[ ])?(?:group|family)|"
    r"(?:members|entities|companies|firms|parts)[ ]of[ ](?:our|the)[ ](?:\w+[ ])?group|sister[ ]compan\w+|related[ ]compan\w+|commonly[ ](?:owned|controlled)[ ]\w+)"
)
PROVIDER: Final = (
    r"(?:service[ ]providers?|(?:cloud|hosting|delivery|payment|analytics|technology|e-?mail|"
    r"infrastructure|security|support|IT)[ ](?:service[ ])?(?:providers?|processors?)|"
    r"\bproviders?\b|vendors?|sub-?processors?|data[ ]processors?|processors?|"
    r"sub-?contractors?|suppliers?|consultants|professional[ ]advis[eo]rs|advis[eo]rs|auditors?|"
    r"lawyers|accountants|attorneys?|law[ ]firms|(?:legal|outside)[ ]counsel|contractors|(?:collection|debt)[ ]agenc\w+|"
    r"couriers?|carriers?|call[ -]cent(?:er|re)s?|help[ ]desks?(?=[ ](?:of|run|that))|payment[ ](?:gateways?|networks?|services?)|(?:model|AI|LLM|API)[ ](?:providers?|vendors?)|"
    r"(?:hosting|analytics|cloud|processing|payment|verification|AI)[ ](?:and[ ]\w+[ ])?services(?=[ ](?:to|who|which|that|such)\b)|(?:persons?|organi[sz]ations?|those|individuals|entit(?:y|ies))[ ](?:who[ ]are[ ])?(?:providing|performing|doing[ ]business|acting|working)\b[^.;]{0,40}?[ ]on[ ]our[ ]behalf|compan\w+[ ](?:that|who|which|we)[ ](?:\w+[ ]){0,2}?"
    r"(?:work|perform|help|process|provide|assist|hire|engage|support|host|trains?)\w*)"
)
OTHERS: Final = (
    r"(?:(?<!on[ ])third[ -]part(?:y|ies)(?:'s|')?(?!(?:[ -](?:cookies?|widgets?|sources?|polic\w+|terms|"
    r"content|rights|technolog\w+|links?|materials?)))|(?:\w+[ ])?partners?(?!ship)|advertisers?|(?:ad|advertising|advert)[ ](?:networks?|exchanges?)|"
    r"sponsors?|organi[sz]ers?|publishers?|data[ ]brokers?|law[ -]enforcement|"
    r"\bpolice\b|courts?\b|regulators?|prosecutors?|governments?(?!al)|recipients?[ ]of[ ](?:the|such|your|this|that)[ ](?:\w+[ ])?(?:information|data)|"
    r"(?:public|government\w*|tax|competent|supervisory|judicial|state|other|relevant|local)"
    r"[ ](?:authorit\w+|agenc\w+|bod(?:y|ies)|officials|entit(?:y|ies)|organi[sz]ations?)|"
    r"authorities|emergency[ ]services|successors?|acquir\w+[ ](?:entit\w+|compan\w+|part\w+)|"
    r"acquirers?|buyers?|purchasers?|new[ ](?:owners?|entit\w+|compan\w+)|counterpart(?:y|ies)|insurers?|"
    r"banks?\b|financial[ ]institutions?|(?:card|payment)[ ]schemes?|franchisees?|distributors?|dealers?(?:hips?)?|brokers?|"
    r"assignees?|transferees?|trustees?|liquidators?|investors?|opposing[ ]part\w+|litigants?|hospitals?|clinics?|doctors?(?!')|post(?:al)?[ ](?:office|service)s?|physicians?|(?<!language[ ])laborator(?:y|ies)|(?:AI|research)[ ]labs?|shops\b|stores\b(?=[ ](?:that|who|where|you))|loss[ ]adjusters?|pharmac\w+|"
    r"(?:fraud|credit|advertising|marketing|ad)[ ](?:\w+[ ])?(?:agenc\w+|bureaus?)|ad[ ]tech\w*|lenders?|creditors?|credit[ ](?:bureaus?|agenc\w+|reporting)|researchers?|"
    r"universit(?:y|ies)|academics?|industry[ ]peers|merchants?|sellers?|brokerages?|(?:insurance|health|medical)[ ]plans?|advertising[ ]associations|(?:credit[ ]card|card|telecom\w*|utility)[ ]compan\w+|retailers?|resellers?|"
    r"employers?|recruiters?|hirers|hiring[ ](?:clients|managers|companies)|hotels?\b|airlines?|restaurants?|notar(?:y|ies)|landlords?|charit(?:y|ies)|CRAs?\b|travel[ ]agents?|tour[ ]operators?|(?:network|platform|telecom\w*)[ ]operators?|underwriters?|ombuds\w+|rights[ ]?holders?|facilitators|bailiffs|property[ ](?:owners?|managers?)|credit[ ]reference|schools?|developers?|applications?[ ]developers?|licensees?|"
    r"(?:social[ ](?:media|network\w*)|search[ ]engine)[ ](?:compan\w+|providers?|platforms?|sites?|services?)|"
    r"search[ ]engines|social[ ]networks|(?:external|outside|AI)[ ](?:\w+[ ])?(?:services?|APIs?)|(?:external)[ ]servers?|"
    r"(?:shipping|delivery|logistics|insurance|hosting|marketing|payment|advertising|analytics|research)[ ]compan\w+|"
    r"(?:other|outside|external|independent|unaffiliated|these|those|such|selected|many|certain|"
    r"online|media|technology|advertising|marketing|research|partner|tech)[ ]"
    r"(?:\w+[ ])?(?:compan(?:y|ies)|organi[sz]ations?|entit(?:y|ies)|businesses|parties|platforms?|"
    r"institutions?|firms?|websites?|apps?)|\bfirms?\b(?!ware)|(?<!friends[ ]and[ ])(?<!users[ ]and[ ])(?<!members[ ]and[ ])(?<!people[ ]and[ ])others\b|another[ ](?:company|business|entity|party)|"
    r"someone[ ]else|anyone[ ]else|other[ ]controllers?|administrators?|account[ ]holders?|"
    r"(?:business|enterprise|hiring|corporate|paying|recruiting)[ ]customers|companies\b|\bMicrosoft\b|\bGoogle\b|\bMeta\b|\bFacebook\b|"
    r"\b(?:AWS|Amazon|Anthropic|Apple|Azure|Cloudflare|Discord|Firebase|Hotjar|HubSpot|Mailchimp|Mixpanel|Nvidia|OpenAI|PayPal|Salesforce|Sentry|Shopify|Snapchat|Stripe|Supabase|Telegram|TikTok|Twilio|Vercel|Zendesk)\b(?![ ](?:Privacy|Terms|Polic|Statement|Account|Services[ ]Agreement|Store|Maps|Wallet))|"
    # a name marked by `other_name`
    r"\b(?-i:[A-Z])\w*_co\b)"
)
RECIPIENT: Final = rf"(?:{AFFILIATE}|{PROVIDER}|{OTHERS})(?!\w)"

# "with advertisers", at some distance; and with anybody but us, you and other members
UP_TO: Final = r"[^;.!?]"
TO_WHOM: Final = (
    r"(?<!relevant[ ])(?<!tailored[ ])(?<!related[ ])(?<!relating[ ])(?<!regard[ ])(?<!respect[ ])(?<!subject[ ])"
    r"(?<!according[ ])(?<!addition[ ])(?<!opposed[ ])(?<!due[ ])(?<!object[ ])"
    rf"\b(?:with|to|among|amongst|between|onto)\b{UP_TO}{{0,140}}?(?P<whom>{RECIPIENT})"
)
_NOBODY_ELSE: Final = (
    r"(?!us\b|another\b|third[ ]countr|a[ ](?:location|server|country)\b|our[ ](?:patients|pupils|students|readers|guests)\b|a\b(?=[ ]specific)|one[ ]another|each[ ]other|you(?:rself)?\b|other[ ]our|our[ ](?:staff|team|servers?|systems?|employees|users|members|customers|community|site|website|app|service)|other[ ](?:(?-i:[A-Z])\w+s\b|(?:\w+[ ])?users|members|people|countries|jurisdictions)|another[ ]country|"
    r"your\b|friends|people|the[ ](?:other[ ](?:members|users)|public|extent|United|EU|UK|same|world|internet|other)|a[ ]country|countries|comply|respond|protect|enforce|prevent|help|provide|improve|and\b|or\b|be\b|do\b|a[ ]friend|everyone|my\b|respect|regard|"
    r"allow|enable|make|meet|fulfil|perform|process|detect|investigate|support|operate|any[ ]extent|ensure|establish|defend|verify|members|users|servers|Switzerland|Europe|law[ ]?\b|anyone\b|in\b|facilitate|use\b|create|show|deliver|obtain|train|develop|analy|understand|assist|bring|give|send|communicate)"
)
ANYBODY: Final = rf"{_NOBODY_ELSE}(?P<whom>\w)"


def recipients_of(text: str) -> tuple[str, ...]:
    """Return the groups of recipients that a text names, in the order of the taxonomy."""
    found = [
        name
        for name, pattern in (("affiliate", AFFILIATE), ("provider", PROVIDER))
        if rx(rf"\b{pattern}(?!\w)").search(text)
    ]
    rest = rx(rf"{AFFILIATE}|{PROVIDER}").sub(" ", text)
    if rx(rf"\b{OTHERS}(?!\w)").search(rest):
        found.append("third-party")
    return tuple(found)
