"""The replay on the real messages: what it claims is recounted, and its proofs hold outside."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import byleave
from byleave.consent.reason import Reason
from byleave.note import parse_trust
from tests.demo.conftest import Replayed

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def messages(data_dir: Path) -> pa.Table:
    return pq.read_table(data_dir / "persuasion-for-good" / "messages.parquet")


def test_one_seed_gives_one_replay(real_twice: tuple[Replayed, Replayed]) -> None:
    """Two replays of one seed, in two processes, agree in every fact and in the log's root."""
    first, second = real_twice
    heads = []
    for replayed in real_twice:
        with byleave.open(replayed.path, read_only=True) as ws:
            heads.append(ws.log.checkpoint())
    assert heads[0] == heads[1]

    def comparable(replayed: Replayed) -> dict[str, object]:
        text = json.dumps(replayed.facts).replace(str(replayed.path), "")
        return {k: v for k, v in json.loads(text).items() if k != "schema"}

    assert comparable(first) == comparable(second)
    for name in ("release_1", "release_2"):
        assert re.fullmatch(r"[0-9a-f]{64}", first.facts[name])
    assert first.facts["exposure"]["low"] <= first.facts["exposure"]["high"]


def test_two_witnesses_cosigned_the_log(real: Replayed) -> None:
    """The demo's trust file asks for both of its witnesses; both cosigned, at the replay's instants."""
    trust = parse_trust((real.path / "trust.policy").read_bytes())
    assert trust.groups[trust.quorum or ""].threshold == len(trust.witnesses) == 2
    found = trust.check((real.path / "log" / "checkpoint").read_bytes())
    assert found.witnesses == ("W1", "W2")
    assert found.newest is not None
    assert datetime.fromtimestamp(found.newest, UTC).year == 2024


def test_it_is_the_real_set(real: Replayed, messages: pa.Table) -> None:
    """The replay read every message and everyone in it, and says that they are real."""
    people = pc.unique(
        pa.chunked_array([*messages["sender_id"].chunks, *messages["recipient_id"].chunks])
    )
    assert real.facts["data_origin"] == "real"
    assert real.facts["messages"] == messages.num_rows == 20_932
    assert real.facts["members"] == len(people) == 1_285
    assert "GENERATED DATA" not in real.told
    with byleave.open(real.path, read_only=True) as ws:
        source = ws.source.open("messages").table
    assert source["text"].to_pylist() == messages["text"].to_pylist()
    assert source["sender_id"].to_pylist() == messages["sender_id"].to_pylist()


def test_every_message_is_kept_or_has_a_reason(real: Replayed) -> None:
    """Kept and dropped sum to the messages, for the model and for the package."""
    for part in ("gate", "package"):
        gate = real.facts[part]
        assert gate["kept"] + sum(gate["reasons"].values()) == gate["rows"] == 20_932
        assert 0 < gate["kept"] < gate["rows"]
    shares = real.facts["party_rules"]
    assert shares["all"] <= shares["author"] <= shares["any"]
    assert shares["all"] <= real.facts["gate"]["kept"] / 20_932 <= shares["any"]


def test_no_consent_came_from_the_default(real: Replayed) -> None:
    """The setting that was on gave no consent: of those who said nothing, nobody allows the use."""
    assert real.facts["default_on_consents"] == 0
    with byleave.open(real.path, read_only=True) as ws:
        code = ws.consent.state("train.generative.replies/messages.direct/platform").code
        silent = [n for n, row in enumerate(ws.ledger.members()) if not ws.consent.history(row[1])]
        assert silent
        assert set(code[silent].tolist()) == {Reason.NO_GRANT}


def test_the_policy_moved_nothing(real: Replayed) -> None:
    """Policy 2 had a notice window of no day, added uses, and changed no decision (G3)."""
    impact = real.facts["policy_impact"]
    assert impact["notice_window_days"] == 0
    assert impact["decisions_changed"] == 0
    assert len(impact["uses_added"]) == 10


