"""Carry out a batch of withdrawals: begin, unlearn, certify, purge, recall, end; again after a crash.

A batch is logged before anything is undone (`withdrawal/v1`: what it is to reach) and when all of it
was reached (`withdrawal-end/v1`). For each of its releases, in the order of the log: gate → delta
snapshot → forget → (refit) → new release and unlearning entry → files that the purge rule names
are removed → certificate. Then training states that still know the rows, then recalls.

Each step looks first whether it was done: a gate, a delta, a run of this batch that stands in the
ledger is taken over, so that whoever goes on after a crash, at whatever step, ends with the same
entries in the same order and the same bytes. Until the unlearning is logged the old release is the
current one. A choice made after a batch's gate ran is for the next batch.

Cost: one gate for each use (rows of whoever changed their mind), one delta for each snapshot, and
what the trainer's `forget` and `encode` cost; with a refit, a fit as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.canonical import Json, digest_of, sha256
from byleave.errors import ConflictError, EvidenceError
from byleave.evidence.entry import (
    RecipeEntry,
    UnlearningEntry,
    WithdrawalEndEntry,
    WithdrawalEntry,
)
from byleave.ids import format_instant, parse_instant, to_us
from byleave.service.certificate import certify, find_certificate
from byleave.service.gate import reasons_of
from byleave.service.gate_update import gate_again
from byleave.service.house import House, LedgerWriter, without_turns
from byleave.service.model import (
    Release,
    encoded,
    keep_state,
    load_release,
    made_of,
    publish_release,
    recipe_digest,
    release_object,
    restore_state,
    run_object,
    trainer_of,
)
from byleave.service.snapshot import (
    next_name,
    open_snapshot,
    seal_without,
    snapshot_document,
    source_rows_of,
)
from byleave.service.withdrawal import (
    Affected,
    affected_packages,
    affected_releases,
    recall_packages,
    stale_runs,
)
from byleave.service.withdrawal_since import first_no
from byleave.snapshot.sealed import SealedSnapshot
from byleave.training.measurements import check_exactness
from byleave.training.release import model_digest
from byleave.training.trainer import ModelFiles

__all__ = ["Batch", "Unlearned", "begun", "finish_purges", "run_batch"]

Measure = Callable[[SealedSnapshot, Mapping[str, Any]], Mapping[str, Any]]
Removed = list[dict[str, Json]]
RELEASES: Final = "releases"
"""The purge rule under which a replaced release's model files go too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlearned:
    """One release unlearned.

    Attributes:
        old: The release it replaces.
        new: The release that replaces it.
        removed: Rows forgotten.
        refit: Digest of a fit without them, hex; None where not asked for, or not exact.
        certificate: Log index of its certificate; None: approximate, so it gets none.
    """

    old: str
    new: Release
    removed: int
    refit: str | None
    certificate: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a batch of withdrawals reached.

    Attributes:
        withdrawal: Its id; empty where there was nothing to do.
        unlearned: The releases unlearned.
        recalled: The packages recalled.
        purged: Files removed, `KIND/ID/NAME`.
        resumed: Whether another process had begun it.
    """

    withdrawal: str = ""
    unlearned: tuple[Unlearned, ...] = ()
    recalled: tuple[str, ...] = ()
    purged: tuple[str, ...] = ()
    resumed: bool = False


def begun(house: House) -> tuple[int, dict[str, Any]] | None:
    """Return log index and document of the batch that was begun and not ended, if there is one."""
    for index, _, _, document in house.ledger.objects("withdrawal"):
        if document["state"] != "done":
            return index, document
    return None


def run_batch(house: House, *, with_refit: bool = True, measure: Measure | None = None) -> Batch:
    """Finish the batch that was begun; else begin one, where there is anything to reach.

    Args:
        house: The workspace's ports.
        with_refit: Also fit from scratch without the rows, and compare. Of a batch that was begun
            it is as it was begun.
        measure: Measures the quality of a run's recipe on the new snapshot, for the card.

    Raises:
        EvidenceError: `training.not-exact`, the refit gave other bytes; nothing is released.
    """
    found = begun(house)
    resumed = found is not None
    if found is None:
        found = _begin(house, with_refit=with_refit)
        if found is None:
            return Batch()
    index, document = found
    done: list[Unlearned] = []
    for name in document["logged"]["releases"]:
        unlearned = _Step(house, index, document, measure).unlearn(name)
        if unlearned is not None:
            done.append(unlearned)
    purged = [
        item for name in document["logged"]["runs"] for item in _purge_run(house, name, document)
    ]
    recall_packages(house)
    batch = _end(house, index, document, done, purged)
    return replace(batch, resumed=resumed)


def finish_purges(house: House) -> None:
    """Remove what is left of releases whose removal was decided (a crash came between the two)."""
    for _, name, _, document in house.ledger.objects("release"):
        if document.get("purged"):
            for file in document["files"]:
                house.artefacts.remove("releases", name, file)


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a batch would reach."""

    releases: tuple[Affected, ...]
    packages: tuple[Affected, ...]
    runs: tuple[Affected, ...]

    @property
    def all(self) -> tuple[Affected, ...]:
        return (*self.releases, *self.packages, *self.runs)


