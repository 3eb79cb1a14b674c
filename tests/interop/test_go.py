"""Go's `golang.org/x/mod/sumdb`, which nobody here wrote, checks what we write."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from byleave import merkle
from byleave.evidence.bucket import bucket_of
from byleave.note import KeyType, Signature, SignerKey, parse_note
from byleave.note.signed import add_signatures
from byleave.snapshot.directory_map import build_directory_map
from byleave.stores.tile_files import TileFiles
from byleave.testing.log_faults import MemoryHead, MemorySource
from byleave.tlog.publish import publish
from tests.unit.service.small import Grown, grow
from tests.vectors.world import ORIGIN, World, derive, honest, signer

GOPATH = Path("/usr/share/gocode")
PROGRAM = Path(__file__).with_name("sumdb.go")


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, built offline from Debian's packages."""
    compiler = shutil.which("go")
    if compiler is None:
        pytest.skip("there is no Go here (Debian: golang-go)")
    if not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("Go's sumdb is not here (Debian: golang-golang-x-mod-dev)")
    folder = tmp_path_factory.mktemp("go")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GO111MODULE": "off",
        "GOPATH": str(GOPATH),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
        "GOPROXY": "off",
        "GOMAXPROCS": "1",
    }
    program = folder / "sumdb"
    subprocess.run(
        [compiler, "build", "-o", str(program), str(PROGRAM)],
        check=True,
        env=environment,
        cwd=folder,
        timeout=240,
    )
    return program


