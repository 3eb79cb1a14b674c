"""The nouns of what is asked and answered: `ws.notice`, `ws.ruleset`, `ws.consent`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byleave.canonical import encode
from byleave.consent.decide import Standing
from byleave.consent.event import ConsentEvent, EventKind
from byleave.consent.import_table import REJECTIONS
from byleave.consent.reason import Reason
from byleave.consent.signal.adapters import ADAPTERS
from byleave.consent.state import State
from byleave.errors import ConflictError
from byleave.policy.notice import Notice
from byleave.policy.ruleset import RuleBook, default_rules
from byleave.policy.ruleset_idle import refuse_idle
from byleave.policy.scope import Scope, Use
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import Taxonomy
from byleave.service import browser_signal, consent, consent_replay, purged, rules, settings, signal
from byleave.service import notice as notices
from byleave.service.asking import Asking
from byleave.service.consent_export import export_table
from byleave.service.consent_import import PART_ROWS, Imported, import_rows, list_imports
from byleave.service.decide import Decider
from byleave.service.explain import Explained, explain
from byleave.stores.artefacts import write_file
from byleave.wiring.consent_files import choices_of, kind_of, table_bytes

if TYPE_CHECKING:
    from byleave.wiring.workspace import Workspace

__all__ = ["Consents", "Notices", "Noun", "Rulesets", "operators_book"]


def operators_book(text: str, *, name: str, taxonomy: Taxonomy | None = None) -> RuleBook:
    """Return the shipped rulesets with an operator's beside them.

    Args:
        text: The file.
        name: What to call it in messages.
        taxonomy: Refuse a file that names what it does not hold; None: a file in force already.

    Raises:
        InputError: `ruleset.malformed`, `input.malformed`, `input.unknown-field`;
            `use.malformed`, `use.unknown-term`.
    """
    document = read_mapping(text, name=name)
    if taxonomy is not None:
        refuse_idle(document, taxonomy)
    return default_rules().extend(document)


class Noun:
    """What every noun has: its workspace, and the ports of the services."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._house = workspace.house

    def _writable(self) -> None:
        if self._workspace.read_only:
            raise ConflictError("the workspace was opened read-only", code="workspace.read-only")
        if not self._workspace.may_write:
            raise ConflictError("it is not this process's turn", code="workspace.no-turn")


class Notices(Noun):
    """Notices: the text for a member, and the token that comes back with the answer."""

    def token(
        self,
        notice: str,
        member: str,
        *,
        language: str | None = None,
        screen: str | None = None,
        lifetime: timedelta = notices.TOKEN_LIFETIME,
    ) -> tuple[str, Notice]:
        """Return a token for showing a notice to a member, and the notice to show.

        Args:
            notice: Id of the notice, or with `language` of the family whose variant to show.
            member: To whom; enrolled.
            language: BCP 47 tag of the member's language; None: `notice` is the very notice.
            screen: Where it will be shown.
            lifetime: For how long an answer is taken.
        """
        return notices.make_token(
            self._house, notice, member, language=language, screen=screen, lifetime=lifetime
        )

    def list(self) -> list[dict[str, Any]]:
        """Return every published notice's document, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("notice")
        ]


class Rulesets(Noun):
    """What jurisdictions require, as the package and the operator say it."""

    def book(self) -> RuleBook:
        """Return the rulesets in force."""
        return self._house.rulebook

    def impact(self, text: str, *, name: str = "rulesets.yaml") -> rules.RulesImpact:
        """Return what an operator's file would change, and change nothing."""
        return rules.rules_impact(self._house, self._read(text, name))

    def publish(self, text: str, *, name: str = "rulesets.yaml") -> rules.RulesImpact:
        """Put an operator's file in force and log it; return what it changed."""
        self._writable()
        book = self._read(text, name)
        found = rules.rules_impact(self._house, book)
        self._workspace.use_rules(book, text)
        return found

    def _read(self, text: str, name: str) -> RuleBook:
        return operators_book(text, name=name, taxonomy=self._house.taxonomy)

    def purged(self) -> list[purged.Holder]:
        """Count what is left of purged intervals in all that is current: see `service.purged`."""
        return purged.purged_rows(self._house)


