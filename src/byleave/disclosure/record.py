"""What happened to a package: the disclosure, its recalls, the recipient's answers.

Each has the log entry that commits to it; the entries hold digests and dotted names, no person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from byleave.canonical import Json
from byleave.errors import ConflictError, InputError
from byleave.ids import Digest, LedgerIndex
from byleave.policy.scope import Use

__all__ = ["Acknowledgement", "Disclosure", "Recall", "check_acknowledgement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One package for one recipient.

    Attributes:
        id: Name of the package, unique in the workspace.
        index: Ledger index of its entry.
        recipient: Dotted name of a recipient other than the platform.
        snapshot: Ledger index of the sealed snapshot in it.
        use: What it was allowed for.
        terms: Digest of the terms document that travels with it.
        offered_at: When it could first be pulled.
        delivered_at: When it was; None: not yet.
    """

    id: str
    index: LedgerIndex
    recipient: str
    snapshot: LedgerIndex
    use: Use
    terms: Digest
    offered_at: datetime
    delivered_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.recipient == "platform":
            raise InputError(
                "the platform does not disclose to itself", code="disclosure.wrong-package"
            )
        if self.delivered_at is not None and self.delivered_at < self.offered_at:
            raise ConflictError("delivered before it was offered", code="disclosure.order")

    def entry(self) -> Json:
        """Return the log entry of this disclosure."""
        return {
            "kind": "disclosure/v1",
            "disclosure": self.id,
            "recipient": self.recipient,
            "snapshot": self.snapshot,
            "use": str(self.use),
            "terms": self.terms.hex(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """The order to stop and delete.

    Attributes:
        disclosure: Ledger index of the disclosure.
        index: Ledger index of its own entry.
        order: Digest of the order, which names the rows to the recipient alone.
        at: When it was sent.
        deadline_days: Days to answer; the terms say how many.
        records: How many records it calls back.
    """

    disclosure: LedgerIndex
    index: LedgerIndex
    order: Digest
    at: datetime
    deadline_days: int
    records: int

    def __post_init__(self) -> None:
        if self.deadline_days < 0 or self.records < 1:
            raise InputError(
                "a recall names at least one record and a deadline of 0 days or more",
                code="disclosure.terms",
            )

    @property
    def due_at(self) -> datetime:
        """The instant from which an answer is late: [at, due_at) is in time."""
        return self.at + timedelta(days=self.deadline_days)

    def entry(self) -> Json:
        """Return the log entry of this recall."""
        return {"kind": "recall/v1", "disclosure": self.disclosure, "order": self.order.hex()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """The recipient's answer.

    Attributes:
        disclosure: Ledger index of the disclosure it answers for.
        recall: Ledger index of the recall it answers.
        order: Digest of the order it obeyed.
        recipient: Who answers.
        at: When the platform took it.
        deleted: How many rows the recipient deleted.
        before: Root over its rows before.
        after: Root over its rows after.
    """

    disclosure: LedgerIndex
    recall: LedgerIndex
    order: Digest
    recipient: str
    at: datetime
    deleted: int
    before: Digest
    after: Digest


def check_acknowledgement(
    answer: Acknowledgement, *, disclosure: Disclosure, recall: Recall
) -> None:
    """Refuse an answer that is not to this recall of this package by its recipient.

    Whether the roots follow from the order is checked where the rows are known.

    Raises:
        InputError: `disclosure.wrong-package`.
        ConflictError: `disclosure.order`, the answer is older than the order.
    """
    wrong = {
        "disclosure": answer.disclosure != disclosure.index
        or recall.disclosure != answer.disclosure,
        "recall": answer.recall != recall.index,
        "order": answer.order != recall.order,
        "recipient": answer.recipient != disclosure.recipient,
        "count of rows": not 0 <= answer.deleted <= recall.records,
        "root": (answer.before == answer.after) != (answer.deleted == 0),
    }
    for what, differs in wrong.items():
        if differs:
            raise InputError(
                f"the acknowledgement's {what} is not that of this recall",
                code="disclosure.wrong-package",
                where=what,
            )
    if answer.at < recall.at:
        raise ConflictError("acknowledged before it was recalled", code="disclosure.order")
