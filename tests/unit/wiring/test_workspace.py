"""Workspaces: made whole or not at all, one writer, readers beside it, healed when opened."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import stat
from itertools import count
from pathlib import Path

import pytest

import byleave
from byleave.errors import ByleaveError, ConflictError, EvidenceError, InputError, WorldError
from byleave.service import enrol
from byleave.stores.artefacts import ArtefactFolder
from byleave.tlog.fsck import fsck
from byleave.wiring import create
from byleave.wiring.config import KEYS
from byleave.wiring.world import WriteLock
from tests.unit.service.small import (
    ASK,
    COLUMNS,
    CONTRACT,
    NOTICE,
    PLATFORM,
    PROVIDER,
    TAXONOMY,
    Grown,
    empty,
    grant,
    small_table,
)


def tree(root: Path) -> dict[str, bytes]:
    """Return every file below a folder, SQLite's own side files apart."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def code_of(path: Path, *, read_only: bool = False) -> str:
    """Return the code with which opening and reading a workspace fails."""
    with pytest.raises(ByleaveError) as error, byleave.open(path, read_only=read_only) as ws:
        ws.member.count()
        ws.log.checkpoint()
    assert not isinstance(error.value, InputError) or error.value.code == "workspace.missing"
    return error.value.code


# -- making one ------------------------------------------------------------------------------


def test_a_new_workspace_is_sound_and_logs_its_rules(tmp_path: Path) -> None:
    """A new workspace has logged its taxonomy and rulesets, and fsck finds nothing."""
    with empty(tmp_path / "ws") as ws:
        assert ws.fsck() == []
        kinds = [json.loads(ws.log.entry(i))["kind"] for i in range(ws.log.checkpoint()["size"])]
    assert kinds == ["taxonomy/v1", "ruleset/v1"]


def test_the_keys_are_their_owners(tmp_path: Path) -> None:
    """Every private key has mode 0600, and each is another one."""
    with empty(tmp_path / "ws") as ws:
        files = [ws.places.key(name) for name in KEYS]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert len({path.read_text().rpartition("+")[2] for path in files}) == len(files)


def test_secrets_come_from_the_system_unless_a_seed_is_given(tmp_path: Path) -> None:
    """Two workspaces have different keys; two with one seed the same, and are marked demo."""
    keys = []
    for name, seed in (("a", None), ("b", None), ("c", 1), ("d", 1)):
        with create(tmp_path / name, seed=seed) as ws:
            keys.append(ws.places.key("log").read_bytes())
            assert ws.is_demo == (seed is not None)
    assert keys[0] != keys[1]
    assert keys[1] != keys[2] == keys[3]


@pytest.mark.parametrize("there", ["file in it", "is a file", "workspace"])
def test_a_folder_with_something_in_it_is_refused(tmp_path: Path, there: str) -> None:
    """A workspace is made in an absent or empty folder only; what stood there is untouched."""
    target = tmp_path / "ws"
    if there == "is a file":
        target.write_text("mine")
    elif there == "workspace":
        empty(target).close()
    else:
        target.mkdir()
        (target / "mine.txt").write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(ConflictError) as error:
        create(target)
    assert error.value.code == "workspace.exists"
    assert tree(tmp_path) == before


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(errno.ENOSPC, "full"), ValueError])
@pytest.mark.parametrize("moment", [1, 5, 9, 20])
def test_an_unfinished_creation_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made: bool,
    stop: type[BaseException] | OSError,
    moment: int,
) -> None:
    """Whatever stops the making of a workspace, the folder is as it was: absent or empty."""
    target = tmp_path / "ws"
    if made:
        target.mkdir()
    real, calls = os.fsync, count(1)

    def fsync(descriptor: int) -> None:
        if next(calls) == moment:  # files of a log are flushed by several threads
            raise stop
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    wanted = WorldError if isinstance(stop, OSError) else stop
    with pytest.raises(wanted) as error:
        create(target, seed=1)
    if isinstance(error.value, WorldError):
        assert error.value.code == "world.disk-full"
    assert next(calls) > moment, "the fault was never reached"
    assert target.exists() == made
    assert not made or not list(target.iterdir())


