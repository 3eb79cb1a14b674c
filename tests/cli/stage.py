"""A folder in which every example of every help can be run as it stands.

The messages are a small generated set; its members are called m-1, m-2, and so on.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from importlib import metadata
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from byleave.wiring import open as open_workspace
from byleave.wiring.recipient import RecipientFolder, make_recipient
from byleave.wiring.witness import make_witness
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import COLUMNS, CONTRACT, NOTICE, START, empty, people, small_table

__all__ = ["PLATFORM", "PROVIDER", "agree_again", "messages", "reach", "set_stage"]

PLATFORM = "train.generative.replies/messages/platform"
PROVIDER = "train.generative.replies/messages/provider.acme"
TAXONOMY = """\
taxonomy: v1
version: stage-1
recipients:
  provider.acme:
    sentence: A company that hosts models.
    phrase: a company that hosts models
    since: stage-1
"""
RULESETS = """\
rulesets: v1
version: "stage-1"
sets:
  - ruleset: uk-suspended
    title: Training on UK members suspended
    effective: "2100-01-01"
    regions: [uk, gb]
    rules:
      - {scope: "*/*/*", basis: opt-in, cite: "UK GDPR art. 6(1)(a)"}
    messages: {party_rule: all, cite: "Investigatory Powers Act 2016 s. 44(1)"}
    past: {may_be_covered: true, cite: "UK GDPR art. 13(3)"}
    general_grants: {count: false, cite: "UK GDPR art. 4(11)"}
    suspensions:
      - {scope: "train/*/*", start: "2100-01-02", cite: "a stage has no law"}
"""
POLICY = """\
---
document: privacy-policy
version: "{version}"
kind: privacy-policy
language: en
jurisdiction: "*"
effective: {effective}
uses:
  - service.delivery/messages/platform
---
# Privacy policy

We use messages to deliver them.
"""


def messages() -> pa.Table:
    """Return the small generated messages, their members called m-1, m-2 and so on."""
    table = small_table()
    for column in ("sender_id", "recipient_id"):
        place = table.column_names.index(column)
        named = pc.replace_substring(table[column], "generated_", "m-")
        table = table.set_column(place, column, named)
    return table


def agree_again(folder: Path) -> None:
    """Let the two members who withdrew on the stage say yes again."""
    with open_workspace(folder / "byleave-demo") as ws:
        for member in people(messages())[:2]:
            ws.consent.grant(member, PLATFORM, notice="replies-7", includes_past=True)


def reach(name: str, folder: Path) -> None:
    """Make what the examples of a command speak of: a delta, a stale snapshot, members who left."""
    with open_workspace(folder / "byleave-demo") as ws:
        if name == "snapshot renew":
            ws.snapshot.seal("gate-1")  # the withdrawals of the stage have not reached it
            return
        if name == "member erase":
            for member in ("m-1", "m-2"):
                ws.consent.withdraw(member, "train/messages/*")
        ws.withdrawal.run(with_refit=False)


def set_stage(folder: Path, root: Path) -> None:
    """Fill a folder: a workspace under two names, and the files that examples speak of."""
    table = messages()
    who = people(table)
    pq.write_table(table, folder / "messages.parquet")
    for name in ("messages.yaml", "contract.yaml"):
        (folder / name).write_text(CONTRACT)
    rows = [f"{m},{PLATFORM},{'grant' if n % 2 else 'refuse'}" for n, m in enumerate(who)]
    (folder / "consent.csv").write_text("\n".join(["member,use,decision", *rows, ""]))
    (folder / "ask.md").write_text(NOTICE)
    policy = POLICY.format(version=3, effective="2100-01-01T00:00:00Z")
    (folder / "privacy-policy.md").write_text(policy)
    (folder / "rulesets.yaml").write_text(RULESETS)
    (folder / "robots.txt").write_text("User-Agent: *\nContent-Usage: train-ai=n\n")
    (folder / "headers.txt").write_text("Sec-GPC: 1\n")
    lock = f"numpy=={metadata.version('numpy')} \\\n    --hash=sha256:{'0' * 64}\n"
    (folder / "requirements.txt").write_text(lock)
    (folder / "tdmrep.json").write_text('[{"location":"/","tdm-reservation":1}]')
    shutil.copytree(root / "examples", folder / "examples")
    _make_workspace(folder / "byleave-demo", table, who)
    (folder / "byleave-workspace").symlink_to("byleave-demo", target_is_directory=True)
    for path in (folder / "byleave-demo" / "proofs").iterdir():
        name = "my.receipt" if path.suffix == ".receipt" else "absence.proof"
        shutil.copy(path, folder / name)
    shutil.copy(folder / "byleave-demo" / "trust.policy", folder / "trust.policy")
    make_witness(folder / "my-witness", "witness.test.invalid", random=bytes)
    _make_recipient(folder)


def _make_recipient(folder: Path) -> None:
    """Make the folder of the recipient of package-1, which has pulled it."""
    trust = (folder / "trust.policy").read_bytes()
    make_recipient(folder / "acme", PROVIDER.rpartition("/")[2], trust)
    with open_workspace(folder / "byleave-demo") as ws:
        ws.disclosure.register((folder / "acme" / "card.json").read_bytes())
        ws.disclosure.lay_out(PROVIDER.rpartition("/")[2], folder / "outbox")
    mine = RecipientFolder(folder / "acme")
    mine.pull(mine.outbox(str(folder / "outbox")))


def _make_workspace(path: Path, table: pa.Table, who: list[str]) -> None:
    clock = ReplayClock(START)
    with empty(path, clock, taxonomy=TAXONOMY) as ws:
        for version in (1, 2):
            effective = f"2024-07-0{version}T00:00:00Z"
            ws.policy.publish(POLICY.format(version=version, effective=effective))
        ws.policy.publish_notice(NOTICE, notice="replies-7", asks=[PLATFORM, PROVIDER])
        ws.source.add("messages", table, CONTRACT, regions=dict.fromkeys(who, "eu"))
        clock.set(START + timedelta(days=1))
        for member in who[:32]:
            for scope in (PLATFORM, PROVIDER):
                ws.consent.grant(member, scope, notice="replies-7", includes_past=True)
        gate, gated = ws.gate.run("messages", PLATFORM)
        run = ws.model.train("replies", ws.snapshot.seal(gate, gated=gated), columns=COLUMNS)
        releases = [ws.release.publish(run).release for _ in range(2)]
        ws.disclosure.offer("messages", PROVIDER)
        ws.directory.build()
        clock.set(START + timedelta(days=2))
        for member in who[:2]:
            ws.consent.withdraw(member, "train/messages/*")
        ws.proof.make(who[-1], releases[0])
        ws.proof.receipt(who[-1])
