"""Recipients, recalls, checks and erasures over HTTP, by the typed client, as the commands do them."""

from __future__ import annotations

import itertools
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from byleave.client import ApiError, Client
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from byleave.verify import verify
from byleave.wiring.recipient import make_recipient
from tests.portal.api_site import SITE, Site
from tests.portal.test_client import ThroughTestClient
from tests.portal.test_reach import done, failed
from tests.recipients import HOST
from tests.unit.service.small import CONTRACT, PLATFORM, PROVIDER, Grown, grow, small_table

RECIPIENTS = """recipients: v1
version: one
companies:
  - company: host
    recipient: provider.host
    parents: []
    contracts:
      - {terms: h, from: 2024-01-01, may_train: [train.generative.replies], may_pass_on: false}
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    return grow(tmp_path_factory.mktemp("acts") / "ws")


@pytest.fixture
def grown(first: Grown, tmp_path: Path) -> Grown:
    shutil.copytree(first.path, tmp_path / "ws")
    return replace(first, path=tmp_path / "ws")


@pytest.fixture
def site(grown: Grown) -> Iterator[Site]:
    with grown.open(read_only=True) as reader:
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=make_desk(reader, site=SITE))
        with TestClient(app) as http:
            yield Site(grown.path, http, itertools.count())


@pytest.fixture
def api(site: Site) -> Iterator[Client]:
    secret = site.token()["authorization"].removeprefix("Bearer ")

    def look(_: float) -> None:
        threading.Event().wait(0.02)

    with Client(SITE, token=secret, transport=ThroughTestClient(site), sleep=look) as made:
        yield made


def refusal(call: Any, *args: Any, **more: Any) -> str:
    """The code with which a call is refused."""
    with pytest.raises(ApiError) as caught:
        call(*args, **more)
    return caught.value.code


def test_a_recipient_is_registered_and_its_package_called_back(
    api: Client, grown: Grown, tmp_path: Path
) -> None:
    """File and card are put on record, the waiting package is made up for its key, and called back
    whole; each act is in the trail before what it did, and a card that was changed is refused.
    """
    trust = (grown.path / "trust.policy").read_bytes()
    make_recipient(tmp_path / "host", HOST, trust)
    card = json.loads((tmp_path / "host" / "card.json").read_text())
    recorded = api.put_recipients(RECIPIENTS)
    changed = {**card, "card": {**card["card"], "recipient": "provider.other"}}
    assert refusal(api.register_card, changed) == "disclosure.signature"
    told = done(api, api.register_card(card))
    assert (told["recipient"], told["made_up"]) == (HOST, [grown.package])
    [key] = api.recipients()["keys"]
    assert (key["recipient"], key["index"]) == (HOST, told["index"])
    assert json.loads(api.registration(HOST))["card"] == card["card"]
    assert refusal(api.registration, "provider.nobody") == "disclosure.unregistered"
    [before] = api.disclosures()
    [recalled] = done(api, api.recall(grown.package, days=7))["recalled"]
    assert recalled["recalled_rows"] == before["rows"]
    assert done(api, api.recall(grown.package))["recalled"] == [], "nothing is left to call back"
    assert refusal(api.recall, "package-9") == "workspace.unknown-object"
    acts = [(a["what"], a["name"]) for a in api.acts(kind="act")]
    assert acts == [
        ("policy.recipients", api.recipients()["sha256"]),
        ("disclosure.register", HOST),
        ("disclosure.recall", grown.package),
        ("disclosure.recall", grown.package),
    ]
    assert recorded < told["index"]
    with grown.open() as ws:
        assert ws.fsck() == []


def test_checks_say_what_the_commands_say_and_store_nothing(api: Client, grown: Grown) -> None:
    """Replay, comparison, snapshot check, refit, reconciliation, count and fsck are jobs whose
    results are the commands'; the ledger is as long after them as before.
    """
    with grown.open(read_only=True) as ws:
        size = ws.ledger.size()
        compared = ws.gate.compare("messages", PLATFORM, party_rules=["author", "any", "all"])
        gate = ws.gate.show(grown.gate)
    replayed = done(api, api.replay(grown.gate))
    assert (replayed["same"], replayed["kept"]) == (True, gate["kept"])
    told = done(api, api.compare("messages", PLATFORM))
    assert [v["kept"] for v in told["variants"]] == [v.kept for v in compared.variants]
    assert done(api, api.check_snapshot(grown.snapshot))["readable"] is True
    again = done(api, api.refit(grown.release))
    assert (again["same"], again["released"]) == (True, again["refit"])
    assert "disagreements" in done(api, api.reconcile())
    assert done(api, api.count_purged())["rows"] == 0
    assert done(api, api.check())["findings"] == []
    assert api.gate(grown.gate)["kept"] == gate["kept"]
    assert api.manifest(grown.snapshot)["manifest"]["records"] == gate["kept"]
    assert api.lineage(grown.release)["release"] == grown.release
    for call, name in ((api.replay, "gate-9"), (api.refit, "none"), (api.manifest, "set-9")):
        assert refusal(call, name) == "workspace.unknown-object"
    with grown.open(read_only=True) as ws:
        assert ws.ledger.size() == size


def test_what_changed_minds_touch_is_gated_again_and_then_erased(
    api: Client, site: Site, grown: Grown
) -> None:
    """A gate is updated and a snapshot renewed by their own; who still stands somewhere cannot be
    erased, and who does not is; neither job nor trail holds their id.
    """
    with grown.open(read_only=True) as ws:
        direct = ws.gate.dry_run("messages", PLATFORM)
    updated = done(api, api.update_gate(grown.gate))
    assert (updated["kept"], updated["reasons"]) == (direct.kept, dict(direct.reasons))
    gone = grown.withdrew[0]
    stands = api.standing(gone)
    assert stands["may"] is False
    assert {"kind": "release", "id": grown.release} in stands["standing"]
    assert failed(api, api.erase([gone])) == "erasure.standing"
    done(api, api.run_withdrawals())
    renewed = [s["snapshot"] for s in api.snapshots()]
    apart = api.snapshot_difference(grown.snapshot, renewed[-1])
    assert apart["records"] < 0
    assert api.standing(gone) == {"may": True, "standing": []}
    job = api.wait(api.erase([gone], request="request-1"), seconds=120.0)
    assert (job["state"], job["result"]["members"]) == ("done", 1)
    assert gone not in json.dumps(job)
    [erased] = api.erasures()
    assert erased["index"] == job["result"]["index"]
    assert gone not in json.dumps(list(api.acts()))
    assert (job["who"], job["why"]) == ("token:t0", "shows members their own data")
    assert refusal(api.standing, gone) == "member.unknown"
    with grown.open() as ws:
        assert ws.fsck() == []


def test_proofs_that_were_fetched_hold(api: Client, grown: Grown) -> None:
    """A lineage and a member's own proof, fetched by the client, hold under the trust file."""
    trust = (grown.path / "trust.policy").read_bytes()
    for proof in (api.proof("lineage", grown.release), api.proof("disclosure", grown.package)):
        assert verify(proof, trust).ok
    for member in (grown.silent[0], grown.agreed[5]):
        own = api.receipt(member, form="private")
        assert verify(api.proof_of(member, grown.release), trust, own).ok
    assert refusal(api.proof, "lineage", "none") == "workspace.unknown-object"
    assert json.loads(api.receipt(grown.agreed[5]))["@context"]
    summary = json.loads(api.summary("datasheet", release=grown.release))
    assert summary


