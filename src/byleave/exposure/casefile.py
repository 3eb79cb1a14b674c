"""Read `case.yaml` (docs/spec/case.md): which tables, which practice, which cohorts.

Text in, records out; the tables it names are read by `wiring`. Unknown fields are refused, every
scalar is text until its field says otherwise, and every complaint names file and line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

import yaml

from byleave.errors import InputError
from byleave.exposure.conditions import EVERYONE, SUBSCRIBED, Cohort, alleged_class
from byleave.exposure.pack import MATTERS, PACKS, US_PRIVATE_MESSAGES, Matter, RulePack
from byleave.exposure.practice import (
    Delivery,
    Honoured,
    Interval,
    PolicyVersion,
    Setting,
    SettingPeriod,
)
from byleave.ids import parse_instant
from byleave.policy.scope import Scope

__all__ = ["CASE_FORMAT", "CaseFile", "GateAsk", "Purge", "TableRef", "parse_case"]

T = TypeVar("T")

CASE_FORMAT: Final = "byleave-case/v1"
MAX_CASE_BYTES: Final = 1 << 20
TABLES: Final = ("messages", "choices", "opt_outs", "subscriptions", "regions")
_GATE: Final = ("rulesets", "taxonomy", "party_rule")
_TRUE: Final = frozenset({"true", "on", "yes"})
_FALSE: Final = frozenset({"false", "off", "no"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRef:
    """One table the case names.

    Attributes:
        file: Path, relative to the case file; `.csv` or `.parquet`.
        where: File and line of the case file that name it.
        columns: Our column name → the file's.
        constants: Our column name → one value for every row.
        separator: What parts ids in a CSV's `recipients`; None: one id.
        row_numbers: Whether `record` is the number of the row, from 1.
    """

    file: str
    where: str
    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    separator: str | None = None
    row_numbers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What a case asks a workspace to take out: region by use by interval.

    Attributes:
        scope: The uses that what was collected in the interval is put to no more.
        regions: Region codes of the members whose data it is.
        start: From when it was collected.
        end: Until when; not part of it.
        cite: Who asked for it.
        ceased: The use that is stated to have ceased afterwards, or None.
    """

    scope: Scope
    regions: tuple[str, ...]
    start: datetime
    end: datetime
    cite: str
    ceased: Scope | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAsk:
    """The gate that a case asks for, over its own messages.

    Attributes:
        rulesets: File of rulesets beside the shipped ones, or None.
        taxonomy: File of terms beside the shipped ones, or None.
        party_rule: `author`, `any` or `all` for everybody; None: by region.
        where: File and line that ask for it.
    """

    rulesets: str | None
    taxonomy: str | None
    party_rule: str | None
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """A case as its file states it, before any table is read.

    Attributes:
        title: One line.
        origin: Where the data come from, in words; printed beside every number.
        matter: The dispute it is about, or None.
        as_of: The day of the question; None: whoever runs it says.
        tables: Name (`messages`, `choices`, ...) → where it is.
        setting: The switch, or None.
        policies: Document versions.
        deliveries: What was done; `records` are in `delivered`.
        delivered: Delivery id → the table (column `record`) that lists what went in.
        kept: The table (`record`, and `delivery` where it differs between them) of what the gate
            keeps for the same weeks, or None.
        gate: The gate to run over the messages instead, or None.
        cohorts: What is asked, in order.
        asked_at: File and line of each cohort.
        pack: Readings.
        window: Days for which fees count, or None.
        with_damage: Persons stated to have proven actual damage.
        category: What the records are called in a scope.
        purge: What to take out of a workspace (`case purge`), or None.
    """

    title: str
    origin: str
    matter: Matter | None
    as_of: datetime | None
    tables: dict[str, TableRef]
    setting: Setting | None
    policies: tuple[PolicyVersion, ...]
    deliveries: tuple[Delivery, ...]
    delivered: dict[str, TableRef]
    kept: TableRef | None
    gate: GateAsk | None
    cohorts: tuple[Cohort, ...]
    asked_at: tuple[str, ...]
    pack: RulePack
    window: Interval | None
    with_damage: int
    category: str
    purge: Purge | None


