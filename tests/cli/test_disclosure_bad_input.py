"""What is wrong between platform and recipient, as people type it: a code each, and nothing lost."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from byleave import canonical
from byleave.cli.main import main
from byleave.disclosure.letters import Answer, parse_letter
from byleave.disclosure.row_map import RowMap
from byleave.evidence.disclosed import signed_bytes
from byleave.note.keys import SignerKey
from byleave.wiring.recipient_files import map_of, rewritten
from tests.recipients import HOST, Site, make_site

USE = f"train.generative.replies/messages/{HOST}"


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A platform whose first package runs out long before today, and whose next two do not."""
    site = make_site(tmp_path_factory.mktemp("bad") / "site")
    with site.open(hours=1) as ws:
        ws.disclosure.offer("messages", USE)
        ws.disclosure.offer("messages", USE)
    return site


class Typed:
    """Types commands of both sides in a copy of the site, with this machine's clock."""

    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        self.site = site
        self.out = site.root / "out"
        self._capsys = capsys

    def platform(self, *words: str, code: int = 0) -> str:
        """Type a command of the platform."""
        return self._typed([*words, "-w", str(self.site.root / "ws")], code)

    def host(self, *words: str, who: str = "host", code: int = 0) -> str:
        """Type a command of the recipient."""
        return self._typed([*words, "-r", str(self.site.root / who)], code)

    def _typed(self, words: list[str], code: int) -> str:
        assert main(["disclosure", *words]) == code, self._capsys.readouterr()
        said = self._capsys.readouterr()
        return said.out + said.err

    def pulled(self) -> None:
        """Lay out, pull, and tell the platform."""
        self.platform("outbox", HOST, "--to", str(self.out))
        self.host("pull", str(self.out))
        self.host("acknowledge", str(self.out))
        self.platform("receive", str(self.out))

    def recalled(self) -> None:
        """Let a member leave, recall, and pull the orders."""
        where = ["-w", str(self.site.root / "ws")]
        assert main(["consent", "withdraw", self.site.agreed[0], "train/messages/*", *where]) == 0
        self.platform("recall")
        self.platform("outbox", HOST, "--to", str(self.out))

    def states(self) -> dict[str, str]:
        """Return where every package stands."""
        found = json.loads(self.platform("status", "--json"))
        return {d["disclosure"]: d["state"] for d in found["disclosures"]}

    def rows(self) -> dict[str, int]:
        """Return how many rows the recipient holds of each package, counted in the files."""
        places = sorted((self.site.root / "host" / "held").glob("*/data.parquet"))
        return {p.parent.name: pq.read_metadata(p).num_rows for p in places}


