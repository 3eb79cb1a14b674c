"""Fit a release again from its sealed snapshot, and say exactly what came out equal.

Three equalities, each said by itself (docs/spec/refit.md):

bytes        every model file has the same bytes: the model digest is the released one
state        the private state that is kept dumps to the same bytes; unknown where it is not held
served grid  files that differ as bytes hold the same numbers at the precision that is served: each
             tensor's values, and each number of a JSON file, rounded to multiples of 2^-20

The environment is recorded with the fit and compared with this one's. A trainer whose law holds on
any machine gives the same bytes in another environment; for one whose learner is floating point the
differences named here are where to look first.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from byleave.canonical import Json, sha256
from byleave.service.house import House
from byleave.service.model import load_release, release_object, run_object, trainer_of
from byleave.service.pinned import differences, refuse_other_environment
from byleave.service.snapshot import open_snapshot
from byleave.training.release import model_digest
from byleave.training.trainer import ModelFiles

__all__ = ["GRID", "Refit", "refit", "same_grid"]

GRID: Final = 1 << 20
_TYPES: Final = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """What fitting a release again showed.

    Attributes:
        release: Its id.
        snapshot: What it was fitted on.
        rows: Rows read.
        released: The released model digest, hex.
        refit: The digest of the fit, hex.
        bytes_equal: The two are one.
        state_equal: The state that is kept and the fit's have the same bytes; None: it is not held.
        grid_equal: The numbers are equal at the precision served; None: the released files are
            gone.
        differing: Model files that differ as bytes, by name.
        environment: Of this fit.
        recorded: Of the released one; None: it was not recorded.
        changed: Names of what is not the same in the two.
        differences: What exactly: each distribution by itself.
    """

    release: str
    snapshot: str
    rows: int
    released: str
    refit: str
    bytes_equal: bool
    state_equal: bool | None
    grid_equal: bool | None
    differing: tuple[str, ...]
    environment: Mapping[str, Json]
    recorded: Mapping[str, Json] | None
    changed: tuple[str, ...]
    differences: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The strongest equality shown: `state`, `bytes`, `served grid` or `none`."""
        if self.bytes_equal:
            return "state" if self.state_equal else "bytes"
        return "served grid" if self.grid_equal else "none"

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            **asdict(self),
            "differing": list(self.differing),
            "changed": list(self.changed),
            "differences": list(self.differences),
            "shown": self.shown,
            "same": self.bytes_equal,
            "machine": self.environment.get("machine"),
            "python": self.environment.get("python"),
        }


def refit(house: House, name: str, *, same_environment: bool = False) -> Refit:
    """Fit again from a release's sealed snapshot and compare; stores nothing.

    Args:
        house: The workspace's ports.
        name: The release.
        same_environment: Refuse to fit where this is not the environment that was recorded.

    Raises:
        RefusedError: `release.environment`, with what differs.
        ConflictError: `release.environment-unknown`.
        InputError: `workspace.unknown-object`, `training.unknown-trainer`.
        EvidenceError: As `open_snapshot`.
        ErasedError: `evidence.erased`, the snapshot holds rows that were erased.
    """
    _, document = release_object(house, name)
    _, run = run_object(house, document["run"])
    now, then = dict(house.environment()), run.get("environment")
    if same_environment:
        refuse_other_environment(then, now)
    trainer = trainer_of(house, document["trainer"])
    snapshot = open_snapshot(house, document["snapshot"])
    state = trainer.fit(snapshot.batches(run["columns"]), run["recipe"])
    files = trainer.encode(state)
    digest = model_digest(files).hex()
    released = None if document.get("purged") else load_release(house, name).files
    differing = () if released is None else _differing(released, files)
    grid = digest == document["model"] or None
    if released is not None:
        grid = same_grid(released, files)
    return Refit(
        release=name,
        snapshot=document["snapshot"],
        rows=len(snapshot.alive),
        released=document["model"],
        refit=digest,
        bytes_equal=digest == document["model"],
        state_equal=_same_state(trainer.dump(state), run["files"]),
        grid_equal=grid,
        differing=differing,
        environment=now,
        recorded=then,
        changed=_changed(then or now, now),
        differences=differences(then or now, now),
    )


def same_grid(one: ModelFiles, other: ModelFiles) -> bool:
    """Return whether two models hold the same numbers, rounded to multiples of 2^-20.

    Safetensors are compared tensor by tensor, JSON value by value, anything else as bytes.
    """
    if one.keys() != other.keys():
        return False
    return all(
        one[name] == other[name] or _same_numbers(name, one[name], other[name]) for name in one
    )


def _same_numbers(name: str, one: bytes, other: bytes) -> bool:
    try:
        if name.endswith(".safetensors"):
            a, b = _tensors(one), _tensors(other)
            return a.keys() == b.keys() and all(_same_tensor(a[key], b[key]) for key in a)
        if name.endswith(".json"):
            return _same_json(json.loads(one), json.loads(other))
    except (ValueError, KeyError, TypeError, struct.error):
        return False
    return False


def _tensors(data: bytes) -> dict[str, tuple[str, list[int], bytes]]:
    """Return name → (type, shape, bytes) of a safetensors file."""
    (length,) = struct.unpack_from("<Q", data)
    head: dict[str, Any] = json.loads(data[8 : 8 + length])
    body = memoryview(data)[8 + length :]
    return {
        name: (item["dtype"], item["shape"], bytes(body[slice(*item["data_offsets"])]))
        for name, item in head.items()
        if name != "__metadata__"
    }


def _same_tensor(one: tuple[str, list[int], bytes], other: tuple[str, list[int], bytes]) -> bool:
    if one[:2] != other[:2]:
        return False
    kind = _TYPES.get(one[0])
    if kind is None:
        return one[2] == other[2]
    a, b = (np.frombuffer(item[2], kind).astype(np.float64) for item in (one, other))
    return bool(np.array_equal(np.rint(a * GRID), np.rint(b * GRID)))


def _same_json(one: Any, other: Any) -> bool:  # noqa: ANN401 (JSON)
    if isinstance(one, float) or isinstance(other, float):
        if not all(isinstance(v, int | float) for v in (one, other)):
            return False
        return bool(np.rint(one * GRID) == np.rint(other * GRID))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_json(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same_json, one, other))
    return bool(type(one) is type(other) and one == other)


def _differing(one: ModelFiles, other: ModelFiles) -> tuple[str, ...]:
    names = sorted({*one, *other})
    return tuple(name for name in names if one.get(name) != other.get(name))


def _same_state(private: ModelFiles, kept: Mapping[str, str]) -> bool | None:
    if not kept:
        return None
    return {name: sha256(data).hex() for name, data in private.items()} == dict(kept)


def _changed(then: Mapping[str, Json], now: Mapping[str, Json]) -> tuple[str, ...]:
    return tuple(sorted(k for k in {*then, *now} if then.get(k) != now.get(k)))
