"""A small platform with two recipients, and their folders; everything generated, all on loopback.

`provider.host` may hand rows on to `provider.logs`. Half of the members said yes to both.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import byleave
from byleave.wiring import Workspace
from byleave.wiring.recipient import RecipientFolder, make_recipient
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import (
    CONTRACT,
    PLATFORM,
    PROVIDER,
    START,
    TAXONOMY,
    asked,
    empty,
    grant,
    people,
    small_table,
)

__all__ = ["HOST", "LOGS", "LOGS_USE", "Site", "make_site"]

HOST = "provider.host"
LOGS = "provider.logs"
LOGS_USE = "train.generative.replies/messages/provider.logs"
MORE_TERMS = """\
  provider.logs:
    sentence: The company that keeps the logs of the company that hosts the models of a test.
    phrase: the company that keeps its logs
    since: small-1
"""
CONTRACTS = """\
recipients: v1
version: small-1
companies:
  - company: host
    recipient: provider.host
    parents: []
    contracts:
      - {terms: host-1, from: 2024-01-01, may_train: [train.generative.replies], may_pass_on: [provider.logs]}
  - company: logs
    recipient: provider.logs
    parents: []
    contracts:
      - {terms: logs-1, from: 2024-01-01, may_train: [train.generative.replies], may_pass_on: []}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A platform and its recipients.

    Attributes:
        root: Folder of all of it: `ws`, `host`, `logs`, and what passes between them.
        agreed: Members who said yes to both recipients.
        now: The instant of the last act.
        package: The package offered to `provider.host`.
    """

    root: Path
    agreed: tuple[str, ...]
    now: datetime
    package: str

    def at(self, **later: float) -> datetime:
        """Return an instant so much later than the last act."""
        return self.now + timedelta(**later)

    def open(self, *, read_only: bool = False, **later: float) -> Workspace:
        """Open the platform's workspace, so much later."""
        clock = ReplayClock(self.at(**later) if later else self.at(hours=1))
        return byleave.open(self.root / "ws", now=clock, read_only=read_only)

    def recipient(self, name: str = "host", **later: float) -> RecipientFolder:
        """Open a recipient's folder, so much later."""
        return RecipientFolder(
            self.root / name, now=lambda: self.at(**later) if later else self.at(hours=2)
        )

    def copy(self, root: Path) -> Site:
        """Return a copy that a test may change."""
        shutil.copytree(self.root, root)
        return replace(self, root=root)

    def lay_out(self, name: str = HOST, folder: str = "out", **later: float) -> Path:
        """Write what lies there for a recipient into a folder."""
        with self.open(read_only=True, **later) as ws:
            ws.disclosure.lay_out(name, self.root / folder)
        return self.root / folder

    def withdraw(self, *members: str, **later: float) -> list[str]:
        """Let members withdraw, and recall."""
        with self.open(read_only=False, **later) as ws:
            for member in members:
                ws.consent.withdraw(member, "train/messages/*")
            return ws.disclosure.recall()

    def delivered(self) -> Site:
        """Have the package pulled, and the delivery taken."""
        out = self.lay_out()
        mine = self.recipient()
        pulled = mine.pull(mine.outbox(str(out)))
        assert pulled.packages == (self.package,), pulled.refused
        mine.acknowledge(mine.outbox(str(out)))
        with self.open(hours=3) as ws:
            ((_, _, refusal),) = ws.disclosure.receive([out])
            assert refusal is None
        return self

    def answered(self) -> list[str | None]:
        """Have open orders pulled, obeyed and answered; return the codes of refusals."""
        out = self.lay_out(days=3)
        mine = self.recipient(days=3)
        mine.pull(mine.outbox(str(out)))
        mine.obey()
        mine.sign_answers()
        mine.acknowledge(mine.outbox(str(out)))
        with self.open(days=4) as ws:
            found = ws.disclosure.receive([out])
        return [None if refusal is None else refusal.code for _, _, refusal in found]


def make_site(root: Path) -> Site:
    """Make a platform that has offered one package to a registered recipient."""
    clock = ReplayClock(START)
    table = small_table()
    who = people(table)
    agreed = tuple(who[:16])
    with empty(root / "ws", clock, taxonomy=TAXONOMY + MORE_TERMS) as ws:
        asked(ws)
        ws.policy.publish_notice("And its logs? ( ) Yes ( ) No\n", notice="q-2", asks=[LOGS_USE])
        ws.policy.recipients(CONTRACTS)
        ws.source.add("messages", table, CONTRACT, regions=dict.fromkeys(who, "eu"))
        clock.set(START + timedelta(days=1))
        for use, notice in ((PLATFORM, None), (PROVIDER, None), (LOGS_USE, "q-2")):
            events = [grant(member, use, ws) for member in agreed]
            ws.consent.record([replace(e, notice=notice or e.notice) for e in events])
        trust = ws.places.trust.read_bytes()
        for folder, name in (("host", HOST), ("logs", LOGS)):
            make_recipient(root / folder, name, trust)
            ws.disclosure.register((root / folder / "card.json").read_bytes())
            (root / f"{folder}.registration").write_bytes(ws.disclosure.registration(name))
        package = ws.disclosure.offer(
            "messages", PROVIDER, expires=START + timedelta(days=200)
        ).disclosure
        return Site(root, agreed, clock(), package)
