"""Every command there is, with the examples of its help, read from click."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import click

from byleave.cli.main import COMMANDS, cli

__all__ = ["Command", "commands"]

_BLANK = re.compile(r"…|\.\.\.| [A-Z]{4,}\b")
_REMARK = re.compile(r"\s{3,}#.*$")


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its words after `byleave`, its click object, the examples of its help."""

    words: tuple[str, ...]
    click: click.Command
    examples: tuple[str, ...]

    @property
    def name(self) -> str:
        """The words, joined."""
        return " ".join(self.words)

    @property
    def options(self) -> set[str]:
        """Names of its options, with their dashes."""
        return {name for param in self.click.params for name in param.opts}


def commands() -> Iterator[Command]:
    """Yield every command that does something: no groups."""
    context = click.Context(cli, info_name="byleave")
    for name in COMMANDS:
        found = cli.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            for verb in found.list_commands(context):
                inner = found.get_command(context, verb)
                assert inner is not None
                yield Command((name, verb), inner, tuple(_examples(inner.help or "")))
        else:
            yield Command((name,), found, tuple(_examples(found.help or "")))


def _examples(text: str) -> Iterator[str]:
    """Yield the lines that can be run as they stand: no `…`, no `TOKEN`; remarks cut off."""
    whole = text.replace("\\\n", " ")
    for line in whole.splitlines():
        stripped = line.strip()
        if stripped.startswith("byleave ") and not _BLANK.search(stripped):
            yield re.sub(r"\s+", " ", _REMARK.sub("", stripped))
