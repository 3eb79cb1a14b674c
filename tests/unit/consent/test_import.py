"""Imports from a consent platform: graded, in parts, never half, never twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byleave.canonical import sha256
from byleave.consent.event import EventKind, EvidenceGrade
from byleave.consent.reason import Reason
from byleave.consent.state import advance, build
from byleave.errors import ByleaveError, ConflictError, InputError
from byleave.ids import format_instant
from byleave.policy.scope import Scope
from byleave.service import consent_import
from byleave.service.columns import event_columns
from byleave.service.consent import NewEvent
from byleave.service.consent_replay import state_digest
from byleave.service.ledger_check import check_ledger
from byleave.service.notice import coverages
from byleave.wiring import Workspace, create
from byleave.wiring import open as open_workspace

START = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = "May your messages train the model that suggests replies?\n"
ASK = "train.generative.replies/messages/platform"
USE = "train.generative.replies/messages.direct/platform"
SHOWN = sha256(TEXT.encode()).hex()


class Clock:
    """A clock that a test sets, backwards too."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def workspace(path: Path, clock: Clock | None = None) -> Workspace:
    ws = create(path, origin="log.test/byleave", seed=3, now=clock or Clock())
    ws.policy.publish_notice(TEXT, notice="q-1", asks=[ASK])
    return ws


def write(
    path: Path, *lines: str, header: str = "member,use,decision,effective,notice_sha256"
) -> Path:
    path.write_text("\n".join([header, *lines, ""]))
    return path


def reasons(ws: Workspace, use: str = USE, **when: datetime) -> dict[str, str]:
    state = ws.consent.state(use, **when)
    members = [row[1] for row in ws.house.ledger.members()]
    return {m: Reason(int(c)).word for m, c in zip(members, state.code, strict=False)}


def test_an_event_keeps_its_instant_and_counts_from_now(tmp_path: Path) -> None:
    """An imported choice takes effect when recorded; its own instant is kept as evidence."""
    with workspace(tmp_path / "w") as ws:
        done = ws.consent.import_file(
            write(tmp_path / "c.csv", f"m-1,{ASK},grant,2024-05-01T10:00:00.25Z,{SHOWN}")
        )
        (event,) = ws.consent.history("m-1")
        assert (done.events, done.enrolled, done.grades) == (1, 1, {"bytes": 1})
        assert event.effective == event.recorded == START
        assert event.original is not None
        assert format_instant(event.original) == "2024-05-01T10:00:00.250000Z"
        assert (event.notice, event.grade) == ("q-1", EvidenceGrade.BYTES)
        assert reasons(ws) == {"m-1": "kept"}


def test_every_event_is_the_one_logged(tmp_path: Path) -> None:
    """What the columnar path commits to is the canonical document of each event, whatever it holds."""
    rows = [
        {
            "member": 'm"\\ü\u2028-1',
            "use": ASK,
            "decision": "grant",
            "expires": "2027-01-01",
            "evidence": '{"a":"ü"}',
        },
        {
            "member": "=m",
            "use": "train/*/*",
            "decision": "object",
            "effective": "1969-01-01",
            "channel": "settings",
        },
        {"member": "7", "use": ASK, "decision": "grant", "notice": "q-1", "includes_past": "true"},
        {"member": "8", "use": ASK, "decision": "preset", "notice": "v-9"},
        {
            "member": "9",
            "use": ASK,
            "decision": "withdraw",
            "effective": "2025-01-01T00:00:00.000001Z",
        },
    ]
    path = tmp_path / "c.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    with workspace(tmp_path / "w") as ws:
        done = ws.consent.import_file(path)
        assert done.events == len(rows), done.rejected
        assert list(check_ledger(ws.house)) == []
        assert ws.consent.replay().events == len(rows)


