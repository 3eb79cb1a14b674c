"""Train on a sealed snapshot, release the model, load it, fit it again."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from byleave import merkle
from byleave.canonical import Json, decode, encode, sha256
from byleave.errors import ConflictError, EvidenceError, InputError, RefusedError
from byleave.evidence.entry import RecipeEntry, ReleaseEntry, parse_entry
from byleave.ids import to_us
from byleave.service.house import House, LedgerWriter
from byleave.service.release_files import (
    CARD,
    PROVENANCE,
    STATEMENT,
    beside,
    holds_under,
    provenance_of,
    standing_on,
)
from byleave.service.snapshot import next_name, snapshot_document
from byleave.service.steps import fit_in_steps
from byleave.snapshot.sealed import SealedSnapshot
from byleave.training.measurements import check_exactness
from byleave.training.oms import SIGNATURE_FILE
from byleave.training.release import Statement, check_envelope, model_digest
from byleave.training.trainer import ModelFiles, Trainer

__all__ = [
    "Made",
    "Release",
    "check_release",
    "encoded",
    "keep_state",
    "load_release",
    "made_of",
    "plain",
    "publish_release",
    "recipe_digest",
    "release_object",
    "restore_state",
    "run_object",
    "train",
    "trainer_of",
]


_ATTACHED: Final = {
    STATEMENT: "statement",
    CARD: "card",
    PROVENANCE: "provenance",
    SIGNATURE_FILE: "signature",
}
"""Files beside the model, and the key of each one's digest in the ledger's document."""
_RECIPE: Final = ("columns", "environment", "measurements", "recipe", "trainer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A published model.

    Attributes:
        release: Its id.
        index: Its log index.
        model: Digest of its files, hex.
        files: The model files.
        document: The ledger's document.
    """

    release: str
    index: int
    model: str
    files: ModelFiles = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)


def train(
    house: House,
    snapshot: SealedSnapshot,
    trainer_name: str,
    *,
    columns: Mapping[str, str],
    recipe: Mapping[str, Any] | None = None,
    still: Callable[[str, int], None] | None = None,
) -> tuple[str, str]:
    """Log the recipe, fit on the snapshot, keep the private state.

    Others may write while the fit computes. `house.progress` is called between the batches it
    reads, and once more when it is done: where it raises, the run keeps its recipe in the log and
    has no model and no state.

    Args:
        house: The workspace's ports.
        snapshot: What passed the gate; nothing else is accepted.
        trainer_name: Which trainer.
        columns: Trainer's column → column of the data.
        recipe: Changes to the trainer's default recipe.
        still: Called with the run and its log index once the fit is done; raises where what it
            was fitted on may not be kept any more.

    Returns:
        Id of the run, and the model digest.

    Raises:
        InputError: `training.unknown-trainer`, `training.columns`, `training.measurements`;
            `trainer.recipe`, a setting that the trainer does not have: nothing is logged then.
    """
    trainer = trainer_of(house, trainer_name)
    measured = check_exactness(trainer)
    missing = [c for c in trainer.columns if c not in columns]
    absent = [c for c in columns.values() if c not in snapshot.column_names]
    if missing or absent:
        raise InputError(
            f"the trainer {trainer_name} needs columns {', '.join(trainer.columns)}",
            code="training.columns",
            hint=f"not mapped: {', '.join(missing) or '–'}; not in the data:"
            f" {', '.join(absent) or '–'}",
        )
    full = _full_recipe(trainer, recipe or {})
    document: dict[str, Any] = {
        "run": (run := next_name(house, "run", trainer_name)),
        "trainer": trainer_name,
        "recipe": full,
        "columns": dict(columns),
        "snapshot": snapshot.manifest.snapshot,
        "environment": dict(house.environment()),
        "measurements": None if measured is None else measured.to_dict(),
        "model": None,
        "files": {},
    }
    with house.ledger.writing() as writer:  # the recipe is in the log before the fit
        entry = RecipeEntry(trainer=trainer_name, recipe=recipe_digest(document))
        index = writer.log(entry.encode())
        writer.add_object("run", run, index=index, at_us=to_us(house.now()), document=document)
    with house.aside():
        began = house.timer()
        rows = len(snapshot.alive)
        batches = snapshot.batches(columns)
        state = fit_in_steps(trainer, batches, full, house.progress, rows=rows)
        took = {"fit_rows": rows, "fit_us": house.timer() - began}
        made = made_of(house, trainer, state, took)
    if still is not None:
        still(run, index)
    keep_state(house, run, document, made)
    return run, made.model


