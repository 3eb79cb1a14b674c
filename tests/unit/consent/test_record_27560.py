"""The standard receipt: in its one encoding, in shape, with no secret, and nothing made up.

`python -m tests.unit.consent.test_record_27560` writes the vectors again.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

import pytest
from pyshacl import validate
from rdflib import RDF, Graph, URIRef

from byleave.canonical import decode, encode, sha256
from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade, NoticeCoverage
from byleave.consent.receipt_facts import (
    LoggedEvent,
    NoticeShown,
    Party,
    ReceiptFacts,
)
from byleave.consent.record_27560 import receipt_27560
from byleave.consent.signal.adapters import parse
from byleave.errors import InputError
from byleave.ids import LedgerIndex, MemberId, parse_instant
from byleave.policy.notice import Control, make_notice
from byleave.policy.ruleset import RuleBook, default_rules, parse_rules
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import default_taxonomy
from tests.conftest import ROOT
from tests.unit.consent.answered import answers_of

# rdflib warns of its own JSON-LD parser's use of its own class.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")

TAXONOMY = default_taxonomy()
VECTORS = ROOT / "tests" / "vectors" / "receipt"
SECRET = sha256(b"the secret of a member of a test")
REPLIES = "train.generative.replies/messages/platform"
DPV = "https://w3id.org/dpv#"
NOTICE = make_notice(
    b"May your messages train the model that suggests replies?\n",
    id="replies 7",
    language="en",
    control=Control.NONE,
    asks=[Scope.parse(REPLIES)],
    taxonomy=TAXONOMY,
)
STATED = Party(
    origin="log.example.com/byleave",
    name="Example Network",
    contact="privacy@example.com",
    address="1 Example Street, Example Town",
    settings="https://example.com/settings/ai",
    storage="Ireland",
    retention="until withdrawal",
)
BARE = Party(origin="log.example.com/byleave", name="Example Network")


def logged(index: int, kind: EventKind, scope: str, day: str, **more: Any) -> LoggedEvent:
    at: datetime = parse_instant(day)
    event = ConsentEvent(
        member=MemberId("member@example.com"),
        index=LedgerIndex(index),
        kind=kind,
        scope=Scope.parse(scope),
        effective=at,
        recorded=at,
        **({"grade": EvidenceGrade.NONE} | more),
    )
    proof = f"c2sp.org/tlog-proof@v1\nindex {index}\n\nlog.example.com/byleave\n40\nAAAA\n"
    return LoggedEvent(event=event, leaf=sha256(b"leaf %d" % index), proof=proof)


def facts(
    *events: LoggedEvent, age: int | None = None, book: RuleBook | None = None, **changes: Any
) -> ReceiptFacts:
    """Return the facts of a receipt; the answers are those of the gate's oracle."""
    given: dict[str, Any] = {
        "at": parse_instant("2024-11-21T14:31:00Z"),
        "operator": STATED,
        "secret": SECRET,
        "region": "eu",
        "events": events,
        "notices": {
            NOTICE.id: NoticeShown(
                notice=NOTICE, published=parse_instant("2024-09-01T00:00:00Z"), index=12
            )
        },
        "accepted": EvidenceGrade.BYTES,
        "checkpoint": "log.example.com/byleave\n40\nAAAA\n",
        "private": sha256(b"private"),
        "taxonomy": TAXONOMY,
    }
    given |= changes
    given.setdefault(
        "answers",
        answers_of(
            [logged.event for logged in events],
            at=given["at"],
            taxonomy=given["taxonomy"],
            book=default_rules() if book is None else book,
            notices={n: NoticeCoverage.of(shown.notice) for n, shown in given["notices"].items()},
            accepted=given["accepted"],
            region=given["region"],
            age=age,
        ),
    )
    return ReceiptFacts(**given)


YES = logged(
    20, EventKind.GRANT, REPLIES, "2024-09-30T18:03:00Z", notice=NOTICE.id,
    grade=EvidenceGrade.BYTES, includes_past=True, channel="portal",
    expires=parse_instant("2025-09-30T18:03:00Z"),
)  # fmt: skip
STOP = logged(31, EventKind.WITHDRAWAL, "train/messages/*", "2024-11-20T14:02:00.5Z")
OBJECTED = logged(22, EventKind.OBJECTION, "train.ranking/*/*", "2024-10-01T00:00:00Z")
IMPORTED = logged(
    23, EventKind.GRANT, "train.safety/content/platform", "2024-10-01T00:00:00Z",
    channel="import:platform", evidence='{"email":"someone@example.com"}',
)  # fmt: skip


