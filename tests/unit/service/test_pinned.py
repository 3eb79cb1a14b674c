"""The environment of a release: to install again, and what differs, distribution by distribution."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from byleave.errors import ConflictError, RefusedError
from byleave.service.pinned import differences, lock_hashes, requirements
from byleave.wiring import Workspace
from byleave.wiring.environment import environment
from tests.unit.service.small import Grown

A, B = "a" * 64, "b" * 64
HERE: dict[str, Any] = {
    "python": "3.11.2",
    "system": "Linux",
    "machine": "x86_64",
    "threads": 2,
    "packages": {"numpy": "2.0"},
    "lock": "x",
    "distributions": {"numpy": ["2.0", A], "pyarrow": ["20.1", A], "wheel": ["1", ""]},
}


def test_every_difference_is_a_line() -> None:
    """Another version, other files of one version, something gone, something new, another machine."""
    now: dict[str, Any] = {
        **HERE,
        "machine": "arm64",
        "lock": "y",
        "packages": {"numpy": "2.1"},
        "distributions": {"numpy": ["2.1", B], "pyarrow": ["20.1", B], "extra": ["3", A]},
    }
    assert differences(HERE, HERE) == ()
    assert differences(HERE, now) == (
        "machine: x86_64 → arm64",
        "extra: not there → 3",
        "numpy: 2.0 → 2.1",
        "pyarrow 20.1: the same version, other files",
        "wheel: 1 → not there",
    )
    before = {key: value for key, value in HERE.items() if key != "distributions"}
    assert differences(before, now)[-1].startswith("packages: ")


def test_a_requirements_file_takes_hashes_of_the_same_version_only() -> None:
    """Hashes of another version are not taken; with any hash, what has none is a comment."""
    lock = f"""\
# made by a tool
NumPy==2.0 \\
    --hash=sha256:{A} \\
    --hash=sha256:{B}
pyarrow==20.2 --hash=sha256:{A}
wheel==1 ; python_version > "3"
"""
    hashes = lock_hashes(lock)
    assert hashes == {
        "numpy==2.0": [f"sha256:{A}", f"sha256:{B}"],
        "pyarrow==20.2": [f"sha256:{A}"],
    }
    text, bare = requirements("replies-1", HERE, hashes)
    assert bare == ("pyarrow==20.1", "wheel==1")
    assert lock_hashes(text) == {"numpy==2.0": hashes["numpy==2.0"]}
    assert "# no hash known: pyarrow==20.1" in text.splitlines()
    plain, all_bare = requirements("replies-1", HERE, {})
    assert [line for line in plain.splitlines() if not line.startswith("#")] == list(all_bare)


def test_what_is_installed_is_recorded_one_by_one() -> None:
    """Each installed distribution stands in the record with its version and a digest of its files."""
    held: Any = environment()["distributions"]
    assert held["numpy"][0] == metadata.version("numpy")
    assert re.fullmatch("[0-9a-f]{64}", held["numpy"][1])
    assert {name: version for name, (version, _) in held.items()} == {
        re.sub(r"[-_.]+", "-", d.metadata["Name"]).lower(): d.version
        for d in reversed(list(metadata.distributions()))
    }


def test_the_digest_is_of_the_wheel_and_not_of_the_installer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Scripts, compiled files and notes of an installer change no digest; a module's hash does."""
    from byleave.wiring import environment as module

    def digest(record: str) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir()))) / "one-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
        (folder / "RECORD").write_text(record)
        monkeypatch.setattr(metadata, "distributions", lambda: [metadata.PathDistribution(folder)])
        held: Any = module._distributions()[0]
        return str(held["one"][1])

    wheel = "one/__init__.py,sha256=abc,3\none-1.0.dist-info/METADATA,sha256=def,9\n"
    mine = wheel + "../../../bin/one,sha256=xyz,7\none-1.0.dist-info/INSTALLER,sha256=pip,4\n"
    mine += "one/__pycache__/__init__.cpython-311.pyc,,\none-1.0.dist-info/RECORD,,\n"
    theirs = "\n".join(reversed(wheel.splitlines())) + "\n"
    assert digest(wheel) == digest(mine) == digest(theirs)
    assert digest(wheel) != digest(wheel.replace("abc", "abd"))
    assert digest("") == ""


def other(ws: Workspace, **changes: Any) -> None:
    here = dict(ws.house.environment())
    ws.house = replace(ws.house, environment=lambda: {**here, **changes})
    ws._nouns()


def test_a_refit_in_the_same_environment_may_be_demanded(copied: Grown) -> None:
    """Here it runs; with another build of one package it is refused before anything is fitted."""
    with copied.open(read_only=True) as ws:
        assert ws.release.refit_report(copied.release, same_environment=True).differences == ()
        held: Any = ws.house.environment()["distributions"]
        other(ws, distributions={**held, "numpy": [held["numpy"][0], B]})
        with pytest.raises(RefusedError) as refused:
            ws.release.refit_report(copied.release, same_environment=True)
        assert refused.value.code == "release.environment"
        assert f"numpy {held['numpy'][0]}: the same version, other files" in str(refused.value)
        found = ws.release.refit_report(copied.release)
        assert found.changed == ("distributions",)
        assert found.bytes_equal


def test_what_a_release_was_fitted_in_can_be_installed(copied: Grown, root: Path) -> None:
    """With the lock file of this repository every package from an index has its hashes."""
    with copied.open(read_only=True) as ws:
        lock = (root / "requirements" / "default.txt").read_text("utf-8")
        text, bare = ws.release.environment(copied.release, locks=[lock])
        held: Any = ws.house.environment()["distributions"]
        assert set(lock_hashes(text)) | set(bare) == {f"{n}=={v[0]}" for n, v in held.items()}
        assert f"numpy=={held['numpy'][0]}" in lock_hashes(text)
        assert len(bare) < 10  # this package, and what the environment's maker brought


def test_a_release_from_before_says_that_it_is_not_known(copied: Grown) -> None:
    """Without recorded distributions nothing is printed, and the same environment not claimed."""
    with copied.open() as ws:
        document = ws.ledger.object("run", copied.run)
        assert document is not None
        with ws.ledger.writing() as writer:
            writer.replace_object(
                "run", copied.run, {**document[2], "environment": {"python": "3"}}
            )
        for ask in (
            lambda: ws.release.environment(copied.release),
            lambda: ws.release.refit_report(copied.release, same_environment=True),
        ):
            with pytest.raises(ConflictError) as error:
                ask()
            assert error.value.code == "release.environment-unknown"