@pytest.mark.parametrize(
    ("cells", "grade", "standing"),
    [
        (f"{ASK},grant,,{SHOWN}", "bytes", "kept"),
        (f"{ASK},grant,q-1,{SHOWN}", "bytes", "kept"),
        (f"{ASK},grant,q-1,", "version", "evidence-grade"),
        (f"{ASK},grant,v-9,", "version", "evidence-grade"),
        (f"{ASK},grant,,", "none", "evidence-grade"),
        (f"{ASK},refuse,,", "none", "refused"),
    ],
)
def test_evidence_grades(tmp_path: Path, cells: str, grade: str, standing: str) -> None:
    """A yes counts where the bytes shown are those of a published notice; a no always counts."""
    path = write(
        tmp_path / "c.csv", f"m-1,{cells}", header="member,use,decision,notice,notice_sha256"
    )
    with workspace(tmp_path / "w") as ws:
        assert ws.consent.import_file(path).grades == {grade: 1}
        assert reasons(ws) == {"m-1": standing}


def test_a_text_nobody_published_is_kept_by_name(tmp_path: Path) -> None:
    """The name of a text that is not published here stands in the event's evidence."""
    path = write(tmp_path / "c.csv", f"m-1,{ASK},grant,v-9", header="member,use,decision,notice")
    with workspace(tmp_path / "w") as ws:
        ws.consent.import_file(path)
        (event,) = ws.consent.history("m-1")
        assert (event.notice, event.evidence) == (None, '{"notice":"v-9"}')


def test_a_preset_control_is_evidence_and_no_consent(tmp_path: Path) -> None:
    """A grant on a control that was on is kept as what it is, and decides nothing."""
    lines = [f"m-1,{ASK},grant,{SHOWN},on", f"m-2,{ASK},grant,{SHOWN},off", f"m-3,{ASK},preset,,"]
    path = write(tmp_path / "c.csv", *lines, header="member,use,decision,notice_sha256,control")
    with workspace(tmp_path / "w") as ws:
        done = ws.consent.import_file(path)
        assert done.kinds == {"grant": 1, "preset": 2}
        assert reasons(ws) == {"m-1": "no-grant", "m-2": "kept", "m-3": "no-grant"}


def test_rejects_have_line_and_reason(tmp_path: Path) -> None:
    """Each row that cannot be read is left out with its line and reason; the others go in."""
    header = "member,use,decision,effective,expires,includes_past,control,notice"
    wanted = {
        2: (f",{ASK},grant,,,,,", "member-malformed"),
        3: ("m,train/all,grant,,,,,", "use-malformed"),
        4: ("m,nowhere/messages/platform,grant,,,,,", "use-malformed"),
        5: (f"m,{ASK},yes,,,,,", "decision-unknown"),
        6: (f"m,{ASK},grant,yesterday,,,,", "effective-malformed"),
        7: (f"m,{ASK},grant,2027-01-01,,,,", "effective-in-future"),
        8: (f"m,{ASK},grant,,soon,,,", "expires-malformed"),
        9: (f"m,{ASK},refuse,,2027-01-01,,,", "expires-on-a-no"),
        10: (f"m,{ASK},grant,,2025-01-01,,,", "ended"),
        11: (f"m,{ASK},grant,,,maybe,,", "includes-past-malformed"),
        12: (f"m,{ASK},grant,,,,half,", "control-unknown"),
        13: ("m,train.ranking/profile/platform,grant,,,,,q-1", "notice-does-not-ask"),
        14: (f"m,{ASK},grant", "row-malformed"),
        15: (f"m,{ASK},grant,,,,,", ""),
    }
    path = write(tmp_path / "c.csv", *(text for text, _ in wanted.values()), header=header)
    out = tmp_path / "left-out.jsonl"
    with workspace(tmp_path / "w") as ws:
        done = ws.consent.import_file(path, rejects=out)
    assert done.rejected == tuple((n, word) for n, (_, word) in wanted.items() if word)
    assert done.events == 1
    told = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["line"], row["reason"]) for row in told] == list(done.rejected)
    assert all("m," not in json.dumps(row) for row in told)


