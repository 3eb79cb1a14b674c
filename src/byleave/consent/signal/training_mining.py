"""Training and data mining assertions: `cawg.training-mining` (CAWG 1.1), and the
`c2pa.training-mining` of C2PA 1.x that it replaced.

Read as JSON: an assertion `{"label", "data"}`, a manifest with `assertions`, or a manifest store
with `active_manifest`, as c2patool prints them. `constrained` counts as `notAllowed`, with or
without a text of constraints: nobody here can tell whether they are met. `data_mining` decides
about a kind of training only where that kind has no entry of its own. The signature of the
manifest is not checked: a no takes nothing from anyone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from byleave.consent.signal.finding import Finding, Subject, malformed

__all__ = ["read_c2pa", "read_cawg"]

_LIMIT = 16 << 20
_USES = frozenset({"allowed", "constrained", "notAllowed"})
_OWN = {
    "ai_generative_training": Subject.GENERATIVE,
    "ai_training": Subject.OTHER_TRAINING,
}


def read_cawg(payload: bytes) -> tuple[Finding, ...]:
    """Read a `cawg.training-mining` assertion.

    Raises:
        InputError: `signal.malformed`, not JSON of one of the three forms, or an assertion whose
            entries are not those of the specification.
    """
    return _read(payload, "cawg")


def read_c2pa(payload: bytes) -> tuple[Finding, ...]:
    """Read a `c2pa.training-mining` assertion; as `read_cawg`."""
    return _read(payload, "c2pa")


def _read(payload: bytes, prefix: str) -> tuple[Finding, ...]:
    if len(payload) > _LIMIT:
        raise malformed("the manifest is over 16 MiB")
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        raise malformed("the assertion is not JSON") from None
    label = re.compile(rf"{prefix}\.training-mining(?:__\d+)?")
    found: dict[tuple[str, tuple[Subject, ...]], Finding] = {}
    for assertion in _assertions(document):
        name = assertion.get("label")
        if not isinstance(name, str):
            raise malformed("an assertion has no label")
        if label.fullmatch(name):
            for finding in _findings(_entries(assertion, prefix), prefix):
                found.setdefault((finding.said, finding.refuses), finding)
    return tuple(found.values())


def _assertions(document: object) -> Iterable[Mapping[str, Any]]:
    """Return the assertions of one of the three forms."""
    if isinstance(document, dict) and "manifests" in document:
        manifests, active = document["manifests"], document.get("active_manifest")
        document = manifests.get(active) if isinstance(manifests, dict) else None
    if isinstance(document, dict) and "assertions" in document:
        listed = document["assertions"]
    else:
        listed = [document]
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise malformed("neither an assertion, nor a manifest, nor a manifest store")
    return listed


def _entries(assertion: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Return entry → use of the four entries that the specification defines."""
    data = assertion.get("data")
    entries = data.get("entries") if isinstance(data, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise malformed("a training-mining assertion has no entries")
    uses = {}
    for name, entry in entries.items():
        use = entry.get("use") if isinstance(entry, dict) else None
        if use not in _USES:
            raise malformed("an entry's use is none of allowed, notAllowed, constrained")
        own, _, rest = name.partition(".")
        if own == prefix:
            uses[rest] = use
    return uses


def _findings(uses: Mapping[str, str], prefix: str) -> Iterable[Finding]:
    for name, use in uses.items():
        said = f"{prefix}.{name}: {use}"
        if name == "data_mining":
            subjects = tuple(s for own, s in _OWN.items() if own not in uses)
        else:
            subjects = tuple(s for own, s in _OWN.items() if own == name)
        if use == "allowed":
            yield Finding(said=said, refuses=(), note="allowed; never a yes of the member")
        elif subjects:
            yield Finding(said=said, refuses=subjects, note=_NOTES[use])
        else:
            yield Finding(said=said, refuses=(), note="no use of ours by itself")


_NOTES = {
    "notAllowed": "not allowed",
    "constrained": "constrained, which counts as not allowed",
}
