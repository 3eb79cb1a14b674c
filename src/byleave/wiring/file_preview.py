"""`byleave.preview`: read the files, ask the clock, pick the engine; store nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from byleave.engines.arrow import ArrowEngine
from byleave.gate.contract import parse_contract
from byleave.ids import parse_instant
from byleave.policy.ruleset import PartyRule, default_rules
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import default_taxonomy
from byleave.service.consent_table import read_consent_table
from byleave.service.preview import PreviewResult
from byleave.service.preview import preview as _preview
from byleave.wiring.row_files import CSV_ENDINGS, existing_file, open_rows, text_of, unreadable

__all__ = ["preview"]


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
    compare_rules: Sequence[str | Path] = (),
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
        compare_rules: Other rulesets, each beside the shipped ones, to count the same rows under.
        reason: Show rows with this reason.
        sample: How many.
        progress: Called with what is going on, rows done and rows in all.

    Raises:
        InputError: `input.not-found`; `data.unreadable`; `contract.*`; `consent.*`; `use.*`;
            `gate.region-column`.
    """
    trees, book = default_taxonomy(), default_rules()
    if taxonomy is not None:
        trees = trees.extend(read_mapping(text_of(taxonomy), name=Path(taxonomy).name))
    if rules is not None:
        book = book.extend(read_mapping(text_of(rules), name=Path(rules).name))
    trees.scope(use)
    agreed = parse_contract(text_of(contract), name=Path(contract).name)
    table = read_consent_table(
        _consent(consent),
        name=Path(consent).name,
        taxonomy=trees,
        region_column=region_column,
    )
    instant = datetime.now(UTC).replace(microsecond=0) if at is None else at
    return _preview(
        open_rows(path, agreed),
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
        compare_rules={
            Path(file).name: default_rules().extend(
                read_mapping(text_of(file), name=Path(file).name)
            )
            for file in compare_rules
        },
        progress=progress,
    )


def _consent(path: str | Path) -> pa.Table:
    file = existing_file(path)
    try:
        if file.suffix.lower() not in CSV_ENDINGS:
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
        raise unreadable(file, "neither a consent table in CSV nor one in Parquet") from error
