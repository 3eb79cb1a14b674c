"""`examples/x-grok-2024.yaml`: the case over its tables, and the purge of a workspace of the same."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import byleave
from byleave.cli.case import case
from byleave.errors import ByleaveError
from byleave.exposure.casefile import parse_case
from byleave.exposure.cohort import Affected
from byleave.exposure.pack import EEA
from byleave.verify import verify
from byleave.wiring.case import run_case

USE = "train.generative.chatbot/content.posts/platform"
FIRST, END = "2024-05-07", "2024-08-02"


@pytest.fixture(scope="session")
def platform(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's workspace as its script makes it; copy it before a change."""
    folder = tmp_path_factory.mktemp("x-grok") / "workspace"
    script = root / "examples" / "x-grok-2024" / "make_workspace.py"
    subprocess.run([sys.executable, str(script), str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture
def workspace(platform: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(platform, tmp_path / "workspace"))


@pytest.fixture
def example(root: Path) -> Path:
    """The worked example."""
    return root / "examples" / "x-grok-2024.yaml"


def purge(example: Path, workspace: Path, *more: str) -> Result:
    words = ["purge", str(example), "--workspace", str(workspace), *more]
    return CliRunner().invoke(case, words, prog_name="byleave")


def by_loop(example: Path) -> tuple[set[str], set[str]]:
    """Return the authors and the posts of the cohort, row by row from the tables."""
    folder = example.parent / "x-grok-2024"
    rows = {
        name: list(csv.DictReader((folder / f"{name}.csv").read_text().splitlines()))
        for name in ("posts", "regions", "opt_outs")
    }
    off = {row["member"] for row in rows["opt_outs"]}
    there = {row["member"] for row in rows["regions"] if row["region"] in EEA}
    found = [
        row
        for row in rows["posts"]
        if FIRST <= row["sent_at"] < END and row["author"] in there - off
    ]
    return {row["author"] for row in found}, {row["record"] for row in found}


def test_the_case_selects_region_by_purpose_by_interval(example: Path) -> None:
    """The case finds exactly the EU and EEA posts of the interval, and names the release they
    trained and not the one made before.
    """
    found = run_case(example).cohorts[0].affected
    assert isinstance(found, Affected)
    members, posts = by_loop(example)
    assert set(found.members["member"].to_pylist()) == members
    assert {str(record) for record in found.pairs["record"].to_pylist()} == posts
    assert found.by_delivery == {"replies-1": (0, 0), "replies-2": (len(members), len(posts))}


def test_the_words_say_alleged_and_how_it_ended(example: Path) -> None:
    """For people it says alleged, struck out, generated, and claims no amount of money."""
    said = CliRunner().invoke(case, ["run", str(example)], catch_exceptions=False)
    shown = " ".join(said.output.split())
    for words in (
        "Alleged, not found",
        "struck out on 4 September 2024",
        "the court made no finding",
        "no real person or post, and nothing of X's",
        "no reading of the dispute itself gives an amount here",
    ):
        assert words in shown
    assert max(len(line) for line in said.output.splitlines()) <= 80


def test_the_tables_are_what_the_script_writes(root: Path, tmp_path: Path) -> None:
    """The shipped tables are, byte for byte, what make_tables.py generates."""
    script = root / "examples" / "x-grok-2024" / "make_tables.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["opt_outs.csv", "posts.csv", "regions.csv"]
    for name in written:
        assert (tmp_path / name).read_bytes() == (script.parent / name).read_bytes()


def test_a_purge_leaves_nothing_and_proves_it(example: Path, workspace: Path) -> None:
    """The purge names the one affected release and its rows, leaves none in anything current,
    keeps every other row, and its proofs verify.
    """
    posts = len(by_loop(example)[1])
    with byleave.open(workspace, read_only=True) as ws:
        old = {r["release"]: r["snapshot"] for r in ws.release.list()}
        rows = ws.snapshot.open(old["replies-2"]).alive.size
    told = json.loads(purge(example, workspace, "--json").output)
    assert told["releases"] == ["replies-2"]
    assert {(h["kind"], h["rows"], h["undated"]) for h in told["held"]} == {
        ("snapshot", posts, 0),
        ("release", posts, 0),
    }
    assert told["left"] == 0
    with byleave.open(workspace, read_only=True) as ws:
        current = {r["release"]: r for r in ws.release.list() if r["superseded_by"] is None}
        assert set(current) == {"replies-1", told["unlearned"]["replies-2"]}
        new = current[told["unlearned"]["replies-2"]]["snapshot"]
        assert ws.snapshot.open(new).alive.size == rows - posts
    trust = Path(told["trust"]).read_bytes()
    kinds = []
    for path in told["proofs"]:
        verdict = verify(Path(path).read_bytes(), trust)
        assert verdict.ok
        kinds.append(verdict.kind)
    assert kinds == ["unlearning", "cessation"]


def test_a_purge_again_changes_nothing(example: Path, workspace: Path) -> None:
    """A second purge finds nothing to take out, keeps the operator's rulesets once, and the gate
    lets no row of the interval back.
    """
    first = json.loads(purge(example, workspace, "--json").output)
    rules = (workspace / "rulesets.yaml").read_bytes()
    again = json.loads(purge(example, workspace, "--json").output)
    assert (again["releases"], again["unlearned"], again["left"]) == ([], {}, 0)
    assert (workspace / "rulesets.yaml").read_bytes() == rules
    with byleave.open(workspace) as ws:
        gate, gated = ws.gate.run("posts", USE)
        kept = ws.snapshot.open(ws.snapshot.seal(gate, gated=gated)).alive.size
        new = {r["release"]: r["snapshot"] for r in ws.release.list()}[
            first["unlearned"]["replies-2"]
        ]
        assert kept == ws.snapshot.open(new).alive.size


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("to: 2024-08-02}\n  cite", "to: 2024-05-01}\n  cite", "case.interval"),
        ("{from: 2024-05-07, to: 2024-08-02}\n  cite", "{from: 2024-05-07}\n  cite", "case.malformed"),
        ("ceased: train.generative.chatbot/", "ceased: train.generative.nothing/", "use.unknown-term"),
        ("scope: train/content.posts/*", "scope: everything", "use.malformed"),
        ("purge:\n", "purged:\n", "input.unknown-field"),
    ],
)  # fmt: skip
def test_a_purge_that_is_wrong_does_nothing(
    example: Path, workspace: Path, tmp_path: Path, old: str, new: str, code: str
) -> None:
    """A purge that is malformed is refused by name, and no ruleset is published."""
    text = example.read_text()
    assert old in text
    (tmp_path / "case.yaml").write_text(text.replace(old, new, 1))
    error = purge(tmp_path / "case.yaml", workspace).exception
    assert isinstance(error, ByleaveError)
    assert error.code == code
    assert not (workspace / "rulesets.yaml").exists()