def parse_case(text: str, name: str) -> CaseFile:
    """Read a case file.

    Args:
        text: Its content.
        name: What to call the file in errors.

    Raises:
        InputError: `case.malformed`, `input.unknown-field`, `input.instant`, `use.malformed`,
            `case.interval`, `case.reading`; each with `where` = file:line.
    """
    top = _read(text, name)
    top.allow(
        "format", "title", "origin", "matter", "as_of", *TABLES, "setting", "policies",
        "deliveries", "gate", "cohorts", "exposure", "category", "purge",
    )  # fmt: skip
    if top.get("format").text() != CASE_FORMAT:
        raise top.get("format").wrong(f"the format is not {CASE_FORMAT}")
    exposure = top.maybe("exposure")
    if exposure:
        exposure.allow("pack", "readings", "window", "with_damage")
    gate = top.maybe("gate")
    if gate:
        gate.allow("kept", "run", "rulesets", "taxonomy", "party_rule")
    deliveries = top.get("deliveries").items()
    with_damage = exposure.maybe("with_damage") if exposure else None
    window = exposure.maybe("window") if exposure else None
    as_of = top.maybe("as_of")
    setting = top.maybe("setting")
    matter = top.maybe("matter")
    cohorts = top.maybe("cohorts")
    category, purge = top.maybe("category"), top.maybe("purge")
    return CaseFile(
        title=top.get("title").text(),
        origin=top.get("origin").text(),
        matter=matter.choice(MATTERS) if matter else None,
        as_of=as_of.instant() if as_of else None,
        tables={t: _table(n) for t in TABLES if (n := top.required(t, t == "messages"))},
        setting=_setting(setting) if setting else None,
        policies=tuple(_policy(n) for n in top.list("policies")),
        deliveries=tuple(n.guarded(_delivery) for n in deliveries),
        delivered={n.get("id").text(): _table(r) for n in deliveries if (r := n.maybe("records"))},
        kept=_table(kept) if gate and (kept := gate.maybe("kept")) else None,
        gate=_gate(gate) if gate else None,
        cohorts=tuple(n.guarded(_cohort) for n in cohorts.items()) if cohorts else (EVERYONE,),
        asked_at=tuple(n.where for n in cohorts.items()) if cohorts else (top.where,),
        pack=exposure.guarded(_pack) if exposure else US_PRIVATE_MESSAGES,
        window=window.interval() if window else None,
        with_damage=with_damage.count() if with_damage else 0,
        category=category.text() if category else "messages",
        purge=_purge(purge) if purge else None,
    )


def _gate(node: _Node) -> GateAsk | None:
    kept, asked = node.maybe("kept"), node.maybe("run")
    if (kept is None) == (asked is None or not asked.flag()):
        raise InputError(
            "a gate is either `run: true` or a table that it `kept`",
            code="case.gate",
            where=node.where,
        )
    words = {name: found.text() for name in _GATE if (found := node.maybe(name))}
    if kept is not None:
        if words:
            raise InputError(
                f"{next(iter(words))} is for a gate that is run", code="case.gate", where=node.where
            )
        return None
    return GateAsk(
        rulesets=words.get("rulesets"),
        taxonomy=words.get("taxonomy"),
        party_rule=words.get("party_rule"),
        where=node.where,
    )


def _purge(node: _Node) -> Purge:
    node.allow("scope", "regions", "collected", "cite", "ceased")
    ceased, collected = node.maybe("ceased"), node.get("collected").interval()
    if collected.start is None or collected.end is None:
        raise node.get("collected").wrong("what is purged has a start and an end")
    return Purge(
        scope=node.get("scope").guarded(lambda n: Scope.parse(n.text())),
        regions=tuple(n.text() for n in node.get("regions").items()),
        start=collected.start,
        end=collected.end,
        cite=node.get("cite").text(),
        ceased=ceased.guarded(lambda n: Scope.parse(n.text())) if ceased else None,
    )


