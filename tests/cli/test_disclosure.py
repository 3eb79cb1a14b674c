"""`byleave disclosure`, both sides, as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from byleave.cli.main import main
from tests.recipients import HOST, Site, make_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A platform that offered a package to a registered recipient."""
    return make_site(tmp_path_factory.mktemp("cli") / "site")


class Typed:
    """Types commands in a folder and keeps what they print."""

    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        self.site = site
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        where = ["-w", str(self.site.root / "ws")]
        if words[0] in {"pull", "held", "obey", "acknowledge", "pass", "collect"}:
            where = [] if "-r" in words else ["-r", str(self.site.root / "host")]
        elif words[0] == "keygen":
            where = []
        assert main(["disclosure", *words, *where]) == code, self._capsys.readouterr()
        said = self._capsys.readouterr()
        return said.out if code == 0 else said.out + said.err


@pytest.fixture
def typed(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Commands over a copy of the site, with this machine's clock."""
    copy = site.copy(tmp_path / "site")
    with copy.open(hours=1) as ws:  # the terms of the first run out before today
        ws.disclosure.offer("messages", "train.generative.replies/messages/provider.host")
    return Typed(copy, capsys)


def test_there_and_back(typed: Typed) -> None:
    """Outbox, pull, acknowledge, receive, recall, obey, acknowledge, receive: states and lines."""
    root, out = typed.site.root, str(typed.site.root / "out")
    assert "offered" in typed("status")
    assert "package-2.age" in typed("outbox", HOST, "--to", out)
    assert "package-2: opened, verified, held" in typed("pull", out)
    assert "package-2.delivery: sent" in typed("acknowledge", out)
    assert f"{HOST} holds package-2" in typed("receive", out)
    assert typed("held", "package-2").strip().endswith("held/package-2/data.parquet")
    member, where = typed.site.agreed[0], ["-w", str(root / "ws")]
    assert main(["consent", "withdraw", member, "train/messages/*", *where]) == 0
    said = typed("recall")
    assert "package-2: " in said
    assert f"rows recalled from {HOST}, due " in said
    assert "Nothing to recall" in typed("recall")
    typed("outbox", HOST, "--to", out)
    assert "package-2-recall-1: rows are recalled" in typed("pull", out)
    assert "disclosure.recall-open" in typed("held", "package-2", code=4)
    assert "rows deleted" in typed("obey")
    assert "package-2-recall-1.answer: sent" in typed("acknowledge", out)
    assert f"{HOST} deleted" in typed("receive", out)
    found = json.loads(typed("status", "--json"))
    states = {d["disclosure"]: d["state"] for d in found["disclosures"]}
    assert states["package-2"] == "acknowledged"
    table = typed("status", "--table")
    assert "deadline-passed" in table
    assert "Nothing to send." in typed("acknowledge", out)
    assert "Nothing was sent." in typed("receive")


def test_what_runs_out_is_refused(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A package whose terms ran out lies there no more, and what was held may not be used: exit 4."""
    typed = Typed(site.copy(tmp_path / "old").delivered(), capsys)
    out = str(typed.site.root / "elsewhere")
    assert "package-1.age" not in typed("outbox", HOST, "--to", out)
    assert "disclosure.expired" in typed("held", "package-1", code=4)


def test_keys_and_cards(typed: Typed, tmp_path: Path) -> None:
    """`keygen` makes a card, `register` takes it; a second `keygen` there and a bad card: exit 2."""
    trust = str(typed.site.root / "ws" / "trust.policy")
    folder = str(tmp_path / "again")
    assert "card.json" in typed("keygen", folder, "--name", HOST, "--trust", trust)
    assert "disclosure.folder" in typed("keygen", folder, "--name", HOST, "--trust", trust, code=2)
    out = tmp_path / "host.registration"
    said = typed("register", f"{folder}/card.json", "--out", str(out))
    assert f"{HOST}: registered" in said
    assert "package-2: made up for this key" in said
    assert json.loads(out.read_bytes())["card"]["recipient"] == HOST
    (tmp_path / "bad.json").write_text("{}")
    assert "disclosure.card" in typed("register", str(tmp_path / "bad.json"), code=2)


def test_wrong_words(typed: Typed, tmp_path: Path) -> None:
    """No such recipient's folder, package, outbox or address: exit 2, each with its code."""
    nobody = str(tmp_path / "nobody")
    assert "disclosure.folder" in typed("held", "-r", nobody, code=2)
    assert "workspace.unknown-object" in typed("held", "package-9", code=2)
    assert "input.not-found" in typed("pull", nobody, code=2)
    assert "workspace.unknown-object" in typed("recall", "package-9", code=2)
    assert "disclosure.unregistered" in typed("outbox", "provider.who", "--to", nobody, code=4)
    (tmp_path / "letter").write_text("{}")
    assert "disclosure.package" in typed("receive", str(tmp_path / "letter"), code=3)


def test_passing_on(typed: Typed) -> None:
    """`pass` makes up a package for the next one; `collect` finds nothing yet; to itself: exit 4."""
    root, out = typed.site.root, str(typed.site.root / "out")
    typed("outbox", HOST, "--to", out)
    typed("pull", out)
    said = typed("pass", "package-2", "--to", str(root / "logs.registration"))
    lies = said.strip().removeprefix("made up; it lies in ")
    logs = str(root / "logs")
    assert "opened, verified, held" in typed("pull", lies, "-r", logs)
    assert "Nothing was sent." in typed("collect")
    assert "provider.logs" in typed("held")
    assert "disclosure.may-not-pass-on" in typed(
        "pass", "package-2", "--to", str(root / "host.registration"), code=4
    )
