"""The report of a replay: one HTML file that asks nothing of the network.

Style sheet and drawings stand inside; a content security policy in the file itself allows that
one style sheet, by its digest, and nothing else. Equal input gives equal bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

from byleave.errors import InputError
from byleave.ids import parse_instant
from byleave.pages.charts import Chart
from byleave.pages.figures import DRAW
from byleave.pages.html import environment, style
from byleave.pages.report_input import ReportInput
from byleave.pages.shape import check

__all__ = ["ReportInput", "render_report"]

_PSEUDONYM: Final = re.compile(r"[Mm]ember [A-Z]{1,2}")


def render_report(report: ReportInput) -> str:
    """Write the report.

    Args:
        report: The facts, as `byleave.pages.report_input` declares them.

    Raises:
        InputError: `pages.member-label`, a lane names a member otherwise than `member A`;
            `pages.malformed`, a part is missing or its numbers do not add up.
    """
    _check(report)
    asked = {name for step in report["story"] for name in step.get("charts", [])}
    drawn: dict[str, list[Chart]] = {name: draw(report) for name, draw in DRAW.items()}
    css = style().decode("utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode("utf-8")).digest()).decode("ascii")
    return (
        environment()
        .get_template("report.html")
        .render(
            report=report,
            generated=parse_instant(report["generated_at"]),
            drawn=drawn,
            rest=[chart for name, charts in drawn.items() if name not in asked for chart in charts],
            css=css,
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        )
    )


def _check(report: ReportInput) -> None:
    check(ReportInput, report)
    for mark in report["reach"]:
        if not _PSEUDONYM.fullmatch(mark["member_label"]):
            raise InputError(
                "a report names members `member A`, `member B`, … and in no other way",
                code="pages.member-label",
                where="reach",
            )
    gate = report["gate"]
    if gate["kept"] + sum(gate["reasons"].values()) != gate["rows"]:
        raise InputError(
            "kept and reasons do not sum to the rows", code="pages.malformed", where="gate"
        )
    practice = report["practice"]
    if sum(practice["by_reason"].values()) != practice.get("pairs", practice["affected_messages"]):
        raise InputError(
            "reasons of the practice do not sum to what they count",
            code="pages.malformed",
            where="practice",
        )
    unknown = {n for step in report["story"] for n in step.get("charts", [])} - DRAW.keys()
    if unknown:
        raise InputError(
            "a step asks for a chart that does not exist",
            code="pages.malformed",
            where=", ".join(sorted(unknown)),
        )
