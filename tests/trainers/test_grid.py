"""Weights on the grid: exact, whatever the processor did in its last bits."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.trainers import grid
from byleave.trainers.grid import GRID_BITS, ease_on_grid, ridge_on_grid


def exact(gram: list[list[int]], cross: list[list[int]], ridge: int) -> list[list[int]]:
    """Solve by Gauss in fractions, and round half up."""
    n = len(gram)
    rows = [
        [Fraction(v) + (ridge if a == b else 0) for b, v in enumerate(line)]
        + [Fraction(v) for v in right]
        for a, (line, right) in enumerate(zip(gram, cross, strict=True))
    ]
    for a in range(n):
        pivot = next(r for r in range(a, n) if rows[r][a])
        rows[a], rows[pivot] = rows[pivot], rows[a]
        rows[a] = [v / rows[a][a] for v in rows[a]]
        for r in range(n):
            if r != a and rows[r][a]:
                rows[r] = [v - rows[r][a] * w for v, w in zip(rows[r], rows[a], strict=True)]
    return [
        [int((v * 2**GRID_BITS + Fraction(1, 2)).__floor__()) for v in line[n:]] for line in rows
    ]


@st.composite
def systems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    n, pairs, labels = draw(st.integers(1, 5)), draw(st.integers(1, 9)), draw(st.integers(1, 4))
    rows = draw(
        st.lists(
            st.lists(st.integers(0, 1), min_size=n, max_size=n), min_size=pairs, max_size=pairs
        )
    )
    label = draw(st.lists(st.integers(0, labels - 1), min_size=pairs, max_size=pairs))
    x = np.array(rows, dtype=np.int64)
    y = np.eye(labels, dtype=np.int64)[label]
    return x.T @ x, x.T @ y, draw(st.sampled_from([1, 2, 3, 512]))


@settings(max_examples=80)
@given(systems())
def test_weights_are_the_exact_solution_rounded(system: tuple[np.ndarray, np.ndarray, int]) -> None:
    """Every weight is the rational solution rounded half up to a multiple of 2^-20."""
    gram, cross, ridge = system
    assert ridge_on_grid(gram, cross, ridge).tolist() == exact(gram.tolist(), cross.tolist(), ridge)


def test_every_column_may_be_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Solved again in integers, every column comes out as float64 had it, and as fractions do."""
    draw = np.random.default_rng(1)
    x = draw.integers(0, 2, (40, 9))
    y = np.eye(5, dtype=np.int64)[draw.integers(0, 5, 40)]
    plain = ridge_on_grid(x.T @ x, x.T @ y, 3)
    monkeypatch.setattr(grid, "_DOUBT", 1.0)
    assert ridge_on_grid(x.T @ x, x.T @ y, 3).tolist() == plain.tolist()
    monkeypatch.setattr(grid, "_undecided", lambda *_: np.ones(5, np.bool_))
    assert ridge_on_grid(x.T @ x, x.T @ y, 3).tolist() == plain.tolist()
    assert plain.tolist() == exact((x.T @ x).tolist(), (x.T @ y).tolist(), 3)


def test_exactly_half_way_goes_up() -> None:
    """1 / 2^21 is half a grid step: it becomes one step, and -1 / 2^21 none."""
    gram = np.array([[2**21 - 1]], dtype=np.int64)
    assert ridge_on_grid(gram, np.array([[1, -1]], dtype=np.int64), 1).tolist() == [[1, 0]]


