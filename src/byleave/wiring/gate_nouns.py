"""The nouns of data: `ws.source`, `ws.gate`, `ws.snapshot`.

Each method calls one service and publishes the log when it wrote to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from byleave.consent.event import EvidenceGrade
from byleave.gate.result import GatedTable, GateRecord
from byleave.policy.ruleset import PartyRule
from byleave.service import (
    disclose,
    gate,
    gate_update,
    snapshot,
    snapshot_check,
    snapshot_diff,
    source,
    what_if,
)
from byleave.service.kept_plan import compile_now
from byleave.snapshot.sealed import SealedSnapshot
from byleave.wiring.consent_nouns import Noun, operators_book
from byleave.wiring.engines import EngineGates
from byleave.wiring.tables import parquet_files

__all__ = ["Gates", "Snapshots", "Sources"]


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
        plan = compile_now(self._house, data, use, at=at, party_rule=rule).plan
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
        tree = self._house.taxonomy
        books = {
            k: operators_book(text, name=k, taxonomy=tree) for k, text in (rulesets or {}).items()
        }
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
        plan = compile_now(self._house, data, use, at=at).plan
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
