"""The kinds for programs, held against the checkers of others, and ours where those see nothing."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import mlcroissant
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import byleave.summary
from byleave.errors import InputError
from byleave.summary.cyclonedx import dangling
from byleave.summary.field import FILL
from byleave.wiring import Workspace
from tests.unit.service.small import Grown
from tests.unit.summary.test_words import recount

pytestmark = pytest.mark.filterwarnings(
    "ignore:ConjunctiveGraph is deprecated:DeprecationWarning"  # mlcroissant, by way of rdflib
)


def strict(document: dict[str, Any]) -> object:
    """Return what CycloneDX's own strict validator objects to, or None."""
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))


@pytest.fixture
def bom(ws: Workspace) -> dict[str, Any]:
    """The BOM of the release in service."""
    found = json.loads(ws.summary.make("cyclonedx"))
    assert isinstance(found, dict)
    return found


@pytest.fixture
def described(ws: Workspace) -> dict[str, Any]:
    """The Croissant description of its snapshot."""
    found = json.loads(ws.summary.make("croissant"))
    assert isinstance(found, dict)
    return found


def test_the_strict_validator_takes_the_bom(bom: dict[str, Any]) -> None:
    """CycloneDX 1.6's strict validator accepts it, and refuses it with one key more."""
    assert strict(bom) is None
    bom["components"][0]["consent"] = "yes"
    assert strict(bom) is not None


def test_every_reference_leads_somewhere(bom: dict[str, Any]) -> None:
    """No claim, evidence, requirement or data set dangles; one that does is found, if only by us."""
    assert dangling(bom) == ()
    bent = copy.deepcopy(bom)
    bent["declarations"]["claims"][0]["evidence"] = ["entry:none"]
    bent["metadata"]["component"]["modelCard"]["modelParameters"]["datasets"] = [{"ref": "gone"}]
    assert strict(bent) is None
    assert dangling(bent) == ("entry:none", "gone")


def test_the_bom_is_a_recount(bom: dict[str, Any], grown: Grown) -> None:
    """Records, members and categories of the data component equal a count of the files."""
    mine = recount(grown)
    said = {p["name"]: p["value"] for p in bom["components"][0]["properties"]}
    for name in ("records", "members", "removed"):
        assert said[f"byleave:{name}"] == str(mine[name])
    for name, number in mine["kinds"].items():
        assert said[f"byleave:category:{name}"] == str(number)


def test_unlearning_is_claimed_where_it_was_shown(ws: Workspace, bom: dict[str, Any]) -> None:
    """The release after the withdrawal claims G8 with its entry; the one before does not."""
    claims = {claim["bom-ref"] for claim in bom["declarations"]["claims"]}
    assert claims == {"claim:G6", "claim:G7", "claim:G8"}
    before = json.loads(ws.summary.make("cyclonedx", release="replies-1"))
    assert {c["bom-ref"] for c in before["declarations"]["claims"]} == {"claim:G6", "claim:G7"}
    kinds = {e["propertyName"] for e in bom["declarations"]["evidence"]}
    assert kinds == {"gate", "recipe", "snapshot", "unlearning"}


def test_the_platform_judges_itself_and_says_so(bom: dict[str, Any]) -> None:
    """The assessor is no third party, and the affirmation waits for a person."""
    assert [a["thirdParty"] for a in bom["declarations"]["assessors"]] == [False]
    assert bom["declarations"]["affirmation"]["statement"].startswith(FILL)


def test_the_same_release_has_the_same_serial(ws: Workspace, bom: dict[str, Any]) -> None:
    """A BOM made twice is the same document; nothing is drawn at random."""
    again = json.loads(ws.summary.make("cyclonedx"))
    assert again == bom


def test_a_bom_needs_a_release(ws: Workspace, grown: Grown) -> None:
    """About a snapshot alone there is no model to describe."""
    with pytest.raises(InputError) as caught:
        ws.summary.make("cyclonedx", snapshot=grown.snapshot)
    assert caught.value.code == "summary.release"


def test_mlcroissant_takes_the_description(described: dict[str, Any]) -> None:
    """MLCommons' own checker reads it as Croissant 1.1 without one error or warning."""
    issues = mlcroissant.Dataset(jsonld=described).metadata.ctx.issues
    assert not issues.errors
    assert not issues.warnings
    del described["distribution"][0]["sha256"]
    with pytest.raises(mlcroissant.ValidationError):
        mlcroissant.Dataset(jsonld=described)


def test_our_schema_sees_what_mlcroissant_does_not(described: dict[str, Any]) -> None:
    """A made-up ODRL action and a made-up `rai:` name pass mlcroissant and fail here."""
    folder = Path(byleave.summary.__file__).parent
    schema = json.loads((folder / "croissant.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(described, schema)
    action, name = copy.deepcopy(described), copy.deepcopy(described)
    action["usageInfo"]["odrl:permission"][0]["odrl:action"] = {"@id": "odrl:devour"}
    name["rai:dataVibes"] = "good"
    for bent in (action, name):
        assert not mlcroissant.Dataset(jsonld=bent).metadata.ctx.issues.errors
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bent, schema)


def test_the_description_is_a_recount(described: dict[str, Any], grown: Grown) -> None:
    """Counts, dates and digests in Croissant are those of the files themselves."""
    import hashlib

    mine = recount(grown)
    records, members = f"{mine['records']:,} records", f"{mine['members']:,} members"
    assert f"{records} of {members}" in described["description"]
    first, last = mine["dates"][0], mine["dates"][-1]
    frame = described["rai:dataCollectionTimeframe"]
    assert [at[:19] for at in frame] == [f"{at:%Y-%m-%dT%H:%M:%S}" for at in (first, last)]
    folders = {"data.parquet": "set-1", "removed.parquet": "set-2"}
    digests = {item["@id"]: item["sha256"] for item in described["distribution"]}
    assert digests == {
        name: hashlib.sha256((grown.path / "snapshots" / at / name).read_bytes()).hexdigest()
        for name, at in folders.items()
    }


def test_the_permission_is_the_use(described: dict[str, Any]) -> None:
    """The ODRL offer permits the purpose and recipient of the gate, and forbids passing on."""
    offer = described["usageInfo"]
    limits = [c["odrl:rightOperand"] for c in offer["odrl:permission"][0]["odrl:constraint"]]
    assert limits == ["train.generative.replies", "platform"]
    assert offer["odrl:prohibition"][0]["odrl:action"] == {"@id": "odrl:distribute"}