def test_regions_come_with_a_source(api: Client, grown: Grown, tmp_path: Path) -> None:
    """Where members live is a file beside the rows; one without its columns adds nothing."""
    import pyarrow.parquet as pq

    table = small_table()
    pq.write_table(table, tmp_path / "rows.parquet")
    rows = api.upload(tmp_path / "rows.parquet")
    who = grown.agreed[3]
    (tmp_path / "where.csv").write_text(f"member,region\n{who},us-ca\n")
    (tmp_path / "wrong.csv").write_text(f"who,where\n{who},us-ca\n")
    wrong = api.upload(tmp_path / "wrong.csv", csv=True)
    assert failed(api, api.add_source("again", CONTRACT, [rows], regions=wrong)) == (
        "data.unreadable"
    )
    where = api.upload(tmp_path / "where.csv", csv=True)
    done(api, api.add_source("again", CONTRACT, [rows], regions=where))
    with grown.open(read_only=True) as ws:
        regions = dict(ws.ledger.regions(2**62))
        assert regions[ws.member.ordinal(who)] == "us-ca"
        assert [s["source"] for s in ws.source.list()] == ["messages", "again"]


def test_the_directory_is_built_and_listed(api: Client, grown: Grown) -> None:
    """A directory is a job, and then stands in the public list; offers of one use still work."""
    pytest.importorskip("nacl")
    told = done(api, api.build_directory())
    assert [d["directory"] for d in api.directories()] == [told["directory"]]
    assert told["members"] == len(grown.agreed) + len(grown.silent)
    assert api.preview_offer("messages", PROVIDER)["new"] == 0


def test_a_job_of_the_first_form_is_read(grown: Grown) -> None:
    """A file of jobs that an earlier version wrote is taken over, reasons empty."""
    import sqlite3

    from byleave.stores.jobs import JobFile

    path = grown.path / "jobs.sqlite"
    old = sqlite3.connect(path)
    old.executescript(
        "CREATE TABLE job (number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,"
        " caller TEXT NOT NULL, asked TEXT NOT NULL, state TEXT NOT NULL, at_us INTEGER NOT NULL,"
        " began_us INTEGER, ended_us INTEGER, result TEXT, problem TEXT) STRICT;"
        "INSERT INTO job (kind, caller, asked, state, at_us) VALUES"
        " ('gate', 'operator:alex', '{}', 'waiting', 1);"
        "PRAGMA user_version = 1;"
    )
    old.close()
    file = JobFile(path)
    try:
        job = file.job(1)
        assert job is not None
        assert (job.who, job.why) == ("operator:alex", "")
        assert file.add("gate", "alex", {}, at_us=2, why="because") == 2
    finally:
        file.close()
