"""One word, one meaning: the pages and the help say the words of docs/terms.toml, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from byleave.cli.main import COMMANDS
from byleave.consent.reason import Ground, Reason
from tests.docs.glossary import commands, render_glossary, terms

# The complaint, the statutes and other people's specifications are told in their own words.
ALLOWED = {
    "docs/legal.md": {"customer", "customers", "users"},
    "docs/spec/signals.md": {"preference", "preferences"},
}
_CODE = re.compile(r"```.*?^```$|`[^`\n]+`|^ {4,}.*$|\]\([^)]*\)", re.MULTILINE | re.DOTALL)


def pages(root: Path) -> list[Path]:
    """Return every page of prose, but the one that lists the words."""
    found = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    return sorted(path for path in found if path.name != "glossary.md")


def prose(path: Path) -> str:
    """Return a page without its code, so that names in programs do not count as words."""
    return _CODE.sub(" ", path.read_text(encoding="utf-8"))


def helps() -> Iterator[tuple[str, str]]:
    """Yield each command and everything its help says; addresses are no words."""
    for name, (_, sentence) in COMMANDS.items():
        yield name, sentence
    for name, command in commands():
        options = [getattr(option, "help", None) or "" for option in command.params]
        yield name, re.sub(r"\w+://\S+", " ", " ".join([command.help or "", *options]))


def never(root: Path) -> set[str]:
    """Return the words that stand nowhere."""
    found = {word for term in terms(root)["term"] for word in term.get("never", [])}
    assert len(found) > 15
    return found


def spoken(text: str, words: set[str]) -> set[str]:
    """Return those of `words` that stand in a text as whole words."""
    folded = " ".join(text.lower().split())
    return {word for word in words if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", folded)}


def test_the_glossary_is_made_from_its_data(root: Path) -> None:
    """docs/glossary.md is what `python -m tests.docs.glossary` writes; every reason is in it."""
    text = (root / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert text == render_glossary(terms(root))
    assert not [r.word for r in Reason if r is not Reason.KEPT and f"| `{r.word}` |" not in text]


def test_each_word_has_one_meaning(root: Path) -> None:
    """No word stands twice, each meaning is a sentence, and no word is forbidden by another."""
    found = terms(root)["term"]
    words = [term["word"] for term in found]
    assert len(words) == len(set(words))
    assert not [term["word"] for term in found if not term["means"].endswith((".", ".)"))]
    assert not never(root) & {word.lower() for term in words for word in term.split(", ")}
    assert not [t["word"] for t in found if not {n.removesuffix("s") for n in t.get("never", [])}
                <= {n.removesuffix("s") for n in t["not"]}]  # fmt: skip


def test_the_grounds_are_those_of_the_code(root: Path) -> None:
    """The grounds of the glossary are those that records are given, in the order of their numbers."""
    assert [g["word"] for g in terms(root)["ground"]] == [
        ground.word for ground in Ground if ground is not Ground.NONE
    ]


def test_every_command_is_on_the_page_of_commands(root: Path) -> None:
    """docs/commands.md has one row for each command there is, and none for one that is gone."""
    text = (root / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `byleave ([a-z -]+)` \|", text, re.MULTILINE)
    assert rows == [name for name, _ in commands()]


def test_no_page_says_a_forbidden_word(root: Path) -> None:
    """No page says a word that the lexicon replaced by another."""
    words = never(root)
    found = {}
    for path in pages(root):
        name = path.relative_to(root).as_posix()
        if said := spoken(prose(path), words) - ALLOWED.get(name, set()):
            found[name] = said
    assert not found


def test_no_help_says_a_forbidden_word(root: Path) -> None:
    """No command's help says a word that the lexicon replaced by another."""
    words = never(root)
    assert not {name: said for name, text in helps() if (said := spoken(text, words))}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ask each user.", {"user"}),
        ("a use\ncase", {"use case"}),
        ("the user-agent", set()),
        ("a superuser", set()),
    ],
)
def test_a_forbidden_word_would_be_found(root: Path, text: str, found: set[str]) -> None:
    """The search finds whole words, over line ends, and no parts of words."""
    assert spoken(text, never(root)) == found
