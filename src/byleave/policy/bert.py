"""The forward pass of a BERT in NumPy: no framework, no accelerator, one text or many.

Devlin et al. 2019 (arXiv:1810.04805): token, position and segment embeddings, then layers of
self-attention and of a two-layer perceptron, each followed by a sum and a layer norm. Tensors have
the names that Hugging Face gives them ("encoder.layer.0.attention.self.query.weight").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Bert", "Floats"]

Floats = npt.NDArray[np.float32]


class Bert:
    """A BERT with GELU, whose weights are held in memory.

    Attributes:
        size: Numbers of the state of one token.

    Args:
        at: Its tensors by name, float32.
        heads: Heads of self-attention in each layer.
        epsilon: What the layer norms add to a variance.

    Raises:
        KeyError: A tensor is missing.
    """

    def __init__(self, at: Mapping[str, Floats], *, heads: int, epsilon: float) -> None:
        self._at, self._heads, self._epsilon = at, heads, np.float32(epsilon)
        self.size = at["embeddings.word_embeddings.weight"].shape[1]
        self._layers = len({name.split(".")[2] for name in at if name.startswith("encoder.layer.")})

    def states(self, tokens: Sequence[Sequence[int]]) -> tuple[Floats, Floats]:
        """Return the last layer's state of each token, and which tokens there are.

        Args:
            tokens: The numbers of each text's tokens; of no more than the model has positions.

        Returns:
            float32[texts, longest, size], and float32[texts, longest] of ones and zeros.
        """
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
        return state, mask

    def _layer(self, state: Floats, hide: Floats, name: str) -> Floats:
        rows, length, size = state.shape
        shape = (rows, length, self._heads, size // self._heads)
        query, key, value = (
            np.ascontiguousarray(
                self._linear(state, f"{name}.attention.self.{part}")
                .reshape(shape)
                .transpose(0, 2, 1, 3)
            )
            for part in ("query", "key", "value")
        )
        weight = query @ np.ascontiguousarray(key.transpose(0, 1, 3, 2))
        weight /= np.float32(np.sqrt(shape[-1]))
        weight += hide
        weight -= weight.max(axis=-1, keepdims=True)
        np.exp(weight, out=weight)
        weight /= weight.sum(axis=-1, keepdims=True)
        seen = (weight @ value).transpose(0, 2, 1, 3).reshape(rows, length, size)
        seen = self._linear(seen, f"{name}.attention.output.dense")
        state = self._normal(state + seen, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._linear(state, f"{name}.intermediate.dense"))
        inner = self._linear(inner, f"{name}.output.dense")
        return self._normal(state + inner, f"{name}.output.LayerNorm")

    def _linear(self, state: Floats, name: str) -> Floats:
        flat = state.reshape(-1, state.shape[-1]) @ self._at[f"{name}.weight"].T
        flat += self._at[f"{name}.bias"]
        return np.asarray(flat.reshape(*state.shape[:-1], -1), np.float32)

    def _normal(self, state: Floats, name: str) -> Floats:
        centred = state - state.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._epsilon)
        return np.asarray(
            centred / spread * self._at[f"{name}.weight"] + self._at[f"{name}.bias"], np.float32
        )


_ERF: Final = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)


def _gelu(x: Floats) -> Floats:
    """Return x Phi(x); the error function after Abramowitz and Stegun 7.1.26, within 1.5e-7."""
    z = np.abs(x)
    z *= np.float32(np.sqrt(0.5))
    t = z * np.float32(0.3275911)
    t += 1
    np.reciprocal(t, out=t)
    rest = np.full_like(t, _ERF[0])
    for coefficient in _ERF[1:]:
        rest *= t
        rest += np.float32(coefficient)
    rest *= t
    z *= z
    np.negative(z, out=z)
    np.exp(z, out=z)
    rest *= z  # 1 - erf of |x| / sqrt 2
    np.subtract(1, rest, out=rest)
    np.copysign(rest, x, out=rest)
    rest += 1
    rest *= x
    rest *= np.float32(0.5)
    return rest
