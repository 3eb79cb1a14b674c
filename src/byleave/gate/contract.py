"""The data-set contract: which columns of a table say whose data a row is, and of what kind.

    contract: v1
    record_id: [thread_id, seq]        # one column or several; optional for a preview
    parties:
      author: sender_id
      recipients: recipient_ids        # one column, or several; lists or scalars
    category_constant: messages.inmail # or `category: COLUMN`, or `kind: COLUMN` with `kinds:`
    collected_at: sent_at              # optional: without it the checks that need it fail
    draft: is_draft                    # optional: true rows were never sent
    columns: [text, sent_at]           # what a record's digest covers; default: all

A column is a path: `sender.id` is a field of a struct, `to[].id` one of each item
(`byleave.gate.nested`). Format and errors: docs/spec/contract.md; for editors and other programs,
`contract.schema.json` says the same as a JSON Schema. A contract is read from text; `check` holds
it against the schema of the data and names what is missing by line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final

import pyarrow as pa
import pyarrow.types as pat

from byleave.canonical import Json, digest_of
from byleave.errors import InputError
from byleave.gate.nested import paths_of, root_of, type_at
from byleave.ids import Digest
from byleave.policy.strict_yaml import Fields, nearest, read_mapping

__all__ = ["Contract", "contract_schema", "is_id_list", "is_id_type", "parse_contract"]

_FIELDS: Final = frozenset(
    {
        "contract",
        "dataset",
        "record_id",
        "parties",
        "category",
        "category_constant",
        "kind",
        "kinds",
        "collected_at",
        "draft",
        "columns",
    }
)
_SHOWN_COLUMNS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One data-set contract (see the module).

    Attributes:
        name: What to call it in messages, usually its file name.
        dataset: Name of the data set, or None.
        record_id: Columns that name a record; () where rows are named by their number.
        author: Column of the author's id.
        recipients: Columns of recipients' ids: lists or scalars. () where a row has an author only.
        category: Column of category names, or None.
        category_constant: The category of every row, or None.
        kinds: Word in column `category` → category name, or None where the column holds names.
        collected_at: Column of the instant at which the record was collected, or None.
        draft: Boolean column, or None.
        columns: Columns a record's digest covers, or None for all.
        lines: Column → its line and field in the contract, for messages.
    """

    name: str
    dataset: str | None
    record_id: tuple[str, ...]
    author: str
    recipients: tuple[str, ...]
    category: str | None
    category_constant: str | None
    kinds: Mapping[str, str] | None
    collected_at: str | None
    draft: str | None
    columns: tuple[str, ...] | None
    lines: Mapping[str, tuple[int, str]]

    def to_dict(self) -> dict[str, Json]:
        """Return what decides, as the digest and the log see it."""
        return {
            "author": self.author,
            "category": self.category,
            "category_constant": self.category_constant,
            "collected_at": self.collected_at,
            "columns": None if self.columns is None else list(self.columns),
            "contract": "v1",
            "draft": self.draft,
            "kinds": None
            if self.kinds is None
            else [[word, name] for word, name in sorted(self.kinds.items())],
            "recipients": list(self.recipients),
            "record_id": list(self.record_id),
        }

    @property
    def digest(self) -> Digest:
        """SHA-256 of the canonical form; the names of contract and data set do not enter."""
        return digest_of(self.to_dict())

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Columns a decision needs, each once; no text among them unless it is an id."""
        parts = (self.author, *self.recipients, self.category, self.collected_at, self.draft)
        return tuple(dict.fromkeys(c for c in parts if c is not None))

    def roots(self, schema: pa.Schema, *more: str) -> tuple[str, ...]:
        """Return the top-level columns to read for a decision, and for the paths in `more`."""
        return tuple(dict.fromkeys(root_of(c, schema) for c in (*self.read_columns, *more)))

    def digest_columns(self, schema: pa.Schema) -> tuple[str, ...]:
        """Return the paths that a record's digest covers, in the order of the data."""
        return tuple(n for n in paths_of(schema) if self.columns is None or n in self.columns)

    def check(self, schema: pa.Schema, *, data: str) -> None:
        """Hold the contract against the data.

        Args:
            schema: Schema of the data.
            data: What to call the data in messages.

        Raises:
            InputError: `contract.column-missing`, with the line, the columns found and the nearest;
                `contract.column-type`, a column that cannot play its part.
        """
        wanted = (*self.record_id, *self.read_columns, *(self.columns or ()))
        for column in dict.fromkeys(wanted):
            if type_at(column, schema) is None:
                raise self._missing(column, schema, data, schema.names.count(column))
        covered = self.digest_columns(schema)
        twice = sorted({path for path in covered if covered.count(path) > 1})
        if twice:
            raise self._missing(twice[0], schema, data, covered.count(twice[0]))
        self._check_type(schema, self.author, is_id_type, "texts or integers", data)
        for column in self.recipients:
            self._check_type(
                schema,
                column,
                lambda t: is_id_type(t) or is_id_list(t),
                "ids or lists of ids",
                data,
            )
        self._check_type(schema, self.category, _is_text, "texts", data)
        self._check_type(schema, self.draft, pat.is_boolean, "true and false", data)
        self._check_type(schema, self.collected_at, _is_instant, "instants or dates", data)
        for column in self.record_id:
            self._check_type(
                schema, column, lambda t: is_id_type(t) or _is_instant(t), "texts or integers", data
            )

    def _check_type(
        self, schema: pa.Schema, column: str | None, accepts: object, wanted: str, data: str
    ) -> None:
        if column is None:
            return
        found = type_at(column, schema)
        if not accepts(found):  # type: ignore[operator]
            raise InputError(
                f'column "{column}" of {data} holds {found}',
                code="contract.column-type",
                where=self._where(column),
                hint=f"wanted: {wanted}",
            )

    def _missing(self, column: str, schema: pa.Schema, data: str, found: int) -> InputError:
        if found > 1:
            return InputError(
                f'{data} has {found} columns "{column}"',
                code="contract.column-missing",
                where=self._where(column),
                hint="rename one of them",
            )
        names = sorted(paths_of(schema))
        shown = ", ".join(names[:_SHOWN_COLUMNS])
        more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
        near = nearest(column, names)
        return InputError(
            f'{data} has no column "{column}"',
            code="contract.column-missing",
            where=self._where(column),
            hint=f"columns found: {shown}{more}" + (f"; {near}" if near else ""),
        )

    def _where(self, column: str) -> str:
        line, field = self.lines.get(column, (1, "?"))
        return f"{self.name}:{line}  {field}: {column}"


