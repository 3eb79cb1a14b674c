"""Artefacts as folders of files: whole or absent, private, inside their place."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from byleave.errors import ConflictError, EvidenceError, InputError, WorldError
from byleave.stores.artefacts import ArtefactFolder, write_file

FILES = {"data.parquet": b"rows", "manifest.json": b"{}"}
ODD = ["", ".", "..", "../x", "a/b", "/etc", ".hidden", "A", "x" * 130, "a b", "ä", "a\n", "-a"]


def names(root: Path) -> list[str]:
    """Return the paths of everything below a folder."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_an_artefact_comes_back_as_it_was_put(tmp_path: Path) -> None:
    """Each file of an artefact is read as it was put, and nothing else lies in its folder."""
    store = ArtefactFolder(tmp_path)
    store.put("sets", "set-1", FILES)
    assert {name: store.read("sets", "set-1", name) for name in FILES} == FILES
    assert names(tmp_path) == ["sets", "sets/set-1", *sorted(f"sets/set-1/{n}" for n in FILES)]


def test_putting_again_replaces_all_of_it(tmp_path: Path) -> None:
    """An orphan of the same name is replaced whole: no file of it stays."""
    store = ArtefactFolder(tmp_path)
    store.put("sets", "set-1", FILES)
    store.put("sets", "set-1", {"other": b"1"})
    assert names(tmp_path / "sets") == ["set-1", "set-1/other"]


def test_artefacts_are_their_owners(tmp_path: Path) -> None:
    """Every file of an artefact is readable and writable by its owner alone."""
    ArtefactFolder(tmp_path).put("sets", "set-1", FILES)
    for name in FILES:
        mode = (tmp_path / "sets" / "set-1" / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_name_is_refused_everywhere(tmp_path: Path, odd: str) -> None:
    """A name that could leave its folder is refused as kind, artefact and file; nothing is made."""
    root = tmp_path / "root"
    store = ArtefactFolder(root)
    for kind, artefact, name in ((odd, "a", "b"), ("a", odd, "b"), ("a", "b", odd)):
        for act in (
            lambda k=kind, a=artefact, n=name: store.put(k, a, {n: b"x"}),
            lambda k=kind, a=artefact, n=name: store.read(k, a, n),
            lambda k=kind, a=artefact, n=name: store.path(k, a, n),
            lambda k=kind, a=artefact, n=name: store.remove(k, a, n),
        ):
            with pytest.raises(InputError) as error:
                act()
            assert error.value.code == "input.name"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "world.disk-full"),
        (errno.EDQUOT, "world.disk-full"),
        (errno.EIO, "world.storage"),
        (errno.EROFS, "world.storage"),
    ],
)
@pytest.mark.parametrize("moment", range(4))
def test_a_full_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str, moment: int
) -> None:
    """Whichever flush fails, the error is typed and names the place, and no part is left."""
    store = ArtefactFolder(tmp_path)
    store.put("sets", "set-1", FILES)
    real, calls = os.fsync, 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == moment + 1:
            raise OSError(number, "no")
        real(descriptor)

    monkeypatch.setattr("byleave.stores.artefacts.os.fsync", fsync)
    with pytest.raises(WorldError) as error:
        store.put("sets", "set-2", FILES)
    assert error.value.code == code
    assert "set-2" in str(error.value.where)
    if moment < 3:  # the fourth flush is that of the parent folder: the artefact stands, unnamed
        assert names(tmp_path / "sets") == ["set-1", *sorted(f"set-1/{n}" for n in FILES)]
    assert store.sweep("sets", {"set-1"}) == (["set-2"] if moment == 3 else [])