def test_the_second_release_is_a_refit(real: Replayed) -> None:
    """Release 2 has the digest of a fit without the withdrawn rows, and another than release 1."""
    facts = real.facts
    assert facts["release_2"] == facts["refit_without_withdrawn"] != facts["release_1"]
    with byleave.open(real.path, read_only=True) as ws:
        assert ws.release.refit("replies-2") == (facts["release_2"], facts["release_2"])
        members = {row[1]: row[0] for row in ws.ledger.members()}
        withdrawn = {
            members[m]
            for m in members
            if any(event.kind.name == "WITHDRAWAL" for event in ws.consent.history(m))
        }
        held = set(ws.openings("set-2")["ordinal"].to_pylist())
    assert len(withdrawn) == facts["withdrawn"]
    assert not withdrawn & held


def test_no_reply_is_one_persons(real: Replayed) -> None:
    """Each suggested reply was sent by at least k members whose messages were kept."""
    k = real.facts["replies"]["k"]
    assert k == 5
    assert real.facts["replies"]["inventory"] > 0
    assert 0 < real.facts["replies"]["coverage"] < 1


def test_the_workspace_is_sound(real: Replayed) -> None:
    """Fsck recomputes everything that the replay left, and finds nothing."""
    with byleave.open(real.path, read_only=True) as ws:
        assert ws.is_demo
        assert ws.fsck() == []


def outside(folder: Path, proof: bytes, trust: bytes, receipt: bytes) -> tuple[int, str]:
    """Let a process that has these three files and nothing else check a proof."""
    folder.mkdir()
    for name, data in (("a.proof", proof), ("trust", trust), ("receipt", receipt)):
        (folder / name).write_bytes(data)
    command = [sys.executable, "-I", "-m", "byleave.verify", "a.proof"]
    done = subprocess.run(
        [*command, "--trust", "trust", "--receipt", "receipt"],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout


def test_the_proofs_hold_outside(real: Replayed, tmp_path: Path) -> None:
    """A fresh process accepts each proof, and refuses each of them with a bit flipped."""
    trust = Path(real.facts["trust"]).read_bytes()
    proofs = real.facts["proofs"]
    assert [p["kind"] for p in proofs] == ["presence", "absence", "absence", "absence"]
    for number, proof in enumerate(proofs):
        data = Path(proof["path"]).read_bytes()
        receipt = Path(proof["receipt"]).read_bytes()
        assert len(data) == proof["bytes"]
        code, said = outside(tmp_path / f"{number}", data, trust, receipt)
        assert (code, said.startswith("VERIFIED")) == (0, True), said
        flipped = bytearray(data)
        flipped[len(data) // 2] ^= 1
        code, said = outside(tmp_path / f"{number}-flipped", bytes(flipped), trust, receipt)
        assert (code, said.startswith("VERIFIED")) == (3, False), said


def test_the_report_names_and_quotes_nobody(real: Replayed, messages: pa.Table) -> None:
    """report.html holds no member's id and no message's text, and loads nothing from elsewhere."""
    page = html.unescape((real.path / "report.html").read_text("utf-8"))
    for column in ("sender_id", "recipient_id"):
        for member in pc.unique(messages[column]).to_pylist():
            assert member not in page
    texts = [text for text in pc.unique(messages["text"]).to_pylist() if len(text) >= 25]
    assert len(texts) > 10_000
    assert not [text for text in texts if text in page]
    assert not re.search(r"""(?:src|href)=["']https?://[^"']+\.(?:js|css|png|svg)""", page)
    assert "<script" not in page


def test_every_command_works_on_it(real: Replayed, tmp_path: Path) -> None:
    """The workspace that is left serves its readers: members, gates, releases, the log."""
    shutil.copytree(real.path, tmp_path / "copy")
    with byleave.open(tmp_path / "copy", now=None) as ws:
        links = ws.demo_members()
        assert [link["label"] for link in links] == [
            "someone who withdrew",
            "someone who never agreed",
        ]
        for link in links:
            assert ws.member.answer(ws.member.by_ordinal(link["ordinal"]))["releases"]
        for gate in ws.gate.list():
            assert ws.gate.replay(gate["gate"]).kept == gate["kept"]
        assert ws.withdrawal.plan() == []
        assert ws.withdrawal.run() == ([], [])
        assert ws.release.suggest("replies-2", "How are you today?")
