"""A verdict as text for people, after `interfaces.md`: first line the answer, last the exit."""

from __future__ import annotations

from typing import Final

from byleave.verify.verdict import Verdict

__all__ = ["render"]

_WIDTH: Final = 10
_MARKS: Final = {"ok": "ok  ", "FAIL": "FAIL", "not-run": "--  "}
_GREEN, _RED, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[0m"


def render(verdict: Verdict, *, colour: bool = False) -> str:
    """Return the verdict as lines of text.

    Args:
        verdict: What `verify` found.
        colour: Whether to add terminal colours; no meaning is carried by colour alone.
    """
    word, paint = ("VERIFIED", _GREEN) if verdict.ok else ("NOT VERIFIED", _RED)
    lines = [f"{_painted(word, paint, colour=colour)}   {verdict.statement}"]
    for check in verdict.checks:
        mark = _MARKS[check.state]
        if check.state == "FAIL":
            mark = _painted(mark, _RED, colour=colour)
        code = f"  [{check.code}]" if check.code else ""
        lines.append(f"  {mark} {check.number:>2} {check.name:<{_WIDTH}}  {check.detail}{code}")
    lines.append(f"does not show: {verdict.does_not_show}")
    lines.append(f"exit {verdict.exit_code}")
    return "\n".join(lines)


def _painted(text: str, paint: str, *, colour: bool) -> str:
    return f"{paint}{text}{_PLAIN}" if colour else text
