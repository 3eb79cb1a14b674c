"""The operator's scheduled job: what is due for withdrawals, then what there is new to learn.

    python -m examples.network.night FOLDER

A process of its own on the operator's side. Rows come in by the HTTP API, from the network's
database; withdrawals, models and packages are worked on with the workspace open, as a pipeline has
it. The network's web server knows nothing of it; it asks the API which releases there are.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import byleave
from byleave.client import Client

from .store import Store, now
from .texts import PLANS, POLICY, PROVIDER_USE, TAXONOMY, Plan

__all__ = ["ask_questions", "open_doors", "work"]

_SECONDS = 300.0


def open_doors(workspace: Path, *, embed_in: str) -> None:
    """Make the workspace: its policy, and who may frame the settings.

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
    config = workspace / "byleave.toml"
    config.write_text(f'{config.read_text("utf-8")}[portal]\nembed_in = ["{embed_in}"]\n', "utf-8")


def ask_questions(portal: str, token: str) -> None:
    """Publish what members are asked, by the API.

    Args:
        portal: Byleave's address.
        token: An API token that may.
    """
    with Client(portal, token=token) as api:
        for plan in PLANS:
            api.publish_notice(f"{plan.source}-1", plan.notice, plan.asks)


def work(workspace: Path, store: Store) -> list[str]:
    """Do one night's work; return what was done, a line each."""
    lines: list[str] = []
    with Client(str(store.fact("portal")), token=str(store.fact("rows token"))) as api:
        sources = {plan.trainer: _rows(api, store, plan) for plan in PLANS}
    with byleave.open(workspace) as ws:
        unlearned, recalled = ws.withdrawal.run()
        lines += [
            f"{done.old} held what may no longer be used: {done.removed:,} rows unlearned,"
            f" {done.new.release} is out, with the bytes of a fit without them"
            for done in unlearned
        ]
        lines += [f"{name}: rows recalled from the provider" for name in recalled]
        for plan in PLANS:
            lines += _learn(ws, plan, sources[plan.trainer])
        lines += _offer(ws, sources["replies"])
    store.fill("night", [(None, now(), line) for line in lines or ["nothing was due"]])
    return lines


def _rows(api: Client, store: Store, plan: Plan) -> str:
    """Bring a plan's rows in where they changed since the last time; return the source.

    Raises:
        RuntimeError: They were refused, or five minutes were not enough.
    """
    table = _table(store, plan)
    count = table.num_rows
    known = store.fact(f"source {plan.source}")
    name, _, rows = (known or "").partition(" ")
    if known is not None and int(rows) == count:  # nothing is ever edited, only added
        return name
    name = f"{plan.source}-{1 if known is None else int(name.rpartition('-')[2]) + 1}"
    file = io.BytesIO()
    pq.write_table(table, file)
    file.seek(0)
    origin = str(store.fact("origin"))
    job = api.add_source(name, plan.contract, [api.upload(file)], origin=origin)
    give_up = time.monotonic() + _SECONDS
    while job["ended"] is None and time.monotonic() < give_up:
        time.sleep(0.1)
        job = api.job(job["job"])
    if job["state"] != "done":
        raise RuntimeError(f"{name} was not added: {job['problem']}")
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