def parse_contract(text: str, *, name: str) -> Contract:
    """Read a contract.

    Raises:
        InputError: `contract.malformed`; `input.malformed`; `input.unknown-field`.
    """
    fields = read_mapping(text, name=name)
    fields.refuse_others(_FIELDS)
    if fields.text("contract") != "v1":
        raise _malformed(fields, "contract", "contract is not v1")
    parties = fields.mapping("parties")
    parties.refuse_others({"author", "recipients"})
    lines: dict[str, tuple[int, str]] = {}

    def columns(part: Fields, field: str) -> tuple[str, ...]:
        value = part.values.get(field)
        names = (
            ()
            if value is None
            else (part.text(field),)
            if isinstance(value, str)
            else part.texts(field)
        )
        for column in names:
            lines.setdefault(column, (part.lines[field], field))
        return names

    def column(part: Fields, field: str) -> str | None:
        text = part.optional_text(field)
        if text is not None:
            lines.setdefault(text, (part.lines[field], field))
        return text

    author = parties.text("author")
    lines[author] = (parties.lines["author"], "author")
    recipients = columns(parties, "recipients")
    if len({author, *recipients}) != 1 + len(recipients):
        raise _malformed(parties, "recipients", "one column plays two parts")
    category, kinds = _category(fields, column)
    return Contract(
        name=name,
        dataset=fields.optional_text("dataset"),
        record_id=columns(fields, "record_id"),
        author=author,
        recipients=recipients,
        category=category,
        category_constant=fields.optional_text("category_constant"),
        kinds=kinds,
        collected_at=column(fields, "collected_at"),
        draft=column(fields, "draft"),
        columns=columns(fields, "columns") or None,
        lines=lines,
    )


def contract_schema() -> str:
    """Return the JSON Schema (2020-12) of a contract, as text."""
    return resources.files(__package__).joinpath("contract.schema.json").read_text("utf-8")


def is_id_type(kind: pa.DataType) -> bool:
    """Say whether a column of `kind` can hold ids: text or whole numbers."""
    if pat.is_dictionary(kind):
        kind = kind.value_type
    return bool(_is_text(kind) or pat.is_integer(kind) or pat.is_null(kind))


def is_id_list(kind: pa.DataType) -> bool:
    """Say whether a column of `kind` can hold lists of ids."""
    return bool((pat.is_list(kind) or pat.is_large_list(kind)) and is_id_type(kind.value_type))


def _category(fields: Fields, column: object) -> tuple[str | None, Mapping[str, str] | None]:
    given = [
        f for f in ("category", "category_constant", "kind") if fields.values.get(f) is not None
    ]
    if len(given) != 1:
        raise _malformed(
            fields, (given or ["contract"])[-1], "want one of category, category_constant, kind"
        )
    if (fields.values.get("kinds") is None) == (given[0] == "kind"):
        raise _malformed(fields, given[0], "`kind` and `kinds` go together")
    if given[0] != "kind":
        return (column(fields, "category") if given[0] == "category" else None), None  # type: ignore[operator]
    kinds = fields.mapping("kinds")
    return column(fields, "kind"), {word: kinds.text(word) for word in _words(kinds)}  # type: ignore[operator]


def _words(kinds: Fields) -> Iterable[str]:
    return kinds.values.keys()


def _is_text(kind: pa.DataType) -> bool:
    if pat.is_dictionary(kind):
        kind = kind.value_type
    return bool(pat.is_string(kind) or pat.is_large_string(kind) or pat.is_null(kind))


def _is_instant(kind: pa.DataType) -> bool:
    return bool(pat.is_timestamp(kind) or pat.is_date(kind) or _is_text(kind))


def _malformed(fields: Fields, field: str, message: str) -> InputError:
    return InputError(message, code="contract.malformed", where=fields.where(field))