def _held(house: House) -> list[Any]:
    """Return all that a batch could reach, as it stands."""
    return [house.ledger.objects(kind) for kind in ("release", "disclosure", "run")]


def _begin(house: House, *, with_refit: bool) -> tuple[int, dict[str, Any]] | None:
    """Log a batch of all that stands to be reached now; None where that is nothing.

    Others may write while that is worked out: a choice that comes meanwhile is for the next batch.
    Where they made or changed something that could be reached, it is worked out again.
    """
    ledger, at, reach, since = -1, house.now(), _Reach((), (), ()), None
    for ports in (house, without_turns(house)):
        held = _held(house)
        with ports.aside():
            ledger, at = house.ledger.size() - 1, house.now()
            reach = _Reach(
                tuple(affected_releases(house)),
                tuple(affected_packages(house)),
                tuple(stale_runs(house)),
            )
            since = first_no(house, reach.all)
        if begun(house) is not None:  # by somebody else meanwhile
            return begun(house)
        if _held(house) == held:
            break
    if not reach.all:
        return None
    releases, packages, runs = reach.releases, reach.packages, reach.runs
    name = next_name(house, "withdrawal", "withdrawal")
    logged: dict[str, Any] = {
        "at": format_instant(at),
        "ledger": ledger,
        "packages": [item.name for item in packages],
        "purge": house.purge,
        "refit": with_refit,
        "releases": [item.name for item in releases],
        "rows": {item.name: item.rows for item in reach.all},
        "runs": [item.name for item in runs],
        "since": since,
        "withdrawal": name,
    }
    document: dict[str, Any] = {
        "withdrawal": name,
        "logged": logged,
        "files": {item.name: run_object(house, item.name)[1]["files"] for item in runs},
        "state": "begun",
    }
    with house.ledger.writing() as writer:
        entry = WithdrawalEntry(withdrawal=name, document=digest_of(logged))
        index = writer.log(entry.encode())
        writer.add_object(
            "withdrawal", name, index=index, at_us=to_us(house.now()), document=document
        )
    return index, document


def _end(
    house: House,
    index: int,
    document: dict[str, Any],
    done: list[Unlearned],
    purged: Removed,
) -> Batch:
    """Log that a batch has reached all of it."""
    name = document["withdrawal"]
    recalls = [
        (at, order["disclosure"])
        for at, _, _, order in house.ledger.objects("recall")
        if at > index
    ]
    unlearnings = [
        (at, item) for at, _, _, item in house.ledger.objects("unlearning") if at > index
    ]
    outcome: dict[str, Any] = {
        "at": format_instant(house.now()),
        "certificates": [u.certificate for u in done if u.certificate is not None],
        "purged": purged,
        "recalls": [at for at, _ in recalls],
        "unlearnings": [at for at, _ in unlearnings],
        "withdrawal": name,
    }
    entry = WithdrawalEndEntry(withdrawal=index, document=digest_of(outcome))
    if house.ledger.object("withdrawal-end", name) is None:  # nobody ended it meanwhile
        with house.ledger.writing() as writer:
            at = writer.log(entry.encode())
            writer.replace_object("withdrawal", name, {**document, "state": "done"})
            writer.add_object(
                "withdrawal-end", name, index=at, at_us=to_us(house.now()), document=outcome
            )
    gone = [item for _, found in unlearnings for item in found["purged"]]
    return Batch(
        withdrawal=name,
        unlearned=tuple(done),
        recalled=tuple(dict.fromkeys(package for _, package in recalls)),
        purged=tuple(str(item["name"]) for item in (*gone, *purged)),
    )


