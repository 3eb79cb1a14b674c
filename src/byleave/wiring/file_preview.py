"""`byleave.preview`: read the files, ask the clock, pick the engine; store nothing."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from byleave.engines.arrow import BATCH_ROWS, ArrowEngine
from byleave.errors import InputError
from byleave.gate.contract import Contract, parse_contract
from byleave.ids import parse_instant
from byleave.policy.ruleset import PartyRule, default_rules
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import default_taxonomy
from byleave.service.consent_table import read_consent_table
from byleave.service.preview import PreviewResult
from byleave.service.preview import preview as _preview

__all__ = ["preview"]

_CHUNK_BYTES: Final = 1 << 20
_CSV_ENDINGS: Final = (".csv", ".tsv", ".txt")


def preview(
    path: str | Path,
    *,
    contract: str | Path,
    consent: str | Path,
    use: str,
    region_column: str | None = None,
    at: str | datetime | None = None,
    party_rule: str | None = None,
    taxonomy: str | Path | None = None,
    rules: str | Path | None = None,
    reason: str | None = None,
    sample: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> PreviewResult:
    """Say what the gate would keep of one file, and store nothing.

    Args:
        path: The data, Parquet or CSV.
        contract: Data-set contract (docs/spec/contract.md).
        consent: Table with `member,use,decision`, CSV or Parquet, in the order of the ledger.
        use: `PURPOSE/CATEGORY/RECIPIENT`; the category may be a group, or `*`.
        region_column: Column of regions, in the consent table or else in the data.
        at: The instant of the decision; None: now.
        party_rule: `author`, `any` or `all` for everyone; None: by region, as the rulesets say.
        taxonomy: Your own terms beside the shipped ones.
        rules: Your own rulesets beside the shipped ones.
        reason: Show rows with this reason.
        sample: How many.
        progress: Called with what is going on, rows done and rows in all.

    Raises:
        InputError: `input.not-found`; `data.unreadable`; `contract.*`; `consent.*`; `use.*`;
            `gate.region-column`.
    """
    trees, book = default_taxonomy(), default_rules()
    if taxonomy is not None:
        trees = trees.extend(read_mapping(_text(taxonomy), name=Path(taxonomy).name))
    if rules is not None:
        book = book.extend(read_mapping(_text(rules), name=Path(rules).name))
    trees.scope(use)
    agreed = parse_contract(_text(contract), name=Path(contract).name)
    table = read_consent_table(
        _consent(consent),
        name=Path(consent).name,
        taxonomy=trees,
        region_column=region_column,
    )
    instant = datetime.now(UTC).replace(microsecond=0) if at is None else at
    return _preview(
        _open(path, agreed),
        contract=agreed,
        consent=table,
        use=use,
        at=parse_instant(instant) if isinstance(instant, str) else instant,
        taxonomy=trees,
        rules=book,
        engine=ArrowEngine(),
        region_column=region_column,
        party_rule=None if party_rule is None else PartyRule.parse(party_rule),
        reason=reason,
        sample=sample,
        progress=progress,
    )


@dataclass(frozen=True, slots=True)
class _ParquetRows:
    """`RowSource` over one Parquet file."""

    path: Path
    schema: pa.Schema
    rows: int | None
    sha256: str

    @property
    def name(self) -> str:
        return self.path.name

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        try:
            with pq.ParquetFile(self.path) as file:
                yield from file.iter_batches(BATCH_ROWS, columns=list(columns))
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.path, "not a whole Parquet file") from error


@dataclass(frozen=True, slots=True)
class _CsvRows:
    """`RowSource` over one CSV file; ids stay the text that was written (`007`)."""

    path: Path
    schema: pa.Schema
    rows: int | None
    sha256: str
    texts: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.name

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        try:
            with _open_csv(self.path, self.texts, columns) as reader:
                yield from reader
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(
                self.path, "not a CSV file with the same columns in each line"
            ) from error


def _open(path: str | Path, contract: Contract) -> _ParquetRows | _CsvRows:
    file = _existing(path)
    digest = _sha256(file)
    if file.suffix.lower() not in _CSV_ENDINGS:
        try:
            with pq.ParquetFile(file) as parquet:
                return _ParquetRows(file, parquet.schema_arrow, parquet.metadata.num_rows, digest)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(file, "not a whole Parquet file") from error
    texts = (contract.author, *contract.recipients, *contract.record_id)
    try:
        with _open_csv(file, texts, None) as reader:
            return _CsvRows(file, reader.schema, None, digest, texts)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, "not a CSV file") from error


def _open_csv(
    path: Path, texts: Sequence[str], columns: Sequence[str] | None
) -> pacsv.CSVStreamingReader:
    return pacsv.open_csv(
        path,
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(texts, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
            include_columns=None if columns is None else list(columns),
        ),
    )


def _consent(path: str | Path) -> pa.Table:
    file = _existing(path)
    try:
        if file.suffix.lower() not in _CSV_ENDINGS:
            return pq.read_table(file)
        data = file.read_bytes()
        header = pacsv.open_csv(io.BytesIO(data)).schema.names
        return pacsv.read_csv(
            io.BytesIO(data),
            parse_options=pacsv.ParseOptions(newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, "neither a consent table in CSV nor one in Parquet") from error


def _existing(path: str | Path) -> Path:
    file = Path(path)
    if not file.is_file():
        raise InputError(
            f"{file.name} is no file" if file.exists() else f"{file.name} does not exist",
            code="input.not-found",
            where=str(file),
        )
    return file


def _text(path: str | Path) -> str:
    file = _existing(path)
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text", code="input.malformed", where=file.name) from None


def _sha256(path: Path) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            hasher.update(chunk)
    return hasher.hexdigest()


def _unreadable(path: Path, wanted: str) -> InputError:
    return InputError(f"{path.name} is {wanted}", code="data.unreadable", where=str(path))
