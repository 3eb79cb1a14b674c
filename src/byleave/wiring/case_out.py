"""A finished case in a folder: its report, its lists, the statement, and the proof where signed.

    OUT/report.json                    counts and ranges; names nobody
    OUT/members.csv, members.jsonl     every affected member, with what is behind each; private
    OUT/notices.csv                    whom to tell; private
    OUT/evidence.csv                   every affected pair with its rows; private
    OUT/statement.json                 digests of what was asked and of what came out
    OUT/case.proof                     the same, logged: `byleave verify OUT/case.proof --trust TRUST`

The folder appears whole or not at all, and only its owner reads it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from byleave import __version__, canonical
from byleave.canonical import sha256
from byleave.errors import ByleaveError, EvidenceError, InputError
from byleave.evidence.case import read_case_statement
from byleave.evidence.proof_file import parse_proof_file
from byleave.evidence.proof_kinds import CaseProofFile
from byleave.ids import parse_instant
from byleave.service.case import CaseReport
from byleave.service.case_files import PRIVATE_FILES, REPORT_FILE, report_bytes
from byleave.service.case_statement import case_entry, case_proof, log_case, state_case
from byleave.stores.artefacts import write_file
from byleave.verify import Verdict, verify
from byleave.verify.words import counted
from byleave.wiring.case import read_case
from byleave.wiring.case_engines import asked_case
from byleave.wiring.case_inputs import case_inputs, file_digest
from byleave.wiring.case_log import CaseLog
from byleave.wiring.case_rows import save_lists
from byleave.wiring.workspace import Workspace
from byleave.wiring.world import system_bytes, system_now

__all__ = [
    "CaseCheck",
    "CaseVerdict",
    "Finished",
    "check_output",
    "finish_case",
    "read_finished",
    "verify_case",
]

Progress = Callable[[str, int, int], None]

STATEMENT_FILE: Final = "statement.json"
PROOF_FILE: Final = "case.proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a finished run wrote.

    Attributes:
        folder: Where.
        statement: Digests of what was asked and of what came out.
        proof: The proof file, or None: nothing was logged.
        trust: The trust file to check it with, or None.
    """

    folder: Path
    statement: Mapping[str, Any]
    proof: Path | None
    trust: Path | None


def finish_case(
    report: CaseReport,
    case_file: str | Path,
    out: str | Path,
    *,
    workspace: Workspace | None = None,
    log: CaseLog | None = None,
    now: Callable[[], datetime] = system_now,
    random: Callable[[int], bytes] = system_bytes,
    progress: Progress | None = None,
) -> Finished:
    """Write a finished case into a folder, and log its statement where there is a log.

    The lists are written first, then stated and logged, and the folder takes its name last: what
    fails on the way leaves no folder, and nothing logged unless all lists stood.

    Args:
        report: The answer; its rows can still be read.
        case_file: The case; its tables are read again, for their digests.
        out: A folder that does not exist, or is empty.
        workspace: The workspace whose log takes the statement.
        log: The case log that takes it instead; neither: the statement stays unsigned.
        now: Clock.
        random: Where the salt is drawn.
        progress: Told what is being done.

    Raises:
        InputError: `case.output`, something stands there; `input.not-found`, `case.table`.
        WorldError: `world.disk-full`, `world.storage`.
    """
    folder, file = Path(out), Path(case_file)
    check_output(folder)
    house = None if workspace is None else workspace.house
    origin = "unsigned" if log is None else log.origin
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True, mode=0o700)
        statement = state_case(
            report,
            _write_results(report, part, progress),
            origin=origin if house is None else house.log.origin,
            program=f"byleave {__version__}",
            case=sha256(file.read_bytes()),
            inputs=case_inputs(read_case(file), file.parent),
            rulesets=None if report.case.gate is None else report.case.gate.digest,
            stated=now().replace(microsecond=0),
            salt=random(32),
        )
        write_file(part / STATEMENT_FILE, canonical.encode(statement))
        proof = trust = None
        if workspace is not None and house is not None:
            proof, trust = log_case(house, statement), workspace.places.trust
        elif log is not None:
            proof, trust = case_proof(statement, log.add(case_entry(statement))), log.trust
        if proof is not None:
            write_file(part / PROOF_FILE, proof)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Finished(
        folder=folder,
        statement=statement,
        proof=None if proof is None else folder / PROOF_FILE,
        trust=trust,
    )


