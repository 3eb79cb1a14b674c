"""The nouns of documents and people: `ws.policy`, `ws.member`, `ws.public`.

Each method calls one service and publishes the log when it wrote to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from byleave.consent.receipt_facts import Party
from byleave.errors import InputError, RefusedError
from byleave.ids import from_us, to_us
from byleave.service import (
    ages,
    answer,
    by_member,
    console,
    enrol,
    enrol_joint,
    erasure,
    export,
    leaving,
    looks,
    message_kinds,
    overview,
    policy,
    policy_changes,
    prove,
    questions,
    receipt,
    requests,
)
from byleave.service import groups as group_facts
from byleave.service.behind import log_behind
from byleave.service.notice import read_notice
from byleave.wiring.asking import asked_before
from byleave.wiring.consent_nouns import Noun
from byleave.wiring.desk import forget_members
from byleave.wiring.help import Address
from byleave.wiring.policy_nouns import PolicyTexts
from byleave.wiring.proof_nouns import provers

__all__ = ["Members", "Policies", "Public"]

DEMO_MEMBERS = "demo-members.json"


class Policies(PolicyTexts):
    """Policy documents, notices and rulesets."""

    def publish(self, text: str, *, name: str = "document.md") -> policy.Published:
        """Publish a policy document; return it with its impact."""
        self._writable()
        published = policy.publish_document(self._house, text, name=name)
        self._house.log.publish()
        return published

    def impact(
        self, text: str, *, name: str = "document.md", publishable: bool = False
    ) -> policy.Impact:
        """Return what publishing a document would do, and publish nothing.

        Args:
            text: The document.
            name: Of its file, for messages.
            publishable: Refuse it as publishing it now would.
        """
        return policy.impact_of(self._house, text, name=name, publishable=publishable)

    def refusal(self, text: str, *, name: str = "document.md") -> str | None:
        """Return the code for which publishing a text now is refused; None: it is not."""
        try:
            policy.impact_of(self._house, text, name=name, publishable=True)
        except RefusedError as error:
            return error.code
        return None

    def publish_notice(
        self,
        text: str,
        *,
        notice: str,
        asks: Sequence[str],
        control: str = "none",
        language: str = "en",
        policy_index: int | None = None,
        family: str | None = None,
        screen: str | None = None,
    ) -> int:
        """Publish the exact text that members are shown when asked; return its log index."""
        self._writable()
        index = policy.publish_notice(
            self._house,
            text,
            notice=notice,
            asks=asks,
            control=control,
            language=language,
            policy=policy_index,
            family=family,
            screen=screen,
        )
        self._house.log.publish()
        return index

    def check_notice(
        self,
        text: str,
        *,
        policy_index: int | None = None,
        **said: Any,  # noqa: ANN401 (as `publish_notice` takes it)
    ) -> None:
        """Say whether a notice may be published, as `publish_notice` would refuse it."""
        read_notice(self._house, text, policy=policy_index, **said)

    def publish_rules(self) -> int:
        """Log the rulesets and taxonomy in force; return the rulesets' log index."""
        self._writable()
        index = policy.publish_rules(self._house)
        self._house.log.publish()
        return index

    def list(self) -> list[dict[str, Any]]:
        """Return every document, oldest first."""
        return [
            {**document, "index": index}
            for index, _, _, document in self._house.ledger.objects("policy")
        ]


