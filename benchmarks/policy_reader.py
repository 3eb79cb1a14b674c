"""The fit of the reader of `policy lint`, and how often it is right on texts that it was not fitted on.

    .venvs/torch/bin/python benchmarks/policy_reader.py FOLDER ... --model FOLDER
        [--further] [--apart NAME ...] [--epochs N] [--seed N] [--to FOLDER] [--json]

A folder is one batch of marked texts, as benchmarks/policy_lint.py reads them; the project's own
sentences to tune by are fitted on too. `--further` begins with the weights that the package ships:
what they were fitted on need not be at hand. `--model` holds the
files of all-MiniLM-L6-v2 (`config.json`, `model.safetensors`, `tokenizer.json`). Batches named by
`--apart` are measured and not fitted on. `--to` writes the weights, eight bits each and without the
word pieces of other scripts: what `byleave.policy.reader` ships. Needs the environment of
`scripts/setup torch`. 28,000 sentences and four epochs take half an hour on one core.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from policy_lint import LABELS, interval, labels_of
from report import Report
from safetensors.numpy import save_file
from transformers import AutoModel, AutoTokenizer

from byleave.policy.lint import read_in_context
from byleave.policy.reader import (
    SCALE_OF,
    WINDOW,
    Tokens,
    Window,
    overlapping,
    shipped_weights,
    tokens_of,
    window,
)

ABOUT = ("sharing", "training")
RATE, BATCH, WARM, DROP, SHORTEST = 7e-5, 3, 0.1, 0.1, 24
TRAINING_WEIGHS = 2.0  # few: a miss weighs as two false findings
OWN = Path(__file__).parents[1] / "tests/unit/policy/lint_sentences.tsv"
# word pieces, in the vocabulary's order, that are kept though no text has them
COMMON = 20_000
ORIGIN = {
    "base": "sentence-transformers/all-MiniLM-L6-v2",
    "licence": "Apache-2.0",
    "changes": "fitted further on labelled sentences of published policies; eight bits a weight",
}
KEPT = re.compile(r"(?:##)?[a-z0-9]+|(?:##)?[!-~]|\[(?:CLS|SEP|UNK|PAD)\]")


class Text(NamedTuple):
    """One marked text: its batch, its tokens, and the label of each sentence; None: not counted."""

    batch: str
    tokens: Tokens
    labels: list[tuple[float, float] | None]


def read(path: Path, vocabulary: dict[str, int]) -> Text:
    """Read one marked text."""
    return text_of(path.parent.name, *labels_of(path), vocabulary)


def own(vocabulary: dict[str, int]) -> list[Text]:
    """Return this project's own sentences to tune by, each a text of its own."""
    rows = [line.split("\t") for line in OWN.read_text(encoding="utf-8").splitlines()]
    return [
        text_of("own", row[2], {row[2]: row[1]}, vocabulary) for row in rows if row[0] == "tune"
    ]


def text_of(batch: str, clean: str, labels: dict[str, str], vocabulary: dict[str, int]) -> Text:
    """Return a text with the label of each sentence."""
    sentences = read_in_context(clean)
    marks: list[tuple[float, float] | None] = []
    for item in sentences:
        label = labels.get(item.sentence.text, "-")
        counted = not item.sentence.silent and not item.sentence.title and label != "~"
        yes = tuple(float(label in LABELS[about]) for about in ABOUT)
        marks.append((yes[0], yes[1]) if counted else None)
    return Text(batch, tokens_of([item.heard for item in sentences], vocabulary), marks)