def _full_recipe(trainer: Trainer[Any], changes: Mapping[str, Any]) -> dict[str, Json]:
    """Return the trainer's recipe with these changes; a name it does not have is refused."""
    default = trainer.default_recipe()
    unknown = sorted(set(changes) - set(default))
    if unknown:
        raise InputError(
            f"the recipe of {trainer.name} has no {', '.join(unknown)}",
            code="trainer.recipe",
            hint=f"it has: {', '.join(sorted(default))}",
        )
    return {**default, **changes}


@dataclass(frozen=True, slots=True)
class Made:
    """What a run made, before any of it is kept.

    Attributes:
        model: Digest of the model, hex.
        released: The model's files.
        files: The private state.
        measured: Rows read and microseconds taken.
    """

    model: str
    released: ModelFiles = field(repr=False)
    files: ModelFiles = field(repr=False)
    measured: Mapping[str, Json]


def made_of(
    house: House,
    trainer: Trainer[Any],
    state: Any,  # noqa: ANN401 (a trainer's own type)
    took: Mapping[str, int],
) -> Made:
    """Return what is to be kept of a state; writes nothing.

    Args:
        house: The workspace's ports.
        trainer: The run's trainer.
        state: Its state.
        took: What was measured: rows and microseconds of the fit, or of forgetting.
    """
    began = house.timer()
    released = trainer.encode(state)
    model = model_digest(released).hex()
    measured: dict[str, Json] = {**took, "encode_us": house.timer() - began}
    return Made(model, released, dict(trainer.dump(state)), measured)


def encoded(house: House, run: str) -> ModelFiles:
    """Return the model files of a run's kept state; others may write meanwhile.

    Raises:
        ConflictError: `training.no-state`.
        EvidenceError: `workspace.damaged`.
    """
    _, document = run_object(house, run)
    with house.aside():
        return trainer_of(house, document["trainer"]).encode(restore_state(house, run))


def keep_state(house: House, run: str, document: Mapping[str, Any], made: Made) -> None:
    """Store a run's private state and its model digest.

    Args:
        house: The workspace's ports.
        run: Id of the run.
        document: The run's document so far.
        made: What it made.
    """
    house.artefacts.put("runs", run, made.files)
    digests = {name: sha256(data).hex() for name, data in made.files.items()}
    kept: dict[str, Any] = {"model": made.model, "files": digests, "measured": dict(made.measured)}
    with house.ledger.writing() as writer:
        writer.replace_object("run", run, {**document, **kept})


