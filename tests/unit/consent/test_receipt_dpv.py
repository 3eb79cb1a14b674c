"""Receipts against what DPV itself declares of its terms: classes, properties and their values."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from pyshacl import validate
from rdflib import RDF, RDFS, SH, BNode, Graph, Namespace, URIRef

from byleave.consent.record_27560 import receipt_27560
from tests.unit.consent.test_record_27560 import CASES, VECTORS, graph

# rdflib warns of its own JSON-LD parser's use of its own class.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")

DPV = Namespace("https://w3id.org/dpv#")
# what a receipt may say in words or by an address, where DPV suggests a node of a class
IN_WORDS = {"hasDuration", "hasLocation", "isExercisedAt"}


class Declared(NamedTuple):
    """What DPV declares of one term."""

    kind: str
    above: tuple[str, ...]
    values: str


def declared() -> dict[str, Declared]:
    """Return what was read of each term."""
    lines = (VECTORS / "dpv-kinds.tsv").read_text("ascii").splitlines()
    found = {}
    for line in lines:
        if not line.startswith("#"):
            term, kind, above, values = line.split("\t")
            found[term] = Declared(kind, tuple(above.replace("-", "").split()), values)
    return found


def vocabulary() -> Graph:
    """Return the declarations as RDF: a class is under, and its own concept is of, what is above."""
    found = Graph()
    for term, said in declared().items():
        found.add((DPV[term], RDF.type, RDFS.Class if said.kind == "class" else RDF.Property))
        for above in said.above if said.kind == "class" else ():
            found.add((DPV[term], RDFS.subClassOf, DPV[above]))
            found.add((DPV[term], RDF.type, DPV[above]))
    return found


def shapes() -> Graph:
    """Return a shape for each property whose values DPV names: all of that class."""
    found = Graph()
    for term, said in declared().items():
        if said.values != "-" and term not in IN_WORDS:
            shape, each = URIRef(f"urn:byleave:dpv:{term}"), BNode()
            found.add((shape, RDF.type, SH.NodeShape))
            found.add((shape, SH.targetSubjectsOf, DPV[term]))
            found.add((shape, SH.property, each))
            found.add((each, SH.path, DPV[term]))
            found.add((each, SH["class"], DPV[said.values]))
    return found


def conforms(document: Graph) -> tuple[bool, str]:
    """Hold a receipt to what DPV declares, but for the terms of its extensions."""
    held = vocabulary()
    for triple in document:
        if not str(triple[2]).startswith("https://w3id.org/dpv/"):
            held.add(triple)
    fits, _, text = validate(held, shacl_graph=shapes(), inference="none", advanced=False)
    return bool(fits), str(text)


def test_every_term_on_the_list_was_read_where_it_is_declared() -> None:
    """Each DPV term that a receipt may use has a kind: capitals are classes, the rest properties."""
    terms = set((VECTORS / "dpv-terms.txt").read_text("ascii").split())
    assert terms <= declared().keys()
    for term, said in declared().items():
        assert said.kind == ("class" if term[0].isupper() else "property")


@pytest.mark.parametrize("name", sorted(CASES))
def test_values_are_of_the_class_that_dpv_names(name: str) -> None:
    """In every receipt a property's values are of its class, and each type is a class of DPV."""
    found = graph(receipt_27560(CASES[name]))
    kinds = {str(DPV[term]): said.kind for term, said in declared().items()}
    fits, text = conforms(found)
    assert fits, text
    assert {kinds[str(p)] for p in found.predicates() if str(p).startswith(str(DPV))} == {
        "property"
    }
    assert {
        kinds[str(t)] for t in found.objects(None, RDF.type) if str(t).startswith(str(DPV))
    } == {"class"}


def test_a_value_of_another_class_is_found() -> None:
    """A record whose status is a purpose does not conform."""
    found = graph(receipt_27560(CASES["given"]))
    (record, _, _) = next(found.triples((None, DPV.hasConsentStatus, None)))
    found.add((record, DPV.hasConsentStatus, DPV.ServiceProvision))
    assert not conforms(found)[0]


def test_only_a_given_consent_is_valid_for_processing() -> None:
    """Of the states that a receipt may show, DPV calls one valid for processing."""
    states = {
        term: said.above
        for term, said in declared().items()
        if set(said.above)
        & {"ConsentStatusValidForProcessing", "ConsentStatusInvalidForProcessing"}
    }
    assert [t for t, a in states.items() if "ConsentStatusValidForProcessing" in a] == [
        "ConsentGiven"
    ]
    assert len(states) == 5