@pytest.fixture
def typed(offered: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Commands over a copy of the site."""
    return Typed(offered.copy(tmp_path / "site"), capsys)


def test_a_package_opened_late_is_not_taken_on(typed: Typed) -> None:
    """Laid out in time and pulled after it ran out: `disclosure.expired`; the others are held."""
    out = str(typed.site.lay_out())  # by the platform's clock of then
    said = typed.host("pull", out, code=3)
    assert "package-1.age: not taken on: the terms of package-1 ran out" in said
    assert "(disclosure.expired)" in said
    assert list(typed.rows()) == ["package-2", "package-3"]
    assert not list((typed.site.root / "host" / "incoming").glob("data.parquet"))


def test_a_package_half_downloaded_goes_on(typed: Typed) -> None:
    """Half a package: `disclosure.half-downloaded`, what came is kept, the other one is held."""
    typed.platform("outbox", HOST, "--to", str(typed.out))
    path = typed.out / "package-2.age"
    whole = path.read_bytes()
    path.write_bytes(whole[:500])
    said = typed.host("pull", str(typed.out), code=3)
    assert "package-2.age: not taken on: " in said
    assert "disclosure.half-downloaded" in said
    assert "package-3: opened, verified, held" in said
    assert (typed.site.root / "host" / "incoming" / path.name).stat().st_size == 500
    path.write_bytes(whole)
    assert "package-2: opened, verified, held" in typed.host("pull", str(typed.out))
    assert "Nothing new." in typed.host("pull", str(typed.out))


def test_a_package_for_somebody_else_is_not_opened(typed: Typed) -> None:
    """Pulled with another recipient's keys: `disclosure.wrong-key`, and nothing is held."""
    typed.platform("outbox", HOST, "--to", str(typed.out))
    said = typed.host("pull", str(typed.out), who="logs", code=3)
    assert said.count("disclosure.wrong-key") == 2
    assert "Nothing is held." in typed.host("held", who="logs")


def test_an_answer_to_another_package_is_refused(typed: Typed) -> None:
    """One package's answer under the other's order: `disclosure.wrong-package`; the true one counts."""
    typed.pulled()
    typed.recalled()
    typed.host("pull", str(typed.out))
    typed.host("obey")
    answers = typed.site.root / "host" / "answers"
    one, other = (
        parse_letter(p.read_bytes()) for p in sorted(answers.glob("package-[23]-*.answer"))
    )
    assert isinstance(one, Answer)
    assert isinstance(other, Answer)
    said = dataclasses.replace(other.statement, order=one.statement.order)
    signer = SignerKey.parse((typed.site.root / "host" / "keys" / "sign.key").read_text().strip())
    crossed = dataclasses.replace(
        other, statement=said, signature=signer.sign(signed_bytes(said.document()))
    )
    (typed.site.root / "crossed.answer").write_bytes(crossed.encode())
    told = typed.platform("receive", str(typed.site.root / "crossed.answer"), code=3)
    assert "(disclosure.wrong-package)" in told
    assert set(typed.states().values()) == {"recalled"}
    typed.host("acknowledge", str(typed.out))
    typed.platform("receive", str(typed.out))
    assert set(typed.states().values()) == {"acknowledged"}


def test_a_recipient_says_it_never_had_the_rows(typed: Typed) -> None:
    """It signed for a package and answers that it never held it: `disclosure.denied`; still due."""
    typed.pulled()
    typed.recalled()
    shutil.rmtree(typed.site.root / "host" / "held" / "package-2")
    typed.host("pull", str(typed.out))
    typed.host("obey")
    typed.host("acknowledge", str(typed.out))
    told = typed.platform("receive", str(typed.out), code=3)
    assert "package-2-recall-1.answer: refused: " in told
    assert "(disclosure.denied)" in told
    assert typed.states()["package-2"] == "recalled"
    assert typed.states()["package-3"] == "acknowledged"


def test_a_row_that_was_never_held_stops_no_other_package(typed: Typed) -> None:
    """A copy that lacks a recalled row: `disclosure.row-unknown`, nothing of it goes; others do."""
    typed.pulled()
    typed.recalled()
    place = typed.site.root / "host" / "held" / "package-2"
    typed.host("pull", str(typed.out))
    order = next((typed.site.root / "host" / "orders").glob("package-2-*.order"))
    gone = bytes.fromhex(json.loads(order.read_bytes())["order"]["labels"][0])

    def less(table: pa.Table) -> pa.Table:
        kept = [label[:16] != gone for label in table["byleave_row"].to_pylist()]
        return table.filter(kept)

    rewritten(place / "data.parquet", place / "data.parquet", less)
    state = json.loads((place / "state.json").read_bytes())
    k = json.loads((place / "package.json").read_bytes())["chain"]["links"][0]["header"]["k"]
    found: RowMap = map_of(place / "data.parquet", k)
    (place / "state.json").write_bytes(canonical.encode({**state, "root": found.root.hex()}))
    before = typed.rows()
    said = typed.host("obey", code=3)
    assert "package-2-recall-1: not obeyed: " in said
    assert "(disclosure.row-unknown)" in said
    assert "package-3-recall-1: " in said
    assert typed.rows()["package-2"] == before["package-2"]
    assert typed.rows()["package-3"] < before["package-3"]
    order.unlink()
    assert "(disclosure.row-unknown)" in typed.host("pull", str(typed.out), code=3)


def test_a_changed_copy_keeps_its_order(typed: Typed) -> None:
    """A copy that is not what was delivered: `disclosure.copy-changed`, exit 3, its order waits."""
    typed.pulled()
    typed.recalled()
    typed.host("pull", str(typed.out))
    place = typed.site.root / "host" / "held" / "package-3" / "data.parquet"
    whole = place.read_bytes()
    rewritten(place, place, lambda table: table.slice(0, 5))
    said = json.loads(typed.host("obey", "--json", code=3))
    assert [o["package"] for o in said["obeyed"]] == ["package-1", "package-2"]
    assert said["refused"] == [{"order": "package-3-recall-1", "error": "disclosure.copy-changed"}]
    assert typed.rows()["package-3"] == 5
    place.write_bytes(whole)
    assert "package-3-recall-1: " in typed.host("obey")
    assert "package-2-recall-1.answer: sent" in typed.host("acknowledge", str(typed.out))
    typed.platform("receive", str(typed.out))
    assert typed.states()["package-3"] == "acknowledged"


def test_letters_go_to_an_outbox_alone(typed: Typed, tmp_path: Path) -> None:
    """A folder that nobody reads takes no letter: `disclosure.unreachable`, and it is sent later."""
    typed.platform("outbox", HOST, "--to", str(typed.out))
    typed.host("pull", str(typed.out))
    (tmp_path / "empty").mkdir()
    said = typed.host("acknowledge", str(tmp_path / "empty"), code=1)
    assert "disclosure.unreachable" in said
    assert list((tmp_path / "empty").iterdir()) == []
    assert "package-2.delivery: sent" in typed.host("acknowledge", str(typed.out))


def test_terms_that_are_over_make_no_package(typed: Typed) -> None:
    """An expiry in the past, to offer or to pass on: `disclosure.over`, exit 2, nothing is made."""
    with typed.site.open(read_only=True) as ws:
        size = ws.ledger.size()
    words = ["offer", "messages", "--use", USE, "--expires", "2020-01-01"]
    assert "disclosure.over" in typed.platform(*words, code=2)
    with typed.site.open(read_only=True) as ws:
        assert ws.ledger.size() == size
    typed.pulled()
    logs = str(typed.site.root / "logs.registration")
    words = ["pass", "package-2", "--to", logs, "--expires", "2020-01-01"]
    assert "disclosure.over" in typed.host(*words, code=2)
    assert "made up" in typed.host("pass", "package-2", "--to", logs)


def test_how_much_of_an_offer_is_new(typed: Typed) -> None:
    """`offer --preview` and `--only-new` say how many records are new, and refuse where none is."""
    where = ["offer", "messages", "--use", USE]
    said = typed.platform(*where, "--preview")
    assert "nothing is stored" in said
    assert f"new to {HOST}: 0; 410 it holds already, --only-new leaves them out" in said
    found = json.loads(typed.platform(*where, "--preview", "--json"))
    assert (found["new"], found["repeated"], found["kept"]) == (0, 410, 410)
    assert "disclosure.nothing-new" in typed.platform(*where, "--only-new", code=4)
    made = json.loads(typed.platform(*where, "--json"))
    assert (made["new"], made["repeated"], made["offered"]) == (0, 410, 410)
