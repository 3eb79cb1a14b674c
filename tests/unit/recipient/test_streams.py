"""Packages as streams: parts of any size give the same package; a damaged stream leaves nothing."""

from __future__ import annotations

import random
import ssl
import tracemalloc
from http.client import HTTPSConnection
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from byleave.cli.disclosure_http import DisclosureServer
from byleave.disclosure.parcel import DATA
from byleave.disclosure.row_map import ROW_LABEL, RowMap, row_entries, row_labels
from byleave.errors import EvidenceError, InputError, WorldError
from byleave.service import parcel
from byleave.stores.outbox import FolderOutbox
from byleave.wiring import onward, recipient_files
from byleave.wiring.tls import tls_context
from tests.recipients import Site, make_site
from tests.tls import certificate


def held(site: Site) -> Path:
    return site.root / "host" / "held" / site.package / DATA


def test_a_map_of_parts_is_the_map_of_the_whole() -> None:
    """However rows are cut into parts, their map has the same root, entries and k."""
    table = pa.table(
        {ROW_LABEL: row_labels(b"k" * 32, range(200)), "text": [f"row {n}" for n in range(200)]}
    )
    whole = RowMap.of(table)
    for cut in (1, 7, 64, 199, 200):
        parts = [row_entries(table.slice(at, cut)) for at in range(0, 200, cut)]
        made = RowMap.of_parts(parts)
        assert (made.root, made.k, made.entries.tobytes()) == (
            whole.root,
            whole.k,
            whole.entries.tobytes(),
        )


def test_a_row_group_at_a_time_hands_over_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With three rows held at a time, on both sides, the same rows arrive and the same go."""
    monkeypatch.setattr(parcel, "_ROWS", 3)
    monkeypatch.setattr(recipient_files, "_ROWS", 3)
    small = make_site(tmp_path / "small")
    monkeypatch.undo()
    plain = make_site(tmp_path / "plain")
    for site in (small, plain):
        site.recipient().pull(FolderOutbox(site.lay_out()))
    assert pq.ParquetFile(held(small)).num_row_groups > 1
    assert pq.read_table(held(small)).equals(pq.read_table(held(plain)))
    monkeypatch.setattr(recipient_files, "_ROWS", 3)
    left = []
    for site in (small, plain):
        mine = site.recipient(hours=2)
        mine.acknowledge(FolderOutbox(site.lay_out()))
        with site.open(hours=3) as ws:
            ws.disclosure.receive([site.root / "out"])
        site.withdraw(site.agreed[0], days=1)
        mine = site.recipient(days=2)
        mine.pull(FolderOutbox(site.lay_out(days=2)))
        assert mine.obey()[0]["deleted"] > 0
        left.append(pq.read_table(held(site)))
    assert left[0].equals(left[1])


def test_passing_on_holds_a_row_group_and_no_package(
    held_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passing a package on holds a quarter of its bytes at most, in Arrow's memory and Python's."""
    draw, path = random.Random(20241122), held(held_site)
    table = pq.read_table(path)
    texts = [draw.randbytes(32_000).hex() for _ in range(table.num_rows)]
    heavy = table.set_column(table.column_names.index("text"), "text", pa.array(texts))
    pq.write_table(heavy, path, compression="zstd", row_group_size=2)
    size = path.stat().st_size
    del table, texts, heavy
    monkeypatch.setattr(recipient_files, "_ROWS", 2)
    mine = held_site.recipient(hours=4)
    registration = (held_site.root / "logs.registration").read_bytes()
    pool, before = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        mine.pass_on(held_site.package, registration)
        of_python = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)
    of_arrow = pool.max_memory() or 0
    assert of_arrow > 64_000  # it is counted
    assert of_arrow + of_python < size / 4, (of_arrow, of_python, size)
    (package,) = (held_site.root / "host" / "onward").glob("*/out/*.age")
    assert package.stat().st_size > size * 0.9


