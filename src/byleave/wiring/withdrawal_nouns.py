"""The noun of withdrawals: `ws.withdrawal`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from byleave.service import unlearning, withdrawal, withdrawal_plan
from byleave.service.certificate import find_certificate
from byleave.snapshot.sealed import SealedSnapshot
from byleave.wiring.consent_nouns import Noun

__all__ = ["Withdrawals", "run_document"]


def run_document(batches: Sequence[unlearning.Batch]) -> dict[str, Any]:
    """Return what batches reached, as JSON."""
    return {
        "batches": [batch.withdrawal for batch in batches],
        "unlearned": [
            {
                "from": item.old,
                "to": item.new.release,
                "rows_forgotten": item.removed,
                "model": item.new.model,
                "refit": item.refit,
                "certificate": item.certificate,
            }
            for batch in batches
            for item in batch.unlearned
        ],
        "recalled": [name for batch in batches for name in batch.recalled],
        "purged": [name for batch in batches for name in batch.purged],
    }


class Withdrawals(Noun):
    """Withdrawals that reach models and packages."""

    def plan(self) -> list[withdrawal.Affected]:
        """Return the current releases that hold rows no longer admitted."""
        return withdrawal.affected_releases(self._house)

    def packages(self) -> list[withdrawal.Affected]:
        """Return the packages that hold rows no longer admitted."""
        return withdrawal.affected_packages(self._house)

    def forecast(self) -> withdrawal_plan.WithdrawalPlan:
        """Return what a batch would reach now, and what it would cost."""
        return withdrawal_plan.plan_withdrawals(self._house)

    def carry_out(self, *, with_refit: bool = True) -> list[unlearning.Batch]:
        """Finish the batch that a crash cut off, if there is one; then do all there is to do.

        Returns:
            The batches that reached something, in order.

        Raises:
            EvidenceError: `training.not-exact`, forgetting and fitting gave different bytes.
        """
        self._writable()
        self._house.log.publish()
        batches = []
        while True:
            batch = unlearning.run_batch(self._house, with_refit=with_refit, measure=self._held_out)
            if batch.withdrawal:
                batches.append(batch)
            if not batch.resumed:
                break
        if batches:
            self._workspace.keep_model_key()
        self._house.log.publish()
        return batches

    def run(self, *, with_refit: bool = True) -> tuple[list[unlearning.Unlearned], list[str]]:
        """Unlearn every affected release and recall every affected package."""
        batches = self.carry_out(with_refit=with_refit)
        done = [item for batch in batches for item in batch.unlearned]
        return done, [package for batch in batches for package in batch.recalled]

    def _held_out(self, sealed: SealedSnapshot, run: Mapping[str, Any]) -> Mapping[str, Any]:
        """Measure what replaces a release; not of trainers that fit long to forget little."""
        from byleave.wiring.evaluation import held_out_quality

        if getattr(self._house.trainers[run["trainer"]], "task", None) is not None:
            return {}
        trainer = self._house.trainers[run["trainer"]]
        return held_out_quality(sealed, trainer, run["columns"], run["recipe"])

    def list(self) -> list[dict[str, Any]]:
        """Return every batch's document, oldest first, with its log index."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("withdrawal")
        ]

    def certificate(self, name: str) -> dict[str, Any] | None:
        """Return the certificate of an unlearning, or of the release it made; None: there is none."""
        found = find_certificate(self._house, name)
        return None if found is None else {**found[1], "index": found[0]}
