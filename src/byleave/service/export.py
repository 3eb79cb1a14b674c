"""Everything held about one member, as one zip file that is written while it is read.

GDPR art. 15 (access) and 20 (in a structured, commonly used, machine-readable form). What is not in
it, because it is somebody else's: who the other people of a message are beyond what the member saw
anyway, other members' choices, and model files, in which nobody's record can be pointed at.

Cost: of each source the parts that hold a row of theirs; memory is a batch of rows and one proof.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv

from byleave.consent.receipt_facts import Party
from byleave.errors import ByleaveError
from byleave.ids import format_instant
from byleave.service.answer import member_answer
from byleave.service.by_member import known_source, own_rows
from byleave.service.consent import history_facts
from byleave.service.consent_export import cells_for_csv, export_table
from byleave.service.directory import Provers
from byleave.service.held import Held
from byleave.service.house import House
from byleave.service.looks import looks_about
from byleave.service.prove import make_receipt, named_proof
from byleave.service.receipt import standard_receipt
from byleave.service.requests import list_requests

__all__ = ["export_member"]

_ROLES: Final = {1: "author", 2: "recipient"}
_STAMP: Final = (1980, 1, 1, 0, 0, 0)
_README: Final = """\
EVERYTHING HELD ABOUT YOU / ALLES, WAS ÜBER SIE GESPEICHERT IST

Made {at} by {operator}, from a log of {size} entries ({origin}).
Ausgestellt {at} von {operator}, aus einem Logbuch mit {size} Einträgen ({origin}).

choices.json, choices.csv   what you said, and when
                            was Sie wann gesagt haben
answer.json                 where your data went: timeline, uses, models, withdrawals
                            wohin Ihre Daten gegangen sind
receipt.jsonld              what you said as a consent record (ISO/IEC TS 27560), and what we may do
                            was Sie gesagt haben als Einwilligungsbeleg, und was wir tun dürfen
requests.json               what you asked us for / was Sie von uns verlangt haben
asked.json                  when we asked you something, and you put it off
                            wann wir Sie etwas gefragt haben und Sie es verschoben haben
looks.json                  who of us looked at your data, and why
                            wer von uns Ihre Daten angesehen hat, und warum
snapshots.json              which of your records stand in which training set
                            welche Ihrer Datensätze in welcher Trainingsmenge stehen
records/                    your records, one JSON object a line; "byleave_role" says whether you
                            wrote or got it / Ihre Datensätze, ein JSON-Objekt je Zeile
proofs/                     proofs about you; check them without us:
                            Nachweise über Sie; prüfen Sie sie ohne uns:
                            byleave verify FILE --trust trust.policy --receipt my.receipt
trust.policy                the keys of the log / die Schlüssel des Logbuchs
my.receipt                  PRIVATE: it holds a secret. Show it to nobody.
                            PRIVAT: Die Datei enthält ein Geheimnis. Zeigen Sie sie niemandem.

Not in here, because others own it: model files, other people's choices, copies that companies hold
which got your data (answer.json names them).
Nicht enthalten, weil es anderen gehört: Modelldateien, Entscheidungen anderer, Kopien bei Firmen,
die Ihre Daten bekommen haben (answer.json nennt sie).
"""
Facts = dict[str, Any]


class _Sink(io.RawIOBase):
    """Keeps what was written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 (a buffer)
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def take(self) -> bytes:
        """Return what was written since it was last taken."""
        taken, self._parts = b"".join(self._parts), []
        return taken


def export_member(
    house: House,
    member: str,
    *,
    operator: Party,
    trust: str,
    provers: Provers | None = None,
    asked: Sequence[Facts] = (),
) -> Iterator[bytes]:
    """Yield the parts of the zip file, in order.

    Args:
        house: The workspace's ports.
        member: Whose.
        operator: Who runs the platform, as receipts name it.
        trust: Text of the trust file.
        provers: What makes a directory's proofs; None: not installed, and none are in it.
        asked: When they were asked in context, and put it off (`wiring.asking`).

    Raises:
        InputError: `member.unknown`, before anything is written.
    """
    answer = member_answer(house, member)
    also = {"asked.json": _json(list(asked))}
    return _parts(house, member, answer, operator, trust, provers, also)