def check_output(folder: Path) -> None:
    """Refuse a place for a finished run where something stands: before the run, which may be long.

    Raises:
        InputError: `case.output`.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("something stands there already", code="case.output", where=str(folder))


def _write_results(
    report: CaseReport, folder: Path, progress: Progress | None = None
) -> dict[str, str]:
    """Write the report and the lists; return the SHA-256 of each, hex."""
    write_file(folder / REPORT_FILE, report_bytes(report))
    save_lists(report, {name: folder / name for name in PRIVATE_FILES}, progress=progress)
    return {name: file_digest(folder / name)[0] for name in (REPORT_FILE, *PRIVATE_FILES)}


def read_finished(out: str | Path) -> dict[str, Any]:
    """Return the report of a finished run: the object that `case run --json` prints.

    Raises:
        InputError: `case.output`, the folder holds no finished run.
        EvidenceError: `case.results-differ`, the report is not the one that the statement names.
    """
    folder = Path(out)
    statement = _statement(folder)
    try:
        data = (folder / REPORT_FILE).read_bytes()
    except OSError:
        raise _nothing(folder) from None
    if statement["results"].get(REPORT_FILE) != sha256(data).hex():
        raise EvidenceError(
            "the report was changed after the run",
            code="case.results-differ",
            where=str(folder / REPORT_FILE),
        )
    report: Any = canonical.decode(data)
    del report["schema"]
    return dict(report)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCheck:
    """One check: `ok`, `FAIL` or `not run`; what was found; the code of a failure."""

    name: str
    state: str
    detail: str
    code: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {"name": self.name, "state": self.state, "detail": self.detail, "code": self.code}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseVerdict:
    """What an auditor found: the proof's verdict, where there is one, and each check."""

    verdict: Verdict | None
    checks: tuple[CaseCheck, ...]

    @property
    def failed(self) -> CaseCheck | None:
        """The first check that failed, if one did."""
        return next((check for check in self.checks if check.state == "FAIL"), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "ok": self.failed is None,
            "checks": [check.to_dict() for check in self.checks],
            "verdict": None if self.verdict is None else self.verdict.to_dict(),
        }


def _trusted(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read the trust file: {error.strerror}",
            code="input.not-found",
            where=str(file),
        ) from None


def verify_case(
    out: str | Path,
    case_file: str | Path | None = None,
    *,
    trust: str | Path | None = None,
    engine: str = "auto",
    memory: str = "2GB",
    progress: Progress | None = None,
) -> CaseVerdict:
    """Check a finished case: the proof, the files beside it, and the case itself, run again.

    Args:
        out: A folder that `finish_case` wrote, or a proof file alone.
        case_file: The case with its tables beside it, where they are at hand.
        trust: The trust file; without it the proof is not checked.
        engine: What runs the case again (`wiring.case_engines.ENGINES`); any gives the same.
        memory: What DuckDB may hold.
        progress: Told what is being done.

    Raises:
        InputError: `case.output`, nothing to check; `input.not-found`, no trust file there; what
            `asked_case` raises.
    """
    place = Path(out)
    folder = place if place.is_dir() else None
    proof_path = place if folder is None else place / PROOF_FILE
    checks: list[CaseCheck] = []
    verdict = None
    if trust is not None and proof_path.exists():
        verdict = verify(proof_path.read_bytes(), _trusted(Path(trust)))
        bad = verdict.failed
        checks.append(
            _ok("proof", verdict.statement)
            if bad is None
            else CaseCheck(name="proof", state="FAIL", detail=bad.detail, code=bad.code)
        )
    else:
        why = "no trust file was given" if proof_path.exists() else "nothing was logged"
        checks.append(CaseCheck(name="proof", state="not run", detail=why))
    statement = _statement(folder) if folder is not None else _in_proof(proof_path)
    if folder is not None and proof_path.exists():
        same = dict(_in_proof(proof_path)) == dict(statement)
        checks.append(_held("statement", "it is the one in the proof", same, "case.statement"))
    if folder is not None:
        checks.append(_files(folder, statement))
    run = _Run(engine=engine, memory=memory, progress=progress)
    checks += _again(statement, None if case_file is None else Path(case_file), run)
    return CaseVerdict(verdict=verdict, checks=tuple(checks))