class Network(torch.nn.Module):
    """The encoder, and one linear head over the mean of a sentence's states."""

    def __init__(self, folder: Path) -> None:
        """Begin with all-MiniLM-L6-v2, and a head that knows nothing."""
        super().__init__()
        self.body = AutoModel.from_pretrained(
            folder, attn_implementation="eager", attention_probs_dropout_prob=0.0
        )
        self.head = torch.nn.Linear(self.body.config.hidden_size, len(ABOUT))
        self.drop = torch.nn.Dropout(DROP)

    def go_on(self, vocabulary: dict[str, int]) -> None:
        """Take the weights that the package ships; word pieces that it leaves out keep theirs."""
        weights, pieces = shipped_weights()
        words = self.body.get_input_embeddings().weight
        rows = torch.tensor([vocabulary[piece] for piece in pieces])
        with torch.no_grad():
            words[rows] = torch.from_numpy(weights.pop("embeddings.word_embeddings.weight"))
            self.head.weight.copy_(torch.from_numpy(weights.pop("head.weight")))
            self.head.bias.copy_(torch.from_numpy(weights.pop("head.bias")))
        missing, unknown = self.body.load_state_dict(
            {name: torch.from_numpy(value) for name, value in weights.items()}, strict=False
        )
        if unknown or any(not n.startswith(("pooler", "embeddings.word")) for n in missing):
            raise SystemExit(f"the weights shipped do not fit this model: {missing} {unknown}")

    def forward(self, ids: Any, mask: Any, share: Any) -> Any:
        """Return log-odds of each sentence: float32[windows, sentences, 2]."""
        with torch.autocast("cpu", torch.bfloat16):
            states = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
        return self.head(self.drop(torch.bmm(share, states.float())))


def tensors(windows: Sequence[Window]) -> tuple[Any, Any, Any]:
    """Return windows as tensors: tokens, which there are, and each sentence's share of them."""
    length = max(len(w.tokens) for w in windows)
    most = max(len(w.spans) for w in windows)
    ids = torch.zeros(len(windows), length, dtype=torch.long)
    mask = torch.zeros(len(windows), length, dtype=torch.long)
    share = torch.zeros(len(windows), most, length)
    for row, found in enumerate(windows):
        ids[row, : len(found.tokens)] = torch.tensor(found.tokens)
        mask[row, : len(found.tokens)] = 1
        for at, (_, first, end) in enumerate(found.spans):
            share[row, at, first:end] = 1 / (end - first)
    return ids, mask, share


def answers(some: Sequence[tuple[Text, Window]], most: int) -> tuple[Any, Any]:
    """Return the labels of the sentences of some windows, and which of them count."""
    yes = torch.zeros(len(some), most, len(ABOUT))
    counts = torch.zeros(len(some), most, 1)
    for row, (text, found) in enumerate(some):
        for at, (number, _, _) in enumerate(found.spans):
            label = text.labels[number]
            if label is not None:
                yes[row, at], counts[row, at] = torch.tensor(label), 1
    return yes, counts


def epoch(texts: Sequence[Text], draw: random.Random) -> list[list[tuple[Text, Window]]]:
    """Return every text once, in windows that begin elsewhere each time, in batches."""
    found = []
    for text in texts:
        first, longest = 0, draw.randint(WINDOW // 3, WINDOW)
        while first < len(text.labels):
            found.append((text, window(text.tokens, first, longest)))
            first = found[-1][1].spans[-1][0] + 1
            # one in four is shorter: a text may be no longer than a sentence
            longest = WINDOW if draw.random() < 0.75 else draw.randint(SHORTEST, WINDOW)
    draw.shuffle(found)
    batches = []
    for start in range(0, len(found), BATCH * 16):  # of like lengths
        near = sorted(found[start : start + BATCH * 16], key=lambda pair: len(pair[1].tokens))
        batches += [near[at : at + BATCH] for at in range(0, len(near), BATCH)]
    draw.shuffle(batches)
    return batches


def fit(network: Network, texts: Sequence[Text], *, epochs: int, seed: int) -> Network:
    """Fit a network; the word embeddings stay as they are."""
    torch.manual_seed(seed)
    draw = random.Random(seed)
    network.body.embeddings.word_embeddings.weight.requires_grad_(False)
    free = [p for p in network.body.parameters() if p.requires_grad]
    parts = [{"params": free, "lr": RATE}, {"params": network.head.parameters(), "lr": 10 * RATE}]
    descent = torch.optim.AdamW(parts, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    plan = [batch for _ in range(epochs) for batch in epoch(texts, draw)]
    warm = WARM * len(plan)
    slope = torch.optim.lr_scheduler.LambdaLR(
        descent, lambda step: min(1, (step + 1) / warm) * max(0, 1 - step / len(plan))
    )
    weigh = torch.tensor([1.0, TRAINING_WEIGHS])
    for step, batch in enumerate(plan, 1):
        ids, mask, share = tensors([found for _, found in batch])
        yes, counts = answers(batch, share.shape[1])
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            network(ids, mask, share), yes, reduction="none", pos_weight=weigh
        )
        loss = (each * counts).sum() / counts.sum().clamp(min=1)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*free, *network.head.parameters()], 1)
        descent.step()
        slope.step()
        descent.zero_grad()
        if step % 100 == 0:
            print(f"{step} of {len(plan)}: {loss.item():.3f}", file=sys.stderr, flush=True)
    return network.eval()


