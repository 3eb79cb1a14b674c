"""The kinds of log entry, under the name that those who write the log look for.

Defined in `byleave.evidence.entry`, because the verifier reads them and may not import `tlog`.
"""

from __future__ import annotations

from byleave.evidence.entry import (
    ENTRY_KINDS,
    MAX_ENTRY_BYTES,
    ConsentEventEntry,
    ConsentImportEntry,
    DisclosureEntry,
    EnrolmentEntry,
    Entry,
    GateEntry,
    NoticeEntry,
    PolicyDocumentEntry,
    RecallEntry,
    RecipeEntry,
    ReleaseEntry,
    RulesetEntry,
    SnapshotEntry,
    SourceEntry,
    TaxonomyEntry,
    UnlearningEntry,
    parse_entry,
)

__all__ = [
    "ENTRY_KINDS",
    "MAX_ENTRY_BYTES",
    "ConsentEventEntry",
    "ConsentImportEntry",
    "DisclosureEntry",
    "EnrolmentEntry",
    "Entry",
    "GateEntry",
    "NoticeEntry",
    "PolicyDocumentEntry",
    "RecallEntry",
    "RecipeEntry",
    "ReleaseEntry",
    "RulesetEntry",
    "SnapshotEntry",
    "SourceEntry",
    "TaxonomyEntry",
    "UnlearningEntry",
    "parse_entry",
]
