"""The nouns of a workspace: `ws.gate.run(...)` is `byleave gate run`.

Each method calls one service and publishes the log when it wrote to it, so that what a call
returns is durable, logged and provable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from byleave.canonical import Json
from byleave.consent.event import EvidenceGrade
from byleave.consent.record_27560 import Party
from byleave.errors import InputError
from byleave.gate.result import GatedTable, GateRecord
from byleave.policy.ruleset import PartyRule
from byleave.service import (
    ages,
    answer,
    disclose,
    enrol,
    enrol_joint,
    erasure,
    gate,
    gate_update,
    model,
    overview,
    policy,
    prove,
    receipt,
    snapshot,
    snapshot_check,
    snapshot_diff,
    source,
    taint,
    what_if,
    withdrawal,
)
from byleave.snapshot.sealed import SealedSnapshot
from byleave.wiring.consent_nouns import Consents, Notices, Noun, Rulesets, operators_book
from byleave.wiring.engines import EngineGates
from byleave.wiring.policy_nouns import PolicyTexts
from byleave.wiring.proof_nouns import Directories, Proofs
from byleave.wiring.tables import parquet_files

__all__ = [
    "Consents",
    "Directories",
    "Disclosures",
    "Gates",
    "Members",
    "Models",
    "Notices",
    "Policies",
    "Proofs",
    "Public",
    "Releases",
    "Rulesets",
    "Snapshots",
    "Sources",
    "Withdrawals",
    "operators_book",
]

DEMO_MEMBERS = "demo-members.json"


class Policies(PolicyTexts):
    """Policy documents, notices and rulesets."""

    def publish(self, text: str, *, name: str = "document.md") -> policy.Published:
        """Publish a policy document; return it with its impact."""
        self._writable()
        published = policy.publish_document(self._house, text, name=name)
        self._house.log.publish()
        return published

    def impact(self, text: str, *, name: str = "document.md") -> policy.Impact:
        """Return what publishing a document would do, and publish nothing."""
        return policy.impact_of(self._house, text, name=name)

    def publish_notice(
        self,
        text: str,
        *,
        notice: str,
        asks: Sequence[str],
        control: str = "none",
        language: str = "en",
        policy_index: int | None = None,
        family: str | None = None,
        screen: str | None = None,
    ) -> int:
        """Publish the exact text that members are shown when asked; return its log index."""
        self._writable()
        index = policy.publish_notice(
            self._house,
            text,
            notice=notice,
            asks=asks,
            control=control,
            language=language,
            policy=policy_index,
            family=family,
            screen=screen,
        )
        self._house.log.publish()
        return index

    def publish_rules(self) -> int:
        """Log the rulesets and taxonomy in force; return the rulesets' log index."""
        self._writable()
        index = policy.publish_rules(self._house)
        self._house.log.publish()
        return index

    def list(self) -> list[dict[str, Any]]:
        """Return every document, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("policy")
        ]


class Members(Noun):
    """Members: enrolment, receipts, answers."""

    def enrol(self, members: Sequence[str], *, regions: Mapping[str, str] | None = None) -> int:
        """Enrol members; return how many were new."""
        self._writable()
        new = enrol.enrol(self._house, members, regions=regions)
        self._house.log.publish()
        return new

    def offer(self) -> tuple[str, int, bytes]:
        """Make and log the operator's part of a secret; return its name, log index, commitment."""
        self._writable()
        offered = enrol_joint.make_offer(self._house)
        self._house.log.publish()
        return offered

    def enrol_jointly(
        self, member: str, *, offer: str, nonce: bytes, region: str | None = None
    ) -> int:
        """Enrol a member under a secret that their nonce (32 bytes) went into; return the index."""
        self._writable()
        index = enrol_joint.enrol_jointly(
            self._house, member, offer=offer, nonce=nonce, region=region
        )
        self._house.log.publish()
        return index

    def erase(self, members: Sequence[str]) -> erasure.Erased:
        """Erase members whose withdrawal has reached everything current (G10).

        Raises:
            InputError: `member.unknown`, `member.erased`.
            RefusedError: `erasure.standing`.
        """
        self._writable()
        done = erasure.erase(self._house, members, proofs=self._workspace.places.proofs)
        self._house.log.publish()
        return done

    def standing(self, member: str) -> list[tuple[str, str]]:
        """Return (kind, id) of what still holds rows of a member, and has to be dealt with first."""
        return erasure.standing(self._house, [self.ordinal(member)])

    def born(self, births: Mapping[str, str]) -> int:
        """Record when members were born (`2008`, `2008-05`, `2008-05-01`); return how many."""
        self._writable()
        return ages.add_ages(self._house, births)

    def count(self) -> int:
        """Return how many members are enrolled."""
        return self._house.ledger.member_count()

    def answer(self, member: str) -> dict[str, Any]:
        """Return everything the ledgers know of one member, as facts (`pages.view`)."""
        return answer.member_answer(self._house, member)

    def receipt(self, member: str) -> bytes:
        """Return a member's receipt; private, to be written 0600."""
        return prove.make_receipt(self._house, member)

    def standard_receipt(self, member: str) -> bytes:
        """Return a member's receipt as ISO/IEC TS 27560 JSON-LD; no secret in it."""
        return receipt.standard_receipt(self._house, member, operator=self._operator())

    def receipt_page(self, member: str) -> dict[str, Any]:
        """Return the facts of a member's receipt page (`pages.receipt.ReceiptView`)."""
        return receipt.receipt_page(self._house, member, operator=self._operator())

    def _operator(self) -> Party:
        config = self._workspace.config
        return Party(origin=config.origin, name=config.operator, **config.party)

    def ordinal(self, member: str) -> int:
        """Return a member's ordinal.

        Raises:
            InputError: `member.unknown`.
        """
        row = self._house.ledger.member(member)
        if row is None:
            raise InputError("the ledger knows no such member", code="member.unknown")
        return row[0]

    def by_ordinal(self, ordinal: int) -> str:
        """Return the member with this ordinal.

        Raises:
            InputError: `member.unknown`.
        """
        row = self._house.ledger.member_at(ordinal)
        if row is None:
            raise InputError("the ledger knows no such member", code="member.unknown")
        return row[1]


