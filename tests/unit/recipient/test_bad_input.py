"""What is wrong is refused under a code of its own, and nothing is lost by it."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from byleave import canonical
from byleave.disclosure.letters import Answer, OrderFile, parse_letter
from byleave.disclosure.parcel import DATA, read_envelope
from byleave.errors import ByleaveError, ConflictError, RefusedError
from byleave.evidence.disclosed import signed_bytes
from byleave.note.keys import SignerKey
from byleave.stores.age import new_age_identity, open_stream, seal_stream
from byleave.stores.outbox import FolderOutbox
from byleave.wiring import recipient
from byleave.wiring.recipient import RecipientFolder, make_recipient
from tests.recipients import HOST, Site
from tests.unit.service.small import PROVIDER


def _identity(site: Site, name: str = "host") -> str:
    return (site.root / name / "keys" / "age.key").read_text().strip()


def _signer(site: Site, name: str = "host") -> SignerKey:
    return SignerKey.parse((site.root / name / "keys" / "sign.key").read_text().strip())


def _package(site: Site) -> bytes:
    return (site.lay_out() / f"{site.package}.age").read_bytes()


def _sealed_to(key: str, raw: bytes) -> bytes:
    sealed = io.BytesIO()
    seal_stream(key, io.BytesIO(raw), sealed)
    return sealed.getvalue()


def _opened(identity: str, sealed: bytes) -> bytes:
    raw = io.BytesIO()
    open_stream(identity, io.BytesIO(sealed), raw)
    return raw.getvalue()


def _refused(site: Site, sealed: bytes) -> str:
    mine = site.recipient()
    with pytest.raises(ByleaveError) as error:
        mine.open(sealed)
    assert mine.held() == []
    assert not (site.root / "host" / "held").exists()
    return error.value.code


def _resealed(site: Site, raw: bytes) -> bytes:
    return _sealed_to(site.recipient().card.age, raw)


def test_a_package_for_another_key_is_not_opened(site: Site, tmp_path: Path) -> None:
    """A package sealed to another recipient: `disclosure.wrong-key`; to me but for another: its own."""
    copy = site.copy(tmp_path / "site")
    sealed = _package(copy)
    other = copy.recipient("logs")
    with pytest.raises(ByleaveError) as error:
        other.open(sealed)
    assert error.value.code == "disclosure.wrong-key"
    raw = _opened(_identity(copy), sealed)
    with pytest.raises(ByleaveError) as error:
        other.open(_sealed_to(other.card.age, raw))
    assert error.value.code == "disclosure.wrong-package"
    assert other.held() == []


def test_a_changed_or_cut_package_is_not_opened(offered_site: Site) -> None:
    """A flipped byte, or an end that is missing: `disclosure.damaged`, and nothing is written."""
    sealed = _package(offered_site)
    for data in (sealed[:-1], sealed[: len(sealed) // 2], sealed[:900] + b"\x00" + sealed[901:]):
        assert _refused(offered_site, data) == "disclosure.damaged"


def test_changed_rows_inside_are_not_taken(offered_site: Site) -> None:
    """Rows other than the header's, sealed anew to me: `disclosure.damaged`."""
    raw = _opened(_identity(offered_site), _package(offered_site))
    assert _refused(offered_site, _resealed(offered_site, raw[:-1])) == "disclosure.damaged"
    assert _refused(offered_site, _resealed(offered_site, b"zip" + raw)) == "disclosure.package"


@pytest.mark.parametrize(
    "name", ["../../keys/sign.key", "/etc/passwd", "..", "state.json", "data.parquet/..", "DATA"]
)
def test_a_package_names_no_file_of_its_own(offered_site: Site, name: str) -> None:
    """A header that names another file, inside the folder or out of it: `disclosure.package-path`."""
    raw = _opened(_identity(offered_site), _package(offered_site))
    _, line, data = raw.split(b"\n", 2)
    document = json.loads(line)
    document["chain"]["links"][0]["header"]["files"][0]["name"] = name
    made = b"byleave-package/v1\n" + canonical.encode(document) + b"\n" + data
    assert _refused(offered_site, _resealed(offered_site, made)) == "disclosure.package-path"


@pytest.mark.parametrize("name", ["../x.age", "a/b.age", "", ".hidden", "A.age", "x..y"])
def test_a_list_names_no_path(offered_site: Site, name: str) -> None:
    """A listing with a path for a name is refused whole: `disclosure.package-path`."""
    out = offered_site.lay_out()
    listing = json.loads((out / "list").read_bytes())
    listing["packages"][0]["name"] = name
    (out / "list").write_bytes(canonical.encode(listing))
    mine = offered_site.recipient()
    with pytest.raises(ByleaveError) as error:
        mine.pull(FolderOutbox(out))
    assert error.value.code == "disclosure.package-path"


