"""A package as it travels: a chain of signed headers, what the log holds of the first, the rows.

    byleave-package/v1
    {"chain":{...}}                       one line, canonical JSON
    the bytes of data.parquet

The whole is encrypted to the recipient before it leaves (`stores.age`). Nothing in it names a
place: the one file it holds has the one name that is allowed, and any other is refused, so that
nothing in a package decides where a recipient writes.

A chain is one link for each hand it went through. The first is the platform's, and the log
commits to it; each further one is signed with the key that the link before it was for.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Final

from byleave import canonical
from byleave.disclosure.terms import Terms
from byleave.errors import EvidenceError, InputError, RefusedError
from byleave.evidence.disclosed import check_signature
from byleave.evidence.entry import (
    DisclosureEntry,
    PackageEntry,
    RecipientKeyEntry,
    parse_entry,
)
from byleave.evidence.fields import COUNT, DIGEST, INSTANT, TEXT, array, exactly, hexadecimal
from byleave.evidence.log_proof import LoggedEntry
from byleave.ids import format_instant
from byleave.note.trust import Trust

__all__ = [
    "DATA",
    "MAX_LINKS",
    "Chain",
    "Header",
    "Joined",
    "Link",
    "check_chain",
    "check_data",
    "check_use",
    "envelope",
    "read_envelope",
    "read_link",
]

DATA: Final = "data.parquet"
MAX_LINKS: Final = 16
MAX_ENVELOPE_BYTES: Final = 16 << 20
_MAGIC: Final = b"byleave-package/v1\n"
_HEADER_FIELDS: Final = frozenset(
    "format name parent recipient key terms pass_on k root rows files issued".split()
)
_SIGNATURE: Final = hexadecimal(64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What one hand says of the package that it gives to the next.

    Attributes:
        name: Name of the package.
        parent: Digest of the header of the package it was taken from; None: the platform's own.
        recipient: For whom.
        key: The key that this recipient signs with.
        terms: Under which terms.
        pass_on: Recipient → the recipients that it may hand rows on to; none where it may not.
        k: The map of the rows has 2**k buckets.
        root: Its root.
        rows: How many rows.
        sha256: Digest of the data file.
        size: Its bytes.
        issued: When it was made.
    """

    FORMAT = "byleave-package/v1"

    name: str
    parent: bytes | None
    recipient: str
    key: bytes
    terms: Terms
    pass_on: Mapping[str, tuple[str, ...]]
    k: int
    root: bytes
    rows: int
    sha256: bytes
    size: int
    issued: datetime

    def document(self) -> dict[str, canonical.Json]:
        """Return the document that is signed."""
        return {
            "format": self.FORMAT,
            "name": self.name,
            "parent": None if self.parent is None else self.parent.hex(),
            "recipient": self.recipient,
            "key": self.key.hex(),
            "terms": canonical.decode(self.terms.encode()),
            "pass_on": {name: list(to) for name, to in self.pass_on.items()},
            "k": self.k,
            "root": self.root.hex(),
            "rows": self.rows,
            "files": [{"name": DATA, "bytes": self.size, "sha256": self.sha256.hex()}],
            "issued": format_instant(self.issued),
        }

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes: what orders and answers call the package."""
        return canonical.digest_of(self.document())

    @classmethod
    def read(cls, value: object) -> Header:
        """Read the document.

        Raises:
            EvidenceError: `disclosure.package`; `disclosure.package-path`, it names another file
                than the one that a package holds.
            InputError: Codes of `Terms.decode`.
        """
        try:
            document = exactly(value, _HEADER_FIELDS)
            if document["format"] != cls.FORMAT:
                raise ValueError
            (file,) = array(document["files"], 1)
            exactly(file, frozenset({"name", "bytes", "sha256"}))
            if file["name"] != DATA:
                raise EvidenceError(
                    "a package names a file that it may not hold", code="disclosure.package-path"
                )
            parent = document["parent"]
            return cls(
                name=TEXT.read(document["name"]),
                parent=None if parent is None else DIGEST.read(parent),
                recipient=TEXT.read(document["recipient"]),
                key=DIGEST.read(document["key"]),
                terms=Terms.decode(canonical.encode(document["terms"])),
                pass_on=_pass_on(document["pass_on"]),
                k=COUNT.read(document["k"]),
                root=DIGEST.read(document["root"]),
                rows=COUNT.read(document["rows"]),
                sha256=DIGEST.read(file["sha256"]),
                size=COUNT.read(file["bytes"]),
                issued=INSTANT.read(document["issued"]),
            )
        except ValueError:
            raise _malformed("not the header of a package") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One hand: its header and signature; where it is not the platform, who the next one is.

    Attributes:
        header: What it says.
        signature: Over the header; by the log's signer, or by the key of the link before.
        registration: The log's entry of the recipient's key, in all but the first link.
    """

    header: Header
    signature: bytes
    registration: LoggedEntry | None = None

    def document(self) -> dict[str, canonical.Json]:
        """Return it as JSON values."""
        logged = self.registration
        return {
            "header": self.header.document(),
            "signature": self.signature.hex(),
            "registration": None if logged is None else logged.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Every hand that a package went through, the platform's first.

    Attributes:
        disclosure: The log's entry of the disclosure.
        package: The log's entry of the first link's header.
        links: The hands.
    """

    disclosure: LoggedEntry
    package: LoggedEntry
    links: tuple[Link, ...] = field(repr=False)

    @property
    def last(self) -> Header:
        """The header that is for whoever holds the package."""
        return self.links[-1].header

    def document(self) -> dict[str, canonical.Json]:
        """Return it as JSON values."""
        return {
            "entries": {
                "disclosure": self.disclosure.to_dict(),
                "package": self.package.to_dict(),
            },
            "links": [link.document() for link in self.links],
        }

    @classmethod
    def read(cls, value: object) -> Chain:
        """Read JSON values; nothing is verified.

        Raises:
            EvidenceError: `disclosure.package`, `disclosure.package-path`, `proof.log-proof`.
            InputError: Codes of `Terms.decode`.
        """
        try:
            document = exactly(value, frozenset({"entries", "links"}))
            entries = exactly(document["entries"], frozenset({"disclosure", "package"}))
            links = tuple(read_link(item) for item in array(document["links"], MAX_LINKS))
            if not links:
                raise ValueError
            return cls(
                disclosure=LoggedEntry.read(entries["disclosure"]),
                package=LoggedEntry.read(entries["package"]),
                links=links,
            )
        except ValueError:
            raise _malformed("not the chain of a package") from None


def check_chain(chain: Chain, trust: Trust) -> Header:
    """Check that a platform handed the package over, and each hand to the next as it may.

    Args:
        chain: What came with the package.
        trust: The trust file of the platform's log.

    Returns:
        The last header.

    Raises:
        EvidenceError: A code of `LoggedEntry.verify`; `disclosure.signature`;
            `disclosure.chain`, a header is not the one that the log commits to, or does not
            follow from the one before it.
        RefusedError: `disclosure.may-not-pass-on`, a hand passed on what it may not.
    """
    chain.disclosure.verify(trust)
    chain.package.verify(trust)
    disclosure = parse_entry(chain.disclosure.entry, DisclosureEntry)
    package = parse_entry(chain.package.entry, PackageEntry)
    first = chain.links[0]
    header = first.header
    if (
        package.disclosure != chain.disclosure.proof.index
        or header.digest != package.header
        or header.terms.digest != disclosure.terms
        or header.recipient != disclosure.recipient
        or (header.k, header.root, header.rows) != (package.k, package.root, package.rows)
        or header.parent is not None
    ):
        raise _broken("the package is not the one that the log commits to")
    check_signature(header.document(), first.signature, package.signer)
    for link in chain.links[1:]:
        _check_onward(header, link, trust)
        header = link.header
    return header


def check_use(header: Header, *, now: datetime) -> None:
    """Refuse a package after its terms have run out.

    Raises:
        RefusedError: `disclosure.expired`.
    """
    expires = header.terms.expires
    if expires is not None and now >= expires:
        raise RefusedError(
            f"the terms of {header.name} ran out on {format_instant(expires)}",
            code="disclosure.expired",
            hint="its rows may not be used any more: ask for a new package",
        )


def read_link(value: object) -> Link:
    """Read what `Link.document` wrote; nothing is verified.

    Raises:
        ValueError: It is none.
        EvidenceError: `disclosure.package`, or another code of a part.
    """
    document: Mapping[str, Any] = exactly(value, frozenset({"header", "signature", "registration"}))
    logged = document["registration"]
    return Link(
        header=Header.read(document["header"]),
        signature=_SIGNATURE.read(document["signature"]),
        registration=None if logged is None else LoggedEntry.read(logged),
    )


def envelope(chain: Chain) -> bytes:
    """Return what stands before the data in a package."""
    return _MAGIC + canonical.encode({"chain": chain.document()}) + b"\n"


def read_envelope(stream: BinaryIO) -> Chain:
    """Read what stands before the data; the stream then is at the data. Nothing is verified.

    Raises:
        EvidenceError: `disclosure.package`, `disclosure.package-path`.
        InputError: Codes of `canonical.decode` and `Terms.decode`.
    """
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise _malformed("not a package")
    line = stream.readline(MAX_ENVELOPE_BYTES + 1)
    if not line.endswith(b"\n"):
        raise _malformed("a package without its chain")
    try:
        document = exactly(canonical.decode(line[:-1]), frozenset({"chain"}))
    except (ValueError, InputError):
        raise _malformed("not the chain of a package") from None
    return Chain.read(document["chain"])


class Joined(io.RawIOBase):
    """Bytes and the stream after them, as one stream to read."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._parts: list[BinaryIO] = [io.BytesIO(head), rest]

    def readable(self) -> bool:
        """Say that it is."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (a buffer)
        """Fill a buffer with what comes next; 0: there is no more."""
        view = memoryview(buffer).cast("B")
        while self._parts:
            data = self._parts[0].read(len(view))
            if data:
                view[: len(data)] = data
                return len(data)
            self._parts.pop(0)
        return 0


def check_data(header: Header, size: int, sha256: bytes) -> None:
    """Compare the data of a package with its header.

    Raises:
        EvidenceError: `disclosure.damaged`.
    """
    if size != header.size or sha256 != header.sha256:
        raise EvidenceError(
            "the rows are not the ones that the header names", code="disclosure.damaged"
        )


def _check_onward(above: Header, link: Link, trust: Trust) -> None:
    header = link.header
    check_signature(header.document(), link.signature, above.key)
    if header.recipient not in above.pass_on.get(above.recipient, ()):
        raise RefusedError(
            f"{above.recipient} may not pass {above.name} on to {header.recipient}",
            code="disclosure.may-not-pass-on",
        )
    if link.registration is None:
        raise _broken("nothing says whose key this is")
    link.registration.verify(trust)
    entry = parse_entry(link.registration.entry, RecipientKeyEntry)
    terms, before = header.terms, above.terms
    later = before.expires is not None and (terms.expires is None or terms.expires > before.expires)
    if (
        header.parent != above.digest
        or (entry.recipient, entry.key) != (header.recipient, header.key)
        or (terms.use.purpose, terms.use.category) != (before.use.purpose, before.use.category)
        or terms.recall_days > before.recall_days
        or header.rows > above.rows
        or any(
            not set(to) <= set(above.pass_on.get(name, ())) for name, to in header.pass_on.items()
        )
        or later
    ):
        raise _broken("a package does not follow from the one it was taken from")


def _pass_on(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise ValueError  # noqa: TRY004 (becomes disclosure.package)
    return {
        TEXT.read(name): tuple(TEXT.read(item) for item in array(to, 1_000))
        for name, to in value.items()
    }


def _malformed(what: str) -> EvidenceError:
    return EvidenceError(what, code="disclosure.package")


def _broken(what: str) -> EvidenceError:
    return EvidenceError(what, code="disclosure.chain")
