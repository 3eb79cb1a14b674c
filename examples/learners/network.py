"""A PyTorch classifier that forgets: which side of a conversation wrote a message.

An embedding bag over hashed words, dropout, one hidden layer, AdamW. A checkpoint holds weights,
the optimiser's moments and the random state, so that going on from it is going on. On a GPU where
there is one; the device is part of the recipe, since another one gives other last bits.

    python examples/learners/story.py examples/learners/network.py
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import nn

from byleave import Workspace
from byleave.trainers.sharded import ShardedTrainer
from byleave.trainers.torch_state import choose_device, exactly, pack, unpack

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
BUCKETS, WIDTH, BATCH, EPOCHS, RATE = 1 << 12, 32, 32, 2, 0.01
WORD = re.compile(r"\w+")


class Network(nn.Module):
    """Hashed words to one logit."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(BUCKETS, WIDTH, mode="mean")
        self.rest = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(WIDTH, 16), nn.ReLU(), nn.Linear(16, 1)
        )

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """Return one logit for each text."""
        bags = [[zlib.crc32(w.encode()) % BUCKETS for w in WORD.findall(t.lower())] for t in texts]
        starts = np.cumsum([0, *map(len, bags)])[:-1]
        device = self.words.weight.device
        flat = torch.tensor([b for bag in bags for b in bag], dtype=torch.long, device=device)
        hidden = self.words(flat, torch.tensor(starts, dtype=torch.long, device=device))
        return self.rest(hidden)[:, 0]


def made(
    device: torch.device,
) -> tuple[Network, dict[str, torch.Tensor], torch.optim.Optimizer]:
    """Return a network, its weights by name, and its optimiser."""
    network = Network().to(device)
    weights = dict(network.named_parameters())
    return network, weights, torch.optim.AdamW(weights.values(), lr=RATE)


class Learner:
    """A `ShardLearner` over the columns `text` and `label`.

    Args:
        device: Where to train, as PyTorch names it; default the GPU where there is one.
    """

    name = "network"
    columns = ("text", "label")

    def __init__(self, device: str | None = None) -> None:
        self.device, self.device_name = choose_device(device)

    def describe(self) -> Mapping[str, Any]:
        """Return the hyper-parameters, and what it runs on."""
        return {
            "batch": BATCH,
            "buckets": BUCKETS,
            "device": self.device_name,
            "epochs": EPOCHS,
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "rate": str(RATE),
            "threads": 1,
            "width": WIDTH,
        }

    def start(self, seed: int) -> bytes:
        """Return fresh weights, an optimiser that has done nothing, and the random state."""
        with exactly(seed):
            _, weights, optimizer = made(self.device)
            return pack(weights, optimizer)

    def learn(self, state: bytes, rows: pa.Table, seed: int) -> bytes:
        """Go on over one slice: `seed` orders its batches, the state's random numbers drop out."""
        texts = np.array(rows["text"].to_pylist(), object)
        labels = np.array([float(label) for label in rows["label"].to_pylist()], np.float32)
        order = np.random.default_rng(seed)
        with exactly():
            network, weights, optimizer = made(self.device)
            unpack(state, weights, optimizer)
            for _ in range(EPOCHS):
                places = order.permutation(len(texts))
                for first in range(0, len(places), BATCH):
                    batch = places[first : first + BATCH]
                    wanted = torch.from_numpy(labels[batch]).to(self.device)
                    logits = network(list(texts[batch]))
                    loss = nn.functional.binary_cross_entropy_with_logits(logits, wanted)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
            return pack(weights, optimizer)


def scores(state: bytes, texts: Sequence[str]) -> np.ndarray | None:
    """Return the probability of side 1 for each text; None of a shard that learned from nobody."""
    with exactly(), torch.no_grad():
        network, weights, optimizer = made(choose_device()[0])
        unpack(state, weights, optimizer)
        if not optimizer.state_dict()["state"]:
            return None
        network.eval()
        return torch.sigmoid(network(texts)).double().cpu().numpy()


def trainer(
    workspace: Workspace, *, shards: int = 5, slices: int = 4, device: str | None = None
) -> ShardedTrainer:
    """Return the trainer; `byleave model keep` and `workspace.keep_trainer` look for this name."""
    return workspace.sharded(Learner(device), shards=shards, slices=slices, packages=["torch"])
