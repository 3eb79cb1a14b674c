"""`byleave.check_contract`: read the files, hold the contract against every row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from byleave.gate.contract import parse_contract
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import default_taxonomy
from byleave.service.contract_check import ContractCheck
from byleave.service.contract_check import check_contract as _check
from byleave.wiring.row_files import open_rows, text_of

__all__ = ["check_contract"]


def check_contract(
    contract: str | Path,
    *data: str | Path,
    taxonomy: str | Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> ContractCheck:
    """Say whether a contract fits its data, and what would make rows drop; store nothing.

    Args:
        contract: Data-set contract (docs/spec/contract.md).
        *data: Parquet or CSV files of one data set, at least one.
        taxonomy: Your own terms beside the shipped ones.
        progress: Called with what is going on, rows done and rows in all.

    Raises:
        InputError: `input.not-found`; `data.unreadable`; `data.schema-drift`; `contract.*`.
    """
    trees = default_taxonomy()
    if taxonomy is not None:
        trees = trees.extend(read_mapping(text_of(taxonomy), name=Path(taxonomy).name))
    agreed = parse_contract(text_of(contract), name=Path(contract).name)
    sources = [open_rows(path, agreed) for path in data]
    return _check(agreed, sources, taxonomy=trees, progress=progress)
