"""Which companies else a policy names: "We use PostHog" tells of a recipient, whoever that is.

A name counts where the text says somewhere that it is somebody else ("our partner, Veriff", "service
providers such as A, B and C", "hosted by A", "A's privacy policy"), or where it is one of the widely
used services of the list here. It is then marked wherever it stands, and the rules and the scores
read the mark as they read "a third party".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["MARK", "as_others", "as_written", "other_names"]

MARK: Final = "_co"
_WORD: Final = r"[A-Z][A-Za-z0-9]+(?:[-.&][A-Za-z0-9]+)*"
_NAME: Final = rf"{_WORD}(?: {_WORD}){{0,2}}"
_SOME: Final = rf"(?P<names>{_NAME}(?:(?:, (?:and |or )?| and | or |/){_NAME}){{0,12}})"
_WHO: Final = (
    r"(?:third[- ]part(?:y|ies)|partners?|providers?|vendors?|(?:sub-?)?processors?|compan(?:y|ies)|"
    r"networks?|suppliers?|recipients?|gateways?|retailers?|agenc(?:y|ies)|subcontractors?)"
)
_TOLD: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b{_WHO}(?: \w+)?,? (?:such as|like|including|e\.g\.,?|called|named|namely|is|are|currently|\() ?(?:the )?{_SOME}",
        rf"\b{_WHO}(?:,| \(|: | - | – | — ) ?{_SOME}",
        rf"\b(?:third[- ]party|external|outside) (?:[a-z-]+ ){{0,3}}?(?:\()?{_SOME}",
        rf"\b(?:hosted|operated|offered|powered|processed|handled|stored|run|collected|sold) (?:\w+ )?(?:by|via|through|using|with|on|in) {_SOME}",
        rf"\b(?:[Ww]e|which|that|I|site|app) (?:also |currently |may )?(?:use|uses|employ|engage) {_SOME}",
        rf"\b(?:share[sd]?|sent|send|disclosed?|transmit(?:ted)?|passed|forwarded) (?:[a-z,]+ ){{0,6}}?(?:with|to) {_SOME}",
        rf"(?P<names>{_NAME})(?:'s|s') (?:own )?(?:[Pp]rivacy|[Tt]erms|API|policy|policies)\b",
        rf"(?P<names>{_NAME}),? (?:Inc|LLC|Ltd|Limited|GmbH|Corp|B\.V|S\.A|Pty|AG)\b",
    )
)
_SPLIT: Final = re.compile(r", (?:and |or )?| and | or |/")
_WELL_KNOWN: Final = (
    "AWS Adyen Affirm Airtable Algolia Amplitude AppsFlyer AppLovin AssemblyAI Auth0 Bing Braintree "
    "Braze Bugsnag Calendly Chargebee ClickUp Cohere Criteo Crashlytics Databricks Datadog Deepgram DeepSeek "
    "DigitalOcean DocuSign DoubleClick ElevenLabs Equifax Experian FedEx Flurry Freshdesk FullStory GitHub "
    "GitLab Greenhouse Groq Heroku Hetzner HubSpot Instagram Intercom Jumio Klarna Klaviyo LinkedIn "
    "LogRocket Mailgun MailChimp Marketo Mistral MongoDB Netlify Okta Omniture OneSignal Onfido OpenRouter "
    "Outbrain Paddle Pendo Pinecone Pinterest Plaid PostHog Postmark Qualtrics Replicate RevenueCat "
    "Rollbar SendGrid Sentry ServiceNow Shopify Slack Snowflake SurveyMonkey Taboola TransUnion Trustpilot "
    "Twilio Twitter Typeform UPS Veriff WhatsApp WorkOS Worldpay YouTube Yahoo Zapier Zendesk Zoom"
).split()
# what is written with a capital and is no company
_NO_COMPANY: Final = frozenset(
    "a an the this that these those such each any all some our your their its we you it they i if when "
    "while where please note however also for in on at by to from with of as is are european union "
    "united states kingdom america canada mexico brazil australia germany france ireland switzerland "
    "norway iceland liechtenstein japan china india korea singapore taiwan russia ukraine spain italy "
    "netherlands england scotland wales london california virginia colorado nevada delaware texas "
    "nova asia europe africa american british canadian english irish german french economic area eea eu uk us usa "
    "gdpr ccpa cpra hipaa ferpa coppa act law regulation directive january february march april may june "
    "july august september october november december monday tuesday wednesday thursday friday saturday "
    "sunday standard contractual clauses ip url urls http https html ssl tls gps api apis sdk sdks pdf csv "
    "json ai ml llm llms id ids gui faq faqs dna rna tv pc sms mms os ios android windows mac macos linux "
    "chrome safari firefox internet explorer edge opera bluetooth wi-fi wifi web data controller officer protection commissioner "
    "information commission court police government state council department ministry federal national "
    "international office authority authorities nhs gp hmrc ico irs fbi do not track privacy policy shield "
    "terms service services site website platform app application account personal content user users "
    "member members customer customers company cookie cookies section article annex appendix notice "
    "agreement settings profile store support team help center centre university college school inc llc ltd "
    "innovation services payment transaction marketing financial family".split()
)


def other_names(text: str, own: Sequence[str]) -> tuple[str, ...]:
    """Return the names of other companies in a text, the longest first.

    Args:
        text: The whole document, marks taken off.
        own: The names by which its publisher calls itself (`own_names`).
    """
    found = {name for name in _WELL_KNOWN if re.search(rf"\b{name}\b", text)}
    for pattern in _TOLD:
        for told in pattern.finditer(text):
            found.update(_SPLIT.split(told["names"]))
    ours = {word.lower() for name in own for word in name.split()}
    kept = {name for name in found if _a_company(name, ours, text)}
    return tuple(sorted(kept, key=lambda name: (-len(name), name)))


def _a_company(name: str, ours: set[str], text: str) -> bool:
    words = re.split(r"[ -]", name.lower())
    short = len(name) < 3 or (len(name) < 5 and name.isupper() and name not in _WELL_KNOWN)
    if short or words[0] in ours or any(word in _NO_COMPANY for word in words):
        return False
    return name in _WELL_KNOWN or not re.search(rf"\b{re.escape(name.lower())}s?\b", text)


def as_others(text: str, names: Sequence[str]) -> str:
    """Return a sentence in which each of these names carries the mark of somebody else."""
    for name in names:
        if name in text:
            marked = re.sub(r"\W", "_", name) + MARK
            text = re.sub(
                rf"(?<![\w@/.-]){re.escape(name)}(?![\w@/-]|\.\w|(?:'s|s')? (?:Privacy|Terms|Polic))",
                marked,
                text,
            )
    return text


def as_written(text: str) -> str:
    """Return words of a sentence with the marks of `as_others` taken off."""
    return re.sub(rf"\b(\w+){MARK}\b", lambda found: found[1].replace("_", " "), text)