@pytest.mark.parametrize(
    "header", ["member,use", "member,use,decision,expiry", "member,use,decision,use"]
)
def test_a_table_of_another_form_is_refused(tmp_path: Path, header: str) -> None:
    """A missing, unknown or repeated column refuses the whole file."""
    with workspace(tmp_path / "w") as ws, pytest.raises(ByleaveError) as caught:
        ws.consent.import_file(
            write(tmp_path / "c.csv", "a,b,c,d"[: 2 * header.count(",") + 1], header=header)
        )
    assert caught.value.code == "consent.table"


def test_rows_are_recorded_in_the_order_they_were_said(tmp_path: Path) -> None:
    """The later of two choices decides, however the file's lines stand."""
    lines = [f"m-1,{ASK},withdraw,2024-06-01,", f"m-1,{ASK},grant,2024-05-01,{SHOWN}",
             f"m-2,{ASK},grant,2024-06-01,{SHOWN}", f"m-2,{ASK},withdraw,2024-05-01,"]  # fmt: skip
    with workspace(tmp_path / "w") as ws:
        ws.consent.import_file(write(tmp_path / "c.csv", *lines))
        assert reasons(ws) == {"m-1": "withdrawn", "m-2": "kept"}


def test_an_older_yes_does_not_lift_a_later_no(tmp_path: Path) -> None:
    """A grant said before a no that the ledger holds is left out as overtaken."""
    with workspace(tmp_path / "w") as ws:
        ws.member.enrol(["m-1", "m-2"])
        ws.consent.withdraw("m-1", "train/messages/*")
        lines = [f"m-1,{ASK},grant,2024-05-01,{SHOWN}", f"m-2,{ASK},grant,2024-05-01,{SHOWN}"]
        done = ws.consent.import_file(write(tmp_path / "c.csv", *lines))
        assert done.rejected == ((2, "overtaken"),)
        assert reasons(ws) == {"m-1": "withdrawn", "m-2": "kept"}


def test_the_same_file_twice_adds_nothing(tmp_path: Path) -> None:
    """A file imported again, whole or as part of another, adds no event it holds already."""
    one = f"m-1,{ASK},grant,2024-05-01,{SHOWN}"
    two = f"m-1,{ASK},withdraw,2024-06-01,"
    with workspace(tmp_path / "w") as ws:
        first = ws.consent.import_file(write(tmp_path / "a.csv", one, one))
        again = ws.consent.import_file(tmp_path / "a.csv")
        more = ws.consent.import_file(write(tmp_path / "b.csv", one, two))
        assert (first.events, first.duplicates) == (1, 1)
        assert (again.name, again.resumed_at, again.events) == ("import-1", None, 1)
        assert (more.events, more.duplicates) == (1, 1)
        assert len(ws.consent.history("m-1")) == 2


def test_few_of_many_members_find_what_is_theirs(tmp_path: Path) -> None:
    """A file about few of many members reads their events alone, and finds in them what is held
    and what has overtaken it; other members' events change nothing.
    """
    many = [f"m-{n}" for n in range(60)]
    rows = [f"{m},{ASK},grant,2024-05-01,{SHOWN}" for m in many]
    with workspace(tmp_path / "w") as ws:
        ws.consent.import_file(write(tmp_path / "all.csv", *rows))
        for member in ("m-7", "m-8"):
            ws.consent.withdraw(member, "train/messages/*")
        asked: list[object] = []
        read = type(ws.house.ledger).events_columns

        def spy(ledger: object, **how: object) -> object:
            asked.append(how.get("ordinals"))
            return read(ws.house.ledger, **how)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(ws.house.ledger), "events_columns", spy)
            few = [f"m-7,{ASK},grant,2024-06-01,{SHOWN}", rows[9]]
            done = ws.consent.import_file(write(tmp_path / "few.csv", *few))
        assert asked == [[7, 9]]
        assert (done.events, done.duplicates) == (0, 1)
        assert done.rejected == ((2, "overtaken"),)


