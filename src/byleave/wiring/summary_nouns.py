"""The noun of public statements: `ws.summary`."""

from __future__ import annotations

from pathlib import Path

from byleave.service.summary import subject_of
from byleave.stores.artefacts import write_file
from byleave.summary.kinds import KINDS, Kind, kind_of, written
from byleave.summary.subject import Operator, Subject
from byleave.wiring.consent_nouns import Noun

__all__ = ["Summaries"]


class Summaries(Noun):
    """Public statements, made from the ledgers; reads alone."""

    def list(self) -> tuple[Kind, ...]:
        """Return the kinds there are."""
        return tuple(KINDS.values())

    def subject(self, *, release: str | None = None, snapshot: str | None = None) -> Subject:
        """Gather what a summary says about a release or a snapshot.

        Raises:
            InputError: `cli.usage`, `summary.nothing`, `workspace.unknown-object`.
        """
        config = self._workspace.config
        operator = Operator(
            name=config.operator,
            origin=config.origin,
            contact=config.party.get("contact"),
            address=config.party.get("address"),
            demo=config.demo,
            data_origin=config.data_origin,
        )
        return subject_of(self._house, operator, release=release, snapshot=snapshot)

    def make(
        self,
        kind: str,
        *,
        release: str | None = None,
        snapshot: str | None = None,
        form: str = ".json",
    ) -> str:
        """Return a summary as text.

        Args:
            kind: A name of `list`.
            release: About this release; default the newest in service.
            snapshot: Or about this snapshot.
            form: `.md` or `.json`.

        Raises:
            InputError: `summary.*`, `cli.usage`, `workspace.unknown-object`.
        """
        found = kind_of(kind)
        return written(found, self.subject(release=release, snapshot=snapshot), form)

    def write(
        self,
        kind: str,
        path: str | Path,
        *,
        release: str | None = None,
        snapshot: str | None = None,
    ) -> Subject:
        """Write a summary to a file, whose ending says the form; return what it is about.

        Raises:
            InputError: `summary.*`, `cli.usage`, `workspace.unknown-object`.
        """
        found, target = kind_of(kind), Path(path)
        subject = self.subject(release=release, snapshot=snapshot)
        write_file(target, written(found, subject, target.suffix).encode())
        return subject
