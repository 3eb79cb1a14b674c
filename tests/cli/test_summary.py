"""`byleave summary` and `byleave policy reconcile` as a person, and a program, meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Say

KINDS = ["eu-ai-act", "ca-ab2013", "cyclonedx", "spdx", "croissant", "connecticut", "datasheet"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_written(copy: Path, say: Say, kind: str) -> None:
    """Every kind becomes a JSON file; the command says how many places a person has to fill."""
    out = copy / "made.json"
    said = say("summary", "make", kind, "--out", str(out), "-w", "byleave-demo", "--json")
    assert said.code == 0, said.err
    assert said.json["file"] == str(out)
    text = out.read_text("utf-8")
    assert json.loads(text)
    assert text.count("to be filled by a person: ") == said.json["left_to_a_person"] > 0


def test_the_list_is_complete(say: Say) -> None:
    """`summary list` names each kind with its law or specification."""
    said = say("summary", "list", "--json")
    assert {kind["kind"] for kind in said.json["kinds"]} == set(KINDS)
    assert all(kind["law"] for kind in said.json["kinds"])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nothing", "--out", "a.md"], "summary.kind"),
        (["datasheet", "--out", "a.pdf"], "summary.form"),
        (["croissant", "--out", "a.md"], "summary.form"),
        (["datasheet", "--out", "a.md", "--release", "no-such"], "workspace.unknown-object"),
    ],
)
def test_wrong_asking_writes_nothing(copy: Path, say: Say, words: list[str], code: str) -> None:
    """A kind, a file or a release that cannot be is exit 2, one error, and no file."""
    said = say("summary", "make", *words, "-w", "byleave-demo")
    assert said.code == 2
    assert said.err.startswith(f"error[{code}]: ")
    assert not list(copy.glob("a.*"))


def test_undeclared_use_is_exit_4(copy: Path, say: Say) -> None:
    """The stage trains without a text that says so: each use is listed, and the exit is 4."""
    said = say("policy", "reconcile", "-w", "byleave-demo")
    assert said.code == 4
    assert "error[policy.reconcile]: " in said.err
    assert "release replies-1 (entry " in said.out
    assert "no published text declares it to these members" in said.out
    as_json = say("policy", "reconcile", "-w", "byleave-demo", "--json")
    assert as_json.code == 4
    assert {one["kind"] for one in as_json.json["disagreements"]} == {
        "gate",
        "release",
        "disclosure",
    }