class _Step:
    """One release of a batch on its way; every method looks first whether its work is done."""

    def __init__(
        self, house: House, batch: int, document: Mapping[str, Any], measure: Measure | None
    ) -> None:
        self._house = house
        self._batch = batch
        self._at = to_us(parse_instant(document["logged"]["at"]))
        self._with_refit = bool(document["logged"]["refit"])
        self._rule = str(document["logged"]["purge"])
        self._measure = measure

    def unlearn(self, name: str) -> Unlearned | None:
        """Replace one release by one that never had the rows; None where none has to go any more."""
        house = self._house
        _, old = release_object(house, name)
        made = self._logged(name)
        if made is None:
            if old["superseded_by"] is not None:  # rolled back since: not what is served
                return None
            if not self._replace(name, old):
                return None
            made = self._logged(name)
            if made is None:
                raise EvidenceError("an unlearning is gone", code="workspace.damaged")
        unlearning, document = made
        self._remove(name, document["purged"])
        new = load_release(house, document["to"])
        certificate = None
        if old["exact"] and new.document["exact"]:
            found = find_certificate(house, unlearning)
            certificate = (
                certify(house, unlearning, rule=self._rule, removed=document["purged"])
                if found is None
                else found[0]
            )
        return Unlearned(
            old=name,
            new=new,
            removed=document["removed"],
            refit=document["refit"],
            certificate=certificate,
        )

    def _logged(self, name: str) -> tuple[str, dict[str, Any]] | None:
        for at, own, _, document in self._house.ledger.objects("unlearning"):
            if at > self._batch and document["from"] == name:
                return own, document
        return None

    def _replace(self, name: str, old: Mapping[str, Any]) -> bool:
        """Publish what replaces a release; False where the gate admits every row again."""
        house = self._house
        with house.aside():
            parent = open_snapshot(house, old["snapshot"])
        gate = self._gate(parent)
        with house.aside():
            removed = _no_longer(house, parent, gate)
        if not len(removed):
            return False
        delta_name = self._delta(parent, gate, removed)
        house.log.publish()
        with house.aside():
            delta = open_snapshot(house, delta_name)
        run_name, files = self._state(parent, delta, old["run"], removed)
        _, run = run_object(house, run_name)
        quality = None
        if self._measure is not None:
            with house.aside():
                quality = self._measure(delta, run)
        if self._logged(name) is not None:  # somebody went on with this batch meanwhile
            return True
        if release_object(house, name)[1] != old:
            raise ConflictError(
                f"{name} was changed while its unlearning was computed",
                code="workspace.moved",
                hint="run the command again",
            )
        exact = trainer_of(house, run["trainer"]).exact
        again = run["model"] if self._with_refit and exact else None
        purge_run = old["run"] if not _used_elsewhere(house, old["run"], name) else None

        def also(writer: LedgerWriter, to: str, index: int) -> None:
            self._log(writer, name, to, index, delta_name, run, again, len(removed), purge_run)

        publish_release(
            house,
            run_name,
            files=files,
            parent=name,
            quality=quality,
            also=also,
        )
        return True

    def _gate(self, parent: SealedSnapshot) -> int:
        """Return a gate that heard every choice up to the batch: logged since is not enough."""
        manifest = parent.manifest
        for index, _, _, document in self._house.ledger.objects("gate"):
            asked = (document["source"], document["use"], document["party_rule"])
            heard = document["ledger"] >= self._batch and self._at <= to_us(
                parse_instant(document["at"])
            )
            if heard and asked == (manifest.source, manifest.use, None):
                return index
        return gate_again(self._house, manifest.gate, as_use=manifest.use)

    def _delta(self, parent: SealedSnapshot, gate: int, removed: npt.NDArray[np.int64]) -> str:
        house, above = self._house, parent.manifest.snapshot
        at, _ = snapshot_document(house, above)
        for _, name, _, document in house.ledger.objects("snapshot"):
            if document["parent"] == at and document["gate"] == gate:
                return name
        return seal_without(house, parent, removed, gate=gate)[0]

    def _state(
        self,
        parent: SealedSnapshot,
        delta: SealedSnapshot,
        run_name: str,
        removed: npt.NDArray[np.int64],
    ) -> tuple[str, ModelFiles]:
        """Return the run that holds the state without the rows, and the model's files.

        It is kept once it was compared with a fit, where that was asked for: what stands is equal.
        """
        house = self._house
        _, run = run_object(house, run_name)
        trainer = trainer_of(house, run["trainer"])
        again = self._run(run, delta.manifest.snapshot)
        _, document = run_object(house, again)
        if document["files"]:
            return again, encoded(house, again)
        known = run.get("measured", {})
        took = {key: known[key] for key in ("fit_rows", "fit_us") if key in known}
        with house.aside():
            before = restore_state(house, run_name)
            began = house.timer()
            state = trainer.forget(before, parent.batches(run["columns"], only=removed))
            took |= {"forget_rows": len(removed), "forget_us": house.timer() - began}
            made = made_of(house, trainer, state, took)
            if self._with_refit and trainer.exact:
                fitted = trainer.fit(delta.batches(run["columns"]), run["recipe"])
                if model_digest(trainer.encode(fitted)).hex() != made.model:
                    raise EvidenceError(
                        "forgetting and fitting without the rows gave different bytes",
                        code="training.not-exact",
                    )
        if not run_object(house, again)[1]["files"]:  # nobody went on with this batch meanwhile
            keep_state(house, again, document, made)
        return again, made.released

    def _run(self, run: Mapping[str, Any], delta: str) -> str:
        """Return the run of this recipe on the delta, logged now where it was not."""
        house = self._house
        for index, name, _, document in house.ledger.objects("run"):
            same = all(document[key] == run[key] for key in ("trainer", "recipe", "columns"))
            if index > self._batch and document["snapshot"] == delta and same:
                return name
        measured = check_exactness(trainer_of(house, run["trainer"]))
        name = next_name(house, "run", run["trainer"])
        document = {
            **run,
            "run": name,
            "snapshot": delta,
            "environment": dict(house.environment()),
            "measurements": None if measured is None else measured.to_dict(),
            "model": None,
            "files": {},
        }
        with house.ledger.writing() as writer:
            entry = RecipeEntry(trainer=run["trainer"], recipe=recipe_digest(document))
            index = writer.log(entry.encode())
            writer.add_object("run", name, index=index, at_us=to_us(house.now()), document=document)
        return name

    def _log(
        self,
        writer: LedgerWriter,
        name: str,
        to: str,
        index: int,
        delta: str,
        run: Mapping[str, Any],
        refit: str | None,
        rows: int,
        purge_run: str | None,
    ) -> None:
        """Write, in the new release's transaction, the unlearning and what the rule removes."""
        house = self._house
        old_index, old = release_object(house, name)
        purged: Removed = []
        if purge_run is not None:
            _, before = run_object(house, purge_run)
            purged += _listed("runs", purge_run, before["files"])
            writer.replace_object("run", purge_run, {**before, "files": {}})
        if self._rule == RELEASES:
            purged += _listed("releases", name, _model_digests(house, old))
            writer.replace_object("release", name, {**old, "superseded_by": to, "purged": True})
        snapshot_index, _ = snapshot_document(house, delta)
        entry = UnlearningEntry(
            from_=old_index,
            to=index,
            snapshot=snapshot_index,
            model=bytes.fromhex(run["model"]),
            refit=None if refit is None else bytes.fromhex(refit),
        )
        document: dict[str, Json] = {
            "from": name,
            "to": to,
            "snapshot": delta,
            "removed": rows,
            "model": run["model"],
            "refit": refit,
            "rule": self._rule,
            "purged": list(purged),
        }
        writer.add_object(
            "unlearning",
            f"{name}-to-{to}",
            index=writer.log(entry.encode()),
            at_us=to_us(house.now()),
            document=document,
        )

    def _remove(self, release: str, purged: Removed) -> None:
        """Remove the files that a logged unlearning names; those that are gone are gone."""
        for item in purged:
            kind, artefact, file = str(item["name"]).split("/")
            if kind == "runs":
                self._house.artefacts.remove("runs", artefact)
            elif artefact == release:
                self._house.artefacts.remove("releases", artefact, file)


