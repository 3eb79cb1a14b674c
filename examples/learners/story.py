"""One learner, from consent to a withdrawal: forecast, train, serve what is clean, unlearn, compare.

    python examples/learners/story.py examples/learners/linear.py [--messages MESSAGES.parquet]

Without `--messages` the rows are generated, and nobody wrote them. The workspace is made in a
temporary folder and removed. Every yes in it is made up for the example. Questions come from pairs
who are not in the model; on a platform of your own that is a use of their data, to be asked for.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import byleave
from byleave.trainers.sharded import mean_of_shards

USE = "train.generative.replies/messages.direct/platform"
NOTICE = "May we learn from the messages you write? ( ) Yes ( ) No\n"
CONTRACT = """\
contract: v1
record_id: number
parties: {author: sender, recipients: recipient}
category_constant: messages.direct
"""


def generated(rows: int = 600, people: int = 40) -> pa.Table:
    """Return messages that nobody wrote, between pairs of people of whom one asks."""
    draw = np.random.default_rng(11)
    words = [
        "would you give to the children of this charity today please",
        "i am not sure what they do with money but perhaps a little",
    ]
    sides, texts, senders, recipients = [], [], [], []
    for _ in range(rows):
        sender = int(draw.integers(people))
        side = sender % 2
        mixed = words[side].split() + words[1 - side].split()[:4]
        texts.append(" ".join(draw.permutation(mixed)[: int(draw.integers(4, 12))]))
        sides.append(str(side))
        senders.append(f"member-{sender}")
        recipients.append(f"member-{sender ^ 1}")
    return pa.table(
        {
            "number": [str(n) for n in range(rows)],
            "sender": senders,
            "recipient": recipients,
            "side": sides,
            "text": texts,
        }
    )


def real(path: Path) -> pa.Table:
    """Return the messages of persuasion-for-good: who asks for a gift is side 1."""
    table = pq.read_table(path)
    return pa.table(
        {
            "number": [str(n) for n in range(table.num_rows)],
            "sender": table["sender_id"],
            "recipient": table["recipient_id"],
            "side": [str(int(r == "persuader")) for r in table["sender_role"].to_pylist()],
            "text": table["text"],
        }
    )


def opened(path: Path) -> ModuleType:
    """Return a learner's file as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def quality(learner: ModuleType, files: Mapping[str, bytes], rows: pa.Table) -> str:
    """Return how well the mean of the shards answers: its accuracy, or bits for each byte."""
    texts = rows["text"].to_pylist()
    scores = mean_of_shards(files, lambda state: learner.scores(state, texts))
    if scores.shape != (len(texts),):
        return f"{-np.log2(scores).mean():.2f} bits a byte"
    sides = np.array([int(side) for side in rows["side"].to_pylist()])
    return f"accuracy {((scores > 0.5) == sides).mean():.3f}"


def tell(file: Path, rows: pa.Table, folder: Path) -> bool:
    """Tell the story in a workspace; return whether unlearning gave the bytes of a fit without."""
    learner = opened(file)
    pairs = list(zip(*(rows[c].to_pylist() for c in ("sender", "recipient")), strict=True))
    every_fifth = sorted({(min(pair), max(pair)) for pair in pairs})[::5]
    held = {member for pair in every_fifth for member in pair}  # they say nothing: not trained on
    asked = rows.filter(pa.array([s in held and r in held for s, r in pairs]))
    members = sorted({member for pair in pairs for member in pair})
    leaver = next(sender for sender, _ in pairs if sender not in held)
    with byleave.create(folder, seed=5) as ws:
        ws.policy.publish_notice(NOTICE, notice="ask", asks=[USE])
        ws.source.add("messages", rows, CONTRACT, regions=dict.fromkeys(members, "us"))
        for member in members:
            if member not in held:
                ws.consent.grant(member, USE, notice="ask", includes_past=True)
        gate, gated = ws.gate.run("messages", USE, party_rule="any")
        snapshot = ws.snapshot.seal(gate, gated=gated)
        name = ws.keep_trainer(file)
        columns = {"member": "sender", "label": "side"}
        wanted = {c: columns.get(c, c) for c in ws.house.trainers[name].columns}
        before = ws.model.forecast(name, snapshot, columns=wanted, leaving=(1, 10))
        print(f"forecast   {before.rows:,} rows, {before.shards} shards of {before.slices} slices:")
        for leaving, cost in before.cost.items():
            print(f"           {leaving} leaving cost {cost:.0%} of a fit")
        run = ws.model.train(name, snapshot, columns=wanted)
        release = ws.release.publish(run)
        print(f"trained    {release.release}: {quality(learner, release.files, asked)}")

        ws.consent.withdraw(leaver, "train.generative.replies/messages.direct/*")
        clean = ws.model.clean(release.release)
        print(f"withdrawn  {clean.rows} rows may no longer be used")
        print(f"at once    {quality(learner, clean.files, asked)}, {clean.behind} other rows wait")
        (unlearned,), _ = ws.withdrawal.run()
        same = unlearned.refit == unlearned.new.model
        print(f"unlearned  {unlearned.new.release}: {quality(learner, unlearned.new.files, asked)}")
        print(
            f"           {'the same bytes as' if same else 'NOT THE BYTES of'} a fit without them"
        )
        return same


def main() -> None:
    """Read the arguments and tell the story."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("learner", type=Path, help="linear.py, network.py, adapters.py or your own")
    parser.add_argument("--messages", type=Path, help="messages.parquet of persuasion-for-good")
    parser.add_argument("--rows", type=int, default=600, help="of generated messages")
    args = parser.parse_args()
    rows = generated(args.rows) if args.messages is None else real(args.messages)
    with tempfile.TemporaryDirectory() as folder:
        if not tell(args.learner, rows, Path(folder) / "platform"):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
