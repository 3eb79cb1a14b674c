"""Write the generated tables of linkedin-2024.yaml: no real person, the same bytes every time.

    python examples/linkedin-2024/make_tables.py [FOLDER]

`kept.csv` is what a gate under the party rule `all` would keep: messages of which every party had
agreed, to what covers them, by the delivery. It is worked out here row by row, apart from
Byleave's own code, so that the case has something to be compared with.
"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

SEED = 7
MEMBERS = [f"m{n:02}" for n in range(1, 25)]
START = datetime(2024, 7, 1, tzinfo=UTC)
# member: (agreed at, expires, whether it covers what was collected before)
GRANTS = {
    "m01": ("2024-08-05T09:00:00Z", "", "true"),
    "m02": ("2024-08-05T10:00:00Z", "", "true"),
    "m03": ("2024-08-06T09:00:00Z", "", "false"),
    "m04": ("2024-08-06T09:30:00Z", "2024-09-01T00:00:00Z", "true"),
}
DELIVERIES = {
    "package-1": "2024-08-20T00:00:00Z",
    "replies-model-1": "2024-09-05T00:00:00Z",
    "package-2": "2024-09-25T00:00:00Z",
}
OPT_OUTS = {"m05": "2024-08-10", "m06": "2024-08-12", "m07": "2024-08-20", "m08": "2024-09-20"}


def instant(moment: datetime) -> str:
    """Write an instant the way the case reads it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def messages(rng: np.random.Generator) -> list[list[str]]:
    """Return record, author, recipients, sent_at, kind; every thirtieth has no date."""
    rows = []
    for n in range(1, 181):
        people = rng.permutation(len(MEMBERS))[: 2 + int(rng.integers(0, 3) == 0)]
        names = [MEMBERS[p] for p in people]
        if n % 9 == 0:
            names = ["m01", "m02"]
        sent = instant(START + timedelta(minutes=int(rng.integers(0, 92 * 24 * 60))))
        kind = "inmail" if rng.random() < 0.6 else "direct"
        rows.append([
            f"msg-{n:03}", names[0], ";".join(names[1:]), "" if n % 30 == 0 else sent, kind,
        ])  # fmt: skip
    return rows


def subscriptions() -> list[list[str]]:
    """Return a fee for each month from July to October 2024, for every other member."""
    months = [f"2024-{month:02}-01" for month in range(7, 12)]
    return [
        [member, start, end, "3999", "USD"]
        for member in MEMBERS[::2]
        for start, end in pairwise(months)
    ]


def kept(rows: list[list[str]]) -> list[list[str]]:
    """Return the records whose every party had agreed, by each delivery, to what covers them."""
    found = []
    for delivery, day in DELIVERIES.items():
        grants = {m: g for m, g in GRANTS.items() if g[0] < day and (not g[1] or day < g[1])}
        for record, author, recipients, sent, _ in rows:
            parties = [author, *recipients.split(";")]
            agreed = [grants[p] for p in parties if p in grants]
            covered = all(past == "true" or (sent and sent >= at) for at, _, past in agreed)
            if len(agreed) == len(parties) and covered:
                found.append([record, delivery])
    return found


def main(folder: Path) -> None:
    """Write every table into `folder`."""
    rng = np.random.default_rng(SEED)
    rows = messages(rng)
    regions = [("us-ca", "us", "eu")[n % 3] for n in range(len(MEMBERS))]
    tables = {
        "messages": (["record", "author", "recipients", "sent_at", "kind"], rows),
        "choices": (
            ["member", "at", "decision", "expires", "includes_past"],
            [[m, at, "grant", end, past] for m, (at, end, past) in GRANTS.items()],
        ),
        "opt_outs": (["member", "at"], [[m, at] for m, at in OPT_OUTS.items()]),
        "subscriptions": (
            ["member", "start", "end", "price_cents", "currency"],
            subscriptions(),
        ),
        "regions": (
            ["member", "region", "start", "end"],
            [[m, r, "2020-01-01", ""] for m, r in zip(MEMBERS, regions, strict=True)],
        ),
        "kept": (["record", "delivery"], kept(rows)),
    }
    for name, (header, body) in tables.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, lineterminator="\n").writerows([header, *body])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
