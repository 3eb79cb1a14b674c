"""What the gate kept, in a PyTorch `DataLoader`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.slow.generated import gated, make_messages, make_plan, reasons_of

if TYPE_CHECKING:
    from byleave.gate.result import GatedTable

pytestmark = pytest.mark.slow


class KeptTexts:
    """The kept rows as a map-style data set: number and text."""

    def __init__(self, result: GatedTable) -> None:
        self.numbers = result.table["number"].to_pylist()
        self.texts = result.table["text"].to_pylist()

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, position: int) -> tuple[int, str]:
        return self.numbers[position], self.texts[position]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_loader_sees_each_kept_row_once_and_no_other(workers: int) -> None:
    """A shuffling `DataLoader`, also with worker processes, yields just the rows kept."""
    import torch
    from torch.utils.data import DataLoader

    messages = make_messages()
    result = gated(make_plan(), messages)
    words = reasons_of(result)
    kept = sorted(number for number, word in words.items() if word == "kept")
    loader = DataLoader(
        KeptTexts(result),
        batch_size=64,
        shuffle=True,
        num_workers=workers,
        generator=torch.Generator().manual_seed(3),
    )

    seen = [
        (int(number), text)
        for numbers, texts in loader
        for number, text in zip(numbers, texts, strict=True)
    ]

    assert sorted(number for number, _ in seen) == kept
    assert all(text == f"generated message {number}" for number, text in seen)
    assert 0 < len(kept) < len(words)
