"""What a client has done: rows in, gates, snapshots, models, releases, withdrawals, packages."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any, Final

from byleave.client.calls import Calls, part, read_answer

__all__ = ["Work"]

_PIECE: Final = 1 << 20
_LOOK: Final = 0.1
_LOOK_AT_MOST: Final = 1.6


class Work(Calls):
    """Calls that start long work, and look after it."""

    def train(
        self,
        trainer: str,
        snapshot: str,
        *,
        columns: Mapping[str, str] | None = None,
        recipe: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Have a trainer trained on a sealed snapshot; return the job, which `job` looks after.

        Args:
            trainer: Its name.
            snapshot: The sealed snapshot.
            columns: Trainer's column → column of the data; default: the same name.
            recipe: Changes to the default recipe.
            key: Idempotency key; default a new one.
        """
        body = {
            "trainer": trainer,
            "snapshot": snapshot,
            "columns": dict(columns or {}),
            "recipe": dict(recipe or {}),
        }
        found: dict[str, Any] = self._write("/api/v1/trainings", body, key)
        return found

    def upload(self, rows: Path | IO[bytes], *, csv: bool = False) -> str:
        """Send one file of rows; return its name, the SHA-256 of its bytes.

        Sent again it changes nothing. It waits for a day to become part of a source.

        Args:
            rows: A file's path, or a file open for reading from its beginning; at most 1 GiB.
            csv: It is CSV, not Parquet.
        """
        kind = "text/csv" if csv else "application/vnd.apache.parquet"
        with rows.open("rb") if isinstance(rows, Path) else nullcontext(rows) as file:
            answer = self._http.post(
                "/api/v1/uploads", content=_pieces(file), headers={"content-type": kind}
            )
        return str(read_answer(answer)["upload"])

    def add_source(
        self,
        source: str,
        contract: str,
        uploads: Sequence[str],
        *,
        origin: str = "api",
        regions: str | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Have a data set added; return the job.

        Args:
            source: Its id.
            contract: Whose data a row is (YAML text).
            uploads: Names of files that `upload` returned, in order.
            origin: Where it is from; nothing personal.
            regions: Name of an uploaded CSV file, `member` and `region`: where members live.
            key: Idempotency key; default a new one.
        """
        body = {
            "source": source,
            "contract": contract,
            "uploads": list(uploads),
            "origin": origin,
            "regions": regions,
        }
        found: dict[str, Any] = self._write("/api/v1/sources", body, key)
        return found

    def run_gate(
        self, source: str, use: str, *, party_rule: str | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """Have the gate run over a data set; return the job, whose result names the gate run."""
        body = {"source": source, "use": use, "party_rule": party_rule}
        found: dict[str, Any] = self._write("/api/v1/gates", body, key)
        return found

    def seal(self, gate: str, *, key: str | None = None) -> dict[str, Any]:
        """Have what a gate run kept sealed; return the job, whose result names the snapshot."""
        found: dict[str, Any] = self._write("/api/v1/snapshots", {"gate": gate}, key)
        return found

    def cancel(self, job: int, *, key: str | None = None) -> dict[str, Any]:
        """Cancel a job; return it. One that runs may take a moment to stop, or end all the same."""
        found: dict[str, Any] = self._write(f"/api/v1/jobs/{job}/cancellation", {}, key)
        return found

    def evaluate(self, run: str, *, key: str | None = None) -> dict[str, Any]:
        """Have a run measured on a fifth of its own snapshot; return the job."""
        found: dict[str, Any] = self._write("/api/v1/evaluations", {"run": run}, key)
        return found

    def job(self, number: int) -> dict[str, Any]:
        """Return a job: `waiting`, `running`, `done`, `failed`, `cancelled` or `lost`."""
        found: dict[str, Any] = self._read(f"/api/v1/jobs/{number}", {})
        return found

    def wait(self, job: Mapping[str, Any], *, seconds: float = 3_600.0) -> dict[str, Any]:
        """Return a job once it has ended, however it did, or as it is after so many seconds.

        It is looked at after 0.1 seconds, and then twice as long after each look, up to 1.6.
        """
        found, give_up, pause = dict(job), time.monotonic() + seconds, _LOOK
        while found["ended"] is None and time.monotonic() < give_up:
            self._sleep(pause)
            pause = min(2 * pause, _LOOK_AT_MOST)
            found = self.job(found["job"])
        return found

    def withdrawal_plan(self) -> dict[str, Any]:
        """Return what withdrawals would reach now, and what that would cost."""
        found: dict[str, Any] = self._read("/api/v1/withdrawals/plan", {})
        return found

    def run_withdrawals(self, *, refit: bool = True, key: str | None = None) -> dict[str, Any]:
        """Have every affected release unlearned and every affected package recalled; return the job.

        Args:
            refit: Also fit from scratch without the rows, and compare the bytes.
            key: Idempotency key; default a new one.
        """
        found: dict[str, Any] = self._write("/api/v1/withdrawals", {"refit": refit}, key)
        return found

    def publish_release(
        self, run: str, *, evaluate: bool = False, key: str | None = None
    ) -> dict[str, Any]:
        """Have a run's model published, measured first or not; return the job."""
        body = {"run": run, "evaluate": evaluate}
        found: dict[str, Any] = self._write("/api/v1/releases", body, key)
        return found

    def roll_back(
        self, release: str, *, to: str | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """Have a release put out of service and an older one back; return the job."""
        path = f"/api/v1/releases/{part(release)}/rollback"
        found: dict[str, Any] = self._write(path, {"to": to}, key)
        return found

    def preview_offer(self, source: str, use: str) -> dict[str, Any]:
        """Return what a package would hold, and how much its recipient holds already."""
        asked = {"source": source, "use": use}
        found: dict[str, Any] = self._read("/api/v1/disclosures/preview", asked)
        return found

    def offer(
        self,
        source: str,
        use: str,
        *,
        recall_days: int = 13,
        expires: str | None = None,
        only_new: bool = False,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Have a data set gated for a recipient, and what passes offered; return the job.

        Args:
            source: Id of the data set.
            use: PURPOSE/CATEGORY/RECIPIENT.
            recall_days: Days to answer a recall.
            expires: RFC 3339, or a day: from when on the package may not be used.
            only_new: Leave out what the recipient holds already.
            key: Idempotency key; default a new one.
        """
        body = {
            "source": source,
            "use": use,
            "recall_days": recall_days,
            "expires": expires,
            "only_new": only_new,
        }
        found: dict[str, Any] = self._write("/api/v1/disclosures", body, key)
        return found

    def releases(self) -> Iterator[dict[str, Any]]:
        """Yield the documents of every release, oldest first, page by page."""
        return self._all("releases")

    def snapshots(self) -> Iterator[dict[str, Any]]:
        """Yield the documents of every sealed snapshot, oldest first."""
        return self._all("snapshots")

    def packages(self) -> Iterator[dict[str, Any]]:
        """Yield the documents of every package for a recipient, oldest first."""
        return self._all("packages")

    def import_choices(
        self, upload: str, *, name: str | None = None, enrol: bool = True, key: str | None = None
    ) -> dict[str, Any]:
        """Have choices imported from a file that was uploaded; return the job.

        Args:
            upload: Its name, as `upload` returned it; a table of our layout.
            name: Id of the import; None: the next number.
            enrol: Whether members the ledger does not know are enrolled.
            key: Idempotency key; default a new one.
        """
        return self._job("imports", {"upload": upload, "name": name, "enrol": enrol}, key)

    # recalls and erasures

    def disclosures(self) -> Iterator[dict[str, Any]]:
        """Yield where each package stands: state, recalled, answered, due."""
        return self._all("disclosures")

    def recall(
        self, disclosure: str | None = None, *, days: int | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """Call a whole package back; without a name, every row that is no longer admitted.

        Args:
            disclosure: The package; None: rows of all of them.
            days: To answer; None: as the terms say.
            key: Idempotency key; default a new one.
        """
        path = "recalls" if disclosure is None else f"disclosures/{part(disclosure)}/recall"
        return self._job(path, {"days": days}, key)

    def erase(
        self, members: Sequence[str], *, request: str | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """Have members erased whose withdrawal has reached everything; return the job.

        Args:
            members: Whom, 1 to 1,000. It cannot be undone.
            request: Id of the request that it answers.
            key: Idempotency key; default a new one.
        """
        return self._job("erasures", {"members": list(members), "request": request}, key)

    def erasures(self) -> Iterator[dict[str, Any]]:
        """Yield erasures, oldest first, members by ordinal."""
        return self._all("erasures")

    def build_directory(self, *, key: str | None = None) -> dict[str, Any]:
        """Have every member's one enrolment listed in a new directory; return the job."""
        return self._job("directories", {}, key)

    # again

    def update_gate(self, gate: str, *, key: str | None = None) -> dict[str, Any]:
        """Have a gate run again as of now; where few changed, their rows alone; return the job."""
        return self._job(f"gates/{part(gate)}/update", {}, key)

    def renew(self, snapshot: str, *, key: str | None = None) -> dict[str, Any]:
        """Have a delta sealed without the rows no longer admitted; return the job."""
        return self._job(f"snapshots/{part(snapshot)}/renewal", {}, key)

    def compare(
        self,
        source: str,
        use: str,
        *,
        at: str | None = None,
        party_rules: Sequence[str] = (),
        rulesets: Mapping[str, str] | None = None,
        evidence: Sequence[str] = (),
        key: str | None = None,
    ) -> dict[str, Any]:
        """Have a source's rows counted under other rules; nothing is stored; return the job.

        Args:
            source: Id of the data set.
            use: PURPOSE/CATEGORY/RECIPIENT.
            at: Decide as of then, RFC 3339; None: now.
            party_rules: `author`, `any`, `all`; where nothing else is named, all three.
            rulesets: Texts of rulesets, by label.
            evidence: `none`, `version`, `bytes`: from which grade on a yes counts.
            key: Idempotency key; default a new one.
        """
        body: dict[str, Any] = {"source": source, "use": use, "at": at}
        body |= {"party_rules": list(party_rules), "evidence": list(evidence)}
        return self._job("gates/comparison", {**body, "rulesets": dict(rulesets or {})}, key)

    def replay(self, gate: str, *, key: str | None = None) -> dict[str, Any]:
        """Have a logged gate decided again at its own position; return the job."""
        return self._job(f"gates/{part(gate)}/replay", {}, key)

    def check_snapshot(self, snapshot: str, *, key: str | None = None) -> dict[str, Any]:
        """Have every hash of a snapshot taken again; return the job."""
        return self._job(f"snapshots/{part(snapshot)}/check", {}, key)

    def refit(
        self, release: str, *, same_environment: bool = False, key: str | None = None
    ) -> dict[str, Any]:
        """Have a release fitted again from its snapshot, and compared; return the job."""
        body = {"same_environment": same_environment}
        return self._job(f"releases/{part(release)}/refit", body, key)

    def check(self, *, key: str | None = None) -> dict[str, Any]:
        """Have everything that the workspace holds re-read and re-computed; return the job."""
        return self._job("checks", {}, key)

    def reconcile(self, *, key: str | None = None) -> dict[str, Any]:
        """Have published texts and notices held against recorded use; return the job."""
        return self._job("policies/reconciliation", {}, key)

    def count_purged(self, *, key: str | None = None) -> dict[str, Any]:
        """Have what is left of purged intervals counted; return the job."""
        return self._job("rulesets/purged", {}, key)

    # looking

    def gate(self, gate: str) -> dict[str, Any]:
        """Return what a gate decided, and from what."""
        return self._found(f"gates/{part(gate)}", {})

    def manifest(self, snapshot: str) -> dict[str, Any]:
        """Return a snapshot's manifest, after every digest was recomputed."""
        return self._found(f"snapshots/{part(snapshot)}", {})

    def snapshot_difference(self, old: str, new: str) -> dict[str, Any]:
        """Return what two snapshots of one lineage do not share; members by label."""
        return self._found(f"snapshots/{part(old)}/diff", {"to": new})

    def lineage(self, release: str) -> dict[str, Any]:
        """Return all that a release came from: run, snapshots, gates, texts."""
        return self._found(f"releases/{part(release)}/lineage", {})


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece
