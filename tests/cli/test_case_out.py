"""A finished case: what `case run --out` writes, what `case report` and `case verify` make of it."""

from __future__ import annotations

import csv
import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import byleave
from byleave.cli.case import case
from byleave.errors import ByleaveError
from byleave.verify import verify
from byleave.verify.__main__ import main as verify_main

PRIVATE = ("members.csv", "members.jsonl", "notices.csv", "evidence.csv")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(case, [str(a) for a in arguments], prog_name="byleave case")


def code_of(result: Result) -> str:
    assert isinstance(result.exception, ByleaveError)
    return result.exception.code


@pytest.fixture(scope="module")
def told(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the worked example, a case log, and a finished run; copy it before a change."""
    folder = tmp_path_factory.mktemp("told")
    shutil.copytree(root / "examples" / "linkedin-2024", folder / "linkedin-2024")
    shutil.copy(root / "examples" / "linkedin-2024.yaml", folder / "case.yaml")
    assert run("log", folder / "log", "--origin", "cases.test.invalid/1").exit_code == 0
    done = run("run", folder / "case.yaml", "--out", folder / "out", "--log", folder / "log")
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def folder(told: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(told, tmp_path / "told"))


def checks(folder: Path, *more: object) -> dict[str, tuple[str, str | None]]:
    """Return {check: (state, code)} of `case verify` over everything at hand."""
    words = ("verify", folder / "out", folder / "case.yaml", "--trust", folder / "log" / "trust")
    result = run(*words, *more, "--json")
    found = json.loads(result.output)
    assert result.exit_code == (0 if found["ok"] else 3)
    return {check["name"]: (check["state"], check["code"]) for check in found["checks"]}


def test_a_finished_run_verifies(told: Path) -> None:
    """The outsider's program accepts the proof; the case run again gives the same bytes."""
    proof, trust = told / "out" / "case.proof", told / "log" / "trust"
    assert verify_main([str(proof), "--trust", str(trust)]) == 0
    assert set(checks(told).values()) == {("ok", None)}
    verdict = verify(proof.read_bytes(), trust.read_bytes())
    counts: Any = verdict.facts["counts"]
    report = json.loads((told / "out" / "report.json").read_text())
    found = report["cohorts"][0]["affected"]
    assert counts[0]["members"] == [found["members"]["low"], found["members"]["high"]]
    assert "alleged, not found" in verdict.does_not_show


def test_nothing_that_is_shown_names_a_member(told: Path) -> None:
    """Report, statement and proof hold no id of a member or message; the lists are private."""
    with (told / "linkedin-2024" / "messages.csv").open() as stream:
        ids = {value for row in csv.DictReader(stream) for value in (row["author"], row["record"])}
    for name in ("report.json", "statement.json", "case.proof"):
        text = (told / "out" / name).read_text()
        assert not any(f'"{value}"' in text for value in ids)
    for name in PRIVATE:
        assert stat.S_IMODE((told / "out" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((told / "out").stat().st_mode) == 0o700
    assert stat.S_IMODE((told / "log" / "case.key").stat().st_mode) == 0o600


def test_the_lists_agree_with_one_another(told: Path) -> None:
    """Members, JSON lines, notices and pairs hold the same members, messages and rows."""
    out = told / "out"
    read = {
        n: list(csv.DictReader((out / n).read_text().splitlines())) for n in PRIVATE if "csv" in n
    }
    lines = [json.loads(line) for line in (out / "members.jsonl").read_text().splitlines()]
    assert [{k: str(v) for k, v in line.items()} for line in lines] == read["members.csv"]
    for row in read["members.csv"]:
        pairs = [
            p
            for p in read["evidence.csv"]
            if (p["cohort"], p["member"], p["reason"])
            == (row["cohort"], row["member"], row["reason"])
        ]
        assert row["records"].split() == sorted(p["record"] for p in pairs)
        assert int(row["messages"]) == len(pairs)
        rows = {p["choice_row"] for p in pairs} - {""}
        assert set(row["choice_rows"].split()) == rows
    told_of = {row["member"]: row for row in read["notices.csv"]}
    for row in read["members.csv"]:
        notice = told_of[row["member"]]
        assert row["cohort"] in notice["cohorts"].split()
        assert row["reason"] in notice["reasons"].split()
        assert set(row["records"].split()) <= set(notice["records"].split())


def _table(folder: Path) -> None:
    path = folder / "linkedin-2024" / "choices.csv"
    path.write_text(path.read_text().replace("m01,2024-08-05T09", "m01,2024-08-06T09", 1))


def _case(folder: Path) -> None:
    path = folder / "case.yaml"
    path.write_text(path.read_text().replace("honoured: author", "honoured: any", 1))


def _list(folder: Path) -> None:
    path = folder / "out" / "notices.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def _report(folder: Path) -> None:
    path = folder / "out" / "report.json"
    path.write_text(path.read_text().replace('"high":22', '"high":2', 1))


def _statement(folder: Path) -> None:
    path = folder / "out" / "statement.json"
    found = json.loads(path.read_text())
    found["counts"][0]["members"] = [0, 0]
    path.write_text(json.dumps(found, sort_keys=True, separators=(",", ":")))


def _proof(folder: Path) -> None:
    path = folder / "out" / "case.proof"
    path.write_bytes(path.read_bytes().replace(b"[22,22]", b"[21,22]"))


@pytest.mark.parametrize(
    ("damage", "check", "code"),
    [
        (_table, "inputs", "case.inputs-differ"),
        (_case, "case", "case.inputs-differ"),
        (_list, "files", "case.results-differ"),
        (_report, "files", "case.results-differ"),
        (_statement, "statement", "case.statement"),
        (_proof, "proof", "case.statement"),
    ],
)
def test_what_was_changed_is_named(
    folder: Path, damage: Callable[[Path], None], check: str, code: str
) -> None:
    """Whatever was changed after the run, an auditor's check says which it was, with exit 3."""
    damage(folder)
    found = checks(folder)
    assert found[check] == ("FAIL", code)
    if check in {"case", "inputs"}:
        assert found["run again"][0] == "not run"


def test_another_result_for_the_same_inputs_is_found(folder: Path) -> None:
    """A run whose lists and statement were both made up differs from the case run again."""
    from byleave import canonical
    from byleave.canonical import sha256
    from byleave.service.case_statement import case_entry, case_proof
    from byleave.wiring.case_log import CaseLog

    _list(folder)
    out = folder / "out"
    false = json.loads((out / "statement.json").read_text())
    false["results"]["notices.csv"] = sha256((out / "notices.csv").read_bytes()).hex()
    (out / "statement.json").write_bytes(canonical.encode(false))
    logged = CaseLog(folder / "log").add(case_entry(false))
    (out / "case.proof").write_bytes(case_proof(false, logged))
    found = checks(folder)
    assert found.pop("run again") == ("FAIL", "case.results-differ")
    assert set(found.values()) == {("ok", None)}


def test_without_tables_the_proof_is_checked_alone(told: Path) -> None:
    """From the proof file alone, the rest is said to be not run, and the exit is 0."""
    proof, trust = told / "out" / "case.proof", told / "log" / "trust"
    found = json.loads(run("verify", proof, "--trust", trust, "--json").output)
    assert {c["name"]: c["state"] for c in found["checks"]} == {
        "proof": "ok",
        "case": "not run",
        "inputs": "not run",
        "run again": "not run",
    }


def test_a_trust_file_that_is_not_there_is_named(told: Path) -> None:
    """Without the trust file that was given nothing is checked: the caller's mistake, exit 2."""
    gone = told / "log" / "trust.yaml"
    refused = run("verify", told / "out" / "case.proof", "--trust", gone)
    assert code_of(refused) == "input.not-found"
    assert isinstance(refused.exception, ByleaveError)
    assert refused.exception.where == str(gone)


def test_a_report_is_shown_again(folder: Path) -> None:
    """`case report` prints what `case run` printed, as text, JSON and page, without the tables."""
    first = run("run", folder / "case.yaml")
    shutil.rmtree(folder / "linkedin-2024")
    again = run("report", folder / "out", "--html", folder / "page.html")
    assert again.output == first.output
    data = json.loads(run("report", folder / "out", "--json").output)
    assert data == json.loads((folder / "out" / "report.json").read_text())
    assert "Alleged, not found" in (folder / "page.html").read_text()


def test_a_changed_report_is_not_shown(folder: Path) -> None:
    """`case report` refuses a report that is not the one of the statement."""
    _report(folder)
    result = run("report", folder / "out")
    assert code_of(result) == "case.results-differ"
    assert result.output == ""


def test_a_workspace_logs_a_case(told: Path, tmp_path: Path) -> None:
    """With a workspace at hand its log takes the statement, and its trust file verifies it."""
    byleave.create(tmp_path / "ws").close()
    out = tmp_path / "out"
    done = run("run", told / "case.yaml", "--out", out, "--log", tmp_path / "ws")
    assert done.exit_code == 0, done.output
    trust = tmp_path / "ws" / "trust"
    with byleave.open(tmp_path / "ws", read_only=True) as ws:
        trust = ws.places.trust
    verdict = verify((out / "case.proof").read_bytes(), trust.read_bytes())
    assert verdict.ok
    assert verdict.facts["case_index"] != 0


def test_a_case_log_keeps_one_history(folder: Path) -> None:
    """A second case is the log's second entry, and the first proof still verifies beside it."""
    second = folder / "second"
    done = run("run", folder / "case.yaml", "--out", second, "--log", folder / "log")
    assert done.exit_code == 0
    trust = (folder / "log" / "trust").read_bytes()
    indexes = [
        verify((place / "case.proof").read_bytes(), trust).facts["case_index"]
        for place in (folder / "out", second)
    ]
    assert indexes == [0, 1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "{case}", "--out", "{out}"), "case.output"),
        (("run", "{case}", "--log", "{log}"), "cli.usage"),
        (("run", "{case}", "--out", "{new}", "--log", "{out}"), "case.log-folder"),
        (("log", "{log}", "--origin", "cases.test.invalid/2"), "case.log-folder"),
        (("log", "{new}", "--origin", "two words"), "note.key"),
        (("report", "{new}"), "case.output"),
        (("report", "{log}"), "case.output"),
        (("verify", "{new}"), "case.output"),
        (("verify", "{case}"), "case.output"),
        (("verify", "{out}", "{new}"), "input.not-found"),
    ],
)
def test_what_cannot_be_done_is_named(
    told: Path, tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    """Each way to ask for what is not there has its code, and leaves no folder behind."""
    places = {"case": told / "case.yaml", "out": told / "out", "log": told / "log"}
    new = tmp_path / "new"
    assert code_of(run(*(word.format(**places, new=new) for word in words))) == code
    assert not new.exists()


def test_an_unsigned_run_says_so(told: Path, tmp_path: Path) -> None:
    """Without a log the statement is written unsigned, and the words say how to sign it."""
    done = run("run", told / "case.yaml", "--out", tmp_path / "out")
    assert "unsigned" in done.output
    assert not (tmp_path / "out" / "case.proof").exists()
    found = json.loads(run("verify", tmp_path / "out", told / "case.yaml", "--json").output)
    assert {c["name"]: c["state"] for c in found["checks"]}["proof"] == "not run"
    assert found["ok"]
