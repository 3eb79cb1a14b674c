"""How often `policy lint` is right on published texts, by whoever has them; and the fit of its scores.

    benchmarks/policy_lint.py FOLDER ... [--left-out] [--fit FOLDER] [--misses] [--json]

A folder is one batch: Markdown files whose sentences carry their label right before or after their
full stop: {s} sharing, {t} training, {b} both, {~} not counted; no mark is neither. The files are
named, never fetched; docs/spec/policy-lint.md holds the rule for labels. Each text is read as
`policy lint` reads it, titles, lists and publisher's name included.

`--fit` fits the scores for sharing and for training on all the folders and writes their weights;
`--left-out` fits them anew for each folder on the others, and measures the rules with those scores:
weights that have not seen the folder. Wilson intervals of 95 %. One core; 2,000 sentences take about
a minute.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from report import Report

from byleave.policy import score as likeness
from byleave.policy.lint import read_in_context, spoken
from byleave.policy.prose import Sentence, sentences
from byleave.policy.score import Fits, Weights

KINDS = {"t": {"training"}, "s": {"sharing"}, "b": {"training", "sharing"}, "-": set[str]()}
MARKS = {letter: chr(0xE000 + n) for n, letter in enumerate("stb~-")}
LETTERS = {mark: letter for letter, mark in MARKS.items()}
PUT = re.compile(r"([.!?…:;,]?[\"')]*\**_*)[ \t]*\{([stb~-])\}")
ANY = re.compile("[\ue000-\ue004]")
LEAST, SMALLEST = 4, 0.03  # of a feature's sentences; of a weight that is kept
STRENGTH = {"sharing": 0.4, "training": 1.0}
FEATURES = {"sharing": likeness.features, "training": likeness.training_features}
LABELS = {"sharing": "sb", "training": "tb"}


class Labelled(NamedTuple):
    """One sentence with its label, how it is read, and what lint said of it by rules or score."""

    sentence: Sentence
    label: str
    text: str
    lead: str
    said: set[str]


def labelled(path: Path, weights: Fits | None = None) -> list[Labelled]:
    """Read one marked text, with other weights than the shipped ones where given."""
    raw = PUT.sub(lambda found: MARKS[found[2]] + found[1], path.read_text(encoding="utf-8"))
    marked = [s for s in sentences(raw) if s.place != "heading"]
    clean = ANY.sub("", raw)
    said: dict[tuple[int, str], set[str]] = {}
    for item in spoken(clean, weights=weights):
        key = (item.sentence.line, item.sentence.text)
        said.setdefault(key, set()).add(item.statement.about)
    labels = {
        ANY.sub("", mark.text): LETTERS[letters[-1]]
        for mark in marked
        if (letters := [c for c in mark.text if c in LETTERS])
    }
    found = []
    for plain, text, lead in read_in_context(clean):
        label = labels.get(plain.text, "-")
        about = said.get((plain.line, plain.text), set())
        found.append(Labelled(plain, label, text, lead, about))
    return found


def interval(hits: int, of: int) -> tuple[float, float]:
    """Return the Wilson interval of 95 % of a share."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, hits / of
    base, middle = 1 + z * z / of, share + z * z / 2 / of
    half = z * math.sqrt(share * (1 - share) / of + z * z / 4 / of / of)
    return (middle - half) / base, (middle + half) / base


def design(found: Sequence[frozenset[str]], columns: Mapping[str, int]) -> Any:
    """Return sentences' features as a sparse matrix, scaled as the score scales them."""
    from scipy.sparse import csr_matrix

    cells = [
        (n, columns[f], likeness.SCALE / math.sqrt(len(features)))
        for n, features in enumerate(found)
        for f in sorted(features)
        if f in columns
    ]
    at, of, values = zip(*cells, strict=True)
    return csr_matrix((values, (at, of)), shape=(len(found), len(columns)))


def fit(rows: Sequence[Labelled], about: str) -> Weights:
    """Fit one score; return its weights and its bias, in thousandths."""
    from sklearn.linear_model import LogisticRegression

    rows = [row for row in rows if row.label != "~" and not row.sentence.title]
    found = [FEATURES[about](row.text, row.lead) for row in rows]
    counts = Counter(f for features in found for f in features)
    names = sorted(name for name, count in counts.items() if count >= LEAST)
    columns = {name: n for n, name in enumerate(names)}
    answers = np.array([row.label in LABELS[about] for row in rows])
    asked = {1: 2.0} if about == "training" else None  # few: a miss weighs as two false findings
    model = LogisticRegression(C=STRENGTH[about], max_iter=3000, class_weight=asked)
    model = model.fit(design(found, columns), answers)
    weights = {n: round(1000 * w) for n, w in zip(names, model.coef_[0], strict=True)}
    kept = {name: w for name, w in weights.items() if abs(w) >= 1000 * SMALLEST}
    return Weights(kept, round(1000 * float(model.intercept_[0])))


def fits(rows: Sequence[Labelled]) -> Fits:
    """Fit both scores."""
    return Fits(fit(rows, "sharing"), fit(rows, "training"))


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
    """Measure, and fit where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--left-out", action="store_true")
    parser.add_argument("--fit", type=Path)
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    report = Report(as_json=asked.json)
    files = {folder: sorted(folder.glob("*.md")) for folder in asked.folders}
    read = {folder: [row for f in files[folder] for row in labelled(f)] for folder in files}
    if asked.left_out:
        seen = dict(read)
        for folder, texts in files.items():
            others = fits([row for other in files if other != folder for row in seen[other]])
            read[folder] = [row for f in texts for row in labelled(f, others)]
    for folder, rows in read.items():
        measure(report, folder.name, rows, texts=len(files[folder]), misses=asked.misses)
    everything = [row for rows in read.values() for row in rows]
    measure(report, "all", everything, texts=sum(map(len, files.values())), misses=False)
    if asked.fit is not None:
        for about, fitted in fits(everything)._asdict().items():
            kept = {"bias": fitted.bias, "weights": dict(sorted(fitted.of.items()))}
            text = json.dumps(kept, indent=0, ensure_ascii=False) + "\n"
            (asked.fit / f"{about}_weights.json").write_text(text, encoding="utf-8")
            used = sum(r.label != "~" for r in everything)
            report.add(f"weights for {about}", used, len(fitted.of), "features")
    return 0


if __name__ == "__main__":
    sys.exit(main())