class Sources(Noun):
    """Data sets."""

    def add(
        self,
        name: str,
        data: pa.Table | str | Path | Sequence[str | Path],
        contract: str,
        *,
        contract_name: str = "contract.yaml",
        regions: Mapping[str, str] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> tuple[int, int]:
        """Add a data set and enrol its members; return (records, newly enrolled).

        Args:
            name: Its id.
            data: A table that is in memory; or Parquet files, and folders of them, of one schema.
            contract: Whose data a row is (YAML text).
            contract_name: What messages call the contract.
            regions: Region of members, where known.
            about: Where it is from.
        """
        self._writable()
        rows = data if isinstance(data, pa.Table) else parquet_files(data)
        added = source.add_source(
            self._house,
            name,
            rows,
            contract,
            contract_name=contract_name,
            regions=regions,
            about=about,
        )
        self._house.log.publish()
        return added

    def open(self, name: str) -> source.Source:
        """Return a data set."""
        return source.open_source(self._house, name)

    def list(self) -> list[dict[str, Any]]:
        """Return every data set's document, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("source")
        ]


class Gates(EngineGates):
    """The gate over sources of the workspace."""

    def run(
        self,
        name: str,
        use: str,
        *,
        at: datetime | None = None,
        party_rule: str | None = None,
    ) -> tuple[str, GatedTable]:
        """Run the gate and log its record; return its id and the gated table."""
        self._writable()
        rule = None if party_rule is None else PartyRule.parse(party_rule)
        gate_id, _, gated = gate.run_gate(self._house, name, use, at=at, party_rule=rule)
        self._house.log.publish()
        return gate_id, gated

    def update(self, gate_id: str, *, at: datetime | None = None) -> gate_update.Updated:
        """Run a logged gate again as things stand now, deciding what changed minds touch alone."""
        self._writable()
        updated = gate_update.update_gate(self._house, gate_id, at=at)
        self._house.log.publish()
        return updated

    def show(self, gate_id: str) -> dict[str, Any]:
        """Return one gate's document, with its log index.

        Raises:
            InputError: `workspace.unknown-object`.
        """
        index, document = gate.gate_document(self._house, gate_id)
        return {**document, "index": index}

    def dry_run(
        self,
        name: str,
        use: str,
        *,
        at: datetime | None = None,
        party_rule: str | None = None,
    ) -> GateRecord:
        """Decide every row and store nothing."""
        rule = None if party_rule is None else PartyRule.parse(party_rule)
        data = source.open_source(self._house, name)
        plan = gate.compile_for(self._house, data, use, at=at, party_rule=rule)
        return gate.dry_run(self._house, data, plan).record

    def compare(
        self,
        name: str,
        use: str,
        *,
        at: datetime | None = None,
        party_rules: Sequence[str] = (),
        rulesets: Mapping[str, str] | None = None,
        grades: Sequence[str] = (),
    ) -> what_if.Comparison:
        """Say what the gate keeps as it is, and under each change alone; store nothing.

        Args:
            name: The source.
            use: What for.
            at: Instant of the decision; None: now.
            party_rules: `author`, `any`, `all`.
            rulesets: Texts of operator's rulesets, by label.
            grades: `none`, `version`, `bytes`: from which evidence grade on a grant counts.
        """
        books = {k: operators_book(text, name=k) for k, text in (rulesets or {}).items()}
        return what_if.compare_source(
            self._house,
            name,
            use,
            at=at,
            party_rules=[PartyRule.parse(rule) for rule in party_rules],
            rulesets=books,
            grades=[EvidenceGrade[grade.upper()] for grade in grades],
        )

    def kept_rows(self, name: str, use: str, *, at: datetime) -> Any:  # noqa: ANN401 (int64 array)
        """Return the numbers of the rows that the gate would have kept at an instant; int64."""
        data = source.open_source(self._house, name)
        plan = gate.compile_for(self._house, data, use, at=at)
        return gate.kept_rows(self._house, data, plan)

    def party_rules(self, name: str, use: str) -> Mapping[str, float]:
        """Return the share of rows kept under each party rule."""
        return disclose.shares_by_party_rule(self._house, name, use)

    def replay(self, gate_id: str) -> GateRecord:
        """Decide a logged gate again at its own ledger position and instant (G5)."""
        return gate.replay_gate(self._house, gate_id)[2].record

    def list(self) -> list[dict[str, Any]]:
        """Return every gate record, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("gate")
        ]


