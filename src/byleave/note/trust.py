"""The trust file (C2SP tlog-policy): which logs, which witnesses, how many of them.

    log VKEY [URL]                     any listed log is accepted
    witness NAME VKEY [URL]        VKEY of type 04 or 06 (a log's: 01)
    group NAME all|any|K MEMBER...     members: witnesses and groups named above, each used once
    quorum NAME|none                   exactly one

Lines end in a newline; items are separated by spaces and tabs; `#` starts a comment line.
`check` is what a verifier calls: it opens a checkpoint's note under these keys.

(1) the note is in its one spelling, its text is a checkpoint;
(2) the origin names a listed log, and that log's key signed it;
(3) the cosignatures that verify meet the quorum; a listed witness whose cosignature fails
    refuses the note.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from byleave.errors import EvidenceError
from byleave.note.checkpoint import Checkpoint, parse_checkpoint
from byleave.note.keys import VerifierKey
from byleave.note.signed import open_note, parse_note
from byleave.note.text import parse_decimal

__all__ = ["MAX_TRUST_BYTES", "Group", "Trust", "TrustedCheckpoint", "parse_trust"]

MAX_TRUST_BYTES: Final = 1 << 20
_NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Group:
    """At least `threshold` of `members` (names of witnesses or groups)."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedCheckpoint:
    """A checkpoint that met a trust file.

    Attributes:
        checkpoint: Origin, size, root.
        witnesses: Names (in the trust file) of the witnesses who cosigned it.
        newest: POSIX seconds of the latest cosignature; None without one.
    """

    checkpoint: Checkpoint
    witnesses: tuple[str, ...]
    newest: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """A parsed trust file.

    Attributes:
        logs: Keys of the logs; a log's key name is its origin, and it may have several keys.
        witnesses: Keys of the witnesses, by their name in this file.
        groups: Groups, by name.
        quorum: The witness or group that must have cosigned; None: nobody need.
        urls: Where a log or witness is reached, by its vkey, where the file says.
    """

    logs: tuple[VerifierKey, ...]
    witnesses: dict[str, VerifierKey]
    groups: dict[str, Group]
    quorum: str | None
    urls: dict[str, str] = field(default_factory=dict, compare=False)

    def check(self, note_bytes: bytes) -> TrustedCheckpoint:
        """Verify a signed checkpoint under this trust file.

        Raises:
            EvidenceError: `note.malformed`, `note.too-large`, `note.bad-signature`,
                `note.no-known-signature`, `trust.unknown-log`, `trust.quorum`.
            WorldError: `note.ml-dsa-missing`, a listed witness signed with ML-DSA-44.
        """
        # (1)
        note = parse_note(note_bytes)
        checkpoint = parse_checkpoint(note.text)
        # (2)
        logs = [key for key in self.logs if key.name == checkpoint.origin]
        if not logs:
            raise EvidenceError("the trust file does not list this log", code="trust.unknown-log")
        # (3)
        opened = open_note(note, [*logs, *self.witnesses.values()])
        if not any(item.key in logs for item in opened):
            raise EvidenceError("the log itself did not sign", code="note.no-known-signature")
        times = {(o.key.name, o.key.key_id): o.seconds for o in opened}
        signed = {n: times.get((k.name, k.key_id)) for n, k in self.witnesses.items()}
        witnesses = tuple(name for name, seconds in signed.items() if seconds is not None)
        if not self.met(witnesses):
            raise EvidenceError(
                f"{len(witnesses)} of {len(self.witnesses)} witnesses signed, fewer than asked",
                code="trust.quorum",
            )
        newest = max((s for s in signed.values() if s is not None), default=None)
        return TrustedCheckpoint(checkpoint=checkpoint, witnesses=witnesses, newest=newest)

    def format(self, *, remark: str) -> str:
        """Return the text of this trust file, after a remark (lines without `#`)."""
        lines = [f"# {line}" for line in remark.split("\n")]
        lines += [" ".join(["log", str(key), *self._at(key)]) for key in self.logs]
        lines += [
            " ".join(["witness", name, str(key), *self._at(key)])
            for name, key in self.witnesses.items()
        ]
        lines += [
            " ".join(["group", name, str(group.threshold), *group.members])
            for name, group in self.groups.items()
        ]
        return "\n".join([*lines, f"quorum {self.quorum or _NONE}", ""])

    def _at(self, key: VerifierKey) -> list[str]:
        url = self.urls.get(str(key))
        return [] if url is None else [url]

    def met(self, witnesses: Collection[str]) -> bool:
        """Say whether cosignatures by these witnesses (names in this file) meet the quorum."""
        return self.quorum is None or self._met(self.quorum, witnesses)

    def _met(self, name: str, signed: Collection[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in signed
        return sum(self._met(member, signed) for member in group.members) >= group.threshold


class _Parser:
    """Collects the lines of one trust file; each `_name` method reads one kind of line."""

    def __init__(self) -> None:
        self.logs: list[VerifierKey] = []
        self.witnesses: dict[str, VerifierKey] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self.has_quorum = False
        self.urls: dict[str, str] = {}
        self._used: set[str] = set()

    def line(self, items: list[str]) -> None:
        match items:
            case ["log", vkey, *url] if len(url) <= 1:
                self.logs.append(self._key(vkey, self.logs, timed=False))
                self.urls.update((vkey, at) for at in url)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                key = self._key(vkey, self.witnesses.values(), timed=True)
                self._new_name(name)
                self.witnesses[name] = key
                self.urls.update((vkey, at) for at in url)
            case ["group", name, threshold, *members] if members:
                self._group(name, threshold, members)
            case ["quorum", name] if not self.has_quorum:
                if name != _NONE and name not in self.witnesses and name not in self.groups:
                    raise _malformed("the quorum is not defined above it")
                self.has_quorum = True
                self.quorum = None if name == _NONE else name
            case _:
                raise _malformed("a line is not one of log, witness, group, quorum")

    def _key(self, text: str, others: Iterable[VerifierKey], *, timed: bool) -> VerifierKey:
        try:
            key = VerifierKey.parse(text)
        except EvidenceError as error:
            raise _malformed("a key is not a vkey of a known type") from error
        if key.type.timed is not timed:
            raise _malformed("a key is of the wrong type for its line")
        if any(key.public == other.public for other in others):
            raise _malformed("one public key is listed twice")
        return key

    def _new_name(self, name: str) -> None:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise _malformed("a name is defined twice")

    def _group(self, name: str, threshold: str, members: list[str]) -> None:
        self._new_name(name)
        for member in members:
            if member in self._used or not (member in self.witnesses or member in self.groups):
                raise _malformed("a group's member is not defined above it, or is used twice")
            self._used.add(member)
        words = {"all": len(members), "any": 1}
        count = words.get(threshold) or parse_decimal(threshold)
        if count is None or not 1 <= count <= len(members):
            raise _malformed("a group's threshold is not between 1 and its members")
        self.groups[name] = Group(count, tuple(members))


def parse_trust(text: bytes | str) -> Trust:
    """Read a trust file.

    Raises:
        EvidenceError: `trust.malformed`.
    """
    raw = text.encode("utf-8", errors="surrogateescape") if isinstance(text, str) else text
    if len(raw) > MAX_TRUST_BYTES or not raw.endswith(b"\n"):
        raise _malformed("it is empty, over 1 MiB, or its last line has no newline")
    if any((byte < 0x20 and byte not in b"\t\n") or byte == 0x7F for byte in raw):
        raise _malformed("it has control characters")
    parser = _Parser()
    # Octets above 0x7f are opaque (tlog-policy, "Character set").
    for number, line in enumerate(
        raw[:-1].decode("utf-8", errors="surrogateescape").split("\n"), start=1
    ):
        items = line.replace("\t", " ").split(" ")
        items = [item for item in items if item]
        if not items or items[0].startswith("#"):
            continue
        try:
            parser.line(items)
        except EvidenceError as error:
            error.where = f"line {number}"
            raise
    if not parser.has_quorum:
        raise _malformed("it has no quorum line")
    if not parser.logs:
        raise _malformed("it lists no log")
    return Trust(
        logs=tuple(parser.logs),
        witnesses=parser.witnesses,
        groups=parser.groups,
        quorum=parser.quorum,
        urls=parser.urls,
    )


def _malformed(what: str) -> EvidenceError:
    return EvidenceError(f"not a trust file: {what}", code="trust.malformed")
