"""The nouns of models: `ws.model`, `ws.release`, `ws.withdrawal`.

Each method calls one service and publishes the log when it wrote to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from byleave.canonical import Json
from byleave.consent.reason import Reason
from byleave.service import (
    model,
    snapshot,
    taint,
    withdrawal,
)
from byleave.snapshot.sealed import SealedSnapshot
from byleave.wiring.consent_nouns import Noun
from byleave.wiring.sharded import Clean, Forecast, clean_model, forecast_cost
from byleave.wiring.suggestions import Suggester

if TYPE_CHECKING:
    from byleave.wiring.workspace import Workspace

__all__ = ["Models", "Releases", "Withdrawals"]


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
        """Train on a sealed snapshot; return the run's id."""
        self._writable()
        sealed = snapshot.open_snapshot(self._house, snapshot_id)
        same = {c: c for c in model.trainer_of(self._house, trainer).columns}
        mapping = same | dict(columns or {})
        run, _ = model.train(self._house, sealed, trainer, columns=mapping, recipe=recipe)
        self._house.log.publish()
        return run

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

    def evaluate(self, run: str) -> dict[str, Any]:
        """Measure a run's trainer on a fifth of its own snapshot, held out."""
        from byleave.wiring.evaluation import held_out_quality

        _, document = model.run_object(self._house, run)
        sealed = snapshot.open_snapshot(self._house, document["snapshot"])
        return held_out_quality(
            sealed, document["trainer"], document["columns"], document["recipe"]
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
    ) -> list[dict[str, Any]]:
        """Return the best suggestions of a release, with the reasons.

        Args:
            name: The release.
            message: For `replies`: the message to answer.
            history: For `content` what the member holds, for `jobs` what they have
                (`skill:python`), as far as they let it be used.
            count: How many.
            force: Ask a tainted release all the same; that is logged.

        Raises:
            InputError: `training.suggest`, the trainer takes another kind of question.
            RefusedError: `release.tainted`.
        """
        release = self.load(name, force=force)
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

        Whoever has not agreed to the use that the release was trained for, now, gets what many
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
        release = self.load(name)
        reason = Reason.NO_GRANT
        if member is not None:
            reason = self._workspace.consent.decide(member, release.document["use"]).reason
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

    def publish(self, run: str, *, quality: Mapping[str, Json] | None = None) -> model.Release:
        """Publish a run's model; refused once a row it was trained on may not be used."""
        self._writable()
        withdrawal.refuse_stale(self._house, run)
        release = model.publish_release(self._house, run, quality=quality)
        self._house.log.publish()
        return release

    def load(self, name: str, *, force: bool = False) -> model.Release:
        """Return a release after recomputing its digest.

        Args:
            name: Its id.
            force: Load a tainted one all the same; that is logged.

        Raises:
            RefusedError: `release.tainted`, a withdrawal is past its date in it.
        """
        before = self._house.ledger.size()
        release = taint.load_untainted(self._house, name, force=force)
        if self._house.ledger.size() > before:
            self._house.log.publish()
        return release

    def tainted(self) -> tuple[taint.Taint, ...]:
        """Return the current releases that hold rows which had to be unlearned by now."""
        return taint.tainted(self._house)

    def refit(self, name: str) -> tuple[str, str]:
        """Fit again from the sealed snapshot; return (released digest, refit digest)."""
        return model.refit(self._house, name)

    def list(self) -> list[dict[str, Any]]:
        """Return every release's document, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("release")
        ]


class Withdrawals(Noun):
    """Withdrawals that reach models and packages."""

    def plan(self) -> list[withdrawal.Affected]:
        """Return the current releases that hold rows no longer admitted."""
        return withdrawal.affected_releases(self._house)

    def packages(self) -> list[withdrawal.Affected]:
        """Return the packages that hold rows no longer admitted."""
        return withdrawal.affected_packages(self._house)

    def run(self, *, with_refit: bool = True) -> tuple[list[withdrawal.Unlearned], list[str]]:
        """Unlearn every affected release and recall every affected package."""
        self._writable()
        self._house.log.publish()
        done = [
            withdrawal.unlearn(self._house, affected, with_refit=with_refit, measure=_held_out)
            for affected in withdrawal.affected_releases(self._house)
        ]
        withdrawal.purge_stale(self._house)
        recalled = withdrawal.recall_packages(self._house)
        self._house.log.publish()
        return done, recalled


def _held_out(sealed: SealedSnapshot, run: Mapping[str, Any]) -> Mapping[str, Any]:
    from byleave.wiring.evaluation import held_out_quality

    return held_out_quality(sealed, run["trainer"], run["columns"], run["recipe"])
