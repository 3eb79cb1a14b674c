"""A small language model that forgets: one adapter for each shard, over a base that nobody is in.

The base is a two-layer GPT-2 over bytes, made from its configuration and a fixed seed, and frozen:
no pretrained weights come with Byleave, and this file downloads none. What a shard learns is LoRA
matrices (peft) and an output head, some 30 thousand numbers; a withdrawal retrains one shard's.
With real weights, load them in `base` and put their digest into `describe`: a base is not members'
data, and its provenance belongs into the recipe.

    python examples/learners/story.py examples/learners/adapters.py
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel

from byleave import Workspace
from byleave.trainers.sharded import ShardedTrainer
from byleave.trainers.torch_state import choose_device, exactly, pack, unpack

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
BASE_SEED, LENGTH, BATCH, RATE, RANK = 20_241_122, 64, 16, 0.003, 4
END = 256  # after the bytes: the end of a text
BASE = GPT2Config(
    vocab_size=257, n_positions=LENGTH, n_embd=64, n_layer=2, n_head=2, tie_word_embeddings=False,
    bos_token_id=END, eos_token_id=END, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    loss_type="ForCausalLM",
)  # fmt: skip
ADAPTER = LoraConfig(
    r=RANK, lora_alpha=2 * RANK, lora_dropout=0.05, target_modules=["c_attn", "c_fc"],
    modules_to_save=["lm_head"], fan_in_fan_out=True,
)  # fmt: skip


def made(device: torch.device) -> tuple[Any, dict[str, torch.Tensor], torch.optim.Optimizer]:
    """Return the model, what a shard trains of it by name, and the optimiser over that."""
    state = torch.get_rng_state()
    torch.manual_seed(BASE_SEED)
    base = GPT2LMHeadModel(BASE)
    torch.set_rng_state(state)
    model = get_peft_model(base, ADAPTER).to(device)
    weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
    return model, weights, torch.optim.AdamW(weights.values(), lr=RATE)


def tokens(texts: Sequence[str], device: torch.device) -> torch.Tensor:
    """Return texts as bytes, each with its end, cut into rows of one length; int64."""
    flat = [b for text in texts for b in (*text.encode(), END)]
    flat += [END] * (-len(flat) % LENGTH)
    return torch.tensor(flat, dtype=torch.long, device=device).reshape(-1, LENGTH)


class Learner:
    """A `ShardLearner` over the column `text`.

    Args:
        device: Where to train, as PyTorch names it; default the GPU where there is one.
    """

    name = "adapters"
    columns = ("text",)

    def __init__(self, device: str | None = None) -> None:
        self.device, self.device_name = choose_device(device)

    def describe(self) -> Mapping[str, Any]:
        """Return the hyper-parameters, the base, and what it runs on."""
        return {
            "base": f"GPT-2 from its configuration, seed {BASE_SEED}, frozen; no pretrained weights",
            "batch": BATCH,
            "device": self.device_name,
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "length": LENGTH,
            "rank": RANK,
            "rate": str(RATE),
            "threads": 1,
        }

    def start(self, seed: int) -> bytes:
        """Return a fresh adapter, an optimiser that has done nothing, and the random state."""
        with exactly(seed):
            _, weights, optimizer = made(self.device)
            return pack(weights, optimizer)

    def learn(self, state: bytes, rows: pa.Table, seed: int) -> bytes:
        """Go on over one slice: `seed` orders its pieces, the state's random numbers drop out."""
        pieces = tokens(rows["text"].to_pylist(), self.device)
        places = np.random.default_rng(seed).permutation(len(pieces))
        with exactly():
            model, weights, optimizer = made(self.device)
            unpack(state, weights, optimizer)
            model.train()
            for first in range(0, len(places), BATCH):
                batch = pieces[places[first : first + BATCH]]
                loss = model(input_ids=batch, labels=batch).loss
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            return pack(weights, optimizer)


def scores(state: bytes, texts: Sequence[str]) -> np.ndarray | None:
    """Return the probability that a shard gave each next byte; None if it learned from nobody."""
    with exactly(), torch.no_grad():
        device, _ = choose_device()
        model, weights, optimizer = made(device)
        unpack(state, weights, optimizer)
        if not optimizer.state_dict()["state"]:
            return None
        model.eval()
        pieces = tokens(texts, device)
        chances = torch.softmax(model(input_ids=pieces).logits[:, :-1].double(), dim=-1)
        return chances.gather(2, pieces[:, 1:, None])[..., 0].cpu().numpy()


def trainer(
    workspace: Workspace, *, shards: int = 4, slices: int = 3, device: str | None = None
) -> ShardedTrainer:
    """Return the trainer; `byleave model keep` and `workspace.keep_trainer` look for this name."""
    return workspace.sharded(
        Learner(device), shards=shards, slices=slices, packages=["peft", "torch", "transformers"]
    )
