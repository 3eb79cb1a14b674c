"""A machine-learning bill of materials with declarations: CycloneDX 1.6 (ECMA-424), as JSON.

The model and its snapshot as components; what is claimed of them, the log entries that are its
evidence, and the requirements it answers, which are Byleave's own guarantees. The platform
assesses itself here, and the document says so (`thirdParty` false). The strict validator of
CycloneDX takes references that lead nowhere: `dangling` does not.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Final

from byleave.summary import say
from byleave.summary.field import FILL, NOT_ADVICE
from byleave.summary.subject import Subject, Trained

__all__ = ["LAW", "cyclonedx", "dangling"]

LAW: Final = "CycloneDX 1.6, ECMA-424 (no law)"
_STANDARD: Final = "byleave-guarantees"
_REQUIREMENTS: Final = (
    ("G6", "Only the gate makes training data", "Every record fitted on passed the gate."),
    ("G7", "A snapshot says what it holds", "Its records are committed to in a public log."),
    ("G8", "Withdrawal reaches backwards", "What was withdrawn is out of the model."),
)
_REFERS: Final = frozenset({"assessor", "requirement", "target", "ref"})
_LISTS: Final = frozenset(
    {"claims", "counterClaims", "evidence", "counterEvidence", "mitigationStrategies"}
)


def cyclonedx(subject: Subject) -> dict[str, Any]:
    """Return the BOM of a release."""
    model = subject.trained
    assert model is not None  # noqa: S101 (`kinds.written` refuses before)
    name = f"{subject.operator.origin}/{model.name}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{name}/{model.model}')}",
        "version": 1,
        "metadata": {
            "timestamp": subject.stated,
            "component": _model(subject, model),
            "manufacturer": {"name": subject.operator.name},
            "properties": [
                *(_property("note", note) for note in (*subject.notes, NOT_ADVICE)),
                _property("log", subject.operator.origin),
            ],
        },
        "components": [_data(subject)],
        "dependencies": [
            {"ref": _model_ref(model), "dependsOn": [_data_ref(subject)]},
            {"ref": _data_ref(subject)},
        ],
        "definitions": {"standards": [_standard()]},
        "declarations": _declarations(subject, model),
    }


def dangling(bom: dict[str, Any]) -> tuple[str, ...]:
    """Return the references of a BOM that lead to nothing in it, in order."""
    known = {item["bom-ref"] for item in _objects(bom) if "bom-ref" in item}
    found = set()
    for item in _objects(bom):
        named = [item[key] for key in _REFERS if isinstance(item.get(key), str)]
        for key in _LISTS | {"dependsOn"}:
            named += [ref for ref in item.get(key) or [] if isinstance(ref, str)]
        found |= {ref for ref in named if ref not in known}
    return tuple(sorted(found))


def _objects(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 (JSON)
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _model_ref(model: Trained) -> str:
    return f"release:{model.name}"


def _data_ref(subject: Subject) -> str:
    return f"snapshot:{subject.sealed.name}"


def _property(name: str, value: object) -> dict[str, str]:
    return {"name": f"byleave:{name}", "value": str(value)}


def _model(subject: Subject, model: Trained) -> dict[str, Any]:
    metrics = [{"type": name, "value": str(value)} for name, value in sorted(model.quality.items())]
    card: dict[str, Any] = {
        "modelParameters": {
            "task": subject.sealed.sentence,
            "modelArchitecture": str(model.recipe.get("algorithm", model.trainer)),
            "datasets": [{"ref": _data_ref(subject)}],
        },
        "considerations": {
            "useCases": [f"{subject.sealed.use}: {subject.sealed.sentence}"],
            "technicalLimitations": [FILL + "what the model is known to do badly"],
        },
    }
    if metrics:
        card["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    return {
        "type": "machine-learning-model",
        "bom-ref": _model_ref(model),
        "name": model.name,
        "version": model.model,
        "supplier": {"name": subject.operator.name},
        "properties": [
            _property("model-digest", model.model),
            _property("entry", model.index),
            _property("recipe-entry", model.run_index),
            _property("trainer", model.trainer),
            *([_property("unlearned-from", model.parent)] if model.parent else []),
        ],
        "modelCard": card,
    }


def _data(subject: Subject) -> dict[str, Any]:
    sealed, party = subject.sealed, {"organization": {"name": subject.operator.name}}
    personal = subject.synthetic is not True
    return {
        "type": "data",
        "bom-ref": _data_ref(subject),
        "name": sealed.name,
        "version": sealed.root,
        "hashes": [{"alg": "SHA-256", "content": sealed.manifest}],
        "properties": [
            _property("records", sealed.records),
            _property("members", sealed.members),
            _property("party-records", sealed.party_records),
            _property("removed", sealed.removed),
            _property("entry", sealed.index),
            _property("gate-entry", subject.gated.index),
            *(
                _property(f"category:{name}", number)
                for name, number in sorted(subject.content.categories.items())
            ),
        ],
        "data": [
            {
                "type": "dataset",
                "name": sealed.name,
                "description": f"{say.in_training(subject)}. Collected {say.collected(subject)}.",
                "classification": "personal" if personal else "generated",
                "sensitiveData": [FILL + "whether any is sensitive, and of which kind"],
                "governance": {"custodians": [party], "owners": [party]},
            }
        ],
    }


def _standard() -> dict[str, Any]:
    return {
        "bom-ref": _STANDARD,
        "name": "Byleave guarantees",
        "version": "0.1.0",
        "description": "What Byleave promises of a model; docs/guarantees.md.",
        "owner": "Byleave",
        "requirements": [
            {"bom-ref": f"{_STANDARD}:{id_}", "identifier": id_, "title": title, "text": text}
            for id_, title, text in _REQUIREMENTS
        ],
    }


def _declarations(subject: Subject, model: Trained) -> dict[str, Any]:
    sealed, gated = subject.sealed, subject.gated
    claims = [
        _claim(
            "G6",
            _model_ref(model),
            f"Each of the {sealed.records:,} records passed gate {gated.name} for {sealed.use}.",
            f"A trainer takes sealed snapshots alone. Grounds: {say.grounds(subject)}.",
            [("gate", gated.index), ("recipe", model.run_index)],
        ),
        _claim(
            "G7",
            _data_ref(subject),
            f"The {sealed.records:,} records are those that root {sealed.root} commits to.",
            "Presence and absence of a member can be proved under it; byleave verify checks.",
            [("snapshot", sealed.index)],
        ),
        *(
            _claim(
                "G8",
                _model_ref(model),
                "A fit without the withdrawn records gave the same model, byte for byte.",
                f"Both digests are {digest}.",
                [("unlearning", index)],
            )
            for index, digest, refit in model.unlearnings
            if refit and digest == refit == model.model
        ),
    ]
    entries = {index: kind for _, named in claims for kind, index in named}
    return {
        "assessors": [
            {
                "bom-ref": "assessor:operator",
                "thirdParty": False,
                "organization": {"name": subject.operator.name},
            }
        ],
        "attestations": [
            {
                "summary": "The platform's own assessment, from its log. Check it: byleave verify.",
                "assessor": "assessor:operator",
                "map": [
                    {
                        "requirement": f"{_STANDARD}:{claim['bom-ref'].removeprefix('claim:')}",
                        "claims": [claim["bom-ref"]],
                        "conformance": {"score": 1, "rationale": claim["reasoning"]},
                    }
                    for claim, _ in claims
                ],
            }
        ],
        "claims": [claim for claim, _ in claims],
        "evidence": [
            {
                "bom-ref": f"entry:{index}",
                "propertyName": kind,
                "description": f"Entry {index} of the log {subject.operator.origin}: {kind}.",
            }
            for index, kind in sorted(entries.items())
        ],
        "affirmation": {"statement": FILL + "who affirms this, and their signature"},
    }


def _claim(
    id_: str, target: str, predicate: str, reasoning: str, entries: list[tuple[str, int]]
) -> tuple[dict[str, Any], list[tuple[str, int]]]:
    claim = {
        "bom-ref": f"claim:{id_}",
        "target": target,
        "predicate": predicate,
        "reasoning": reasoning,
        "evidence": [f"entry:{index}" for _, index in entries],
    }
    return claim, entries
