"""Ask a release: what its trainer is decides what it can be asked.

Whoever asks for a member who has not agreed to the release's use gets what many have, from those
who agreed: neither a message nor a history of theirs is looked at.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.connectors.encoder import Encoder
from byleave.errors import InputError, WorldError
from byleave.service.model import Release
from byleave.trainers.content_model import ContentModel
from byleave.trainers.jobs_model import JobsModel
from byleave.trainers.replies_model import RepliesModel
from byleave.wiring.encoding import open_encoder

__all__ = ["Suggester"]

_KEPT: Final = 4
"""Models kept ready; reading one again costs as much as its files are long."""
_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "content": ContentModel,
    "jobs": JobsModel,
    "replies": RepliesModel,
}


class Suggester:
    """Answers of releases; the models last asked are kept ready, by the digest of their files."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, Any] = OrderedDict()
        self._encoder: Encoder | None = None

    def kept(self) -> AbstractSet[str]:
        """Return the digests of the models that are kept ready: their files need not be read."""
        return self._models.keys()

    def personal(
        self, release: Release, *, message: str | None, history: Sequence[str], count: int
    ) -> list[dict[str, Any]]:
        """Return the best suggestions for what was given, with the reasons.

        Args:
            release: A loaded release; without its files where its model is kept ready.
            message: For `replies`: the message to answer.
            history: For `content` and `jobs`: what the member has.
            count: How many.

        Raises:
            InputError: `training.suggest`, the trainer takes another kind of question.
        """
        trainer = release.document["trainer"]
        if trainer == "content":
            if message is not None:
                raise _other(trainer, "a history of items, not a message", "--history ITEM")
            items = self._model(release).suggest(history, count)
            return [{"text": s.item, "why": s.why, "because": list(s.because)} for s in items]
        if trainer == "jobs":
            if message is not None:
                raise _other(trainer, "what a member has, not a message", "--history skill:python")
            jobs = self._model(release).suggest(history, count)
            return [{"text": s.job, "why": s.why, "because": list(s.because)} for s in jobs]
        if trainer == "replies":
            if message is None or history:
                raise _other(
                    trainer, "one message, and no history", "release suggest RELEASE MESSAGE"
                )
            model = self._model(release)
            found = model.suggest(message, count, vector=self._vector(model, message))
            return [
                {"text": s.text, "why": "message", "because": list(s.because), "score": s.score}
                for s in found
            ]
        raise _other(trainer, "nothing here", "load the release and ask it in Python")

    def public(self, release: Release, *, count: int) -> list[dict[str, Any]]:
        """Return what is suggested to whom nothing is known of: what many have, what is new.

        Raises:
            InputError: `training.suggest`, the trainer cannot be asked here.
        """
        if release.document["trainer"] != "replies":
            return self.personal(release, message=None, history=(), count=count)
        model = self._model(release)
        return [{"text": t, "why": "popular", "because": []} for t in model.popular(count)]

    def _vector(self, model: RepliesModel, message: str) -> npt.NDArray[np.int8] | None:
        """Return what the recipe's encoder makes of a message; None where it names none.

        Raises:
            WorldError: `trainer.encoder`, there is none here, or it is not the recipe's.
        """
        if not model.numbers:
            return None
        if self._encoder is None:
            self._encoder = open_encoder()
        if self._encoder.digest != model.recipe["encoder"]:
            raise WorldError("the encoder here is not the model's", code="trainer.encoder")
        vector: npt.NDArray[np.int8] = self._encoder.encode([message])[0]
        return vector

    def _model(self, release: Release) -> Any:  # noqa: ANN401 (a model of any trainer)
        if release.model not in self._models:
            self._models[release.model] = _READ[release.document["trainer"]](release.files)
        self._models.move_to_end(release.model)
        while len(self._models) > _KEPT:
            self._models.popitem(last=False)
        return self._models[release.model]


def _other(trainer: str, takes: str, hint: str) -> InputError:
    return InputError(
        f"a release of {trainer} is asked with {takes}", code="training.suggest", hint=hint
    )
