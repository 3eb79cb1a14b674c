"""`ws.hook`: what a workspace does, told to MLflow and OpenLineage.

Both get names, digests, counts and instants of published things, which the log holds too; no
member, no record, no text. Neither is evidence: who wants to check follows the log.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from byleave.engines.extra import load
from byleave.errors import InputError, WorldError
from byleave.service import model
from byleave.service.house import Log
from byleave.service.lineage_acts import acts, gate_record
from byleave.service.snapshot import snapshot_document
from byleave.wiring.consent_nouns import Noun

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient

__all__ = ["Hooks", "ToldLog"]


class ToldLog:
    """A log that calls a function after each publication; else the log it stands for.

    Args:
        log: The workspace's log.
        told: Called once what was written is served.
    """

    def __init__(self, log: Log, told: Callable[[], object]) -> None:
        self._log, self._told = log, told

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever the log has)
        return getattr(self._log, name)

    def publish(self) -> None:
        """Publish, then tell."""
        self._log.publish()
        self._told()


class Hooks(Noun):
    """What others' tools are told."""

    def lineage_events(self, *, after: int = -1) -> list[dict[str, Any]]:
        """Return the OpenLineage events of every act after a log index, as JSON objects.

        Raises:
            WorldError: `cli.extra-missing`.
        """
        load("openlineage.client", extra="openlineage")
        from openlineage.client.serde import Serde

        return [json.loads(Serde.to_json(event)) for event in self._events(after)]

    def openlineage(
        self, client: OpenLineageClient | None = None, *, after: int = -1, follow: bool = False
    ) -> int:
        """Emit START and COMPLETE of every act after a log index; return how many acts.

        Args:
            client: OpenLineage's client; None: one configured as OpenLineage does, by
                `openlineage.yml` or environment variables.
            after: The last log index that was told before.
            follow: Also tell each later act of this process, once it is published; one that could
                not be told is a warning, and goes with the next.

        Raises:
            WorldError: `cli.extra-missing`; `hook.unreachable`, the client could not send: what is
                in the log is in the log, and `after` says where to go on.
        """
        module = load("openlineage.client", extra="openlineage")
        teller = module.OpenLineageClient() if client is None else client
        count, last = self._tell(teller, after)
        if follow:
            self._workspace.tell_after_publishing(self._follower(teller, last))
        return count

    def mlflow(
        self,
        release: str,
        *,
        tracking: str,
        experiment: str = "byleave",
        attestation: str | None = None,
    ) -> str:
        """Log a release as an MLflow run; return the run's id, the same if it was logged before.

        Args:
            release: Its id.
            tracking: MLflow's tracking URI: `file:…`, `sqlite:…`, `http://…`.
            experiment: Name of MLflow's experiment.
            attestation: An attestation of what was read, to go with it.

        Raises:
            InputError: `workspace.unknown-object`.
            WorldError: `cli.extra-missing`; `hook.unreachable`.
        """
        load("mlflow", extra="mlflow")
        from byleave.connectors.mlflow_runs import log_release

        facts = self._release_facts(release, attestation)
        try:
            return log_release(tracking=tracking, experiment=experiment, name=release, **facts)
        except Exception as error:
            raise _unreachable("MLflow", error) from error

    def _release_facts(self, release: str, attestation: str | None) -> dict[str, Any]:
        house = self._house
        index, document = model.release_object(house, release)
        run_index, run = model.run_object(house, document["run"])
        snapshot_index, snapshot = snapshot_document(house, document["snapshot"])
        tags = {
            "byleave.log": house.log.origin,
            "byleave.release": release,
            "byleave.release.index": str(index),
            "byleave.release.model": document["model"],
            "byleave.release.parent": document["parent"] or "",
            "byleave.run.index": str(run_index),
            "byleave.snapshot": document["snapshot"],
            "byleave.snapshot.index": str(snapshot_index),
            "byleave.snapshot.root": snapshot["root"],
            "byleave.gate.index": str(snapshot["gate"]),
            "byleave.gate.record": gate_record(house, snapshot["gate"]),
            "byleave.unlearning": "exact" if document["exact"] else "approximate",
            "byleave.use": document["use"],
        }
        folder = house.artefacts.path("releases", release)
        artefacts = {
            path.name: path.read_bytes()
            for path in (folder / "statement.dsse.json", folder / "model-card.md")
            if path.is_file()
        }
        if attestation is not None:
            found = house.ledger.object("attestation", attestation)
            if found is None:
                raise InputError(f"no attestation {attestation!r}", code="workspace.unknown-object")
            tags["byleave.attestation"] = attestation
            tags["byleave.attestation.index"] = str(found[0])
            tags["byleave.attestation.digest"] = found[2]["digest"]
            artefacts["attestation.dsse.json"] = house.artefacts.read(
                "attestations", attestation, "statement.dsse.json"
            )
        metrics = {"byleave.records": float(snapshot["records"])}
        for name, value in document["quality"].items():
            metrics |= _number(name, value)
        at = {found[1]: found[2] for found in house.ledger.objects("release")}[release]
        began = {found[1]: found[2] for found in house.ledger.objects("run")}[document["run"]]
        return {
            "tags": tags,
            "params": {"trainer": document["trainer"], "recipe": model.recipe_digest(run).hex()},
            "metrics": metrics,
            "artefacts": artefacts,
            "began_us": began,
            "ended_us": at,
        }

    def _events(self, after: int) -> list[Any]:
        from byleave.connectors.openlineage_events import events_of

        origin = self._house.log.origin
        return [e for act in acts(self._house, after=after) for e in events_of(act, origin=origin)]

    def _tell(
        self, client: OpenLineageClient, after: int, before: int | None = None
    ) -> tuple[int, int]:
        """Emit; return the number of acts, and the last log index told."""
        from byleave.connectors.openlineage_events import events_of

        count, last = 0, after
        for act in acts(self._house, after=after, before=before):
            for event in events_of(act, origin=self._house.log.origin):
                try:
                    client.emit(event)
                except Exception as error:
                    raise _unreachable("OpenLineage", error) from error
            count, last = count + 1, act.index
        return count, last

    def _follower(self, client: OpenLineageClient, last: int) -> Callable[[], None]:
        told = [last]

        def follow() -> None:
            hooks = Hooks(self._workspace)
            served = self._workspace.log.checkpoint()["size"]
            try:
                told[0] = hooks._tell(client, told[0], served)[1]
            except WorldError as error:  # the act stands; it is told again after the next
                warnings.warn(f"{error.message}: {error.hint}", stacklevel=2)

        return follow


def _number(name: str, value: object) -> dict[str, float]:
    try:
        return {f"byleave.{name}": float(str(value))}
    except ValueError:
        return {}


def _unreachable(whom: str, error: Exception) -> WorldError:
    return WorldError(
        f"{whom} could not be told: {type(error).__name__}",
        code="hook.unreachable",
        hint=str(error)[:300],
    )
