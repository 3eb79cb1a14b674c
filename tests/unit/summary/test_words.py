"""The kinds in words: numbers are a recount, open fields stay open, nobody is named."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest

from byleave.errors import InputError
from byleave.summary.field import FILL, Field, Section, Summary, by_person, markdown
from byleave.summary.kinds import KINDS
from byleave.wiring import Workspace
from tests.unit.service.small import Grown, empty

WORDS = ["eu-ai-act", "ca-ab2013", "connecticut", "datasheet"]


def objects(path: Path, kind: str) -> list[tuple[int, dict[str, Any]]]:
    """Read a kind of object past Byleave, by SQL."""
    with sqlite3.connect(f"file:{path}/ledger.sqlite?mode=ro", uri=True) as ledger:
        rows = ledger.execute("select idx, document from objects where kind = ?", [kind])
        return sorted((index, json.loads(document)) for index, document in rows)


def recount(grown: Grown) -> dict[str, Any]:
    """Count what the release in service was trained on from the files and rows alone."""
    release = next(d for _, d in objects(grown.path, "release") if d["superseded_by"] is None)
    (sealed,) = [
        d for _, d in objects(grown.path, "snapshot") if d["snapshot"] == release["snapshot"]
    ]
    by_index = dict(objects(grown.path, "snapshot"))
    first = sealed
    while first["parent"] is not None:
        first = by_index[first["parent"]]
    rows = pq.read_table(grown.path / "snapshots" / first["snapshot"] / "data.parquet").to_pylist()
    gone: set[int] = set()
    if first is not sealed:
        removed = pq.read_table(grown.path / "snapshots" / sealed["snapshot"] / "removed.parquet")
        gone = set(removed.column(0).to_pylist())
    held = [row for at, row in enumerate(rows) if at not in gone]
    gate = dict(objects(grown.path, "gate"))[sealed["gate"]]
    return {
        "records": len(held),
        "removed": len(gone),
        "members": len({r["sender_id"] for r in held} | {r["recipient_id"] for r in held}),
        "party_records": 2 * len(held),
        "kinds": Counter(f"messages.{row['kind']}" for row in held),
        "bytes": sum(len(row["text"].encode()) for row in held),
        "dates": sorted(row["sent_at"] for row in held if row["sent_at"] is not None),
        "reasons": gate["reasons"],
        "rows": gate["rows"],
        "kept": gate["kept"],
    }


def made(ws: Workspace, kind: str) -> dict[str, Any]:
    """Return a kind as a program reads it."""
    found = json.loads(ws.summary.make(kind))
    assert isinstance(found, dict)
    return found


def numbers(document: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Return the counts of each field by its id."""
    return {f["id"]: f["numbers"] for s in document["sections"] for f in s["fields"]}


def test_the_withdrawal_left_its_mark(grown: Grown) -> None:
    """The recount below is over a snapshot from which records were taken."""
    assert recount(grown)["removed"] > 0


def test_the_commissions_template_is_a_recount(ws: Workspace, grown: Grown) -> None:
    """Every count of `eu-ai-act` equals one made from the files without Byleave."""
    mine, theirs = recount(grown), numbers(made(ws, "eu-ai-act"))
    assert theirs["1.3.1"] == {"records": mine["records"], "text_bytes": mine["bytes"]}
    assert theirs["1.3.2"] == {f"category:{k}": n for k, n in mine["kinds"].items()}
    assert theirs["2.4.1"] == {"records": 0}
    assert theirs["2.4.2"] == {"records": mine["records"], "members": mine["members"]}
    assert theirs["3.3.1"] == {
        "rows": mine["rows"],
        "kept": mine["kept"],
        "removed": mine["removed"],
        **{f"reason:{code}": n for code, n in mine["reasons"].items()},
    }


def test_the_twelve_items_are_a_recount(ws: Workspace, grown: Grown) -> None:
    """Every count of `ca-ab2013` equals one made from the files without Byleave."""
    mine, document = recount(grown), made(ws, "ca-ab2013")
    theirs = numbers(document)
    assert list(theirs) == [str(number) for number in range(1, 13)]
    assert theirs["3"] == {"records": mine["records"], "members": mine["members"]}
    assert theirs["4"] == {f"category:{k}": n for k, n in mine["kinds"].items()}
    assert theirs["7"] == {"members": mine["members"]}
    assert theirs["9"]["rows"] - theirs["9"]["kept"] == sum(mine["reasons"].values())
    answers = {f["id"]: f["answer"] for s in document["sections"] for f in s["fields"]}
    first, last = mine["dates"][0], mine["dates"][-1]
    assert f"{first:%Y-%m-%d} to {last:%Y-%m-%d}" in answers["10"]
    assert answers["7"].startswith("Yes")


def test_connecticut_counts_the_whole_log(ws: Workspace, grown: Grown) -> None:
    """Gates, runs, releases and packages are those of the ledger, each with its log entry."""
    theirs = made(ws, "connecticut")
    found = numbers(theirs)
    count = {kind: len(objects(grown.path, kind)) for kind in ("gate", "run", "release")}
    packages = objects(grown.path, "disclosure")
    assert found["1"] == {"gates": count["gate"]}
    assert found["2"] == {"runs": count["run"], "releases": count["release"]}
    assert found["3"] == {
        "packages": len(packages),
        "records": sum(d["rows"] for _, d in packages),
    }
    entries = theirs["sections"][0]["fields"][2]["entries"]
    assert entries == [index for index, _ in packages]


