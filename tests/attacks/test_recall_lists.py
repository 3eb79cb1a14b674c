"""What a recipient, or two of them together, can make of the lists in recalls."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from byleave.disclosure.letters import OrderFile, parse_letter
from byleave.disclosure.row_map import ROW_LABEL, row_labels
from byleave.evidence.disclosed import Order
from byleave.stores.outbox import FolderOutbox
from tests.recipients import Site, make_site
from tests.unit.service.small import PROVIDER


@pytest.fixture(scope="module")
def recalled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, list[pa.Table], list[Order]]:
    """One recipient with two packages of the same rows, and the order of each for one member."""
    site = make_site(tmp_path_factory.mktemp("lists") / "site").delivered()
    with site.open(hours=5) as ws:
        ws.disclosure.offer("messages", PROVIDER)
    mine = site.recipient(hours=6)
    mine.pull(FolderOutbox(site.lay_out(hours=6)))
    tables = [pq.read_table(held.path) for held in mine.held()]
    site.withdraw(site.agreed[0], days=1)
    orders = []
    for path in sorted(site.lay_out(days=2).glob("*.order")):
        file = parse_letter(path.read_bytes())
        assert isinstance(file, OrderFile)
        orders.append(file.order)
    return site, tables, orders


Recalled = tuple[Site, list[pa.Table], list[Order]]


def _public(table: pa.Table) -> list[bytes]:
    return [label[:16] for label in table[ROW_LABEL].to_pylist()]


def test_labels_of_two_packages_have_nothing_in_common(recalled: Recalled) -> None:
    """Of the same rows, two packages share no label, no half of one, and no name of a person."""
    _, (one, other), _ = recalled
    assert one["text"].to_pylist() == other["text"].to_pylist()
    halves = [{half for label in t[ROW_LABEL].to_pylist() for half in (label[:16], label[16:])}
              for t in (one, other)]  # fmt: skip
    assert not halves[0] & halves[1]
    for column in ("sender_id", "recipient_id", "thread_id"):
        assert not set(one[column].to_pylist()) & set(other[column].to_pylist())


def test_an_order_says_nothing_about_another_package(recalled: Recalled) -> None:
    """Held against the other package, an order matches no row, by any digest of what is in it."""
    _, tables, orders = recalled
    for table, order in zip(tables, reversed(orders), strict=True):
        foreign = set(order.labels)
        assert not foreign & set(_public(table))
        for label in table[ROW_LABEL].to_pylist():
            for guess in (
                hashlib.sha256(label).digest(),
                hmac.digest(label, b"byleave package row v1" + bytes(8), "sha256"),
            ):
                assert guess[:16] not in foreign


def test_an_order_names_only_rows_that_its_reader_has(recalled: Recalled) -> None:
    """Each label of an order is of a row delivered; nobody else's rows are counted or named."""
    site, tables, orders = recalled
    with site.open(read_only=True, days=2) as ws:
        counts = [len(d["recalled_rows"]) for d in ws.disclosure.list()]
    for table, order, count in zip(tables, orders, counts, strict=True):
        assert set(order.labels) < set(_public(table))
        assert len(order.labels) == count


def test_a_recipient_cannot_compute_the_label_of_a_row(recalled: Recalled) -> None:
    """With every label of its package, and positions known, none gives it the key or another label."""
    _, (table, _), _ = recalled
    labels = table[ROW_LABEL].to_pylist()
    keys = [*labels, *(label[:16] * 2 for label in labels), bytes(32)]
    for key in keys[:200]:
        assert row_labels(key, range(3)).to_pylist() != labels[:3]
    assert len(set(labels)) == len(labels)


def test_the_order_of_labels_tells_nothing_of_the_order_of_rows(recalled: Recalled) -> None:
    """Labels stand ascending in an order, whichever rows were recalled and in which they stand."""
    _, tables, orders = recalled
    for table, order in zip(tables, orders, strict=True):
        assert list(order.labels) == sorted(order.labels)
        places = [_public(table).index(label) for label in order.labels]
        assert places != sorted(places)


def test_an_order_holds_no_id_text_or_position(recalled: Recalled) -> None:
    """In an order's bytes and the log stands no member, no text, no position, and no key."""
    site, _, orders = recalled
    with site.open(read_only=True, days=2) as ws:
        secrets = [d["secret"] for _, _, _, d in ws.house.ledger.objects("disclosure")]
        log = b"\n".join(ws.ledger.read(0, ws.ledger.size()))
    for order in orders:
        said = json.dumps(order.document())
        assert set(order.document()) == {
            "format", "package", "number", "labels", "at", "due", "parent",
        }  # fmt: skip
        assert not [member for member in site.agreed if member in said]
        for secret in secrets:
            assert secret not in said
            assert secret.encode() not in log
        assert not [label for label in order.labels if label.hex().encode() in log]


def test_what_lies_for_one_recipient_another_does_not_see(
    recalled: Recalled, tmp_path: Path
) -> None:
    """The list of another recipient is empty, and a file of the first one's is not given to it."""
    site, _, _ = recalled
    with site.open(read_only=True, days=2) as ws:
        (order, *_) = ws.disclosure.listing("provider.host")["orders"]
        assert ws.disclosure.listing("provider.logs")["orders"] == []
        assert ws.disclosure.file("provider.logs", order["name"]) is None
        assert ws.disclosure.file("provider.host", order["name"]) is not None
        assert ws.disclosure.file("provider.host", "../ledger.sqlite") is None
        ws.disclosure.lay_out("provider.logs", tmp_path / "logs")
    assert list((tmp_path / "logs").glob("*.order")) == []