def ask(go: Path, **questions: Any) -> dict[str, Any]:
    """Return Go's answers."""
    done = subprocess.run(
        [str(go)],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return {name: value or [] for name, value in json.loads(done.stdout).items()}


def b64(data: bytes) -> str:
    """Return bytes as Go's JSON reads them."""
    return base64.b64encode(data).decode()


def witness(name: str) -> SignerKey:
    """Return a witness's key."""
    return SignerKey(name=name, type=KeyType.COSIGNATURE, seed=derive(f"witness {name}"))


def log_questions(folder: Path, entries: list[bytes], *, sizes: tuple[int, ...]) -> dict[str, Any]:
    """Publish entries in steps, cosign the last checkpoint, and ask about ten of them."""
    files, source, head = TileFiles(folder), MemorySource(), MemoryHead()
    for size in sizes:
        source.entries = entries[:size]
        publish(source, files, head, signer(), origin=ORIGIN)
    note = parse_note(files.read_checkpoint() or b"")
    lines = []
    for name in ("w1.test.invalid", "w2.test.invalid"):
        key = witness(name)
        lines.append(
            Signature(
                name=name,
                key_id=key.verifier.key_id,
                payload=key.sign(note.text, seconds=1_700_000_000),
            )
        )
    signed = add_signatures(note.text, [*note.signatures, *lines])
    step = max(len(entries) // 10, 1)
    return {
        "Key": str(signer().verifier),
        "Witnesses": [
            str(witness(name).verifier) for name in ("w1.test.invalid", "w2.test.invalid")
        ],
        "Note": b64(signed),
        "Folder": str(folder),
        "Records": [
            {"Index": at, "Entry": b64(entries[at])} for at in range(0, len(entries), step)
        ],
    }


@cache
def world() -> World:
    """Return the vectors' platform."""
    return honest(crowd=200, k=6)


def test_go_reads_a_log_of_ours(go: Path, tmp_path: Path) -> None:
    """Go opens our checkpoint with our key and both cosignatures, and proves from our tiles."""
    entries = [b"entry %d" % number for number in range(70_000)]
    questions = log_questions(tmp_path, entries, sizes=(1, 255, 256, 65_536, 70_000))
    answers = ask(go, **questions)
    assert answers["Note"] == answers["Tree"] == []
    assert answers["Signers"] == [ORIGIN, "w1.test.invalid", "w2.test.invalid"]
    assert answers["Records"] == [""] * len(questions["Records"])


def test_go_refuses_what_was_changed(go: Path, tmp_path: Path) -> None:
    """A changed tile, entry, checkpoint, key or cosignature is refused by Go as well."""
    entries = [b"entry %d" % number for number in range(600)]
    questions = log_questions(tmp_path, entries, sizes=(600,))
    note = base64.b64decode(questions["Note"])
    for changed in (note.replace(b"\n600\n", b"\n601\n"), note[:-3] + b"A=\n"):
        assert ask(go, **{**questions, "Note": b64(changed)})["Note"]
    other = signer(ORIGIN[:-1] + "x")
    assert ask(go, **{**questions, "Key": str(other.verifier), "Witnesses": []})["Note"]
    lies = [{"Index": 3, "Entry": b64(b"entry 4")}, {"Index": 4, "Entry": b64(b"entry 3")}]
    assert all(ask(go, **{**questions, "Records": lies})["Records"])
    tile = tmp_path / "tile/0/000"
    data = bytearray(tile.read_bytes())
    data[32 * 7] ^= 1
    tile.chmod(0o600)
    tile.write_bytes(bytes(data))
    assert any(ask(go, **questions)["Records"])


def test_go_checks_bucket_proofs(go: Path) -> None:
    """For a snapshot's map, Go's CheckRecord accepts each true bucket and no changed one."""
    maps = world().maps
    true, lies = [], []
    for number in range(100):
        public = derive(f"label {number}", 16)
        absence = maps.absence(public)
        data = bytes([len(absence.labels)]) + b"".join(absence.labels) + absence.inner
        question: dict[str, Any] = {
            "Size": 1 << maps.k,
            "Root": b64(maps.root),
            "Index": bucket_of(public, maps.k),
            "Data": b64(data),
            "Path": [b64(item) for item in absence.path],
        }
        true.append(question)
        lies += [
            {**question, "Data": b64(bytes([data[0] ^ 1]) + data[1:])},
            {**question, "Index": question["Index"] ^ 1},
            {**question, "Path": question["Path"][:-1]},
            {**question, "Size": 2 << maps.k},
        ]
    answers = ask(go, Proofs=[*true, *lies])["Proofs"]
    assert answers[: len(true)] == [""] * len(true)
    assert all(answers[len(true) :])


def test_go_checks_a_directory(go: Path) -> None:
    """For a directory's map, Go's CheckRecord accepts the bucket of a label that is not listed."""
    labels = [derive(f"id {number}", 16) for number in range(50)]
    tree = build_directory_map(labels, [derive(f"own {number}") for number in range(50)])
    absence = tree.absence(derive("a stranger", 16))
    data = bytes([len(absence.labels)]) + b"".join(absence.labels) + absence.inner
    question = {
        "Size": 1 << tree.k,
        "Root": b64(tree.root),
        "Index": bucket_of(derive("a stranger", 16), tree.k),
        "Data": b64(data),
        "Path": [b64(item) for item in absence.path],
    }
    other = {**question, "Root": b64(bytes(32))}
    answers = ask(go, Proofs=[question, other])["Proofs"]
    assert answers[0] == ""
    assert answers[1]


def test_go_checks_consistency(go: Path) -> None:
    """Go's CheckTree accepts our consistency proofs of every pair of sizes to 40, and no swapped one."""
    leaves = merkle.leaf_hashes(b"%d" % number for number in range(40))
    true, lies = [], []
    for new in range(1, 41):
        reader = merkle.LevelReader(merkle.all_levels(leaves[:new]))
        for old in range(1, new + 1):
            question = {
                "Old": old,
                "OldRoot": b64(merkle.root(leaves[:old])),
                "New": new,
                "NewRoot": b64(merkle.root(leaves[:new])),
                "Path": [b64(item) for item in merkle.consistency_proof(old, new, reader)],
            }
            true.append(question)
            lies.append({**question, "OldRoot": b64(bytes(32))})
    answers = ask(go, Trees=[*true, *lies])["Trees"]
    assert answers[: len(true)] == [""] * len(true)
    assert all(answers[len(true) :])


def test_go_reads_the_log_of_a_workspace(
    go: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The log folder of a workspace, as it stands on disk, is one that Go follows."""
    made: Grown = grow(tmp_path_factory.mktemp("interop") / "workspace")
    with made.open(read_only=True) as ws:
        size = ws.log.checkpoint()["size"]
        entries = [ws.log.entry(at) for at in range(size)]
        trust = ws.places.trust.read_text()
        key = next(line.split()[1] for line in trust.splitlines() if line.startswith("log "))
        answers = ask(
            go,
            Key=key,
            Note=b64((ws.places.log / "checkpoint").read_bytes()),
            Folder=str(ws.places.log),
            Records=[{"Index": at, "Entry": b64(entry)} for at, entry in enumerate(entries)],
        )
    assert answers["Note"] == answers["Tree"] == []
    assert answers["Records"] == [""] * size


def test_a_wrong_cosignature_is_refused_by_go(go: Path, tmp_path: Path) -> None:
    """A cosignature by a key under another's name is refused; by an unknown key it is ignored."""
    questions = log_questions(tmp_path, [b"a", b"b"], sizes=(2,))
    note = parse_note(base64.b64decode(questions["Note"]))
    last = note.signatures[-1]
    false = replace(last, payload=last.payload[:8] + bytes(64))
    changed = add_signatures(note.text, [*note.signatures[:-1], false])
    assert ask(go, **{**questions, "Note": b64(changed)})["Note"]
    answers = ask(go, **{**questions, "Witnesses": questions["Witnesses"][:1]})
    assert answers["Signers"] == [ORIGIN, "w1.test.invalid"]
