"""A released jobs model: which jobs, and because of which skills, place or jobs.

A member's profile is read at the time of asking, with their own consent, and is no part of the
model. With a job in it, the collaborative weights speak; without one, those learned for a start
from nothing. Jobs of the catalogue are scored by what they ask for besides, so that one nobody
has yet is seen. Cost of a suggestion: jobs times profile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.numpy import load

from byleave.canonical import decode
from byleave.errors import ByleaveError, EvidenceError
from byleave.trainers.catalogue import FEATURES, Catalogue
from byleave.trainers.held_out import HeldOutQuality, mean
from byleave.trainers.jobs import FORMAT
from byleave.training.trainer import ModelFiles

__all__ = ["JobSuggestion", "JobsModel", "evaluate"]

_REASONS: Final = 3
"""Features that a suggestion names as its cause."""
_WALK_SHIFT: Final = 10
"""From the grid of a walk, 2^-30, to that of everything else, 2^-20."""
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSuggestion:
    """One job.

    Attributes:
        job: Its name, without its kind.
        why: `profile`, because of what the member has; `skills`, because of what the job asks
            for; `popular`.
        because: What of the profile weighs most; () without one.
    """

    job: str
    why: str
    because: tuple[str, ...]


class JobsModel:
    """The files of a release, ready to answer.

    Attributes:
        features: Names of what the model knows of a profile: `skill:python`.
        jobs: Names of the jobs that at least k members have, with their kind.
        every: Those, and behind them the jobs of the catalogue that are not among them.

    Raises:
        EvidenceError: `trainer.model`, the files are damaged or of another trainer.
    """

    def __init__(self, files: ModelFiles) -> None:
        try:
            self._read(decode(files["model.json"]), load(files["weights.safetensors"]))
        except (KeyError, TypeError, ValueError, IndexError, SafetensorError, ByleaveError) as e:
            raise EvidenceError(
                "the files are damaged, or not a model of jobs", code="trainer.model"
            ) from e

    def _read(self, head: Any, tensors: dict[str, npt.NDArray[Any]]) -> None:  # noqa: ANN401
        if head["format"] != FORMAT:
            raise ValueError
        self.features: tuple[str, ...] = tuple(str(name) for name in head["features"])
        self.jobs: tuple[str, ...] = tuple(str(name) for name in head["jobs"])
        recipe = head["recipe"]
        self.target = f"{recipe['target']}:"
        self._mix, self._catalogue = int(recipe["mix"]), Catalogue(recipe["catalogue"])
        self._popularity: npt.NDArray[np.int32] = tensors["popularity"]
        self._place = {name: at for at, name in enumerate(self.features)}
        self._column = {name: at for at, name in enumerate(self.jobs)}
        public = [self.target + job for job in self._catalogue.jobs]
        self.every = (*self.jobs, *(name for name in public if name not in self._column))
        self._order = np.full(len(self.every), len(self.every), np.int64)
        self._order[: len(self.jobs)] = self._popularity
        number = {name: at for at, name in enumerate(self.every)}
        self._public = np.array([number[name] for name in public], np.int64)
        self._entry = {int(at): row for row, at in enumerate(self._public)}
        self._answered = tensors["answered"].astype(np.int64)
        self._choice = tensors["choice"].astype(np.int64)
        inside = [at for at, name in enumerate(self.features) if not name.startswith(self.target)]
        self._row = {at: row for row, at in enumerate(inside)}
        size = len(self.jobs)
        self._dense = recipe["collaborative"] == "ease"
        if self._dense:
            self._weights: npt.NDArray[np.int32] = tensors["weights"]
            self._cold: npt.NDArray[np.int32] = tensors["cold"]
            good = self._weights.shape == (len(self.features), size)
            good &= self._cold.shape == (len(inside) + 1, size)
        else:
            good = self._read_walk(tensors)
        good &= len(self._popularity) == size and len(self._answered) == len(public)
        if not good or self._choice.shape != (len(FEATURES) + 1,):
            raise ValueError

    def _read_walk(self, tensors: dict[str, npt.NDArray[Any]]) -> bool:
        ends, start = tensors["walk_ends"].astype(np.int64), tensors["walk_from"].astype(np.int64)
        weight = tensors["walk_weight"].astype(np.int64)
        column = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        order = np.argsort(start, kind="stable")
        self._walk_to, self._walk_weight = column[order], weight[order]
        self._walk_ends = np.cumsum(np.bincount(start, minlength=len(self.features)))
        return bool(
            len(ends) == len(self.jobs)
            and len(column) == len(start) == len(weight)
            and len(self._walk_ends) == len(self.features)
        )

    def scores(self, profile: Sequence[int]) -> Longs:
        """Return the collaborative score of each job from the places of what a member has."""
        held = list(profile)
        if not self._dense:
            total = np.zeros(len(self.jobs), np.int64)
            for at in held:
                of = slice(int(self._walk_ends[at - 1]) if at else 0, int(self._walk_ends[at]))
                np.add.at(total, self._walk_to[of], self._walk_weight[of])
            return total >> _WALK_SHIFT
        if all(at in self._row for at in held):
            rows = [*(self._row[at] for at in held), len(self._row)]
            return np.asarray(self._cold[rows].sum(axis=0, dtype=np.int64))
        return np.asarray(self._weights[held].sum(axis=0, dtype=np.int64))

    def all_scores(self, profile: Iterable[str]) -> Longs:
        """Return the score of every job of `every` for a profile: learned, and by what it asks."""
        things = list(profile)
        total = np.zeros(len(self.every), np.int64)
        held = self.places(things)
        if held:
            total[: len(self.jobs)] = self.scores(held)
        if len(self._catalogue):
            total *= self._mix
            measured = self._catalogue.measure(things)
            asked = measured @ self._choice[:-1] + self._answered * self._choice[-1]
            total[self._public] += np.where(measured.any(axis=1), asked, 0)
        return total

    def places(self, profile: Iterable[str]) -> list[int]:
        """Return the places of what the model knows of a profile (`skill:python`), each once."""
        return sorted({self._place[name] for name in profile if name in self._place})

    def popular(self) -> list[int]:
        """Return the columns of all jobs, those that most members have first."""
        columns: list[int] = np.argsort(self._popularity).tolist()
        return columns

    def suggest(self, profile: Iterable[str] = (), n: int = 10) -> tuple[JobSuggestion, ...]:
        """Return up to n jobs that the profile does not name already, best first.

        Args:
            profile: What the member has, as far as they let it be used: `kind:name`.
            n: At least 1.
        """
        named = list(profile)
        held = self.places(named)
        taken = {name for name in named if name.startswith(self.target)}
        found: dict[str, JobSuggestion] = {}
        if held or self._catalogue.names(named):
            scores = self.all_scores(named)
            for at in np.lexsort((self._order, -scores)).tolist():
                if len(found) == n or scores[at] <= 0:
                    break
                if self.every[at] not in taken:
                    found[self.every[at]] = self._because(at, held, named)
        for at in self.popular():
            if len(found) >= n:
                break
            if self.jobs[at] not in taken and self.jobs[at] not in found:
                found[self.jobs[at]] = JobSuggestion(job=self._short(at), why="popular", because=())
        return tuple(found.values())

    def _because(self, at: int, held: Sequence[int], profile: Sequence[str]) -> JobSuggestion:
        because = self._learned(at, held) if at < len(self.jobs) else ()
        why = "profile" if because else "skills"
        if at in self._entry and len(because) < _REASONS:
            more = self._catalogue.because(self._entry[at], profile, _REASONS)
            because = tuple(dict.fromkeys((*because, *more)))[:_REASONS]
        if not because:  # what everybody's counts say, not what this profile has
            why = "popular"
        return JobSuggestion(job=self._short(at), why=why, because=because)

    def _learned(self, at: int, held: Sequence[int]) -> tuple[str, ...]:
        alone = self._alone(at, held)
        best = np.argsort(-alone, kind="stable")[:_REASONS]
        return tuple(self.features[held[i]] for i in best if alone[i] > 0)

    def _alone(self, at: int, held: Sequence[int]) -> Longs:
        """Return what each thing of a profile adds to the score of one job."""
        if self._dense and all(one in self._row for one in held):
            return np.asarray(self._cold[[self._row[one] for one in held], at], np.int64)
        if self._dense:
            return np.asarray(self._weights[list(held), at], np.int64)
        ends = self._walk_ends
        slices = [slice(int(ends[one - 1]) if one else 0, int(ends[one])) for one in held]
        return np.array([self._walk_weight[of][self._walk_to[of] == at].sum() for of in slices])

    def _short(self, at: int) -> str:
        return self.every[at].removeprefix(self.target)

    def columns(self, names: Iterable[str]) -> list[int]:
        """Return the columns of the jobs that the model knows, each once."""
        return sorted({self._column[name] for name in names if name in self._column})


def evaluate(
    files: ModelFiles, held_out: Iterable[pa.RecordBatch], n: int | None = None
) -> HeldOutQuality:
    """Ask for the jobs of held-out members by everything else they have.

    Args:
        files: A release.
        held_out: Rows with `member`, `kind` and `item` of members the model was not fitted on.
        n: How many jobs are suggested; None: 10, or a fifth of fewer than fifty jobs.
    """
    model = JobsModel(files)
    n = min(10, max(1, len(model.jobs) // 5)) if n is None else n
    profiles: dict[str, set[str]] = defaultdict(set)
    for batch in held_out:
        columns = (batch.column(name).to_pylist() for name in ("member", "kind", "item"))
        for member, kind, item in zip(*columns, strict=True):
            profiles[str(member)].add(f"{kind}:{item}")
    popular = model.popular()[:n]
    recalls, plain = [], []
    known = every = left_out = 0
    for profile in profiles.values():
        jobs = {name for name in profile if name.startswith(model.target)}
        wanted, held = set(model.columns(jobs)), model.places(profile - jobs)
        every += len(jobs)
        known += len(wanted)
        if not wanted or not held:
            left_out += 1
            continue
        scores = model.all_scores(sorted(profile - jobs))[: len(model.jobs)]
        top = np.argsort(-scores, kind="stable")[:n].tolist()
        best = min(n, len(wanted))
        recalls.append(len(wanted & set(top)) / best)
        plain.append(len(wanted & set(popular)) / best)
    return HeldOutQuality(
        members=len(recalls),
        left_out=left_out,
        recall=mean(recalls),
        popularity=mean(plain),
        n=n,
        coverage=known / every if every else None,
    )
