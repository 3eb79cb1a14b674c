"""A released jobs model: which jobs, and because of which skills, place or jobs.

A member's profile is read at the time of asking, with their own consent, and is no part of the
model. Jobs that too few members have, and new ones, can be ranked from what they ask for: a public
catalogue of jobs and skills, in which no member is. Cost of a suggestion: jobs times profile.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.numpy import load

from byleave.canonical import decode
from byleave.errors import ByleaveError, EvidenceError
from byleave.trainers.held_out import HeldOutQuality, mean
from byleave.trainers.jobs import FORMAT
from byleave.training.trainer import ModelFiles

__all__ = ["Catalogue", "JobSuggestion", "JobsModel", "evaluate"]

_REASONS: Final = 3
"""Features that a suggestion names as its cause."""
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


class Catalogue:
    """Public jobs and the skills each asks for, such as ESCO's occupations.

    Args:
        wanted: Job → the skills it asks for, each with its weight (essential 2, optional 1).
    """

    def __init__(self, wanted: Mapping[str, Mapping[str, int]]) -> None:
        self._wanted = {job: dict(skills) for job, skills in wanted.items()}
        asked: dict[str, int] = defaultdict(int)
        for skills in self._wanted.values():
            for skill in skills:
                asked[skill] += 1
        size = len(self._wanted)
        self._rarity = {skill: math.log1p(size / jobs) for skill, jobs in asked.items()}
        self._length = {
            job: math.sqrt(sum((w * self._rarity[s]) ** 2 for s, w in skills.items())) or 1.0
            for job, skills in self._wanted.items()
        }

    def rank(self, skills: Iterable[str], n: int) -> list[tuple[str, tuple[str, ...]]]:
        """Return up to n jobs that ask for some of the skills, with those, best first."""
        have = set(skills)
        scored = []
        for job, wanted in self._wanted.items():
            shared = sorted(have & wanted.keys(), key=lambda s: (-wanted[s] * self._rarity[s], s))
            if shared:
                score = sum(wanted[s] * self._rarity[s] ** 2 for s in shared) / self._length[job]
                scored.append((-score, job, tuple(shared[:_REASONS])))
        return [(job, shared) for _, job, shared in sorted(scored)[:n]]


class JobsModel:
    """The files of a release, ready to answer.

    Raises:
        EvidenceError: `trainer.model`, the files are damaged or of another trainer.
    """

    def __init__(self, files: ModelFiles) -> None:
        try:
            head, tensors = decode(files["model.json"]), load(files["weights.safetensors"])
            if not isinstance(head, dict) or head["format"] != FORMAT:
                raise ValueError
            self.features: tuple[str, ...] = tuple(str(name) for name in head["features"])
            self.jobs: tuple[str, ...] = tuple(str(name) for name in head["jobs"])
            self.target = f"{head['recipe']['target']}:"
            self._weights: npt.NDArray[np.int32] = tensors["weights"]
            self._popularity: npt.NDArray[np.int32] = tensors["popularity"]
            shape = (len(self.features), len(self.jobs))
            if self._weights.shape != shape or len(self._popularity) != len(self.jobs):
                raise ValueError
        except (KeyError, TypeError, ValueError, SafetensorError, ByleaveError) as error:
            raise EvidenceError(
                "the files are damaged, or not a model of jobs", code="trainer.model"
            ) from error
        self._place = {name: at for at, name in enumerate(self.features)}
        self._column = {name: at for at, name in enumerate(self.jobs)}

    def scores(self, profile: Sequence[int]) -> Longs:
        """Return a score for each job from the places of what a member has."""
        total: Longs = self._weights[list(profile)].sum(axis=0, dtype=np.int64)
        return total

    def places(self, profile: Iterable[str]) -> list[int]:
        """Return the places of what the model knows of a profile (`skill:python`), each once."""
        return sorted({self._place[name] for name in profile if name in self._place})

    def popular(self) -> list[int]:
        """Return the columns of all jobs, those that most members have first."""
        columns: list[int] = np.argsort(self._popularity).tolist()
        return columns

    def suggest(
        self, profile: Iterable[str] = (), n: int = 10, *, catalogue: Catalogue | None = None
    ) -> tuple[JobSuggestion, ...]:
        """Return up to n jobs that the profile does not name already, best first.

        Args:
            profile: What the member has, as far as they let it be used: `kind:name`.
            n: At least 1.
            catalogue: Public jobs; where given, every third suggestion comes from it, so that
                jobs nobody has yet are seen too.
        """
        named = list(profile)
        held = self.places(named)
        taken = {name for name in named if name.startswith(self.target)}
        learned = [s for s in self._learned(held) if self.target + s.job not in taken]
        skills = [name.partition(":")[2] for name in named]
        fresh = [
            JobSuggestion(job=job, why="skills", because=shared)
            for job, shared in (catalogue.rank(skills, n + len(taken)) if catalogue else ())
            if self.target + job not in taken
        ]
        popular = [
            JobSuggestion(job=self._short(at), why="popular", because=())
            for at in self.popular()
            if self.jobs[at] not in taken
        ]
        found: dict[str, JobSuggestion] = {}
        while len(found) < n and (learned or fresh or popular):
            turn = fresh if fresh and (len(found) % 3 == 2 or not learned) else learned or popular
            suggestion = turn.pop(0)
            found.setdefault(suggestion.job, suggestion)
        return tuple(found.values())

    def _learned(self, held: Sequence[int]) -> list[JobSuggestion]:
        if not held:
            return []
        scores = self.scores(held)
        order = np.lexsort((self._popularity, -scores))
        return [self._because(int(at), held) for at in order if scores[at] > 0]

    def _because(self, at: int, held: Sequence[int]) -> JobSuggestion:
        weights = self._weights[list(held), at]
        best = [held[i] for i in np.argsort(-weights, kind="stable")[:_REASONS] if weights[i] > 0]
        because = tuple(self.features[i] for i in best)
        return JobSuggestion(job=self._short(at), why="profile", because=because)

    def _short(self, at: int) -> str:
        return self.jobs[at].removeprefix(self.target)

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
        scores = model.scores(held)
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