class Members(Noun):
    """Members: enrolment, receipts, answers."""

    def enrol(self, members: Sequence[str], *, regions: Mapping[str, str] | None = None) -> int:
        """Enrol members; return how many were new."""
        self._writable()
        new = enrol.enrol(self._house, members, regions=regions)
        self._house.log.publish()
        return new

    def offer(self) -> tuple[str, int, bytes]:
        """Make and log the operator's part of a secret; return its name, log index, commitment."""
        self._writable()
        offered = enrol_joint.make_offer(self._house)
        self._house.log.publish()
        return offered

    def enrol_jointly(
        self, member: str, *, offer: str, nonce: bytes, region: str | None = None
    ) -> int:
        """Enrol a member under a secret that their nonce (32 bytes) went into; return the index."""
        self._writable()
        index = enrol_joint.enrol_jointly(
            self._house, member, offer=offer, nonce=nonce, region=region
        )
        self._house.log.publish()
        return index

    def erase(self, members: Sequence[str]) -> erasure.Erased:
        """Erase members whose withdrawal has reached everything current (G10).

        Their open requests are closed with it.

        Raises:
            InputError: `member.unknown`, `member.erased`.
            RefusedError: `erasure.standing`.
        """
        self._writable()
        done = erasure.erase(self._house, members, proofs=self._workspace.places.proofs)
        requests.close_erased(self._house, done.ordinals, who="erasure", why=done.erasure)
        self._house.log.publish()
        forget_members(self._workspace, done.ordinals)
        return done

    def standing(self, member: str) -> list[tuple[str, str]]:
        """Return (kind, id) of what still holds rows of a member, and has to be dealt with first."""
        return erasure.standing(self._house, [self.ordinal(member)])

    def born(self, births: Mapping[str, str]) -> int:
        """Record when members were born (`2008`, `2008-05`, `2008-05-01`); return how many."""
        self._writable()
        return ages.add_ages(self._house, births)

    def group(self, groups: Mapping[str, Sequence[str]]) -> int:
        """Record which groups members are in from now on (none: an empty list); return how many."""
        self._writable()
        return group_facts.add_groups(self._house, groups)

    def groups(self, member: str) -> tuple[str, ...]:
        """Return the groups that a member is in now, ascending."""
        return group_facts.groups_of(self._house, member)

    def count(self) -> int:
        """Return how many members are enrolled."""
        return self._house.ledger.member_count()

    def look(self, member: str, *, who: str, why: str) -> int:
        """Log that somebody of the operator's looks at a member's data; return the log index."""
        self._writable()
        index = looks.log_look(self._house, who, member, why=why)
        self._house.log.publish()
        return index

    def looks(self) -> list[dict[str, Any]]:
        """Return who looked at members' data, oldest first; members by ordinal."""
        return looks.list_looks(self._house)

    def prepare(self) -> None:
        """Make the indexes that members' pages are read from, where they are not there yet."""
        by_member.prepare(self._house)

    def answer(self, member: str) -> dict[str, Any]:
        """Return everything the ledgers know of one member, as facts (`pages.view`)."""
        return answer.member_answer(self._house, member)

    def receipt(self, member: str) -> bytes:
        """Return a member's receipt; private, to be written 0600."""
        return prove.make_receipt(self._house, member)

    def standard_receipt(
        self, member: str, *, at: datetime | None = None, known_at: datetime | None = None
    ) -> bytes:
        """Return a member's receipt as ISO/IEC TS 27560 JSON-LD; no secret in it.

        What it says is allowed is what a gate answers: choices and rules, at an instant, as known
        at another.
        """
        return receipt.standard_receipt(
            self._house, member, operator=self._operator(), at=at, known_at=known_at
        )

    def receipt_page(
        self, member: str, *, at: datetime | None = None, known_at: datetime | None = None
    ) -> dict[str, Any]:
        """Return the facts of a member's receipt page (`pages.receipt.ReceiptView`)."""
        return receipt.receipt_page(
            self._house, member, operator=self._operator(), at=at, known_at=known_at
        )

    def export(self, member: str) -> Iterator[bytes]:
        """Return the parts of a zip file of everything held about a member (GDPR art. 15, 20).

        Raises:
            InputError: `member.unknown`.
        """
        return export.export_member(
            self._house,
            member,
            operator=self._operator(),
            trust=self._workspace.places.trust.read_text("utf-8"),
            provers=provers(),
            asked=asked_before(self._workspace, member),
        )

    def messages(self, member: str) -> dict[str, Any]:
        """Return which kinds of messages may train what (`pages.messages.MessageKinds`)."""
        return message_kinds.message_kinds(self._house, member)

    def changes(self, member: str) -> dict[str, Any]:
        """Return each published text and what it changed (`pages.changes.Changes`)."""
        return policy_changes.policy_changes(self._house, member)

    def questions(self, member: str) -> dict[str, Any]:
        """Return what the commonest questions are answered with (`pages.questions.Questions`)."""
        return questions.questions(self._house, member)

    def leaving(self, member: str) -> dict[str, Any]:
        """Return what erasing a member would take, and leave (`pages.leaving.Leaving`)."""
        return leaving.leaving(self._house, member)

    def _operator(self) -> Party:
        config = self._workspace.config
        return Party(origin=config.origin, name=config.operator, **config.party)

    def ordinal(self, member: str) -> int:
        """Return a member's ordinal.

        Raises:
            InputError: `member.unknown`.
        """
        row = self._house.ledger.member(member)
        if row is None:
            raise InputError("the ledger knows no such member", code="member.unknown")
        return row[0]

    def erased(self, ordinal: int) -> tuple[datetime, int] | None:
        """Return when somebody was erased and the entry that says so; None: they were not."""
        for index, _, at_us, document in self._house.ledger.objects("erasure"):
            if ordinal in document["ordinals"]:
                return from_us(at_us), index
        return None

    def by_ordinal(self, ordinal: int) -> str:
        """Return the member with this ordinal.

        Raises:
            InputError: `member.unknown`, also where the member was erased.
        """
        row = self._house.ledger.member_at(ordinal)
        if row is None or row[2] is None:
            raise InputError("the ledger knows no such member", code="member.unknown")
        return row[1]


class Public(Noun):
    """What anyone may read."""

    def overview(self) -> dict[str, Any]:
        """Return policies, releases and the log's head (`pages.view.PublicOverview`)."""
        workspace = self._workspace
        facts = overview.public_overview(
            self._house,
            operator=workspace.config.operator,
            data_origin=workspace.config.data_origin,
            trust=workspace.places.trust.read_text("utf-8"),
            demo_members=workspace.demo_members(),
        )
        return {**facts, **self._whom(None), "behind": log_behind(self._house)}

    def frame(self, ordinal: int | None = None) -> dict[str, Any]:
        """Return what stands around every page: who runs it, and where to complain.

        Args:
            ordinal: Of the member whose page it is; where they live may have its own authority.
        """
        config = self._workspace.config
        region = None
        if ordinal is not None and config.help.regions:
            now_us = to_us(self._house.now())
            region = next(
                iter(self._house.ledger.regions_columns(now_us, ordinals=[ordinal])), None
            )
        return {
            "operator": config.operator,
            "data_origin": config.data_origin,
            "behind": log_behind(self._house),
            **self._whom(region),
        }

    def _whom(self, region: str | None) -> dict[str, Any]:
        config = self._workspace.config
        contact, authority = config.help.contact, config.help.authority_of(region)
        if contact is None and "contact" in config.party:
            contact = Address(name=config.party["contact"])
        return {
            "contact": None if contact is None else contact.document(),
            "authority": None if authority is None else authority.document(),
        }

    def console(self) -> dict[str, Any]:
        """Return what the operator's people see first (`pages.house.Console`)."""
        return console.console(self._house)