def test_a_name_stands_for_one_file(tmp_path: Path) -> None:
    """An import's name given for another file is refused."""
    with workspace(tmp_path / "w") as ws:
        ws.consent.import_file(write(tmp_path / "a.csv", f"m-1,{ASK},refuse,,"), name="spring")
        with pytest.raises(ConflictError) as caught:
            ws.consent.import_file(write(tmp_path / "b.csv", f"m-2,{ASK},refuse,,"), name="spring")
    assert caught.value.code == "consent.import-changed"


def test_without_enrolment_strangers_are_left_out(tmp_path: Path) -> None:
    """With --no-enrol, rows of members the ledger does not know are left out."""
    with workspace(tmp_path / "w") as ws:
        ws.member.enrol(["m-1"])
        lines = [f"m-1,{ASK},refuse,,", f"m-2,{ASK},refuse,,"]
        done = ws.consent.import_file(write(tmp_path / "a.csv", *lines), enrol=False)
        assert (done.events, done.rejected, ws.member.count()) == (1, ((3, "member-unknown"),), 1)


KILLED = """
import os, signal, sys
from byleave.wiring import open as open_workspace
from byleave.service import consent_import
parts = 0
part = consent_import._Job.part
def then_die(self, start, end):
    global parts
    if parts == {parts}:
        def die(*a):
            os.kill(os.getpid(), signal.SIGKILL)
        if not {within!r}:
            die()
        setattr(self, {within!r}, die)
    parts += 1
    return part(self, start, end)
consent_import._Job.part = then_die
with open_workspace(sys.argv[1]) as ws:
    ws.consent.import_file(sys.argv[2], part_rows=7)
"""


