"""What lies beside a model: an OpenSSF signature that its own client verifies, provenance, a card."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from byleave.service.release_files import PROVENANCE, STATEMENT, holds_under
from byleave.training.oms import SIGNATURE_FILE
from byleave.training.release import check_envelope
from tests.unit.service.small import Grown

verifying = pytest.importorskip(
    "model_signing.verifying", reason="the extra `oms` (model-signing) is not installed"
)


@pytest.fixture
def signed(grown: Grown, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of a release's folder, and the public key."""
    with grown.open(read_only=True) as ws:
        shutil.copytree(ws.path / "releases" / grown.release, tmp_path / grown.release)
        key = tmp_path / "model-signing.pub"
        key.write_bytes(ws.house.signer.model_key())
        assert (ws.path / "model-signing.pub").read_bytes() == key.read_bytes()
    return tmp_path / grown.release, key


def verify(folder: Path, key: Path) -> None:
    """Have OpenSSF's own client verify a folder."""
    config = verifying.Config().use_elliptic_key_verifier(public_key=key)
    config.verify(folder, folder / SIGNATURE_FILE)


def test_the_client_of_openssf_verifies_a_release(signed: tuple[Path, Path]) -> None:
    """model-signing's own verifier accepts the folder of a release as it stands."""
    verify(*signed)


def test_the_client_refuses_any_changed_file(signed: tuple[Path, Path]) -> None:
    """With one bit of any signed file flipped, a file gone or a file more, it refuses."""
    folder, key = signed
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises((ValueError, InvalidSignature)):
            verify(folder, key)
        path.write_bytes(data)
    verify(folder, key)
    (folder / "more.json").write_text("{}")
    with pytest.raises(ValueError, match="Extra files"):
        verify(folder, key)
    (folder / "more.json").unlink()
    (folder / "model-card.md").unlink()
    with pytest.raises(ValueError, match="Missing files"):
        verify(folder, key)


def test_the_client_refuses_another_key_and_another_signature(
    signed: tuple[Path, Path], tmp_path: Path
) -> None:
    """A signature by another key, or one over other bytes, is refused."""
    from byleave.wiring.model_key import model_signer

    folder, key = signed
    other = tmp_path / "other.pub"
    other.write_bytes(model_signer(bytes(32)).public_pem())
    with pytest.raises(ValueError, match="Key mismatch"):
        verify(folder, other)
    bundle: Any = json.loads((folder / SIGNATURE_FILE).read_bytes())
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(
        payload.replace(b"files", b"filed", 1)
    ).decode()
    (folder / SIGNATURE_FILE).write_text(json.dumps(bundle))
    with pytest.raises((ValueError, InvalidSignature)):
        verify(folder, key)


def test_signing_again_gives_the_same_bytes(grown: Grown) -> None:
    """The model signature is deterministic: a release made again has the same files."""
    with grown.open(read_only=True) as ws:
        signer = ws.house.signer
        assert signer.sign_model(b"m") == signer.sign_model(b"m") != signer.sign_model(b"n")
        assert signer.model_key() == signer.model_key()


def test_the_provenance_names_the_snapshot_and_the_environment(grown: Grown) -> None:
    """SLSA provenance names the model files, the snapshot's manifest, the recipe and the machine."""
    with grown.open(read_only=True) as ws:
        read = ws.house.artefacts.read
        envelope = read("releases", grown.release, PROVENANCE)
        found: Any = json.loads(check_envelope(envelope, check=holds_under(ws.house)))
        sealed = ws.snapshot.open(grown.snapshot)
        statement: Any = json.loads(
            check_envelope(read("releases", grown.release, STATEMENT), check=holds_under(ws.house))
        )
        run = next(r for r in ws.model.list() if r["run"] == grown.run)
    assert found["predicateType"] == "https://slsa.dev/provenance/v1"
    assert found["subject"] == statement["subject"]
    built = found["predicate"]["buildDefinition"]
    assert built["buildType"] == "https://byleave.dev/fit/v1"
    snapshot, recipe = built["resolvedDependencies"]
    from byleave.canonical import sha256

    assert snapshot["digest"]["sha256"] == sha256(sealed.manifest.encode()).hex()
    assert recipe["uri"].endswith(f"?index={run['index']}")
    environment = built["internalParameters"]["environment"]
    assert environment == run["environment"]
    assert {"python", "blas", "cpu", "threads", "lock", "packages"} <= environment.keys()


def test_the_card_is_complete(grown: Grown) -> None:
    """The card says use, data, notices, recipe, environment, withdrawal, how to check, and limits."""
    with grown.open(read_only=True) as ws:
        card = ws.house.artefacts.read("releases", grown.release, "model-card.md").decode()
    for text in (
        "## What it is for", "## Data", "| question-1 |", "## Quality", "## How it was made",
        "package numpy", "## Withdrawal", "byte for byte", "## Check it", "model_signing verify key",
        "## What this cannot show",
    ):  # fmt: skip
        assert text in card, text


@pytest.mark.parametrize("name", [SIGNATURE_FILE, PROVENANCE])
def test_a_changed_file_beside_the_model_is_found(copied: Grown, name: str) -> None:
    """`fsck` names a model signature or a provenance that is not the one that was made."""
    path = copied.path / "releases" / copied.release / name
    path.write_bytes(path.read_bytes().replace(b'"', b"'", 1))
    with copied.open(read_only=True) as ws:
        (problem,) = ws.fsck()
    assert (problem["where"], problem["code"]) == (f"release {copied.release}", "release.digest")


def test_a_run_without_its_environment_is_still_one(copied: Grown) -> None:
    """A recipe's digest covers the environment: a changed one is found."""
    from byleave.service.model import recipe_digest

    with copied.open() as ws:
        run = next(r for r in ws.model.list() if r["run"] == copied.run)
        assert recipe_digest(run) != recipe_digest({**run, "environment": {}})
        with ws.house.ledger.writing() as writer:
            document = {k: v for k, v in run.items() if k != "index"}
            writer.replace_object("run", copied.run, {**document, "environment": {"python": "2"}})
        assert any("run" in p["where"] or "log entry" in p["where"] for p in ws.fsck())