def _parts(
    house: House,
    member: str,
    answer: Facts,
    operator: Party,
    trust: str,
    provers: Provers | None,
    also: Mapping[str, bytes],
) -> Iterator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in (*_files(house, member, answer, operator, trust), *also.items()):
            file.writestr(_named(name), data)
            yield sink.take()
        for _, source, _, _ in house.ledger.objects("source"):
            with file.open(_named(f"records/{source}.jsonl"), "w", force_zip64=True) as stream:
                for lines in _records(house, source, member):
                    stream.write(lines)
                    yield sink.take()
        for proof in _proofs(answer):
            try:
                data = named_proof(house, proof, provers=provers)
            except ByleaveError:  # not to be had any more: what it needs was erased or recalled
                continue
            file.writestr(_named(f"proofs/{proof}.proof"), data)
            yield sink.take()
    yield sink.take()


def _files(
    house: House, member: str, answer: Facts, operator: Party, trust: str
) -> Iterator[tuple[str, bytes]]:
    head = answer["checkpoint"]
    readme = _README.format(
        at=answer["at"], operator=operator.name, size=head["size"], origin=head["origin"]
    )
    yield "README.txt", readme.encode()
    yield "choices.json", _json(history_facts(house, member))
    table = io.BytesIO()
    pcsv.write_csv(cells_for_csv(export_table(house, member=member)), table)
    yield "choices.csv", table.getvalue()
    yield "answer.json", _json(answer)
    if answer["choices"]:
        yield "receipt.jsonld", standard_receipt(house, member, operator=operator)
    yield "requests.json", _json(list_requests(house, member=member))
    yield "looks.json", _json(looks_about(house, member))
    yield "snapshots.json", _json(_snapshots(house, member))
    yield "trust.policy", trust.encode()
    yield "my.receipt", make_receipt(house, member)


def _snapshots(house: House, member: str) -> list[Facts]:
    """Return, for each sealed snapshot and package, which of its rows name the member, and as what."""
    row = house.ledger.member(member)
    held = Held(house, -1 if row is None else row[0])
    found = []
    for index, name, _, document in house.ledger.objects("snapshot"):
        own = held[name]
        found.append(
            {
                "snapshot": name,
                "index": index,
                "use": document["use"],
                "rows": [
                    {"row": number, "role": _ROLES.get(role, str(role))}
                    for number, role in zip(
                        own["row"].to_pylist(), own["role"].to_pylist(), strict=True
                    )
                ],
            }
        )
    return found


def _records(house: House, name: str, member: str) -> Iterator[bytes]:
    """Yield the rows of a source that a member is a party of, as JSON lines, batch by batch.

    Only row groups of the source that hold such a row are read.
    """
    source, own = known_source(house, name), own_rows(house, name, member)
    for span in source.groups():
        first, last = np.searchsorted(own.rows, [span.first_row, span.first_row + span.rows])
        if first == last:
            continue
        seen = span.first_row
        for batch in source.read(span):
            begin, end = np.searchsorted(own.rows, [seen, seen + batch.num_rows])
            found = batch.take(pa.array(own.rows[begin:end] - seen)).to_pylist()
            told = zip(own.rows[begin:end].tolist(), own.roles[begin:end].tolist(), strict=True)
            yield b"".join(
                _line({**record, "byleave_row": row, "byleave_role": _ROLES[role]})
                for (row, role), record in zip(told, found, strict=True)
            )
            seen += batch.num_rows


def _proofs(answer: Facts) -> list[str]:
    lines = [*answer["choices"], *answer["timeline"], *answer["releases"], *answer["withdrawals"]]
    lines += [row for withdrawal in answer["withdrawals"] for row in withdrawal["depths"]]
    return sorted({line["proof"] for line in lines if line.get("proof")})


def _named(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _STAMP)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (0o600 if name == "my.receipt" else 0o644) << 16
    return info


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_plain).encode() + b"\n"


def _line(record: Facts) -> bytes:
    return json.dumps(record, ensure_ascii=False, default=_plain).encode() + b"\n"


def _plain(value: object) -> object:
    """Write what JSON has no word for."""
    if isinstance(value, datetime):
        return format_instant(value) if value.tzinfo is not None else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return str(value)
    return str(value)
