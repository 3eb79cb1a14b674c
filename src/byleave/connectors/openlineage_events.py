"""Acts of a workspace as OpenLineage events: START and COMPLETE for each.

The run's id is made of the log's origin and the act's index, so that sending twice says the same
run twice. Names, digests, counts, instants: what the log says, and no more. Needs the extra
`openlineage`; wiring imports this module when it is asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import attr
from openlineage.client import event_v2 as ol
from openlineage.client.facet_v2 import (
    DatasetFacet,
    RunFacet,
    dataset_version_dataset,
    input_statistics_input_dataset,
    job_type_job,
    output_statistics_output_dataset,
)

__all__ = ["PRODUCER", "events_of"]

PRODUCER: Final = "https://byleave.dev/"
_SCHEMA: Final = "https://byleave.dev/schemas/openlineage/v1#"


class ThingLike(Protocol):
    """What goes into an act, or comes out of it (`service.lineage_acts.Thing`)."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str | None: ...
    @property
    def rows(self) -> int | None: ...


class ActLike(Protocol):
    """One act (`service.lineage_acts.Act`)."""

    @property
    def kind(self) -> str: ...
    @property
    def job(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def began(self) -> datetime: ...
    @property
    def ended(self) -> datetime: ...
    @property
    def use(self) -> str | None: ...
    @property
    def inputs(self) -> tuple[Any, ...]: ...
    @property
    def outputs(self) -> tuple[Any, ...]: ...


@attr.define
class LogRunFacet(RunFacet):
    """Where the act stands in the transparency log, and the use it is for."""

    origin: str
    index: int
    use: str | None = None

    @staticmethod
    def _get_schema() -> str:
        return f"{_SCHEMA}/$defs/LogRunFacet"


@attr.define
class DigestDatasetFacet(DatasetFacet):
    """What a thing is, by digest."""

    sha256: str

    @staticmethod
    def _get_schema() -> str:
        return f"{_SCHEMA}/$defs/DigestDatasetFacet"


def events_of(act: ActLike, *, origin: str) -> Iterator[ol.RunEvent]:
    """Yield START and COMPLETE of one act.

    Args:
        act: What was done.
        origin: Origin of the log; namespace of jobs and data sets.
    """
    namespace = f"byleave://{origin}"
    run = ol.Run(
        runId=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{namespace}/{act.index}")),
        facets={
            "byleave_log": LogRunFacet(
                origin=origin, index=act.index, use=act.use, producer=PRODUCER
            )
        },
    )
    kind = job_type_job.JobTypeJobFacet(
        processingType="BATCH",
        integration="BYLEAVE",
        jobType=act.kind.upper(),
        producer=PRODUCER,
    )
    job = ol.Job(namespace=namespace, name=f"{act.kind}/{act.job}", facets={"jobType": kind})
    inputs = [
        ol.InputDataset(
            namespace=namespace,
            name=thing.name,
            facets=_facets(thing),
            inputFacets=_counted(
                thing,
                input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
                "inputStatistics",
            ),
        )
        for thing in act.inputs
    ]
    outputs = [
        ol.OutputDataset(
            namespace=namespace,
            name=thing.name,
            facets=_facets(thing),
            outputFacets=_counted(
                thing,
                output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
                "outputStatistics",
            ),
        )
        for thing in act.outputs
    ]
    for state, at in ((ol.RunState.START, act.began), (ol.RunState.COMPLETE, act.ended)):
        yield ol.RunEvent(
            eventType=state,
            eventTime=at.astimezone(UTC).isoformat(),
            run=run,
            job=job,
            inputs=inputs,
            outputs=outputs,
            producer=PRODUCER,
        )


def _facets(thing: ThingLike) -> dict[str, Any]:
    if thing.digest is None:
        return {}
    return {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(
            datasetVersion=thing.digest, producer=PRODUCER
        ),
        "byleave_digest": DigestDatasetFacet(sha256=thing.digest, producer=PRODUCER),
    }


def _counted(thing: ThingLike, kind: Any, name: str) -> dict[str, Any]:  # noqa: ANN401 (a class)
    if thing.rows is None:
        return {}
    return {name: kind(rowCount=thing.rows, producer=PRODUCER)}
