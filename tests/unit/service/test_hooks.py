"""What MLflow and OpenLineage are told of a workspace: all acts, and nothing of a person."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from openlineage.client import OpenLineageClient
from openlineage.client import event_v2 as ol
from openlineage.client.facet_v2 import (
    dataset_version_dataset,
    input_statistics_input_dataset,
    job_type_job,
    output_statistics_output_dataset,
)
from openlineage.client.serde import Serde
from openlineage.client.transport.file import FileConfig, FileTransport

from byleave.connectors.openlineage_events import DigestDatasetFacet
from byleave.errors import WorldError
from byleave.evidence.entry import GateEntry, parse_entry
from tests.unit.service.small import Grown

FACETS = {
    "byleave_digest": DigestDatasetFacet,
    "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
}


def events_in(path: Path) -> list[dict[str, Any]]:
    """Return the events of a file transport."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def client_to(path: Path) -> OpenLineageClient:
    """Return OpenLineage's own client, writing to a file."""
    return OpenLineageClient(
        transport=FileTransport(FileConfig(log_file_path=str(path), append=True))
    )


class Dead:
    """A client whose server is away."""

    def emit(self, event: object) -> None:
        raise ConnectionError("nobody there")


def kinds(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return job type and event type of each."""
    return [(e["job"]["facets"]["jobType"]["jobType"], e["eventType"]) for e in events]


def test_openlineage_is_told_every_act(copied: Grown, tmp_path: Path) -> None:
    """START and COMPLETE of gate, seal, training, release and unlearning, in the log's order."""
    with copied.open() as ws:
        ws.withdrawal.run()
        path = tmp_path / "events.jsonl"
        count = ws.hook.openlineage(client_to(path))
        events = events_in(path)
        assert len(events) == 2 * count
        told = kinds(events)
        assert told[:8] == [
            (kind, state)
            for kind in ("GATE", "SEAL", "TRAIN", "RELEASE")
            for state in ("START", "COMPLETE")
        ]
        assert told[-1] == ("UNLEARN", "COMPLETE")
        by_run: dict[str, list[str]] = {}
        for event in events:
            by_run.setdefault(event["run"]["runId"], []).append(event["eventType"])
        assert all(states == ["START", "COMPLETE"] for states in by_run.values())
        assert len(by_run) == count
        snapshot = next(d for d in ws.snapshot.list() if d["snapshot"] == copied.snapshot)
        (sealed,) = [
            out
            for event in events
            for out in event["outputs"]
            if out["name"] == f"snapshots/{copied.snapshot}" and event["eventType"] == "COMPLETE"
        ]
        assert sealed["facets"]["version"]["datasetVersion"] == snapshot["root"]
        assert sealed["facets"]["byleave_digest"]["sha256"] == snapshot["root"]
        assert sealed["outputFacets"]["outputStatistics"]["rowCount"] == snapshot["records"]
        log = events[0]["run"]["facets"]["byleave_log"]
        assert log["origin"] == ws.house.log.origin
        assert ws.house.ledger.object_at(log["index"])[0] == "gate"  # type: ignore[index]
        again = tmp_path / "again.jsonl"
        ws.hook.openlineage(client_to(again))
        assert events_in(again) == events
        later = ws.hook.lineage_events(after=log["index"])
        assert [e["run"]["runId"] for e in later] == [e["run"]["runId"] for e in events[2:]]


def test_each_thing_that_went_in_came_out_before(copied: Grown) -> None:
    """Every input but the sources is the output of an earlier act, or of the same one's parent."""
    with copied.open() as ws:
        ws.withdrawal.run()
        made: set[str] = set()
        for event in ws.hook.lineage_events():
            if event["eventType"] == "COMPLETE":
                made |= {out["name"] for out in event["outputs"]}
        for event in ws.hook.lineage_events():
            for thing in event["inputs"]:
                assert thing["name"].startswith("sources/") or thing["name"] in made


def test_the_events_are_openlineages(copied: Grown) -> None:
    """Read back into the client's own classes, with their validators, the events are the same."""
    with copied.open() as ws:
        for event in ws.hook.lineage_events():
            run = ol.Run(runId=event["run"]["runId"])
            job = ol.Job(namespace=event["job"]["namespace"], name=event["job"]["name"])
            again = ol.RunEvent(
                eventType=ol.RunState(event["eventType"]),
                eventTime=event["eventTime"],
                run=run,
                job=job,
                producer=event["producer"],
            )
            assert again.schemaURL == event["schemaURL"]
            facets = [
                facet
                for thing in (*event["inputs"], *event["outputs"], event["run"], event["job"])
                for group in ("facets", "inputFacets", "outputFacets")
                for facet in (thing.get(group) or {}).values()
            ]
            assert facets
            for thing in (*event["inputs"], *event["outputs"], event["job"]):
                for group in ("facets", "inputFacets", "outputFacets"):
                    for name, facet in (thing.get(group) or {}).items():
                        kind = FACETS[name]
                        given = {k: v for k, v in facet.items() if not k.startswith("_")}
                        made = Serde.to_dict(kind(**given, producer=facet["_producer"]))
                        assert made == facet
            assert all(f["_producer"] == event["producer"] and f["_schemaURL"] for f in facets)


def test_it_follows_what_is_done(copied: Grown, tmp_path: Path) -> None:
    """With `follow`, a gate and a seal are told when they are published, each once."""
    path = tmp_path / "events.jsonl"
    with copied.open() as ws:
        ws.hook.openlineage(client_to(path), after=ws.ledger.size() - 1, follow=True)
        assert not path.exists()
        gate, gated = ws.gate.run("messages", "train.generative.replies/messages/platform")
        assert kinds(events_in(path)) == [("GATE", "START"), ("GATE", "COMPLETE")]
        ws.snapshot.seal(gate, gated=gated)
        assert kinds(events_in(path))[2:] == [("SEAL", "START"), ("SEAL", "COMPLETE")]


def test_a_server_that_is_away_undoes_nothing(copied: Grown, tmp_path: Path) -> None:
    """Asked to tell, an error; following, a warning: the act stands, and is told with the next."""
    with copied.open() as ws:
        with pytest.raises(WorldError) as caught:
            ws.hook.openlineage(Dead())  # type: ignore[arg-type]
        assert caught.value.code == "hook.unreachable"
        size = ws.ledger.size()
        dead: Any = Dead()
        ws.hook.openlineage(dead, after=size - 1, follow=True)
        with pytest.warns(UserWarning, match="OpenLineage could not be told"):
            ws.gate.run("messages", "train.generative.replies/messages/platform")
        assert ws.ledger.size() > size
        dead.emit = client_to(tmp_path / "events.jsonl").emit
        ws.gate.run("messages", "train.generative.replies/messages/platform")
        assert [kind for kind, _ in kinds(events_in(tmp_path / "events.jsonl"))] == ["GATE"] * 4


def test_mlflow_is_told_a_release(
    copied: Grown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with snapshot root, gate, release and attestation as tags, statements as artefacts."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        store = f"file://{tmp_path / 'mlruns'}"
        with copied.open() as ws:
            list(ws.model.reader(copied.snapshot, columns=["text"], trace=tmp_path / "reads"))
            done = ws.model.attest(tmp_path / "reads")
            run = ws.hook.mlflow(copied.release, tracking=store, attestation=done.attestation)
            assert ws.hook.mlflow(copied.release, tracking=store) == run
            release = next(d for d in ws.release.list() if d["release"] == copied.release)
            snapshot = next(d for d in ws.snapshot.list() if d["snapshot"] == copied.snapshot)
            gate = parse_entry(ws.log.entry(snapshot["gate"]), GateEntry)
            found = MlflowClient(tracking_uri=store).get_run(run)
            tags = found.data.tags
            assert found.info.status == "FINISHED"
            assert tags["byleave.release.model"] == release["model"]
            assert tags["byleave.snapshot.root"] == snapshot["root"]
            assert tags["byleave.gate.record"] == gate.record.hex()
            assert tags["byleave.attestation.digest"] == done.reads.digest.hex()
            assert found.data.metrics["byleave.records"] == snapshot["records"]
            files = {p.name: p.read_bytes() for p in (tmp_path / "mlruns").rglob("*.json")}
            folder = copied.path / "releases" / copied.release
            assert files["statement.dsse.json"] == (folder / "statement.dsse.json").read_bytes()
            assert "attestation.dsse.json" in files
            with pytest.raises(WorldError) as caught:
                ws.hook.mlflow(copied.release, tracking="nonsense://nowhere")
            assert caught.value.code == "hook.unreachable"


def test_nobody_is_in_what_is_told(
    copied: Grown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No member id and no message is in any event, or in any file that MLflow keeps."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    with warnings.catch_warnings(), copied.open() as ws:
        warnings.simplefilter("ignore")
        ws.withdrawal.run()
        told = json.dumps(ws.hook.lineage_events()).encode()
        for release in ws.release.list():
            ws.hook.mlflow(release["release"], tracking=f"file://{tmp_path / 'mlruns'}")
        told += b"".join(p.read_bytes() for p in (tmp_path / "mlruns").rglob("*") if p.is_file())
        assert len(told) > 20_000
        for member in (*copied.agreed, *copied.silent):
            assert f'"{member}"'.encode() not in told
            assert f" {member} ".encode() not in told
        sealed = ws.snapshot.open(copied.snapshot)
        texts = pa.Table.from_batches(sealed.batches({"text": "text"}))["text"].unique()
        said = [text for text in texts.to_pylist() if len(text) > 12]
        assert len(said) > 5
        assert not [text for text in said if text.encode() in told]
