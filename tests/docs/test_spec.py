"""The specifications of what is written name the fields that the code writes."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

from byleave.snapshot.manifest import FORMAT, DataFile, Manifest
from byleave.snapshot.openings import OPENINGS_SCHEMA
from byleave.training.release import PREDICATE_TYPE, Statement

ROW = re.compile(r"^\| `([\w-]+)` \|", re.MULTILINE)


def section(root: Path, page: str, heading: str) -> str:
    """Return the text below one heading of a specification."""
    text = (root / "docs" / "spec" / page).read_text(encoding="utf-8")
    return text.split(f"## {heading}\n")[1].split("\n## ", maxsplit=1)[0]


def test_the_manifest_is_the_one_specified(root: Path) -> None:
    """docs/spec/snapshot.md names exactly the fields of a manifest, and its format."""
    text = section(root, "snapshot.md", f"Manifest, `{FORMAT}`")
    assert ROW.findall(text) == ["format", *(f.name for f in dataclasses.fields(Manifest))]
    listed = re.search(r"A \*file\* is `\{(.+)\}`", text)  # fmt: skip
    assert listed is not None
    assert re.findall(r'"(\w+)":', listed[1]) == sorted(
        field.name for field in dataclasses.fields(DataFile)
    )


def test_the_openings_are_those_specified(root: Path) -> None:
    """docs/spec/snapshot.md names exactly the columns of the openings, in their order."""
    assert ROW.findall(section(root, "snapshot.md", "Openings")) == OPENINGS_SCHEMA.names


def test_the_statement_is_the_one_specified(root: Path) -> None:
    """docs/spec/training-consent.md names exactly what a statement says, and its predicate."""
    text = section(root, "training-consent.md", "Statement")
    statement = json.loads(
        Statement(
            release="r",
            origin="o",
            trainer="t",
            exact=True,
            use="u",
            snapshots=[],
            gate={},
            recipe=1,
            parent=None,
            files={"m": "0" * 64},
        ).encode()
    )
    shown = re.search(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert shown is not None
    example = json.loads(shown[1])
    assert set(example) == set(statement)
    assert example["predicateType"] == PREDICATE_TYPE
    assert set(example["predicate"]) == set(statement["predicate"])
    assert set(ROW.findall(text)) == {"subject", *statement["predicate"]}