def signal() -> LoggedEvent:
    (refusal,) = parse("gpc", b"Sec-GPC: 1\n", taxonomy=TAXONOMY)
    return logged(
        24, EventKind.REFUSAL, str(refusal.scope), "2024-10-01T00:00:00Z",
        channel=refusal.channel, evidence=refusal.evidence(),
    )  # fmt: skip


RULES = """\
rulesets: v1
version: own
sets:
  - ruleset: own
    title: Rules of a test
    effective: "2024-01-01"
    regions: [xx]
    rules:
      - {scope: "*/*/*", basis: opt-in, cite: "Act of a test s. 1"}
      - {scope: service/*/*, basis: contract, cite: "Act of a test s. 2"}
    messages: {party_rule: all, cite: "Act of a test s. 3"}
    past: {may_be_covered: true, cite: "Act of a test s. 4"}
    general_grants: {count: true, cite: "Act of a test s. 5"}
    suspensions:
      - {scope: train/messages.inmail/*, start: "2024-02-01", end: "2024-12-01", cite: "Order 7 of a test"}
"""
OWN = parse_rules(RULES, name="rules.yaml")
SERVICE = logged(25, EventKind.GRANT, "service/profile/platform", "2024-10-01T00:00:00Z")

CASES: dict[str, ReceiptFacts] = {
    "minor": facts(YES, age=15),
    "part-suspended": facts(YES, SERVICE, region="xx", book=OWN),
    "given": facts(YES),
    "withdrawn": facts(YES, STOP),
    "everything": facts(YES, OBJECTED, IMPORTED, signal(), STOP, region="us-ca"),
    "nothing-stated": facts(YES, signal(), operator=BARE, region=None),
    "own-region": facts(STOP, region="mars"),
}


@cache
def shapes() -> Graph:
    folder = resources.files("byleave.consent") / "contexts"
    text = (folder / "receipt-27560-v1.shapes.ttl").read_text("ascii")
    return Graph().parse(data=text, format="turtle")


def graph(document: dict[str, Any]) -> Graph:
    return Graph().parse(data=json.dumps(document), format="json-ld")


def conforms(document: dict[str, Any]) -> tuple[bool, str]:
    answer: Any = validate(graph(document), shacl_graph=shapes(), inference="none")
    return bool(answer[0]), str(answer[2])


def records(document: Any) -> dict[str, Any]:
    return {record["bl:scope"]: record for record in document["dpv:hasRecordOfActivity"]}


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_vectors(name: str) -> None:
    """The same facts give the same bytes: those of the vector, in the one encoding."""
    made = encode(receipt_27560(CASES[name]))
    assert made == (VECTORS / "v1" / f"{name}.jsonld").read_bytes()
    assert encode(decode(made)) == made


@pytest.mark.parametrize("name", sorted(CASES))
def test_receipts_are_in_shape(name: str) -> None:
    """Each vector holds every field that ISO/IEC TS 27560 asks for, as the DPV guide writes it."""
    holds, report = conforms(json.loads((VECTORS / "v1" / f"{name}.jsonld").read_bytes()))
    assert holds, report


def test_context_and_shapes_ship_with_word_of_whose_they_are() -> None:
    """The package holds both, and beside them their sources and licence, each file by its name."""
    folder = resources.files("byleave.consent") / "contexts"
    names = sorted(file.name for file in folder.iterdir())
    assert names == ["SOURCES", "receipt-27560-v1.jsonld", "receipt-27560-v1.shapes.ttl"]
    told = (folder / "SOURCES").read_text("ascii")
    assert all(name in told for name in names if name != "SOURCES")
    assert "LICENSE" in told


def test_reading_one_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The context stands in the document: a reader fetches nothing."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a receipt reached for the network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert len(graph(receipt_27560(CASES["everything"]))) > 200


RECEIPT_FIELDS = (
    "dct:conformsTo", "dpv:hasIdentifier", "dct:identifier", "dct:created", "dct:publisher",
    "dpv:hasRecordOfActivity", "dpv:hasEntity", "bl:privateReceipt", "bl:log",
)  # fmt: skip
RECORD_FIELDS = (
    "dct:conformsTo", "dpv:hasIdentifier", "dct:identifier", "dpv:hasDataSubject", "dpv:hasNotice",
    "dpv:hasProcess", "dpv:hasDataController", "dpv:hasLegalBasis", "dpv:hasConsentControl",
    "dpv:hasJurisdiction", "dpv:hasRight", "dpv:hasConsentStatus", "bl:standing", "bl:answer",
    "dpv:hasPermission", "bl:scope",
)  # fmt: skip
PROCESS_FIELDS = (
    "dpv:hasPurpose", "dpv:hasPersonalData", "dpv:hasRecipient", "dpv:hasStorageCondition",
)  # fmt: skip
EVENT_FIELDS = (
    "dpv:isIndicatedAtTime", "dpv:isIndicatedBy", "dpv:hasIndicationMethod", "dpv:hasDuration",
    "dpv:hasNotice", "bl:logIndex", "bl:leafHash", "bl:logProof", "@type",
)  # fmt: skip


