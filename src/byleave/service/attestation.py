"""Attest what a training run read of a sealed snapshot, and check such an attestation.

The run, in whatever framework, leaves a trace (`snapshot/reads.py`). Attesting recomputes it from
the sealed rows and refuses one that does not hold; then a signed in-toto statement with the
predicate `training-reads/v0.1` (docs/spec/training-reads.md) is kept, and logged. Checking does it
all again. It shows what left Byleave; not what the program did with it, nor what else it read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from byleave.canonical import Json, decode, encode, sha256
from byleave.errors import ByleaveError, ConflictError, EvidenceError, InputError, RefusedError
from byleave.evidence.entry import AttestationEntry, parse_entry
from byleave.ids import to_us
from byleave.service.house import House
from byleave.service.release_files import holds_under
from byleave.service.snapshot import next_name, open_snapshot
from byleave.snapshot.reads import Reads, check_reads
from byleave.training.release import check_envelope, model_digest, sign_statement
from byleave.training.trainer import ModelFiles

__all__ = ["ABOUT", "PREDICATE_TYPE", "Attestation", "attest", "check_attestation"]

PREDICATE_TYPE: Final = "https://byleave.dev/training-reads/v0.1"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
STATEMENT: Final = "statement.dsse.json"
ABOUT: Final = "reading.json"
PART: Final = ".reads"
DOES_NOT_SHOW: Final = (
    "It shows which rows were handed out, and that their values were the sealed ones. It cannot"
    " show what the program did with them, nor that it read nothing else."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What a run read, as logged.

    Attributes:
        attestation: Its id.
        index: Its log index.
        snapshot: Id of the snapshot.
        columns: Name handed out → column of the data.
        reads: What was read, in numbers.
        model: Digest of the model files it speaks of, hex; None where none were named.
    """

    attestation: str
    index: int
    snapshot: str
    columns: Mapping[str, str]
    reads: Reads
    model: str | None


def attest(house: House, trace: Mapping[str, bytes], *, model: ModelFiles | None) -> Attestation:
    """Check a trace against its snapshot, sign what it says, and log it.

    Args:
        house: The workspace's ports.
        trace: The files of its folder: `reading.json`, and one part for each process that read.
        model: Files that the run made, by name; the statement's subjects. None: the snapshot's
            manifest is the subject.

    Raises:
        EvidenceError: `reads.malformed`, `reads.foreign-row`, `reads.values`.
        ConflictError: `reads.attested`, this trace was attested before.
        InputError: `workspace.unknown-object`.
    """
    snapshot, columns, parts = _parsed(trace)
    reads = check_reads(sealed := open_snapshot(house, snapshot), columns, parts.values())
    for _, earlier, _, other in house.ledger.objects("attestation"):
        if other["digest"] == reads.digest.hex():
            raise ConflictError(
                f"this trace is attested already, as {earlier}",
                code="reads.attested",
                hint="a trace is of one run: give the next one a folder of its own",
            )
    name = next_name(house, "attestation", f"{snapshot}-reads")
    subjects = (
        {"manifest.json": sha256(sealed.manifest.encode()).hex()}
        if model is None
        else {n: sha256(data).hex() for n, data in model.items()}
    )
    statement = encode(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"digest": {"sha256": subjects[n]}, "name": n} for n in sorted(subjects)],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "attestation": name,
                "columns": sorted(columns),
                "digest": reads.digest.hex(),
                "doesNotShow": DOES_NOT_SHOW,
                "log": house.log.origin,
                "reads": _numbers(reads),
                "snapshot": {
                    "index": sealed.index,
                    "k": sealed.manifest.k,
                    "records": sealed.manifest.records,
                    "root": sealed.manifest.root,
                },
                "use": sealed.manifest.use,
            },
        }
    )
    envelope = sign_statement(statement, name=house.signer.name, sign=house.signer.sign)
    files = {**parts, ABOUT: trace[ABOUT], STATEMENT: envelope}
    house.artefacts.put("attestations", name, files)
    digest = None if model is None else model_digest(model).hex()
    document: dict[str, Any] = {
        "attestation": name,
        "snapshot": snapshot,
        "columns": dict(columns),
        "reads": _numbers(reads),
        "digest": reads.digest.hex(),
        "model": digest,
        "files": {n: sha256(data).hex() for n, data in files.items()},
    }
    entry = AttestationEntry(
        attestation=name,
        snapshot=sealed.index,
        reads=reads.reads,
        rows=reads.rows,
        digest=reads.digest,
        statement=sha256(statement),
    )
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object(
            "attestation", name, index=index, at_us=to_us(house.now()), document=document
        )
    return Attestation(
        attestation=name, index=index, snapshot=snapshot, columns=columns, reads=reads, model=digest
    )


