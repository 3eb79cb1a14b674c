"""Make a workspace of the same generated posts, with two models trained on them.

    python examples/x-grok-2024/make_workspace.py FOLDER

`replies-1` was trained on what was posted before 7 May 2024, `replies-2` on all of it. Whoever
had not turned the switch off said yes here: `case purge` takes out whoever said yes.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.compute as pc
from make_tables import SEED, posts, regions, switched_off

from byleave.consent.event import EventKind
from byleave.service.consent import NewEvent
from byleave.wiring import create
from byleave.wiring.world import ReplayClock

USE = "train.generative.chatbot/content.posts/platform"
NOTICE = "May your public posts train the chatbot? ( ) Yes ( ) No\n"
TAXONOMY = """\
taxonomy: v1
version: x-grok-2024-1
purposes:
  train.generative.chatbot:
    sentence: Train the chatbot.
    phrase: train the chatbot
    fides: train_ai_system
    since: x-grok-2024-1
"""
CONTRACT = """\
contract: v1
dataset: generated posts
record_id: [post]
parties:
  author: author
category_constant: content.posts
collected_at: sent_at
"""
COLUMNS = {"thread": "thread", "seq": "seq", "author": "author", "text": "text"}


def main(folder: Path) -> None:
    """Make the workspace in `folder`, which does not exist yet."""
    table = posts()
    spring = table.filter(pc.less(table["sent_at"], datetime(2024, 5, 7, tzinfo=UTC)))
    with create(
        folder,
        origin="log.example/x-grok-2024",
        operator="a generated platform",
        taxonomy=TAXONOMY,
        seed=SEED,
        now=ReplayClock(datetime(2024, 8, 25, tzinfo=UTC)),
    ) as ws:
        ws.policy.publish_notice(NOTICE, notice="chatbot-question", asks=[USE])
        where = regions(table)
        off = switched_off(where)
        for name, part in (("posts-spring", spring), ("posts", table)):
            ws.source.add(name, part, CONTRACT, regions=where)
        ws.consent.record(
            [
                NewEvent(
                    member=member,
                    kind=EventKind.GRANT,
                    scope=ws.scope(USE),
                    notice="chatbot-question",
                    includes_past=True,
                )
                for member in where
                if member not in off
            ]
        )
        for name in ("posts-spring", "posts"):
            gate, gated = ws.gate.run(name, USE)
            run = ws.model.train("replies", ws.snapshot.seal(gate, gated=gated), columns=COLUMNS)
            print(f"{ws.release.publish(run).release}  trained on {name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