ANSWER_FIELDS = ("bl:at", "bl:uses", "bl:usesAllowed", "bl:usesStopped")
STOPPED_FIELDS = ("dpv:hasProhibition",)
PROHIBITION_FIELDS = ("dct:identifier", "dct:title", "bl:use", "bl:usesAgreed", "bl:rule")
RULE_FIELDS = ("dct:identifier", "dct:source", "bl:since")


@pytest.mark.parametrize(
    ("place", "name"),
    [
        *(("receipt", name) for name in RECEIPT_FIELDS),
        *(("record", name) for name in RECORD_FIELDS),
        *(("process", name) for name in PROCESS_FIELDS),
        *(("event", name) for name in EVENT_FIELDS),
        *(("answer", name) for name in ANSWER_FIELDS),
        *(("stopped", name) for name in STOPPED_FIELDS),
        *(("prohibition", name) for name in PROHIBITION_FIELDS),
        *(("rule", name) for name in RULE_FIELDS),
        ("notice", "dct:language"),
        ("notice", "bl:sha256"),
        ("operator", "dpv:hasIdentifier"),
        ("operator", "schema:address"),
    ],
)
def test_the_shapes_miss_what_is_missing(place: str, name: str) -> None:
    """A receipt without any one mandatory field is not in shape."""
    document: Any = json.loads(encode(receipt_27560(CASES["given"])))
    if place in {"stopped", "prohibition", "rule"}:
        document = json.loads(encode(receipt_27560(CASES["minor"])))
    (record,) = document["dpv:hasRecordOfActivity"]
    stops = record["dpv:hasProhibition"]
    node = {
        "answer": record["bl:answer"],
        "stopped": record,
        "prohibition": stops[0] if stops else {},
        "rule": stops[0]["bl:rule"][0] if stops else {},
        "receipt": document,
        "record": record,
        "process": record["dpv:hasProcess"],
        "event": record["dpv:hasConsentStatus"][0],
        "notice": record["dpv:hasNotice"][0],
        "operator": document["dpv:hasEntity"][0],
    }[place]
    del node[name]
    assert not conforms(document)[0]


def test_only_terms_that_dpv_has() -> None:
    """Every DPV term in any vector is one of the release it was written against."""
    known = set((VECTORS / "dpv-terms.txt").read_text("ascii").split())
    used = {
        str(term)[len(DPV) :]
        for name in CASES
        for triple in graph(receipt_27560(CASES[name]))
        for term in triple
        if isinstance(term, URIRef) and str(term).startswith(DPV)
    }
    assert len(used) > 40
    assert used <= known


def test_only_terms_that_its_extensions_have() -> None:
    """Every concept that the trees name, and every one of an extension in any vector, is one of
    the release's lists, but for places; each name on our list is used somewhere.
    """
    base = "https://w3id.org/dpv"
    core = {f"#{term}" for term in (VECTORS / "dpv-terms.txt").read_text("ascii").split()}
    known = set((VECTORS / "dpv-extension-terms.txt").read_text("ascii").split())
    trees = (TAXONOMY.purposes, TAXONOMY.categories, TAXONOMY.recipients)
    named = {term.dpv for tree in trees for term in tree.values() if term.dpv is not None}
    shown = {
        str(term)
        for name in CASES
        for triple in graph(receipt_27560(CASES[name]))
        for term in triple
        if isinstance(term, URIRef) and str(term).startswith(base + "/") and "#" in term
    }
    used = {iri.removeprefix(base).removeprefix("/") for iri in named | shown}
    used = {term for term in used if not term.startswith(("loc#", "schema/"))}
    assert all(iri.startswith(base) for iri in named)
    assert {term for term in used if term.startswith("#")} <= core
    assert {term for term in used if not term.startswith("#")} == known


@pytest.mark.parametrize("name", sorted(CASES))
def test_it_names_no_member_and_holds_no_secret(name: str) -> None:
    """Neither the platform's id of the member, nor their secret, nor an import's details."""
    text = encode(receipt_27560(CASES[name])).decode()
    for private in ("member@example.com", "someone@example.com", SECRET.hex()):
        assert private not in text