class Snapshots(Noun):
    """Sealed snapshots."""

    def seal(self, gate_id: str, *, gated: GatedTable | None = None) -> str:
        """Seal what a logged gate let through; return the snapshot's id."""
        self._writable()
        name, _, _ = snapshot.seal_gate(self._house, gate_id, gated=gated)
        self._house.log.publish()
        return name

    def renew(self, name: str) -> tuple[str, int]:
        """Seal a delta without the rows no longer admitted; return its id and how many went."""
        self._writable()
        renewed = snapshot_check.renew(self._house, name)
        self._house.log.publish()
        return renewed

    def diff(self, old: str, new: str) -> snapshot_diff.Difference:
        """Return what two snapshots of one lineage do not share, with its audit proof."""
        return snapshot_diff.diff(self._house, old, new)

    def fsck(self, name: str) -> snapshot_check.Checked:
        """Take every hash of a snapshot again, and hold its openings to its map."""
        return snapshot_check.check_snapshot(self._house, name)

    def repair(self, name: str) -> int:
        """Rebuild a snapshot's map from its openings; return how many files were written."""
        self._writable()
        return snapshot_check.repair_map(self._house, name)

    def open(self, name: str) -> SealedSnapshot:
        """Open a snapshot after recomputing every digest."""
        return snapshot.open_snapshot(self._house, name)

    def list(self) -> list[dict[str, Any]]:
        """Return every snapshot's document, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("snapshot")
        ]


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

    def evaluate(self, run: str) -> dict[str, Any]:
        """Measure a run's trainer on a fifth of its own snapshot, held out."""
        from byleave.wiring.evaluation import held_out_quality

        _, document = model.run_object(self._house, run)
        sealed = snapshot.open_snapshot(self._house, document["snapshot"])
        return held_out_quality(
            sealed, document["trainer"], document["columns"], document["recipe"]
        )

    def list(self) -> list[dict[str, Any]]:
        """Return every run's document, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("run")
        ]


class Releases(Noun):
    """Published models."""

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
        from byleave.wiring.suggestions import suggestions

        release = self.load(name, force=force)
        return suggestions(release, message=message, history=history, count=count)

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


class Disclosures(Noun):
    """Packages for recipients."""

    def offer(self, name: str, use: str) -> disclose.Offer:
        """Gate a source for a recipient and offer what passed."""
        self._writable()
        try:
            return disclose.offer(self._house, name, use)
        finally:
            self._house.log.publish()

    def list(self) -> list[dict[str, Any]]:
        """Return every disclosure's document, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("disclosure")
        ]


class Public(Noun):
    """What anyone may read."""

    def overview(self) -> dict[str, Any]:
        """Return policies, releases and the log's head (`pages.view.PublicOverview`)."""
        workspace = self._workspace
        facts = overview.public_overview(
            self._house,
            operator=workspace.config.operator,
            data_origin=workspace.config.data_origin,
            trust=workspace.places.trust.read_text("utf-8"),
            demo_members=workspace.demo_members(),
        )
        return {**facts, "contact": workspace.config.party.get("contact")}


def _held_out(sealed: SealedSnapshot, run: Mapping[str, Any]) -> Mapping[str, Any]:
    from byleave.wiring.evaluation import held_out_quality

    return held_out_quality(sealed, run["trainer"], run["columns"], run["recipe"])
