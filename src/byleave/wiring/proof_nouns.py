"""The nouns of what outsiders check: `ws.proof`, `ws.directory`."""

from __future__ import annotations

import builtins
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from byleave.canonical import sha256
from byleave.errors import InputError
from byleave.service import cessation, directory, prove
from byleave.service.directory import Provers
from byleave.service.snapshot_diff import delta_proof
from byleave.stores.artefacts import write_file
from byleave.wiring.consent_nouns import Noun
from byleave.wiring.vrf import SodiumProver

__all__ = ["Directories", "Proofs", "provers"]


def provers() -> Provers | None:
    """Return what makes a directory's keys; None where its extra is not installed."""
    return None if find_spec("nacl") is None else SodiumProver


class Proofs(Noun):
    """Proof files."""

    def bytes(self, name: str) -> bytes:
        """Return the proof file of a name such as `absence-17-replies-2`."""
        return prove.named_proof(self._house, name, provers=provers())

    def make(self, member: str, release: str, *, self_contained: bool = False) -> tuple[str, Path]:
        """Write the proof of presence or absence of a member in a release; return kind, path."""
        self._writable()
        kind, data = prove.release_proof(
            self._house, member, release, provers=provers(), self_contained=self_contained
        )
        name = f"{kind}-{self._ordinal(member)}-{release}"
        return kind, self._write(name, data, self_contained=self_contained)

    def make_delta(self, old: str, new: str) -> Path:
        """Write the proof of what changed between two snapshots of one lineage; return its path."""
        self._writable()
        return self._write(f"delta-{old}-{new}", delta_proof(self._house, old, new))

    def make_record(
        self,
        member: str,
        release: str,
        number: int,
        *,
        for_others: bool = False,
        self_contained: bool = False,
    ) -> Path:
        """Write the proof of one record of a member in a release; return its path."""
        self._writable()
        data = prove.record_proof(
            self._house,
            member,
            release,
            number,
            provers=provers(),
            for_others=for_others,
            self_contained=self_contained,
        )
        name = f"record-{self._ordinal(member)}-{release}-{number}"
        name += "-for-others" if for_others else ""
        return self._write(name, data, self_contained=self_contained, private=for_others)

    def make_event(self, index: int, *, self_contained: bool = False) -> Path:
        """Write the proof of one consent event, readable by its owner only; return its path."""
        self._writable()
        data = prove.event_proof(self._house, index, self_contained=self_contained)
        # An erasure finds a member's files by the ordinal in their names.
        name = f"event-{prove.event_holder(self._house, index)}-{index}"
        return self._write(name, data, self_contained=self_contained, private=True)

    def make_named(self, kind: str, name: str) -> Path:
        """Write a proof about the platform: lineage, unlearning, disclosure, cessation.

        Args:
            kind: One of these words.
            name: A release, an unlearning or the release it made, a disclosure, a log index.
        """
        self._writable()
        return self._write(f"{kind}-{name}", self.bytes(f"{kind}-{name}"))

    def cease(self, use: str, since: datetime) -> int:
        """State, sign and log that a use has ceased; return the log index of the statement."""
        self._writable()
        index = cessation.state_cessation(
            self._house, use, since, operator=self._workspace.config.operator
        )
        self._house.log.publish()
        return index

    def check_cease(self, use: str, since: datetime) -> None:
        """Say whether a use may be stated to have ceased, as `cease` would refuse it."""
        cessation.check_cessation(self._house, use, since, operator=self._workspace.config.operator)

    def of(self, member: str, release: str) -> tuple[str, builtins.bytes]:
        """Return the proof of presence or absence of a member in a release: kind, proof file."""
        return prove.release_proof(self._house, member, release, provers=provers())

    def receipt(self, member: str) -> Path:
        """Write a member's receipt, readable by its owner only; return its path."""
        self._writable()
        path = self._workspace.places.proofs / f"member-{self._ordinal(member)}.receipt"
        write_file(path, prove.make_receipt(self._house, member), private=True)
        return path

    def keep(self, member: str, suffix: str, data: builtins.bytes) -> Path:
        """Write another form of a member's receipt, readable by its owner only; return its path."""
        self._writable()
        path = self._workspace.places.proofs / f"member-{self._ordinal(member)}.receipt.{suffix}"
        write_file(path, data, private=True)
        return path

    def _write(
        self,
        name: str,
        data: builtins.bytes,
        *,
        self_contained: bool = False,
        private: bool = False,
    ) -> Path:
        stem = f"{name}-with-receipt" if self_contained else name
        path = self._workspace.places.proofs / f"{stem}.proof"
        write_file(path, data, private=private or self_contained)
        return path

    def _ordinal(self, member: str) -> int:
        row = self._house.ledger.member(member)
        if row is None:
            raise InputError("the ledger knows no such member", code="member.unknown")
        return row[0]


class Directories(Noun):
    """The directory: which one enrolment each member id has."""

    def build(self) -> str:
        """List every member in a new directory and log it; return its name."""
        self._writable()
        name = directory.build_directory(self._house, SodiumProver)
        self._house.log.publish()
        return name

    def list(self) -> list[dict[str, Any]]:
        """Return every directory, oldest first."""
        return directory.list_directories(self._house)

    def prove(self, member: str, *, name: str | None = None) -> tuple[str, Path]:
        """Write the proof that an id is enrolled once, or not at all; return kind, path."""
        self._writable()
        kind, data = directory.directory_proof(self._house, SodiumProver, member, name=name)
        row = self._house.ledger.member(member)
        # A stranger has no ordinal, and a file's name must not hold an id.
        who = sha256(data).hex()[:16] if row is None else str(row[0])
        path = self._workspace.places.proofs / f"{kind}-{who}-{name or 'newest'}.proof"
        write_file(path, data, private=True)
        return kind, path

    def check(self) -> builtins.list[dict[str, str]]:
        """Recompute every directory whose key is held; return what does not hold."""
        return directory.check_directories(self._house, SodiumProver)
