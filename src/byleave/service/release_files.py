"""What lies beside a release's model files: signed statements, the model card, a model signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc

from byleave.errors import EvidenceError
from byleave.evidence.entry import RecipeEntry, SnapshotEntry, parse_entry
from byleave.note.keys import KeyType, VerifierKey
from byleave.service.house import House
from byleave.service.snapshot import openings_of
from byleave.training.oms import SIGNATURE_FILE, model_signature
from byleave.training.provenance import Dependency, Provenance
from byleave.training.release import Statement, model_card, model_digest, sign_statement
from byleave.training.trainer import ModelFiles

__all__ = [
    "CARD",
    "PROVENANCE",
    "STATEMENT",
    "beside",
    "holds_under",
    "provenance_of",
    "standing_on",
]

STATEMENT: Final = "statement.dsse.json"
PROVENANCE: Final = "provenance.dsse.json"
CARD: Final = "model-card.md"
_OWN_CONSENT: Final = 1


def beside(
    house: House,
    statement: Statement,
    provenance: Provenance,
    files: ModelFiles,
    *,
    quality: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> dict[str, bytes]:
    """Return every file of a release but its model files, by name.

    Args:
        house: The workspace's ports.
        statement: What the release states.
        provenance: How it came to be.
        files: The model files.
        quality: Measures of an evaluation.
        facts: As `model_card` takes them.
    """
    signer = house.signer
    card = model_card(statement, quality=quality, digest=model_digest(files).hex(), facts=facts)
    attached = {
        STATEMENT: sign_statement(statement.encode(), name=signer.name, sign=signer.sign),
        PROVENANCE: sign_statement(provenance.encode(), name=signer.name, sign=signer.sign),
        CARD: card.encode(),
    }
    signature = model_signature(
        statement.release,
        {**files, **attached},
        sign=signer.sign_model,
        public_pem=signer.model_key(),
    )
    return {**attached, SIGNATURE_FILE: signature}


def provenance_of(house: House, statement: Statement, run: Mapping[str, Any]) -> Provenance:
    """Return how a release of a run came to be: its snapshot's manifest and recipe as logged."""
    at = int(statement.snapshots[0]["index"])
    sealed = parse_entry(house.ledger.read(at, at + 1)[0], SnapshotEntry)
    recipe = parse_entry(house.ledger.read(statement.recipe, statement.recipe + 1)[0], RecipeEntry)
    return Provenance(
        files=statement.files,
        origin=statement.origin,
        run=run["run"],
        trainer=statement.trainer,
        recipe=run["recipe"],
        columns=run["columns"],
        environment=run.get("environment", {}),
        dependencies=[
            Dependency(name=sealed.snapshot, index=at, sha256=sealed.manifest.hex()),
            Dependency(name="recipe", index=statement.recipe, sha256=recipe.recipe.hex()),
        ],
        unlearned_from=statement.parent,
        version=str(run.get("environment", {}).get("packages", {}).get("byleave", "unknown")),
    )


def standing_on(house: House, snapshot: str) -> dict[str, int]:
    """Return how many (record, party) of a snapshot stand on each notice agreed to, by its id.

    Cost: the snapshot's openings, and the columns of the ledger's events.
    """
    openings = openings_of(house, snapshot)
    own = openings.filter(pc.equal(openings["ground"], _OWN_CONSENT))
    grounds, counts = np.unique(own["ground_index"].to_numpy(), return_counts=True)
    found: dict[str, int] = {}
    if not len(grounds):
        return found
    events = house.ledger.events_columns(before=int(grounds[-1]) + 1, after=int(grounds[0]) - 1)
    at = np.searchsorted(events.index, grounds)
    for number, count in zip(events.notice[at].tolist(), counts.tolist(), strict=True):
        name = events.notices[number] if number >= 0 else "no notice"
        found[name] = found.get(name, 0) + count
    return dict(sorted(found.items()))


def holds_under(house: House) -> Callable[[bytes, bytes], bool]:
    """Return what says whether (signature, message) holds under the operator's release key."""
    key = VerifierKey(
        name=house.signer.name, type=KeyType.ED25519, public=house.signer.public_key()
    )

    def holds(signature: bytes, message: bytes) -> bool:
        try:
            key.verify(message, signature)
        except EvidenceError:
            return False
        return True

    return holds