def test_the_pseudonym_needs_the_secret() -> None:
    """Another secret gives other numbers throughout; the same one the same for ever."""
    one = receipt_27560(CASES["given"])
    other = receipt_27560(replace(CASES["given"], secret=sha256(b"another")))
    later = receipt_27560(replace(CASES["given"], at=parse_instant("2024-12-01T00:00:00Z")))
    numbers = [
        set(re.findall(r"urn:uuid:([0-9a-f-]{36})", json.dumps(d))) for d in (one, other, later)
    ]
    assert not numbers[0] & numbers[1]
    assert len(numbers[0] & numbers[2]) == 2  # the member and the record; not the receipt
    assert one["@id"] != later["@id"]


def test_a_record_for_each_scope_with_every_event_that_bears_on_it() -> None:
    """A wider withdrawal stands in the record of the narrower yes, so that it reads withdrawn."""
    by_scope = records(receipt_27560(CASES["withdrawn"]))
    assert list(by_scope) == [REPLIES, "train/messages/*"]
    record = by_scope[REPLIES]
    kinds = [event["bl:kind"] for event in record["dpv:hasConsentStatus"]]
    assert kinds == ["grant", "withdrawal"]
    assert record["bl:standing"]["bl:state"] == "dpv:ConsentWithdrawn"
    alone = by_scope["train/messages/*"]["dpv:hasConsentStatus"]
    assert [event["bl:scope"] for event in alone] == ["train/messages/*"]


def test_a_narrower_withdrawal_leaves_a_part() -> None:
    """Who said yes to messages and no to InMail has given a part, and the record says how much."""
    inmail = logged(30, EventKind.REFUSAL, "train/messages.inmail/*", "2024-10-01T00:00:00Z")
    record = records(receipt_27560(facts(YES, inmail)))[REPLIES]
    standing, answer = record["bl:standing"], record["bl:answer"]
    assert standing["bl:state"] == "bl:PartlyGiven"
    assert (standing["bl:usesAgreed"], standing["bl:uses"]) == (4, 5)
    assert (answer["bl:usesAllowed"], answer["bl:uses"]) == (4, 5)
    assert record["dpv:hasProhibition"] == []


def test_a_yes_that_a_rule_stops_is_given_and_prohibited() -> None:
    """A minor's yes stays a consent given; no use is allowed, and the rule and its source are named."""
    (record,) = records(receipt_27560(CASES["minor"])).values()
    assert record["dpv:hasConsentStatus"][0]["@type"][0] == "dpv:ConsentGiven"
    assert record["bl:standing"]["bl:state"] == "dpv:ConsentGiven"
    assert record["bl:standing"]["bl:usesAgreed"] == 5
    assert record["bl:answer"]["bl:usesAllowed"] == 0
    assert record["bl:answer"]["bl:because"] == ["minor: 5"]
    assert record["dpv:hasPermission"] == []
    (stop,) = record["dpv:hasProhibition"]
    assert (stop["dct:identifier"], stop["bl:logIndex"], len(stop["bl:use"])) == ("minor", 3, 5)
    (rule,) = stop["bl:rule"]
    assert rule["dct:identifier"].startswith("eu@")
    assert "Irish DPC" in rule["dct:source"]
    assert rule["bl:since"] <= "2024-11-21T14:31:00Z"


def test_one_use_of_several_may_be_stopped() -> None:
    """Of five uses agreed to, the suspended one is named with its order and dates; four are let."""
    record = records(receipt_27560(CASES["part-suspended"]))[REPLIES]
    assert (record["bl:standing"]["bl:usesAgreed"], record["bl:answer"]["bl:usesAllowed"]) == (5, 4)
    assert record["bl:answer"]["bl:because"] == ["granted: 4", "region-suspended: 1"]
    (stop,) = record["dpv:hasProhibition"]
    assert stop["bl:use"] == ["train.generative.replies/messages.inmail/platform"]
    assert stop["bl:rule"] == [
        {
            "@type": "dpv:Rule",
            "bl:since": "2024-02-01T00:00:00Z",
            "bl:until": "2024-12-01T00:00:00Z",
            "dct:identifier": "own@2024-01-01",
            "dct:source": "Order 7 of a test",
        }
    ]
    (grounded,) = record["dpv:hasPermission"]
    assert (grounded["bl:ground"], len(grounded["bl:use"])) == ("consent", 4)


