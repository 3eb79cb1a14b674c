"""Re-read and recompute everything a workspace holds (`byleave fsck`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from byleave.errors import ByleaveError, ErasedError, EvidenceError
from byleave.note.trust import parse_trust
from byleave.service import gate, model, source
from byleave.service.attestation import check_attestation
from byleave.service.ledger_check import check_ledger
from byleave.service.snapshot_check import check_snapshot
from byleave.wiring.config import KEYS, read_key
from byleave.wiring.model_key import MODEL_KEY

if TYPE_CHECKING:
    from byleave.wiring.workspace import Workspace

__all__ = ["check_workspace"]


def check_workspace(workspace: Workspace) -> list[dict[str, str]]:
    """Return what does not hold, as `{"where", "what", "code"}`; empty when all of it holds.

    (1) the database reads its tables, and no number in them is missing; (2) the published log is
    what the ledger holds, every hash recomputed; (3) every ledger row is what its entry commits to, and none is missing; (4) every
    source is what was added; (5) every gate, decided again, gives its record; (6) every snapshot's
    files and map lead to its logged root; (7) every release's files have its logged digest, and its
    statement the operator's signature; (8) every training state held is the one that was kept;
    (9) every attestation's trace is of the sealed rows.
    """
    ledger, house = workspace.ledger, workspace.house
    where = workspace.config.ledger or "ledger.sqlite"
    problems = [_damage(where, complaint) for complaint in ledger.quick_check()]
    if problems:
        return problems
    problems += [_damage(where, complaint) for complaint in ledger.gaps()]
    report = workspace.log.fsck()
    problems += [
        {"where": f"log/{problem.where}", "what": problem.message, "code": problem.code}
        for problem in report.problems
    ]
    problems += [_damage(where, what) for where, what in check_ledger(house)]
    for where, check in _checks(workspace):
        house.progress(f"checking {where}", 0, 1)
        try:
            check()
        except ErasedError:
            continue  # neither valid nor invalid: a logged erasure took what would decide
        except ByleaveError as error:
            what = f"{error.message} ({error.where})" if error.where else error.message
            problems.append({"where": where, "what": what, "code": error.code})
    return problems


def _damage(where: str, what: str) -> dict[str, str]:
    return {"where": where, "what": what, "code": "workspace.damaged"}


def _checks(workspace: Workspace) -> Iterator[tuple[str, Callable[[], object]]]:
    ledger, house = workspace.ledger, workspace.house
    made_later = ["notice"] if workspace.places.key("notice").exists() else []
    for name in (*KEYS, *made_later):
        yield f"keys/{name}.key", partial(_check_key, workspace, name)
    if (workspace.path / MODEL_KEY).exists():
        yield MODEL_KEY, partial(_check_model_key, workspace)
    for _, name, _, _ in ledger.objects("source"):
        yield f"source {name}", partial(source.open_source, house, name)
    for _, name, _, _ in ledger.objects("gate"):
        yield f"gate {name}", partial(gate.replay_gate, house, name)
        yield f"reasons of {name}", partial(gate.reasons_of, house, name)
    for _, name, _, _ in ledger.objects("snapshot"):
        yield f"snapshot {name}", partial(check_snapshot, house, name)
    for _, name, _, _ in ledger.objects("release"):
        yield f"release {name}", partial(model.check_release, house, name)
    for _, name, _, document in ledger.objects("run"):
        if document["files"]:
            yield f"training state {name}", partial(model.restore_state, house, name)
    for _, name, _, _ in ledger.objects("attestation"):
        yield f"attestation {name}", partial(check_attestation, house, name)


def _check_key(workspace: Workspace, name: str) -> None:
    key = read_key(workspace.places, name)
    if name == "log" and key.verifier not in parse_trust(workspace.places.trust.read_bytes()).logs:
        raise EvidenceError(
            "the log's key is not the one that the trust file names",
            code="workspace.damaged",
            where=str(workspace.places.key(name)),
        )


def _check_model_key(workspace: Workspace) -> None:
    path = workspace.path / MODEL_KEY
    if path.read_bytes() != workspace.house.signer.model_key():
        raise EvidenceError(
            "the public key of model signatures is not this workspace's",
            code="workspace.damaged",
            where=str(path),
        )
