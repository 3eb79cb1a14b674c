"""A snapshot as a Croissant 1.1 description with the responsible-AI vocabulary, as JSON-LD.

The data stay private: the description says what the files are, not where to get them. Permission
stands in `usageInfo` as an ODRL offer: one use, one recipient, no passing on. Consumers must take
from the data file the rows that `removed.parquet` names.
"""

from __future__ import annotations

from typing import Any, Final

from byleave.summary import say
from byleave.summary.field import FILL
from byleave.summary.subject import Subject

__all__ = ["LAW", "croissant"]

LAW: Final = "MLCommons Croissant 1.1 with the RAI vocabulary 1.0; ODRL 2.2 (no law)"
_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES: Final = (
    ("timestamp", "sc:DateTime"),
    ("date", "sc:Date"),
    ("bool", "sc:Boolean"),
    ("int", "sc:Integer"),
    ("uint", "sc:Integer"),
    ("float", "sc:Float"),
    ("double", "sc:Float"),
    ("halffloat", "sc:Float"),
    ("string", "sc:Text"),
    ("large_string", "sc:Text"),
)


def croissant(subject: Subject) -> dict[str, Any]:
    """Return the description of a snapshot."""
    sealed, who = subject.sealed, subject.operator
    found: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": f"{subject.data.name}-{sealed.name}".replace(" ", "-"),
        "description": (
            f"{say.in_training(subject)}. Private: this describes the data and does not offer it."
        ),
        "version": f"1.0.{len(sealed.lineage) - 1}",
        "datePublished": sealed.at[:10],
        "creator": {"@type": "Organization", "name": who.name},
        "publisher": {"@type": "Organization", "name": who.name},
        "license": FILL + "the licence, if the data are ever given away",
        "url": FILL + "where this description is published",
        "citeAs": f"{who.name}: snapshot {sealed.name}, log {who.origin}, entry {sealed.index}",
        "isLiveDataset": False,
        "inLanguage": FILL + say.languages_open(),
        "usageInfo": _offer(subject),
        "distribution": [_file(name, digest, subject) for name, digest in sealed.data],
        "recordSet": [_records(subject)],
        **_rai(subject),
    }
    if len(sealed.lineage) > 1:
        found["prov:wasDerivedFrom"] = f"{who.origin}, entry {sealed.lineage[1]}"
    return found


def _file(name: str, digest: str, subject: Subject) -> dict[str, Any]:
    what = (
        "The records of the first snapshot of the line."
        if name == "data.parquet"
        else f"The {subject.sealed.removed:,} rows of data.parquet that are no part of it any more."
    )
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": f"{what} Held by the platform; not to be downloaded.",
        "contentUrl": name,
        "encodingFormat": "application/x-parquet",
        "sha256": digest,
    }


def _records(subject: Subject) -> dict[str, Any]:
    fields = []
    for name, kind in subject.sealed.columns:
        if (data_type := _type(kind)) is not None:
            fields.append(
                {
                    "@type": "cr:Field",
                    "@id": f"records/{name}",
                    "name": name,
                    "description": f"Column {name}, Arrow type {kind}.",
                    "dataType": data_type,
                    "source": {"fileObject": {"@id": "data.parquet"}, "extract": {"column": name}},
                }
            )
    return {
        "@type": "cr:RecordSet",
        "@id": "records",
        "name": "records",
        "description": f"{subject.sealed.records:,} records, after those removed.",
        "field": fields,
    }


def _type(kind: str) -> str | None:
    """Return Croissant's type of a flat Arrow type, or None."""
    if "<" in kind:
        return None
    return next((found for start, found in _TYPES if kind.startswith(start)), None)


def _rai(subject: Subject) -> dict[str, Any]:
    sealed, content, gated = subject.sealed, subject.content, subject.gated
    found: dict[str, Any] = {
        "rai:dataCollection": (
            f"Source {subject.data.name} of {subject.operator.name}, added {subject.data.added}."
            f" {FILL}how the records came to be"
        ),
        "rai:dataCollectionType": FILL + "one of the RAI vocabulary's types",
        "rai:personalSensitiveInformation": (
            f"Every record names its parties: {say.counted(sealed.members, 'member')},"
            f" by {say.counted(sealed.party_records, 'pair')} of a record and a party."
            f" {FILL}whether any of it is sensitive"
        ),
        "rai:dataUseCases": f"{sealed.use}: {sealed.sentence}. No other use.",
        "rai:dataPreprocessingProtocol": say.cleaning(subject).removeprefix("Yes. "),
        "rai:dataReleaseMaintenancePlan": (
            "Members withdraw at any time; what they withdraw leaves the next snapshot of the line."
            f" Log entries of the line: {', '.join(map(str, sealed.lineage))}."
        ),
        "rai:dataBiases": FILL + "biases known; who agrees is no random part of the members",
        "rai:dataSocialImpact": FILL + "the impact on members and others",
        "rai:dataLimitations": (
            f"{gated.kept:,} of {gated.rows:,} records passed the gate."
            f" {FILL}uses for which that is not enough"
        ),
    }
    if content.first is not None and content.last is not None:
        found["rai:dataCollectionTimeframe"] = [content.first, content.last]
    return found


def _offer(subject: Subject) -> dict[str, Any]:
    purpose, category, recipient = subject.sealed.use.split("/")
    return {
        "@type": "odrl:Offer",
        "odrl:uid": f"{subject.operator.origin}#{subject.sealed.name}",
        "odrl:permission": [
            {
                "@type": "odrl:Permission",
                "odrl:action": {"@id": "odrl:use"},
                "odrl:constraint": [
                    _constraint("odrl:purpose", purpose),
                    _constraint("odrl:recipient", recipient),
                ],
                "odrl:target": category,
            }
        ],
        "odrl:prohibition": [
            {"@type": "odrl:Prohibition", "odrl:action": {"@id": "odrl:distribute"}}
        ],
    }


def _constraint(left: str, right: str) -> dict[str, Any]:
    return {
        "@type": "odrl:Constraint",
        "odrl:leftOperand": {"@id": left},
        "odrl:operator": {"@id": "odrl:eq"},
        "odrl:rightOperand": right,
    }