def check_attestation(
    house: House, name: str, *, model: ModelFiles | None = None, each_once: bool = False
) -> Attestation:
    """Recompute an attestation from its trace and the sealed snapshot, and compare with the log.

    Args:
        house: The workspace's ports.
        name: Its id.
        model: Model files that it has to speak of.
        each_once: Also refuse where a row was left out, or read more often than another.

    Raises:
        EvidenceError: `reads.malformed`, `reads.foreign-row`, `reads.values`; `reads.digest`,
            trace, statement, model or log entry do not belong together; `release.envelope`,
            `release.signature`.
        ErasedError: `evidence.erased`, the snapshot holds rows that were erased since.
        RefusedError: `reads.uneven`, only with `each_once`.
        InputError: `workspace.unknown-object`.
    """
    index, document = _document(house, name)
    files = {n: house.artefacts.read("attestations", name, n) for n in document["files"]}
    for file, digest in document["files"].items():
        if sha256(files[file]).hex() != digest:
            raise _differs(f"the file {file} of the attestation changed")
    snapshot, columns, parts = _parsed(files)
    sealed = open_snapshot(house, snapshot)
    reads = check_reads(sealed, columns, parts.values())
    statement = check_envelope(files[STATEMENT], check=holds_under(house))
    said: Any = decode(statement)
    entry = parse_entry(house.ledger.read(index, index + 1)[0], AttestationEntry)
    logged = (entry.attestation, entry.snapshot, entry.reads, entry.rows, bytes(entry.digest))
    if logged != (name, sealed.index, reads.reads, reads.rows, bytes(reads.digest)):
        raise _differs("the log entry is of other reads")
    if sha256(statement) != entry.statement or said["predicate"]["reads"] != _numbers(reads):
        raise _differs("the signed statement is not the one that was logged")
    if model is not None and model_digest(model).hex() != document["model"]:
        raise _differs("it speaks of other model files")
    if each_once and not reads.whole:
        raise RefusedError(
            f"{reads.held - reads.rows:,} rows were never read; others up to {reads.most} times,"
            f" and the least {reads.least}",
            code="reads.uneven",
        )
    return Attestation(
        attestation=name,
        index=index,
        snapshot=snapshot,
        columns=columns,
        reads=reads,
        model=document["model"],
    )


def _document(house: House, name: str) -> tuple[int, dict[str, Any]]:
    found = house.ledger.object("attestation", name)
    if found is None:
        known = [n for _, n, _, _ in house.ledger.objects("attestation")]
        raise InputError(
            f"no attestation {name!r}",
            code="workspace.unknown-object",
            hint=f"known: {', '.join(known)}" if known else None,
        )
    return found[0], found[2]


def _parsed(files: Mapping[str, bytes]) -> tuple[str, dict[str, str], dict[str, bytes]]:
    try:
        about: Any = decode(files[ABOUT])
        snapshot, columns = str(about["snapshot"]), dict(about["columns"])
    except (ByleaveError, KeyError, TypeError, ValueError) as error:
        raise EvidenceError(
            f"there is no {ABOUT} that says what was read", code="reads.malformed"
        ) from error
    return snapshot, columns, {n: data for n, data in sorted(files.items()) if n.endswith(PART)}


def _numbers(reads: Reads) -> dict[str, Json]:
    return {
        "epochs": reads.epochs,
        "held": reads.held,
        "least": reads.least,
        "most": reads.most,
        "parts": reads.parts,
        "reads": reads.reads,
        "rows": reads.rows,
    }


def _differs(what: str) -> EvidenceError:
    return EvidenceError(what, code="reads.digest")
