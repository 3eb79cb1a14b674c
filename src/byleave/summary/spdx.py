"""The model and its snapshot in SPDX 3.0.1, classes of the AI and Dataset profiles, as JSON-LD.

What the ledgers hold stands in SPDX's own properties; counts and log entries, for which it has
none, in annotations of canonical JSON. What only a person can say is an annotation that begins as
in every summary. The two profiles ask for places to download from, which no ledger knows: the
document says that it keeps to `core` and `software`, and whoever adds the places may add the two.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Final

from byleave import canonical
from byleave.summary import say
from byleave.summary.field import FILL, NOT_ADVICE
from byleave.summary.subject import Subject, Trained

__all__ = ["CONTEXT", "LAW", "dangling", "spdx"]

LAW: Final = "SPDX 3.0.1 (no law)"
CONTEXT: Final = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_NO_LICENCE: Final = "expandedlicensing_NoAssertionLicense"
_CREATION: Final = "_:creation"
_REFERS: Final = frozenset(
    "createdBy creationInfo element from originatedBy rootElement subject suppliedBy to".split()
)
Node = dict[str, Any]


def spdx(subject: Subject) -> Node:
    """Return the document of a release."""
    model = subject.trained
    assert model is not None  # noqa: S101 (`kinds.written` refuses before)
    name = f"{subject.operator.origin}/{model.name}"
    base = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{name}/{model.model}/spdx')}"
    parts = _Parts(base)
    operator = parts.add("operator", "Organization", name=subject.operator.name)
    trained = parts.add("model", "ai_AIPackage", **_model(subject, model, operator))
    sealed = parts.add("data", "dataset_DatasetPackage", **_data(subject, operator))
    parts.add(
        "trained-on",
        "Relationship",
        **{"from": trained, "to": [sealed]},
        relationshipType="trainedOn",
    )
    for element, word in ((trained, "model"), (sealed, "data")):
        for kind in ("hasConcludedLicense", "hasDeclaredLicense"):
            parts.add(
                f"{word}-{kind}",
                "Relationship",
                **{"from": element, "to": [_NO_LICENCE]},
                relationshipType=kind,
            )
    _annotate(parts, subject, model, trained, sealed)
    creation = {
        "type": "CreationInfo",
        "@id": _CREATION,
        "specVersion": "3.0.1",
        "created": _seconds(subject.stated),
        "createdBy": [operator],
    }
    document = {
        "type": "SpdxDocument",
        "spdxId": base,
        "creationInfo": _CREATION,
        "name": name,
        "comment": " ".join((*subject.notes, NOT_ADVICE)),
        "profileConformance": ["core", "software"],
        "rootElement": [trained],
        "element": [part["spdxId"] for part in parts.nodes],
    }
    return {"@context": CONTEXT, "@graph": [creation, document, *parts.nodes]}


def dangling(document: Node) -> tuple[str, ...]:
    """Return the references of a document that lead to nothing in it, in order."""
    nodes: list[Node] = document["@graph"]
    known = {node.get("spdxId", node.get("@id")) for node in nodes} | {_NO_LICENCE}
    return tuple(sorted({ref for node in nodes for ref in _named(node) if ref not in known}))


def _named(node: Node) -> Iterator[str]:
    for key in _REFERS & node.keys():
        value = node[key]
        yield from value if isinstance(value, list) else [value]


class _Parts:
    """Elements of one document, each under an address below the document's."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.nodes: list[Node] = []

    def add(self, part: str, kind: str, **properties: Any) -> str:  # noqa: ANN401 (JSON)
        """Add an element; return its address."""
        address = f"{self._base}#{part}"
        self.nodes.append(
            {"type": kind, "spdxId": address, "creationInfo": _CREATION, **properties}
        )
        return address


