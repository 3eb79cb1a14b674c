"""A recipient's client alone: no workspace, no extra but its own; and what `fsck` finds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from byleave.stores.outbox import FolderOutbox
from tests.recipients import Site

_PROGRAM = """
import sys
from pathlib import Path

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
from byleave.cli.main import main
code = main(["disclosure", "held", "-r", {folder!r}])
assert not [name for name in sys.modules if name.split(".")[0] in {names!r}]
sys.exit(code)
"""
_OTHERS = (
    "altair", "authlib", "boto3", "datasets", "duckdb", "fastapi", "httpx", "jinja2", "mlflow",
    "model_signing", "nacl", "numba", "openlineage", "polars", "psycopg", "pyspark", "ray",
    "sklearn", "torch", "uvicorn", "vl_convert",
)  # fmt: skip


def test_the_client_needs_its_own_extra_alone(delivered: Site, tmp_path: Path) -> None:
    """With every other optional package away, and away from the workspace, the client works."""
    folder = delivered.copy(tmp_path / "site").root / "host"
    program = _PROGRAM.format(names=set(_OTHERS), folder=str(folder))
    keep = {name: os.environ[name] for name in ("HOME", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=keep,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert delivered.package in done.stdout


def test_without_pyrage_it_says_what_to_install(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra, a package is not opened: `cli.extra-missing`, naming it."""
    from byleave.errors import WorldError

    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(WorldError) as error:
        site.recipient().open(b"")
    assert error.value.code == "cli.extra-missing"
    assert "byleave[recipient]" in str(error.value.hint)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("parcel", lambda d: {**d, "header": {**d["header"], "rows": 1}}),
        ("delivery", lambda d: {**d, "delivery": {**d["delivery"], "rows": 1}}),
        ("recall", lambda d: {**d, "document": {**d["document"], "labels": []}}),
        ("acknowledgement", lambda d: {**d, "answer": d["answer"].replace('"held":true', '"held":false')}),
        ("recipient-key", lambda d: {**d, "recipient": "provider.other"}),
    ],
)  # fmt: skip
def test_fsck_finds_a_changed_document(held_site: Site, kind: str, change: object) -> None:
    """A header, delivery, order, answer or card changed in the ledger: `fsck` names the entry."""
    site = held_site
    site.withdraw(site.agreed[0], days=1)
    mine = site.recipient(days=2)
    mine.pull(FolderOutbox(site.lay_out(days=2)))
    assert site.answered() == [None]
    with site.open(days=5) as ws:
        assert ws.fsck() == []
        ((_, name, _, document), *_) = ws.house.ledger.objects(kind)
        with ws.house.ledger.writing() as writer:
            writer.replace_object(kind, name, change(document))  # type: ignore[operator]
        (found,) = ws.fsck()
        assert "not what was logged" in str(found)