def test_a_header_nobody_logged_is_refused(offered_site: Site) -> None:
    """Later expiry in the header, though it is signed by nobody: `disclosure.chain`."""
    raw = _opened(_identity(offered_site), _package(offered_site))
    _, line, data = raw.split(b"\n", 2)
    document = json.loads(line)
    document["chain"]["links"][0]["header"]["terms"]["expires"] = None
    made = b"byleave-package/v1\n" + canonical.encode(document) + b"\n" + data
    assert _refused(offered_site, _resealed(offered_site, made)) == "disclosure.chain"


def test_an_expired_package_is_neither_opened_nor_used(delivered: Site, tmp_path: Path) -> None:
    """From the instant of expiry on: `disclosure.expired`, opened before or not; rows stay."""
    copy = delivered.copy(tmp_path / "site")
    sealed = (copy.root / "out" / f"{copy.package}.age").read_bytes()
    shutil.rmtree(copy.root / "logs" / "held", ignore_errors=True)
    last = copy.recipient(days=198, hours=23)
    assert last.use(copy.package).exists()
    late = copy.recipient(days=199)
    with pytest.raises(RefusedError) as error:
        late.use(copy.package)
    assert (error.value.code, error.value.exit_code) == ("disclosure.expired", 4)
    with pytest.raises(RefusedError) as error:
        late.open(sealed)
    assert error.value.code == "disclosure.expired"
    assert late.held()[0].rows > 0


def test_a_half_download_goes_on_where_it_ended(offered_site: Site) -> None:
    """A file shorter than listed: `disclosure.half-downloaded`; what came is kept and completed."""
    out = offered_site.lay_out()
    path = out / f"{offered_site.package}.age"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    mine = offered_site.recipient()
    ((name, error),) = mine.pull(FolderOutbox(out)).refused
    assert (name, error.code) == (path.name, "disclosure.half-downloaded")
    part = offered_site.root / "host" / "incoming" / path.name
    assert part.read_bytes() == whole[:1000]
    path.write_bytes(b"\x00" * 1000 + whole[1000:])  # the first bytes are not read again
    assert mine.pull(FolderOutbox(out)).packages == (offered_site.package,)
    assert not part.exists()


def test_a_download_of_other_bytes_is_thrown_away(offered_site: Site) -> None:
    """A file of the right length and other bytes: `disclosure.damaged`; the next pull is clean."""
    out = offered_site.lay_out()
    path = out / f"{offered_site.package}.age"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    mine = offered_site.recipient()
    ((name, error),) = mine.pull(FolderOutbox(out)).refused
    assert (name, error.code) == (path.name, "disclosure.damaged")
    path.write_bytes(whole)
    assert mine.pull(FolderOutbox(out)).packages == (offered_site.package,)


def _answers(site: Site) -> dict[str, bytes]:
    mine = site.recipient(days=3)
    mine.pull(FolderOutbox(site.lay_out(days=3)))
    mine.obey()
    mine.sign_answers()
    folder = site.root / "host" / "answers"
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.answer"))}


def _taken(site: Site, data: bytes) -> str:
    with site.open(days=4) as ws:
        size = ws.ledger.size()
        with pytest.raises(ByleaveError) as error:
            ws.disclosure.take(data)
        assert ws.ledger.size() == size
        assert ws.disclosure.status()[0]["state"] == "recalled"
    return error.value.code


def _signed(site: Site, answer: Answer, **changes: object) -> bytes:
    said = dataclasses.replace(answer.statement, **changes)  # type: ignore[arg-type]
    signature = _signer(site).sign(signed_bytes(said.document()))
    return dataclasses.replace(answer, statement=said, signature=signature).encode()


def test_an_answer_for_another_package_is_refused(held_site: Site) -> None:
    """The answer to one package's recall does not pass for another's: `disclosure.wrong-package`."""
    site = held_site
    with site.open(hours=5) as ws:
        second = ws.disclosure.offer("messages", PROVIDER).disclosure
    mine = site.recipient(hours=6)
    assert mine.pull(FolderOutbox(site.lay_out(hours=6))).packages == (second,)
    assert site.withdraw(site.agreed[0], days=1) == [site.package, second]
    one, other = (parse_letter(data) for data in _answers(site).values())
    assert isinstance(one, Answer)
    assert isinstance(other, Answer)
    crossed = _signed(site, other, order=one.statement.order)
    assert _taken(site, crossed) == "disclosure.wrong-package"
    crossed = _signed(site, one, package=other.statement.package)
    assert _taken(site, crossed) == "disclosure.wrong-package"
    assert _taken(site, _signed(site, one, order=bytes(32))) == "disclosure.wrong-package"


