"""A whole workspace whose ledgers are in PostgreSQL, and one decision through either ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

import byleave
from byleave.consent.event import EventKind
from byleave.errors import ConflictError, InputError
from byleave.service.compile import compile_for
from byleave.service.consent import NewEvent, choices_for
from byleave.service.decide import Decider
from byleave.service.kept_plan import compile_now
from byleave.service.source import open_source
from byleave.wiring import Workspace, create
from byleave.wiring.world import ReplayClock
from tests.stores.postgres_server import Server

START = datetime(2024, 7, 1, tzinfo=UTC)
SCOPE = "train.generative.replies/messages/platform"
USE = "train.generative.replies/messages.inmail/platform"
OTHER = "train.ranking.jobs/profile.skills/platform"
CONTRACT = """\
contract: v1
parties: {author: a, recipients: b}
category_constant: messages.inmail
"""


def build(path: Path, clock: ReplayClock, url: str | None) -> Workspace:
    """Return a workspace with choices of six members."""
    ws = create(path, origin="log.test/x", ledger=url, seed=7, now=clock)
    ws.policy.publish_notice("May we? ( ) Yes ( ) No\n", notice="q", asks=[SCOPE])
    ws.member.enrol(["m-1", "m-2", "m-3", "m-4", "m'; --", "m\x006"], regions={"m-1": "eu"})
    ws.consent.grant("m-1", SCOPE, notice="q", includes_past=True)
    ws.consent.grant("m-2", SCOPE, notice="q")
    clock.set(START + timedelta(days=1))
    ws.consent.withdraw("m-2", SCOPE)
    ws.consent.refuse("m-3", "*/*/*")
    ws.consent.grant("m-3", SCOPE, notice="q", expires=START + timedelta(days=5))
    ws.consent.grant("m'; --", SCOPE, notice="q")
    ws.consent.object("m\x006", SCOPE)
    return ws


def test_one_workspace_two_databases(tmp_path: Path, postgres: Server) -> None:
    """From the same seed and the same acts, SQLite and PostgreSQL give the same log and answers."""
    found = []
    for name, url in (("file", None), ("server", postgres.url())):
        path = tmp_path / name
        with build(path, ReplayClock(START), url) as ws:
            state = ws.consent.state(USE)
            found.append(
                (
                    ws.log.checkpoint(),
                    state.code.tolist(),
                    state.allow.tolist(),
                    [ws.consent.choices(row[1], USE) for row in ws.house.ledger.members()],
                    ws.fsck(),
                )
            )
        with byleave.open(path, read_only=True, now=ReplayClock(START)) as ws:
            assert ws.log.checkpoint() == found[-1][0]
            assert ws.fsck() == []
    assert found[0] == found[1]
    assert found[0][-1] == []


def test_a_kept_plan_is_patched_in_both(tmp_path: Path, postgres: Server) -> None:
    """Compiled by another process from the plan kept, a plan is that of a full compile in both.

    So it is after choices, a move, a birth, one who joined and a choice that ended by the clock.
    """
    digests = []
    for name, url in (("file", None), ("server", postgres.url())):
        path = tmp_path / name
        clock = ReplayClock(START)
        with build(path, clock, url) as ws:
            table = pa.table({"a": ["m-1", "m-3", "m'; --"], "b": ["m-3", "m\x006", "m-1"]})
            ws.source.add("messages", table, CONTRACT)
            ws.gate.run("messages", SCOPE)
            ws.consent.withdraw("m-1", SCOPE)
            ws.member.enrol(["m-2", "m-new"], regions={"m-2": "uk", "m-new": "us"})
            ws.member.born({"m-3": "2007"})
        with byleave.open(path, read_only=True, now=ReplayClock(START + timedelta(days=9))) as ws:
            source = open_source(ws.house, "messages")
            made = compile_now(ws.house, source, SCOPE)
            assert made.among is not None
            full = compile_for(ws.house, source, SCOPE, at=made.plan.at)
            assert made.plan.digest == full.digest
            digests.append(full.digest)
    assert digests[0] == digests[1]


def test_the_password_is_nowhere_in_the_folder(tmp_path: Path, postgres: Server) -> None:
    """An address with a password is refused before anything is made; byleave.toml holds none."""
    url = postgres.url()
    with pytest.raises(InputError) as error:
        create(tmp_path / "ws", ledger=url.replace("byleave@", "byleave:secret@"))
    assert error.value.code == "workspace.ledger-url"
    assert not (tmp_path / "ws").exists()
    with create(tmp_path / "ws", ledger=url) as ws:
        assert ws.ledger.place == url
    assert f'ledger = "{url}"' in (tmp_path / "ws" / "byleave.toml").read_text()
    assert not (tmp_path / "ws" / "ledger.sqlite").exists()


def test_a_database_that_is_taken_stays_as_it_is(tmp_path: Path, postgres: Server) -> None:
    """A second workspace in one database is `workspace.exists`; the first keeps its ledger."""
    url = postgres.url()
    with create(tmp_path / "one", ledger=url) as ws:
        size = ws.log.checkpoint()["size"]
    with pytest.raises(ConflictError) as error:
        create(tmp_path / "two", ledger=url)
    assert error.value.code == "workspace.exists"
    assert not (tmp_path / "two").exists()
    with byleave.open(tmp_path / "one") as ws:
        assert ws.log.checkpoint()["size"] == size


def test_a_workspace_that_could_not_be_made_leaves_no_tables(
    tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where making a workspace fails after its ledger was made, the tables go with the folder."""
    url = postgres.url()

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("byleave.wiring.creation.Workspace", fail)
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "ws", ledger=url)
    assert not (tmp_path / "ws").exists()
    with psycopg.connect(url) as raw:
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert raw.execute(tables.encode()).fetchone() == (0,)


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
def test_one_look_up_decides_as_the_oracle_does(
    tmp_path: Path, where: str, request: pytest.FixtureRequest
) -> None:
    """The decider answers as `choices_for` at every instant, also after something is published."""
    url = request.getfixturevalue("postgres").url() if where == "postgres" else None
    clock = ReplayClock(START)
    with build(tmp_path / "ws", clock, url) as ws:
        decider = Decider(ws.house)

        def check() -> None:
            for row in ws.house.ledger.members():
                for text in (USE, OTHER):
                    use = ws.house.taxonomy.use(text)
                    for at in (None, START - timedelta(days=1), START, START + timedelta(days=9)):
                        wanted = choices_for(ws.house, row[1], use, at=at)
                        assert decider.choices(row[1], use, at=at) == wanted, (row[1], text, at)

        check()
        clock.set(START + timedelta(days=2))
        ws.policy.publish_notice("And jobs? ( ) Yes ( ) No\n", notice="jobs", asks=[OTHER])
        ws.consent.record(
            [
                NewEvent(member=m, kind=EventKind.GRANT, scope=ws.scope(OTHER), notice="jobs")
                for m in ("m-1", "m-2")
            ]
        )
        check()
        assert decider.choices("m-1", ws.house.taxonomy.use(OTHER)).reason.name == "KEPT"
        with pytest.raises(InputError) as error:
            decider.choices("nobody", ws.house.taxonomy.use(USE))
        assert error.value.code == "member.unknown"
