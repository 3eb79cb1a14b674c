"""Manifests have one encoding, and a reader that knows every field or refuses."""

from __future__ import annotations

from typing import Any

import pytest

from byleave import canonical
from byleave.errors import EvidenceError
from byleave.snapshot.manifest import DataFile, Manifest

FILE = DataFile(name="data.parquet", sha256="ab" * 32, rows=3)
MANIFEST = Manifest(
    snapshot="set-1",
    parent=None,
    source="messages",
    use="train.generative.replies/messages/platform",
    gate=17,
    epoch="cd" * 16,
    k=4,
    root="ef" * 32,
    records=3,
    members=2,
    party_records=5,
    files=(FILE,),
)
DELTA = Manifest(
    **{
        **{name: getattr(MANIFEST, name) for name in MANIFEST.__slots__},
        "snapshot": "set-2",
        "parent": 18,
        "removed": DataFile(name="removed.parquet", sha256="01" * 32, rows=1),
    }
)


@pytest.mark.parametrize("manifest", [MANIFEST, DELTA])
def test_a_manifest_comes_back(manifest: Manifest) -> None:
    """Parsing what was encoded gives the manifest, and encoding that gives the bytes."""
    assert Manifest.parse(manifest.encode()) == manifest
    assert Manifest.parse(manifest.encode()).encode() == manifest.encode()


def changed(**changes: Any) -> bytes:
    document: Any = canonical.decode(MANIFEST.encode())
    document |= changes
    return canonical.encode({k: v for k, v in document.items() if v != "absent"})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        MANIFEST.encode() + b"\n",
        MANIFEST.encode().replace(b":", b": ", 1),
        changed(note="a field nobody knows"),
        changed(format="byleave-snapshot/v2"),
        changed(root="ab"),
        changed(files=[{"name": "a", "sha256": "b", "rows": 1, "url": "c"}]),
        changed(files=[{"name": "a"}]),
        changed(removed={"name": "a"}),
        *(changed(**{name: "absent"}) for name in MANIFEST.__slots__),
    ],
)
def test_a_manifest_of_another_form_is_refused(data: bytes) -> None:
    """A field missing, unknown or malformed, or another spelling, is `snapshot.manifest`."""
    with pytest.raises(EvidenceError) as error:
        Manifest.parse(data)
    assert error.value.code == "snapshot.manifest"
