"""What each kind of job that writes does with a workspace: asked as JSON, done, told as JSON.

The keys of `asked` are those of the request's body (docs/spec/api.md); results are what the command
of the same name prints with `--json`, or part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from byleave.ids import parse_instant
from byleave.wiring.uploads import add_uploaded
from byleave.wiring.withdrawal_nouns import run_document

if TYPE_CHECKING:
    from byleave.wiring.workspace import Workspace

__all__ = ["STOPPABLE", "WRITES"]

Asked = dict[str, Any]
STOPPABLE: Final = frozenset({"evaluation", "gate", "release", "sealing", "source", "training"})
"""Kinds that may stop between two steps and leave nothing half done; a release, while measuring."""


def _gate(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    name, gated = workspace.gate.run(asked["source"], asked["use"], party_rule=asked["party_rule"])
    record = gated.record
    return {
        "gate": name,
        "rows": record.rows,
        "kept": record.kept,
        "reasons": dict(record.reasons),
    }


def _sealing(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    name = workspace.snapshot.seal(asked["gate"])
    document = next(d for d in workspace.snapshot.list() if d["snapshot"] == name)
    return {"snapshot": name, "records": document["records"], "root": document["root"]}


def _source(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    found = add_uploaded(
        workspace, asked["source"], asked["contract"], asked["uploads"], origin=asked["origin"]
    )
    return {"source": asked["source"], **found}


def _training(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    run = workspace.model.train(
        asked["trainer"], asked["snapshot"], columns=asked["columns"], recipe=asked["recipe"]
    )
    document = next(d for d in workspace.model.list() if d["run"] == run)
    return {"run": run, "model": document["model"]}


def _withdrawal(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    return run_document(workspace.withdrawal.carry_out(with_refit=asked["refit"]))


def _offer(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    expires = asked["expires"]
    made = workspace.disclosure.offer(
        asked["source"],
        asked["use"],
        recall_days=asked["recall_days"],
        expires=None if expires is None else parse_instant(expires),
        only_new=asked["only_new"],
    )
    recipient = asked["use"].rpartition("/")[2]
    registered = workspace.disclosure.key_of(recipient) is not None
    return made.document(registered=registered)


def _release(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    quality = None
    if asked["evaluate"]:
        with workspace.house.aside():  # a fit: choices need not wait for it
            quality = workspace.model.evaluate(asked["run"])
    made = workspace.release.publish(asked["run"], quality=quality)
    return {"release": made.release, "model": made.model, "index": made.index}


def _rollback(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    back, index = workspace.release.rollback(asked["release"], to=asked["to"])
    return {"from": asked["release"], "to": back, "index": index}


WRITES: Final[Mapping[str, Callable[[Workspace, Asked], dict[str, Any]]]] = {
    "gate": _gate,
    "offer": _offer,
    "release": _release,
    "rollback": _rollback,
    "sealing": _sealing,
    "source": _source,
    "training": _training,
    "withdrawal": _withdrawal,
}
