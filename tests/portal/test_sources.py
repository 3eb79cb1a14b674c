"""Rows and notices over HTTP: what the command line does, by a platform's program."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import byleave
from byleave.client import Client
from byleave.portal.desk import Desk
from byleave.portal.guard import MOST_ROWS_BYTES
from byleave.wiring import uploads
from tests.portal.api_site import SITE, Site, site_at
from tests.portal.test_client import ThroughTestClient

LONG = 120.0
PARQUET = {"content-type": "application/vnd.apache.parquet"}
CSV = {"content-type": "text/csv"}
USE = "train.generative.replies/messages.direct/platform"
CONTRACT = """\
contract: v1
dataset: generated
record_id: id
parties:
  author: sender
  recipients: reader
category_constant: messages.direct
collected_at: at
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws") as made:
        yield made


def table(rows: int = 40) -> pa.Table:
    """Generated messages of two members who are enrolled and some who are not."""
    return pa.table(
        {
            "id": [f"r-{n}" for n in range(rows)],
            "at": pa.array([n * 1_000_000 for n in range(rows)], pa.timestamp("us", "UTC")),
            "sender": ["m-1" if n % 2 else f"0{n}" for n in range(rows)],
            "reader": ["m-2"] * rows,
            "text": [f"message {n}" for n in range(rows)],
        }
    )


def parquet(rows: int = 40) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table(rows), stream)
    return stream.getvalue()


def csv() -> bytes:
    stream = io.BytesIO()
    pacsv.write_csv(table(), stream)
    return stream.getvalue()


def ended(site: Site, answer: Any) -> dict[str, Any]:
    """The job of an answer once it has ended."""
    assert answer.status_code == 202, answer.text
    desk: Desk = site.http.app.state.desk  # type: ignore[attr-defined]
    desk.work.wait(answer.json()["job"], LONG)
    found: dict[str, Any] = site.http.get(
        answer.json()["href"], headers=site.token("job.write")
    ).json()
    return found


def sent(site: Site, data: bytes, kind: dict[str, str] = PARQUET) -> Any:
    return site.http.post(
        "/api/v1/uploads", content=data, headers={**site.token("source.write"), **kind}
    )


def source(*names: str, **more: Any) -> dict[str, Any]:
    return {"source": "messages", "contract": CONTRACT, "uploads": list(names), **more}


def waiting(site: Site) -> list[str]:
    folder = site.path / "uploads"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_rows_become_the_source_that_the_command_would_make(site: Site, tmp_path: Path) -> None:
    """Uploaded Parquet gives the records, members and digests of `source add`, and waits no more."""
    answer = sent(site, parquet())
    name = hashlib.sha256(parquet()).hexdigest()
    assert (answer.status_code, answer.json()) == (201, {"upload": name, "bytes": len(parquet())})
    assert sent(site, parquet()).json()["upload"] == name
    assert waiting(site) == [f"{name}.parquet"]
    headers = site.token("source.write")
    job = ended(site, site.post("/api/v1/sources", source(name), headers, key="once"))
    assert (job["state"], job["problem"]) == ("done", None)
    again = site.post("/api/v1/sources", source(name), headers, key="once")
    assert (again.status_code, again.json()["job"]) == (202, job["job"])
    taken = site.post("/api/v1/sources", source(name), headers)
    assert (taken.status_code, taken.json()["code"]) == (409, "workspace.exists")
    assert waiting(site) == []
    (tmp_path / "rows.parquet").write_bytes(parquet())
    with byleave.create(tmp_path / "own") as own:
        own.member.enrol(["m-1", "m-2"])
        records, enrolled = own.source.add("messages", tmp_path / "rows.parquet", CONTRACT)
        digests = own.source.open("messages").digests
    assert job["result"] == {"source": "messages", "records": records, "enrolled": enrolled}
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.source.open("messages").digests == digests
        assert ws.source.list()[0]["about"] == {"origin": "api", "uploads": [name]}
        assert ws.fsck() == []


def test_csv_keeps_ids_as_they_were_written(site: Site) -> None:
    """An id with leading zeros is the member of that id, and several files are one source."""
    names = [sent(site, csv(), CSV).json()["upload"]]
    job = ended(site, site.post("/api/v1/sources", source(*names), site.token("source.write")))
    assert job["state"] == "done", job["problem"]
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.member.ordinal("00") >= 0
        assert ws.source.open("messages").rows == 40
    assert waiting(site) == []