def _table(node: _Node) -> TableRef:
    if node.is_text():
        return TableRef(file=node.text(), where=node.where)
    node.allow("file", "columns", "constants", "separator", "row_numbers")
    numbers, separator = node.maybe("row_numbers"), node.maybe("separator")
    return TableRef(
        file=node.get("file").text(),
        where=node.get("file").where,
        columns=node.texts("columns"),
        constants=node.texts("constants"),
        separator=separator.text() if separator else None,
        row_numbers=numbers.flag() if numbers else False,
    )


def _setting(node: _Node) -> Setting:
    node.allow("name", "periods")
    periods = [
        SettingPeriod(period.interval("default"), period.get("default").flag())
        for period in node.get("periods").items()
    ]
    return node.guarded(lambda n: Setting(n.get("name").text(), tuple(periods)))


def _policy(node: _Node) -> PolicyVersion:
    node.allow("document", "version", "effective", "declares")
    return PolicyVersion(
        document=node.get("document").text(),
        version=node.get("version").text(),
        effective=node.get("effective").instant(),
        declares=tuple(n.guarded(lambda m: Scope.parse(m.text())) for n in node.list("declares")),
    )


def _delivery(node: _Node) -> Delivery:
    node.allow(
        "id", "at", "recipient", "purpose", "honoured", "kinds", "records", "discoverable_since"
    )
    honoured, kinds = node.maybe("honoured"), node.maybe("kinds")
    since = node.maybe("discoverable_since")
    return Delivery(
        id=node.get("id").text(),
        at=node.get("at").instant(),
        recipient=node.get("recipient").text(),
        purpose=node.get("purpose").text(),
        honoured=honoured.choice({str(h): h for h in Honoured}) if honoured else Honoured.AUTHOR,
        kinds=frozenset(n.text() for n in kinds.items()) if kinds else None,
        discoverable_since=since.instant() if since else None,
    )


def _cohort(node: _Node) -> Cohort:
    if node.is_text():
        return node.choice({EVERYONE.name: EVERYONE})
    alleged = node.maybe("alleged-class")
    if alleged:
        node.allow("alleged-class")
        return _alleged(alleged)
    node.allow(
        "name", "title", "kinds", "roles", "recipients", "purposes", "used", "sent",
        "subscribed", "regions",
    )  # fmt: skip
    title, used, sent = node.maybe("title"), node.maybe("used"), node.maybe("sent")
    subscribed = node.maybe("subscribed")
    return Cohort(
        name=node.get("name").text(),
        title=title.text() if title else "",
        kinds=frozenset(n.text() for n in node.list("kinds")),
        roles=frozenset(n.text() for n in node.list("roles")),
        recipients=tuple(n.text() for n in node.list("recipients")),
        purposes=tuple(n.text() for n in node.list("purposes")),
        used=used.interval() if used else Interval(),
        sent=sent.interval() if sent else Interval(),
        subscribed=subscribed.choice({s: s for s in SUBSCRIBED}) if subscribed else None,
        regions=frozenset(n.text() for n in node.list("regions")),
    )


def _alleged(node: _Node) -> Cohort:
    node.allow("before", "subscribed", "third_parties")
    subscribed, third = node.maybe("subscribed"), node.maybe("third_parties")
    before = node.get("before").instant()
    when = subscribed.choice({s: s for s in SUBSCRIBED}) if subscribed else "at-use"
    if third:
        names = tuple(n.text() for n in third.items())
        return alleged_class(before, subscribed=when, third_parties=names)
    return alleged_class(before, subscribed=when)


def _pack(node: _Node) -> RulePack:
    name = node.maybe("pack")
    pack = name.choice(PACKS) if name else US_PRIVATE_MESSAGES
    readings = node.maybe("readings")
    return pack.only(tuple(n.text() for n in readings.items())) if readings else pack