def odds(network: Network, text: Text) -> np.ndarray[Any, Any]:
    """Return the log-odds of each sentence, as the reader that is shipped weighs windows."""
    total, heard = np.zeros((len(text.labels), 2)), np.zeros((len(text.labels), 1))
    for found in overlapping(text.tokens):
        with torch.no_grad():
            logits = network(*tensors([found]))[0].numpy()
        for at, (number, first, end) in enumerate(found.spans):
            weight = min(first, len(found.tokens) - end) + 8
            total[number] += weight * logits[at]
            heard[number] += weight
    return total / heard


def measure(report: Report, network: Network, texts: Sequence[Text]) -> None:
    """Report precision and recall of the reader alone, above even odds."""
    found = np.concatenate([odds(network, text) for text in texts])
    labels = [label for text in texts for label in text.labels]
    for column, about in enumerate(ABOUT):
        pairs = [
            (label[column] > 0, bool(row[column] > 0))
            for label, row in zip(labels, found, strict=True)
            if label is not None
        ]
        hits, got = sum(a and b for a, b in pairs), sum(b for _, b in pairs)
        want = sum(a for a, _ in pairs)
        for name, of in (("precision", got), ("recall", want)):
            low, high = interval(hits, of)
            report.add(f"{about}, {name} [{low:.2f}, {high:.2f}]", of, hits / max(1, of), "")


def packed(network: Network, vocabulary: dict[str, int], used: set[int]) -> tuple[Any, list[str]]:
    """Return the tensors to ship, eight bits a number where there are many, and the word pieces."""
    pieces = sorted(vocabulary, key=lambda piece: vocabulary[piece])
    kept = [
        n
        for n, piece in enumerate(pieces)
        if n in used or ((n < COMMON or len(piece.strip("#")) == 1) and KEPT.fullmatch(piece))
    ]
    states = {n: t.detach().numpy() for n, t in network.body.state_dict().items()}
    words = "embeddings.word_embeddings.weight"
    states[words] = states[words][kept]
    shipped: dict[str, np.ndarray[Any, Any]] = {
        "head.weight": network.head.weight.detach().numpy(),
        "head.bias": network.head.bias.detach().numpy(),
    }
    for name, value in states.items():
        if name.startswith("pooler") or value.dtype != np.float32:
            continue
        if value.ndim == 1:
            shipped[name] = value
            continue
        scale = np.abs(value).max(axis=1, keepdims=True) / 127
        shipped[name] = np.rint(value / np.maximum(scale, 1e-12)).astype(np.int8)
        shipped[name + SCALE_OF] = scale.astype(np.float32)
    return shipped, [pieces[n] for n in kept]


def main() -> int:
    """Fit, measure what was kept apart, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--further", action="store_true")
    parser.add_argument("--apart", nargs="*", default=[])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    vocabulary = AutoTokenizer.from_pretrained(asked.model).get_vocab()
    texts = [read(f, vocabulary) for folder in asked.folders for f in sorted(folder.glob("*.md"))]
    fitted = [text for text in texts if text.batch not in asked.apart]
    fitted += own(vocabulary)
    report = Report(as_json=asked.json)
    torch.manual_seed(asked.seed)
    network = Network(asked.model)
    if asked.further:
        network.go_on(vocabulary)
    fit(network, fitted, epochs=asked.epochs, seed=asked.seed)
    counted = sum(label is not None for text in fitted for label in text.labels)
    report.add("reader: sentences fitted on", len(fitted), counted, "")
    if apart := [text for text in texts if text.batch in asked.apart]:
        measure(report, network, apart)
    if asked.to is not None:
        used = {n for text in texts for sentence in text.tokens.sentences for n in sentence}
        if asked.further:
            used.update(vocabulary[piece] for piece in shipped_weights()[1])
        shipped, pieces = packed(network, vocabulary, used)
        save_file(shipped, asked.to / "reader.safetensors", metadata=ORIGIN)
        (asked.to / "reader_words.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
        size = (asked.to / "reader.safetensors").stat().st_size
        report.add("reader: weights", len(pieces), size / 1e6, "MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
