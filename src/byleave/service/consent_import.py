"""Import choices from a consent platform: in parts that land whole, and can be gone on with.

What was said keeps its instant as evidence and takes effect when it is recorded (DESIGN §6). Rows
are recorded in the order in which they were said. A part (131,072 rows) is one transaction: its
enrolments, its events, their log entries, and the mark how far it came; whatever stops the import
loses at most the part at hand, and the same file given again goes on from the mark. A choice that
the ledger holds already is counted and not recorded again.

The workspace's lock is held for a part at a time. Others write between two: what they wrote is
looked at before the next one, so that no older yes comes into effect over a no that was said
meanwhile, and nobody is taken for who they were before an erasure ([decision 51]
(../../../docs/decisions/0051-whatever-reads-many-rows-computes-beside.md)).

The mark counts the rows that could be read. Where the same file reads otherwise by now (a notice or
a term was published, an instant has passed, strangers are enrolled after all), its numbers mean
other rows: the file is then imported anew, and what it brought before is held already.

Columnar: the one Python step per event is the hash of its commitment.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256 as hasher
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.canonical import Json
from byleave.consent.batch import EventBatch
from byleave.consent.event import EventKind, EvidenceGrade
from byleave.consent.import_table import ImportRows, order_of
from byleave.errors import ConflictError
from byleave.evidence.commitment_entries import CommitmentEntries
from byleave.evidence.enrolment import SECRET_BYTES, TAG_EVENT, import_commitment
from byleave.evidence.entry import ConsentEventEntry, ConsentImportEntry
from byleave.gate.members import MemberIndex
from byleave.ids import Digest, format_instant, from_us, to_us
from byleave.service.clock import ledger_now
from byleave.service.enrol import enrol_new
from byleave.service.house import House, LedgerWriter
from byleave.service.import_held import held_already, of_imports, overtaken
from byleave.service.instants import instant_texts

__all__ = ["PART_ROWS", "Imported", "find_import", "import_rows", "list_imports"]

PART_ROWS: Final = 1 << 17
_ALL_MEMBERS_SHARE: Final = 16
"""Read the whole list of members where the file names at least one in so many of them."""

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How far an import came.

    Attributes:
        name: Its id.
        rows: Rows that could be read.
        events: Events it recorded, in all its runs.
        duplicates: Rows the ledger, or the file itself, held already.
        enrolled: Members it enrolled.
        rejected: (line, reason) of rows left out.
        grades: Events by evidence grade.
        kinds: Events by kind.
        resumed_at: Row it went on from; 0: from the start; None: it was finished already.
    """

    name: str
    rows: int
    events: int
    duplicates: int
    enrolled: int
    rejected: tuple[tuple[int, str], ...]
    grades: dict[str, int]
    kinds: dict[str, int]
    resumed_at: int | None

    def to_dict(self) -> dict[str, Json]:
        """Return it for `--json`; rejected rows as numbers by reason."""
        reasons: dict[str, int] = {}
        for _, reason in self.rejected:
            reasons[reason] = reasons.get(reason, 0) + 1
        return {
            "import": self.name,
            "rows": self.rows,
            "events": self.events,
            "duplicates": self.duplicates,
            "enrolled": self.enrolled,
            "rejected": len(self.rejected),
            "rejected_by_reason": reasons,
            "grades": self.grades,
            "kinds": self.kinds,
            "resumed_at": self.resumed_at,
        }


def find_import(house: House, source: Digest, reading: Digest | None = None) -> str | None:
    """Return the id of the last import of a file, by its digest; None: never imported.

    Args:
        house: The workspace's ports.
        source: Digest of the file.
        reading: What `reading_of` says of the file now: an import that read it otherwise is another
            one; None: whatever it read. Imports of before this was kept count as read the same.
    """
    same = [
        (name, document.get("reading"))
        for _, name, _, document in house.ledger.objects("import")
        if document["source"] == source.hex()
    ]
    if not same or (reading is not None and same[-1][1] not in {None, reading.hex()}):
        return None
    return same[-1][0]


