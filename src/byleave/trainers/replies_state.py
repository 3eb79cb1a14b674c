"""The private state of `replies`, and its files.

`state.json` names the format and the recipe; `state.safetensors` holds the rows in ascending
order of (thread, seq): texts as one run of bytes with offsets, features as integers with
offsets. What can be counted again from the rows is not stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from byleave.canonical import Json, decode
from byleave.canonical import encode as canonical
from byleave.errors import EvidenceError, InputError
from byleave.trainers.wording import Opening
from byleave.training.trainer import ModelFiles

__all__ = ["Key", "Line", "ReplyState", "dump_state", "restore_state"]

Key: TypeAlias = tuple[str, int]
"""Thread, and the row's number in it."""

_FORMAT: Final = "byleave-replies-state/v2"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """One row, as far as training needs it.

    Attributes:
        record: Record id.
        author: Who wrote it.
        features: Ids of its features as a context, ascending; int64.
        openings: Its openings as a reply, shortest first.
        complete: Whether the last opening is all of it.
        vector: What a frozen encoder made of it, as it is stored with the row; int8, of no length
            where the recipe names no encoder.
    """

    record: str
    author: str
    features: npt.NDArray[np.int64]
    openings: tuple[Opening, ...]
    complete: bool
    vector: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReplyState:
    """Everything `forget` and `encode` need. Private: holds texts below the threshold.

    Attributes:
        recipe: The recipe of the fit.
        lines: The rows, by place.
        keys: The place of each record.
        senders: Replies that begin with an opening, by member; zero counts are not kept.
    """

    recipe: Mapping[str, Any]
    lines: Mapping[Key, Line]
    keys: Mapping[str, Key]
    senders: Mapping[Opening, Mapping[str, int]]


def dump_state(state: ReplyState) -> ModelFiles:
    """Write a state; equal sets of rows give equal bytes."""
    places = sorted(state.lines)
    lines = [state.lines[place] for place in places]
    flat = [opening for line in lines for opening in line.openings]
    tensors: dict[str, npt.NDArray[Any]] = {
        "seq": np.array([seq for _, seq in places], dtype=np.int64),
        "complete": np.array([line.complete for line in lines], dtype=np.uint8),
        "openings": np.array([len(line.openings) for line in lines], dtype=np.int64),
        "features": np.array([len(line.features) for line in lines], dtype=np.int64),
        "feature_ids": np.concatenate([np.zeros(0, np.int64), *(line.features for line in lines)]),
        "vectors": np.concatenate([np.zeros(0, np.int8), *(line.vector for line in lines)]),
    }
    for name, texts in (
        ("thread", [thread for thread, _ in places]),
        ("record", [line.record for line in lines]),
        ("author", [line.author for line in lines]),
        ("folded", [opening.folded for opening in flat]),
        ("exact", [opening.exact for opening in flat]),
    ):
        tensors[name], tensors[name + "_bytes"] = _pack(texts)
    head: dict[str, Json] = {"format": _FORMAT, "recipe": dict(state.recipe)}
    return {"state.json": canonical(head), "state.safetensors": save(tensors)}


def restore_state(files: ModelFiles) -> ReplyState:
    """Read what `dump_state` wrote.

    Raises:
        EvidenceError: `trainer.state`, the files are damaged or of another trainer.
    """
    try:
        head = decode(files["state.json"])
        if not isinstance(head, dict) or head["format"] != _FORMAT:
            raise ValueError("another format")
        return _rebuild(head["recipe"], load(files["state.safetensors"]))
    except (KeyError, ValueError, IndexError, TypeError, SafetensorError, InputError) as error:
        raise EvidenceError(
            "the state is damaged, or not one of replies", code="trainer.state"
        ) from error


def _rebuild(recipe: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]) -> ReplyState:
    def texts(name: str) -> list[str]:
        return _unpack(tensors[name], tensors[name + "_bytes"])

    flat = [Opening(*both) for both in zip(texts("folded"), texts("exact"), strict=True)]
    ends = np.cumsum(tensors["openings"])
    features = np.split(tensors["feature_ids"], np.cumsum(tensors["features"]))[:-1]
    vectors = tensors["vectors"].astype(np.int8).reshape(len(features), int(recipe["numbers"]))
    lines: dict[Key, Line] = {}
    keys: dict[str, Key] = {}
    columns = (texts("thread"), tensors["seq"].tolist(), texts("record"), texts("author"))
    for at, (thread, seq, record, author) in enumerate(zip(*columns, strict=True)):
        found = tuple(flat[int(ends[at] - tensors["openings"][at]) : int(ends[at])])
        place = (thread, seq)
        lines[place] = Line(
            record=record,
            author=author,
            features=features[at],
            openings=found,
            complete=bool(tensors["complete"][at]),
            vector=vectors[at],
        )
        keys[record] = place
    return ReplyState(recipe=recipe, lines=lines, keys=keys, senders=senders_of(lines))


def senders_of(lines: Mapping[Key, Line]) -> dict[Opening, Mapping[str, int]]:
    """Count, from the rows alone, the replies of each member that begin with each opening."""
    senders: dict[Opening, dict[str, int]] = defaultdict(dict)
    for (thread, seq), reply in lines.items():
        context = lines.get((thread, seq - 1))
        if context is not None and context.author != reply.author:
            for opening in reply.openings:
                counts = senders[opening]
                counts[reply.author] = counts.get(reply.author, 0) + 1
    return dict(senders)


def _pack(texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    raw = [text.encode("utf-8", "surrogatepass") for text in texts]
    sizes = np.array([len(item) for item in raw], dtype=np.int64)
    return sizes, np.frombuffer(b"".join(raw), dtype=np.uint8)


def _unpack(sizes: npt.NDArray[np.int64], data: npt.NDArray[np.uint8]) -> list[str]:
    raw = data.tobytes()
    ends = np.cumsum(sizes).tolist()
    starts = [0, *ends[:-1]]
    if sum(sizes.tolist()) != len(raw):
        raise ValueError("offsets do not cover the bytes")
    return (
        [raw[a:b].decode("utf-8", "surrogatepass") for a, b in zip(starts, ends, strict=True)]
        if ends
        else []
    )
