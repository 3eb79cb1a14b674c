"""What members chose of a public catalogue, as the conditional logit of `choice` wants it."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.trainers.catalogue import FEATURES, Catalogue
from byleave.trainers.choice import UNIT, Choices, fit_choice
from byleave.trainers.holdings import Holdings

__all__ = ["RIDGE", "UNFITTED", "answered_levels", "choice_weights"]

RIDGE: Final = 4
"""Prior precision of each weight of the logit."""
UNFITTED: Final = np.array([UNIT, 0, UNIT, UNIT, 0], np.int64)
"""Weights where fewer than k members chose anything: what a job asks for, its title, its place."""
_LEVELS: Final = np.array([17, 9, 9, 2, 17], np.int64)
_BLOCK: Final = 1 << 21
"""Cells of (member, job) looked at together."""

Longs = npt.NDArray[np.int64]


def answered_levels(state: Holdings, catalogue: Catalogue) -> Longs:
    """Return how often each job's side answered whoever engaged, in sixteenths, 0 to 16.

    A job that fewer than k members engaged with, or whose side answered fewer than k, has the
    sixteenths of all such jobs together: the prior of reciprocity.
    """
    engaged, answered = _sides(state, catalogue)
    level, whole = _shares(engaged, answered, int(state.recipe["k"]))
    return np.where(level >= 0, level, whole)


def choice_weights(state: Holdings, catalogue: Catalogue, answered: Longs) -> Longs:
    """Return the weights of the five features, in units of 2^-20.

    A choice is a member and a job of the catalogue that they have; what was on offer is the whole
    catalogue. The chosen job's `answered` is taken without the member's own answer: a feature that
    contains the choice would explain it.
    """
    mine, job = _chosen(state, catalogue)
    members, who = np.unique(mine, return_inverse=True)
    if not len(members) or len(members) < int(state.recipe["k"]):
        return UNFITTED
    known, has = _profiles(state, catalogue, members)
    own = _own_answers(state, catalogue, mine, job, answered)
    chosen = np.zeros(len(_LEVELS), np.int64)
    parts: list[tuple[Longs, Longs, Longs]] = []
    size = max(1, _BLOCK // len(catalogue))
    for start in range(0, len(members), size):
        measured = catalogue.measure_all(known, has[start : start + size])
        block = (who >= start) & (who < start + size)
        at = who[block] - start
        chosen[:-1] += measured[at, job[block]].sum(axis=0)
        chosen[-1] += own[block].sum()
        parts.append(_patterns(measured, answered, start))
    cell, pattern, offered = (np.concatenate(part) for part in zip(*parts, strict=True))
    choices = Choices(
        who=cell,
        pattern=pattern,
        offered=offered,
        times=np.bincount(who, minlength=len(members)),
        chosen=chosen,
    )
    return fit_choice(choices, RIDGE)


def _patterns(measured: Longs, answered: Longs, start: int) -> tuple[Longs, Longs, Longs]:
    """Return (member, pattern, how many jobs of it), for members from `start` on."""
    members, jobs = measured.shape[:2]
    code = np.zeros((members, jobs), np.int64)
    for at in range(len(FEATURES)):
        code = code * _LEVELS[at] + measured[:, :, at]
    code = code * _LEVELS[-1] + answered
    kinds = int(np.prod(_LEVELS))
    found, offered = np.unique(code + kinds * np.arange(members)[:, None], return_counts=True)
    who, rest = np.divmod(found, kinds)
    pattern = np.zeros((len(found), len(_LEVELS)), np.int64)
    for at in range(len(_LEVELS) - 1, -1, -1):
        rest, pattern[:, at] = np.divmod(rest, _LEVELS[at])
    return who + start, pattern, offered.astype(np.int64)


def _chosen(state: Holdings, catalogue: Catalogue) -> tuple[Longs, Longs]:
    """Return member code and job of the catalogue of each choice, each once."""
    return _pairs(state, catalogue, str(state.recipe["target"]))


def _pairs(state: Holdings, catalogue: Catalogue, kind: str) -> tuple[Longs, Longs]:
    names = pa.array([f"{kind}:{job}" for job in catalogue.jobs], pa.large_string())
    place = np.asarray(pc.fill_null(pc.index_in(state.items, value_set=names), -1), np.int64)
    job = place[state.item]
    among = job >= 0
    size = max(1, len(catalogue))
    once = np.unique(state.member[among].astype(np.int64) * size + job[among])
    member, of = np.divmod(once, size)
    return member, of


def _sides(state: Holdings, catalogue: Catalogue) -> tuple[Longs, Longs]:
    """Return how many members engaged with each job, and how many of them it answered."""
    engaged = _pairs(state, catalogue, str(state.recipe["target"]))
    answered = _pairs(state, catalogue, str(state.recipe["answered"]))
    size = max(1, len(catalogue))
    both = np.isin(answered[0] * size + answered[1], engaged[0] * size + engaged[1])
    count = [np.bincount(pair, minlength=size) for pair in (engaged[1], answered[1][both])]
    return count[0][: len(catalogue)], count[1][: len(catalogue)]


def _shares(engaged: Longs, answered: Longs, k: int) -> tuple[Longs, int]:
    """Return sixteenths answered for each job, -1 where too few did, and for those together."""
    enough = (engaged >= k) & (answered >= k)
    level = np.where(enough, 16 * answered // np.maximum(engaged, 1), -1)
    all_engaged, all_answered = int(engaged.sum()), int(answered.sum())
    whole = 16 * all_answered // all_engaged if all_engaged and all_answered >= k else 0
    return level, whole


def _own_answers(
    state: Holdings, catalogue: Catalogue, member: Longs, job: Longs, answered: Longs
) -> Longs:
    """Return `answered` of each chosen job as it is without the member who chose it."""
    engaged, replied = _sides(state, catalogue)
    pairs = _pairs(state, catalogue, str(state.recipe["answered"]))
    size = len(catalogue)
    mine = np.isin(member * size + job, pairs[0] * size + pairs[1])
    k = int(state.recipe["k"])
    enough = (engaged[job] >= k) & (replied[job] >= k)
    without = 16 * (replied[job] - mine) // np.maximum(engaged[job] - 1, 1)
    return np.where(enough, without, answered[job])


def _profiles(
    state: Holdings, catalogue: Catalogue, members: Longs
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Return what the catalogue knows of these members' things: its names, and who has which."""
    named: dict[str, set[int]] = {}
    for code, thing in enumerate(state.items.to_pylist()):  # things, not rows
        for name in catalogue.names([thing]):
            named.setdefault(name, set()).add(code)
    known = sorted(named)
    place = np.full(len(state.members), -1, np.int64)
    place[members] = np.arange(len(members))
    has = np.zeros((len(members), len(known)), np.float32)
    for column, name in enumerate(known):
        of = np.zeros(len(state.items), np.bool_)
        of[list(named[name])] = True
        rows = place[state.member[of[state.item]]]
        has[rows[rows >= 0], column] = 1
    return known, has