class Consents(Noun):
    """Choices of members."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._decider = Decider(self._house)

    def record(self, events: Sequence[consent.NewEvent]) -> list[int]:
        """Record choices, all or none; return their ledger indexes."""
        self._writable()
        indexes = consent.record(self._house, events)
        self._house.log.publish()
        return indexes

    def grant(
        self,
        member: str,
        scope: str,
        *,
        notice: str | None = None,
        includes_past: bool = False,
        expires: datetime | None = None,
        channel: str = "api",
        token: str | None = None,
        final: str | None = None,
    ) -> int:
        """Record one grant of a notice, or in answer to a token; return its ledger index."""
        return self._one(
            member,
            EventKind.GRANT,
            scope,
            notice=notice,
            token=token,
            final=final,
            includes_past=includes_past,
            expires=expires,
            channel=channel,
        )

    def refuse(
        self, member: str, scope: str, *, channel: str = "api", token: str | None = None
    ) -> int:
        """Record one refusal; return its ledger index."""
        return self._one(member, EventKind.REFUSAL, scope, channel=channel, token=token)

    def withdraw(
        self, member: str, scope: str, *, channel: str = "api", token: str | None = None
    ) -> int:
        """Record one withdrawal; return its ledger index."""
        return self._one(member, EventKind.WITHDRAWAL, scope, channel=channel, token=token)

    def object(
        self, member: str, scope: str, *, channel: str = "api", token: str | None = None
    ) -> int:
        """Record one objection; return its ledger index."""
        return self._one(member, EventKind.OBJECTION, scope, channel=channel, token=token)

    def signal(
        self,
        member: str,
        kind: str,
        payload: bytes,
        *,
        form: str | None = None,
        category: str = "*",
    ) -> list[signal.Recorded]:
        """Record what a signal refuses; return the refusals, none where it refuses nothing."""
        self._writable()
        recorded = signal.record_signal(
            self._house, member, kind, payload, form=form, category=category
        )
        self._house.log.publish()
        return recorded

    def signals(self) -> list[dict[str, Any]]:
        """Return which signals are read, each with its version and forms."""
        return [
            {
                "kind": adapter.kind,
                "title": adapter.title,
                "version": adapter.version,
                "source": adapter.source,
                "forms": list(map(str, adapter.forms)),
            }
            for adapter in ADAPTERS.values()
        ]

    def browser_signal_due(self, member: str) -> bool:
        """Say whether a signed-in member's `Sec-GPC: 1` has still to be recorded."""
        return browser_signal.is_due(self._house, member)

    def browser_signal(self, member: str) -> list[int]:
        """Record a signed-in member's `Sec-GPC: 1`, unless that is done; return the indexes."""
        self._writable()
        recorded = browser_signal.record_browser_signal(self._house, member)
        self._house.log.publish()
        return recorded

    def history(
        self, member: str, *, at: datetime | None = None, known_at: datetime | None = None
    ) -> list[ConsentEvent]:
        """Return one member's events, oldest first: in effect at `at`, known at `known_at`."""
        return consent.member_history(self._house, member, at=at, known_at=known_at)

    def history_facts(
        self, member: str, *, after: int = -1, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Return one member's events after an index as plain facts, oldest first."""
        return consent.history_facts(self._house, member, after=after, limit=limit)

    def noes(self, *, after: int, limit: int) -> list[dict[str, Any]]:
        """Return refusals, withdrawals and objections after an index, with whose they are."""
        return consent.noes(self._house, after=after, limit=limit)

    def state(
        self, use: str, *, at: datetime | None = None, known_at: datetime | None = None
    ) -> State:
        """Return what all members' choices alone come to for one leaf use, as known at an instant.

        What may be used is less: a gate asks the rules of regions, ages and groups too.
        """
        leaf = self._house.taxonomy.use(use)
        return consent.state_of(self._house, leaf, at=at, known_at=known_at)

    def settings(self, member: str, *, language: str = "en", tokens: bool = True) -> dict[str, Any]:
        """Return every question a member is asked, its exact text, and how it stands."""
        return settings.member_settings(self._house, member, language=language, tokens=tokens)

    def asks(self, notice: str) -> tuple[Scope, ...]:
        """Return the scopes a notice asks for, in its order.

        Raises:
            InputError: `consent.notice-unknown`.
        """
        return settings.asks_of(self._house, notice)

    def answers(
        self,
        member: str,
        notice: str,
        said: dict[Scope, bool],
        *,
        includes_past: bool = False,
        token: str | None = None,
    ) -> list[consent.NewEvent]:
        """Return the events of a member's answer to a notice, to be recorded."""
        return settings.answers(
            self._house, member, notice, said, includes_past=includes_past, token=token
        )

    def context_question(
        self, member: str, found: Asking, *, shown: bool, token: bool
    ) -> dict[str, Any]:
        """Return the page of one question asked in context (`pages.asking.ContextAsk`)."""
        days = self._workspace.config.ask_again_days
        return settings.context_question(
            self._house, member, found, days=days, shown=shown, token=token
        )

    def stop_everything(self, member: str) -> list[consent.NewEvent]:
        """Return the events that say no to every question, to be recorded."""
        return settings.stop_everything(self._house, member)

    def choice(self, member: str, index: int) -> dict[str, Any]:
        """Return the record of one choice of a member."""
        return settings.choice_record(self._house, member, index)

    def choices(
        self,
        member: str,
        use: str,
        *,
        at: datetime | None = None,
        known_at: datetime | None = None,
    ) -> Standing:
        """Return what one member's choices alone come to for one use, and what decided it.

        Not whether the data may be used: that is `explain`, which asks the rules of their region,
        age and groups too, as a gate does.
        """
        leaf = self._house.taxonomy.use(use)
        if known_at is None:
            return self._decider.choices(member, leaf, at=at)
        return consent.choices_for(self._house, member, leaf, at=at, known_at=known_at)

    def explain(
        self,
        member: str,
        use: str,
        *,
        at: datetime | None = None,
        known_at: datetime | None = None,
    ) -> Explained:
        """Return what one member's choices and their region's rules come to for one use, and why."""
        leaf = self._house.taxonomy.use(use)
        if known_at is None:
            return self._decider.explain(member, leaf, at=at)
        return explain(self._house, member, leaf, at=at, known_at=known_at)

    def allowed_all(self, member: str, uses: Iterable[Use]) -> Reason:
        """Return `KEPT` where a member said yes to all of some uses and no rule stops one.

        Else the first reason. A use that the law would allow without a yes is none of these.
        """
        uses = list(uses)
        for use in uses:  # a no is told without a look at the rules
            said = self._decider.choices(member, use).reason
            if said is not Reason.KEPT:
                return said
        explainer = self._decider.explainer(member)
        found = (explainer.explain(use).reason for use in uses)
        return next((reason for reason in found if reason is not Reason.KEPT), Reason.KEPT)

    def import_file(
        self,
        path: str | Path,
        *,
        form: str = "table",
        mapping: str | Path | None = None,
        name: str | None = None,
        enrol: bool = True,
        rejects: str | Path | None = None,
        part_rows: int = PART_ROWS,
    ) -> Imported:
        """Import choices from a consent platform's file; goes on where an earlier run stopped.

        Others write between two parts; a no that they record is not overtaken by an older yes.

        Args:
            path: CSV, Parquet or JSON lines of our layout, or a platform's payloads.
            form: `table`, `ketch/v1` or `didomi/v2`.
            mapping: For payloads: what their purposes stand for (YAML).
            name: Id of the import; default `import-N`.
            enrol: Whether members the ledger does not know are enrolled.
            rejects: Where to write the rows left out, one JSON object a line.
            part_rows: Rows per transaction.
        """
        self._writable()
        file = Path(path)
        with self._house.aside(rules=False, erased=False):  # choices need not wait for it
            rows, source = choices_of(
                self._house, file, form=form, mapping=None if mapping is None else Path(mapping)
            )
        try:
            done = import_rows(
                self._house,
                rows,
                source=source,
                file=file.name,
                form=form,
                name=name,
                enrol=enrol,
                part_rows=part_rows,
            )
        finally:
            self._house.log.publish()
        if rejects is not None:
            lines = [
                encode({"line": line, "reason": reason, "means": REJECTIONS[reason]})
                for line, reason in done.rejected
            ]
            write_file(Path(rejects), b"".join(line + b"\n" for line in lines))
        return done

    def imports(self) -> list[dict[str, Any]]:
        """Return every import and how far it came, oldest first."""
        return list_imports(self._house)

    def export_file(self, path: str | Path, *, known_at: datetime | None = None) -> int:
        """Write every event to a .csv, .parquet or .jsonl file; return how many."""
        file = Path(path)
        kind = kind_of(file)
        table = export_table(self._house, known_at=known_at)
        write_file(file, table_bytes(table, kind))
        return int(table.num_rows)

    def replay(
        self, *, at: datetime | None = None, known_at: datetime | None = None
    ) -> consent_replay.Replay:
        """Derive the whole state from the ledger again, in two ways, and hold it to the log."""
        return consent_replay.replay(self._house, at=at, known_at=known_at)

    def _one(self, member: str, kind: EventKind, scope: str, **more: Any) -> int:  # noqa: ANN401
        event = consent.NewEvent(
            member=member, kind=kind, scope=self._house.taxonomy.scope(scope), **more
        )
        return self.record([event])[0]
