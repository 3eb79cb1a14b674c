"""SLSA provenance v1 of a release: out of what, by what, where (https://slsa.dev/spec/v1.0/provenance).

An in-toto Statement v1 beside the one of `training-consent`. The data are dependencies, each named
by its log entry; which people's records they hold, and under which consent, SLSA has no words for:
that is what the other statement and the snapshot's map are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from byleave import canonical

__all__ = ["PROVENANCE_TYPE", "Dependency", "Provenance"]

PROVENANCE_TYPE: Final = "https://slsa.dev/provenance/v1"
FIT: Final = "https://byleave.dev/fit/v1"
UNLEARN: Final = "https://byleave.dev/unlearn/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """What a fit read: its name, log index, and the SHA-256 (hex) that its log entry commits to."""

    name: str
    index: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a release came to be.

    Attributes:
        files: Name → SHA-256 (hex) of the model files.
        origin: Origin of the log.
        run: Id of the run.
        trainer: Its trainer.
        recipe: The logged recipe.
        columns: Trainer's column → column of the data.
        environment: Versions, BLAS, CPU features, threads (`docs/spec/refit.md`).
        dependencies: Snapshots' manifests, and the recipe.
        unlearned_from: Log index of the release it was unlearned from; None: a fit.
        version: Of Byleave.
    """

    files: Mapping[str, str]
    origin: str
    run: str
    trainer: str
    recipe: Mapping[str, Any]
    columns: Mapping[str, str]
    environment: Mapping[str, canonical.Json]
    dependencies: Sequence[Dependency]
    unlearned_from: int | None
    version: str

    def encode(self) -> bytes:
        """Return the canonical bytes of the in-toto statement."""
        asked: dict[str, canonical.Json] = {
            "trainer": self.trainer,
            "columns": dict(self.columns),
            "recipe": dict(self.recipe),
        }
        if self.unlearned_from is not None:
            asked["unlearnedFrom"] = self._uri(self.unlearned_from)
        return canonical.encode(
            {
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [
                    {"digest": {"sha256": self.files[name]}, "name": name}
                    for name in sorted(self.files)
                ],
                "predicateType": PROVENANCE_TYPE,
                "predicate": {
                    "buildDefinition": {
                        "buildType": FIT if self.unlearned_from is None else UNLEARN,
                        "externalParameters": asked,
                        "internalParameters": {"environment": dict(self.environment)},
                        "resolvedDependencies": [
                            {
                                "name": item.name,
                                "uri": self._uri(item.index),
                                "digest": {"sha256": item.sha256},
                            }
                            for item in self.dependencies
                        ],
                    },
                    "runDetails": {
                        "builder": {
                            "id": f"https://{self.origin}",
                            "version": {"byleave": self.version},
                        },
                        "metadata": {"invocationId": self.run},
                    },
                },
            }
        )

    def _uri(self, index: int) -> str:
        return f"tlog:{self.origin}?index={index}"