def test_an_interrupted_put_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while an artefact is written leaves no part of it."""

    def fsync(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("byleave.stores.artefacts.os.fsync", fsync)
    with pytest.raises(KeyboardInterrupt):
        ArtefactFolder(tmp_path).put("sets", "set-1", FILES)
    assert names(tmp_path) == ["sets"]


def test_the_sweep_removes_what_no_row_names(tmp_path: Path) -> None:
    """A sweep removes staged folders and orphans, keeps what is known, and says what it removed."""
    store = ArtefactFolder(tmp_path)
    for name in ("set-1", "set-2"):
        store.put("sets", name, FILES)
    (tmp_path / "sets" / ".staged-set-3").mkdir()
    (tmp_path / "sets" / ".staged-set-3" / "data.parquet").write_bytes(b"half")
    assert store.sweep("sets", {"set-1"}) == [".staged-set-3", "set-2"]
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["set-1"]
    assert store.sweep("nothing-yet", set()) == []


def test_a_missing_file_is_damage(tmp_path: Path) -> None:
    """Reading a file that is gone is `workspace.damaged` and names the file."""
    store = ArtefactFolder(tmp_path)
    store.put("sets", "set-1", FILES)
    (tmp_path / "sets" / "set-1" / "data.parquet").unlink()
    with pytest.raises(EvidenceError) as error:
        store.read("sets", "set-1", "data.parquet")
    assert error.value.code == "workspace.damaged"
    assert str(error.value.where).endswith("sets/set-1/data.parquet")


def test_removing_is_for_one_file_or_all(tmp_path: Path) -> None:
    """One file of an artefact is removed, or all of it; removing what is gone is no error."""
    store = ArtefactFolder(tmp_path)
    store.put("sets", "set-1", FILES)
    store.remove("sets", "set-1", "data.parquet")
    assert names(tmp_path / "sets") == ["set-1", "set-1/manifest.json"]
    for _ in range(2):
        store.remove("sets", "set-1")
    assert names(tmp_path / "sets") == []


def test_a_private_file_is_its_owners(tmp_path: Path) -> None:
    """A file written as private has mode 0600, also where a readable file stood before."""
    path = tmp_path / "keys" / "log.key"
    write_file(path, b"public")
    write_file(path, b"secret", private=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"secret"
    assert names(path.parent) == ["log.key"]


def test_a_staged_leftover_does_not_lend_its_mode(tmp_path: Path) -> None:
    """A leftover of a crash that others may read does not make the private file readable."""
    leftover = tmp_path / ".staged-log.key"
    leftover.write_bytes(b"")
    leftover.chmod(0o644)
    write_file(tmp_path / "log.key", b"secret", private=True)
    assert stat.S_IMODE((tmp_path / "log.key").stat().st_mode) == 0o600


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk is full, the file that stood there stays, and no part of the new one."""
    path = tmp_path / "report.html"
    write_file(path, b"old")

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("byleave.stores.artefacts.os.fsync", fsync)
    with pytest.raises(WorldError) as error:
        write_file(path, b"new")
    assert error.value.code == "world.disk-full"
    assert names(tmp_path) == ["report.html"]
    assert path.read_bytes() == b"old"


def test_a_folder_filled_file_by_file_appears_at_the_end(tmp_path: Path) -> None:
    """What is streamed into a folder stands in its place when all is written, with its digests."""
    store = ArtefactFolder(tmp_path)
    with store.staged("sets", "set-1") as folder:
        for name, data in FILES.items():
            with folder.create(name) as stream:
                for byte in data:
                    stream.write(bytes([byte]))
        assert not store.path("sets", "set-1").exists()
        assert folder.names() == sorted(FILES)
    assert {name: store.read("sets", "set-1", name) for name in FILES} == FILES
    assert folder.digests == {n: hashlib.sha256(d).hexdigest() for n, d in FILES.items()}
    for name, digest in folder.digests.items():
        store.check("sets", "set-1", name, digest)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full"), ValueError()]
)
def test_a_folder_that_is_not_filled_is_not_there(tmp_path: Path, error: BaseException) -> None:
    """Whatever stops the filling, neither the folder nor what was staged of it is left."""
    store = ArtefactFolder(tmp_path)

    def fill() -> None:
        with store.staged("sets", "set-1") as folder, folder.create("data") as stream:
            stream.write(b"half")
            raise error

    wanted = WorldError if isinstance(error, OSError) else type(error)
    with pytest.raises(wanted):
        fill()
    assert list((tmp_path / "sets").iterdir()) == []


