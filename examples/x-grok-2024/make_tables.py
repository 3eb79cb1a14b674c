"""Write the generated tables of x-grok-2024.yaml: no real person or post, the same bytes each time.

    python examples/x-grok-2024/make_tables.py [FOLDER]

Members are `generated_N`; who lives where and who turned the switch off is their number's remainder.
"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from byleave.connectors.generated import generate

SEED = 24
MEMBERS, THREADS, POSTS = 24, 40, 240
FIRST = datetime(2024, 4, 1, tzinfo=UTC)
REGIONS = ("ie", "us", "de", "br", "no", "us-ca")


def posts() -> pa.Table:
    """Return generated posts, one each fourteen hours and a half from 1 April 2024.

    Columns: post (int64), thread, seq, author, sent_at (UTC), text.
    """
    made = generate(SEED, members=MEMBERS, threads=THREADS, messages=POSTS)
    sent = [FIRST + timedelta(minutes=870 * n) for n in range(made.num_rows)]
    return pa.table(
        {
            "post": pa.array(range(1, made.num_rows + 1), pa.int64()),
            "thread": made["thread_id"],
            "seq": made["seq"],
            "author": made["sender_id"],
            "sent_at": pa.array(sent, pa.timestamp("us", "UTC")),
            "text": made["text"],
        }
    )


def regions(table: pa.Table) -> dict[str, str]:
    """Return author → region."""
    authors = sorted(set(table["author"].to_pylist()))
    return {author: REGIONS[n % len(REGIONS)] for n, author in enumerate(authors)}


def switched_off(where: dict[str, str]) -> list[str]:
    """Return the authors who turned the switch off before anything of the interval was used."""
    return [member for n, member in enumerate(where) if n % 7 == 0]


def main(folder: Path) -> None:
    """Write every table into `folder`."""
    table = posts()
    where = regions(table)
    sent = [moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in table["sent_at"].to_pylist()]
    tables = {
        "posts": (
            ["record", "author", "recipients", "sent_at"],
            [
                [post, author, "", when]
                for post, author, when in zip(
                    table["post"].to_pylist(), table["author"].to_pylist(), sent, strict=True
                )
            ],
        ),
        "regions": (
            ["member", "region", "start", "end"],
            [[member, region, "2020-01-01", ""] for member, region in where.items()],
        ),
        "opt_outs": (
            ["member", "at"],
            [[member, "2024-07-28"] for member in switched_off(where)],
        ),
    }
    for name, (header, body) in tables.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, lineterminator="\n").writerows([header, *body])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