def test_an_answer_that_does_not_add_up_is_refused(held_site: Site) -> None:
    """Another count, root, proof, signer or recipient: each refused, and the recall stays open."""
    site = held_site
    site.withdraw(site.agreed[0], days=1)
    ((_, data),) = _answers(site).items()
    answer = parse_letter(data)
    assert isinstance(answer, Answer)
    said = answer.statement
    for code, bad in {
        "disclosure.wrong-package": _signed(site, answer, deleted=said.deleted - 1),
        "map.root-mismatch": _signed(site, answer, after=said.before),
        "disclosure.signature": dataclasses.replace(answer, signature=bytes(64)).encode(),
        "disclosure.package": b'{"format":"byleave-answer/v1"}',
    }.items():
        assert _taken(site, bad) == code
    assert _taken(site, _signed(site, answer, recipient="provider.logs")) == (
        "disclosure.wrong-package"
    )
    assert _taken(site, _signed(site, answer, key=bytes(32))) == "disclosure.wrong-package"
    with site.open(days=4) as ws:
        assert ws.disclosure.take(data)["deleted"] == said.deleted


def test_rows_swapped_in_a_changed_bucket_are_found(held_site: Site) -> None:
    """A recipient that changes a row that stays cannot answer: the platform knows the root."""
    site = held_site
    site.withdraw(site.agreed[0], days=1)
    mine = site.recipient(days=3)
    mine.pull(FolderOutbox(site.lay_out(days=3)))
    path = site.root / "host" / "held" / site.package / DATA
    table = pq.read_table(path)
    texts = table["text"].to_pylist()
    at = table.column_names.index("text")
    pq.write_table(table.set_column(at, "text", [["changed", *texts[1:]]]), path)
    with pytest.raises(ByleaveError) as error:
        mine.obey()
    assert error.value.code == "disclosure.copy-changed"
    assert pq.read_table(path).num_rows == table.num_rows


