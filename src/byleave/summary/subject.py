"""What a summary is about, as the ledgers hold it. `service.summary` gathers it.

Nothing in here names a member: counts, digests, published texts and instants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Asked",
    "Content",
    "DataSet",
    "Gated",
    "Given",
    "Operator",
    "Recorded",
    "Sealed",
    "Subject",
    "Text",
    "Trained",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who states it.

    Attributes:
        name: As pages name it.
        origin: Origin of its log.
        contact: How to reach it, or None: not configured.
        address: Postal address, or None.
        demo: Whether the workspace is a demo.
        data_origin: `real` or `generated` where the workspace says so, else None.
    """

    name: str
    origin: str
    contact: str | None
    address: str | None
    demo: bool
    data_origin: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """The source behind a snapshot.

    Attributes:
        name: Its id.
        index: Its log entry.
        added: When it was added.
        dataset: What its contract calls it, or None.
        records: How many records it holds.
        origin: `real` or `generated` as recorded when it was added, else None.
        first_trained: When a run first fitted on a snapshot of it, or None.
        first_run: Log entry of that run, or None.
    """

    name: str
    index: int
    added: str
    dataset: str | None
    records: int
    origin: str | None
    first_trained: str | None
    first_run: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """The snapshot.

    Attributes:
        name: Its id.
        index: Its log entry.
        at: When it was sealed.
        root: Root of its map, hex.
        manifest: SHA-256 of its manifest, hex.
        use: What it was gated for.
        sentence: The same in words.
        records: Records it holds.
        members: Members who are a party to one.
        party_records: Pairs of a record and a party.
        removed: Records taken out since the first snapshot of its line.
        lineage: Log entries of the line, this one first.
        data: (name, SHA-256) of the line's data file, and of the list of what was removed.
        columns: (name, Arrow type) of the data.
    """

    name: str
    index: int
    at: str
    root: str
    manifest: str
    use: str
    sentence: str
    records: int
    members: int
    party_records: int
    removed: int
    lineage: tuple[int, ...]
    data: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """The gate run that a snapshot stands on."""

    name: str
    index: int
    at: str
    rows: int
    kept: int
    reasons: Mapping[str, int]
    grounds: Mapping[str, int]
    rulesets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The release, or None in a subject that is a snapshot alone."""

    name: str
    index: int
    at: str
    model: str
    trainer: str
    recipe: Mapping[str, Any]
    columns: Mapping[str, str]
    run: str
    run_index: int
    run_at: str
    parent: str | None
    superseded_by: str | None
    exact: bool
    quality: Mapping[str, Any]
    unlearnings: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What the snapshot's records are, counted in its data.

    Attributes:
        categories: Data category → records.
        first: Earliest instant at which a record was collected, or None.
        last: Latest, or None.
        undated: Records without one.
        text_columns: Columns of words: neither id nor kind nor instant.
        text_bytes: UTF-8 bytes in them.
    """

    categories: Mapping[str, int]
    first: str | None
    last: str | None
    undated: int
    text_columns: tuple[str, ...]
    text_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A notice that members agreed to, and how many (record, party) of the snapshot stand on it."""

    notice: str
    index: int | None
    sha256: str | None
    text: str | None
    party_records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A policy document in effect when the gate ran."""

    document: str
    version: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A package of the same source given to somebody."""

    name: str
    index: int
    recipient: str
    use: str
    rows: int
    state: str
    may_train: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One thing in the log that used data for training: gate, run, release or package."""

    kind: str
    name: str
    index: int
    use: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Everything a summary may say.

    Attributes:
        operator: Who states it.
        stated: When, RFC 3339.
        entries: How many entries the log had.
        data: The source.
        sealed: The snapshot.
        gated: The gate run behind it.
        trained: The release, or None.
        content: What the records are.
        notices: Notices that the consents behind the records answered.
        texts: Policy documents in effect at the gate.
        given: Packages of the same source.
        training: Everything in the log that used data for a purpose below `train`.
        withdrawals: How many withdrawals reached models so far.
    """

    operator: Operator
    stated: str
    entries: int
    data: DataSet
    sealed: Sealed
    gated: Gated
    trained: Trained | None
    content: Content
    notices: tuple[Asked, ...]
    texts: tuple[Text, ...]
    given: tuple[Given, ...]
    training: tuple[Recorded, ...]
    withdrawals: int

    @property
    def about(self) -> tuple[str, str]:
        """Kind and name of what a summary of it is about."""
        if self.trained is not None:
            return "release", self.trained.name
        return "snapshot", self.sealed.name

    @property
    def synthetic(self) -> bool | None:
        """Whether the data are recorded as generated; None: nothing is recorded."""
        known = {self.data.origin, self.operator.data_origin} - {None}
        return None if not known else "generated" in known

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know first."""
        found = []
        if self.operator.demo:
            found.append("This is a demo workspace: its keys come from a seed.")
        if self.synthetic:
            found.append("The data are generated: they are about nobody.")
        return tuple(found)