def publish_release(
    house: House,
    run: str,
    *,
    files: ModelFiles | None = None,
    parent: str | None = None,
    quality: Mapping[str, Json] | None = None,
    also: Callable[[LedgerWriter, str, int], None] | None = None,
) -> Release:
    """Publish a run's model: files, signed statement, model card, log entry.

    Args:
        house: The workspace's ports.
        run: Id of the training run.
        files: Its model's files, where they were made already.
        parent: The release that this one was unlearned from.
        quality: Measures of an evaluation, for the card.
        also: Writes what belongs into the same transaction, given the release's id and index.
    """
    run_index, document = run_object(house, run)
    trainer = trainer_of(house, document["trainer"])
    check_exactness(trainer)
    files = encoded(house, run) if files is None else files
    digest = model_digest(files)
    if digest.hex() != document["model"]:
        raise EvidenceError(
            "the run's state no longer gives the model it gave", code="training.state-differs"
        )
    name = next_name(house, "release", document["trainer"])
    statement = _statement(house, name, run_index, document, trainer, files, parent)
    attached = beside(
        house,
        statement,
        provenance_of(house, statement, document),
        files,
        quality=quality or {},
        facts={
            "recipe": document["recipe"],
            "environment": document.get("environment"),
            "measurements": document.get("measurements"),
            "notices": standing_on(house, document["snapshot"]),
        },
    )
    house.artefacts.put("releases", name, {**files, **attached})
    entry = _entry(house, statement, digest)
    record: dict[str, Any] = {
        "release": name,
        "run": run,
        "model": digest.hex(),
        "trainer": document["trainer"],
        "exact": trainer.exact,
        "use": statement.use,
        "snapshot": document["snapshot"],
        "parent": parent,
        "superseded_by": None,
        "quality": {k: plain(v) for k, v in (quality or {}).items()},
        "files": sorted(files),
        "statement": sha256(attached[STATEMENT]).hex(),
        "card": sha256(attached[CARD]).hex(),
        "provenance": sha256(attached[PROVENANCE]).hex(),
        "signature": sha256(attached[SIGNATURE_FILE]).hex(),
    }
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object("release", name, index=index, at_us=to_us(house.now()), document=record)
        if parent is not None:
            older = release_object(house, parent)[1]
            writer.replace_object("release", parent, {**older, "superseded_by": name})
        if also is not None:
            also(writer, name, index)
    return Release(release=name, index=index, model=digest.hex(), files=files, document=record)


def _statement(
    house: House,
    name: str,
    run_index: int,
    run: Mapping[str, Any],
    trainer: Trainer[Any],
    files: ModelFiles,
    parent: str | None,
) -> Statement:
    """Return what a release of a run's model states."""
    snapshot_index, snapshot = snapshot_document(house, run["snapshot"])
    gate = house.ledger.object_at(snapshot["gate"])
    if gate is None:
        raise EvidenceError("the snapshot's gate is gone", code="workspace.damaged")
    return Statement(
        release=name,
        origin=house.log.origin,
        trainer=run["trainer"],
        exact=trainer.exact,
        use=snapshot["use"],
        snapshots=[
            {
                "index": snapshot_index,
                "k": snapshot["k"],
                "root": snapshot["root"],
                "records": snapshot["records"],
            }
        ],
        gate={key: gate[3][key] for key in ("rows", "kept", "reasons")},
        recipe=run_index,
        parent=None if parent is None else release_object(house, parent)[0],
        files={n: sha256(data).hex() for n, data in files.items()},
    )


def _entry(house: House, statement: Statement, digest: bytes) -> ReleaseEntry:
    """Return the log entry of a release that states this."""
    at = int(statement.snapshots[0]["index"])
    return ReleaseEntry(
        release=statement.release,
        model=digest,
        snapshot=at,
        snapshot_leaf=merkle.leaf_hash(house.ledger.read(at, at + 1)[0]),
        recipe=statement.recipe,
        trainer=statement.trainer,
        exact=statement.exact,
        parent=statement.parent,
        statement=sha256(statement.encode()),
    )


def load_release(house: House, name: str, *, kept: Container[str] = ()) -> Release:
    """Return a release after recomputing its digest against the log entry.

    Args:
        house: The workspace's ports.
        name: The release.
        kept: Digests of models that the caller holds, checked when they were read: their files
            are not read again, and the release comes without them.

    Raises:
        EvidenceError: `release.digest`, a model file changed.
        RefusedError: `release.purged`, its model files were removed.
    """
    index, document = release_object(house, name)
    if document.get("purged"):
        raise RefusedError(
            f"the model files of {name} were removed once it was unlearned",
            code="release.purged",
            hint=f"what replaced it: {document['superseded_by']}",
        )
    held = document["model"] in kept
    names = () if held else document["files"]
    files = {n: house.artefacts.read("releases", name, n) for n in names}
    if not held and model_digest(files).hex() != document["model"]:
        raise EvidenceError(
            "the model files differ from the logged digest",
            code="release.digest",
            where=str(house.artefacts.path("releases", name, _changed(house, name, files))),
        )
    return Release(
        release=name, index=index, model=document["model"], files=files, document=document
    )


