"""The operator's scheduled job: what is due for withdrawals, then what there is new to learn.

    python -m examples.network.night FOLDER

A process of its own on the operator's side, which knows Byleave by its HTTP API alone
(`byleave.client`), with a token of its own: rows come in from the network's database, and
withdrawals, models and packages are jobs of the API. The network's web server knows nothing of it;
it asks the API which releases there are.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from byleave.client import Client

from .store import Store, now
from .texts import PLANS, PROVIDER_USE, Plan

__all__ = ["TOKEN", "ask_questions", "work"]

TOKEN: Final = "night.token"
"""File of the job's API token, beside the network's database."""
_SECONDS: Final = 300.0


def ask_questions(portal: str, token: str) -> None:
    """Publish what members are asked, by the API.

    Args:
        portal: Byleave's address.
        token: An API token that may.
    """
    with Client(portal, token=token) as api:
        for plan in PLANS:
            api.publish_notice(f"{plan.source}-1", plan.notice, plan.asks)


def work(folder: Path) -> list[str]:
    """Do one night's work; return what was done, a line each.

    Args:
        folder: Where the network's database and the job's token are.
    """
    store = Store(folder / "network.sqlite")
    token = (folder / TOKEN).read_text("ascii")
    with Client(str(store.fact("portal")), token=token) as api:
        sources = {plan.trainer: _rows(api, store, plan) for plan in PLANS}
        reached = _done(api, api.run_withdrawals())
        lines = [
            f"{done['from']} held what may no longer be used: {done['rows_forgotten']:,} rows"
            f" unlearned, {done['to']} is out, with the bytes of a fit without them"
            for done in reached["unlearned"]
        ]
        lines += [f"{name}: rows recalled from the provider" for name in reached["recalled"]]
        for plan in PLANS:
            lines += _learn(api, plan, sources[plan.trainer])
        lines += _offer(api, sources["replies"])
    store.fill("night", [(None, now(), line) for line in lines or ["nothing was due"]])
    return lines


def _done(api: Client, job: dict[str, Any]) -> dict[str, Any]:
    """Return what came of a job, once it has ended.

    Raises:
        RuntimeError: It came to nothing, or five minutes were not enough.
    """
    found = api.wait(job, seconds=_SECONDS)
    if found["state"] != "done":
        raise RuntimeError(f"{found['kind']} is {found['state']}: {found['problem']}")
    result: dict[str, Any] = found["result"]
    return result


def _rows(api: Client, store: Store, plan: Plan) -> str:
    """Bring a plan's rows in where they changed since the last time; return the source."""
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
    _done(api, api.add_source(name, plan.contract, [api.upload(file)], origin=origin))
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


def _learn(api: Client, plan: Plan, source: str) -> Iterator[str]:
    """Gate again; where other rows may be used than the release in service holds, make a new one."""
    gated = _done(api, api.run_gate(source, plan.use))
    kept = gated["kept"]
    made = [release for release in api.releases() if release["trainer"] == plan.trainer]
    if made:
        held = next(s for s in api.snapshots() if s["snapshot"] == made[-1]["snapshot"])
        if (held["source"], held["records"]) == (source, kept):
            return
    snapshot = _done(api, api.seal(gated["gate"]))["snapshot"]
    fit = api.train(plan.trainer, snapshot, columns=plan.columns, recipe=plan.recipe)
    release = _done(api, api.publish_release(_done(api, fit)["run"]))["release"]
    yield (
        f"{release} is out: trained on {kept:,} of {gated['rows']:,}"
        f" rows of {source}, the others have their reasons"
    )


def _offer(api: Client, source: str) -> Iterator[str]:
    """Offer the provider what it may have and does not hold yet."""
    may_have = api.preview_offer(source, PROVIDER_USE)["kept"]
    packages = list(api.packages())
    if not packages or may_have > packages[-1]["rows"] - len(packages[-1]["recalled_rows"]):
        made = _done(api, api.offer(source, PROVIDER_USE))
        yield f"{made['disclosure']}: {made['offered']:,} messages offered to the provider"


if __name__ == "__main__":
    print("\n".join(work(Path(sys.argv[1]))))
