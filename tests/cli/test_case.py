"""`byleave case run`, from the shell's side: the worked example, the words, every bad input."""

from __future__ import annotations

import csv
import json
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from byleave.cli.case import case
from byleave.errors import ByleaveError
from byleave.exposure.casefile import parse_case
from byleave.exposure.cohort import Affected, affected
from byleave.ids import parse_instant
from byleave.wiring.case import load_case, run_case
from tests.unit.exposure.past import by_hand


def run(*arguments: str) -> str:
    result = CliRunner().invoke(case, ["run", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.fixture
def example(root: Path, tmp_path: Path) -> Path:
    """A copy of the worked example that a test may damage."""
    folder = tmp_path / "case"
    shutil.copytree(root / "examples" / "linkedin-2024", folder / "linkedin-2024")
    shutil.copy(root / "examples" / "linkedin-2024.yaml", folder)
    return folder / "linkedin-2024.yaml"


def tables(file: Path) -> Path:
    """The folder of the example's tables."""
    return file.parent / "linkedin-2024"


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_the_worked_example_equals_the_loops(example: Path) -> None:
    """The example's affected people and reasons equal what plain loops over its rows find."""
    loaded = load_case(example)
    found = run_case(example).cohorts[0].affected
    assert isinstance(found, Affected)
    said = loaded.choices
    assert said is not None
    width = said.num_rows
    table = said.append_column("scope", pa.nulls(width, pa.string()))
    switches = loaded.practice.opt_outs
    assert switches is not None
    switches = switches.append_column("on", pa.array([False] * switches.num_rows))
    past = loaded.practice
    practice = type(past)(
        messages=past.messages,
        deliveries=past.deliveries,
        setting=past.setting,
        opt_outs=switches,
        policies=past.policies,
    )
    assert {(p["member"], p["record"]): p["reason"] for p in found.pairs.to_pylist()} == by_hand(
        practice, table
    )


def test_the_example_shows_every_reason(example: Path) -> None:
    """The worked example affects somebody for each reason, and the gate lets nothing through."""
    cohort = json.loads(run(str(example), "--json"))["cohorts"][0]
    assert all(cohort["affected"]["pairs_by_reason"].values())
    assert cohort["with_the_gate"]["let_through"] == 0
    rows = cohort["affected"]["rows_by_reason"]
    assert sum(r["pairs"] for r in rows) == sum(cohort["affected"]["pairs_by_reason"].values())


def test_every_delivery_is_counted_whole(example: Path) -> None:
    """Each delivery of a cohort is named with the members and messages it affected by itself."""
    report = run_case(example)
    for cohort in report.cohorts:
        found = cohort.affected
        for name, (members, messages) in found.by_delivery.items():
            alone = replace(
                report.case.practice,
                deliveries=tuple(d for d in report.case.practice.deliveries if d.id == name),
            )
            one = affected(alone, report.case.choices, found.cohort)
            assert (one.members_count_high, one.messages_high) == (members, messages)
            assert messages
    assert "package-2" not in report.cohorts[1].affected.by_delivery  # after the cut-off


def test_the_tables_are_what_the_script_writes(root: Path, tmp_path: Path) -> None:
    """The shipped tables are, byte for byte, what make_tables.py generates."""
    script = root / "examples" / "linkedin-2024" / "make_tables.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == sorted(path.name for path in script.parent.glob("*.csv"))
    for name in written:
        assert (tmp_path / name).read_bytes() == (script.parent / name).read_bytes()


def test_the_words_are_honest(example: Path) -> None:
    """For people it says alleged, how the case ended, the data's origin, and no legal advice."""
    shown = " ".join(run(str(example)).split())
    for words in (
        "Alleged, not found",
        "Not legal advice",
        "dismissed by the plaintiff without prejudice on 30 January 2025, nine days",
        "evidence that it did not use the messages",
        "no real person",
        "of unknown date",
        "not in the complaint",
        "not a likely sum",
        "Van Alstyne v. Electronic Scriptorium",
        "18 U.S.C. 2707(f)",
    ):
        assert words in shown


def test_lines_fit_a_terminal(example: Path) -> None:
    """No line for people is wider than 80 columns."""
    assert max(len(line) for line in run(str(example)).splitlines()) <= 80


def test_json_names_no_member(example: Path) -> None:
    """The JSON object holds counts and ranges, and the id of no member or message."""
    text = run(str(example), "--json")
    data = json.loads(text)
    assert data["schema"] == "byleave/case/v1"
    assert data["matter"]["ended"] == "2025-01-30"
    with (tables(example) / "messages.csv").open() as stream:
        for row in csv.DictReader(stream):
            assert f'"{row["author"]}"' not in text
            assert row["record"] not in text


def test_python_and_shell_agree(example: Path) -> None:
    """`run_case` gives the object that `--json` prints."""
    data = json.loads(run(str(example), "--json"))
    del data["schema"]
    assert json.loads(json.dumps(run_case(example).to_dict())) == data


def test_as_of_drops_what_is_too_late(example: Path) -> None:
    """Asked two years and a day after discovery, the SCA claims are gone and said to be."""
    data = json.loads(run(str(example), "--json", "--as-of", "2026-09-19"))
    reading = data["cohorts"][0]["exposure"]["readings"][0]
    assert (reading["name"], reading["high"]) == ("sca-per-person", 0)
    assert reading["time_barred"] > 0
    assert "too late as of 2026-09-19" in run(str(example), "--as-of", "2026-09-19")


def test_the_file_of_members_is_private_and_runs_nothing(example: Path, tmp_path: Path) -> None:
    """The CSV is readable by its owner alone, and no cell of it opens as a formula."""
    evil = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "|cmd"]
    lines = [f'bad-{n},"{text}",m01,2024-07-02,inmail' for n, text in enumerate(evil)]
    messages = tables(example) / "messages.csv"
    messages.write_text(messages.read_text() + "\n".join(lines) + "\n")
    out = tmp_path / "members.csv"
    run(str(example), "--csv", str(out))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with out.open(newline="") as stream:
        found = list(csv.DictReader(stream))
    members = {row["member"] for row in found}
    assert {"'" + text for text in evil} <= members
    for row in found:
        assert not row["member"].lstrip().startswith(("=", "+", "-", "@", "|"))
    assert {row["cohort"] for row in found} == {"everyone", "alleged-class"}
    assert found[0]["first_used_at"].endswith("00Z")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["case", "members.csv"]


def test_the_notice_list_holds_each_affected_member_once(example: Path, tmp_path: Path) -> None:
    """`--notices` names everyone affected once, with all cohorts and reasons; private, and no cell
    of it opens as a formula.
    """
    messages = tables(example) / "messages.csv"
    messages.write_text(messages.read_text() + 'bad-1,"=1+1",m01,2024-07-02,inmail\n')
    out = tmp_path / "notices.csv"
    run(str(example), "--notices", str(out))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with out.open(newline="") as stream:
        found = list(csv.DictReader(stream))
    want: dict[str, dict[str, set[str]]] = {}
    report = run_case(example)
    for cohort in report.cohorts:
        assert isinstance(cohort.affected, Affected)
        for row in cohort.affected.members.to_pylist():
            member = want.setdefault(row["member"], {"cohorts": set(), "reasons": set()})
            member["cohorts"].add(cohort.affected.cohort.name)
            member["reasons"].add(row["reason"])
    assert "=1+1" in want
    want["'=1+1"] = want.pop("=1+1")
    assert len(found) == len(want)
    assert {
        row["member"]: {k: set(row[k].split()) for k in ("cohorts", "reasons")} for row in found
    } == want


def test_a_page_is_written_or_refused(example: Path, tmp_path: Path) -> None:
    """`--html` writes the page; into a folder that is not there it is refused by name."""
    run(str(example), "--html", str(tmp_path / "case.html"))
    assert "<figure" in (tmp_path / "case.html").read_text()
    result = CliRunner().invoke(case, ["run", str(example), "--html", str(tmp_path / "no" / "c")])
    assert isinstance(result.exception, ByleaveError)
    assert result.exception.code == "world.storage"


def test_parquet_and_renamed_columns(example: Path) -> None:
    """Tables may be Parquet, with other column names, a constant kind, and numbered rows."""
    sent = pa.array([parse_instant("2024-07-01"), None], pa.timestamp("us", tz="UTC"))
    table = pa.table({"from_id": ["m01", "m05"], "to_ids": [["m09"], ["m10", "m11"]], "ts": sent})
    pq.write_table(table, example.parent / "m.parquet")
    change(
        example,
        '{file: linkedin-2024/messages.csv, separator: ";"}',
        "{file: m.parquet, columns: {author: from_id, recipients: to_ids, sent_at: ts},"
        " constants: {kind: inmail}, row_numbers: true}",
    )
    messages = load_case(example).practice.messages
    assert messages["record"].to_pylist() == [1, 2]
    assert set(messages["kind"].to_pylist()) == {"inmail"}
    assert json.loads(run(str(example), "--json"))["messages_undated"] == 1


def test_a_delivery_may_list_its_records(example: Path) -> None:
    """A delivery that lists its records used those and no others."""
    (example.parent / "sent.csv").write_text("record\nmsg-001\n")
    change(example, "  - id: package-1\n", "  - id: package-1\n    records: sent.csv\n")
    for name in ("replies-model-1", "package-2"):
        change(example, f"  - id: {name}\n", f"  - id: {name}\n    records: none.csv\n")
    (example.parent / "none.csv").write_text("record\n")
    found = run_case(example).cohorts[0].affected
    assert isinstance(found, Affected)
    assert set(found.pairs["record"].to_pylist()) == {"msg-001"}


def _delete(file: Path, name: str) -> None:
    (tables(file) / name).unlink()


def _truncate(file: Path) -> None:
    table = pa.table({"record": ["a"], "author": ["b"], "recipients": ["c"]})
    pq.write_table(table, file.parent / "m.parquet")
    whole = (file.parent / "m.parquet").read_bytes()
    (file.parent / "m.parquet").write_bytes(whole[: len(whole) // 2])
    change(file, '{file: linkedin-2024/messages.csv, separator: ";"}', "m.parquet")


def _write(file: Path, name: str, text: str) -> None:
    (tables(file) / name).write_text(text)


MESSAGES_LINE, CHOICES_LINE, OPT_OUTS_LINE, SUBSCRIPTIONS_LINE = 10, 11, 12, 13


@pytest.mark.parametrize(
    ("damage", "code", "line"),
    [
        (lambda f: f.unlink(), "input.not-found", None),
        (lambda f: f.write_bytes(b"\xff\xfe"), "case.malformed", None),
        (lambda f: _delete(f, "choices.csv"), "input.not-found", CHOICES_LINE),
        (_truncate, "case.table", MESSAGES_LINE),
        (lambda f: _write(f, "messages.csv", ""), "case.table", MESSAGES_LINE),
        (lambda f: _write(f, "messages.csv", "a,b\n1,2,3\n"), "case.table", MESSAGES_LINE),
        (lambda f: _write(f, "messages.csv", "record,author\n1,2\n"), "case.column", MESSAGES_LINE),
        (
            lambda f: _write(f, "opt_outs.csv", "member,at\nm01,soon\n"),
            "case.type",
            OPT_OUTS_LINE,
        ),
        (
            lambda f: _write(f, "opt_outs.csv", "member,at\nm01,2024-08-01T00:00:00\n"),
            "case.type",
            OPT_OUTS_LINE,
        ),
        (
            lambda f: _write(
                f, "subscriptions.csv", "member,start,end\nm01,2024-09-01,2024-08-01\n"
            ),
            "case.interval",
            SUBSCRIPTIONS_LINE,
        ),
        (
            lambda f: _write(f, "choices.csv", "member,at,decision\nm01,2024-08-01,perhaps\n"),
            "case.decision",
            CHOICES_LINE,
        ),
        (
            lambda f: change(f, "subscriptions: linkedin-2024/subscriptions.csv\n", ""),
            "case.cohort-column",
            None,
        ),
        (
            lambda f: change(f, "before: 2024-09-18", "before: 2024-09-18, after: 1"),
            "input.unknown-field",
            53,
        ),
        (
            lambda f: change(f, "to: 2024-09-18}", "to: 2024-07-18}"),
            "case.interval",
            57,
        ),
        (
            lambda f: change(f, 'separator: ";"', "columns: {author: sender}"),
            "case.column",
            MESSAGES_LINE,
        ),
        (
            lambda f: change(f, 'separator: ";"', "columns: {auther: author}"),
            "case.column",
            MESSAGES_LINE,
        ),
    ],
)
def test_bad_input_names_its_place(example: Path, damage: object, code: str, line: int) -> None:
    """Each way a case can be wrong has its code, its file and line, and leaves nothing behind."""
    assert callable(damage)
    damage(example)
    before = sorted(example.parent.iterdir())
    result = CliRunner().invoke(case, ["run", str(example), "--csv", str(example.parent / "o.csv")])
    error = result.exception
    assert isinstance(error, ByleaveError)
    assert error.code == code
    assert error.where is not None
    assert error.exit_code == 2
    if line is not None:
        assert error.where == f"{example}:{line}"
    assert sorted(example.parent.iterdir()) == before


def test_a_csv_folder_that_is_not_there(example: Path) -> None:
    """Writing the members into a folder that does not exist is refused."""
    target = example.parent / "nowhere" / "members.csv"
    result = CliRunner().invoke(case, ["run", str(example), "--csv", str(target)])
    assert isinstance(result.exception, ByleaveError)
    assert result.exception.code == "input.not-found"


def test_the_page_shows_a_case_that_parses(root: Path) -> None:
    """The example in docs/spec/case.md is a case file that is accepted."""
    page = (root / "docs" / "spec" / "case.md").read_text(encoding="utf-8")
    text = page.split("```yaml\n", 1)[1].split("```", 1)[0]
    assert parse_case(text, "case.md").deliveries


def test_one_of_something_is_said_in_the_singular(tmp_path: Path) -> None:
    """A case of one message and one delivery speaks of one message and one delivery."""
    (tmp_path / "m.csv").write_text("record,author,recipients,sent_at\n1,ann,,2024-08-01\n")
    file = tmp_path / "case.yaml"
    file.write_text(
        "format: byleave-case/v1\ntitle: t\norigin: generated\nmessages: m.csv\ndeliveries:\n"
        "  - {id: d, at: 2024-08-20, recipient: platform, purpose: train.generative.replies}\n"
    )
    said = run(str(file), "--as-of", "2025-01-21")
    assert "over 1 message (0 of unknown date) and 1" in said
    assert "1 member by 1 message\n" in said