def test_an_operators_name_may_hold_anything(tmp_path: Path) -> None:
    """Quotes, backslashes, line breaks and control characters in names survive a reopening."""
    name = 'A "B" \\ Ltd\ndemo = true\t\x7f\x01 – 会社 🦉'
    create(tmp_path / "ws", operator=name).close()
    with byleave.open(tmp_path / "ws") as ws:
        assert ws.config.operator == name
        assert not ws.is_demo


def test_a_bad_origin_makes_no_workspace(tmp_path: Path) -> None:
    """An origin that is no key name is refused by code, and leaves nothing."""
    with pytest.raises(InputError) as error:
        create(tmp_path / "ws", origin="two words")
    assert error.value.code == "note.key"
    assert not list(tmp_path.iterdir())


# -- one writer, many readers ----------------------------------------------------------------


def test_a_second_writer_is_busy(tmp_path: Path) -> None:
    """While one writer is open a second is `workspace.busy`; after it closed, it is not."""
    with empty(tmp_path / "ws") as ws:
        assert code_of(ws.path) == "workspace.busy"
    with byleave.open(tmp_path / "ws") as again:
        assert again.fsck() == []


def test_a_failed_opening_lets_the_lock_go(tmp_path: Path) -> None:
    """A workspace that could not be opened is not held by the attempt."""
    empty(tmp_path / "ws").close()
    ledger = tmp_path / "ws" / "ledger.sqlite"
    data = ledger.read_bytes()
    ledger.write_bytes(b"not a ledger")
    assert code_of(tmp_path / "ws") == "workspace.damaged"
    WriteLock(tmp_path / "ws" / "lock").release()
    ledger.write_bytes(data)
    byleave.open(tmp_path / "ws").close()


def test_a_reader_opens_beside_a_writer_and_sees_what_it_publishes(tmp_path: Path) -> None:
    """A read-only opening works beside a writer, and sees its entries once they are published."""
    with empty(tmp_path / "ws") as ws, byleave.open(ws.path, read_only=True) as reader:
        size = reader.log.checkpoint()["size"]
        ws.member.enrol(["m-1"])
        assert reader.member.count() == 1
        assert reader.log.checkpoint()["size"] == size + 1
        assert reader.log.entry(size) == ws.log.entry(size)
        assert reader.member.receipt("m-1") == ws.member.receipt("m-1")


def test_a_read_only_workspace_writes_nothing(copied: Grown) -> None:
    """Every writing verb of a read-only workspace is `workspace.read-only`; no file changes."""
    before = tree(copied.path)
    member = copied.silent[0]
    with copied.open(read_only=True) as ws:
        verbs = {
            "policy.publish": lambda: ws.policy.publish("x"),
            "policy.publish_notice": lambda: ws.policy.publish_notice(
                NOTICE, notice="n", asks=[PLATFORM]
            ),
            "policy.publish_rules": ws.policy.publish_rules,
            "member.enrol": lambda: ws.member.enrol(["m"]),
            "consent.record": lambda: ws.consent.record([grant(member, PLATFORM, ws)]),
            "consent.grant": lambda: ws.consent.grant(member, PLATFORM, notice=ASK),
            "consent.withdraw": lambda: ws.consent.withdraw(member, PLATFORM),
            "source.add": lambda: ws.source.add("new", small_table(), CONTRACT),
            "gate.run": lambda: ws.gate.run("messages", PLATFORM),
            "snapshot.seal": lambda: ws.snapshot.seal(copied.gate),
            "model.train": lambda: ws.model.train("replies", copied.snapshot, columns=COLUMNS),
            "release.publish": lambda: ws.release.publish(copied.run),
            "withdrawal.run": ws.withdrawal.run,
            "disclosure.offer": lambda: ws.disclosure.offer("messages", PROVIDER),
            "proof.make": lambda: ws.proof.make(member, copied.release),
            "proof.receipt": lambda: ws.proof.receipt(member),
        }
        for name, verb in verbs.items():
            with pytest.raises(ConflictError) as error:
                verb()
            assert error.value.code == "workspace.read-only", name
        ws.member.answer(member)
        ws.withdrawal.plan()
        assert ws.fsck() == []
    assert tree(copied.path) == before


# -- crashes ---------------------------------------------------------------------------------


