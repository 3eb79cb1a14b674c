"""Ask a release: what its trainer is decides what it can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from byleave.errors import InputError
from byleave.service.model import Release
from byleave.trainers.content_model import ContentModel
from byleave.trainers.jobs_model import JobsModel
from byleave.trainers.replies_model import suggest

__all__ = ["suggestions"]


def suggestions(
    release: Release, *, message: str | None, history: Sequence[str], count: int
) -> list[dict[str, Any]]:
    """Return the best suggestions of a release, with the reasons.

    Raises:
        InputError: `training.suggest`, the trainer takes another kind of question.
    """
    trainer = release.document["trainer"]
    if trainer == "content":
        if message is not None:
            raise _other(trainer, "a history of items, not a message", "--history ITEM")
        items = ContentModel(release.files).suggest(history, count)
        return [{"text": s.item, "why": s.why, "because": list(s.because)} for s in items]
    if trainer == "jobs":
        if message is not None:
            raise _other(trainer, "what a member has, not a message", "--history skill:python")
        jobs = JobsModel(release.files).suggest(history, count)
        return [{"text": s.job, "why": s.why, "because": list(s.because)} for s in jobs]
    if trainer == "replies":
        if message is None or history:
            raise _other(trainer, "one message, and no history", "release suggest RELEASE MESSAGE")
        replies = suggest(release.files, message, count)
        return [{"text": s.text, "score": s.score, "because": list(s.because)} for s in replies]
    raise _other(trainer, "nothing here", "load the release and ask it in Python")


def _other(trainer: str, takes: str, hint: str) -> InputError:
    return InputError(
        f"a release of {trainer} is asked with {takes}", code="training.suggest", hint=hint
    )
