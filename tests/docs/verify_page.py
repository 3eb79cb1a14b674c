"""The tables of docs/spec/verify.md, from the code: `python -m tests.docs.verify_page`.

Each kind's checks stand in the page as the code has them: number, name, words.
"""

from __future__ import annotations

from pathlib import Path

from byleave.verify.checks import COMMON_CHECKS, LAST_CHECK
from byleave.verify.claims import CLAIMS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "spec" / "verify.md"
START = "<!-- the checks of each kind, from the code: python -m tests.docs.verify_page -->\n"
END = "<!-- end of the checks -->\n"


def tables() -> str:
    """Return one table for each kind."""
    parts = []
    for kind, claim in sorted(CLAIMS.items()):
        rows = [
            *COMMON_CHECKS.items(),
            *((step.name, step.words) for step in claim.steps),
            *LAST_CHECK.items(),
        ]
        lines = [f"### {kind}\n", "| # | check | what is checked |", "| --- | --- | --- |"]
        lines += [f"| {n} | {name} | {words} |" for n, (name, words) in enumerate(rows, start=1)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def written(page: str) -> str:
    """Return the page with its tables anew."""
    head, _, rest = page.partition(START)
    _, _, tail = rest.partition(END)
    return f"{head}{START}\n{tables()}\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
