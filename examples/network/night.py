"""The operator's scheduled job: what is due for withdrawals, then what there is new to learn.

    python -m examples.network.night FOLDER

A process of its own on the operator's side, with the workspace open, as a pipeline has it. The
network's web server knows nothing of it; it asks the API which releases there are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

import byleave

from .store import Store, now
from .texts import PLANS, POLICY, PROVIDER_USE, TAXONOMY, Plan

__all__ = ["open_doors", "work"]


def open_doors(workspace: Path, *, embed_in: str) -> None:
    """Make the workspace: policy and questions; who may frame the settings.

    Args:
        workspace: Its folder, which is not there yet.
        embed_in: Origin of the network's pages.
    """
    today = datetime.now(UTC)  # noqa: TID251 (a program of its own)
    text = POLICY.format(
        effective=(today + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        announced=(today - timedelta(days=30)).strftime("%Y-%m-%d"),
    )
    with byleave.create(
        workspace,
        origin="localhost/network",
        operator="the example network",
        taxonomy=TAXONOMY,
    ) as ws:
        ws.policy.publish(text, name="privacy-policy.md")
        for plan in PLANS:
            ws.policy.publish_notice(plan.notice, notice=f"{plan.source}-1", asks=plan.asks)
    config = workspace / "byleave.toml"
    config.write_text(f'{config.read_text("utf-8")}[portal]\nembed_in = ["{embed_in}"]\n', "utf-8")


def work(workspace: Path, store: Store) -> list[str]:
    """Do one night's work; return what was done, a line each."""
    lines: list[str] = []
    with byleave.open(workspace) as ws:
        unlearned, recalled = ws.withdrawal.run()
        lines += [
            f"{done.old} held what may no longer be used: {done.removed:,} rows unlearned,"
            f" {done.new.release} is out, with the bytes of a fit without them"
            for done in unlearned
        ]
        lines += [f"{name}: rows recalled from the provider" for name in recalled]
        sources = {plan.trainer: _rows(ws, store, plan) for plan in PLANS}
        for plan in PLANS:
            lines += _learn(ws, plan, sources[plan.trainer])
        lines += _offer(ws, sources["replies"])
    store.fill("night", [(None, now(), line) for line in lines or ["nothing was due"]])
    return lines


def _rows(ws: byleave.Workspace, store: Store, plan: Plan) -> str:
    """Bring a plan's rows in where they changed since the last time; return the source."""
    table = _table(store, plan)
    count = table.num_rows
    known = store.fact(f"source {plan.source}")
    name, _, rows = (known or "").partition(" ")
    if known is not None and int(rows) == count:  # nothing is ever edited, only added
        return name
    name = f"{plan.source}-{1 if known is None else int(name.rpartition('-')[2]) + 1}"
    origin = str(store.fact("origin"))
    ws.source.add(name, table, plan.contract, about={"data": plan.source, "origin": origin})
    store.keep(f"source {plan.source}", f"{name} {count}")
    return name


def _table(store: Store, plan: Plan) -> pa.Table:
    if plan.source == "messages":
        rows = store.ask("SELECT * FROM message ORDER BY thread, seq")
        table = pa.Table.from_pylist([dict(row) for row in rows])
        return table.set_column(
            table.schema.get_field_index("at"),
            "at",
            table["at"].cast(pa.timestamp("us", tz="UTC")),
        )
    kinds = "kind = 'item'" if plan.source == "learning" else "kind <> 'item'"
    rows = store.ask(f"SELECT account AS member, kind, item FROM has WHERE {kinds}")  # noqa: S608
    return pa.Table.from_pylist([dict(row) for row in rows])


def _learn(ws: byleave.Workspace, plan: Plan, source: str) -> Iterator[str]:
    """Gate again; where other rows may be used than the release in service holds, make a new one."""
    gate, gated = ws.gate.run(source, plan.use)
    kept = gated.record.kept
    current = next((r for r in reversed(ws.release.list()) if r["trainer"] == plan.trainer), None)
    if current is not None:
        held = next(s for s in ws.snapshot.list() if s["snapshot"] == current["snapshot"])
        if (held["source"], held["records"]) == (source, kept):
            return
    snapshot = ws.snapshot.seal(gate, gated=gated)
    run = ws.model.train(plan.trainer, snapshot, columns=plan.columns, recipe=plan.recipe)
    release = ws.release.publish(run)
    yield (
        f"{release.release} is out: trained on {kept:,} of {gated.record.rows:,}"
        f" rows of {source}, the others have their reasons"
    )


def _offer(ws: byleave.Workspace, source: str) -> Iterator[str]:
    """Offer the provider what it may have and does not hold yet."""
    may_have = ws.gate.dry_run(source, PROVIDER_USE).kept
    packages = ws.disclosure.list()
    if not packages or may_have > packages[-1]["rows"] - len(packages[-1]["recalled_rows"]):
        made = ws.disclosure.offer(source, PROVIDER_USE)
        yield f"{made.disclosure}: {made.record.kept:,} messages offered to the provider"


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print("\n".join(work(folder / "byleave", Store(folder / "network.sqlite"))))