def test_what_is_no_source_leaves_nothing(site: Site) -> None:
    """A bad contract, an unknown or damaged file, or columns that do not fit add nothing."""
    headers = site.token("source.write")
    good = sent(site, parquet()).json()["upload"]
    size = len(parquet())
    damaged = sent(site, parquet()[:8] + bytes(size - 16) + parquet()[-8:]).json()["upload"]
    for change, status, code in (
        ({"contract": "contract: v9"}, 400, "contract.malformed"),
        ({"uploads": ["0" * 64]}, 400, "upload.unknown"),
        ({"uploads": ["../" + "0" * 61]}, 422, "api.malformed"),
        ({"source": "../x"}, 422, "api.malformed"),
        ({"more": 1}, 422, "api.malformed"),
    ):
        refused = site.post("/api/v1/sources", {**source(good), **change}, headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    other = CONTRACT.replace("author: sender", "author: nobody")
    for body, code in (
        (source(good, contract=other), "contract.column-missing"),
        (source(damaged), "data.unreadable"),
    ):
        job = ended(site, site.post("/api/v1/sources", body, headers))
        assert (job["state"], job["problem"]["code"]) == ("failed", code)
    with byleave.open(site.path) as ws:
        assert ws.source.list() == []
        assert ws.fsck() == []
    assert f"{good}.parquet" in waiting(site)


@pytest.mark.parametrize(
    ("data", "kind", "status", "code"),
    [
        (b"", PARQUET, 400, "data.unreadable"),
        (b"", CSV, 400, "data.unreadable"),
        (b"PAR1 cut short", PARQUET, 400, "data.unreadable"),
        (b"x", {"content-type": "text/html"}, 415, "api.media-type"),
        (b"x", {}, 415, "api.media-type"),
    ],
)
def test_what_is_no_file_of_rows_is_not_kept(
    site: Site, data: bytes, kind: dict[str, str], status: int, code: str
) -> None:
    """Nothing, half a file or another kind is refused, and nothing of it stays."""
    refused = sent(site, data, kind)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert waiting(site) == []


def test_more_than_there_is_room_for_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file over the limit, announced or not, and one more than may wait, leave nothing behind."""
    headers = {**site.token("source.write"), **PARQUET, "content-length": str(MOST_ROWS_BYTES + 1)}
    assert site.http.post("/api/v1/uploads", content=b"PAR1", headers=headers).status_code == 413
    monkeypatch.setattr("byleave.portal.guard.MOST_ROWS_BYTES", 100)
    pieces = iter([b"PAR1", b"x" * 200])
    headers = {**site.token("source.write"), **PARQUET}
    assert site.http.post("/api/v1/uploads", content=pieces, headers=headers).status_code == 413
    assert waiting(site) == []
    monkeypatch.undo()
    first = sent(site, parquet())
    monkeypatch.setattr(uploads, "MOST_KEPT", len(parquet()) + 10)
    refused = sent(site, parquet(50))
    assert (refused.status_code, refused.json()["code"]) == (409, "upload.full")
    assert waiting(site) == [f"{first.json()['upload']}.parquet"]


def test_who_may_send_rows(site: Site) -> None:
    """Rows want their own scope: a token for choices, a member and the public may not."""
    assert sent(site, parquet()).status_code == 201
    for headers, status in ((site.token("consent.write"), 403), ({}, 401)):
        answer = site.http.post("/api/v1/uploads", content=b"", headers={**headers, **PARQUET})
        assert answer.status_code == status


def test_a_notice_is_published_once(site: Site) -> None:
    """The text is logged as the command logs it; the same key again publishes nothing more."""
    body = {"notice": "ask-2", "text": "May we?\n( ) Yes ( ) No\n", "asks": [USE]}
    headers = site.token("policy.write")
    made = site.post("/api/v1/notices", body, headers, key="one")
    assert made.status_code == 201, made.text
    assert site.post("/api/v1/notices", body, headers, key="one").json() == made.json()
    refused = site.post("/api/v1/notices", body, headers)
    assert refused.status_code == 409
    wrong = site.post("/api/v1/notices", {**body, "notice": "ask-3", "asks": ["x/y/z"]}, headers)
    assert wrong.status_code == 400
    assert site.post("/api/v1/notices", body, site.token("notice.write")).status_code == 403
    with byleave.open(site.path, read_only=True) as ws:
        found = {d["notice"]: d for d in ws.notice.list()}
        assert sorted(found) == ["ask-1", "ask-2"]
        assert found["ask-2"]["text"] == body["text"]
        assert ws.fsck() == []


def test_the_whole_night_by_client(site: Site, tmp_path: Path) -> None:
    """Notice, rows, gate and seal by the client alone; a choice in between counts at the gate."""
    secret = site.token()["authorization"].removeprefix("Bearer ")
    given: dict[str, Any] = {"transport": ThroughTestClient(site), "sleep": lambda _: None}
    (tmp_path / "rows.parquet").write_bytes(parquet())
    desk: Desk = site.http.app.state.desk  # type: ignore[attr-defined]
    with Client(SITE, token=secret, reason="a test", **given) as api:
        assert api.publish_notice("ask-2", "May we?\n( ) Yes ( ) No\n", [USE]) > 0
        name = api.upload(tmp_path / "rows.parquet")
        added = api.add_source("messages", CONTRACT, [name])
        desk.work.wait(added["job"], LONG)
        for member in ("m-1", "m-2"):
            headers = site.token()
            grant = {**site.grant(member, includes_past=True)}
            assert site.post("/api/v1/choices", grant, headers).status_code == 201
        ran = api.run_gate("messages", USE)
        desk.work.wait(ran["job"], LONG)
        result = api.job(ran["job"])["result"]
        assert (result["rows"], result["kept"]) == (40, 20)
        sealed = api.seal(result["gate"])
        desk.work.wait(sealed["job"], LONG)
        found = api.job(sealed["job"])
    assert found["state"] == "done", found["problem"]
    with byleave.open(site.path, read_only=True) as ws:
        assert len(ws.snapshot.open(found["result"]["snapshot"]).alive) == 20
        assert ws.fsck() == []