def reading_of(rows: ImportRows, *, enrol: bool) -> Digest:
    """Return a digest of which rows could be read, as what, and whether strangers are enrolled.

    Of one file it changes with what is published here and with the clock, not with the file.
    """
    used, notice = np.unique(rows.notice, return_inverse=True)
    names = [rows.notices[code] for code in used.tolist() if code >= 0]
    hashed = hasher(json.dumps(["byleave/import-reading/v1", enrol, *names]).encode())
    for column in (rows.line, rows.kind, rows.grade, notice.ravel() - int((used < 0).sum())):
        hashed.update(np.ascontiguousarray(column).tobytes())
    return Digest(hashed.digest())


def list_imports(house: House) -> list[dict[str, Any]]:
    """Return every import's document with how far it came, oldest first.

    `anew` names the last import of the same file, where that file was read otherwise since.
    """
    parts = house.ledger.objects("import-part")
    found = []
    imports = house.ledger.objects("import")
    last = {document["source"]: name for _, name, _, document in imports}
    for index, name, _, document in imports:
        own = [d for _, part, _, d in parts if part.rsplit("/", 1)[0] == name]
        done = max([d["next"] for d in own], default=0)
        found.append(
            {
                "import": name,
                "index": index,
                "file": document["file"],
                "form": document["form"],
                "rows": document["rows"],
                "done": done,
                "events": sum(d["events"] for d in own),
                "duplicates": sum(d["duplicates"] for d in own),
                "enrolled": sum(d["enrolled"] for d in own),
                "finished": done >= document["rows"],
                "anew": None if (new := last[document["source"]]) == name else new,
            }
        )
    return found


def import_rows(
    house: House,
    rows: ImportRows,
    *,
    source: Digest,
    file: str,
    form: str,
    name: str | None = None,
    enrol: bool = True,
    part_rows: int = PART_ROWS,
) -> Imported:
    """Record the rows, from where an earlier run of the same file stopped.

    Args:
        house: The workspace's ports.
        rows: What `read_import_table` read.
        source: SHA-256 of the file's bytes, and of the mapping's where there is one.
        file: The file's name, for people.
        form: `table`, `ketch/v1`, `didomi/v2`.
        name: Id of the import; default `import-N`.
        enrol: Whether members the ledger does not know are enrolled, or their rows left out.
        part_rows: Rows per transaction.

    Raises:
        ConflictError: `consent.import-changed`, an import of that name had another file;
            `workspace.moved`, another process went on with it meanwhile.
    """
    reading = reading_of(rows, enrol=enrol)
    known = find_import(house, source, reading)
    header = None if name is None else house.ledger.object("import", name)
    if header is not None and header[2]["source"] != source.hex():
        raise ConflictError(f"import {name!r} was of another file", code="consent.import-changed")
    done = 0
    if known is None:
        document = {"file": file, "form": form, "reading": reading.hex()}
        known = _begin(house, rows, source, document, name if header is None else None)
    else:
        state = next(i for i in list_imports(house) if i["import"] == known)
        done = state["done"]
        if state["finished"]:
            return _summary(house, known, rows, resumed_at=None, left_out=())
    with house.aside(rules=False, erased=False):
        job = _Job(house, known, source, rows, enrol=enrol)
    total = len(rows)
    start = done
    while done < total:
        end = min(done + part_rows, total)
        job.part(done, end)
        done = end
        with house.aside(rules=False, erased=False):
            house.progress("choices imported", done, total)
    if total == 0:
        job.part(0, 0)
    return _summary(house, known, rows, resumed_at=start, left_out=tuple(job.left_out))


def _begin(
    house: House, rows: ImportRows, source: Digest, known_by: dict[str, Any], name: str | None
) -> str:
    known = name or f"import-{len(house.ledger.objects('import')) + 1}"
    salt = house.random(SECRET_BYTES)
    commitment = import_commitment(salt, source)
    document: dict[str, Any] = known_by | {
        "rows": len(rows),
        "source": source.hex(),
        "salt": salt.hex(),
    }
    entry = ConsentImportEntry(name=known, source=commitment, first=0, rows=0, events=0)
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object(
            "import", known, index=index, at_us=to_us(ledger_now(house)), document=document
        )
    return known


