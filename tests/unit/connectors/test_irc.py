"""The IRC set: real or not at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from byleave.connectors import irc
from byleave.errors import InputError


@pytest.mark.real_data
def test_the_negative_control_has_its_lines(data_dir: Path) -> None:
    """All lines, or those with an author; record ids are unique."""
    every = irc.load(data_dir, chat_only=False).table
    chat = irc.load(data_dir).table
    assert (every.num_rows, chat.num_rows) == (268_964, 240_381)
    assert chat["author"].null_count == 0
    assert len(set(every["record_id"].to_pylist())) == 268_964


def test_another_number_of_lines_is_refused(tmp_path: Path) -> None:
    """`data.row-count`; and `data.not-found` where there is nothing."""
    with pytest.raises(InputError) as caught:
        irc.load(tmp_path)
    assert caught.value.code == "data.not-found"
    (tmp_path / "irc-disentanglement").mkdir()
    kinds = {"text": pa.string(), "integer": pa.int64(), "boolean": pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in irc.COLUMNS.items()])
    pq.write_table(schema.empty_table(), tmp_path / "irc-disentanglement" / "messages.parquet")
    with pytest.raises(InputError) as caught:
        irc.load(tmp_path)
    assert caught.value.code == "data.row-count"