def _files(folder: Path, statement: Mapping[str, Any]) -> CaseCheck:
    wrong = []
    for name, digest in statement["results"].items():
        path = folder / name
        if not path.is_file() or file_digest(path)[0] != digest:
            wrong.append(name)
    return _held(
        "files",
        f"{len(statement['results'])} files are those of the statement",
        not wrong,
        "case.results-differ",
        f"changed or gone: {', '.join(wrong)}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """How a case is run again."""

    engine: str
    memory: str
    progress: Progress | None

    def results(self, file: Path, as_of: datetime) -> dict[str, str]:
        """Run a case; return the SHA-256 of everything that comes out, hex."""
        with (
            tempfile.TemporaryDirectory(prefix="byleave-case-", dir=_roomy(file)) as name,
            asked_case(
                file,
                as_of=as_of,
                engine=self.engine,
                memory=self.memory,
                parts=Path(name) / "parts",
                progress=self.progress,
            ) as asked,
        ):
            made = Path(name) / "made"
            made.mkdir()
            return _write_results(asked.report, made, self.progress)


def _roomy(file: Path) -> Path | None:
    """Return the case's folder, where its tables have room; None, the system's: it is read-only."""
    return file.parent if os.access(file.parent, os.W_OK) else None


def _again(statement: Mapping[str, Any], file: Path | None, run: _Run) -> list[CaseCheck]:
    """Compare the inputs, run the case on them as of the same instant, compare what comes out."""
    names = ("case", "inputs", "run again")
    if file is None:
        return [CaseCheck(name=n, state="not run", detail="no case file was given") for n in names]
    checks = []
    try:
        case = sha256(file.read_bytes()).hex()
    except OSError:
        raise InputError("no such case file", code="input.not-found", where=str(file)) from None
    checks.append(
        _held(
            "case", f"the case file is {case[:8]}…", case == statement["case"], "case.inputs-differ"
        )
    )
    found = {item["name"]: item for item in case_inputs(read_case(file), file.parent)}
    stated = {item["name"]: item for item in statement["inputs"]}
    wrong = [n for n in {**stated, **found} if found.get(n) != stated.get(n)]
    rows = sum(item["rows"] for item in stated.values())
    checks.append(
        _held(
            "inputs",
            f"{counted(len(stated), 'table')}, {counted(rows, 'row')}, each of its digest",
            not wrong,
            "case.inputs-differ",
            f"another file: {', '.join(wrong)}",
        )
    )
    if any(check.state == "FAIL" for check in checks):
        return [*checks, CaseCheck(name="run again", state="not run", detail="the inputs differ")]
    made = run.results(file, parse_instant(statement["as_of"]))
    wrong = [
        n for n in {**made, **statement["results"]} if made.get(n) != statement["results"].get(n)
    ]
    checks.append(
        _held(
            "run again",
            f"{len(made)} files come out the same, digest for digest",
            not wrong,
            "case.results-differ",
            f"other bytes: {', '.join(wrong)}",
        )
    )
    return checks


def _statement(folder: Path) -> Mapping[str, Any]:
    try:
        found = canonical.decode((folder / STATEMENT_FILE).read_bytes())
        return read_case_statement(found)
    except (OSError, ByleaveError):
        raise _nothing(folder) from None


def _in_proof(path: Path) -> Mapping[str, Any]:
    try:
        proof = parse_proof_file(path.read_bytes())
    except (OSError, EvidenceError):
        raise _nothing(path) from None
    if not isinstance(proof, CaseProofFile):
        raise _nothing(path)
    return read_case_statement(proof.statement)


def _nothing(path: Path) -> InputError:
    return InputError(
        "no finished case stands here",
        code="case.output",
        where=str(path),
        hint="byleave case run CASE.yaml --out FOLDER makes one",
    )


def _ok(name: str, detail: str) -> CaseCheck:
    return CaseCheck(name=name, state="ok", detail=detail)


def _held(name: str, detail: str, holds: bool, code: str, otherwise: str = "") -> CaseCheck:  # noqa: FBT001
    if holds:
        return _ok(name, detail)
    return CaseCheck(name=name, state="FAIL", detail=otherwise or f"not so: {detail}", code=code)
