"""The nouns of models: `ws.model`, `ws.release`.

Each method calls one service and publishes the log when it wrote to it.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byleave.canonical import Json
from byleave.consent.reason import Reason
from byleave.errors import EvidenceError, InputError, RefusedError
from byleave.service import (
    acts,
    answer,
    attestation,
    lineage,
    model,
    pinned,
    rollback,
    snapshot,
    taint,
    withdrawal,
)
from byleave.service import refit as refitting
from byleave.service.noting import AT_THE_MACHINE, reason
from byleave.snapshot.reads import SALT_BYTES
from byleave.wiring.consent_nouns import Noun
from byleave.wiring.reading import Reader, open_reader, read_model, read_trace
from byleave.wiring.sharded import Clean, Forecast, clean_model, forecast_cost
from byleave.wiring.suggestions import Suggester

if TYPE_CHECKING:
    from byleave.wiring.workspace import Workspace

__all__ = ["Models", "Releases"]


class Models(Noun):
    """Training runs."""

    def train(
        self,
        trainer: str,
        snapshot_id: str,
        *,
        columns: Mapping[str, str] | None = None,
        recipe: Mapping[str, Any] | None = None,
    ) -> str:
        """Train on a sealed snapshot; return the run's id.

        The workspace's lock is let go while the fit computes, so that others can write.

        Raises:
            ConflictError: `training.overtaken`, `workspace.moved`: what it was fitted on may not
                be used any more; nothing of it is kept.
        """
        self._writable()
        sealed = snapshot.open_snapshot(self._house, snapshot_id)
        same = {c: c for c in model.trainer_of(self._house, trainer).columns}
        mapping = same | dict(columns or {})
        house = self._house
        run, _ = model.train(
            house,
            sealed,
            trainer,
            columns=mapping,
            recipe=recipe,
            still=lambda run, index: withdrawal.refuse_overtaken(house, run, index),
        )
        self._house.log.publish()
        return run

    def check_trainable(self, trainer: str, snapshot_id: str) -> None:
        """Say whether there are a trainer and a snapshot of these names.

        Raises:
            InputError: `training.unknown-trainer`, `workspace.unknown-object`.
        """
        model.trainer_of(self._house, trainer)
        snapshot.snapshot_document(self._house, snapshot_id)

    def recipe(self, run: str) -> dict[str, Any]:
        """Return a run's document.

        Raises:
            InputError: `workspace.unknown-object`.
        """
        return model.run_object(self._house, run)[1]

    def forecast(
        self,
        trainer: str,
        snapshot_id: str,
        *,
        columns: Mapping[str, str] | None = None,
        leaving: Sequence[int] = (1, 10, 100),
    ) -> Forecast:
        """Say what withdrawals would cost a sharded trainer on this snapshot; train nothing."""
        return forecast_cost(
            self._house, trainer, snapshot_id, columns=dict(columns or {}), leaving=leaving
        )

    def clean(self, release: str) -> Clean:
        """Return what may be served of a sharded release at once, while unlearning trains."""
        return clean_model(self._house, release)

    def reader(
        self,
        snapshot_id: str,
        *,
        trace: str | Path,
        columns: Mapping[str, str] | Sequence[str] | None = None,
    ) -> Reader:
        """Return the rows of a snapshot for a training loop of your own; reading leaves a trace.

        Works on a workspace opened read-only, also while another process writes.

        Args:
            snapshot_id: The sealed snapshot; nothing else gives rows.
            trace: Folder for the trace, empty or not there yet: one for each training run.
            columns: Name handed out → column of the data, or columns; None: all.

        Raises:
            InputError: `training.columns`; `workspace.unknown-object`.
            ConflictError: `reads.exists`.
        """
        sealed = snapshot.open_snapshot(self._house, snapshot_id)
        return open_reader(sealed, columns, trace, self._house.random(SALT_BYTES))

    def attest(
        self, trace: str | Path, *, model: Sequence[str | Path] = ()
    ) -> attestation.Attestation:
        """Check a trace against its snapshot, sign what was read, and log it.

        Args:
            trace: The folder that a reader wrote.
            model: Files, or folders of them, that the run made; the statement names their digests.

        Raises:
            EvidenceError: `reads.malformed`, `reads.foreign-row`, `reads.values`.
            ConflictError: `reads.attested`.
            InputError: `input.not-found`.
        """
        self._writable()
        files, made = read_trace(trace), read_model(model)
        done = attestation.attest(self._house, files, model=made)
        self._house.log.publish()
        return done

    def check(
        self, name: str, *, model: Sequence[str | Path] = (), each_once: bool = False
    ) -> attestation.Attestation:
        """Recompute an attestation from its trace and the sealed snapshot.

        Raises:
            EvidenceError: `reads.*`, `release.envelope`, `release.signature`.
            ErasedError: `evidence.erased`.
            RefusedError: `reads.uneven`, only with `each_once`.
        """
        return attestation.check_attestation(
            self._house, name, model=read_model(model), each_once=each_once
        )

    def attestations(self) -> builtins.list[dict[str, Any]]:
        """Return every attestation's document, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("attestation")
        ]

    def evaluate(self, run: str) -> dict[str, Any]:
        """Measure a run's trainer on a fifth of its own snapshot, held out; costs a fit.

        Of a trainer of your own by its `task` (`byleave.training.judged`); empty without one.

        Raises:
            InputError: `training.task`, `workspace.unknown-object`, `training.unknown-trainer`.
        """
        from byleave.wiring.evaluation import held_out_quality

        _, document = model.run_object(self._house, run)
        sealed = snapshot.open_snapshot(self._house, document["snapshot"])
        return held_out_quality(
            sealed,
            model.trainer_of(self._house, document["trainer"]),
            document["columns"],
            document["recipe"],
            self._house.progress,
        )

    def suggest(
        self,
        release: str,
        message: str | None = None,
        **question: Any,  # noqa: ANN401
    ) -> list[dict[str, Any]]:
        """Ask a released model: the same as `ws.release.suggest`."""
        return self._workspace.release.suggest(release, message, **question)

    def list(self) -> list[dict[str, Any]]:
        """Return every run's document, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("run")
        ]


class Releases(Noun):
    """Published models."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._suggester = Suggester()

    def suggest(
        self,
        name: str,
        message: str | None = None,
        *,
        history: Sequence[str] = (),
        count: int = 3,
        force: bool = False,
        because: str = "",
    ) -> list[dict[str, Any]]:
        """Return the best suggestions of a release, with the reasons.

        Args:
            name: The release.
            message: For `replies`: the message to answer.
            history: For `content` what the member holds, for `jobs` what they have
                (`skill:python`), as far as they let it be used.
            count: How many.
            force: Ask a tainted release all the same; that is logged.
            because: Why it is forced; `load` says more.

        Raises:
            InputError: `training.suggest`, the trainer takes another kind of question;
                `input.malformed`, forced without a reason.
            RefusedError: `release.tainted`.
        """
        release = self.load(name, force=True, because=because) if force else self._asked(name)
        return self._suggester.personal(release, message=message, history=history, count=count)

    def suggest_for(
        self,
        member: str | None,
        name: str,
        message: str | None = None,
        *,
        history: Sequence[str] = (),
        count: int = 3,
    ) -> dict[str, Any]:
        """Return suggestions for one member, from their own data only where they agreed to it.

        Whoever has not agreed, now, to every use that the release's rows were gated for gets what many
        have: `message` and `history` are then not looked at.

        Args:
            member: For whom; None: nobody the ledger knows, so public data alone.
            name: The release.
            message: As for `suggest`.
            history: As for `suggest`.
            count: How many.

        Returns:
            `release`, `personal` (whether the member's own data was read), `reason` (`kept`, or
            the code of the reason why not) and `suggestions`.

        Raises:
            InputError: `training.suggest`, `member.unknown`.
            RefusedError: `release.tainted`.
        """
        release = self._asked(name)
        reason = Reason.NO_GRANT if member is None else self._standing(member, release)
        if reason is Reason.KEPT:
            found = self._suggester.personal(release, message=message, history=history, count=count)
        else:
            found = self._suggester.public(release, count=count)
        return {
            "release": release.release,
            "personal": reason is Reason.KEPT,
            "reason": reason.word,
            "suggestions": found,
        }

    def _asked(self, name: str) -> model.Release:
        """Return a release to ask, unless tainted; the files of a model at hand are not read again."""
        return taint.load_untainted(self._house, name, kept=self._suggester.kept())

    def _standing(self, member: str, release: model.Release) -> Reason:
        """Return `KEPT` where a member agreed to all uses of a release and no rule stops one.

        Else the first reason.
        """
        _, sealed = snapshot.snapshot_document(self._house, release.document["snapshot"])
        gate = self._house.ledger.object_at(sealed["gate"])
        if gate is None:
            raise EvidenceError("the snapshot's gate is gone", code="workspace.damaged")
        uses = answer.uses_of_gate(self._house, gate[3])
        return self._workspace.consent.allowed_all(member, uses)

    def publish(self, run: str, *, quality: Mapping[str, Json] | None = None) -> model.Release:
        """Publish a run's model; refused once a row it was trained on may not be used."""
        self._writable()
        files = model.encoded(self._house, run)
        withdrawal.refuse_stale(self._house, run)
        release = model.publish_release(self._house, run, files=files, quality=quality)
        self._workspace.keep_model_key()
        self._house.log.publish()
        return release

    def load(
        self, name: str, *, force: bool = False, because: str = "", who: str = AT_THE_MACHINE
    ) -> model.Release:
        """Return a release after recomputing its digest.

        Args:
            name: Its id.
            force: Load a tainted one all the same; that is logged.
            because: Why it is forced, 1 to 200 characters: in the log as an act, before it is
                loaded. Of a release that needs no force nothing is logged.
            who: Who forces it, as the trail names them.

        Raises:
            RefusedError: `release.tainted`, a withdrawal is past its date in it.
            InputError: `input.malformed`, forced without a reason; `release.tainted-read-only`.
        """
        house = self._house
        if not force:
            return taint.load_untainted(house, name)
        reason(because)
        try:
            return taint.load_untainted(house, name)
        except RefusedError as error:
            if error.code != "release.tainted":
                raise
        if not house.read_only:
            acts.log_act(house, "release.force", who=who, what=name, why=because)
        release = taint.load_untainted(house, name, force=True)
        house.log.publish()
        return release

    def tainted(self) -> tuple[taint.Taint, ...]:
        """Return the current releases that hold rows which had to be unlearned by now."""
        return taint.tainted(self._house)

    def refit(self, name: str) -> tuple[str, str]:
        """Fit again from the sealed snapshot; return (released digest, refit digest)."""
        found = refitting.refit(self._house, name)
        return found.released, found.refit

    def refit_report(self, name: str, *, same_environment: bool = False) -> refitting.Refit:
        """Fit again from the sealed snapshot; say which equality that showed, and where it ran.

        Args:
            name: The release.
            same_environment: Refuse to fit in another environment than the recorded one.

        Raises:
            RefusedError: `release.environment`, with what differs.
            ConflictError: `release.environment-unknown`.
        """
        return refitting.refit(self._house, name, same_environment=same_environment)

    def environment(self, name: str, *, locks: Sequence[str] = ()) -> tuple[str, tuple[str, ...]]:
        """Return what a release was fitted in, as a requirements file, and what has no hash in it.

        Args:
            name: The release.
            locks: Texts of lock files with hashes; those of the same versions are taken.

        Raises:
            ConflictError: `release.environment-unknown`, it was not recorded.
            InputError: `workspace.unknown-object`.
        """
        hashes = {pin: known for text in locks for pin, known in pinned.lock_hashes(text).items()}
        _, document = model.release_object(self._house, name)
        _, run = model.run_object(self._house, document["run"])
        return pinned.requirements(name, run.get("environment"), hashes)

    def rollback(self, name: str, *, to: str | None = None) -> tuple[str, int]:
        """Put a release out of service and an older one back; return it, and the log index.

        Args:
            name: The release in service.
            to: The older one; default the newest of the same trainer and use that may be served.

        Raises:
            RefusedError: `release.rollback`, `release.rollback-stale`, `release.purged`.
            ConflictError: `training.no-state`.
        """
        self._writable()
        found = rollback.roll_back(self._house, name, to=to)
        self._house.log.publish()
        return found

    def lineage(self, name: str) -> dict[str, Any]:
        """Return all that a release came from: run, snapshots, gates, policies, notices."""
        return lineage.upstream(self._house, name)

    def trained_on(
        self,
        *,
        snapshot: str | None = None,
        member: str | None = None,
        record: tuple[str, int] | None = None,
    ) -> builtins.list[dict[str, Any]]:
        """Return the releases trained on a snapshot, on a member's records, or on one record.

        Args:
            snapshot: A snapshot's id.
            member: A member id.
            record: A source's id, and the row in it, from 0.

        Raises:
            InputError: `cli.usage`, not exactly one of them; `workspace.unknown-object`;
                `member.unknown`.
        """
        if sum(asked is not None for asked in (snapshot, member, record)) != 1:
            raise InputError("name one: a snapshot, a member or a record", code="cli.usage")
        if snapshot is not None:
            return lineage.releases_of_snapshot(self._house, snapshot)
        if member is not None:
            return lineage.releases_of_member(self._house, member)
        assert record is not None  # noqa: S101 (for the types)
        return lineage.releases_of_record(self._house, *record)

    def list(self) -> list[dict[str, Any]]:
        """Return every release's document, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("release")
        ]
