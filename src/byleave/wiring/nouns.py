"""The nouns of a workspace: `ws.gate.run(...)` is `byleave gate run`.

Each method calls one service and publishes the log when it wrote to it, so that what a call
returns is durable, logged and provable. One module a subject; this one names them all.
"""

from __future__ import annotations

from byleave.wiring.act_nouns import Acts
from byleave.wiring.consent_nouns import Consents, Notices, Rulesets, operators_book
from byleave.wiring.disclosure_nouns import Disclosures
from byleave.wiring.gate_nouns import Gates, Snapshots, Sources
from byleave.wiring.member_nouns import DEMO_MEMBERS, Members, Policies, Public
from byleave.wiring.model_nouns import Models, Releases
from byleave.wiring.proof_nouns import Directories, Proofs
from byleave.wiring.request_nouns import Requests
from byleave.wiring.withdrawal_nouns import Withdrawals

__all__ = [
    "DEMO_MEMBERS",
    "Acts",
    "Consents",
    "Directories",
    "Disclosures",
    "Gates",
    "Members",
    "Models",
    "Notices",
    "Policies",
    "Proofs",
    "Public",
    "Releases",
    "Requests",
    "Rulesets",
    "Snapshots",
    "Sources",
    "Withdrawals",
    "operators_book",
]