@dataclass(frozen=True, slots=True)
class _Node:
    """One place of the file; every question it cannot answer is an error with its line."""

    node: yaml.Node
    file: str

    @property
    def where(self) -> str:
        return f"{self.file}:{self.node.start_mark.line + 1}"

    def wrong(self, message: str, hint: str | None = None) -> InputError:
        return InputError(message, code="case.malformed", where=self.where, hint=hint)

    def guarded(self, make: Callable[[_Node], T]) -> T:
        """Run `make`; an error of a record that knows no line gets this one."""
        try:
            return make(self)
        except InputError as error:
            if error.where is not None and error.where.startswith(self.file):
                raise
            raise InputError(
                error.message, code=error.code, where=self.where, hint=error.hint
            ) from None

    def fields(self) -> dict[str, _Node]:
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong("expected fields here")
        found: dict[str, _Node] = {}
        for key, value in self.node.value:
            name = _Node(key, self.file).text()
            if name in found:
                raise _Node(key, self.file).wrong(f"the field {name!r} stands here twice")
            found[name] = _Node(value, self.file)
        return found

    def allow(self, *names: str) -> None:
        for key in self.fields():
            if key not in names:
                raise InputError(
                    f"unknown field {key[:40]!r}",
                    code="input.unknown-field",
                    where=self._line_of(key),
                    hint="fields: " + ", ".join(names),
                )

    def _line_of(self, name: str) -> str:
        keys = [_Node(key, self.file) for key, _ in self.node.value]
        return next(key.where for key in keys if key.text() == name)

    def get(self, name: str) -> _Node:
        found = self.maybe(name)
        if found is None:
            raise self.wrong(f"the field {name!r} is missing")
        return found

    def required(self, name: str, needed: bool) -> _Node | None:  # noqa: FBT001
        return self.get(name) if needed else self.maybe(name)

    def maybe(self, name: str) -> _Node | None:
        found = self.fields().get(name)
        return None if found is None or found.is_null() else found

    def items(self) -> list[_Node]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong("expected a list here")
        return [_Node(item, self.file) for item in self.node.value]

    def list(self, name: str) -> list[_Node]:
        found = self.maybe(name)
        return found.items() if found else []

    def texts(self, name: str) -> dict[str, str]:
        found = self.maybe(name)
        return {key: value.text() for key, value in found.fields().items()} if found else {}

    def is_text(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode)

    def is_null(self) -> bool:
        plain = isinstance(self.node, yaml.ScalarNode) and self.node.style is None
        return plain and self.node.value in {"", "~", "null"}

    def text(self) -> str:
        if not isinstance(self.node, yaml.ScalarNode) or self.is_null():
            raise self.wrong("expected one value here")
        return str(self.node.value)

    def instant(self) -> datetime:
        return self.guarded(lambda node: parse_instant(node.text()))

    def interval(self, *also: str) -> Interval:
        """Read `from` (in) and `to` (out), either of which may be absent, beside `also`."""
        self.allow("from", "to", *also)
        start, end = self.maybe("from"), self.maybe("to")
        first, last = start.instant() if start else None, end.instant() if end else None
        return self.guarded(lambda _: Interval(first, last))

    def flag(self) -> bool:
        if self.text() not in _TRUE | _FALSE:
            raise self.wrong("expected on or off (or true or false) here")
        return self.text() in _TRUE

    def count(self) -> int:
        if not (self.text().isascii() and self.text().isdigit()):
            raise self.wrong("expected a whole number, 0 or more, here")
        return int(self.text())

    def choice(self, known: dict[str, T]) -> T:
        if self.text() not in known:
            raise self.wrong(
                f"{self.text()[:40]!r} is not known here", hint="known: " + ", ".join(known)
            )
        return known[self.text()]


def _read(text: str, name: str) -> _Node:
    if len(text) > MAX_CASE_BYTES:
        raise InputError("a case file is at most 1 MiB", code="case.malformed", where=name)
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = name if mark is None else f"{name}:{mark.line + 1}"
        raise InputError("not YAML", code="case.malformed", where=where) from None
    if node is None:
        raise InputError("the case file is empty", code="case.malformed", where=name)
    return _Node(node, name)
