"""What the network says and asks: its own policy and questions, written for this example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["PLANS", "POLICY", "PROVIDER", "PROVIDER_USE", "TAXONOMY", "Plan"]

PROVIDER: Final = "provider.model-host"
PROVIDER_USE: Final = f"train.generative.replies/messages/{PROVIDER}"

TAXONOMY: Final = """\
taxonomy: v1
version: network-1
recipients:
  provider.model-host:
    sentence: The company that trains and hosts models for this network.
    phrase: the company that hosts our models
    since: network-1
"""

POLICY: Final = """\
---
document: privacy-policy
version: "1"
kind: privacy-policy
language: en
jurisdiction: "*"
effective: {effective}
announced: {announced}
uses:
  - service.delivery/messages/platform
  - service.delivery/profile/platform
  - service.delivery/activity/platform
  - train.ranking.jobs/profile/platform
  - train.ranking.content/activity.feed/platform
  - train.generative.replies/messages/platform
  - train.generative.replies/messages/provider.model-host
---
# Privacy policy

We keep your profile, what you learn with and your messages so that the network works.

We train models on them only if you say yes, to each model by itself. If you stop, the models are
made again without you, and whoever we gave your messages to must delete them and sign for it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One model: its data, its use, its question.

    Attributes:
        trainer: Byleave's trainer.
        source: The data set it learns from.
        use: The use it is gated for.
        contract: Whose data a row is.
        columns: Column of the trainer → column of the rows.
        recipe: What the recipe sets besides its defaults.
        asks: The uses its notice asks for, a line each.
        notice: The text members answer.
    """

    trainer: str
    source: str
    use: str
    contract: str
    columns: dict[str, str]
    recipe: dict[str, object]
    asks: tuple[str, ...]
    notice: str


PLANS: Final = (
    Plan(
        trainer="jobs",
        source="profiles",
        use="train.ranking.jobs/profile/platform",
        contract="""\
contract: v1
dataset: profiles
record_id: [member, kind, item]
parties: {author: member}
kind: kind
kinds: {skill: profile.skills, role: profile.employment}
""",
        columns={},
        recipe={"target": "role"},
        asks=("train.ranking.jobs/profile/platform",),
        notice="""\
Can your skills and roles train the model that suggests jobs?

What we do: learn which skills go with which roles. What we do not do: tell an employer about you.
If you say no, you see the jobs that most members have. You can stop at any time.

( ) Yes, you may  ( ) No, you may not
""",
    ),
    Plan(
        trainer="content",
        source="learning",
        use="train.ranking.content/activity.feed/platform",
        contract="""\
contract: v1
dataset: learning
record_id: [member, item]
parties: {author: member}
category_constant: activity.feed
""",
        columns={},
        recipe={},
        asks=("train.ranking.content/activity.feed/platform",),
        notice="""\
Can what you learn with train the model that suggests courses and podcasts?

What we do: learn what people use together. What we do not do: show anybody what you use.
If you say no, you see what most members use. You can stop at any time.

( ) Yes, you may  ( ) No, you may not
""",
    ),
    Plan(
        trainer="replies",
        source="messages",
        use="train.generative.replies/messages/platform",
        contract="""\
contract: v1
dataset: messages
record_id: [thread, seq]
parties: {author: sender, recipients: recipient}
kind: kind
kinds: {direct: messages.direct, inmail: messages.inmail}
collected_at: at
""",
        columns={"author": "sender"},
        recipe={},
        asks=("train.generative.replies/messages/platform", PROVIDER_USE),
        notice="""\
Can your messages train the model that suggests replies?

What we do: learn which short replies many people send. What we do not do: show your messages to
anyone. A message counts only if everybody in it said yes. Who gets them: see each line.
If you say no, you see the replies that are sent most. You can stop at any time.

( ) Yes, you may  ( ) No, you may not   This network
( ) Yes, you may  ( ) No, you may not   The company that hosts our models
""",
    ),
)