def test_a_rewrite_that_left_rows_is_found_by_the_next_order(
    held_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two orders obeyed at once: the copy is read back between them, not taken as done."""
    site = held_site
    for number, member in enumerate((site.agreed[0], site.agreed[-1]), start=1):
        assert site.withdraw(member, days=number) == [site.package]
    mine = site.recipient(days=3)
    assert len(mine.pull(FolderOutbox(site.lay_out(days=3))).orders) == 2
    monkeypatch.setattr(recipient, "rewrite_without", lambda path, labels: None)
    refused: list[tuple[str, ByleaveError]] = []
    assert len(mine.obey(refused)) == 1
    assert [error.code for _, error in refused] == ["disclosure.copy-changed"]


def test_a_recipient_cannot_deny_what_it_signed_for(held_site: Site) -> None:
    """It took the package and says it never held it: `disclosure.denied`; the recall stays open."""
    site = held_site
    site.withdraw(site.agreed[0], days=1)
    shutil.rmtree(site.root / "host" / "held")
    ((_, data),) = _answers(site).items()
    assert _taken(site, data) == "disclosure.denied"


def test_an_order_for_a_row_never_held_deletes_nothing(held_site: Site) -> None:
    """An order, truly signed and logged, of a label not in the package: `disclosure.row-unknown`."""
    site = held_site
    site.withdraw(site.agreed[0], days=1)
    mine = site.recipient(days=3)
    out = site.lay_out(days=3)
    (path,) = out.glob("*.order")
    mine.pull(FolderOutbox(out))
    kept = site.root / "host" / "orders" / path.name
    place = site.root / "host" / "held" / site.package
    file = parse_letter(kept.read_bytes())
    assert isinstance(file, OrderFile)
    table = pq.read_table(place / DATA)
    from byleave.disclosure.row_map import RowMap
    from byleave.snapshot.sealed import write_table
    from byleave.wiring.recipient_files import rows_without

    fewer = rows_without(table, file.order.labels[:1])
    header = file.chain.last
    (place / DATA).write_bytes(write_table(fewer))
    state = json.loads((place / "state.json").read_bytes())
    root = RowMap.of(fewer, k=header.k).root.hex()
    (place / "state.json").write_bytes(canonical.encode({**state, "root": root}))
    with pytest.raises(ByleaveError) as error:
        mine.obey()
    assert error.value.code == "disclosure.row-unknown"
    assert pq.read_table(place / DATA).num_rows == fewer.num_rows
    kept.unlink()
    ((_, refusal),) = mine.pull(FolderOutbox(out)).refused
    assert refusal.code == "disclosure.row-unknown"


def test_a_changed_order_is_refused(held_site: Site) -> None:
    """One label more in an order than the log commits to: `disclosure.chain`, at the pull."""
    site = held_site
    site.withdraw(site.agreed[0], days=1)
    out = site.lay_out(days=3)
    (path,) = out.glob("*.order")
    document = json.loads(path.read_bytes())
    document["order"]["labels"] = document["order"]["labels"][1:]
    path.write_bytes(canonical.encode(document))
    mine = site.recipient(days=3)
    ((_, error),) = mine.pull(FolderOutbox(out)).refused
    assert error.code == "disclosure.chain"
    assert mine.obey() == []


def test_steps_out_of_order_are_refused(held_site: Site) -> None:
    """A delivery after the recall, and a second, other answer: `disclosure.order`."""
    site = held_site
    site.withdraw(site.agreed[0], days=1)
    ((_, data),) = _answers(site).items()
    answer = parse_letter(data)
    assert isinstance(answer, Answer)
    with site.open(days=4) as ws:
        ws.disclosure.take(data)
        later = _signed(site, answer, at=site.at(days=3, hours=1))
        with pytest.raises(ConflictError) as error:
            ws.disclosure.take(later)
        assert error.value.code == "disclosure.order"


def test_a_late_delivery_is_refused_and_its_answer_is_not(offered_site: Site) -> None:
    """Pulled before a recall, told after it: the delivery comes too late, the answer counts."""
    site = offered_site
    mine = site.recipient()
    assert mine.pull(FolderOutbox(site.lay_out())).packages == (site.package,)
    site.withdraw(site.agreed[0], days=1)
    assert sorted(map(str, site.answered())) == ["None", "disclosure.order"]
    with site.open(read_only=True, days=5) as ws:
        assert ws.disclosure.status()[0]["state"] == "acknowledged"


def test_a_card_that_nobody_signed_is_not_registered(site: Site, tmp_path: Path) -> None:
    """A card with another key, another name or no form: refused, and no key is logged."""
    copy = site.copy(tmp_path / "site")
    card = json.loads((copy.root / "host" / "card.json").read_bytes())
    cases = {
        "disclosure.signature": {**card, "card": {**card["card"], "key": "0" * 64}},
        "disclosure.card": {**card, "card": {**card["card"], "age": "age1"}},
    }
    with copy.open(hours=1) as ws:
        size = ws.ledger.size()
        for code, document in cases.items():
            with pytest.raises(ByleaveError) as error:
                ws.disclosure.register(canonical.encode(document))
            assert error.value.code == code
        make_recipient(tmp_path / "x", "provider.nobody", ws.places.trust.read_bytes())
        with pytest.raises(ByleaveError) as error:
            ws.disclosure.register((tmp_path / "x" / "card.json").read_bytes())
        assert error.value.code == "use.unknown-term"
        assert ws.ledger.size() == size


def test_a_recipient_s_keys_are_not_replaced(site: Site, tmp_path: Path) -> None:
    """A folder with keys is left as it is; a folder without is none: `disclosure.folder`."""
    trust = (site.root / "ws" / "trust.policy").read_bytes()
    with pytest.raises(ByleaveError) as error:
        make_recipient(site.root / "host", HOST, trust)
    assert error.value.code == "disclosure.folder"
    with pytest.raises(ByleaveError) as error:
        RecipientFolder(tmp_path / "nobody")
    assert error.value.code == "disclosure.folder"
    assert oct((site.root / "host" / "keys" / "sign.key").stat().st_mode)[-3:] == "600"
    assert new_age_identity(bytes(range(32))).startswith("AGE-SECRET-KEY-1")


def test_unpack_reads_only_what_pack_writes(offered_site: Site) -> None:
    """A package reads back as it was packed; the chain in it is the one in the log."""
    stream = io.BytesIO(_opened(_identity(offered_site), _package(offered_site)))
    chain, data = read_envelope(stream), stream.read()
    assert chain.last.name == offered_site.package
    assert chain.last.size == len(data)
