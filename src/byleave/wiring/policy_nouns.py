"""`ws.policy` on texts: who saw which, differences, lint, recordings of outsiders, recipients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from byleave.policy.lint import Finding
from byleave.policy.recipient import Recipients, parse_recipients
from byleave.policy.variants import Published, Seen
from byleave.service import observed, policy_text, recipients, reconcile
from byleave.summary.reconcile import Disagreement
from byleave.wiring.consent_nouns import Noun

__all__ = ["PolicyTexts"]


class PolicyTexts(Noun):
    """What can be asked of texts; `Policies` adds publishing."""

    def seen(
        self,
        document: str,
        *,
        at: datetime | None = None,
        region: str | None = None,
        language: str | None = None,
    ) -> Seen:
        """Return which text of a document a member in `region`, reading `language`, saw at `at`."""
        return policy_text.seen(
            self._house,
            document,
            at=at or self._house.now(),
            region=region,
            language=language,
        )

    def diff(self, document: str, old: str, new: str) -> policy_text.Difference:
        """Compare two published versions of one document."""
        return policy_text.diff_versions(self._house, document, old, new)

    def diff_texts(
        self, old: str, new: str, *, names: tuple[str, str] = ("old", "new")
    ) -> policy_text.Difference:
        """Compare two texts that need not be published."""
        return policy_text.diff_texts(self._house, old, new, names=names)

    def lint(
        self,
        text: str,
        *,
        name: str = "document.md",
        rules_only: bool = False,
        progress: Callable[[str, int, int], None] = lambda *_: None,
    ) -> tuple[Finding, ...]:
        """Return where the prose and the declarations of a text disagree.

        Args:
            text: The whole document.
            name: What to call it in messages.
            rules_only: Whether the fitted reader stays unheard: faster, and each finding has a rule.
            progress: Told how far the reader is.
        """
        return policy_text.lint_text(
            self._house, text, name=name, rules_only=rules_only, progress=progress
        )

    def lint_published(
        self,
        document: str,
        version: str | None = None,
        *,
        rules_only: bool = False,
        progress: Callable[[str, int, int], None] = lambda *_: None,
    ) -> tuple[Finding, ...]:
        """Return the same for a published version; default the last one published."""
        text = self.text(document, version)
        return self.lint(text, name=document, rules_only=rules_only, progress=progress)

    def version(self, document: str, version: str) -> Published:
        """Return one published version, by its version or its label.

        Raises:
            InputError: `workspace.unknown-object`.
        """
        return policy_text.find(self._house, document, version)

    def text(self, document: str, version: str | None = None) -> str:
        """Return the exact text of a published version; default the last one published.

        Raises:
            InputError: `workspace.unknown-object`.
        """
        versions = policy_text.versions_of(self._house, document)
        label = version or (versions[-1].label if versions else "")
        index = policy_text.find(self._house, document, label).index
        held = self._house.ledger.object_at(index)
        text: str = "" if held is None else held[3]["text"]
        return text

    def import_ota(
        self, path: str | Path, *, service: str | None = None, collection: str | None = None
    ) -> observed.Imported:
        """Import a clone of an Open Terms Archive versions repository as observed history.

        Args:
            path: The clone.
            service: Import this service's texts alone.
            collection: What to call the collection; default the clone's folder name.

        Raises:
            InputError: `ota.not-a-repository`; `input.not-found`.
            WorldError: `ota.git`.
        """
        from byleave.connectors.ota import read_versions

        self._writable()
        folder = Path(path)

        def raw() -> Iterator[observed.RawRecording]:
            for item in read_versions(folder, service=service):
                yield item.path, item.commit, item.recorded, item.subject, item.text

        name = collection or folder.resolve().name.removesuffix(".git")
        imported = observed.import_recordings(self._house, raw(), collection=name)
        self._house.log.publish()
        return imported

    def observed(self, path: str | None = None) -> list[observed.Observed]:
        """Return what outsiders recorded, by collection and path."""
        return observed.observed(self._house, path=path)

    def first_observed(self, document: str, version: str) -> datetime | None:
        """Return when an outsider first recorded a published version's exact text, or None."""
        from byleave.canonical import sha256
        from byleave.policy.prose import front_matter

        text = self.text(document, version)
        bodies = {text, front_matter(text)[1], front_matter(text)[1] + "\n"}
        return observed.first_observed(self._house, [sha256(b.encode()).hex() for b in bodies])

    def reconcile(self) -> tuple[Disagreement, ...]:
        """Return every recorded use that no published text declared, or no notice asked about."""
        return reconcile.reconcile(self._house)

    def recipients(self, text: str, *, name: str = "recipients.yaml") -> int:
        """Put a recipients file in force; return its log index."""
        self._writable()
        index = recipients.record_recipients(self._house, text, name=name)
        self._house.log.publish()
        return index

    def read_recipients(self, text: str, *, name: str = "recipients.yaml") -> Recipients:
        """Return what a recipients file says, and put nothing in force.

        Raises:
            InputError: Codes of `parse_recipients`.
        """
        return parse_recipients(text, name=name, taxonomy=self._house.taxonomy)

    def recipients_in_force(self) -> Recipients | None:
        """Return the recipients recorded last, or None."""
        return recipients.recipients_in_force(self._house)