def _no_longer(house: House, snapshot: SealedSnapshot, gate: int) -> npt.NDArray[np.int64]:
    """Return positions of the snapshot whose source rows a logged gate left out."""
    found = house.ledger.object_at(gate)
    if found is None:
        raise EvidenceError("a gate that the ledger names is gone", code="workspace.damaged")
    dropped = reasons_of(house, found[1])["row"].to_numpy()
    alive = snapshot.alive
    return alive[np.isin(source_rows_of(house, snapshot)[alive], dropped)]


def _purge_run(house: House, name: str, document: Mapping[str, Any]) -> Removed:
    """Remove the state of a run never released that was trained on rows no longer admitted."""
    _, run = run_object(house, name)
    if run["files"]:
        with house.ledger.writing() as writer:
            writer.replace_object("run", name, {**run, "files": {}})
    house.artefacts.remove("runs", name)  # a crash before this line is healed at opening
    return _listed("runs", name, document["files"][name])


def _listed(kind: str, artefact: str, digests: Mapping[str, str]) -> Removed:
    return [{"name": f"{kind}/{artefact}/{n}", "sha256": digests[n]} for n in sorted(digests)]


def _model_digests(house: House, document: Mapping[str, Any]) -> dict[str, str]:
    """Return name → SHA-256 of a release's model files that are there."""
    found = {}
    for name in document["files"]:
        with suppress(EvidenceError):  # gone already: nothing to remove
            found[name] = sha256(house.artefacts.read("releases", document["release"], name)).hex()
    return found


def _used_elsewhere(house: House, run: str, release: str) -> bool:
    """Return whether another current release was published from the same run."""
    return any(
        document["run"] == run and document["superseded_by"] is None and name != release
        for _, name, _, document in house.ledger.objects("release")
    )
