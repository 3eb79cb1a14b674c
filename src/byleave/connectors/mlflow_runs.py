"""A release as an MLflow run: tags, parameters, measures and signed statements; no row, no model.

Needs the extra `mlflow` (mlflow-skinny); wiring imports this module when it is asked for. The store
is MLflow's own: whatever its tracking URI names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlflow import MlflowClient

__all__ = ["log_release"]


def log_release(
    *,
    tracking: str,
    experiment: str,
    name: str,
    tags: Mapping[str, str],
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    artefacts: Mapping[str, bytes],
    began_us: int,
    ended_us: int,
) -> str:
    """Log one finished run; return its id. A run with the same `byleave.release` tag is not made twice.

    Args:
        tracking: MLflow's tracking URI.
        experiment: Name of the experiment; made where it is not there.
        name: Name of the run.
        tags: Tags, by name.
        params: Parameters, by name.
        metrics: Measures, by name.
        artefacts: Files, by path; UTF-8.
        began_us: When the fit began; microseconds since the epoch.
        ended_us: When the release was recorded; microseconds since the epoch.
    """
    client = MlflowClient(tracking_uri=tracking)
    found = client.get_experiment_by_name(experiment)
    number = client.create_experiment(experiment) if found is None else found.experiment_id
    wanted = {key: tags[key] for key in ("byleave.log", "byleave.release.index")}
    query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in wanted.items())
    for run in client.search_runs([number], query):
        return str(run.info.run_id)
    made = client.create_run(number, start_time=began_us // 1_000, run_name=name, tags=dict(tags))
    identity = str(made.info.run_id)
    for key, value in params.items():
        client.log_param(identity, key, value)
    for key, number_ in metrics.items():
        client.log_metric(identity, key, number_, timestamp=ended_us // 1_000)
    for path, data in artefacts.items():
        client.log_text(identity, data.decode(), path)
    client.set_terminated(identity, end_time=ended_us // 1_000)
    return identity
