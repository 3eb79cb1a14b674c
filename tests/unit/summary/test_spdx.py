"""SPDX 3.0.1, held against SPDX's own bindings, and ours where those see nothing."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import pytest
from spdx_python_model import load_data

from byleave.errors import InputError
from byleave.summary.field import FILL
from byleave.summary.spdx import dangling
from byleave.wiring import Workspace
from tests.unit.service.small import Grown
from tests.unit.summary.test_words import objects, recount


def read_back(document: dict[str, Any]) -> dict[str, Any]:
    """Read a document with SPDX's bindings and write it again, which checks types and counts."""
    model, found = load_data(document)
    target = io.BytesIO()
    model.JSONLDSerializer().write(found, target)
    again = json.loads(target.getvalue())
    assert isinstance(again, dict)
    return again


@pytest.fixture
def document(ws: Workspace) -> dict[str, Any]:
    """The SPDX document of the release in service."""
    found = json.loads(ws.summary.make("spdx"))
    assert isinstance(found, dict)
    return found


def of_type(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return the nodes of a type."""
    return [node for node in document["@graph"] if node["type"] == kind]


def counted(document: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the counts that stand beside the one element of a type."""
    (element,) = of_type(document, kind)
    (found,) = [
        json.loads(note["statement"])
        for note in of_type(document, "Annotation")
        if note["subject"] == element["spdxId"] and note.get("contentType") == "application/json"
    ]
    assert isinstance(found, dict)
    return found


def test_spdx_reads_it_and_writes_the_same(document: dict[str, Any]) -> None:
    """SPDX's own bindings read every element, and write every one of them again unchanged."""
    again = read_back(document)

    def plain(nodes: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {
            n["spdxId"]: {k: v for k, v in n.items() if k != "creationInfo"}
            for n in nodes
            if "spdxId" in n
        }

    assert plain(again["@graph"]) == plain(document["@graph"])
    assert len(again["@graph"]) == len(document["@graph"])


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("ai_AIPackage", "ai_autonomyType", "perhaps"),
        ("ai_AIPackage", "ai_consent", "yes"),
        ("dataset_DatasetPackage", "dataset_datasetType", []),
        ("dataset_DatasetPackage", "dataset_datasetType", ["messages"]),
        ("dataset_DatasetPackage", "builtTime", "yesterday"),
        ("Relationship", "relationshipType", "learnedFrom"),
        ("CreationInfo", "specVersion", "three"),
    ],
)
def test_spdx_refuses_a_bent_one(
    document: dict[str, Any], kind: str, key: str, value: object
) -> None:
    """A word, a property, a count or an instant that SPDX does not know is refused by its bindings."""
    of_type(document, kind)[0][key] = value
    with pytest.raises(Exception, match=r"."):
        read_back(document)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """No element, relationship or annotation dangles; one that does passes SPDX and is found by us."""
    assert dangling(document) == ()
    bent = copy.deepcopy(document)
    of_type(bent, "Relationship")[0]["to"] = ["urn:none"]
    of_type(bent, "Annotation")[0]["subject"] = "urn:gone"
    read_back(bent)
    assert dangling(bent) == ("urn:gone", "urn:none")


def test_the_document_names_all_that_is_in_it(document: dict[str, Any]) -> None:
    """The document lists each element once, its root is the model, and it claims no more profiles."""
    (own,) = of_type(document, "SpdxDocument")
    (model,) = of_type(document, "ai_AIPackage")
    there = [n["spdxId"] for n in document["@graph"] if "spdxId" in n and n is not own]
    assert own["element"] == there
    assert len(set(there)) == len(there)
    assert own["rootElement"] == [model["spdxId"]]
    assert own["profileConformance"] == ["core", "software"]


def test_each_package_has_one_licence_of_each_kind_that_nobody_asserts(
    document: dict[str, Any],
) -> None:
    """Declared and concluded licence stand once for model and data, and assert nothing."""
    for kind in ("ai_AIPackage", "dataset_DatasetPackage"):
        (element,) = of_type(document, kind)
        for word in ("hasConcludedLicense", "hasDeclaredLicense"):
            (found,) = [
                r
                for r in of_type(document, "Relationship")
                if (r["from"], r["relationshipType"]) == (element["spdxId"], word)
            ]
            assert found["to"] == ["expandedlicensing_NoAssertionLicense"]


def test_the_counts_are_a_recount(document: dict[str, Any], grown: Grown) -> None:
    """Records, members, categories and entries equal a count of files and rows without Byleave."""
    mine, theirs = recount(grown), counted(document, "dataset_DatasetPackage")
    for name in ("records", "members", "party_records", "removed"):
        assert theirs[name] == mine[name]
    assert theirs["categories"] == dict(mine["kinds"])
    release_at, release = next(
        (i, d) for i, d in objects(grown.path, "release") if d["superseded_by"] is None
    )
    sealed_at, sealed = next(
        (i, d) for i, d in objects(grown.path, "snapshot") if d["snapshot"] == release["snapshot"]
    )
    assert (theirs["entry"], theirs["gate"]) == (sealed_at, sealed["gate"])
    model = counted(document, "ai_AIPackage")
    assert model["entry"] == release_at
    (package,), (data,) = (
        of_type(document, kind) for kind in ("ai_AIPackage", "dataset_DatasetPackage")
    )
    assert package["verifiedUsing"][0]["hashValue"] == release["model"]
    assert data["verifiedUsing"][0]["hashValue"] == sealed["files"]["manifest.json"]
    assert data["software_packageVersion"] == sealed["root"]
    assert f"{mine['records']:,} records of {mine['members']:,} members" in str(
        package["ai_informationAboutTraining"]
    )
    unlearned = [i for i, d in objects(grown.path, "unlearning") if d["to"] == release["release"]]
    assert model["unlearning"] == unlearned


def test_what_a_person_says_is_open(document: dict[str, Any]) -> None:
    """Places, licences, limits and biases are left to a person; nothing else begins so."""
    said = [n["statement"] for n in of_type(document, "Annotation") if "contentType" not in n]
    assert len(said) == 3
    assert all(text.startswith(FILL) for text in said)
    assert json.dumps(document).count(FILL) == 3


def test_the_same_release_has_the_same_document(ws: Workspace, document: dict[str, Any]) -> None:
    """Made twice it is the same, address for address; another release has others."""
    assert json.loads(ws.summary.make("spdx")) == document
    before = json.loads(ws.summary.make("spdx", release="replies-1"))
    mine, theirs = ({n.get("spdxId") for n in d["@graph"]} - {None} for d in (document, before))
    assert not mine & theirs


def test_it_needs_a_release(ws: Workspace, grown: Grown) -> None:
    """About a snapshot alone there is no model to describe."""
    with pytest.raises(InputError) as caught:
        ws.summary.make("spdx", snapshot=grown.snapshot)
    assert caught.value.code == "summary.release"
