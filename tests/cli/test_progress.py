"""Progress: nothing for what is quick, then a bar with pace and time left, then nothing again."""

from __future__ import annotations

import io

import pytest

from byleave.cli import output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_tells_pace_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows a second and the time left are those of the work at hand, from its own beginning."""
    clock, shown = [100.0], Terminal()
    monkeypatch.setattr("byleave.cli.output.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("sys.stderr", shown)
    progress = output.Progress()
    progress("rows read", 50, 100)
    assert shown.getvalue() == "", "nothing in the first second"
    clock[0] = 110.0
    progress("rows through the gate", 1_000_000, 9_000_000)  # taken over from a killed run
    clock[0] = 114.0
    progress("rows through the gate", 3_000_000, 9_000_000)
    assert shown.getvalue().endswith(
        "3,000,000/9,000,000 rows through the gate  500,000/s  0:12 left"
    )
    clock[0] = 180.0
    progress("rows through the gate", 9_000_000, 9_000_000)
    assert shown.getvalue().endswith("\x1b[K"), "the bar is gone when the work is over"


def test_a_file_gets_a_line_a_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where standard error is no terminal there is a line a minute, and no bar."""
    clock = [0.0]
    monkeypatch.setattr("byleave.cli.output.time.monotonic", lambda: clock[0])
    progress = output.Progress()
    for second in range(0, 130, 10):
        clock[0] = float(second)
        progress("rows through the gate", second * 1000, 600_000)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["  rows through the gate: 70,000 of 600,000  1,000/s  8:50 left"]
