"""The adapters, by kind and form, and the one way from a payload to refusals.

A specification that changes gets a new adapter with a new version; the version stands in every
event that was recorded from it, so that an old event says which reading it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from byleave.canonical import Json, encode, sha256
from byleave.consent.signal import aipref, gpc, tdmrep, training_mining
from byleave.consent.signal.finding import Finding, Form, scopes_of
from byleave.errors import InputError
from byleave.ids import Digest
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import Taxonomy

__all__ = ["ADAPTERS", "Adapter", "SignalRefusal", "adapter_of", "find", "parse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """One specification, in one version.

    Attributes:
        kind: Word of the signal: `gpc`.
        title: What people call it.
        version: The text that the adapter follows.
        source: Where that text stands.
        of_person: Whether it speaks for the person, and not for one file or page of theirs.
        forms: Form → reader of bytes; the first is the default.
    """

    kind: str
    title: str
    version: str
    source: str
    of_person: bool
    forms: Mapping[Form, Callable[[bytes], tuple[Finding, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRefusal:
    """One refusal that a signal carries.

    Attributes:
        scope: What it refuses.
        signal: Kind of the signal.
        version: Version of the adapter that read it.
        form: Where it stood.
        said: The statement, as its specification writes it.
        evidence_digest: SHA-256 of the payload's bytes.
    """

    scope: Scope
    signal: str
    version: str
    form: Form
    said: str
    evidence_digest: Digest

    @property
    def channel(self) -> str:
        """The channel of the event: `signal:gpc`."""
        return f"signal:{self.signal}"

    def evidence(self) -> str:
        """Return what the event keeps of the signal: canonical JSON, no part of the payload."""
        document: dict[str, Json] = {
            "form": self.form.value,
            "said": self.said,
            "sha256": self.evidence_digest.hex(),
            "signal": self.signal,
            "version": self.version,
        }
        return encode(document).decode("ascii")


ADAPTERS: Final[Mapping[str, Adapter]] = {
    adapter.kind: adapter
    for adapter in (
        Adapter(
            kind="gpc",
            title="Global Privacy Control",
            version="2025-04",
            source="https://w3c.github.io/gpc/",
            of_person=True,
            forms={Form.HEADERS: gpc.read_headers, Form.WELL_KNOWN: gpc.read_well_known},
        ),
        Adapter(
            kind="aipref",
            title="IETF AI Preferences",
            version="draft-ietf-aipref-vocab-08",
            source="https://datatracker.ietf.org/doc/draft-ietf-aipref-vocab/",
            of_person=False,
            forms={Form.HEADERS: aipref.read_headers, Form.ROBOTS: aipref.read_robots},
        ),
        Adapter(
            kind="cawg",
            title="CAWG training and data mining assertion",
            version="1.1",
            source="https://cawg.io/training-and-data-mining/1.1/",
            of_person=False,
            forms={Form.ASSERTION: training_mining.read_cawg},
        ),
        Adapter(
            kind="c2pa",
            title="C2PA 1.x training and data mining assertion",
            version="1.4",
            source="https://c2pa.org/specifications/specifications/1.4/specs/C2PA_Specification.html",
            of_person=False,
            forms={Form.ASSERTION: training_mining.read_c2pa},
        ),
        Adapter(
            kind="tdmrep",
            title="TDM Reservation Protocol",
            version="2024-05-10",
            source="https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/",
            of_person=False,
            forms={
                Form.HEADERS: tdmrep.read_headers,
                Form.WELL_KNOWN: tdmrep.read_well_known,
                Form.HTML: tdmrep.read_html,
            },
        ),
    )
}
"""Kind → adapter in force."""


def adapter_of(kind: str) -> Adapter:
    """Return the adapter of a kind.

    Raises:
        InputError: `signal.unknown`.
    """
    if kind not in ADAPTERS:
        raise InputError(
            f"no signal is called {kind[:40]!r}",
            code="signal.unknown",
            hint=f"known: {', '.join(ADAPTERS)}",
        )
    return ADAPTERS[kind]


def find(kind: str, payload: bytes, form: Form | str | None = None) -> tuple[Finding, ...]:
    """Return every statement in a payload, refusals and others.

    Args:
        kind: Kind of the signal.
        payload: The bytes it stands in.
        form: How they are to be read; None: the kind's first form.

    Raises:
        InputError: `signal.unknown`, a kind or a form that is not known; `signal.malformed`.
    """
    return _reader(kind, form)[2](payload)


def parse(
    kind: str,
    payload: bytes,
    form: Form | str | None = None,
    *,
    taxonomy: Taxonomy,
    category: str = "*",
) -> tuple[SignalRefusal, ...]:
    """Return the refusals in a payload, one for each scope; none where it refuses nothing.

    Args:
        kind: Kind of the signal.
        payload: The bytes it stands in.
        form: How they are to be read; None: the kind's first form.
        taxonomy: The trees in force.
        category: The data category that the payload was attached to; `*`: all data.

    Raises:
        InputError: `signal.unknown`, a kind or a form that is not known; `signal.malformed`;
            `signal.category`, a category with a signal that speaks for the person.
    """
    adapter, chosen, read = _reader(kind, form)
    if adapter.of_person and category != "*":
        raise InputError(
            f"{adapter.title} speaks for the person, not for one category of data",
            code="signal.category",
        )
    digest = sha256(payload)
    found: dict[Scope, SignalRefusal] = {}
    for finding in read(payload):
        for subject in finding.refuses:
            for scope in scopes_of(subject, taxonomy, category=category):
                refusal = SignalRefusal(
                    scope=scope,
                    signal=kind,
                    version=adapter.version,
                    form=chosen,
                    said=finding.said,
                    evidence_digest=digest,
                )
                found.setdefault(scope, refusal)
    return tuple(found.values())


def _reader(
    kind: str, form: Form | str | None
) -> tuple[Adapter, Form, Callable[[bytes], tuple[Finding, ...]]]:
    adapter = adapter_of(kind)
    known = {item.value: item for item in adapter.forms}
    chosen = next(iter(known)) if form is None else str(form)
    if chosen not in known:
        raise InputError(
            f"{kind} has no form {chosen[:40]!r}",
            code="signal.unknown",
            hint=f"known: {', '.join(known)}",
        )
    return adapter, known[chosen], adapter.forms[known[chosen]]
