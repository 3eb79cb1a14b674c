"""Public jobs: what each asks for, its title and places, in which no member is.

A catalogue is part of the recipe, so it is logged before a fit and an auditor has it. Against it a
profile is measured in four small whole numbers a job, the features of `byleave.trainers.choice`:

* *asked*: sixteenths of what the job asks for that the member has; essential counts 2, optional 1;
* *shared*: how many of its skills the member has, at most 8;
* *titled*: eighths of the words of its title that stand in a title of the member;
* *placed*: 1 where a place of the member is one of the job's.

Cost of measuring: members times jobs times features of the catalogue, as a product of small integers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.trainers.choice import MOST_ON_OFFER

__all__ = ["FEATURES", "Catalogue", "words_of"]

FEATURES: Final = ("asked", "shared", "titled", "placed")
_MOST_WEIGHT: Final = 16
_SHARED: Final = 8
_WORD: Final = re.compile(r"[^\W_]+")

Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def words_of(title: str) -> frozenset[str]:
    """Return the words of a title, in lower case."""
    return frozenset(_WORD.findall(title.casefold()))


class Catalogue:
    """Jobs by name.

    Attributes:
        jobs: Their names, ascending.

    Args:
        entries: At most 32,768 jobs, each with `job` (its name, no name twice), `skills` (list of
            skill and weight, 1 to 16), `title` (text; else the name) and `places` (list of texts);
            all but `job` may be left out.

    Raises:
        ValueError: It has another form; says of which field.
    """

    def __init__(self, entries: Sequence[Any]) -> None:
        if len(entries) > MOST_ON_OFFER:
            raise ValueError(f"a catalogue names at most {MOST_ON_OFFER} jobs")
        parts = sorted((_parts(entry) for entry in entries), key=lambda part: part[0])
        self.jobs: tuple[str, ...] = tuple(name for name, *_ in parts)
        if len(set(self.jobs)) != len(self.jobs):
            raise ValueError("the catalogue names a job twice")
        self._asks: list[dict[str, int]] = [skills for _, skills, _, _ in parts]
        self._words: list[frozenset[str]] = [words_of(title) for *_, title, _ in parts]
        self._places: list[frozenset[str]] = [places for *_, places in parts]
        # One column of postings for each thing a profile may name: its jobs, and their weights.
        postings: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        for at in range(len(self.jobs)):
            for skill, weight in self._asks[at].items():
                postings[f"skill:{skill}"].append((at, weight, 1))
            for word in self._words[at]:
                postings[f"word:{word}"].append((at, 1, 0))
            for place in self._places[at]:
                postings[f"place:{place}"].append((at, 1, 0))
        self._postings = {name: np.array(sorted(found)) for name, found in postings.items()}
        self._total = np.array([max(1, sum(s.values())) for s in self._asks], np.int64)
        self._length = np.array([max(1, len(words)) for words in self._words], np.int64)

    def __len__(self) -> int:
        """Return how many jobs there are."""
        return len(self.jobs)

    def names(self, profile: Iterable[str]) -> set[str]:
        """Return what of a profile (`skill:…`, `place:…`, `title:…`) the catalogue knows."""
        found: set[str] = set()
        for thing in profile:
            kind, _, name = thing.partition(":")
            if kind == "title":
                found |= {f"word:{word}" for word in words_of(name)}
            elif kind in {"skill", "place"}:
                found.add(thing)
        return found & self._postings.keys()

    def measure(self, profile: Iterable[str]) -> Longs:
        """Return the four features of every job for one profile; shape (jobs, 4)."""
        have, shared, words, place = np.zeros((4, len(self.jobs)), np.int64)
        for name in self.names(profile):
            at, weight, skill = self._postings[name].T
            if name.startswith("skill:"):
                have[at] += weight
                shared[at] += skill
            elif name.startswith("word:"):
                words[at] += 1
            else:
                place[at] = 1
        return self._features(have, shared, words, place)

    def measure_all(self, known: Sequence[str], has: Floats) -> Longs:
        """Return the features of every job for many members; shape (members, jobs, 4).

        Args:
            known: Names as `names` gives them.
            has: 1 where a member has one; shape (members, known).
        """
        found: list[Longs] = []
        for kind, weighed in (
            ("skill:", True),
            ("skill:", False),
            ("word:", False),
            ("place:", False),
        ):
            side = np.zeros((len(known), len(self.jobs)), np.float32)
            for row, name in enumerate(known):
                if name.startswith(kind):
                    at, weight, _ = self._postings[name].T
                    side[row, at] = weight if weighed else 1
            # Sums of small whole numbers, below 2^24: exact whatever the threads and processor do.
            found.append((has @ side).astype(np.int64))
        have, shared, words, place = found
        return self._features(have, shared, words, np.minimum(place, 1))

    def because(self, job: int, profile: Iterable[str], most: int) -> tuple[str, ...]:
        """Return what of a profile speaks for a job: skills that fewer jobs ask for come first."""
        mine = set(profile)
        skills = [s for s in self._asks[job] if f"skill:{s}" in mine]
        skills.sort(key=lambda s: (len(self._postings[f"skill:{s}"]), s))
        found = [f"skill:{s}" for s in skills]
        found += sorted(f"place:{p}" for p in self._places[job] if f"place:{p}" in mine)
        found += sorted(
            thing
            for thing in mine
            if thing.startswith("title:") and words_of(thing[6:]) & self._words[job]
        )
        return tuple(found[:most])

    def _features(self, have: Longs, shared: Longs, words: Longs, place: Longs) -> Longs:
        asked = 16 * have // self._total
        titled = 8 * words // self._length
        return np.stack([asked, np.minimum(shared, _SHARED), titled, place], axis=-1)


def _parts(entry: Any) -> tuple[str, dict[str, int], str, frozenset[str]]:  # noqa: ANN401
    """Return name, skills, title and places of one entry of a catalogue."""
    if not isinstance(entry, Mapping) or set(entry) - {"job", "places", "skills", "title"}:
        raise ValueError("an entry of the catalogue has fields but job, skills, title, places")
    job = entry.get("job")
    title, places = entry.get("title", job), entry.get("places", [])
    if not isinstance(job, str) or not isinstance(title, str):
        raise ValueError("a job or title of the catalogue is no text")  # noqa: TRY004 (one kind)
    if not isinstance(places, list) or not all(isinstance(place, str) for place in places):
        raise ValueError("places of the catalogue are no list of texts")
    skills: dict[str, int] = {}
    for pair in entry.get("skills", []):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise ValueError("skills of the catalogue are no list of skill and weight")
        if type(pair[1]) is not int or not 1 <= pair[1] <= _MOST_WEIGHT:
            raise ValueError(f"skills of the catalogue have weights from 1 to {_MOST_WEIGHT}")
        skills[pair[0]] = pair[1]
    return job, skills, title, frozenset(places)
