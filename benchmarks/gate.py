"""The gate at full size: every measure of `benchmarks/gate_measures`, one line a number.

    benchmarks/gate.py [--quick] [--json] [--only NAME,NAME]

Everything is generated from fixed seeds; nobody's choices are in it. Each way of doing a thing runs
in a process of its own, one thread unless said; its CPU seconds and its peak memory (`VmHWM`,
mapped pages that were read included) are its own. Ratios are of one run. `--quick` is the same
shape, smaller: caches hold more of it, and fixed costs weigh more.

A measure is a module there with `measure(quick) -> Iterator[line]`, a line being a dictionary of
measure, size, value, unit, goal, met and floor (the value beyond which the exit status is 1).
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SLOW = ("spark", "workspace")
"""Left out of `--quick` unless named: an engine of its own, or many processes, take long to start."""


def names() -> list[str]:
    """Return the modules that measure something."""
    package = importlib.import_module("benchmarks.gate_measures")
    found = [m.name for m in pkgutil.iter_modules(package.__path__)]
    return [
        n for n in found if "def measure(" in (Path(package.__path__[0]) / f"{n}.py").read_text()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", help="modules, with commas between them")
    options = parser.parse_args()
    chosen = options.only.split(",") if options.only else names()
    if options.quick and not options.only:
        chosen = [name for name in chosen if name not in SLOW]
    failed = False
    for name in chosen:
        module = importlib.import_module(f"benchmarks.gate_measures.{name}")
        for line in module.measure(options.quick):
            failed |= beyond(line)
            print(json.dumps(line) if options.json else text_of(line), flush=True)
    return int(failed)


def beyond(line: dict[str, Any]) -> bool:
    """Say whether a value is beyond its floor: on the goal's far side."""
    if line["floor"] is None or line["goal"] is None:
        return False
    at_least = line["floor"] < line["goal"]
    return line["value"] < line["floor"] if at_least else line["value"] > line["floor"]


def text_of(line: dict[str, Any]) -> str:
    goal = "" if line["goal"] is None else f"  goal {line['goal']:g}"
    word = "" if line["met"] is None else ("  met" if line["met"] else "  MISSED")
    return f"{line['measure']:64} {line['size']:>13,}  {line['value']:>10,.4g} {line['unit']}{goal}{word}"


if __name__ == "__main__":
    sys.exit(main())
