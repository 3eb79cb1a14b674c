"""`ws.log`: entries, proofs, checks, and the witnesses that the log asks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from byleave.errors import EvidenceError, InputError, WorldError
from byleave.note.keys import VerifierKey
from byleave.note.trust import Group, Trust, parse_trust
from byleave.stores.artefacts import write_file
from byleave.tlog.fsck import LogReport, fsck
from byleave.wiring.consent_nouns import Noun

__all__ = ["TRUST_REMARK", "Logs"]

TRUST_REMARK = "Trust in one operator's log. Get this file from somebody you trust."
_GROUP = "witnesses"


class Logs(Noun):
    """The transparency log."""

    def checkpoint(self) -> dict[str, Any]:
        """Return origin, size and root of the published checkpoint."""
        head = self._workspace.log_house.checkpoint()
        return {"origin": head.origin, "size": head.size, "root": head.root.hex()}

    def head(self) -> dict[str, Any]:
        """Return `checkpoint` with `witnesses`: who of the trust file cosigned it."""
        found = self.checkpoint()
        note = self._workspace.log_house.reader().checkpoint_bytes()
        return {**found, "witnesses": self._cosigned(note)}

    def entry(self, index: int) -> bytes:
        """Return one entry, authenticated against the checkpoint."""
        return self._house.log.logged(index).entry

    def proof(self, index: int) -> str:
        """Return the tlog-proof text of one entry."""
        return self._house.log.logged(index).proof.format()

    def publish(self) -> dict[str, Any]:
        """Serve a checkpoint of everything durable, cosigned as the trust file asks.

        Raises:
            WorldError: `log.quorum-unmet`.
        """
        self._writable()
        self._workspace.log_house.publish(hold=False)
        return self.head()

    def once(self) -> AbstractContextManager[None]:
        """Serve one checkpoint at the end of a `with` block, for all that is done inside it.

        What a call inside records is durable when the call returns, as ever.
        """
        return self._workspace.log_house.once()

    @property
    def held(self) -> WorldError | None:
        """Why what was signed last is not served yet; None: it is."""
        return self._workspace.log_house.held

    def fsck(self) -> LogReport:
        """Recompute the whole log from its files, and compare it with ledger and head."""
        workspace = self._workspace
        trust = self._trust()
        key, ledger = trust.logs[0], workspace.ledger
        return fsck(
            workspace.log_files, key, origin=key.name, source=ledger, head=ledger, trust=trust
        )

    def add_witness(
        self, name: str, vkey: str, url: str | None = None, *, quorum: int | None = None
    ) -> Trust:
        """Ask one more witness from now on, and say so in the trust file; publish under it.

        Args:
            name: Its name in the trust file.
            vkey: Its public key, of type 04 or 06.
            url: Its submission prefix.
            quorum: How many of the witnesses must cosign; None: all of them.

        Raises:
            InputError: `trust.malformed`-like faults of what was given: `input.malformed`.
            WorldError: `log.quorum-unmet`; the trust file stays as it was.
        """
        self._writable()
        before = self._trust()
        if before.groups.keys() - {_GROUP}:
            raise InputError(
                "this trust file has groups of its own: edit it by hand", code="input.malformed"
            )
        text = self._with(before, name, vkey, url, quorum).format(remark=TRUST_REMARK)
        try:
            after = parse_trust(text)
        except EvidenceError as error:
            raise InputError(
                error.message, code="input.malformed", where=error.where, hint="name, vkey, address"
            ) from error
        workspace = self._workspace
        workspace.ask_witnesses(after)
        try:
            workspace.log_house.publish(hold=False)
        except BaseException:
            workspace.ask_witnesses(before)
            raise
        write_file(workspace.places.trust, text.encode())
        return after

    def _with(
        self, before: Trust, name: str, vkey: str, url: str | None, quorum: int | None
    ) -> Trust:
        try:
            key = VerifierKey.parse(vkey)
        except EvidenceError as error:
            raise InputError(error.message, code="note.key") from error
        if name in before.witnesses:
            raise InputError(f"{name} is asked already", code="input.malformed", where="NAME")
        members = (*before.witnesses, name)
        count = len(members) if quorum is None else quorum
        urls = before.urls if url is None else {**before.urls, str(key): url}
        return replace(
            before,
            witnesses={**before.witnesses, name: key},
            groups={_GROUP: Group(count, members)},
            quorum=_GROUP,
            urls=urls,
        )

    def _trust(self) -> Trust:
        return parse_trust(self._workspace.places.trust.read_bytes())

    def _cosigned(self, note: bytes) -> list[str]:
        try:
            return list(replace(self._trust(), quorum=None).check(note).witnesses)
        except EvidenceError:
            return []