def _summary(
    house: House,
    name: str,
    rows: ImportRows,
    *,
    resumed_at: int | None,
    left_out: tuple[tuple[int, str], ...],
) -> Imported:
    parts = [
        document
        for _, part, _, document in house.ledger.objects("import-part")
        if part.rsplit("/", 1)[0] == name
    ]
    stored = [(line, reason) for part in parts for line, reason in part["left_out"]]
    del left_out

    def sums(field: str) -> dict[str, int]:
        total: dict[str, int] = {}
        for part in parts:
            for word, count in part[field].items():
                total[word] = total.get(word, 0) + count
        return total

    return Imported(
        name=name,
        rows=len(rows),
        events=sum(part["events"] for part in parts),
        duplicates=sum(part["duplicates"] for part in parts),
        enrolled=sum(part["enrolled"] for part in parts),
        rejected=tuple(sorted([*rows.rejected, *stored])),
        grades=sums("grades"),
        kinds=sums("kinds"),
        resumed_at=resumed_at,
    )


class _Job:
    """One run of an import: the rows in order, members resolved, what the ledger held before."""

    def __init__(
        self, house: House, name: str, source: Digest, rows: ImportRows, *, enrol: bool
    ) -> None:
        self._house = house
        self._name = name
        self._rows = rows
        self._enrol = enrol
        header = house.ledger.object("import", name)
        salt = bytes.fromhex(header[2]["salt"]) if header else bytes(SECRET_BYTES)
        self._source = import_commitment(salt, source)
        self._before = [
            before
            for _, before, _, document in house.ledger.objects("import")
            if document["source"] == source.hex() and before != name
        ]
        self._order: Longs = order_of(rows)
        self._ordinals: Longs = np.empty(0, np.int64)
        self._texts = [json.dumps(m, ensure_ascii=False) for m in rows.members.to_pylist()]
        self._codes: dict[str, int] = {}
        self._twice = np.zeros(len(rows), np.bool_)
        self._overtaken = np.zeros(len(rows), np.bool_)
        self.left_out: list[tuple[int, str]] = []
        self._look()

    def part(self, start: int, end: int) -> None:
        """Record rows [start, end) of the order of import, all or none."""
        rows, house = self._rows, self._house
        self._look_again(start)
        taken = self._order[start:end]
        strangers = self._ordinals[rows.member[taken]] < 0
        unknown = strangers if not self._enrol else np.zeros(len(taken), np.bool_)
        overtaken = self._overtaken[taken]
        twice = self._twice[taken] & ~unknown
        left_out = [
            *((int(line), "member-unknown") for line in rows.line[taken[unknown]]),
            *((int(line), "overtaken") for line in rows.line[taken[overtaken & ~twice & ~unknown]]),
        ]
        kept = taken[~(unknown | overtaken | twice)]
        now = ledger_now(house)
        salts = house.random(SECRET_BYTES * len(kept))
        codes = rows.member[kept]
        new = [str(rows.members[int(c)]) for c in dict.fromkeys(codes[self._ordinals[codes] < 0])]
        # Nothing of an event's entry depends on its place in the ledger, nor on its member's: so it
        # is hashed before the turn to write, in which others wait.
        ordinals = self._ordinals.copy()
        batch = self._batch(kept, ordinals, to_us(now), salts) if len(kept) else None
        entries = (
            house.ledger.prepared(self._entries(kept, batch, salts)) if batch is not None else ()
        )
        with house.ledger.writing() as writer:
            enrolled = self._enrol_new(writer, new, ordinals)
            entry = ConsentImportEntry(
                name=self._name,
                source=self._source,
                first=start,
                rows=end - start,
                events=len(kept),
            )
            index = writer.log(entry.encode())
            if batch is not None:
                first = writer.log_many(entries)
                batch = replace(batch, ordinal=ordinals[rows.member[kept]])
                writer.add_event_batch(first, batch)
            writer.add_object(
                "import-part",
                f"{self._name}/{start}",
                index=index,
                at_us=to_us(now),
                document={
                    "next": end,
                    "events": len(kept),
                    "duplicates": int((twice & ~unknown).sum()),
                    "enrolled": enrolled,
                    "left_out": [list(pair) for pair in sorted(left_out)],
                    "grades": _counts(rows.grade[kept], EvidenceGrade),
                    "kinds": _counts(rows.kind[kept], EventKind),
                },
            )
        self._ordinals = ordinals
        self.left_out += left_out
        self._mark()

    # -- members -----------------------------------------------------------------------------

    def _resolve(self) -> Longs:
        members, ledger = self._rows.members, self._house.ledger
        count = ledger.member_count()
        if len(members) * _ALL_MEMBERS_SHARE < count:
            found = ledger.ordinals(members.to_pylist())
            return np.array([found.get(m, -1) for m in members.to_pylist()], np.int64)
        return MemberIndex.of(ledger.member_ids()).resolve(members)

    def _enrol_new(self, writer: LedgerWriter, new: Sequence[str], ordinals: Longs) -> int:
        """Enrol those whom nobody else enrolled meanwhile; write everyone's ordinal down."""
        if not new:
            return 0
        codes = self._by_id()
        known = self._house.ledger.ordinals(new)
        missing = [member for member in new if member not in known]
        first = enrol_new(self._house, writer, missing)
        known.update(zip(missing, range(first, first + len(missing)), strict=True))
        for member in new:
            ordinals[codes[member]] = known[member]
        return len(missing)

    def _by_id(self) -> dict[str, int]:
        if not self._codes:
            self._codes = {m: i for i, m in enumerate(self._rows.members.to_pylist())}
        return self._codes

    # -- what the ledger held before, and what others wrote ------------------------------------

    def _mark(self) -> None:
        """Remember how far the ledger is known here."""
        ledger = self._house.ledger
        self._seen, self._count = ledger.size(), ledger.member_count()

    def _look(self) -> None:
        """Find the members, and which rows the ledger holds or has overtaken already."""
        ledger = self._house.ledger
        self._mark()
        self._erasures = len(ledger.objects("erasure"))
        self._ordinals = self._resolve()
        named = np.unique(self._ordinals[self._ordinals >= 0])
        is_few = len(named) * _ALL_MEMBERS_SHARE < self._count
        batch = ledger.events_columns(ordinals=named.tolist() if is_few else None)
        self._judge(batch.where(~of_imports(batch, [self._name])), self._order)

    def _look_again(self, start: int) -> None:
        """Take note of what others wrote since the last part; row `start` is next.

        Cost: the members of the file once, and the events and enrolments that came.

        Raises:
            ConflictError: `workspace.moved`.
        """
        ledger = self._house.ledger
        if ledger.size() == self._seen:
            return
        if ledger.object("import-part", f"{self._name}/{start}") is not None:
            raise ConflictError(
                "another process went on with this import meanwhile",
                code="workspace.moved",
                hint="run the command again: it goes on from where the import stands",
            )
        if len(ledger.objects("erasure")) != self._erasures:
            self._look()  # whoever was erased is nobody whom the file names
            return
        before, count = self._seen, self._count
        self._mark()
        if self._count > count:
            codes = self._by_id()
            for ordinal, member in enumerate(ledger.member_ids(first=count).to_pylist(), count):
                if member in codes:
                    self._ordinals[codes[member]] = ordinal
        batch = ledger.events_columns(after=before - 1)
        if len(batch):
            named = np.append(np.unique(batch.ordinal), -2)
            met = named[np.searchsorted(named[:-1], self._ordinals)] == self._ordinals
            rest = self._order[start:]
            self._judge(batch, rest[met[self._rows.member[rest]]])

    def _judge(self, batch: EventBatch, which: Longs) -> None:
        """Mark which of some rows a batch of others' events holds already, or has overtaken."""
        ordinal = self._ordinals[self._rows.member[which]]
        self._twice[which] |= held_already(batch, self._rows, which, ordinal, before=self._before)
        self._overtaken[which] |= overtaken(batch, self._rows, which, ordinal)

    # -- events ------------------------------------------------------------------------------

    def _batch(self, kept: Longs, ordinals: Longs, now_us: int, salts: bytes) -> EventBatch:
        rows = self._rows
        count = len(kept)
        names = [f"import:{self._name}", *(f"import:{self._name}:{c}" for c in rows.channels)]
        evidence = None
        if rows.evidence is not None:
            evidence = rows.evidence.take(pa.array(kept)).to_pylist()
        return EventBatch(
            index=np.zeros(count, np.int64),
            ordinal=ordinals[rows.member[kept]],
            kind=rows.kind[kept],
            scope=rows.scope[kept],
            effective_us=np.full(count, now_us, np.int64),
            recorded_us=np.full(count, now_us, np.int64),
            expires_us=rows.expires_us[kept],
            includes_past=rows.includes_past[kept],
            notice=rows.notice[kept],
            grade=rows.grade[kept],
            channel=(rows.channel[kept] + 1).astype(np.int32),
            original_us=rows.original_us[kept],
            salts=np.frombuffer(salts, np.uint8).reshape(count, SECRET_BYTES),
            scopes=tuple(str(s) for s in rows.scopes),
            notices=rows.notices,
            channels=tuple(names),
            evidence=evidence,
        )

    def _entries(self, kept: Longs, batch: EventBatch, salts: bytes) -> CommitmentEntries:
        """Return the log entries: canonical bytes of each document by template, hashed."""
        shape = np.stack(
            [
                batch.channel.astype(np.int64),
                batch.grade.astype(np.int64),
                batch.includes_past.astype(np.int64),
                batch.kind.astype(np.int64),
                batch.notice.astype(np.int64),
                batch.scope.astype(np.int64),
            ]
        )
        code = np.zeros(len(batch), np.int64)
        for row in shape:  # one number for each combination
            code = code * (int(row.max()) + 2) + row + 1
        _, first, which = np.unique(code, return_index=True, return_inverse=True)
        now = format_instant(from_us(int(batch.recorded_us[0])))
        parts = [_template(batch, tuple(column.tolist()), now) for column in shape[:, first].T]
        heads, middles, tails, ends = zip(*parts, strict=True)
        texts = self._texts
        expires = instant_texts(batch.expires_us, "null", '"%sZ"')
        original = instant_texts(batch.original_us, "", ',"original":"%sZ"')
        evidence = (
            [""] * len(batch)
            if batch.evidence is None
            else ["" if e is None else f'"evidence":{_json(e)},' for e in batch.evidence]
        )
        tag = bytes([TAG_EVENT])
        commitments = [
            hasher(
                tag
                + salts[at : at + 32]
                + (
                    f'{heads[t]}{more}"expires":{end}{middles[t]}{texts[m]}{tails[t]}{said}{ends[t]}'
                ).encode()
            ).digest()
            for at, t, more, end, m, said in zip(
                range(0, len(salts), 32),
                which.ravel().tolist(),
                evidence,
                expires,
                self._rows.member[kept].tolist(),
                original,
                strict=True,
            )
        ]
        return CommitmentEntries(ConsentEventEntry, b"".join(commitments))