def test_passing_on_leaves_nothing_in_clear(
    held_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passed on or killed before it is sealed, no rows in clear lie in `onward/`; again, it works."""
    site = held_site
    registration = (site.root / "logs.registration").read_bytes()

    def full(*_: object) -> None:
        raise WorldError("the disk is full", code="world.disk-full")

    monkeypatch.setattr(onward, "seal_stream", full)
    with pytest.raises(WorldError):
        site.recipient(hours=4).pass_on(site.package, registration)
    monkeypatch.undo()
    folder = site.root / "host" / "onward"
    assert [p for p in folder.rglob("*") if p.is_file()] == []
    assert site.recipient(hours=4).held()[0].passed_on == ()
    site.recipient(hours=4).pass_on(site.package, registration)
    names = sorted(p.name for p in folder.rglob("*") if p.is_file())
    assert names == ["list", f"{site.package}.provider.logs.age", "state.json"]
    assert site.recipient(hours=4).held()[0].passed_on == ("provider.logs",)


def test_nothing_in_clear_is_left_beside_the_package(offered_site: Site) -> None:
    """After a pull no clear text lies outside `held/`, and on the platform none beside the package."""
    site = offered_site
    site.recipient().pull(FolderOutbox(site.lay_out()))
    assert [p.name for p in (site.root / "host" / "incoming").iterdir()] == []
    laid = [p.name for p in (site.root / "ws").glob("**/parcels/*/*")]
    assert sorted(laid) == ["package.age", "rows.bin"]


@pytest.mark.parametrize("where", [0, 0.5, 0.999])
def test_a_flipped_byte_leaves_nothing_in_clear(offered_site: Site, where: float) -> None:
    """Wherever a byte of a package is changed, opening it is refused and no row stays in clear."""
    out = offered_site.lay_out()
    (path,) = out.glob("*.age")
    data = bytearray(path.read_bytes())
    data[int(where * len(data))] ^= 1
    with pytest.raises((EvidenceError, InputError)):
        offered_site.recipient().open(bytes(data))
    assert [p.name for p in (offered_site.root / "host" / "incoming").iterdir()] == []
    assert offered_site.recipient().held() == []


def test_a_half_download_goes_on_from_where_it_ended(offered_site: Site) -> None:
    """A file that is shorter than listed is kept as far as it came; whole again, it is taken on."""
    out = offered_site.lay_out()
    (path,) = out.glob("*.age")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    mine = offered_site.recipient()
    ((name, error),) = mine.pull(FolderOutbox(out)).refused
    assert (name, error.code) == (path.name, "disclosure.half-downloaded")
    kept = offered_site.root / "host" / "incoming" / path.name
    assert kept.read_bytes() == whole[: len(whole) // 2]
    path.write_bytes(b"\0" * (len(whole) // 2) + whole[len(whole) // 2 :])  # only the rest is read
    assert mine.pull(FolderOutbox(out)).packages == (offered_site.package,)


# --- TLS ----------------------------------------------------------------------------------------


def test_packages_are_served_over_tls(offered_site: Site, tmp_path: Path) -> None:
    """With a certificate the server speaks TLS alone, and its address says https."""
    cert, key = certificate(tmp_path)
    server = DisclosureServer(
        offered_site.root / "ws", host="localhost", port=0, tls=tls_context(cert, key)
    )
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        assert server.url.startswith("https://")
        context = ssl.create_default_context(cafile=str(cert))
        asked = HTTPSConnection("localhost", int(server.server_address[1]), context=context)
        asked.request("GET", "/list")
        answer = asked.getresponse()
        assert answer.status == 403
        assert b"disclosure.request" in answer.read()
        asked.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    """One of the two alone, files that are no PEM, and a key of another certificate are refused."""
    cert, key = certificate(tmp_path)
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other")[1]
    (tmp_path / "text").write_text("no certificate")
    assert tls_context(None, None) is None
    for pair in ((cert, None), (None, key), (tmp_path / "text", key), (cert, other)):
        with pytest.raises(InputError) as caught:
            tls_context(*pair)
        assert caught.value.code == "server.tls"