def test_rows_that_are_left_are_named_and_nothing_is_stated(example: Path, workspace: Path) -> None:
    """With a snapshot that nothing was trained on, the purge ends with its name, exit 4, and states
    no cessation; once it is renewed the purge goes through.
    """
    with byleave.open(workspace) as ws:
        gate, gated = ws.gate.run("posts", USE)
        untrained = ws.snapshot.seal(gate, gated=gated)
    error = purge(example, workspace).exception
    assert isinstance(error, ByleaveError)
    assert (error.code, error.exit_code) == ("case.purge-left", 4)
    assert f"snapshot {untrained}" in str(error.where)
    with byleave.open(workspace) as ws:
        entries = [ws.log.entry(index) for index in range(ws.log.checkpoint()["size"])]
        assert not any(b"cessation/v1" in entry for entry in entries)
        held = {h.name: h.rows for h in ws.ruleset.purged()}
        assert held[untrained] == len(by_loop(example)[1])
        assert sum(held.values()) == held[untrained]
        ws.snapshot.renew(untrained)
    told = json.loads(purge(example, workspace, "--json").output)
    assert told["left"] == 0
    assert told["statement"] is not None


def test_a_case_without_a_purge_is_refused(root: Path, workspace: Path) -> None:
    """`case purge` of a case that asks for none is refused."""
    error = purge(root / "examples" / "linkedin-2024.yaml", workspace).exception
    assert isinstance(error, ByleaveError)
    assert error.code == "case.no-purge"


def test_the_regions_are_those_of_the_law(example: Path) -> None:
    """The example names exactly the codes where the GDPR is the law."""
    asked = parse_case(example.read_text(), "x.yaml")
    assert asked.purge is not None
    assert set(asked.purge.regions) == asked.cohorts[0].regions == EEA
