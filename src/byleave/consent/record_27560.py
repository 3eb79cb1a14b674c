"""A member's choices as ISO/IEC TS 27560:2023 consent records in one receipt, with DPV, JSON-LD.

After the W3C guide "Consent Records and Receipts as per ISO/IEC TS 27560:2023 using DPV"
(https://w3id.org/dpv/guides/consent-27560); field by field in docs/spec/receipt.md. One record
for each scope the member spoke about, with every event whose scope covers it, oldest first.

The document names the member by a pseudonym made from their secret, and holds no secret; it
points to the private receipt (`evidence/receipt.py`) by digest. What the operator has not stated
is written as `dpv:NotAvailable`, and listed: nothing is made up.

The record stays true to what the member said: a yes that a rule stops is a consent given, beside a
`dpv:Prohibition` that names the rule, its source and since when. What may be done is `bl:answer`,
with a `dpv:Permission` for each ground: never the choices alone.
Pure: the same facts give the same bytes.
"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

from byleave.canonical import Json, sha256
from byleave.consent.event import ConsentEvent, EventKind
from byleave.consent.reason import Ground
from byleave.consent.receipt_facts import LoggedEvent, Party, Prohibited, ReceiptFacts
from byleave.errors import InputError
from byleave.ids import format_instant
from byleave.policy.ruleset_stop import StopRule
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import Term

__all__ = ["receipt_27560"]

RECEIPT_SCHEMA: Final = "https://w3id.org/dpv/schema/dpv-27560#receipt"
RECORD_SCHEMA: Final = "https://w3id.org/dpv/schema/dpv-27560#record"
_UNRESERVED: Final = frozenset(string.ascii_letters + string.digits + "-._~/")
_EU: Final = frozenset({"eu"})
_PLACES: Final[Mapping[str, str]] = {
    # regions of the shipped rulesets → DPV's locations (ISO 3166); others are written as text
    "br": "loc:BR",
    "ca": "loc:CA",
    "ch": "loc:CH",
    "eu": "loc:EU",
    "hk": "loc:HK",
    "uk": "loc:GB",
    "us": "loc:US",
    "us-ca": "loc:US-CA",
}
_STATES: Final[Mapping[EventKind, str]] = {
    EventKind.GRANT: "dpv:ConsentGiven",
    EventKind.REFUSAL: "dpv:ConsentRefused",
    EventKind.WITHDRAWAL: "dpv:ConsentWithdrawn",
    # 27560 has no state for an objection, which is to another legal basis; it is a no all the same
    EventKind.OBJECTION: "dpv:ConsentRefused",
}
_UNKNOWN: Final = "dpv:ConsentUnknown"
_SIGNAL: Final = "signal:"
_BASES: Final[Mapping[Ground, str]] = {
    Ground.CONSENT: "dpv:ExpressedConsent",
    Ground.NOT_OBJECTED: "dpv:LegitimateInterest",
    Ground.CONTRACT: "dpv:Contract",
}
_ROLES: Final[Mapping[str, str]] = {
    "platform": "dpv:DataController",
    "provider": "dpv:DataProcessor",
    "third-party": "dpv:ThirdParty",
}


def receipt_27560(facts: ReceiptFacts) -> dict[str, Json]:
    """Return the receipt as a JSON-LD document whose context stands in it.

    Raises:
        InputError: `receipt.no-choice`, the member has made none.
    """
    if not facts.events:
        raise InputError(
            "the member has made no choice a receipt could be about",
            code="receipt.no-choice",
            hint="silence is no: until they say yes, nothing is used",
        )
    number = facts.receipt_number()
    operator = _operator_id(facts.operator)
    return {
        "@context": context(),
        "@id": f"urn:uuid:{number}",
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": RECEIPT_SCHEMA,
        "dct:identifier": number,
        "dpv:hasIdentifier": number,
        "dct:created": format_instant(facts.at),
        "dct:publisher": operator,
        "dpv:hasEntity": [_operator(facts.operator), _subject(facts)],
        "dpv:hasRecordOfActivity": [_record(facts, scope) for scope in facts.scopes()],
        "bl:log": {"bl:origin": facts.operator.origin, "bl:checkpoint": facts.checkpoint},
        "bl:notStated": _not_stated(facts.operator),
        "bl:privateReceipt": {
            "bl:format": "byleave-receipt/v1",
            "bl:sha256": facts.private.hex(),
        },
        "bl:taxonomy": {
            "bl:sha256": facts.taxonomy.digest.hex(),
            "bl:version": facts.taxonomy.version,
        },
    }


@cache
def context() -> dict[str, Json]:
    """Return the JSON-LD context that stands in every receipt; ours, shipped with the package."""
    folder = resources.files("byleave.consent") / "contexts"
    document: dict[str, Json] = json.loads((folder / "receipt-27560-v1.jsonld").read_text("ascii"))
    return document


def _record(facts: ReceiptFacts, scope: Scope) -> dict[str, Json]:
    number = facts.number("record", str(scope))
    about = facts.about(scope)
    control = _where(facts.operator.settings or facts.operator.contact)
    return {
        "@id": f"urn:uuid:{number}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": RECORD_SCHEMA,
        "dct:identifier": number,
        "dpv:hasIdentifier": number,
        "dpv:hasDataSubject": _reference(_subject_id(facts)),
        "dpv:hasDataController": _operator_id(facts.operator),
        "dpv:hasJurisdiction": _jurisdiction(facts.region),
        "dpv:hasLegalBasis": _basis(facts.region),
        "dpv:hasNotice": _notices(facts, about),
        "dpv:hasProcess": _process(facts, scope),
        "dpv:hasConsentControl": {"@type": "dpv:WithdrawConsent", **control},
        "dpv:hasRight": {
            "@type": _types("dpv:DataSubjectRight", "eu-gdpr:A7-3", facts.region),
            "dct:title": "Right to withdraw consent at any time",
            **control,
        },
        "dpv:hasConsentStatus": [_event(facts, logged) for logged in about],
        "bl:scope": str(scope),
        "bl:standing": _standing(facts, scope),
        **_answer(facts, scope),
    }


def _standing(facts: ReceiptFacts, scope: Scope) -> dict[str, Json]:
    """Return what the choices come to alone; it says nothing of what is allowed."""
    agreed = facts.agreed(scope)
    return {
        "bl:at": format_instant(facts.at),
        "bl:because": _counted(agreed.because),
        "bl:state": agreed.state,
        "bl:uses": agreed.uses,
        "bl:usesAgreed": agreed.agreed,
    }


def _answer(facts: ReceiptFacts, scope: Scope) -> dict[str, Json]:
    """Return what a gate answers, with a permission for each ground and a prohibition for each
    reason for which rules stop uses.
    """
    answer = facts.answer(scope)
    return {
        "bl:answer": {
            "bl:at": format_instant(facts.at),
            "bl:because": _counted(answer.because),
            "bl:uses": answer.uses,
            "bl:usesAllowed": answer.allowed,
            "bl:usesStopped": sum(len(one.uses) for one in answer.prohibited),
        },
        "dpv:hasPermission": [
            {
                "@type": "dpv:Permission",
                "dpv:hasLegalBasis": _BASES[one.ground],
                "bl:ground": one.ground.word,
                "bl:use": [str(use) for use in one.uses],
            }
            for one in answer.permitted
        ],
        "dpv:hasProhibition": [_prohibition(one) for one in answer.prohibited],
    }


def _prohibition(found: Prohibited) -> dict[str, Json]:
    written: dict[str, Json] = {
        "@type": "dpv:Prohibition",
        "dct:identifier": found.reason.word,
        "dct:title": found.reason.meaning,
        "bl:use": [str(use) for use in found.uses],
        "bl:usesAgreed": found.agreed,
        "bl:rule": [_rule(rule) for rule in found.rules],
    }
    if found.index is not None:
        written["bl:logIndex"] = found.index
    return written


def _rule(rule: StopRule) -> dict[str, Json]:
    written: dict[str, Json] = {
        "@type": "dpv:Rule",
        "dct:identifier": rule.ruleset,
        "dct:source": _text_or_unknown(rule.cite),
        "bl:since": format_instant(rule.since),
    }
    if rule.until is not None:
        written["bl:until"] = format_instant(rule.until)
    return written


def _counted(because: Mapping[str, int]) -> list[Json]:
    return [f"{word}: {count}" for word, count in because.items()]


def _event(facts: ReceiptFacts, logged: LoggedEvent) -> dict[str, Json]:
    event = logged.event
    is_grant = event.kind is EventKind.GRANT
    counts = not is_grant or event.grade >= facts.accepted
    state = _STATES.get(event.kind, _UNKNOWN) if counts else _UNKNOWN
    written: dict[str, Json] = {
        "@type": [state, "dpv:ExpressedConsent"] if is_grant and counts else [state],
        "dpv:isIndicatedAtTime": format_instant(event.effective),
        "dpv:isIndicatedBy": _subject_id(facts),
        "dpv:hasIndicationMethod": event.channel,
        "dpv:hasDuration": _duration(event),
        "dpv:hasNotice": _reference(_notice_id(facts, event)),
        "bl:kind": event.kind.name.lower(),
        "bl:scope": str(event.scope),
        "bl:includesPast": event.includes_past,
        "bl:evidenceGrade": event.grade.name.lower(),
        "bl:recorded": format_instant(event.recorded),
        "bl:logIndex": event.index,
        "bl:leafHash": logged.leaf.hex(),
        "bl:logProof": logged.proof,
    }
    if event.evidence is not None:
        written["bl:evidenceSha256"] = sha256(event.evidence.encode()).hex()
        if event.channel.startswith(_SIGNAL):
            written["bl:signal"] = {
                f"bl:{name}": value for name, value in json.loads(event.evidence).items()
            }
    return written


def _duration(event: ConsentEvent) -> dict[str, Json]:
    if event.expires is not None:
        until = {"@type": "xsd:dateTime", "@value": format_instant(event.expires)}
        return {"@type": "dpv:UntilTimeDuration", "rdf:value": until}
    ends = "withdrawal" if event.kind is EventKind.GRANT else "a later choice of the data subject"
    return {"@type": "dpv:UntilEventDuration", "rdf:value": ends}


def _notices(facts: ReceiptFacts, about: Sequence[LoggedEvent]) -> list[Json]:
    """Return the notices that the events answer, each once; a signal answers none."""
    written: dict[str, Json] = {}
    for logged in about:
        event = logged.event
        name = _notice_id(facts, event)
        shown = facts.notices.get(event.notice or "")
        if shown is None:
            is_signal = event.channel.startswith(_SIGNAL)
            written[name] = {
                "@id": name,
                "@type": "dpv:ConsentNotice",
                "dct:language": "und",
                "dpv:hasApplicability": "dpv:NotApplicable" if is_signal else "dpv:NotAvailable",
            }
            continue
        written[name] = {
            "@id": name,
            "@type": "dpv:ConsentNotice",
            "dct:date": format_instant(shown.published),
            "dct:identifier": shown.notice.id,
            "dct:language": shown.notice.language,
            "bl:control": shown.notice.control.value,
            "bl:logIndex": shown.index,
            "bl:sha256": shown.notice.sha256.hex(),
        }
    return list(written.values())


def _notice_id(facts: ReceiptFacts, event: ConsentEvent) -> str:
    shown = facts.notices.get(event.notice or "")
    if shown is not None:
        return f"urn:byleave:log:{_escaped(facts.operator.origin)}:{shown.index}"
    return "urn:byleave:notice:" + ("none" if event.channel.startswith(_SIGNAL) else "unknown")


def _process(facts: ReceiptFacts, scope: Scope) -> dict[str, Json]:
    trees = facts.taxonomy
    recipients = [
        {**_term("recipient", term), "@type": ["dpv:Recipient", *_role(name)]}
        for name, term in _below(trees.recipients, scope.recipient)
    ]
    written: dict[str, Json] = {
        "@type": "dpv:Process",
        "dpv:hasPurpose": [
            {**_term("purpose", term), "@type": "dpv:Purpose"}
            for _, term in _below(trees.purposes, scope.purpose)
        ],
        "dpv:hasPersonalData": [
            {**_term("category", term), "@type": "dpv:PersonalData"}
            for _, term in _below(trees.categories, scope.category)
        ],
        "dpv:hasRecipient": recipients,
        "dpv:hasStorageCondition": [
            {"@type": "dpv:StorageLocation", **_stated("dpv:hasLocation", facts.operator.storage)},
            {
                "@type": "dpv:StorageDuration",
                **_stated("dpv:hasDuration", facts.operator.retention),
            },
        ],
    }
    if scope.purpose == "*" or scope.purpose.partition(".")[0] == "train":
        written["dpv:hasProcessing"] = "ai:ModelTraining"
    return written


def _role(recipient: str) -> list[str]:
    role = _ROLES.get(recipient.partition(".")[0])
    return [] if role is None else [role]


def _below(tree: Mapping[str, Term], prefix: str) -> list[tuple[str, Term]]:
    """Return the one term that a scope names; for `*` the roots of the tree."""
    if prefix == "*":
        return [(name, term) for name, term in tree.items() if "." not in name]
    return [(prefix, tree[prefix])]


def _term(part: str, term: Term) -> dict[str, Json]:
    written: dict[str, Json] = {
        "@id": f"urn:byleave:term:{part}:{term.name}",
        "dct:identifier": term.name,
        "dct:title": term.sentence,
    }
    if term.dpv is not None:
        written["skos:broader"] = term.dpv
    return written


def _operator(party: Party) -> dict[str, Json]:
    return {
        "@id": _operator_id(party),
        "@type": "dpv:DataController",
        "dpv:hasIdentifier": party.origin,
        "dpv:hasName": party.name,
        "schema:address": _text_or_unknown(party.address),
        "schema:contactPoint": _text_or_unknown(party.contact),
    }


def _not_stated(party: Party) -> list[Json]:
    """Return the mandatory fields of 27560 that the operator has left open."""
    fields = {
        "party address": party.address,
        "party contact": party.contact,
        "retention period": party.retention,
        "storage locations": party.storage,
        "withdrawal method": party.settings or party.contact,
    }
    return [name for name, value in fields.items() if value is None]


def _subject(facts: ReceiptFacts) -> dict[str, Json]:
    name = _subject_id(facts)
    return {
        "@id": name,
        "@type": "dpv:DataSubject",
        "dpv:hasIdentifier": name.removeprefix("urn:uuid:"),
    }


def _subject_id(facts: ReceiptFacts) -> str:
    return f"urn:uuid:{facts.number('principal')}"


def _operator_id(party: Party) -> str:
    return f"urn:byleave:operator:{_escaped(party.origin)}"


def _jurisdiction(region: str | None) -> dict[str, Json]:
    if region is None:
        return {"@type": "dpv:Location", "dpv:hasApplicability": "dpv:NotAvailable"}
    written: dict[str, Json] = {"@type": "dpv:Location", "dct:identifier": region}
    if region in _PLACES:
        written["@id"] = _PLACES[region]
    return written


def _basis(region: str | None) -> list[Json]:
    return ["dpv:ExpressedConsent", *(["eu-gdpr:A6-1-a"] if region in _EU else [])]


def _types(first: str, european: str, region: str | None) -> list[Json]:
    return [first, european] if region in _EU else [first]


def _where(address: str | None) -> dict[str, Json]:
    return _stated("dpv:isExercisedAt", address)


def _stated(name: str, value: str | None) -> dict[str, Json]:
    return {"dpv:hasApplicability": "dpv:NotAvailable"} if value is None else {name: value}


def _text_or_unknown(value: str | None) -> Any:  # noqa: ANN401 (a text, or a node)
    return {"dpv:hasApplicability": "dpv:NotAvailable"} if value is None else value


def _reference(name: str) -> dict[str, Json]:
    return {"@id": name}


def _escaped(text: str) -> str:
    """Return a text as part of a URN: everything but RFC 3986's unreserved and `/` escaped."""
    return "".join(
        chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}" for byte in text.encode()
    )
