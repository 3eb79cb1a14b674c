"""The outsider's program as one file: the same bytes each time, and nothing else needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import cryptography
import pytest

from byleave.evidence.proof_file import encode_proof_file
from tests.architecture.test_house import OUTSIDER
from tests.vectors.world import honest, trust_text


@pytest.fixture(scope="module")
def program(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, made by the script."""
    target = tmp_path_factory.mktemp("zipapp") / "byleave-verify.pyz"
    script = [sys.executable, "-I", "-S", str(root / "scripts" / "zipapp"), str(target)]
    subprocess.run(script, check=True, capture_output=True, timeout=60)
    return target


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds `cryptography` and what it loads, and no other package."""
    folder = tmp_path_factory.mktemp("alone")
    site = Path(cryptography.__file__).parent.parent
    for path in site.iterdir():
        if path.name in {"cryptography", "cffi"} or path.name.startswith("_cffi_backend"):
            (folder / path.name).symlink_to(path)
    return folder


def run(program: Path, alone: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the program without site packages, environment, or the folder it is in."""
    start = (
        "import runpy, sys\n"
        f"sys.path.append({str(alone)!r})\n"
        f"sys.argv = [{str(program)!r}, *sys.argv[1:]]\n"
        f"runpy.run_path({str(program)!r}, run_name='__main__')\n"
    )
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", start, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=alone,
    )


def test_the_program_is_reproducible(program: Path, root: Path, tmp_path: Path) -> None:
    """Made twice, from two folders, the program has the same bytes."""
    again = tmp_path / "again.pyz"
    script = [sys.executable, str(root / "scripts" / "zipapp"), str(again)]
    environment = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    subprocess.run(
        script, check=True, capture_output=True, cwd=tmp_path, env=environment, timeout=60
    )
    assert again.read_bytes() == program.read_bytes()


def test_the_program_holds_the_outsiders_rooms_and_no_other(program: Path) -> None:
    """Everything in the file belongs to verify or a room that it may import."""
    names = zipfile.ZipFile(program).namelist()
    rooms = {name.split("/")[1].removesuffix(".py") for name in names if "/" in name}
    assert rooms == {"__init__", *OUTSIDER}


def test_the_program_verifies_with_cryptography_alone(
    program: Path, alone: Path, tmp_path: Path
) -> None:
    """In an interpreter that has only cryptography, the one file accepts, refuses and says why."""
    world = honest()
    proof, trust, receipt = (tmp_path / name for name in ("a.proof", "trust.policy", "a.receipt"))
    proof.write_bytes(encode_proof_file(world.absence("cyd")))
    trust.write_text(trust_text())
    receipt.write_bytes(world.receipt("cyd").encode())
    done = run(program, alone, proof, "--trust", trust, "--receipt", receipt)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("VERIFIED   no record of the holder of this receipt")
    assert "ok    1 proof file" in done.stdout
    other = world.receipt("dov").encode()
    receipt.write_bytes(other)
    done = run(program, alone, proof, "--trust", trust, "--receipt", receipt, "--json")
    assert done.returncode == 3
    verdict = json.loads(done.stdout)
    assert [c["code"] for c in verdict["checks"] if c["state"] == "FAIL"] == ["verify.label"]
    assert run(program, alone, tmp_path / "none", "--trust", trust).returncode == 2
    assert run(program, alone, proof).returncode == 2
    assert "numpy" not in run(program, alone, "--help").stderr
