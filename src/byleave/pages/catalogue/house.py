"""The operator's pages; in English only."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    # the operator's overview
    "house.title": "What is due, what was done",
    "house.members": "{members} members",
    "house.tainted": "Overdue: releases that may not be served",
    "house.tainted-none": "No release is past its date.",
    "house.unlearn": "Releases with rows to unlearn",
    "house.unlearn-none": "No release holds a row that is no longer admitted.",
    "house.recall": "Packages with rows to recall",
    "house.recall-none": "No package holds a row that is no longer admitted.",
    "house.gates": "The gate, newest first",
    "house.gates-none": "The gate has not run yet: byleave gate run.",
    "house.gate-kept": "{kept} of {rows} rows kept",
    "house.releases": "Releases, newest first",
    "house.releases-none": "Nothing was released yet: byleave release publish.",
    "house.packages": "Packages, newest first",
    "house.packages-none": "Nothing was offered to a recipient yet: byleave disclosure offer.",
    "house.look": "Look at one member's data",
    "house.look-why": "Each look is logged with your name and reason, before the page opens.",
    "house.look-member": "Member",
    "house.look-reason": "Reason",
    "house.look-go": "Log this and look",
    "house.looks": "Who looked at members' data, newest first",
    "house.looks-none": "Nobody looked.",
    "house.column-at": "When",
    "house.column-due": "Due",
    "house.column-exact": "Exact",
    "house.column-index": "Log entry",
    "house.column-member": "Member no.",
    "house.column-members": "Members",
    "house.column-name": "Name",
    "house.column-package": "Package",
    "house.column-recipient": "Recipient",
    "house.column-release": "Release",
    "house.column-rows": "Rows",
    "house.column-since": "Since",
    "house.column-snapshot": "Snapshot",
    "house.column-state": "State",
    "house.column-superseded_by": "Replaced by",
    "house.column-trainer": "Trainer",
    "house.column-who": "Who",
    "house.column-why": "Why",
}
"""Key → sentence."""
