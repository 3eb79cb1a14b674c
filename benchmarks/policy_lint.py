"""How often `policy lint` is right on published texts, by whoever has them.

    benchmarks/policy_lint.py FOLDER ... [--misses] [--json]

A folder is one batch: Markdown files whose sentences carry their label right before or after their
full stop: {s} sharing, {t} training, {b} both, {~} not counted; no mark is neither. The files are
named, never fetched; docs/spec/policy-lint.md holds the rule for labels. Each text is read as
`policy lint` reads it, titles, lists and publisher's name included. Wilson intervals of 95 %. One
core; 2,000 sentences take about a minute.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from report import Report

from byleave.policy.lint import read_in_context, spoken
from byleave.policy.prose import Sentence, sentences

KINDS = {"t": {"training"}, "s": {"sharing"}, "b": {"training", "sharing"}, "-": set[str]()}
MARKS = {letter: chr(0xE000 + n) for n, letter in enumerate("stb~-")}
LETTERS = {mark: letter for letter, mark in MARKS.items()}
PUT = re.compile(r"([.!?…:;,]?[\"')]*\**_*)[ \t]*\{([stb~-])\}")
ANY = re.compile("[\ue000-\ue004]")
LABELS = {"sharing": "sb", "training": "tb"}


class Labelled(NamedTuple):
    """One sentence with its label, what introduces it, and what lint said of it."""

    sentence: Sentence
    label: str
    lead: str
    said: set[str]


def labels_of(path: Path) -> tuple[str, dict[str, str]]:
    """Return a marked text without its marks, and the label of each marked sentence."""
    raw = PUT.sub(lambda found: MARKS[found[2]] + found[1], path.read_text(encoding="utf-8"))
    labels = {
        ANY.sub("", sentence.text): LETTERS[letters[-1]]
        for sentence in sentences(raw)
        if not sentence.silent and (letters := [c for c in sentence.text if c in LETTERS])
    }
    return ANY.sub("", raw), labels


def labelled(path: Path) -> list[Labelled]:
    """Read one marked text."""
    clean, labels = labels_of(path)
    said: dict[tuple[int, str], set[str]] = {}
    for item in spoken(clean):
        key = (item.sentence.line, item.sentence.text)
        said.setdefault(key, set()).add(item.statement.about)
    return [
        Labelled(
            read.sentence,
            labels.get(read.sentence.text, "-"),
            read.heard.lead,
            said.get((read.sentence.line, read.sentence.text), set()),
        )
        for read in read_in_context(clean)
        if not read.sentence.silent
    ]


def interval(hits: int, of: int) -> tuple[float, float]:
    """Return the Wilson interval of 95 % of a share."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, hits / of
    base, middle = 1 + z * z / of, share + z * z / 2 / of
    half = z * math.sqrt(share * (1 - share) / of + z * z / 4 / of / of)
    return (middle - half) / base, (middle + half) / base


def measure(
    report: Report, name: str, rows: Sequence[Labelled], *, texts: int, misses: bool
) -> None:
    """Report precision and recall of what lint says on some rows."""
    for about in ("sharing", "training"):
        pairs = [(about in KINDS[r.label], about in r.said, r) for r in rows if r.label != "~"]
        hits = sum(want and got for want, got, _ in pairs)
        got = sum(said for _, said, _ in pairs)
        want = sum(yes for yes, _, _ in pairs)
        if want:
            low, high = interval(hits, got)
            report.add(
                f"{name}: {about}, precision [{low:.2f}, {high:.2f}]", got, hits / max(1, got), ""
            )
            low, high = interval(hits, want)
            report.add(f"{name}: {about}, recall [{low:.2f}, {high:.2f}]", want, hits / want, "")
        for yes, said, row in pairs if misses else ():
            if yes != said:
                print(
                    f"  {'missed' if yes else 'false'} {about}: {row.lead[-60:]} | {row.sentence.text}"
                )
    report.add(f"{name}: texts, sentences", len(rows), texts, "texts")


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    report = Report(as_json=asked.json)
    files = {folder: sorted(folder.glob("*.md")) for folder in asked.folders}
    read = {folder: [row for f in files[folder] for row in labelled(f)] for folder in files}
    for folder, rows in read.items():
        measure(report, folder.name, rows, texts=len(files[folder]), misses=asked.misses)
    everything = [row for rows in read.values() for row in rows]
    measure(report, "all", everything, texts=sum(map(len, files.values())), misses=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