def check_release(house: House, name: str) -> Release:
    """Return a release after checking its model files and every file beside them.

    Of a release whose model files were removed under the purge rule, what is left is checked.

    Raises:
        EvidenceError: `release.digest`; `release.envelope`, `release.signature`.
    """
    index, document = release_object(house, name)
    purged = bool(document.get("purged"))
    release = Release(
        release=name, index=index, model=document["model"], files={}, document=document
    )
    if not purged:
        release = load_release(house, name)
    for file, key in _ATTACHED.items():
        if key not in document:  # released before there was such a file
            continue
        if sha256(house.artefacts.read("releases", name, file)).hex() != document[key]:
            raise EvidenceError(
                "a file of the release differs from the ledger's digest",
                code="release.digest",
                where=str(house.artefacts.path("releases", name, file)),
            )
    statement = check_envelope(
        house.artefacts.read("releases", name, STATEMENT), check=holds_under(house)
    )
    entry = parse_entry(house.ledger.read(index, index + 1)[0], ReleaseEntry)
    if sha256(statement) != entry.statement:
        raise EvidenceError(
            "the signed statement is not the one that was logged", code="release.digest"
        )
    return release


def restore_state(house: House, run: str) -> Any:  # noqa: ANN401 (a trainer's own type)
    """Return a run's private state after comparing its files with the ledger.

    Raises:
        ConflictError: `training.no-state`, the fit was interrupted, or its rows were unlearned.
        EvidenceError: `workspace.damaged`.
    """
    _, document = run_object(house, run)
    if not document["files"]:
        raise ConflictError(
            f"the state of the run {run!r} is not held",
            code="training.no-state",
            hint="the fit was interrupted, or its release was unlearned; train again",
        )
    files = {n: house.artefacts.read("runs", run, n) for n in document["files"]}
    for file, digest in document["files"].items():
        if sha256(files[file]).hex() != digest:
            raise EvidenceError(
                "a file of the training state changed",
                code="workspace.damaged",
                where=str(house.artefacts.path("runs", run, file)),
            )
    return trainer_of(house, document["trainer"]).restore(files)


def trainer_of(house: House, name: str) -> Trainer[Any]:
    """Return a trainer by name.

    Raises:
        InputError: `training.unknown-trainer`.
    """
    if name not in house.trainers:
        raise InputError(
            f"no trainer {name!r}",
            code="training.unknown-trainer",
            hint=f"known: {', '.join(sorted(house.trainers))}",
        )
    return house.trainers[name]


def run_object(house: House, run: str) -> tuple[int, dict[str, Any]]:
    """Return a run's log index (its recipe's entry) and document."""
    return _object(house, "run", run)


def release_object(house: House, name: str) -> tuple[int, dict[str, Any]]:
    """Return a release's log index and document."""
    return _object(house, "release", name)


def _object(house: House, kind: str, name: str) -> tuple[int, dict[str, Any]]:
    found = house.ledger.object(kind, name)
    if found is None:
        known = [n for _, n, _, _ in house.ledger.objects(kind)]
        raise InputError(
            f"no {kind} {name!r}",
            code="workspace.unknown-object",
            hint=f"known: {', '.join(known)}" if known else None,
        )
    return found[0], found[2]


def _changed(house: House, name: str, files: ModelFiles) -> str | None:
    """Return the model file that is not what the statement lists, where the statement tells."""
    try:
        envelope = house.artefacts.read("releases", name, STATEMENT)
        subjects: Any = decode(check_envelope(envelope, check=holds_under(house)))
        listed = {s["name"]: s["digest"]["sha256"] for s in subjects["subject"]}
    except EvidenceError:
        return None
    return next((n for n, data in files.items() if sha256(data).hex() != listed.get(n)), None)


def plain(value: object) -> Json:
    """Return a measure as canonical JSON takes it: floats as text."""
    return value if isinstance(value, str | bool | int | None) else repr(value)


def recipe_digest(document: Mapping[str, Any]) -> bytes:
    """Return the digest that a run's recipe entry holds: recipe, columns, trainer, environment."""
    held = {key: document[key] for key in _RECIPE if key in document}
    return sha256(encode(held))
