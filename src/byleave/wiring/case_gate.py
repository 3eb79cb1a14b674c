"""The gate of a case: its rulesets and terms from files, the engine that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from byleave.engines.arrow import ArrowEngine
from byleave.errors import InputError
from byleave.exposure.casefile import GateAsk
from byleave.exposure.practice import Practice
from byleave.policy.ruleset import PartyRule, default_rules
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import Taxonomy, default_taxonomy
from byleave.service.case_gate import GateRules, GateRun, gate_in_batches, run_the_gate
from byleave.wiring.row_files import text_of

__all__ = ["gate_files", "run_gate", "run_gate_in_batches"]


def run_gate(practice: Practice, choices: pa.Table | None, asked: GateAsk, folder: Path) -> GateRun:
    """Run the gate that a case asks for.

    Args:
        practice: What the platform did.
        choices: What members had chosen.
        asked: Under what.
        folder: Where the case file lies.

    Raises:
        InputError: `case.gate`; `ruleset.*`, `taxonomy.*`, `use.*`, with the line that asks.
    """
    with _at(asked):
        return run_the_gate(practice, choices, _rules(practice, asked, folder), ArrowEngine())


def run_gate_in_batches(
    practice: Practice,
    choices: pa.Table | None,
    asked: GateAsk,
    folder: Path,
    *,
    members: pa.Array,
    kinds: Sequence[str] | None,
    messages: Callable[[], Iterable[pa.Table]],
    keep: Callable[[pa.Table], None],
) -> GateRun:
    """Run the gate that a case asks for over messages in batches.

    Args:
        practice: What the platform did; its messages may be none.
        choices: What members had chosen.
        asked: Under what.
        folder: Where the case file lies.
        members: As in `service.case_gate.gate_in_batches`, as are those below.
        kinds: The kinds that occur.
        messages: Yields the messages, once for each delivery.
        keep: Takes what is kept.

    Raises:
        InputError: as `run_gate`; what `messages` raises.
    """
    with _at(asked):
        return gate_in_batches(
            practice,
            choices,
            _rules(practice, asked, folder),
            ArrowEngine(),
            members=members,
            kinds=kinds,
            messages=messages,
            keep=keep,
        )


def _rules(practice: Practice, asked: GateAsk, folder: Path) -> GateRules:
    """Return the shipped rulesets and trees with those that the case names."""
    trees, book = default_taxonomy(), default_rules()
    if asked.taxonomy is not None:
        file = folder / asked.taxonomy
        trees = trees.extend(read_mapping(text_of(file), name=asked.taxonomy))
    trees = _with_terms(trees, practice)
    if asked.rulesets is not None:
        file = folder / asked.rulesets
        book = book.extend(read_mapping(text_of(file), name=asked.rulesets))
    rule = None if asked.party_rule is None else PartyRule.parse(asked.party_rule)
    return GateRules(rules=book, taxonomy=trees, party_rule=rule)


@contextmanager
def _at(asked: GateAsk) -> Iterator[None]:
    """Give an error without a place the line that asks for the gate."""
    try:
        yield
    except InputError as error:
        where = asked.where if error.where in {None, "messages"} else error.where
        raise InputError(error.message, code=error.code, where=where, hint=error.hint) from None


def gate_files(asked: GateAsk) -> dict[str, str]:
    """Return the files that a gate reads, by what they are."""
    named = {"rulesets": asked.rulesets, "taxonomy": asked.taxonomy}
    return {name: file for name, file in named.items() if file is not None}


def _with_terms(trees: Taxonomy, practice: Practice) -> Taxonomy:
    """Add the purposes and recipients that the case names and the trees do not have.

    A past practice is not bound to anybody's words; what a term is below decides its rules.
    """
    named = {
        "purposes": (trees.purposes, [d.purpose for d in practice.deliveries]),
        "recipients": (trees.recipients, [d.recipient for d in practice.deliveries]),
    }
    added: dict[str, Any] = {}
    for tree, (known, names) in named.items():
        terms = {}
        for name in names:
            parts = name.split(".")
            for end in range(1, len(parts) + 1):
                term = ".".join(parts[:end])
                if term not in known:
                    sentence = f"{term}, as the case names it."
                    terms[term] = {"sentence": sentence, "phrase": term, "since": "1970-01-01"}
        if terms:
            added[tree] = terms
    if not added:
        return trees
    document = {"taxonomy": "v1", "version": "case", **added}
    text = yaml.safe_dump(document, sort_keys=True, default_style='"')
    return trees.extend(read_mapping(text, name="the case's terms"))