def test_the_datasheet_is_a_recount(ws: Workspace, grown: Grown) -> None:
    """Composition, notices and withdrawals of `datasheet` equal a recount."""
    mine, theirs = recount(grown), numbers(made(ws, "datasheet"))
    assert theirs["2.1"] == {k: mine[k] for k in ("records", "members", "party_records")}
    assert theirs["2.3"] == {"text_bytes": mine["bytes"]}
    # Everyone whose record is left agreed under the same notice, one (record, party) each.
    assert theirs["3.3"] == {"notice:question-1": mine["party_records"]}
    assert theirs["7.2"] == {"withdrawals": len(objects(grown.path, "withdrawal"))}


@pytest.mark.parametrize("kind", WORDS)
def test_each_answer_is_owned(ws: Workspace, kind: str) -> None:
    """A field says `FILL` exactly where a person has to speak; a ledger's field has numbers or words."""
    document = made(ws, kind)
    fields = [field for section in document["sections"] for field in section["fields"]]
    assert len({field["id"] for field in fields}) == len(fields)
    for field in fields:
        assert (field["by"] == "person") == field["answer"].startswith(FILL), field
        assert field["answer"].removeprefix(FILL)
        assert field["by"] == "ledger" or not field["entries"]


@pytest.mark.parametrize("kind", WORDS)
def test_the_schema_takes_it(ws: Workspace, kind: str) -> None:
    """Each kind in words meets `summary.schema.json`, which knows no further field."""
    import byleave.summary

    folder = Path(byleave.summary.__file__).parent
    schema = json.loads((folder / "summary.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    document = made(ws, kind)
    jsonschema.validate(document, schema)
    document["sections"][0]["fields"][0]["by"] = "guess"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


@pytest.mark.parametrize("kind", WORDS)
def test_markdown_tells_every_answer(ws: Workspace, kind: str) -> None:
    """What JSON says stands in the Markdown: each item, each count, each open place."""
    document, text = made(ws, kind), ws.summary.make(kind, form=".md")
    for section in document["sections"]:
        for field in section["fields"]:
            assert f"### {field['id']} " in text
    opened = [f for s in document["sections"] for f in s["fields"] if f["by"] == "person"]
    assert text.count(FILL) == len(opened)
    assert "not legal advice" in text
    assert document["law"].split(";")[0].split("[")[0] in text.replace("\\", "")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_nobody_is_named(ws: Workspace, grown: Grown, kind: str) -> None:
    """Neither a member's id nor a text of theirs stands in a summary."""
    text = ws.summary.make(kind)
    words = set(text.replace('"', " ").replace(",", " ").split())
    assert not words & {*grown.agreed, *grown.silent}
    table = pq.read_table(grown.path / "sources" / "messages" / "data.parquet")
    assert not [said for said in table["text"].to_pylist() if len(said) > 12 and said in text]


def test_a_snapshot_alone_has_no_release(ws: Workspace, grown: Grown) -> None:
    """About a snapshot, the template says that nothing was released from it."""
    document = json.loads(ws.summary.make("eu-ai-act", snapshot=grown.snapshot))
    assert document["about"] == {"kind": "snapshot", "name": grown.snapshot}
    answers = {f["id"]: f["answer"] for s in document["sections"] for f in s["fields"]}
    assert answers["1.2.1"] == "No release yet was made from this snapshot."


def test_text_of_others_opens_no_markup() -> None:
    """A notice or a name with tags, links or headings stays words in Markdown."""
    field = by_person("1", "asked <b>loudly</b>", "# no heading\n[no](link) | `no code` <script>")
    text = markdown(
        Summary(
            kind="k",
            title="t",
            law="l",
            about=("log", "x"),
            stated="2024-01-01T00:00:00Z",
            notes=(),
            sections=(Section(title="s", fields=(field,)),),
        )
    )
    assert "<script>" not in text
    assert "<b>" not in text
    assert "\n# no" not in text
    assert "[no](link)" not in text


def test_wrong_asking_is_one_error(ws: Workspace, tmp_path: Path) -> None:
    """A kind, a form, a release or a choice of both that does not exist has its own code."""

    def code(**asked: Any) -> str:
        with pytest.raises(InputError) as caught:
            ws.summary.make(**{"kind": "datasheet", **asked})
        return caught.value.code

    assert code(kind="ny") == "summary.kind"
    assert code(form=".pdf") == "summary.form"
    assert code(release="replies-99") == "workspace.unknown-object"
    assert code(release="replies-1", snapshot="set-1") == "cli.usage"
    with empty(tmp_path / "bare") as bare, pytest.raises(InputError) as caught:
        bare.summary.make("datasheet")
    assert caught.value.code == "summary.nothing"


def test_open_fields_are_counted() -> None:
    """`open` lists what a person has to fill, and nothing else."""
    closed = Field(id="2", asks="a", answer="b", by="rule")
    summary = Summary(
        kind="k",
        title="t",
        law="l",
        about=("log", "x"),
        stated="2024-01-01T00:00:00Z",
        notes=(),
        sections=(Section(title="s", fields=(by_person("1", "a", "b"), closed)),),
    )
    assert [field.id for field in summary.open] == ["1"]
