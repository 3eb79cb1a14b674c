"""Log entries: one frozen record per kind, its canonical bytes, and the one parser.

An entry is canonical JSON with its kind as a field, at most 65,535 bytes (tlog-tiles). It holds
commitments, ids of published things and counts; no member id and no text of a member (G10).
Unknown kinds and fields are refused: what an entry means decides what a verdict says.
Byte layouts of the commitments: docs/spec/tags.md; every kind and field: docs/spec/log.md.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, TypeVar

from byleave import canonical
from byleave.errors import EvidenceError, InputError
from byleave.evidence.fields import (
    COUNT,
    DIGEST,
    FLAG,
    INSTANT,
    TEXT,
    Codec,
    hexadecimal,
    optional,
)

__all__ = [
    "ENTRY_KINDS",
    "MAX_ENTRY_BYTES",
    "AcknowledgementEntry",
    "ActEntry",
    "AttestationEntry",
    "CaseEntry",
    "CertificateEntry",
    "CessationEntry",
    "ConsentEventEntry",
    "ConsentImportEntry",
    "DeliveryEntry",
    "DirectoryEntry",
    "DisclosureEntry",
    "EnrolmentEntry",
    "EnrolmentOfferEntry",
    "Entry",
    "ErasureEntry",
    "ForcedLoadEntry",
    "GateEntry",
    "LookEntry",
    "NoticeEntry",
    "PackageEntry",
    "PolicyDocumentEntry",
    "RecallEntry",
    "RecipeEntry",
    "RecipientKeyEntry",
    "ReleaseEntry",
    "RequestEntry",
    "RollbackEntry",
    "RulesetEntry",
    "SnapshotEntry",
    "SourceEntry",
    "TaxonomyEntry",
    "UnlearningEntry",
    "WithdrawalEndEntry",
    "WithdrawalEntry",
    "entry_fields",
    "parse_entry",
]

MAX_ENTRY_BYTES: Final = 65_535
"""tlog-tiles prefixes an entry with a uint16 length."""
_REMEMBERED_BYTES: Final = 2_048


@dataclass(frozen=True, slots=True)
class Entry:
    """What every kind has: its name and its bytes. Make one of the kinds below."""

    KIND: ClassVar[str] = ""

    def encode(self) -> bytes:
        """Return the canonical bytes that the log holds.

        Raises:
            InputError: `entry.malformed`, a field's value is not of its kind;
                `entry.too-long`.
        """
        document: dict[str, canonical.Json] = {"kind": self.KIND}
        for name, codec in _codecs(self.KIND).items():
            try:
                document[_written(name)] = codec.write(getattr(self, name))
            except ValueError:
                raise InputError(
                    f"{self.KIND} cannot hold this {_written(name)}", code="entry.malformed"
                ) from None
        data = canonical.encode(document)
        if len(data) > MAX_ENTRY_BYTES:
            raise InputError("the entry is over 65,535 bytes", code="entry.too-long")
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentEntry(Entry):
    """A member exists: commitment (tag 0x20) to their secret and id."""

    KIND: ClassVar[str] = "enrolment/v1"
    commitment: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentOfferEntry(Entry):
    """The operator fixed its part of a secret (tag 0x26), before it saw the member's part."""

    KIND: ClassVar[str] = "enrolment-offer/v1"
    commitment: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryEntry(Entry):
    """A directory: which one enrolment each member id has, keyed by a VRF.

    `number` counts directories, `previous` is the index of the one before it, `members` how many
    ids it lists.
    """

    KIND: ClassVar[str] = "directory/v1"
    number: Annotated[int, COUNT]
    previous: Annotated[int | None, optional(COUNT)]
    k: Annotated[int, COUNT]
    root: Annotated[bytes, DIGEST]
    vrf_key: Annotated[bytes, DIGEST]
    members: Annotated[int, COUNT]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEventEntry(Entry):
    """A consent event was recorded: commitment (tag 0x21) to its document."""

    KIND: ClassVar[str] = "consent-event/v1"
    commitment: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentImportEntry(Entry):
    """Part of an import of choices landed: commitment (tag 0x24) to its file, rows, events.

    `first` is the first row of the part in the order of import, `rows` how many it took on,
    `events` how many of them are the events that follow.
    """

    KIND: ClassVar[str] = "consent-import/v1"
    name: Annotated[str, TEXT]
    source: Annotated[bytes, DIGEST]
    first: Annotated[int, COUNT]
    rows: Annotated[int, COUNT]
    events: Annotated[int, COUNT]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDocumentEntry(Entry):
    """A policy document was published: digests of its bytes and of its declared uses."""

    KIND: ClassVar[str] = "policy-document/v1"
    document: Annotated[str, TEXT]
    version: Annotated[str, TEXT]
    sha256: Annotated[bytes, DIGEST]
    declaration: Annotated[bytes, DIGEST]
    effective: Annotated[datetime, INSTANT]
    announced: Annotated[datetime | None, optional(INSTANT)]
    recorded: Annotated[datetime, INSTANT]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeEntry(Entry):
    """A notice may be shown: digests of its bytes and of the leaf uses it covers (G2)."""

    KIND: ClassVar[str] = "notice/v1"
    notice: Annotated[str, TEXT]
    sha256: Annotated[bytes, DIGEST]
    language: Annotated[str, TEXT]
    control: Annotated[str, TEXT]
    uses: Annotated[bytes, DIGEST]
    policy: Annotated[int | None, optional(COUNT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesetEntry(Entry):
    """A ruleset is in force from this index on."""

    KIND: ClassVar[str] = "ruleset/v1"
    ruleset: Annotated[str, TEXT]
    sha256: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxonomyEntry(Entry):
    """The taxonomy in force from this index on."""

    KIND: ClassVar[str] = "taxonomy/v1"
    sha256: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry(Entry):
    """A data set came in: its contract, number of records, and digest of the record digests."""

    KIND: ClassVar[str] = "source/v1"
    source: Annotated[str, TEXT]
    contract: Annotated[bytes, DIGEST]
    records: Annotated[int, COUNT]
    digests: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEntry(Entry):
    """A gate ran: digests of its record and plan, rows in and kept, ledger index it decided at."""

    KIND: ClassVar[str] = "gate/v1"
    gate: Annotated[str, TEXT]
    record: Annotated[bytes, DIGEST]
    use: Annotated[str, TEXT]
    rows: Annotated[int, COUNT]
    kept: Annotated[int, COUNT]
    plan: Annotated[bytes, DIGEST]
    ledger: Annotated[int, COUNT]
    at: Annotated[datetime, INSTANT]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEntry(Entry):
    """A snapshot was sealed: the root of its bucket map, and the digest of its manifest.

    `records` counts distinct records; the map counts pairs of (record, party).
    """

    KIND: ClassVar[str] = "snapshot/v1"
    snapshot: Annotated[str, TEXT]
    parent: Annotated[int | None, optional(COUNT)]
    epoch: Annotated[bytes, hexadecimal(16)]
    k: Annotated[int, COUNT]
    root: Annotated[bytes, DIGEST]
    members: Annotated[int, COUNT]
    records: Annotated[int, COUNT]
    use: Annotated[str, TEXT]
    gate: Annotated[int, COUNT]
    manifest: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeEntry(Entry):
    """A recipe was fixed, before the fit that uses it."""

    KIND: ClassVar[str] = "recipe/v1"
    trainer: Annotated[str, TEXT]
    recipe: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEntry(Entry):
    """A model was released: its digest, and the one snapshot it was trained on."""

    KIND: ClassVar[str] = "release/v1"
    release: Annotated[str, TEXT]
    model: Annotated[bytes, DIGEST]
    snapshot: Annotated[int, COUNT]
    snapshot_leaf: Annotated[bytes, DIGEST]
    recipe: Annotated[int, COUNT]
    trainer: Annotated[str, TEXT]
    exact: Annotated[bool, FLAG]
    parent: Annotated[int | None, optional(COUNT)]
    statement: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlearningEntry(Entry):
    """A release was unlearned into another; `refit` is the digest of a fit without the rows."""

    KIND: ClassVar[str] = "unlearning/v1"
    from_: Annotated[int, COUNT]
    to: Annotated[int, COUNT]
    snapshot: Annotated[int, COUNT]
    model: Annotated[bytes, DIGEST]
    refit: Annotated[bytes | None, optional(DIGEST)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalEntry(Entry):
    """A batch of withdrawals was begun: digest of what it is to reach, before anything is undone."""

    KIND: ClassVar[str] = "withdrawal/v1"
    withdrawal: Annotated[str, TEXT]
    document: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalEndEntry(Entry):
    """A batch of withdrawals has reached all of it: digest of what was done and removed."""

    KIND: ClassVar[str] = "withdrawal-end/v1"
    withdrawal: Annotated[int, COUNT]
    document: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEntry(Entry):
    """An exact unlearning was certified: who signed, and the digest of what was signed.

    `signer` is the public key that signed the statement, `statement` the SHA-256 of its bytes.
    """

    KIND: ClassVar[str] = "certificate/v1"
    unlearning: Annotated[int, COUNT]
    signer: Annotated[bytes, DIGEST]
    statement: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackEntry(Entry):
    """A release was put out of service, and an older one of its trainer back in its place."""

    KIND: ClassVar[str] = "rollback/v1"
    from_: Annotated[int, COUNT]
    to: Annotated[int, COUNT]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationEntry(Entry):
    """A training run in a framework of its own attested what it read of a snapshot.

    `reads` counts rows handed out, `rows` different ones; `digest` is of the trace, `statement` the
    SHA-256 of the signed statement's bytes.
    """

    KIND: ClassVar[str] = "attestation/v1"
    attestation: Annotated[str, TEXT]
    snapshot: Annotated[int, COUNT]
    reads: Annotated[int, COUNT]
    rows: Annotated[int, COUNT]
    digest: Annotated[bytes, DIGEST]
    statement: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookEntry(Entry):
    """Someone of the operator's looked at a member's data: commitment (tag 0x30) to who and why."""

    KIND: ClassVar[str] = "look/v1"
    commitment: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEntry(Entry):
    """A member asked for something by right, or was answered: commitment (tag 0x31) to it."""

    KIND: ClassVar[str] = "request/v1"
    commitment: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActEntry(Entry):
    """One of the operator's people is about to act: commitment (tag 0x32) to who, what and why."""

    KIND: ClassVar[str] = "act/v1"
    commitment: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedLoadEntry(Entry):
    """A tainted release was loaded all the same."""

    KIND: ClassVar[str] = "forced-load/v1"
    release: Annotated[int, COUNT]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureEntry(Entry):
    """A package was offered to a recipient, under these terms."""

    KIND: ClassVar[str] = "disclosure/v1"
    disclosure: Annotated[str, TEXT]
    recipient: Annotated[str, TEXT]
    snapshot: Annotated[int, COUNT]
    use: Annotated[str, TEXT]
    terms: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientKeyEntry(Entry):
    """A recipient's keys, from here on: the key it signs with, and the digest of its card."""

    KIND: ClassVar[str] = "recipient-key/v1"
    recipient: Annotated[str, TEXT]
    key: Annotated[bytes, DIGEST]
    card: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageEntry(Entry):
    """What a disclosure hands over: the map of its rows, to which key, signed by whom.

    `key` is the index of the recipient's keys, `header` the digest of the package's header, and
    `signer` the public key that signed it.
    """

    KIND: ClassVar[str] = "package/v1"
    disclosure: Annotated[int, COUNT]
    key: Annotated[int, COUNT]
    k: Annotated[int, COUNT]
    root: Annotated[bytes, DIGEST]
    rows: Annotated[int, COUNT]
    header: Annotated[bytes, DIGEST]
    signer: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryEntry(Entry):
    """A recipient signed that it holds a package: digest of what it signed."""

    KIND: ClassVar[str] = "delivery/v1"
    package: Annotated[int, COUNT]
    receipt: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureEntry(Entry):
    """Members were erased: how many, and the digest of a salted document of what was rewritten."""

    KIND: ClassVar[str] = "erasure/v1"
    erasure: Annotated[str, TEXT]
    members: Annotated[int, COUNT]
    document: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallEntry(Entry):
    """A disclosure was recalled by this order."""

    KIND: ClassVar[str] = "recall/v1"
    disclosure: Annotated[int, COUNT]
    order: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementEntry(Entry):
    """A recipient answered a recall: the roots over its rows before and after.

    `previous` is the index of its last answer about the same package: the roots of answers chain,
    from the root of the package on. `key` is the index of the keys that it signed with.
    """

    KIND: ClassVar[str] = "acknowledgement/v1"
    recall: Annotated[int, COUNT]
    key: Annotated[int, COUNT]
    previous: Annotated[int | None, optional(COUNT)]
    before: Annotated[bytes, DIGEST]
    after: Annotated[bytes, DIGEST]
    deleted: Annotated[int, COUNT]
    statement: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class CessationEntry(Entry):
    """The operator stated that nothing was processed under a use since an instant.

    `first` is the first log index recorded at or after it: a gate or a disclosure under the use
    between `first` and this entry contradicts the statement. `signer` is the public key that
    signed the statement, `statement` the SHA-256 of its bytes.
    """

    KIND: ClassVar[str] = "cessation/v1"
    use: Annotated[str, TEXT]
    since: Annotated[datetime, INSTANT]
    first: Annotated[int, COUNT]
    stated: Annotated[datetime, INSTANT]
    signer: Annotated[bytes, DIGEST]
    statement: Annotated[bytes, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEntry(Entry):
    """A case over the past was answered: digests of the question and of the signed statement."""

    KIND: ClassVar[str] = "case/v1"
    case: Annotated[bytes, DIGEST]
    as_of: Annotated[datetime, INSTANT]
    stated: Annotated[datetime, INSTANT]
    statement: Annotated[bytes, DIGEST]


ENTRY_KINDS: Final[dict[str, type[Entry]]] = {
    kind.KIND: kind
    for kind in (
        AcknowledgementEntry,
        AttestationEntry,
        CaseEntry,
        CertificateEntry,
        CessationEntry,
        ConsentEventEntry,
        ConsentImportEntry,
        DeliveryEntry,
        DirectoryEntry,
        DisclosureEntry,
        EnrolmentEntry,
        EnrolmentOfferEntry,
        ErasureEntry,
        LookEntry,
        ActEntry,
        ForcedLoadEntry,
        GateEntry,
        NoticeEntry,
        PackageEntry,
        PolicyDocumentEntry,
        RecallEntry,
        RecipeEntry,
        RecipientKeyEntry,
        ReleaseEntry,
        RequestEntry,
        RollbackEntry,
        RulesetEntry,
        SnapshotEntry,
        SourceEntry,
        TaxonomyEntry,
        UnlearningEntry,
        WithdrawalEndEntry,
        WithdrawalEntry,
    )
}

EntryT = TypeVar("EntryT", bound=Entry)


def parse_entry(data: bytes, kind: type[EntryT]) -> EntryT:
    """Read an entry of one kind; pass `Entry` to read any.

    Raises:
        EvidenceError: `entry.malformed`, `entry.too-long`, `entry.unknown-kind`;
            `verify.wrong-entry`, a known kind other than the one wanted.
    """
    if len(data) <= _REMEMBERED_BYTES:
        return typing.cast("EntryT", _remembered(data, kind.KIND))
    return _parse(data, kind)


@functools.lru_cache(maxsize=64)  # several checks of one proof read the same few entries
def _remembered(data: bytes, name: str) -> Entry:
    return _parse(data, ENTRY_KINDS.get(name, Entry))


def _parse(data: bytes, kind: type[EntryT]) -> EntryT:
    if len(data) > MAX_ENTRY_BYTES:
        raise EvidenceError("the entry is over 65,535 bytes", code="entry.too-long")
    try:
        document: Any = canonical.decode(data)
    except InputError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise EvidenceError("not a canonical entry with a kind", code="entry.malformed")
    found = ENTRY_KINDS.get(document.pop("kind"))
    if found is None:
        raise EvidenceError("an entry of an unknown kind", code="entry.unknown-kind")
    if not issubclass(found, kind):
        raise EvidenceError(
            f"an entry of kind {found.KIND} where {kind.KIND} belongs", code="verify.wrong-entry"
        )
    readers = _readers(found.KIND)
    try:
        if document.keys() != readers.keys():
            raise ValueError
        values = {name: read(document[at]) for at, (name, read) in readers.items()}
    except ValueError:
        message = f"not exactly the fields of {found.KIND}"
        raise EvidenceError(message, code="entry.malformed") from None
    return found(**values)


@functools.cache
def _codecs(name: str) -> dict[str, Codec]:
    """Return the codec of each field of a kind: what stands beside its type in `Annotated`."""
    kind = ENTRY_KINDS[name]
    hints = typing.get_type_hints(kind, include_extras=True)
    return {item.name: hints[item.name].__metadata__[0] for item in dataclasses.fields(kind)}


@functools.cache
def _readers(name: str) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """Return each field of a kind and its reader, by its name in the document."""
    return {_written(field): (field, codec.read) for field, codec in _codecs(name).items()}


def entry_fields(kind: str) -> dict[str, str]:
    """Return the spelling of each field of a kind, by its name in the document."""
    return {_written(name): codec.spelling for name, codec in _codecs(kind).items()}


def _written(name: str) -> str:
    """Return a field's name in the document: Python reserves `from`."""
    return name.removesuffix("_")