def _model(subject: Subject, model: Trained, operator: str) -> Node:
    found: Node = {
        "name": model.name,
        "summary": subject.sealed.sentence,
        "suppliedBy": operator,
        "builtTime": _seconds(model.run_at),
        "releaseTime": _seconds(model.at),
        "software_packageVersion": model.model,
        "software_primaryPurpose": "model",
        "verifiedUsing": [_hash(model.model, "of the model's files, as the release has it")],
        "ai_typeOfModel": [str(model.recipe.get("algorithm", model.trainer))],
        "ai_informationAboutTraining": f"Trainer {model.trainer}, recipe in log entry"
        f" {model.run_index}; trained on {say.in_training(subject)}."
        + (f" Unlearned from {model.parent}." if model.parent else ""),
        "ai_informationAboutApplication": f"{subject.sealed.use}: {subject.sealed.sentence}",
        "ai_modelDataPreprocessing": [say.cleaning(subject)],
        "ai_hyperparameter": _entries(model.recipe),
        "ai_metric": _entries(model.quality),
        "ai_autonomyType": "noAssertion",
        "ai_useSensitivePersonalInformation": "noAssertion",
    }
    return {key: value for key, value in found.items() if value != []}


def _data(subject: Subject, operator: str) -> Node:
    sealed, content = subject.sealed, subject.content
    kinds = ["structured"]
    kinds += ["text"] if content.text_columns else []
    kinds += ["timestamp"] if content.first is not None else []
    return {
        "name": sealed.name,
        "originatedBy": [operator],
        "suppliedBy": operator,
        "builtTime": _seconds(sealed.at),
        "software_packageVersion": sealed.root,
        "software_primaryPurpose": "data",
        "verifiedUsing": [_hash(sealed.manifest, "of the manifest, which commits to every record")],
        "dataset_datasetType": kinds,
        "dataset_intendedUse": f"{sealed.use}: {sealed.sentence}",
        "dataset_dataCollectionProcess": f"Records of members of {subject.operator.name}, source"
        f" {subject.data.name}; collected {say.collected(subject)}; grounds: {say.grounds(subject)}.",
        "dataset_dataPreprocessing": [say.cleaning(subject)],
        "dataset_datasetUpdateMechanism": "A snapshot is fixed by its root. What members withdraw"
        " leaves it in a delta with a root and a log entry of its own.",
        "dataset_hasSensitivePersonalInformation": "noAssertion",
    }


def _annotate(parts: _Parts, subject: Subject, model: Trained, trained: str, sealed: str) -> None:
    """Add what SPDX has no property for: counts and entries, and what a person has to say."""
    own, log = subject.sealed, subject.operator.origin
    unlearned = [
        index for index, digest, refit in model.unlearnings if digest == refit == model.model
    ]
    counted: dict[str, dict[str, canonical.Json]] = {
        trained: {"log": log, "entry": model.index, "recipe": model.run_index},
        sealed: {
            "log": log,
            "entry": own.index,
            "gate": subject.gated.index,
            "records": own.records,
            "members": own.members,
            "party_records": own.party_records,
            "removed": own.removed,
            "categories": dict(subject.content.categories),
        },
    }
    if unlearned:
        counted[trained]["unlearning"] = list(unlearned)
    asked = {
        trained: ("where it may be downloaded; its licence", "what it is known to do badly"),
        sealed: ("whether and where it may be obtained; its licence; known biases",),
    }
    for word, element in (("model", trained), ("data", sealed)):
        parts.add(
            f"{word}-counts",
            "Annotation",
            annotationType="other",
            subject=element,
            contentType="application/json",
            statement=canonical.encode(counted[element]).decode(),
        )
        for number, wanted in enumerate(asked[element], start=1):
            parts.add(
                f"{word}-open-{number}",
                "Annotation",
                annotationType="review",
                subject=element,
                statement=FILL + wanted,
            )


def _entries(values: Any) -> list[Node]:  # noqa: ANN401 (a recipe, or measurements)
    """Return names and values as SPDX has them, in the order of the names."""
    return [
        {"type": "DictionaryEntry", "key": str(key), "value": str(value)}
        for key, value in sorted(values.items())
    ]


def _hash(digest: str, comment: str) -> Node:
    return {
        "type": "Hash",
        "algorithm": "sha256",
        "hashValue": digest.removeprefix("sha256:"),
        "comment": comment,
    }


def _seconds(instant: str) -> str:
    """Return an instant to the second, as SPDX wants it."""
    return f"{instant[:19]}Z"
