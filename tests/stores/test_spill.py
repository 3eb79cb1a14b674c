"""What a build puts aside in a file without a name."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.errors import WorldError
from byleave.snapshot.partition import MemorySpill
from byleave.stores.map_folder import MapFolder
from byleave.stores.spill import FileSpill


def laid_out(pieces: list[bytes]) -> tuple[memoryview, np.ndarray]:
    return memoryview(b"".join(pieces)), np.cumsum([len(piece) for piece in pieces])


@settings(max_examples=40)
@given(st.lists(st.lists(st.binary(max_size=9), min_size=4, max_size=4), max_size=6), st.data())
def test_a_file_keeps_what_memory_keeps(added: list[list[bytes]], data: st.DataObject) -> None:
    """Each part comes back whole, in the order of adding, whenever it is asked for."""
    memory = MemorySpill()
    with FileSpill() as spill:
        for pieces in added:
            memory.add(*laid_out(pieces))
            spill.add(*laid_out(pieces))
            part = data.draw(st.integers(0, 3))
            assert bytes(spill.take(part)) == bytes(memory.take(part))
        for part in range(4):
            assert bytes(spill.take(part)) == b"".join(pieces[part] for pieces in added)


def test_threads_add_at_once(tmp_path: Path) -> None:
    """Nothing of what several threads add is lost or torn."""
    with FileSpill(tmp_path) as spill:

        def add(number: int) -> None:
            spill.add(*laid_out([bytes([number]) * 999, bytes([number]) * 7]))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(add, range(32)))
        whole = bytes(spill.take(0))
    runs = [whole[at : at + 999] for at in range(0, len(whole), 999)]
    assert sorted(runs) == [bytes([number]) * 999 for number in range(32)]


def test_what_is_cut_short_is_refused(tmp_path: Path) -> None:
    """A file that lost bytes gives an error and not fewer openings."""
    with FileSpill(tmp_path) as spill:
        spill.add(*laid_out([b"one", b"two"]))
        os.ftruncate(spill._file.fileno(), 4)
        assert bytes(spill.take(0)) == b"one"
        with pytest.raises(WorldError) as caught:
            spill.take(1)
    assert caught.value.code == "world.storage"


def test_a_file_of_a_map_replaces_the_one_before(tmp_path: Path) -> None:
    """Writing a file of a map again leaves nothing of what was there, however long it was."""
    folder = MapFolder(tmp_path / "map")
    for content in (b"a long one", b"short", b""):
        folder.write("tile/0/x001/234", content)
        folder.flush()
        assert folder.read("tile/0/x001/234") == content


def test_a_file_where_a_folder_should_be_is_an_error(tmp_path: Path) -> None:
    """A map that cannot be written says so, by its code."""
    (tmp_path / "map").write_bytes(b"")
    with pytest.raises(WorldError) as caught:
        MapFolder(tmp_path / "map").write("bucket/000", b"1")
    assert caught.value.code.startswith("world.")