def test_unfinished_work_outlives_its_process(tmp_path: Path) -> None:
    """Whole files of unfinished work stay; a half-written one is gone when a writer comes back."""
    folder = ArtefactFolder(tmp_path).work("gate-1-2")
    with folder.create("part") as stream:
        stream.write(b"whole")
    (folder.path / ".half-other").write_bytes(b"cut of")
    store = ArtefactFolder(tmp_path)
    again = store.work("gate-1-2")
    assert again.names() == ["part"]
    assert [p.name for p in again.path.iterdir()] == ["part"]
    assert store.unfinished("gate-1-") == ["gate-1-2"]
    assert store.unfinished("gate-2-") == []
    again.settle(store.path("gates", "gate-1"))
    assert store.read("gates", "gate-1", "part") == b"whole"
    assert store.unfinished("gate-1-") == []


def test_another_file_of_the_same_bytes_is_another_file(tmp_path: Path) -> None:
    """A file that was checked is known by what it is, not by its bytes: replacing it is noticed."""
    store = ArtefactFolder(tmp_path)
    store.put("sets", "set-1", FILES)
    name, data = next(iter(FILES.items()))
    path = store.path("sets", "set-1", name)
    stamp = store.check("sets", "set-1", name, hashlib.sha256(data).hexdigest())
    store.require_same(path, stamp)
    with pytest.raises(EvidenceError) as wrong:
        store.check("sets", "set-1", name, "00" * 32)
    assert wrong.value.code == "workspace.damaged"
    copied = path.with_name("copy")
    copied.write_bytes(data)
    copied.replace(path)
    with pytest.raises(ConflictError) as changed:
        store.require_same(path, stamp)
    assert changed.value.code == "data.changed"
    path.unlink()
    with pytest.raises(ConflictError):
        store.require_same(path, stamp)


def test_a_folder_that_somebody_is_at_is_nobody_elses(tmp_path: Path) -> None:
    """A second claim of one name gets a folder of its own; clearing spares both, until they end."""
    one, two = ArtefactFolder(tmp_path), ArtefactFolder(tmp_path)
    first = one.claim("gate-1")
    second = two.claim("gate-1")
    assert (first.path.name, second.path.name) == ("gate-1", "gate-1-2")
    two.clear("gate-")
    assert two.unfinished("gate-") == ["gate-1", "gate-1-2"]
    with first.create("part") as stream:
        stream.write(b"whole")
    first.let_go()
    again = two.claim("gate-1")
    assert again.names() == ["part"]
    again.discard()
    second.discard()
    assert one.unfinished("gate-") == []


def test_a_claimed_name_is_not_given_twice(tmp_path: Path) -> None:
    """Two drafts of one kind have two names; what is not settled is gone, its name free again."""
    store = ArtefactFolder(tmp_path)
    names = ["set-1", "set-2", "set-3"]
    with store.draft("snapshot", names) as (one, folder):
        with store.draft("snapshot", names) as (two, other):
            assert (one, two) == ("set-1", "set-2")
            assert store.drafts("snapshot") == ["set-1", "set-2"]
            with other.create("data") as stream:
                stream.write(b"rows")
            other.settle(store.path("sets", two))
        assert store.drafts("snapshot") == ["set-1"]
        assert folder.names() == []
    assert store.drafts("snapshot") == []
    assert store.read("sets", "set-2", "data") == b"rows"


def test_two_who_write_one_file_at_once_write_two(tmp_path: Path) -> None:
    """Neither writes into what the other has written: each file is whole, the last one stays."""
    one, two = (ArtefactFolder(tmp_path).cache("data") for _ in range(2))
    with one.create("rows") as first:
        first.write(b"a" * 100)
        with two.create("rows") as second:
            second.write(b"b" * 50)
        held = (tmp_path / "cache" / "data" / "rows").open("rb")
        assert held.read() == b"b" * 50
    with held:
        held.seek(0)
        assert held.read() == b"b" * 50
    assert (tmp_path / "cache" / "data" / "rows").read_bytes() == b"a" * 100
    assert [p.name for p in (tmp_path / "cache" / "data").iterdir()] == ["rows"]
