"""What an adapter finds in a payload, and what a finding refuses.

An adapter names *subjects*; `scopes_of` turns them into scopes under the taxonomy in force, so
that a purpose of the operator's own file is covered as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from byleave.errors import InputError
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import Taxonomy

__all__ = ["Finding", "Form", "Subject", "malformed", "scopes_of"]

_TRAIN = "train"
_GENERATIVE = "train.generative"


class Form(StrEnum):
    """Where a signal stands, and so how its bytes are read."""

    HEADERS = "headers"  # the head of an HTTP message
    WELL_KNOWN = "well-known"  # gpc.json, tdmrep.json
    ROBOTS = "robots"  # robots.txt
    HTML = "html"  # meta elements of a page
    ASSERTION = "assertion"  # a C2PA assertion or manifest, as JSON


class Subject(StrEnum):
    """What a signal can speak about, as far as uses of ours are concerned."""

    THIRD_PARTIES = "third-parties"
    TRAINING = "training"
    GENERATIVE = "generative-training"
    OTHER_TRAINING = "other-training"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One statement in a payload.

    Attributes:
        said: The statement, as its specification writes it; nothing else of the payload.
        refuses: What it refuses of ours; empty: nothing.
        note: What that means, for people.
    """

    said: str
    refuses: tuple[Subject, ...]
    note: str


def scopes_of(subject: Subject, taxonomy: Taxonomy, *, category: str = "*") -> tuple[Scope, ...]:
    """Return the scopes that a subject comes to under a taxonomy, in ascending order.

    Args:
        subject: What the signal speaks about.
        taxonomy: The trees in force.
        category: The data category that the signal was attached to; `*`: all of the member's data.
    """
    match subject:
        case Subject.THIRD_PARTIES:
            return (Scope(purpose="*", category=category, recipient="third-party"),)
        case Subject.TRAINING:
            purposes = [_TRAIN]
        case Subject.GENERATIVE:
            purposes = [_GENERATIVE]
        case Subject.OTHER_TRAINING:
            purposes = sorted(
                name
                for name in taxonomy.purposes
                if name.rpartition(".")[0] == _TRAIN and name != _GENERATIVE
            )
    return tuple(Scope(purpose=name, category=category, recipient="*") for name in purposes)


def malformed(message: str) -> InputError:
    """Return the error of a payload that is not in its form; the message repeats none of it."""
    return InputError(message, code="signal.malformed", hint="byleave signal explain lists forms")