def test_what_is_durable_and_unpublished_is_published_at_the_next_opening(tmp_path: Path) -> None:
    """An entry that a crash left in the ledger and not in the log is in it after an opening."""
    with empty(tmp_path / "ws") as ws:
        size = ws.log.checkpoint()["size"]
        enrol.enrol(ws.house, ["m-1"])
        assert ws.ledger.size() == size + 1
        assert ws.log.checkpoint()["size"] == size
    with byleave.open(tmp_path / "ws", read_only=True) as reader:
        assert reader.log.checkpoint()["size"] == size
    with byleave.open(tmp_path / "ws") as again:
        assert again.log.checkpoint()["size"] == size + 1
        assert again.ledger.size() == size + 1
        assert again.fsck() == []


def test_orphans_are_swept_at_the_next_opening(copied: Grown) -> None:
    """Folders of a crash that no ledger row names are gone after an opening; all others stay."""
    store = ArtefactFolder(copied.path)
    before = tree(copied.path)
    for kind in ("sources", "gates", "snapshots", "runs", "releases", "packages"):
        store.put(kind, "orphan-1", {"data": b"half"})
        (copied.path / kind / ".staged-x").mkdir()
    copied.open(read_only=True).close()
    assert tree(copied.path) != before
    with copied.open() as ws:
        assert ws.fsck() == []
    assert tree(copied.path).keys() == before.keys()
    assert not list(copied.path.rglob(".staged-*"))


@pytest.mark.parametrize("moment", range(1, 11))
def test_a_full_disk_in_the_middle_heals(
    copied: Grown, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Whichever flush of a gate run fails, the error is typed or only a kept plan is not kept; the
    workspace is sound after it.
    """
    real, calls, failing = os.fsync, count(1), []

    def fsync(descriptor: int) -> None:
        if next(calls) == moment:
            failing.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
            raise OSError(errno.ENOSPC, "no space")
        real(descriptor)

    with copied.open() as ws:
        monkeypatch.setattr(os, "fsync", fsync)
        code = None
        try:
            ws.gate.run("messages", PLATFORM)
        except WorldError as error:
            code = error.code
        monkeypatch.setattr(os, "fsync", real)
    plan = Path(failing[0]).name == ".half-kept-plan"
    derived = plan or Path(failing[0]).is_relative_to(copied.path / "cache")
    assert code == (None if derived else "world.disk-full")
    with copied.open() as ws:
        assert ws.fsck() == []
        ws.gate.run("messages", PLATFORM)
        assert ws.fsck() == []


# -- damage ----------------------------------------------------------------------------------


def protected(grown: Grown) -> list[Path]:
    """Return the files of a workspace that something vouches for: not what `cache/` derives."""
    with grown.open(read_only=True) as ws:
        size = ws.log.checkpoint()["size"]
    files = []
    for path in sorted(grown.path.rglob("*")):
        older = ".p/" in str(path) and not str(path).endswith(f".p/{size}")
        side = path.name in {"lock", "ledger.sqlite-shm", "ledger.sqlite-wal", "ledger.sqlite"}
        derived = path.is_relative_to(grown.path / "cache")
        if path.is_file() and path.stat().st_size and not older and not side and not derived:
            files.append(path)
    return files


def test_fsck_finds_one_flipped_bit_in_any_file(copied: Grown) -> None:
    """One bit flipped in the middle of any file is found, and what is said names that file."""
    files = protected(copied)
    kinds = {path.relative_to(copied.path).parts[0] for path in files}
    assert kinds >= {"log", "sources", "gates", "snapshots", "runs", "releases", "packages", "keys"}
    for path in files:
        data = path.read_bytes()
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        try:
            with copied.open(read_only=True) as ws:
                found = ws.fsck()
                said = " ".join(f"{problem['where']} {problem['what']}" for problem in found)
        except EvidenceError as error:
            said = f"{error.code} {error.message} {error.where}"
        path.write_bytes(data)
        name = str(path.relative_to(copied.path))
        if name.startswith("log/tile/0"):  # which of its hashes is wrong, nobody can tell
            assert "tiles do not lead to the root" in said
        elif name == "taxonomy.yaml":  # the terms changed, and with them what a gate decides
            assert "gate" in said
        else:
            assert path.name in said, name
    with copied.open(read_only=True) as ws:
        assert ws.fsck() == []


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("UPDATE terms SET text = 'train/content/*' WHERE id = (SELECT max(scope) FROM events)", "event"),
        ("UPDATE events SET effective_us = effective_us - 86400000000", "event"),
        ("DELETE FROM events WHERE idx = (SELECT max(idx) FROM events)", "event"),
        ("UPDATE members SET member = member || 'x' WHERE ordinal = 3", "member"),
        ("UPDATE members SET secret = zeroblob(32) WHERE ordinal = 3", "member"),
        ("DELETE FROM members WHERE ordinal = 3", "member"),
        ("UPDATE log_entries SET entry = cast(replace(entry, '1', '2') AS BLOB) WHERE idx = 0", "entry"),
        ("DELETE FROM objects WHERE kind = 'gate' AND id = 'gate-2'", "gate"),
    ],
)  # fmt: skip
def test_fsck_finds_a_changed_ledger(copied: Grown, sql: str, where: str) -> None:
    """A row of the ledger that was changed or deleted behind the log's back is found."""
    with sqlite3.connect(copied.path / "ledger.sqlite") as raw:
        assert raw.execute(sql).rowcount >= 1
    raw.close()
    with copied.open(read_only=True) as ws:
        found = ws.fsck()
    assert found
    assert any(where in f"{problem['where']} {problem['what']}" for problem in found)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("byleave.toml", b"\xff\xfe"),
        ("byleave.toml", b"format = 99\n"),
        ("byleave.toml", b""),
        ("trust.policy", b""),
        ("trust.policy", None),
        ("ledger.sqlite", None),
        ("ledger.sqlite", b"SQLite format 3\x00"),
        ("keys/log.key", None),
        ("keys/log.key", b"\xff"),
        ("taxonomy.yaml", b"taxonomy: [\n"),
    ],
)
def test_a_damaged_workspace_is_named_when_opened(
    copied: Grown, name: str, data: bytes | None
) -> None:
    """A file that is gone or garbled makes opening fail as `workspace.damaged`, with exit 3."""
    for side in ("-wal", "-shm"):
        (copied.path / f"{name}{side}").unlink(missing_ok=True)
    (copied.path / name).unlink() if data is None else (copied.path / name).write_bytes(data)
    with pytest.raises(EvidenceError) as error:
        copied.open()
    assert error.value.code == "workspace.damaged"
    assert error.value.exit_code == 3