@pytest.mark.parametrize(
    ("parts", "within"),
    [(0, ""), (3, ""), (0, "_entries"), (1, "_entries"), (1, "_enrol_new"), (3, "_enrol_new")],
)
def test_killed_half_way_it_goes_on(tmp_path: Path, parts: int, within: str) -> None:
    """Killed before a part, while it is encoded, or in its transaction, the same command completes;
    nothing is doubled.
    """
    lines = [f"m-{n % 9},{ASK},{'grant' if n % 3 else 'withdraw'},2024-05-{n + 1:02},{SHOWN if n % 3 else ''}"
             for n in range(28)]  # fmt: skip
    path = write(tmp_path / "c.csv", *lines)
    workspace(tmp_path / "w").close()
    died = subprocess.run(
        [sys.executable, "-c", KILLED.format(parts=parts, within=within), tmp_path / "w", path],
        check=False,
        capture_output=True,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    with open_workspace(tmp_path / "w") as ws:
        assert len(ws.house.ledger.events()) == 7 * parts
        done = ws.consent.import_file(path, part_rows=7)
        assert (done.resumed_at, done.events) == (7 * parts, 28)
        assert list(check_ledger(ws.house)) == []
        found = [row[12] for row in ws.house.ledger.events()]
    assert found == sorted(found)
    assert len(set(found)) == 28


def stopped_after(ws: Workspace, path: Path, parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Import in parts of two rows, stopped before part `parts`."""
    part = consent_import._Job.part
    left = [parts]

    def some(job: Any, start: int, end: int) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        part(job, start, end)

    with monkeypatch.context() as patch:
        patch.setattr(consent_import._Job, "part", some)
        with pytest.raises(KeyboardInterrupt):
            ws.consent.import_file(path, part_rows=2)


@pytest.mark.parametrize("parts", [0, 1, 2, 3])
def test_a_stopped_import_loses_nothing_when_a_row_reads_otherwise(
    tmp_path: Path, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grant that ends between the stop and the same command moves no mark past another row:
    each no of the file is in the ledger once, and each enrolled member said one.
    """
    clock = Clock()
    noes = [f"m-{n},{ASK},refuse,2024-05-{n + 2:02}," for n in range(6)]
    path = write(
        tmp_path / "c.csv",
        f"g,{ASK},grant,2024-05-01,2026-01-02",
        *noes,
        header="member,use,decision,effective,expires",
    )
    with workspace(tmp_path / "w", clock) as ws:
        stopped_after(ws, path, parts, monkeypatch)
        clock.now += timedelta(days=3)
        done = ws.consent.import_file(path, part_rows=2)
        members = [row[1] for row in ws.house.ledger.members()]
        held = [members[row[1]] for row in ws.house.ledger.events()]
        assert sorted(m for m in held if m != "g") == [f"m-{n}" for n in range(6)]
        assert done.events + done.duplicates == 6
        assert list(check_ledger(ws.house)) == []
        assert ws.consent.import_file(path, part_rows=2).resumed_at is None
        assert ws.consent.imports()[0]["anew"] == done.name


def test_a_row_left_out_is_taken_in_once_it_can_be_read(tmp_path: Path) -> None:
    """The same file, given again when its left-out row can be read, brings that row and no other:
    a no said after now, a stranger's with enrolment, an untold no that an earlier import recorded.
    """
    clock = Clock()
    with workspace(tmp_path / "w", clock) as ws:
        path = write(tmp_path / "c.csv", f"a,{ASK},refuse,2026-01-20,", f"b,{ASK},refuse,,")
        first = ws.consent.import_file(path, enrol=False)
        assert (first.events, len(first.rejected)) == (0, 2)
        assert ws.consent.import_file(path).events == 1
        yes = NewEvent(member="b", kind=EventKind.GRANT, scope=Scope.parse(ASK), notice="q-1")
        ws.consent.record([yes])
        clock.now += timedelta(days=60)
        third = ws.consent.import_file(path)
        assert (third.events, third.duplicates, third.rejected) == (1, 1, ())
        assert reasons(ws) == {"b": "kept", "a": "refused"}


def test_an_export_comes_back_the_same(tmp_path: Path) -> None:
    """What is exported as CSV, Parquet or JSON lines and imported elsewhere exports the same."""
    rows = [f"'=m,{ASK},grant,2024-05-01,2027-01-01,true,q-1,{SHOWN},off,settings",
            "-5,train/*/*,object,2024-05-02,,,,,,",
            f"@m,{ASK},grant,2024-05-03,,,v-9,,,", f'm""x,{ASK},refuse,,,,,,,']  # fmt: skip
    header = (
        "member,use,decision,effective,expires,includes_past,notice,notice_sha256,control,channel"
    )
    said = ["member", "use", "decision", "expires", "includes_past", "notice", "notice_sha256",
            "grade", "channel", "evidence"]  # fmt: skip
    with workspace(tmp_path / "w") as ws:
        ws.consent.import_file(write(tmp_path / "c.csv", *rows, header=header))
        ws.consent.refuse("-5", ASK, channel="portal")
        for kind in ("parquet", "csv", "jsonl"):
            ws.consent.export_file(tmp_path / f"out.{kind}")
        before = pq.read_table(tmp_path / "out.parquet")
        assert ws.consent.import_file(tmp_path / "out.csv").events == 0
    for kind in ("parquet", "csv", "jsonl"):
        with workspace(tmp_path / kind) as other:
            done = other.consent.import_file(tmp_path / f"out.{kind}")
            assert (done.events, done.rejected) == (5, ())
            other.consent.export_file(tmp_path / "again.parquet")
            after = pq.read_table(tmp_path / "again.parquet")
            order = [("effective", "ascending"), ("member", "ascending")]
            assert after.select(said).num_rows == 5
            assert sorted(map(str, after.select(said).to_pylist())) == sorted(
                map(str, before.select(said).to_pylist())
            ), order


def test_no_cell_of_a_csv_runs(tmp_path: Path) -> None:
    """No cell of an exported CSV begins with what a spreadsheet takes for a formula."""
    with workspace(tmp_path / "w") as ws:
        ws.member.enrol(['=HYPERLINK("x")', "+1", "-1", "@x", "\tx", "'x"])
        for row in ws.house.ledger.members():
            ws.consent.refuse(row[1], ASK)
        ws.consent.export_file(tmp_path / "out.csv")
    text = (tmp_path / "out.csv").read_text()
    assert not [c for c in ("=", "+", "-", "@", "\t") if f',"{c}' in text or f",{c}" in text]


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_state_known_at_equals_a_rebuild(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """After any mix of live choices and imports, the state as known at an instant is the state that
    was built then, and advancing to the end equals building at once.
    """
    folder, clock = tmp_path_factory.mktemp("w"), Clock()
    draw = data.draw
    with workspace(folder / "w", clock) as ws:
        ws.member.enrol(["m-0", "m-1", "m-2"])
        then: list[tuple[datetime, dict[str, str]]] = []
        for step in range(draw(st.integers(1, 5))):
            clock.now += timedelta(hours=1)
            if draw(st.booleans()):
                kind = draw(st.sampled_from(list(EventKind)[:4]))
                member = f"m-{draw(st.integers(0, 2))}"
                notice = "q-1" if kind is EventKind.GRANT else None
                scope = ws.scope(ASK)
                ws.consent.record([NewEvent(member=member, kind=kind, scope=scope, notice=notice)])
            else:
                word = draw(st.sampled_from(["grant", "refuse", "withdraw", "object", "preset"]))
                lines = [f"m-{n},{ASK},{word},2024-0{n + 1}-01,{SHOWN}" for n in range(step % 4)]
                ws.consent.import_file(write(folder / f"{step}.csv", *lines), part_rows=2)
            then.append((clock.now, reasons(ws)))
        for instant, found in then:
            known = reasons(ws, at=instant, known_at=instant)
            assert {m: w for m, w in found.items() if m in known} == known
        columns, use = event_columns(ws.house), ws.house.taxonomy.use(USE)
        common = {"at": clock.now, "members": ws.member.count(), "notices": coverages(ws.house)}
        half = columns.take(np.arange(len(columns) // 2))
        grown = advance(build(half, use, **common), columns, **common)  # type: ignore[arg-type]
        assert state_digest(grown) == state_digest(build(columns, use, **common))  # type: ignore[arg-type]


KETCH = {
    "apiVersion": "consent/v1",
    "kind": "ConsentRequest",
    "metadata": {"uid": "u-1", "tenant": "acme"},
    "request": {
        "property": "site",
        "environment": "production",
        "regulation": "gdpr",
        "jurisdiction": "eugdpr",
        "identities": [{"identitySpace": "account_id", "identityFormat": "raw", "identityValue": "m-1"}],
        "purposes": {"ai": "granted", "ads": "granted", "jobs": "denied", "other": "granted"},
        "legalBasis": {"ai": "consent_optin", "jobs": "consent_optout", "ads": "consent_optout", "other": "disclosure"},
        "vendors": ["79"],
        "collectedAt": 1714557600,
    },
}  # fmt: skip
DIDOMI = {
    "id": "e-1",
    "created_at": "2024-05-01T10:00:00.000Z",
    "status": "confirmed",
    "regulation": "gdpr",
    "user": {"id": "x", "organization_user_id": "m-1"},
    "consents": {
        "purposes": [
            {"id": "ai", "enabled": True},
            {"id": "jobs", "enabled": False},
            {"id": "ads", "enabled": True, "from_propagation": True},
        ]
    },
    "proofs": ["data:text/plain;base64,eA=="],
}
MAPPING = """\
mapping: v1
purposes:
  ai: train.generative.replies/messages/platform
  jobs: [train.ranking.jobs/profile/platform, train.ranking.jobs/activity/platform]
  ads: train.ranking/profile/platform
"""


def bring(tmp_path: Path, form: str, payload: object) -> tuple[dict[str, int], dict[str, int]]:
    (tmp_path / "map.yaml").write_text(MAPPING)
    (tmp_path / "p.json").write_text(json.dumps(payload))
    with workspace(tmp_path / "w") as ws:
        done = ws.consent.import_file(tmp_path / "p.json", form=form, mapping=tmp_path / "map.yaml")
        assert list(check_ledger(ws.house)) == []
        assert not ws.consent.state(USE).allow.any()
    left = [reason for _, reason in done.rejected]
    return done.kinds, {word: left.count(word) for word in left}


def test_ketch_payloads(tmp_path: Path) -> None:
    """A Ketch payload: opted in is a grant below bytes, not opted out is no consent, denied a no."""
    kinds, left = bring(tmp_path, "ketch/v1", KETCH)
    assert kinds == {"grant": 1, "objection": 2, "preset": 1}
    assert left == {"basis-not-consent": 1}


def test_didomi_payloads(tmp_path: Path) -> None:
    """A Didomi event: enabled is a grant below bytes, propagated is no consent, disabled a no."""
    kinds, left = bring(tmp_path, "didomi/v2", {"data": [DIDOMI]})
    assert kinds == {"grant": 1, "refusal": 2, "preset": 1}
    assert left == {}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"status": "pending_approval"}, "not-confirmed"),
        ({"delegate": {"id": "d"}}, "said-by-another"),
    ],
)
def test_didomi_doubt_leaves_the_yes_out(tmp_path: Path, change: dict, word: str) -> None:
    """A yes that is not confirmed, or that a delegate said, is left out; a no counts at once."""
    kinds, left = bring(tmp_path, "didomi/v2", {**DIDOMI, **change})
    assert kinds == {"refusal": 2}
    assert left == {word: 2}


@pytest.mark.parametrize(
    ("form", "payload"),
    [
        ("ketch/v1", {**KETCH, "apiVersion": "consent/v2"}),
        ("ketch/v1", {**KETCH, "kind": "ConsentResponse"}),
        ("ketch/v1", {**KETCH, "request": {**KETCH["request"], "expiresAt": 1}}),  # type: ignore[dict-item]
        ("ketch/v1", {**KETCH, "request": {**KETCH["request"], "purposes": {"ai": "maybe"}}}),  # type: ignore[dict-item]
        ("didomi/v2", {**DIDOMI, "expires_at": "2025-01-01"}),
        ("didomi/v2", {**DIDOMI, "consents": {"purposes": [], "purposes_li": []}}),
        ("didomi/v2", [1]),
    ],
)
def test_an_unknown_field_refuses_the_file(tmp_path: Path, form: str, payload: object) -> None:
    """A version, field or word the adapter does not know refuses the file, and nothing is imported."""
    with pytest.raises(ByleaveError) as caught:
        bring(tmp_path, form, payload)
    assert caught.value.code == "consent.import-payload"
    with open_workspace(tmp_path / "w") as ws:
        assert ws.consent.imports() == []


def test_another_environment_is_left_out(tmp_path: Path) -> None:
    """A Ketch payload of a test environment is nobody's choice."""
    payload = {**KETCH, "request": {**KETCH["request"], "environment": "staging"}}  # type: ignore[dict-item]
    assert bring(tmp_path, "ketch/v1", payload) == ({}, {"not-production": 1})


def test_a_large_import_is_one_step_per_part(tmp_path: Path) -> None:
    """Fifty thousand typed rows of Parquet go in by parts, and every one is in the log."""
    count = 50_000
    table = pa.table(
        {
            "member": np.arange(count) % 5_000,
            "use": [ASK] * count,
            "decision": ["grant"] * count,
            "effective": pa.array(np.arange(count) * 10**6, pa.timestamp("us", "UTC")),
            "notice_sha256": [SHOWN] * count,
        }
    )
    pq.write_table(table, tmp_path / "c.parquet")
    with workspace(tmp_path / "w") as ws:
        done = ws.consent.import_file(tmp_path / "c.parquet", part_rows=20_000)
        assert (done.events, done.enrolled) == (count, 5_000)
        assert ws.log.checkpoint()["size"] == ws.house.ledger.size()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"member": "a", "member": "b", "use": "U", "decision": "refuse"}', "row-malformed"),
        ('{"member": {"a": 1}, "use": "U", "decision": "refuse"}', "cell-malformed"),
        ('{"member": true, "use": "U", "decision": "refuse"}', "cell-malformed"),
        ('{"member": 1.5, "use": "U", "decision": "refuse"}', "cell-malformed"),
        ('{"member": "\\ud800", "use": "U", "decision": "refuse"}', "cell-malformed"),
        ('{"member": "a", "use": "U", "decision": ["refuse"]}', "cell-malformed"),
        ('{"member": "a", "use": "U", "decision": "refuse", "includes_past": 1}', "cell-malformed"),
        ('{"member":' + "[" * 100_000, "row-malformed"),
        ('{"member": "a"', "row-malformed"),
        ("7", "row-malformed"),
    ],
)
def test_a_line_of_json_that_says_two_things_or_none_is_left_out(
    tmp_path: Path, line: str, reason: str
) -> None:
    """A JSON line with a name twice, a cell of another kind or half a character is left out by its
    number, enrols nobody, and the next line goes in.
    """
    good = '{"member": 7, "use": "U", "decision": "refuse", "includes_past": false}'
    path = tmp_path / "c.jsonl"
    path.write_text(f"{line}\n\n{good}\n".replace("U", ASK))
    with workspace(tmp_path / "w") as ws:
        done = ws.consent.import_file(path)
        assert (done.rejected, done.events) == (((1, reason),), 1)
        assert [row[1] for row in ws.house.ledger.members()] == ["7"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_row_left_out_has_the_line_that_an_editor_shows(
    tmp_path: Path, end: str, mark: str
) -> None:
    """Empty lines and cells over several lines count: the number is that of the row's first line."""
    lines = [
        "member,use,decision,evidence",
        "",
        f'a,{ASK},refuse,"two',
        'lines, ""quoted"""',
        "b,nonsense,refuse,x",
        "",
        f"c,{ASK}",
        f"d,{ASK},refuse,",
    ]
    path = tmp_path / "c.csv"
    path.write_bytes((mark + end.join(lines)).encode())
    with workspace(tmp_path / "w") as ws:
        done = ws.consent.import_file(path)
    assert done.rejected == ((5, "use-malformed"), (7, "row-malformed"))
    assert done.events == 2


@pytest.mark.parametrize(
    ("name", "data", "code", "where"),
    [
        (
            "c.csv",
            b"member,use,decision\na,x,refuse\n\xff,x,refuse\n",
            "data.unreadable",
            "c.csv:3",
        ),
        ("c.jsonl", b'\n[{"member": "a"}]\n', "consent.table", "c.jsonl:2"),
        ("c.csv", b"member,use,decision,use\n", "consent.table", "c.csv:1"),
    ],
)
def test_a_refused_file_is_told_by_its_line(
    tmp_path: Path, name: str, data: bytes, code: str, where: str
) -> None:
    """A file refused as a whole names the line to look at, and nothing is recorded."""
    (tmp_path / name).write_bytes(data)
    with workspace(tmp_path / "w") as ws:
        before = ws.house.ledger.size()
        with pytest.raises(InputError) as caught:
            ws.consent.import_file(tmp_path / name)
        assert (caught.value.code, str(caught.value.where).rsplit("/", 1)[-1]) == (code, where)
        assert (ws.house.ledger.size(), ws.consent.imports()) == (before, [])


def test_a_column_that_stands_there_twice_refuses_a_parquet_file(tmp_path: Path) -> None:
    """Of two columns of one name nobody knows which decides."""
    cells = [pa.array([text]) for text in ("a", ASK, "refuse", "grant")]
    table = pa.Table.from_arrays(cells, names=["member", "use", "decision", "decision"])
    pq.write_table(table, tmp_path / "c.parquet")
    with workspace(tmp_path / "w") as ws, pytest.raises(InputError) as caught:
        ws.consent.import_file(tmp_path / "c.parquet")
    assert caught.value.code == "consent.table"