def test_another_basis_is_never_called_consent() -> None:
    """G1: what the law allows without a yes that counts is permitted on its own legal basis."""
    record = records(receipt_27560(CASES["part-suspended"]))["service/profile/platform"]
    assert record["bl:standing"]["bl:state"] == "dpv:ConsentUnknown"
    assert record["bl:standing"]["bl:usesAgreed"] == 0
    assert {one["bl:ground"] for one in record["dpv:hasPermission"]} == {"contract"}
    assert {one["dpv:hasLegalBasis"] for one in record["dpv:hasPermission"]} == {"dpv:Contract"}


@pytest.mark.parametrize(
    ("event", "state", "standing"),
    [
        (YES, "dpv:ConsentGiven", "dpv:ConsentGiven"),
        (STOP, "dpv:ConsentWithdrawn", "dpv:ConsentWithdrawn"),
        (OBJECTED, "dpv:ConsentRefused", "dpv:ConsentRefused"),
        (IMPORTED, "dpv:ConsentUnknown", "dpv:ConsentUnknown"),
        (signal(), "dpv:ConsentRefused", "dpv:ConsentRefused"),
    ],
)
def test_states(event: LoggedEvent, state: str, standing: str) -> None:
    """Each kind of event has its state; a yes without evidence is unknown, which is no."""
    (record,) = records(receipt_27560(facts(event))).values()
    assert record["dpv:hasConsentStatus"][0]["@type"][0] == state
    assert record["bl:standing"]["bl:state"] == standing


def test_a_yes_that_has_run_out_is_expired() -> None:
    """The event stays given with its end; what holds now is expired."""
    late = facts(YES, at=parse_instant("2025-10-01T00:00:00Z"))
    (record,) = records(receipt_27560(late)).values()
    (event,) = record["dpv:hasConsentStatus"]
    assert event["@type"][0] == "dpv:ConsentGiven"
    assert event["dpv:hasDuration"]["rdf:value"]["@value"] == "2025-09-30T18:03:00Z"
    assert record["bl:standing"]["bl:state"] == "dpv:ConsentExpired"


def test_what_is_not_known_is_said_to_be_not_available() -> None:
    """A mandatory field that the operator left open is listed and marked; nothing is made up."""
    bare: Any = receipt_27560(CASES["nothing-stated"])
    assert bare["bl:notStated"] == [
        "party address", "party contact", "retention period", "storage locations",
        "withdrawal method",
    ]  # fmt: skip
    assert receipt_27560(CASES["given"])["bl:notStated"] == []
    marked = list(
        graph(bare).subjects(URIRef(DPV + "hasApplicability"), URIRef(DPV + "NotAvailable"))
    )
    assert len(marked) >= len(bare["bl:notStated"])
    assert "Example Street" not in json.dumps(bare)


def test_a_signal_answers_no_notice() -> None:
    """The record of a signal says that no notice applies, and which specification spoke."""
    (record,) = records(receipt_27560(facts(signal()))).values()
    assert record["dpv:hasNotice"][0]["dpv:hasApplicability"] == "dpv:NotApplicable"
    assert record["dpv:hasConsentStatus"][0]["bl:signal"]["bl:said"] == "Sec-GPC: 1"


def test_silence_has_no_receipt() -> None:
    """Who made no choice gets none: a record of nothing would be made up."""
    with pytest.raises(InputError) as error:
        receipt_27560(facts())
    assert error.value.code == "receipt.no-choice"


def test_every_node_of_the_graph_has_one_meaning() -> None:
    """No two nodes of a receipt share an id and differ in type."""
    types: dict[Any, set[Any]] = {}
    found = graph(receipt_27560(CASES["everything"]))
    for subject, kind in _typed(found):
        types.setdefault(subject, set()).add(kind)
    controllers = [s for s, t in types.items() if URIRef(DPV + "DataController") in t]
    assert len(types) > 15
    assert all(URIRef(DPV + "DataSubject") not in types[s] for s in controllers)


def _typed(found: Graph) -> Iterator[tuple[Any, Any]]:
    yield from ((s, o) for s, _, o in found.triples((None, RDF.type, None)))


def test_the_page_lists_the_shapes_fields() -> None:
    """docs/spec/receipt.md names every field of receipt, record, process and event."""
    page = (ROOT / "docs" / "spec" / "receipt.md").read_text("utf-8")
    names = {
        *RECEIPT_FIELDS, *RECORD_FIELDS, *PROCESS_FIELDS, *EVENT_FIELDS, *ANSWER_FIELDS,
        *STOPPED_FIELDS, *PROHIBITION_FIELDS, *RULE_FIELDS,
    } - {"@type"}  # fmt: skip
    assert not [name for name in names if f"`{name}`" not in page]


if __name__ == "__main__":
    for case, given in CASES.items():
        (VECTORS / "v1" / f"{case}.jsonld").write_bytes(encode(receipt_27560(given)))
