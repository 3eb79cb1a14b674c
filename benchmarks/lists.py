"""Pages of long lists: a log of 100,000 entries, read by an auditor and an operator.

    benchmarks/lists.py [--quick] [--json]

Everything is generated: members and their refusals. No server and no socket: the application is
called in this process. Each address is asked five times after once; the CPU time of the middle one
is shown (the machine may be shared). Goal: 300 ms. --quick: 10,000 entries.

Prints one line for each number: `value` in `unit`; `goal`, and whether it is `met`; `floor`, the
value above which the exit status is 1.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from fastapi.testclient import TestClient

import byleave
from byleave.consent.event import EventKind
from byleave.policy.scope import Scope
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from byleave.service.consent import NewEvent
from byleave.wiring.admission import Admission

sys.path.insert(0, str(Path(__file__).parent))
from report import Goal, Report

SITE: Final = "http://testserver"
USE: Final = Scope.parse("train.generative.replies/messages.direct/platform")
PAGES: Final = (
    ("auditor", "/audit/log"),
    ("auditor", "/audit/log?before={middle}"),
    ("auditor", "/audit/log?kind=consent-event/v1"),
    ("auditor", "/audit/log?find=nowhere"),
    ("auditor", "/audit/log/{middle}"),
    ("operator", "/house/trail"),
    ("operator", "/house/requests"),
)


def main() -> int:
    """Run; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    report = Report(as_json=given.json)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "workspace"
        size = _prepare(path, 10_000 if given.quick else 100_000)
        _measure(report, path, size)
    return 1 if report.failed else 0


def _prepare(path: Path, entries: int) -> int:
    members = [f"m-{n}" for n in range(entries // 2)]
    with byleave.create(path) as ws:
        ws.member.enrol(members)
        for start in range(0, len(members), 10_000):
            ws.consent.record(
                [
                    NewEvent(member=m, kind=EventKind.REFUSAL, scope=USE)
                    for m in members[start : start + 10_000]
                ]
            )
        size: int = ws.ledger.size()
    return size


def _measure(report: Report, path: Path, size: int) -> None:
    with byleave.open(path, read_only=True) as reader:
        desk = make_desk(reader, site=SITE)
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
        with TestClient(app):
            browsers = {}
            for role in ("auditor", "operator"):
                with byleave.open(path, read_only=True) as ws, Admission(ws) as admission:
                    link = admission.make_link(role, "alex")
                browsers[role] = TestClient(app)
                browsers[role].post(f"/in/{link}", headers={"origin": SITE})
            for role, page in PAGES:
                address = page.format(middle=size // 2)
                times = []
                for _ in range(6):
                    started = time.process_time()
                    answer = browsers[role].get(address)
                    times.append(1000 * (time.process_time() - started))
                    if answer.status_code != 200:
                        raise SystemExit(f"{address}: {answer.status_code}")
                middle = statistics.median(times[1:])
                report.add(f"list {address}", size, middle, "ms", Goal(300, 600))


if __name__ == "__main__":
    sys.exit(main())