def test_a_folder_that_is_no_workspace_says_so(tmp_path: Path) -> None:
    """Opening a folder without a workspace is `workspace.missing`, for readers and writers."""
    for read_only in (True, False):
        assert code_of(tmp_path, read_only=read_only) == "workspace.missing"
        assert code_of(tmp_path / "absent", read_only=read_only) == "workspace.missing"
    assert not list(tmp_path.iterdir())


def test_a_log_restored_from_an_older_copy_is_not_signed_over(tmp_path: Path) -> None:
    """A ledger older than its published log is refused at opening: signing on could fork it."""
    with empty(tmp_path / "ws") as ws:
        ws.member.enrol(["m-1"])
    older = (tmp_path / "ws" / "ledger.sqlite").read_bytes()
    with byleave.open(tmp_path / "ws") as ws:
        ws.member.enrol(["m-2"])
    published = (tmp_path / "ws" / "log" / "checkpoint").read_bytes()
    (tmp_path / "ws" / "ledger.sqlite").write_bytes(older)
    with pytest.raises(EvidenceError) as error:
        byleave.open(tmp_path / "ws")
    assert error.value.code.startswith("log.")
    assert (tmp_path / "ws" / "log" / "checkpoint").read_bytes() == published


def test_the_log_is_what_other_tools_read(grown: Grown) -> None:
    """The published files alone lead to the checkpoint that the trust file's key signed."""
    with grown.open(read_only=True) as ws:
        report = fsck(ws.log_files, ws._log._verifier, origin="log.test/byleave", source=ws.ledger)
        assert report.ok
        assert ws.log.checkpoint()["size"] == ws.ledger.size()


def test_the_operators_terms_are_part_of_the_workspace(tmp_path: Path) -> None:
    """Terms given at creation are known after a reopening, and no others are."""
    create(tmp_path / "ws", taxonomy=TAXONOMY).close()
    with byleave.open(tmp_path / "ws", read_only=True) as ws:
        assert str(ws.scope(PROVIDER)) == PROVIDER
        with pytest.raises(InputError) as error:
            ws.scope("train.generative.replies/messages/provider.nobody")
    assert error.value.code == "use.unknown-term"