def _template(batch: EventBatch, shape: tuple[int, ...], now: str) -> tuple[str, str, str, str]:
    """Return the constant parts of a document, between `evidence`, `expires`, `member`, `original`.

    Keys stand in their canonical order (`service.consent.event_document` has the same).
    """
    channel, grade, past, kind, notice, scope = shape
    named = "null" if notice < 0 else _json(batch.notices[notice])
    middle = (
        f',"grade":"{EvidenceGrade(grade).name.lower()}","includes_past":{_json(bool(past))},'
        f'"kind":"{EventKind(kind).name.lower()}","member":'
    )
    return (
        f'{{"channel":{_json(batch.channels[channel])},"effective":"{now}",',
        middle,
        f',"notice":{named}',
        f',"recorded":"{now}","scope":{_json(batch.scopes[scope])}}}',
    )


def _json(value: str | bool) -> str:  # noqa: FBT001 (any scalar of JSON)
    return json.dumps(value, ensure_ascii=False)


def _counts(values: npt.NDArray[np.uint8], kind: type[EventKind | EvidenceGrade]) -> Any:  # noqa: ANN401
    found, counts = np.unique(values, return_counts=True)
    return {kind(v).name.lower(): n for v, n in zip(found.tolist(), counts.tolist(), strict=True)}
