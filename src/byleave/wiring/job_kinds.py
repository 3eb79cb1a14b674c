"""What each kind of job does with a workspace: asked as JSON, done, told as JSON.

The keys of `asked` are those of the request's body (docs/spec/api.md), but members stand in it by
ordinal; results are what the command of the same name prints with `--json`, or part of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from byleave.ids import parse_instant
from byleave.wiring.uploads import Uploads, add_uploaded
from byleave.wiring.withdrawal_nouns import run_document

if TYPE_CHECKING:
    from byleave.wiring.workspace import Workspace

__all__ = ["KINDS", "Kind"]

Asked = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of job.

    Attributes:
        do: Does it, with an open workspace.
        act: What the trail calls it: the command's noun and verb; None: it stores nothing, the
            workspace is open for reading, and there is no act.
        about: Keys of what was asked that say with what; nothing personal in them.
        stops: Whether it can stop between two steps and leave nothing half done.
    """

    do: Callable[[Workspace, Asked], dict[str, Any]]
    act: str | None = None
    about: tuple[str, ...] = ()
    stops: bool = False

    def what(self, asked: Asked) -> str:
        """Return with what, as the trail keeps it."""
        said = [str(asked[key]) for key in self.about if asked[key] is not None]
        return " ".join(said) or "all"


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
        workspace,
        asked["source"],
        asked["contract"],
        asked["uploads"],
        origin=asked["origin"],
        regions=asked["regions"],
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


def _evaluation(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    return {"quality": workspace.model.evaluate(asked["run"])}


def _recall(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    names = workspace.disclosure.recall(asked["disclosure"], days=asked["days"])
    found = {d["disclosure"]: d for d in workspace.disclosure.status()}
    keys = ("disclosure", "recipient", "state", "recalled_rows", "due")
    return {"recalled": [{key: found[name][key] for key in keys} for name in names]}


def _gate_update(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    made = workspace.gate.update(asked["gate"])
    record = workspace.gate.show(made.gate)
    keys = ("rows", "kept", "reasons")
    return {
        "gate": made.gate,
        **{key: record[key] for key in keys},
        "touched": made.touched,
        "why_full": made.why_full,
    }


def _gate_replay(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    found, logged = workspace.gate.replay(asked["gate"]), workspace.gate.show(asked["gate"])
    told = found.to_dict()
    return {
        "gate": asked["gate"],
        "same": all(logged[key] == value for key, value in told.items() if key in logged),
        "rows": found.rows,
        "kept": found.kept,
        "reasons": dict(found.reasons),
    }


def _comparison(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    at = asked["at"]
    found = workspace.gate.compare(
        asked["source"],
        asked["use"],
        at=None if at is None else parse_instant(at),
        party_rules=asked["party_rules"],
        rulesets=asked["rulesets"],
        grades=asked["evidence"],
    )
    return found.to_dict()


def _renewal(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    delta, removed = workspace.snapshot.renew(asked["snapshot"])
    return {"snapshot": delta, "parent": asked["snapshot"], "removed": removed}


def _snapshot_check(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    checked = workspace.snapshot.fsck(asked["snapshot"])
    return {"snapshot": asked["snapshot"], **dataclasses.asdict(checked)}


def _refit(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    return workspace.release.refit_report(
        asked["release"], same_environment=asked["same_environment"]
    ).document()


def _erasure(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    members = [workspace.member.by_ordinal(ordinal) for ordinal in asked["ordinals"]]
    done = workspace.member.erase(members)
    keys = ("erasure", "index", "members", "records", "openings")
    return {key: getattr(done, key) for key in keys}


def _directory(workspace: Workspace, _: Asked) -> dict[str, Any]:
    name = workspace.directory.build()
    return next(d for d in workspace.directory.list() if d["directory"] == name)


def _reconciliation(workspace: Workspace, _: Asked) -> dict[str, Any]:
    return {"disagreements": [item.to_dict() for item in workspace.policy.reconcile()]}


def _registration(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    index, card, made = workspace.disclosure.register(asked["card"].encode())
    return {
        "recipient": card.recipient,
        "key": card.key.hex(),
        "age": card.age,
        "index": index,
        "made_up": made,
    }


def _import(workspace: Workspace, asked: Asked) -> dict[str, Any]:
    uploads = Uploads(workspace.path / "uploads")
    done = workspace.consent.import_file(
        uploads.path(asked["upload"]), name=asked["name"], enrol=asked["enrol"]
    )
    uploads.drop([asked["upload"]])
    return done.to_dict()


def _purged(workspace: Workspace, _: Asked) -> dict[str, Any]:
    found = [dataclasses.asdict(holder) for holder in workspace.ruleset.purged()]
    return {"holders": found, "rows": sum(h["rows"] + h["undated"] for h in found)}


def _fsck(workspace: Workspace, _: Asked) -> dict[str, Any]:
    return {"findings": workspace.fsck()}


KINDS: Final[Mapping[str, Kind]] = {
    "comparison": Kind(do=_comparison, stops=True),
    "directory": Kind(do=_directory, act="directory.build"),
    "erasure": Kind(do=_erasure, act="member.erase", about=("request",)),
    "evaluation": Kind(do=_evaluation, stops=True),
    "fsck": Kind(do=_fsck, stops=True),
    "gate": Kind(do=_gate, act="gate.run", about=("source", "use", "party_rule"), stops=True),
    "gate-replay": Kind(do=_gate_replay, stops=True),
    "gate-update": Kind(do=_gate_update, act="gate.update", about=("gate",)),
    "import": Kind(do=_import, act="consent.import", about=("name", "upload")),
    "offer": Kind(do=_offer, act="disclosure.offer", about=("source", "use")),
    "purged": Kind(do=_purged, stops=True),
    "recall": Kind(do=_recall, act="disclosure.recall", about=("disclosure",)),
    "refit": Kind(do=_refit, stops=True),
    "reconciliation": Kind(do=_reconciliation, stops=True),
    "registration": Kind(do=_registration, act="disclosure.register", about=("recipient",)),
    "release": Kind(do=_release, act="release.publish", about=("run",), stops=True),
    "renewal": Kind(do=_renewal, act="snapshot.renew", about=("snapshot",)),
    "rollback": Kind(do=_rollback, act="release.rollback", about=("release", "to")),
    "sealing": Kind(do=_sealing, act="snapshot.seal", about=("gate",), stops=True),
    "snapshot-check": Kind(do=_snapshot_check, stops=True),
    "source": Kind(do=_source, act="source.add", about=("source",), stops=True),
    "training": Kind(do=_training, act="model.train", about=("trainer", "snapshot"), stops=True),
    "withdrawal": Kind(do=_withdrawal, act="withdrawal.run"),
}
"""Every kind of job there is."""
