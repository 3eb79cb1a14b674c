"""The texts of the replay's platform: a policy before and after, a FAQ, a setting, a question.

They are ours, written for the replay. They follow the *sequence* that the complaint in
De La Torre v. LinkedIn alleged; they are not that company's words.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CONTRACT",
    "FAQ",
    "NOTICE",
    "POLICY_1",
    "POLICY_2",
    "PROVIDER",
    "SETTING",
    "SETTING_NOTICE",
    "TAXONOMY",
    "USE_PLATFORM",
    "USE_PROVIDER",
]

USE_PLATFORM: Final = "train.generative.replies/messages/platform"
USE_PROVIDER: Final = "train.generative.replies/messages/provider.model-host"
PROVIDER: Final = "provider.model-host"

TAXONOMY: Final = """\
taxonomy: v1
version: replay-1
recipients:
  provider.model-host:
    sentence: The company that trains and hosts models for this service.
    phrase: the company that hosts our models
    since: replay-1
"""

CONTRACT: Final = """\
contract: v1
dataset: persuasion-for-good, dates shifted
record_id: [thread_id, seq]
parties:
  author: sender_id
  recipients: recipient_id
kind: kind
kinds:
  inmail: messages.inmail
  direct: messages.direct
collected_at: sent_at
"""

POLICY_1: Final = """\
---
document: privacy-policy
version: "1"
kind: privacy-policy
language: en
jurisdiction: "*"
effective: 2024-07-31T00:00:00Z
announced: 2024-07-01
uses:
  - service.delivery/messages/platform
  - service.security/messages/platform
---
# Privacy policy

We store your messages so that we can deliver them, show them to you again, and keep the
service safe. We use them to run and improve the service you signed up for.

Companies that work for us are bound to use what we give them for that work alone.

If we change this policy in a way that matters, we will tell you before the change takes effect.
"""

SETTING: Final = """\
---
document: settings-screen
version: "1"
kind: settings
language: en
jurisdiction: "*"
effective: 2024-08-15T09:00:00Z
uses:
  - train.generative.replies/messages/platform
---
# Data for improving generative AI

Can we and our affiliates use your data to train AI models that create content?

**Use my data for training: on**
"""

SETTING_NOTICE: Final = """\
Use my data for training content creation AI models: [on]
"""

NOTICE: Final = """\
Can your messages train the model that suggests replies?

What we do: learn which short replies people send. What we do not do: show your messages to
anyone. Who gets them: see each line. If you say no, the site works the same. You can stop at any
time, here, in as few steps.

( ) Yes, you may  ( ) No, you may not   This company
( ) Yes, you may  ( ) No, you may not   The company that hosts our models

If you say yes: ( ) only from today  ( ) also what you wrote before
"""

POLICY_2: Final = """\
---
document: privacy-policy
version: "2"
kind: privacy-policy
language: en
jurisdiction: "*"
effective: 2024-09-18T16:00:00Z
announced: 2024-09-18T16:00:00Z
replaces: "1"
uses:
  - service.delivery/messages/platform
  - service.security/messages/platform
  - train.generative.replies/messages/platform
  - train.generative.replies/messages/provider.model-host
---
# Privacy policy

We store your messages so that we can deliver them, show them to you again, and keep the
service safe. We use them to run and improve the service you signed up for.

We may use your data to develop and train artificial intelligence (AI) models, and share it with
our providers and affiliates for that purpose. You can turn this off in your settings.
"""

FAQ: Final = """\
---
document: ai-training-faq
version: "1"
kind: faq
language: en
jurisdiction: "*"
effective: 2024-09-18T16:00:00Z
uses:
  - train.generative.replies/messages/platform
  - train.generative.replies/messages/provider.model-host
---
# Questions about AI training

**What does opting out do?** We and our providers will not use your data to train models from
then on. Opting out does not affect training that has already taken place.
"""
