"""Read a YAML document that decides something: one mapping, no surprises, every field's line.

YAML is for people; doubt means no. A document is refused when it holds two equal keys, an alias,
a tag of its own, or a field its format does not know. Scalars stay text unless they are plain
integers, `true`, `false` or `null` in their one YAML 1.2 spelling: a date, an `on` and a `1e3`
arrive as the text that was written. Every value remembers its line, for error messages.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import yaml

from byleave.errors import InputError

__all__ = ["Fields", "nearest", "read_mapping"]

Value = TypeVar("Value")
MAX_CHARACTERS: Final = 1_048_576  # one MiB of text: no document of ours comes near
MAX_DEPTH: Final = 32
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_TAGS: Final = frozenset(
    {"str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map"}
)
_WORDS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """One mapping of a document, with the name of the document and the line of each field.

    Attributes:
        name: What to call the document in messages, usually its file name.
        values: Field name → text, integer, boolean, None, list, or `Fields`.
        lines: Field name → line, counted from 1.
        line: Line on which the mapping begins.
    """

    name: str
    values: Mapping[str, Any]
    lines: Mapping[str, int]
    line: int

    def where(self, field: str | None = None) -> str:
        """Return `name:line` of a field, or of the mapping."""
        return f"{self.name}:{self.lines.get(field, self.line) if field else self.line}"

    def refuse_others(self, known: Collection[str]) -> None:
        """Refuse fields outside `known`.

        Raises:
            InputError: `input.unknown-field`, naming the field, its line and the nearest known.
        """
        for field in self.values:
            if field not in known:
                raise InputError(
                    f"unknown field {field!r}",
                    code="input.unknown-field",
                    where=self.where(field),
                    hint=nearest(field, known) or f"known fields: {', '.join(sorted(known))}",
                )

    def text(self, field: str) -> str:
        """Return a required text field.

        Raises:
            InputError: `input.malformed`, absent, empty or not text.
        """
        value = self.values.get(field)
        if not isinstance(value, str) or not value.strip():
            raise self.malformed(field, "a text")
        return value

    def optional_text(self, field: str) -> str | None:
        """Return a text field, or None where it is absent or null."""
        return None if self.values.get(field) is None else self.text(field)

    def read(self, field: str, read: Callable[[str], Value]) -> Value:
        """Return what `read` makes of a required text; where it refuses, with the line."""
        try:
            return read(self.text(field))
        except InputError as error:
            raise self.placed(error, field) from None

    def placed(self, error: InputError, field: str) -> InputError:
        """Return an error about what a field says, with the field's line."""
        where = self.where(field)
        return InputError(error.message, code=error.code, where=where, hint=error.hint)

    def boolean(self, field: str, *, default: bool) -> bool:
        """Return a boolean field, or the default where it is absent."""
        value = self.values.get(field, default)
        if not isinstance(value, bool):
            raise self.malformed(field, "true or false")
        return value

    def optional_integer(self, field: str) -> int | None:
        """Return an integer field, or None where it is absent or null."""
        value = self.values.get(field)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self.malformed(field, "an integer")
        return value

    def texts(self, field: str) -> tuple[str, ...]:
        """Return a list of texts; () where it is absent."""
        value = self.values.get(field, [])
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            raise self.malformed(field, "a list of texts")
        return tuple(value)

    def mapping(self, field: str) -> Fields:
        """Return a required mapping."""
        value = self.values.get(field)
        if not isinstance(value, Fields):
            raise self.malformed(field, "a mapping")
        return value

    def mappings(self, field: str) -> tuple[Fields, ...]:
        """Return a list of mappings; () where it is absent."""
        value = self.values.get(field, [])
        if not isinstance(value, list) or not all(isinstance(v, Fields) for v in value):
            raise self.malformed(field, "a list of mappings")
        return tuple(value)

    def malformed(self, field: str, wanted: str) -> InputError:
        """Return the error that says what `field` should have been."""
        found = "is missing" if field not in self.values else f"is not {wanted}"
        return InputError(
            f"field {field!r} {found}",
            code="input.malformed",
            where=self.where(field if field in self.values else None),
            hint=f"{field}: wants {wanted}",
        )


def read_mapping(text: str, *, name: str, first_line: int = 1) -> Fields:
    """Read one YAML mapping.

    Args:
        text: The document.
        name: What to call it in messages.
        first_line: Line of the file on which `text` begins (front matter begins on line 2).

    Raises:
        InputError: `input.malformed`, not YAML, not one mapping, a duplicate key, an alias or tag.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError("document is larger than 1 MiB", code="input.malformed", where=name)
    try:
        node = yaml.compose(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + first_line}" if mark is not None else ""
        raise InputError(
            "not a YAML document", code="input.malformed", where=f"{name}{line}"
        ) from error
    except RecursionError:
        raise InputError("nested too deeply", code="input.malformed", where=name) from None
    if not isinstance(node, yaml.MappingNode):
        raise InputError("not a YAML mapping", code="input.malformed", where=f"{name}:{first_line}")
    return _fields(node, name, first_line, 0)


def nearest(word: str, known: Collection[str]) -> str | None:
    """Return a hint with the known word nearest to `word`, or None where none is near."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else None


class _Loader(yaml.SafeLoader):
    """SafeLoader's grammar without aliases; `_value` reads values, not its YAML 1.1 resolvers."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401
        if self.check_event(yaml.AliasEvent):
            event: yaml.Event = self.get_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="an alias", problem_mark=event.start_mark)  # type: ignore[arg-type]
        return super().compose_node(parent, index)


def _fields(node: yaml.MappingNode, name: str, first_line: int, depth: int) -> Fields:
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + first_line
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
        if key is None or key in values:
            raise InputError(
                "a key is not text" if key is None else f"field {key!r} stands twice",
                code="input.malformed",
                where=f"{name}:{line}",
            )
        values[key] = _value(value_node, name, first_line, depth + 1)
        lines[key] = line
    return Fields(name=name, values=values, lines=lines, line=node.start_mark.line + first_line)


def _value(node: yaml.Node, name: str, first_line: int, depth: int) -> Any:  # noqa: ANN401
    where = f"{name}:{node.start_mark.line + first_line}"
    if depth > MAX_DEPTH:
        raise InputError("nested too deeply", code="input.malformed", where=where)
    if node.tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
        raise InputError("tags are not accepted", code="input.malformed", where=where)
    if isinstance(node, yaml.MappingNode):
        return _fields(node, name, first_line, depth)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, name, first_line, depth + 1) for item in node.value]
    assert isinstance(node, yaml.ScalarNode)  # noqa: S101 (YAML has three kinds of node)
    text: str = node.value
    if node.style is not None:  # quoted, or a block: text
        return text
    if text == "" or text in _WORDS:
        return _WORDS.get(text)
    return int(text) if _INTEGER.fullmatch(text) else text
