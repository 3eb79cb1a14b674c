"""A workspace's log: in a bucket, with a demo's own witnesses, served once for many calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from byleave.errors import ByleaveError
from byleave.note import parse_trust
from byleave.wiring import create
from byleave.wiring import open as open_workspace
from byleave.wiring.tiles import read_tiles
from byleave.wiring.witness import WitnessHouse


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a bucket of an S3 store in this process."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="byleave-log")
        yield "byleave-log"


def test_a_log_is_kept_in_a_bucket(tmp_path: Path, bucket: str) -> None:
    """A workspace whose log is in a bucket publishes, proves and is checked there, and anybody reads it."""
    address = f"s3://{bucket}/platform/log"
    with create(tmp_path / "w", origin="log.test.invalid", tiles=address) as ws:
        ws.member.enrol(["m-1", "m-2"])
    assert not (tmp_path / "w" / "log").exists()
    with open_workspace(tmp_path / "w") as ws:
        assert ws.log.checkpoint()["size"] == 4
        assert ws.log.fsck().ok
        assert ws.fsck() == []
        note = read_tiles(address).read_checkpoint()
        assert note is not None
        trust = parse_trust(ws.places.trust.read_bytes())
    assert trust.check(note).checkpoint.size == 4


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("s3://nowhere-at-all/x", "world.storage"),
        ("s3://", "log.address"),
        ("s3://bucket/x?region=y", "log.address"),
        ("http://bucket/x", "log.address"),
    ],
)
def test_a_bucket_that_cannot_be_used_leaves_nothing(
    tmp_path: Path, bucket: str, address: str, code: str
) -> None:
    """A workspace is not made where its log could not be kept."""
    with pytest.raises(ByleaveError) as caught:
        create(tmp_path / "w", tiles=address)
    assert caught.value.code == code
    assert not (tmp_path / "w").exists()


def test_a_demo_has_its_own_witnesses(tmp_path: Path) -> None:
    """Two witnesses of one seed cosign every checkpoint, and the trust file asks for both of them."""
    notes = []
    for name in ("a", "b"):
        with create(
            tmp_path / name, origin="demo.invalid", seed=7, witnesses=2, now=_at(1_700_000_000)
        ) as ws:
            ws.member.enrol(["m-1"])
            trust = parse_trust(ws.places.trust.read_bytes())
        note = (tmp_path / name / "log" / "checkpoint").read_bytes()
        notes.append(note)
        found = trust.check(note)
        assert (found.witnesses, found.newest) == (("W1", "W2"), 1_700_000_000)
        assert trust.groups["witnesses"].threshold == 2
    assert notes[0] == notes[1]
    kept = WitnessHouse(tmp_path / "a" / "witnesses" / "W2").kept()
    assert [origin for origin, _ in kept] == ["demo.invalid"]


def test_witnesses_change_no_other_secret(tmp_path: Path) -> None:
    """A demo's members and keys are the same with witnesses and without."""
    heads = []
    for count in (0, 2):
        with create(tmp_path / str(count), seed=7, witnesses=count, now=_at(1)) as ws:
            ws.member.enrol(["m-1"])
            heads.append((ws.log.checkpoint(), ws.portal_key()))
    assert heads[0] == heads[1]


def test_what_is_held_back_is_not_proven(tmp_path: Path) -> None:
    """With hold, an entry that too few witnesses cosigned is recorded, and asking for its proof says why."""
    with create(tmp_path / "w", seed=7, witnesses=1) as ws:
        served = ws.log.checkpoint()
    config = tmp_path / "w" / "byleave.toml"
    config.write_text(config.read_text() + 'witness_down = "hold"\nwitness_wait = 0\n')
    key = tmp_path / "w" / "witnesses" / "W1" / "witness.key"
    away = key.rename(key.with_name("away"))
    with open_workspace(tmp_path / "w") as ws:
        ws.member.enrol(["m-1"])
        assert ws.log.checkpoint() == served
        assert ws.log.held is not None
        with pytest.raises(ByleaveError) as caught:
            ws.log.proof(served["size"])
        assert caught.value.code == "log.quorum-unmet"
        assert ws.log.fsck().waiting == 1
    away.rename(key)
    with open_workspace(tmp_path / "w") as ws:
        assert ws.log.held is None
        assert ws.log.checkpoint()["size"] == served["size"] + 1
        assert ws.log.head()["witnesses"] == ["W1"]


def test_one_checkpoint_for_many_calls(tmp_path: Path) -> None:
    """Inside `once` each call is durable, and one checkpoint is served at the end, also after an error."""
    with create(tmp_path / "w", seed=7, witnesses=1) as ws:
        state = next((tmp_path / "w" / "witnesses").rglob("checkpoint"))
        before = state.read_bytes()
        with ws.log.once():
            for number in range(5):
                ws.member.enrol([f"m-{number}"])
                assert ws.ledger.size() == 3 + number
            assert state.read_bytes() == before
        assert ws.log.checkpoint()["size"] == 7
        with pytest.raises(KeyError), ws.log.once():
            ws.member.enrol(["m-6"])
            raise KeyError
        assert ws.log.checkpoint()["size"] == 8


def _at(seconds: int) -> Callable[[], datetime]:
    return lambda: datetime.fromtimestamp(seconds, UTC)


def test_threads_of_one_workspace_share_checkpoints(tmp_path: Path) -> None:
    """Threads that write at once are all served, and their entries stand once under one log."""
    with create(tmp_path / "w", origin="log.test.invalid") as ws:
        before = ws.ledger.size()
        start = threading.Barrier(8)
        failed: list[BaseException] = []

        def enrol(thread: int) -> None:
            start.wait(120)
            try:
                for number in range(6):
                    ws.member.enrol([f"m-{thread}-{number}"])
                    assert ws.log.checkpoint()["size"] >= before + number + 1
            except BaseException as error:  # noqa: BLE001 (told below, in the test's own thread)
                failed.append(error)

        threads = [threading.Thread(target=enrol, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert failed == []
        assert ws.log.checkpoint()["size"] == before + 48
        assert ws.log.fsck().ok
        assert ws.fsck() == []
