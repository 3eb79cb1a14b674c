"""What one sentence of a policy says about training AI on data, or sharing data with others.

Rules, not a model: every verdict follows from a verb, its object, its subject, and whether a
negation governs it, so that a person can see why. docs/spec/policy-lint.md lists the rules and
measures them on sentences that they were not written against.

A sentence *states* training where it says, asks for, or takes for granted that data trains or
develops AI; sharing where it says so of data reaching somebody else than the platform. It does
not where the act is denied, somebody else's, forbidden to the reader, long over, merely asked
about, or defined.
"""

from __future__ import annotations

from dataclasses import dataclass

from byleave.policy.clause import affirmed, denies, says_nothing
from byleave.policy.says_sharing import sharing_in
from byleave.policy.says_training import mentions_training, training_in
from byleave.policy.wording import recipients_of

__all__ = [
    "Statement",
    "mentions_training",
    "named_recipients",
    "recipients_of",
    "statements_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing a sentence says.

    Attributes:
        about: `training` or `sharing`.
        because: The words that say so, from the verb to its object.
        recipients: For sharing, the groups named: `affiliate`, `provider`, `third-party`; () where
            it says no more than that data is shared.
    """

    about: str
    because: str
    recipients: tuple[str, ...]


def statements_of(text: str, *, lead: str = "") -> tuple[Statement, ...]:
    """Return what a sentence says of training and of sharing; () where it says neither.

    Args:
        text: One sentence, marks taken off.
        lead: What introduces the list in which it is an item, or "".
    """
    alone = _spoken(text, "")
    if not lead:
        return alone
    joined = _spoken(_joined(lead, text), lead.rstrip(": "))
    if alone and not denies(lead):
        return alone
    own = {statement.about for statement in _spoken(lead, "")} - {s.about for s in alone}
    # What the introduction says by itself is its own statement, unless the item names to whom.
    return tuple(s for s in joined if s.about not in own or recipients_of(text))


def named_recipients(text: str) -> tuple[str, ...]:
    """Return the groups of recipients that a sentence names without denying them anything.

    Weaker than a statement of sharing: enough to say that a text mentions them, not enough to say
    that it gives them something. What tells only what comes to the platform names nobody.
    """
    return recipients_of(" ".join(affirmed(text)))


def _joined(lead: str, text: str) -> str:
    item = text if text[:2].isupper() else text[:1].lower() + text[1:]
    return f"{lead.rstrip(': ')} {item}"


def _spoken(text: str, lead: str) -> tuple[Statement, ...]:
    """Return the statements of a text; where it was joined to a lead, those that reach past it."""
    if says_nothing(text):
        return ()
    found = []
    training = training_in(text, len(lead))
    if training:
        found.append(Statement(about="training", because=training, recipients=()))
    sharing = sharing_in(text, len(lead))
    if sharing is not None:
        found.append(Statement(about="sharing", because=sharing[0], recipients=sharing[1]))
    return tuple(found)