def test_last_bits_of_the_solver_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A float64 solver that is wrong by 2^-45 gives the same weights."""
    draw = np.random.default_rng(2)
    x = draw.integers(0, 2, (60, 12))
    y = np.eye(30, dtype=np.int64)[draw.integers(0, 30, 60)]
    plain = ridge_on_grid(x.T @ x, x.T @ y, 2)
    honest = np.linalg.solve
    noise = np.random.default_rng(3)
    monkeypatch.setattr(
        np.linalg, "solve", lambda a, b: honest(a, b) + noise.uniform(-1, 1, b.shape) * 2.0**-45
    )
    assert ridge_on_grid(x.T @ x, x.T @ y, 2).tolist() == plain.tolist()


def test_a_matrix_with_cells_taken_out_still_has_an_answer() -> None:
    """Where taking out small cells made the Gram matrix indefinite, the ridge grows until it is not."""
    gram = np.array([[1, 9], [9, 1]], dtype=np.int64)
    cross = np.array([[1], [0]], dtype=np.int64)
    # eigenvalues -8 and 10: 1, 2, 4, 8, 16 are too small, since half of it must exceed 8
    assert ridge_on_grid(gram, cross, 1).tolist() == exact(gram.tolist(), cross.tolist(), 32)


def test_an_empty_inventory_has_no_weights() -> None:
    """No labels, no columns."""
    gram = np.zeros((1, 1), dtype=np.int64)
    assert ridge_on_grid(gram, np.zeros((1, 0), dtype=np.int64), 5).shape == (1, 0)


def exact_ease(gram: np.ndarray, ridge: int) -> list[list[int]]:
    """Return -P_ij / P_jj in units of 2^-20 from fractions, half-way upwards."""
    n = len(gram)
    lines = [
        [Fraction(int(gram[a, b])) + (ridge if a == b else 0) for b in range(n)]
        + [Fraction(int(a == b)) for b in range(n)]
        for a in range(n)
    ]
    for a in range(n):
        pivot = next(r for r in range(a, n) if lines[r][a])
        lines[a], lines[pivot] = lines[pivot], lines[a]
        lines[a] = [v / lines[a][a] for v in lines[a]]
        for r in range(n):
            if r != a and lines[r][a]:
                lines[r] = [v - lines[r][a] * w for v, w in zip(lines[r], lines[a], strict=True)]
    inverse = [line[n:] for line in lines]

    def weight(i: int, j: int) -> int:
        if i == j:
            return 0
        ratio = -inverse[i][j] / inverse[j][j]
        return int((ratio * 2**GRID_BITS + Fraction(1, 2)).__floor__())

    return [[weight(i, j) for j in range(n)] for i in range(n)]


@st.composite
def grams(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    items = draw(st.integers(0, 6))
    held = draw(st.lists(st.lists(st.integers(0, 1), min_size=items, max_size=items), max_size=12))
    x = np.array(held, dtype=np.int64).reshape(len(held), items)
    return x.T @ x, draw(st.integers(1, 40))


@settings(deadline=None, max_examples=80)
@given(grams())
def test_ease_is_the_exact_ratio_rounded(drawn: tuple[np.ndarray, int]) -> None:
    """Every weight of EASE is the rational ratio rounded half up to a multiple of 2^-20."""
    gram, ridge = drawn
    assert ease_on_grid(gram, ridge).tolist() == exact_ease(gram, ridge)


@settings(deadline=None, max_examples=25)
@given(grams())
def test_the_referee_of_ease_needs_no_floats(drawn: tuple[np.ndarray, int]) -> None:
    """With every entry in doubt, the whole-number referee alone gives the same weights."""
    gram, ridge = drawn
    before = grid._RATIO_DOUBT
    grid._RATIO_DOUBT = 1.0  # type: ignore[misc]
    try:
        assert ease_on_grid(gram, ridge).tolist() == exact_ease(gram, ridge)
    finally:
        grid._RATIO_DOUBT = before  # type: ignore[misc]


def test_last_bits_of_the_inverse_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """An inverse that is wrong by 2^-45 gives the same weights of EASE."""
    x = np.random.default_rng(3).integers(0, 2, (90, 14))
    gram = x.T @ x
    wanted = ease_on_grid(gram, 20)
    invert = np.linalg.inv

    def worse(matrix: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(4).uniform(-1, 1, matrix.shape) * 2.0**-45
        return np.asarray(invert(matrix) * (1 + noise))

    monkeypatch.setattr(np.linalg, "inv", worse)
    assert (ease_on_grid(gram, 20) == wanted).all()
