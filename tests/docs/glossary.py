"""Write docs/glossary.md and docs/commands.md from the words, the reasons and the commands.

python -m tests.docs.glossary
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from byleave.cli.main import cli
from byleave.cli.topics import EXIT_CODES
from byleave.consent.reason import Reason

__all__ = ["commands", "render_commands", "render_glossary", "terms"]

DOCS = Path(__file__).resolve().parents[2] / "docs"
_GROUPS = (
    ("From a member's own choices", range(1, 20)),
    ("From the rules of a region", range(20, 40)),
    ("From the row itself", range(40, 256)),
)


def terms(root: Path) -> dict[str, Any]:
    """Return the words as data."""
    return tomllib.loads((root / "docs" / "terms.toml").read_text(encoding="utf-8"))


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield each command that does something, by its whole name, in the order of the house."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            for verb in sorted(command.commands):
                yield f"{name} {verb}", command.commands[verb]
        else:
            yield name, command


def render_glossary(words: dict[str, Any]) -> str:
    """Return docs/glossary.md."""
    lines = [
        "# Words",
        "",
        "One word, one meaning; the same word in code, commands, pages and docs.",
        (
            "This page is made from [terms.toml](terms.toml) and from the code by"
            " `python -m tests.docs.glossary`."
        ),
        "",
        "| word | means | not |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {t['word']} | {t['means']} | {', '.join(t['not'])} |" for t in words["term"]]
    lines += ["", "## Grounds", "", "Why a record may be used; each party of it has one.", ""]
    lines += ["| ground | when |", "| --- | --- |"]
    lines += [f"| `{g['word']}` | {g['means']} |" for g in words["ground"]]
    lines += [
        "",
        "## Reasons",
        "",
        (
            "Why a row was left out; each row has the first that holds, in the order of"
            " [spec/gate.md](spec/gate.md)."
        ),
        "`byleave help REASON` says the same offline.",
    ]
    for title, numbers in _GROUPS:
        lines += ["", f"{title}:", "", "| reason | means |", "| --- | --- |"]
        lines += [f"| `{r.word}` | {r.meaning} |" for r in Reason if r in numbers]
    return "\n".join(lines) + "\n"


def render_commands() -> str:
    """Return docs/commands.md."""
    lines = [
        "# Commands",
        "",
        (
            "`byleave NOUN VERB`; from Python the same nouns are attributes of a workspace:"
            " `byleave.open(path).gate.run(…)`."
        ),
        (
            "`--help` after any of them prints its options and an example; every command but"
            " `serve` takes `--json` and prints one object."
        ),
        "This page is made from the commands by `python -m tests.docs.glossary`.",
        "",
        "| command | what it does |",
        "| --- | --- |",
    ]
    lines += [f"| `byleave {name}` | {_sentence(command)} |" for name, command in commands()]
    lines += ["", "## Exit codes", "", "| code | means |", "| --- | --- |"]
    lines += [f"| {code} | {text} |" for code, text in EXIT_CODES.items()]
    lines += ["", "A gate that keeps nothing has done its work: 0, unless `--require-rows`."]
    return "\n".join(lines) + "\n"


def _sentence(command: click.Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].replace("\b", "").split())


if __name__ == "__main__":
    (DOCS / "glossary.md").write_text(render_glossary(terms(DOCS.parent)), encoding="utf-8")
    (DOCS / "commands.md").write_text(render_commands(), encoding="utf-8")
