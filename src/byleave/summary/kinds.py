"""Every kind of summary: what it is, what it is made of, and in which forms it is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from byleave.errors import InputError
from byleave.summary import (
    california,
    connecticut,
    croissant,
    cyclonedx,
    datasheet,
    eu_ai_act,
    spdx,
)
from byleave.summary.field import Summary, markdown
from byleave.summary.subject import Subject

__all__ = ["KINDS", "Kind", "kind_of", "written"]

Document = Summary | dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of summary.

    Attributes:
        name: As commands take it.
        says: What it is, in a few words.
        law: The statute or specification.
        of: What it is about: `release`, `snapshot`, `either` of them, or the whole `log`.
        forms: Endings of files it is written to.
        make: Makes it.
    """

    name: str
    says: str
    law: str
    of: str
    forms: tuple[str, ...]
    make: Callable[[Subject], Document]


_WORDS: Final = (".md", ".json")
KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind(
            name="eu-ai-act",
            says="public summary of training content",
            law=eu_ai_act.LAW,
            of="either",
            forms=_WORDS,
            make=eu_ai_act.eu_ai_act,
        ),
        Kind(
            name="ca-ab2013",
            says="California's training data documentation",
            law=california.LAW,
            of="either",
            forms=_WORDS,
            make=california.ca_ab2013,
        ),
        Kind(
            name="cyclonedx",
            says="bill of materials of a model, with declarations",
            law=cyclonedx.LAW,
            of="release",
            forms=(".json",),
            make=cyclonedx.cyclonedx,
        ),
        Kind(
            name="spdx",
            says="the model and its data in SPDX",
            law=spdx.LAW,
            of="release",
            forms=(".json",),
            make=spdx.spdx,
        ),
        Kind(
            name="croissant",
            says="description of the data set, with its permission",
            law=croissant.LAW,
            of="snapshot",
            forms=(".json",),
            make=croissant.croissant,
        ),
        Kind(
            name="connecticut",
            says="Connecticut's statement on training language models",
            law=connecticut.LAW,
            of="log",
            forms=_WORDS,
            make=connecticut.connecticut,
        ),
        Kind(
            name="datasheet",
            says="datasheet of the data set",
            law=datasheet.LAW,
            of="snapshot",
            forms=_WORDS,
            make=datasheet.datasheet,
        ),
    )
}


def kind_of(name: str) -> Kind:
    """Return a kind by its name.

    Raises:
        InputError: `summary.kind`.
    """
    found = KINDS.get(name)
    if found is None:
        raise InputError(
            f"no kind of summary is called {name[:40]!r}",
            code="summary.kind",
            hint=f"there are: {', '.join(KINDS)}",
        )
    return found


def written(kind: Kind, subject: Subject, form: str) -> str:
    """Return a summary as the text of a file.

    Args:
        kind: What to make.
        subject: What it is about.
        form: Ending of the file: `.md` or `.json`.

    Raises:
        InputError: `summary.form`, the kind has no such form; `summary.release`, it is made of a
            release and the subject has none.
    """
    if form not in kind.forms:
        raise InputError(
            f"{kind.name} is written to a file that ends in {' or '.join(kind.forms)}",
            code="summary.form",
        )
    if kind.of == "release" and subject.trained is None:
        raise InputError(
            f"{kind.name} is about a release, and none was named or made", code="summary.release"
        )
    made = kind.make(subject)
    if form == ".md":
        assert isinstance(made, Summary)  # noqa: S101 (for the types: forms says so)
        return markdown(made)
    document = made.to_dict() if isinstance(made, Summary) else made
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
